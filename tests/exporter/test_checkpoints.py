import json
import os
import pickle
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from actors.errors import ExportError, UsageError
from exporter import checkpoints
from exporter.checkpoints import Checkpoint, load_weights, open_checkpoint
from exporter.layers import Linear


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    """An empty checkpoint folder."""
    return open_checkpoint(str(tmp_path), [])


class Payload:
    """Unpickled, it would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


def test_a_folder_is_named_by_its_model_card(tiny_checkpoint: Path) -> None:
    source = open_checkpoint(str(tiny_checkpoint), []).source
    assert (source.repo, source.revision, source.licence) == ("soprano-tiny", None, "apache-2.0")


def test_a_folder_without_a_model_card_is_named_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my model").mkdir()
    monkeypatch.chdir(tmp_path / "my model")
    for reference in (".", str(tmp_path / "my model"), "../my model"):
        source = open_checkpoint(reference, []).source
        assert (source.repo, source.revision, source.licence) == ("my model", None, None)


def test_a_model_card_need_not_say_anything(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# A model\n")
    assert open_checkpoint(str(tmp_path), []).source.repo == tmp_path.name


@pytest.mark.parametrize("head", ["license: [", "- a list"])
def test_a_damaged_model_card_is_an_export_error_that_names_it(tmp_path: Path, head: str) -> None:
    (tmp_path / "README.md").write_text(f"---\n{head}\n---\n")
    with pytest.raises(ExportError, match=r"README\.md"):
        open_checkpoint(str(tmp_path), [])


def test_a_home_folder_may_be_abbreviated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "model").mkdir()
    assert open_checkpoint("~/model", []).folder == tmp_path / "model"


@pytest.mark.parametrize(
    "reference", ["nonsense", "./missing", "../missing/model", "/missing/model", "~/missing-model", "a/b/c", "a/b/c@d"]
)
def test_what_is_neither_a_folder_nor_a_hub_id_is_a_usage_error(reference: str) -> None:
    with pytest.raises(UsageError, match="neither a folder nor a hub id like org/name"):
        open_checkpoint(reference, [])


@pytest.mark.parametrize("reference", ["org name/model", "org/mo del", "org/model..x", "org/-model@main", "org/"])
def test_an_impossible_hub_id_is_a_usage_error(reference: str) -> None:
    with pytest.raises(UsageError, match="checkpoint"):
        open_checkpoint(reference, [])


def test_a_hub_that_cannot_be_reached_is_a_usage_error_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(checkpoints, "model_info", refuse)
    with pytest.raises(UsageError, match=r"cannot download checkpoint 'org/model' .*no route to host.*HF_TOKEN; or pass"):
        open_checkpoint("org/model", [])


@pytest.mark.parametrize(("reference", "asked"), [("org/model", None), ("org/model@v2", "v2"), ("org/model@", None)])
def test_a_hub_id_is_pinned_to_its_commit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, reference: str, asked: str | None
) -> None:
    calls: list[object] = []

    def model_info(repo: str, revision: str | None) -> SimpleNamespace:
        calls.append((repo, revision))
        return SimpleNamespace(sha="c0ffee", card_data={"license": "mit"})

    def snapshot_download(repo: str, revision: str, allow_patterns: list[str]) -> str:
        calls.append((repo, revision, allow_patterns))
        return str(tmp_path)

    monkeypatch.setattr(checkpoints, "model_info", model_info)
    monkeypatch.setattr(checkpoints, "snapshot_download", snapshot_download)
    checkpoint = open_checkpoint(reference, ["config.json", "*.safetensors"])
    assert calls == [("org/model", asked), ("org/model", "c0ffee", ["config.json", "*.safetensors"])]
    source = checkpoint.source
    assert (source.repo, source.revision, source.licence) == ("org/model", "c0ffee", "mit")


def test_a_missing_file_is_an_export_error_that_lists_what_is_there(checkpoint: Checkpoint) -> None:
    with pytest.raises(ExportError, match=r"has no config\.json \(found: nothing\)"):
        checkpoint.json("config.json")
    (checkpoint.folder / "b.txt").touch()
    (checkpoint.folder / "a.txt").touch()
    for read in (checkpoint.path, checkpoint.json, checkpoint.safetensors, checkpoint.pickled):
        with pytest.raises(ExportError, match=r"has no missing\.bin \(found: a\.txt, b\.txt\)"):
            read("missing.bin")


def test_reads_json_objects(checkpoint: Checkpoint) -> None:
    (checkpoint.folder / "config.json").write_text('{"a": 1}')
    assert checkpoint.json("config.json") == {"a": 1}
    assert checkpoint.json("other.json", optional=True) == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"{", "is not JSON"), (b"\xff\xfe{}", "is not JSON"), (b"[]", "holds a list"), (b"null", "holds a NoneType")],
)
def test_what_is_no_json_object_is_an_export_error(checkpoint: Checkpoint, content: bytes, message: str) -> None:
    (checkpoint.folder / "config.json").write_bytes(content)
    with pytest.raises(ExportError, match=rf"config\.json {message}"):
        checkpoint.json("config.json", optional=True)


def test_reads_safetensors_as_float32(checkpoint: Checkpoint) -> None:
    save_file({"a": torch.ones(2, dtype=torch.bfloat16)}, checkpoint.folder / "model.safetensors")
    state = checkpoint.safetensors()
    assert state["a"].dtype == torch.float32
    assert state["a"].tolist() == [1, 1]


def test_reads_all_shards_that_the_index_names(checkpoint: Checkpoint) -> None:
    save_file({"a": torch.ones(1)}, checkpoint.folder / "one.safetensors")
    save_file({"b": torch.zeros(1), "c": torch.zeros(1)}, checkpoint.folder / "two.safetensors")
    weight_map = {"a": "one.safetensors", "b": "two.safetensors", "c": "two.safetensors"}
    (checkpoint.folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    assert sorted(checkpoint.safetensors()) == ["a", "b", "c"]


def test_reads_a_pickled_state_dict_as_float32(checkpoint: Checkpoint) -> None:
    torch.save({"a": torch.ones(2, dtype=torch.float16)}, checkpoint.folder / "model.pth")
    assert checkpoint.pickled("model.pth")["a"].dtype == torch.float32


@pytest.mark.parametrize("content", [[torch.ones(1)], {"a": 1}, {"state": {"a": torch.ones(1)}}])
def test_a_pickle_that_is_no_state_dict_is_an_export_error(checkpoint: Checkpoint, content: object) -> None:
    torch.save(content, checkpoint.folder / "model.pth")
    with pytest.raises(ExportError, match="not a state dict of tensors"):
        checkpoint.pickled("model.pth")


@pytest.mark.parametrize("form", ["torch", "pickle"])
def test_a_pickle_that_runs_code_is_refused_and_not_run(checkpoint: Checkpoint, tmp_path: Path, form: str) -> None:
    victim = tmp_path / "victim"
    content = {"decoder.embed.weight": Payload(victim)}
    path = checkpoint.folder / "decoder.pth"
    if form == "torch":
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(ExportError, match=r"decoder\.pth"):
        checkpoint.pickled("decoder.pth")
    assert not victim.exists()


@pytest.mark.parametrize("name", ["decoder.pth", "model.safetensors"])
@pytest.mark.parametrize("size", [0, 100, 100_000])
def test_truncated_weights_are_an_export_error_that_names_the_file(
    tiny_checkpoint: Path, tmp_path: Path, name: str, size: int
) -> None:
    (tmp_path / name).write_bytes((tiny_checkpoint / name).read_bytes()[:size])
    checkpoint = open_checkpoint(str(tmp_path), [])
    with pytest.raises(ExportError, match=name):
        checkpoint.pickled(name) if name.endswith(".pth") else checkpoint.safetensors(name)


def test_weights_are_loaded_strictly_and_frozen() -> None:
    module = Linear(2, 3)
    load_weights(module, {"weight": torch.ones(2, 3)}, "somewhere")
    assert not module.weight.requires_grad
    assert not module.training


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({}, "Missing key"),
        ({"weight": torch.ones(2, 3), "bias": torch.ones(3)}, "Unexpected key"),
        ({"weight": torch.ones(3, 2)}, "size mismatch"),
    ],
)
def test_weights_that_do_not_fit_are_an_export_error(state: dict[str, torch.Tensor], message: str) -> None:
    with pytest.raises(ExportError, match=f"(?s)somewhere does not fit Linear.*{message}"):
        load_weights(Linear(2, 3), state, "somewhere")


def test_the_fixture_is_a_whole_checkpoint(tiny_checkpoint: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_checkpoint, tmp_path / "copy"))
    checkpoint = open_checkpoint(str(copy), [])
    assert checkpoint.json("config.json")["model_type"] == "qwen3"
    assert len(checkpoint.safetensors()) > 10
    assert len(checkpoint.pickled("decoder.pth")) > 10

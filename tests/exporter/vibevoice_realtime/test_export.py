import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from actors.bundle import Bundle, Layout, Source
from actors.errors import ExportError, UsageError
from actors.families.vibevoice_realtime.loop import Settings
from exporter.build import Export
from exporter.checkpoints import Checkpoint, open_checkpoint
from exporter.vibevoice_realtime import FILES, load, with_presets
from exporter.vibevoice_realtime import export as vibevoice_realtime

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def export(vibevoice_checkpoint: Path) -> Export:
    return load(open_checkpoint(str(vibevoice_checkpoint), FILES), "server")


@pytest.fixture
def copy(vibevoice_checkpoint: Path, tmp_path: Path) -> Path:
    """The tiny checkpoint in a folder of its own."""
    return Path(shutil.copytree(vibevoice_checkpoint, tmp_path / "checkpoint"))


def read(folder: Path, layout: Layout = "server") -> Export:
    return load(open_checkpoint(str(folder), FILES), layout)


def edit_config(folder: Path, edit: Edit) -> None:
    content = json.loads((folder / "config.json").read_bytes())
    edit(content)
    (folder / "config.json").write_text(json.dumps(content))


def edit_weights(folder: Path, edit: Edit) -> None:
    state = load_file(folder / "model.safetensors")
    edit(state)
    save_file(state, folder / "model.safetensors")


def test_prediction_head_is_the_originals(export: Export, vibevoice_oracle: Mapping[str, np.ndarray]) -> None:
    feeds = {
        "noisy_latent": vibevoice_oracle["head_noisy"],
        "timestep": vibevoice_oracle["head_t"].astype(np.int64),
        "conditioning": vibevoice_oracle["head_cond"],
    }
    velocity = export.named("prediction_head").graph.run(feeds)["predicted_noise"]
    np.testing.assert_allclose(velocity, vibevoice_oracle["head_out"], atol=1e-5)


def test_settings_are_those_that_the_worker_parses(export: Export) -> None:
    settings = export.settings
    assert isinstance(settings, Settings)
    assert (settings.lm_layers, settings.tts_layers, settings.frame_size) == (2, 4, 3200)
    assert settings.speech_bias_factor == pytest.approx(-0.0703125)


def test_bundle_holds_graphs_voices_and_tokenizer(vibevoice_bundle: Callable[..., Bundle]) -> None:
    bundle = vibevoice_bundle("fp32")
    bundle.verify()
    assert list(bundle.manifest.graphs) == ["lm", "tts_lm", "prediction_head", "latent_decoder", "acoustic_decoder"]
    assert bundle.manifest.voices == ["voiceA", "voiceB"]
    assert {"tokenizer.json", "negative.safetensors", "voices/voiceB.safetensors"} <= set(bundle.manifest.files)


def test_int8_is_measured_and_ends_are_heard_as_before(vibevoice_bundle: Callable[..., Bundle]) -> None:
    manifest = vibevoice_bundle("int8").manifest
    assert manifest.graphs["lm"].precision == manifest.graphs["tts_lm"].precision == "int8"
    measured = {(check.graph, check.metric): check.value for check in manifest.checks if check.case.startswith("int8")}
    assert measured["tts_lm", "eos_agreement"] > 0.9


def test_a_checkpoint_needs_neither_voices_nor_a_tokenizer(copy: Path) -> None:
    for name in ("voiceA.pt", "voiceB.pt", "tokenizer.json"):
        (copy / name).unlink()
    export = read(copy)
    assert (export.voices, dict(export.files)) == ([], {})


def test_a_checkpoint_of_the_hub_gets_the_tokenizer_that_the_original_names(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (copy / "tokenizer.json").rename(tmp_path / "tokenizer.json")
    (copy / "preprocessor_config.json").write_text('{"language_model_pretrained_name": "some/model"}')
    asked = []

    def download(repo: str, name: str) -> Path:
        asked.append((repo, name))
        return tmp_path / name

    monkeypatch.setattr(vibevoice_realtime, "download_file", download)
    source = Source(repo="org/name", revision="1234")
    assert load(Checkpoint(copy, source), "server").files["tokenizer.json"] == tmp_path / "tokenizer.json"
    assert asked == [("some/model", "tokenizer.json")]


def test_voices_of_another_folder_take_the_place_of_those_beside_the_checkpoint(export: Export, copy: Path) -> None:
    (copy / "voiceA.pt").unlink()
    replaced = with_presets(export, copy, "server")
    assert replaced.voices == ["voiceB"]
    assert set(replaced.files) == {"tokenizer.json", "negative.safetensors", "voices/voiceB.safetensors"}
    with pytest.raises(UsageError, match="has no voice"):
        with_presets(export, copy / "none", "server")


def test_every_weight_must_be_there_and_none_more(copy: Path) -> None:
    edit_weights(copy, lambda state: state.update(more=np.zeros(1, np.float32)))
    with pytest.raises(ExportError, match="says nothing about: more"):
        read(copy)
    edit_weights(copy, lambda state: (state.pop("more"), state.pop("tts_eos_classifier.fc2.bias")))
    with pytest.raises(ExportError, match=r"lacks the key 'tts_eos_classifier\.fc2\.bias'"):
        read(copy)


def test_a_weight_of_another_shape_is_an_export_error(copy: Path) -> None:
    edit_weights(
        copy, lambda state: state.update({"model.language_model.embed_tokens.weight": np.zeros((512, 63), np.float32)})
    )
    with pytest.raises(ExportError, match="does not fit TextLM"):
        read(copy)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda config: config.update(model_type="vibevoice"), "model_type is 'vibevoice'"),
        (lambda config: config.pop("diffusion_head_config"), "lacks a key"),
        (lambda config: config["decoder_config"].pop("rope_theta"), "lacks a key"),
        (lambda config: config["diffusion_head_config"].update(prediction_type="epsilon"), "prediction_type is 'epsilon'"),
        (lambda config: config["acoustic_tokenizer_config"].update(causal=False), "causal is False"),
    ],
)
def test_config_of_another_model_is_an_export_error(copy: Path, edit: Edit, message: str) -> None:
    edit_config(copy, edit)
    with pytest.raises(ExportError, match=message):
        read(copy)

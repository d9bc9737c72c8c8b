import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from actors.bundle import MANIFEST_NAME, Manifest, load_bundle
from actors.errors import BundleError, UsageError
from actors.families import FAMILIES
from actors.families.pocket_tts import loop as pocket_tts
from actors.families.soprano import loop as soprano
from actors.families.vibevoice_asr import loop as vibevoice_asr
from actors.families.vibevoice_realtime import loop as vibevoice_realtime
from actors.families.whisper import loop as whisper
from actors.models import check_choices, check_transcriber, clone_voice, int8_note, open_model, spoken_language
from actors.runtime.processor import Processor
from cluster.registry import EMBEDDED_ASR, embedded_folder

OLD, NEW = Processor("An old one", "avx2"), Processor("A new one", "avx512-vnni")


@pytest.fixture
def manifest() -> Manifest:
    return load_bundle(embedded_folder()).manifest


@pytest.mark.parametrize("family", [name for name, family in FAMILIES.items() if family.int8_gain])
def test_int8_pays_on_avx2_in_every_family_that_was_measured(family: str, manifest: Manifest) -> None:
    note = int8_note(manifest.model_copy(update={"family": family}), OLD)
    assert note is not None
    assert re.search(r"no VNNI \(An old one, avx2\): int8 is 1\.\d times as fast as fp32", note)


def test_where_int8_does_not_pay_the_note_says_how_fast_fp32_is(manifest: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAMILIES, "soprano", replace(FAMILIES["soprano"], int8_gain={"avx2": 0.8}))
    note = int8_note(manifest, OLD)
    assert note is not None
    assert "fp32 is 1.2 times as fast as int8, export the model in fp32" in note


def test_there_is_nothing_to_say_of_other_precisions_and_processors(manifest: Manifest) -> None:
    assert int8_note(manifest, NEW) is None
    assert int8_note(manifest, replace(OLD, kernels="sse4.1")) is None  # not measured
    assert int8_note(manifest.model_copy(update={"precision": "fp32"}), OLD) is None


# --- languages -----------------------------------------------------------------------------------------------------


def test_voices_speak_english_where_nothing_else_is_known(manifest: Manifest) -> None:
    assert spoken_language(manifest, None) == spoken_language(manifest, "anna") == "en"


@pytest.mark.parametrize(
    ("voice", "language"),
    [
        ("en-Carl_man", "en"),
        ("de-Spk0_man", "de"),
        ("in-Samuel_man", "en"),
        ("jp-Spk1_woman", "ja"),
        ("kr-Spk0_woman", "ko"),
        ("sp-Spk0_woman", "es"),
        ("pl-Spk1_woman", "pl"),
        ("voiceA", "en"),
        (None, "en"),
    ],
)
def test_presets_of_vibevoice_say_their_language(manifest: Manifest, voice: str | None, language: str) -> None:
    assert spoken_language(manifest.model_copy(update={"family": "vibevoice-realtime"}), voice) == language


# --- families ------------------------------------------------------------------------------------------------------


def test_a_model_of_a_family_that_this_version_lacks_says_what_to_do(tmp_path: Path) -> None:
    shutil.copytree(embedded_folder(), tmp_path / "bundle")
    edit(lambda document: document.update(family="kokoro"))(tmp_path / "bundle")
    bundle = load_bundle(tmp_path / "bundle")
    said = r"the family 'kokoro', which this version of Speechmill does not know \(it runs .*soprano.*use a newer version"
    for use in (
        lambda: open_model(bundle, threads=1, slots=1),
        lambda: check_choices(bundle.manifest, None, {}),
        lambda: check_transcriber(bundle.manifest, {}),
        lambda: clone_voice(bundle, "anna", np.zeros(16_000, np.float32), 16_000, tmp_path / "new"),
    ):
        with pytest.raises(BundleError, match=said) as caught:
            use()
        assert "xport" not in str(caught.value)


def test_what_a_model_cannot_do_is_a_usage_error_that_names_those_that_can(manifest: Manifest) -> None:
    hearing = load_bundle(embedded_folder(EMBEDDED_ASR)).manifest
    with pytest.raises(UsageError, match="is a vibevoice-asr model, which does not speak"):
        check_choices(hearing, None, {})
    with pytest.raises(UsageError, match="is a soprano model, which does not transcribe: use a vibevoice-asr or whisper one"):
        check_transcriber(manifest, {})
    with pytest.raises(UsageError, match="is a soprano model: only pocket-tts clones voices"):
        clone_voice(load_bundle(embedded_folder()), "anna", np.zeros(16_000, np.float32), 16_000, Path("new"))


# --- broken bundles ------------------------------------------------------------------------------------------------

Change = Callable[[Path], object]


def edit(change: Callable[[dict[str, Any]], object]) -> Change:
    """Return what changes a bundle's manifest."""

    def damage(folder: Path) -> None:
        document = json.loads((folder / MANIFEST_NAME).read_bytes())
        change(document)
        (folder / MANIFEST_NAME).write_text(json.dumps(document))

    return damage


def write(member: str, content: bytes) -> Change:
    return lambda folder: (folder / member).write_bytes(content)


def cut(member: str) -> Change:
    return lambda folder: (folder / member).write_bytes((folder / member).read_bytes()[:-1000])


def save_embedding(array: np.ndarray) -> Change:
    return lambda folder: np.save(folder / "embedding.npy", array)


def set_to(**values: Any) -> Change:
    return edit(lambda document: document["settings"].update(values))


def keep_weights_in(location: str) -> Change:
    """Return what has a graph read its weights elsewhere in its folder, where they are."""

    def damage(folder: Path) -> None:
        model = onnx.load(folder / "decoder.onnx", load_external_data=False)
        for tensor in model.graph.initializer:
            for entry in tensor.external_data:
                if entry.key == "location":
                    entry.value = location.format(folder=folder)
        onnx.save(model, folder / "decoder.onnx")
        shutil.copy(folder / "decoder.onnx.data", folder / "other.data")
        (folder / "link.data").symlink_to("other.data")
        shutil.copy(folder / "decoder.onnx.data", folder.parent / "outside.data")

    return damage


def garble_a_name(folder: Path) -> None:
    content = (folder / "decoder.onnx").read_bytes()
    (folder / "decoder.onnx").write_bytes(content.replace(b"MatMul", b"MatMu\xff"))


def is_a_voice_of_soprano(folder: Path) -> None:
    for name in ("decoder.onnx", "decoder.onnx.data"):
        shutil.copy(folder / name.replace("decoder", "speech_encoder"), folder / name)


PANIC = json.dumps(
    {
        "version": "1.0",
        "normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"},
        **dict.fromkeys(("truncation", "padding", "pre_tokenizer", "post_processor", "decoder")),
        "added_tokens": [],
        "model": {"type": "Unigram", "vocab": [], "unk_id": 0},
    }
).encode()


def words_of(vocabulary: dict[str, int]) -> Change:
    """Return what has a tokenizer know no other words."""
    model = {"type": "BPE", "vocab": vocabulary, "merges": [], "unk_token": "[UNK]"}
    return write("tokenizer.json", json.dumps({"version": "1.0", "added_tokens": [], "model": model}).encode())


PICKLE = (
    b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (583, 192), }".ljust(128)
    + b"cos\nsystem\n(S'x'\ntR."
)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (write("decoder.onnx", b"garbage"), r"decoder\.onnx is not an ONNX graph.*Export the model again"),
        (write("decoder.onnx", b""), r"decoder\.onnx is not an ONNX graph, or a part of one: it is empty"),
        (write("decoder.onnx", b"\x0a\x00"), r"decoder\.onnx cannot be opened.*Export the model again"),
        (cut("decoder.onnx"), r"decoder\.onnx is not an ONNX graph, or a part of one"),
        (cut("decoder.onnx.data"), r"decoder\.onnx cannot be opened"),
        (lambda folder: (folder / "decoder.onnx").unlink(), r"decoder\.onnx cannot be read: No such file"),
        (lambda folder: (folder / "decoder.onnx.data").unlink(), r"decoder\.onnx cannot be opened"),
        (edit(lambda document: document["graphs"].pop("decoder")), "has no graph 'decoder', which a vibevoice-asr model needs"),
        (is_a_voice_of_soprano, r"decoder\.onnx has other inputs than bundle\.json promises: .*input_values"),
        (set_to(hidden_size=191), "embedding"),
        (set_to(state_size=8861), r"speech_encoder\.onnx has 'conv_state' of size 8860, this model needs one of size 8861"),
        (edit(lambda document: document["graphs"]["decoder"]["outputs"].pop(0)), r"decoder\.onnx has no 'logits'"),
        (edit(lambda document: document["graphs"]["decoder"]["outputs"].pop()), r"decoder\.onnx has other outputs than"),
        (keep_weights_in("other.data"), r"keeps weights in 'other\.data', which bundle\.json does not list"),
        (keep_weights_in("link.data"), r"keeps weights in 'link\.data', which"),
        (keep_weights_in("../outside.data"), r"keeps weights in '\.\./outside\.data', which"),
        (keep_weights_in("./decoder.onnx.data"), "keeps weights in"),
        (keep_weights_in("{folder}/other.data"), "keeps weights in"),
        (keep_weights_in("*/_ORT_MEM_ADDR_/*"), "keeps weights in"),
        (garble_a_name, r"decoder\.onnx cannot be opened"),
        (write("tokenizer.json", b"{}"), r"tokenizer\.json is not a tokenizer: .*Export the model again"),
        (write("tokenizer.json", b""), "is not a tokenizer"),
        (write("tokenizer.json", b"\xff\xfe"), "is not a tokenizer"),
        (write("tokenizer.json", PANIC), "is not a tokenizer"),
        (words_of({}), "is not a tokenizer: .*not found in the vocabulary"),
        (words_of({"[UNK]": 583}), r"tokenizer\.json knows the token 583, and this model has 583: it is another model's"),
        (write("embedding.npy", b""), r"embedding\.npy is damaged"),
        (write("embedding.npy", b"garbage"), r"embedding\.npy is damaged"),
        (write("embedding.npy", PICKLE), r"embedding\.npy is damaged"),
        (cut("embedding.npy"), r"embedding\.npy is damaged"),
        (save_embedding(np.zeros((583, 191), np.float32)), r"embedding\.npy is float32 \[583, 191\]"),
        (save_embedding(np.zeros(())), r"embedding\.npy is float64 \[\]"),
        (set_to(hidden_size=193), r"embedding\.npy is"),
        (set_to(max_new_tokens=10**12), "max_new_tokens: Input should be less than"),
        (set_to(samples_per_frame=0), "samples_per_frame: Input should be greater than"),
        (set_to(loudness_dbfs=float("1e999")), "not a valid bundle|loudness_dbfs"),
        (set_to(stop_token_ids=[]), "stop_token_ids"),
        (set_to(stop_token_ids=[583]), "outside the vocabulary of 583"),
        (set_to(instruction="{duration:999999999.2f}"), "instruction: .*known are"),
        (set_to(instruction="{keys.__class__}"), "instruction: .*known are"),
        (set_to(instruction="{"), "instruction"),
        (edit(lambda document: document["settings"].clear()), "vocab_size: Field required"),
        (edit(lambda document: document.update(layout="portable")), "the engine runs 'server' bundles"),
    ],
)  # fmt: skip
def test_a_broken_bundle_is_one_sentence_that_says_what_is_wrong(
    tmp_path: Path, damage: Change, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(embedded_folder(EMBEDDED_ASR), tmp_path / "bundle")
    damage(tmp_path / "bundle")
    with pytest.raises(BundleError, match=message) as caught:
        open_model(tmp_path / "bundle", threads=1, slots=1)
    assert len(str(caught.value)) < 1500
    assert not capsys.readouterr().out


def test_whatever_a_family_raises_when_it_is_opened_is_the_bundles_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def open_badly(*_: object) -> None:
        raise KeyError("odd")

    monkeypatch.setitem(FAMILIES, "soprano", replace(FAMILIES["soprano"], open=open_badly))
    with pytest.raises(BundleError, match=r"cannot be opened as a soprano model: KeyError: 'odd'\. Export it again"):
        open_model(embedded_folder())


def test_slots_that_no_machine_has_room_for_are_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"slots of 1024 positions need .* GB, .*fewer slots"):
        open_model(embedded_folder(), threads=1, slots=10**9)


@pytest.mark.parametrize("module", [pocket_tts, soprano, vibevoice_asr, vibevoice_realtime, whisper])
def test_every_number_of_a_bundles_settings_has_bounds(module: Any) -> None:
    fields = module.Settings.model_json_schema()["properties"]
    numbers = {
        name: number
        for name, field in fields.items()
        for number in (field, field.get("items", {}), *field.get("anyOf", ()))
        if number.get("type") == "integer"
    }
    assert numbers
    for name, number in numbers.items():
        assert number.get("minimum", -1) >= 0, name
        assert number.get("maximum", number.get("exclusiveMaximum", 1 << 63)) <= 1 << 24, name
    assert module.Settings.model_config["allow_inf_nan"] is False


def test_a_folder_without_a_bundle_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"is not a bundle: it has no bundle\.json"):
        open_model(str(tmp_path))


def test_a_bare_name_is_a_model_though_a_folder_is_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "embedded").mkdir()
    monkeypatch.chdir(tmp_path)
    with open_model("embedded", threads=1, slots=1) as engine:
        assert engine.model.bundle.manifest.name == "embedded"

"""Components against what pocket-tts 4.0.1 computed, in both layouts and precisions."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from safetensors.numpy import load_file, save_file

torch = pytest.importorskip("torch", reason="reading a checkpoint needs the 'export' extra")

from actors.bundle import Bundle  # noqa: E402
from actors.errors import BundleError, ExportError, UsageError  # noqa: E402
from exporter.build import Export  # noqa: E402
from exporter.pocket_tts import find_checkpoint, load, with_voices  # noqa: E402

VARIANTS = ("lsd", "drifting", "pointwise")
TOLERANCE = 1e-4  # of the largest magnitude; measured: below 1e-5


def assert_close(actual: np.ndarray, expected: np.ndarray) -> None:
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= TOLERANCE * np.abs(expected).max()


@pytest.mark.parametrize("variant", VARIANTS)
class TestComponents:
    def test_text(self, variant: str, pocket_export: Callable[..., Export], pocket_oracle: Callable[[str], Any]) -> None:
        arrays = pocket_oracle(variant).arrays
        made = pocket_export(variant).named("text_conditioner").graph.run({"token_ids": arrays["text_ids"]})
        assert_close(made["embeddings"], arrays["text_emb"])

    def test_voice(self, variant: str, pocket_export: Callable[..., Export], pocket_oracle: Callable[[str], Any]) -> None:
        arrays = pocket_oracle(variant).arrays
        made = pocket_export(variant).named("mimi_encoder").graph.run({"audio": arrays["enc_wav"]})
        assert_close(made["latents"], arrays["voice_cond"])

    def test_flow(self, variant: str, pocket_export: Callable[..., Export], pocket_oracle: Callable[[str], Any]) -> None:
        arrays = pocket_oracle(variant).arrays
        times = {name: arrays[f"flow_{name}"] for name in ("s", "t") if f"flow_{name}" in arrays}
        feeds = {"c": arrays["flow_cond"], **times, "x": arrays["flow_x0"]}
        assert_close(pocket_export(variant).named("flow_lm_flow").graph.run(feeds)["flow_dir"], arrays["flow_dir"])


def test_portable_steps(pocket_bundle: Callable[..., Bundle], pocket_oracle: Callable[[str], Any]) -> None:
    """Plain ONNX Runtime, the public export's names: voice, text and latents behind each other, a state handed on."""
    bundle, arrays = pocket_bundle("lsd", layout="portable"), pocket_oracle("lsd").arrays
    settings = bundle.manifest.settings
    spec = bundle.manifest.graphs["flow_lm_main"]
    session, text = (
        ort.InferenceSession(bundle.path(bundle.manifest.graphs[key].file), providers=["CPUExecutionProvider"])
        for key in ("flow_lm_main", "text_conditioner")
    )
    (before_voice,) = text.run(None, {"token_ids": np.array([[settings["bos_before_voice_id"]]])})
    voice = np.concatenate((before_voice, arrays["voice_cond"]), axis=1)
    sizes = {"batch": 1, "max_length": 96}
    state = {
        tensor.name: np.zeros([axis if isinstance(axis, int) else sizes[axis] for axis in tensor.axes], tensor.dtype)
        for tensor in spec.inputs
        if tensor.name.startswith("state_")
    }
    none, no_text = (np.zeros((1, 0, settings[size]), np.float32) for size in ("latent_dim", "d_model"))
    latents = [(latent[None, None], no_text) for latent in arrays["step_in"][0]]
    calls = [(none, voice), (none, arrays["text_emb"]), *latents]
    made = []
    for sequence, embeddings in calls:
        hidden, logit, *carried = session.run(None, {"sequence": sequence, "text_embeddings": embeddings, **state})
        state = {f"state_{k}": array for k, array in enumerate(carried)}
        made.append((hidden[0], logit[0]))
    assert_close(np.array([hidden for hidden, _ in made[2:]]), arrays["step_hidden"])
    assert_close(np.array([logit for _, logit in made[2:]]), arrays["step_eos_logit"])


def test_the_portable_decoder_streams(pocket_bundle: Callable[..., Bundle], pocket_oracle: Callable[[str], Any]) -> None:
    bundle, arrays = pocket_bundle("lsd", layout="portable"), pocket_oracle("lsd").arrays
    spec = bundle.manifest.graphs["mimi_decoder"]
    session = ort.InferenceSession(bundle.path(spec.file), providers=["CPUExecutionProvider"])
    mean, deviation = (np.array(bundle.manifest.settings[f"latent_{part}"], np.float32) for part in ("mean", "std"))
    latents = (arrays["dec_latents"] - mean) / deviation
    state = {
        tensor.name: np.zeros([axis if isinstance(axis, int) else 1 for axis in tensor.axes], tensor.dtype)
        for tensor in spec.inputs
        if tensor.name.startswith("state_")
    }
    audio = []
    for i in range(latents.shape[1]):
        frame, *carried = session.run(None, {"latent": latents[:, i : i + 1], **state})
        audio.append(frame)
        state = {f"state_{k}": array for k, array in enumerate(carried)}
    assert_close(np.concatenate(audio, axis=2), arrays["dec_audio"])


def test_int8_and_fp16_are_measured_and_keep_what_voices_are_made_of(pocket_bundle: Callable[..., Bundle]) -> None:
    for precision in ("int8", "fp16"):
        manifest = pocket_bundle("lsd", precision).manifest
        assert manifest.graphs["flow_lm_main"].precision == precision
        assert manifest.graphs["mimi_encoder"].precision == manifest.graphs["text_conditioner"].precision == "fp32"
        measured = {(check.graph, check.metric): check for check in manifest.checks if check.case.startswith(precision)}
        assert measured["flow_lm_main", "eos_agreement"].value >= 0.9
        decoder = measured["mimi_decoder", "snr_db"]
        assert (decoder.floor, decoder.value >= 40) == (40.0, True)


class TestCheckpoint:
    @pytest.fixture
    def folder(self, tmp_path: Path, pocket_oracle: Callable[[str], Any]) -> Path:
        for path in pocket_oracle("drifting").folder.iterdir():
            if path.name not in ("oracle.npz", "meta.json"):
                (tmp_path / path.name).write_bytes(path.read_bytes())
        return tmp_path

    @pytest.mark.parametrize("key", ["flow_lm.out_norm.bias", "flow_lm.bos_before_voice", "mimi.upsample.convtr.convtr.weight"])
    def test_missing_keys_are_named(self, key: str, folder: Path) -> None:
        state = load_file(folder / "model.safetensors")
        del state[key]
        save_file(state, folder / "model.safetensors")
        with pytest.raises(ExportError, match=key.removeprefix("mimi.")):
            load(find_checkpoint(str(folder)), "server")

    def test_keys_left_over_are_named(self, folder: Path) -> None:
        state = load_file(folder / "model.safetensors")
        save_file({**state, "flow_lm.second_head.weight": np.zeros(1, np.float32)}, folder / "model.safetensors")
        with pytest.raises(ExportError, match=r"flow_lm\.second_head\.weight"):
            load(find_checkpoint(str(folder)), "server")

    def test_wrong_sizes_are_named(self, folder: Path) -> None:
        config = folder / "config.yaml"
        config.write_text(config.read_text().replace("z_dim: 16", "z_dim: 24"))
        with pytest.raises(ExportError, match="does not fit"):
            load(find_checkpoint(str(folder)), "server")

    @pytest.mark.parametrize("text", ["flow_lm: 3", "- a", "{", "flow_lm: {flow: {dim: 1, depth: 1, type: guessed}}"])
    def test_other_configs_are_refused(self, text: str, folder: Path) -> None:
        (folder / "config.yaml").write_text(text)
        with pytest.raises(ExportError, match="is not a config of pocket-tts"):
            load(find_checkpoint(str(folder)), "server")

    def test_voices_beside_it_come_along_and_others_can_take_their_place(self, folder: Path, tmp_path: Path) -> None:
        export = load(find_checkpoint(str(folder)), "server")
        assert export.voices == ["voice", "voice_b"]
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "anna.safetensors").write_bytes((folder / "voice.safetensors").read_bytes())
        replaced = with_voices(export, tmp_path / "mine", "server")
        assert replaced.voices == ["anna"]
        assert sorted(replaced.files) == ["tokenizer.json", "voices/anna.safetensors"]
        with pytest.raises(UsageError, match="has no voice"):
            with_voices(export, tmp_path / "nowhere", "server")

    def test_another_models_voice_is_refused(self, folder: Path, pocket_oracle: Callable[[str], Any]) -> None:
        (folder / "voice.safetensors").write_bytes((pocket_oracle("lsd").folder / "voice.safetensors").read_bytes())
        with pytest.raises(BundleError, match="another model's"):
            load(find_checkpoint(str(folder)), "server")

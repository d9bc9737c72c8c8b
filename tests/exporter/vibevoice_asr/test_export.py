"""Both checkpoint layouts, and a speech encoder whose chunks are the whole."""

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from actors.audio.level import normalise
from actors.bundle import Bundle, Precision
from actors.errors import ExportError

pytest.importorskip("torch", reason="reading a checkpoint needs the 'export' extra")

import torch
from safetensors.torch import load_file, save_file

from exporter.build import Export
from exporter.checkpoints import open_checkpoint
from exporter.vae import VAEConfig
from exporter.verify import open_graph
from exporter.vibevoice_asr import FILES, load
from exporter.vibevoice_asr.config import Config, read_config
from exporter.vibevoice_asr.modules import SpeechEncoder
from exporter.vibevoice_asr.weights import original_key

TINY = Path(__file__).parents[2] / "fixtures" / "vibevoice_asr_tiny"
HOP = 3200


@pytest.fixture(scope="module")
def encoder(asr_bundle: Callable[[Precision], Bundle]) -> ort.InferenceSession:
    return ort.InferenceSession(asr_bundle("fp32").path("speech_encoder.onnx"), providers=["CPUExecutionProvider"])


def original_config() -> dict[str, Any]:
    hub = json.loads((TINY / "config.json").read_bytes())

    def encoder(section: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "vae_dim": section["hidden_size"],
            "encoder_n_filters": section["num_filters"],
            "encoder_ratios": section["downsampling_ratios"][::-1],
            "encoder_depths": "-".join(map(str, section["depths"])),
            "layernorm_eps": section["rms_norm_eps"],
        }

    text = dict(hub["text_config"])
    text["rope_theta"] = text.pop("rope_parameters")["rope_theta"]
    return {
        "architectures": ["VibeVoiceForASRTraining"],
        "acoustic_tokenizer_config": encoder(hub["acoustic_tokenizer_encoder_config"]),
        "semantic_tokenizer_config": encoder(hub["semantic_tokenizer_encoder_config"]),
        "decoder_config": text,
    }


def copy_of(folder: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Path:
    shutil.copytree(TINY, folder)
    save_file(change(load_file(TINY / "model.safetensors")), folder / "model.safetensors")
    return folder


def test_both_layouts_are_the_same_model(tmp_path: Path) -> None:
    def rename(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        unused = {"model.acoustic_tokenizer.decoder.head.conv.conv.weight": torch.zeros(1)}
        return {original_key(key): tensor for key, tensor in weights.items()} | unused

    folder = copy_of(tmp_path / "original", rename)
    (folder / "config.json").write_text(json.dumps(original_config()))
    original = load(open_checkpoint(str(folder), FILES), "server")
    hub = load(open_checkpoint(str(TINY), FILES), "server")
    assert original.settings == hub.settings
    for part in hub.graphs:
        weights = original.named(part.graph.name).graph.module.state_dict()
        for key, tensor in part.graph.module.state_dict().items():
            assert torch.equal(weights[key], tensor), key


def test_names_of_the_hubs_layout_are_the_originals() -> None:
    """The pairs were found by loading the original's model class with a checkpoint of the hub's."""
    for hub, original in json.loads((TINY / "keys.json").read_bytes()).items():
        assert original_key(hub) == original == original_key(original)


def test_missing_and_left_over_weights_are_named(tmp_path: Path) -> None:
    name = "semantic_tokenizer_encoder.head.conv.bias"
    missing = copy_of(tmp_path / "a", lambda weights: {key: tensor for key, tensor in weights.items() if key != name})
    with pytest.raises(ExportError, match=re.escape(original_key(name))):
        load(open_checkpoint(str(missing), FILES), "server")
    more = copy_of(tmp_path / "b", lambda weights: {**weights, "extra.weight": torch.zeros(1)})
    with pytest.raises(ExportError, match=r"says nothing about: extra\.weight"):
        load(open_checkpoint(str(more), FILES), "server")


def test_a_matrix_of_another_shape_is_found_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.vibevoice_asr.weights._MAX_IN_MEMORY_BYTES", 0)
    name = "language_model.lm_head.weight"
    folder = copy_of(tmp_path / "a", lambda weights: weights | {name: weights[name][:-1].contiguous()})
    with pytest.raises(ExportError, match=r"lm_head.weight is \[64, 267\] there, config.json asks for \[64, 268\]"):
        load(open_checkpoint(str(folder), FILES), "server")


def test_a_config_of_another_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "qwen3"}')
    with pytest.raises(ExportError, match="not a VibeVoice-ASR model's"):
        read_config(open_checkpoint(str(tmp_path), FILES))


def test_the_real_sizes_are_those_of_the_paper_model() -> None:
    lm = read_config(open_checkpoint(str(TINY), FILES)).lm
    parts = [VAEConfig(latent, 32, (8, 5, 5, 4, 2, 2), (8, 3, 3, 3, 3, 3, 3), eps=1e-5) for latent in (64, 128)]
    with torch.device("meta"):
        encoder = SpeechEncoder(Config(lm, 3, False, *parts, {}, ()))
    assert encoder.state_size == 319_244
    assert sum(p.numel() for p in encoder.acoustic.parameters()) / 1e6 == pytest.approx(343.7, abs=0.1)
    assert sum(p.numel() for p in encoder.semantic.parameters()) / 1e6 == pytest.approx(344.6, abs=0.1)


def test_features_are_those_of_transformers_in_chunks_and_in_batches(
    encoder: ort.InferenceSession, asr_oracle: Mapping[str, Any]
) -> None:
    audio = [normalise(asr_oracle[f"wav{i}"], -25.0) for i in range(3)]
    frames = [-(-len(samples) // HOP) for samples in audio]
    batch = np.zeros((3, max(frames) * HOP), np.float32)
    for row, samples in zip(batch, audio, strict=True):
        row[: len(samples)] = samples
    batch = batch.reshape(3, -1, HOP)
    together, _ = encoder.run(None, {"input_values": batch, "conv_state": start(encoder, 3)})
    rows = [together[i, :count] for i, count in enumerate(frames)]
    np.testing.assert_allclose(np.concatenate(rows), asr_oracle["speech_features"], atol=1e-4)
    for size in (1, 7):
        for i, count in enumerate(frames):
            np.testing.assert_array_equal(in_chunks(encoder, batch[i : i + 1, :count], size), rows[i])


def test_audio_of_more_than_a_minute_loses_no_frame(encoder: ort.InferenceSession) -> None:
    audio = np.random.default_rng(0).standard_normal((1, 453, HOP)).astype(np.float32) * 0.05
    whole, _ = encoder.run(None, {"input_values": audio, "conv_state": start(encoder, 1)})
    assert whole.shape[1] == 453
    np.testing.assert_allclose(in_chunks(encoder, audio, 75), whole[0], atol=1e-4)


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8", "int4"])
def test_a_model_that_is_streamed_is_the_one_that_is_not(
    precision: Precision,
    asr_bundle: Callable[[Precision], Bundle],
    asr_export: Callable[..., Export],
    build: Callable[..., Bundle],
) -> None:
    export = asr_export("server", streamed=True)
    streamed = build(replace(export, graphs=[export.named("decoder")]), "streamed", precision)
    outputs = []
    for bundle in (streamed, asr_bundle(precision)):
        run = open_graph(str(bundle.path("decoder.onnx")))
        outputs.append(run(export.named("decoder").cases[0].feeds)["logits"])
    np.testing.assert_allclose(outputs[0], outputs[1], atol=1e-5)
    names = {check.case for check in streamed.manifest.checks if check.metric == "cosine"}
    assert ("module.lm_head.weight" in names) == (precision != "fp32")


def start(encoder: ort.InferenceSession, batch: int) -> np.ndarray:
    return np.zeros((batch, encoder.get_inputs()[1].shape[1]), np.float32)


def in_chunks(encoder: ort.InferenceSession, audio: np.ndarray, size: int) -> np.ndarray:
    state, parts = start(encoder, 1), []
    for first in range(0, audio.shape[1], size):
        part, state = encoder.run(None, {"input_values": audio[:, first : first + size], "conv_state": state})
        parts.append(part[0])
    return np.concatenate(parts)

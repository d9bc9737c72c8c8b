"""The server's graphs give transformers' spectrogram, keys and values; in int8 nearly."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from actors.bundle import Bundle, Layout, Precision

pytest.importorskip("torch", reason="exporting needs the 'export' extra")

import torch

from exporter.build import Export
from exporter.checkpoints import open_checkpoint
from exporter.quantized_edges import dequantize_columns
from exporter.whisper import FILES
from exporter.whisper.config import Config, MelConfig, read_config
from exporter.whisper.modules import PANEL, Decoder, Encoder, LogMel, mel_filters

TINY = Path(__file__).parents[2] / "fixtures" / "whisper_tiny"
WINDOW = 4 * 16_000
STRIDE = 4  # the oracle has every fourth frame of what the encoder makes, and every 16th of spectrograms


def run(bundle: Bundle, graph: str, **feeds: np.ndarray) -> dict[str, np.ndarray]:
    session = ort.InferenceSession(bundle.graph_path(graph), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, feeds), strict=True))


def windows(recordings: list[np.ndarray]) -> np.ndarray:
    return np.stack([np.pad(audio, (0, WINDOW - len(audio))) for audio in recordings])


@pytest.fixture(scope="module")
def features(whisper_bundle: Callable[..., Bundle], whisper_recordings: list[np.ndarray]) -> np.ndarray:
    """The recordings' spectrograms ``[3, 80, 400]``."""
    return run(whisper_bundle("fp32"), "log_mel", audio=windows(whisper_recordings))["input_features"]


def heard(bundle: Bundle, features: np.ndarray) -> dict[str, np.ndarray]:
    """Return keys ``[rows, heads, head_dim, frames]`` and values ``[rows, heads, frames, head_dim]`` by name."""
    made = run(bundle, "encoder", input_features=features.reshape(*features.shape[:2], -1, 2 * PANEL))
    if bundle.manifest.precision == "int8":
        made = {n: dequantize_columns(a, made[f"{n}_scale"]) for n, a in made.items() if not n.endswith("_scale")}
    return {name: joined(name, array.astype(np.float32)) for name, array in made.items()}


def joined(name: str, panels: np.ndarray) -> np.ndarray:
    batch, heads, count, *_ = panels.shape
    if "key" in name:
        return panels.transpose(0, 1, 3, 2, 4).reshape(batch, heads, -1, count * PANEL)
    return panels.reshape(batch, heads, count * PANEL, -1)


def every_fourth_frame(name: str, array: np.ndarray) -> np.ndarray:
    return array[..., ::STRIDE] if "key" in name else array[:, :, ::STRIDE]


# --- what is heard -------------------------------------------------------------------------------------------------


def test_spectrograms_are_those_of_transformers(features: np.ndarray, whisper_oracle: Mapping[str, Any]) -> None:
    assert features.shape == (3, 80, 400)
    np.testing.assert_allclose(features[:, :, ::16], whisper_oracle["log_mel"], atol=1e-4)


def test_a_spectrogram_alone_is_that_among_others(
    whisper_bundle: Callable[..., Bundle], whisper_recordings: list[np.ndarray], features: np.ndarray
) -> None:
    for row, audio in enumerate(windows(whisper_recordings)):
        alone = run(whisper_bundle("fp32"), "log_mel", audio=audio[None])["input_features"]
        np.testing.assert_allclose(alone[0], features[row], atol=1e-5)


@pytest.mark.parametrize("precision", ["fp32", "int8", "fp16"])
def test_the_spectrogram_is_the_same_in_every_precision(
    whisper_bundle: Callable[..., Bundle],
    whisper_recordings: list[np.ndarray],
    features: np.ndarray,
    precision: Precision,
) -> None:
    bundle = whisper_bundle(precision)
    assert bundle.manifest.graphs["log_mel"].precision == "fp32"
    np.testing.assert_array_equal(run(bundle, "log_mel", audio=windows(whisper_recordings))["input_features"], features)


@pytest.mark.parametrize("bins", [80, 128])
def test_each_band_of_the_filter_bank_hears_something(bins: int) -> None:
    filters = mel_filters(MelConfig(feature_size=bins, sampling_rate=16_000, n_fft=400, hop_length=160))
    assert filters.shape == (201, bins)
    assert (filters >= 0).all()
    assert (filters.sum(0) > 0).all()
    peaks = filters.argmax(0)
    assert (peaks.diff() >= 0).all()
    tone = torch.sin(2 * np.pi * 1000 * torch.arange(16_000) / 16_000)[None]
    mel = LogMel(MelConfig(feature_size=bins, sampling_rate=16_000, n_fft=400, hop_length=160))(tone)
    assert mel.shape == (1, bins, 100)
    assert abs(int(mel[0, :, 50].argmax()) - int((peaks - 25).abs().argmin())) <= 1  # 25 bins of 40 Hz


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-4), ("fp16", 0.03), ("int8", 0.25)])
def test_keys_and_values_are_those_of_transformers(
    whisper_bundle: Callable[..., Bundle],
    features: np.ndarray,
    whisper_oracle: Mapping[str, Any],
    precision: Precision,
    tolerance: float,
) -> None:
    made = heard(whisper_bundle(precision), features)
    assert sorted(made) == ["cross_key.0", "cross_key.1", "cross_value.0", "cross_value.1"]
    for name, array in made.items():
        expected = whisper_oracle[name]
        error = np.abs(every_fourth_frame(name, array) - expected).max()
        assert error < tolerance * max(1, np.abs(expected).max()), name


def test_fewer_panels_are_heard_as_they_are(whisper_bundle: Callable[..., Bundle], features: np.ndarray) -> None:
    bundle = whisper_bundle("fp32")
    made = heard(bundle, features[:, :, : 2 * PANEL])
    assert made["cross_key.0"].shape == (3, 2, 16, PANEL)
    for row in range(3):
        alone = heard(bundle, features[row : row + 1, :, : 2 * PANEL])
        np.testing.assert_allclose(alone["cross_value.1"][0], made["cross_value.1"][row], atol=1e-4)


# --- the bundle ----------------------------------------------------------------------------------------------------


def test_both_layouts_are_exported_in_all_precisions(whisper_export: Callable[[Layout], Export]) -> None:
    for layout in get_args(Layout):
        assert whisper_export(layout).precisions == ["fp32", "fp16", "int8"]


def test_what_is_heard_is_kept_in_bytes_where_the_model_is_int8(whisper_bundle: Callable[..., Bundle]) -> None:
    dtypes = {"fp32": "float32", "fp16": "float16", "int8": "uint8"}
    for precision, dtype in dtypes.items():
        manifest = whisper_bundle(precision).manifest
        encoder, decoder = manifest.graphs["encoder"], manifest.graphs["decoder"]
        made = {port.name: port for port in encoder.outputs}
        assert {port.dtype for name, port in made.items() if not name.endswith("_scale")} == {dtype}
        read = {port.name: port for port in decoder.inputs if port.name.startswith("cross_")}
        assert read == made
        scales = {name: port.axes for name, port in made.items() if name.endswith("_scale")}
        if precision == "int8":
            assert scales["cross_key.0_scale"] == ["batch", 2, "panels", 1, PANEL]
            assert scales["cross_value.1_scale"] == ["batch", 2, "panels", 1, 16]
        else:
            assert not scales
        assert {port.name: port.dtype for port in decoder.outputs}["logits"] == "float32"


@pytest.mark.parametrize(("precision", "floor"), [("fp16", 55), ("int8", 25)])
def test_what_was_measured_holds_the_floor(whisper_bundle: Callable[..., Bundle], precision: Precision, floor: float) -> None:
    checks = whisper_bundle(precision).manifest.checks
    measured = {check.metric: check.value for check in checks if check.case == f"{precision} against fp32"}
    assert measured["snr_db"] > floor  # 65 and 36 dB measured
    assert measured["top1_agreement"] > 0.9


def test_weights_of_int8_are_bytes_but_those_of_the_spectrogram_and_the_first_convolution(
    whisper_bundle: Callable[..., Bundle],
) -> None:
    bundle = whisper_bundle("int8")
    model = onnx.load(bundle.graph_path("encoder"))
    integers = {
        tuple(t.dims) for t in model.graph.initializer if t.data_type in (onnx.TensorProto.INT8, onnx.TensorProto.UINT8)
    }
    floats = {tuple(t.dims) for t in model.graph.initializer if t.data_type == onnx.TensorProto.FLOAT and len(t.dims) == 2}
    assert {(96, 32), (32, 96), (32, 64), (64, 32)} <= integers
    assert (240, 32) in floats - integers


def test_the_real_sizes_are_those_of_the_paper_models() -> None:
    """Radford et al. 2022, table 1; and large-v3-turbo, whose decoder has 4 layers."""
    raw = read_config(open_checkpoint(str(TINY), FILES))
    for width, layers, decoder_layers, bins, millions in (
        (384, 4, 4, 80, 37.8),
        (512, 6, 6, 80, 72.6),
        (1280, 32, 32, 128, 1543.5),
        (1280, 32, 4, 128, 808.9),
    ):
        sizes = {
            "vocab_size": 51_865 if bins == 80 else 51_866,
            "num_mel_bins": bins,
            "d_model": width,
            "encoder_layers": layers,
            "decoder_layers": decoder_layers,
            "encoder_attention_heads": width // 64,
            "decoder_attention_heads": width // 64,
            "encoder_ffn_dim": 4 * width,
            "decoder_ffn_dim": 4 * width,
            "max_source_positions": 1500,
            "max_target_positions": 448,
        }
        config = Config(**{**vars(raw), **sizes})
        with torch.device("meta"):
            encoder, decoder = Encoder(config), Decoder(config)
        parameters = sum(p.numel() for module in (encoder, decoder) for p in module.parameters())
        shared = config.vocab_size * width  # of the output, which is the embedding
        keys = width * (layers + 2 * decoder_layers)  # biases, which are 0
        assert (parameters - shared - keys) / 1e6 == pytest.approx(millions, abs=0.1)


def test_the_fixture_is_in_the_hubs_layout(tmp_path: Path) -> None:
    folder = shutil.copytree(TINY, tmp_path / "a")
    config = json.loads((folder / "config.json").read_bytes())
    assert config["model_type"] == "whisper"
    assert {file.name for file in folder.iterdir()} >= {file for file in FILES if "*" not in file}

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from actors.bundle import Layout
from actors.errors import ExportError
from actors.families.soprano.loop import Settings
from exporter.build import Export
from exporter.checkpoints import open_checkpoint
from exporter.soprano import FILES, cases, load
from exporter.soprano.decoder import InverseSTFT

Edit = Callable[[dict[str, Any]], object]


def assert_close(actual: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    """Assert equal shapes, and differences of at most ``tolerance`` times the largest expected magnitude."""
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= tolerance * np.abs(expected).max()


@pytest.fixture
def copy(tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny checkpoint in a folder of its own, from which little speech is made to check with: that takes a second."""
    monkeypatch.setattr(cases, "_SPOKEN_TOKENS", 2)
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint", ignore=shutil.ignore_patterns("oracle.npz")))


def edit_json(path: Path, edit: Edit) -> None:
    content = json.loads(path.read_bytes())
    edit(content)
    path.write_text(json.dumps(content))


def edit_decoder(path: Path, edit: Edit) -> None:
    state = torch.load(path, weights_only=True)
    edit(state)
    torch.save(state, path)


def read(folder: Path) -> Export:
    return load(open_checkpoint(str(folder), FILES), "server")


def test_all_files_it_needs_are_among_those_it_downloads(copy: Path) -> None:
    for path in copy.iterdir():
        if path.name not in FILES:
            path.unlink()
    assert read(copy).family == "soprano"


@pytest.mark.parametrize(("n_fft", "frames", "batch"), [(2048, 5, 1), (2048, 3, 3), (512, 40, 2), (16, 9, 1), (16, 3, 1)])
def test_inverse_stft_is_torchs(n_fft: int, frames: int, batch: int) -> None:
    hop, bins = n_fft // 4, n_fft // 2 + 1
    generator = torch.Generator().manual_seed(0)
    spectrum = torch.randn(batch, bins, frames, dtype=torch.complex64, generator=generator)
    spectrum[:, [0, -1]] = 0  # soprano-tts zeroes them
    expected = torch.istft(spectrum, n_fft, hop, n_fft, torch.hann_window(n_fft), center=True)
    order = InverseSTFT.bin_order(n_fft)
    rows = spectrum[:, order].transpose(1, 2)
    actual = InverseSTFT(n_fft, hop)(rows.real, rows.imag)
    assert actual.shape == (batch, (frames - 1) * hop)
    torch.testing.assert_close(actual, expected, atol=2e-6 * float(expected.abs().max()), rtol=0)


def test_inverse_stft_of_another_overlap_is_an_export_error() -> None:
    with pytest.raises(ExportError, match="only a hop of n_fft / 4"):
        InverseSTFT(2048, 256)


def test_decoder_is_the_originals(tiny_export: Callable[[Layout], Export], oracle: Mapping[str, np.ndarray]) -> None:
    decoder = tiny_export("server").named("decoder").graph
    hidden = oracle["decoder/hidden"].transpose(0, 2, 1)
    assert_close(decoder.run({"hidden": hidden})["audio"], oracle["decoder/audio"], 1e-5)
    assert_close(decoder.run({"hidden": hidden[1:2, -7:]})["audio"], oracle["decoder/audio_tail"], 1e-5)


def test_decoder_reads_three_frames_at_once_where_the_checkpoint_does(copy: Path, oracle: Mapping[str, np.ndarray]) -> None:
    """Soprano 1.0's does. With weights for the frame in the middle only, it is the decoder that reads one."""

    def widen(state: dict[str, Any]) -> None:
        state["decoder.embed.weight"] = nn.functional.pad(state["decoder.embed.weight"], (1, 1))

    hidden = {"hidden": oracle["decoder/hidden"].transpose(0, 2, 1)}
    edit_decoder(copy / "decoder.pth", widen)
    wide = read(copy).named("decoder").graph.run(hidden)["audio"]
    assert_close(wide, oracle["decoder/audio"], 1e-5)

    def shift(state: dict[str, Any]) -> None:
        state["decoder.embed.weight"] = state["decoder.embed.weight"].roll(1, dims=2)

    edit_decoder(copy / "decoder.pth", shift)
    shifted = read(copy).named("decoder").graph.run(hidden)["audio"]
    # The weight is on the next frame now: away from the ends, the audio is what comes one frame (512 samples) later.
    inner = slice(10 * 512, -10 * 512)
    np.testing.assert_allclose(shifted[:, inner], np.roll(wide, -512, axis=1)[:, inner], atol=1e-6)


def test_language_model_is_the_originals(tiny_export: Callable[[Layout], Export], oracle: Mapping[str, np.ndarray]) -> None:
    """In PyTorch, left-padded as the original ran it."""
    graph = tiny_export("portable").named("lm").graph
    mask = oracle["attention_mask"]
    cache = {port.name: np.zeros((4, 1, 0, 32), np.float32) for port in graph.inputs if port.name.startswith("past")}
    position = np.maximum(mask.cumsum(axis=1) - 1, 0)
    outputs = graph.run({"input_ids": oracle["input_ids"], "attention_mask": mask, "position_ids": position, **cache})
    assert_close(outputs["logits"][:, -1], oracle["prefill_logits_last"], 1e-5)
    assert_close(outputs["last_hidden_state"][:, -1], oracle["prefill_hidden_last"], 1e-5)


def test_tied_embeddings_are_the_output_weights_too(copy: Path) -> None:
    state = load_file(copy / "model.safetensors")
    state["model.embed_tokens.weight"] = state.pop("lm_head.weight")
    save_file(state, copy / "model.safetensors")
    edit_json(copy / "config.json", lambda config: config.update(tie_word_embeddings=True))
    model: Any = read(copy).named("lm").graph.module
    torch.testing.assert_close(model.lm.lm_head.weight.T, model.lm.embed_tokens.weight)


def test_the_rope_base_may_be_written_as_older_configurations_do(copy: Path) -> None:
    def older(config: dict[str, Any]) -> None:
        del config["rope_parameters"]
        config["rope_theta"] = 5000

    edit_json(copy / "config.json", older)
    model: Any = read(copy).named("lm").graph.module
    assert model.lm.config.rope_theta == 5000.0


def test_settings_come_from_the_checkpoint_and_are_understood_by_the_worker(
    tiny_export: Callable[[Layout], Export], copy: Path
) -> None:
    settings = tiny_export("server").settings
    assert isinstance(settings, Settings)
    assert (settings.vocab_size, settings.hidden_size, settings.num_layers) == (312, 512, 3)
    assert (settings.num_kv_heads, settings.head_dim, settings.eos_token_id) == (1, 32, 3)
    assert (settings.samples_per_token, settings.max_prompt_tokens, settings.max_new_tokens) == (2048, 512, 512)
    assert (settings.temperature, settings.top_p, settings.top_k, settings.repetition_penalty) == (0.0, 0.95, 50, 1.2)
    assert tiny_export("server").sample_rate == 32000
    edit_json(copy / "decoder_config.json", lambda config: config.update(upscale=2, sample_rate=16000))
    edit_json(copy / "tokenizer_config.json", lambda config: config.update(max_sentence_chars=100))
    other = read(copy)
    assert isinstance(other.settings, Settings)
    assert (other.sample_rate, other.settings.samples_per_token) == (16000, 1024)
    assert other.settings.max_sentence_chars == 100


def test_a_decoder_without_its_configuration_is_soprano_1_1s(copy: Path) -> None:
    (copy / "decoder_config.json").unlink()
    export = read(copy)
    assert isinstance(export.settings, Settings)
    assert (export.sample_rate, export.settings.samples_per_token) == (32000, 2048)


@pytest.mark.parametrize(
    ("name", "edit", "message"),
    [
        ("config.json", lambda c: c.update(model_type="llama"), "model_type is 'llama', not 'qwen3'"),
        ("config.json", lambda c: c.pop("model_type"), "model_type is None"),
        ("config.json", lambda c: c.pop("head_dim"), "lacks a key of a Qwen3 model: 'head_dim'"),
        ("config.json", lambda c: c.pop("rope_parameters"), "lacks a key of a Qwen3 model"),
        (
            "config.json",
            lambda c: c.update(eos_token_id=312),
            "no worker could run: .*'eos_token_id': 312.* outside the vocabulary",
        ),
        ("config.json", lambda c: c.update(num_hidden_layers=2), r"model\.safetensors .*model\.layers\.2\."),
        ("config.json", lambda c: c.update(num_hidden_layers=4), r"model\.safetensors .*model\.layers\.3\."),
        ("config.json", lambda c: c.update(vocab_size=311), r"(?s)model\.safetensors does not fit.*size mismatch"),
        ("decoder_config.json", lambda c: c.update(decoder_dim=64), r"decoder_config\.json says \{'decoder_dim': 64\}"),
    ],
)
def test_a_configuration_that_is_not_of_these_weights_is_an_export_error(
    copy: Path, name: str, edit: Edit, message: str
) -> None:
    edit_json(copy / name, edit)
    with pytest.raises(ExportError, match=message):
        read(copy)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda s: s.pop("head.out.weight"), r"decoder\.pth lacks the key 'head.out.weight'"),
        (lambda s: s.pop("decoder.norm.weight"), r"(?s)decoder\.pth does not fit Decoder.*Missing key"),
        (lambda s: s.update({"decoder.extra": torch.ones(1)}), r"(?s)does not fit Decoder.*Unexpected key"),
        (lambda s: s.update({"decoder.embed.weight": torch.ones(48, 256, 1)}), "takes 256 channels"),
    ],
)
def test_another_decoder_is_an_export_error(copy: Path, edit: Edit, message: str) -> None:
    edit_decoder(copy / "decoder.pth", edit)
    (copy / "decoder_config.json").unlink()
    with pytest.raises(ExportError, match=message):
        read(copy)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "decoder.pth", "tokenizer.json"])
def test_a_checkpoint_without_a_file_is_an_export_error(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(ExportError, match=f"has no {name}"):
        read(copy)


@pytest.mark.parametrize("layout", ["server", "portable"])
def test_every_graph_is_checked_at_several_sizes(tiny_export: Callable[[Layout], Export], layout: Layout) -> None:
    export = tiny_export(layout)
    for part in export.graphs:
        shapes = {case.feeds[part.graph.inputs[0].name].shape for case in part.cases}
        assert len({shape[0] for shape in shapes}) > 1
        assert len({shape[1:] for shape in shapes}) > 2

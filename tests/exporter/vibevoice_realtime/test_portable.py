"""The public graphs in plain ONNX Runtime: rows of unequal lengths together are what each is alone."""

import json
from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from actors.bundle import Bundle

LENGTHS = (20, 9, 1)  # of the prompts of three rows
TOKENS = 5


@pytest.fixture(scope="module")
def portable(vibevoice_bundle: Callable[..., Bundle]) -> Bundle:
    return vibevoice_bundle("fp32", "portable")


def open_plain(bundle: Bundle, key: str) -> ort.InferenceSession:
    return ort.InferenceSession(str(bundle.path(f"{key}.onnx")), providers=["CPUExecutionProvider"])


def test_graphs_have_the_public_names_and_standard_operators_of_opset_18(portable: Bundle) -> None:
    names = ["lm_with_kv", "tts_lm_prefill", "tts_lm_step", "prediction_head", "acoustic_connector", "eos_classifier"]
    assert list(portable.manifest.graphs) == [*names, "acoustic_decoder"]
    for name, spec in portable.manifest.graphs.items():
        assert spec.file == f"{name}.onnx"
        model = onnx.load(portable.path(spec.file), load_external_data=False)
        assert {(opset.domain, opset.version) for opset in model.opset_import} == {("", 18)}
        assert {node.domain for node in model.graph.node} == {""}


@pytest.mark.parametrize("key", ["lm_with_kv", "tts_lm_prefill", "tts_lm_step"])
def test_rows_of_unequal_lengths_padded_on_the_left_are_what_they_are_alone(portable: Bundle, key: str) -> None:
    session = open_plain(portable, key)
    shapes = {port.name: port.shape for port in session.get_inputs()}
    layers, _, heads, _, head_dim = shapes["past_keys"]
    random = np.random.default_rng(0)
    longest = max(LENGTHS)
    reads = "input_ids" if key == "lm_with_kv" else "inputs_embeds"
    rows = [
        random.integers(0, 512, (1, TOKENS))
        if reads == "input_ids"
        else random.standard_normal((1, TOKENS, 64)).astype(np.float32)
        for _ in LENGTHS
    ]
    caches = [random.standard_normal((2, layers, 1, heads, length, head_dim)).astype(np.float32) for length in LENGTHS]

    def feeds(row: np.ndarray, cache: np.ndarray, mask: np.ndarray) -> dict[str, np.ndarray]:
        positions = (mask.cumsum(1) - 1)[:, -TOKENS:]
        every = {reads: row, "attention_mask": mask, "position_ids": positions, "past_keys": cache[0], "past_values": cache[1]}
        return {name: every[name] for name in shapes}

    padded = [np.pad(c, [(0, 0)] * 4 + [(longest - c.shape[4], 0), (0, 0)]) for c in caches]
    mask = (np.arange(longest + TOKENS) >= longest - np.array(LENGTHS)[:, None]).astype(np.int64)
    together = session.run(["hidden_states", "new_keys"], feeds(np.concatenate(rows), np.concatenate(padded, axis=2), mask))
    for i, length in enumerate(LENGTHS):
        ones = np.ones((1, length + TOKENS), np.int64)
        hidden, keys = session.run(["hidden_states", "new_keys"], feeds(rows[i], caches[i], ones))
        np.testing.assert_allclose(together[0][i], hidden[0], atol=1e-5)
        np.testing.assert_allclose(together[1][:, i, :, longest - length :], keys[:, 0], atol=1e-5)


def test_decoder_takes_batches_of_any_length(portable: Bundle) -> None:
    session = open_plain(portable, "acoustic_decoder")
    latents = np.random.default_rng(0).standard_normal((3, 16, 7)).astype(np.float32)
    (together,) = session.run(["waveform"], {"latent": latents})
    (start,) = session.run(["waveform"], {"latent": latents[1:2, :, :2]})
    assert together.shape == (3, 1, 7 * 3200)
    np.testing.assert_allclose(together[1:2, :, : 2 * 3200], start, atol=1e-5)


def test_types_and_voices_are_arrays(portable: Bundle) -> None:
    assert np.load(portable.path("type_embeddings.npy")).shape == (2, 64)
    files = json.loads(portable.path("voices/manifest.json").read_bytes())["voices"]["voiceB"]["files"]
    assert np.load(portable.path(f"voices/{files['tts_kv_key_0']}")).shape == (1, 2, 26, 16)
    assert np.load(portable.path(f"voices/{files['neg_tts_hidden']}")).shape == (1, 64)

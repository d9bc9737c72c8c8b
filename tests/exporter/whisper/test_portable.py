"""The public graphs in plain ONNX Runtime, by optimum's names: recordings together give transformers' answers."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from actors.bundle import Bundle, Precision

pytest.importorskip("torch", reason="exporting needs the 'export' extra")

GRAPHS = ["log_mel", "encoder_model", "decoder_model_merged"]
WINDOW, STEPS, LAYERS = 4 * 16_000, 48, 2
HEADS, HEAD_DIM = 2, 16
CACHES = [f"{i}.{of}.{part}" for i in range(LAYERS) for of in ("decoder", "encoder") for part in ("key", "value")]


class Portable:
    """The three graphs of a bundle, run as optimum's ``ORTModelForSpeechSeq2Seq`` does."""

    def __init__(self, bundle: Bundle) -> None:
        self.settings = bundle.manifest.settings
        self.mel, self.encoder, self.decoder = (
            ort.InferenceSession(bundle.graph_path(name), providers=["CPUExecutionProvider"]) for name in GRAPHS
        )
        self.float = np.float16 if bundle.manifest.precision == "fp16" else np.float32

    def hear(self, recordings: list[np.ndarray]) -> np.ndarray:
        audio = np.stack([np.pad(samples, (0, WINDOW - len(samples))) for samples in recordings])
        (features,) = self.mel.run(None, {"audio": audio})
        hidden: np.ndarray = self.encoder.run(None, {"input_features": features})[0]
        return hidden

    def empty(self, rows: int, length: int = 0) -> list[np.ndarray]:
        random = np.random.default_rng(0)
        return [random.standard_normal((rows, HEADS, length, HEAD_DIM)).astype(self.float) for _ in CACHES]

    def decode(
        self, hidden: np.ndarray, ids: np.ndarray, caches: list[np.ndarray], *, use_cache: bool
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        past = {f"past_key_values.{name}": array for name, array in zip(CACHES, caches, strict=True)}
        feeds = {"input_ids": ids, "encoder_hidden_states": hidden, "use_cache_branch": np.array([use_cache]), **past}
        logits, *present = self.decoder.run(["logits", *(f"present.{name}" for name in CACHES)], feeds)
        return logits, present

    def prompt(self, rows: int) -> np.ndarray:
        settings = self.settings
        ids = [settings[name] for name in ("sot_id", "transcribe_id", "no_timestamps_id")]
        ids.insert(1, settings["languages"]["en"])
        return np.array([ids] * rows)

    def transcribe(self, recordings: list[np.ndarray]) -> np.ndarray:
        """Return the greedy tokens ``[rows, STEPS]`` under the rules of ``generate``."""
        hidden = self.hear(recordings)
        logits, caches = self.decode(hidden, self.prompt(len(hidden)), self.empty(len(hidden)), use_cache=False)
        tokens: list[np.ndarray] = []
        for _ in range(STEPS):
            scores = logits[:, -1]
            scores[:, self.settings["suppress_tokens"]] = -np.inf
            if not tokens:
                scores[:, self.settings["begin_suppress_tokens"]] = -np.inf
            tokens.append(scores.argmax(1))
            logits, caches = self.decode(hidden, tokens[-1][:, None], caches, use_cache=True)
        return np.array(tokens).T


@pytest.fixture(scope="module")
def portable(whisper_bundle: Callable[..., Bundle]) -> Portable:
    return Portable(whisper_bundle("fp32", "portable"))


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_graphs_have_the_public_names_and_standard_operators(
    whisper_bundle: Callable[..., Bundle], precision: Precision
) -> None:
    bundle = whisper_bundle(precision, "portable")
    assert list(bundle.manifest.graphs) == GRAPHS
    for name in GRAPHS:
        model = onnx.load(bundle.graph_path(name), load_external_data=False)
        assert {node.domain for node in model.graph.node} == {""}
    edges = {
        name: ([port.name for port in spec.inputs], [port.name for port in spec.outputs])
        for name, spec in bundle.manifest.graphs.items()
    }
    assert edges["encoder_model"] == (["input_features"], ["last_hidden_state"])
    inputs, outputs = edges["decoder_model_merged"]
    past = [f"past_key_values.{name}" for name in CACHES]
    assert sorted(inputs) == sorted(["input_ids", "encoder_hidden_states", "use_cache_branch", *past])
    assert outputs == ["logits", *(f"present.{name}" for name in CACHES)]


def test_hidden_states_are_those_of_transformers(
    portable: Portable, whisper_recordings: list[np.ndarray], whisper_oracle: Mapping[str, Any]
) -> None:
    hidden = portable.hear(whisper_recordings)
    assert hidden.shape == (3, 200, 32)
    np.testing.assert_allclose(hidden[:, ::4], whisper_oracle["hidden"], atol=1e-4)


def test_recordings_together_and_alone_give_transformers_answers(
    portable: Portable, whisper_recordings: list[np.ndarray], whisper_oracle: Mapping[str, Any]
) -> None:
    expected = [whisper_oracle["tokens"][f"plain{row}"] for row in range(3)]
    assert portable.transcribe(whisper_recordings).tolist() == expected
    for row, audio in enumerate(whisper_recordings):
        assert portable.transcribe([audio]).tolist() == [expected[row]]


def test_a_prompt_at_once_is_a_prompt_step_by_step(portable: Portable, whisper_recordings: list[np.ndarray]) -> None:
    hidden, prompt = portable.hear(whisper_recordings[:2]), portable.prompt(2)
    whole, expected = portable.decode(hidden, prompt, portable.empty(2), use_cache=False)
    logits, caches = portable.decode(hidden, prompt[:, :1], portable.empty(2), use_cache=False)
    parts = [logits]
    for position in range(1, prompt.shape[1]):
        logits, caches = portable.decode(hidden, prompt[:, position : position + 1], caches, use_cache=True)
        parts.append(logits)
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-4)
    for ours, theirs in zip(caches, expected, strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert [array.shape[2] for array in caches] == [4, 4, 200, 200] * LAYERS


def test_a_past_that_is_not_to_be_read_is_not(portable: Portable, whisper_recordings: list[np.ndarray]) -> None:
    """transformers.js and optimum give one of some length with the prompt."""
    hidden, prompt = portable.hear(whisper_recordings[:2]), portable.prompt(2)
    expected, caches = portable.decode(hidden, prompt, portable.empty(2), use_cache=False)
    for length in (1, 6):
        logits, others = portable.decode(hidden, prompt, portable.empty(2, length), use_cache=False)
        np.testing.assert_allclose(logits, expected, atol=1e-5)
        assert [array.shape for array in others] == [array.shape for array in caches]


@pytest.mark.parametrize("precision", ["int8", "fp16"])
def test_lower_precisions_answer_nearly_the_same(
    whisper_bundle: Callable[..., Bundle],
    portable: Portable,
    whisper_recordings: list[np.ndarray],
    whisper_oracle: Mapping[str, Any],
    precision: Precision,
) -> None:
    lower = Portable(whisper_bundle(precision, "portable"))
    tokens = lower.transcribe(whisper_recordings)
    assert tokens.shape == (3, STEPS)
    hidden = lower.hear(whisper_recordings)
    answers = np.array([whisper_oracle["tokens"][f"plain{row}"] for row in range(3)])
    ids = np.concatenate([portable.prompt(3), answers], axis=1)
    logits, _ = lower.decode(hidden, ids, lower.empty(3), use_cache=False)
    exact, _ = portable.decode(portable.hear(whisper_recordings), ids, portable.empty(3), use_cache=False)
    error = np.linalg.norm(logits - exact) / np.linalg.norm(exact)
    assert error < {"fp16": 0.01, "int8": 0.15}[precision]

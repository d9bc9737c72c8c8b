"""The public graphs in plain ONNX Runtime: recordings of unequal lengths together give transformers' answers."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from actors.bundle import Bundle, Precision

pytest.importorskip("torch", reason="exporting needs the 'export' extra")

from exporter.build import Export

GRAPHS = ["speech_encoder", "decoder_with_speech", "decoder"]
HOP, STEPS = 3200, 48
TOLERANCE = {"fp32": 1e-5, "fp16": 1e-2, "int8": 0.1}  # of the largest logit


@pytest.fixture(scope="module")
def portable(asr_bundle: Callable[..., Bundle]) -> Bundle:
    return asr_bundle("fp32", "portable")


def transcribe(bundle: Bundle, recordings: list[np.ndarray], prompts: list[list[int]]) -> tuple[list[np.ndarray], np.ndarray]:
    """Run rows together; return their features and the greedy tokens ``[rows, STEPS]``."""
    encoder, prefill, step = (
        ort.InferenceSession(str(bundle.path(f"{name}.onnx")), providers=["CPUExecutionProvider"]) for name in GRAPHS
    )
    counts = np.array([len(samples) for samples in recordings])
    audio = np.full((len(counts), 1, counts.max()), 9.0, np.float32)  # what is behind a recording is not heard
    ids = np.zeros((len(prompts), max(map(len, prompts))), np.int64)
    mask = np.zeros_like(ids)
    for row, (samples, prompt) in enumerate(zip(recordings, prompts, strict=True)):
        audio[row, 0, : len(samples)] = samples
        ids[row, -len(prompt) :] = prompt
        mask[row, -len(prompt) :] = 1
    (features,) = encoder.run(None, {"audio": audio, "num_samples": counts})
    logits, *caches = prefill.run(None, {"input_ids": ids, "attention_mask": mask, "speech_embeddings": features})
    names = [port.name for port in step.get_inputs()][2:]
    tokens = []
    for _ in range(STEPS):
        tokens.append(logits.argmax(1))
        mask = np.pad(mask, ((0, 0), (0, 1)), constant_values=1)
        feeds = {"input_ids": tokens[-1][:, None], "attention_mask": mask, **dict(zip(names, caches, strict=True))}
        logits, *caches = step.run(None, feeds)
    own = [row[: -(-count // HOP)] for row, count in zip(features, counts, strict=True)]
    return own, np.array(tokens).T


def test_graphs_have_the_public_names_and_standard_operators(portable: Bundle) -> None:
    assert list(portable.manifest.graphs) == GRAPHS
    for spec in portable.manifest.graphs.values():
        model = onnx.load(portable.path(spec.file), load_external_data=False)
        assert {node.domain for node in model.graph.node} == {""}


def test_rows_of_unequal_lengths_and_loudness_give_transformers_answers(
    portable: Bundle, asr_oracle: Mapping[str, Any]
) -> None:
    recordings = [asr_oracle[f"wav{i}"] for i in range(3)]
    features, tokens = transcribe(portable, recordings, asr_oracle["prompts"])
    np.testing.assert_allclose(np.concatenate(features), asr_oracle["speech_features"], atol=1e-4)
    np.testing.assert_array_equal(tokens, asr_oracle["tokens"])
    for row in range(3):
        _, alone = transcribe(portable, recordings[row : row + 1], asr_oracle["prompts"][row : row + 1])
        np.testing.assert_array_equal(alone[0], asr_oracle["tokens"][row])


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_decoders_larger_than_memory_are_the_same(
    precision: Precision, portable: Bundle, asr_export: Callable[..., Export], build: Callable[..., Bundle]
) -> None:
    export = asr_export("portable", streamed=True)
    assert export.precisions == ["fp32", "fp16", "int8"]
    decoders = replace(export, graphs=[part for part in export.graphs if part.graph.name != "speech_encoder"])
    streamed = build(decoders, "streamed", precision, "portable")
    for part in decoders.graphs:
        file = part.graph.file
        model = onnx.load(streamed.path(file), load_external_data=False)
        assert {node.domain for node in model.graph.node} == {""}
        got, want = (logits(bundle, file, part.cases[0].feeds) for bundle in (streamed, portable))
        assert np.abs(got - want).max() <= TOLERANCE[precision] * np.abs(want).max()


def logits(bundle: Bundle, file: str, feeds: Mapping[str, np.ndarray]) -> np.ndarray:
    session = ort.InferenceSession(str(bundle.path(file)), providers=["CPUExecutionProvider"])
    halves = {port.name for port in session.get_inputs() if port.type == "tensor(float16)"}
    made: np.ndarray = session.run(
        ["logits"], {name: array.astype(np.float16) if name in halves else array for name, array in feeds.items()}
    )[0]
    return made

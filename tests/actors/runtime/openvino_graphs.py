"""Drives the graphs of tiny bundles over random inputs, row by row and together, with either runtime."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from actors.bundle import Bundle, GraphSpec, Precision, TensorSpec
from actors.runtime.graphs import Graphs
from actors.runtime.kv_cache import RowBuffers
from actors.runtime.session import Device
from actors.runtime.step_graph import StepGraph

# Of the fixture that builds a bundle: the graphs that it has for OpenVINO in fp32.
GRAPHS = {
    "tiny_bundle": ["lm", "decoder"],
    "pocket_bundle": ["text_conditioner", "flow_lm_main", "flow_lm_flow", "mimi_encoder", "mimi_decoder"],
    "vibevoice_bundle": ["lm", "tts_lm", "prediction_head", "latent_decoder", "acoustic_decoder"],
    "asr_bundle": ["speech_encoder", "decoder"],
    "whisper_bundle": ["log_mel", "encoder", "decoder"],
}
KEYS = [(fixture, key) for fixture, keys in GRAPHS.items() for key in keys]
ROWS, LENGTH = 17, 96
THREADS = 2  # more than a row that is alone: kernels share it out among them
_LENGTHS = (3, 31, 32, 33, 70)  # of prompts: around the borders of pages
_STEPS = 3
_SIZES = {"samples": 3 * 1920, "panels": 2, "frames": 4, "tokens": 5, "steps": 6}
_HEARD = 150  # frames of the audio of Whisper's rows


def made(request: pytest.FixtureRequest, fixture: str, precision: Precision = "fp32") -> Bundle:
    """Return a tiny bundle with IR."""
    build: Callable[..., Bundle] = request.getfixturevalue(fixture)
    variant = ["lsd"] if fixture == "pocket_bundle" else []
    return build(*variant, precision, openvino=True)


def in_bfloat16(bundle: Bundle) -> Bundle:
    """Return a bundle in fp32 as if it were in fp16: computed in bfloat16, if this processor has it."""
    graphs = {key: spec.model_copy(update={"precision": "fp16"}) for key, spec in bundle.manifest.graphs.items()}
    return replace(bundle, manifest=bundle.manifest.model_copy(update={"graphs": graphs}))


def has_cache(spec: GraphSpec) -> bool:
    return any(tensor.name == "seqlens_k" for tensor in spec.inputs)


def random_feeds(spec: GraphSpec, rows: Sequence[int], sizes: Mapping[str, int], seed: int = 0) -> dict[str, np.ndarray]:
    """Return inputs of a graph besides its KV cache; a row's are its own wherever it is."""

    def draw(tensor: TensorSpec, row: int) -> np.ndarray:
        shape = [axis if isinstance(axis, int) else sizes[axis] for axis in tensor.axes[1:]]
        random = np.random.default_rng([row, seed])
        if tensor.name == "frames":
            return np.array(_HEARD)
        return random.integers(0, 80, shape) if tensor.dtype == "int64" else 0.5 * random.standard_normal(shape)

    inputs = [tensor for tensor in spec.inputs if not (has_cache(spec) and _is_given(tensor))]
    return {tensor.name: np.stack([draw(tensor, row) for row in rows]).astype(tensor.dtype) for tensor in inputs}


def _is_given(tensor: TensorSpec) -> bool:
    """Whether an input of a graph with a KV cache is that cache, lengths, or what another graph has written."""
    return tensor.name.startswith(("past_", "cross_", "seqlens_k", "total_sequence_length"))


def run_alone(bundle: Bundle, key: str, device: str) -> Callable[[Sequence[int]], list[np.ndarray]]:
    """Return what runs rows of a graph without a KV cache together, and returns its outputs ``[rows, ...]``."""
    spec, session = bundle.graph(key), Graphs(bundle, Device(device), THREADS).open(key)
    return lambda rows: session.run(list(session.outputs), random_feeds(spec, rows, _SIZES))


@dataclass
class Speaker:
    """A graph with a KV cache whose rows have prompts of several lengths, and then some steps together."""

    bundle: Bundle
    key: str
    device: str

    def __post_init__(self) -> None:
        self.spec = self.bundle.graph(self.key)
        made = [tensor for tensor in self.spec.outputs if not tensor.name.startswith("present_")]
        self._fixed = {t.name: tuple(t.axes[1:]) for t in made if all(isinstance(axis, int) for axis in t.axes[1:])}
        self._others = [tensor for tensor in made if tensor.name not in self._fixed]
        cross = [tensor for tensor in self.spec.inputs if tensor.name.startswith("cross_")]
        beside = RowBuffers(cross, ROWS, 2, Device("cpu"))
        for tensor in cross:
            values = np.random.default_rng(len(tensor.name)).standard_normal((2, *tensor.axes[3:]))  # type: ignore[arg-type]
            for row in range(ROWS):
                beside.write(row, {tensor.name: np.stack([values, values], axis=1).astype(np.float32)})
        graphs = Graphs(self.bundle, Device(self.device), THREADS)
        self.graph = StepGraph(graphs, self.key, ROWS, LENGTH, self._fixed, *([beside] if cross else []))  # type: ignore[arg-type]

    def say(self, rows: Sequence[int], first: int = 0) -> dict[int, list[np.ndarray]]:
        """Run rows in the slots from ``first`` on; return what each has given, and the cache that it leaves."""
        said: dict[int, list[np.ndarray]] = {row: [] for row in rows}
        lengths = np.array([_LENGTHS[row % len(_LENGTHS)] for row in rows])
        for slot, (row, length) in enumerate(zip(rows, lengths, strict=True), first):
            self.graph.cache.fill(slot, self._prefix(row))
            for part, (start, stop) in enumerate(((1, 1 + length // 2), (1 + length // 2, length + 1))):
                if stop > start:
                    self._run(said, [row], slot, np.array([stop]), stop - start, seed=100 + part)
        for step in range(_STEPS):
            self._run(said, rows, first, lengths + 2 + step, 1, seed=step)
        for slot, (row, length) in enumerate(zip(rows, lengths, strict=True), first):
            said[row] += self.graph.cache.read(slot, length + 1 + _STEPS)
        return said

    def _prefix(self, row: int) -> list[np.ndarray]:
        """One position, which is not the graph's own."""
        past = [tensor for tensor in self.spec.inputs if tensor.name.startswith("past_")]
        random = np.random.default_rng(row)
        return [random.standard_normal((p.axes[1], 1, p.axes[3])).astype(np.float32) for p in past]  # type: ignore[arg-type]

    def _run(
        self, said: dict[int, list[np.ndarray]], rows: Sequence[int], first: int, lengths: np.ndarray, count: int, seed: int
    ) -> None:
        texts = {"tokens": count - 1, "frames": 1} if _reads_text_and_frames(self.spec) else {"tokens": count}
        sizes = {"sequence": count, "heard": 200, **texts}
        others = {t.name: np.zeros([len(rows), *(_size(axis, sizes) for axis in t.axes[1:])], np.float32) for t in self._others}
        self.graph.run(first, random_feeds(self.spec, rows, sizes, seed), lengths, others)
        for place, row in enumerate(rows):
            said[row] += [self.graph.outputs[name][first + place].copy() for name in self._fixed]
            said[row] += [array[place] for array in others.values()]


def _reads_text_and_frames(spec: GraphSpec) -> bool:
    return {"tokens", "frames"} <= {tensor.axes[1] for tensor in spec.inputs if len(tensor.axes) > 1}


def _size(axis: int | str, sizes: Mapping[str, int]) -> int:
    return axis if isinstance(axis, int) else sizes[axis]


def assert_close(ours: Sequence[Any], theirs: Sequence[Any], tolerance: float) -> None:
    """Fail unless arrays differ by no more than ``tolerance``, relative to the largest value where that exceeds 1."""
    for array, want in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(array, want, rtol=0, atol=tolerance * max(1.0, float(np.abs(want).max(initial=0))))

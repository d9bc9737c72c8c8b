"""One step of each graph of a bundle on a device: which nodes run where, what is copied, and what CUDA's options are worth.

A part of the check. Sizes are made up: so many rows, one token each, caches of so many positions that are read and written in
place, as the engine does.

- A node without a CUDA kernel runs on the CPU, and around it stand ``MemcpyToHost`` and ``MemcpyFromHost``.
- CUDA graphs need every array at a fixed address on the device, no such copies and no control flow. What GroupQueryAttention
  reads on the host, ``total_sequence_length``, is fixed when the graph is captured: with the caches' length there, a replay is
  right for rows of any length, which ``seqlens_k`` has on the device.
"""

import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort

from actors.bundle import GraphSpec, TensorSpec, load_bundle
from actors.runtime.session import Array, Device, DeviceArray, Session
from benchmarks.gpu_check.budget import Found, Part, tell
from benchmarks.gpu_check.device import REFUSED, open_device, providers, said
from benchmarks.gpu_check.models import PRECISIONS, Bundles

_SAMPLES = 16_000
_PANELS = 1  # of Whisper's windows, 2 s
_OTHERS = 16  # tokens, frames and the like
RUNS = 20
WARM_UPS = 3  # a CUDA graph is captured in the second run
# Provider options that the engine could set, by their names in the table.
OPTIONS: Mapping[str, Mapping[str, str]] = {
    "CUDA graph": {"enable_cuda_graph": "1"},
    "no TF32": {"use_tf32": "0"},
    "NHWC": {"prefer_nhwc": "1"},
    "small workspace": {"cudnn_conv_use_max_workspace": "0"},
}
ON_HOST = "total_sequence_length"  # GroupQueryAttention reads it there
_CLOSE = 0.05  # of other kernels, relative to the largest value; what a replay makes of old inputs is far from it


@dataclass(frozen=True)
class Step:
    """One run of a graph with made-up inputs, by name."""

    spec: GraphSpec
    inputs: Mapping[str, np.ndarray]

    @classmethod
    def make_up(cls, spec: GraphSpec, rows: int, length: int, seed: int = 0) -> "Step":
        """Return small random numbers, zeros for ids, and rows whose next position is the last of the caches' ``length``."""
        random = np.random.default_rng(seed)
        sizes = {"batch": rows, "max_length": length, "samples": _SAMPLES, "panels": _PANELS}
        if any(tensor.name == ON_HOST for tensor in spec.inputs):
            # One token of each row; where frames stand before the text, as in PocketTTS, one frame and no more text.
            has_frames = any("frames" in tensor.axes for tensor in spec.inputs)
            sizes |= {"sequence": 1, "frames": 1, "tokens": 0 if has_frames else 1}
        return cls(spec, {tensor.name: _make_up(tensor, sizes, random) for tensor in spec.inputs})

    @property
    def caches(self) -> dict[str, str]:
        """The inputs of GroupQueryAttention that are overwritten, by the output that does it; other graphs' states are not."""
        pasts = [name for name in self.inputs if name.startswith("past_") and ON_HOST in self.inputs]
        presents = [tensor.name for tensor in self.spec.outputs if tensor.name.startswith("present_")]
        return dict(zip(presents, pasts, strict=True)) if pasts else {}

    def outputs(self, session: ort.InferenceSession) -> dict[str, np.ndarray]:
        """Run with copies of everything; return the outputs that are no caches."""
        names = [tensor.name for tensor in self.spec.outputs if tensor.name not in self.caches]
        return dict(zip(names, session.run(names, dict(self.inputs)), strict=True))


def _make_up(tensor: TensorSpec, sizes: Mapping[str, int], random: np.random.Generator) -> np.ndarray:
    shape = [axis if isinstance(axis, int) else sizes.get(axis, _OTHERS) for axis in tensor.axes]
    if tensor.name in (ON_HOST, "seqlens_k"):
        return np.full(shape, sizes["max_length"] - (tensor.name == "seqlens_k"), tensor.dtype)
    if np.dtype(tensor.dtype).kind != "f":
        return np.zeros(shape, tensor.dtype)
    return (0.1 * random.standard_normal(shape)).astype(tensor.dtype)


class Bound:
    """A graph with its arrays in place, run after run.

    Args:
        session: the graph.
        step: its inputs.
        outputs: arrays like those that it makes, but for the caches.
        device: where the caches are.
        copying: whether all else is on the host, as it is in the engine's steps; or on the device as well.
    """

    def __init__(
        self, session: ort.InferenceSession, step: Step, outputs: Mapping[str, np.ndarray], device: Device, *, copying: bool
    ) -> None:
        kept = {*step.caches.values()} if copying else step.inputs.keys() - {ON_HOST}
        self._inputs: dict[str, Array] = {
            name: _on_device(array, device) if name in kept else array for name, array in step.inputs.items()
        }
        self._outputs: dict[str, Array] = {
            name: np.empty_like(array) if copying else _on_device(array, device) for name, array in outputs.items()
        }
        caches = {present: self._inputs[past] for present, past in step.caches.items()}
        self._binding = Session(session).bind(self._inputs, {**self._outputs, **caches})

    def run(self) -> None:
        """Run once."""
        self._binding.run({}, {})

    def feed(self, step: Step) -> None:
        """Write other inputs to where the graph reads them."""
        for name, array in step.inputs.items():
            target = self._inputs[name]
            if isinstance(target, DeviceArray):
                target.owner.update_inplace(array)
            else:
                target[...] = array

    def outputs(self) -> dict[str, np.ndarray]:
        """Return copies of what the last run made."""
        return {name: array.owner.numpy() if isinstance(array, DeviceArray) else array for name, array in self._outputs.items()}


def _on_device(array: np.ndarray, device: Device) -> DeviceArray:
    reserved = DeviceArray.reserve(array.shape, array.dtype, device)
    reserved.owner.update_inplace(np.ascontiguousarray(array))
    return reserved


@dataclass(frozen=True)
class Trial:
    """A graph that is tried in several ways: its file, what it is run with, and what it then makes."""

    path: Path
    device: Device
    threads: int
    steps: tuple[Step, Step]
    expected: tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray]]

    @property
    def crossing(self) -> int:
        """Bytes of a run that are on the host before or behind it: all that is no cache."""
        inputs = [array for name, array in self.steps[0].inputs.items() if name not in self.steps[0].caches.values()]
        return sum(array.nbytes for array in (*inputs, *self.expected[0].values()))

    def time(self, options: Mapping[str, str], *, copying: bool) -> float:
        """Return the median seconds of a run.

        Raises:
            ValueError: with other inputs it makes something else than a session without those options.
        """
        session = _open(self.path, self.device, self.threads, options)
        bound = Bound(session, self.steps[0], self.expected[0], self.device, copying=copying)
        for _ in range(WARM_UPS):
            bound.run()
        seconds = []
        for _ in range(RUNS):
            start = time.perf_counter()
            bound.run()
            seconds.append(time.perf_counter() - start)
        bound.feed(self.steps[1])
        bound.run()
        if not _close(self.expected[1], bound.outputs()):
            raise ValueError("other inputs give wrong outputs")
        return statistics.median(seconds)

    def attempt(self, options: Mapping[str, str], engine_s: float) -> float | str:
        """Return how many times as fast as in the engine it is with everything on the device, or why it does not run."""
        try:
            return engine_s / self.time(options, copying=False)
        except REFUSED as error:
            return said(error)


def _open(path: Path, device: Device, threads: int, options: Mapping[str, str], profile: str = "") -> ort.InferenceSession:
    session = ort.SessionOptions()
    session.intra_op_num_threads = threads
    session.log_severity_level = 3
    if profile:
        session.enable_profiling, session.profile_file_prefix = True, profile
    chosen = providers(device, **options)
    return ort.InferenceSession(
        str(path), session, providers=chosen, disabled_optimizers=["MatMulAddFusion"], enable_fallback=False
    )


def _close(expected: Mapping[str, np.ndarray], actual: Mapping[str, np.ndarray]) -> bool:
    return all(
        bool(np.abs(array.astype(np.float32) - actual[name]).max() <= _CLOSE * np.abs(array).max())
        for name, array in expected.items()
    )


def nodes_of(path: Path, device: Device, threads: int, step: Step) -> dict[str, Counter[str]]:
    """Return the operators of a run by the provider that runs them, from onnxruntime's profile of it."""
    with tempfile.TemporaryDirectory() as folder:
        session = _open(path, device, threads, {}, profile=f"{folder}/run")
        step.outputs(session)
        events = json.loads(Path(session.end_profiling()).read_bytes())
    found: dict[str, Counter[str]] = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            found.setdefault(event["args"]["provider"], Counter())[event["args"]["op_name"]] += 1
    return found


def look(device: str, threads: int, bundles: Mapping[str, str], rows: int, length: int) -> None:
    """Tell of each graph of a family's bundles, whose folders are by precision."""
    opened = open_device(device)
    for precision, folder in bundles.items():
        bundle = load_bundle(folder)
        for key, spec in bundle.manifest.graphs.items():
            steps = (Step.make_up(spec, rows, length), Step.make_up(spec, rows, length, seed=1))
            tell(graph=key, precision=precision, rows=rows, **_look_at(bundle.path(spec.file), opened, threads, steps))


def _look_at(path: Path, device: Device, threads: int, steps: tuple[Step, Step]) -> Found:
    try:
        nodes = nodes_of(path, device, threads, steps[0])
        session = _open(path, device, threads, {})
        trial = Trial(path, device, threads, steps, (steps[0].outputs(session), steps[1].outputs(session)))
        engine_s = trial.time({}, copying=True)
    except REFUSED as error:
        return {"failed": said(error)}
    gains = {name: trial.attempt(options, engine_s) for name, options in {"on the device": {}, **OPTIONS}.items()}
    return {"nodes": nodes, "crossing": trial.crossing, "milliseconds": 1000 * engine_s, "gains": gains}


def parts(device: str, threads: int, bundles: Bundles, rows: int, length: int) -> list[Part]:
    """Return a part for each family, with what a GPU is made for first."""
    return [
        Part(
            f"graphs of {family}",
            "graphs",
            {
                "device": device,
                "threads": threads,
                "bundles": {precision: folders[precision] for precision in reversed(PRECISIONS)},
                "rows": rows,
                "length": length,
            },
        )
        for family, folders in bundles.items()
    ]


if __name__ == "__main__":
    look(**json.loads(sys.argv[1]))

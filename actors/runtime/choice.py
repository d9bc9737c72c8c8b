"""Chooses the runtime of each graph by trying both on this machine: the backend ``auto``."""

import contextlib
import fcntl
import hashlib
import json
import logging
import math
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from actors.bundle import Bundle, GraphSpec, TensorSpec
from actors.errors import BundleError
from actors.runtime.graphs import Graphs, Opened, openvino_graphs
from actors.runtime.paged_cache import open_cache
from actors.runtime.processor import this_processor
from actors.runtime.session import VERSION, Device

logger = logging.getLogger(__name__)

AUTO = "auto"
CHOICES_VARIABLE = "SPEECHMILL_CHOICES"
_CHOICES = "~/.cache/speechmill/choices"

# What is tried: a step of all slots behind so many positions; of other graphs, one input of so many steps.
_POSITIONS = 100
_STEPS = 64
_LONG_STEPS = {"samples": 48_000, "panels": 2}  # in which other steps are counted
_FEWEST_ROWS, _FEW_STEPS = 5, 8  # by which rows are tried alone and together
_ROUNDS, _SECONDS = (3, 15), 0.5  # of a graph: no fewer rounds and no more, and about so long


def settle(bundle: Bundle, device: str, threads: int, slots: int) -> str:
    """Return ``device``, or what ``auto`` is on this machine: which graphs of a bundle are faster with OpenVINO.

    What was measured once is kept on the machine for all processes that would measure the same, so that a job's workers agree;
    ``SPEECHMILL_CHOICES`` names the folder (default ``~/.cache/speechmill/choices``).

    Raises:
        BundleError: a graph is broken.
    """
    if device != AUTO:
        return device
    graphs = openvino_graphs(bundle)
    if not graphs or find_spec("openvino") is None:
        return "cpu"
    with _kept(bundle, threads, slots) as path:
        known = _read(path, graphs)
        if known is None:
            ratios = {key: _ratio(bundle, key, threads, slots) for key in graphs}
            known = [key for key, ratio in ratios.items() if ratio < 1]
            said = ", ".join(f"{key} {ratio:.2f}" for key, ratio in ratios.items())
            logger.info("OpenVINO takes, in times of ONNX Runtime: %s", said)
            _write(path, known)
    logger.info("OpenVINO runs %s of %s", ", ".join(known) or "nothing", bundle.manifest.name)
    return f"openvino:{'+'.join(known)}" if known else "cpu"


@contextlib.contextmanager
def _kept(bundle: Bundle, threads: int, slots: int) -> Iterator[Path | None]:
    """Give the file of a choice, to one process at a time; ``None`` where nothing can be kept."""
    processor = this_processor()
    decisive = [bundle.digest, processor.name, processor.kernels, threads, slots, VERSION, version("openvino")]
    name = hashlib.sha256(json.dumps(decisive).encode()).hexdigest()
    folder = Path(os.environ.get(CHOICES_VARIABLE) or _CHOICES).expanduser()
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context((folder / f"{name}.lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)  # until it is closed
        except OSError as error:
            logger.warning("what is faster is measured by every worker: %s cannot be used (%s)", folder, error.strerror)
            yield None
        else:
            yield folder / f"{name}.json"


def _read(path: Path | None, graphs: Sequence[str]) -> list[str] | None:
    """Return what was chosen of these graphs; ``None`` if that is not known, or is damaged."""
    try:
        known = json.loads(path.read_text()) if path else None
        return known if isinstance(known, list) and set(known) <= set(graphs) else None
    except (OSError, ValueError, TypeError):
        return None


def _write(path: Path | None, graphs: list[str]) -> None:
    if path is None:
        return
    temporary = path.with_suffix(".tmp")
    try:
        temporary.write_text(json.dumps(graphs))
        temporary.replace(path)
    except OSError as error:
        logger.warning("what is faster is not kept: %s cannot be written (%s)", path, error.strerror)


def _ratio(bundle: Bundle, key: str, threads: int, slots: int) -> float:
    """Return what OpenVINO takes for a graph, in times of ONNX Runtime; of one that it cannot run as it should, infinity."""
    theirs = tried(Graphs(bundle, Device("cpu"), threads), key, slots)
    theirs()
    graphs = Graphs(bundle, Device("openvino"), threads)
    try:
        session = graphs.open(key)
        if not stand_alone(session, bundle.graph(key), slots):
            logger.warning("ONNX Runtime runs %s: with OpenVINO a row would depend on the others on this processor", key)
            return math.inf
        ours = _tried(graphs, session, key, slots)
        ours()
    except (BundleError, RuntimeError) as error:  # as with a later version, whose operators are others
        logger.warning("ONNX Runtime runs %s: %s", key, error)
        return math.inf
    return _compared(ours, theirs)


def _compared(ours: Callable[[], object], theirs: Callable[[], object]) -> float:
    """Return what one run takes, in times of the other."""
    seconds: list[list[float]] = []
    end = time.perf_counter() + _SECONDS
    while len(seconds) < _ROUNDS[0] or (len(seconds) < _ROUNDS[1] and time.perf_counter() < end):
        seconds.append([_timed(ours), _timed(theirs)])  # in turns: a machine's speed changes
    first, second = (statistics.median(each) for each in zip(*seconds, strict=True))
    return float(first / second)


def _timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def tried(graphs: Graphs, key: str, slots: int, *, batch: int | None = None, steps: int = _STEPS) -> Callable[[], object]:
    """Return a run of a graph on inputs of a size that it meets: a step of all slots, or what one utterance is at its end.

    Args:
        graphs: opens it.
        key: its name in the manifest.
        slots: how many rows make a step.
        batch: how many utterances end together, instead of one.
        steps: of each of them.
    """
    return _tried(graphs, graphs.open(key), key, slots, batch=batch, steps=steps)


def _tried(
    graphs: Graphs, session: Opened, key: str, slots: int, *, batch: int | None = None, steps: int = _STEPS
) -> Callable[[], object]:
    spec = graphs.bundle.graph(key)
    if not _has_cache(spec):
        sizes = {**_sizes(spec, slots, steps), **({"batch": batch} if batch else {})}
        feeds = {tensor.name: _array(tensor, sizes) for tensor in spec.inputs}
        return lambda: session.run(list(session.outputs), feeds)
    return _step(graphs, session, spec, slots)


def stand_alone(session: Opened, spec: GraphSpec, slots: int) -> bool:
    """Whether rows have the same bytes alone and among others, by trying it: a runtime may choose its kernels by the batch."""
    steps = _has_cache(spec)
    rows = max(_FEWEST_ROWS, slots if steps else 0)
    sizes = {**(_sizes_of_a_step(spec, rows) if steps else _sizes(spec, rows, _FEW_STEPS)), "batch": rows}
    sizes["max_length"] = 2 * _POSITIONS
    feeds = {tensor.name: _array(tensor, sizes) for tensor in spec.inputs} | (_lengths(rows) if steps else {})
    of_rows = {tensor.name for tensor in spec.inputs if tensor.axes[:1] == ["batch"]}
    made = [tensor.name for tensor in spec.outputs if not tensor.name.startswith("present_")]

    def run(part: slice) -> list[np.ndarray]:
        return session.run(made, {name: array[part] if name in of_rows else array for name, array in feeds.items()})

    together = run(slice(None))
    alone = {row: run(slice(row, row + 1)) for row in (0, rows - 1)}
    return all(
        whole[row].tobytes() == one[0].tobytes()
        for row, ones in alone.items()
        for whole, one in zip(together, ones, strict=True)
    )


def _has_cache(spec: GraphSpec) -> bool:
    return any(tensor.name == "seqlens_k" for tensor in spec.inputs)


def _lengths(rows: int) -> dict[str, np.ndarray]:
    """What tells a graph with a cache how long its rows are."""
    return {"seqlens_k": np.full(rows, _POSITIONS, np.int32), "total_sequence_length": np.array(_POSITIONS + 1, np.int32)}


def _step(graphs: Graphs, session: Opened, spec: GraphSpec, slots: int) -> Callable[[], object]:
    rows = slice(0, slots)
    cache = open_cache(session.pages, spec, slots, 2 * _POSITIONS, graphs.device)
    sizes = _sizes_of_a_step(spec, slots)
    lengths = _lengths(slots)
    others = [tensor for tensor in spec.inputs if not tensor.name.startswith("past_") and tensor.name not in lengths]
    known = [tensor for tensor in spec.outputs if all(axis in sizes for axis in tensor.axes if isinstance(axis, str))]
    outputs = {tensor.name: _array(tensor, sizes) for tensor in known if not tensor.name.startswith("present_")}
    feeds = {tensor.name: _array(tensor, sizes) for tensor in others} | lengths
    binding = session.bind(cache.past(rows), {**outputs, **cache.present(rows)})
    return lambda: binding.run(feeds, {})


def _sizes_of_a_step(spec: GraphSpec, slots: int) -> Mapping[str, int]:
    """A position of every slot: a frame, where a graph reads texts too."""
    axes = {axis for tensor in spec.inputs for axis in tensor.axes if isinstance(axis, str)}
    read = {tensor.axes[1] for tensor in spec.inputs if len(tensor.axes) > 1 and isinstance(tensor.axes[1], str)}
    texts = read - {"frames"} if "frames" in read else set()
    return dict.fromkeys(axes, 1) | dict.fromkeys(texts, 0) | {"batch": slots}


def _sizes(spec: GraphSpec, slots: int, steps: int) -> Mapping[str, int]:
    """What the dynamic axes of a graph without a cache are: some steps of one input; without such, an input of each slot."""
    axes = {axis for tensor in spec.inputs for axis in tensor.axes if isinstance(axis, str)}
    return dict.fromkeys(axes, steps) | _LONG_STEPS | {"batch": 1 if axes - {"batch"} else slots}


def _array(tensor: TensorSpec, sizes: Mapping[str, int]) -> np.ndarray:
    shape = [axis if isinstance(axis, int) else sizes[axis] for axis in tensor.axes]
    if tensor.dtype != "float32":
        return np.zeros(shape, tensor.dtype)
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)

"""Times every graph with both runtimes, for one row and for 32, in turns in one process; and what one thread can do at most.

ONNX Runtime in fp32 and int8; OpenVINO in fp32, in bfloat16 where the processor multiplies it, and in int8. One thread. A
graph with a KV cache makes a step of all rows, each 100 positions on; the others take so many rows of 16 steps. Weights are
random and of the true size (``benchmarks/checkpoints``). Fills the table of ``docs/openvino.md``.

Usage::

    python -m benchmarks.runtimes [soprano] [pocket-tts]
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from actors.bundle import Bundle, load_bundle
from actors.runtime.choice import tried
from actors.runtime.graphs import Graphs, openvino_graphs
from actors.runtime.openvino import has_bfloat16
from actors.runtime.processor import this_processor
from actors.runtime.session import Device
from benchmarks.contest import ROOT, bundle, with_column
from benchmarks.roofline import limits
from benchmarks.sizing import filled
from benchmarks.speed import CONTESTS

PAGE = ROOT / "docs" / "openvino.md"
FAMILIES = ("soprano", "pocket-tts")
ROWS = (1, 32)
STEPS = 16
ROUNDS = 7
ONNXRUNTIME, OPENVINO = Device("cpu"), Device("openvino")


def ways(family: str) -> Iterator[tuple[str, Bundle, Device]]:
    """Yield each way to run a family's graphs: its name, a bundle and a device."""
    checkpoint = CONTESTS[family].write_checkpoint()
    exact, small = (load_bundle(bundle(family, checkpoint, name, openvino=True)) for name in ("fp32", "int8"))
    yield from (("ONNX Runtime fp32", exact, ONNXRUNTIME), ("ONNX Runtime int8", small, ONNXRUNTIME))
    yield "OpenVINO fp32", exact, OPENVINO
    if has_bfloat16():
        yield "OpenVINO bf16", in_bfloat16(exact), OPENVINO
    yield "OpenVINO int8", small, OPENVINO


def in_bfloat16(exact: Bundle) -> Bundle:
    """Return an fp32 bundle whose graphs OpenVINO takes for fp16 ones, and computes in bfloat16."""
    graphs = {key: spec.model_copy(update={"precision": "fp16"}) for key, spec in exact.manifest.graphs.items()}
    return replace(exact, manifest=exact.manifest.model_copy(update={"graphs": graphs}))


def time_graph(ways: Mapping[str, tuple[Bundle, Device]], key: str, rows: int) -> dict[str, float]:
    """Return the median milliseconds of a graph by the way it is run."""
    runs = {name: tried(Graphs(model, device, 1), key, rows, batch=rows, steps=STEPS) for name, (model, device) in ways.items()}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    for _ in range(ROUNDS):
        for name, run in runs.items():
            seconds[name].append(timed(run))
    return {name: 1000 * statistics.median(values) for name, values in seconds.items()}


def timed(run: Callable[[], object]) -> float:
    """Return the seconds of a run."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def measure(family: str) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield the cells of a family: a graph and its rows, and milliseconds by the way it is run."""
    known = {name: (model, device) for name, model, device in ways(family)}
    exact = known["OpenVINO fp32"][0]
    for key in openvino_graphs(exact):
        reads_samples = any("samples" in tensor.axes for tensor in exact.graph(key).inputs)
        for rows in ROWS[:1] if reads_samples else ROWS:  # recordings are encoded one by one, and 32 would not fit into memory
            cells = time_graph(known, key, rows)
            print(family, key, rows, {name: round(value, 2) for name, value in cells.items()}, flush=True)
            yield f"{family} {key}, {rows} {'row' if rows == 1 else 'rows'}", cells


def main() -> None:
    """Measure, print and write."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("families", nargs="*", choices=[*FAMILIES, []], help="default: all")
    options.add_argument("--no-page", action="store_true", help="leave the table of the page alone")
    arguments = options.parse_args()
    found = dict(cell for family in arguments.families or FAMILIES for cell in measure(family))
    table = ""
    for name in next(iter(found.values())):
        table = with_column(table, f"{name}, ms", {graph: f"{cells[name]:.2f}" for graph, cells in found.items()})
    most = limits()
    table += (
        f"\n{this_processor().name} ({this_processor().kernels}), one thread: at most {most['fp32']:.0f} G multiplications a "
        f"second in fp32, {most['int8']:.0f} G in int8; memory {most['memory']:.0f} GB/s.\n"
    )
    print(table)
    if not arguments.no_page:
        Path(PAGE).write_text(filled(PAGE.read_text(), {"runtimes": table}))


if __name__ == "__main__":
    main()

"""Compares exported graphs with PyTorch, and quantized graphs with exported ones. A comparison that fails raises."""

import logging
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from actors.bundle import CheckResult
from actors.errors import ExportError
from actors.runtime.session import Device, open_session

logger = logging.getLogger(__name__)

Feeds = Mapping[str, np.ndarray]
Run = Callable[[Feeds], Mapping[str, np.ndarray]]


@dataclass(frozen=True)
class Case:
    """Example inputs of one graph.

    Attributes:
        name: for messages.
        feeds: named arrays.
        outputs: limits the comparison to these outputs; ``None`` compares all.
        natural: whether the model meets such inputs when it speaks. Random ones find errors of the export, but what a lower
            precision makes of them says nothing about how it sounds.
    """

    name: str
    feeds: Feeds
    outputs: tuple[str, ...] | None = None
    natural: bool = True


@dataclass(frozen=True)
class Tolerance:
    """What an exported graph must hold against its reference.

    ``max_abs_diff`` is in units of the reference's largest magnitude where that exceeds 1.
    """

    max_abs_diff: float = 1e-4
    snr_db: float = 60.0


def open_graph(path: str, *, mapped: bool = False) -> Run:
    """Return a function that runs the ONNX file at ``path`` on the CPU with named inputs and outputs.

    With ``mapped`` its weights stay in the file and are not copied into a faster order: it may be larger than memory.
    """
    session = open_session(Path(path), Device("cpu"), len(os.sched_getaffinity(0)), mapped=mapped)
    names = list(session.outputs)
    halves = {name for name, edge in session.inputs.items() if edge.dtype == "float16"}

    def run(feeds: Feeds) -> dict[str, np.ndarray]:
        typed = {name: array.astype(np.float16) if name in halves else array for name, array in feeds.items()}
        return dict(zip(names, session.run(names, typed), strict=True))

    return run


def snr_db(reference: np.ndarray, actual: np.ndarray) -> float:
    """Return the signal-to-noise ratio of ``actual`` in dB, at most 200 (equal arrays); -inf if a value is not finite."""
    if not (np.isfinite(reference).all() and np.isfinite(actual).all()):
        return -math.inf  # not NaN, which min() loses
    noise = np.square(actual.astype(np.float64) - reference).sum()
    signal = np.square(reference.astype(np.float64)).sum()
    return 200.0 if noise == 0 else float(min(200.0, 10 * np.log10(signal / noise + 1e-30)))


def cosine_similarity(reference: np.ndarray, actual: np.ndarray) -> float:
    """Return the cosine of the angle between two arrays as vectors; NaN if a value is not finite."""
    a, b = reference.astype(np.float64).reshape(-1), actual.astype(np.float64).reshape(-1)
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def check_graph(
    name: str, run: Run, reference: Run, cases: Sequence[Case], tolerance: Tolerance, snr_of: Sequence[str] = ()
) -> list[CheckResult]:
    """Compare a graph with its reference on every case; return the worst difference and SNR.

    Args:
        name: the graph's name, for messages.
        run: the exported graph.
        reference: what it must compute.
        cases: at least one, or there is nothing to believe.
        tolerance: the bounds.
        snr_of: outputs whose SNR is bounded too.

    Raises:
        ExportError: no case, a shape that differs, a value that is not finite, or a bound that does not hold.
    """
    if not cases:
        raise ExportError(f"graph {name!r} has no case to check: an unchecked graph is not published")
    worst_diff, worst_snr = 0.0, 200.0
    for case in cases:
        expected, actual = reference(case.feeds), run(case.feeds)
        for output in case.outputs or tuple(expected):
            want, got = expected[output], actual[output]
            if want.shape != got.shape:
                raise ExportError(f"graph {name!r}, case {case.name!r}: {output} is {got.shape}, PyTorch gives {want.shape}")
            for owner, array in (("the graph", got), ("PyTorch", want)):
                if not np.isfinite(array).all():
                    raise ExportError(
                        f"graph {name!r}, case {case.name!r}: {output} of {owner} holds values that are not finite"
                    )
            worst_diff = max(worst_diff, relative_difference(got, want))
            if output in snr_of:
                worst_snr = min(worst_snr, snr_db(want, got))
    results = [bounded(name, "all cases", "max_abs_diff", worst_diff, ceiling=tolerance.max_abs_diff)]
    if snr_of:
        results.append(bounded(name, "all cases", "snr_db", worst_snr, floor=tolerance.snr_db))
    return results


def check_arrays(graph: str, case: str, actual: np.ndarray, expected: np.ndarray, tolerance: Tolerance) -> CheckResult:
    """Compare two arrays of one shape that a graph and its reference led to.

    Raises:
        ExportError: the shapes differ, or the difference is out of bounds.
    """
    if actual.shape != expected.shape:
        raise ExportError(f"graph {graph!r} ({case}) gives {actual.shape}, PyTorch {expected.shape}")
    return bounded(graph, case, "max_abs_diff", relative_difference(actual, expected), ceiling=tolerance.max_abs_diff)


def relative_difference(actual: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest absolute difference, in units of the largest expected magnitude where that exceeds 1."""
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    return float(np.abs(actual.astype(np.float64) - expected).max(initial=0.0)) / scale


def bounded(
    graph: str, case: str, metric: str, value: float, *, floor: float | None = None, ceiling: float | None = None
) -> CheckResult:
    """Return the measured value as a manifest entry.

    Raises:
        ExportError: it is below ``floor``, above ``ceiling`` or not a number.
    """
    if not math.isfinite(value) or (floor is not None and value < floor) or (ceiling is not None and value > ceiling):
        bound = f"at least {floor}" if floor is not None else f"at most {ceiling}"
        raise ExportError(f"graph {graph!r} ({case}): {metric} is {value:.4g}, it must be {bound}. Nothing was published.")
    result = CheckResult.model_validate(
        {"graph": graph, "case": case, "metric": metric, "value": value, "floor": floor, "ceiling": ceiling}
    )
    logger.info("checked %s (%s): %s %.4g", graph, case, metric, value)
    return result

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from actors.bundle import Bundle, Layout, Precision
from actors.errors import ExportError
from exporter.build import Export
from exporter.verify import (
    Case,
    Feeds,
    Run,
    Tolerance,
    bounded,
    check_arrays,
    check_graph,
    open_graph,
    relative_difference,
    snr_db,
)

CASES = [Case("small", {"x": np.arange(1, 4, dtype=np.float32)}), Case("large", {"x": np.arange(1, 9, dtype=np.float32)})]
NAN, INFINITY = np.float32(np.nan), np.float32(np.inf)


def graph(change: Callable[[np.ndarray], np.ndarray] = lambda x: x) -> Run:
    """A graph that gives ``double = 2 x``, changed, and ``triple = 3 x``."""

    def run(feeds: Feeds) -> dict[str, np.ndarray]:
        return {"double": change(2 * feeds["x"]), "triple": 3 * feeds["x"]}

    return run


def with_value(value: np.float32) -> Callable[[np.ndarray], np.ndarray]:
    """Put ``value`` into the last place of arrays that are long enough to be the second case."""
    return lambda x: np.append(x[:-1], value).astype(np.float32) if len(x) > 3 else x


def test_an_equal_graph_passes_and_says_so() -> None:
    (result,) = check_graph("lm", graph(), graph(), CASES, Tolerance())
    assert (result.graph, result.metric, result.value, result.ceiling) == ("lm", "max_abs_diff", 0, 1e-4)


def test_reports_the_worst_of_all_cases_and_outputs() -> None:
    run = graph(lambda x: x + np.float32(1e-3) * (len(x) > 3))
    (result,) = check_graph("lm", run, graph(), CASES, Tolerance(max_abs_diff=1e-3))
    assert result.value == pytest.approx(1e-3 / 16, rel=1e-3)


def test_measures_the_snr_of_outputs_that_are_audio() -> None:
    run = graph(lambda x: x * np.float32(1 + 1e-4))
    difference, snr = check_graph("decoder", run, graph(), CASES, Tolerance(max_abs_diff=1e-3), snr_of=["double"])
    assert (difference.metric, snr.metric, snr.floor) == ("max_abs_diff", "snr_db", 60.0)
    assert snr.value == pytest.approx(80, abs=0.1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x + 1, "max_abs_diff is .* it must be at most 0.0001. Nothing was published"),
        (with_value(np.float32(99)), "max_abs_diff is .* it must be at most"),
        (with_value(NAN), "case 'large': double .*not finite"),
        (with_value(INFINITY), "case 'large': double .*not finite"),
        (lambda x: x[:-1], r"case 'small': double is \(2,\), PyTorch gives \(3,\)"),
        (lambda x: x[None], r"case 'small': double is \(1, 3\), PyTorch gives \(3,\)"),
        (lambda x: x[:1], r"double is \(1,\), PyTorch gives \(3,\)"),
    ],
    ids=["offset", "one value", "nan", "infinity", "shorter", "another rank", "broadcastable"],
)
def test_another_graph_raises(change: Callable[[np.ndarray], np.ndarray], message: str) -> None:
    with pytest.raises(ExportError, match=f"graph 'lm'.*{message}"):
        check_graph("lm", graph(change), graph(), CASES, Tolerance())


@pytest.mark.parametrize("value", [NAN, INFINITY])
def test_a_reference_that_is_not_finite_raises(value: np.float32) -> None:
    with pytest.raises(ExportError, match="not finite"):
        check_graph("lm", graph(), graph(with_value(value)), CASES, Tolerance())


def test_too_much_noise_raises_though_no_difference_is_large() -> None:
    run = graph(lambda x: x * np.float32(1.02))
    with pytest.raises(ExportError, match=r"snr_db is 33\.98, it must be at least 60"):
        check_graph("decoder", run, graph(), CASES, Tolerance(max_abs_diff=1), snr_of=["double"])


def test_no_case_is_no_check() -> None:
    with pytest.raises(ExportError, match="no case to check"):
        check_graph("lm", graph(), graph(), [], Tolerance())


def test_a_case_may_name_the_outputs_that_matter() -> None:
    broken = graph(lambda x: x + 1)
    case = Case("triple only", CASES[0].feeds, outputs=("triple",))
    assert check_graph("lm", broken, graph(), [case], Tolerance())[0].value == 0
    with pytest.raises(KeyError, match="quadruple"):
        check_graph("lm", graph(), graph(), [Case("unknown", CASES[0].feeds, ("quadruple",))], Tolerance())


def test_arrays_are_compared_like_graphs() -> None:
    ones = np.ones((2, 3), np.float32)
    assert check_arrays("lm", "sentences", ones + np.float32(5e-5), ones, Tolerance()).case == "sentences"
    for other in (ones + 1, ones * NAN):
        with pytest.raises(ExportError):
            check_arrays("lm", "sentences", other, ones, Tolerance())


def test_arrays_of_other_shapes_are_not_compared_by_broadcasting() -> None:
    with pytest.raises(ExportError, match=r"\(1, 3\).*\(2, 3\)"):
        check_arrays("lm", "sentences", np.ones((1, 3)), np.ones((2, 3)), Tolerance())


def test_differences_are_relative_above_one_and_absolute_below() -> None:
    assert relative_difference(np.array([50.0, 99.0]), np.array([50.0, 100.0])) == pytest.approx(0.01)
    assert relative_difference(np.array([0.2]), np.array([0.1])) == pytest.approx(0.1)
    assert relative_difference(np.zeros(0), np.zeros(0)) == 0


def test_snr_is_in_decibels_and_ends_at_200() -> None:
    signal = np.array([1.0, -1.0, 1.0, -1.0])
    assert snr_db(signal, signal * 1.1) == pytest.approx(20)
    assert snr_db(signal, signal) == 200
    assert snr_db(signal, signal + 1e-15) == 200
    assert snr_db(np.zeros(4), signal) < -200


@pytest.mark.parametrize("value", [NAN, INFINITY])
def test_the_snr_of_what_is_not_finite_is_the_worst_of_all(value: np.float32) -> None:
    signal = np.ones(3, np.float32)
    broken = np.array([1, 1, value], np.float32)
    assert min(200.0, snr_db(signal, broken), 30.0) < 0
    with pytest.raises(ExportError, match="snr_db"):
        bounded("decoder", "all cases", "snr_db", snr_db(signal, broken), floor=30)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("bound", ["floor", "ceiling"])
def test_a_measurement_that_is_no_number_is_out_of_bounds(value: float, bound: str) -> None:
    with pytest.raises(ExportError, match="snr_db"):
        bounded(
            "lm",
            "all cases",
            "snr_db",
            value,
            floor=1.0 if bound == "floor" else None,
            ceiling=None if bound == "floor" else 1.0,
        )


def test_bounds_are_inclusive() -> None:
    assert bounded("lm", "all", "top1_agreement", 0.6, floor=0.6).value == 0.6
    assert bounded("lm", "all", "max_abs_diff", 0.1, ceiling=0.1).ceiling == 0.1
    with pytest.raises(ExportError, match=re.escape("graph 'lm' (all): top1_agreement is 0.59, it must be at least 0.6")):
        bounded("lm", "all", "top1_agreement", 0.59, floor=0.6)


@pytest.mark.parametrize("key", ["lm", "decoder"])
def test_a_changed_weight_in_an_exported_graph_is_found(
    key: str, tiny_export: Callable[[Layout], Export], tiny_bundle: Callable[[Precision], Bundle], tmp_path: Path
) -> None:
    """A real graph passes as it was exported, and no longer when one weight of one matrix is another."""
    bundle, export = tiny_bundle("fp32"), tiny_export("server")
    path = bundle.path(bundle.manifest.graphs[key].file)
    part = export.named(key)
    reference, cases = part.graph.run, part.cases[-3:]
    check_graph(key, open_graph(str(path)), reference, cases, Tolerance())

    model = onnx.load(path)
    factors = {node.input[1] for node in model.graph.node if node.op_type == "MatMul"}
    weight = next(tensor for tensor in model.graph.initializer if tensor.name in factors)
    values = numpy_helper.to_array(weight).copy()
    values[0, 0] += 1
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    onnx.save(model, tmp_path / "changed.onnx")
    with pytest.raises(ExportError, match="max_abs_diff"):
        check_graph(key, open_graph(str(tmp_path / "changed.onnx")), reference, cases, Tolerance())

"""Edges of graphs as uint8: the integers, what may read them, and that a row's bytes are its own."""

from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import NodeProto, TensorProto, helper

pytest.importorskip("torch", reason="exporting needs the 'export' extra")

from actors.errors import ExportError
from exporter.graphs import Port
from exporter.quantized_edges import (
    dequantize_columns,
    dequantize_outputs,
    quantize_columns,
    quantize_edges,
    quantize_feeds,
)

CACHE = Port("cache", ("batch", 12, "columns"), quantized=True)
MADE = Port("made", ("batch", 12, "columns"), quantized=True)


def graph(nodes: Sequence[NodeProto], inputs: Sequence[str], outputs: Sequence[str]) -> onnx.ModelProto:
    """Return a graph whose edges are float32 ``[batch, rows, columns]``."""
    edges = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ("batch", f"{name}_rows", f"{name}_columns")) for name in names]
        for names in (inputs, outputs)
    ]
    made = helper.make_graph(list(nodes), "edges", *edges)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def run(model: onnx.ModelProto, **feeds: np.ndarray) -> list[np.ndarray]:
    onnx.checker.check_model(model)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    arrays: list[np.ndarray] = session.run(None, feeds)
    return arrays


def product() -> onnx.ModelProto:
    return graph([helper.make_node("MatMul", ["x", "cache"], ["y"])], ["x", "cache"], ["y"])


def weighted() -> onnx.ModelProto:
    """Attention's weights over a cache, which pass through other shapes on the way."""
    nodes = [
        helper.make_node("Softmax", ["x"], ["weights"], axis=-1),
        helper.make_node("Transpose", ["weights"], ["turned"], perm=[0, 1, 2]),
        helper.make_node("MatMul", ["turned", "cache"], ["y"]),
    ]
    return graph(nodes, ["x", "cache"], ["y"])


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (random.standard_normal(shape) * np.exp(random.standard_normal(shape[:-1])[..., None])).astype(np.float32)


def rounded_rows(x: np.ndarray) -> np.ndarray:
    """What is left of rows when they are integers by ``max|x| / 127``."""
    scale = np.abs(x).max(axis=-1, keepdims=True) / 127
    restored: np.ndarray = np.round(x / scale) * scale
    return restored


def test_columns_are_restored_within_half_a_step() -> None:
    x = normal(2, 12, 7)
    x[0, :, 3] = 0
    integers, scale = quantize_columns(x)
    assert (integers.dtype, scale.shape) == (np.uint8, (2, 1, 7))
    assert (integers.min(), integers.max()) == (1, 255)
    assert (integers[0, :, 3] == 128).all()
    assert (np.abs(dequantize_columns(integers, scale) - x) <= 0.5001 * scale).all()
    assert np.abs(dequantize_columns(integers, scale)).max(axis=-2) == pytest.approx(np.abs(x).max(axis=-2), rel=1e-5)


def test_a_graph_puts_out_the_columns_that_numpy_makes() -> None:
    model = graph([helper.make_node("Neg", ["x"], ["made"])], ["x"], ["made"])
    x = normal(3, 12, 50)
    x[1, :, 4] = 0
    integers, scale = run(quantize_edges(model, [], [MADE]), x=x)
    expected, expected_scale = quantize_columns(-x)
    np.testing.assert_allclose(scale, expected_scale, rtol=1e-6)
    assert np.abs(integers.astype(int) - expected).max() <= 1
    assert (integers != expected).mean() < 0.001  # where a step's last bit decides
    restored = dequantize_outputs({"made": integers, "made_scale": scale}, [MADE])
    assert restored.keys() == {"made"}
    assert (np.abs(restored["made"] + x) <= 0.501 * expected_scale).all()


def test_what_is_put_out_may_be_read_by_the_graph_itself() -> None:
    nodes = [helper.make_node("Neg", ["x"], ["made"]), helper.make_node("Neg", ["made"], ["y"])]
    x = normal(1, 12, 5)
    model = quantize_edges(graph(nodes, ["x"], ["made", "y"]), [], [MADE])
    assert [output.name for output in model.graph.output] == ["made", "y", "made_scale"]
    np.testing.assert_array_equal(run(model, x=x)[1], x)


def test_a_product_is_that_of_the_integers() -> None:
    x, cache = normal(2, 5, 12), normal(2, 12, 33, seed=1)
    feeds = quantize_feeds({"x": x, "cache": cache}, [CACHE])
    assert {name: array.dtype.name for name, array in feeds.items()} == {
        "x": "float32",
        "cache": "uint8",
        "cache_scale": "float32",
    }
    (y,) = run(quantize_edges(product(), [CACHE], []), **feeds)
    expected = rounded_rows(x) @ dequantize_columns(feeds["cache"], feeds["cache_scale"])
    np.testing.assert_allclose(y, expected, atol=2e-5 * np.abs(expected).max())
    assert np.linalg.norm(y - x @ cache) < 0.02 * np.linalg.norm(x @ cache)


def test_the_weights_of_a_softmax_have_255_steps() -> None:
    x, cache = normal(2, 5, 12), normal(2, 12, 33, seed=1)
    model = quantize_edges(weighted(), [CACHE], [])
    assert "edges.per_255_steps" in {tensor.name for tensor in model.graph.initializer}
    feeds = quantize_feeds({"x": x, "cache": cache}, [CACHE])
    weights = np.exp(x - x.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    scale = weights.max(axis=-1, keepdims=True) / 255
    expected = np.round(weights / scale) * scale @ dequantize_columns(feeds["cache"], feeds["cache_scale"])
    np.testing.assert_allclose(run(model, **feeds)[0], expected, atol=1e-2 * np.abs(expected).max())


def test_rows_of_nothing_are_nothing() -> None:
    x, cache = normal(1, 3, 12), normal(1, 12, 8, seed=1)
    x[0, 1] = 0
    cache[0, :, 5] = 0
    (y,) = run(quantize_edges(product(), [CACHE], []), **quantize_feeds({"x": x, "cache": cache}, [CACHE]))
    assert np.isfinite(y).all()
    assert not y[0, 1].any()
    assert not y[0, :, 5].any()
    assert y[0, 0].any()


@pytest.mark.parametrize("make", [product, weighted])
def test_the_same_row_is_the_same_bytes_whatever_is_beside_it(make: object) -> None:
    assert callable(make)
    model = quantize_edges(make(), [CACHE], [])
    x, cache = normal(6, 5, 12), normal(6, 12, 33, seed=1)
    x[3] *= 1000
    cache[4] *= 1000
    feeds = quantize_feeds({"x": x, "cache": cache}, [CACHE])
    (together,) = run(model, **feeds)
    for row in range(6):
        (alone,) = run(model, **{name: array[row : row + 1] for name, array in feeds.items()})
        np.testing.assert_array_equal(alone[0], together[row])
    (fewer,) = run(model, **feeds | {"x": x[:, 2:3]})
    np.testing.assert_array_equal(fewer[:, 0], together[:, 2])


def test_rows_that_read_several_inputs_are_made_integers_once() -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "cache"], ["first"]),
        helper.make_node("MatMul", ["x", "other"], ["second"]),
        helper.make_node("Shape", ["cache"], ["shape"]),
        helper.make_node("Cast", ["shape"], ["sizes"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["sizes"], ["size"], keepdims=0),
        helper.make_node("Add", ["first", "size"], ["y"]),
    ]
    other = Port("other", CACHE.axes, quantized=True)
    model = quantize_edges(graph(nodes, ["x", "cache", "other"], ["y", "second"]), [CACHE, other], [])
    operators = [node.op_type for node in model.graph.node]
    assert operators.count("QuantizeLinear") == 1
    assert operators.count("MatMulInteger") == 2
    arrays = {"x": normal(1, 2, 12), "cache": normal(1, 12, 4, seed=1), "other": normal(1, 12, 4, seed=2)}
    first, second = run(model, **quantize_feeds(arrays, [CACHE, other]))
    np.testing.assert_allclose(first - 17, arrays["x"] @ arrays["cache"], atol=0.2)
    np.testing.assert_allclose(second, arrays["x"] @ arrays["other"], atol=0.2)


@pytest.mark.parametrize(
    ("node", "reader"),
    [
        (helper.make_node("MatMul", ["cache", "x"], ["y"]), "a MatMul"),
        (helper.make_node("MatMul", ["cache", "cache"], ["y"]), "a MatMul"),
        (helper.make_node("Add", ["x", "cache"], ["y"]), "a Add"),
        (helper.make_node("Concat", ["cache", "x"], ["y"], axis=1), "a Concat"),
    ],
    ids=["left side", "both sides", "sum", "concatenation"],
)
def test_other_readers_are_refused(node: NodeProto, reader: str) -> None:
    with pytest.raises(ExportError, match=f"cache is read by {reader}: only the right side of a MatMul can be quantized"):
        quantize_edges(graph([node], ["x", "cache"], ["y"]), [CACHE], [])


def test_the_graph_that_was_given_stays_as_it_is() -> None:
    model = product()
    before = model.SerializeToString()
    quantize_edges(model, [CACHE], [])
    assert model.SerializeToString() == before

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from actors.bundle import Precision
from exporter.quantize import quantize_int8
from exporter.verify import Feeds, open_graph, snr_db

pytest.importorskip("openvino", reason="the second runtime needs the 'openvino' extra")

from exporter.openvino import compress_weights, open_ir, write_ir

# Inputs of weights: whole groups of what OpenVINO quantizes, except for ``odd``.
WEIGHTS = {"shared": (256, 128), "last": (128, 64), "odd": (64, 8)}


def matrix(name: str) -> np.ndarray:
    weight: np.ndarray = np.random.default_rng(len(name)).standard_normal(WEIGHTS[name]) / 16
    return weight.astype(np.float32)


@pytest.fixture
def model() -> onnx.ModelProto:
    """``y = ((a + b) shared) last odd``, where two MatMuls have the weight ``shared``."""

    def edge(name: str, width: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", width])

    products = [("a", "shared", "p"), ("b", "shared", "q"), ("sum", "last", "r"), ("r", "odd", "y")]
    nodes = [helper.make_node("MatMul", [x, weight], [y]) for x, weight, y in products]
    nodes.insert(2, helper.make_node("Add", ["p", "q"], ["sum"]))
    weights = [numpy_helper.from_array(matrix(name), name) for name in WEIGHTS]
    graph = helper.make_graph(nodes, "toy", [edge("a", 256), edge("b", 256)], [edge("y", 8)], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


@pytest.fixture
def feeds() -> Feeds:
    random = np.random.default_rng(1)
    return {name: random.standard_normal((5, 256)).astype(np.float32) for name in "ab"}


def initializers(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def test_the_integers_are_those_of_our_int8(model: onnx.ModelProto) -> None:
    ours, theirs = initializers(compress_weights(model)), initializers(quantize_int8(model))
    integers = {array.tobytes() for array in theirs.values() if array.dtype == np.int8}
    for name in ("shared", "last"):
        assert ours[f"{name}.int8"].tobytes() in integers
        floats = ours[f"{name}.int8"] * ours[f"{name}.scale"]
        assert snr_db(matrix(name), floats) > 40


def test_a_weight_of_two_products_is_there_once(model: onnx.ModelProto) -> None:
    compressed = compress_weights(model)
    assert list(initializers(compressed)) == ["odd", "shared.int8", "shared.scale", "last.int8", "last.scale"]
    assert [node.op_type for node in compressed.graph.node].count("DequantizeLinear") == 2
    assert [node.input[1] for node in compressed.graph.node if node.op_type == "MatMul"] == [
        "shared.float",
        "shared.float",
        "last.float",
        "odd",
    ]
    onnx.checker.check_model(compressed)


def test_what_is_kept_stays_float32(model: onnx.ModelProto) -> None:
    assert set(initializers(compress_weights(model, ["las"]))) == {"odd", "last", "shared.int8", "shared.scale"}
    assert set(initializers(model)) == set(WEIGHTS)  # what is given is not changed


@pytest.mark.parametrize(("precision", "floor_db", "size"), [("fp32", 120, 4), ("fp16", 60, 2), ("int8", 30, 1)])
def test_a_graph_is_written_in_its_precision(
    model: onnx.ModelProto, feeds: Feeds, tmp_path: Path, precision: Precision, floor_db: float, size: int
) -> None:
    onnx.save(model, tmp_path / "toy.onnx")
    want = open_graph(str(tmp_path / "toy.onnx"))(feeds)
    write_ir(model, tmp_path / "toy.xml", precision)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["toy.bin", "toy.onnx", "toy.xml"]
    # In bfloat16, where the processor has it, 8 bits are left.
    assert snr_db(want["y"], open_ir(tmp_path / "toy.xml", precision, 1)(feeds)["y"]) > floor_db
    values = sum(np.prod(shape) for shape in WEIGHTS.values())
    assert values * size <= (tmp_path / "toy.bin").stat().st_size < values * size * 1.1


def test_rows_of_int8_do_not_depend_on_each_other(model: onnx.ModelProto, feeds: Feeds, tmp_path: Path) -> None:
    write_ir(model, tmp_path / "toy.xml", "int8")
    run = open_ir(tmp_path / "toy.xml", "int8", 1)
    together = run(feeds)["y"]
    for row in range(5):
        alone = run({name: array[row : row + 1] for name, array in feeds.items()})["y"]
        assert alone.tobytes() == together[row : row + 1].tobytes()


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_equal_graphs_are_equal_files(model: onnx.ModelProto, tmp_path: Path, precision: Precision) -> None:
    """Whatever else the process has made, and wherever it is written."""
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
        write_ir(model, folder / "toy.xml", precision)
    for name in ("toy.xml", "toy.bin"):
        first, second = (folder / name for folder in folders)
        assert first.read_bytes() == second.read_bytes()
        assert str(tmp_path).encode() not in first.read_bytes()


def test_an_operator_that_openvino_lacks_is_an_error(tmp_path: Path) -> None:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Unheard", ["x"], ["y"], domain="ours")], "toy", [x], [y])
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("ours", 1)]
    with pytest.raises(RuntimeError, match="Unheard"):
        write_ir(helper.make_model(graph, opset_imports=opsets, ir_version=10), tmp_path / "toy.xml", "fp32")

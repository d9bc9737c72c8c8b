import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from actors.bundle import Bundle
from exporter.quantize import quantize_channels, quantize_int8
from exporter.verify import Run, open_graph, snr_db

WIDTH, HIDDEN = 64, 160


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


# Channels of very different size, as trained weights have them: one scale for all would lose the small ones.
WEIGHTS = {
    "up.weight": 0.2 * noise(WIDTH, HIDDEN) * np.exp(noise(HIDDEN)),
    "gate.weight": 0.2 * noise(WIDTH, HIDDEN, seed=1),
    "down.weight": 0.1 * noise(HIDDEN, WIDTH) * np.exp(noise(WIDTH)),
}


def make_model(nodes: Sequence[NodeProto], weights: Mapping[str, np.ndarray], rank: int = 2) -> onnx.ModelProto:
    """A model from ``x [rows, width]`` (``[batch, rows, width]`` at rank 3) to ``y``."""
    edges = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * rank) for name in "xy"]
    initializers = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "model", edges[:1], edges[1:], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def feed_forward(rank: int = 2) -> onnx.ModelProto:
    """``y = (gelu(x @ up) * (x @ gate)) @ down``: all that a feed-forward block has, with an input that is read twice."""
    nodes = [
        helper.make_node("MatMul", ["x", "up.weight"], ["up"]),
        helper.make_node("MatMul", ["x", "gate.weight"], ["gate"]),
        helper.make_node("Gelu", ["up"], ["active"]),
        helper.make_node("Mul", ["active", "gate"], ["gated"]),
        helper.make_node("MatMul", ["gated", "down.weight"], ["y"]),
    ]
    return make_model(nodes, WEIGHTS, rank)


def single(operator: str | None = None) -> onnx.ModelProto:
    """``y = x @ down``, or of an activation of ``x``."""
    nodes = [helper.make_node("MatMul", ["active" if operator else "x", "down.weight"], ["y"])]
    if operator:
        nodes.insert(0, helper.make_node(operator, ["x"], ["active"]))
    return make_model(nodes, {"down.weight": WEIGHTS["down.weight"]})


def gelu(x: np.ndarray) -> np.ndarray:
    values: np.ndarray = 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))
    return values


def runner(model: onnx.ModelProto, folder: Path, name: str = "model.onnx") -> Run:
    onnx.save(model, folder / name)
    return open_graph(str(folder / name))


def operators(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


@pytest.mark.parametrize("standard", [False, True])
def test_is_close_to_float32(tmp_path: Path, standard: bool) -> None:
    x = noise(100, WIDTH)
    exact = runner(feed_forward(), tmp_path)({"x": x})["y"]
    quantized = runner(quantize_int8(feed_forward(), standard_operators=standard), tmp_path)({"x": x})["y"]
    assert snr_db(exact, quantized) > 30
    assert not np.array_equal(exact, quantized)


@pytest.mark.parametrize("standard", [False, True])
@pytest.mark.parametrize("operator", [None, "Gelu"])
def test_a_row_is_the_same_bytes_alone_and_among_any_mates(tmp_path: Path, standard: bool, operator: str | None) -> None:
    model = single(operator)
    run = runner(quantize_int8(model, standard_operators=standard), tmp_path)
    x = noise(32, HIDDEN) * np.logspace(-3, 3, 32, dtype=np.float32)[:, None]
    together = run({"x": x})["y"]
    for row in range(32):
        assert run({"x": x[row : row + 1]})["y"].tobytes() == together[row : row + 1].tobytes()
    order = np.random.default_rng(0).permutation(32)[:17]
    assert run({"x": x[order]})["y"].tobytes() == together[order].tobytes()


def test_both_forms_compute_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.quantize._FusedRewriter.pairs_fit", True)  # of the same weights
    x = noise(50, WIDTH)
    fused = runner(quantize_int8(feed_forward()), tmp_path, "fused.onnx")({"x": x})["y"]
    standard = runner(quantize_int8(feed_forward(), standard_operators=True), tmp_path, "standard.onnx")({"x": x})["y"]
    # They divide by a row's scale in another order: a value on the edge between two steps may fall to either side.
    assert snr_db(fused, standard) > 50


def test_standard_operators_are_of_the_standard_and_take_any_rank(tmp_path: Path) -> None:
    model = quantize_int8(feed_forward(rank=3), standard_operators=True)
    assert {node.domain for node in model.graph.node} == {""}
    assert [opset.domain for opset in model.opset_import] == [""]
    run = runner(model, tmp_path)
    x = noise(3, 5, WIDTH)
    flat = runner(quantize_int8(feed_forward(), standard_operators=True), tmp_path, "flat.onnx")
    assert run({"x": x})["y"].tobytes() == flat({"x": x.reshape(15, WIDTH)})["y"].tobytes()


def test_every_matmul_becomes_an_integer_one_and_its_input_is_quantized_once() -> None:
    fused = operators(quantize_int8(feed_forward()))
    assert fused.count("MatMulIntegerToFloat") == 3
    assert fused.count("QuantizeLinear") == 2
    standard = operators(quantize_int8(feed_forward(), standard_operators=True))
    assert standard.count("MatMulInteger") == 3
    assert standard.count("Round") == 2
    for names in (fused, standard):
        assert "MatMul" not in names
        assert not any(name.startswith("Dynamic") for name in names)


def test_weights_become_int8_and_the_originals_go() -> None:
    tensors = {tensor.name: tensor for tensor in quantize_int8(feed_forward()).graph.initializer}
    for name, weight in WEIGHTS.items():
        assert name not in tensors
        integers = numpy_helper.to_array(tensors[f"{name}.int8"])
        scale = numpy_helper.to_array(tensors[f"{name}.scale"])
        assert (str(integers.dtype), integers.shape, scale.shape) == ("int8", weight.shape, weight.shape[1:])
        assert np.abs(integers.astype(int)).max(axis=0).tolist() == [127] * weight.shape[1]
        assert (np.abs(integers * scale - weight) <= 0.501 * scale).all()


def largest_pair(integers: np.ndarray) -> int:
    """The largest sum of two neighbours of ``[channels, inputs]``."""
    padded = np.pad(integers.astype(int), ((0, 0), (0, integers.shape[1] % 2)))
    return int(np.abs(padded[:, ::2] + padded[:, 1::2]).max())


@pytest.mark.parametrize("inputs", [1, 2, 7, 512])
def test_neighbours_have_128_steps_together_where_others_may_run_them(inputs: int) -> None:
    """Then no sum of two products with uint8 leaves 16 bits."""
    random = np.random.default_rng(inputs)
    ends = random.choice([-1.0, 1.0, 0.5, -0.5], (40, inputs))
    channels = np.concatenate((random.standard_normal((200, inputs)), random.uniform(0.98, 1.02, (200, inputs)) * 3, ends))
    integers, scale = quantize_channels(channels.astype(np.float32), pairs_fit=True)
    assert (integers.dtype, scale.dtype, integers.shape, scale.shape) == ("int8", "float32", channels.shape, (440,))
    assert largest_pair(integers) <= 128
    assert np.abs(integers.astype(int)).max() <= 127
    assert (np.abs(integers * scale[:, None] - channels) <= 0.501 * scale[:, None]).all()


def test_a_channel_of_zeros_stays_zeros() -> None:
    for pairs_fit in (False, True):
        integers, scale = quantize_channels(np.zeros((2, 5), np.float32), pairs_fit=pairs_fit)
        assert not integers.any()
        assert (scale > 0).all()


def test_kept_weights_stay_as_they_are() -> None:
    model = quantize_int8(feed_forward(), keep=["gate.", "other"])
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    assert np.array_equal(numpy_helper.to_array(tensors["gate.weight"]), WEIGHTS["gate.weight"].astype(np.float32))
    assert operators(model).count("MatMul") == 1
    assert operators(model).count("MatMulIntegerToFloat") == 2


def test_the_given_model_is_left_as_it_was() -> None:
    model = feed_forward()
    before = model.SerializeToString()
    quantize_int8(model)
    assert model.SerializeToString() == before


def test_a_matmul_of_two_activations_stays_float() -> None:
    nodes = [
        helper.make_node("Transpose", ["x"], ["turned"], perm=[1, 0]),
        helper.make_node("MatMul", ["x", "turned"], ["y"]),
    ]
    assert operators(quantize_int8(make_model(nodes, {}))) == ["Transpose", "MatMul"]


def test_matmuls_that_share_a_weight_get_one_each(tmp_path: Path) -> None:
    """With one for both ONNX Runtime fails to open the graph on x86 without VNNI."""
    square = 0.2 * noise(WIDTH, WIDTH)
    nodes = [helper.make_node("MatMul", ["x", "square"], ["once"]), helper.make_node("MatMul", ["once", "square"], ["y"])]
    model = make_model(nodes, {"square": square})
    quantized = quantize_int8(model)
    assert sum(tensor.data_type == TensorProto.INT8 for tensor in quantized.graph.initializer) == 2
    x = noise(9, WIDTH)
    exact = runner(model, tmp_path)({"x": x})["y"]
    assert snr_db(exact, runner(quantized, tmp_path, "quantized.onnx")({"x": x})["y"]) > 30


@pytest.mark.parametrize("standard", [False, True])
@pytest.mark.parametrize("operator", [None, "Gelu"])
def test_an_error_is_no_larger_than_half_a_step_of_each_factor(tmp_path: Path, standard: bool, operator: str | None) -> None:
    """Also in rows of zeros, of one value, tiny ones and huge ones."""
    rows = [np.zeros(HIDDEN), np.full(HIDDEN, -0.7518), np.full(HIDDEN, -50), 1e4 * np.eye(HIDDEN)[3]]
    x = np.stack([*rows, *noise(6, HIDDEN) * np.logspace(-6, 6, 6)[:, None], *noise(20, HIDDEN)]).astype(np.float32)
    model = quantize_int8(single(operator), standard_operators=standard)
    actual = runner(model, tmp_path)({"x": x})["y"]
    weight = WEIGHTS["down.weight"].astype(np.float64)
    read = gelu(x.astype(np.float64)) if operator else x.astype(np.float64)
    row_step = ((read.max(axis=1) + 0.17) / 255 if operator else np.abs(read).max(axis=1) / 127)[:, None]
    column_step = np.abs(weight).max(axis=0) / 127
    if standard:  # neighbours have 128 steps together
        column_step = np.maximum(column_step, np.abs(weight[::2] + weight[1::2]).max(axis=0) / 127.99)
    size = np.abs(read) + (0.17 if operator else 0)
    bound = row_step / 2 * np.abs(weight).sum(axis=0) + size.sum(axis=1)[:, None] * column_step / 2
    bound += HIDDEN * row_step * column_step / 4
    assert (np.abs(actual - read @ weight) <= 1.001 * bound + 1e-6).all()


def test_what_comes_out_of_a_gelu_uses_all_steps_of_a_byte(tmp_path: Path) -> None:
    """It is -0.17 and more: shifted to start at zero it takes 255 steps, where the same values as an input take 127."""
    x = noise(200, HIDDEN)
    active = gelu(x).astype(np.float32)
    exact = active @ WEIGHTS["down.weight"]
    known = runner(quantize_int8(single("Gelu")), tmp_path, "known.onnx")({"x": x})["y"]
    unknown = runner(quantize_int8(single()), tmp_path, "unknown.onnx")({"x": active})["y"]
    assert snr_db(exact, known) > snr_db(exact, unknown) + 2


def test_the_real_graphs_in_standard_operators_are_close_to_the_original(
    tiny_bundle: Callable[..., Bundle], oracle: Mapping[str, np.ndarray], tmp_path: Path
) -> None:
    """The tiny model's portable decoder, in which a batch has another rank than in the server's."""
    bundle = tiny_bundle("fp32", "portable")
    model = quantize_int8(onnx.load(bundle.path("soprano_decoder.onnx")), ["istft."], standard_operators=True)
    assert operators(model).count("MatMulInteger") >= 7
    weights = [numpy_helper.to_array(t) for t in model.graph.initializer if t.data_type == TensorProto.INT8]
    assert len(weights) >= 7
    assert max(largest_pair(weight.T) for weight in weights) == 128
    audio = runner(model, tmp_path)({"hidden_states": oracle["greedy/hidden1"].T[None]})["audio"][0]
    assert snr_db(oracle["greedy/audio1"], audio) > 30

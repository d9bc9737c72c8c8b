import numpy as np
import torch

from exporter.graphs import Graph, Port, export_graph
from exporter.layers import Linear, RMSNorm, rotary_tables, rotate


def test_linear_is_torchs_with_its_weight_transposed() -> None:
    torch.manual_seed(0)
    theirs = torch.nn.Linear(6, 4)
    ours = Linear(6, 4, bias=True)
    ours.load_state_dict({"weight": theirs.weight.T, "bias": theirs.bias})
    x = torch.randn(2, 3, 6)
    torch.testing.assert_close(ours(x), theirs(x))


def test_linear_has_no_bias_unless_asked() -> None:
    assert list(Linear(2, 3).state_dict()) == ["weight"]


def test_linear_exports_as_a_matmul_with_its_weight_on_the_right() -> None:
    linear = Linear(6, 4, bias=True)
    linear.load_state_dict({"weight": torch.randn(6, 4), "bias": torch.randn(4)})
    graph = Graph("linear", "linear.onnx", linear, (Port("x", ("rows", 6)),), (Port("y", ("rows", 4)),))
    model = export_graph(graph, {"rows": 3})
    assert [node.op_type for node in model.graph.node] == ["MatMul", "Add"]
    assert model.graph.node[0].input[1] in {tensor.name for tensor in model.graph.initializer}


def test_rms_norm_is_its_formula() -> None:
    torch.manual_seed(0)
    norm = RMSNorm(5, eps=1e-3)
    torch.nn.init.normal_(norm.weight)
    x = torch.randn(2, 3, 5)
    expected = x / (x.square().mean(-1, keepdim=True) + 1e-3).sqrt() * norm.weight
    torch.testing.assert_close(norm(x), expected)


def test_rotation_is_a_complex_product_over_the_halves() -> None:
    torch.manual_seed(0)
    length, head_dim, theta = 40, 8, 1e4
    cos, sin = rotary_tables(length, head_dim, theta)
    x = torch.randn(2, length, head_dim)
    pairs = x[..., : head_dim // 2].numpy() + 1j * x[..., head_dim // 2 :].numpy()
    angle = np.arange(length)[:, None] * theta ** (-2 * np.arange(head_dim // 2) / head_dim)
    expected = pairs * np.exp(1j * angle)
    rotated = rotate(x, cos, sin).numpy()
    np.testing.assert_allclose(rotated[..., : head_dim // 2], expected.real, atol=1e-6)
    np.testing.assert_allclose(rotated[..., head_dim // 2 :], expected.imag, atol=1e-6)


def test_rotary_tables_are_exact_far_from_the_start() -> None:
    cos, sin = rotary_tables(100_000, 4, 1e4)
    assert (cos.dtype, cos.shape) == (torch.float32, (100_000, 2))
    assert cos[99_999, 0].item() == np.float32(np.cos(99_999.0))
    assert sin[99_999, 0].item() == np.float32(np.sin(99_999.0))

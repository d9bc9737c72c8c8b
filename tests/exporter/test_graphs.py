from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from torch import Tensor, nn

from exporter.graphs import Graph, Port, export_graph, save_graph
from exporter.verify import open_graph


class Scorer(nn.Module):
    """Scores positions of token sequences; the shapes are those of a small language model."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.table = nn.Parameter(torch.randn(100, 64, generator=generator))
        self.weight = nn.Parameter(torch.randn(64, 10, generator=generator))

    def forward(self, ids: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Map ids ``[batch, sequence]`` to scores, and append them to ``past [batch, past, 64]``."""
        x = self.table[ids]
        return x @ self.weight, torch.cat((past, x), dim=1)


GRAPH = Graph(
    "scorer",
    "scorer.onnx",
    Scorer(),
    inputs=(Port("ids", ("batch", "sequence"), "int64"), Port("past", ("batch", "past", 64))),
    outputs=(Port("scores", ("batch", "sequence", 10)), Port("present", ("batch", "total", 64))),
)
SIZES = {"batch": 2, "sequence": 3, "past": 4}


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    return export_graph(GRAPH, SIZES)


def feeds(batch: int, sequence: int, past: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {
        "ids": random.integers(0, 100, (batch, sequence)),
        "past": random.standard_normal((batch, past, 64)).astype(np.float32),
    }


@pytest.mark.parametrize(("batch", "sequence", "past"), [(1, 1, 1), (2, 3, 4), (5, 17, 1), (1, 1, 0), (3, 2, 0)])
def test_the_exported_graph_computes_the_module_at_any_size(
    model: onnx.ModelProto, tmp_path: Path, batch: int, sequence: int, past: int
) -> None:
    save_graph(model, tmp_path / "scorer.onnx")
    expected = GRAPH.run(feeds(batch, sequence, past))
    actual = open_graph(str(tmp_path / "scorer.onnx"))(feeds(batch, sequence, past))
    assert list(actual) == ["scores", "present"]
    for name, want in expected.items():
        np.testing.assert_allclose(actual[name], want, atol=1e-5)


def test_edges_have_the_declared_names_types_and_axes(model: onnx.ModelProto, tmp_path: Path) -> None:
    save_graph(model, tmp_path / "scorer.onnx")
    session = ort.InferenceSession(tmp_path / "scorer.onnx", providers=["CPUExecutionProvider"])
    edges = [(edge.name, edge.type, edge.shape) for edge in (*session.get_inputs(), *session.get_outputs())]
    assert edges == [
        ("ids", "tensor(int64)", ["batch", "sequence"]),
        ("past", "tensor(float)", ["batch", "past", 64]),
        ("scores", "tensor(float)", ["batch", "sequence", 10]),
        ("present", "tensor(float)", ["batch", "total", 64]),
    ]


def test_the_opset_is_the_declared_one() -> None:
    graph = Graph("scorer", "scorer.onnx", Scorer(), GRAPH.inputs, GRAPH.outputs, opset=20)
    assert [opset.version for opset in export_graph(graph, SIZES).opset_import if opset.domain == ""] == [20]


def test_the_manifest_says_what_was_exported(model: onnx.ModelProto) -> None:
    spec = GRAPH.spec("int8", model)
    assert (spec.file, spec.precision) == ("scorer.onnx", "int8")
    assert [(t.name, t.dtype, t.axes) for t in spec.inputs] == [
        ("ids", "int64", ["batch", "sequence"]),
        ("past", "float32", ["batch", "past", 64]),
    ]


def test_running_the_module_needs_every_input_and_every_output_a_port() -> None:
    with pytest.raises(KeyError, match="past"):
        GRAPH.run({"ids": np.zeros((1, 1), np.int64)})
    with pytest.raises(ValueError, match="zip"):
        Graph("scorer", "scorer.onnx", Scorer(), GRAPH.inputs, GRAPH.outputs[:1]).run(feeds(1, 1, 1))


def test_a_graph_says_nothing_of_the_machine_that_exported_it(model: onnx.ModelProto) -> None:
    """Stack traces with paths and line numbers would make the bundle's digest depend on them."""
    data = model.SerializeToString()
    assert b".py" not in data
    assert str(Path.cwd()).encode() not in data


def test_weights_lie_beside_the_graph(model: onnx.ModelProto, tmp_path: Path) -> None:
    save_graph(model, tmp_path / "scorer.onnx")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scorer.onnx", "scorer.onnx.data"]
    assert (tmp_path / "scorer.onnx.data").stat().st_size >= 4 * 64 * 110
    assert (tmp_path / "scorer.onnx").stat().st_size < 4 * 64 * 110


def test_saving_again_replaces_the_weights_and_leaves_the_model_whole(model: onnx.ModelProto, tmp_path: Path) -> None:
    save_graph(model, tmp_path / "scorer.onnx")
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    save_graph(model, tmp_path / "scorer.onnx")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first


def test_a_graph_without_large_weights_is_one_file(tmp_path: Path) -> None:
    class Double(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x + x

    graph = Graph("double", "double.onnx", Double(), (Port("x", ("n",)),), (Port("y", ("n",)),))
    save_graph(export_graph(graph, {"n": 2}), tmp_path / "double.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["double.onnx"]
    assert open_graph(str(tmp_path / "double.onnx"))({"x": np.ones(3, np.float32)})["y"].tolist() == [2, 2, 2]

"""Run by test_streaming.py: writes a graph over a matrix of a checkpoint; prints by how many MB that raised the peak of memory.

Arguments: folder of the checkpoint, whose only tensor is called w, and precision.
"""

import sys
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from actors.bundle import Source
from exporter.checkpoints import Checkpoint, TensorFiles
from exporter.streaming import Rows, write_graph


def hollow_product(outer: int, inner: int) -> onnx.ModelProto:
    """Return ``y = x @ w``, whose weight ``[inner, outer]`` has no content."""
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=(inner, outer), data_location=TensorProto.EXTERNAL)
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size]) for name, size in (("x", inner), ("y", outer)))
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "product", [x], [y], [weight])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)])


def rows_of(checkpoint: Path, name: str = "w") -> Rows:
    """Return a tensor of a checkpoint."""
    files = TensorFiles(Checkpoint(checkpoint, Source(repo="random")))
    outer, inner = files.shape(name)
    return Rows((outer, inner), lambda first, stop: files.rows(name, first, stop).numpy())


def _peak_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    folder, precision = Path(sys.argv[1]), sys.argv[2]
    rows = rows_of(folder)
    before = _peak_mb()
    write_graph(hollow_product(*rows.shape), folder / "product.onnx", {"w": rows}, {}, precision)  # type: ignore[arg-type]
    sys.stdout.write(f"{_peak_mb() - before}\n")

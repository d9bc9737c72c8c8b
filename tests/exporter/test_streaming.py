"""Matrices that are read in parts, and what is written of them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

pytest.importorskip("torch", reason="exporting needs the 'export' extra")

import torch
from safetensors.torch import save_file

from actors.bundle import Precision
from exporter.half_precision import to_float16
from exporter.quantize import pack_nbits, quantize_int4, quantize_int8, unpack_nbits
from exporter.streaming import Rows, sliced, stack, write_graph, write_npy
from exporter.verify import open_graph
from tests.exporter.writes_a_large_graph import hollow_product, rows_of

MATRIX = np.random.default_rng(0).standard_normal((50, 70)).astype(np.float32)


def parts_of(matrix: np.ndarray) -> Rows:
    return Rows(matrix.shape, lambda first, stop: matrix[first:stop])


def test_stacked_matrices_are_read_across_their_borders() -> None:
    stacked = stack([parts_of(MATRIX[:10]), parts_of(MATRIX[10:11]), parts_of(MATRIX[11:])])
    assert stacked.shape == MATRIX.shape
    for first, stop in ((0, 50), (9, 12), (10, 11), (49, 50), (0, 10)):
        np.testing.assert_array_equal(stacked.read(first, stop), MATRIX[first:stop])
    np.testing.assert_array_equal(stacked.take(np.array([[3, 10], [49, 0]])), MATRIX[[[3, 10], [49, 0]]])


def test_blocks_are_the_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("exporter.streaming._BLOCK_BYTES", 4 * 70 * 7)
    blocks = list(parts_of(MATRIX).blocks())
    assert [first for first, _ in blocks] == list(range(0, 50, 7))
    write_npy(tmp_path / "a.npy", parts_of(MATRIX), np.float16)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy", mmap_mode="r"), MATRIX.astype(np.float16))


@pytest.mark.parametrize(("bits", "cosine"), [(4, 0.995), (8, 0.9999)])
def test_few_bits_come_back_nearly_as_they_were(bits: int, cosine: float) -> None:
    matrix = MATRIX.copy()
    matrix[3] = 0
    packed, scales = pack_nbits(matrix, bits)
    assert packed.shape == (50, 3, 4 * bits)
    back = unpack_nbits(packed, scales, bits, 70)
    assert (back * matrix).sum() / np.sqrt((back**2).sum() * (matrix**2).sum()) > cosine
    assert not back[3].any()
    assert np.abs(back - matrix).max() <= np.abs(scales).max() * 1.01


@pytest.fixture
def in_small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has 2,000 bytes of float32 read at once, and of those 700 quantized."""
    monkeypatch.setattr("exporter.streaming._BLOCK_BYTES", 2000)
    monkeypatch.setattr("exporter.streaming._SLICE_BYTES", 700)


def lowered(model: onnx.ModelProto, precision: Precision, *, portable: bool) -> onnx.ModelProto:
    """Return a graph with content in a precision, as graphs that fit into memory are."""
    if precision == "int8":
        return quantize_int8(model, standard_operators=portable)
    if precision == "int4":
        return quantize_int4(model, sensitive=["wide"])
    return to_float16(model, io_float32=["x", "y"]) if precision == "fp16" else model


def contents(model: onnx.ModelProto, folder: Path) -> dict[str, tuple[tuple[int, ...], bytes]]:
    onnx.load_external_data_for_model(model, str(folder))
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    return {name: (array.shape, array.tobytes()) for name, array in arrays.items()}


@pytest.mark.usefixtures("in_small_blocks")
@pytest.mark.parametrize("shape", [(50, 70), (31, 33), (64, 64), (1, 5), (7, 600)], ids=str)
@pytest.mark.parametrize("source", [torch.bfloat16, torch.float16, torch.float32], ids=str)
@pytest.mark.parametrize(
    ("precision", "portable"), [("fp32", False), ("fp16", False), ("int8", False), ("int8", True), ("int4", False)]
)
def test_what_is_written_in_parts_is_what_is_made_of_the_whole(
    precision: Precision, portable: bool, source: torch.dtype, shape: tuple[int, int], tmp_path: Path
) -> None:
    matrix = torch.from_numpy(np.random.default_rng(1).standard_normal(shape).astype(np.float32)).to(source)
    matrix[shape[0] // 2] = 0
    save_file({"w": matrix}, tmp_path / "model.safetensors")
    whole = hollow_product(*shape)
    whole.graph.initializer[0].CopyFrom(numpy_helper.from_array(matrix.float().T.contiguous().numpy(), "w"))
    path = tmp_path / "product.onnx"
    cosines = write_graph(
        hollow_product(*shape),
        path,
        {"w": rows_of(tmp_path)},
        {},
        precision,
        standard_operators=portable,
        io_float32=["x", "y"],
    )
    assert cosines["w"] > 0.98
    written = onnx.load(path, load_external_data=False)
    onnx.checker.check_model(str(path), full_check=precision == "fp32")
    expected = lowered(whole, precision, portable=portable)
    assert contents(written, tmp_path) == contents(expected, tmp_path)
    assert [node.op_type for node in written.graph.node] == [node.op_type for node in expected.graph.node]


@pytest.mark.usefixtures("in_small_blocks")
@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8", "int4"])
def test_a_matrix_that_is_also_a_table_is_written_as_both(precision: Precision, tmp_path: Path) -> None:
    """A tied embedding; the tensors have their places in the graph's order, scales behind all others."""
    save_file({"w": torch.from_numpy(MATRIX)}, tmp_path / "model.safetensors")
    model = hollow_product(*MATRIX.shape)
    model.graph.initializer.add(name="v", data_type=TensorProto.FLOAT, dims=(70, 50), data_location=TensorProto.EXTERNAL)
    model.graph.node.append(helper.make_node("MatMul", ["x", "v"], ["other"]))
    model.graph.output.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, ["n", 50]))
    model.graph.initializer.add(name="table", data_type=TensorProto.FLOAT, dims=(50, 70), data_location=TensorProto.EXTERNAL)
    model.graph.node.append(helper.make_node("Gather", ["table", "ids"], ["row"]))
    model.graph.input.append(helper.make_tensor_value_info("ids", TensorProto.INT64, ["n"]))
    model.graph.output.append(helper.make_tensor_value_info("row", TensorProto.FLOAT, ["n", 70]))
    tied = rows_of(tmp_path)
    write_graph(model, tmp_path / "tied.onnx", {"w": tied, "v": tied}, {"table": tied}, precision)
    half = precision == "fp16"
    found = contents(onnx.load(tmp_path / "tied.onnx", load_external_data=False), tmp_path)
    expected = torch.from_numpy(MATRIX).half().numpy() if half else MATRIX
    assert found["table.half" if half else "table"] == ((50, 70), expected.tobytes())
    places = {
        tensor.name: {entry.key: entry.value for entry in tensor.external_data}
        for tensor in onnx.load(tmp_path / "tied.onnx", load_external_data=False).graph.initializer
        if tensor.external_data
    }
    offsets = {name: int(place["offset"]) for name, place in places.items()}
    assert all(offset % 4096 == 0 for offset in offsets.values())
    in_file = sorted(offsets, key=lambda name: offsets[name])
    assert sum(name.endswith((".scale", ".scales")) for name in in_file[3:]) == len(in_file) - 3
    first, second = (content for name, content in found.items() if name[0] in "wv" and name in in_file[:3])
    assert first == second
    size = (tmp_path / "tied.onnx.data").stat().st_size
    assert size == offsets[in_file[-1]] + int(places[in_file[-1]]["length"])


@pytest.mark.usefixtures("in_small_blocks")
def test_a_matrix_of_few_bits_in_slices_multiplies_as_the_whole(tmp_path: Path) -> None:
    matrix = np.random.default_rng(0).standard_normal((300, 70)).astype(np.float32)
    model = hollow_product(*matrix.shape)
    write_graph(model, tmp_path / "whole.onnx", {"w": parts_of(matrix)}, {}, "int4")
    parts = sliced(model)
    assert [node.op_type for node in parts.graph.node] == ["MatMulNBits"] * 3 + ["Concat"]
    (tmp_path / "sliced.onnx").write_bytes(parts.SerializeToString())
    x = np.random.default_rng(2).standard_normal((3, 70)).astype(np.float32)
    whole, in_slices = (open_graph(str(tmp_path / name), mapped=True)({"x": x})["y"] for name in ("whole.onnx", "sliced.onnx"))
    np.testing.assert_allclose(in_slices, whole, atol=1e-5)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("precision", ["int8", "int4", "fp16"])
def test_memory_does_not_grow_with_a_tensor(precision: str, tmp_path: Path) -> None:
    """The peak of everything the process has, mapped files too. 215 MB of bfloat16 would be 430 MB in float32."""
    shape = (30_000, 3584)
    size = 2 * shape[0] * shape[1]
    header = json.dumps({"w": {"dtype": "BF16", "shape": shape, "data_offsets": [0, size]}}).encode()
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + size)  # zeros, which take no disk
    command = [sys.executable, "-m", "tests.exporter.writes_a_large_graph", str(tmp_path), precision]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    (tmp_path / "product.onnx.data").unlink()
    assert float(run.stdout) < 230  # MB; 170 measured

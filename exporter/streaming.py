"""Writes graphs whose weights are larger than memory: tensor by tensor, from safetensors shards to external data.

A graph is traced with weights that take no memory (:func:`hollow`), rewritten for its precision, and only then filled: a tensor
is read in blocks of rows, and each block is converted, written to its place in the file, and forgotten. Memory is that of a few
blocks, whatever the tensor.
"""

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from actors.bundle import Precision
from exporter.half_precision import to_float16
from exporter.quantize import (
    NBitsRewriter,
    ShellRewriter,
    drop_unused_initializers,
    pack_nbits,
    quantize_channels,
    shell_rewriter,
    unpack_nbits,
)

_BLOCK_BYTES = 64 << 20  # of float32 that are read and written at once
_SLICE_BYTES = 1 << 20  # of a block that are quantized at once: what that takes beside is several times as much
_COLUMNS = 128  # that ONNX Runtime multiplies by at once: matrices that end elsewhere have other last bits
_INLINE_BYTES = 1024
_ALIGNMENT = 4096  # of external data, so that it can be mapped
# What a matrix's initializers are called behind its name.
_PARTS: Mapping[Precision, Sequence[str]] = {
    "fp32": ("",),
    "fp16": (".half",),
    "int8": (".int8", ".scale"),
    "int4": (".nbits", ".scales"),
}


@dataclass(frozen=True)
class Rows:
    """A float32 matrix that is read in parts.

    Attributes:
        shape: of the whole.
        read: returns the rows from the first to before the second argument.
    """

    shape: tuple[int, int]
    read: Callable[[int, int], np.ndarray]

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the first row and the rows of one block after the other."""
        count = max(1, _BLOCK_BYTES // (4 * self.shape[1]))
        for first in range(0, self.shape[0], count):
            yield first, self.read(first, min(first + count, self.shape[0]))

    def take(self, indices: np.ndarray) -> np.ndarray:
        """Return single rows, ``[*indices.shape, columns]``."""
        rows = [self.read(int(i), int(i) + 1) for i in indices.reshape(-1)]
        return np.concatenate(rows).reshape(*indices.shape, self.shape[1])


def stack(parts: Sequence[Rows]) -> Rows:
    """Return matrices one below the other."""
    starts = np.cumsum([0, *(part.shape[0] for part in parts)]).tolist()

    def read(first: int, stop: int) -> np.ndarray:
        found = [
            part.read(max(first - start, 0), min(stop - start, part.shape[0]))
            for part, start in zip(parts, starts, strict=False)
            if first < start + part.shape[0] and start < stop
        ]
        return np.concatenate(found)

    return Rows((starts[-1], parts[0].shape[1]), read)


def hollow(module: nn.Module) -> None:
    """Give every matrix of a module on the ``meta`` device a value that takes no memory, so that it can be traced."""
    for part in module.modules():
        for name, parameter in list(part.named_parameters(recurse=False)):
            if parameter.is_meta and parameter.dim() == 2:
                part.register_parameter(name, nn.Parameter(torch.zeros(()).expand(parameter.shape), requires_grad=False))


def write_npy(path: Path, rows: Rows, dtype: type[np.floating]) -> None:
    """Write a matrix as a ``.npy`` file."""
    with path.open("wb") as file:
        description = np.lib.format.dtype_to_descr(np.dtype(dtype))
        np.lib.format.write_array_header_1_0(file, {"descr": description, "fortran_order": False, "shape": rows.shape})
        for _, block in rows.blocks():
            file.write(block.astype(dtype).data)


def write_graph(
    model: onnx.ModelProto,
    path: Path,
    matrices: Mapping[str, Rows],
    tables: Mapping[str, Rows],
    precision: Precision,
    *,
    sensitive: Sequence[str] = (),
    standard_operators: bool = False,
    io_float32: Sequence[str] = (),
) -> dict[str, float]:
    """Write a graph traced with hollow weights to ``path`` and its tensors to ``<path>.data``.

    Args:
        model: the graph; its initializers named in ``matrices`` and ``tables`` have no content. It is changed.
        path: of the ONNX file.
        matrices: by initializer, the matrix that it is the transpose of: ``[out, in]``, as checkpoints hold them.
        tables: by initializer, the matrix that it is; written in float32, or in float16 like all else.
        precision: of the matrices.
        sensitive: parts of names of matrices that int4 gives 8 bits.
        standard_operators: see :func:`exporter.quantize.quantize_int8`.
        io_float32: see :func:`exporter.half_precision.to_float16`.

    Returns:
        By matrix, the cosine similarity of what was written with what was read.
    """
    cosines: dict[str, float] = {}
    half = precision == "fp16"
    dtype: type[np.floating] = np.float16 if half else np.float32
    suffix = ".half" if half else ""
    shells = {f"{name}{part}" for name in matrices for part in _PARTS[precision]} | {f"{name}{suffix}" for name in tables}
    if half:
        model.CopyFrom(to_float16(model, io_float32=io_float32))
    elif precision != "fp32":
        _rewrite(model, matrices, precision, sensitive, standard_operators=standard_operators)
    with path.with_name(f"{path.name}.data").open("wb") as file:
        data = _DataFile(file, model.graph.initializer, shells)
        for name in sorted(matrices, key=lambda name: data.offset(f"{name}{_PARTS[precision][0]}")):
            rows = matrices[name]
            if precision == "int8":
                cosines[name] = _write_rowwise(data, name, rows, pairs_fit=standard_operators)
            elif precision == "int4":
                cosines[name] = _write_nbits(data, name, rows, 8 if any(part in name for part in sensitive) else 4)
            else:
                cosines[name] = _write_transposed(data, f"{name}{suffix}", rows, dtype)
        for name, rows in tables.items():
            for first, block in rows.blocks():
                data.put_rows(f"{name}{suffix}", first, block.astype(dtype, copy=False))
    path.write_bytes(model.SerializeToString())
    return cosines


def sliced(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a written graph with large matrices of few bits in parts: the same bytes of the same file, side by side.

    Where it may not copy weights into another order, ONNX Runtime makes float32 of a whole matrix to multiply by it.
    """
    in_parts = onnx.ModelProto()
    in_parts.CopyFrom(model)
    graph = in_parts.graph
    initializers = {tensor.name: tensor for tensor in graph.initializer}
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        sizes = {attribute.name: attribute.i for attribute in node.attribute}
        if node.op_type != "MatMulNBits" or 4 * sizes["K"] * sizes["N"] <= _BLOCK_BYTES:
            graph.node.append(node)
            continue
        outputs = []
        count = max(_COLUMNS, _BLOCK_BYTES // (4 * sizes["K"]) // _COLUMNS * _COLUMNS)
        for first in range(0, sizes["N"], count):
            weights = [_rows_of(initializers[name], first, count) for name in node.input[1:]]
            graph.initializer.extend(weights)
            inputs = [node.input[0], *(tensor.name for tensor in weights)]
            outputs.append(f"{node.output[0]}.{first}")
            here = sizes | {"N": weights[0].dims[0]}
            graph.node.append(helper.make_node("MatMulNBits", inputs, outputs[-1:], domain=node.domain, **here))
        graph.node.append(helper.make_node("Concat", outputs, node.output, axis=-1))
    drop_unused_initializers(graph)
    return in_parts


def _rows_of(tensor: TensorProto, first: int, count: int) -> TensorProto:
    """Return some rows of a tensor that is in a file, from the first on: as many as there are, up to the count."""
    place = {entry.key: entry.value for entry in tensor.external_data}
    rows = min(count, tensor.dims[0] - first)
    row_bytes = int(place["length"]) // tensor.dims[0]
    part = TensorProto(name=f"{tensor.name}.{first}", data_type=tensor.data_type, dims=[rows, *tensor.dims[1:]])
    _refer(part, place["location"], int(place["offset"]) + first * row_bytes, rows * row_bytes)
    return part


def _rewrite(
    model: onnx.ModelProto,
    matrices: Collection[str],
    precision: Precision,
    sensitive: Sequence[str],
    *,
    standard_operators: bool,
) -> None:
    """Make the MatMuls over ``matrices`` those of a precision, whose weights have no content either."""
    graph = model.graph
    shells = {tensor.name: tensor for tensor in graph.initializer if tensor.name in matrices}
    rewriter: ShellRewriter | NBitsRewriter
    rewriter = shell_rewriter(shells, standard_operators) if precision == "int8" else NBitsRewriter(shells, sensitive)
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        quantized = node.op_type == "MatMul" and node.input[1] in shells
        graph.node.extend(rewriter.rewrite(node) if quantized else [node])
    kept = [tensor for tensor in graph.initializer if tensor.name not in shells]
    del graph.initializer[:]
    graph.initializer.extend([*kept, *rewriter.initializers.values()])
    if not standard_operators and all(opset.domain != "com.microsoft" for opset in model.opset_import):
        model.opset_import.append(helper.make_opsetid("com.microsoft", 1))


def _write_transposed(data: "_DataFile", name: str, rows: Rows, dtype: type[np.floating]) -> float:
    similarity = _Similarity()
    for first, block in rows.blocks():
        converted = block.astype(dtype, copy=False)
        similarity.add(block, converted)
        data.put_columns(name, first, converted.T)
        del block, converted  # before the next one is read
    return similarity.cosine


def _write_rowwise(data: "_DataFile", name: str, rows: Rows, *, pairs_fit: bool) -> float:
    """As :func:`exporter.quantize.quantize_int8`: a scale for each output channel."""
    similarity = _Similarity()
    for first, block in rows.blocks():
        integers, scales = _rowwise(block, similarity, pairs_fit=pairs_fit)
        data.put_columns(f"{name}.int8", first, integers.T)
        data.put_rows(f"{name}.scale", first, scales)
        del block, integers  # before the next one is read
    return similarity.cosine


def _rowwise(block: np.ndarray, similarity: "_Similarity", *, pairs_fit: bool) -> tuple[np.ndarray, np.ndarray]:
    integers, scales = np.empty(block.shape, np.int8), np.empty(len(block), np.float32)
    restored = np.empty_like(block)
    for part in _slices(block):
        integers[part], scales[part] = quantize_channels(block[part], pairs_fit=pairs_fit)
        np.multiply(integers[part], scales[part, None], out=restored[part])
    similarity.add(block, restored)
    return integers, scales


def _write_nbits(data: "_DataFile", name: str, rows: Rows, bits: int) -> float:
    similarity = _Similarity()
    for first, block in rows.blocks():
        packed, scales = _nbits(block, similarity, bits)
        data.put_rows(f"{name}.nbits", first, packed)
        data.put_rows(f"{name}.scales", first, scales)
        del block, packed  # before the next one is read
    return similarity.cosine


def _nbits(block: np.ndarray, similarity: "_Similarity", bits: int) -> tuple[np.ndarray, np.ndarray]:
    restored = np.empty_like(block)
    parts = []
    for part in _slices(block):
        parts.append(pack_nbits(block[part], bits))
        restored[part] = unpack_nbits(*parts[-1], bits, block.shape[1])
    similarity.add(block, restored)
    packed, scales = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return packed, scales


def _slices(block: np.ndarray) -> Iterator[slice]:
    count = max(1, _SLICE_BYTES // (4 * block.shape[1]))
    return (slice(first, min(first + count, len(block))) for first in range(0, len(block), count))


class _Similarity:
    """The cosine similarity of two tensors that are seen in parts."""

    def __init__(self) -> None:
        self._product = self._first = self._second = 0.0

    def add(self, first: np.ndarray, second: np.ndarray) -> None:
        """See a part of both."""
        a, b = first.reshape(-1), second.reshape(-1).astype(np.float32, copy=False)
        self._product += float(a @ b)
        self._first += float(a @ a)
        self._second += float(b @ b)

    @property
    def cosine(self) -> float:
        """1 for tensors of the same direction, and for two of zeros."""
        norms = math.sqrt(self._first * self._second)
        return self._product / norms if norms else float(self._first == self._second)


class _DataFile:
    """The tensors of a graph in one file. Each has its place from the start: they are written in parts, in any order.

    Args:
        file: is empty.
        tensors: those with content are written at once, but for small ones; all that are in the file refer to it.
        shells: names of those without content.
    """

    def __init__(self, file: BinaryIO, tensors: Iterable[TensorProto], shells: Collection[str]) -> None:
        self._file = file
        self._places: dict[str, tuple[int, int]] = {}  # of the first byte, and how many of them a row has
        end = 0
        # Scales are behind all integers, however many there are.
        for tensor in sorted(tensors, key=lambda tensor: tensor.name.endswith((".scale", ".scales"))):
            size = math.prod(tensor.dims) * helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
            if tensor.name not in shells and size < _INLINE_BYTES:
                continue
            offset = -(-end // _ALIGNMENT) * _ALIGNMENT
            end = offset + size
            self._places[tensor.name] = offset, size // tensor.dims[0]
            if tensor.name not in shells:
                self.put_rows(tensor.name, 0, numpy_helper.to_array(tensor))
            _refer(tensor, Path(file.name).name, offset, size)

    def offset(self, name: str) -> int:
        """Where a tensor begins."""
        return self._places[name][0]

    def put_rows(self, name: str, first: int, rows: np.ndarray) -> None:
        """Write a tensor's rows from the first on."""
        offset, row_bytes = self._places[name]
        self._put(offset + first * row_bytes, rows)

    def put_columns(self, name: str, first: int, columns: np.ndarray) -> None:
        """Write a matrix's columns from the first on."""
        offset, row_bytes = self._places[name]
        columns = np.ascontiguousarray(columns)
        if columns[0].nbytes == row_bytes:
            self._put(offset, columns)
            return
        start = offset + first * columns.itemsize
        for i, row in enumerate(columns):
            self._put(start + i * row_bytes, row)

    def _put(self, offset: int, array: np.ndarray) -> None:
        self._file.seek(offset)
        self._file.write(np.ascontiguousarray(array).data)


def _refer(tensor: TensorProto, location: str, offset: int, length: int) -> None:
    for field in ("raw_data", "float_data", "int32_data", "int64_data"):
        tensor.ClearField(field)
    del tensor.external_data[:]
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", str(offset)), ("length", str(length))):
        tensor.external_data.add(key=key, value=value)

"""Writes graphs whose weights are larger than memory: tensor by tensor, from safetensors shards to external data.

A graph is traced with weights that take no memory (:func:`hollow`), rewritten for its precision, and only then filled: a tensor
is read in blocks of rows, converted, written, and forgotten. Peak memory is that of the largest tensor as it is written.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
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
    BLOCK,
    NBitsRewriter,
    ShellRewriter,
    pack_nbits,
    quantize_channels,
    shell_rewriter,
    unpack_nbits,
)

_BLOCK_BYTES = 64 << 20  # of float32 that are converted at once
_INLINE_BYTES = 1024
_ALIGNMENT = 4096  # of external data, so that it can be mapped


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
    pending: dict[str, Callable[[BinaryIO], None]] = {}
    cosines: dict[str, float] = {}
    half = precision == "fp16"
    if half:
        model.CopyFrom(to_float16(model, io_float32=io_float32))
    elif precision != "fp32":
        _rewrite(model, matrices, precision, sensitive, standard_operators=standard_operators)
    for name, rows in matrices.items():
        if precision == "fp32":
            pending[name] = _transposed(rows, name, np.float32, cosines)
        elif half:
            pending[f"{name}.half"] = _transposed(rows, name, np.float16, cosines)
        elif precision == "int8":
            pending |= _rowwise(rows, name, cosines, pairs_fit=standard_operators)
        else:
            pending |= _nbits(rows, name, 8 if any(part in name for part in sensitive) else 4, cosines)
    for name, rows in tables.items():
        pending[f"{name}.half" if half else name] = _as_it_is(rows, np.float16 if half else np.float32)
    _write(model, path, pending)
    return cosines


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


def _as_it_is(rows: Rows, dtype: type[np.floating]) -> Callable[[BinaryIO], None]:
    def write(file: BinaryIO) -> None:
        for _, block in rows.blocks():
            _put(file, block.astype(dtype, copy=False))

    return write


def _transposed(rows: Rows, name: str, dtype: type[np.floating], cosines: dict[str, float]) -> Callable[[BinaryIO], None]:
    def write(file: BinaryIO) -> None:
        matrix = np.empty((rows.shape[1], rows.shape[0]), dtype)
        similarity = _Similarity()
        for first, block in rows.blocks():
            matrix[:, first : first + len(block)] = block.T
            similarity.add(block, matrix[:, first : first + len(block)].T)
        file.write(matrix.data)
        cosines[name] = similarity.cosine

    return write


def _rowwise(rows: Rows, name: str, cosines: dict[str, float], *, pairs_fit: bool) -> dict[str, Callable[[BinaryIO], None]]:
    """As :func:`exporter.quantize.quantize_int8`: a scale for each output channel."""
    scales = np.empty(rows.shape[0], np.float32)

    def write(file: BinaryIO) -> None:
        matrix = np.empty((rows.shape[1], rows.shape[0]), np.int8)
        similarity = _Similarity()
        for first, block in rows.blocks():
            integers, scale = quantize_channels(block, pairs_fit=pairs_fit)
            matrix[:, first : first + len(block)] = integers.T
            scales[first : first + len(block)] = scale
            similarity.add(block, integers * scale[:, None])
        file.write(matrix.data)
        cosines[name] = similarity.cosine

    return {f"{name}.int8": write, f"{name}.scale": lambda file: _put(file, scales)}


def _nbits(rows: Rows, name: str, bits: int, cosines: dict[str, float]) -> dict[str, Callable[[BinaryIO], None]]:
    scales = np.empty((rows.shape[0], -(-rows.shape[1] // BLOCK)), np.float32)

    def write(file: BinaryIO) -> None:
        similarity = _Similarity()
        for first, block in rows.blocks():
            packed, scale = pack_nbits(block, bits)
            scales[first : first + len(block)] = scale
            file.write(packed.data)
            similarity.add(block, unpack_nbits(packed, scale, bits, block.shape[1]))
        cosines[name] = similarity.cosine

    return {f"{name}.nbits": write, f"{name}.scales": lambda file: _put(file, scales)}


def _put(file: BinaryIO, array: np.ndarray) -> None:
    file.write(np.ascontiguousarray(array).data)


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


def _write(model: onnx.ModelProto, path: Path, pending: Mapping[str, Callable[[BinaryIO], None]]) -> None:
    """Write the tensors in the graph's order, those with content as they are, and then the graph that refers to them."""
    data = path.with_name(f"{path.name}.data")
    with data.open("wb") as file:
        # A weight's integers are converted before its scales: they are made together.
        for tensor in sorted(model.graph.initializer, key=lambda tensor: tensor.name.endswith((".scale", ".scales"))):
            write = pending.get(tensor.name)
            if write is None:
                array = numpy_helper.to_array(tensor)
                if array.nbytes < _INLINE_BYTES:
                    continue
                content = np.ascontiguousarray(array)
                write = lambda file, content=content: _put(file, content)  # noqa: E731 - bound at once
            file.seek(-(-file.tell() // _ALIGNMENT) * _ALIGNMENT)
            offset = file.tell()
            write(file)
            _refer(tensor, data.name, offset, file.tell() - offset)
    path.write_bytes(model.SerializeToString())


def _refer(tensor: TensorProto, location: str, offset: int, length: int) -> None:
    for field in ("raw_data", "float_data", "int32_data", "int64_data"):
        tensor.ClearField(field)
    del tensor.external_data[:]
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", str(offset)), ("length", str(length))):
        tensor.external_data.add(key=key, value=value)

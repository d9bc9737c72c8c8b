"""Preallocated buffers, one row per running sequence: KV caches, and what else graphs hand to each other in place."""

import math
import mmap
from collections.abc import Mapping, Sequence

import numpy as np

from actors.bundle import GraphSpec, TensorSpec
from actors.errors import UsageError
from actors.runtime.session import Array, Device, DeviceArray

_HUGE_PAGE_BYTES = 2**21  # on x86 and, mostly, on ARM


class RowBuffers:
    """Preallocated arrays, one row per running sequence, that graphs read and write where they are.

    A range of rows is a view, so a smaller batch costs less. Memory is reserved, not touched: on the CPU a row's pages become
    real as they are written.

    Args:
        specs: the tensors; the first axis is the rows'.
        rows: how many.
        length: of the one axis behind the rows' that is dynamic.
        device: where they are.
        dtype: of all of them; default: each tensor's.

    Raises:
        UsageError: there is not so much memory.
    """

    def __init__(
        self, specs: Sequence[TensorSpec], rows: int, length: int, device: Device, dtype: np.dtype | None = None
    ) -> None:
        self._device = device
        shapes = [(rows, *(axis if isinstance(axis, int) else length for axis in spec.axes[1:])) for spec in specs]
        dtypes = [dtype or np.dtype(spec.dtype) for spec in specs]
        try:
            buffers = [_reserve(shape, dtype, device) for shape, dtype in zip(shapes, dtypes, strict=True)]
        except (MemoryError, OSError, OverflowError) as error:
            size = sum(math.prod(shape) * dtype.itemsize for shape, dtype in zip(shapes, dtypes, strict=True))
            raise UsageError(
                f"{rows} slots of {length} positions need {size / 1e9:,.1f} GB, which this machine does not give: "
                "open the model with fewer slots (--slots)"
            ) from error
        self._buffers = dict(zip((spec.name for spec in specs), buffers, strict=True))
        self._arrays = [buffer for buffer in buffers if isinstance(buffer, np.ndarray)]

    def __getitem__(self, rows: slice) -> dict[str, Array]:
        """Return these rows of each tensor, by its name."""
        return {name: buffer[rows] for name, buffer in self._buffers.items()}

    @property
    def movable(self) -> bool:
        """Whether rows can be written and moved here: on a GPU free slots are cheaper than copies through the host."""
        return self._device.memory == "cpu"

    def write(self, row: int, arrays: Mapping[str, np.ndarray]) -> None:
        """Write the start of a row, only where they are :attr:`movable`: along every axis of a tensor its beginning."""
        for name, array in arrays.items():
            self._buffers[name][(row, *map(slice, array.shape))] = array  # type: ignore[index]

    def move_row(self, source: int, target: int) -> None:
        """Copy a whole row over another one."""
        for array in self._arrays:
            array[target] = array[source]


class KVCache(RowBuffers):
    """Buffers ``[rows, kv_heads, max_length, head_dim]``: a graph's ``past_*`` and ``present_*`` at once.

    A prompt is prefilled straight into its row.

    Raises:
        UsageError: there is not so much memory.
    """

    def __init__(self, graph: GraphSpec, rows: int, max_length: int, device: Device, dtype: np.dtype | None = None) -> None:
        past = [spec for spec in graph.inputs if spec.name.startswith("past_")]
        super().__init__(past, rows, max_length, device, dtype)
        presents = [spec.name for spec in graph.outputs if spec.name.startswith("present_")]
        self._presents = dict(zip(presents, (spec.name for spec in past), strict=True))

    def past(self, rows: slice) -> dict[str, Array]:
        """Return what the graph reads of these rows, by input."""
        return self[rows]

    def present(self, rows: slice) -> dict[str, Array]:
        """Return what the graph writes of these rows, by output: the same memory."""
        past = self[rows]
        return {present: past[name] for present, name in self._presents.items()}

    def fill(self, row: int, prefix: Sequence[np.ndarray]) -> None:
        """Write the start of a row, only where caches are :attr:`movable`: ``[kv_heads, length, head_dim]`` per buffer."""
        for array, part in zip(self._arrays, prefix, strict=True):
            array[row, :, : part.shape[1]] = part

    def read(self, row: int, length: int) -> list[np.ndarray]:
        """Return the first positions of a row, only where caches are :attr:`movable`; as :meth:`fill` takes them."""
        return [array[row, :, :length].copy() for array in self._arrays]

    def move(self, source: int, target: int, length: int) -> None:
        """Copy the first ``length`` positions of row ``source`` over those of row ``target``."""
        for array in self._arrays:
            array[target, :, :length] = array[source, :, :length]


def _reserve(shape: tuple[int, ...], dtype: np.dtype, device: Device) -> Array:
    """Return an array whose memory, on the CPU, is zeros and becomes real where it is written.

    numpy asks the system for huge pages. Where the positions of one head fill such a page or more, each row in use would
    hold its whole length from its first position on.
    """
    if device.memory != "cpu":
        return DeviceArray.reserve(shape, dtype, device)
    *_, length, head_dim = shape
    if not hasattr(mmap, "MADV_NOHUGEPAGE") or length * head_dim * dtype.itemsize < _HUGE_PAGE_BYTES:
        return np.zeros(shape, dtype)
    count = math.prod(shape)
    memory = mmap.mmap(-1, count * dtype.itemsize, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(memory, dtype, count).reshape(shape)

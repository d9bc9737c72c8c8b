"""Preallocated KV buffers, one row per running sequence."""

import math
import mmap
from collections.abc import Sequence

import numpy as np

from actors.bundle import GraphSpec
from actors.errors import UsageError
from actors.runtime.session import Array, Device, DeviceArray

_HUGE_PAGE_BYTES = 2**21  # on x86 and, mostly, on ARM


class KVCache:
    """Buffers ``[rows, kv_heads, max_length, head_dim]``: a graph's ``past_*`` and ``present_*`` at once.

    A range of rows is a view of the buffers, so a smaller batch costs less and a prompt is prefilled straight into its
    row. Memory is reserved, not touched: on the CPU a row's pages become real as its sequence grows.

    Raises:
        UsageError: there is not so much memory.
    """

    def __init__(self, graph: GraphSpec, rows: int, max_length: int, device: Device) -> None:
        past = [spec for spec in graph.inputs if spec.name.startswith("past_")]
        present = [spec for spec in graph.outputs if spec.name.startswith("present_")]
        self._device = device
        # Of the axes behind the rows' the length is the only dynamic one.
        shapes = [(rows, *(axis if isinstance(axis, int) else max_length for axis in spec.axes[1:])) for spec in past]
        dtypes = [np.dtype(spec.dtype) for spec in past]
        try:
            buffers = [_reserve(shape, dtype, device) for shape, dtype in zip(shapes, dtypes, strict=True)]
        except (MemoryError, OSError, OverflowError) as error:
            size = sum(math.prod(shape) * dtype.itemsize for shape, dtype in zip(shapes, dtypes, strict=True))
            raise UsageError(
                f"{rows} slots of {max_length} positions need {size / 1e9:,.1f} GB, which this machine does not give: "
                "open the model with fewer slots (--slots)"
            ) from error
        self._past = {spec.name: buffer for spec, buffer in zip(past, buffers, strict=True)}
        self._present = {spec.name: buffer for spec, buffer in zip(present, buffers, strict=True)}
        self._arrays = [buffer for buffer in buffers if isinstance(buffer, np.ndarray)]

    @property
    def movable(self) -> bool:
        """Whether :meth:`move` works here: on a GPU free slots are cheaper than copies through the host."""
        return self._device.memory == "cpu"

    def past(self, rows: slice) -> dict[str, Array]:
        """Return what the graph reads of these rows, by input."""
        return {name: buffer[rows] for name, buffer in self._past.items()}

    def present(self, rows: slice) -> dict[str, Array]:
        """Return what the graph writes of these rows, by output: the same memory."""
        return {name: buffer[rows] for name, buffer in self._present.items()}

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
    _, _, length, head_dim = shape
    if not hasattr(mmap, "MADV_NOHUGEPAGE") or length * head_dim * dtype.itemsize < _HUGE_PAGE_BYTES:
        return np.zeros(shape, dtype)
    count = math.prod(shape)
    memory = mmap.mmap(-1, count * dtype.itemsize, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(memory, dtype, count).reshape(shape)

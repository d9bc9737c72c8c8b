"""Preallocated KV buffers, one slot per running utterance."""

import math
import mmap
from collections.abc import Sequence

import numpy as np
import onnxruntime as ort

from actors.bundle import GraphSpec, TensorSpec
from actors.errors import UsageError
from actors.runtime.session import Device

_HUGE_PAGE_BYTES = 2**21  # on x86 and, mostly, on ARM


class KVCache:
    """Buffers ``[slots, kv_heads, max_length, head_dim]``, bound to a graph as past and present at once.

    A range of slots is a view of the buffers, so a smaller batch costs less and a prompt is prefilled straight into its
    slot. Memory is reserved, not touched: on the CPU a slot's pages become real as its utterance grows.
    """

    def __init__(
        self, past: Sequence[TensorSpec], present: Sequence[TensorSpec], slots: int, max_length: int, device: Device
    ) -> None:
        self.slots = slots
        self.max_length = max_length
        self.device = device
        self._names = [(p.name, q.name) for p, q in zip(past, present, strict=True)]
        self._shapes = [_slot_shape(spec, max_length) for spec in past]
        self._dtypes = [np.dtype(spec.dtype) for spec in past]
        self._arrays: list[np.ndarray] = []
        try:
            self._values = [self._allocate(shape, dtype) for shape, dtype in zip(self._shapes, self._dtypes, strict=True)]
        except (MemoryError, OSError, OverflowError) as error:
            size = sum(
                slots * math.prod(shape) * dtype.itemsize for shape, dtype in zip(self._shapes, self._dtypes, strict=True)
            )
            raise UsageError(
                f"{slots} slots of {max_length} positions need {size / 1e9:,.1f} GB, which this machine does not give: "
                "open the model with fewer slots (--slots)"
            ) from error

    @classmethod
    def of_graph(cls, graph: GraphSpec, slots: int, max_length: int, device: Device) -> "KVCache":
        """Return the buffers of a graph's ``past_*`` inputs and ``present_*`` outputs."""
        past = [spec for spec in graph.inputs if spec.name.startswith("past_")]
        present = [spec for spec in graph.outputs if spec.name.startswith("present_")]
        return cls(past, present, slots, max_length, device)

    @property
    def movable(self) -> bool:
        """Whether :meth:`move` works here: on a GPU free slots are cheaper than copies through the host."""
        return self.device.memory == "cpu"

    def bind(self, binding: ort.IOBinding, first: int, count: int) -> None:
        """Bind slots ``first`` to ``first + count`` as the past and present of ``binding``."""
        for (past, present), shape, dtype, value in zip(self._names, self._shapes, self._dtypes, self._values, strict=True):
            pointer = value.data_ptr() + first * int(np.prod(shape)) * dtype.itemsize
            edge = (self.device.memory, self.device.ordinal, dtype, [count, *shape], pointer)
            binding.bind_input(past, *edge)
            binding.bind_output(present, *edge)

    def fill(self, slot: int, prefix: Sequence[np.ndarray]) -> None:
        """Write the start of a slot, only where caches are :attr:`movable`: ``[kv_heads, length, head_dim]`` per buffer."""
        for array, part in zip(self._arrays, prefix, strict=True):
            array[slot, :, : part.shape[1]] = part

    def read(self, slot: int, length: int) -> list[np.ndarray]:
        """Return the first positions of a slot, only where caches are :attr:`movable`; as :meth:`fill` takes them."""
        return [array[slot, :, :length].copy() for array in self._arrays]

    def move(self, source: int, target: int, length: int) -> None:
        """Copy the first ``length`` positions of slot ``source`` over those of slot ``target``."""
        for array in self._arrays:
            array[target, :, :length] = array[source, :, :length]

    def _allocate(self, shape: tuple[int, ...], dtype: np.dtype) -> ort.OrtValue:
        full = (self.slots, *shape)
        if self.device.memory != "cpu":
            return ort.OrtValue.ortvalue_from_shape_and_type(full, dtype, self.device.memory, self.device.ordinal)
        array = _reserve(full, dtype)
        self._arrays.append(array)  # the OrtValue shares its memory
        return ort.OrtValue.ortvalue_from_numpy(array)


def _reserve(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return zeros whose memory becomes real where it is written.

    numpy asks the system for huge pages. Where the positions of one head fill such a page or more, each slot in use would
    hold its whole length from its first position on.
    """
    _, _, length, head_dim = shape
    if not hasattr(mmap, "MADV_NOHUGEPAGE") or length * head_dim * dtype.itemsize < _HUGE_PAGE_BYTES:
        return np.zeros(shape, dtype)
    count = math.prod(shape)
    memory = mmap.mmap(-1, count * dtype.itemsize, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(memory, dtype, count).reshape(shape)


def _slot_shape(spec: TensorSpec, max_length: int) -> tuple[int, ...]:
    """The shape of one slot: the axes behind ``batch``, the only dynamic one among them being the length."""
    return tuple(axis if isinstance(axis, int) else max_length for axis in spec.axes[1:])

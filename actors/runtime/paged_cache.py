"""A KV cache in pages, as OpenVINO's PagedAttention reads and writes it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from actors.bundle import GraphSpec, TensorSpec
from actors.runtime.bfloat16 import from_bfloat16, to_bfloat16
from actors.runtime.kv_cache import KVCache
from actors.runtime.session import Device


@dataclass(frozen=True)
class Pages:
    """How a cache lies in memory.

    Attributes:
        size: positions of a page.
        bfloat16: whether values are kept so, as their 16 bits (uint16); else they are float32.
    """

    size: int
    bfloat16: bool

    def split(self, part: np.ndarray) -> np.ndarray:
        """``[kv_heads, length, head_dim]`` to ``[pages, kv_heads, size, head_dim]``; zeros fill the last page."""
        kv_heads, length, head_dim = part.shape
        whole = np.pad(part.astype(np.float32, copy=False), ((0, 0), (0, -length % self.size), (0, 0)))
        pages = np.ascontiguousarray(whole.reshape(kv_heads, -1, self.size, head_dim).transpose(1, 0, 2, 3))
        return to_bfloat16(pages) if self.bfloat16 else pages

    def join(self, pages: np.ndarray, length: int) -> np.ndarray:
        """``[pages, kv_heads, size, head_dim]`` to float32 ``[kv_heads, length, head_dim]``, a copy."""
        floats = from_bfloat16(pages) if self.bfloat16 else pages
        whole: np.ndarray = floats.transpose(1, 0, 2, 3).reshape(pages.shape[1], -1, pages.shape[3])
        return whole[:, :length].copy()

    def count(self, length: int) -> int:
        """How many hold so many positions."""
        return -(-length // self.size)


class PagedKVCache(KVCache):
    """Buffers ``[rows, pages, kv_heads, size, head_dim]``: pages of a row are neighbours, and hold its positions in order.

    Raises:
        UsageError: there is not so much memory.
    """

    def __init__(self, graph: GraphSpec, rows: int, max_length: int, pages: Pages) -> None:
        self._pages = pages
        count = pages.count(max_length)

        def in_pages(spec: TensorSpec) -> TensorSpec:
            if not spec.name.startswith("past_"):
                return spec
            batch, kv_heads, _, head_dim = spec.axes
            return spec.model_copy(update={"axes": [batch, count, kv_heads, pages.size, head_dim]})

        laid_out = graph.model_copy(update={"inputs": [in_pages(spec) for spec in graph.inputs]})
        super().__init__(laid_out, rows, max_length, Device("cpu"), np.dtype(np.uint16 if pages.bfloat16 else np.float32))

    def fill(self, row: int, prefix: Sequence[np.ndarray]) -> None:
        """Write the start of a row: ``[kv_heads, length, head_dim]`` per buffer."""
        for array, part in zip(self._arrays, prefix, strict=True):
            pages = self._pages.split(part)
            array[row, : len(pages)] = pages

    def read(self, row: int, length: int) -> list[np.ndarray]:
        """Return the first positions of a row, as :meth:`fill` takes them."""
        return [self._pages.join(array[row, : self._pages.count(length)], length) for array in self._arrays]

    def move(self, source: int, target: int, length: int) -> None:
        """Copy the pages of the first ``length`` positions of row ``source`` over those of row ``target``."""
        count = self._pages.count(length)
        for array in self._arrays:
            array[target, :count] = array[source, :count]


def open_cache(pages: Pages | None, graph: GraphSpec, rows: int, max_length: int, device: Device) -> KVCache:
    """Return a cache for a graph, laid out as its runtime reads it.

    Raises:
        UsageError: there is not so much memory.
    """
    return PagedKVCache(graph, rows, max_length, pages) if pages else KVCache(graph, rows, max_length, device)

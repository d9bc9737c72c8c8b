"""Runs a graph that has a KV cache: a prompt or a step, for one sequence or several together."""

from collections.abc import Mapping

import numpy as np

from actors.runtime.graphs import Graphs, Runs
from actors.runtime.kv_cache import RowBuffers
from actors.runtime.paged_cache import open_cache

# What tells such a graph how long its rows are.
_LENGTHS: Mapping[str, int | None] = {"seqlens_k": None, "total_sequence_length": None}


class StepGraph:
    """A graph with a KV cache, and with room for ``rows`` sequences, each of a length of its own.

    It reads and writes cache and outputs where they are, whichever rows a run is of.

    Args:
        graphs: opens it.
        key: its name in the manifest.
        rows: how many sequences there can be.
        max_length: positions of the longest.
        outputs: those that are one array a row, with its size, or its shape.
        beside: what else it reads of each row, from where it is.
        edges: the other inputs and outputs that the caller uses, as :meth:`actors.runtime.graphs.Graphs.open` takes them.

    Attributes:
        cache: keys and values of every row.
        outputs: float32 ``[rows, size]`` or ``[rows, *shape]``; a row has what its last run gave.

    Raises:
        BundleError: the bundle has no such graph, or a broken one.
        UsageError: there is not enough memory.
    """

    def __init__(
        self,
        graphs: Graphs,
        key: str,
        rows: int,
        max_length: int,
        outputs: Mapping[str, int | tuple[int, ...]],
        *beside: RowBuffers,
        **edges: int | None,
    ) -> None:
        shapes = {name: size if isinstance(size, tuple) else (size,) for name, size in outputs.items()}
        self._session = graphs.open(key, **_LENGTHS, **shapes, **edges)
        self.cache = open_cache(self._session.pages, graphs.bundle.graph(key), rows, max_length, graphs.device)
        self._beside = beside
        self.outputs = {name: np.zeros((rows, *shape), np.float32) for name, shape in shapes.items()}
        self._bindings: dict[tuple[int, int], Runs] = {}

    def run(
        self,
        first: int,
        feeds: Mapping[str, np.ndarray],
        lengths: np.ndarray,
        outputs: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Run neighbouring rows, whose caches and :attr:`outputs` change.

        Args:
            first: the first row.
            feeds: the inputs besides the caches, ``[rows, ...]``.
            lengths: positions that each row has after it, ``[rows]``.
            outputs: arrays to write other outputs to.
        """
        count = len(lengths)
        feeds = {
            **feeds,
            "seqlens_k": (lengths - 1).astype(np.int32),
            "total_sequence_length": np.array(lengths.max(), np.int32),
        }
        if (first, count) not in self._bindings:
            self._bindings[first, count] = self._bind(slice(first, first + count))
        self._bindings[first, count].run(feeds, outputs or {})

    def _bind(self, rows: slice) -> Runs:
        outputs = {name: array[rows] for name, array in self.outputs.items()}
        inputs = self.cache.past(rows)
        for buffers in self._beside:
            inputs |= buffers[rows]
        return self._session.bind(inputs, {**outputs, **self.cache.present(rows)})

"""Finds ids that several rows share."""

import contextlib
import itertools
import threading
from collections.abc import Iterator, Sequence

import numpy as np

from actors.errors import InputDataError
from cluster.dataset.ids import hashes_of
from cluster.dataset.read import read_rows, read_slice
from cluster.dataset.shards import Dataset, Shard, Unit
from cluster.dataset.units import plan_units


def find_duplicate_ids(dataset: Dataset, limit: int = 5, *, stop: threading.Event | None = None) -> list[str]:
    """Return a sentence for each of the first ``limit`` ids that several rows share.

    Of Parquet files it reads the id column alone; of text files the scan has kept hashes. Takes up to 24 bytes a row.
    Rows that cannot be read are left out: they are the run's to report.

    Args:
        dataset: what :func:`scan` returned.
        limit: how many ids to return at most.
        stop: once it is set, nothing more is read and nothing found.

    Raises:
        StorageError: the store cannot be reached.
    """
    hashes: dict[int, np.ndarray] = {}
    for shard in dataset.shards:
        if stop and stop.is_set():
            return []
        if shard.rows and dataset.id_column in shard.schema.names:  # generated ids differ by construction
            known = dataset.id_hashes.get(shard.index)
            hashes[shard.index] = _read_id_hashes(shard, dataset.id_column) if known is None else known
    # More than asked for: that two ids share a hash is possible, and shows when they are read.
    repeated = _repeated(list(hashes.values()), 2 * limit)
    places: dict[str, list[str]] = {}
    for index in [index for index, ids in hashes.items() if np.isin(ids, repeated).any()]:
        for place, id_ in _ids_of(dataset, dataset.shards[index]):
            if hash(id_) in repeated:
                places.setdefault(id_, []).append(place)
    shared = {id_: found for id_, found in places.items() if len(found) > 1}
    return [f"id {id_!r}: rows {', '.join(found[:3])}" for id_, found in itertools.islice(shared.items(), limit)]


def _repeated(hashes: Sequence[np.ndarray], limit: int) -> list[int]:
    """Return values that appear more than once, those of the first shards first."""
    merged = np.concatenate([*hashes, np.empty(0, np.int64)])
    merged.sort()
    repeated = np.unique(merged[1:][merged[1:] == merged[:-1]])
    first: dict[int, None] = {}
    for ids in hashes if len(repeated) else ():
        first |= dict.fromkeys(np.intersect1d(ids, repeated).tolist())
        if len(first) >= limit:
            break
    return list(first)[:limit]


def _read_id_hashes(shard: Shard, id_column: str) -> np.ndarray:
    """Return hashes of a Parquet shard's ids, a row group at a time; of those that cannot be read none."""
    found = [np.empty(0, np.int64)]
    first = 0
    for count in shard.row_groups:
        unit = Unit(shard.index, first, min(count, shard.rows - first))
        first += count
        with contextlib.suppress(InputDataError):
            if unit.count > 0:
                found.append(hashes_of(read_slice(shard, unit, {id_column}).columns[id_column]))
    return np.concatenate(found)


def _ids_of(dataset: Dataset, shard: Shard) -> Iterator[tuple[str, str]]:
    """Yield place and id of every row that can be read."""
    for unit in plan_units([shard], 1 << 16):
        with contextlib.suppress(InputDataError):
            for row in read_rows(dataset, unit, columns=()).rows:
                yield f"{shard.name}:{row.position}", row.id

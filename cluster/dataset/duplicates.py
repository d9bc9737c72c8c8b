"""Finds ids that several rows share."""

import contextlib
import itertools
import threading
from collections.abc import Iterator, Sequence

import numpy as np

from actors.errors import InputDataError
from cluster.dataset.arrow_ipc import arrow_ids
from cluster.dataset.ids import hashes_of, id_texts
from cluster.dataset.parquet import read_parquet
from cluster.dataset.shards import Dataset, Shard
from cluster.dataset.stored import content_errors
from cluster.dataset.text_formats import text_ids
from cluster.dataset.units import missing_units
from cluster.dataset.values import Column

_SHOWN_ROWS = 3
_SHOWN_CHARS = 200
_IDS_AT_ONCE = 1 << 16
# Damage is not looked at more closely than this.
_FEWEST_IDS = 32


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
    wanted = set(repeated)
    for index in [index for index, ids in hashes.items() if np.isin(ids, repeated).any()]:
        for place, id_ in _ids_of(dataset.shards[index], dataset.id_column):
            if id_ and hash(id_) in wanted and len(found := places.setdefault(id_, [])) < _SHOWN_ROWS:
                found.append(place)
    shared = {id_: found for id_, found in places.items() if len(found) > 1}
    return [f"id {_shown(id_)}: rows {', '.join(found)}" for id_, found in itertools.islice(shared.items(), limit)]


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


def _shown(id_: str) -> str:
    return repr(id_) if len(id_) <= _SHOWN_CHARS else f"{id_[:_SHOWN_CHARS]!r}… ({len(id_)} characters)"


def _read_id_hashes(shard: Shard, id_column: str) -> np.ndarray:
    """Return hashes of a Parquet shard's ids; of those that cannot be read none."""
    found = [hashes_of(ids) for _, ids in _parquet_ids(shard, id_column)]
    return np.concatenate([np.empty(0, np.int64), *found])


def _parquet_ids(shard: Shard, id_column: str) -> Iterator[tuple[int, Column]]:
    """Yield the ids of some rows at a time, as many as may be in memory, and the number of the first one."""
    pieces = missing_units([shard], {}, _IDS_AT_ONCE)
    while pieces:
        unit = pieces.pop(0)
        try:
            with content_errors(shard):
                yield unit.first, read_parquet(shard, unit, {id_column}, decoded=False).columns[id_column]
        except InputDataError:
            # What is too large together is read in pieces; of what is damaged some rows may be read.
            pieces[:0] = unit.split() if unit.count > _FEWEST_IDS else ()


def _ids_of(shard: Shard, id_column: str) -> Iterator[tuple[str, str]]:
    """Yield place and id of every row that can be read."""
    if shard.format == "parquet":
        for first, ids in _parquet_ids(shard, id_column):
            yield from ((f"{shard.name}:{first + i}", id_) for i, id_ in enumerate(id_texts(ids)))
    else:
        ids = arrow_ids if shard.format == "arrow" else text_ids
        with contextlib.suppress(InputDataError):
            yield from ((f"{shard.name}:{i}", id_) for i, id_ in enumerate(ids(shard, id_column)))

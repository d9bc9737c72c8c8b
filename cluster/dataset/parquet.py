"""Rows of Parquet: footers, and the bytes of some columns of some row groups."""

import contextlib
import functools
import hashlib
import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from actors.errors import InputDataError, StorageError
from cluster.dataset.columns import declared_features, shared_schema, storage_type
from cluster.dataset.ids import hashes_of
from cluster.dataset.shards import Shard, Slice, Unit
from cluster.dataset.stored import CHUNK_BYTES, OPEN_FILES, READ_BYTES, StoreReader
from cluster.storage import Store

# The end of a Parquet file that is read first: most footers are in it.
_TAIL_BYTES = 64 << 10
# Files up to this size are read in one request.
_WHOLE_BYTES = 1 << 20
# From an object store, ranges of a file that are closer than this are one request.
_HOLE_BYTES = 1 << 20
_CHUNKS_BYTES = 256 << 20
# Row groups that make several units are decoded once, and kept, if their rows are small and they are not large in all.
_DECODED_ROW_BYTES = 4 << 10
_DECODED_BYTES = 128 << 20
_PARQUET_BATCH_ROWS = 128


def scan_parquet(shard: Shard, id_column: str) -> tuple[Shard, np.ndarray | None]:
    """Return the shard as its footer describes it, and hashes of its ids if they are in memory anyway."""
    with StoreReader(shard.store, shard.key) as stream:
        digest, file = _open_footer(stream)
        metadata, schema = file.metadata, file.schema_arrow
        ids = None
        if stream.size <= _WHOLE_BYTES and id_column in schema.names:  # it is in memory now, and would be opened again
            with contextlib.suppress(OSError, pa.ArrowException):
                ids = hashes_of(file.read([id_column], use_threads=False).column(id_column))
    scanned = replace(
        shard,
        rows=metadata.num_rows,
        digest=digest,
        schema=shared_schema(tuple((f.name, storage_type(f.type), False) for f in schema)),
        features=declared_features((schema.metadata or {}).get(b"huggingface")),
        row_groups=tuple(metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)),
    )
    return scanned, ids


def _open_footer(stream: "StoreReader") -> tuple[str, pq.ParquetFile]:
    """Return a digest of a Parquet file (the sha256 of its size and footer) and the file: of a small one all, else the footer.

    The footer's length stands before the final magic number.
    """
    end = stream.size
    is_small = end <= _WHOLE_BYTES
    stream.fetch(0 if is_small else max(0, end - _TAIL_BYTES), end)
    length = int.from_bytes(stream.read_range(max(0, end - 8), end)[:4], "little")
    footer = stream.read_range(max(0, end - 8 - length), end)
    digest = hashlib.sha256(b"%d " % end + footer).hexdigest()
    return digest, pq.ParquetFile(pa.BufferReader(stream.read_range(0, end) if is_small else footer))


def read_parquet(shard: Shard, unit: Unit, names: set[str]) -> Slice:
    """Read some columns of a unit's rows."""
    if not names:
        return Slice({}, [None] * unit.count)
    starts = [0, *itertools.accumulate(shard.row_groups)]
    groups = [i for i, (a, b) in enumerate(itertools.pairwise(starts)) if a < unit.stop and unit.first < b]
    skip = unit.first - starts[groups[0]]
    is_lesser = 2 * unit.count < starts[groups[-1] + 1] - starts[groups[0]]
    table = _decode_groups(shard, groups, frozenset(names)) if is_lesser else None
    if table is None:
        with _open_chunks(shard, groups, names, is_lesser=is_lesser) as file:
            batches = file.iter_batches(_PARQUET_BATCH_ROWS, row_groups=groups, columns=sorted(names), use_threads=False)
            table = pa.Table.from_batches(_slice_batches(batches, skip, unit.count))
    else:
        table = table.slice(skip, unit.count)
    return Slice({name: table.column(name) for name in names}, [None] * table.num_rows)


def _decode_groups(shard: Shard, groups: Sequence[int], names: frozenset[str]) -> pa.Table | None:
    """Return some columns of row groups, decoded once for the units that are cut from them; ``None`` if they are large."""
    tables = []
    for group in groups:
        table = _decode_group(shard.store, shard.key, shard.digest, group, names)
        if table is None:
            return None
        tables.append(table)
    return pa.concat_tables(tables)


@functools.lru_cache(maxsize=2)
def _decode_group(store: Store, key: str, digest: str, group: int, names: frozenset[str]) -> pa.Table | None:
    shard = Shard(0, "", store, key, 0, "parquet", digest=digest)
    batches = []
    with _open_chunks(shard, [group], names, is_lesser=False) as file:
        size = sum(chunk.total_uncompressed_size for chunk in _chunks(file.metadata, [group], names))
        if size > min(_DECODED_BYTES, _DECODED_ROW_BYTES * file.metadata.row_group(group).num_rows):
            return None
        try:
            for batch in file.iter_batches(1 << 14, row_groups=[group], columns=sorted(names), use_threads=False):
                batches.append(batch)
                if (
                    sum(batch.nbytes for batch in batches) > _DECODED_BYTES
                ):  # repeated values are stored once, and decoded often
                    return None
        except StorageError:
            raise
        except (OSError, pa.ArrowException):  # the rows before what cannot be read are read one unit at a time
            return None
    return pa.Table.from_batches(batches)


@contextlib.contextmanager
def _open_chunks(shard: Shard, groups: Sequence[int], names: Collection[str], *, is_lesser: bool) -> Iterator[pq.ParquetFile]:
    """Open a file to read some columns of some row groups, of whose rows fewer than half are wanted if ``is_lesser``."""
    is_remote = shard.store.local_path() is None
    stream, metadata = (_keep_parquet if is_remote else _open_parquet)(shard.store, shard.key, shard.digest)
    with stream.reopen() as view:
        if is_remote:
            ranges = _joined((_first_byte(chunk), chunk.total_compressed_size) for chunk in _chunks(metadata, groups, names))
            if sum(stop - first for first, stop in ranges) <= (CHUNK_BYTES if is_lesser else _CHUNKS_BYTES):
                for first, stop in ranges:
                    view.fetch(first, stop)
        # Without pre_buffer and with a buffer, a column chunk is read only as far as it is needed.
        buffer_size = CHUNK_BYTES if is_remote else READ_BYTES
        yield pq.ParquetFile(pa.PythonFile(view, mode="r"), metadata=metadata, pre_buffer=False, buffer_size=buffer_size)


def _open_parquet(store: Store, key: str, digest: str) -> tuple["StoreReader", pq.FileMetaData]:
    stream = StoreReader(store, key)
    found, file = _open_footer(stream)
    if found != digest:
        raise InputDataError("the file was changed since the job started")
    return stream, file.metadata


# That an object is replaced while it is kept open shows when its bytes make no sense, or when another process opens it.
_keep_parquet = functools.lru_cache(maxsize=OPEN_FILES)(_open_parquet)


def _chunks(metadata: pq.FileMetaData, groups: Iterable[int], names: Collection[str]) -> list[pq.ColumnChunkMetaData]:
    """Return the chunks of some columns in some row groups."""
    found = []
    for group in map(metadata.row_group, groups):
        for chunk in map(group.column, range(group.num_columns)):
            path = chunk.path_in_schema
            if path in names or any(path.startswith(f"{name}.") for name in names):
                found.append(chunk)
    return found


def _first_byte(chunk: pq.ColumnChunkMetaData) -> int:
    return int(min(filter(None, (chunk.dictionary_page_offset, chunk.data_page_offset))))


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return first byte and stop of ranges given by first byte and size, close ones taken together."""
    joined: list[tuple[int, int]] = []
    for first, size in sorted(ranges):
        if joined and first - joined[-1][1] <= _HOLE_BYTES:
            joined[-1] = (joined[-1][0], max(first + size, joined[-1][1]))
        else:
            joined.append((first, first + size))
    return joined


def _slice_batches(batches: Iterator[pa.RecordBatch], skip: int, count: int) -> Iterator[pa.RecordBatch]:
    """Yield rows ``skip`` to ``skip + count``, and stop reading there."""
    for batch in batches:
        part = batch.slice(skip, count)
        skip = max(0, skip - batch.num_rows)
        count -= part.num_rows
        if part.num_rows:
            yield part
        if not count:
            return

"""Rows of Parquet: the bytes of some columns of some row groups."""

import contextlib
import functools
import hashlib
import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import types

from actors.errors import InputDataError, StorageError
from cluster.dataset.arrow_types import is_any_list, is_bytes
from cluster.dataset.shards import Shard, Slice, Unit
from cluster.dataset.stored import CHUNK_BYTES, OPEN_FILES, READ_BYTES, StoreReader
from cluster.dataset.units import UNIT_BYTES, too_large
from cluster.dataset.values import map_entries
from cluster.storage import Store

# The end of a Parquet file that is read first: most footers are in it.
_TAIL_BYTES = 64 << 10
# Files up to this size are read in one request.
WHOLE_BYTES = 1 << 20
# From an object store, ranges of a file that are closer than this are one request.
_HOLE_BYTES = 1 << 20
_CHUNKS_BYTES = 256 << 20
# Row groups that make several units are decoded once, and kept, if their rows are small and they are not large in all.
_DECODED_ROW_BYTES = 4 << 10
_DECODED_BYTES = 128 << 20
_PARQUET_BATCH_ROWS = 128
SHARED_BATCH_ROWS = 1 << 14
# More is not read of one row: Arrow and Parquet hold no larger text.
_MAX_ROW_BYTES = (1 << 31) - 1


def open_footer(stream: StoreReader) -> tuple[str, pq.ParquetFile]:
    """Return a digest of a Parquet file (the sha256 of its size and footer) and the file: of a small one all, else the footer.

    The footer's length stands before the final magic number.
    """
    end = stream.size
    is_small = end <= WHOLE_BYTES
    stream.fetch(0 if is_small else max(0, end - _TAIL_BYTES), end)
    length = int.from_bytes(stream.read_range(max(0, end - 8), end)[:4], "little")
    footer = stream.read_range(max(0, end - 8 - length), end)
    digest = hashlib.sha256(b"%d " % end + footer).hexdigest()
    return digest, pq.ParquetFile(pa.BufferReader(stream.read_range(0, end) if is_small else footer))


def read_parquet(shard: Shard, unit: Unit, names: set[str], *, decoded: bool = True) -> Slice:
    """Read some columns of a unit's rows; ``decoded`` says whether each row will have its own copy of what several share.

    Raises:
        InputDataError: the rows are more than a unit may hold.
    """
    if not names:
        return Slice({}, [None] * unit.count)
    starts = [0, *itertools.accumulate(shard.row_groups)]
    groups = [i for i, (a, b) in enumerate(itertools.pairwise(starts)) if a < unit.stop and unit.first < b]
    skip = unit.first - starts[groups[0]]
    is_lesser = 2 * unit.count < starts[groups[-1] + 1] - starts[groups[0]]
    table = _decode_groups(shard, groups, frozenset(names)) if is_lesser else None
    if table is None:
        with _open_chunks(shard, groups, names, is_lesser=is_lesser) as file:
            most = _PARQUET_BATCH_ROWS if decoded else SHARED_BATCH_ROWS
            rows = min(most, _batch_rows(file.metadata, groups, names, unit.count))
            batches = iter_groups(file, rows, groups, names)
            table = pa.Table.from_batches(_bounded(_slice_batches(batches, skip, unit.count), unit.count, decoded=decoded))
    else:
        table = table.slice(skip, unit.count)
        list(_bounded(table.to_batches(), unit.count, decoded=decoded))
    return Slice({name: table.column(name) for name in names}, [None] * table.num_rows)


def iter_groups(file: pq.ParquetFile, rows: int, groups: Iterable[int], names: Collection[str]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of one row group after the other: Arrow cannot join dictionaries that are inside of lists or records."""
    for group in groups:
        yield from file.iter_batches(rows, row_groups=[group], columns=sorted(names), use_threads=False)


def _batch_rows(metadata: pq.FileMetaData, groups: Sequence[int], names: Collection[str], count: int) -> int:
    """Return how many rows may be decoded at once.

    Raises:
        InputDataError: as many as are wanted are too large together.
    """
    rows: int = max(1, sum(metadata.row_group(i).num_rows for i in groups))
    row_bytes = _least_bytes(metadata, groups, names) // rows
    if row_bytes * count > UNIT_BYTES and count > 1:
        raise too_large(row_bytes * count)
    if row_bytes > _MAX_ROW_BYTES:
        raise InputDataError(f"a row has {row_bytes >> 20} MiB, and at most {_MAX_ROW_BYTES >> 20} are read")
    return max(1, UNIT_BYTES // max(1, row_bytes))


def _least_bytes(metadata: pq.FileMetaData, groups: Iterable[int], names: Collection[str]) -> int:
    """Return how many bytes some columns of row groups have at least when they are decoded."""
    lengths = {c.path: c.length for c in map(metadata.schema.column, range(metadata.num_columns))}
    return sum(_chunk_bytes(chunk, lengths[chunk.path_in_schema]) for chunk in _chunks(metadata, groups, names))


def _chunk_bytes(chunk: pq.ColumnChunkMetaData, length: int) -> int:
    """Return how many bytes a column chunk has at least when it is decoded: lists of one number may be tiny in the file."""
    widths = {"BOOLEAN": 1, "INT64": 8, "DOUBLE": 8, "INT96": 8, "FIXED_LEN_BYTE_ARRAY": length}
    width = widths.get(chunk.physical_type, 4)
    largest: int = max(chunk.total_uncompressed_size, width * chunk.num_values)
    return largest


def _bounded(batches: Iterable[pa.RecordBatch], count: int, *, decoded: bool) -> Iterator[pa.RecordBatch]:
    """Yield batches as long as they are small together: a text that is in the file once may be in many of its rows.

    Raises:
        InputDataError: they are not.
    """
    size = 0
    for batch in batches:
        size += sum(map(_decoded_bytes, batch.columns)) if decoded else batch.nbytes
        if size > UNIT_BYTES and count > 1:
            raise too_large(size)
        if size > _MAX_ROW_BYTES:
            raise InputDataError(f"the row has {size >> 20} MiB, and at most {_MAX_ROW_BYTES >> 20} are read")
        yield batch


def _decoded_bytes(array: pa.Array) -> int:
    """Return about how many bytes an array has once its dictionaries are decoded."""
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return _decoded_bytes(array.storage)
    if types.is_dictionary(kind) and is_bytes(kind.value_type):
        lengths = pc.cast(pc.binary_length(array.dictionary), pa.int64())
        return int(pc.sum(lengths.take(array.indices)).as_py() or 0) + 4 * len(array)
    if types.is_struct(kind):
        return sum(map(_decoded_bytes, array.flatten()))
    if types.is_map(kind):
        return sum(map(_decoded_bytes, map_entries(array))) + 4 * len(array)
    if is_any_list(kind):
        return _decoded_bytes(array.flatten()) + 4 * len(array)
    return int(array.nbytes)


def repeated_texts(metadata: pq.FileMetaData, groups: Iterable[int], names: Collection[str]) -> list[str]:
    """Return the paths of texts and bytes that are stored once for several rows: read as such, they stay small."""
    chunks = _chunks(metadata, groups, names)
    return list({c.path_in_schema: None for c in chunks if c.physical_type == "BYTE_ARRAY" and c.has_dictionary_page})


def _decode_groups(shard: Shard, groups: Sequence[int], names: frozenset[str]) -> pa.Table | None:
    """Return some columns of row groups, decoded once for the units that are cut from them; ``None`` if they are large."""
    tables = []
    for group in groups:
        table = _decode_group(shard.store, shard.key, shard.digest, shard.int96_unit, group, names)
        if table is None:
            return None
        tables.append(table)
    return pa.concat_tables(tables)


@functools.lru_cache(maxsize=2)
def _decode_group(
    store: Store, key: str, digest: str, int96_unit: Literal["us", "ns"], group: int, names: frozenset[str]
) -> pa.Table | None:
    shard = Shard(0, "", store, key, 0, "parquet", digest=digest, int96_unit=int96_unit)
    batches = []
    with _open_chunks(shard, [group], names, is_lesser=False) as file:
        size = _least_bytes(file.metadata, [group], names)
        if size > min(_DECODED_BYTES, _DECODED_ROW_BYTES * file.metadata.row_group(group).num_rows):
            return None
        try:
            for batch in file.iter_batches(SHARED_BATCH_ROWS, row_groups=[group], columns=sorted(names), use_threads=False):
                batches.append(batch)
                if sum(batch.nbytes for batch in batches) > _DECODED_BYTES:
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
        yield pq.ParquetFile(
            pa.PythonFile(view, mode="r"),
            metadata=metadata,
            pre_buffer=False,
            buffer_size=buffer_size,
            read_dictionary=repeated_texts(metadata, groups, names),
            coerce_int96_timestamp_unit=shard.int96_unit,
        )


def _open_parquet(store: Store, key: str, digest: str) -> tuple[StoreReader, pq.FileMetaData]:
    stream = StoreReader(store, key)
    found, file = open_footer(stream)
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

"""What is known of a Parquet file before the run, from its footer."""

import contextlib
import functools
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types

from actors.errors import InputDataError
from cluster.dataset.arrow_types import is_any_list, leaf_types, storage_type
from cluster.dataset.columns import ColumnType, declared_features, field_of, share
from cluster.dataset.common_types import EVERYTHING_FITS, fits_of
from cluster.dataset.ids import hashes_of
from cluster.dataset.parquet import SHARED_BATCH_ROWS, WHOLE_BYTES, iter_groups, open_footer, repeated_texts
from cluster.dataset.parquet_bounds import check_footer
from cluster.dataset.shards import Shard
from cluster.dataset.stored import StoreReader
from cluster.dataset.units import UNIT_BYTES, too_large


def scan_parquet(shard: Shard, id_column: str) -> tuple[Shard, np.ndarray | None]:
    """Return the shard as its footer describes it, and hashes of its ids if they are in memory anyway."""
    with StoreReader(shard.store, shard.key) as stream:
        digest, file = open_footer(stream)
        metadata, schema = file.metadata, file.schema_arrow
        check_footer(metadata, stream.size)
        int96_unit = _int96_unit(stream, metadata, schema)
        if int96_unit != "ns":
            schema = pq.ParquetFile(
                pa.BufferReader(b""), metadata=metadata, coerce_int96_timestamp_unit=int96_unit
            ).schema_arrow
        ids = None
        if stream.size <= WHOLE_BYTES and id_column in schema.names:  # it is in memory now, and would be opened again
            with contextlib.suppress(OSError, pa.ArrowException, InputDataError):
                ids = hashes_of(_read_whole(stream, metadata, id_column))
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    scanned = replace(
        shard,
        rows=metadata.num_rows,
        digest=digest,
        schema=share(pa.schema(_fields(groups, schema))),
        features=declared_features((schema.metadata or {}).get(b"huggingface")),
        row_groups=tuple(group.num_rows for group in groups),
        int96_unit=int96_unit,
        row_bytes=max((group.total_byte_size // max(1, group.num_rows) for group in groups), default=0),
    )
    return scanned, ids


def _int96_unit(stream: StoreReader, metadata: pq.FileMetaData, schema: pa.Schema) -> Literal["us", "ns"]:
    """Return the unit in which the timestamps of the old kind keep their value.

    They reach beyond the years that 64 bits have nanoseconds for, and Arrow says nothing where it leaves those. No statistics
    tell, so such columns are read here.
    """
    old = [metadata.schema.column(i).physical_type == "INT96" for i in range(metadata.num_columns)]
    names = [column.name for column, first, leaves in _leaves(schema) if any(old[first : first + len(leaves)])]
    if not names:
        return "ns"
    files = [
        pq.ParquetFile(
            pa.PythonFile(stream.reopen(), mode="r"), metadata=metadata, pre_buffer=False, coerce_int96_timestamp_unit=unit
        )
        for unit in ("us", "ns")
    ]
    for group in range(metadata.num_row_groups):
        with contextlib.suppress(pa.ArrowException, OSError):  # of a damaged group the run says which rows are lost
            batches = [file.iter_batches(1 << 14, row_groups=[group], columns=names, use_threads=False) for file in files]
            for us, ns in zip(*batches, strict=True):
                ticks = [list(itertools.chain.from_iterable(map(_ticks, batch.columns))) for batch in (us, ns)]
                if any((a != b // 1000).any() for a, b in zip(*ticks, strict=True)):
                    return "us"
    return "ns"


def _ticks(array: pa.Array) -> Iterator[np.ndarray]:
    """Yield the integers behind the moments in an array, those inside of lists and records too."""
    if types.is_timestamp(array.type):
        yield array.view(pa.int64()).drop_null().to_numpy()
    elif types.is_struct(array.type) or types.is_map(array.type):
        children = array.flatten() if types.is_struct(array.type) else (array.keys, array.items)
        yield from (ticks for child in children for ticks in _ticks(child))
    elif is_any_list(array.type):
        yield from _ticks(array.flatten())


def _read_whole(stream: StoreReader, metadata: pq.FileMetaData, column: str) -> pa.ChunkedArray:
    """Return a column of a small file.

    Raises:
        InputDataError: it is larger than a unit may be.
    """
    content = pa.BufferReader(stream.read_range(0, stream.size))
    repeated = repeated_texts(metadata, range(metadata.num_row_groups), {column})
    size = 0
    batches = []
    with pq.ParquetFile(content, metadata=metadata, read_dictionary=repeated) as file:
        for batch in iter_groups(file, SHARED_BATCH_ROWS, range(metadata.num_row_groups), [column]):
            size += batch.nbytes
            if size > UNIT_BYTES:
                raise too_large(size)
            batches.append(batch)
    return pa.Table.from_batches(batches, schema=None if batches else pa.schema([(column, pa.string())])).column(column)


def _fields(groups: Sequence[pq.RowGroupMetaData], schema: pa.Schema) -> Iterator[pa.Field]:
    """Yield the columns of a file as a job passes them through."""
    for column, first, leaves in _leaves(schema):
        fits = EVERYTHING_FITS
        for i, leaf in enumerate(leaves, first):
            if fits and (types.is_int64(leaf) or types.is_uint64(leaf) or types.is_timestamp(leaf) or types.is_duration(leaf)):
                fits = functools.reduce(frozenset.__and__, (_chunk_fits(leaf, group.column(i)) for group in groups), fits)
        yield field_of(column.name, ColumnType(storage_type(column.type), fits))


def _leaves(schema: pa.Schema) -> Iterator[tuple[pa.Field, int, list[pa.DataType]]]:
    """Yield every column with the number of its first column chunk in a row group, and the types of its leaves."""
    first = 0
    for column in schema:
        leaves = leaf_types(column.type)
        yield column, first, leaves
        first += len(leaves)


def _chunk_fits(leaf: pa.DataType, chunk: pq.ColumnChunkMetaData) -> frozenset[str]:
    """Return what the values of a column chunk fit, as its statistics say; nothing if they say nothing."""
    # Arrow ends the process over statistics of another type.
    found = chunk.statistics if chunk.physical_type == "INT64" else None
    if found is None:
        return EVERYTHING_FITS - {"float64"} if types.is_timestamp(leaf) and leaf.unit == "ns" else frozenset()
    if found.has_min_max:
        return fits_of(leaf, found.min_raw, found.max_raw)
    return EVERYTHING_FITS if found.has_null_count and found.null_count == chunk.num_values else frozenset()

"""Rows of Arrow IPC: streams, as ``datasets.save_to_disk`` writes them, and files (Feather), which are streams with a frame.

The scan notes the place of each record batch, so that a worker reads those of its unit and no others.
"""

import hashlib
import io
import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa

from actors.errors import InputDataError
from cluster.dataset.columns import ColumnType, declared_features, field_of, share, storage_type
from cluster.dataset.ids import hashes_of, id_texts
from cluster.dataset.shards import Shard, Slice, Unit
from cluster.dataset.stored import READ_BYTES, StoreReader
from cluster.storage import printable

_MAGIC = b"ARROW1"  # before the stream of a file, up to a multiple of 8 bytes, and at its end
_FEATHER_V1 = b"FEA1"


def is_parquet(shard: Shard) -> bool:
    """Say whether a file is none of Arrow IPC but Parquet, as "Arrow" is understood by some."""
    with StoreReader(shard.store, shard.key) as reader:
        return reader.read(4) == b"PAR1"


def scan_arrow(shard: Shard, id_column: str) -> tuple[Shard, np.ndarray]:
    """Return the shard as reading it whole shows it, and hashes of its ids."""
    hasher = hashlib.sha256()
    ids = [np.empty(0, np.int64)]
    counts, offsets = [], []
    with io.BufferedReader(StoreReader(shard.store, shard.key, hasher), READ_BYTES) as stream:
        source = pa.PythonFile(stream, mode="r")
        schema = _read_schema(source)
        for offset, batch in _batches(source, schema):
            counts.append(batch.num_rows)
            offsets.append(offset)
            if id_column in batch.schema.names:
                ids.append(hashes_of(pa.chunked_array([batch.column(id_column)])))
        rest = stream.read()
        if stream.seek(0) == 0 and stream.read(len(_MAGIC)) == _MAGIC and not rest.endswith(_MAGIC):
            raise InputDataError("not a readable arrow file: its end is missing")
    scanned = replace(
        shard,
        rows=sum(counts),
        digest=hasher.hexdigest(),
        schema=share(pa.schema([field_of(f.name, ColumnType(storage_type(f.type), frozenset())) for f in schema])),
        features=declared_features((schema.metadata or {}).get(b"huggingface")),
        row_groups=tuple(counts),
        offsets=tuple(offsets),
    )
    return scanned, np.concatenate(ids)


def read_arrow(shard: Shard, unit: Unit, names: set[str]) -> Slice:
    """Read some columns of a unit's rows."""
    starts = [0, *itertools.accumulate(shard.row_groups)]
    groups = [i for i, (a, b) in enumerate(itertools.pairwise(starts)) if a < unit.stop and unit.first < b]
    with _open(shard) as source:
        if source.size() != shard.size:
            raise InputDataError("the file was changed since the job started")
        schema = _read_schema(source)
        if not _has_dictionaries(schema):  # else all that comes before is needed too
            source.seek(shard.offsets[groups[0]])
        else:
            groups = list(range(groups[-1] + 1))
        batches = [batch.select(sorted(names)) for _, batch in itertools.islice(_batches(source, schema), len(groups))]
    if not names:
        return Slice({}, [None] * unit.count)
    table = pa.Table.from_batches(batches).slice(unit.first - starts[groups[0]], unit.count)
    return Slice({name: table.column(name) for name in names}, [None] * table.num_rows)


def arrow_ids(shard: Shard, id_column: str) -> Iterator[str]:
    """Yield the id of every row, empty where there is none."""
    with _open(shard) as source:
        for _, batch in _batches(source, _read_schema(source)):
            yield from id_texts(pa.chunked_array([batch.column(id_column)]))


def _open(shard: Shard) -> pa.NativeFile:
    """Open a file; one of a disk is mapped, so that of a large batch no more is read than is needed."""
    path = shard.store.local_path(shard.key)
    if path is None or printable(str(path)) != str(path):
        return pa.PythonFile(StoreReader(shard.store, shard.key), mode="r")
    with shard.store.errors("read", shard.key):
        return pa.memory_map(str(path))


def _read_schema(source: pa.NativeFile) -> pa.Schema:
    """Read the schema at the beginning; the source stands before the first message after it then."""
    begin = source.read(8)
    if begin.startswith(_FEATHER_V1):
        raise InputDataError("it is a Feather file of version 1: write it as version 2, which is Arrow IPC, or as Parquet")
    if not begin.startswith(_MAGIC):
        source.seek(0)
    return pa.ipc.read_schema(pa.ipc.read_message(source))


def _batches(source: pa.NativeFile, schema: pa.Schema) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield the record batches from here on, each with its place."""
    dictionaries: list[pa.Message] = []
    while True:
        offset = source.tell()
        try:
            message = pa.ipc.read_message(source)
        except EOFError:
            return
        if message.type == "dictionary":
            dictionaries.append(message)
        elif not dictionaries:
            yield offset, pa.ipc.read_record_batch(message, schema)
        else:
            whole = [schema, *dictionaries, message]
            stream = pa.BufferReader(b"".join(part.serialize().to_pybytes() for part in whole))
            yield offset, pa.ipc.open_stream(stream).read_next_batch()


def _has_dictionaries(schema: pa.Schema) -> bool:
    return any("dictionary<" in str(kind) for kind in schema.types)

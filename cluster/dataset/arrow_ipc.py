"""Rows of Arrow IPC: streams, as ``datasets.save_to_disk`` writes them, and files (Feather), which are streams with a frame.

The scan notes the place of each record batch, so that a worker reads those of its unit and no others.
"""

import hashlib
import io
import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import types

from actors.errors import InputDataError
from cluster.dataset.arrow_types import storage_type
from cluster.dataset.columns import ColumnType, declared_features, field_of, share
from cluster.dataset.ids import hashes_of, id_texts
from cluster.dataset.shards import Shard, Slice, Unit
from cluster.dataset.stored import READ_BYTES, StoreReader
from cluster.storage import printable

_MAGIC = b"ARROW1"  # before the stream of a file, up to a multiple of 8 bytes, and at its end
_FEATHER_V1 = b"FEA1"
_BYTES = {pa.string(): pa.binary(), pa.large_string(): pa.large_binary(), pa.string_view(): pa.binary_view()}
_PLAIN_PARTS = 2  # a schema and a message: there are no dictionaries


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
    message = pa.ipc.read_message(source)
    if message.type != "schema":  # Arrow would take it for one, and end the process
        raise InputDataError(f"it begins with no schema but with {message.type!r}")
    return pa.ipc.read_schema(message)


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
        elif message.type != "record batch":
            raise InputDataError(f"at byte {offset} is no record batch but {message.type!r}")
        else:
            # Damaged places of texts would be read wherever they point to. That texts are UTF-8 is a matter of each row.
            _decode([_as_bytes_schema(schema), *dictionaries, message]).validate(full=True)
            yield offset, _decode([schema, *dictionaries, message])


def _decode(parts: list[Any]) -> pa.RecordBatch:
    """Return the record batch that a message holds, of a schema, dictionaries and the message."""
    if len(parts) == _PLAIN_PARTS:
        return pa.ipc.read_record_batch(parts[1], parts[0])
    stream = pa.BufferReader(b"".join(part.serialize().to_pybytes() for part in parts))
    return pa.ipc.open_stream(stream).read_next_batch()


def _as_bytes_schema(schema: pa.Schema) -> pa.Schema:
    return pa.schema([_as_bytes_field(field) for field in schema])


def _as_bytes_field(field: pa.Field) -> pa.Field:
    return pa.field(field.name, _as_bytes(field.type), field.nullable)


def _as_bytes(kind: pa.DataType) -> pa.DataType:
    """Return a type of the same layout whose texts are bytes."""
    if isinstance(kind, pa.BaseExtensionType):
        return _as_bytes(kind.storage_type)
    if kind in _BYTES:
        return _BYTES[kind]
    if types.is_struct(kind):
        return pa.struct([_as_bytes_field(field) for field in kind])
    if types.is_map(kind):
        return pa.map_(_as_bytes_field(kind.key_field), _as_bytes_field(kind.item_field))
    if types.is_list(kind):
        return pa.list_(_as_bytes_field(kind.value_field))
    return pa.large_list(_as_bytes_field(kind.value_field)) if types.is_large_list(kind) else kind


def _has_dictionaries(schema: pa.Schema) -> bool:
    return any("dictionary<" in str(kind) for kind in schema.types)

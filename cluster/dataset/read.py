"""Reads the rows of a unit."""

from collections.abc import Iterable

import pyarrow as pa

from actors.errors import InputDataError
from cluster.dataset.arrow_ipc import read_arrow
from cluster.dataset.columns import as_column, as_list
from cluster.dataset.ids import row_ids
from cluster.dataset.parquet import read_parquet
from cluster.dataset.shards import Dataset, InputBatch, InputRow, Shard, Slice, Unit
from cluster.dataset.stored import content_errors
from cluster.dataset.text_formats import read_text
from cluster.storage import printable


def open_media(shard: Shard, position: int) -> pa.NativeFile:
    """Open the file of one row of a :func:`scan_media` shard; use it as a context manager.

    Raises:
        StorageError: the file is gone or cannot be read.
    """
    return shard.store.open_input(shard.files[position])


def read_rows(
    dataset: Dataset, unit: Unit, columns: Iterable[str] | None = None, passthrough: Iterable[str] = ()
) -> InputBatch:
    """Read the rows of one unit; of Parquet only the row groups and columns that are needed.

    Args:
        dataset: what :func:`scan` returned.
        unit: the rows to read.
        columns: columns to return as plain Python values; all if ``None``.
        passthrough: columns to return as an Arrow table, with the types of ``dataset.schema``.

    Raises:
        InputDataError: the content cannot be read. Reading a part of the unit may still work.
        StorageError: the store cannot be reached; the same call may work later.
    """
    shard = dataset.shards[unit.shard]
    columns = dataset.schema.names if columns is None else list(columns)
    passthrough = list(passthrough)
    part = read_slice(shard, unit, {*columns, *passthrough, dataset.id_column} & set(shard.schema.names))
    if len(part.errors) != unit.count:
        raise InputDataError(
            f"{shard.uri} has fewer rows than when the job started (rows {unit.first} to {unit.stop} were asked for): "
            "it was changed. Restore it, or start over with a new output folder."
        )
    ids = row_ids(shard, unit, as_list(part.columns.get(dataset.id_column), unit.count))
    lists = {name: as_list(part.columns.get(name), unit.count) for name in columns}
    rows = [
        InputRow(ids[i], unit.first + i, {name: values[i] for name, values in lists.items()}, part.errors[i])
        for i in range(unit.count)
    ]
    fields = [dataset.schema.field(name) for name in passthrough]
    arrays = [as_column(part.columns.get(f.name), f, unit.count) for f in fields]
    return InputBatch(unit, rows, pa.table(arrays, schema=pa.schema(fields)))


def unreadable_rows(dataset: Dataset, unit: Unit, reason: str, passthrough: Iterable[str] = ()) -> InputBatch:
    """Return rows that stand for a unit whose content cannot be read: ids, ``reason`` as error, null values.

    Raises:
        StorageError: the store cannot be reached; the same call may work later.
    """
    shard = dataset.shards[unit.shard]
    try:
        ids = [row.id for row in read_rows(dataset, unit, columns=()).rows]
    except InputDataError:
        ids = row_ids(shard, unit, [None] * unit.count)
    rows = [InputRow(id_, unit.first + i, dict.fromkeys(dataset.schema.names), reason) for i, id_ in enumerate(ids)]
    schema = pa.schema([dataset.schema.field(name) for name in passthrough])
    return InputBatch(unit, rows, pa.table([pa.nulls(unit.count, f.type) for f in schema], schema=schema))


def read_slice(shard: Shard, unit: Unit, names: set[str]) -> Slice:
    """Read some columns of a unit's rows.

    Raises:
        InputDataError: the content cannot be read.
        StorageError: the store cannot be reached.
    """
    if shard.format == "media":
        files = shard.files[unit.first : unit.stop]
        return Slice({"path": [printable(shard.store.uri_of(key)) for key in files]}, [None] * len(files))
    given = {name: value for name, value in shard.partition if name in names}
    reader = {"parquet": read_parquet, "arrow": read_arrow}.get(shard.format, read_text)
    try:
        with content_errors(shard):
            columns, errors = reader(shard, unit, names - given.keys())
        return Slice({**columns, **{name: [value] * unit.count for name, value in given.items()}}, errors)
    except InputDataError as error:
        raise InputDataError(f"{shard.uri}, rows {unit.first} to {unit.stop - 1}: {error}") from error

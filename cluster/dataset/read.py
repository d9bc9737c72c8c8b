"""Reads the rows of a unit."""

import os
from collections.abc import Iterable, Iterator

import pyarrow as pa

from actors.errors import InputDataError, SpeechmillError
from actors.rows import NOT_OF_A_ROW, InputRow
from cluster.dataset.arrow_ipc import read_arrow
from cluster.dataset.ids import row_ids
from cluster.dataset.parquet import read_parquet
from cluster.dataset.shards import Dataset, InputBatch, Shard, Slice, Unit
from cluster.dataset.stored import content_errors
from cluster.dataset.text_formats import read_text
from cluster.dataset.values import Values, join_errors, to_column, to_values
from cluster.storage import StoredFile


def read_rows(
    dataset: Dataset, unit: Unit, columns: Iterable[str] | None = None, passthrough: Iterable[str] = ()
) -> InputBatch:
    """Read the rows of one unit; of Parquet only the row groups and columns that are needed.

    A value that cannot be read or passed on is null, and its row has the reason as error.

    Args:
        dataset: what :func:`scan` returned.
        unit: the rows to read.
        columns: columns to return as plain Python values; all if ``None``.
        passthrough: columns to return as an Arrow table, with the types of ``dataset.schema``.

    Raises:
        InputDataError: the content cannot be read, or is more than a unit may hold. Reading a part of the unit may still work.
        StorageError: the store cannot be reached; the same call may work later.
    """
    try:
        return _read_rows(dataset, unit, dataset.schema.names if columns is None else list(columns), list(passthrough))
    except SpeechmillError:
        raise
    except Exception as error:
        uri = dataset.shards[unit.shard].uri
        raise InputDataError(
            f"{uri}, rows {unit.first} to {unit.stop - 1} cannot be read: {type(error).__name__}: {error}"
        ) from error


def _read_rows(dataset: Dataset, unit: Unit, columns: list[str], passthrough: list[str]) -> InputBatch:
    shard = dataset.shards[unit.shard]
    part = read_slice(shard, unit, {*columns, *passthrough, dataset.id_column} & set(shard.schema.names), dataset.id_column)
    if len(part.errors) != unit.count:
        raise InputDataError(
            f"{shard.uri} has fewer rows than when the job started (rows {unit.first} to {unit.stop} were asked for): "
            "it was changed. Restore it, or start over with a new output folder."
        )
    asked = list(dict.fromkeys([dataset.id_column, *columns]))
    found = {name: to_values(part.columns.get(name), unit.count) for name in asked}
    if shard.format == "media" and "path" in found:  # whoever opens a file need not find it again by its name
        found["path"] = Values([StoredFile(shard.store, key) for key in shard.files[unit.first : unit.stop]], {})
    fields = [dataset.schema.field(name) for name in passthrough]
    passed = [to_column(part.columns.get(f.name), f, unit.count) for f in fields]
    reasons = [*(column.errors for column in found.values()), *(column.errors for column in passed)]
    errors = join_errors([*asked, *passthrough], reasons, part.errors)
    ids = row_ids(shard, unit, found[dataset.id_column].values)
    rows = [InputRow(ids[i], {name: found[name].values[i] for name in columns}, errors[i]) for i in range(unit.count)]
    return InputBatch(unit, rows, pa.table([column.array for column in passed], schema=pa.schema(fields)))


def read_pieces(dataset: Dataset, unit: Unit, columns: Iterable[str]) -> Iterator[InputBatch]:
    """Read a unit in as many pieces as it takes: of those that cannot be read each row comes out with its reason.

    Raises:
        StorageError: the store cannot be reached; the same call may work later.
    """
    columns = list(columns)
    try:
        yield read_rows(dataset, unit, columns)
    except InputDataError as error:
        if unit.count == 1:
            yield unreadable_rows(dataset, unit, str(error))
            return
        for half in unit.split():
            yield from read_pieces(dataset, half, columns)


def unreadable_rows(dataset: Dataset, unit: Unit, reason: str, passthrough: Iterable[str] = ()) -> InputBatch:
    """Return rows that stand for a unit whose content cannot be read: ids, ``reason`` as error, null values.

    Raises:
        StorageError: the store cannot be reached; the same call may work later.
    """
    shard = dataset.shards[unit.shard]
    try:
        ids = [row.id for row in read_rows(dataset, unit, columns=()).rows]
    except NOT_OF_A_ROW:
        raise
    except BaseException:  # noqa: BLE001 - its reason is known
        ids = row_ids(shard, unit, [None] * unit.count)
    rows = [InputRow(id_, dict.fromkeys(dataset.schema.names), reason) for id_ in ids]
    schema = pa.schema([dataset.schema.field(name) for name in passthrough])
    return InputBatch(unit, rows, pa.table([pa.nulls(unit.count, f.type) for f in schema], schema=schema))


def read_slice(shard: Shard, unit: Unit, names: set[str], id_column: str) -> Slice:
    """Read some columns of a unit's rows; of a row that is no record of its format the id where it can be told.

    Raises:
        InputDataError: the content cannot be read.
        StorageError: the store cannot be reached.
    """
    if shard.format == "media":
        files = shard.files[unit.first : unit.stop]
        return Slice({"path": [os.fspath(StoredFile(shard.store, key)) for key in files]}, [None] * len(files))
    given = {name: value for name, value in shard.partition if name in names}
    try:
        with content_errors(shard):
            columns, errors = _read(shard, unit, names - given.keys(), id_column)
        return Slice({**columns, **{name: [value] * unit.count for name, value in given.items()}}, errors)
    except InputDataError as error:
        raise InputDataError(f"{shard.uri}, rows {unit.first} to {unit.stop - 1}: {error}") from error


def _read(shard: Shard, unit: Unit, names: set[str], id_column: str) -> Slice:
    if shard.format == "parquet":
        return read_parquet(shard, unit, names)
    return read_arrow(shard, unit, names) if shard.format == "arrow" else read_text(shard, unit, names, id_column)

"""Values of columns: to plain Python values, and to the types that a job passes them through as, unchanged.

Both go value by value where a column as a whole refuses, so that one value that cannot be read costs one row and no more.
"""

import datetime
import itertools
import json
import math
from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from cluster.dataset.arrow_types import has_repeated_names, is_any_list, is_list
from cluster.dataset.columns import is_json_column

Column: TypeAlias = pa.ChunkedArray | list[Any]

_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
_SECONDS_A_DAY = 86_400
_DAYS_TO_1970 = datetime.date(1970, 1, 1).toordinal()
_DAYS_IN_400_YEARS = 146_097
_MAX_REASON = 200


class Values(NamedTuple):
    """A column's Python values, and why some cannot be read, by row; those are ``None``."""

    values: list[Any]
    errors: dict[int, str]


class Passed(NamedTuple):
    """A column with the type that it is passed through as, and why some values cannot be, by row; those are null."""

    array: pa.ChunkedArray
    errors: dict[int, str]


def to_values(column: Column | None, count: int) -> Values:
    """Return a column's values; nulls for a column that is not there. Times are ISO 8601 texts: Python has no year 10000."""
    if column is None:
        return Values([None] * count, {})
    if isinstance(column, list):
        return Values(column, {})
    try:
        if types.is_dictionary(column.type):  # a text that many rows share stays one object
            return _join([_pick(to_values(pa.chunked_array([c.dictionary]), 0), c.indices.to_pylist()) for c in column.chunks])
        if types.is_temporal(column.type):  # the same text whether or not pandas is there, which holds more than Python does
            return Values([value for chunk in column.chunks for value in json_values(chunk)], {})
        return Values(column.to_pylist(), {})
    except Exception:  # noqa: BLE001 - whatever it is, it is the fault of some values, which are then found
        return _each(column, lambda value: value.to_pylist()[0], lambda value: json_values(value.combine_chunks())[0])


def _pick(found: Values, indices: list[int | None]) -> Values:
    values = [None if i is None else found.values[i] for i in indices]
    return Values(values, {row: found.errors[i] for row, i in enumerate(indices) if i in found.errors} if found.errors else {})


def _join(parts: list[Values]) -> Values:
    values: list[Any] = []
    errors: dict[int, str] = {}
    for part in parts:
        errors |= {len(values) + i: error for i, error in part.errors.items()}
        values += part.values
    return Values(values, errors)


def _each(column: pa.ChunkedArray, *ways: Callable[[pa.ChunkedArray], Any]) -> Values:
    """Return what the first way that works makes of each value alone."""
    values: list[Any] = []
    errors: dict[int, str] = {}
    for i in range(len(column)):
        found = None
        for way in ways:
            try:
                found = way(column.slice(i, 1))
                errors.pop(i, None)
                break
            except Exception as error:  # noqa: BLE001 - of whatever class: it belongs to this value
                errors[i] = _reason(error)
        values.append(found)
    return Values(values, errors)


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeError):
        return "it is not valid UTF-8"
    return (str(error) or type(error).__name__)[:_MAX_REASON]


def to_column(column: Column | None, to: pa.Field, count: int) -> Passed:
    """Return a column with the job-wide type of ``to``, every value as it was."""
    if column is None:
        return Passed(pa.chunked_array([pa.nulls(count, to.type)]), {})
    try:
        return Passed(_to_array(column, to), {})
    except Exception:  # noqa: BLE001 - whatever it is, it is the fault of some values, which are then found
        arrays: list[pa.ChunkedArray] = []
        errors: dict[int, str] = {}
        for i in range(count):
            try:
                arrays.append(_to_array(_alone(column, i), to))
            except Exception as error:  # noqa: BLE001 - of whatever class: it belongs to this value
                errors[i] = _reason(error)
                arrays.append(pa.chunked_array([pa.nulls(1, to.type)]))
        return Passed(pa.chunked_array([chunk for array in arrays for chunk in array.chunks], type=to.type), errors)


def _alone(column: Column, i: int) -> Column:
    """Return one value of a column, without the others that a slice would leave behind it where Arrow can do that."""
    if isinstance(column, list):
        return column[i : i + 1]
    try:
        return column.take([i])
    except pa.ArrowNotImplementedError:
        return column.slice(i, 1)


def _to_array(column: Column, to: pa.Field) -> pa.ChunkedArray:
    if isinstance(column, list):
        chunks = [pa.array(map(json_text, column) if is_json_column(to) else column, to.type)]
    elif is_json_column(to):
        chunks = [pa.array(map(json_text, json_values(chunk)), pa.string()) for chunk in column.chunks]
    else:
        chunks = [convert(chunk, to.type) for chunk in column.chunks]
    for chunk in chunks:
        chunk.validate(full=True)  # a text that is not UTF-8 is one that other readers fail on
    return pa.chunked_array(chunks, type=to.type)


def convert(array: pa.Array, to: pa.DataType) -> pa.Array:
    """Return an array in a type that holds its values without loss (:func:`cluster.dataset.columns.merge_columns`).

    Arrow's own cast knows no records with other fields, and no dictionaries inside of lists.

    Raises:
        pa.ArrowException: a value has no equal of that type.
    """
    kind = array.type
    if kind == to:
        return array
    if types.is_null(kind):
        return pa.nulls(len(array), to)
    if (plain := _decoded(array)) is not array:
        return convert(plain, to)
    if types.is_struct(to):
        return _convert_struct(array, to)
    if types.is_map(to):
        keys, items = map_entries(array)
        keys, items = convert(keys, to.key_type), convert(items, to.item_type)
        return pa.MapArray.from_arrays(_offsets(array).cast(pa.int32()), keys, items, type=to, mask=pc.is_null(array))
    if types.is_fixed_size_list(to) and types.is_fixed_size_list(kind):
        values = array.values.slice(array.offset * kind.list_size, len(array) * kind.list_size)
        items = convert(values, to.value_type)
        return pa.FixedSizeListArray.from_arrays(items, type=to, mask=pc.is_null(array))
    if is_list(to) and is_any_list(kind):
        lists, offset_type = (pa.LargeListArray, pa.int64()) if types.is_large_list(to) else (pa.ListArray, pa.int32())
        items = convert(array.flatten(), to.value_type)
        return lists.from_arrays(_offsets(array).cast(offset_type), items, type=to, mask=pc.is_null(array))
    return array.cast(to)


def _decoded(array: pa.Array) -> pa.Array:
    """Return what an array of an encoded type holds; any other as it is."""
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return array.storage
    if types.is_dictionary(kind):
        return array.dictionary_decode()
    return pc.run_end_decode(array) if types.is_run_end_encoded(kind) else array


def map_entries(array: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return keys and items of an array of maps, without those outside of a slice."""
    first, stop = array.offsets[0].as_py(), array.offsets[-1].as_py()
    return array.keys.slice(first, stop - first), array.items.slice(first, stop - first)


def _convert_struct(array: pa.Array, to: pa.DataType) -> pa.Array:
    if has_repeated_names(to):  # then it has the same fields
        found = list(enumerate(array.flatten()))
    else:
        indices = {field.name: i for i, field in enumerate(array.type)}
        parts = array.flatten()
        found = [(i, parts[indices[f.name]] if f.name in indices else pa.nulls(len(array), f.type)) for i, f in enumerate(to)]
    fields = [to.field(i) for i, _ in found]
    children = [convert(child, to.field(i).type) for i, child in found]
    return pa.StructArray.from_arrays(children, fields=fields, mask=pc.is_null(array))


def _offsets(array: pa.Array) -> pa.Array:
    """Return where each list begins in the values of all lists that are not null, and where the last one ends."""
    if types.is_map(array.type):
        lengths = np.diff(array.offsets.to_numpy())
    else:
        lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    return pa.array(np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]))


def json_text(value: Any) -> str | None:
    """Return a value as JSON text; a missing one has none."""
    if value is None:
        return None
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return json.dumps(_without_nan(value), ensure_ascii=False)


def _without_nan(value: Any) -> Any:
    """Return a JSON value in which numbers that JSON does not have are texts: ``"NaN"``, ``"Infinity"``, ``"-Infinity"``."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {name: _without_nan(item) for name, item in value.items()}
    return [_without_nan(item) for item in value] if isinstance(value, list | tuple) else value


def json_values(array: pa.Array) -> list[Any]:
    """Return values as JSON can hold them, without loss.

    Times are ISO 8601, in UTC with a ``Z`` if they have a zone, with as many digits as their unit has; years may have more than
    four. Decimals are texts, bytes base64, maps and records with repeated names lists of pairs.

    Raises:
        UnicodeError: a text is not valid UTF-8.
    """
    kind = array.type
    if (plain := _decoded(array)) is not array:
        return json_values(plain)
    if types.is_struct(kind):
        return _json_structs(array)
    if types.is_map(kind):
        pairs = [list(pair) for pair in zip(*map(json_values, map_entries(array)), strict=True)]
        return _json_lists(array, pairs)
    if is_any_list(kind):
        return _json_lists(array, json_values(array.flatten()))
    if form := _json_form(kind):
        return [None if value is None else form(value) for value in _raw_values(array)]
    return list(array.to_pylist())


def _json_structs(array: pa.Array) -> list[Any]:
    names = [field.name for field in array.type]
    rows = zip(*map(json_values, array.flatten()), strict=True) if names else itertools.repeat((), len(array))
    form: Callable[[Any], Any] = (lambda pairs: [list(pair) for pair in pairs]) if has_repeated_names(array.type) else dict
    valid = array.is_valid().to_pylist()
    return [form(zip(names, row, strict=True)) if ok else None for ok, row in zip(valid, rows, strict=True)]


def _json_lists(array: pa.Array, items: list[Any]) -> list[Any]:
    offsets, valid = _offsets(array).to_pylist(), array.is_valid().to_pylist()
    return [items[offsets[i] : offsets[i + 1]] if ok else None for i, ok in enumerate(valid)]


def _raw_values(array: pa.Array) -> list[Any]:
    """Return the integers behind times, and other values as they are."""
    kind = array.type
    if not types.is_temporal(kind):
        return list(array.to_pylist())
    return list(array.view(pa.int64() if kind.bit_width == 64 else pa.int32()).to_pylist())


def _json_form(kind: pa.DataType) -> Callable[[Any], Any] | None:
    """Return what makes a JSON value of a leaf's raw one; ``None`` if it is one already."""
    if types.is_decimal(kind):
        return str
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind) or types.is_binary_view(kind):
        return lambda value: b64encode(value).decode()
    if types.is_date(kind):
        return _iso_date if types.is_date32(kind) else lambda ms: _iso_date(ms // (_SECONDS_A_DAY * 1000))
    if types.is_timestamp(kind):
        return lambda ticks: _iso_moment(ticks, kind.unit) + ("" if kind.tz is None else "Z")
    if types.is_time(kind):
        return lambda ticks: _iso_time(ticks, kind.unit)
    return (lambda ticks: _iso_duration(ticks, kind.unit)) if types.is_duration(kind) else None


def _iso_date(days: int) -> str:
    """Return the date so many days after 1970-01-01, of any year: the Gregorian calendar repeats itself after 400 years."""
    cycles, day = divmod(days + _DAYS_TO_1970 - 1, _DAYS_IN_400_YEARS)
    date = datetime.date.fromordinal(day + 1)
    year = date.year + 400 * cycles
    sign = "" if 0 <= year <= 9999 else "-" if year < 0 else "+"
    return f"{sign}{abs(year):04d}-{date.month:02d}-{date.day:02d}"


def _iso_moment(ticks: int, unit: str) -> str:
    days, rest = divmod(ticks, _SECONDS_A_DAY * 10 ** _DIGITS[unit])
    return f"{_iso_date(days)}T{_iso_time(rest, unit)}"


def _iso_time(ticks: int, unit: str) -> str:
    seconds, fraction = divmod(ticks, 10 ** _DIGITS[unit])
    text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{text}.{fraction:0{_DIGITS[unit]}d}" if _DIGITS[unit] else text


def _iso_duration(ticks: int, unit: str) -> str:
    seconds, fraction = divmod(abs(ticks), 10 ** _DIGITS[unit])
    digits = f".{fraction:0{_DIGITS[unit]}d}" if _DIGITS[unit] else ""
    return f"{'-' if ticks < 0 else ''}PT{seconds}{digits}S"


def join_errors(names: Sequence[str], found: Sequence[dict[int, str]], errors: Sequence[str | None]) -> list[str | None]:
    """Return the reason of each row that cannot be read: the one it has already, else that of its first bad value."""
    joined = list(errors)
    for name, reasons in zip(names, found, strict=True):
        for i, reason in reasons.items():
            joined[i] = joined[i] or f"column {name!r} holds a value that cannot be read: {reason}"
    return joined

"""Types that the readers of an output have, ``datasets`` among them, and columns of other types as one of them.

Parquet cannot hold every Arrow type (unions, intervals, structs without fields, more than 100 levels), and ``datasets`` has no
feature for some that it can (dictionaries inside of lists, extension types, maps, views, narrow decimals). Numbers, texts and
bytes keep their values; what has no other form becomes JSON text.
"""

import functools
import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_types = pa.types
_MAX_DIGITS = 76  # of a decimal256


@functools.cache
def readable_type(kind: pa.DataType) -> pa.DataType:
    """Return the type as which a column of type ``kind`` is written; itself if ``datasets`` and Parquet have it."""
    try:
        plain = _plain_type(kind)
        return plain if plain is not None and _can_be_written(kind, plain) else pa.string()
    except RecursionError:  # hundreds of levels
        return pa.string()


def as_readable(values: pa.Array | pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Return a column as one of type ``kind``, which is what :func:`readable_type` says of its own.

    Raises:
        pyarrow.ArrowException: a value does not fit, or is no UTF-8.
    """
    chunks = values.chunks if isinstance(values, pa.ChunkedArray) else [values]
    return pa.chunked_array([_convert(chunk, kind) for chunk in chunks], kind)


def is_alike(first: pa.DataType, second: pa.DataType) -> bool:
    """Say whether types are equal but for what may be null: in an output everything may, as rows that cannot be read are."""
    return str(first).replace(" not null", "") == str(second).replace(" not null", "")


def _plain_type(kind: pa.DataType) -> pa.DataType | None:
    """Return the type without what readers lack; ``None`` if only text is left."""
    if isinstance(kind, pa.BaseExtensionType):
        return pa.bool_() if isinstance(kind, pa.Bool8Type) else _plain_type(kind.storage_type)
    if _types.is_dictionary(kind) or _types.is_run_end_encoded(kind):
        return _plain_type(kind.value_type)
    if _types.is_struct(kind):
        return _plain_struct(kind)
    if _types.is_map(kind):
        return _plain_list(pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)])))
    if _is_list(kind):
        return _plain_list(kind)
    if _types.is_decimal(kind):
        return _plain_decimal(kind)
    if _types.is_fixed_size_binary(kind) or _types.is_binary_view(kind):
        return pa.binary()
    return pa.string() if _types.is_string_view(kind) else kind


def _plain_struct(kind: pa.DataType) -> pa.DataType | None:
    inner = {field.name: _plain_type(field.type) for field in kind}
    if len(inner) < max(1, kind.num_fields) or None in inner.values():  # no field, or two of the same name
        return None
    return pa.struct(inner.items())


def _plain_list(kind: pa.DataType) -> pa.DataType | None:
    item = _plain_type(kind.value_type)
    if item is None:
        return None
    field = pa.field(kind.value_field.name, item)
    if _types.is_fixed_size_list(kind) and is_alike(item, kind.value_type):
        return pa.list_(field, kind.list_size)
    return pa.large_list(field) if _types.is_large_list(kind) or _types.is_large_list_view(kind) else pa.list_(field)


def _plain_decimal(kind: pa.DataType) -> pa.DataType | None:
    """Return the type with the same digits that Parquet has: a scale between 0 and the precision."""
    scale = max(kind.scale, 0)
    precision = max(kind.precision + scale - kind.scale, scale)
    if precision > _MAX_DIGITS:
        return None
    wide = _types.is_decimal256(kind) or precision > 38
    return pa.decimal256(precision, scale) if wide else pa.decimal128(precision, scale)


def _is_list(kind: pa.DataType) -> bool:
    views = _types.is_list_view(kind) or _types.is_large_list_view(kind)
    return bool(views or _types.is_list(kind) or _types.is_large_list(kind) or _types.is_fixed_size_list(kind))


def _can_be_written(kind: pa.DataType, plain: pa.DataType) -> bool:
    """Say whether a column can be converted to a type, Arrow can write that to Parquet, and open the file again."""
    buffer = pa.BufferOutputStream()
    try:
        pq.write_table(pa.table([_convert(pa.nulls(1, kind), plain)], ["x"]), buffer)
        pq.read_schema(pa.BufferReader(buffer.getvalue()))
    except (pa.ArrowException, OSError):
        return False
    return True


def _convert(array: pa.Array, kind: pa.DataType) -> pa.Array:
    source = array.type
    if source == kind:
        return array
    if isinstance(source, pa.BaseExtensionType):
        return _convert(array.storage, kind)
    if _types.is_dictionary(source):
        return _convert(array.dictionary_decode(), kind)
    if _types.is_run_end_encoded(source):
        return _convert(pc.run_end_decode(array), kind)
    if _types.is_string(kind) and (_types.is_nested(source) or _types.is_interval(source)):
        return pa.array([_json(value) for value in array], kind)
    if _types.is_struct(kind) and _types.is_struct(source):
        fields = [_convert(values, field.type) for values, field in zip(array.flatten(), kind, strict=True)]
        return pa.StructArray.from_arrays(fields, fields=list(kind), mask=array.is_null())
    if _types.is_map(source):
        entries = pa.list_(pa.struct([("key", source.key_type), ("value", source.item_type)]))
        return _convert(array.cast(entries), kind)
    if _is_list(kind):
        return _convert_list(array, kind)
    return array.cast(kind)


def _convert_list(array: pa.Array, kind: pa.DataType) -> pa.Array:
    offsets, values = _convert_items(array, kind.value_type)
    if _types.is_fixed_size_list(kind):
        return pa.FixedSizeListArray.from_arrays(values, type=kind, mask=array.is_null())
    make = pa.LargeListArray if _types.is_large_list(kind) else pa.ListArray
    wide = pa.int64() if _types.is_large_list(kind) else pa.int32()
    return make.from_arrays(pa.array(offsets, wide), values, type=kind, mask=array.is_null())


def _convert_items(array: pa.Array, kind: pa.DataType) -> tuple[np.ndarray, pa.Array]:
    """Return where each list of a column, or of a slice of it, begins and the last one ends, and their values as one type.

    Not by ``flatten``, which cannot leave out values of some types below nulls.
    """
    if _types.is_fixed_size_list(array.type):
        size = array.type.list_size
        values = array.values.slice(array.offset * size, len(array) * size)
        return np.arange(len(array) + 1) * size, _convert(values, kind)
    if _types.is_list_view(array.type) or _types.is_large_list_view(array.type):
        lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        places = np.arange(offsets[-1]) + np.repeat(array.offsets.to_numpy() - offsets[:-1], lengths)
        return offsets, _convert(array.values, kind).take(pa.array(places, pa.int64()))
    offsets = array.offsets.to_numpy()
    return offsets - offsets[0], _convert(array.values.slice(offsets[0], offsets[-1] - offsets[0]), kind)


def _json(value: pa.Scalar) -> str | None:
    return json.dumps(_python_value(value), ensure_ascii=False) if value.is_valid else None


def _python_value(value: pa.Scalar) -> Any:
    """Return what JSON can say of a value. Not ``as_py``: it fails on nanoseconds and on years that Python lacks."""
    kind = value.type
    if not value.is_valid:
        return None
    if _types.is_struct(kind):
        fields = [(field.name, _python_value(value[i])) for i, field in enumerate(kind)]
        return dict(fields) if len(dict(fields)) == len(fields) else fields
    if _types.is_map(kind) or _is_list(kind):
        return [_python_value(item) for item in value.values]
    if _types.is_union(kind) or isinstance(value, pa.DictionaryScalar | pa.ExtensionScalar):
        return _python_value(value.value)
    if _types.is_timestamp(kind) or _types.is_date(kind) or _types.is_time(kind):
        return value.cast(pa.string()).as_py()
    if _types.is_duration(kind):
        return value.value
    plain = value.as_py()
    if isinstance(plain, bytes):
        return plain.hex()
    if isinstance(plain, float) and not math.isfinite(plain):  # JSON has no such numbers
        return str(plain)
    return plain if isinstance(plain, bool | int | float | str | tuple) else str(plain)

"""Types of columns: what holds the values of a JSON Lines file, of many shards, and how values get there unchanged."""

import functools
import json
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from cluster.dataset.shards import Shard

# Objects with ever new keys are maps, not records: beyond this they are kept as JSON text.
_MAX_STRUCT_FIELDS = 256
# Marks a column whose values have no common type and are therefore JSON texts.
_JSON_MARK = {b"encoding": b"json"}

_INT64 = range(-(1 << 63), 1 << 63)


def storage_type(kind: pa.DataType) -> pa.DataType:
    """Return the type that a column is passed through as: dictionaries and extension types become what they hold."""
    if isinstance(kind, pa.ExtensionType):
        return kind.storage_type
    return kind.value_type if pa.types.is_dictionary(kind) else kind


@functools.lru_cache(maxsize=256)
def shared_schema(columns: tuple[tuple[str, pa.DataType, bool], ...]) -> pa.Schema:
    """Return a schema of columns given by name, type and whether they are JSON texts; shards with equal ones share it."""
    return pa.schema([_field(name, None if is_json else kind) for name, kind, is_json in columns])


@functools.lru_cache(maxsize=256)
def declared_features(text: bytes | None) -> Mapping[str, Any]:
    """Return the Hugging Face ``datasets`` features in a Parquet schema's metadata; none if there are no valid ones."""
    try:
        features = json.loads(text)["info"]["features"] if text else {}
    except (ValueError, KeyError, TypeError):
        return {}
    return features if isinstance(features, dict) else {}


class ColumnTypes:
    """The type of every column of a JSON Lines file, from all its rows."""

    def __init__(self) -> None:
        self._types: dict[str, pa.DataType | None] = {}
        self._held: set[tuple[str, type]] = set()  # columns with what they are known to hold: types only widen

    def add(self, values: Mapping[str, Any]) -> None:
        """Widen the types so that they hold this row too."""
        for name, value in values.items():
            kind = type(value)
            if (name, kind) in self._held and (kind is not int or _INT64.start <= value < _INT64.stop):
                continue
            self._types[name] = _merge_types(self._types.get(name, pa.null()), _json_type(value))
            if kind not in (list, dict):
                self._held.add((name, kind))

    def schema(self) -> pa.Schema:
        """Return the columns in the order of their first appearance."""
        return pa.schema([_field(name, kind) for name, kind in self._types.items()])


def _json_type(value: Any) -> pa.DataType | None:
    """Return the Arrow type of one JSON value; ``None`` if no type holds it."""
    if isinstance(value, list):
        kind = functools.reduce(_merge_types, map(_json_type, value), pa.null())
        return None if kind is None else pa.list_(kind)
    if isinstance(value, dict):
        kinds = [(name, _json_type(item)) for name, item in value.items()]
        fits = 0 < len(kinds) <= _MAX_STRUCT_FIELDS and all(kind is not None for _, kind in kinds)
        return pa.struct(kinds) if fits else None  # Parquet has no struct without fields
    if type(value) is int and value not in _INT64:
        return None
    scalars = {type(None): pa.null(), bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
    return scalars[type(value)]


def _merge_types(a: pa.DataType | None, b: pa.DataType | None) -> pa.DataType | None:
    """Return the type that holds the values of both; ``None`` if there is none."""
    if a is None or b is None or a == b:
        return a if b is not None else None
    try:
        schemas = [pa.schema([("", kind)]) for kind in (a, b)]
        merged = pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return None
    too_wide = pa.types.is_struct(merged) and merged.num_fields > _MAX_STRUCT_FIELDS
    return None if too_wide else merged


def _field(name: str, kind: pa.DataType | None) -> pa.Field:
    """Return a column; one without a type (``None``) holds JSON texts."""
    return pa.field(name, pa.string(), metadata=_JSON_MARK) if kind is None else pa.field(name, kind)


def is_json_column(column: pa.Field) -> bool:
    """Say whether a column holds values of no common type as JSON texts."""
    return column.metadata is not None and b"encoding" in column.metadata


def unify(shards: Iterable[Shard]) -> pa.Schema:
    """Return all columns of all shards, each with a type that holds every shard's values."""
    types: dict[str, pa.DataType | None] = {}
    for shard in shards:
        for column in () if shard.error else shard.schema:
            kind = None if is_json_column(column) else column.type
            types[column.name] = _merge_types(types.get(column.name, pa.null()), kind)
    # A column that is null everywhere becomes a string: readers disagree about Parquet's null type.
    return pa.schema([_field(name, pa.string() if kind == pa.null() else kind) for name, kind in types.items()])


def common_features(shards: Iterable[Shard]) -> dict[str, Any]:
    """Return the declared feature of every column for which all shards that have it declare the same."""
    features: dict[str, Any] = {}
    for shard in shards:
        for name in shard.schema.names:
            declared = shard.features.get(name)
            features[name] = declared if features.get(name, declared) == declared else None
    return {name: feature for name, feature in features.items() if feature is not None}


def as_list(column: pa.ChunkedArray | list[Any] | None, count: int) -> list[Any]:
    """Return a column's values; nulls for a column that is not there."""
    if column is None:
        return [None] * count
    return column if isinstance(column, list) else column.to_pylist()


def as_column(column: pa.ChunkedArray | list[Any] | None, to: pa.Field, count: int) -> pa.ChunkedArray:
    """Return a column with the job-wide type of ``to``."""
    if column is None:
        array = pa.nulls(count, to.type)
    elif is_json_column(to):
        array = pa.array([_json_text(value) for value in as_list(column, count)], pa.string())
    elif isinstance(column, list):
        array = _to_array(column, to.type)
    else:  # unsafe: a large integer among floats is rounded, as JSON readers do
        array = column.cast(to.type, safe=False)
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array], type=to.type)


def _to_array(values: list[Any], kind: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, kind)
    except pa.ArrowInvalid:  # an integer beyond 2**53 in a column of floats
        return pa.array([_round_integers(value, kind) for value in values], kind)


def _round_integers(value: Any, kind: pa.DataType) -> Any:
    if isinstance(value, int) and pa.types.is_floating(kind):
        return float(value)
    if isinstance(value, list):
        return [_round_integers(item, kind.value_type) for item in value]
    if isinstance(value, dict):
        return {name: _round_integers(item, kind.field(name).type) for name, item in value.items()}
    return value


def _json_text(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, default=_json_default)


def _json_default(value: Any) -> str:
    return b64encode(value).decode() if isinstance(value, bytes) else str(value)

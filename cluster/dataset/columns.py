"""Columns: what holds the values of many shards, and loses none of them.

A type is chosen before the run, from what each shard says of its columns, because workers read units on their own. Shards of
different types get a wider type that holds every value of both exactly (``uint64`` and ``int64``: ``decimal128(20, 0)``). Where
there is none the column holds JSON texts (:func:`is_json_column`). Which types a column's values fit beyond their own
(:mod:`cluster.dataset.common_types`) a file's statistics say.
"""

import functools
import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

import pyarrow as pa
from pyarrow import types

from cluster.dataset.arrow_types import children, is_bytes, with_children
from cluster.dataset.common_types import EVERYTHING_FITS, common_type
from cluster.dataset.shards import Shard

# Marks a column whose values have no common type and are therefore JSON texts.
_JSON_MARK = {b"encoding": b"json"}
_FITS_KEY = b"fits"
HOLDS_KEY = b"holds"

# A table of more is none: rows with ever new keys, say.
MAX_COLUMNS = 10_000

ColumnUse = Literal["text", "audio"]


class ColumnType(NamedTuple):
    """What a column holds.

    Attributes:
        kind: the type; ``None`` if the values have none in common and are JSON texts.
        fits: what its values fit without loss, as far as is known: ``float64`` integers, ``us`` and ``ns`` times and durations.
    """

    kind: pa.DataType | None
    fits: frozenset[str]


@functools.lru_cache(maxsize=256)
def _shared_schema(columns: tuple[tuple[str, pa.DataType, tuple[tuple[bytes, bytes], ...]], ...]) -> pa.Schema:
    """Return a schema of columns given by name, type and metadata; shards with equal ones share it."""
    return pa.schema([pa.field(name, kind, metadata=dict(metadata) or None) for name, kind, metadata in columns])


def share(schema: pa.Schema) -> pa.Schema:
    """Return a schema equal to this one that shards have in common."""
    return _shared_schema(tuple((f.name, f.type, tuple(sorted((f.metadata or {}).items()))) for f in schema))


@functools.lru_cache(maxsize=256)
def declared_features(text: bytes | None) -> Mapping[str, Any]:
    """Return the Hugging Face ``datasets`` features in a Parquet schema's metadata; none if there are no valid ones."""
    try:
        features = json.loads(text)["info"]["features"] if text else {}
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return features if isinstance(features, dict) else {}


def merge_columns(a: ColumnType, b: ColumnType) -> ColumnType:
    """Return what holds the values of both columns without loss."""
    fits = a.fits & b.fits
    return ColumnType(None if a.kind is None else common_type(a.kind, b.kind, fits), fits)


def field_of(name: str, column: ColumnType) -> pa.Field:
    """Return a column as a shard's schema says what it holds; one without a type holds JSON texts."""
    metadata = {} if column.kind is not None else dict(_JSON_MARK)
    if column.fits != EVERYTHING_FITS:
        metadata[_FITS_KEY] = ",".join(sorted(column.fits)).encode()
    return pa.field(name, pa.string() if column.kind is None else column.kind, metadata=metadata or None)


def column_of(column: pa.Field) -> ColumnType:
    """Return what :func:`field_of` has said."""
    said = (column.metadata or {}).get(_FITS_KEY)
    fits = EVERYTHING_FITS if said is None else frozenset(said.decode().split(","))
    return ColumnType(None if is_json_column(column) else column.type, fits)


def is_json_column(column: pa.Field) -> bool:
    """Say whether a column holds values of no common type as JSON texts."""
    return bool(column.metadata and b"encoding" in column.metadata)


def unify(shards: Iterable[Shard]) -> pa.Schema:
    """Return all columns of all shards, each with a type that holds every shard's values."""
    found: dict[str, ColumnType] = {}
    for schema in {id(shard.schema): shard.schema for shard in shards if not shard.error}.values():  # most share theirs
        for column in schema:
            found[column.name] = merge_columns(
                found.get(column.name, ColumnType(pa.null(), EVERYTHING_FITS)), column_of(column)
            )
    return pa.schema([field_of(name, ColumnType(_without_null(kind), EVERYTHING_FITS)) for name, (kind, _) in found.items()])


def _without_null(kind: pa.DataType | None) -> pa.DataType | None:
    """Return a type in which whatever is null everywhere is a string: readers disagree about Parquet's null type."""
    if kind is None or not types.is_nested(kind):
        return pa.string() if kind is not None and types.is_null(kind) else kind
    inner = [_without_null(child) for child in children(kind)]
    return kind if inner == children(kind) else with_children(kind, [child for child in inner if child is not None])


def check_use(column: pa.Field, use: ColumnUse) -> str | None:
    """Say what is wrong with a column that is to hold texts or audio, if no value of its type can be one."""
    if is_json_column(column):
        held = (column.metadata or {}).get(HOLDS_KEY, b"").decode().split(",")
        good = {"str"} if use == "text" else {"str", "dict"}
        return None if good & {*held} else f"it holds {' and '.join(filter(None, held)) or 'nested values'}"
    kind = column.type
    is_good = types.is_null(kind) or types.is_string(kind) or types.is_large_string(kind)
    if use == "audio":
        is_good = is_good or is_bytes(kind) or (types.is_struct(kind) and any(f.name in ("bytes", "path") for f in kind))
    return None if is_good else f"its type is {kind}"


def common_features(shards: Iterable[Shard], schema: pa.Schema) -> dict[str, Any]:
    """Return the feature that all shards which have a column declare for it, of those whose type ``schema`` keeps."""
    features: dict[str, Any] = {}
    kinds = {column.name: column.type for column in schema}
    for shard in shards:
        for column in shard.schema:
            name = column.name
            declared = shard.features.get(name) if column.type == kinds.get(name) else None
            features[name] = declared if features.get(name, declared) == declared else None
    return {name: feature for name, feature in features.items() if feature is not None}

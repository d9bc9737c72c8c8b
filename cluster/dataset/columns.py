"""Types of columns: what holds the values of a JSON Lines file, of many shards, and loses none of them.

A type is chosen before the run, from what each shard says of its columns, because workers read units on their own. Shards of
different types get a wider type that holds every value of both exactly (``uint64`` and ``int64``: ``decimal128(20, 0)``). Where
there is none the column holds JSON texts (:func:`is_json_column`). Whether all integers of a file are exact as floats, or its
times have a place among 64-bit nanoseconds, is no matter of types: the file's statistics say so (``fits``).
"""

import functools
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import pyarrow as pa
from pyarrow import types

from actors.errors import InputDataError
from cluster.dataset.shards import Shard

# Objects with ever new keys are maps, not records: beyond this they are kept as JSON text.
_MAX_STRUCT_FIELDS = 256
# Deeper columns are kept as JSON text: Arrow cannot open a file with 50 lists or 99 records in one another.
_MAX_TYPE_DEPTH = 20
# Marks a column whose values have no common type and are therefore JSON texts.
_JSON_MARK = {b"encoding": b"json"}
_FITS_KEY = b"fits"
_HOLDS_KEY = b"holds"

# A table of more is none: rows with ever new keys, say.
MAX_COLUMNS = 10_000

_INT64 = range(-(1 << 63), 1 << 63)
_FLOAT64_EXACT = 1 << 53
_UNITS = ("s", "ms", "us", "ns")
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_INT_DIGITS = {8: 3, 16: 5, 32: 10, 64: 19}
_MAX_DIGITS = {128: 38, 256: 76}
# Of integers with so many bits (sign included) a float type holds each exactly: its precision, and one for the sign.
_FLOAT_BITS = {16: 12, 32: 25, 64: 54}

ColumnUse = Literal["text", "audio"]


class ColumnType(NamedTuple):
    """What a column holds.

    Attributes:
        kind: the type; ``None`` if the values have none in common and are JSON texts.
        fits: what its values fit without loss, as far as is known: ``float64`` integers, ``us`` and ``ns`` times and durations.
    """

    kind: pa.DataType | None
    fits: frozenset[str]


EVERYTHING_FITS = frozenset({"float64", "us", "ns"})


def storage_type(kind: pa.DataType) -> pa.DataType | None:
    """Return the type that a column is passed through as; ``None`` if it becomes JSON texts.

    At every depth dictionaries, views, run-end encodings and extension types become what they hold.
    """
    return None if _depth(kind) > _MAX_TYPE_DEPTH else _plain(kind)


def _depth(kind: pa.DataType) -> int:
    """Return how many levels of lists, records and maps a type has; counting stops where there are too many."""
    level, depth = [kind], 0
    while depth <= _MAX_TYPE_DEPTH and (level := [child for parent in level for child in children(parent)]):
        depth += 1
    return depth


def children(kind: pa.DataType) -> list[pa.DataType]:
    """Return the types that a type is made of."""
    if isinstance(kind, pa.BaseExtensionType):
        return children(kind.storage_type)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return children(kind.value_type)
    if types.is_map(kind):
        return [kind.key_type, kind.item_type]
    return [kind.field(i).type for i in range(kind.num_fields)]


def _plain(kind: pa.DataType) -> pa.DataType | None:
    if isinstance(kind, pa.BaseExtensionType):
        return _plain(kind.storage_type)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return _plain(kind.value_type)
    if types.is_union(kind) or types.is_interval(kind) or (types.is_struct(kind) and not kind.num_fields):
        return None  # Parquet has none of them
    if types.is_string_view(kind) or types.is_binary_view(kind):
        return pa.string() if types.is_string_view(kind) else pa.binary()
    if types.is_decimal32(kind) or types.is_decimal64(kind):
        return pa.decimal128(kind.precision, kind.scale)
    return _plain_nested(kind) if types.is_nested(kind) else kind


def _plain_nested(kind: pa.DataType) -> pa.DataType | None:
    inner = [_plain(child) for child in children(kind)]
    if None in inner:
        return None
    is_view = types.is_list_view(kind) or types.is_large_list_view(kind)
    return kind if inner == children(kind) and not is_view else _with_children(kind, inner)


def _with_children(kind: pa.DataType, inner: list[pa.DataType]) -> pa.DataType:
    """Return a nested type with other types inside. A list of a fixed size becomes one of any."""
    if types.is_struct(kind):
        return pa.struct([pa.field(kind.field(i).name, child) for i, child in enumerate(inner)])
    if types.is_map(kind):
        return pa.map_(*inner)
    is_large = types.is_large_list(kind) or types.is_large_list_view(kind)
    return pa.large_list(inner[0]) if is_large else pa.list_(inner[0])


@functools.lru_cache(maxsize=256)
def shared_schema(columns: tuple[tuple[str, pa.DataType, tuple[tuple[bytes, bytes], ...]], ...]) -> pa.Schema:
    """Return a schema of columns given by name, type and metadata; shards with equal ones share it."""
    return pa.schema([pa.field(name, kind, metadata=dict(metadata) or None) for name, kind, metadata in columns])


def share(schema: pa.Schema) -> pa.Schema:
    """Return a schema equal to this one that shards have in common."""
    return shared_schema(tuple((f.name, f.type, tuple(sorted((f.metadata or {}).items()))) for f in schema))


@functools.lru_cache(maxsize=256)
def declared_features(text: bytes | None) -> Mapping[str, Any]:
    """Return the Hugging Face ``datasets`` features in a Parquet schema's metadata; none if there are no valid ones."""
    try:
        features = json.loads(text)["info"]["features"] if text else {}
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return features if isinstance(features, dict) else {}


class ColumnTypes:
    """The type of every column of a JSON Lines file, from all its rows."""

    def __init__(self) -> None:
        self._types: dict[str, pa.DataType | None] = {}
        self._large: set[str] = set()  # columns with integers that a float would round
        self._held: set[tuple[str, type]] = set()  # columns with what they are known to hold: types only widen
        self._nested: set[tuple[str, type]] = set()  # columns with lists or objects, whose types may differ

    def add(self, values: Mapping[str, Any]) -> None:
        """Widen the types so that they hold this row too.

        Raises:
            InputDataError: the rows have too many columns together.
        """
        if len(self._types) + len(values) > MAX_COLUMNS and len(self._types.keys() | values.keys()) > MAX_COLUMNS:
            raise InputDataError(f"its rows have more than {MAX_COLUMNS:,} columns together")
        for name, value in values.items():
            kind = type(value)
            if (name, kind) in self._held and (kind is not int or -_FLOAT64_EXACT <= value <= _FLOAT64_EXACT):
                continue
            self._widen(name, value)
            (self._nested if kind in (list, dict) else self._held).add((name, kind))

    def _widen(self, name: str, value: Any) -> None:
        kind = self._types.get(name, pa.null())
        if kind is not None:
            if any(not -_FLOAT64_EXACT <= number <= _FLOAT64_EXACT for number in _integers(value)):
                self._large.add(name)
            fits = self._fits(name)
            kind = _lossless(kind, _json_type(value, fits), fits)
        self._types[name] = kind

    def _fits(self, name: str) -> frozenset[str]:
        return EVERYTHING_FITS - {"float64"} if name in self._large else EVERYTHING_FITS

    def schema(self) -> pa.Schema:
        """Return the columns in the order of their first appearance."""
        return pa.schema([self._field(name, kind) for name, kind in self._types.items()])

    def _field(self, name: str, kind: pa.DataType | None) -> pa.Field:
        column = field_of(name, ColumnType(kind, self._fits(name)))
        if kind is not None:
            return column
        held = sorted(found.__name__ for of, found in self._held | self._nested if of == name and found is not type(None))
        return column.with_metadata({**column.metadata, _HOLDS_KEY: ",".join(held).encode()})


def _integers(value: Any) -> Iterator[int]:
    """Yield the integers in a JSON value. Not recursive: values may be deep."""
    left = [value]
    while left:
        item = left.pop()
        if type(item) is int:
            yield item
        elif isinstance(item, list):
            left += item
        elif isinstance(item, dict):
            left += item.values()


def _json_type(value: Any, fits: frozenset[str], depth: int = 0) -> pa.DataType | None:
    """Return the Arrow type of one JSON value; ``None`` if no type holds it."""
    if isinstance(value, list | dict) and depth == _MAX_TYPE_DEPTH:
        return None
    if isinstance(value, list):
        kind: pa.DataType | None = pa.null()
        for item in value:
            kind = kind if item is None else _lossless(kind, _json_type(item, fits, depth + 1), fits)
            if kind is None:
                return None
        return pa.list_(kind)
    if isinstance(value, dict):
        if not 0 < len(value) <= _MAX_STRUCT_FIELDS:
            return None  # Parquet has no struct without fields
        kinds = [(name, _json_type(item, fits, depth + 1)) for name, item in value.items()]
        return None if any(kind is None for _, kind in kinds) else pa.struct(kinds)
    if type(value) is int and value not in _INT64:
        return None
    scalars = {type(None): pa.null(), bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
    return scalars[type(value)]


def merge_columns(a: ColumnType, b: ColumnType) -> ColumnType:
    """Return what holds the values of both columns without loss."""
    fits = a.fits & b.fits
    return ColumnType(None if a.kind is None else _lossless(a.kind, b.kind, fits), fits)


def _lossless(a: pa.DataType | None, b: pa.DataType | None, fits: frozenset[str]) -> pa.DataType | None:
    """Return the type that holds every value of both, of which ``fits`` is known; ``None`` if there is none."""
    if a is None or b is None or a == b:
        return a if b is not None else None
    if types.is_null(a) or types.is_null(b):
        return b if types.is_null(a) else a
    for family, merge in _FAMILIES:
        if family(a) and family(b):
            merged = merge(a, b, fits)
            return merged if merged is None or _depth(merged) <= _MAX_TYPE_DEPTH else None
    return None


def _merge_numbers(a: pa.DataType, b: pa.DataType, fits: frozenset[str]) -> pa.DataType | None:
    if types.is_decimal(a) or types.is_decimal(b):
        return _merge_decimals(a, b)
    if types.is_floating(a) and types.is_floating(b):
        return max(a, b, key=_bit_width)
    if types.is_floating(a) or types.is_floating(b):
        return _merge_float(*((a, b) if types.is_floating(a) else (b, a)), fits)
    return _merge_integers(a, b, fits)


def _bit_width(kind: pa.DataType) -> int:
    return int(kind.bit_width)


def _merge_integers(a: pa.DataType, b: pa.DataType, fits: frozenset[str]) -> pa.DataType:
    signed = [types.is_signed_integer(kind) for kind in (a, b)]
    if all(signed) or not any(signed):
        return max(a, b, key=_bit_width)
    width = max(kind.bit_width if is_signed else 2 * kind.bit_width for kind, is_signed in zip((a, b), signed, strict=True))
    if width > 64:
        return pa.int64() if "float64" in fits else pa.decimal128(20, 0)
    return {16: pa.int16(), 32: pa.int32(), 64: pa.int64()}[width]


def _merge_float(real: pa.DataType, whole: pa.DataType, fits: frozenset[str]) -> pa.DataType | None:
    """Return the float type that holds all integers of the type ``whole`` too."""
    bits = whole.bit_width + (not types.is_signed_integer(whole))
    if whole.bit_width == 64 and "float64" in fits:
        bits = _FLOAT_BITS[64]
    wide = [kind for kind in (pa.float16(), pa.float32(), pa.float64()) if _FLOAT_BITS[kind.bit_width] >= bits]
    return max(real, wide[0], key=_bit_width) if wide else None


def _merge_decimals(a: pa.DataType, b: pa.DataType) -> pa.DataType | None:
    if types.is_floating(a) or types.is_floating(b):
        return None
    (whole_a, scale_a), (whole_b, scale_b) = _digits(a), _digits(b)
    scale = max(scale_a, scale_b)
    precision = max(whole_a, whole_b) + scale
    if precision > _MAX_DIGITS[256]:
        return None
    wide = types.is_decimal256(a) or types.is_decimal256(b) or precision > _MAX_DIGITS[128]
    return (pa.decimal256 if wide else pa.decimal128)(precision, scale)


def _digits(kind: pa.DataType) -> tuple[int, int]:
    """Return how many digits a number of this type has before and after its point."""
    if types.is_decimal(kind):
        return kind.precision - kind.scale, kind.scale
    return (20 if kind == pa.uint64() else _INT_DIGITS[kind.bit_width]), 0


def _merge_bytes(a: pa.DataType, b: pa.DataType, fits: frozenset[str]) -> pa.DataType:  # noqa: ARG001 - as the others
    is_large = any(types.is_large_string(kind) or types.is_large_binary(kind) for kind in (a, b))
    if all(types.is_string(kind) or types.is_large_string(kind) for kind in (a, b)):
        return pa.large_string() if is_large else pa.string()
    return pa.large_binary() if is_large else pa.binary()


def _merge_times(a: pa.DataType, b: pa.DataType, fits: frozenset[str]) -> pa.DataType | None:
    """Return the finer of two types of moments or durations, if the coarser one's values have a place in it."""
    unit = max(a.unit, b.unit, key=_UNITS.index)
    if a.unit != b.unit and unit not in fits:
        return None
    if types.is_duration(a):
        return pa.duration(unit)
    if (a.tz is None) != (b.tz is None):
        return None
    # Both are moments, stored in UTC; the zone only says how to show them.
    return pa.timestamp(unit, a.tz if a.tz == b.tz else "UTC")


def _merge_times_of_day(a: pa.DataType, b: pa.DataType, fits: frozenset[str]) -> pa.DataType:  # noqa: ARG001
    return max(a, b, key=lambda kind: _UNITS.index(kind.unit))


def _merge_lists(a: pa.DataType, b: pa.DataType, fits: frozenset[str]) -> pa.DataType | None:
    item = _lossless(a.value_type, b.value_type, fits)
    if item is None:
        return None
    return pa.large_list(item) if types.is_large_list(a) or types.is_large_list(b) else pa.list_(item)


def _merge_maps(a: pa.DataType, b: pa.DataType, fits: frozenset[str]) -> pa.DataType | None:
    inner = _lossless(a.key_type, b.key_type, fits), _lossless(a.item_type, b.item_type, fits)
    return None if None in inner else pa.map_(*inner)


def _merge_structs(a: pa.DataType, b: pa.DataType, fits: frozenset[str]) -> pa.DataType | None:
    """Return a record with the fields of both, by name; a name that one has twice cannot be told."""
    if any(has_repeated_names(kind) for kind in (a, b)):
        return None
    kinds: dict[str, pa.DataType | None] = {field.name: field.type for field in a}
    for field in b:
        kinds[field.name] = _lossless(kinds.get(field.name, pa.null()), field.type, fits)
    return None if None in kinds.values() or len(kinds) > _MAX_STRUCT_FIELDS else pa.struct(list(kinds.items()))


def has_repeated_names(kind: pa.DataType) -> bool:
    """Say whether several fields of a record have one name."""
    return len({field.name for field in kind}) < int(kind.num_fields)


def _is_number(kind: pa.DataType) -> bool:
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def is_bytes(kind: pa.DataType) -> bool:
    """Say whether a type is one of the texts and byte strings, views aside."""
    is_text = types.is_string(kind) or types.is_large_string(kind)
    return bool(is_text or types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind))


def is_list(kind: pa.DataType) -> bool:
    """Say whether a type is one of the lists, views aside."""
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def is_any_list(kind: pa.DataType) -> bool:
    """Say whether a type is one of the lists or views of them."""
    return bool(is_list(kind) or types.is_list_view(kind) or types.is_large_list_view(kind))


def _is_moment(kind: pa.DataType) -> bool:
    return bool(types.is_timestamp(kind))


_FAMILIES = (
    (_is_number, _merge_numbers),
    (is_bytes, _merge_bytes),
    (_is_moment, _merge_times),
    (types.is_duration, _merge_times),
    (types.is_time, _merge_times_of_day),
    (types.is_date, lambda a, b, fits: pa.date32()),  # noqa: ARG005 - Parquet holds whole days alone
    (is_list, _merge_lists),
    (types.is_map, _merge_maps),
    (types.is_struct, _merge_structs),
)


def leaf_types(kind: pa.DataType) -> list[pa.DataType]:
    """Return the types of a column's leaves, in the order of Parquet's column chunks."""
    if isinstance(kind, pa.BaseExtensionType):
        return leaf_types(kind.storage_type)
    if types.is_dictionary(kind):
        return [kind.value_type]
    return [leaf for child in children(kind) for leaf in leaf_types(child)] if types.is_nested(kind) else [kind]


def fits_of(kind: pa.DataType, smallest: int, largest: int) -> frozenset[str]:
    """Return what a leaf's values fit, given the smallest and largest as Parquet stores them.

    Parquet knows no seconds: what is read as such is stored in milliseconds.
    """
    if types.is_integer(kind):
        is_exact = max(-smallest, largest) <= _FLOAT64_EXACT and (smallest >= 0 or types.is_signed_integer(kind))
        return EVERYTHING_FITS if is_exact and largest >= smallest else EVERYTHING_FITS - {"float64"}
    unit = "ms" if types.is_timestamp(kind) and kind.unit == "s" else kind.unit
    bound = max(-smallest, largest)
    factors = {to: _PER_SECOND[to] // _PER_SECOND[unit] for to in ("us", "ns")}
    fitting = {to for to, factor in factors.items() if factor <= 1 or bound * factor < _INT64.stop}
    return frozenset({"float64", *fitting})


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
    return kind if inner == children(kind) else _with_children(kind, [child for child in inner if child is not None])


def check_use(column: pa.Field, use: ColumnUse) -> str | None:
    """Say what is wrong with a column that is to hold texts or audio, if no value of its type can be one."""
    if is_json_column(column):
        held = (column.metadata or {}).get(_HOLDS_KEY, b"").decode().split(",")
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

"""The type that holds the values of two others, and loses none of them.

Whether all integers of a column are exact as floats, or its times have a place among 64-bit nanoseconds, is no matter of types:
it must be known of its values (``fits``).
"""

import pyarrow as pa
from pyarrow import types

from cluster.dataset.arrow_types import MAX_TYPE_DEPTH, depth_of, has_repeated_names, is_bytes, is_list

# Objects with ever new keys are maps, not records: beyond this they are kept as JSON text.
MAX_STRUCT_FIELDS = 256

INT64 = range(-(1 << 63), 1 << 63)
FLOAT64_EXACT = 1 << 53
_UNITS = ("s", "ms", "us", "ns")
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_INT_DIGITS = {8: 3, 16: 5, 32: 10, 64: 19}
_MAX_DIGITS = {128: 38, 256: 76}
# Of integers with so many bits (sign included) a float type holds each exactly: its precision, and one for the sign.
_FLOAT_BITS = {16: 12, 32: 25, 64: 54}

# What the values of a column may fit without loss: ``float64`` integers, ``us`` and ``ns`` times and durations.
EVERYTHING_FITS = frozenset({"float64", "us", "ns"})


def common_type(a: pa.DataType | None, b: pa.DataType | None, fits: frozenset[str]) -> pa.DataType | None:
    """Return the type that holds every value of both, of which ``fits`` is known; ``None`` if there is none."""
    if a is None or b is None or a == b:
        return a if b is not None else None
    if types.is_null(a) or types.is_null(b):
        return b if types.is_null(a) else a
    for family, merge in _FAMILIES:
        if family(a) and family(b):
            merged = merge(a, b, fits)
            return merged if merged is None or depth_of(merged) <= MAX_TYPE_DEPTH else None
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
    item = common_type(a.value_type, b.value_type, fits)
    if item is None:
        return None
    return pa.large_list(item) if types.is_large_list(a) or types.is_large_list(b) else pa.list_(item)


def _merge_maps(a: pa.DataType, b: pa.DataType, fits: frozenset[str]) -> pa.DataType | None:
    inner = common_type(a.key_type, b.key_type, fits), common_type(a.item_type, b.item_type, fits)
    return None if None in inner else pa.map_(*inner)


def _merge_structs(a: pa.DataType, b: pa.DataType, fits: frozenset[str]) -> pa.DataType | None:
    """Return a record with the fields of both, by name; a name that one has twice cannot be told."""
    if any(has_repeated_names(kind) for kind in (a, b)):
        return None
    kinds: dict[str, pa.DataType | None] = {field.name: field.type for field in a}
    for field in b:
        kinds[field.name] = common_type(kinds.get(field.name, pa.null()), field.type, fits)
    return None if None in kinds.values() or len(kinds) > MAX_STRUCT_FIELDS else pa.struct(list(kinds.items()))


def _is_number(kind: pa.DataType) -> bool:
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


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


def fits_of(kind: pa.DataType, smallest: int, largest: int) -> frozenset[str]:
    """Return what a leaf's values fit, given the smallest and largest as Parquet stores them.

    Parquet knows no seconds: what is read as such is stored in milliseconds.
    """
    if types.is_integer(kind):
        is_exact = max(-smallest, largest) <= FLOAT64_EXACT and (smallest >= 0 or types.is_signed_integer(kind))
        return EVERYTHING_FITS if is_exact and largest >= smallest else EVERYTHING_FITS - {"float64"}
    unit = "ms" if types.is_timestamp(kind) and kind.unit == "s" else kind.unit
    bound = max(-smallest, largest)
    factors = {to: _PER_SECOND[to] // _PER_SECOND[unit] for to in ("us", "ns")}
    fitting = {to for to, factor in factors.items() if factor <= 1 or bound * factor < INT64.stop}
    return frozenset({"float64", *fitting})

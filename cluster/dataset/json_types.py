"""Types of the values of a JSON Lines file."""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from actors.errors import InputDataError
from cluster.dataset.arrow_types import MAX_TYPE_DEPTH
from cluster.dataset.columns import HOLDS_KEY, MAX_COLUMNS, ColumnType, field_of
from cluster.dataset.common_types import EVERYTHING_FITS, FLOAT64_EXACT, INT64, MAX_STRUCT_FIELDS, common_type


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
            if (name, kind) in self._held and (kind is not int or -FLOAT64_EXACT <= value <= FLOAT64_EXACT):
                continue
            self._widen(name, value)
            (self._nested if kind in (list, dict) else self._held).add((name, kind))

    def _widen(self, name: str, value: Any) -> None:
        kind = self._types.get(name, pa.null())
        if kind is not None:
            if any(not -FLOAT64_EXACT <= number <= FLOAT64_EXACT for number in _integers(value)):
                self._large.add(name)
            fits = self._fits(name)
            kind = common_type(kind, _json_type(value, fits), fits)
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
        return column.with_metadata({**column.metadata, HOLDS_KEY: ",".join(held).encode()})


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
    if isinstance(value, list | dict) and depth == MAX_TYPE_DEPTH:
        return None
    if isinstance(value, list):
        kind: pa.DataType | None = pa.null()
        for item in value:
            kind = kind if item is None else common_type(kind, _json_type(item, fits, depth + 1), fits)
            if kind is None:
                return None
        return pa.list_(kind)
    if isinstance(value, dict):
        if not 0 < len(value) <= MAX_STRUCT_FIELDS:
            return None  # Parquet has no struct without fields
        kinds = [(name, _json_type(item, fits, depth + 1)) for name, item in value.items()]
        return None if any(kind is None for _, kind in kinds) else pa.struct(kinds)
    if type(value) is int and value not in INT64:
        return None
    scalars = {type(None): pa.null(), bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
    return scalars[type(value)]

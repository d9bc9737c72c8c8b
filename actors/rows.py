"""The rows of a job: what a worker is given, what it gives back, and which columns that has.

Columns are declared in Python's own types, from which :func:`cluster.output.part_schema` makes Arrow's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# str, int, float or bytes; a mapping is a struct of named values, and a list of one type a list of such values.
ColumnType = type | Mapping[str, "ColumnType"] | list["ColumnType"]
Columns = Mapping[str, ColumnType]

AUDIO: ColumnType = {"bytes": bytes, "path": str}


@dataclass(frozen=True)
class InputRow:
    """One row: its stable id, and values of the asked columns (``None`` where absent).

    ``error`` says why the row cannot be read (a malformed line); its values are ``None`` then.
    """

    id: str
    values: Mapping[str, Any]
    error: str | None = None


def blank_row(columns: Columns, row_id: str, model: str) -> dict[str, Any]:
    """Return the output row of an input row about which nothing is known yet: ``rejected`` without a reason."""
    empty: dict[str, Any] = {name: [] if isinstance(kind, list) else None for name, kind in columns.items()}
    return empty | {"id": row_id, "status": "rejected", "model": model}

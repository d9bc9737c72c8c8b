"""Names of rows."""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from cluster.dataset.shards import Shard, Unit
from cluster.dataset.values import Column, to_values
from cluster.storage import printable

_JSON = json.JSONDecoder()
# So far into a line an id is looked for.
_MAX_ID_BYTES = 64 << 10
_JSON_SPACE = " \t\r\n"
_MOST_WHOLE = 1 << 53  # above, floats are not all of the integers


def hashes_of(ids: Column) -> np.ndarray:
    """Return a hash of each id's text, for this process; rows without an id are left out."""
    return np.fromiter(map(hash, filter(None, id_texts(ids))), np.int64)


def id_texts(ids: Column) -> list[str]:
    """Return each id as text; empty for one that is missing or cannot be read."""
    if not isinstance(ids, list) and pa.types.is_integer(ids.type):
        ids = ids.cast(pa.string())
    return [id_text(value) for value in to_values(ids, len(ids)).values]


def row_ids(shard: Shard, unit: Unit, values: Sequence[Any]) -> list[str]:
    """Return the rows' ids: the value of the id column, else the file name and the row number (from 0)."""
    if shard.format == "media":
        return [printable(shard.name + key) for key in shard.files[unit.first : unit.stop]]
    return [id_text(value) or f"{shard.name}:{unit.first + i}" for i, value in enumerate(values)]


def id_text(value: Any) -> str:
    """Return an id as text; empty for one that is missing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < _MOST_WHOLE:
        return str(int(value))  # a column of integers with gaps is often one of floats
    return value.hex() if isinstance(value, bytes) else str(value)


def json_id(line: bytes, name: str) -> Any:
    """Return the id in a line that is no JSON object, if it stands before what is wrong with it; ``None`` if it does not.

    It is that of the object itself, and not of one inside.
    """
    text = line[:_MAX_ID_BYTES].decode(errors="surrogateescape")
    try:
        place = _skip(text, _skip(text, 0, "{"), "")
        while True:
            key, place = _JSON.raw_decode(text, _skip(text, place, ""))
            value, place = _JSON.raw_decode(text, _skip(text, _skip(text, place, ":"), ""))
            if key == name:
                json.dumps(value, ensure_ascii=False).encode()
                after = text[_skip(text, place, "") :][:1]
                is_whole = after in (",", "}") or (isinstance(value, str) and not after)  # a number may have been cut
                return value if is_whole else None
            place = _skip(text, _skip(text, place, ","), "")
    except (ValueError, RecursionError):
        return None


def _skip(text: str, place: int, expected: str) -> int:
    """Return the place after white space and what is expected there.

    Raises:
        ValueError: something else is there.
    """
    while text[place : place + 1] in _JSON_SPACE and place < len(text):
        place += 1
    if not text.startswith(expected, place):
        raise ValueError(f"no {expected!r} at character {place}")
    return place + len(expected)

"""Names of rows."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from cluster.dataset.shards import Shard, Unit
from cluster.storage import printable


def hashes_of(ids: pa.ChunkedArray | list[Any]) -> np.ndarray:
    """Return a hash of each id's text, for this process; rows without an id are left out."""
    if not isinstance(ids, list):
        if pa.types.is_integer(ids.type):
            ids = ids.cast(pa.string())
        if pa.types.is_string(ids.type) or pa.types.is_large_string(ids.type):
            texts = ids.drop_null().to_numpy(zero_copy_only=False)
            return np.fromiter(map(hash, filter(None, texts)), np.int64)
        ids = ids.to_pylist()
    return np.fromiter((hash(text) for text in map(id_text, ids) if text), np.int64)


def row_ids(shard: Shard, unit: Unit, values: Sequence[Any]) -> list[str]:
    """Return the rows' ids: the value of the id column, else the file name and the row number (from 0)."""
    if shard.format == "media":
        return [printable(shard.name + key) for key in shard.files[unit.first : unit.stop]]
    return [id_text(value) or f"{shard.name}:{unit.first + i}" for i, value in enumerate(values)]


def id_text(value: Any) -> str:
    """Return an id as text; empty for one that is missing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return value.hex() if isinstance(value, bytes) else str(value)

"""Looks at each input file once, before a run."""

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pyarrow as pa

from actors.errors import InputDataError
from cluster.dataset.columns import MAX_COLUMNS, ColumnUse, check_use, common_features, unify
from cluster.dataset.find import MEDIA_SUFFIXES, ROW_SUFFIXES, find_shards
from cluster.dataset.parquet import scan_parquet
from cluster.dataset.shards import Dataset, Location, Shard
from cluster.dataset.stored import content_errors
from cluster.dataset.text_formats import scan_text

# On a disk the parsing decides, on an object store the wait.
_LOCAL_SCANNERS = 4
_REMOTE_SCANNERS = 32
_MEDIA_SCHEMA = pa.schema([("path", pa.string())])


def scan(
    inputs: Location | Sequence[Location],
    column: str = "text",
    *,
    id_column: str = "id",
    exclude: Iterable[Location] = (),
    use: ColumnUse | None = None,
) -> Dataset:
    """Find the input's files and look at each once: row counts, columns, corruption.

    Args:
        inputs: files, folders (searched recursively for known suffixes; names that begin with ``.`` or ``_`` are
            skipped) and globs (``*``, ``?``, ``[…]``, ``**``), local or on an object store.
        column: the column that every shard must have; the lines of TXT files become this column.
        id_column: the column with the rows' ids, if there is one.
        exclude: folders to leave out (the job's own output, say).
        use: what ``column`` is to hold. A shard in which none of its values can be that is as useless as a corrupt one.

    Raises:
        InputDataError: there is no file, or no file can be used; the message says why for the first ones.
        StorageError: a store cannot be read.
    """
    shards = find_shards(inputs, ROW_SUFFIXES, exclude)
    scanned = _scan_shards(shards, column, id_column, use)
    shards = [shard for shard, _ in scanned]
    if all(shard.error for shard in shards):
        reasons = "; ".join(f"{shard.uri}: {shard.error}" for shard in shards[:3])
        raise InputDataError(f"none of the {len(shards)} input files can be used. {reasons}")
    hashes = {shard.index: ids for shard, ids in scanned if ids is not None}
    schema = unify(shards)
    return Dataset(tuple(shards), schema, common_features(shards, schema), column, id_column, hashes)


def scan_media(inputs: Location | Sequence[Location], *, exclude: Iterable[Location] = ()) -> Dataset:
    """Make rows of audio and video files: the id is the name relative to the input, the column ``path`` the URI.

    The files of a folder are one shard, sorted by name; none is opened. :func:`open_media` opens the one of a row.

    Raises:
        InputDataError: there is no such file.
        StorageError: a store cannot be read.
    """
    folders: dict[str, list[Shard]] = {}
    for file in find_shards(inputs, MEDIA_SUFFIXES, exclude):
        folders.setdefault(file.store.uri, []).append(file)
    shards = tuple(_media_shard(index, files) for index, files in enumerate(folders.values()))
    return Dataset(shards, _MEDIA_SCHEMA, {}, column="path", id_column="id")


def _media_shard(index: int, files: list[Shard]) -> Shard:
    """Return one shard whose rows are ``files``, all found below the same folder."""
    first = files[0]
    listing = "\n".join(f"{file.key}\t{file.size}" for file in files)
    return Shard(
        index=index,
        name=first.name.removesuffix(first.key),
        store=first.store,
        key="",
        size=sum(file.size for file in files),
        format="media",
        rows=len(files),
        digest=hashlib.sha256(listing.encode()).hexdigest(),
        schema=_MEDIA_SCHEMA,
        files=tuple(file.key for file in files),
    )


def _scan_shards(
    shards: Sequence[Shard], column: str, id_column: str, use: ColumnUse | None
) -> list[tuple[Shard, np.ndarray | None]]:
    threads = _LOCAL_SCANNERS if all(shard.store.local_path() for shard in shards) else _REMOTE_SCANNERS
    size = max(1, min(64, len(shards) // (4 * threads)))  # a call to a thread costs as much as a third of a small shard
    pieces = [shards[i : i + size] for i in range(0, len(shards), size)]
    with ThreadPoolExecutor(threads) as pool:
        found = pool.map(lambda piece: [_scan_shard(shard, column, id_column, use) for shard in piece], pieces)
        return list(itertools.chain.from_iterable(found))


def _scan_shard(shard: Shard, column: str, id_column: str, use: ColumnUse | None) -> tuple[Shard, np.ndarray | None]:
    """Return the shard with its rows and columns, or with the reason why it cannot be used; and hashes of ids it has read."""
    try:
        with content_errors(shard):
            if shard.format == "parquet":
                scanned, ids = scan_parquet(shard, id_column)
            else:
                scanned, ids = scan_text(shard, column, id_column)
        _check_columns(scanned, column, use)
    except InputDataError as error:
        return replace(shard, error=str(error)), None
    return scanned, ids


def _check_columns(shard: Shard, column: str, use: ColumnUse | None) -> None:
    names = shard.schema.names
    if len(names) > MAX_COLUMNS:
        raise InputDataError(f"it has {len(names):,} columns, and may have {MAX_COLUMNS:,}")
    if repeated := sorted(name for name, count in Counter(names).items() if count > 1):
        raise InputDataError(f"column {', '.join(map(repr, repeated))} appears more than once")
    if column not in names and (names or shard.rows):
        raise InputDataError(f"there is no column {column!r}; the columns are {', '.join(map(repr, names))}")
    if use and column in names and (problem := check_use(shard.schema.field(column), use)):
        raise InputDataError(
            f"column {column!r} holds no {use}: {problem}. Name another column, or convert it; the columns are "
            f"{', '.join(map(repr, names))}"
        )

"""Looks at each input file once, before a run."""

import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

import numpy as np
import pyarrow as pa

from actors.errors import InputDataError, UsageError
from cluster.dataset.arrow_ipc import is_parquet, scan_arrow
from cluster.dataset.columns import MAX_COLUMNS, ColumnUse, check_use, common_features, share, unify
from cluster.dataset.find import MEDIA_SUFFIXES, ROW_SUFFIXES, Found, find_shards
from cluster.dataset.parquet_scan import scan_parquet
from cluster.dataset.shards import Dataset, Location, Shard
from cluster.dataset.stored import content_errors
from cluster.dataset.text_formats import scan_text
from cluster.dataset.text_options import TextOptions
from cluster.storage import printable

# On a disk the parsing decides, on an object store the wait.
_LOCAL_SCANNERS = 4
_REMOTE_SCANNERS = 32
# How columns are often named that the jobs call ``audio`` and ``text``.
_USUAL_NAMES = {
    "audio": (
        "audio_file",
        "audio_filepath",
        "audio_path",
        "clip",
        "file",
        "file_name",
        "filename",
        "path",
        "recording",
        "wav",
    ),
    "text": ("content", "normalized_text", "prompt", "sentence", "transcript", "transcription"),
}
_NO_COLUMN = "there is no column"
_MEDIA_SCHEMA = pa.schema([("path", pa.string())])

_Scanned = tuple[Shard, np.ndarray | None]  # with hashes of its ids, where the scan has read them


def scan(
    inputs: Location | Sequence[Location],
    column: str = "text",
    *,
    id_column: str = "id",
    exclude: Iterable[Location] = (),
    use: ColumnUse | None = None,
    options: TextOptions | None = None,
) -> Dataset:
    """Find the input's files and look at each once: row counts, columns, corruption.

    Args:
        inputs: files, folders (searched recursively for known suffixes; names that begin with ``.`` or ``_`` are
            skipped) and globs (``*``, ``?``, ``[…]``, ``**``), local or on an object store.
        column: the column that every shard must have; the lines of TXT files become this column.
        id_column: the column with the rows' ids, if there is one.
        exclude: folders to leave out (the job's own output, say), also where a link leads to them.
        use: what ``column`` is to hold. A shard in which none of its values can be that is as useless as a corrupt one.
        options: how the text files are written.

    Raises:
        InputDataError: there is no file, or no file can be used; the message says why for the first ones.
        StorageError: a store cannot be read.
    """
    found = find_shards(inputs, ROW_SUFFIXES, exclude, options or TextOptions())
    scanned, skipped = _without_descriptions(_scan_shards(found.shards, column, id_column, use), found, column)
    shards = [shard for shard, _ in scanned]
    if any(shard.error for shard in shards) and all(shard.error or not shard.size for shard in shards):
        reasons = "; ".join(f"{shard.uri}: {shard.error}" for shard in shards[:3])
        raise InputDataError(f"none of the {len(shards)} input files can be used. {reasons}")
    hashes = {shard.index: ids for shard, ids in scanned if ids is not None}
    schema = unify(shards)
    return Dataset(tuple(shards), schema, common_features(shards, schema), column, id_column, hashes, skipped)


def _without_descriptions(scanned: list[_Scanned], found: Found, column: str) -> tuple[list[_Scanned], tuple[str, ...]]:
    """Leave out JSON files beside tables that nobody named and that lack the column: they describe something."""
    odd = {shard.index for shard, _ in scanned if shard.is_json and (shard.error or "").startswith(_NO_COLUMN)} - found.named
    if not odd or len(odd) == len(scanned):
        return scanned, found.skipped
    kept = [(shard, ids) for shard, ids in scanned if shard.index not in odd]
    renumbered = [(replace(shard, index=index), ids) for index, (shard, ids) in enumerate(kept)]
    return renumbered, (*found.skipped, f"{len(odd)} .json without column {column!r}")


def scan_media(inputs: Location | Sequence[Location], *, exclude: Iterable[Location] = ()) -> Dataset:
    """Make rows of audio and video files: the id is the name relative to the input, the column ``path`` the URI.

    The files of a folder are one shard, sorted by name; none is opened. A file counts as changed if its size or
    modification time is another: a copy of an input should keep its times.

    Raises:
        InputDataError: there is no such file.
        StorageError: a store cannot be read.
    """
    found = find_shards(inputs, MEDIA_SUFFIXES, exclude, TextOptions())
    folders: dict[str, list[tuple[Shard, datetime]]] = {}
    for file, mtime in zip(found.shards, found.mtimes, strict=True):
        folders.setdefault(file.store.uri, []).append((file, mtime))
    shards = tuple(_media_shard(index, files) for index, files in enumerate(folders.values()))
    return Dataset(shards, _MEDIA_SCHEMA, {}, column="path", id_column="id", skipped=found.skipped)


def _media_shard(index: int, files: list[tuple[Shard, datetime]]) -> Shard:
    """Return one shard whose rows are ``files``, all found below the same folder."""
    first = files[0][0]
    listing = json.dumps([(file.key, file.size, mtime.isoformat()) for file, mtime in files])
    return Shard(
        index=index,
        name=first.name.removesuffix(printable(first.key)),
        store=first.store,
        key="",
        size=sum(file.size for file, _ in files),
        format="media",
        rows=len(files),
        digest=hashlib.sha256(listing.encode()).hexdigest(),
        schema=_MEDIA_SCHEMA,
        files=tuple(file.key for file, _ in files),
    )


def _scan_shards(shards: Sequence[Shard], column: str, id_column: str, use: ColumnUse | None) -> list[_Scanned]:
    threads = _LOCAL_SCANNERS if all(shard.store.local_path() for shard in shards) else _REMOTE_SCANNERS
    size = max(1, min(64, len(shards) // (4 * threads)))  # a call to a thread costs as much as a third of a small shard
    pieces = [shards[i : i + size] for i in range(0, len(shards), size)]
    with ThreadPoolExecutor(threads) as pool:
        found = pool.map(lambda piece: [_scan_shard(shard, column, id_column, use) for shard in piece], pieces)
        return list(itertools.chain.from_iterable(found))


def _scan_shard(shard: Shard, column: str, id_column: str, use: ColumnUse | None) -> _Scanned:
    """Return the shard with its rows and columns, or with the reason why it cannot be used; and hashes of ids it has read."""
    try:
        with content_errors(shard):
            if shard.format == "arrow" and is_parquet(shard):
                shard = replace(shard, format="parquet")
            if shard.format == "parquet":
                scanned, ids = scan_parquet(shard, id_column)
            elif shard.format == "arrow":
                scanned, ids = scan_arrow(shard, id_column)
            else:
                scanned, ids = scan_text(shard, column, id_column)
        scanned = _with_partition(scanned, id_column)
        _check_columns(scanned, column, use)
    except (InputDataError, UsageError) as error:  # the latter: a name that an object may have and a file may not
        return replace(shard, error=str(error)), None
    return scanned, ids


def _with_partition(shard: Shard, id_column: str) -> Shard:
    """Return the shard with the columns that its folders name, as far as it has none of that name itself."""
    names = {*shard.schema.names, id_column}
    partition = tuple({key: value for key, value in shard.partition if key not in names}.items())
    if not partition or not shard.schema.names:
        return replace(shard, partition=())
    fields = [*shard.schema, *(pa.field(name, pa.string()) for name, _ in partition)]
    return replace(shard, partition=partition, schema=share(pa.schema(fields)))


def _check_columns(shard: Shard, column: str, use: ColumnUse | None) -> None:
    names = shard.schema.names
    if len(names) > MAX_COLUMNS:
        raise InputDataError(f"it has {len(names):,} columns, and may have {MAX_COLUMNS:,}")
    if repeated := sorted(name for name, count in Counter(names).items() if count > 1):
        raise InputDataError(f"column {', '.join(map(repr, repeated))} appears more than once")
    if column not in names and (names or shard.rows):
        usual = [name for name in names if name.lower() in _USUAL_NAMES.get(column, ())]
        hint = f"; {usual[0]!r} looks like it: say so with --{column}-column {usual[0]}" if usual else ""
        if not usual and shard.format in ("csv", "tsv"):
            hint = "; if the first line is a row and no header, give the names of the columns with --columns"
        raise InputDataError(f"{_NO_COLUMN} {column!r}; the columns are {', '.join(map(repr, names))}{hint}")
    if use and column in names and (problem := check_use(shard.schema.field(column), use)):
        raise InputDataError(
            f"column {column!r} holds no {use}: {problem}. Name another column, or convert it; the columns are "
            f"{', '.join(map(repr, names))}"
        )

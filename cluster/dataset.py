"""A job's input: files of rows, cut into units that workers read on their own.

:func:`scan` looks at every file (*shard*) once, before the run: how many rows, which columns, and whether it can be
read at all. :func:`plan_units` cuts the shards into units, and :func:`read_rows` reads the rows of one unit and nothing
else. A shard that cannot be read is named and left out; a row that cannot be read comes out with its reason.

Formats: Parquet; JSON Lines; CSV and TSV with a header; TXT, a row a line (a blank line is a row with an empty text, so
row numbers are line numbers). The text formats may be compressed (``.gz``, ``.zst``) and are UTF-8.

A worker asks an object store for the bytes of a unit once it knows where in the file they are, in one request where they lie
together. A compressed file that makes several units is decompressed once a node (:mod:`cluster.spool`).
"""

import contextlib
import csv
import functools
import hashlib
import io
import itertools
import json
import math
import os
import threading
from array import array
from base64 import b64encode
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from actors.errors import InputDataError, StorageError, UsageError
from cluster.spool import open_copy, remove_copies
from cluster.storage import Store, open_store, split_uri

Format = Literal["parquet", "jsonl", "csv", "tsv", "txt", "media"]
Location = str | os.PathLike[str]

_AUDIO_SUFFIXES = (".aac", ".aif", ".aiff", ".flac", ".m4a", ".m4b", ".mp3", ".oga", ".ogg", ".opus", ".wav", ".wma")
_VIDEO_SUFFIXES = (".avi", ".m4v", ".mka", ".mkv", ".mov", ".mp4", ".webm", ".wmv")
MEDIA_SUFFIXES = frozenset(_AUDIO_SUFFIXES + _VIDEO_SUFFIXES)

_FORMATS: dict[str, Format] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "txt",
}
_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
_TEXT_SUFFIXES = [suffix for suffix, kind in _FORMATS.items() if kind != "parquet"]
_ROW_SUFFIXES = frozenset([*_FORMATS, *(text + packed for text in _TEXT_SUFFIXES for packed in _COMPRESSIONS)])
_DELIMITERS = {"csv": ",", "tsv": "\t"}

# On a disk the parsing decides, on an object store the wait.
_LOCAL_SCANNERS = 4
_REMOTE_SCANNERS = 32
_READ_BYTES = 1 << 20
# The end of a Parquet file that is read first: most footers are in it.
_TAIL_BYTES = 64 << 10
# Files up to this size are read in one request.
_WHOLE_BYTES = 1 << 20
# From an object store, ranges of a file that are closer than this are one request.
_HOLE_BYTES = 1 << 20
# Column chunks of which a unit is the lesser part are read whole up to this size, and others up to a larger one.
_CHUNK_BYTES = 8 << 20
_CHUNKS_BYTES = 256 << 20
# Row groups that make several units are decoded once, and kept, if their rows are small and they are not large in all.
_DECODED_ROW_BYTES = 4 << 10
_DECODED_BYTES = 128 << 20
# Files of an object store that a process keeps open: units of one file follow one another.
_OPEN_FILES = 8
# A text shard's index holds the place of every 256th row: a unit starts reading at most 255 rows early.
_STRIDE = 256
# Bounds the memory that a file without line ends, or with a quote that is never closed, can take.
_MAX_RECORD_BYTES = 64 << 20
_PARQUET_BATCH_ROWS = 128
# Objects with ever new keys are maps, not records: beyond this they are kept as JSON text.
_MAX_STRUCT_FIELDS = 256
# Marks a column whose values have no common type and are therefore JSON texts.
_JSON_MARK = {b"encoding": b"json"}
_INT64 = range(-(1 << 63), 1 << 63)
_MEDIA_SCHEMA = pa.schema([("path", pa.string())])


@dataclass(frozen=True)
class Shard:
    """One input file, as the scan found it.

    Attributes:
        index: position in :attr:`Dataset.shards`; part of the names of output files.
        name: path relative to the folder that all inputs share; part of the ids of rows without one. Of a media shard
            the folder, with a trailing slash if it is not that shared one.
        store: where the file is, with ``key``.
        size: bytes.
        compression: ``gzip``, ``zstd`` or ``None``.
        rows: number of rows; 0 if the shard is corrupt.
        digest: sha256 over the content (Parquet: its footer), so that a changed input is noticed; empty if corrupt.
        schema: columns and their types in this file.
        features: Hugging Face features that the file declares for its columns.
        row_groups: rows of each Parquet row group.
        offsets: place of rows 0, 256, 512, … in the decompressed bytes of a text format.
        files: keys of a media shard, one a row.
        error: why the shard cannot be read, or ``None``.
    """

    index: int
    name: str
    store: Store
    key: str
    size: int
    format: Format
    compression: str | None = None
    rows: int = 0
    digest: str = ""
    schema: pa.Schema = field(default_factory=lambda: pa.schema([]))
    features: Mapping[str, Any] = field(default_factory=dict)
    row_groups: tuple[int, ...] = ()
    offsets: tuple[int, ...] = ()
    files: tuple[str, ...] = ()
    error: str | None = None

    @property
    def uri(self) -> str:
        """The file's printable URI."""
        return self.store.uri_of(self.key) if self.key else self.store.uri


@dataclass(frozen=True)
class Dataset:
    """A scanned input. It holds no rows, and may be pickled to workers.

    Attributes:
        shards: every file, corrupt ones included.
        schema: every column of every shard with the type that its values are passed through as.
        features: Hugging Face features of the columns whose shards agree on them.
        column: the column that the job works on.
        id_column: the column that names rows, where a shard has it.
        id_hashes: hashes of the ids in the shards that the scan has read whole, by index; they do not travel.
    """

    shards: tuple[Shard, ...]
    schema: pa.Schema
    features: Mapping[str, Any]
    column: str
    id_column: str
    id_hashes: Mapping[int, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return Dataset, (self.shards, self.schema, self.features, self.column, self.id_column)

    @property
    def rows(self) -> int:
        """Number of rows in all readable shards."""
        return sum(shard.rows for shard in self.shards)

    @property
    def corrupt(self) -> list[Shard]:
        """The shards that cannot be read."""
        return [shard for shard in self.shards if shard.error]

    @property
    def inputs(self) -> list[tuple[str, str | None]]:
        """What identifies the input: name and digest of each shard, in order; no digest if it is corrupt."""
        return [(shard.name, shard.digest or None) for shard in self.shards]


@dataclass(frozen=True, order=True)
class Unit:
    """Rows ``first`` to ``first + count`` of shard number ``shard``: what one worker does in one go."""

    shard: int
    first: int
    count: int

    @property
    def stop(self) -> int:
        """The row after the last one."""
        return self.first + self.count

    @property
    def part_name(self) -> str:
        """Name of the output file that holds this unit."""
        return f"part-{self.shard:05d}-{self.first:09d}.parquet"

    def split(self) -> tuple["Unit", "Unit"]:
        """Return both halves.

        Raises:
            ValueError: the unit is a single row.
        """
        if self.count < 2:
            raise ValueError(f"{self} is a single row and cannot be split")
        half = self.count // 2
        return replace(self, count=half), replace(self, first=self.first + half, count=self.count - half)


@dataclass(frozen=True)
class InputRow:
    """One row: its stable id, row number in its shard, and values of the asked columns (``None`` where absent).

    ``error`` says why the row cannot be read (a malformed line); its values are ``None`` then.
    """

    id: str
    position: int
    values: Mapping[str, Any]
    error: str | None = None


@dataclass(frozen=True)
class InputBatch:
    """The rows of a unit. ``table`` holds the passed-through columns, row by row beside ``rows``, in job-wide types."""

    unit: Unit
    rows: list[InputRow]
    table: pa.Table


def scan(
    inputs: Location | Sequence[Location],
    column: str = "text",
    *,
    id_column: str = "id",
    exclude: Iterable[Location] = (),
) -> Dataset:
    """Find the input's files and look at each once: row counts, columns, corruption.

    Args:
        inputs: files, folders (searched recursively for known suffixes; names that begin with ``.`` or ``_`` are
            skipped) and globs (``*``, ``?``, ``[…]``, ``**``), local or on an object store.
        column: the column that every shard must have; the lines of TXT files become this column.
        id_column: the column with the rows' ids, if there is one.
        exclude: folders to leave out (the job's own output, say).

    Raises:
        InputDataError: there is no file, or no file can be used; the message says why for the first ones.
        StorageError: a store cannot be read.
    """
    shards = _find_shards(inputs, _ROW_SUFFIXES, exclude)
    scanned = _scan_shards(shards, column, id_column)
    shards = [shard for shard, _ in scanned]
    if all(shard.error for shard in shards):
        reasons = "; ".join(f"{shard.uri}: {shard.error}" for shard in shards[:3])
        raise InputDataError(f"none of the {len(shards)} input files can be used. {reasons}")
    hashes = {shard.index: ids for shard, ids in scanned if ids is not None}
    return Dataset(tuple(shards), _unify(shards), _common_features(shards), column, id_column, hashes)


def scan_media(inputs: Location | Sequence[Location], *, exclude: Iterable[Location] = ()) -> Dataset:
    """Make rows of audio and video files: the id is the name relative to the input, the column ``path`` the URI.

    The files of a folder are one shard, sorted by name; none is opened. :func:`open_media` opens the one of a row.

    Raises:
        InputDataError: there is no such file.
        StorageError: a store cannot be read.
    """
    folders: dict[str, list[Shard]] = {}
    for file in _find_shards(inputs, MEDIA_SUFFIXES, exclude):
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


def open_media(shard: Shard, position: int) -> pa.NativeFile:
    """Open the file of one row of a :func:`scan_media` shard; use it as a context manager.

    Raises:
        StorageError: the file is gone or cannot be read.
    """
    return shard.store.open_input(shard.files[position])


def plan_units(shards: Sequence[Shard], rows_per_unit: int) -> list[Unit]:
    """Cut all shards into units of at most ``rows_per_unit`` rows."""
    return missing_units(shards, {}, rows_per_unit)


def missing_units(shards: Sequence[Shard], covered: Mapping[int, Sequence[Unit]], rows_per_unit: int) -> list[Unit]:
    """Return the units for the rows that ``covered`` (shard index -> disjoint units) lacks.

    Gaps are cut where a fresh plan would cut, so part names stay the same from run to run.
    """
    if rows_per_unit < 1:
        raise UsageError(f"a unit needs at least 1 row, got {rows_per_unit}")
    return [unit for shard in shards for unit in _uncovered(shard, covered.get(shard.index, ()), rows_per_unit)]


def read_rows(
    dataset: Dataset, unit: Unit, columns: Iterable[str] | None = None, passthrough: Iterable[str] = ()
) -> InputBatch:
    """Read the rows of one unit; of Parquet only the row groups and columns that are needed.

    Args:
        dataset: what :func:`scan` returned.
        unit: the rows to read.
        columns: columns to return as plain Python values; all if ``None``.
        passthrough: columns to return as an Arrow table, with the types of ``dataset.schema``.

    Raises:
        InputDataError: the content cannot be read. Reading a part of the unit may still work.
        StorageError: the store cannot be reached; the same call may work later.
    """
    shard = dataset.shards[unit.shard]
    columns = dataset.schema.names if columns is None else list(columns)
    passthrough = list(passthrough)
    part = _read_slice(shard, unit, {*columns, *passthrough, dataset.id_column} & set(shard.schema.names))
    if len(part.errors) != unit.count:
        raise InputDataError(
            f"{shard.uri} has fewer rows than when the job started (rows {unit.first} to {unit.stop} were asked for): "
            "it was changed. Restore it, or start over with a new output folder."
        )
    ids = _row_ids(shard, unit, _as_list(part.columns.get(dataset.id_column), unit.count))
    lists = {name: _as_list(part.columns.get(name), unit.count) for name in columns}
    rows = [
        InputRow(ids[i], unit.first + i, {name: values[i] for name, values in lists.items()}, part.errors[i])
        for i in range(unit.count)
    ]
    fields = [dataset.schema.field(name) for name in passthrough]
    arrays = [_as_column(part.columns.get(f.name), f, unit.count) for f in fields]
    return InputBatch(unit, rows, pa.table(arrays, schema=pa.schema(fields)))


def unreadable_rows(dataset: Dataset, unit: Unit, reason: str, passthrough: Iterable[str] = ()) -> InputBatch:
    """Return rows that stand for a unit whose content cannot be read: ids, ``reason`` as error, null values.

    Raises:
        StorageError: the store cannot be reached; the same call may work later.
    """
    shard = dataset.shards[unit.shard]
    try:
        ids = [row.id for row in read_rows(dataset, unit, columns=()).rows]
    except InputDataError:
        ids = _row_ids(shard, unit, [None] * unit.count)
    rows = [InputRow(id_, unit.first + i, dict.fromkeys(dataset.schema.names), reason) for i, id_ in enumerate(ids)]
    schema = pa.schema([dataset.schema.field(name) for name in passthrough])
    return InputBatch(unit, rows, pa.table([pa.nulls(unit.count, f.type) for f in schema], schema=schema))


def find_duplicate_ids(dataset: Dataset, limit: int = 5, *, stop: threading.Event | None = None) -> list[str]:
    """Return a sentence for each of the first ``limit`` ids that several rows share.

    Of Parquet files it reads the id column alone; of text files the scan has kept hashes. Takes up to 24 bytes a row.
    Rows that cannot be read are left out: they are the run's to report.

    Args:
        dataset: what :func:`scan` returned.
        limit: how many ids to return at most.
        stop: once it is set, nothing more is read and nothing found.

    Raises:
        StorageError: the store cannot be reached.
    """
    hashes: dict[int, np.ndarray] = {}
    for shard in dataset.shards:
        if stop and stop.is_set():
            return []
        if shard.rows and dataset.id_column in shard.schema.names:  # generated ids differ by construction
            known = dataset.id_hashes.get(shard.index)
            hashes[shard.index] = _read_id_hashes(shard, dataset.id_column) if known is None else known
    # More than asked for: that two ids share a hash is possible, and shows when they are read.
    repeated = _repeated(list(hashes.values()), 2 * limit)
    places: dict[str, list[str]] = {}
    for index in [index for index, ids in hashes.items() if np.isin(ids, repeated).any()]:
        for place, id_ in _ids_of(dataset, dataset.shards[index]):
            if hash(id_) in repeated:
                places.setdefault(id_, []).append(place)
    shared = {id_: found for id_, found in places.items() if len(found) > 1}
    return [f"id {id_!r}: rows {', '.join(found[:3])}" for id_, found in itertools.islice(shared.items(), limit)]


def _repeated(hashes: Sequence[np.ndarray], limit: int) -> list[int]:
    """Return values that appear more than once, those of the first shards first."""
    merged = np.concatenate([*hashes, np.empty(0, np.int64)])
    merged.sort()
    repeated = np.unique(merged[1:][merged[1:] == merged[:-1]])
    first: dict[int, None] = {}
    for ids in hashes if len(repeated) else ():
        first |= dict.fromkeys(np.intersect1d(ids, repeated).tolist())
        if len(first) >= limit:
            break
    return list(first)[:limit]


def _read_id_hashes(shard: Shard, id_column: str) -> np.ndarray:
    """Return hashes of a Parquet shard's ids, a row group at a time; of those that cannot be read none."""
    found = [np.empty(0, np.int64)]
    first = 0
    for count in shard.row_groups:
        unit = Unit(shard.index, first, min(count, shard.rows - first))
        first += count
        with contextlib.suppress(InputDataError):
            if unit.count > 0:
                found.append(_hashes_of(_read_slice(shard, unit, {id_column}).columns[id_column]))
    return np.concatenate(found)


def _hashes_of(ids: pa.ChunkedArray | list[Any]) -> np.ndarray:
    """Return a hash of each id's text, for this process; rows without an id are left out."""
    if not isinstance(ids, list):
        if pa.types.is_integer(ids.type):
            ids = ids.cast(pa.string())
        if pa.types.is_string(ids.type) or pa.types.is_large_string(ids.type):
            texts = ids.drop_null().to_numpy(zero_copy_only=False)
            return np.fromiter(map(hash, filter(None, texts)), np.int64)
        ids = ids.to_pylist()
    return np.fromiter((hash(text) for text in map(_id_text, ids) if text), np.int64)


def _ids_of(dataset: Dataset, shard: Shard) -> Iterator[tuple[str, str]]:
    """Yield place and id of every row that can be read."""
    for unit in plan_units([shard], 1 << 16):
        with contextlib.suppress(InputDataError):
            for row in read_rows(dataset, unit, columns=()).rows:
                yield f"{shard.name}:{row.position}", row.id


def remove_decompressed(dataset: Dataset) -> None:
    """Delete the decompressed copies of a dataset's files on this node: the job is done with them."""
    if names := [shard.digest for shard in dataset.shards if shard.compression]:
        remove_copies(names)


# --- finding files -----------------------------------------------------------------------------------------------


class _Found(NamedTuple):
    """A file, its size, and the store of the input it was found under."""

    store: Store
    key: str
    size: int

    @property
    def uri(self) -> str:
        return self.store.uri_of(self.key)


def _find_shards(inputs: Location | Sequence[Location], suffixes: frozenset[str], exclude: Iterable[Location]) -> list[Shard]:
    """Return the files of all inputs, each once, in order; nothing of them is read."""
    given = [inputs] if isinstance(inputs, str | os.PathLike) else list(inputs)
    locations = [_normal(location) for location in given]
    skipped = tuple(open_store(_normal(location)).uri.rstrip("/") + "/" for location in exclude)
    found = {
        file.uri: file for location in locations for file in _find_files(location, suffixes) if not file.uri.startswith(skipped)
    }
    if not found:
        raise InputDataError(
            f"no input file at {', '.join(_split_query(location)[0] for location in locations) or '(no input given)'}: "
            f"expected files that end in {', '.join(sorted(suffixes))}"
        )
    root = _common_folder([file.store.uri for file in found.values()])
    return [
        Shard(
            index=index,
            name=uri.removeprefix(root),
            store=file.store,
            key=file.key,
            size=file.size,
            format=_format_of(file.key),
            compression=_COMPRESSIONS.get(_suffixes(file.key)[-1]),
        )
        for index, (uri, file) in enumerate(found.items())
    ]


def _find_files(location: str, suffixes: frozenset[str]) -> Iterator[_Found]:
    """Yield the files of one input that end in a known suffix: the file itself, those below a folder, or of a glob."""
    path, query = _split_query(location)
    if _may_be_file(path):
        store, key = split_uri(path + query)
        if entry := store.find(key):
            if not _has_suffix(key, suffixes):
                raise InputDataError(f"{store.uri_of(key)}: unknown suffix; expected {', '.join(sorted(suffixes))}")
            yield _Found(store, key, entry.size)
            return
    base, pattern = _split_glob(path)
    store = open_store(base + query)
    for entry in store.entries():
        parts = tuple(entry.key.split("/"))
        hidden = any(part.startswith((".", "_")) for part in parts)
        if not hidden and _has_suffix(entry.key, suffixes) and _matches(parts, pattern):
            yield _Found(store, entry.key, entry.size)


def _normal(location: Location) -> str:
    """Return a location without ``~``, ``..`` and trailing slashes."""
    text = os.fspath(location)
    if "://" not in text:
        return os.path.abspath(os.path.expanduser(text))  # noqa: PTH100, PTH111 - pathlib keeps ".."
    path, query = _split_query(text)
    return path.rstrip("/") + query


def _split_query(location: str) -> tuple[str, str]:
    if "://" not in location:
        return location, ""
    path, mark, query = location.partition("?")
    return path, mark + query


def _may_be_file(path: str) -> bool:
    """Say whether a path has a last part: a bucket or the root folder has none."""
    return path.count("/") > (2 if "://" in path else 0) and not path.endswith("/")


def _split_glob(path: str) -> tuple[str, tuple[str, ...]]:
    """Return the folder before the first part with a wildcard, and the parts from there on."""
    local = "://" not in path
    if local and Path(path).is_dir():  # a folder may have brackets in its name
        return path, ()
    parts = path.split("/")
    for i, part in enumerate(parts):
        if any(character in part for character in ("*?[" if local else "*[")):  # "?" begins a URI's query
            return "/".join(parts[:i]) or "/", tuple(parts[i:])
    return path, ()


def _matches(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Say whether a path, or a folder it lies in, matches the glob."""
    if not pattern:
        return True
    if pattern[0] == "**":
        return any(_matches(parts[i:], pattern[1:]) for i in range(len(parts)))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])


def _has_suffix(key: str, suffixes: frozenset[str]) -> bool:
    return key.lower().endswith(tuple(suffixes))


def _format_of(key: str) -> Format:
    suffixes = _suffixes(key)
    return _FORMATS.get(suffixes[-2 if suffixes[-1] in _COMPRESSIONS else -1], "media")


def _suffixes(key: str) -> tuple[str, str]:
    """Return the last two suffixes of a file's name, in small letters."""
    name, _, last = key.lower().rpartition(".")
    return "." + name.rpartition("/")[2].rpartition(".")[2], "." + last


def _common_folder(folders: list[str]) -> str:
    """Return the longest folder prefix of all ``folders`` with its trailing slash; empty if they share none."""
    columns = zip(*(folder.rstrip("/").split("/") for folder in folders), strict=False)
    shared = itertools.takewhile(lambda parts: len(set(parts)) == 1, columns)
    prefix = "/".join(parts[0] for parts in shared)
    return "" if prefix.endswith((":", ":/")) or not prefix else prefix + "/"


# --- scanning ----------------------------------------------------------------------------------------------------


def _scan_shards(shards: Sequence[Shard], column: str, id_column: str) -> list[tuple[Shard, np.ndarray | None]]:
    threads = _LOCAL_SCANNERS if all(shard.store.local_path() for shard in shards) else _REMOTE_SCANNERS
    size = max(1, min(64, len(shards) // (4 * threads)))  # a call to a thread costs as much as a third of a small shard
    pieces = [shards[i : i + size] for i in range(0, len(shards), size)]
    with ThreadPoolExecutor(threads) as pool:
        found = pool.map(lambda piece: [_scan_shard(shard, column, id_column) for shard in piece], pieces)
        return list(itertools.chain.from_iterable(found))


def _scan_shard(shard: Shard, column: str, id_column: str) -> tuple[Shard, np.ndarray | None]:
    """Return the shard with its rows and columns, or with the reason why it cannot be used; and hashes of ids it has read."""
    try:
        with _content_errors(shard):
            if shard.format == "parquet":
                scanned, ids = _scan_parquet(shard, id_column)
            else:
                scanned, ids = _scan_text(shard, column, id_column)
        _check_columns(scanned, column)
    except InputDataError as error:
        return replace(shard, error=str(error)), None
    return scanned, ids


def _check_columns(shard: Shard, column: str) -> None:
    names = shard.schema.names
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise InputDataError(f"column {', '.join(map(repr, repeated))} appears more than once")
    if column not in names and (names or shard.rows):
        raise InputDataError(f"there is no column {column!r}; the columns are {', '.join(map(repr, names))}")


@contextlib.contextmanager
def _content_errors(shard: Shard) -> Iterator[None]:
    """Turn what libraries raise on broken content into an :class:`InputDataError`.

    Reads go through :class:`_StoreReader`, so whatever the store does wrong is a :class:`StorageError` already.
    """
    if shard.size == 0:
        raise InputDataError("the file is empty (0 bytes)")
    try:
        yield
    except StorageError:
        raise
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise InputDataError(f"not a readable {shard.format} file: {error}") from error


def _scan_parquet(shard: Shard, id_column: str) -> tuple[Shard, np.ndarray | None]:
    with _StoreReader(shard.store, shard.key) as stream:
        digest, file = _open_footer(stream)
        metadata, schema = file.metadata, file.schema_arrow
        ids = None
        if stream.size <= _WHOLE_BYTES and id_column in schema.names:  # it is in memory now, and would be opened again
            with contextlib.suppress(OSError, pa.ArrowException):
                ids = _hashes_of(file.read([id_column], use_threads=False).column(id_column))
    scanned = replace(
        shard,
        rows=metadata.num_rows,
        digest=digest,
        schema=_shared_schema(tuple((f.name, _storage_type(f.type), False) for f in schema)),
        features=_declared_features((schema.metadata or {}).get(b"huggingface")),
        row_groups=tuple(metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)),
    )
    return scanned, ids


def _open_footer(stream: "_StoreReader") -> tuple[str, pq.ParquetFile]:
    """Return a digest of a Parquet file (the sha256 of its size and footer) and the file: of a small one all, else the footer.

    The footer's length stands before the final magic number.
    """
    end = stream.size
    is_small = end <= _WHOLE_BYTES
    stream.fetch(0 if is_small else max(0, end - _TAIL_BYTES), end)
    length = int.from_bytes(stream.read_range(max(0, end - 8), end)[:4], "little")
    footer = stream.read_range(max(0, end - 8 - length), end)
    digest = hashlib.sha256(b"%d " % end + footer).hexdigest()
    return digest, pq.ParquetFile(pa.BufferReader(stream.read_range(0, end) if is_small else footer))


def _storage_type(kind: pa.DataType) -> pa.DataType:
    """Return the type that a column is passed through as: dictionaries and extension types become what they hold."""
    if isinstance(kind, pa.ExtensionType):
        return kind.storage_type
    return kind.value_type if pa.types.is_dictionary(kind) else kind


@functools.lru_cache(maxsize=256)
def _shared_schema(columns: tuple[tuple[str, pa.DataType, bool], ...]) -> pa.Schema:
    """Return a schema of columns given by name, type and whether they are JSON texts; shards with equal ones share it."""
    return pa.schema([_field(name, None if is_json else kind) for name, kind, is_json in columns])


@functools.lru_cache(maxsize=256)
def _declared_features(text: bytes | None) -> Mapping[str, Any]:
    """Return the Hugging Face ``datasets`` features in a Parquet schema's metadata; none if there are no valid ones."""
    try:
        features = json.loads(text)["info"]["features"] if text else {}
    except (ValueError, KeyError, TypeError):
        return {}
    return features if isinstance(features, dict) else {}


def _scan_text(shard: Shard, column: str, id_column: str) -> tuple[Shard, np.ndarray]:
    hasher = hashlib.sha256()
    types = _ColumnTypes()
    offsets: list[int] = []
    ids = array("q")
    rows = errors = 0
    reason = ""
    with _open_text(shard, hasher) as stream:
        lines = _Lines(stream)
        header = _read_header(shard, lines, column)
        for record in _records(shard.format, lines, header):
            if rows % _STRIDE == 0:
                offsets.append(record.offset)
            rows += 1
            if record.error:
                errors += 1
                reason = reason or record.error
                continue
            if id_ := _id_text(record.values.get(id_column)):
                ids.append(hash(id_))
            if shard.format == "jsonl":
                types.add(record.values)
    if rows and errors == rows:
        raise InputDataError(f"none of its {rows} rows can be read; the first: {reason}")
    fields = types.schema() if shard.format == "jsonl" else [pa.field(name, pa.string()) for name in header]
    schema = _shared_schema(tuple((f.name, f.type, _is_json(f)) for f in fields))
    scanned = replace(shard, rows=rows, digest=hasher.hexdigest(), schema=schema, offsets=tuple(offsets))
    return scanned, np.frombuffer(ids, np.int64)


def _read_header(shard: Shard, lines: "_Lines", column: str) -> list[str]:
    """Return the column names of a CSV or TXT file; JSON Lines has no header."""
    if shard.format in _DELIMITERS:
        first = next(_csv_fields(shard.format, lines), None)
        if first is None:
            return []
        if isinstance(first.content, str):
            raise InputDataError(f"the header is {first.content}")
        return first.content
    return [column] if shard.format == "txt" else []


# --- types -------------------------------------------------------------------------------------------------------


class _ColumnTypes:
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


def _is_json(column: pa.Field) -> bool:
    return column.metadata is not None and b"encoding" in column.metadata


def _unify(shards: Iterable[Shard]) -> pa.Schema:
    """Return all columns of all shards, each with a type that holds every shard's values."""
    types: dict[str, pa.DataType | None] = {}
    for shard in shards:
        for column in () if shard.error else shard.schema:
            kind = None if _is_json(column) else column.type
            types[column.name] = _merge_types(types.get(column.name, pa.null()), kind)
    # A column that is null everywhere becomes a string: readers disagree about Parquet's null type.
    return pa.schema([_field(name, pa.string() if kind == pa.null() else kind) for name, kind in types.items()])


def _common_features(shards: Iterable[Shard]) -> dict[str, Any]:
    """Return the declared feature of every column for which all shards that have it declare the same."""
    features: dict[str, Any] = {}
    for shard in shards:
        for name in shard.schema.names:
            declared = shard.features.get(name)
            features[name] = declared if features.get(name, declared) == declared else None
    return {name: feature for name, feature in features.items() if feature is not None}


# --- units -------------------------------------------------------------------------------------------------------


def _cuts(shard: Shard, rows_per_unit: int) -> list[int]:
    """Return the rows where new units start: they depend on nothing but the shard and ``rows_per_unit``.

    Small row groups are taken together and large ones cut; only a large one is ever cut.
    """
    groups = shard.row_groups or (shard.rows,)
    cuts = []
    start = group_start = 0
    for stop in itertools.accumulate(groups):
        if stop - start > rows_per_unit and start < group_start:
            start = group_start
            cuts.append(start)
        while stop - start > rows_per_unit:
            start += rows_per_unit
            cuts.append(start)
        group_start = stop
    return cuts


def _uncovered(shard: Shard, covered: Sequence[Unit], rows_per_unit: int) -> Iterator[Unit]:
    cuts = _cuts(shard, rows_per_unit)
    for first, stop in _gaps(shard.rows, covered):
        inner = cuts[bisect_right(cuts, first) : bisect_left(cuts, stop)]
        for start, end in itertools.pairwise([first, *inner, stop]):
            yield Unit(shard.index, start, end - start)


def _gaps(rows: int, covered: Sequence[Unit]) -> Iterator[tuple[int, int]]:
    start = 0
    for unit in sorted(covered):
        if unit.first > start:
            yield start, unit.first
        start = unit.stop
    if start < rows:
        yield start, rows


# --- reading -----------------------------------------------------------------------------------------------------


class _Slice(NamedTuple):
    """Some columns of some rows, and each row's reading error. A column is an Arrow array or a list."""

    columns: dict[str, pa.ChunkedArray | list[Any]]
    errors: list[str | None]


def _read_slice(shard: Shard, unit: Unit, names: set[str]) -> _Slice:
    if shard.format == "media":
        files = shard.files[unit.first : unit.stop]
        return _Slice({"path": [shard.store.uri_of(key) for key in files]}, [None] * len(files))
    try:
        with _content_errors(shard):
            return (_read_parquet if shard.format == "parquet" else _read_text)(shard, unit, names)
    except InputDataError as error:
        raise InputDataError(f"{shard.uri}, rows {unit.first} to {unit.stop - 1}: {error}") from error


def _read_parquet(shard: Shard, unit: Unit, names: set[str]) -> _Slice:
    if not names:
        return _Slice({}, [None] * unit.count)
    starts = [0, *itertools.accumulate(shard.row_groups)]
    groups = [i for i, (a, b) in enumerate(itertools.pairwise(starts)) if a < unit.stop and unit.first < b]
    skip = unit.first - starts[groups[0]]
    is_lesser = 2 * unit.count < starts[groups[-1] + 1] - starts[groups[0]]
    table = _decode_groups(shard, groups, frozenset(names)) if is_lesser else None
    if table is None:
        with _open_chunks(shard, groups, names, is_lesser=is_lesser) as file:
            batches = file.iter_batches(_PARQUET_BATCH_ROWS, row_groups=groups, columns=sorted(names), use_threads=False)
            table = pa.Table.from_batches(_slice_batches(batches, skip, unit.count))
    else:
        table = table.slice(skip, unit.count)
    return _Slice({name: table.column(name) for name in names}, [None] * table.num_rows)


def _decode_groups(shard: Shard, groups: Sequence[int], names: frozenset[str]) -> pa.Table | None:
    """Return some columns of row groups, decoded once for the units that are cut from them; ``None`` if they are large."""
    tables = []
    for group in groups:
        table = _decode_group(shard.store, shard.key, shard.digest, group, names)
        if table is None:
            return None
        tables.append(table)
    return pa.concat_tables(tables)


@functools.lru_cache(maxsize=2)
def _decode_group(store: Store, key: str, digest: str, group: int, names: frozenset[str]) -> pa.Table | None:
    shard = Shard(0, "", store, key, 0, "parquet", digest=digest)
    batches = []
    with _open_chunks(shard, [group], names, is_lesser=False) as file:
        size = sum(chunk.total_uncompressed_size for chunk in _chunks(file.metadata, [group], names))
        if size > min(_DECODED_BYTES, _DECODED_ROW_BYTES * file.metadata.row_group(group).num_rows):
            return None
        try:
            for batch in file.iter_batches(1 << 14, row_groups=[group], columns=sorted(names), use_threads=False):
                batches.append(batch)
                if (
                    sum(batch.nbytes for batch in batches) > _DECODED_BYTES
                ):  # repeated values are stored once, and decoded often
                    return None
        except StorageError:
            raise
        except (OSError, pa.ArrowException):  # the rows before what cannot be read are read one unit at a time
            return None
    return pa.Table.from_batches(batches)


@contextlib.contextmanager
def _open_chunks(shard: Shard, groups: Sequence[int], names: Collection[str], *, is_lesser: bool) -> Iterator[pq.ParquetFile]:
    """Open a file to read some columns of some row groups, of whose rows fewer than half are wanted if ``is_lesser``."""
    is_remote = shard.store.local_path() is None
    stream, metadata = (_keep_parquet if is_remote else _open_parquet)(shard.store, shard.key, shard.digest)
    with stream.reopen() as view:
        if is_remote:
            ranges = _joined((_first_byte(chunk), chunk.total_compressed_size) for chunk in _chunks(metadata, groups, names))
            if sum(stop - first for first, stop in ranges) <= (_CHUNK_BYTES if is_lesser else _CHUNKS_BYTES):
                for first, stop in ranges:
                    view.fetch(first, stop)
        # Without pre_buffer and with a buffer, a column chunk is read only as far as it is needed.
        buffer_size = _CHUNK_BYTES if is_remote else _READ_BYTES
        yield pq.ParquetFile(pa.PythonFile(view, mode="r"), metadata=metadata, pre_buffer=False, buffer_size=buffer_size)


def _open_parquet(store: Store, key: str, digest: str) -> tuple["_StoreReader", pq.FileMetaData]:
    stream = _StoreReader(store, key)
    found, file = _open_footer(stream)
    if found != digest:
        raise InputDataError("the file was changed since the job started")
    return stream, file.metadata


# That an object is replaced while it is kept open shows when its bytes make no sense, or when another process opens it.
_keep_parquet = functools.lru_cache(maxsize=_OPEN_FILES)(_open_parquet)


def _chunks(metadata: pq.FileMetaData, groups: Iterable[int], names: Collection[str]) -> list[pq.ColumnChunkMetaData]:
    """Return the chunks of some columns in some row groups."""
    found = []
    for group in map(metadata.row_group, groups):
        for chunk in map(group.column, range(group.num_columns)):
            path = chunk.path_in_schema
            if path in names or any(path.startswith(f"{name}.") for name in names):
                found.append(chunk)
    return found


def _first_byte(chunk: pq.ColumnChunkMetaData) -> int:
    return int(min(filter(None, (chunk.dictionary_page_offset, chunk.data_page_offset))))


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return first byte and stop of ranges given by first byte and size, close ones taken together."""
    joined: list[tuple[int, int]] = []
    for first, size in sorted(ranges):
        if joined and first - joined[-1][1] <= _HOLE_BYTES:
            joined[-1] = (joined[-1][0], max(first + size, joined[-1][1]))
        else:
            joined.append((first, first + size))
    return joined


def _slice_batches(batches: Iterator[pa.RecordBatch], skip: int, count: int) -> Iterator[pa.RecordBatch]:
    """Yield rows ``skip`` to ``skip + count``, and stop reading there."""
    for batch in batches:
        part = batch.slice(skip, count)
        skip = max(0, skip - batch.num_rows)
        count -= part.num_rows
        if part.num_rows:
            yield part
        if not count:
            return


def _read_text(shard: Shard, unit: Unit, names: set[str]) -> _Slice:
    mark = unit.first // _STRIDE
    offset = shard.offsets[mark]
    with _open_at(shard, unit, offset) as stream:
        records = _records(shard.format, _Lines(stream, offset), shard.schema.names)
        skip = unit.first - mark * _STRIDE
        rows = list(itertools.islice(records, skip, skip + unit.count))
    columns: dict[str, pa.ChunkedArray | list[Any]] = {name: [row.values.get(name) for row in rows] for name in names}
    return _Slice(columns, [row.error for row in rows])


@contextlib.contextmanager
def _open_at(shard: Shard, unit: Unit, offset: int) -> Iterator[BinaryIO]:
    """Open the decompressed bytes of a unit, which begin at ``offset``."""
    if shard.compression is None:
        next_mark = -(-unit.stop // _STRIDE)
        stop = shard.offsets[next_mark] if next_mark < len(shard.offsets) else shard.size
        with (_StoreReader if shard.store.local_path() else _keep_open)(shard.store, shard.key).reopen() as reader:
            if stop - offset <= _CHUNK_BYTES:
                yield io.BytesIO(reader.read_range(offset, stop))
                return
            reader.seek(offset)
            with io.BufferedReader(reader, _READ_BYTES) as stream:
                yield stream
    elif unit.count < shard.rows and (copy := open_copy(shard.digest, functools.partial(_decompress, shard))):
        with copy:
            copy.seek(offset)
            yield copy
    else:
        with _open_text(shard) as stream:
            _skip_bytes(stream, offset)
            yield stream


def _decompress(shard: Shard) -> Iterator[bytes]:
    """Yield a shard's decompressed bytes, and check at the end that they are what the scan has seen."""
    hasher = hashlib.sha256()
    with _content_errors(shard), _open_text(shard, hasher) as stream:
        while piece := stream.read(_READ_BYTES):
            yield piece
    if hasher.hexdigest() != shard.digest:
        raise InputDataError("the file was changed since the job started")


def _skip_bytes(stream: BinaryIO, offset: int) -> None:
    while offset:
        skipped = len(stream.read(min(offset, _READ_BYTES)))
        if not skipped:
            raise InputDataError("the file was changed since the job started: it is shorter now")
        offset -= skipped


def _row_ids(shard: Shard, unit: Unit, values: Sequence[Any]) -> list[str]:
    """Return the rows' ids: the value of the id column, else the file name and the row number (from 0)."""
    if shard.format == "media":
        return [shard.name + key for key in shard.files[unit.first : unit.stop]]
    return [_id_text(value) or f"{shard.name}:{unit.first + i}" for i, value in enumerate(values)]


def _id_text(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return value.hex() if isinstance(value, bytes) else str(value)


def _as_list(column: pa.ChunkedArray | list[Any] | None, count: int) -> list[Any]:
    if column is None:
        return [None] * count
    return column if isinstance(column, list) else column.to_pylist()


def _as_column(column: pa.ChunkedArray | list[Any] | None, to: pa.Field, count: int) -> pa.ChunkedArray:
    """Return a column with the job-wide type of ``to``."""
    if column is None:
        array = pa.nulls(count, to.type)
    elif _is_json(to):
        array = pa.array([_json_text(value) for value in _as_list(column, count)], pa.string())
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


# --- bytes -------------------------------------------------------------------------------------------------------


class _StoreReader(io.RawIOBase):
    """A stored file, open for reading, whose failing reads are :class:`StorageError` even when Arrow is the reader.

    So whatever else a parser raises over it is about the content. ``hasher`` is fed with every byte that is read in order.
    Reads inside a range that was fetched ask the store for nothing.
    """

    def __init__(self, store: Store, key: str, hasher: Any = None, file: pa.NativeFile | None = None) -> None:
        self._store = store
        self._key = key
        self._hasher = hasher
        self._file = store.open_input(key) if file is None else file
        self._fetched: list[tuple[int, bytes]] = []
        self._position = 0
        self.size = int(self._file.size())

    def reopen(self) -> "_StoreReader":
        """Return a reader of the same open file with a place of its own, for which the store is asked nothing."""
        view = _StoreReader(self._store, self._key, file=self._file)
        view._fetched = list(self._fetched)
        return view

    def fetch(self, first: int, stop: int) -> None:
        """Read the bytes from ``first`` to ``stop`` in one request, and keep them."""
        if self._find(first, stop) is None:
            self._fetched.append((first, self._read_at(first, stop)))

    def read_range(self, first: int, stop: int) -> bytes:
        """Return the bytes from ``first`` to ``stop``."""
        found = self._find(first, stop)
        return self._read_at(first, stop) if found is None else found

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.read_range(self._position, min(self._position + len(buffer), self.size))
        buffer[: len(data)] = data
        self._position += len(data)
        if self._hasher is not None:
            self._hasher.update(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def _find(self, first: int, stop: int) -> bytes | None:
        for start, data in self._fetched:
            if start <= first and stop <= start + len(data):
                return data[first - start : stop - start]
        return None

    def _read_at(self, first: int, stop: int) -> bytes:
        if stop <= first:
            return b""
        with self._store.errors("read", self._key):
            return bytes(self._file.read_at(stop - first, first))


def open_bytes(store: Store, key: str) -> io.RawIOBase:
    """Open a file as it is stored, so that its failing reads are :class:`StorageError` even when Arrow is the reader.

    Raises:
        StorageError: there is no such file, or the store cannot be reached.
    """
    return _StoreReader(store, key)


@functools.lru_cache(maxsize=_OPEN_FILES)
def _keep_open(store: Store, key: str) -> _StoreReader:
    return _StoreReader(store, key)


@contextlib.contextmanager
def _open_text(shard: Shard, hasher: Any = None) -> Iterator[BinaryIO]:
    """Open a shard's decompressed bytes."""
    size = _READ_BYTES if shard.store.local_path() else _CHUNK_BYTES
    with io.BufferedReader(_StoreReader(shard.store, shard.key, hasher), max(1, min(size, shard.size))) as stream:
        if shard.compression is None:
            yield stream
        else:
            source = pa.PythonFile(stream, mode="r")
            with io.BufferedReader(pa.CompressedInputStream(source, shard.compression), _READ_BYTES) as plain:
                yield plain


# --- text formats ------------------------------------------------------------------------------------------------


class _Record(NamedTuple):
    """One row of a text format, and the place of its first byte."""

    offset: int
    values: Mapping[str, Any]
    error: str | None


class _Lines:
    """The lines of a stream, each with its offset.

    ``offset`` is the place of the next line; ``at_end`` is set once a line was asked for that is not there.
    """

    def __init__(self, stream: BinaryIO, offset: int = 0) -> None:
        self._stream = stream
        self.offset = offset
        self.at_end = False

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        return self

    def __next__(self) -> tuple[int, bytes]:
        start = self.offset
        line = self._stream.readline(_MAX_RECORD_BYTES + 1)
        if not line:
            self.at_end = True
            raise StopIteration
        if len(line) > _MAX_RECORD_BYTES:
            raise InputDataError(f"the line at byte {start} is longer than {_MAX_RECORD_BYTES >> 20} MiB")
        if start == 0 and line.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise InputDataError("it looks like UTF-16; convert it to UTF-8")
        self.offset += len(line)
        return start, line.removeprefix(b"\xef\xbb\xbf") if start == 0 else line


def _records(kind: Format, lines: _Lines, columns: list[str]) -> Iterator[_Record]:
    """Yield the rows of a text format from the current line on (after the header)."""
    if kind == "txt":
        return _txt_records(lines, columns[0])
    if kind == "jsonl":
        return _jsonl_records(lines)
    return _csv_records(kind, lines, columns)


def _txt_records(lines: _Lines, column: str) -> Iterator[_Record]:
    for offset, line in lines:
        try:
            yield _Record(offset, {column: line.rstrip(b"\r\n").decode()}, None)
        except UnicodeDecodeError as error:
            yield _Record(offset, {}, f"the line is not valid UTF-8: {error.reason} at byte {error.start}")


def _jsonl_records(lines: _Lines) -> Iterator[_Record]:
    for offset, line in lines:
        if line.strip():
            yield _jsonl_record(offset, line)


def _jsonl_record(offset: int, line: bytes) -> _Record:
    try:
        values = json.loads(line.decode())
        if b"\\u" in line:  # half of a surrogate pair passes the parser but is no character
            json.dumps(values, ensure_ascii=False).encode()
    except UnicodeError as error:
        return _Record(offset, {}, f"the line is not valid UTF-8: {error}")
    except (ValueError, RecursionError) as error:
        return _Record(offset, {}, f"the line is not valid JSON: {error}; expected one JSON object a line")
    if not isinstance(values, dict):
        return _Record(offset, {}, f"the line is a JSON {type(values).__name__}; expected one JSON object a line")
    return _Record(offset, values, None)


class _CsvFields(NamedTuple):
    """The fields of a CSV record, or (a string) what is wrong with it."""

    offset: int
    content: list[str] | str


def _csv_records(kind: Format, lines: _Lines, columns: list[str]) -> Iterator[_Record]:
    for offset, content in _csv_fields(kind, lines):
        if isinstance(content, str):
            yield _Record(offset, {}, content)
        elif len(content) > len(columns):
            yield _Record(offset, {}, f"the row has {len(content)} fields, but there are {len(columns)} columns")
        else:
            padded = itertools.zip_longest(columns, content)
            yield _Record(offset, dict(padded), None)


def _csv_fields(kind: Format, lines: _Lines) -> Iterator[_CsvFields]:
    """Yield CSV records from the current line on; blank lines are no records."""
    csv.field_size_limit(_MAX_RECORD_BYTES)  # process-wide; the default of 128 KiB is less than a long text
    # strict: otherwise a quote that is never closed silently swallows the rest of the file.
    texts = (line.decode(errors="surrogateescape") for _, line in lines)
    reader = csv.reader(texts, delimiter=_DELIMITERS[kind], strict=True)
    while True:
        start = lines.offset
        try:
            fields = next(reader)
            "".join(fields).encode()
        except StopIteration:
            return
        except UnicodeEncodeError:
            yield _CsvFields(start, "not valid UTF-8")
        except csv.Error as error:
            if lines.at_end or lines.offset - start > _MAX_RECORD_BYTES:
                raise InputDataError(f"a quote in the record at byte {start} is never closed") from error
            yield _CsvFields(start, f"not valid CSV: {error}")
        else:
            if fields:
                yield _CsvFields(start, fields)

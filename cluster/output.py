"""A job's output folder: parts, ``run.json``, the lock, the index and compaction.

Layout of an output folder or URI::

    part-<shard>-<first row>.parquet   one per finished unit, under its final name only when it is whole
    run.json                           what the job is and how it went
    run.inputs                         names and digests of the input's shards, in JSON; written when they change
    index.json                         parts and counts; written last
    .speechmill.lock                   while a job runs
    data/train-00000-of-000NN.parquet  instead of the parts, after :func:`compact`

The rule that resuming rests on: *a row is done if and only if a part covers it whose footer names this job's
fingerprint.* Parts have names that follow from their units, so a retry replaces a part by an equal one. Should parts
overlap all the same (a worker that was given up for dead finishes a unit whose halves were done by others),
:func:`choose_parts` picks disjoint ones and the others are deleted: before a run starts, and again before it counts as
finished. Rows that are then without a part are missing, and done again. So a finished output holds every row once.

Each look lists the folder. A footer is read once: parts that this run has seen, or its workers have written
(:meth:`Run.add`), are known by name and size.
"""

import bisect
import contextlib
import errno
import fcntl
import hashlib
import itertools
import json
import logging
import os
import platform
import re
import socket
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, TypeVar

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, ValidationError

from actors.errors import RequestError, ResumeError, SpeechmillError, StorageError, UsageError
from actors.processor import Maker, this_maker
from cluster.dataset import InputBatch, Location, Shard, Unit, missing_units, open_bytes
from cluster.storage import Entry, Store, open_store

logger = logging.getLogger(__name__)

AUDIO_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])

SYNTHESIS_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("text", pa.string()),
        ("voice", pa.string()),
        ("audio", AUDIO_TYPE),
        ("sampling_rate", pa.int64()),
        ("duration_s", pa.float64()),
        ("status", pa.string()),
        ("error", pa.string()),
        ("finish_reason", pa.string()),
        ("chunks", pa.list_(pa.struct([("text", pa.string()), ("start_s", pa.float64()), ("end_s", pa.float64())]))),
        ("model", pa.string()),
        ("seed", pa.int64()),
    ]
)

TRANSCRIPTION_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("path", pa.string()),
        ("duration_s", pa.float64()),
        ("language", pa.string()),
        ("text", pa.string()),
        (
            "segments",
            pa.list_(
                pa.struct([("start", pa.float64()), ("end", pa.float64()), ("speaker", pa.string()), ("text", pa.string())])
            ),
        ),
        ("status", pa.string()),
        ("error", pa.string()),
        ("finish_reason", pa.string()),
        ("model", pa.string()),
    ]
)

STATUSES = ("ok", "rejected", "failed")

RUN_NAME = "run.json"
# Not .json: Hugging Face's ``datasets`` reads a folder by the suffix that most of its files have.
INPUTS_NAME = "run.inputs"
INDEX_NAME = "index.json"
LOCK_NAME = ".speechmill.lock"
_PART_NAME = re.compile(r"part-(\d{5,})-(\d{9,})\.parquet")
_FOOTER_KEY = b"speechmill"

_ROWS_PER_GROUP = 100
# Bounds a row group's memory; Arrow cannot hold 2 GiB of bytes in one array of structs.
_GROUP_BYTES = 256 << 20
_MAX_VALUE_BYTES = (1 << 31) - 1
# Threads that read footers: on a disk the parsing decides, on an object store the wait.
_LOCAL_READERS = 4
_REMOTE_READERS = 32

# How often a running job's progress is written into run.json.
_SAVE_EVERY_S = 5.0
# How long a writer trusts that its run goes on without asking the store.
_SESSION_TRUST_S = 1.0

_LEASE_S = 60.0
# How long rivals for one lease wait to see who wrote last.
_SETTLE_S = 1.0
_ABSENT = object()
_NO_FLOCK = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}

Mode = Literal["resume", "overwrite"]
_Model = TypeVar("_Model", bound=BaseModel)


# --- schema ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PartSchema:
    """What the rows of an output look like.

    Attributes:
        schema: the job's own columns, then those passed through, with Hugging Face ``datasets`` features as metadata.
        own: how many columns are the job's own.
        passthrough: input column -> output column.
    """

    schema: pa.Schema
    own: int
    passthrough: Mapping[str, str]

    @property
    def columns(self) -> dict[str, str]:
        """Column name -> type, to be listed among the arguments that a resumed job must share."""
        return {field.name: str(field.type) for field in self.schema}


def audio_feature(sampling_rate: int | None) -> dict[str, Any]:
    """Return the Hugging Face feature of an audio column (:data:`AUDIO_TYPE`)."""
    return {"sampling_rate": sampling_rate, "_type": "Audio"}


def part_schema(
    own: pa.Schema,
    inputs: pa.Schema,
    *,
    consumed: Collection[str] = (),
    features: Mapping[str, Any] | None = None,
    input_features: Mapping[str, Any] | None = None,
) -> PartSchema:
    """Join a job's own columns with the input columns that pass through.

    An input column whose name the job itself uses is renamed to ``input_<name>``.

    Args:
        own: the job's columns, such as :data:`SYNTHESIS_SCHEMA`.
        inputs: ``Dataset.schema``.
        consumed: input columns that do not pass through.
        features: Hugging Face features of own columns, where the type does not say it all (see :func:`audio_feature`).
        input_features: ``Dataset.features``.
    """
    passed = [column for column in inputs if column.name not in consumed]
    names: dict[str, str] = {}
    taken = {*own.names, *(column.name for column in passed if column.name not in own.names)}
    for column in passed:
        name = column.name
        if name in own.names:
            while name in taken:
                name = f"input_{name}"
            taken.add(name)
        names[column.name] = name
    fields = [*own, *(column.with_name(names[column.name]) for column in passed)]
    declared = {names[name]: feature for name, feature in (input_features or {}).items() if name in names}
    described = _features_metadata(fields, {**declared, **(features or {})})
    return PartSchema(pa.schema(fields, metadata=described), len(own), names)


def _features_metadata(fields: Iterable[pa.Field], declared: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the schema metadata from which Hugging Face ``datasets`` knows its features.

    Without it ``datasets`` infers them from the types, and audio columns are plain structs.
    """
    features = {field.name: declared.get(field.name) or _feature(field.type) for field in fields}
    if unknown := [name for name, feature in features.items() if feature is None]:
        logger.warning("no Hugging Face metadata: 'datasets' has no type for column %s", ", ".join(unknown))
        return None
    return {"huggingface": json.dumps({"info": {"features": features}})}


def _feature(kind: pa.DataType) -> Any:
    """Return the ``datasets`` feature of an Arrow type; ``None`` if it has none.

    Lists are written as ``[feature]``, which all versions of ``datasets`` read alike (``Sequence`` changed in 4.0).
    """
    types = pa.types
    if types.is_struct(kind):
        fields = {field.name: _feature(field.type) for field in kind}
        return None if None in fields.values() else fields
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        item = _feature(kind.value_type)
        if item is None or types.is_list(kind):
            return None if item is None else [item]
        sized = {"length": kind.list_size} if types.is_fixed_size_list(kind) else {}
        return {"feature": item, **sized, "_type": "List" if sized else "LargeList"}
    if types.is_map(kind) or types.is_list_view(kind) or types.is_large_list_view(kind) or types.is_union(kind):
        return None
    if types.is_interval(kind) or types.is_decimal32(kind) or types.is_decimal64(kind):
        return None
    names = {"float": "float32", "double": "float64", "halffloat": "float16"}
    names |= {"date32[day]": "date32", "date64[ms]": "date64"}
    return {"dtype": names.get(str(kind), str(kind)), "_type": "Value"}


# --- parts -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """A finished unit: its file (key and size in bytes), status counts, and seconds of audio.

    ``maker`` is what computed its rows; ``None`` if nothing was computed, or an earlier version wrote it.
    """

    unit: Unit
    key: str
    size: int
    status: Mapping[str, int]
    duration_s: float
    maker: Maker | None = None


@dataclass(frozen=True)
class Summary:
    """What an output holds: rows by status, seconds of audio, and the parts."""

    rows: int
    status: Mapping[str, int]
    duration_s: float
    parts: tuple[Part, ...]

    @classmethod
    def of(cls, parts: Iterable[Part]) -> "Summary":
        """Add up parts."""
        ordered = tuple(sorted(parts, key=lambda part: (part.unit.shard, part.unit.first)))
        status = {name: sum(part.status.get(name, 0) for part in ordered) for name in STATUSES}
        return cls(sum(part.unit.count for part in ordered), status, sum(p.duration_s for p in ordered), ordered)


@dataclass(frozen=True)
class PartWriter:
    """Writes the parts of one run. Picklable: workers hold one each."""

    store: Store
    schema: PartSchema
    fingerprint: str
    session: str
    _seen: "_Sighting" = field(default_factory=lambda: _Sighting(), init=False, repr=False, compare=False)

    def write(self, batch: InputBatch, rows: Sequence[Mapping[str, Any]]) -> Part:
        """Write the part of a unit; equal rows give equal bytes, and the footer says what computed them.

        Args:
            batch: the input rows, with the table of columns to pass through.
            rows: the result of each input row, in the same order: own columns by name; absent ones are null.

        Raises:
            UsageError: the results are not one for one the results of ``batch``, or have unknown columns or statuses.
            RequestError: the bytes of a row are more than a Parquet value can hold (2 GiB).
            ResumeError: the run that this writer belongs to is over, or another one took the output over.
            StorageError: the store is full or cannot be reached; nothing is left behind.
        """
        unit = batch.unit
        self._check(batch, rows)
        status = dict(Counter(row["status"] for row in rows))
        duration_s = float(sum(row.get("duration_s") or 0.0 for row in rows))
        maker = this_maker() if status.get("ok") else None
        footer = {"fingerprint": self.fingerprint, **asdict(unit), "status": status, "duration_s": duration_s}
        footer["maker"] = maker and asdict(maker)
        schema = _with_footer(self.schema.schema, footer)
        buffer = pa.BufferOutputStream()
        with _open_writer(buffer, schema) as writer:
            for first, stop in _group_bounds(rows):
                writer.write_table(self._table(batch, rows, first, stop, schema))
        data = buffer.getvalue()
        self._check_session()
        self.store.write_bytes(unit.part_name, data)
        return Part(unit, unit.part_name, data.size, status, duration_s, maker)

    def sees_output(self) -> bool:
        """Say whether this machine sees the output of the run, and not a folder of its own with the same path.

        Raises:
            StorageError: the store cannot be reached.
        """
        return bool(_read_owner(self.store).get("session") == self.session)

    def _check(self, batch: InputBatch, rows: Sequence[Mapping[str, Any]]) -> None:
        unit = batch.unit
        passed = batch.table.num_rows if batch.table.num_columns else unit.count  # without columns a table has no rows
        if not len(rows) == len(batch.rows) == passed == unit.count:
            raise UsageError(
                f"{unit} needs {unit.count} results, got {len(rows)} for {len(batch.rows)} rows that were read "
                f"and {passed} that pass through"
            )
        own = set(self.schema.schema.names[: self.schema.own])
        for row, source in zip(rows, batch.rows, strict=True):
            if row.get("id") != source.id:
                raise UsageError(f"{unit}: the result of row {source.id!r} has the id {row.get('id')!r}")
            if row.get("status") not in STATUSES:
                raise UsageError(f"{unit}, row {source.id!r}: status {row.get('status')!r} is none of {STATUSES}")
            if unknown := row.keys() - own:
                raise UsageError(f"{unit}, row {source.id!r}: there is no column {', '.join(sorted(unknown))}")

    def _check_session(self) -> None:
        """Refuse to write for a run that is over: its successor may have planned other units.

        This spares the successor most such parts, and not all: a run may end between the check and the write. Those it finds
        when it looks again, and before it finishes. So a check may be a second old, and a lock file whose tag (which changes
        with its content) is still the one that named this run need not be read again: one request.

        Raises:
            ResumeError: the run is over.
            StorageError: the store cannot be reached.
        """
        if time.monotonic() < self._seen.trusted_until:
            return
        tag, content = self._seen.tag, None
        try:
            tag, content = self.store.read_if_changed(LOCK_NAME, tag)
            owner = {"session": self.session} if content is None else _parse_owner(content)
        except StorageError as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise
            owner = _read_owner(self.store)
        if owner.get("session") != self.session:
            raise ResumeError(f"{self.store}: the run that this worker belongs to is over; its results are dropped")
        self._seen.tag, self._seen.trusted_until = tag, time.monotonic() + _SESSION_TRUST_S

    def _table(
        self, batch: InputBatch, rows: Sequence[Mapping[str, Any]], first: int, stop: int, schema: pa.Schema
    ) -> pa.Table:
        own = [
            pa.array([row.get(field.name) for row in rows[first:stop]], field.type)
            for field in itertools.islice(schema, self.schema.own)
        ]
        passed = [batch.table.column(name).slice(first, stop - first) for name in self.schema.passthrough]
        return pa.table([*own, *passed], schema=schema)


@dataclass
class _Sighting:
    """When a writer last saw that its run goes on: the lock file's tag then, and until when that is trusted."""

    tag: Any = None
    trusted_until: float = 0.0

    def __reduce__(self) -> tuple[type["_Sighting"], tuple[()]]:
        return _Sighting, ()  # another process has another clock


def _group_bounds(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, int]]:
    """Yield first and last+1 of each row group: 100 rows, fewer if their audio is large."""
    first = size = 0
    for i, row in enumerate(rows):
        added = sum(len(value.get("bytes") or b"") for value in row.values() if isinstance(value, Mapping))
        if added > _MAX_VALUE_BYTES:
            raise RequestError(
                f"row {row['id']!r} has {added} bytes of audio, but a Parquet value holds {_MAX_VALUE_BYTES}: split "
                "the text, or choose a compressed audio format"
            )
        if i > first and (i - first == _ROWS_PER_GROUP or size + added > _GROUP_BYTES):
            yield first, i
            first, size = i, 0
        size += added
    yield first, len(rows)


def _with_footer(schema: pa.Schema, footer: Mapping[str, Any]) -> pa.Schema:
    return schema.with_metadata({**(schema.metadata or {}), _FOOTER_KEY: json.dumps(footer, sort_keys=True)})


def _open_writer(sink: Any, schema: pa.Schema) -> pq.ParquetWriter:
    """Open a Parquet writer: zstd and statistics for all columns but audio, which is compressed already."""
    plain = [f"{field.name}.bytes" for field in schema if field.type == AUDIO_TYPE]
    leaves = [leaf for field in schema for leaf in _leaves(field.name, field.type) if leaf not in plain]
    codecs = dict.fromkeys(leaves, "zstd") | dict.fromkeys(plain, "none")
    return pq.ParquetWriter(
        sink, schema, compression=codecs, use_dictionary=leaves, write_statistics=leaves, write_page_index=True
    )


def _leaves(path: str, kind: pa.DataType) -> Iterator[str]:
    """Yield the paths of a column's leaves as Parquet names them."""
    if pa.types.is_struct(kind):
        for field in kind:
            yield from _leaves(f"{path}.{field.name}", field.type)
    elif pa.types.is_map(kind):
        yield from _leaves(f"{path}.key_value.key", kind.key_type)
        yield from _leaves(f"{path}.key_value.value", kind.item_type)
    elif pa.types.is_nested(kind):
        yield from _leaves(f"{path}.list.element", kind.value_type)
    else:
        yield path


def read_parts(store: Store, fingerprint: str, known: Mapping[str, Part] | None = None) -> tuple[list[Part], list[str]]:
    """List the parts, read the footers of those that are not known, and read nothing else.

    Args:
        store: the output.
        fingerprint: of the job.
        known: parts by key; one with the listed size is taken as it is.

    Returns:
        The parts of the job with this fingerprint, and the keys of files that have a part's name but are no such part
        (truncated, or of another job).

    Raises:
        StorageError: the store cannot be reached.
    """
    found: dict[str, Part | None] = {}
    unknown = []
    for entry in store.entries():
        if _PART_NAME.fullmatch(entry.key):
            part = known.get(entry.key) if known else None
            found[entry.key] = part
            if part is None or part.size != entry.size:
                unknown.append(entry)
    with ThreadPoolExecutor(_LOCAL_READERS if store.local_path() else _REMOTE_READERS) as pool:
        read = pool.map(lambda entry: _read_part(store, entry, fingerprint), unknown)
        found.update(zip((entry.key for entry in unknown), read, strict=True))
    return [part for part in found.values() if part], [key for key, part in found.items() if part is None]


def _read_part(store: Store, entry: Entry, fingerprint: str) -> Part | None:
    footer = _read_footer(store, entry)
    try:
        unit = Unit(footer["shard"], footer["first"], footer["count"])
        if footer["fingerprint"] != fingerprint or entry.key != unit.part_name:
            return None
        return Part(unit, entry.key, entry.size, footer["status"], footer["duration_s"], _maker_of(footer))
    except KeyError:
        return None


def _read_footer(store: Store, entry: Entry) -> dict[str, Any]:
    """Return our entry in the footer of a Parquet file; empty if there is none."""
    # A fragment knows the file's size: one request. But it tells a broken file from a broken store by no type of error.
    fragment = ds.ParquetFileFormat().make_fragment(
        f"{store.root.rstrip('/')}/{entry.key}", store.filesystem, file_size=entry.size
    )
    try:
        footer = json.loads(fragment.metadata.metadata[_FOOTER_KEY])
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError):
        try:
            with open_bytes(store, entry.key) as stream:
                footer = json.loads(pq.read_metadata(pa.PythonFile(stream, mode="r")).metadata[_FOOTER_KEY])
        except StorageError:
            raise
        except (pa.ArrowException, OSError, ValueError, KeyError, TypeError):
            return {}
    return footer if isinstance(footer, dict) else {}


def _maker_of(footer: Mapping[str, Any]) -> Maker | None:
    """What a part's footer says computed it; another version may say it in other words, and the part is a part all the same."""
    try:
        return Maker(**footer["maker"])
    except (KeyError, TypeError):
        return None


def choose_parts(parts: Iterable[Part], shards: Sequence[Shard]) -> tuple[list[Part], list[Part]]:
    """Choose parts that do not overlap, larger ones first, then those that start earlier.

    Returns:
        The chosen parts, and the others (also those of rows that ``shards`` do not have).
    """
    chosen: list[Part] = []
    others: list[Part] = []
    taken: dict[int, tuple[list[int], list[int]]] = {}  # first rows, and stops, of the chosen parts of a shard in order
    for part in sorted(parts, key=lambda part: (-part.unit.count, part.unit.shard, part.unit.first)):
        unit = part.unit
        firsts, stops = taken.setdefault(unit.shard, ([], []))
        place = bisect.bisect_left(firsts, unit.first)
        overlaps = (place > 0 and stops[place - 1] > unit.first) or (place < len(firsts) and firsts[place] < unit.stop)
        if overlaps or unit.shard >= len(shards) or unit.stop > shards[unit.shard].rows:
            others.append(part)
        else:
            firsts.insert(place, unit.first)
            stops.insert(place, unit.stop)
            chosen.append(part)
    return chosen, others


# --- run.json and index.json ---------------------------------------------------------------------------------------


class MadeBy(BaseModel):
    """The parts of an output that one kind of machine made: see :class:`actors.processor.Maker`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    processor: str
    onnxruntime: str
    numpy: str
    speechmill: str
    parts: list[str]


class InputsNote(BaseModel):
    """Where the names and digests of the input's shards are, and how many there are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    shards: int


class RunRecord(BaseModel):
    """The content of ``run.json``.

    ``arguments`` decide the result and are what the fingerprint is made of; ``other`` do not. ``inputs`` says where the
    names and digests of the shards are (earlier versions wrote them here). ``versions`` are those of the machine that
    started the job; ``made_by`` says which parts were computed by what, once the job has stopped or ended. While it runs,
    the file is a few seconds old. Times add up over all sessions (a start and each resume). ``rtf`` is wall time by seconds
    of audio. ``waited_row_s`` are rows that could have been with a worker that was not there yet, times the seconds
    that took.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: Literal[1] = 1
    state: Literal["running", "stopped", "finished"]
    error: str | None = None
    fingerprint: str
    session: str
    sessions: int
    arguments: dict[str, Any]
    other: dict[str, Any]
    inputs: InputsNote | list[tuple[str, str | None]]
    versions: dict[str, str]
    made_by: list[MadeBy] = []
    counts: dict[str, int]
    started: str
    ended: str | None = None
    wall_s: float = 0.0
    cpu_s: float = 0.0
    waited_row_s: float = 0.0
    audio_s: float = 0.0
    rtf: float | None = None


class _Inputs(BaseModel):
    """The content of ``run.inputs``: name and digest of each shard (no digest: it is corrupt)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: Literal[1] = 1
    inputs: list[tuple[str, str | None]]


class _Index(BaseModel):
    """The content of ``index.json``.

    The files ``compacted`` replace the parts; those in ``compacting`` are of a compaction that is not finished.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: Literal[1] = 1
    fingerprint: str
    rows: int
    status: dict[str, int]
    duration_s: float
    corrupt_shards: dict[str, str]
    parts: list[Part]
    compacting: list[str] = []
    compacted: list[str] = []

    @property
    def files(self) -> list[str]:
        """The files that hold the rows."""
        return self.compacted or [part.key for part in self.parts]


def read_run(store: Store) -> RunRecord | None:
    """Return what ``run.json`` says; ``None`` if there is none.

    Raises:
        ResumeError: it cannot be understood.
        StorageError: the store cannot be reached.
    """
    return _read_json(store, RUN_NAME, RunRecord)


def _read_json(store: Store, key: str, model: type[_Model]) -> _Model | None:
    content = _read_if_there(store, key)
    if content is None:
        return None
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise ResumeError(
            f"{store.uri_of(key)} is not a file that this version writes ({error.error_count()} problems, the first: "
            f"{error.errors()[0]['msg']}). Choose another output folder, or remove this one."
        ) from error


def _read_if_there(store: Store, key: str) -> bytes | None:
    """Return the content of a file, without asking first whether it exists; ``None`` if it does not."""
    try:
        return store.read_bytes(key)
    except StorageError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
    # Asked only now: whether the bucket is there, and the file by now.
    return store.read_bytes(key) if store.exists(key) else None


def _write_json(store: Store, key: str, model: BaseModel, indent: int | None = 1) -> None:
    store.write_bytes(key, (model.model_dump_json(indent=indent) + "\n").encode())


def summarise(output: Location | Store) -> Summary:
    """Count an output's rows, from its index or, while a job is unfinished, from the footers of its parts.

    Raises:
        UsageError: the folder is not the output of a job.
        StorageError: the store cannot be reached.
    """
    store = output if isinstance(output, Store) else open_store(output)
    if index := _read_json(store, INDEX_NAME, _Index):
        return Summary(index.rows, index.status, index.duration_s, tuple(index.parts))
    record = read_run(store)
    if record is None:
        raise UsageError(f"{store} has no {RUN_NAME}: it is not the output of a job")
    return Summary.of(read_parts(store, record.fingerprint)[0])


# --- a run -------------------------------------------------------------------------------------------------------


class Run:
    """A job's hold on its output folder. Make one with :func:`open_run`; use it as a context manager.

    Attributes:
        store: the output.
        fingerprint: names the job by the arguments that decide its result.
        session: names this run of it.
        finished: there is nothing left to do.
    """

    def __init__(self, store: Store, record: RunRecord, lock: "_Lock", index: _Index | None, *, finished: bool) -> None:
        self.store = store
        self.fingerprint = record.fingerprint
        self.session = record.session
        self.finished = finished
        self._record = record
        self._lock = lock
        self._started = time.monotonic()
        self._saved = self._started
        self._cpu_s = 0.0  # of this session; the record holds the times of earlier ones
        self._waited_row_s = 0.0
        self._looked = False  # until then the record says what earlier sessions have made
        self._parts = {part.key: part for part in index.parts} if index else {}  # by key: what is known to be there
        self._status: Counter[str] = Counter()
        self._audio_s = 0.0
        self._makers: dict[Maker, Maker] = {}  # one object each, however many parts it made
        self._told_of_makers = False

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        try:
            if not self.finished and self._lock.held:
                reason = None if error is None else f"{type(error).__name__}: {error}".removesuffix(": ")
                self._save(state="stopped", error=reason, ended=_now(), made_by=self._made_by())
        finally:
            self._lock.release()

    def parts(self, shards: Sequence[Shard]) -> list[Part]:
        """Look at the store and return this job's finished parts.

        Files that only look like parts, and parts that overlap others, are deleted.

        Raises:
            ResumeError: another job took the output over.
            StorageError: the store cannot be reached.
        """
        self._require_lock()
        found, stray = read_parts(self.store, self.fingerprint, self._parts)
        chosen, others = choose_parts(found, shards)
        for key in [*stray, *(part.key for part in others)]:
            logger.warning("deleting %s: it is no whole part of this job, or its rows are in another part", key)
            self.store.delete(key)
        self._looked = True
        self._parts, self._status, self._audio_s = {}, Counter(), 0.0
        for part in chosen:
            self._note(part)
        return chosen

    def add(self, part: Part, cpu_s: float = 0.0, waited_row_s: float = 0.0) -> None:
        """Note a part that a worker of this run has written, and write progress into ``run.json`` every few seconds.

        Args:
            part: it counts, and its footer need not be read.
            cpu_s: CPU seconds of this session so far.
            waited_row_s: how much rows have waited in this session so far (see :class:`RunRecord`).

        Raises:
            ResumeError: another job took the output over.
            StorageError: the store cannot be reached.
        """
        self._require_lock()
        self._note(part)
        self._cpu_s = max(self._cpu_s, cpu_s)
        self._waited_row_s = max(self._waited_row_s, waited_row_s)
        if time.monotonic() - self._saved >= _SAVE_EVERY_S:
            self._save()

    @property
    def summary(self) -> Summary:
        """What is known to be in the output, without looking: as of the last look, and the parts added since."""
        return Summary.of(self._parts.values())

    def _note(self, part: Part) -> None:
        if earlier := self._parts.get(part.key):
            self._count(earlier, -1)
        self._count(part, 1)
        maker = part.maker and self._known(part.maker)
        self._parts[part.key] = part if maker is part.maker else replace(part, maker=maker)

    def _count(self, part: Part, sign: int) -> None:
        for name, count in part.status.items():
            self._status[name] += sign * count
        self._audio_s += sign * part.duration_s

    def _known(self, maker: Maker) -> Maker:
        """Return the one object for a maker; log it, once, when not all parts are made by the same."""
        known = self._makers.setdefault(maker, maker)
        if len(self._makers) == 2 and not self._told_of_makers:
            self._told_of_makers = True
            logger.warning(
                "the parts of this output are made by different processors or versions (%s): a row would have other last bits "
                "on the other one. %s will list them under 'made_by'",
                "; ".join(map(str, self._makers)),
                RUN_NAME,
            )
        return known

    def _made_by(self) -> list[MadeBy]:
        if not self._looked:
            return self._record.made_by
        made: dict[Maker, list[str]] = {}
        for part in self._parts.values():
            if part.maker:
                made.setdefault(part.maker, []).append(part.key)
        return [MadeBy(**asdict(maker), parts=sorted(parts)) for maker, parts in sorted(made.items())]

    def _counts(self) -> dict[str, int]:
        counts = {name: self._status[name] for name in STATUSES}
        return {"rows": sum(counts.values()), **counts, "parts": len(self._parts)}

    def missing_units(self, shards: Sequence[Shard], rows_per_unit: int) -> list[Unit]:
        """Return the units of the rows that are not done yet (see :meth:`parts`)."""
        if self.finished:
            return []
        covered: dict[int, list[Unit]] = {}
        for part in self.parts(shards):
            covered.setdefault(part.unit.shard, []).append(part.unit)
        return missing_units(shards, covered, rows_per_unit)

    def writer(self, schema: PartSchema) -> PartWriter:
        """Return the writer of this run's parts, for the workers."""
        return PartWriter(self.store, schema, self.fingerprint, self.session)

    def finish(self, shards: Sequence[Shard], cpu_s: float) -> Summary:
        """Check that every row is there once, write the index, and mark the job as finished (if it is not yet).

        Args:
            shards: the input.
            cpu_s: CPU seconds of this session.

        Raises:
            SpeechmillError: rows are missing; the message says how many.
            ResumeError: another job took the output over.
            StorageError: the store cannot be reached.
        """
        if self.finished:
            return self.summary
        summary = Summary.of(self.parts(shards))
        rows = sum(shard.rows for shard in shards)
        if summary.rows != rows:
            raise SpeechmillError(
                f"{self.store}: {rows - summary.rows} of {rows} rows are not in the output. Run the same command "
                "again: it does only these."
            )
        corrupt = {shard.name: shard.error for shard in shards if shard.error}
        _write_json(
            self.store,
            INDEX_NAME,
            _Index(
                fingerprint=self.fingerprint,
                rows=rows,
                status=dict(summary.status),
                duration_s=summary.duration_s,
                corrupt_shards=corrupt,
                parts=list(summary.parts),
            ),
        )
        self._cpu_s = cpu_s
        counts = self._counts() | {"corrupt_shards": len(corrupt)}
        self._save(counts=counts, state="finished", ended=_now(), made_by=self._made_by())
        self.finished = True
        return summary

    def _save(self, **changes: Any) -> None:
        """Write ``run.json`` with what is known and changes; the times of this session are added to those of earlier ones."""
        known: dict[str, Any] = {"audio_s": self._record.audio_s}
        if self._looked:
            known = {"audio_s": self._audio_s, "counts": self._counts()}
        wall_s = self._record.wall_s + time.monotonic() - self._started
        known |= {
            "made_by": [],  # long, and in the footers of the parts: said when the run is over
            "wall_s": wall_s,
            "cpu_s": self._record.cpu_s + self._cpu_s,
            "waited_row_s": self._record.waited_row_s + self._waited_row_s,
            "rtf": wall_s / known["audio_s"] if known["audio_s"] else None,
        }
        _write_json(self.store, RUN_NAME, self._record.model_copy(update=known | changes))
        self._saved = time.monotonic()

    def _require_lock(self) -> None:
        if not self._lock.held:
            raise ResumeError(f"{self.store}: another job took the output over while this one could not reach the store")


def open_run(
    output: Location,
    *,
    arguments: Mapping[str, Any],
    other: Mapping[str, Any],
    inputs: Sequence[tuple[str, str | None]],
    mode: Mode = "resume",
) -> Run:
    """Start a job in an output folder, or go on with it.

    A folder without ``run.json`` must hold no Parquet file and no ``index.json``; other files are left alone.

    Args:
        output: folder or URI.
        arguments: what decides the result (model digest, seed, columns, …), as JSON values.
        other: further arguments, to be noted.
        inputs: ``Dataset.inputs``. A resumed job may have further shards at the end, and corrupt ones repaired.
        mode: ``resume``, or ``overwrite`` to delete the files of an earlier job first (no others).

    Raises:
        ResumeError: another job runs there, or was there with other arguments (the message lists the differences).
        UsageError: the folder holds Parquet files of something else.
        StorageError: the store cannot be reached or written.
    """
    store = open_store(output)
    lock = _acquire_lock(store, uuid.uuid4().hex)
    try:
        return _start_run(store, lock, arguments, other, inputs, mode)
    except BaseException:
        lock.release()
        raise


def _start_run(
    store: Store,
    lock: "_Lock",
    arguments: Mapping[str, Any],
    other: Mapping[str, Any],
    inputs: Sequence[tuple[str, str | None]],
    mode: Mode,
) -> Run:
    arguments = json.loads(json.dumps(arguments))  # as they will be read back: tuples become lists
    earlier = read_run(store)
    index = _read_json(store, INDEX_NAME, _Index) if earlier else None
    if earlier and mode == "overwrite":
        _delete_job(store, index)
        earlier = index = None
    earlier_inputs = _read_inputs(store, earlier) if earlier else []
    if earlier is None:
        _require_unused(store)
    elif differences := [
        *_differences(earlier.arguments, arguments),
        *_input_differences(earlier_inputs, inputs, compacted=bool(index and index.compacted)),
    ]:
        raise ResumeError(
            f"{store} belongs to a job with other arguments: {'; '.join(differences)}. Choose another output folder, "
            "repeat the earlier arguments, or overwrite the output."
        )
    record = RunRecord(
        state="running",
        fingerprint=fingerprint_of(arguments),
        session=lock.session,
        sessions=earlier.sessions + 1 if earlier else 1,
        arguments=arguments,
        other=json.loads(json.dumps(other)),
        inputs=InputsNote(file=INPUTS_NAME, shards=len(inputs)),
        versions=_versions(),
        made_by=earlier.made_by if earlier else [],
        counts=earlier.counts if earlier else {},
        started=earlier.started if earlier else _now(),
        wall_s=earlier.wall_s if earlier else 0.0,
        cpu_s=earlier.cpu_s if earlier else 0.0,
        waited_row_s=earlier.waited_row_s if earlier else 0.0,
        audio_s=earlier.audio_s if earlier else 0.0,
    )
    finished = bool(earlier and earlier.state == "finished" and earlier_inputs == list(inputs) and index)
    if finished and index and {entry.key for entry in store.entries()}.issuperset(index.files):
        return Run(store, record, lock, index, finished=True)
    store.delete_temporaries(older_than_s=0)
    for key in [*(index.compacting if index else ()), INDEX_NAME]:
        store.delete(key)
    if earlier is None or earlier_inputs != list(inputs) or earlier.inputs != record.inputs:
        _write_json(store, INPUTS_NAME, _Inputs(inputs=list(inputs)), indent=None)
    _write_json(store, RUN_NAME, record)
    return Run(store, record, lock, index, finished=False)


def _read_inputs(store: Store, record: RunRecord) -> list[tuple[str, str | None]]:
    """Return the inputs of an earlier run.

    Raises:
        ResumeError: their file is gone or cannot be understood.
        StorageError: the store cannot be reached.
    """
    if isinstance(record.inputs, list):
        return record.inputs
    found = _read_json(store, record.inputs.file, _Inputs)
    if found is None:
        raise ResumeError(
            f"{store.uri_of(record.inputs.file)} is gone, which says what the input was. Choose another output folder, or "
            "overwrite the output."
        )
    return found.inputs


def fingerprint_of(arguments: Mapping[str, Any]) -> str:
    """Return the sha256 (hex) of arguments in canonical JSON."""
    return hashlib.sha256(_canonical(arguments).encode()).hexdigest()


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield ``name: old -> new`` for every value whose JSON differs, at any depth: whatever changes the fingerprint."""
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key, _ABSENT), new.get(key, _ABSENT)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _differences(before, after, f"{prefix}{key}.")
        elif _canonical(before) != _canonical(after):
            yield f"{prefix}{key}: {_canonical(before)} -> {_canonical(after)}"


def _canonical(value: Any) -> str:
    return "(absent)" if value is _ABSENT else json.dumps(value, sort_keys=True, separators=(",", ":"))


def _input_differences(
    old: Sequence[tuple[str, str | None]], new: Sequence[tuple[str, str | None]], *, compacted: bool
) -> list[str]:
    """Say how the input differs, apart from what a resumed job may add: repaired shards, and new ones at the end."""
    if compacted:
        return [] if list(old) == list(new) else ["input: it changed after the output was compacted"]
    found = []
    for i, (name, digest) in enumerate(old):
        if i >= len(new):
            found.append(f"input {i}: {name} -> (nothing)")
        elif new[i][0] != name:
            found.append(f"input {i}: {name} -> {new[i][0]}")
        elif digest not in (None, new[i][1]):
            found.append(f"input {name}: {'its content changed' if new[i][1] else 'it can no longer be read'}")
    return found[:5]


def _require_unused(store: Store) -> None:
    taken = [e.key for e in store.entries() if e.key == INDEX_NAME or ("/" not in e.key and e.key.endswith(".parquet"))]
    if taken:
        raise UsageError(
            f"{store} has no {RUN_NAME} but holds {', '.join(taken[:3])}{', …' if taken[3:] else ''}: choose an empty "
            "output folder"
        )


def _delete_job(store: Store, index: _Index | None) -> None:
    """Delete what an earlier job wrote; ``run.json`` last, so that the folder stays ours if this is interrupted."""
    parts = [entry.key for entry in store.entries() if _PART_NAME.fullmatch(entry.key)]
    compacted = [*index.compacting, *index.compacted] if index else []
    for key in [*parts, *compacted, INDEX_NAME, INPUTS_NAME, RUN_NAME]:
        store.delete(key)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in ("speechmill", "ray", "onnxruntime", "pyarrow", "numpy"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


# --- lock --------------------------------------------------------------------------------------------------------


class _Lock(Protocol):
    """Keeps a second job out of an output; ``session`` names the owner."""

    session: str

    @property
    def held(self) -> bool: ...

    def release(self) -> None: ...


def _acquire_lock(store: Store, session: str) -> _Lock:
    """Lock an output for one job.

    A local or mounted folder is locked by ``flock``, which the kernel drops when the process dies, however it dies. An
    object store, or a folder without ``flock``, gets a lease: a file that its owner renews, and that expires after a
    minute.

    Raises:
        ResumeError: another job has the lock; the message names it.
        StorageError: the store cannot be reached or written.
    """
    if path := store.local_path(LOCK_NAME):
        with store.errors("lock"):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                return _FolderLock(store, path, session)
            except OSError as error:
                if error.errno not in _NO_FLOCK:
                    raise
    return _Lease(store, session)


def _owner(session: str) -> bytes:
    return json.dumps({"session": session, "host": socket.gethostname(), "pid": os.getpid(), "since": _now()}).encode()


def _read_owner(store: Store) -> dict[str, Any]:
    """Return who has the lock; empty if nobody has or the owner is just being written."""
    return _parse_owner(_read_if_there(store, LOCK_NAME) or b"")


def _parse_owner(content: bytes) -> dict[str, Any]:
    try:
        owner = json.loads(content)
    except ValueError:
        return {}
    return owner if isinstance(owner, dict) else {}


def _refusal(store: Store, owner: Mapping[str, Any], hint: str) -> ResumeError:
    return ResumeError(
        f"another job is writing to {store}: process {owner.get('pid', '?')} on {owner.get('host', '?')}, "
        f"since {owner.get('since', '?')}. {hint}"
    )


class _FolderLock:
    """An ``flock`` on a file in the folder."""

    held = True

    def __init__(self, store: Store, path: Path, session: str) -> None:
        self.session = session
        self._store = store
        self._path = path
        self._file = _open_locked(path)
        if self._file < 0:
            raise _refusal(store, _read_owner(store), "Wait for it, or choose another output folder.")
        os.truncate(self._file, 0)
        os.pwrite(self._file, _owner(session), 0)
        os.fsync(self._file)  # NFS shows it to other machines only now

    def release(self) -> None:
        """Remove the file while it is still locked, then let go; that happens in any case."""
        try:
            with self._store.errors("unlock"):
                self._path.unlink(missing_ok=True)
        finally:
            os.close(self._file)


def _open_locked(path: Path) -> int:
    """Return the descriptor of the locked file; -1 if another process has the lock."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and path.stat().st_ino == os.fstat(file).st_ino:
                return file
        except BlockingIOError:
            os.close(file)
            return -1
        except OSError:
            os.close(file)
            raise
        os.close(file)  # its owner removed it between our open and our lock


class _Lease:
    """A lock file that its owner renews, for stores that cannot lock.

    Its age is told by the store's clock alone. Of several that write it at once the last one has it.
    """

    def __init__(self, store: Store, session: str) -> None:
        self.session = session
        self._store = store
        self._content = _owner(session)  # the same at every renewal: so is the tag by which writers know it
        self._lost = False
        self._refuse_if_alive()
        store.write_bytes(LOCK_NAME, self._content)
        time.sleep(_SETTLE_S)
        if not self._is_ours():
            raise _refusal(store, _read_owner(store), "It started at the same moment.")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="output-lease", daemon=True)
        self._thread.start()

    @property
    def held(self) -> bool:
        """Whether nobody took the lease over."""
        return not self._lost

    def release(self) -> None:
        """Stop renewing, and remove the file if it is still ours."""
        self._stop.set()
        self._thread.join()
        if not self._lost and self._is_ours():
            self._store.delete(LOCK_NAME)

    def _is_ours(self) -> bool:
        return bool(_read_owner(self._store).get("session") == self.session)

    def _refuse_if_alive(self) -> None:
        owner = _read_owner(self._store)
        entry = self._store.find(LOCK_NAME)
        if entry is None or not owner or _is_dead(owner):
            return
        probe = f"{LOCK_NAME}.{self.session}"
        self._store.write_bytes(probe, b"")
        now = self._store.find(probe)
        self._store.delete(probe)
        age_s = (now.mtime - entry.mtime).total_seconds() if now and now.mtime and entry.mtime else 0.0
        if age_s < _LEASE_S:
            raise _refusal(
                self._store,
                owner,
                f"It was seen {age_s:.0f} s ago; if it is dead, try again in {_LEASE_S - age_s:.0f} s.",
            )

    def _renew(self) -> None:
        while not self._stop.wait(_LEASE_S / 4):
            try:
                self._lost = not self._is_ours()
                if self._lost:
                    return
                self._store.write_bytes(LOCK_NAME, self._content)
            except StorageError as error:
                logger.warning("cannot renew the lock of %s: %s", self._store, error)


def _is_dead(owner: Mapping[str, Any]) -> bool:
    """Say whether a lock's owner is a process of this machine that is gone."""
    if owner.get("host") != socket.gethostname():
        return False
    try:
        os.kill(owner["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it lives, and is another user's
        return False
    return False


# --- compaction --------------------------------------------------------------------------------------------------


def compact(output: Location, rows_per_file: int) -> list[str]:
    """Join the parts of a finished job into ``data/train-00000-of-000NN.parquet``, and then delete them.

    Interrupted anywhere, it can be called again. Compacting twice is a no-op.

    Returns:
        The keys of the files.

    Raises:
        UsageError: the job is not finished, or files with these names are not ours.
        ResumeError: a job runs in the folder.
        StorageError: a store cannot be reached or is full; the parts are untouched.
    """
    if rows_per_file < 1:
        raise UsageError(f"a file needs at least 1 row, got {rows_per_file}")
    store = open_store(output)
    lock = _acquire_lock(store, uuid.uuid4().hex)
    try:
        record, index = read_run(store), _read_json(store, INDEX_NAME, _Index)
        if record is None or index is None or record.state != "finished":
            raise UsageError(f"{store} holds no finished job: run it to its end before compacting")
        if not index.compacted:
            index = _write_compacted(store, index, rows_per_file)
        for part in index.parts:
            store.delete(part.key)
        return index.compacted
    finally:
        lock.release()


def _write_compacted(store: Store, index: _Index, rows_per_file: int) -> _Index:
    """Write the joined files; the index names them before they exist, so that leftovers are known as ours."""
    count = -(-index.rows // rows_per_file)
    names = [f"data/train-{i:05d}-of-{count:05d}.parquet" for i in range(count)]
    for key in index.compacting:
        store.delete(key)
    if foreign := [name for name in names if store.exists(name)]:
        raise UsageError(f"{store.uri_of(foreign[0])} is not a file of this job: remove it, or choose rows per file anew")
    _write_json(store, INDEX_NAME, index.model_copy(update={"compacting": names}))
    rows = _Rows(_read_tables(store, index.parts))
    for name in names:
        _write_rows(store, name, rows.pieces(rows_per_file), index.fingerprint)
    done = index.model_copy(update={"compacting": [], "compacted": names})
    _write_json(store, INDEX_NAME, done)
    return done


def _read_tables(store: Store, parts: Iterable[Part]) -> Iterator[pa.Table]:
    """Yield the row groups of all parts in the order of the input."""
    for part in parts:
        with open_bytes(store, part.key) as stream, store.errors("read", part.key):
            file = pq.ParquetFile(pa.PythonFile(stream, mode="r"))
            for i in range(file.metadata.num_row_groups):
                yield file.read_row_group(i)


class _Rows:
    """Hands out the rows of successive tables in pieces of another size."""

    def __init__(self, tables: Iterator[pa.Table]) -> None:
        self._tables = tables
        self._rest: pa.Table | None = None

    def pieces(self, rows: int) -> Iterator[pa.Table]:
        """Yield the next ``rows`` rows (fewer at the end), a row group at a time."""
        while rows and (piece := self._take(min(rows, _ROWS_PER_GROUP))) is not None:
            yield piece
            rows -= piece.num_rows

    def _take(self, count: int) -> pa.Table | None:
        """Return at most ``count`` rows (fewer where their bytes fill a row group); ``None`` if there are no more."""
        pieces: list[pa.Table] = []
        size = 0
        while count and size < _GROUP_BYTES:
            table = next(self._tables, None) if self._rest is None else self._rest
            if table is None:
                break
            pieces.append(table.slice(0, count))
            self._rest = table.slice(count) if table.num_rows > count else None
            size += pieces[-1].nbytes
            count -= pieces[-1].num_rows
        return pa.concat_tables(pieces) if pieces else None


def _write_rows(store: Store, key: str, tables: Iterator[pa.Table], fingerprint: str) -> None:
    """Write one file, each table a row group, by way of a temporary local file."""
    with tempfile.TemporaryDirectory() as folder, store.errors("compact", key), contextlib.ExitStack() as stack:
        path = Path(folder, "rows.parquet")
        writer = None
        for table in tables:
            if writer is None:
                schema = _with_footer(table.schema, {"fingerprint": fingerprint})
                writer = stack.enter_context(_open_writer(path, schema))
            writer.write_table(table)
        stack.close()
        store.write_file(key, path)

"""Parts: the files that hold the rows of finished units."""

import bisect
import itertools
import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from actors.errors import RequestError, ResumeError, StorageError, UsageError
from actors.runtime.processor import Maker, maker_on
from cluster.dataset import InputBatch, Shard, Unit, open_bytes
from cluster.output.files import LOCK_NAME
from cluster.output.lock import parse_owner, read_owner
from cluster.output.readable import as_readable
from cluster.output.schema import AUDIO_TYPE, PartSchema
from cluster.storage import Entry, Store

STATUSES = ("ok", "rejected", "failed")
PART_NAME = re.compile(r"part-(\d{5,})-(\d{9,})\.parquet")
_FOOTER_KEY = b"speechmill"
ROWS_PER_GROUP = 100
# Bounds a row group's memory; Arrow cannot hold 2 GiB of bytes in one array of structs.
GROUP_BYTES = 256 << 20
_MAX_VALUE_BYTES = (1 << 31) - 1
# Threads that read footers: on a disk the parsing decides, on an object store the wait.
_LOCAL_READERS = 4
_REMOTE_READERS = 32
# How long a writer trusts that its run goes on without asking the store.
_SESSION_TRUST_S = 1.0


@dataclass(frozen=True)
class Part:
    """A finished unit: its file (key and size in bytes), status counts, and seconds of audio.

    ``maker`` is what computed its rows; ``None`` if nothing was computed, or an earlier version wrote it. ``finish_reasons``
    counts the rows that have one.
    """

    unit: Unit
    key: str
    size: int
    status: Mapping[str, int]
    duration_s: float
    maker: Maker | None = None
    finish_reasons: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """What an output holds: rows by status and by finish reason, seconds of audio, and the parts."""

    rows: int
    status: Mapping[str, int]
    duration_s: float
    parts: tuple[Part, ...]
    finish_reasons: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, parts: Iterable[Part]) -> "Summary":
        """Add up parts."""
        ordered = tuple(sorted(parts, key=lambda part: (part.unit.shard, part.unit.first)))
        status = {name: sum(part.status.get(name, 0) for part in ordered) for name in STATUSES}
        reasons: Counter[str] = Counter()
        for part in ordered:
            reasons.update(part.finish_reasons)
        rows, duration_s = sum(part.unit.count for part in ordered), sum(part.duration_s for part in ordered)
        return cls(rows, status, duration_s, ordered, dict(sorted(reasons.items())))

    def count(self, kind: str) -> int:
        """Return how many rows have this status or finish reason."""
        return self.status.get(kind, 0) + self.finish_reasons.get(kind, 0)


@dataclass(frozen=True)
class PartWriter:
    """Writes the parts of one run. Picklable: workers hold one each."""

    store: Store
    schema: PartSchema
    fingerprint: str
    session: str
    _seen: "_Sighting" = field(default_factory=lambda: _Sighting(), init=False, repr=False, compare=False)

    def write(self, batch: InputBatch, rows: Sequence[Mapping[str, Any]], device: str = "cpu") -> Part:
        """Write the part of a unit; equal rows give equal bytes, and the footer says what computed them.

        Args:
            batch: the input rows, with the table of columns to pass through.
            rows: the result of each input row, in the same order: own columns by name; absent ones are null.
            device: what computed them, as :meth:`actors.runtime.session.Device.parse` reads it.

        Raises:
            UsageError: the results are not one for one the results of ``batch``, or have unknown columns or statuses.
            RequestError: the bytes of a row are more than a Parquet value can hold (2 GiB), or nobody could open the part.
            ResumeError: the run that this writer belongs to is over, or another one took the output over.
            StorageError: the store is full or cannot be reached; nothing is left behind.
        """
        unit = batch.unit
        self._check(batch, rows)
        status = dict(Counter(row["status"] for row in rows))
        duration_s = float(sum(row.get("duration_s") or 0.0 for row in rows))
        reasons = dict(sorted(Counter(row["finish_reason"] for row in rows if row.get("finish_reason")).items()))
        maker = maker_on(device) if status.get("ok") else None
        footer = {"fingerprint": self.fingerprint, **asdict(unit), "status": status, "duration_s": duration_s}
        footer |= {"finish_reasons": reasons, "maker": maker and asdict(maker)}
        schema = with_footer(self.schema.schema, footer)
        buffer = pa.BufferOutputStream()
        with open_writer(buffer, schema) as writer:
            for first, stop in _group_bounds(rows):
                writer.write_table(self._table(batch, rows, first, stop, schema))
        data = buffer.getvalue()
        _check_readable(unit, data)
        self._check_session()
        self.store.write_bytes(unit.part_name, data)
        return Part(unit, unit.part_name, data.size, status, duration_s, maker, reasons)

    def sees_output(self) -> bool:
        """Say whether this machine sees the output of the run, and not a folder of its own with the same path.

        Raises:
            StorageError: the store cannot be reached.
        """
        return bool(read_owner(self.store).get("session") == self.session)

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
            owner = {"session": self.session} if content is None else parse_owner(content)
        except StorageError as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise
            owner = read_owner(self.store)
        if owner.get("session") != self.session:
            raise ResumeError(f"{self.store}: the run that this worker belongs to is over; its results are dropped")
        self._seen.tag, self._seen.trusted_until = tag, time.monotonic() + _SESSION_TRUST_S

    def _table(
        self, batch: InputBatch, rows: Sequence[Mapping[str, Any]], first: int, stop: int, schema: pa.Schema
    ) -> pa.Table:
        own = [
            _own_column([row.get(field.name) for row in rows[first:stop]], field.type)
            for field in itertools.islice(schema, self.schema.own)
        ]
        passed = [
            as_readable(batch.table.column(name).slice(first, stop - first), schema.field(written).type)
            for name, written in self.schema.passthrough.items()
        ]
        return pa.table([*own, *passed], schema=schema)


def _own_column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Return a column of results. Half a character, as in a file's name that is not UTF-8, is written as its escape."""
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:
        return pa.array([_as_utf8(value) for value in values], kind)


def _as_utf8(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {name: _as_utf8(item) for name, item in value.items()}
    return [_as_utf8(item) for item in value] if isinstance(value, list | tuple) else value


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
        if i > first and (i - first == ROWS_PER_GROUP or size + added > GROUP_BYTES):
            yield first, i
            first, size = i, 0
        size += added
    yield first, len(rows)


def _check_readable(unit: Unit, data: pa.Buffer) -> None:
    """Open a part before it is stored: one that nobody can open would be found missing, and be done again and again."""
    try:
        pq.read_schema(pa.BufferReader(data))
    except (pa.ArrowException, OSError) as error:
        raise RequestError(f"{unit}: what was written cannot be read again ({error}), and was not stored") from error


def with_footer(schema: pa.Schema, footer: Mapping[str, Any]) -> pa.Schema:
    """Return a schema with our entry for the file's footer."""
    return schema.with_metadata({**(schema.metadata or {}), _FOOTER_KEY: json.dumps(footer, sort_keys=True)})


def open_writer(sink: Any, schema: pa.Schema) -> pq.ParquetWriter:
    """Open a Parquet writer: zstd and statistics for all columns but audio, which is compressed already; checksums for all."""
    plain = [f"{field.name}.bytes" for field in schema if field.type == AUDIO_TYPE]
    leaves = [leaf for field in schema for leaf in _leaves(field.name, field.type) if leaf not in plain]
    codecs = dict.fromkeys(leaves, "zstd") | dict.fromkeys(plain, "none")
    return pq.ParquetWriter(
        sink,
        schema,
        compression=codecs,
        use_dictionary=leaves,
        write_statistics=leaves,
        write_page_index=True,
        write_page_checksum=True,
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
        if PART_NAME.fullmatch(entry.key):
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
        reasons = footer["finish_reasons"]
        return Part(unit, entry.key, entry.size, footer["status"], footer["duration_s"], _maker_of(footer), reasons)
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


def choose_parts(parts: Iterable[Part], shards: Sequence[Shard] | None = None) -> tuple[list[Part], list[Part]]:
    """Choose parts that do not overlap, larger ones first, then those that start earlier.

    Args:
        parts: of one job.
        shards: its input, if it is known.

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
        outside = shards is not None and (unit.shard >= len(shards) or unit.stop > shards[unit.shard].rows)
        if overlaps or outside:
            others.append(part)
        else:
            firsts.insert(place, unit.first)
            stops.insert(place, unit.stop)
            chosen.append(part)
    return chosen, others

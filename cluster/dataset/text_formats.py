"""Rows of JSON Lines, CSV, TSV and TXT."""

import contextlib
import csv
import functools
import hashlib
import io
import itertools
import json
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa

from actors.errors import InputDataError
from cluster.dataset.columns import MAX_COLUMNS, ColumnTypes, share
from cluster.dataset.ids import id_text, json_id
from cluster.dataset.shards import Dataset, Format, Shard, Slice, Unit
from cluster.dataset.stored import CHUNK_BYTES, READ_BYTES, StoreReader, content_errors, keep_open, open_text
from cluster.dataset.units import UNIT_BYTES, too_large
from cluster.spool import open_copy, remove_copies

_DELIMITERS = {"csv": ",", "tsv": "\t"}
# A text shard's index holds the place of every 256th row, and of rows so many bytes after the last one: a unit starts reading
# no earlier.
_STRIDE = 256
_STRIDE_BYTES = 16 << 20
# Bounds the memory that a file without line ends, or with a quote that is never closed, can take.
_MAX_RECORD_BYTES = 64 << 20
# Bounds the time that a file of nothing but line ends takes, whose compressed form may be tiny.
_MAX_BLANK_LINES = 1_000_000
# A JSON value takes 50 bytes and more in memory, and two in a file.
_MAX_JSON_VALUES = 1_000_000
# Python can read and write a little less than 1,000 levels, from where few calls are open.
_MAX_JSON_DEPTH = 500


def remove_decompressed(dataset: Dataset) -> None:
    """Delete the decompressed copies of a dataset's files on this node: the job is done with them."""
    if names := [shard.digest for shard in dataset.shards if shard.compression]:
        remove_copies(names)


def scan_text(shard: Shard, column: str, id_column: str) -> tuple[Shard, np.ndarray]:
    """Return the shard as reading it whole shows it, and hashes of its ids."""
    hasher = hashlib.sha256()
    types = ColumnTypes()
    offsets: list[int] = []
    marked: list[int] = []
    ids = array("q")
    rows = errors = 0
    reason = ""
    with open_text(shard, hasher) as stream:
        lines = _Lines(stream)
        header = _read_header(shard, lines, column)
        if len(header) > MAX_COLUMNS:
            raise InputDataError(f"it has {len(header):,} columns, and may have {MAX_COLUMNS:,}")
        for record in _records(shard.format, lines, header):
            if rows % _STRIDE == 0 or record.offset - offsets[-1] >= _STRIDE_BYTES:
                offsets.append(record.offset)
                marked.append(rows)
            rows += 1
            if id_ := id_text(record.values.get(id_column)):
                ids.append(hash(id_))
            if record.error:
                errors += 1
                reason = reason or record.error
                continue
            if shard.format == "jsonl":
                types.add(record.values)
    if rows and errors == rows:
        raise InputDataError(f"none of its {rows} rows can be read; the first: {reason}")
    fields = types.schema() if shard.format == "jsonl" else [pa.field(name, pa.string()) for name in header]
    schema, row_bytes = share(pa.schema(fields)), lines.offset // max(1, rows)
    offset_rows = () if marked == list(range(0, rows, _STRIDE)) else tuple(marked)
    scanned = replace(
        shard,
        rows=rows,
        digest=hasher.hexdigest(),
        schema=schema,
        offsets=tuple(offsets),
        offset_rows=offset_rows,
        row_bytes=row_bytes,
    )
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


def read_text(shard: Shard, unit: Unit, names: set[str], id_column: str) -> Slice:
    """Read some columns of a unit's rows; of a row that is no record of its format the id where it can be told.

    Raises:
        InputDataError: the rows are more than a unit may hold.
    """
    marks = shard.offset_rows or range(0, shard.rows, _STRIDE)
    mark = bisect_right(marks, unit.first) - 1
    offset = shard.offsets[mark]
    next_mark = bisect_left(marks, unit.stop)
    stop = shard.offsets[next_mark] if next_mark < len(shard.offsets) else shard.size
    columns: dict[str, pa.ChunkedArray | list[Any]] = {name: [] for name in names}
    errors: list[str | None] = []
    with _open_at(shard, unit, offset, stop) as stream:
        lines = _Lines(stream, offset)
        skip = unit.first - marks[mark]
        first = None
        for record in itertools.islice(_records(shard.format, lines, shard.schema.names), skip, skip + unit.count):
            first = record.offset if first is None else first
            if unit.count > 1 and lines.offset - first > UNIT_BYTES:
                raise too_large(lines.offset - first)
            for name, values in columns.items():
                values.append(record.values.get(name) if record.error is None or name == id_column else None)
            errors.append(record.error)
    return Slice(columns, errors)


def text_ids(shard: Shard, id_column: str) -> Iterator[str]:
    """Yield the id of every row, empty where there is none; only one row is in memory at a time."""
    with content_errors(shard), open_text(shard) as stream:
        lines = _Lines(stream)
        _read_header(shard, lines, id_column)
        for record in itertools.islice(_records(shard.format, lines, shard.schema.names), shard.rows):
            yield id_text(record.values.get(id_column))


@contextlib.contextmanager
def _open_at(shard: Shard, unit: Unit, offset: int, stop: int) -> Iterator[BinaryIO]:
    """Open the decompressed bytes of a unit, which begin at ``offset``; without compression they end before ``stop``."""
    if shard.compression is None:
        with (StoreReader if shard.store.local_path() else keep_open)(shard.store, shard.key).reopen() as reader:
            if stop - offset <= CHUNK_BYTES:
                yield io.BytesIO(reader.read_range(offset, stop))
                return
            reader.seek(offset)
            with io.BufferedReader(reader, READ_BYTES) as stream:
                yield stream
    elif unit.count < shard.rows and (copy := open_copy(shard.digest, functools.partial(_decompress, shard))):
        with copy:
            copy.seek(offset)
            yield copy
    else:
        with open_text(shard) as stream:
            _skip_bytes(stream, offset)
            yield stream


def _decompress(shard: Shard) -> Iterator[bytes]:
    """Yield a shard's decompressed bytes, and check at the end that they are what the scan has seen."""
    hasher = hashlib.sha256()
    with content_errors(shard), open_text(shard, hasher) as stream:
        while piece := stream.read(READ_BYTES):
            yield piece
    if hasher.hexdigest() != shard.digest:
        raise InputDataError("the file was changed since the job started")


def _skip_bytes(stream: BinaryIO, offset: int) -> None:
    while offset:
        skipped = len(stream.read(min(offset, READ_BYTES)))
        if not skipped:
            raise InputDataError("the file was changed since the job started: it is shorter now")
        offset -= skipped


class _Record(NamedTuple):
    """One row of a text format, and the place of its first byte; with an ``error``, what may be known of its id."""

    offset: int
    values: Mapping[str, Any]
    error: str | None


class _JsonRemains(Mapping[str, Any]):
    """A line that is no JSON object: values that stand before what is wrong with it can be asked for, and are not listed."""

    def __init__(self, line: bytes) -> None:
        self._line = line

    def __getitem__(self, name: str) -> Any:
        return json_id(self._line, name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


class _Lines:
    """The lines of a stream, each with its offset.

    ``offset`` is the place of the next line; ``at_end`` is set once a line was asked for that is not there.
    """

    def __init__(self, stream: BinaryIO, offset: int = 0) -> None:
        self._stream = stream
        self.offset = offset
        self.at_end = False
        self._blank = 0

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
        self._blank = self._blank + 1 if line in (b"\n", b"\r\n") else 0
        if self._blank > _MAX_BLANK_LINES:
            raise InputDataError(f"before byte {start} are more than {_MAX_BLANK_LINES:,} blank lines: it is no table")
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
    remains = _JsonRemains(line)
    if line.count(b",") + line.count(b"[") + line.count(b"{") > _MAX_JSON_VALUES:
        return _Record(offset, remains, f"the line holds more than {_MAX_JSON_VALUES:,} JSON values")
    try:
        values = json.loads(line.decode())
        if b"\\u" in line:  # half of a surrogate pair passes the parser but is no character
            json.dumps(values, ensure_ascii=False).encode()
    except UnicodeError as error:
        return _Record(offset, remains, f"the line is not valid UTF-8: {error}")
    except RecursionError:
        return _Record(offset, remains, f"the line is not valid JSON, or nested in more than {_MAX_JSON_DEPTH} levels")
    except ValueError as error:
        return _Record(offset, remains, f"the line is not valid JSON: {error}; expected one JSON object a line")
    if not isinstance(values, dict):
        return _Record(offset, {}, f"the line is a JSON {type(values).__name__}; expected one JSON object a line")
    if _is_deep(line, values):
        return _Record(offset, remains, f"the line is nested in more than {_MAX_JSON_DEPTH} levels")
    return _Record(offset, values, None)


def _is_deep(line: bytes, values: Mapping[str, Any]) -> bool:
    """Say whether a line is nested so deep that it may be read here and not there."""
    if line.count(b"[") + line.count(b"{") <= _MAX_JSON_DEPTH:
        return False
    level: list[Any] = [values]
    for _ in range(_MAX_JSON_DEPTH + 1):
        items = (list(item.values()) if isinstance(item, dict) else item for item in level)
        level = [child for children in items for child in children if isinstance(child, list | dict)]
    return bool(level)


class _CsvFields(NamedTuple):
    """The fields of a CSV record, or (a string) what is wrong with it; and then those that are known all the same."""

    offset: int
    content: list[str] | str
    known: list[str | None] = []  # noqa: RUF012 - of a tuple, which nobody changes


def _csv_records(kind: Format, lines: _Lines, columns: list[str]) -> Iterator[_Record]:
    for offset, content, known in _csv_fields(kind, lines):
        if isinstance(content, str):
            yield _Record(offset, dict(zip(columns, known, strict=False)), content)
        elif len(content) > len(columns):
            # Which of the others is the one too many is not known.
            yield _Record(
                offset, {columns[0]: content[0]}, f"the row has {len(content)} fields, but there are {len(columns)} columns"
            )
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
            yield _CsvFields(start, "not valid UTF-8", [field if _is_unicode(field) else None for field in fields])
        except csv.Error as error:
            if lines.at_end or lines.offset - start > _MAX_RECORD_BYTES:
                raise InputDataError(f"a quote in the record at byte {start} is never closed") from error
            yield _CsvFields(start, f"not valid CSV: {error}")
        else:
            if fields:
                yield _CsvFields(start, fields)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

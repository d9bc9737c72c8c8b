"""Rows of JSON Lines, JSON, CSV, TSV and TXT."""

import contextlib
import functools
import hashlib
import io
import itertools
import json
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from actors.errors import InputDataError, RequestError
from cluster.dataset.columns import MAX_COLUMNS, share
from cluster.dataset.delimited import CsvReader
from cluster.dataset.ids import id_text, json_id
from cluster.dataset.json_types import ColumnTypes
from cluster.dataset.lines import Lines, Record
from cluster.dataset.manifests import find_audio, is_segment, recognise
from cluster.dataset.recoding import MARK, find_layout, recode
from cluster.dataset.shards import Dataset, Shard, Slice, Unit
from cluster.dataset.stored import CHUNK_BYTES, READ_BYTES, StoreReader, content_errors, keep_open, open_text
from cluster.dataset.text_options import UTF8, TextLayout
from cluster.dataset.units import UNIT_BYTES, too_large
from cluster.spool import open_copy, remove_copies

# A text shard's index holds the place of every 256th row, and of rows so many bytes after the last one: a unit starts reading
# no earlier.
_STRIDE = 256
_STRIDE_BYTES = 16 << 20
# A JSON value takes 50 bytes and more in memory, and two in a file.
_MAX_JSON_VALUES = 1_000_000
# Python can read and write a little less than 1,000 levels, from where few calls are open.
_MAX_JSON_DEPTH = 500


def remove_decompressed(dataset: Dataset) -> None:
    """Delete the decompressed copies of a dataset's files on this node: the job is done with them."""
    if names := [_copy_name(shard) for shard in dataset.shards if shard.digest and _needs_copy(shard)]:
        remove_copies(names)


def _needs_copy(shard: Shard) -> bool:
    """Say whether the places of lines are no places in the stored file."""
    return shard.format in ("jsonl", "csv", "tsv", "txt") and (shard.compression is not None or not shard.layout.is_seekable)


def _copy_name(shard: Shard) -> str:
    """Return the name of what a shard is made into: one file may be read in several encodings."""
    return f"{shard.digest}-{shard.layout.recoded_from}" if shard.layout.recoded_from else shard.digest


def scan_text(shard: Shard, column: str, id_column: str) -> tuple[Shard, np.ndarray]:
    """Return the shard as reading it whole shows it, and hashes of its ids."""
    scan = _Scan(shard, column, id_column)
    if scan.is_doubtful:
        scan = _Scan(shard, column, id_column, _column_shapes(shard, scan.layout, scan.header))
    if scan.rows and scan.errors == scan.rows:
        raise InputDataError(f"none of its {scan.rows} rows can be read; the first: {scan.reason}")
    return scan.result()


class _Scan:
    """One reading of a whole shard: its columns and their types, the places of rows, hashes of ids."""

    def __init__(self, shard: Shard, column: str, id_column: str, layout: TextLayout | None = None) -> None:
        self._shard = shard
        self._column = column
        self.header: list[str] = []
        self._id_column = id_column
        self._hasher = hashlib.sha256()
        self._types = ColumnTypes()
        self._offsets: list[int] = []
        self._marked: list[int] = []
        self._numbers: list[int] = []
        self._ids = array("q")
        self.rows = self.errors = 0
        self.reason = ""
        self.is_doubtful = self._is_known = False
        with open_text(shard, self._hasher) as stored:
            self.layout = layout or find_layout(shard, stored)
            with recode(stored, self.layout) as stream:
                self._read(stream)

    def result(self) -> tuple[Shard, np.ndarray]:
        """Return what :func:`scan_text` does."""
        layout = self.layout
        if self._shard.format == "jsonl":
            fields = list(self._types.schema())
        else:
            fields = [pa.field(name, pa.string()) for name in self.header]
            layout = replace(layout, line_numbers=tuple(self._numbers) if self._shard.format != "txt" else ())
        scanned = replace(
            self._shard,
            rows=self.rows,
            digest=self._hasher.hexdigest(),
            schema=share(pa.schema(fields)),
            offsets=tuple(self._offsets),
            offset_rows=() if self._marked == list(range(0, self.rows, _STRIDE)) else tuple(self._marked),
            row_bytes=self._bytes // max(1, self.rows),
            layout=_shared(layout),
        )
        return scanned, np.frombuffer(self._ids, np.int64)

    def _read(self, stream: BinaryIO) -> None:
        lines = Lines(stream)
        if self._shard.format in ("csv", "tsv"):
            reader = CsvReader(lines, self.layout, quoting=self._shard.options.quoting)
            self.header = _read_header(self._shard, reader, self._column, self._id_column)
            records = reader.records(self.header)
        else:
            self.header = [self._column]
            records = _records(self._shard, lines, self.layout, self.header)
        for record in records:
            self._add(record)
        self._bytes = lines.offset
        self.is_doubtful = self._shard.format in ("csv", "tsv") and reader.is_doubtful and not self.layout.shapes

    def _add(self, record: Record) -> None:
        if self.rows % _STRIDE == 0 or record.offset - self._offsets[-1] >= _STRIDE_BYTES:
            self._offsets.append(record.offset)
            self._marked.append(self.rows)
            self._numbers.append(record.line)
        if self._shard.options.manifest_column and not record.error:
            self._note_manifest(record.values)
        record = _with_audio(record, self.layout, self._shard)
        self.rows += 1
        if record.error:
            self.errors += 1
            self.reason = self.reason or record.error
        if id_ := id_text(record.values.get(self._id_column)):
            self._ids.append(hash(id_))
        if self._shard.format == "jsonl":
            if isinstance(record.values, dict):  # also of a row of a manifest that has no recording
                self._types.add(record.values)
        elif self._shard.options.columns and self.rows == 1 and self._shard.options.columns == tuple(record.values.values()):
            raise InputDataError("its first line holds the names of the columns: leave --columns and --no-header out")

    def _note_manifest(self, values: Mapping[str, Any]) -> None:
        """Note whose manifest it is, by the first row that can be read, and whether any row is a segment."""
        if not self._is_known:
            self._is_known = True
            is_table = self._shard.options.manifest_column in values
            self.layout = replace(self.layout, manifest=None if is_table else recognise(values))
        if self.layout.manifest and not self.layout.segmented and is_segment(values):
            self.layout = replace(self.layout, segmented=True)


@functools.lru_cache(maxsize=1024)
def _shared(layout: TextLayout) -> TextLayout:
    """Return one object for all equal layouts: a dataset of many shards travels to workers."""
    return layout


def _column_shapes(shard: Shard, layout: TextLayout, header: list[str]) -> TextLayout:
    """Return the layout with the shapes of the columns, by all rows."""
    with open_text(shard) as stored, recode(stored, layout) as stream:
        reader = CsvReader(Lines(stream), layout, quoting=shard.options.quoting)
        if not shard.options.columns:
            reader.header()
        return replace(layout, shapes=reader.shapes(len(header)))


def _read_header(shard: Shard, reader: CsvReader, column: str, id_column: str) -> list[str]:
    """Return the names of the columns of a CSV file.

    Raises:
        InputDataError: the wanted one is not among them; the message says what the file looks like.
    """
    header = list(shard.options.columns) or reader.header()
    if len(header) > MAX_COLUMNS:
        raise InputDataError(f"it has {len(header):,} columns, and may have {MAX_COLUMNS:,}")
    if header and column not in header and (hint := reader.delimiter_hint()):
        raise InputDataError(
            f"there is no column {column!r}; the columns are {', '.join(map(repr, header))}{hint}. "
            "If it is a row and no header, give the names of the columns with --columns"
        )
    return _distinct(header, {column, id_column})


def _distinct(names: list[str], needed: set[str]) -> list[str]:
    """Number columns that are named as one before them, unless the job needs to know which is meant."""
    taken = set(names)
    if len(taken) == len(names):
        return names
    numbers: dict[str, Iterator[int]] = {}
    found: list[str] = []
    for name in names:
        if name in needed or name not in numbers:
            numbers[name] = itertools.count(2)
            found.append(name)
        else:
            found.append(next(other for i in numbers[name] if (other := f"{name}_{i}") not in taken))
            taken.add(found[-1])
    return found


def read_text(shard: Shard, unit: Unit, names: set[str], id_column: str) -> Slice:
    """Read some columns of a unit's rows; of a row that is no record of its format the id where it can be told.

    Raises:
        InputDataError: the rows are more than a unit may hold.
    """
    marks = shard.offset_rows or range(0, shard.rows, _STRIDE)
    mark = bisect_right(marks, unit.first) - 1
    next_mark = bisect_left(marks, unit.stop)
    stop = shard.offsets[next_mark] if next_mark < len(shard.offsets) else shard.size
    columns: dict[str, pa.ChunkedArray | list[Any]] = {name: [] for name in names}
    errors: list[str | None] = []
    with _open_at(shard, unit, shard.offsets[mark], stop) as stream:
        lines = Lines(stream, shard.offsets[mark], (shard.layout.line_numbers or shard.offsets)[mark])
        skip = unit.first - marks[mark]
        first = None
        records = _records(shard, lines, shard.layout, shard.schema.names)
        for found in itertools.islice(records, skip, skip + unit.count):
            record = _with_audio(found, shard.layout, shard)
            first = record.offset if first is None else first
            if unit.count > 1 and lines.offset - first > UNIT_BYTES:
                raise too_large(lines.offset - first)
            for name, values in columns.items():
                values.append(record.values.get(name) if record.error is None or name == id_column else None)
            errors.append(record.error)
    return Slice(columns, errors)


def text_ids(shard: Shard, id_column: str) -> Iterator[str]:
    """Yield the id of every row, empty where there is none; only one row is in memory at a time."""
    with content_errors(shard), open_text(shard) as stored, recode(stored, shard.layout) as stream:
        lines = Lines(stream)
        if shard.format in ("csv", "tsv") and not shard.options.columns:
            CsvReader(lines, shard.layout, quoting=shard.options.quoting).header()
        for record in itertools.islice(_records(shard, lines, shard.layout, shard.schema.names), shard.rows):
            yield id_text(record.values.get(id_column))


@contextlib.contextmanager
def _open_at(shard: Shard, unit: Unit, offset: int, stop: int) -> Iterator[BinaryIO]:
    """Open the lines of a unit, which begin at ``offset``; where places are those of the stored file, they end at ``stop``."""
    if not _needs_copy(shard):
        with _open_stored_at(shard, offset, stop) as stored, recode(stored, shard.layout) as stream:
            yield stream
    elif unit.count < shard.rows and (copy := open_copy(_copy_name(shard), functools.partial(_make_lines, shard))):
        with copy:
            copy.seek(offset)
            yield copy
    else:
        with open_text(shard) as stored, recode(stored, shard.layout) as stream:
            _skip_bytes(stream, offset)
            yield stream


@contextlib.contextmanager
def _open_stored_at(shard: Shard, offset: int, stop: int) -> Iterator[BinaryIO]:
    with (StoreReader if shard.store.local_path() else keep_open)(shard.store, shard.key).reopen() as reader:
        if stop - offset <= CHUNK_BYTES:
            yield io.BytesIO(reader.read_range(offset, stop))
            return
        reader.seek(offset)
        with io.BufferedReader(reader, READ_BYTES) as stream:
            yield stream


def _make_lines(shard: Shard) -> Iterator[bytes]:
    """Yield a shard's lines in pieces, and check at the end that the file is what the scan has seen."""
    hasher = hashlib.sha256()
    with content_errors(shard), open_text(shard, hasher) as stored, recode(stored, shard.layout) as stream:
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


def _records(shard: Shard, lines: Lines, layout: TextLayout, columns: list[str]) -> Iterator[Record]:
    """Yield the rows of a text format from the current line on (after the header)."""
    if shard.format == "txt":
        return _txt_records(lines, layout, columns[0])
    if shard.format == "jsonl":
        return _jsonl_records(lines, layout)
    return CsvReader(lines, layout, quoting=shard.options.quoting).records(columns)


def _txt_records(lines: Lines, layout: TextLayout, column: str) -> Iterator[Record]:
    for offset, number, line in lines:
        try:
            yield Record(offset, {column: _decode(line.rstrip(b"\r\n"), layout)}, None, number)
        except UnicodeError as error:
            yield Record(offset, {}, f"the line is {layout.encoding_problem}: {error}", number)


def _jsonl_records(lines: Lines, layout: TextLayout) -> Iterator[Record]:
    for offset, _, line in lines:
        if line.strip():
            yield _jsonl_record(offset, line, layout)


class _JsonRemains(Mapping[str, Any]):
    """A line that is no JSON object: values that stand before what is wrong with it can be asked for, and are not listed."""

    def __init__(self, line: bytes, layout: TextLayout) -> None:
        self._line = line
        self._layout = layout

    def __getitem__(self, name: str) -> Any:
        if self._layout.encoding == UTF8:
            return json_id(self._line, name)
        return json_id(self._line.decode(self._layout.encoding, MARK).encode("utf-8", "surrogatepass"), name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _jsonl_record(offset: int, line: bytes, layout: TextLayout) -> Record:
    remains = _JsonRemains(line, layout)
    if line.count(b",") + line.count(b"[") + line.count(b"{") > _MAX_JSON_VALUES:
        return Record(offset, remains, f"the line holds more than {_MAX_JSON_VALUES:,} JSON values")
    try:
        values = json.loads(_decode(line, layout))
        if b"\\u" in line:  # half of a surrogate pair passes the parser but is no character
            json.dumps(values, ensure_ascii=False).encode()
    except UnicodeError as error:
        return Record(offset, remains, f"the line is {layout.encoding_problem}: {error}")
    except RecursionError:
        return Record(offset, remains, f"the line is not valid JSON, or nested in more than {_MAX_JSON_DEPTH} levels")
    except ValueError as error:
        return Record(offset, remains, f"the line is not valid JSON: {error}; expected one JSON object a line")
    if not isinstance(values, dict):
        return Record(offset, {}, f"the line is a JSON {type(values).__name__}; expected one JSON object a line")
    if _is_deep(line, values):
        return Record(offset, remains, f"the line is nested in more than {_MAX_JSON_DEPTH} levels")
    return Record(offset, values, None)


def _is_deep(line: bytes, values: Mapping[str, Any]) -> bool:
    """Say whether a line is nested so deep that it may be read here and not there."""
    if line.count(b"[") + line.count(b"{") <= _MAX_JSON_DEPTH:
        return False
    level: list[Any] = [values]
    for _ in range(_MAX_JSON_DEPTH + 1):
        items = (list(item.values()) if isinstance(item, dict) else item for item in level)
        level = [child for children in items for child in children if isinstance(child, list | dict)]
    return bool(level)


def _decode(line: bytes, layout: TextLayout) -> str:
    text = line.decode(layout.encoding)
    if layout.encoding != UTF8:
        text.encode()  # some encodings have halves of surrogate pairs
    return text


def _with_audio(record: Record, layout: TextLayout, shard: Shard) -> Record:
    """Return a row of a manifest with the place of its recording, or with the reason why it has none."""
    if not layout.manifest or record.error:
        return record
    column = shard.options.manifest_column
    folder = shard.store.uri_of(shard.key).rpartition("/")[0] if shard.options.beside_manifest else None
    try:
        audio = find_audio(layout.manifest, record.values, folder, segmented=layout.segmented)
        return record._replace(values={column: audio, **record.values})
    except RequestError as error:
        return record._replace(values={column: None, **record.values}, error=str(error))

"""Rows of CSV and TSV, and what becomes of a quote that is never closed.

Such a quote makes one field of all the lines up to the next quote. So a record over several lines is looked at: one that
breaks the rules of CSV, has too many fields, or holds lines that look like rows of the table is rejected up to the next line
that looks like a row, and reading goes on there. What becomes of a line depends on nothing that stands before its record.
"""

import csv
import itertools
import re
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from typing import Literal

from actors.errors import InputDataError
from cluster.dataset.lines import MAX_RECORD_BYTES, Line, Lines, Record
from cluster.dataset.recoding import MARK
from cluster.dataset.text_options import ColumnShape, TextLayout, is_row, shapes_of

# Bounds the work for a file made so that every line opens a quote for the whole rest.
_MAX_AGAIN_BYTES = 1 << 30
# So many lines are looked through for the next row, beyond those of the record that is rejected.
_MOST_REJECTED_LINES = 100
# So far into a line that cannot be read, fields are looked for that can.
_MOST_KNOWN_CHARS = 1 << 16
_EXCEL_LINE = re.compile("sep=.")
_OPEN = "unexpected end of data"  # the module's words
_HINT = "if quotes mean nothing in this file, use --no-quoting"


class _TooLongError(csv.Error):
    """A record has more bytes than a record may have."""


class _Source:
    """The lines of a file as texts, some of which may be given back; ``taken`` are those of the current record."""

    def __init__(self, lines: Lines, encoding: str) -> None:
        self._lines = lines
        self._encoding = encoding
        self._again: deque[Line] = deque()
        self._again_bytes = 0
        self._bytes = 0
        self.taken: list[Line] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.taken.append(line)
        self._bytes += len(line.content)
        if self._bytes > MAX_RECORD_BYTES:
            raise _TooLongError
        return self.decode(line)

    def decode(self, line: Line) -> str:
        return line.content.decode(self._encoding, MARK)

    def begin(self) -> None:
        """Begin a record."""
        self.taken.clear()
        self._bytes = 0

    def give_back(self, first: int) -> None:
        """Have the lines of the current record from ``first`` (counted from 0) on read once more."""
        back = self.taken[first:]
        self._again_bytes += sum(len(line.content) for line in back)
        if self._again_bytes > _MAX_AGAIN_BYTES:
            raise InputDataError(f"too many quotes are never closed; {_HINT}")
        self._again.extendleft(reversed(back))


class CsvReader:
    """Reads the records of a CSV file from some line on.

    ``is_doubtful`` is set once a record over several lines holds one with the fields of a row: whether the record is what it
    seems can only be said with the shapes of the table's columns.
    """

    def __init__(self, lines: Lines, layout: TextLayout, *, quoting: bool) -> None:
        csv.field_size_limit(MAX_RECORD_BYTES)  # process-wide; the default of 128 KiB is less than a long text
        self._source = _Source(lines, layout.encoding)
        self._layout = layout
        self._quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE
        self.first_line = ""
        self.is_doubtful = False

    def header(self) -> list[str]:
        """Return the fields of the first record, those without a name named by their number; none if there is no record.

        A line ``sep=;`` before it is for Excel.

        Raises:
            InputDataError: it cannot be read.
        """
        for fields, problem in self._read():
            self.first_line = self._source.decode(self._source.taken[0]).rstrip("\r\n")
            if _EXCEL_LINE.fullmatch(self.first_line) and self.first_line[-1] == self._layout.delimiter:
                continue
            problem = problem or self._encoding_problem(fields)
            if any(problem or self._row_alone(line, len(fields)) for line in self._source.taken[1:]):
                problem = f"longer than a line: is a quote never closed? {_HINT}"
            if problem:
                raise InputDataError(f"the header is {problem}{self.delimiter_hint()}")
            return [name if name.strip() else f"column{i}" for i, name in enumerate(fields, 1)]
        return []

    def delimiter_hint(self) -> str:
        """Return which other delimiter the first line has, as a sentence; empty if it has none."""
        likely = max((d for d in ",;|\t" if d != self._layout.delimiter), key=self.first_line.count)
        is_there = likely in self.first_line
        return f". The first line looks separated by {likely!r}: say so with --delimiter" if is_there else ""

    def records(self, columns: list[str]) -> Iterator[Record]:
        """Yield the rows from the current line on; blank lines are no rows."""
        taken = self._source.taken
        for fields, problem in self._read():
            _drop_blank_ends(fields, len(columns))
            if len(fields) > len(columns):
                problem = f"the row has {len(fields)} fields, but there are {len(columns)} columns"
            is_long = len(taken) > 1 and (bool(problem) or self._is_swallowed(len(columns)))
            if problem == _OPEN or is_long:
                yield self._reject_open(columns)
            elif problem := problem or self._encoding_problem(fields):
                known = self._known(columns, fields or self._intact_fields(taken[0]))
                yield Record(taken[0].offset, known, problem, taken[0].number)
            else:
                yield Record(taken[0].offset, dict(itertools.zip_longest(columns, fields)), None, taken[0].number)

    def shapes(self, columns: int) -> tuple[ColumnShape, ...]:
        """Return the shapes of the columns by the rows from the current line on."""
        return shapes_of((fields for fields, problem in self._read() if not problem), columns)

    def _read(self) -> Iterator[tuple[list[str], str]]:
        """Yield the fields of records, or what is wrong with one. Its lines are ``taken``, some of which may be given back."""
        reader = csv.reader(self._source, delimiter=self._layout.delimiter, quoting=self._quoting, strict=True)
        while True:
            self._source.begin()
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                is_open = isinstance(error, _TooLongError) or str(error) == _OPEN
                yield [], _OPEN if is_open else f"not valid CSV: {error}"
            else:
                if fields:
                    yield fields, ""

    def _reject_open(self, columns: list[str]) -> Record:
        """Return the current record as a row that cannot be read, and read on at the next line that looks like a row."""
        taken = self._source.taken
        stop = 1
        while stop < len(taken) or (stop < _MOST_REJECTED_LINES and next(self._source, None) is not None):
            if self._row_alone(taken[stop], len(columns)):
                break
            stop += 1
        first, last = taken[0].number, taken[stop - 1].number
        lines = f"line {first}" if first == last else f"lines {first} to {last}"
        self._source.give_back(stop)
        reason = f"{lines}: a quote that opens there is not closed before the next row; {_HINT}"
        return Record(taken[0].offset, self._known(columns, self._intact_fields(taken[0])), reason, first)

    def _is_swallowed(self, columns: int) -> bool:
        """Say whether half or more of the lines after a record's first one, as far as they hold anything, look like rows."""
        if columns < 2:
            return False
        count = rows = 0
        before = self._fields_alone(self._source.taken[0])[0]
        for line in self._source.taken[1:]:
            count += bool(line.content.strip())
            if fields := self._row_alone(line, columns):
                self.is_doubtful = True
                if self._layout.shapes and is_row(fields, before, self._layout.shapes):
                    rows, before = rows + 1, fields
        return rows > 0 and 2 * rows >= count

    def _row_alone(self, line: Line, columns: int) -> list[str]:
        """Return the fields of a line as if it were a record, or the beginning of one; none if they are not those of a row."""
        fields, is_open = self._fields_alone(line)
        _drop_blank_ends(fields, columns)
        if is_open and len(fields) > 1:
            fields += [""] * (columns - len(fields))
        return fields if len(fields) == columns else []

    def _fields_alone(self, line: Line) -> tuple[list[str], bool]:
        """Return the fields of a line, and whether the last one opens a quote that the line does not close."""
        text = self._source.decode(line).rstrip("\r\n")
        try:
            return next(csv.reader([text], delimiter=self._layout.delimiter, strict=True), []), False
        except csv.Error as error:
            if str(error) != _OPEN:
                return [], False
            return next(csv.reader([text], delimiter=self._layout.delimiter)), True

    def _intact_fields(self, line: Line) -> list[str]:
        """Return the fields of a line before the one that is not closed, or has something behind its closing quote."""
        text = self._source.decode(line).rstrip("\r\n")[:_MOST_KNOWN_CHARS]

        def is_broken(stop: int) -> bool:
            try:
                next(csv.reader([text[:stop]], delimiter=self._layout.delimiter, quoting=self._quoting, strict=True), None)
            except csv.Error as error:
                return str(error) != _OPEN
            return False

        stop = bisect_left(range(len(text) + 1), True, key=is_broken) - 1
        return next(csv.reader([text[:stop]], delimiter=self._layout.delimiter, quoting=self._quoting), [])[:-1]

    def _known(self, columns: list[str], fields: list[str]) -> dict[str, str]:
        """Return what is known of a row that cannot be read: of too many fields, the first alone is in its place."""
        known = zip(columns, fields if len(fields) <= len(columns) else fields[:1], strict=False)
        return {name: field for name, field in known if not self._encoding_problem([field])}

    def _encoding_problem(self, fields: list[str]) -> str:
        try:
            "".join(fields).encode()
        except UnicodeEncodeError:
            return self._layout.encoding_problem
        return ""


def _drop_blank_ends(fields: list[str], columns: int) -> None:
    """Drop fields after the last column that are empty: of lines that end with a delimiter."""
    while len(fields) > columns and not fields[-1]:
        fields.pop()

"""The lines of a text file and the rows that are made of them, each with its place."""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

from actors.errors import InputDataError

# Bounds the memory that a file without line ends, or with a quote that is never closed, can take.
MAX_RECORD_BYTES = 64 << 20
# Bounds the time that a file of nothing but line ends takes, whose compressed form may be tiny.
_MAX_BLANK_LINES = 1_000_000


class Record(NamedTuple):
    """One row of a text format: the place of its first byte, its values, why it cannot be read, and the number of its line.

    With an ``error``, values are what may be known of its id.
    """

    offset: int
    values: Mapping[str, Any]
    error: str | None
    line: int = 0


class Line(NamedTuple):
    """One line with its end: the place of its first byte, and its number (from 1)."""

    offset: int
    number: int
    content: bytes


class Lines:
    """The lines of a stream that begins at ``offset`` in the file, with line ``number``; ``offset`` is that of the next."""

    def __init__(self, stream: BinaryIO, offset: int = 0, number: int = 1) -> None:
        self._stream = stream
        self.offset = offset
        self._number = number
        self._blank = 0

    def __iter__(self) -> Iterator[Line]:
        return self

    def __next__(self) -> Line:
        content = self._stream.readline(MAX_RECORD_BYTES + 1)
        if not content:
            raise StopIteration
        if len(content) > MAX_RECORD_BYTES:
            raise InputDataError(f"the line at byte {self.offset} is longer than {MAX_RECORD_BYTES >> 20} MiB")
        self._blank = self._blank + 1 if content in (b"\n", b"\r\n") else 0
        if self._blank > _MAX_BLANK_LINES:
            raise InputDataError(f"before byte {self.offset} are more than {_MAX_BLANK_LINES:,} blank lines: it is no table")
        line = Line(self.offset, self._number, content.removeprefix(b"\xef\xbb\xbf") if self.offset == 0 else content)
        self.offset += len(content)
        self._number += 1
        return line

"""The lines of a text file and the rows that are made of them, each with its place."""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

from actors.errors import InputDataError

# Bounds the memory that a file without line ends, or with a quote that is never closed, can take.
MAX_RECORD_BYTES = 64 << 20


class Record(NamedTuple):
    """One row of a text format: its values or why it has none, the place of its first byte, and the number of its line."""

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
    """The lines of a stream that begins at ``offset`` in the file, with line ``number``."""

    def __init__(self, stream: BinaryIO, offset: int = 0, number: int = 1) -> None:
        self._stream = stream
        self._offset = offset
        self._number = number

    def __iter__(self) -> Iterator[Line]:
        return self

    def __next__(self) -> Line:
        content = self._stream.readline(MAX_RECORD_BYTES + 1)
        if not content:
            raise StopIteration
        if len(content) > MAX_RECORD_BYTES:
            raise InputDataError(f"the line at byte {self._offset} is longer than {MAX_RECORD_BYTES >> 20} MiB")
        line = Line(self._offset, self._number, content.removeprefix(b"\xef\xbb\xbf") if self._offset == 0 else content)
        self._offset += len(content)
        self._number += 1
        return line

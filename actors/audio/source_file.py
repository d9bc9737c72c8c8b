"""A stranger's file, or its content, as decoders read it: what the disk does wrong is told apart from what the file holds."""

import errno
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from actors.errors import RequestError, StorageError

# Why a path cannot be opened that no store is to blame for.
_NO_SUCH_FILE = {errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP}


class SourceFile:
    """A file whose errors are told apart from those of what it holds, and are not lost in a decoder."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self._name = file, name
        self._error: OSError | None = None
        self._mended: tuple[int, bytes] | None = None

    def check(self) -> None:
        """Raise the error that reading met, if any."""
        if self._error:
            raise StorageError(f"reading {self._name} failed: {self._error}") from self._error

    def read(self, size: int = -1, /) -> bytes:
        """As that of any file; so are the others."""
        start = self.tell() if self._mended else 0
        data: bytes = self._guarded(self._file.read, size)
        return self._mend_block(data, start) if self._mended else data

    def mend(self, position: int, content: bytes) -> None:
        """Let what is read at a position be this."""
        self._mended = position, content

    def _mend_block(self, data: bytes, start: int) -> bytes:
        position, content = self._mended or (0, b"")
        if start + len(data) <= position or start >= position + len(content):
            return data
        mended = bytearray(data)
        for index, byte in enumerate(content, position - start):
            if 0 <= index < len(mended):
                mended[index] = byte
        return bytes(mended)

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer. Only libsndfile asks for that, which lets no error through: it is to be checked for."""
        try:
            data = self.read(len(buffer))
        except StorageError:
            return 0
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a byte."""
        try:
            position: int = self._guarded(self._file.seek, offset, whence)
        except ValueError:  # there is no such place, which decoders are told by a number
            return -1
        return position

    def tell(self) -> int:
        """Say at which byte it is."""
        position: int = self._guarded(self._file.tell)
        return position

    def _guarded(self, action: Callable[..., Any], *arguments: int) -> Any:
        try:
            return action(*arguments)
        except OSError as error:
            self._error = error
            raise StorageError(f"reading {self._name} failed: {error}") from error


@contextmanager
def open_source(source: bytes | Path, name: str) -> Iterator[SourceFile]:
    """Open a file's content or its path, under the name that messages have for it.

    Raises:
        RequestError: there is no such file.
        StorageError: it exists but cannot be opened.
    """
    if isinstance(source, bytes):
        yield SourceFile(io.BytesIO(source), name)
        return
    try:
        file = source.open("rb")
    except ValueError as error:  # a NUL
        raise RequestError(f"{name!r} is no path: {error}") from error
    except OSError as error:
        if error.errno in _NO_SUCH_FILE:
            raise RequestError(f"{name} cannot be read: {error.strerror}") from error
        raise StorageError(f"reading {name} failed: {error}") from error
    with file:
        yield SourceFile(file, name)

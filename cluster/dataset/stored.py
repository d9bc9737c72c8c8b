"""Stored files as streams, whose failing reads are told apart from broken content."""

import contextlib
import functools
import io
import lzma
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import pyarrow as pa

from actors.errors import InputDataError, SpeechmillError
from cluster.dataset.shards import Shard
from cluster.storage import Store

READ_BYTES = 1 << 20
# Column chunks of which a unit is the lesser part are read whole up to this size, and others up to a larger one.
CHUNK_BYTES = 8 << 20
# Files of an object store that a process keeps open: units of one file follow one another.
OPEN_FILES = 8
_XZ_MEMORY = 256 << 20  # four times what "xz -9" needs
# Text files without a byte are what Spark writes for partitions without a row; these have a header at least.
_NEVER_EMPTY = ("parquet", "arrow")


@contextlib.contextmanager
def content_errors(shard: Shard) -> Iterator[None]:
    """Turn what libraries raise on broken content into an :class:`InputDataError`.

    Reads go through :class:`StoreReader`, so whatever the store does wrong is a :class:`StorageError` already.
    """
    if shard.size == 0 and (shard.compression or shard.format in _NEVER_EMPTY):
        raise InputDataError("the file is empty (0 bytes)")
    try:
        yield
    except SpeechmillError:
        raise
    except Exception as error:
        raise InputDataError(f"not a readable {shard.format} file: {error}") from error


class StoreReader(io.RawIOBase):
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

    def reopen(self) -> "StoreReader":
        """Return a reader of the same open file with a place of its own, for which the store is asked nothing."""
        view = StoreReader(self._store, self._key, file=self._file)
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
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with what comes next."""
        data = self.read_range(self._position, min(self._position + len(buffer), self.size))
        buffer[: len(data)] = data
        self._position += len(data)
        if self._hasher is not None:
            self._hasher.update(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        return self._position

    def tell(self) -> int:
        """Return the place."""
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
    return StoreReader(store, key)


@functools.lru_cache(maxsize=OPEN_FILES)
def keep_open(store: Store, key: str) -> StoreReader:
    """Return a file's reader, which stays open for later units."""
    return StoreReader(store, key)


@contextlib.contextmanager
def open_text(shard: Shard, hasher: Any = None) -> Iterator[BinaryIO]:
    """Open a shard's decompressed bytes."""
    size = READ_BYTES if shard.store.local_path() else CHUNK_BYTES
    with io.BufferedReader(StoreReader(shard.store, shard.key, hasher), max(1, min(size, shard.size))) as stream:
        if shard.compression is None:
            yield stream
        elif shard.compression == "xz":
            with buffered(_unpack_xz(stream)) as plain:
                yield plain
        else:
            source = pa.PythonFile(stream, mode="r")
            with io.BufferedReader(pa.CompressedInputStream(source, shard.compression), READ_BYTES) as plain:
                yield plain


def _unpack_xz(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the content of an XZ file, which may be several one after the other."""
    decoder, data = lzma.LZMADecompressor(memlimit=_XZ_MEMORY), b""
    while True:
        if decoder.needs_input and not data:
            data = stream.read(READ_BYTES)
            if not data:
                raise EOFError("it breaks off")
        piece = decoder.decompress(data, READ_BYTES)
        data = b""
        if piece:
            yield piece
        if decoder.eof:
            data = decoder.unused_data
            while not data.strip(b"\0") and (more := stream.read(READ_BYTES)):  # zeros may stand between
                data = more
            data = data.lstrip(b"\0")
            if not data:
                return
            decoder = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)


def buffered(pieces: Iterable[bytes]) -> BinaryIO:
    """Return a stream of bytes that come in pieces."""
    return io.BufferedReader(_PieceReader(iter(pieces)), READ_BYTES)


class _PieceReader(io.RawIOBase):
    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

"""What every store can do."""

import contextlib
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
from pyarrow import fs

from actors.errors import SpeechmillError, StorageError
from cluster.storage.keys import Entry, check_key, is_temporary, mtime_of, printable

T = TypeVar("T")

_FETCH_BYTES = 32 << 20  # a request each


@dataclass(frozen=True)
class Store(ABC):
    """The files below one root. Make one with :func:`~cluster.storage.open_store`.

    A store is safe to share between threads and to send to another process, where it is opened again with that process's own
    credentials. Keys are relative POSIX paths (see :func:`check_key`).

    Attributes:
        uri: the root for people: no user information, no query.
        filesystem: the pyarrow filesystem.
        root: the root's path in ``filesystem``, without a trailing slash.
    """

    uri: str
    filesystem: fs.FileSystem = field(repr=False, compare=False)
    root: str = field(repr=False)

    def __str__(self) -> str:
        return self.uri

    @abstractmethod
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        """Return what opens the store in another process."""

    @property
    @abstractmethod
    def hint(self) -> str:
        """What to look at when this store fails."""

    @abstractmethod
    def local_path(self, key: str = "") -> Path | None:
        """Return the path of a file (or of the root) if the store is a local or mounted folder, else ``None``."""

    @abstractmethod
    def write_bytes(self, key: str, data: bytes | pa.Buffer) -> None:
        """Write a file atomically, replacing what was there.

        Raises:
            StorageError: the store cannot be reached or is full; what was there is untouched.
        """

    @abstractmethod
    def write_file(self, key: str, source: Path) -> None:
        """Write a local file of any size to the store atomically, replacing what was there.

        Raises:
            StorageError: ``source`` cannot be read, or the store cannot be reached or is full.
        """

    @abstractmethod
    def patiently(self, attempt: Callable[[], T]) -> T:
        """Return what ``attempt`` returns, calling it again while it raises an ``OSError`` that may be over soon.

        It must be fit to be called again: one that reads, deletes, or writes the same file whole. The methods of a store
        and the files it opens do this by themselves.
        """

    def impatient(self) -> "Store":
        """Return the same store for what can be done without it: no request is waited for that could do better later."""
        return self

    @abstractmethod
    def delete_temporaries(self, older_than_s: float, under: str = "") -> int:
        """Delete the unfinished files that killed writers left below a folder, and return how many there were."""

    def uri_of(self, key: str) -> str:
        """Return the printable URI of a file."""
        return f"{self.uri.rstrip('/')}/{key}"

    def find(self, key: str) -> Entry | None:
        """Return the entry of a file, or ``None`` if there is no such file.

        Raises:
            StorageError: the store cannot be reached.
        """
        with self.errors("look up", key):
            return self.patiently(lambda: self._find(key))

    def exists(self, key: str) -> bool:
        """Say whether there is a file ``key``."""
        return self.find(key) is not None

    def entries(self, under: str = "") -> list[Entry]:
        """Return every finished file below a folder, sorted by key; none if there is no such folder.

        Raises:
            StorageError: the store cannot be reached.
        """
        finished = (e for e in self._files(under) if not is_temporary(e.key))
        return sorted(finished, key=lambda entry: entry.key)

    def folders(self, under: str = "") -> list[str]:
        """Return the sorted names of the folders directly below a folder that hold files, at any depth."""
        # From the files: Arrow sees a Google folder only where somebody made a marker object for it.
        skip = len(under) + 1 if under else 0
        return sorted({entry.key[skip:].partition("/")[0] for entry in self.entries(under) if "/" in entry.key[skip:]})

    def read_bytes(self, key: str) -> bytes:
        """Return the content of a file.

        Raises:
            StorageError: there is no such file, or the store cannot be reached.
        """
        path = self._path(key)
        with self.errors("read", key):
            return self.patiently(lambda: self._read(path))

    def read_if_changed(self, key: str, tag: str | None) -> tuple[str | None, bytes | None]:
        """Return the tag of a file, and its content unless the tag is the one given: one request less where nothing changed.

        A tag is what a store changes with an object's content: S3's ETag, Google's generation. Files of a folder have none.

        Raises:
            StorageError: there is no such file, or the store cannot be reached.
        """
        path = self._path(key)

        def attempt() -> tuple[str | None, bytes | None]:
            with self.filesystem.open_input_file(path) as file:
                metadata = file.metadata() or {}
                found = metadata.get("ETag") or metadata.get("generation")
                return found, None if found and found == tag else bytes(file.read())

        with self.errors("read", key):
            return self.patiently(attempt)

    def read_file(self, key: str, target: Path) -> None:
        """Copy a stored file of any size to a local path, replacing what was there (not atomically).

        Raises:
            StorageError: there is no such file, the store cannot be reached, or ``target`` cannot be written.
        """
        with self.errors(f"fetch to {target} from", key), self.open_input(key) as stream, target.open("wb") as file:
            shutil.copyfileobj(stream, file, _FETCH_BYTES)

    def open_input(self, key: str) -> pa.NativeFile:
        """Open a file for random access (as Parquet wants it); use it as a context manager.

        Reads from it raise pyarrow's ``OSError``: put them inside ``with store.errors("read", key)``.

        Raises:
            StorageError: there is no such file, or the store cannot be reached.
        """
        path = self._path(key)
        with self.errors("read", key):
            return self._open_input(path)

    def delete(self, key: str) -> None:
        """Delete a file; it need not exist."""
        path = self._path(key)
        with self.errors("delete", key):
            self.patiently(lambda: self._delete(path))

    @abstractmethod
    def delete_tree(self, under: str) -> None:
        """Delete everything below a folder; it need not exist."""

    @contextlib.contextmanager
    def errors(self, action: str, key: str = "") -> Iterator[None]:
        """Turn the ``OSError`` of a failed ``action`` into a :class:`StorageError` with a hint."""
        try:
            yield
        except SpeechmillError:
            raise
        except OSError as error:
            where = self.uri_of(key) if key else self.uri
            raise StorageError(f"cannot {action} {where}: {error}. {self.hint}") from error

    @abstractmethod
    def _check_container(self) -> None:
        """Raise ``OSError`` if what must exist before any file does not (a bucket; a folder is made as needed)."""

    def _files(self, under: str) -> list[Entry]:
        with self.errors("list", under):
            return self.patiently(lambda: self._list(under))

    # What follows makes requests once and raises OSError as they do.

    def _path(self, key: str) -> str:
        return f"{self.root.rstrip('/')}/{check_key(key)}"

    def _find(self, key: str) -> Entry | None:
        info = self.filesystem.get_file_info(self._path(key))
        if info.type != fs.FileType.File:
            self._check_container()
            return None
        return Entry(key, info.size, mtime_of(info.mtime_ns))

    def _list(self, under: str) -> list[Entry]:
        path = self._path(under) if under else self.root
        found = self.filesystem.get_file_info(fs.FileSelector(path, allow_not_found=True, recursive=True))
        if not found:
            self._check_container()
        skip = len(self.root.rstrip("/")) + 1
        return [Entry(info.path[skip:], info.size, mtime_of(info.mtime_ns)) for info in found if info.type == fs.FileType.File]

    def _read(self, path: str) -> bytes:
        with self.filesystem.open_input_stream(path, compression=None) as stream:
            return bytes(stream.read())

    def _open_input(self, path: str) -> pa.NativeFile:
        return self.patiently(lambda: self.filesystem.open_input_file(path))

    def _delete(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.filesystem.delete_file(path)


@dataclass(frozen=True)
class StoredFile(os.PathLike[str]):
    """A file of a store. Its path is its URI, for people."""

    store: Store
    key: str

    def __fspath__(self) -> str:
        return printable(self.store.uri_of(self.key))

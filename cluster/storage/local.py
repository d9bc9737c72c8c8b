"""A folder on a local disk or a mounted file system."""

import contextlib
import errno
import os
import shutil
import stat
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, TypeVar

import pyarrow as pa
from pyarrow import fs

from cluster.storage.keys import Entry, check_key, existing_path, is_temporary, mtime_of, printable
from cluster.storage.store import Store

T = TypeVar("T")

_COPY_BYTES = 8 << 20
# NFS: the server replaced what the client has cached, and is asked anew the next time.
_STALE_ATTEMPTS = 3
_STALE_PAUSE_S = 0.5
_LISTINGS = 5


@dataclass(frozen=True)
class LocalStore(Store):
    """The files below a folder."""

    hint = "Check that the folder is mounted, may be used by this account and has free space."

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return open_folder, (Path(self.root),)

    def local_path(self, key: str = "") -> Path:
        """Return the path of a file, or of the root; the printable form of a name that is not UTF-8 is known."""
        return existing_path(Path(self.root, check_key(key))) if key else Path(self.root)

    def write_bytes(self, key: str, data: bytes | pa.Buffer) -> None:
        """Write a file through a synced temporary name in the same folder."""
        path = self.local_path(check_key(key))
        with self.errors("write", key):
            self.patiently(lambda: _replace(path, lambda file: file.write(data)))

    def write_file(self, key: str, source: Path) -> None:
        """Copy a file through a synced temporary name in the same folder."""
        path = self.local_path(check_key(key))

        def copy() -> None:
            with source.open("rb") as stream:
                _replace(path, lambda file: shutil.copyfileobj(stream, file, _COPY_BYTES))

        with self.errors(f"copy {source} to", key):
            self.patiently(copy)

    def delete_tree(self, under: str) -> None:
        """Delete a folder and everything below it."""
        path = self._path(under)
        with self.errors("delete", under), contextlib.suppress(FileNotFoundError):
            self.filesystem.delete_dir(path)

    def patiently(self, attempt: Callable[[], T]) -> T:
        """Try again what fails on a stale NFS handle. A mounted folder that is away blocks, or fails for good."""
        for _ in range(_STALE_ATTEMPTS - 1):
            try:
                return attempt()
            except OSError as error:
                if error.errno != errno.ESTALE:
                    raise
                time.sleep(_STALE_PAUSE_S)
        return attempt()

    def delete_temporaries(self, older_than_s: float, under: str = "") -> int:
        """Delete temporary files that were not written to for ``older_than_s`` seconds."""
        limit = datetime.now(UTC) - timedelta(seconds=older_than_s)
        files = self._files(under)
        stale = [e.key for e in files if is_temporary(e.key) and e.mtime <= limit]
        for key in stale:
            self.delete(key)
        return len(stale)

    def _check_container(self) -> None:
        """A folder is made by the first write."""

    def _path(self, key: str) -> str:
        return str(self.local_path(check_key(key)))

    def _find(self, key: str) -> Entry | None:
        try:
            found = self.local_path(check_key(key)).stat()
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP):
                return None
            raise
        return Entry(key, found.st_size, mtime_of(found.st_mtime_ns)) if stat.S_ISREG(found.st_mode) else None

    def _list(self, under: str) -> list[Entry]:
        # Arrow lists a folder, and where that fails asks whether there is one. One that was made in between is there after all,
        # and one below it that was deleted meanwhile is not: what others do is no failure of the store.
        for _ in range(_LISTINGS - 1):
            with contextlib.suppress(FileNotFoundError):
                return super()._list(under)
        return super()._list(under)

    def _read(self, path: str) -> bytes:
        return super()._read(path) if printable(path) == path else Path(path).read_bytes()

    def _open_input(self, path: str) -> pa.NativeFile:
        if printable(path) == path:
            return super()._open_input(path)
        return self.patiently(lambda: pa.PythonFile(Path(path).open("rb"), mode="r"))  # Arrow takes UTF-8 alone


def open_folder(path: Path) -> LocalStore:
    """Return the store of a folder, which need not be there."""
    root = str(path.resolve())
    return LocalStore(uri=printable(root), filesystem=fs.LocalFileSystem(), root=root)


def _replace(path: Path, fill: Callable[[IO[bytes]], object]) -> None:
    """Create or replace ``path`` with what ``fill`` writes, in one rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Opened by name, not by tempfile: shared storage wants the permissions of the umask, not 0600.
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise

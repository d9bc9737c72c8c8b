"""Files at a URI: a local folder, NFS, S3 or Google Cloud Storage behind one small interface.

Every write is atomic: a reader sees the whole file or none. A local writer fills a temporary file in the same folder,
syncs it and renames it; an object store gets one PUT (or one multipart upload, which shows only when it completes).
Printed URIs never carry the user information or query of the URI that was opened: both may hold secrets.

An object store that is away, overloaded or cut off for a while ends no job: reads and writes are tried again for
``SPEECHMILL_STORE_PATIENCE_S`` seconds (default 120), with growing pauses. Only one that has answered before is waited for:
a wrong endpoint or bucket on a command line is an error within seconds. That a store has answered is known to the whole
process, and travels with the store to other processes: a worker that starts while the store is away waits too. Refusals
(no such bucket or object, access denied) are answers, and never tried again.
"""

import contextlib
import errno
import logging
import os
import random
import re
import shutil
import stat
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import IO, Any, TypeVar
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

import pyarrow as pa
from pyarrow import fs

from actors.errors import SpeechmillError, StorageError, UsageError

logger = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE_VARIABLE = "SPEECHMILL_STORE_PATIENCE_S"
_PATIENCE_S = 120.0
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 8.0

# A dead endpoint is an error within seconds. Arrow's default of 3 s without a byte is too short for a store that
# assembles a large multipart upload.
_CONNECT_TIMEOUT_S = 5.0
_STALL_TIMEOUT_S = 20.0
_ATTEMPTS = 3
_GCS_RETRY_LIMIT = timedelta(seconds=15)

_COPY_BYTES = 8 << 20
_FETCH_BYTES = 32 << 20  # a request each
_SEND_BYTES = 64 << 20

# How Arrow words what may be over soon: no connection, or one that breaks; an overloaded, restarting or failing server.
_PASSING = re.compile(
    r"AWS Error (NETWORK_CONNECTION|SLOW_DOWN|SERVICE_UNAVAILABLE|INTERNAL_FAILURE|THROTTLING|REQUEST_TIMEOUT)\b"
    r"|\(HTTP status (408|429|5\d\d)\)"
    r"|google::cloud::Status\((UNAVAILABLE|INTERNAL|DEADLINE_EXCEEDED|RESOURCE_EXHAUSTED|ABORTED|UNKNOWN)\b"
)
# How Arrow words that a store does not give an object, or has none.
_REFUSED = re.compile(
    r"AWS Error (ACCESS_DENIED|RESOURCE_NOT_FOUND|NO_SUCH_KEY|NO_SUCH_BUCKET)\b"
    r"|\(HTTP status (401|403|404|410|451)\)"
    r"|google::cloud::Status\((PERMISSION_DENIED|NOT_FOUND|UNAUTHENTICATED)\b"
)
# NFS: the server replaced what the client has cached, and is asked anew the next time.
_STALE_ATTEMPTS = 3
_STALE_PAUSE_S = 0.5

_S3_OPTIONS = frozenset({"endpoint_override", "scheme", "region", "anonymous"})
_GCS_OPTIONS = frozenset({"endpoint_override", "scheme", "anonymous"})
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]+")
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{32}\.tmp")
_PRINTED_BYTE = re.compile(r"\\x([89a-f][0-9a-f])")
_HINTS = {
    "s3": "Check the bucket, AWS_ENDPOINT_URL, AWS_REGION and the AWS credentials of this environment.",
    "gs": "Check the bucket and the Google credentials of this environment (GOOGLE_APPLICATION_CREDENTIALS).",
}

_ENDPOINT_VARIABLES = {"s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"), "gs": ("STORAGE_EMULATOR_HOST",)}

_CLAIM_ATTEMPTS = 6
_CLAIM_LIFETIME = timedelta(minutes=2)


@dataclass(frozen=True)
class Entry:
    """One stored file: its key, size in bytes, and modification time (UTC) by the store's own clock."""

    key: str
    size: int
    mtime: datetime


def check_key(key: str) -> str:
    """Return ``key`` if it is a relative POSIX path in its shortest form.

    Raises:
        UsageError: the key is empty, absolute, not in its shortest form, or would leave the store's root.
    """
    if not key or key != str(PurePosixPath(key)) or key.startswith("/") or "\0" in key:
        raise UsageError(f"{key!r} is not a relative path inside a store: use names joined by single '/'")
    if any(part in (".", "..") for part in key.split("/")):
        raise UsageError(f"{key!r} would leave its store: '.' and '..' are not allowed")
    return key


def mtime_of(ns: int | None) -> datetime:
    """Return a modification time that is told in nanoseconds since 1970; some are beyond the years that Python knows.

    Not by way of a float, as Python and Arrow do: two ways to ask for a file's time would differ by a microsecond now and then.
    """
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=(ns or 0) // 1000)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def printable(path: str) -> str:
    """Return a path or URI as text: bytes of a file's name that are not UTF-8 are escaped, with a backslash."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path).decode("utf-8", "backslashreplace")
    return path


def existing_path(path: Path) -> Path:
    """Return a path as it is on the disk, if it is there in its :func:`printable` form; else as it is given."""
    printed = str(path)
    if not _PRINTED_BYTE.search(printed) or os.path.lexists(path):
        return path
    # Surrogates from U+DC80 on stand for the bytes, as os.fsdecode has it.
    raw = _PRINTED_BYTE.sub(lambda match: chr(0xDC00 + int(match[1], 16)), printed)
    return Path(raw) if os.path.exists(raw) else path  # noqa: PTH110 - says no where pathlib raises


@dataclass(frozen=True)
class Store(ABC):
    """The files below one root. Make one with :func:`open_store`.

    A store is safe to share between threads and to send to another process, where it is opened again from
    ``location`` with that process's own credentials. Keys are relative POSIX paths (see :func:`check_key`).

    Attributes:
        uri: the root for people: no user information, no query.
        filesystem: the pyarrow filesystem.
        root: the root's path in ``filesystem``, without a trailing slash.
        location: what :func:`open_store` opens again; it may hold secrets.
    """

    uri: str
    filesystem: fs.FileSystem = field(repr=False, compare=False)
    root: str = field(repr=False)
    location: str = field(repr=False)

    def __str__(self) -> str:
        return self.uri

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return open_store, (self.location,)

    @property
    @abstractmethod
    def hint(self) -> str:
        """What to look at when this store fails."""

    @abstractmethod
    def local_path(self, key: str = "") -> Path | None:
        """Return the path of a file (or of the root) if the store is a local or mounted folder, else ``None``."""

    @abstractmethod
    def child(self, key: str) -> "Store":
        """Return the store rooted at a folder below this one."""

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
    def create_exclusive(self, key: str, data: bytes) -> bool:
        """Create a file unless it exists; of several callers at once at most one succeeds.

        Returns:
            ``True`` if this call created the file, ``False`` if it was there.

        Raises:
            StorageError: the store cannot be reached.
        """

    @abstractmethod
    def patiently(self, attempt: Callable[[], T]) -> T:
        """Return what ``attempt`` returns, calling it again while it raises an ``OSError`` that may be over soon.

        It must be fit to be called again: one that reads, deletes, or writes the same file whole. The methods of a store
        (but for :meth:`create_exclusive`) and the files it opens do this by themselves.
        """

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
        finished = (e for e in self._files(under, recursive=True) if not _is_temporary(e.key))
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

    def _files(self, under: str, *, recursive: bool) -> list[Entry]:
        with self.errors("list", under):
            return self.patiently(lambda: self._list(under, recursive=recursive))

    # What follows makes requests once and raises OSError as they do.

    def _path(self, key: str) -> str:
        return f"{self.root.rstrip('/')}/{check_key(key)}"

    def _find(self, key: str) -> Entry | None:
        info = self.filesystem.get_file_info(self._path(key))
        if info.type != fs.FileType.File:
            self._check_container()
            return None
        return Entry(key, info.size, mtime_of(info.mtime_ns))

    def _list(self, under: str, *, recursive: bool) -> list[Entry]:
        path = self._path(under) if under else self.root
        found = self.filesystem.get_file_info(fs.FileSelector(path, allow_not_found=True, recursive=recursive))
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
class LocalStore(Store):
    """A folder on a local disk or a mounted file system."""

    hint = "Check that the folder is mounted, may be used by this account and has free space."

    def local_path(self, key: str = "") -> Path:
        """Return the path of a file, or of the root; the printable form of a name that is not UTF-8 is known."""
        return existing_path(Path(self.root, check_key(key))) if key else Path(self.root)

    def child(self, key: str) -> Store:
        """Return the store rooted at a folder below this one."""
        return open_store(self.local_path(check_key(key)))

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

    def create_exclusive(self, key: str, data: bytes) -> bool:
        """Create a file with ``O_EXCL``; a reader may see it an instant before its content."""
        path = self.local_path(check_key(key))
        with self.errors("create", key):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                file = path.open("xb")
            except FileExistsError:
                return False
            try:
                with file:
                    file.write(data)
            except BaseException:
                path.unlink()
                raise
        return True

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
        files = self._files(under, recursive=True)
        stale = [e.key for e in files if _is_temporary(e.key) and e.mtime <= limit]
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

    def _open_input(self, path: str) -> pa.NativeFile:
        if printable(path) == path:
            return super()._open_input(path)
        return self.patiently(lambda: pa.PythonFile(Path(path).open("rb"), mode="r"))  # Arrow takes UTF-8 alone


class _Contact:
    """What this process knows of a bucket: whether it has ever answered, and since when it does not."""

    def __init__(self, bucket: str) -> None:
        self.bucket = bucket  # its URI
        self.answered = False
        self._away_since: float | None = None
        self._lock = threading.Lock()

    def note_failure(self, error: OSError, patience_s: float) -> None:
        """Say that the bucket is away, once for all threads that wait for it."""
        with self._lock:
            if self._away_since is None:
                self._away_since = time.monotonic()
                logger.warning("%s does not answer; trying again for up to %g s: %s", self.bucket, patience_s, error)

    def note_answer(self) -> None:
        """Remember that the bucket has answered, and say so if it was away."""
        self.answered = True
        if self._away_since is None:
            return
        with self._lock:
            since, self._away_since = self._away_since, None
        if since is not None:
            logger.warning("%s answers again after %.0f s", self.bucket, time.monotonic() - since)


_contacts: dict[tuple[str, str, str], _Contact] = {}  # by scheme, bucket and endpoint


@dataclass(frozen=True)
class ObjectStore(Store):
    """A bucket, or a prefix in it, on S3 or Google Cloud Storage."""

    contact: _Contact = field(repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return _reopen, (self.location, self.contact.answered)

    @property
    def hint(self) -> str:
        """What to look at when this store fails."""
        return _HINTS[urlsplit(self.uri).scheme]

    def local_path(self, key: str = "") -> None:
        """Objects have no path."""

    def child(self, key: str) -> Store:
        """Return the store rooted at a prefix below this one."""
        parts = _split(self.location)
        return open_store(parts._replace(path=f"{parts.path.rstrip('/')}/{quote(check_key(key))}").geturl())

    def write_bytes(self, key: str, data: bytes | pa.Buffer) -> None:
        """Write an object with one PUT, or one multipart upload if it is large."""
        path = self._path(key)
        with self.errors("write", key):
            self.patiently(lambda: self._put(path, data))

    def write_file(self, key: str, source: Path) -> None:
        """Upload a file, mapped rather than read into memory."""
        path = self._path(key)
        with self.errors(f"copy {source} to", key):
            if source.stat().st_size == 0:  # cannot be mapped
                self.patiently(lambda: self._put(path, b""))
            else:
                with pa.memory_map(str(source)) as mapped:
                    data = mapped.read_buffer()
                    self.patiently(lambda: self._put(path, data))

    def create_exclusive(self, key: str, data: bytes) -> bool:
        """Create an object unless it exists; of several callers at once at most one succeeds.

        Arrow offers no conditional PUT. So every caller first writes a claim beside the key and then lists: it goes on
        only if no other claim and no key is there. That is exclusive where listings are consistent (S3 and Google are)
        and no caller sleeps for two minutes between its listing and its write, so it is not patient. The folder of the
        key is listed, so keep it small.

        Raises:
            StorageError: the store cannot be reached, or callers kept colliding.
        """
        for attempt in range(_CLAIM_ATTEMPTS):
            claim = f"{check_key(key)}.claim-{uuid.uuid4().hex}"
            with self.errors("create", key):
                self._put(self._path(claim), b"")
                try:
                    # Rivals before the key: a winner writes the key before it withdraws its claim.
                    rivals = self._has_rivals(key, claim)
                    if self._find(key):
                        return False
                    if not rivals:
                        self._put(self._path(key), data)
                        return True
                finally:
                    self._delete(self._path(claim))
            time.sleep(random.uniform(0.0, 0.1 * 2**attempt))  # noqa: S311 - spreads rivals, guards no secret
        raise StorageError(f"cannot create {self.uri_of(key)}: others are creating it right now. Try again.")

    def delete_tree(self, under: str) -> None:
        """Delete all objects below a prefix."""
        path = self._path(under)
        with self.errors("delete", under):
            # Not delete_dir: on Google it fails for want of the marker object that would make the prefix a folder.
            self.patiently(lambda: self.filesystem.delete_dir_contents(path, missing_dir_ok=True))

    def patiently(self, attempt: Callable[[], T]) -> T:
        """Try again, with growing pauses, what fails because the store is away or overloaded."""
        deadline, pause_s = None, _FIRST_PAUSE_S
        while True:
            try:
                result = attempt()
            except OSError as error:
                if not self.contact.answered or not _is_passing(error):
                    raise
                patience_s = _patience_s()
                deadline = deadline or time.monotonic() + patience_s
                if time.monotonic() >= deadline:
                    raise OSError(f"{error} (tried for {patience_s:g} s; {PATIENCE_VARIABLE} says how long)") from error
                self.contact.note_failure(error, patience_s)
            else:
                self.contact.note_answer()
                return result
            # Spread, so that a store that has just come back is not met by all workers at once.
            time.sleep(min(random.uniform(0.5, 1.0) * pause_s, max(0.0, deadline - time.monotonic())))  # noqa: S311
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def delete_temporaries(self, older_than_s: float, under: str = "") -> int:  # noqa: ARG002 - one interface
        """Return 0: an unfinished upload is not visible as an object."""
        return 0

    def _put(self, path: str, data: bytes | pa.Buffer) -> None:
        # Arrow completes an upload when its stream is closed, even by a signal that raises before all is written. Signals
        # raise in the main thread.
        if threading.current_thread() is not threading.main_thread():
            self._upload(path, data)
            return
        with ThreadPoolExecutor(1) as thread:
            thread.submit(self._upload, path, data).result()

    def _upload(self, path: str, data: bytes | pa.Buffer) -> None:
        # In pieces, as Arrow copies what is written.
        whole = pa.py_buffer(data)
        with self.filesystem.open_output_stream(path, compression=None) as stream:
            for start in range(0, whole.size, _SEND_BYTES):
                if start:
                    stream.flush()  # waits until what was written is gone
                stream.write(whole.slice(start, min(_SEND_BYTES, whole.size - start)))

    def _open_input(self, path: str) -> pa.NativeFile:
        return pa.PythonFile(_PatientFile(self, super()._open_input(path)), mode="r")

    def _has_rivals(self, key: str, claim: str) -> bool:
        folder = "" if "/" not in key else key.rpartition("/")[0]
        files = self._list(folder, recursive=False)
        claims = {entry.key: entry.mtime for entry in files if entry.key.startswith(f"{key}.claim-")}
        oldest = claims.pop(claim) - _CLAIM_LIFETIME  # both times are the store's; an older claim's owner is dead
        return any(mtime > oldest for mtime in claims.values())

    def _check_container(self) -> None:
        """Raise if the bucket does not exist, which Arrow reports as an empty one; one that has answered does."""
        if self.contact.answered:
            return
        bucket = self.root.partition("/")[0]
        try:
            kind = self.filesystem.get_file_info(bucket).type
        except OSError:  # some roles may use the objects of a bucket but not ask about the bucket
            return
        if kind == fs.FileType.NotFound:
            raise FileNotFoundError(f"there is no bucket {bucket!r}")


class _PatientFile:
    """An object that is open for reading, whose failing reads are tried again: what ``pa.PythonFile`` needs of a file."""

    def __init__(self, store: ObjectStore, file: pa.NativeFile) -> None:
        self._store = store
        self._file = file

    @property
    def closed(self) -> bool:
        return bool(self._file.closed)

    def read(self, size: int) -> bytes:
        return self.read_buffer(size).to_pybytes()  # type: ignore[no-any-return]

    def read_buffer(self, size: int) -> pa.Buffer:
        """Return up to ``size`` bytes, without a copy."""
        position = self._file.tell()

        def attempt() -> pa.Buffer:
            self._file.seek(position)
            return self._file.read_buffer(size)

        return self._store.patiently(attempt)

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        self._file.close()


def open_store(location: str | os.PathLike[str]) -> Store:
    """Return the store at a folder path or a ``file://``, ``s3://`` or ``gs://`` URI (percent-encode ``?`` and ``%``).

    Options are given in the URI's query (``?endpoint_override=http://127.0.0.1:9000&region=us-east-1``); the standard
    variables ``AWS_ENDPOINT_URL_S3``, ``AWS_ENDPOINT_URL``, ``AWS_REGION``, ``AWS_DEFAULT_REGION`` and those of the
    credentials hold where the query is silent. Nothing is requested, except where an AWS bucket's region must be found.

    Raises:
        UsageError: the scheme or an option is unknown.
        StorageError: the region of the bucket cannot be found.
    """
    text = os.fspath(location)
    if "://" not in text:
        return _local_store(Path(text).expanduser())
    parts = _split(text)
    if parts.scheme == "file":
        return _local_store(_file_uri_path(parts))
    makers = {"s3": _s3_filesystem, "gs": _gcs_filesystem}
    if parts.scheme not in makers:
        raise UsageError(f"{_printable(parts)}: unknown kind of store; use a folder path, file://, s3:// or gs://")
    bucket = _bucket(parts)
    uri = _printable(parts)
    try:
        parts = _with_region(parts)
        filesystem = makers[parts.scheme](parts)
    except OSError as error:
        raise StorageError(f"cannot open {uri}: {error}. {_HINTS[parts.scheme]}") from error
    root = f"{bucket}/{unquote(parts.path).strip('/')}".rstrip("/")
    contact = _contacts.setdefault((parts.scheme, bucket, _endpoint_of(parts)), _Contact(f"{parts.scheme}://{bucket}"))
    return ObjectStore(uri=uri, filesystem=filesystem, root=root, location=parts.geturl(), contact=contact)


def _reopen(location: str, answered: bool) -> Store:
    """Open a store that another process has sent; if it has answered there, it is known here and waited for."""
    store = open_store(location)
    if answered and isinstance(store, ObjectStore):
        store.contact.answered = True
    return store


def split_uri(location: str | os.PathLike[str]) -> tuple[Store, str]:
    """Return the store of the folder that holds a file, and the file's name in it.

    Raises:
        UsageError: ``location`` names no file, or its scheme or an option is unknown.
    """
    text = os.fspath(location)
    if "://" not in text:
        path = Path(text).expanduser().resolve()
        return open_store(path.parent), check_key(path.name)
    parts = _split(text)
    folder, _, name = parts.path.rpartition("/")
    return open_store(parts._replace(path=folder or "/").geturl()), check_key(unquote(name))


def _split(uri: str) -> SplitResult:
    return urlsplit(uri.replace("#", "%23"))  # a store has no fragments, but '#' may stand in a file's name


def _local_store(path: Path) -> Store:
    root = str(path.resolve())
    return LocalStore(uri=printable(root), filesystem=fs.LocalFileSystem(), root=root, location=root)


def _file_uri_path(parts: SplitResult) -> Path:
    if parts.netloc not in ("", "localhost"):
        raise UsageError(f"{_printable(parts)}: file URIs have three slashes, as in file:///shared/folder")
    return Path(unquote(parts.path))


def _bucket(parts: SplitResult) -> str:
    bucket = parts.netloc.rpartition("@")[2]
    if not _BUCKET.fullmatch(bucket):  # not echoed: an unquoted '/' in a secret key ends up here
        raise UsageError(f"a {parts.scheme}:// URI names no valid bucket (percent-encode '/' and '@' in credentials)")
    return bucket


def _printable(parts: SplitResult) -> str:
    """Return a URI without the two places that may hold secrets: user information and query."""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")


def _options(parts: SplitResult, known: frozenset[str]) -> dict[str, str]:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(options.keys() - known):
        raise UsageError(
            f"{_printable(parts)}: unknown option {', '.join(unknown)} in the query; use {', '.join(sorted(known))}"
        )
    return options


def _endpoint_of(parts: SplitResult) -> str:
    """Return the endpoint that the query or the environment names; empty for the cloud's own."""
    named = dict(parse_qsl(parts.query)).get("endpoint_override")
    return named or next(filter(None, map(os.environ.get, _ENDPOINT_VARIABLES[parts.scheme])), "")


def _endpoint(parts: SplitResult, options: dict[str, str]) -> dict[str, str]:
    """Return Arrow's ``endpoint_override`` and ``scheme`` for ``http://host:port`` or ``host:port``; empty if unset."""
    endpoint = _endpoint_of(parts)
    if not endpoint:
        return {}
    scheme, separator, host = endpoint.rpartition("://")
    return {"endpoint_override": host.rstrip("/"), "scheme": scheme if separator else options.get("scheme", "https")}


def _with_region(parts: SplitResult) -> SplitResult:
    """Return an ``s3://`` URI with the bucket's region if nothing else says it: who gets the store need not ask again."""
    if parts.scheme != "s3":
        return parts
    options = _options(parts, _S3_OPTIONS)
    named = options.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if named or _endpoint_of(parts):
        return parts
    return parts._replace(query=urlencode({**options, "region": fs.resolve_s3_region(_bucket(parts))}))


def _s3_filesystem(parts: SplitResult) -> fs.FileSystem:
    options = _options(parts, _S3_OPTIONS)
    region = options.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    credentials = {}
    if parts.username and parts.password:
        credentials = {"access_key": unquote(parts.username), "secret_key": unquote(parts.password)}
    return fs.S3FileSystem(
        **_endpoint(parts, options),
        **credentials,
        region=region,
        anonymous=options.get("anonymous") == "true",
        connect_timeout=_CONNECT_TIMEOUT_S,
        request_timeout=_STALL_TIMEOUT_S,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
        allow_delayed_open=True,  # small files become one PUT
        # Arrow remembers the failure of a part only then, and else completes the upload without it: half an object.
        background_writes=True,
    )


def _gcs_filesystem(parts: SplitResult) -> fs.FileSystem:
    options = _options(parts, _GCS_OPTIONS)
    return fs.GcsFileSystem(
        anonymous=options.get("anonymous") == "true" or parts.username == "anonymous",
        retry_time_limit=_GCS_RETRY_LIMIT,
        **_endpoint(parts, options),
    )


def _patience_s() -> float:
    """Return for how many seconds a store is waited for."""
    text = os.environ.get(PATIENCE_VARIABLE) or str(_PATIENCE_S)
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{PATIENCE_VARIABLE} is {text!r}, not a number of seconds") from None


def _is_passing(error: OSError) -> bool:
    """Say whether a request may do better later. Errors with a number are of this machine, or say that nothing is there."""
    return error.errno is None and _PASSING.search(str(error)) is not None


def is_refusal(error: StorageError) -> bool:
    """Say whether a store has answered that it has no such object, or does not give it; else it could not be asked."""
    cause = error.__cause__
    return isinstance(cause, OSError) and not _is_passing(cause) and _REFUSED.search(str(cause)) is not None


def _is_temporary(key: str) -> bool:
    return _TEMPORARY.fullmatch(PurePosixPath(key).name) is not None


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

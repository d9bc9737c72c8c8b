"""Files at a URI: a local folder, NFS, S3 or Google Cloud Storage behind one small interface.

Every write is atomic: a reader sees the whole file or none. A local writer fills a temporary file in the same folder,
syncs it and renames it; an object store gets one PUT (or one multipart upload, which shows only when it completes).
Printed URIs never carry the user information or query of the URI that was opened: both may hold secrets.
"""

import contextlib
import os
import random
import re
import shutil
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

import pyarrow as pa
from pyarrow import fs

from actors.errors import SpeechmillError, StorageError, UsageError

# A dead endpoint is an error within seconds. Arrow's default of 3 s without a byte is too short for a store that
# assembles a large multipart upload.
_CONNECT_TIMEOUT_S = 5.0
_STALL_TIMEOUT_S = 20.0
_ATTEMPTS = 3
_GCS_RETRY_LIMIT = timedelta(seconds=15)

_COPY_BYTES = 8 << 20

_S3_OPTIONS = frozenset({"endpoint_override", "scheme", "region", "anonymous"})
_GCS_OPTIONS = frozenset({"endpoint_override", "scheme", "anonymous"})
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]+")
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{32}\.tmp")
_HINTS = {
    "s3": "Check the bucket, AWS_ENDPOINT_URL, AWS_REGION and the AWS credentials of this environment.",
    "gs": "Check the bucket and the Google credentials of this environment (GOOGLE_APPLICATION_CREDENTIALS).",
}

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
    if not key or key != str(PurePosixPath(key)) or key.startswith("/") or "\\" in key or "\0" in key:
        raise UsageError(f"{key!r} is not a relative path inside a store: use names joined by single '/'")
    if any(part in (".", "..") for part in key.split("/")):
        raise UsageError(f"{key!r} would leave its store: '.' and '..' are not allowed")
    return key


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

    def __reduce__(self) -> tuple[Any, tuple[str]]:
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
        path = self._path(key)
        with self.errors("look up", key):
            info = self.filesystem.get_file_info(path)
            if info.type != fs.FileType.File:
                self._check_container()
                return None
        return Entry(key, info.size, info.mtime)

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
        with self.errors("read", key), self.filesystem.open_input_stream(path, compression=None) as stream:
            return bytes(stream.read())

    def read_file(self, key: str, target: Path) -> None:
        """Copy a stored file of any size to a local path, replacing what was there (not atomically).

        Raises:
            StorageError: there is no such file, the store cannot be reached, or ``target`` cannot be written.
        """
        path = self._path(key)
        with (
            self.errors(f"fetch to {target} from", key),
            self.filesystem.open_input_stream(path, compression=None) as stream,
            target.open("wb") as file,
        ):
            shutil.copyfileobj(stream, file, _COPY_BYTES)

    def open_input(self, key: str) -> pa.NativeFile:
        """Open a file for random access (as Parquet wants it); use it as a context manager.

        Reads from it raise pyarrow's ``OSError``: put them inside ``with store.errors("read", key)``.

        Raises:
            StorageError: there is no such file, or the store cannot be reached.
        """
        path = self._path(key)
        with self.errors("read", key):
            return self.filesystem.open_input_file(path)

    def delete(self, key: str) -> None:
        """Delete a file; it need not exist."""
        path = self._path(key)
        with self.errors("delete", key), contextlib.suppress(FileNotFoundError):
            self.filesystem.delete_file(path)

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

    def _path(self, key: str) -> str:
        return f"{self.root.rstrip('/')}/{check_key(key)}"

    def _select(self, under: str, *, recursive: bool) -> list[fs.FileInfo]:
        path = self._path(under) if under else self.root
        with self.errors("list", under):
            found = self.filesystem.get_file_info(fs.FileSelector(path, allow_not_found=True, recursive=recursive))
            if not found:
                self._check_container()
        return list(found)

    def _files(self, under: str, *, recursive: bool) -> list[Entry]:
        skip = len(self.root.rstrip("/")) + 1
        found = self._select(under, recursive=recursive)
        return [Entry(info.path[skip:], info.size, info.mtime) for info in found if info.type == fs.FileType.File]


@dataclass(frozen=True)
class LocalStore(Store):
    """A folder on a local disk or a mounted file system."""

    hint = "Check that the folder is mounted, may be used by this account and has free space."

    def local_path(self, key: str = "") -> Path:
        """Return the path of a file, or of the root."""
        return Path(self.root, check_key(key)) if key else Path(self.root)

    def child(self, key: str) -> Store:
        """Return the store rooted at a folder below this one."""
        return open_store(self.local_path(check_key(key)))

    def write_bytes(self, key: str, data: bytes | pa.Buffer) -> None:
        """Write a file through a synced temporary name in the same folder."""
        with self.errors("write", key):
            _replace(self.local_path(check_key(key)), lambda file: file.write(data))

    def write_file(self, key: str, source: Path) -> None:
        """Copy a file through a synced temporary name in the same folder."""
        with self.errors(f"copy {source} to", key), source.open("rb") as stream:
            _replace(self.local_path(check_key(key)), lambda file: shutil.copyfileobj(stream, file, _COPY_BYTES))

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


@dataclass(frozen=True)
class ObjectStore(Store):
    """A bucket, or a prefix in it, on S3 or Google Cloud Storage."""

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
            self._put(path, data)

    def write_file(self, key: str, source: Path) -> None:
        """Upload a file, mapped rather than read into memory."""
        path = self._path(key)
        with self.errors(f"copy {source} to", key):
            if source.stat().st_size == 0:  # cannot be mapped
                self._put(path, b"")
            else:
                with pa.memory_map(str(source)) as mapped:
                    self._put(path, mapped.read_buffer())

    def create_exclusive(self, key: str, data: bytes) -> bool:
        """Create an object unless it exists; of several callers at once at most one succeeds.

        Arrow offers no conditional PUT. So every caller first writes a claim beside the key and then lists: it goes on
        only if no other claim and no key is there. That is exclusive where listings are consistent (S3 and Google are)
        and no caller sleeps for two minutes between its listing and its write. The folder of the key is listed, so
        keep it small.

        Raises:
            StorageError: the store cannot be reached, or callers kept colliding.
        """
        for attempt in range(_CLAIM_ATTEMPTS):
            claim = f"{check_key(key)}.claim-{uuid.uuid4().hex}"
            self.write_bytes(claim, b"")
            try:
                # Rivals before the key: a winner writes the key before it withdraws its claim.
                rivals = self._has_rivals(key, claim)
                if self.exists(key):
                    return False
                if not rivals:
                    self.write_bytes(key, data)
                    return True
            finally:
                self.delete(claim)
            time.sleep(random.uniform(0.0, 0.1 * 2**attempt))  # noqa: S311 - spreads rivals, guards no secret
        raise StorageError(f"cannot create {self.uri_of(key)}: others are creating it right now. Try again.")

    def delete_tree(self, under: str) -> None:
        """Delete all objects below a prefix."""
        path = self._path(under)
        with self.errors("delete", under):
            # Not delete_dir: on Google it fails for want of the marker object that would make the prefix a folder.
            self.filesystem.delete_dir_contents(path, missing_dir_ok=True)

    def delete_temporaries(self, older_than_s: float, under: str = "") -> int:  # noqa: ARG002 - one interface
        """Return 0: an unfinished upload is not visible as an object."""
        return 0

    def _put(self, path: str, data: bytes | pa.Buffer) -> None:
        # One write call: Arrow completes an upload when a stream is closed, even by an exception between two writes.
        with self.filesystem.open_output_stream(path, compression=None) as stream:
            stream.write(data)

    def _has_rivals(self, key: str, claim: str) -> bool:
        folder = "" if "/" not in key else key.rpartition("/")[0]
        files = self._files(folder, recursive=False)
        claims = {entry.key: entry.mtime for entry in files if entry.key.startswith(f"{key}.claim-")}
        oldest = claims.pop(claim) - _CLAIM_LIFETIME  # both times are the store's; an older claim's owner is dead
        return any(mtime > oldest for mtime in claims.values())

    def _check_container(self) -> None:
        """Raise if the bucket does not exist, which Arrow reports as an empty one."""
        bucket = self.root.partition("/")[0]
        try:
            kind = self.filesystem.get_file_info(bucket).type
        except OSError:  # some roles may use the objects of a bucket but not ask about the bucket
            return
        if kind == fs.FileType.NotFound:
            raise FileNotFoundError(f"there is no bucket {bucket!r}")


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
        filesystem = makers[parts.scheme](parts)
    except OSError as error:
        raise StorageError(f"cannot open {uri}: {error}. {_HINTS[parts.scheme]}") from error
    root = f"{bucket}/{unquote(parts.path).strip('/')}".rstrip("/")
    return ObjectStore(uri=uri, filesystem=filesystem, root=root, location=text)


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
    return LocalStore(uri=root, filesystem=fs.LocalFileSystem(), root=root, location=root)


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


def _endpoint(options: dict[str, str], default: str | None) -> dict[str, str]:
    """Return Arrow's ``endpoint_override`` and ``scheme`` for ``http://host:port`` or ``host:port``; empty if unset."""
    endpoint = options.get("endpoint_override") or default
    if not endpoint:
        return {}
    scheme, separator, host = endpoint.rpartition("://")
    return {"endpoint_override": host.rstrip("/"), "scheme": scheme if separator else options.get("scheme", "https")}


def _s3_filesystem(parts: SplitResult) -> fs.FileSystem:
    options = _options(parts, _S3_OPTIONS)
    endpoint = _endpoint(options, os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"))
    region = options.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        region = "us-east-1" if endpoint else fs.resolve_s3_region(_bucket(parts))
    credentials = {}
    if parts.username and parts.password:
        credentials = {"access_key": unquote(parts.username), "secret_key": unquote(parts.password)}
    return fs.S3FileSystem(
        **endpoint,
        **credentials,
        region=region,
        anonymous=options.get("anonymous") == "true",
        connect_timeout=_CONNECT_TIMEOUT_S,
        request_timeout=_STALL_TIMEOUT_S,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
        allow_delayed_open=True,  # small files become one PUT
        background_writes=False,  # else Arrow copies a whole multi-gigabyte file into memory to upload it
    )


def _gcs_filesystem(parts: SplitResult) -> fs.FileSystem:
    options = _options(parts, _GCS_OPTIONS)
    return fs.GcsFileSystem(
        anonymous=options.get("anonymous") == "true" or parts.username == "anonymous",
        retry_time_limit=_GCS_RETRY_LIMIT,
        **_endpoint(options, os.environ.get("STORAGE_EMULATOR_HOST")),
    )


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

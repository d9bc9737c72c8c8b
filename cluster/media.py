"""Finds the audio that a row names by a path or URI.

A table may come from a stranger, and a worker has rights that he has not. So a row only names files of the folders and stores
that the job itself names, wherever links and ``..`` lead; the options of a store come from the job's command line and
environment, never from a row; and whatever is wrong with a name is the row's own reason, and not the job's end.
"""

import errno
import os
import re
import shlex
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PosixPath
from typing import BinaryIO
from urllib.parse import quote, unquote, unquote_to_bytes

from actors.errors import RequestError, StorageError, UsageError
from cluster.dataset import Dataset
from cluster.storage import Entry, LocalStore, ObjectStore, Store, StoredFile, check_key, existing_path, is_refusal, open_store

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_DATA_URI = re.compile(r"data:[^,]{0,100};base64,")
_BASE64 = re.compile(r"[A-Za-z0-9+/_\s-]+=*\s*")
_FEWEST_BASE64 = 256  # characters: shorter text may be the name of a file
_SHOWN = 200  # characters of a name in a message
_MAX_PATH_BYTES = 4096  # Linux: PATH_MAX, with the zero at the end
_MAX_KEY_BYTES = 1024  # S3 and Google

# A larger object goes to a temporary file, which decoding reads piece by piece.
_SPOOLED_BYTES = 64 << 20
# What says that a file system is in trouble. Any other number is about the name that a row gives.
_TROUBLE = frozenset(
    {
        errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH,
        errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.ENOTCONN, errno.ESHUTDOWN, errno.EREMOTEIO,
        errno.ENOLINK, errno.ECOMM, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC,
    }
)  # fmt: skip
_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFIFO: "a pipe"}


@dataclass(frozen=True)
class MediaReader:
    """Reads files by the paths and URIs in a job's rows. Picklable.

    Attributes:
        stores: the folders and stores that rows may name files of.
        root: where relative paths begin.
        inputs: the files of the input, by the store they are in: the first of each.
    """

    stores: tuple[Store, ...]
    root: Store
    inputs: tuple[tuple[Store, str], ...] = ()

    @classmethod
    def of(cls, dataset: Dataset, folder: str, allowed: Iterable[Store] = ()) -> "MediaReader":
        """Return a reader for the rows of ``dataset``.

        Args:
            dataset: the rows; they may name what lies beside them, at any depth.
            folder: the folder or URI that relative paths begin at; they may name what is in it.
            allowed: folders and stores of which they may name files, too.

        Raises:
            UsageError: ``folder``, or one that is allowed, is neither a folder that is there nor a URI of a store.
            StorageError: the region of a bucket cannot be found.
        """
        root, allowed = open_store(folder), list(allowed)
        for store in (root, *allowed):
            if isinstance(store, LocalStore) and not Path(store.root).is_dir():
                raise UsageError(
                    f"there is no folder {store}, of which rows could name files: check --audio-root and --allow-store"
                )
        shards = {shard.store.uri: shard for shard in reversed(dataset.shards)}
        named = [*(shard.store for shard in shards.values()), root]
        # That an input, or the current folder, is at the top of a machine does not open all of it to the rows of a table.
        safe = [store for store in named if store.root != "/"]
        stores = {store.uri: store for store in (*safe, *allowed)}
        files = ((shard.store, shard.key or shard.files[0]) for shard in shards.values())
        return cls(tuple(stores.values()), root, tuple(files))

    def __call__(self, location: str | os.PathLike[str]) -> bytes | Path:
        """Return the path of a local file, or of a temporary copy of a large object; else the content.

        A temporary copy is gone when its path is no longer held.

        Args:
            location: what a row says, or the :class:`StoredFile` that is the row, as :func:`cluster.dataset.scan_media` has it.
                Who named that one's folder meant the links in it, too.

        Raises:
            RequestError: there is no such file, it may not be named by a row, or it cannot be read.
            StorageError: the store cannot be reached.
        """
        try:
            if isinstance(location, StoredFile):
                return self._read_stored(location)
            return self._read(os.fspath(location))
        except (RequestError, StorageError):
            raise
        except Exception as error:
            raise RequestError(f"{_shown(os.fspath(location))} cannot be read: {type(error).__name__}: {error}") from error

    def _read_stored(self, file: StoredFile) -> bytes | Path:
        path = file.store.local_path(file.key)
        if path is None:
            return self._read_object(os.fspath(file), [(file.store, file.key)])
        return _find_in(file.store, path, os.fspath(file))

    def _read(self, location: str) -> bytes | Path:
        if "\0" in location:
            raise RequestError(f"{_shown(location)} has a zero byte, which no file's name has")
        scheme = _SCHEME.match(location)
        if scheme is None and not os.path.isabs(location) and isinstance(self.root, ObjectStore):  # noqa: PTH117 - a text
            places: list[tuple[Store, str]] = [(self.root, location), (self.root, unquote(location))]
            return self._read_object(self.root.uri_of(location), places)
        if scheme is None:
            return self._find_file(location, location)
        if scheme[1].lower() == "file":
            return self._find_file(location, _path_of(location))
        if scheme[1].lower() not in ("s3", "gs"):
            raise RequestError(f"{_shown(location)}: a row may name a file, or an object as s3:// or gs://")
        place = location[scheme.end() :]
        if "@" in place.partition("/")[0]:
            raise RequestError(f"{_shown(location)} brings user information along, which only the job's command line may give")
        return self._read_object(location, list(self._places(scheme[1].lower(), place)))

    # --- objects

    def _places(self, scheme: str, place: str) -> Iterator[tuple[Store, str]]:
        """Yield the stores that a URI without its scheme may lie in, and its key there: as it stands, then decoded."""
        for store in self.stores:
            kind, _, printed = store.uri.partition("://")
            if isinstance(store, ObjectStore) and kind == scheme:
                found = ((printed, place), (store.root, place), (store.root, unquote(place)))
                yield from ((store, name[len(top) + 1 :]) for top, name in found if name.startswith(f"{top}/"))

    def _read_object(self, location: str, places: list[tuple[Store, str]]) -> bytes | Path:
        if not places:
            raise _outside(location, _object_folder(location))
        for store, key in dict.fromkeys(places):
            _check_object_name(location, key)
            if entry := self._find_object(store, key):
                return _read_entry(store, entry)
        raise RequestError(f"there is no file {_shown(location)}{_query_advice(location)}")

    def _find_object(self, store: Store, key: str) -> Entry | None:
        try:
            return store.find(key)
        except StorageError as error:
            # Who may not list a bucket is refused what is not there. But so is one whose credentials have expired.
            if is_refusal(error) and any(other.find(known) for other, known in self.inputs if _is_same_bucket(other, store)):
                raise RequestError(f"{store.uri_of(key)} is refused by the store: it is not there, or not for us") from error
            raise

    # --- files

    def _find_file(self, location: str, name: str) -> Path:
        path = existing_path(Path(self.root.root, name) if isinstance(self.root, LocalStore) else Path(name))
        try:
            size = len(os.fsencode(path))
        except UnicodeEncodeError:
            raise RequestError(f"{_shown(location)} is not a name that a file can have") from None
        if size >= _MAX_PATH_BYTES:
            raise RequestError(_too_long(location, f"{size:,} bytes, more than a path may have"))
        try:
            store = self._store_of(path)
        except RuntimeError as error:  # how pathlib says it before Python 3.13
            raise RequestError(f"{_shown(location)}: its links lead in a circle") from error
        if store is None:
            raise _outside(location, shlex.quote(str(path.resolve().parent)))
        return _find_in(store, path, location)

    def _store_of(self, path: Path) -> Store | None:
        """Return the folder, among those that rows may name, that a path leads into; ``None`` if into none."""
        place = path.resolve()
        return next((s for s in self.stores if isinstance(s, LocalStore) and place.is_relative_to(s.root)), None)


def _find_in(store: Store, path: Path, location: str) -> Path:
    """Return the path, behind all links, of a file in a folder that may be read."""
    try:
        return store.patiently(lambda: _checked_file(path.resolve(strict=True), location))
    except OSError as error:
        if isinstance(error, StorageError) or error.errno in _TROUBLE:
            raise StorageError(f"cannot read {_shown(location)}: {error.strerror}. {store.hint}") from error
        raise _unreadable(location, path, error) from error


def _checked_file(path: Path, location: str) -> Path:
    """Return a path behind all links, if a file with content is there that can be opened; nothing else is ever opened."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise RequestError(f"{_shown(location)} is {_KINDS.get(stat.S_IFMT(status.st_mode), 'something else')}, not a file")
    if not status.st_size:  # what the kernel makes up, as below /proc, has no size either, and may have no end
        raise RequestError(f"{_shown(location)} is empty: it holds 0 bytes")
    with path.open("rb"):
        return path


def _unreadable(location: str, path: Path, error: OSError) -> RequestError:
    if error.errno == errno.ENAMETOOLONG:
        longest = max(len(os.fsencode(part)) for part in path.parts)
        return RequestError(_too_long(location, f"a name of {longest:,} bytes, more than a file's name may have"))
    if error.errno not in (errno.ENOENT, errno.ENOTDIR):
        return RequestError(f"{_shown(location)} cannot be read: {error.strerror}")
    if _is_base64(location):
        return RequestError(_too_long(location, "no file behind it"))
    windows = ": it looks like a path of Windows, which this machine has not" if _WINDOWS.match(location) else ""
    return RequestError(f"there is no file {path if len(str(path)) <= _SHOWN else _shown(location)}{windows}")


def _too_long(location: str, why: str) -> str:
    if _is_base64(location):
        return (
            f"{_shown(location)} looks like base64 and not like a path: put the bytes themselves into the column "
            "(Parquet holds them as they are)"
        )
    return f"{_shown(location)} has {why}"


def _is_base64(location: str) -> bool:
    return _DATA_URI.match(location) is not None or (
        len(location) >= _FEWEST_BASE64 and _BASE64.fullmatch(location) is not None
    )


def _outside(location: str, folder: str) -> RequestError:
    if _is_base64(location):
        return RequestError(_too_long(location, "no file behind it"))
    return RequestError(
        f"{_shown(location)} is outside the folders and stores that this job names, which is all that a row may name: "
        f"if you trust the rows, add --allow-store {folder}"
    )


def _path_of(uri: str) -> str:
    """Return the path of a ``file://`` URI, whose percent signs may stand for any bytes."""
    host, slash, rest = uri.partition("://")[2].partition("/")
    if host not in ("", "localhost") or not slash:
        raise RequestError(f"{_shown(uri)}: file URIs have three slashes, as in file:///shared/folder")
    path = os.fsdecode(unquote_to_bytes(f"/{rest}"))
    if "\0" in path:
        raise RequestError(f"{_shown(uri)} has a zero byte, which no file's name has")
    return path


# --- objects -----------------------------------------------------------------------------------------------------


def _check_object_name(location: str, key: str) -> None:
    try:
        check_key(key)
        size = len(key.encode())
    except UsageError as error:
        raise RequestError(
            f"{_shown(location)} is no place of an object: no '.', '..' or empty part may be in it{_query_advice(location)}"
        ) from error
    except UnicodeEncodeError:
        raise RequestError(f"{_shown(location)} is not a name that an object can have") from None
    if size > _MAX_KEY_BYTES:
        raise RequestError(_too_long(location, f"a name of {size:,} bytes, more than an object's name may have"))


def _query_advice(location: str) -> str:
    return ". What follows '?' are no options, which only the job's command line may give" if "?" in location else ""


def _is_same_bucket(one: Store, other: Store) -> bool:
    return isinstance(one, ObjectStore) and isinstance(other, ObjectStore) and one.contact is other.contact


def _read_entry(store: Store, entry: Entry) -> bytes | Path:
    try:
        return store.read_bytes(entry.key) if entry.size <= _SPOOLED_BYTES else _spool(store, entry)
    except StorageError as error:
        if is_refusal(error):  # it was found a moment ago: an archived object, say
            raise RequestError(f"{store.uri_of(entry.key)} is there, but the store does not give it: {error}") from error
        raise


class _Spooled(PosixPath):
    """The path of a temporary file without a name, which is gone with the path, and however the process ends."""

    file: BinaryIO


def _spool(store: Store, entry: Entry) -> Path:
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if entry.size > free:
        raise RequestError(
            f"{store.uri_of(entry.key)} has {entry.size:,} bytes, and {tempfile.gettempdir()} has room for {free:,}: name a "
            "larger folder for temporary files in TMPDIR, or cut the recording"
        )
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the path
    path = _Spooled(f"/proc/self/fd/{file.fileno()}")
    path.file = file
    store.read_file(entry.key, path)
    return path


# --- what messages show ------------------------------------------------------------------------------------------


def _shown(location: str) -> str:
    """Return a name for a message: not too long, and of a URI neither user information nor query, which may hold secrets."""
    scheme = _SCHEME.match(location)
    if scheme and scheme[1].lower() != "file":
        place = location[scheme.end() :].partition("?")[0]
        user, at, rest = place.rpartition("@")
        location = scheme[0] + (rest if at and (":" in user or "/" not in user) else place)
    if len(location) > _SHOWN:
        location = f"{location[: _SHOWN // 2]}…{location[-_SHOWN // 4 :]}"
    return repr(location)


def _object_folder(location: str) -> str:
    """Return the place that an object's URI lies in, as ``--allow-store`` takes it."""
    scheme, _, place = location.partition("://")
    folder = place.partition("?")[0].rpartition("@")[2].rpartition("/")[0]
    return shlex.quote(f"{scheme.lower()}://{quote(unquote(folder))}")

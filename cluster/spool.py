"""Decompressed copies of input files, one a node, made by the first process that needs one.

A compressed file cannot be read from its middle: without a copy every unit of it would decompress all that comes before.
Copies are named by the digest of what they are made from, so that processes and jobs may share them. They may be deleted at
any time: who reads one goes on, and who needs it next makes it again. Where one cannot be made, its reader does without.
"""

import contextlib
import fcntl
import logging
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from actors.errors import StorageError
from cluster.registry import CACHE_VARIABLE

logger = logging.getLogger(__name__)

# All copies of a node together; and never more than half of what the disk would have free without them.
_MAX_BYTES = 16 << 30
# A copy that nobody has opened for so long is of a job that was killed.
_MAX_IDLE_S = 6 * 3600.0

_DISK = "/var/tmp"  # noqa: S108 - a folder of ours below it is checked to be ours

_given_up: set[str] = set()  # copies for which this process has found no room


class _NoRoomError(OSError):
    """The copy is larger than it may be."""


def open_copy(name: str, content: Callable[[], Iterator[bytes]]) -> BinaryIO | None:
    """Open a copy for reading, and make it first if it is not there; other processes that want it wait for it.

    Args:
        name: the copy's file name, made of the digest of what it is a copy of.
        content: yields its bytes; our errors that it raises pass.

    Returns:
        ``None`` if there is no room for it, or no folder that it could be in.
    """
    if name in _given_up:
        return None
    try:
        folder = _folder()
        with _locked(folder / f"{name}.lock"):
            if not (folder / name).exists():
                _make(folder, name, content)
            os.utime(folder / name)
            return (folder / name).open("rb")
    except StorageError:
        raise
    except OSError as error:
        logger.info("a compressed input gets no decompressed copy, and is read from its start for every unit: %s", error)
        _given_up.add(name)
        return None


def remove_copies(names: Iterable[str]) -> None:
    """Delete copies of this node, whether or not they are there."""
    with contextlib.suppress(OSError):
        folder = _folder()
        wanted = set(names)
        for path in folder.iterdir():
            if path.name.partition(".")[0] in wanted:
                path.unlink(missing_ok=True)


def _folder() -> Path:
    """Return the folder of the copies, which must be this user's: its content is believed."""
    cache = os.environ.get(CACHE_VARIABLE)
    # Not /tmp, which may be memory.
    disk = os.environ.get("TMPDIR") or (_DISK if Path(_DISK).is_dir() else tempfile.gettempdir())
    folder = Path(cache, "inputs") if cache else Path(disk, f"speechmill-inputs-{os.getuid()}")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user")
    return folder


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(folder: Path, name: str, content: Callable[[], Iterator[bytes]]) -> None:
    limit = min(_MAX_BYTES, (shutil.disk_usage(folder).free + sum(size for _, size, _ in _files(folder))) // 2)
    temporary = folder / f"{name}.{uuid.uuid4().hex}"
    try:
        with temporary.open("xb") as file:
            for piece in content():
                if file.tell() + len(piece) > limit:
                    raise _NoRoomError(f"it has more than {limit >> 20} MiB, which is all that it may take in {folder}")
                file.write(piece)
        _make_room(folder, limit)
        temporary.rename(folder / name)
    finally:
        temporary.unlink(missing_ok=True)


def _files(folder: Path) -> list[tuple[float, int, Path]]:
    """Return when each file was last used, its size and path; the last used one first."""
    files = []
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another process makes room too
            files.append((path.stat().st_mtime, path.stat().st_size, path))
    return sorted(files, reverse=True)


def _make_room(folder: Path, limit: int) -> None:
    """Delete what nobody has used for long, and then the longest unused of what is more than ``limit`` bytes."""
    total = 0
    for mtime, size, path in _files(folder):
        total += size
        is_being_made = "." in path.name and time.time() - mtime < _MAX_IDLE_S
        if not is_being_made and (total > limit or time.time() - mtime > _MAX_IDLE_S):
            path.unlink(missing_ok=True)

"""Verifying bundles, once a node.

What was hashed is noted in the cache, in a *mark* that binds the digest to the identity of every file: inode, size, and the
times of its last change, which no program can set back. Whoever finds the files as the mark has them need not read them; a file
that was written to, replaced or touched since is hashed again, as is one of a copied cache. A mark is trusted only if this user
alone can have written it, and is never part of a bundle. What changes bytes behind the file system's back (a failing disk) is
not noticed: remove the marks to have all read again.
"""

import contextlib
import fcntl
import hashlib
import logging
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from actors.bundle import Bundle
from actors.errors import StorageError
from cluster.storage import open_store

logger = logging.getLogger(__name__)

# A file's times advance in steps, of 10 ms at most where kernels are slow. What is written this much later is later by them.
_CLOCK_STEP_S = 0.02

# Of a file: inode, size in bytes, times of its last modification and of its last change in ns. Without the device, whose
# number may be another one after a reboot.
Identity = tuple[int, int, int, int]


class _Mark(BaseModel):
    """The files of a bundle, by member, as they were when their bytes were hashed and found to be those promised."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    files: dict[str, Identity]


def verify_once(bundle: Bundle, root: Path) -> None:
    """Verify a bundle, unless a process of this node has done so and its files are the same since.

    Raises:
        BundleCorruptError: see :meth:`Bundle.verify`.
    """
    marks = _open_marks(root)
    if marks is None:
        bundle.verify()
        return
    mark = _mark_path(marks, bundle)
    if _holds(mark, bundle):
        return
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(mark.with_suffix(".lock"), fcntl.LOCK_EX))
        except OSError as error:
            logger.debug("bundles are hashed by every process: %s", error)
        if _holds(mark, bundle):  # another process has hashed it meanwhile
            return
        before = _identities(bundle)
        time.sleep(_CLOCK_STEP_S)  # what is written while the bytes are read must not have the times seen before
        bundle.verify()
        if before is not None:
            _write_mark(mark, before)


def note_verified(bundle: Bundle, root: Path, files: dict[str, Identity]) -> None:
    """Note that a bundle's files were found to be those promised when they had these identities."""
    if marks := _open_marks(root):
        _write_mark(_mark_path(marks, bundle), files)


@contextlib.contextmanager
def locked(path: Path, operation: int) -> Iterator[None]:
    """Hold a lock between the processes of a node; the kernel releases it if its owner dies."""
    with path.open("a+b") as file:
        fcntl.flock(file, operation)
        yield


def _open_marks(root: Path) -> Path | None:
    """Return the folder of this user's marks; ``None`` if it cannot be used, or others could have written there."""
    marks = root / f"verified-{os.geteuid()}"
    try:
        marks.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = marks.lstat()
    except OSError as error:
        logger.debug("bundles are hashed by every process: %s", error)
        return None
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o022:
        logger.warning("%s is not this user's alone: bundles are hashed by every process. Remove it.", marks)
        return None
    return marks


def _mark_path(marks: Path, bundle: Bundle) -> Path:
    """Return where the mark of a bundle in its folder is: another digest, or another place, has another mark."""
    return marks / f"{hashlib.sha256(f'{bundle.digest} {bundle.folder.resolve()}'.encode()).hexdigest()}.json"


def _holds(mark: Path, bundle: Bundle) -> bool:
    """Say whether the bundle's files are those that were verified."""
    try:
        files = _Mark.model_validate_json(mark.read_bytes()).files
    except (OSError, ValidationError):
        return False
    return files == _identities(bundle)


def _write_mark(mark: Path, files: dict[str, Identity]) -> None:
    try:
        open_store(mark.parent).write_bytes(mark.name, _Mark(files=files).model_dump_json().encode())
    except StorageError as error:  # a full disk, say: the bundle is good all the same
        logger.debug("bundles are hashed by every process: %s", error)


def _identities(bundle: Bundle) -> dict[str, Identity] | None:
    """Return the identity of every file of a bundle; ``None`` if one is missing."""
    try:
        return {member: identity(bundle.folder / member) for member in bundle.manifest.files}
    except OSError:
        return None


def identity(path: Path) -> Identity:
    """Return what changes with a file's content.

    Raises:
        OSError: there is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(path)  # who opens a pipe waits for a writer
    with path.open("rb") as file:  # NFS asks the server only when a file is opened
        status = os.fstat(file.fileno())
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns

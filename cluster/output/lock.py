"""Keeps a second job out of an output."""

import contextlib
import errno
import fcntl
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from actors.errors import ResumeError, StorageError
from cluster.output.files import LOCK_NAME, read_if_there
from cluster.storage import Store

logger = logging.getLogger(__name__)

_LEASE_S = 60.0
# How long rivals for one lease wait to see who wrote last.
_SETTLE_S = 1.0
_NO_FLOCK = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


def timestamp() -> str:
    """Return the time, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class Lock(Protocol):
    """Keeps a second job out of an output; ``session`` names the owner."""

    session: str

    @property
    def held(self) -> bool:
        """Whether it is still this session's."""

    def release(self) -> None:
        """Let another job in."""


def acquire_lock(store: Store, session: str) -> Lock:
    """Lock an output for one job.

    A local or mounted folder is locked by ``flock``, which the kernel drops when the process dies, however it dies. An
    object store, or a folder without ``flock``, gets a lease: a file that its owner renews, and that expires after a
    minute.

    Raises:
        ResumeError: another job has the lock; the message names it.
        StorageError: the store cannot be reached or written.
    """
    if path := store.local_path(LOCK_NAME):
        with store.errors("lock"):
            try:
                return _FolderLock(store, path, session)
            except OSError as error:
                if error.errno not in _NO_FLOCK:
                    raise
    return _Lease(store, session)


def _owner(session: str) -> bytes:
    return json.dumps({"session": session, "host": socket.gethostname(), "pid": os.getpid(), "since": timestamp()}).encode()


def read_owner(store: Store) -> dict[str, Any]:
    """Return who has the lock; empty if nobody has or the owner is just being written."""
    return parse_owner(read_if_there(store, LOCK_NAME) or b"")


def parse_owner(content: bytes) -> dict[str, Any]:
    """Return who a lock file names; empty if it is just being written."""
    try:
        owner = json.loads(content)
    except ValueError:
        return {}
    return owner if isinstance(owner, dict) else {}


def _refusal(store: Store, owner: Mapping[str, Any], hint: str) -> ResumeError:
    return ResumeError(
        f"another job is writing to {store}: process {owner.get('pid', '?')} on {owner.get('host', '?')}, "
        f"since {owner.get('since', '?')}. {hint}"
    )


class _FolderLock:
    """An ``flock`` on a file in the folder."""

    held = True

    def __init__(self, store: Store, path: Path, session: str) -> None:
        self.session = session
        self._store = store
        self._path = path
        self._file = _open_locked(path)
        if self._file < 0:
            raise _refusal(store, read_owner(store), "Wait for it, or choose another output folder.")
        os.truncate(self._file, 0)
        os.pwrite(self._file, _owner(session), 0)
        os.fsync(self._file)  # NFS shows it to other machines only now

    def release(self) -> None:
        """Remove the file while it is still locked, then let go; that happens in any case."""
        try:
            with self._store.errors("unlock"):
                self._path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # it holds the records of a job, unless this one was refused
                self._path.parent.rmdir()
        finally:
            os.close(self._file)


def _open_locked(path: Path) -> int:
    """Return the descriptor of the locked file; -1 if another process has the lock."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except FileNotFoundError:  # its owner removed the folder between our mkdir and our open
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and path.stat().st_ino == os.fstat(file).st_ino:
                return file
        except BlockingIOError:
            os.close(file)
            return -1
        except OSError:
            os.close(file)
            raise
        os.close(file)  # its owner removed it between our open and our lock


class _Lease:
    """A lock file that its owner renews, for stores that cannot lock.

    Its age is told by the store's clock alone. Of several that write it at once the last one has it.
    """

    def __init__(self, store: Store, session: str) -> None:
        self.session = session
        self._store = store
        self._content = _owner(session)  # the same at every renewal: so is the tag by which writers know it
        self._lost = False
        self._refuse_if_alive()
        store.write_bytes(LOCK_NAME, self._content)
        time.sleep(_SETTLE_S)
        if not self._is_ours():
            raise _refusal(store, read_owner(store), "It started at the same moment.")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="output-lease", daemon=True)
        self._thread.start()

    @property
    def held(self) -> bool:
        """Whether nobody took the lease over."""
        return not self._lost

    def release(self) -> None:
        """Stop renewing, and remove the file if it is still ours."""
        self._stop.set()
        self._thread.join()
        if not self._lost and self._is_ours():
            self._store.delete(LOCK_NAME)

    def _is_ours(self) -> bool:
        return bool(read_owner(self._store).get("session") == self.session)

    def _refuse_if_alive(self) -> None:
        owner = read_owner(self._store)
        entry = self._store.find(LOCK_NAME)
        if entry is None or not owner or _is_dead(owner):
            return
        probe = f"{LOCK_NAME}.{self.session}"
        self._store.write_bytes(probe, b"")
        now = self._store.find(probe)
        self._store.delete(probe)
        age_s = (now.mtime - entry.mtime).total_seconds() if now and now.mtime and entry.mtime else 0.0
        if age_s < _LEASE_S:
            raise _refusal(
                self._store,
                owner,
                f"It was seen {age_s:.0f} s ago; if it is dead, try again in {_LEASE_S - age_s:.0f} s.",
            )

    def _renew(self) -> None:
        while not self._stop.wait(_LEASE_S / 4):
            try:
                self._lost = not self._is_ours()
                if self._lost:
                    return
                self._store.write_bytes(LOCK_NAME, self._content)
            except StorageError as error:
                logger.warning("cannot renew the lock of %s: %s", self._store, error)


def _is_dead(owner: Mapping[str, Any]) -> bool:
    """Say whether a lock's owner is a process of this machine that is gone."""
    if owner.get("host") != socket.gethostname():
        return False
    try:
        os.kill(owner["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it lives, and is another user's
        return False
    return False

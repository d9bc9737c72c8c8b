"""Which CPU cores an actor owns on its node.

Ray schedules by counting CPUs but leaves every actor on all of them. Here an actor claims whole physical cores with one
``flock``-ed file per core in a node-local folder, then pins itself to them. The kernel drops the locks when the process
ends, however it ends, so a killed actor's cores are free at once. A typical actor, before it builds a session::

    claim = claim_cores(2)
    pin_process(claim.cpus)
    engine = open_model(reference, threads=claim.threads)

Claims bind those who share the lock folder, and a claim is pinned to its cores only where everybody who may use them
shares it: two claimants that do not see each other's locks would both take core 0 and leave the others idle. So

1. where ``SPEECHMILL_CORES`` names a folder of the machine that is mounted into all of its containers, all pin;
2. without it processes pin that run on the machine itself, outside of any container, where one folder in ``/tmp`` serves all
   processes of a user (whatever ``TMPDIR`` says, in which Ray's sessions differ);
3. a container without it counts its cores and threads and leaves it to the kernel where they run. Also one whose cpuset is
   narrower than the machine: from inside, cores of its own cannot be told from a pool that it shares with others, and on
   cores of its own the kernel does well without being told.

The folder of ``SPEECHMILL_CORES`` must be there (one that is made here would be this container's own: nobody else's), belong
to root or this user, and be writable for others only with the sticky bit (``chmod 1777``), which pods of different users
need. Who may write there is trusted not to take cores that it does not use, and can do no more: lock files carry no data,
links are refused, and nothing is written through them. Locks are named by the boot of the machine: machines that share the
folder over a network do not count each other's cores.
"""

import contextlib
import fcntl
import functools
import logging
import os
import socket
import stat
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from actors.errors import CoresUnavailableError, StorageError, UsageError
from cluster.topology import Core, Topology, read_kernel_file, read_topology

_log = logging.getLogger(__name__)

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACES = Path("/proc/self/ns")
# Inode numbers of the machine's own namespaces (Linux, include/uapi/linux/nsfs.h). A container has at least one other, even
# one that sees all processes of the machine.
_INITIAL_NAMESPACES = {"pid": 0xEFFFFFFC, "cgroup": 0xEFFFFFFB, "ipc": 0xEFFFFFFF}
_POLL_S = 0.02

CORES_VARIABLE = "SPEECHMILL_CORES"
# The locks of a killed process vanish with it: who still has them after this long keeps them.
_TIMEOUT_S = 5.0


class _LockFile:
    """An open file or folder that carries a lock of this process."""

    def __init__(self, path: Path | str, flags: int, folder: int | None = None) -> None:
        self.descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        _lock_files.add(self)

    @classmethod
    def in_folder(cls, name: str, folder: int) -> "_LockFile":
        """Open a lock file, making it if need be, so that every user whom the folder lets in can open it too."""
        try:
            # Not with O_CREAT: the kernel refuses that for another user's file in a sticky folder (fs.protected_regular).
            file = cls(name, os.O_RDWR, folder)
        except FileNotFoundError:
            with contextlib.suppress(FileExistsError):
                made = os.open(name, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
                os.fchmod(made, 0o666)
                os.close(made)
            file = cls(name, os.O_RDWR, folder)
        status = os.fstat(file.descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            file.release()
            raise PermissionError(f"{name} in it is not a lock file")
        return file

    def try_lock(self) -> bool:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Unlock and close. Unlocking also frees it from a child that inherited the descriptor."""
        if self in _lock_files:
            _lock_files.remove(self)
            fcntl.flock(self.descriptor, fcntl.LOCK_UN)
            os.close(self.descriptor)


# A child forked without exec shares its parent's locks through the descriptors it inherits, and would keep them after
# the parent's death: it closes its copies (exec closes them by O_CLOEXEC). Only a fork that bypasses Python, by a C
# library that never execs, is not covered.
_lock_files: set[_LockFile] = set()


def _close_in_forked_child() -> None:
    for file in _lock_files:
        os.close(file.descriptor)  # without unlocking: the lock is the parent's
    _lock_files.clear()


os.register_at_fork(after_in_child=_close_in_forked_child)


class CoreClaim:
    """Cores that belong to this process until :meth:`close` or its end; dropping the object does not release them.

    Attributes:
        cores: the claimed cores, each as its logical CPU ids.
        cpus: logical CPUs to pin to, ascending; empty where pinning is impossible or harmful (see the module's docstring and
            :class:`~cluster.topology.Topology`).
    """

    def __init__(self, locks: Mapping[Core, _LockFile], folder: _LockFile, pinnable: bool) -> None:
        self.cores = tuple(core.cpus for core in locks)
        self.cpus = tuple(sorted(cpu for own in self.cores for cpu in own)) if pinnable else ()
        self._files = (*locks.values(), folder)

    @property
    def threads(self) -> int:
        """Number of compute threads that fill the claim: one per core."""
        return len(self.cores)

    def close(self) -> None:
        """Give the cores back; a process that pinned itself to them stays pinned."""
        for file in self._files:
            file.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def claim_cores(
    count: int, directory: Path | None = None, timeout_s: float = _TIMEOUT_S, *, topology: Topology | None = None
) -> CoreClaim:
    """Claim ``count`` physical cores that no other claim on this node has, adjacent ones where possible.

    Args:
        count: number of physical cores.
        directory: folder of the lock files, private to the user and shared by all who may use the cores; made if need be
            (default: that of ``SPEECHMILL_CORES``, else one in ``/tmp`` that counts as shared outside of containers only).
        timeout_s: seconds to wait for enough free cores.
        topology: the cores to choose from (default: all that this process may use).

    Raises:
        CoresUnavailableError: the node has too few cores, or too few became free in time.
        StorageError: the lock folder cannot be used, or others could tamper with it.
        UsageError: ``count`` is not positive.
    """
    if count < 1:
        raise UsageError(f"cannot claim {count} cores: an actor needs at least one")
    topology = topology or read_topology()
    if count > len(topology.cores):
        raise CoresUnavailableError(
            f"cannot claim {count} CPU cores: this process may use {len(topology.cores)}. Give each actor fewer cores, "
            "or widen the container's CPU limit or the affinity mask."
        )
    mounted = _mounted_directory() if directory is None else None
    pinnable = topology.pinnable and bool(directory or mounted or _on_the_machine_itself())
    directory = directory or mounted or _default_directory()
    if topology.pinnable and not pinnable:
        _log.info(
            "in a container that does not share its core locks (%s is not set): actors count cores but are not pinned",
            CORES_VARIABLE,
        )
    with contextlib.ExitStack() as undo, _lock_folder_errors(directory):
        if not mounted:
            directory.mkdir(mode=0o700, exist_ok=True)
        folder = _LockFile(directory, os.O_RDONLY | os.O_DIRECTORY)
        undo.callback(folder.release)
        _hold_folder(folder, private=not mounted)
        locks = _wait_for_cores(topology.cores, count, folder.descriptor, timeout_s)
        if not locks:
            raise CoresUnavailableError(
                f"{count} of this node's {len(topology.cores)} CPU cores did not become free within {timeout_s:g} s: "
                f"{_describe_holders(topology.cores, folder.descriptor)} (lock files in {directory}). Start fewer "
                "actors per node, give each fewer cores, or end those processes."
            )
        undo.pop_all()
    return CoreClaim(locks, folder, pinnable)


def pin_process(cpus: Collection[int]) -> None:
    """Keep every thread of this process, and all it will start, on the given logical CPUs; on none given do nothing.

    Threads that already run keep their own masks, so each is set: call it before sessions start, it is right after too.

    Raises:
        CoresUnavailableError: the process may run on none of ``cpus``.
    """
    if not cpus:
        return
    if sys.platform != "linux":
        _log.debug("this platform cannot pin a process to CPUs %s", cpus)
        return
    pinned: set[int] = set()
    # A thread not yet pinned may start another one meanwhile: look again until there is none left.
    while threads := {int(task.name) for task in Path("/proc/self/task").iterdir()} - pinned:
        for thread in threads:
            _pin_thread(thread, cpus)
        pinned |= threads


def _pin_thread(thread: int, cpus: Collection[int]) -> None:
    try:
        os.sched_setaffinity(thread, cpus)
    except ProcessLookupError:
        return  # it ended meanwhile
    except OSError as error:
        raise CoresUnavailableError(
            f"cannot pin this process to CPUs {sorted(cpus)}: {error.strerror}. Are they inside its cpuset?"
        ) from error


def _mounted_directory() -> Path | None:
    """Return the lock folder that the operator names: one that all who may use the cores share."""
    named = os.environ.get(CORES_VARIABLE)
    return Path(named) if named else None


def _default_directory() -> Path:
    return Path("/tmp") / f"speechmill-cores-{os.geteuid()}"  # noqa: S108 - checked by _hold_folder


def _on_the_machine_itself(namespaces: Path = _NAMESPACES) -> bool:
    """Say whether this process runs outside of any container; a kernel without a kind of namespace has one for all."""
    kinds = {kind: namespaces / kind for kind in _INITIAL_NAMESPACES}
    return all(path.stat().st_ino == _INITIAL_NAMESPACES[kind] for kind, path in kinds.items() if path.exists())


@contextlib.contextmanager
def _lock_folder_errors(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"cannot use {directory} for the lock files of CPU cores: {error}. It must be a folder of this machine that "
            f"only user {os.geteuid()} can use, or one with mode 1777 that {CORES_VARIABLE} names."
        ) from error


def _hold_folder(folder: _LockFile, *, private: bool) -> None:
    """Check that no stranger can take locks away, and lock it shared: systemd-tmpfiles cleans no locked folder."""
    status = os.fstat(folder.descriptor)
    owners = {os.geteuid()} if private else {os.geteuid(), 0}
    shut = not status.st_mode & (0o077 if private else 0o022) or (not private and status.st_mode & stat.S_ISVTX)
    if status.st_uid not in owners or not shut:
        raise PermissionError(
            f"it belongs to user {status.st_uid} with mode {stat.S_IMODE(status.st_mode):04o}, so others could tamper "
            "with the locks"
        )
    fcntl.flock(folder.descriptor, fcntl.LOCK_SH)


def _wait_for_cores(cores: Sequence[Core], count: int, folder: int, timeout_s: float) -> dict[Core, _LockFile]:
    """Return ``count`` cores with their locks, or none when the time is up."""
    deadline = time.monotonic() + timeout_s
    while not (locks := _try_cores(cores, count, folder)) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return locks


def _try_cores(cores: Sequence[Core], count: int, folder: int) -> dict[Core, _LockFile]:
    """Lock ``count`` cores, or none at all: under the allocator lock no two claimants can take half each."""
    allocator = _try_lock("allocator", folder)
    if allocator is None:
        return {}
    unused: dict[Core, _LockFile] = {}
    try:
        for core in cores:
            lock = _try_lock(f"core-{core.number}", folder)
            if lock is not None:
                unused[core] = lock
        chosen = _choose(list(unused), count)
        for core in chosen:
            os.ftruncate(unused[core].descriptor, 0)
            os.pwrite(unused[core].descriptor, f"{os.getpid()} on {socket.gethostname()}".encode(), 0)
        return {core: unused.pop(core) for core in chosen}
    finally:
        for lock in (*unused.values(), allocator):
            lock.release()


def _choose(free: Sequence[Core], count: int) -> Sequence[Core]:
    """Return ``count`` of the free cores (given in topology order): fewest domains first, then closest numbers."""

    def spread(window: Sequence[Core]) -> tuple[int, int]:
        return len({core.domain for core in window}), window[-1].number - window[0].number

    windows = [free[start : start + count] for start in range(len(free) - count + 1)]
    return min(windows, key=spread, default=())


def _describe_holders(cores: Iterable[Core], folder: int) -> str:
    """Say which process holds which core now."""
    holders = []
    for core in cores:
        file = _LockFile.in_folder(_lock_name(f"core-{core.number}"), folder)
        if not file.try_lock():
            holders.append(f"core {core.number} belongs to process {os.pread(file.descriptor, 128, 0).decode()}")
        file.release()
    return ", ".join(holders) or "all are free now, but other claims came first"


@functools.cache
def _boot_id() -> str:
    return read_kernel_file(_BOOT_ID) or socket.gethostname()


def _lock_name(subject: str) -> str:
    return f"{_boot_id()}-{subject}"


def _try_lock(subject: str, folder: int) -> _LockFile | None:
    """Open and lock a file in the lock folder; None if someone else has it locked."""
    file = _LockFile.in_folder(_lock_name(subject), folder)
    if file.try_lock():
        return file
    file.release()
    return None

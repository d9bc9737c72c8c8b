"""Lists the files below a local folder, whatever their names and wherever links lead."""

import errno
import os
import stat
from collections import Counter, deque
from collections.abc import Sequence
from pathlib import Path

from cluster.storage import Entry, LocalStore, mtime_of

DANGLING = "dangling link"
SPECIAL = "device, pipe or socket"
UNREADABLE = "folder that may not be read"
TWICE = "link to a folder that is read already"


def list_folder(store: LocalStore, skipped: Counter[str], leave_out: Sequence[str] = ()) -> list[Entry]:
    """Return the files below a store's root, sorted by key; each folder once, however many links lead to it.

    Unlike :meth:`Store.entries` it takes names that are not UTF-8, and says what it cannot list.

    Args:
        store: the folder.
        skipped: counts what is there and is no file, by kind.
        leave_out: real paths of folders whose files are left out, also where a link leads to them.

    Raises:
        StorageError: a folder cannot be read for another reason than its permissions.
    """
    walk = _Walk(store, skipped, [str(Path(folder).resolve()) for folder in leave_out])
    with store.errors("list"):
        return store.patiently(walk.run)


class _Walk:
    def __init__(self, store: LocalStore, skipped: Counter[str], leave_out: Sequence[str]) -> None:
        self._root = store.root
        self._skipped = skipped
        self._leave_out = leave_out

    def run(self) -> list[Entry]:
        self._found: list[Entry] = []
        self._seen: set[tuple[int, int]] = set()
        self._links: deque[tuple[str, str]] = deque()
        self._behind_link = False
        self._folder(self._root, "")
        self._behind_link = True  # after all else: a folder is read under its own name
        while self._links:
            self._folder(*self._links.popleft())
        return sorted(self._found, key=lambda entry: entry.key)

    def _folder(self, path: str, prefix: str) -> None:
        """Add what is in a folder and below. ``prefix`` is the key of what it holds, up to the name."""
        waiting = [(path, prefix)]
        while waiting:
            path, prefix = waiting.pop()
            try:
                found = os.stat(path)  # noqa: PTH116 - names that are not UTF-8, and many of them
                if (found.st_dev, found.st_ino) in self._seen:
                    self._skipped[TWICE] += self._behind_link
                    continue
                self._seen.add((found.st_dev, found.st_ino))
                with os.scandir(path) as entries:
                    for entry in entries:
                        self._entry(entry, prefix + entry.name, waiting)
            except (FileNotFoundError, NotADirectoryError):  # deleted meanwhile; or there is no such input
                continue
            except PermissionError:
                if not prefix:
                    raise
                self._skipped[UNREADABLE] += 1

    def _entry(self, entry: os.DirEntry[str], key: str, waiting: list[tuple[str, str]]) -> None:
        if self._leave_out and self._is_left_out(entry):
            return
        try:
            found = entry.stat()
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ELOOP, errno.EACCES):
                raise
            self._skipped[DANGLING] += entry.is_symlink()
            return
        if stat.S_ISREG(found.st_mode):
            self._found.append(Entry(key, found.st_size, mtime_of(found.st_mtime_ns)))
        elif stat.S_ISDIR(found.st_mode):
            (self._links if entry.is_symlink() else waiting).append((entry.path, f"{key}/"))
        else:
            self._skipped[SPECIAL] += 1

    def _is_left_out(self, entry: os.DirEntry[str]) -> bool:
        real = os.path.realpath(entry.path) if self._behind_link or entry.is_symlink() else entry.path
        return any(real == folder or real.startswith(f"{folder}/") for folder in self._leave_out)

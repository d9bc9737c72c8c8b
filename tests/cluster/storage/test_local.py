import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from actors.errors import StorageError
from cluster.storage import local, open_store


@pytest.mark.parametrize("ns", [1_796_000_000_123_456_789, 1_796_000_000_879_117_999, -2_000, 0, 10**18 * 8])
def test_a_file_has_the_same_time_alone_and_in_a_listing(tmp_path: Path, ns: int) -> None:
    (tmp_path / "a").write_bytes(b"a")
    os.utime(tmp_path / "a", ns=(ns, ns))
    store = open_store(tmp_path)
    assert store.entries() == [store.find("a")]


def test_a_folder_that_is_made_while_it_is_listed_is_there_or_not(tmp_path: Path) -> None:
    """Arrow's own answer to that is an error, in about one of fifty listings."""
    root, done = tmp_path / "rows", threading.Event()

    def make_and_delete() -> None:
        while not done.is_set():
            (root / "below").mkdir(parents=True)
            (root / "below").rmdir()
            root.rmdir()

    with ThreadPoolExecutor(1) as beside:
        maker = beside.submit(make_and_delete)
        try:
            assert all(open_store(root).entries() == [] for _ in range(1000))
        finally:
            done.set()
        maker.result()


def test_a_failed_local_write_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    store = open_store(tmp_path)
    store.write_bytes("a", b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"No space left .*free space"):
        store.write_bytes("a", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert store.read_bytes("a") == b"old"


def test_what_killed_writers_leave_is_hidden_and_deleted_when_old(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.write_bytes("sub/part.parquet", b"x")
    old, new = (tmp_path / "sub" / f".part.parquet.{digit * 32}.tmp" for digit in "ab")
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))

    assert [entry.key for entry in store.entries()] == ["sub/part.parquet"]
    assert store.delete_temporaries(older_than_s=3600) == 1
    assert new.exists()
    assert not old.exists()


def test_files_are_readable_by_the_group_as_the_umask_says(tmp_path: Path) -> None:
    previous = os.umask(0o022)
    try:
        open_store(tmp_path).write_bytes("a", b"x")
    finally:
        os.umask(previous)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644


def test_a_stale_handle_of_a_mounted_folder_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_STALE_PAUSE_S", 0)
    answers = iter([OSError(errno.ESTALE, "Stale file handle")] * 2)
    really = os.fsync

    def stale(descriptor: int) -> None:
        if error := next(answers, None):
            raise error
        really(descriptor)

    monkeypatch.setattr(os, "fsync", stale)
    store = open_store(tmp_path)
    (tmp_path / "source").write_bytes(b"x")
    store.write_file("a", tmp_path / "source")
    assert store.read_bytes("a") == b"x"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "source"]

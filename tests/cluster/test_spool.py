import errno
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock

import pytest

from actors.errors import InputDataError, StorageError
from cluster import spool
from cluster.spool import open_copy, remove_copies


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Where the copies are."""
    monkeypatch.setenv("SPEECHMILL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(spool, "_given_up", set())
    return tmp_path / "cache" / "inputs"


def copies(folder):
    return {path.name for path in folder.iterdir() if path.suffix != ".lock"}


def test_the_first_of_many_makes_the_copy_and_the_others_wait(folder):
    made = []
    together = threading.Barrier(6)

    def content():
        made.append(1)
        time.sleep(0.05)
        yield b"one "
        yield b"two"

    def read(_):
        together.wait()
        with open_copy("abc", content) as file:
            file.seek(4)
            return file.read()

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(read, range(6))) == [b"two"] * 6
    assert made == [1]
    assert copies(folder) == {"abc"}


@pytest.mark.parametrize("error", [InputDataError("the file was changed"), StorageError("the store is gone")])
def test_content_that_cannot_be_made_leaves_nothing_and_is_told(folder, error):
    def broken():
        yield b"one"
        raise error

    for _ in range(2):
        with pytest.raises(type(error), match=str(error)):
            open_copy("abc", broken)
    assert copies(folder) == set()


def test_a_copy_for_which_there_is_no_room_is_not_tried_again(folder, monkeypatch):
    monkeypatch.setattr(spool, "_MAX_BYTES", 5)
    tries = []

    def content():
        tries.append(1)
        yield b"four"
        yield b"more"

    assert open_copy("abc", content) is None
    assert open_copy("abc", content) is None
    assert tries == [1]
    assert copies(folder) == set()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_fails_is_done_without(code, monkeypatch):
    def fail(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(spool, "_make", fail)
    assert open_copy("abc", lambda: iter([b"x"])) is None


def test_a_folder_of_another_user_is_not_believed(monkeypatch):
    monkeypatch.setattr(spool.os, "getuid", lambda: os.geteuid() + 1)
    assert open_copy("abc", lambda: iter([b"x"])) is None


def test_copies_leave_half_of_the_disk(folder, monkeypatch):
    disk = 20

    def free(_):
        return Mock(free=disk - sum(path.stat().st_size for path in folder.iterdir()))

    monkeypatch.setattr(spool.shutil, "disk_usage", free)
    for name in "abcd":
        open_copy(name, lambda: iter([b"xxxx"])).close()
        assert sum(path.stat().st_size for path in folder.iterdir()) <= disk / 2
    assert "d" in copies(folder)
    assert open_copy("e", lambda: iter([b"x" * 11])) is None


def test_the_longest_unused_copy_makes_room(folder, monkeypatch):
    monkeypatch.setattr(spool, "_MAX_BYTES", 10)
    for age_s, name in ((30, "a"), (20, "b"), (10, "c")):
        open_copy(name, lambda: iter([b"xxx"])).close()
        os.utime(folder / name, (time.time() - age_s,) * 2)
    reader = open_copy("a", lambda: iter([]))  # used again
    open_copy("d", lambda: iter([b"yyy"])).close()
    assert copies(folder) == {"a", "c", "d"}
    open_copy("e", lambda: iter([b"z" * 10])).close()
    assert copies(folder) == {"e"}
    assert reader.read() == b"xxx"  # what is open stays readable
    reader.close()


def test_what_killed_jobs_left_goes_after_a_while(folder):
    folder.mkdir(parents=True)
    for name, age_s in (("old", 7 * 3600), ("old.tmp", 7 * 3600), ("new", 3600), ("new.tmp", 3600)):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (time.time() - age_s,) * 2)
    open_copy("abc", lambda: iter([b"x"])).close()
    assert copies(folder) == {"new", "new.tmp", "abc"}


def test_without_a_cache_the_copies_are_in_a_folder_of_this_user(tmp_path, monkeypatch):
    monkeypatch.delenv("SPEECHMILL_CACHE")
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(spool, "_DISK", str(tmp_path))
    open_copy("abc", lambda: iter([b"x"])).close()
    (folder,) = tmp_path.glob("speechmill-inputs-*")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert copies(folder) == {"abc"}
    monkeypatch.setenv("TMPDIR", str(tmp_path / "other"))
    assert spool._folder().parent == tmp_path / "other"


def test_copies_are_removed_by_name(folder):
    for name in ("abc", "def"):
        open_copy(name, lambda: iter([b"x"])).close()
    remove_copies(["abc", "never there"])
    assert {path.name for path in folder.iterdir()} == {"def", "def.lock"}

"""A bundle is verified once a node."""

import errno
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from actors.bundle import FileEntry, hash_file
from actors.errors import BundleCorruptError
from cluster.registry import fetch, publish
from cluster.storage import LocalStore, open_store
from tests.cluster.registry.helpers import DATA, MARKS, start


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the bundles' files that this process has hashed."""
    names: list[str] = []

    def count(path: Path) -> FileEntry:
        names.append(path.name)
        time.sleep(0.05)  # time for others to come too
        return hash_file(path)

    for module in ("actors.bundle", "cluster.registry.cache"):
        monkeypatch.setattr(f"{module}.hash_file", count)
    return names


FETCH_AND_COUNT = """
import sys
import actors.bundle
from cluster.registry import fetch
names = []
def count(path, real=actors.bundle.hash_file):
    names.append(path.name)
    return real(path)
actors.bundle.hash_file = count
fetch(sys.argv[1], cache=sys.argv[2])
print(len(names))
"""
FILES = sorted([DATA, "decoder.onnx", "anna.safetensors"])


def test_threads_hash_a_folder_once(make_bundle: Any, cache: Path, hashed: list[str]) -> None:
    folder = make_bundle()
    with ThreadPoolExecutor(6) as pool:
        assert {bundle.folder for bundle in pool.map(lambda _: fetch(str(folder), cache=cache), range(6))} == {folder}
    assert sorted(hashed) == FILES


def test_processes_hash_a_folder_once(make_bundle: Any, cache: Path) -> None:
    processes = [start(FETCH_AND_COUNT, str(make_bundle()), str(cache)) for _ in range(4)]
    assert sorted(process.communicate(timeout=60)[0] for process in processes) == ["0\n", "0\n", "0\n", "3\n"]


def test_what_was_fetched_is_hashed_while_it_is_fetched_and_not_again(
    root: str, make_bundle: Any, cache: Path, hashed: list[str]
) -> None:
    publish(make_bundle(), root)
    hashed.clear()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: fetch("tiny", root, cache), range(4)))
    assert sorted(name.removeprefix(".").removesuffix(".part") for name in hashed) == FILES


def test_a_bundle_that_ships_is_hashed_once(cache: Path, hashed: list[str]) -> None:
    for _ in range(2):
        fetch("embedded", cache=cache)
    assert len(hashed) == len(set(hashed)) > 0


def flip_a_byte(path: Path) -> None:
    with path.open("r+b") as file:
        first = file.read(1)[0]
        file.seek(0)
        file.write(bytes([first ^ 1]))


def flip_a_byte_and_restore_its_time(path: Path) -> None:
    before = path.stat()
    flip_a_byte(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_by_a_damaged_copy(path: Path) -> None:
    copy = path.with_suffix(".copy")
    shutil.copy2(path, copy)
    flip_a_byte_and_restore_its_time(copy)
    copy.replace(path)


def move_a_link_in_its_place(path: Path) -> None:
    other = path.parent.parent / "elsewhere"
    path.replace(other)
    path.symlink_to(other)


def put_a_pipe_in_its_place(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)  # who opens it waits for a writer


DAMAGES = [
    flip_a_byte,
    flip_a_byte_and_restore_its_time,
    replace_by_a_damaged_copy,
    move_a_link_in_its_place,
    lambda path: os.truncate(path, 10),
    Path.unlink,
    put_a_pipe_in_its_place,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_noticed_after_the_first_verification(make_bundle: Any, cache: Path, damage: Callable[[Path], None]) -> None:
    folder = make_bundle()
    fetch(str(folder), cache=cache)
    damage(folder / DATA)
    for _ in range(2):
        with pytest.raises(BundleCorruptError, match=DATA):
            fetch(str(folder), cache=cache)


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_in_the_cache_is_mended(tmp_path: Path, make_bundle: Any, cache: Path, damage: Callable[[Path], None]) -> None:
    folder, root = make_bundle(), str(tmp_path / "registry")
    publish(folder, root)
    bundle = fetch("tiny", root, cache)
    damage(bundle.path(DATA))
    assert fetch("tiny", root, cache).path(DATA).read_bytes() == (folder / DATA).read_bytes()


def test_a_file_that_was_touched_is_hashed_again_and_good(make_bundle: Any, cache: Path, hashed: list[str]) -> None:
    folder = make_bundle()
    fetch(str(folder), cache=cache)
    (folder / DATA).touch()
    for _ in range(2):
        fetch(str(folder), cache=cache)
    assert len(hashed) == 2 * len(FILES)


def test_another_bundle_in_the_same_place_is_hashed(make_bundle: Any, cache: Path, hashed: list[str]) -> None:
    folder, other = make_bundle(), make_bundle(payload=b"other")
    fetch(str(folder), cache=cache)
    shutil.rmtree(folder)
    other.rename(folder)
    fetch(str(folder), cache=cache)
    assert len(hashed) == 2 * len(FILES)


@pytest.mark.parametrize("mark", [b"", b"{}", b'{"files": {}}', b'{"files": {"decoder.onnx": [1, 2, 3, 4]}}'])
def test_a_mark_that_is_not_ours_counts_for_nothing(make_bundle: Any, cache: Path, hashed: list[str], mark: bytes) -> None:
    folder = make_bundle()
    fetch(str(folder), cache=cache)
    (path,) = (cache / MARKS).glob("*.json")
    path.write_bytes(mark)
    fetch(str(folder), cache=cache)
    assert len(hashed) == 2 * len(FILES)


def occupy(marks: Path) -> None:
    marks.touch()


def open_to_others(marks: Path) -> None:
    marks.mkdir()
    marks.chmod(0o777)


def point_elsewhere(marks: Path) -> None:
    (marks.parent / "elsewhere").mkdir()
    marks.symlink_to("elsewhere")


@pytest.mark.parametrize("spoil", [occupy, open_to_others, point_elsewhere])
def test_without_a_folder_of_its_own_for_marks_every_process_hashes(
    make_bundle: Any, cache: Path, hashed: list[str], spoil: Callable[[Path], None]
) -> None:
    cache.mkdir()
    spoil(cache / MARKS)
    folder = make_bundle()
    for _ in range(2):
        fetch(str(folder), cache=cache)
    assert len(hashed) == 2 * len(FILES)
    flip_a_byte(folder / DATA)
    with pytest.raises(BundleCorruptError, match=DATA):
        fetch(str(folder), cache=cache)


def test_where_nothing_can_be_written_every_process_hashes(
    make_bundle: Any, cache: Path, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("cluster.registry.marks.locked", refuse)
    monkeypatch.setattr(LocalStore, "write_bytes", lambda *_: open_store("/dev/null/x").read_bytes("x"))
    folder = make_bundle()
    for _ in range(2):
        fetch(str(folder), cache=cache)
    assert len(hashed) == 2 * len(FILES)

"""What every store does, whatever its kind."""

import os
import pickle
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.errors import StorageError, UsageError
from cluster.storage import open_store, split_uri


def test_what_is_written_is_found_listed_and_read(root: str) -> None:
    store = open_store(root)
    store.write_bytes("b/two.bin", b"second")
    store.write_bytes("a.txt", b"old")
    store.write_bytes("a.txt", b"first")

    assert store.read_bytes("a.txt") == b"first"
    assert [(entry.key, entry.size) for entry in store.entries()] == [("a.txt", 5), ("b/two.bin", 6)]
    assert [entry.key for entry in store.entries("b")] == ["b/two.bin"]
    assert store.folders() == ["b"]
    found = store.find("b/two.bin")
    assert found is not None
    assert found == store.entries("b")[0]
    assert abs(datetime.now(UTC) - found.mtime) < timedelta(minutes=1)
    assert store.find("b") is None
    assert not store.exists("c.txt")


def test_an_absent_folder_is_empty(root: str) -> None:
    store = open_store(root)
    assert store.entries() == []
    assert store.entries("nothing/here") == []
    assert store.folders("nothing") == []


@pytest.mark.parametrize("size", [0, 11 << 20], ids=["empty", "multipart"])
def test_files_of_any_size_go_there_and_back(root: str, tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "source").write_bytes(content)
    store = open_store(root)

    store.write_file("deep/er/file.bin", tmp_path / "source")
    store.read_file("deep/er/file.bin", tmp_path / "target")

    assert (tmp_path / "target").read_bytes() == content


def test_parquet_is_read_by_random_access(root: str) -> None:
    store = open_store(root)
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": ["a", "b"]}), sink)
    store.write_bytes("part.parquet", sink.getvalue())

    with store.open_input("part.parquet") as file:
        assert pq.ParquetFile(file).metadata.num_rows == 2


def test_deleting_twice_is_fine(root: str) -> None:
    store = open_store(root)
    for key in ("keep/a", "drop/a", "drop/sub/b"):
        store.write_bytes(key, b"x")
    for _ in range(2):
        store.delete("drop/a")
        store.delete_tree("drop")
    assert [entry.key for entry in store.entries()] == ["keep/a"]


def test_reading_a_missing_file_names_it(root: str, tmp_path: Path) -> None:
    store = open_store(root)
    for read in (store.read_bytes, store.open_input, lambda key: store.read_file(key, tmp_path / "out")):
        with pytest.raises(StorageError, match=r"shared root/no\.txt.* Check "):
            read("no.txt")


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../up", "a/../../up", "a/./b", ".", "a//b", "a/", "nul\0"], ids=repr)
def test_no_key_leaves_the_root(tmp_path: Path, key: str) -> None:
    store = open_store(tmp_path)
    uses = [store.read_bytes, store.open_input, store.find, store.delete, store.delete_tree]
    for use in (*uses, lambda key: store.write_bytes(key, b"")):
        with pytest.raises(UsageError):
            use(key)


def test_a_store_travels_to_other_processes(root: str) -> None:
    store = open_store(root)
    store.write_bytes("sub folder/a", b"x")
    assert [entry.key for entry in pickle.loads(pickle.dumps(store)).entries()] == ["sub folder/a"]  # noqa: S301


def test_a_files_uri_splits_into_its_folder_and_name(root: str) -> None:
    store, key = split_uri(f"{root}/sub #1/file #1.txt")
    store.write_bytes(key, b"x")
    assert key == "file #1.txt"
    assert open_store(root).read_bytes("sub #1/file #1.txt") == b"x"


def test_only_a_local_store_has_paths(tmp_path: Path, s3_root: str) -> None:
    assert open_store(tmp_path).local_path("a/b") == tmp_path / "a" / "b"
    assert open_store(tmp_path.as_uri()).local_path() == tmp_path
    assert open_store(s3_root).local_path("a") is None

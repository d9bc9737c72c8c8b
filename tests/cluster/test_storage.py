import os
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.errors import StorageError, UsageError
from cluster import storage
from cluster.storage import open_store, split_uri

CLOSED = "http://127.0.0.1:1"


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


@pytest.mark.parametrize(
    "key", ["", "/etc/passwd", "../up", "a/../../up", "a/./b", ".", "a//b", "a/", "a\\b", "nul\0"], ids=repr
)
def test_no_key_leaves_the_root(tmp_path: Path, key: str) -> None:
    store = open_store(tmp_path)
    uses = [store.read_bytes, store.open_input, store.find, store.delete, store.delete_tree, store.child]
    for use in (*uses, lambda key: store.write_bytes(key, b""), lambda key: store.create_exclusive(key, b"")):
        with pytest.raises(UsageError):
            use(key)


def test_a_store_travels_to_other_processes(root: str) -> None:
    store = open_store(root)
    store.write_bytes("sub folder/a", b"x")
    for copy in (pickle.loads(pickle.dumps(store)), pickle.loads(pickle.dumps(store.child("sub folder")))):  # noqa: S301
        assert [entry.key.removeprefix("sub folder/") for entry in copy.entries()] == ["a"]


def test_a_files_uri_splits_into_its_folder_and_name(root: str) -> None:
    store, key = split_uri(f"{root}/sub #1/file #1.txt")
    store.write_bytes(key, b"x")
    assert key == "file #1.txt"
    assert open_store(root).child("sub #1").read_bytes("file #1.txt") == b"x"
    assert open_store(root).read_bytes("sub #1/file #1.txt") == b"x"


def test_only_a_local_store_has_paths(tmp_path: Path, s3_root: str) -> None:
    assert open_store(tmp_path).local_path("a/b") == tmp_path / "a" / "b"
    assert open_store(tmp_path.as_uri()).local_path() == tmp_path
    assert open_store(s3_root).local_path("a") is None


def test_of_several_creators_one_wins(root: str) -> None:
    store = open_store(root)
    barrier = threading.Barrier(4)

    def create(number: int) -> bool:
        barrier.wait()
        return store.create_exclusive("jobs/lock", str(number).encode())

    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(create, range(4)))

    assert sum(won) == 1
    assert store.read_bytes("jobs/lock") == str(won.index(True)).encode()
    assert [entry.key for entry in store.entries()] == ["jobs/lock"]


def test_a_rival_that_neither_wins_nor_withdraws_is_an_error(s3_root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    store = open_store(s3_root)
    store.write_bytes("lock.claim-0", b"")
    with pytest.raises(StorageError, match="others are creating"):
        store.create_exclusive("lock", b"mine")


def test_the_claim_of_a_dead_creator_runs_out(s3_root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "_CLAIM_LIFETIME", timedelta(0))
    store = open_store(s3_root)
    store.write_bytes("lock.claim-0", b"")
    assert store.create_exclusive("lock", b"mine")


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


def test_a_lock_that_cannot_be_written_is_not_left_behind(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        open_store(tmp_path).create_exclusive("lock", "not bytes")  # type: ignore[arg-type]
    assert not (tmp_path / "lock").exists()


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


def test_a_small_object_is_one_put(s3_root: str, s3_requests: list[str]) -> None:
    open_store(s3_root).write_bytes("part.parquet", b"x" * 100_000)
    assert s3_requests == ["PUT /bucket/shared%20root/part.parquet"]


def test_endpoint_region_and_credentials_may_stand_in_the_uri(
    s3_root: str, s3_environment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_store(s3_root).write_bytes("a", b"x")
    for name in ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    query = f"endpoint_override={s3_environment}&region=us-east-1"
    assert open_store(f"s3://test:test@bucket/shared%20root?{query}").read_bytes("a") == b"x"


@pytest.mark.usefixtures("s3_environment")
def test_a_missing_bucket_is_an_error() -> None:
    store = open_store("s3://absent/root")
    uses = [store.entries, store.folders, lambda: store.find("a"), lambda: store.write_bytes("a", b"")]
    for use in uses:
        with pytest.raises(StorageError, match="bucket"):
            use()


def test_an_unreachable_store_is_a_quick_error_without_secrets() -> None:
    store = open_store(f"s3://key:p%2Fss@bucket/root?endpoint_override={CLOSED}")
    started = time.monotonic()
    with pytest.raises(StorageError, match=r"s3://bucket/root/a\.txt: .*Check the bucket, AWS_ENDPOINT_URL") as caught:
        store.read_bytes("a.txt")
    assert time.monotonic() - started < 15
    for shown in (str(caught.value), str(store), repr(store)):
        assert "ss@" not in shown
        assert "p%2F" not in shown


def test_an_unreachable_google_store_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "_GCS_RETRY_LIMIT", timedelta(seconds=1))
    store = open_store(f"gs://anonymous@bucket/root?endpoint_override={CLOSED}")
    with pytest.raises(StorageError, match=r"gs://bucket/root/a: .*Google credentials"):
        store.read_bytes("a")


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("ftp://host/folder", "unknown kind of store"),
        ("s3://bucket/root?regoin=us-east-1", "regoin in the query; use anonymous, endpoint_override, region, scheme"),
        ("s3:///root", "no valid bucket"),
        ("file://host/root", "three slashes"),
    ],
)
def test_a_location_that_cannot_be_one_is_refused(location: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        open_store(location)


def test_an_unquoted_secret_is_not_echoed() -> None:
    with pytest.raises(UsageError) as caught:
        open_store("s3://key:sec/ret@bucket/root")
    assert "sec" not in str(caught.value)

import errno
import itertools
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import PIPE
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.errors import StorageError, UsageError
from cluster import storage
from cluster.storage import Store, open_store, split_uri
from tests.cluster.faulty_proxy import FaultyProxy

REPOSITORY = Path(__file__).parents[2]
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


@pytest.mark.parametrize("ns", [1_796_000_000_123_456_789, 1_796_000_000_879_117_999, -2_000, 0, 10**18 * 8])
def test_a_file_has_the_same_time_alone_and_in_a_listing(tmp_path: Path, ns: int) -> None:
    (tmp_path / "a").write_bytes(b"a")
    os.utime(tmp_path / "a", ns=(ns, ns))
    store = open_store(tmp_path)
    assert store.entries() == [store.find("a")]


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


# Patience


@pytest.fixture
def known(s3_root: str, pauses: list[float]) -> Store:
    """A store that has answered, with the files ``folder/a`` and ``table.parquet``."""
    assert pauses == []
    store = open_store(s3_root)
    store.write_bytes("folder/a", b"content" * 1000)
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": list(range(1000))}), sink, row_group_size=100)
    store.write_bytes("table.parquet", sink.getvalue())
    return store


def read_table(store: Store, _folder: Path) -> object:
    with store.open_input("table.parquet") as file:
        return pq.ParquetFile(file).read()["id"].to_pylist() == list(range(1000))


def fetch_file(store: Store, folder: Path) -> object:
    store.read_file("folder/a", folder / "target")
    return (folder / "target").read_bytes()


def send_file(store: Store, folder: Path) -> object:
    (folder / "source").write_bytes(b"x" * (11 << 20))
    store.write_file("big", folder / "source")
    return store.find("big") == store.entries("")[0]


def delete(store: Store, _folder: Path) -> object:
    store.delete("folder/a")
    return store.exists("folder/a")


def delete_tree(store: Store, _folder: Path) -> object:
    store.delete_tree("folder")
    return store.entries("folder")


def write(store: Store, _folder: Path) -> object:
    store.write_bytes("folder/a", b"new")
    return store.read_bytes("folder/a")


Operation = Callable[[Store, Path], object]
Upload = Callable[[], bytes]
READS: dict[str, tuple[Operation, object]] = {
    "list": (lambda store, _: store.folders(), ["folder"]),
    "read": (lambda store, _: store.read_bytes("folder/a"), b"content" * 1000),
    "fetch": (fetch_file, b"content" * 1000),
    "table": (read_table, True),
}
OPERATIONS: dict[str, tuple[Operation, object]] = READS | {
    "find": (lambda store, _: store.exists("folder/a"), True),
    "find-none": (lambda store, _: store.find("folder/b"), None),
    "write": (write, b"new"),
    "send": (send_file, True),
    "delete": (delete, False),
    "delete-tree": (delete_tree, []),
}
FAULTS: dict[str, Callable[[FaultyProxy], None]] = {
    "away": FaultyProxy.go_away,
    "503": lambda proxy: proxy.refuse(503),
    "500": lambda proxy: proxy.refuse(500),
    "429": lambda proxy: proxy.refuse(429),
}


@pytest.mark.parametrize(
    ("fault", "operation"),
    [(fault, name) for fault in FAULTS for name in OPERATIONS] + [("cut", name) for name in READS],
)
def test_a_store_that_is_away_for_a_while_is_waited_for(
    known: Store,
    s3_proxy: FaultyProxy,
    pauses: list[float],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    fault: str,
    operation: str,
) -> None:
    act, expected = OPERATIONS[operation]
    (FAULTS | {"cut": FaultyProxy.cut_short})[fault](s3_proxy)
    assert act(known, tmp_path) == expected
    assert len(pauses) == 2
    said = [record.getMessage() for record in caplog.records if record.name == "cluster.storage"]
    assert [" ".join(message.split()[:4]).rstrip(";") for message in said] == [
        "s3://bucket does not answer",
        "s3://bucket answers again after",
    ]


def test_a_file_that_is_open_is_read_on_when_the_store_is_back(
    known: Store, s3_proxy: FaultyProxy, pauses: list[float]
) -> None:
    with known.open_input("table.parquet") as file:
        table = pq.ParquetFile(file)
        for group in range(10):
            if group in (3, 6):
                pauses.clear()
                s3_proxy.refuse(503)
            assert table.read_row_group(group)["id"].to_pylist() == list(range(100 * group, 100 * group + 100))
    assert len(pauses) == 2


def test_pauses_grow_to_a_limit_and_are_never_alike(
    known: Store, s3_proxy: FaultyProxy, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    s3_proxy.refuse(503)
    monkeypatch.setenv("SPEECHMILL_STORE_PATIENCE_S", "40")
    pauses.clear()
    seconds = itertools.count()  # one more whenever somebody looks at the clock
    clock = SimpleNamespace(sleep=pauses.append, monotonic=lambda: float(next(seconds)))
    monkeypatch.setattr(storage, "time", clock)
    with pytest.raises(StorageError, match=r"SLOW_DOWN.*tried for 40 s; SPEECHMILL_STORE_PATIENCE_S says how long"):
        known.entries()
    assert all(0.25 * 2**i <= pause <= 0.5 * 2**i for i, pause in enumerate(pauses[:5]))
    assert max(pauses) <= 8
    assert len(set(pauses)) == len(pauses) > 5


def test_a_store_that_really_comes_back_after_a_second(
    s3_root: str, s3_proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "_ATTEMPTS", 1)
    store = open_store(s3_root)
    store.write_bytes("a", b"x")
    s3_proxy.go_away(1)
    assert store.read_bytes("a") == b"x"


def test_slow_answers_are_waited_for(known: Store, s3_proxy: FaultyProxy, pauses: list[float]) -> None:
    s3_proxy.slow_down(0.2)
    assert known.read_bytes("folder/a") == b"content" * 1000
    assert pauses == []


def test_many_who_wait_say_it_once(
    known: Store, s3_proxy: FaultyProxy, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_wait = threading.Barrier(8, s3_proxy.recover)
    clock = SimpleNamespace(sleep=lambda _: all_wait.wait(), monotonic=time.monotonic)
    monkeypatch.setattr(storage, "time", clock)
    s3_proxy.go_away()
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: known.exists("folder/a"), range(8))) == [True] * 8
    assert sum("does not answer" in record.getMessage() for record in caplog.records) == 1
    assert sum("answers again" in record.getMessage() for record in caplog.records) == 1


@pytest.mark.parametrize("fault", [*FAULTS, "403"])
def test_a_store_that_has_never_answered_is_not_waited_for(
    s3_root: str, s3_proxy: FaultyProxy, pauses: list[float], fault: str
) -> None:
    (FAULTS | {"403": lambda proxy: proxy.refuse(403)})[fault](s3_proxy)
    with pytest.raises(StorageError, match="Check the bucket"):
        open_store(s3_root).entries()
    assert pauses == []


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_is_an_answer(known: Store, s3_proxy: FaultyProxy, pauses: list[float], status: int) -> None:
    s3_proxy.refuse(status)
    uses = [known.entries, lambda: known.read_bytes("folder/a"), lambda: known.write_bytes("b", b"")]
    for use in uses:
        with pytest.raises(StorageError, match="Check the bucket"):
            use()
    assert pauses == []


def test_a_missing_file_is_an_answer(known: Store, pauses: list[float]) -> None:
    with pytest.raises(StorageError, match="does not exist"):
        known.read_bytes("absent")
    assert pauses == []


def test_a_full_disk_is_not_the_stores_fault(known: Store, tmp_path: Path, pauses: list[float]) -> None:
    with pytest.raises(StorageError, match="fetch to"):
        known.read_file("folder/a", tmp_path / "absent" / "target")
    assert pauses == []


def test_whoever_creates_something_for_himself_does_not_wait(known: Store, s3_proxy: FaultyProxy, pauses: list[float]) -> None:
    s3_proxy.refuse(503)
    with pytest.raises(StorageError, match="cannot create"):
        known.create_exclusive("lock", b"mine")
    assert pauses == []


def test_a_process_that_is_sent_a_store_that_has_answered_waits_for_it(
    s3_root: str, s3_proxy: FaultyProxy, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger, friend = pickle.dumps(open_store(s3_root)), open_store(s3_root)
    friend.write_bytes("a", b"x")
    sent = [pickle.dumps(friend), pickle.dumps(open_store(s3_root).child("sub"))]
    for data in (stranger, *sent):
        monkeypatch.setattr(storage, "_contacts", {})  # as in a new process
        pauses.clear()
        s3_proxy.go_away()
        store = pickle.loads(data)  # noqa: S301
        if data == stranger:
            with pytest.raises(StorageError):
                store.entries()
            s3_proxy.recover()
        else:
            store.entries()
            assert len(pauses) == 2


def test_a_process_that_is_sent_a_store_need_not_look_for_its_region(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    asked: list[str] = []

    def resolve(bucket: str) -> str:
        asked.append(bucket)
        return "eu-north-1"

    monkeypatch.setattr(storage.fs, "resolve_s3_region", resolve)
    store = open_store("s3://key:p%2Fss@bucket/root %3F")
    for sent in (pickle.loads(pickle.dumps(store)), store.child("sub")):  # noqa: S301
        assert sent.filesystem.region == "eu-north-1"
    assert asked == ["bucket"]
    assert store.root == "bucket/root ?"


@pytest.fixture(params=["bytes", "file"])
def upload(request: pytest.FixtureRequest, known: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Upload:
    """Writes 31 MiB over an old object, in two pieces and four parts; returns what it writes."""
    monkeypatch.setattr(storage, "_SEND_BYTES", 21 << 20)
    known.write_bytes("big", b"old")
    content = os.urandom(31 << 20)
    (tmp_path / "source").write_bytes(content)

    def write() -> bytes:
        if request.param == "bytes":
            known.write_bytes("big", content)
        else:
            known.write_file("big", tmp_path / "source")
        return content

    return write


@pytest.mark.parametrize("part", [1, 2, 4])
def test_a_broken_upload_never_shows(
    known: Store, s3_proxy: FaultyProxy, upload: Upload, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    monkeypatch.setenv("SPEECHMILL_STORE_PATIENCE_S", "0")
    s3_proxy.refuse(503, containing=f"partNumber={part}&")
    with pytest.raises(StorageError, match="UploadPart"):
        upload()
    s3_proxy.recover()
    assert known.read_bytes("big") == b"old"


def test_a_broken_upload_is_begun_again(known: Store, s3_proxy: FaultyProxy, upload: Upload, pauses: list[float]) -> None:
    s3_proxy.refuse(503, containing="partNumber=3&")
    content = upload()
    assert known.read_bytes("big") == content
    assert len(pauses) == 2


def test_an_interrupted_upload_is_whole_or_never_shows(known: Store, s3_proxy: FaultyProxy, upload: Upload) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    s3_proxy.slow_down(0.1)
    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.15)
        with pytest.raises(KeyboardInterrupt):
            upload()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert len(known.read_bytes("big")) in (len(b"old"), 31 << 20)


def test_patience_begins_with_the_failure(known: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large upload may break after an hour."""
    now = [0.0]
    monkeypatch.setattr(storage, "time", SimpleNamespace(sleep=lambda _: None, monotonic=lambda: now[0]))

    def attempt() -> float:
        now[0] += 3600
        if now[0] == 3600:
            raise OSError("AWS Error SLOW_DOWN during UploadPart operation: SlowDown")
        return now[0]

    assert known.patiently(attempt) == 7200


def test_a_patience_that_is_no_number_is_refused(known: Store, s3_proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECHMILL_STORE_PATIENCE_S", "long")
    s3_proxy.refuse(503)
    with pytest.raises(UsageError, match="SPEECHMILL_STORE_PATIENCE_S is 'long', not a number of seconds"):
        known.entries()


def test_a_stale_handle_of_a_mounted_folder_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "_STALE_PAUSE_S", 0)
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


# Arrow holds the GIL during some of Google's requests: the client is a process of its own.
GOOGLE_CLIENT = """
import logging, sys
from datetime import timedelta
from cluster import storage
logging.basicConfig()
storage._GCS_RETRY_LIMIT = timedelta(seconds=0.2)
store = storage.open_store(sys.argv[1])
store.write_bytes("a", b"content")
for line in sys.stdin:
    store.write_bytes("b", b"more")
    print(store.read_bytes("a"), [entry.key for entry in store.entries()], flush=True)
"""


@pytest.mark.parametrize("fault", ["away", "503"])
def test_a_google_store_is_waited_for_too(gs_root: str, google_endpoint: str, fault: str) -> None:
    with FaultyProxy(google_endpoint) as proxy:
        environment = {**os.environ, "STORAGE_EMULATOR_HOST": proxy.endpoint, "PYTHONPATH": str(REPOSITORY)}
        command = [sys.executable, "-c", GOOGLE_CLIENT, gs_root]
        with subprocess.Popen(command, env=environment, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True) as client:
            assert client.stdin
            assert client.stdout
            assert client.stderr
            client.stdin.write("\n")
            client.stdin.flush()
            assert client.stdout.readline() == "b'content' ['a', 'b']\n"
            FAULTS[fault](proxy)
            client.stdin.write("\n")
            client.stdin.flush()
            assert "does not answer" in client.stderr.readline()
            proxy.recover()
            assert client.stdout.readline() == "b'content' ['a', 'b']\n"
            assert "answers again" in client.communicate()[1]

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
from pathlib import Path
from subprocess import PIPE
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.errors import StorageError, UsageError
from cluster.storage import Store, clouds, objects, open_store, patience
from tests.cluster.faulty_proxy import FaultyProxy

REPOSITORY = Path(__file__).parents[3]


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
    said = [record.getMessage() for record in caplog.records if record.name == patience.__name__]
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
    monkeypatch.setattr(patience, "time", clock)
    with pytest.raises(StorageError, match=r"SLOW_DOWN.*tried for 40 s; SPEECHMILL_STORE_PATIENCE_S says how long"):
        known.entries()
    assert all(0.25 * 2**i <= pause <= 0.5 * 2**i for i, pause in enumerate(pauses[:5]))
    assert max(pauses) <= 8
    assert len(set(pauses)) == len(pauses) > 5


def test_a_store_that_really_comes_back_after_a_second(
    s3_root: str, s3_proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clouds, "_ATTEMPTS", 1)
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
    monkeypatch.setattr(patience, "time", clock)
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


def test_a_process_that_is_sent_a_store_that_has_answered_waits_for_it(
    s3_root: str, s3_proxy: FaultyProxy, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger, friend = pickle.dumps(open_store(s3_root)), open_store(s3_root)
    friend.write_bytes("a", b"x")
    for data in (stranger, pickle.dumps(friend)):
        monkeypatch.setattr(patience, "_contacts", {})  # as in a new process
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


@pytest.fixture(params=["bytes", "file"])
def upload(request: pytest.FixtureRequest, known: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Upload:
    """Writes 31 MiB over an old object, in two pieces and four parts; returns what it writes."""
    monkeypatch.setattr(objects, "_SEND_BYTES", 21 << 20)
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
    monkeypatch.setattr(patience, "time", SimpleNamespace(sleep=lambda _: None, monotonic=lambda: now[0]))

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


# Arrow holds the GIL during some of Google's requests: the client is a process of its own.
GOOGLE_CLIENT = """
import logging, sys
from datetime import timedelta
from cluster.storage import clouds, open_store
logging.basicConfig()
clouds._GCS_RETRY_LIMIT = timedelta(seconds=0.2)
store = open_store(sys.argv[1])
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

"""Rows come out of the cache as they went in, to the byte; and whatever is wrong with it, a job does not notice."""

import hashlib
import json
import math
import os
import pickle
import re
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from actors.batching import EngineStats
from actors.rows import AUDIO, Columns, InputRow, RowDone, tell_nobody
from cluster.in_process import InProcess
from cluster.row_cache import _FORMAT, CachedWorker, RowCache, RowCounts, _packed, _place, _unpacked
from cluster.runner import run_units
from cluster.storage import LocalStore, Store, open_store
from tests.cluster.faulty_proxy import FaultyProxy
from tests.cluster.tiny_job import TinyConfig, open_job

ROOT = Path(__file__).parents[2]
PUT_FOR_EVER = """
import hashlib, pickle, sys
from itertools import count
from pathlib import Path
from cluster.row_cache import RowCache
from cluster.storage import open_store
folder = Path(sys.argv[1])
row, cache = pickle.loads((folder / "row").read_bytes()), RowCache(open_store(folder / "rows"))
for i in count():
    cache.put(hashlib.sha256(str(i).encode()).hexdigest(), row)
"""
KEY = hashlib.sha256(b"a").hexdigest()
ROW = {
    "id": "ä\ud800\n",
    "audio": {"bytes": bytes(range(256)) * 4, "path": "a.flac"},
    "more": [b"", b"\n\n"],
    "duration_s": 0.1 + 0.2,
    "odd": [math.inf, -0.0, 5e-324],
    "chunks": [{"text": "a", "start_s": 0.0, "end_s": 1 / 3}],
    "seed": 2**63 - 1,
    "error": None,
    "status": "ok",
}


def place(root: Path, key: str = KEY) -> Path:
    return root / key[:2] / key


@dataclass
class Counting:
    """A worker that answers each row by its text, and notes which it was given."""

    asked: list[list[str]] = field(default_factory=list)
    stats: EngineStats = field(default_factory=EngineStats)
    closed: bool = False

    def __call__(self, rows: Sequence[InputRow], done: RowDone = tell_nobody) -> list[dict[str, Any]]:
        self.asked.append([row.id for row in rows])
        made = []
        for i, row in enumerate(rows):
            if row.values["text"] == "poison":
                raise RuntimeError("this row breaks its unit")
            made.append(self._answer(row))
            done(i, made[-1])
        return made

    def close(self) -> None:
        self.closed = True

    def _answer(self, row: InputRow) -> dict[str, Any]:
        status = "rejected" if row.values["text"] == "bad" else "ok"
        sound = {"bytes": hashlib.sha256(row.values["text"].encode()).digest(), "path": row.id}
        return {"id": row.id, "text": row.values["text"], "status": status, "model": "tiny", "audio": sound}


@dataclass(frozen=True)
class Config(TinyConfig):
    output_columns: ClassVar[Columns] = {"id": str, "text": str, "status": str, "model": str, "audio": AUDIO}

    def content_of(self, row: InputRow) -> dict[str, Any] | None:
        return None if row.values["text"] == "never kept" else {"text": row.values["text"]}

    def adopt(self, made: Mapping[str, Any], row: InputRow, model: str) -> dict[str, Any]:
        return {**made, "id": row.id, "model": model, "audio": {**made["audio"], "path": row.id}}


def cached(worker: Counting, store: Store, **decisive: Any) -> CachedWorker:
    return CachedWorker(worker, Config(Path()), RowCache(store), "tiny", decisive)


def rows_of(*texts: str) -> list[InputRow]:
    return [InputRow(f"row {i}", {"text": text}) for i, text in enumerate(texts)]


class TestKeptRows:
    def test_a_row_comes_back_bit_for_bit_on_each_kind_of_store(self, root: str) -> None:
        cache = RowCache(open_store(root))
        assert cache.get(KEY) is None
        cache.put(KEY, ROW)
        found = cache.get(KEY)
        assert found == ROW
        assert repr(found) == repr(ROW)
        assert [entry.key for entry in open_store(root).entries()] == [f"{KEY[:2]}/{KEY}"]

    @pytest.mark.parametrize(
        ("damage", "said"),
        [
            (lambda content: content[:-1], "it is damaged"),
            (lambda content: content[:-9] + b"x" + content[-8:], "it is damaged"),
            (lambda content: content[: len(_FORMAT) + 30], "it is damaged"),
            (lambda _: b"", "it is something else"),
            (lambda _: b"PAR1" * 100, "it is something else"),
            (lambda content: content.replace(b"row 1", b"row 9", 1), "it is something else"),
            (lambda _: _packed("0" * 64, ROW), "it is that of 0000"),
            (lambda _: framed(b'{"key": 3}\n'), "validation error"),
            (lambda _: framed(b"[" * 100_000), "recursion"),
            (lambda _: framed(b'{"$bytes": "xyz"}\n'), "slice|string indices|arguments"),
        ],
    )
    def test_what_is_damaged_or_foreign_is_missing_and_is_replaced(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Any, said: str
    ) -> None:
        store = open_store(tmp_path)
        cache = RowCache(store)
        cache.put(KEY, ROW)
        place(tmp_path).write_bytes(damage(place(tmp_path).read_bytes()))
        assert cache.get(KEY) is None
        assert re.search(f"is no kept row .*({said})", caplog.text, re.DOTALL | re.IGNORECASE)
        cache.put(KEY, ROW)
        assert cache.get(KEY) == ROW

    def test_a_row_that_has_no_form_is_not_kept(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        RowCache(open_store(tmp_path)).put(KEY, {"id": "a", "value": {1, 2}})
        assert "row 'a' cannot be kept" in caplog.text
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("blocked", ["root", "entry"])
    def test_a_cache_that_cannot_be_used_is_said_once(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, blocked: str
    ) -> None:
        if blocked == "root":
            (tmp_path / "rows").write_text("a file is in the way")
        else:
            place(tmp_path / "rows").mkdir(parents=True)
        cache = RowCache(open_store(tmp_path / "rows"))
        for _ in range(3):
            cache.put(KEY, ROW)
            assert cache.get(KEY) is None
        assert caplog.text.count("cannot write to the row cache") == 1

    def test_a_store_that_goes_away_is_not_waited_for(
        self, s3_root: str, s3_proxy: FaultyProxy, caplog: pytest.LogCaptureFixture
    ) -> None:
        cache = RowCache(open_store(s3_root))
        cache.put(KEY, ROW)
        assert cache.get(KEY) == ROW
        s3_proxy.refuse(503)
        started = time.monotonic()
        assert [cache.get(KEY) for _ in range(5)] == [None] * 5
        assert time.monotonic() - started < 30
        assert caplog.text.count("cannot read from the row cache") == 1

    def test_a_bucket_that_is_not_there_costs_a_warning(self, s3_root: str, caplog: pytest.LogCaptureFixture) -> None:
        cache = RowCache(open_store(s3_root.replace("bucket", "nowhere")))
        cache.put(KEY, ROW)
        assert cache.get(KEY) is None
        assert "cannot write to the row cache" in caplog.text

    def test_two_processes_that_write_the_same_keys_and_are_killed_leave_no_half_a_row(self, tmp_path: Path) -> None:
        (tmp_path / "row").write_bytes(pickle.dumps(ROW))
        writers = [subprocess.Popen([sys.executable, "-c", PUT_FOR_EVER, str(tmp_path)], cwd=ROOT) for _ in range(2)]
        cache = RowCache(open_store(tmp_path / "rows"))
        while len(entries := open_store(tmp_path / "rows").entries()) < 50:
            assert all(writer.poll() is None for writer in writers)
            assert all(cache.get(entry.key.partition("/")[2]) == ROW for entry in entries)
        for writer in writers:
            writer.kill()
            writer.wait()
        left = open_store(tmp_path / "rows").entries()
        assert len(left) >= 50
        assert all(cache.get(entry.key.partition("/")[2]) == ROW for entry in left)


class TestUpkeep:
    @staticmethod
    def fill(folder: Path, count: int) -> list[str]:
        """Keep rows that were used 0, 1, 2, … hours ago."""
        keys = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(count)]
        for i, key in enumerate(keys):
            RowCache(open_store(folder)).put(key, ROW)
            used = time.time() - 3600 * i
            os.utime(place(folder, key), (used, used))
        return keys

    def test_the_longest_unused_go_until_the_rest_fits(self, tmp_path: Path) -> None:
        keys = self.fill(tmp_path, 6)
        size = sum(place(tmp_path, key).stat().st_size for key in keys[:4])
        cache = RowCache(open_store(tmp_path))
        would = cache.collect_garbage(max_bytes=size, dry_run=True)
        assert (would.rows, would.size, would.deleted_rows) == (4, size, 2)
        assert all(map(cache.get, keys[4:5]))  # which is a use: it is the youngest now
        done = cache.collect_garbage(max_bytes=size)
        assert (done.rows, done.deleted_rows) == (4, 2)
        assert [key for key in keys if cache.get(key)] == [*keys[:3], keys[4]]

    def test_what_was_not_used_for_long_goes_although_there_is_room(self, tmp_path: Path) -> None:
        keys = self.fill(tmp_path, 4)
        cache = RowCache(open_store(tmp_path))
        assert cache.collect_garbage(max_bytes=1 << 30, unused_for_s=1.5 * 3600).deleted_rows == 2
        assert [key for key in keys if cache.get(key)] == keys[:2]

    def test_only_rows_and_dead_temporaries_are_deleted(self, tmp_path: Path) -> None:
        (key,) = self.fill(tmp_path, 1)
        strangers = ["notes.txt", f"{key[:2]}/notes.txt", f"zz/{key}", f"{key[:2]}/{key}.bak"]
        dead, alive = (f"{key[:2]}/.{key}.{letter * 32}.tmp" for letter in "ab")
        for name in [*strangers, dead, alive]:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text("x")
        old = time.time() - 2 * 86_400
        for name in [*strangers, dead]:
            os.utime(tmp_path / name, (old, old))
        done = RowCache(open_store(tmp_path)).collect_garbage(max_bytes=0)
        assert (done.rows, done.deleted_rows, done.oldest) == (0, 1, None)
        left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
        assert left == {*strangers, alive}

    def test_a_hit_refreshes_an_object_that_is_a_day_old(self, s3_root: str, s3_requests: list[str]) -> None:
        store = open_store(s3_root)
        cache = RowCache(store)
        cache.put(KEY, ROW)
        s3_requests.clear()
        assert cache.get(KEY) == ROW
        assert not any(request.startswith(("PUT", "POST")) for request in s3_requests)
        head, payload = store.read_bytes(_place(KEY)).split(b"\n", 2)[2].split(b"\n", 1)
        header = json.loads(head)
        header["written"] -= 2 * 86_400
        store.write_bytes(_place(KEY), framed(json.dumps(header).encode() + b"\n" + payload))
        assert cache.get(KEY) == ROW
        assert abs(_unpacked(KEY, store.read_bytes(_place(KEY)))[1] - time.time()) < 60
        assert cache.collect_garbage(max_bytes=0).deleted_rows == 1


class TestWorker:
    def test_only_what_is_missing_is_made_and_equal_rows_once(self, tmp_path: Path) -> None:
        worker = Counting()
        speak = cached(worker, open_store(tmp_path))
        plain = Counting()(rows_of("a", "b", "a", "c", "a"))
        assert speak(rows_of("a", "b", "a", "c", "a")) == plain
        assert worker.asked == [["row 0", "row 1", "row 3"]]
        assert speak(rows_of("a", "b", "a", "c", "a")) == plain
        assert speak(rows_of("x", "c"))[1]["audio"] == {"bytes": plain[3]["audio"]["bytes"], "path": "row 1"}
        assert worker.asked[1:] == [["row 0"]]
        assert speak.counts == RowCounts(asked=12, found=2 + 5 + 1)
        speak.close()
        assert worker.closed

    def test_rows_that_are_not_ok_or_have_no_content_are_made_each_time(self, tmp_path: Path) -> None:
        worker = Counting()
        speak = cached(worker, open_store(tmp_path))
        for _ in range(2):
            made = speak(rows_of("bad", "good", "bad", "never kept", "never kept"))
            assert [row["status"] for row in made] == ["rejected", "ok", "rejected", "ok", "ok"]
            assert [row["id"] for row in made] == [f"row {i}" for i in range(5)]
        alone = ["row 0", "row 3", "row 4"]
        assert worker.asked == [["row 0", "row 1", "row 3", "row 4"], ["row 2"], alone, ["row 2"]]

    def test_other_models_devices_and_revisions_have_other_rows(self, tmp_path: Path) -> None:
        worker = Counting()
        for decisive in ({"models": ["1"]}, {"models": ["2"]}, {"models": ["1"], "device": "cuda"}, {"models": ["1"]}):
            cached(worker, open_store(tmp_path), **decisive)(rows_of("a"))
        assert len(worker.asked) == 3

    def test_a_poison_row_breaks_its_call_and_costs_no_kept_row(self, tmp_path: Path) -> None:
        worker = Counting()
        speak = cached(worker, open_store(tmp_path))
        speak(rows_of("a", "b"))
        with pytest.raises(RuntimeError, match="breaks its unit"):
            speak(rows_of("a", "poison", "b"))
        assert [row["status"] for row in speak(rows_of("a", "b"))] == ["ok", "ok"]
        assert worker.asked[1:] == [["row 1"]]

    def test_what_was_made_before_a_call_broke_is_kept(self, tmp_path: Path) -> None:
        worker = Counting()
        speak = cached(worker, open_store(tmp_path))
        with pytest.raises(RuntimeError, match="breaks its unit"):
            speak(rows_of("a", "b", "poison", "c"))
        speak(rows_of("a", "b", "c"))
        assert worker.asked[1:] == [["row 2"]]

    @pytest.mark.parametrize(
        "change",
        [
            {"status": "failed"},
            {"text": 3},
            {"more": "x"},
            {"audio": {"bytes": "text", "path": "a"}},
            {"audio": {"bytes": b""}},
            {"audio": [b""]},
            {"model": True},
        ],
    )
    def test_a_kept_row_that_no_output_can_hold_is_made_again(self, tmp_path: Path, change: dict[str, Any]) -> None:
        worker, store = Counting(), open_store(tmp_path)
        speak = cached(worker, store)
        (made,) = speak(rows_of("a"))
        RowCache(store).put(speak._key_of(rows_of("a")[0]), {**made, **change})
        assert speak(rows_of("a")) == [made]
        assert len(worker.asked) == 2

    def test_rows_that_are_deleted_meanwhile_are_made_again(self, tmp_path: Path) -> None:
        worker = Counting()
        cache = RowCache(open_store(tmp_path))
        speak = cached(worker, open_store(tmp_path))
        stop = threading.Event()

        def collect() -> None:
            while not stop.is_set():
                cache.collect_garbage(max_bytes=0)

        expected = Counting()(rows_of(*"abcdefgh"))
        with ThreadPoolExecutor(1) as threads:
            collecting = threads.submit(collect)
            try:
                assert all(speak(rows_of(*"abcdefgh")) == expected for _ in range(20))
            finally:
                stop.set()
            collecting.result()

    def test_values_that_no_json_has_are_the_workers_to_refuse(self, tmp_path: Path) -> None:
        worker = Counting()
        speak = cached(worker, open_store(tmp_path))
        config = Config(Path())
        assert speak._key_of(InputRow("a", {"text": b"bytes"})) is None
        assert config.content_of(InputRow("a", {"text": "never kept"})) is None


class TestJobs:
    def test_a_job_with_a_cache_has_the_rows_of_one_without(self, tmp_path: Path) -> None:
        texts = [*(f"row {i}" for i in range(10)), "raise", "panic: 1"]
        written: list[dict[str, Any]] = []
        counts: list[RowCounts] = []
        for name, store in (("plain", None), ("first", tmp_path / "rows"), ("second", tmp_path / "rows")):
            with open_job(tmp_path / name, texts, 12) as job:
                task = replace(job.task, cache=None if store is None else open_store(store))
                with InProcess("cpu", 1).open(task) as pool:
                    done = list(run_units(task, job.units, pool))
                written.append({text: {**row, "worker": None} for text, row in job.rows().items()})
            counts.append(max((outcome.usage.cache for outcome in done if outcome.usage), key=lambda count: count.asked))
        assert written[0] == written[1] == written[2]
        assert {text: row["status"] for text, row in written[0].items() if row["status"] != "ok"} == {
            "raise": "failed",
            "panic: 1": "failed",
        }
        # With a cache, not even the rows of a unit that broke are made twice.
        assert [count.found for count in counts] == [0, 10, 10]

    def test_a_cache_travels_with_its_task(self, tmp_path: Path) -> None:
        store = open_store(tmp_path)
        assert isinstance(store, LocalStore)
        assert store.impatient() is store


def framed(body: bytes) -> bytes:
    """Return a body as the content of a row's file."""
    return b"\n".join((_FORMAT, hashlib.sha256(body).hexdigest().encode(), body))

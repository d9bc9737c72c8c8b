"""What the jobs share: the search for shared ids beside a run, the sizes of units."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actors.errors import SpeechmillError, StorageError
from cluster.dataset import Dataset, Unit, scan
from cluster.in_process import InProcess
from cluster.output import Run, Summary, open_run, part_schema, read_run
from cluster.storage import open_store
from jobs import pipeline
from jobs.pipeline import UnitRows, report_input, run_missing
from tests.cluster.tiny_job import COLUMNS, PATIENCE_S, TinyConfig, make_task

RunTexts = Callable[..., Summary]


@pytest.fixture
def run_job(tmp_path: Path) -> RunTexts:
    """Runs a job over rows with ids."""

    def run(*texts: str) -> Summary:
        lines = "".join(f"row {i % 3},{text}\n" for i, text in enumerate(texts))
        (tmp_path / "in.csv").write_text(f"id,text\n{lines}")
        dataset = scan(tmp_path / "in.csv")
        with open_run(tmp_path / "out", arguments={}, other={}, inputs=dataset.inputs) as run:
            task = make_task(
                dataset, run.writer(part_schema(COLUMNS, dataset.schema, consumed=["id", "text"])), TinyConfig(tmp_path)
            )
            return run_missing(run, task, InProcess("cpu", 1), UnitRows(1, 2, 2))[0]

    return run


def test_rows_do_not_wait_for_the_search_for_shared_ids(
    run_job: RunTexts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plain, added = pipeline.find_duplicate_ids, threading.Event()
    monkeypatch.setattr(pipeline.Tally, "add", lambda *_: added.set())

    def find(dataset: Dataset, stop: threading.Event) -> list[str]:
        assert added.wait(PATIENCE_S)
        return plain(dataset, stop=stop)

    monkeypatch.setattr(pipeline, "find_duplicate_ids", find)
    assert run_job(*"abcd").rows == 4
    assert "rows share an id and cannot be told apart in the output: id 'row 0': rows in.csv:0, in.csv:3" in caplog.text


def test_shared_ids_are_in_the_record(run_job: RunTexts, tmp_path: Path) -> None:
    run_job(*"abcd")
    record = read_run(open_store(tmp_path / "out"))
    assert record is not None
    assert record.duplicate_ids == ["id 'row 0': rows in.csv:0, in.csv:3"]


def test_units_that_are_missing_again_end_the_job(run_job: RunTexts, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = [Unit(0, 0, 2)]
    monkeypatch.setattr(Run, "missing_units", lambda *_: missing)
    with pytest.raises(SpeechmillError, match=r"1 units were done and are missing again"):
        run_job(*"ab")


def test_a_job_that_fails_does_not_wait_for_the_search(run_job: RunTexts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        pipeline, "find_duplicate_ids", lambda _, stop: [] if stop.wait(PATIENCE_S) else pytest.fail("it waited")
    )
    with pytest.raises(StorageError, match="store is gone"):
        run_job("store is gone")


def test_a_search_that_fails_is_told_and_does_not_end_the_job(
    run_job: RunTexts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise StorageError("the store is slow")

    monkeypatch.setattr(pipeline, "find_duplicate_ids", fail)
    assert run_job("a").rows == 1
    assert "cannot look for ids that rows share: the store is slow" in caplog.text


def test_a_finished_job_is_not_looked_through_again(run_job: RunTexts, monkeypatch: pytest.MonkeyPatch) -> None:
    run_job("a")
    monkeypatch.setattr(pipeline, "find_duplicate_ids", lambda *_, **__: pytest.fail("there is nothing to do"))
    assert run_job("a").status == {"ok": 1, "rejected": 0, "failed": 0}


def test_corrupt_shards_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "good.txt").write_text("one\n")
    (tmp_path / "bad.parquet").write_bytes(b"")
    with caplog.at_level(logging.ERROR):
        report_input(scan(tmp_path))
    assert "bad.parquet cannot be read and is left out: the file is empty" in caplog.text


def test_a_unit_has_so_few_rows_that_every_worker_gets_several() -> None:
    rows = UnitRows(16, 256)
    assert rows.for_pool(1_000_000, 4) == 256
    assert rows.for_pool(6000, 4) == 188
    assert rows.for_pool(100, 64) == 16
    assert UnitRows(16, 256, 7).for_pool(1_000_000, 4) == 7


def test_the_last_units_are_cut_finer_unless_their_size_is_given() -> None:
    units = [Unit(0, 256 * i, 256) for i in range(20)]
    cut = UnitRows(16, 256).with_finer_tail(units, workers=2)
    assert cut[:16] == units[:16]
    assert [unit.count for unit in cut[16:]] == [64] * 16
    assert UnitRows(16, 256).with_finer_tail(units[:1], workers=2) == [Unit(0, 64 * i, 64) for i in range(4)]
    assert UnitRows(16, 256, 256).with_finer_tail(units, workers=2) == units

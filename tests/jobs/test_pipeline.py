import logging
import threading

import pytest

from actors.errors import StorageError
from cluster.dataset import scan
from cluster.output import open_run, part_schema
from cluster.runner import InProcess
from jobs import pipeline
from jobs.pipeline import report_input, run_missing
from tests.cluster.tiny_job import PATIENCE_S, SCHEMA, TinyConfig, make_task


@pytest.fixture
def run_job(tmp_path):
    """Runs a job over rows with ids."""

    def run(*texts):
        lines = "".join(f"row {i % 3},{text}\n" for i, text in enumerate(texts))
        (tmp_path / "in.csv").write_text(f"id,text\n{lines}")
        dataset = scan(tmp_path / "in.csv")
        with open_run(tmp_path / "out", arguments={}, other={}, inputs=dataset.inputs) as run:
            task = make_task(
                dataset, run.writer(part_schema(SCHEMA, dataset.schema, consumed=["id", "text"])), TinyConfig(tmp_path)
            )
            return run_missing(run, task, InProcess("cpu", 1), rows_per_unit=2)[0]

    return run


def test_rows_do_not_wait_for_the_search_for_shared_ids(run_job, monkeypatch, caplog):
    plain, added = pipeline.find_duplicate_ids, threading.Event()
    monkeypatch.setattr(pipeline.Tally, "add", lambda *_: added.set())

    def find(dataset, stop):
        assert added.wait(PATIENCE_S)
        return plain(dataset, stop=stop)

    monkeypatch.setattr(pipeline, "find_duplicate_ids", find)
    assert run_job(*"abcd").rows == 4
    assert "rows share an id and cannot be told apart in the output: id 'row 0': rows in.csv:0, in.csv:3" in caplog.text


def test_a_job_that_fails_does_not_wait_for_the_search(run_job, monkeypatch):
    monkeypatch.setattr(
        pipeline, "find_duplicate_ids", lambda _, stop: [] if stop.wait(PATIENCE_S) else pytest.fail("it waited")
    )
    with pytest.raises(StorageError, match="store is gone"):
        run_job("store is gone")


def test_a_search_that_fails_is_told_and_does_not_end_the_job(run_job, monkeypatch, caplog):
    def fail(*_, **__):
        raise StorageError("the store is slow")

    monkeypatch.setattr(pipeline, "find_duplicate_ids", fail)
    assert run_job("a").rows == 1
    assert "cannot look for ids that rows share: the store is slow" in caplog.text


def test_a_finished_job_is_not_looked_through_again(run_job, monkeypatch):
    run_job("a")
    monkeypatch.setattr(pipeline, "find_duplicate_ids", lambda *_, **__: pytest.fail("there is nothing to do"))
    assert run_job("a").status == {"ok": 1, "rejected": 0, "failed": 0}


def test_corrupt_shards_are_named(tmp_path, caplog):
    (tmp_path / "good.txt").write_text("one\n")
    (tmp_path / "bad.txt").write_bytes(b"")
    with caplog.at_level(logging.ERROR):
        report_input(scan(tmp_path))
    assert "bad.txt cannot be read and is left out: the file is empty" in caplog.text

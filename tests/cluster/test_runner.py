"""The runner without Ray; test_ray_pool.py runs the same kinds of jobs on both backends."""

import itertools
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.errors import StorageError
from cluster.dataset import Unit, scan
from cluster.output import open_run, part_schema
from cluster.runner import UNITS_IN_FLIGHT, Backend, InProcess, Outcome, Task, UnitDone, UnitLost, UnitWorker, run_units
from tests.cluster.tiny_job import PATIENCE_S, SCHEMA, TinyConfig, TinyJob, count_marks, make_task, open_job

IN_PROCESS = InProcess("cpu", 1)
ROWS = [f"row {i}" for i in range(40)]


class LosesUnitsWith:
    """A backend that loses every unit with one row, and does the others; it notes the units of each round."""

    def __init__(self, row: int) -> None:
        self.row = row
        self.rounds: list[list[Unit]] = []
        self.in_flight: list[int] = []

    def run(self, task: Task, units: Sequence[Unit], in_flight: int) -> Iterator[Outcome]:
        self.rounds.append(list(units))
        self.in_flight.append(in_flight)
        worker = UnitWorker(task, "cpu", 1)
        for unit in units:
            yield UnitLost(unit, "the worker died") if unit.first <= self.row < unit.stop else worker.run(unit)


def run(job: TinyJob, backend: Backend = IN_PROCESS) -> list[UnitDone]:
    return list(run_units(job.task, job.units, backend))


def test_a_lost_unit_is_cut_down_to_its_bad_row_in_few_rounds(tmp_path: Path) -> None:
    backend = LosesUnitsWith(row=333)
    with open_job(tmp_path, [f"row {i}" for i in range(512)], 256) as job:
        done = run(job, backend)
        assert sorted(row for outcome in done for row in range(outcome.part.unit.first, outcome.part.unit.stop)) == list(
            range(512)
        )
        rows = job.rows()
    assert [len(units) for units in backend.rounds] == [2, 16, 16]
    assert backend.in_flight == [UNITS_IN_FLIGHT, 1, 1]
    assert all(first.stop <= second.first for units in backend.rounds for first, second in itertools.pairwise(units))
    bad = rows.pop("row 333")
    assert (bad["status"], bad["error"], bad["model"]) == ("failed", "the worker died", job.task.model.reference)
    assert {row["status"] for row in rows.values()} == {"ok"}


def test_a_unit_of_uneven_size_is_cut_without_losing_rows(tmp_path: Path) -> None:
    backend = LosesUnitsWith(row=5)
    with open_job(tmp_path, ROWS[:37], 37) as job:
        run(job, backend)
        assert [row["text"] for row in job.rows().values() if row["status"] == "failed"] == ["row 5"]
    assert sum(unit.count for unit in backend.rounds[1]) == 37


def test_a_row_that_raises_fails_alone_and_its_neighbours_are_ok(tmp_path: Path) -> None:
    with open_job(tmp_path, [*ROWS[:7], "raise", *ROWS[7:]], 10) as job:
        done = run(job)
        rows = job.rows()
    bad = rows.pop("raise")
    assert (bad["status"], bad["error"]) == ("failed", "RuntimeError: this row breaks its unit")
    assert {row["status"] for row in rows.values()} == {"ok"}
    assert sum(outcome.part.status.get("ok", 0) for outcome in done) == len(ROWS)


def test_a_row_that_cannot_be_read_is_rejected_and_its_neighbours_are_read(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    texts = [f"{i:04d}" * 100 for i in range(40)]
    pq.write_table(pa.table({"text": texts}), path, row_group_size=20, compression="none", use_dictionary=False)
    dataset = scan(path)  # reads the footer alone
    data = bytearray(path.read_bytes())
    place = data.index(texts[25].encode()) - 4
    data[place : place + 4] = (1 << 30).to_bytes(4, "little")  # the text's length
    path.write_bytes(data)
    with open_run(tmp_path / "out", arguments={}, other={}, inputs=dataset.inputs) as open_:
        writer = open_.writer(part_schema(SCHEMA, dataset.schema, consumed=["text"]))
        task = make_task(dataset, writer, TinyConfig(tmp_path))
        done = list(run_units(task, [Unit(0, 0, 40)], IN_PROCESS))
    rows = [row for outcome in done for row in pq.read_table(tmp_path / "out" / outcome.part.key).to_pylist()]
    bad = {row["id"]: row["error"] for row in rows if row["status"] != "ok"}
    assert {row["status"] for row in rows} == {"ok", "rejected"}
    assert "in.parquet:25" in bad
    assert all(f"{path}, rows " in error for error in bad.values())
    assert sorted(row["text"] for row in rows if row["status"] == "ok")[:20] == texts[:20]
    assert sorted(row["id"] for row in rows) == sorted(f"in.parquet:{i}" for i in range(40))


def test_a_worker_that_cannot_open_its_model_ends_the_job(tmp_path: Path) -> None:
    with open_job(tmp_path, ROWS[:4], 2, broken=True) as job, pytest.raises(StorageError, match="weights cannot be read"):
        run(job)


def test_a_part_that_cannot_be_written_stops_the_job_with_advice(tmp_path: Path) -> None:
    with open_job(tmp_path, ROWS, 10) as job:
        in_the_way = tmp_path / "out" / job.units[2].part_name
        in_the_way.mkdir()
        with pytest.raises(StorageError, match=f"{in_the_way.name}.*run the same command to go on"):
            run(job)


def test_a_run_that_is_over_gets_no_more_parts(tmp_path: Path) -> None:
    with open_job(tmp_path, ROWS, 10) as job:
        outcomes = run_units(job.task, job.units, IN_PROCESS)
    with pytest.raises(StorageError, match="its results are dropped"):
        list(outcomes)
    assert not list(tmp_path.glob("out/part-*"))


def test_the_worker_is_closed_when_all_units_are_done(tmp_path: Path) -> None:
    with open_job(tmp_path, ROWS, 10) as job:
        run(job)
    assert count_marks(tmp_path, "closed") == 1


def test_stopping_early_closes_the_worker_and_waits_for_no_row(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    texts = ["row 0", *(f"wait for the end: {i}" for i in range(5))]
    with open_job(tmp_path, texts, 1) as job:
        outcomes = run_units(job.task, job.units, IN_PROCESS)
        next(outcomes)
        outcomes.close()  # type: ignore[attr-defined]
    assert count_marks(tmp_path, "closed") == 1
    assert count_marks(tmp_path, "waiting") <= 2
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("unit")]
    assert not caplog.records


def test_usage_grows_with_the_units_of_a_worker(tmp_path: Path) -> None:
    with open_job(tmp_path, ROWS, 10) as job:
        usages = [outcome.usage for outcome in run(job)]
    assert len({usage.worker for usage in usages if usage}) == 1
    latest = max((usage for usage in usages if usage), key=lambda usage: usage.busy_s)
    assert latest.stats.utterances == len(ROWS)
    assert latest.cores == 1
    assert 0 < latest.busy_s < PATIENCE_S
    assert latest.cpu_s > 0

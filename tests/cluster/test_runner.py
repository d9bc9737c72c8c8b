"""The runner without Ray; test_ray_pool.py runs the same kinds of jobs on both backends."""

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.errors import StorageError
from cluster import in_process, runner
from cluster.dataset import UNIT_BYTES, Unit, plan_units, scan
from cluster.in_process import InProcess
from cluster.output import LOCK_NAME, Output, open_run, part_schema, parts
from cluster.runner import (
    UNITS_IN_FLIGHT,
    Group,
    Outcome,
    Pool,
    Task,
    UnitDone,
    UnitLost,
    UnitWorker,
    check_machine,
    cut_unit,
    run_units,
)
from tests.cluster.tiny_job import COLUMNS, PATIENCE_S, TinyConfig, TinyJob, count_marks, make_task, open_job

IN_PROCESS = InProcess("cpu", 1)
ROWS = [f"row {i}" for i in range(40)]


class LosesUnitsWith:
    """A pool that loses every unit with one row, and does the others; it notes the units of each round."""

    def __init__(self, task: Task, row: int) -> None:
        self.worker = UnitWorker(task, "cpu", 1)
        self.row = row
        self.rounds: list[list[Unit]] = []
        self.in_flight: list[int] = []

    size = 1
    waited_row_s = 0.0

    def run(self, groups: Sequence[Group], in_flight: int) -> Iterator[Outcome]:
        self.rounds.append([unit for (unit,) in groups])
        self.in_flight.append(in_flight)
        for (unit,) in groups:
            lost = unit.first <= self.row < unit.stop
            yield from [UnitLost(unit, "the worker died")] if lost else self.worker.run((unit,))


class Groups:
    """A pool that notes how many units go together."""

    def __init__(self, pool: Pool) -> None:
        self.size = pool.size
        self.waited_row_s = 0.0
        self.sizes: list[int] = []
        self._pool = pool

    def run(self, groups: Sequence[Group], in_flight: int) -> Iterator[Outcome]:
        self.sizes += map(len, groups)
        return self._pool.run(groups, in_flight)


def run(job: TinyJob, rows_per_group: int = 0) -> list[UnitDone]:
    with IN_PROCESS.open(job.task) as pool:
        return list(run_units(job.task, job.units, pool, rows_per_group))


def test_a_lost_unit_is_cut_down_to_its_bad_row_in_few_rounds(tmp_path: Path) -> None:
    with open_job(tmp_path, [f"row {i}" for i in range(512)], 256) as job:
        pool = LosesUnitsWith(job.task, row=333)
        done = list(run_units(job.task, job.units, pool))
        assert sorted(row for outcome in done for row in range(outcome.part.unit.first, outcome.part.unit.stop)) == list(
            range(512)
        )
        rows = job.rows()
    assert [len(units) for units in pool.rounds] == [2, 16, 16]
    assert pool.in_flight == [UNITS_IN_FLIGHT, 1, 1]
    assert all(first.stop <= second.first for units in pool.rounds for first, second in itertools.pairwise(units))
    bad = rows.pop("row 333")
    assert (bad["status"], bad["error"], bad["model"]) == ("failed", "the worker died", job.task.model.reference)
    assert {row["status"] for row in rows.values()} == {"ok"}


def test_a_unit_of_uneven_size_is_cut_without_losing_rows(tmp_path: Path) -> None:
    with open_job(tmp_path, ROWS[:37], 37) as job:
        pool = LosesUnitsWith(job.task, row=5)
        list(run_units(job.task, job.units, pool))
        assert [row["text"] for row in job.rows().values() if row["status"] == "failed"] == ["row 5"]
    assert sum(unit.count for unit in pool.rounds[1]) == 37


def test_a_row_that_raises_fails_alone_and_its_neighbours_are_ok(tmp_path: Path) -> None:
    with open_job(tmp_path, [*ROWS[:7], "raise", *ROWS[7:]], 10) as job:
        done = run(job)
        rows = job.rows()
    bad = rows.pop("raise")
    assert (bad["status"], bad["error"]) == ("failed", "RuntimeError: this row breaks its unit")
    assert {row["status"] for row in rows.values()} == {"ok"}
    assert sum(outcome.part.status.get("ok", 0) for outcome in done) == len(ROWS)


def test_a_row_whose_values_cannot_be_written_fails_without_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def convert(values: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
        if "bad" in values.to_pylist():
            raise pa.ArrowInvalid("this value has no form")
        return values.cast(kind)

    monkeypatch.setattr(parts, "as_readable", convert)
    (tmp_path / "in.csv").write_text("text,tag\none,good\ntwo,bad\nthree,good\n")
    dataset = scan(tmp_path / "in.csv")
    with open_run(tmp_path / "out", arguments={}, other={}, inputs=dataset.inputs) as open_:
        task = make_task(dataset, open_.writer(part_schema(COLUMNS, dataset.schema, consumed=["text"])), TinyConfig(tmp_path))
        with IN_PROCESS.open(task) as pool:
            list(run_units(task, [Unit(0, 0, 3)], pool))
        rows = {row["id"]: (row["status"], row["tag"], row["error"]) for row in Output(open_.store).rows()}
    assert rows == {
        "in.csv:0": ("ok", "good", None),
        "in.csv:1": ("failed", None, "ArrowInvalid: this value has no form"),
        "in.csv:2": ("ok", "good", None),
    }


def test_a_row_that_has_a_library_panic_fails_alone(tmp_path: Path) -> None:
    with open_job(tmp_path, [*ROWS[:7], "panic"], 8) as job:
        run(job)
        rows = job.rows()
    bad = rows.pop("panic")
    assert (bad["status"], bad["error"]) == ("failed", "Panic: this row has a library panic")
    assert {row["status"] for row in rows.values()} == {"ok"}


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
        writer = open_.writer(part_schema(COLUMNS, dataset.schema, consumed=["text"]))
        task = make_task(dataset, writer, TinyConfig(tmp_path))
        with IN_PROCESS.open(task) as pool:
            done = list(run_units(task, [Unit(0, 0, 40)], pool))
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
        pass
    with pytest.raises(StorageError, match="its results are dropped"):
        run(job)
    assert not list(tmp_path.glob("out/part-*"))


def test_the_worker_is_closed_when_all_units_are_done(tmp_path: Path) -> None:
    with open_job(tmp_path, ROWS, 10) as job:
        run(job)
    assert count_marks(tmp_path, "closed") == 1


def test_stopping_early_closes_the_worker_and_waits_for_no_row(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    texts = ["row 0", *(f"wait for the end: {i}" for i in range(5))]
    with open_job(tmp_path, texts, 1) as job, IN_PROCESS.open(job.task) as pool:
        outcomes = run_units(job.task, job.units, pool)
        next(outcomes)
        outcomes.close()  # type: ignore[attr-defined]
    assert count_marks(tmp_path, "closed") == 1
    assert count_marks(tmp_path, "waiting") <= 2
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("unit")]
    assert not caplog.records


def test_rows_that_fail_because_their_worker_is_closed_are_not_written(tmp_path: Path) -> None:
    with open_job(tmp_path, ["fail at the end"], 1) as job:
        worker = UnitWorker(job.task, "cpu", 1)
        with ThreadPoolExecutor(1) as threads:
            running = threads.submit(worker.run, (job.units[0],))
            while not count_marks(tmp_path, "waiting"):
                time.sleep(0.01)
            worker.close()
            (outcome,) = running.result()
        assert isinstance(outcome, UnitLost)
        assert not list(tmp_path.glob("out/part-*"))


def test_a_unit_that_does_not_end_is_left_to_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(in_process, "_STOP_S", 0.05)
    entered, opened = threading.Event(), threading.Event()

    def hang(*_: object) -> list[Outcome]:
        entered.set()
        assert opened.wait(PATIENCE_S)
        return []

    with open_job(tmp_path, ROWS[:2], 1) as job, IN_PROCESS.open(job.task) as pool:
        work = UnitWorker.run
        monkeypatch.setattr(UnitWorker, "run", lambda self, group: work(self, group) if group[0].first == 0 else hang())
        outcomes = pool.run([(unit,) for unit in job.units], 2)
        next(outcomes)
        assert entered.wait(PATIENCE_S)
        outcomes.close()  # type: ignore[attr-defined]
        assert "left to themselves" in caplog.text
        opened.set()


def test_usage_grows_with_the_units_of_a_worker(tmp_path: Path) -> None:
    with open_job(tmp_path, ROWS, 10) as job:
        usages = [outcome.usage for outcome in run(job)]
    assert len({usage.worker for usage in usages if usage}) == 1
    latest = max((usage for usage in usages if usage), key=lambda usage: usage.busy_s)
    assert latest.stats.utterances == len(ROWS)
    assert latest.cores == 1
    assert 0 < latest.busy_s < PATIENCE_S
    assert latest.cpu_s > 0


def test_small_shards_go_through_a_worker_together_and_stay_parts_of_their_own(tmp_path: Path) -> None:
    for i, text in enumerate(["row 0", "row 1", "row 2\nrow 3", "row 4"]):
        (tmp_path / f"{i}.txt").write_text(text + "\n")
    dataset = scan(tmp_path)
    with open_run(tmp_path / "out", arguments={}, other={}, inputs=dataset.inputs) as open_:
        writer = open_.writer(part_schema(COLUMNS, dataset.schema, consumed=["text"]))
        task = make_task(dataset, writer, TinyConfig(tmp_path))
        with IN_PROCESS.open(task) as pool:
            groups = Groups(pool)
            done = list(run_units(task, plan_units(dataset.shards, 1), groups, rows_per_group=2))
    assert groups.sizes == [2, 1, 2]
    assert [outcome.part.status for outcome in done] == [{"ok": 1}] * 5
    assert len({outcome.part.key for outcome in done}) == 5


def test_of_units_that_go_together_one_that_cannot_be_read_is_lost_alone(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.txt").write_text("one\ntwo\n")
    dataset = scan([tmp_path / f"{name}.txt" for name in "abc"])
    (tmp_path / "b.txt").write_text("one\n")
    with open_run(tmp_path / "out", arguments={}, other={}, inputs=dataset.inputs) as open_:
        writer = open_.writer(part_schema(COLUMNS, dataset.schema, consumed=["text"]))
        task = make_task(dataset, writer, TinyConfig(tmp_path))
        outcomes = UnitWorker(task, "cpu", 1).run(tuple(Unit(i, 0, 2) for i in range(3)))
    assert [type(outcome) for outcome in outcomes] == [UnitLost, UnitDone, UnitDone]


class TestThisMachine:
    """What a worker's machine is asked before it gets rows."""

    def test_it_sees_everything(self, tmp_path: Path) -> None:
        with open_job(tmp_path, ROWS, 10) as job:
            check_machine(job.task)

    def test_it_has_another_folder_with_the_name_of_the_output(self, tmp_path: Path) -> None:
        with open_job(tmp_path, ROWS, 10) as job:
            (tmp_path / "out" / LOCK_NAME).unlink()
            with pytest.raises(StorageError, match=r"does not have the output .*out of this job"):
                check_machine(job.task)

    def test_it_does_not_have_the_input(self, tmp_path: Path) -> None:
        with open_job(tmp_path, ROWS, 10) as job:
            (tmp_path / "in.txt").unlink()
            with pytest.raises(StorageError, match=r"does not have the input .*in\.txt"):
                check_machine(job.task)

    def test_it_does_not_have_the_model(self, tmp_path: Path) -> None:
        with open_job(tmp_path, ROWS, 10) as job:
            model = replace(job.task.model, origin=tmp_path / "elsewhere")
            with pytest.raises(StorageError, match=r"does not have the model .*elsewhere"):
                check_machine(replace(job.task, model=model))


def test_a_unit_is_cut_into_pieces_of_at_least_so_many_rows() -> None:
    assert [unit.count for unit in cut_unit(Unit(0, 5, 64), 4, 16)] == [16] * 4
    assert [unit.count for unit in cut_unit(Unit(0, 5, 40), 4, 16)] == [20, 20]
    assert cut_unit(Unit(0, 5, 20), 4, 16) == [Unit(0, 5, 20)]
    assert [unit.count for unit in cut_unit(Unit(0, 0, 3), 16)] == [1, 1, 1]


def test_units_of_large_rows_do_not_go_together(tmp_path: Path) -> None:
    for i in range(4):
        (tmp_path / f"{i}.txt").write_text("row\n")
    dataset = scan(tmp_path)
    large = tuple(replace(shard, row_bytes=UNIT_BYTES // 2) for shard in dataset.shards)
    units = plan_units(dataset.shards, 10)
    assert [len(group) for group in runner._together(units, 10, dataset)] == [4]
    assert [len(group) for group in runner._together(units, 10, replace(dataset, shards=large))] == [2, 2]


def test_a_unit_that_is_too_large_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_job(tmp_path, [*ROWS, "x" * 1000, "y" * 1000], 42) as job:
        for module in ("text_formats", "units"):
            monkeypatch.setattr(f"cluster.dataset.{module}.UNIT_BYTES", 1500)
        done = run(job)
        assert {row["status"] for row in job.rows().values()} == {"ok"}
    assert sum(outcome.part.unit.count for outcome in done) == 42

"""The same jobs in one process and on Ray, and what only Ray has: workers that die."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray

from actors.errors import SpeechmillError, StorageError
from cluster.ray_pool import OnRay
from cluster.runner import Backend, InProcess, UnitDone, run_units
from tests.cluster import tiny_job
from tests.cluster.tiny_job import TinyJob, count_marks, open_job


@pytest.fixture(scope="module")
def local_ray() -> Iterator[None]:
    """A Ray of this module's own, whose workers get the tiny job by value: they cannot import the tests."""
    # Ray's sockets need a short path. The workers' core locks are in it too: tests wait for nobody else's cores.
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")  # else Ray writes a token to the home folder
        patch.setenv("TMPDIR", folder)
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, _temp_dir=folder)
        ray.cloudpickle.register_pickle_by_value(tiny_job)
        yield
        ray.cloudpickle.unregister_pickle_by_value(tiny_job)
        ray.shutdown()


@pytest.fixture(params=["in-process", pytest.param("ray", marks=pytest.mark.ray)])
def backend(request: pytest.FixtureRequest) -> Backend:
    if request.param == "in-process":
        return InProcess("cpu", 1)
    request.getfixturevalue("local_ray")
    return OnRay(workers=(1, 1), cores_per_worker=1)


@pytest.fixture
def on_ray(local_ray: None) -> OnRay:
    return OnRay(workers=(1, 2), cores_per_worker=1)


def run(job: TinyJob, backend: Backend) -> list[UnitDone]:
    return list(run_units(job.task, job.units, backend))


def statuses(job: TinyJob) -> dict[str, str]:
    return {text: row["status"] for text, row in job.rows().items()}


class TestOnEveryBackend:
    def test_a_row_that_raises_fails_alone_and_its_neighbours_are_ok(self, backend: Backend, tmp_path: Path) -> None:
        texts = [f"row {i}" for i in range(20)]
        texts[7] = "raise"
        with open_job(tmp_path, texts, 10) as job:
            parts = [outcome.part for outcome in run(job, backend)]
            rows = job.rows()
        bad = rows.pop("raise")
        assert (bad["status"], bad["error"]) == ("failed", "RuntimeError: this row breaks its unit")
        assert {row["status"] for row in rows.values()} == {"ok"}
        assert sum(part.status.get("ok", 0) for part in parts) == 19

    def test_a_row_that_breaks_its_worker_does_not_fail_the_rows_beside_it(self, backend: Backend, tmp_path: Path) -> None:
        texts = ["break the worker", *(f"linger: {i}" for i in range(3))]
        with open_job(tmp_path, texts, 1) as job:
            run(job, backend)
            assert statuses(job) == {"break the worker": "failed"} | dict.fromkeys(texts[1:], "ok")

    def test_two_units_are_in_flight_in_one_worker(self, backend: Backend, tmp_path: Path) -> None:
        with open_job(tmp_path, ["meet: a", "meet: b"], 1) as job:
            run(job, backend)
            rows = job.rows().values()
        assert [row["status"] for row in rows] == ["ok", "ok"]
        assert len({row["worker"] for row in rows}) == 1

    def test_a_store_that_is_gone_stops_the_job(self, backend: Backend, tmp_path: Path) -> None:
        with (
            open_job(tmp_path, ["row 0", "store is gone"], 1) as job,
            pytest.raises(StorageError, match="the store is gone. .*run the same command to go on"),
        ):
            run(job, backend)

    def test_usage_tells_what_the_worker_has_done(self, backend: Backend, tmp_path: Path) -> None:
        before = time.time()
        with open_job(tmp_path, [f"row {i}" for i in range(12)], 4) as job:
            usages = [outcome.usage for outcome in run(job, backend)]
            rows = job.rows().values()
        latest = max((usage for usage in usages if usage), key=lambda usage: usage.busy_s)
        assert len({usage.worker for usage in usages if usage}) == 1
        assert (latest.stats.utterances, latest.cores) == (12, 1)
        assert before <= latest.opened <= time.time()
        assert {row["model"] for row in rows} == {"embedded on cpu with 1 threads"}

    def test_stopping_early_leaves_what_is_finished(self, backend: Backend, tmp_path: Path) -> None:
        with open_job(tmp_path, ["row 0", *(f"linger: {i}" for i in range(9))], 1) as job:
            outcomes = run_units(job.task, job.units, backend)
            next(outcomes)
            outcomes.close()  # type: ignore[attr-defined]
        assert 1 <= len(list(tmp_path.glob("out/part-*"))) < 10
        with open_job(tmp_path / "next", ["row 0"], 1) as job:
            run(job, backend)
            assert statuses(job) == {"row 0": "ok"}


@pytest.mark.ray
class TestOnRay:
    def test_a_row_that_kills_its_worker_each_time_fails_alone(self, on_ray: OnRay, tmp_path: Path) -> None:
        texts = [f"row {i}" for i in range(24)]
        texts[13] = "die"
        with open_job(tmp_path, texts, 12) as job:
            run(job, on_ray)
            rows = job.rows()
        bad = rows.pop("die")
        assert (bad["status"], bad["error"]) == ("failed", "the worker process died 2 times on it")
        assert {row["status"] for row in rows.values()} == {"ok"}
        assert count_marks(tmp_path, "died") == 4  # twice in its unit, twice alone

    def test_a_row_that_kills_its_worker_does_not_fail_the_single_rows_beside_it(self, on_ray: OnRay, tmp_path: Path) -> None:
        texts = ["die", *(f"linger: {i}" for i in range(5))]
        with open_job(tmp_path, texts, 1) as job:
            run(job, on_ray)
            assert statuses(job) == {"die": "failed"} | dict.fromkeys(texts[1:], "ok")

    def test_a_worker_killed_once_costs_no_row(self, on_ray: OnRay, tmp_path: Path) -> None:
        texts = ["be killed once", *(f"row {i}" for i in range(30))]
        with open_job(tmp_path, texts, 8) as job:
            run(job, on_ray)
            assert set(statuses(job).values()) == {"ok"}
        assert count_marks(tmp_path, "killed") == 2

    def test_the_pool_is_as_large_as_the_cluster_by_default(self, local_ray: None, tmp_path: Path) -> None:
        texts = [f"linger: {i}" for i in range(16)]
        with open_job(tmp_path, texts, 1) as job:
            run(job, OnRay(workers=None, cores_per_worker=1))
            assert len({row["worker"] for row in job.rows().values()}) == 2

    def test_no_more_workers_are_started_than_there_are_units(self, local_ray: None, tmp_path: Path) -> None:
        with open_job(tmp_path, ["row 0"], 1) as job:
            run(job, OnRay(workers=(2, 9), cores_per_worker=1))
            assert statuses(job) == {"row 0": "ok"}

    def test_workers_that_cannot_open_the_model_end_the_job_with_the_reason(self, on_ray: OnRay, tmp_path: Path) -> None:
        with (
            open_job(tmp_path, ["row 0"], 1, broken=True) as job,
            pytest.raises(SpeechmillError, match="the workers on Ray cannot go on: .*weights cannot be read"),
        ):
            run(job, on_ray)

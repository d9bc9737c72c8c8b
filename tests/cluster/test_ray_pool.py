"""The same jobs in one process and on Ray, and what only Ray has: workers that die."""

import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import ray

from actors.errors import BundleCorruptError, BundleError, SpeechmillError, StorageError, UsageError
from cluster.in_process import InProcess
from cluster.ray_pool import OnRay
from cluster.ray_pool.pool import MAX_DEATHS, RayPool, _Patience
from cluster.runner import Backend, Survey, UnitDone, run_units
from tests.cluster import tiny_job
from tests.cluster.tiny_job import PATIENCE_S, TinyJob, count_marks, open_job, run_errand

pytestmark = pytest.mark.last  # gRPC's threads outlive ray.shutdown()


@pytest.fixture(scope="module")
def local_ray(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A Ray of this module's own, whose workers get the tiny job by value: they cannot import the tests."""
    # Ray's sockets need a short path. The workers' core locks are this module's own: it waits for nobody else's cores.
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")  # else Ray writes a token to the home folder
        patch.setenv("SPEECHMILL_CORES", str(tmp_path_factory.mktemp("core-locks")))
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


def run(job: TinyJob, backend: Backend) -> list[UnitDone]:
    with backend.open(job.task) as pool:
        return list(run_units(job.task, job.units, pool))


def statuses(job: TinyJob) -> dict[str, str]:
    return {text: row["status"] for text, row in job.rows().items()}


class TestOnEveryBackend:
    def test_a_row_that_breaks_its_worker_does_not_fail_the_rows_beside_it(self, backend: Backend, tmp_path: Path) -> None:
        texts = ["break the worker", *(f"linger: {i}" for i in range(3))]
        with open_job(tmp_path, texts, 1) as job:
            run(job, backend)
            assert statuses(job) == {"break the worker": "failed"} | dict.fromkeys(texts[1:], "ok")

    def test_two_units_are_in_flight_in_one_worker_whose_usage_is_told(self, backend: Backend, tmp_path: Path) -> None:
        before = time.time()
        with open_job(tmp_path, ["meet: a", "row 1", "row 2", "meet: b"], 2) as job:
            usages = [outcome.usage for outcome in run(job, backend)]
            rows = job.rows().values()
        assert [row["status"] for row in rows] == ["ok"] * 4
        assert len({row["worker"] for row in rows}) == 1
        assert {row["model"] for row in rows} == {"embedded on cpu with 1 threads"}
        assert len({usage.worker for usage in usages if usage}) == 1
        latest = max((usage for usage in usages if usage), key=lambda usage: usage.busy_s)
        assert (latest.stats.utterances, latest.cores) == (4, 1)
        assert before <= latest.opened <= time.time()

    def test_a_store_that_is_gone_stops_the_job(self, backend: Backend, tmp_path: Path) -> None:
        with (
            open_job(tmp_path, ["row 0", "store is gone"], 1) as job,
            pytest.raises(StorageError, match=r"the store is gone\. .*run the same command to go on"),
        ):
            run(job, backend)

    def test_a_job_that_is_left_early_can_go_on(self, backend: Backend, tmp_path: Path) -> None:
        with open_job(tmp_path, [f"linger: {i}" for i in range(8)], 1) as job:
            with backend.open(job.task) as pool:
                outcomes = run_units(job.task, job.units, pool)
                first = next(outcomes)
                outcomes.close()  # type: ignore[attr-defined]
            with backend.open(job.task) as pool:
                list(run_units(job.task, [unit for unit in job.units if unit != first.part.unit], pool))
            assert set(statuses(job).values()) == {"ok"}

    def test_errands_run_beside_each_other_and_give_way(
        self, backend: Backend, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        with backend.errands() as errands:
            assert errands.submit(run_errand, tmp_path, "first").result()[2] >= 10
            met = [errands.submit(run_errand, tmp_path, "meet") for _ in range(2)]
            assert [errand.result()[0] for errand in met] == ["meet"] * 2
            assert count_marks(tmp_path, "met") == 2
            with pytest.raises(StorageError, match="the store is gone"):
                errands.submit(run_errand, tmp_path, "raise").result()
            last = errands.submit(run_errand, tmp_path, "last")
        assert last.done()
        assert [line for line in caplog.messages if line.startswith("errand")].count("errand: meet") == 2

    def test_errands_run_beside_a_job(self, backend: Backend, tmp_path: Path) -> None:
        with open_job(tmp_path, ["row 0", "row 1"], 1) as job, backend.errands() as errands, backend.open(job.task) as pool:
            sent = [errands.submit(run_errand, tmp_path, str(done.part.unit)) for done in run_units(job.task, job.units, pool)]
            assert {errand.result()[0] for errand in sent} == set(map(str, job.units))

    def test_a_job_that_ends_early_does_not_wait_for_its_errands(self, backend: Backend, tmp_path: Path) -> None:
        def leave_early() -> None:
            with backend.errands() as errands:
                if isinstance(backend, InProcess):  # whose threads cannot be stopped
                    errands.submit(run_errand, tmp_path, "done").result()
                else:
                    errands.submit(run_errand, tmp_path, "wait for ever")
                    while not count_marks(tmp_path, "waiting"):
                        time.sleep(0.05)
                raise KeyboardInterrupt

        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            leave_early()
        assert time.monotonic() - started < PATIENCE_S


@pytest.mark.ray
@pytest.mark.usefixtures("local_ray")
class TestOnRay:
    def test_an_errand_whose_process_is_lost_is_done_again(self, tmp_path: Path) -> None:
        with OnRay(workers=None, cores_per_worker=1).errands() as errands:
            assert errands.submit(run_errand, tmp_path, "die twice").result()[0] == "die twice"
        assert count_marks(tmp_path, "errand") == 3

    def test_what_cannot_travel_says_so(self, tmp_path: Path) -> None:
        with OnRay(workers=None, cores_per_worker=1).errands() as errands:
            with pytest.raises(UsageError, match=r"run_errand cannot be sent .*: give a function of a module"):
                errands.submit(run_errand, threading.Lock()).result()
            with pytest.raises(SpeechmillError, match="UnsendableError: it cannot be sent"):
                errands.submit(run_errand, tmp_path, "raise what cannot be sent").result()
            with pytest.raises(SpeechmillError, match=r"_thread.lock.* came to nothing|came to nothing.*pickle"):
                errands.submit(threading.Lock).result()

    def test_a_row_that_kills_its_worker_each_time_fails_alone(self, tmp_path: Path) -> None:
        texts = [f"linger: {i}" if i % 8 == 0 else f"row {i}" for i in range(24)]
        texts[13] = "die"
        with open_job(tmp_path, texts, 12) as job:
            run(job, OnRay(workers=(1, 1), cores_per_worker=1))
            rows = job.rows()
        bad = rows.pop("die")
        assert (bad["status"], bad["error"]) == ("failed", f"the worker process died {MAX_DEATHS} times on it")
        assert {row["status"] for row in rows.values()} == {"ok"}
        assert count_marks(tmp_path, "died") == 2 * MAX_DEATHS  # in its unit, then alone

    def test_a_worker_killed_once_costs_no_row(self, tmp_path: Path) -> None:
        texts = ["be killed once", *(f"row {i}" for i in range(30))]
        with open_job(tmp_path, texts, 8) as job:
            run(job, OnRay(workers=(1, 2), cores_per_worker=1))
            assert set(statuses(job).values()) == {"ok"}
        assert count_marks(tmp_path, "killed") == 2

    def test_the_pool_is_as_large_as_the_cluster_by_default(self, tmp_path: Path) -> None:
        with open_job(tmp_path, [f"linger: {i}" for i in range(60)], 1) as job:
            run(job, OnRay(workers=None, cores_per_worker=1))
            assert len({row["worker"] for row in job.rows().values()}) == 2

    def test_a_model_that_cannot_be_opened_ends_the_job_with_the_reason(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("cluster.ray_pool.pool._MAX_FAILED_STARTS", 1)
        with (
            open_job(tmp_path, ["row 0"], 1, broken=True) as job,
            pytest.raises(SpeechmillError, match=r"^the workers on Ray cannot go on: .*weights cannot be read$"),
        ):
            run(job, OnRay(workers=(1, 1), cores_per_worker=1))

    def test_a_machine_that_cannot_do_the_job_is_named_before_the_first_row(self, tmp_path: Path) -> None:
        with open_job(tmp_path, ["row 0"], 1) as job:
            (tmp_path / "in.txt").unlink()
            with pytest.raises(
                SpeechmillError, match=r"1 of 1 nodes cannot do this job\. node .*: it does not have the input .*in\.txt"
            ):
                run(job, OnRay(workers=(1, 1), cores_per_worker=1))

    def test_no_worker_to_keep_and_one_for_each_group_of_units(self, tmp_path: Path) -> None:
        with open_job(tmp_path, [f"linger: {i}" for i in range(60)], 1) as job:
            backend = OnRay(workers=(0, 2), cores_per_worker=1)
            assert backend.survey() == Survey(2, 1, 1)
            with backend.open(job.task) as pool:
                assert pool.size == 2
                list(run_units(job.task, job.units, pool))
            assert len({row["worker"] for row in job.rows().values()}) == 2

    def test_what_a_worker_logs_is_logged_by_the_job(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        with open_job(tmp_path, ["raise", "row 1"], 2) as job:
            run(job, OnRay(workers=(1, 1), cores_per_worker=1))
        (record,) = [record for record in caplog.records if "broke its worker" in record.getMessage()][:1]
        assert record.node == socket.gethostname()  # type: ignore[attr-defined]
        assert "this row breaks its unit" in record.getMessage()


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (BundleError("the tokenizer is none"), 1),
        (UsageError("onnxruntime is too old"), 1),
        (BundleCorruptError("other bytes than promised"), 3),
        (StorageError("the registry is away"), 3),
        (RuntimeError("CUDA is out of memory"), 3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_every_worker_would_fail_with_ends_the_job_at_once(tmp_path: Path, error: Exception, tries: int) -> None:
    failed = ray.exceptions.RayTaskError("SpeechmillWorker.open", f"a traceback\n{error}", error)
    with open_job(tmp_path, ["row 0"], 1) as job:
        pool = RayPool(job.task, (1, 1), 1, 0.0)
        for _ in range(tries - 1):
            pool._judge_start(failed)
        with pytest.raises(SpeechmillError, match=f"the workers on Ray cannot go on: {error}"):
            pool._judge_start(failed)
        pool.close()


def test_an_address_where_nobody_listens_is_an_error_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    backend = OnRay(workers=None, cores_per_worker=1, address=f"127.0.0.1:{port}")
    with (
        open_job(tmp_path, ["row 0"], 1) as job,
        pytest.raises(SpeechmillError, match=rf"there is no Ray cluster at 127\.0\.0\.1:{port}: .*ray start --head"),
        backend.open(job.task),
    ):
        pass


def test_workers_that_are_waited_for_are_said_soon_and_then_every_half_minute(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    moments = iter((0.0, 2.9, 3.0, 32.9, 33.0, 63.0))
    monkeypatch.setattr("cluster.ray_pool.pool.time", SimpleNamespace(monotonic=lambda: next(moments)))
    caplog.set_level("INFO", "speechmill.cluster")
    patience = _Patience()
    for starting, at_work in ((4, 0), (4, 0), (2, 2), (1, 3), (0, 4)):
        patience.look(starting, at_work)
    assert caplog.messages == ["waiting for 4 workers; 0 at work", "waiting for 1 worker; 3 at work"]

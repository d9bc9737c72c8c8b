"""Runs a job's units on Ray: an autoscaling pool of actors, each with cores of its own."""

import contextlib
import logging
import os
import pickle
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ray
from ray.data import ActorPoolStrategy, DataContext
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.errors import SpeechmillError
from cluster.cores import available_cores, claim_cores, pin_process
from cluster.dataset import Unit
from cluster.runner import Outcome, Task, UnitLost, UnitWorker

# A unit whose worker died this often is cut up. One death may be a lost node, or the unit beside it.
MAX_DEATHS = 2
# Ray Data gives up when nothing finishes for this long. Waiting for a spot node may take long, for ever is a hang.
_NO_PROGRESS_TIMEOUT_S = 2 * 3600
# Ray Data gives up after this many workers in a row that die while they start, as they do when spot nodes vanish.
_MAX_INIT_DEATHS = 10


@dataclass(frozen=True)
class OnRay:
    """An autoscaling pool of actors on Ray, each with cores of its own.

    Attributes:
        workers: the pool's smallest and largest size; it starts with as many as there is work for. ``None``: as many as
            the cluster can hold when the job starts.
        cores_per_worker: physical cores that each owns exclusively on its node.
        gpus_per_worker: a GPU share each; 0 runs on the CPU.
        address: of a running cluster; ``None`` takes ``RAY_ADDRESS``, else starts Ray on this machine.
    """

    workers: tuple[int, int] | None
    cores_per_worker: int
    gpus_per_worker: float = 0.0
    address: str | None = None

    def run(self, task: Task, units: Sequence[Unit], in_flight: int) -> Iterator[Outcome]:
        """See :class:`Backend`."""
        with self._connected():
            _configure_ray_data()
            smallest, largest = (min(size, len(units)) for size in self.workers or self._fitting())
            items = [{"shard": unit.shard, "first": unit.first, "count": unit.count} for unit in units]
            outcomes = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
                _Actor,
                fn_constructor_kwargs={
                    "ledger": _start_ledger(task),
                    "cores": self.cores_per_worker,
                    "device": "cuda" if self.gpus_per_worker else "cpu",
                },
                batch_size=1,
                compute=ActorPoolStrategy(
                    min_size=smallest,
                    max_size=largest,
                    initial_size=largest,
                    max_tasks_in_flight_per_actor=in_flight,
                    max_concurrent_calls_per_actor=in_flight,
                    enable_true_multi_threading=True,
                ),
                num_cpus=self._cpus_per_worker(),
                num_gpus=self.gpus_per_worker,
            )
            try:
                for row in outcomes.iter_rows():
                    yield pickle.loads(row["outcome"])  # noqa: S301 - our own actors wrote it
            except ray.exceptions.RayError as error:
                raise SpeechmillError(f"the workers on Ray cannot go on: {_reason(error)}") from error

    def _cpus_per_worker(self) -> int:
        """Ray counts hyperthreads, a worker owns whole cores."""
        return self.cores_per_worker * max((len(core) for core in available_cores()), default=1)

    def _fitting(self) -> tuple[int, int]:
        """How many workers the cluster has room for now, as the smallest and largest size."""
        resources = ray.cluster_resources()
        count = int(resources.get("CPU", 1) // self._cpus_per_worker())
        if self.gpus_per_worker:
            count = min(count, int(resources.get("GPU", 0) // self.gpus_per_worker))
        return max(1, count), max(1, count)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[None]:
        """Connect to Ray, or start it here; what was started here is stopped again."""
        if ray.is_initialized():
            yield
            return
        with _keep_sigterm_handler():
            if self.address or os.environ.get("RAY_ADDRESS"):
                ray.init(address=self.address, logging_level=logging.ERROR)
            else:
                cores = available_cores()
                ray.init(
                    address="local",
                    num_cpus=sum(len(core) for core in cores),
                    include_dashboard=False,
                    logging_level=logging.ERROR,
                    log_to_driver=False,
                )
        try:
            yield
        finally:
            ray.shutdown()


class _Actor:
    """The shell around :class:`UnitWorker`: claims cores, asks the ledger, answers Ray Data."""

    def __init__(self, ledger: Any, cores: int, device: str) -> None:
        claim = claim_cores(cores)  # released by the kernel when this process ends, however it ends
        pin_process(claim.cpus)
        self._ledger = ledger
        self._worker = UnitWorker(ray.get(ledger.task.remote()), device, claim.threads)

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[bytes]]:
        unit = Unit(int(batch["shard"][0]), int(batch["first"][0]), int(batch["count"][0]))
        deaths = ray.get(self._ledger.begin.remote(unit))
        if deaths >= MAX_DEATHS:
            outcome: Outcome = UnitLost(unit, f"the worker process died {deaths} times on it")
        else:
            outcome = self._worker.run(unit)
        ray.get(self._ledger.end.remote(unit))
        return {"outcome": [pickle.dumps(outcome)]}


class _Ledger:
    """Holds the task, and knows which units were begun and not ended: those that a worker died on."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._begun: dict[Unit, int] = {}

    def task(self) -> Task:
        """Return what is to be done with every unit."""
        return self._task

    def begin(self, unit: Unit) -> int:
        """Note that a worker begins a unit; return how many have died on it."""
        deaths = self._begun.get(unit, 0)
        self._begun[unit] = deaths + 1
        return deaths

    def end(self, unit: Unit) -> None:
        """Note that the unit has an outcome."""
        self._begun.pop(unit, None)


def _start_ledger(task: Task) -> Any:
    """Start the ledger on the driver's node: if that is lost, so is the job."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(_Ledger).options(num_cpus=0, scheduling_strategy=here).remote(task)


@contextlib.contextmanager
def _keep_sigterm_handler() -> Iterator[None]:
    """Put back the handler that ``ray.init`` replaces: it dumps a stack and exits with 15."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    if handler is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)


def _configure_ray_data() -> None:
    context = DataContext.get_current()
    context.enable_progress_bars = False  # the job shows its own
    context.execution_no_progress_timeout_s = _NO_PROGRESS_TIMEOUT_S
    context.max_consecutive_actor_init_deaths = _MAX_INIT_DEATHS
    logging.getLogger("ray.data").setLevel(logging.ERROR)


def _reason(error: ray.exceptions.RayError) -> str:
    """The last line of Ray's message: that of the error itself, below the traceback of the worker that raised it."""
    return str(error).strip().splitlines()[-1]

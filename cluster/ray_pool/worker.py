"""The actor, and what Ray is asked for it."""

import logging
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass

import ray

from cluster import metrics
from cluster.cores import claim_cores, pin_process
from cluster.logs import Collector
from cluster.runner import Group, Outcome, Task, UnitWorker, check_machine
from cluster.topology import threads_per_core


@dataclass(frozen=True)
class Opened:
    """A worker is ready."""

    node: str
    threads_per_core: int


@dataclass(frozen=True)
class Reply:
    """What came of a group of units, and what was logged meanwhile."""

    outcomes: list[Outcome]
    records: list[logging.LogRecord]


class SpeechmillWorker:
    """The actor: a shell around :class:`UnitWorker` that claims cores, collects the log and tells metrics."""

    def open(self, task: Task, cores: int, device: str) -> Opened:
        """Claim cores and open the model."""
        node = ray.get_runtime_context().get_node_id()
        self._log = Collector(socket.gethostname())
        logging.getLogger().addHandler(self._log)
        check_machine(task)
        claim = claim_cores(cores)  # released by the kernel when this process ends, however it ends
        pin_process(claim.cpus)
        self._worker = UnitWorker(task, device, claim.threads)
        self._metrics = metrics.WorkerMetrics(task.writer.session)
        self._telling = threading.Lock()
        return Opened(node, threads_per_core())

    def run(self, units: Group) -> Reply:
        """Put some units through the model."""
        outcomes = self._worker.run(units)
        with self._telling:
            self._metrics.tell(outcomes)
        return Reply(outcomes, self._log.take())


def try_machine(task: Task) -> int:
    """Check that a machine sees what the task needs; return how many CPUs of Ray's one of its cores is."""
    check_machine(task)
    return threads_per_core()


def demand_of(cpus: int, gpus: float) -> Mapping[str, float]:
    """What Ray counts for a worker: it counts hyperthreads, a worker owns whole cores."""
    return {"CPU": float(cpus), "GPU": gpus}

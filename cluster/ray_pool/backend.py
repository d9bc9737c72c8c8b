"""Ray as a backend of the runner."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import ray

from cluster.nodes import Cluster, alive_nodes, node_kinds
from cluster.ray_pool.connection import connected
from cluster.ray_pool.errands import RayErrands
from cluster.ray_pool.pool import RayPool
from cluster.ray_pool.worker import demand_of
from cluster.runner import Survey, Task
from cluster.topology import available_cores, threads_per_core


@dataclass(frozen=True)
class OnRay:
    """A pool of actors on Ray, each with cores of its own.

    Attributes:
        workers: how many are kept to the end, and how many there may be. ``None``: as many as the cluster holds at any time,
            with what its autoscaler may add.
        cores_per_worker: physical cores that each owns exclusively on its node.
        gpus_per_worker: a GPU share each; 0 runs on the CPU.
        address: of a running cluster; ``None`` takes ``RAY_ADDRESS``, else starts Ray on this machine.
        cpu: the device of workers without a GPU.
    """

    workers: tuple[int, int] | None
    cores_per_worker: int
    gpus_per_worker: float = 0.0
    address: str | None = None
    cpu: str = "cpu"

    @property
    def device(self) -> str:
        """See :class:`~cluster.runner.Backend`."""
        return "cuda" if self.gpus_per_worker else self.cpu

    def survey(self) -> Survey:
        """See :class:`~cluster.runner.Backend`. What Ray would be given on this machine is known without starting it."""
        if not (self.address or os.environ.get("RAY_ADDRESS") or ray.is_initialized()):
            most = max(1, len(available_cores()) // self.cores_per_worker)
            return Survey(min(most, self.workers[1]) if self.workers else most, 1, self.cores_per_worker)
        with connected(self.address):
            demand = demand_of(self.cores_per_worker * threads_per_core(), self.gpus_per_worker)
            nodes = alive_nodes()
            cluster = Cluster(nodes, node_kinds(nodes))
            most = self.workers[1] if self.workers else max(1, cluster.room(demand))
            return Survey(most, cluster.nodes_for(most, demand), self.cores_per_worker)

    @contextlib.contextmanager
    def open(self, task: Task) -> Iterator[RayPool]:
        """See :class:`~cluster.runner.Backend`."""
        with connected(self.address) as is_ours:
            pool = RayPool(task, self.workers, self.cores_per_worker, self.gpus_per_worker, self.device)
            try:
                pool.prepare(alone=is_ours)
                yield pool
            finally:
                pool.close()

    @contextlib.contextmanager
    def errands(self) -> Iterator[RayErrands]:
        """See :class:`~cluster.runner.Backend`."""
        with connected(self.address):
            errands = RayErrands()
            try:
                yield errands
                errands.finish()
            finally:
                errands.stop()

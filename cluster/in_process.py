"""Runs a job's units, and its errands, in this process."""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass

from cluster.errands import PER_NODE, Errands, give_way
from cluster.runner import Group, Outcome, Pool, Survey, Task, UnitWorker

logger = logging.getLogger(__name__)

# How long a stopped job waits for units that run, once their worker is closed.
_STOP_S = 3.0


@dataclass(frozen=True)
class InProcess:
    """One worker in this process, with ``threads`` CPU threads."""

    device: str
    threads: int

    def survey(self) -> Survey:
        """See :class:`Backend`."""
        return Survey(1, 1, self.threads)

    @contextlib.contextmanager
    def open(self, task: Task) -> Iterator[Pool]:
        """See :class:`Backend`."""
        worker = UnitWorker(task, self.device, self.threads)
        with contextlib.closing(worker):
            yield _Threads(worker)

    @contextlib.contextmanager
    def errands(self) -> Iterator[Errands]:
        """See :class:`Backend`."""
        threads = ThreadPoolExecutor(PER_NODE, thread_name_prefix="errand", initializer=give_way)
        try:
            yield threads
            threads.shutdown()
        finally:
            threads.shutdown(wait=False, cancel_futures=True)


class _Threads:
    """The pool of :class:`InProcess`: threads that share one worker."""

    size = 1
    waited_row_s = 0.0

    def __init__(self, worker: UnitWorker) -> None:
        self._worker = worker

    def run(self, groups: Sequence[Group], in_flight: int) -> Iterator[Outcome]:
        """See :class:`Pool`."""
        threads = ThreadPoolExecutor(in_flight, thread_name_prefix="unit")
        futures = [threads.submit(self._worker.run, group) for group in groups]
        try:
            for future in as_completed(futures):
                yield from future.result()
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            self._worker.close()  # units that run are then over at once
            if wait([future for future in futures if not future.cancelled()], _STOP_S).not_done:
                logger.warning("units that are being read do not end: they are left to themselves")
            raise
        else:
            threads.shutdown()

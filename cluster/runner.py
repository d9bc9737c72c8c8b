"""Runs a job's units through workers. This module runs them in one process; :mod:`cluster.ray_pool` on Ray.

A worker is a plain class that turns rows into rows. Here it gets cores, a model and units; its results become parts. A
unit that breaks its worker is cut into pieces and tried again, down to the row that does it: that row becomes ``failed``
and its neighbours are fine.
"""

import contextlib
import logging
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import Any, Protocol

from actors.batching import EngineStats
from actors.bundle import Bundle
from actors.errors import InputDataError, ResumeError, StorageError
from cluster.dataset import Dataset, InputBatch, Unit, read_rows, unreadable_rows
from cluster.output import Part, PartWriter
from cluster.registry import Pinned, fetch

logger = logging.getLogger(__name__)

# Two units at once keep a worker's slots full while one of them starts or ends (design section 7).
UNITS_IN_FLIGHT = 2
# A lost unit is cut into this many pieces: 256 rows are down to single ones after two more rounds, not after eight.
_PIECES = 16

Row = tuple[str, Mapping[str, Any], str | None]


class Worker(Protocol):
    """What processes rows: N in, N out, in order; called from several threads."""

    @property
    def stats(self) -> EngineStats:
        """Counters since it was opened."""

    def __call__(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Process rows given as (id, values, why it cannot be read)."""

    def close(self) -> None:
        """Give back threads and memory."""


class WorkerConfig(Protocol):
    """How a job's workers are made. Picklable."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The input columns a worker reads."""

    def open(self, bundle: Bundle, device: str, threads: int) -> Worker:
        """Open the model on this machine."""

    def blank_row(self, row_id: str, values: Mapping[str, Any], model: str) -> dict[str, Any]:
        """Return an output row of which only the status and the error are left to say."""


@dataclass(frozen=True)
class Task:
    """What is to be done with every unit. Picklable."""

    dataset: Dataset
    writer: PartWriter
    model: Pinned
    config: WorkerConfig


@dataclass(frozen=True)
class Usage:
    """What a worker has used since it was opened; a later one of the same worker replaces it."""

    worker: str
    cores: int
    opened: float  # seconds since the epoch
    busy_s: float  # wall seconds since it was opened
    cpu_s: float
    stats: EngineStats


@dataclass(frozen=True)
class UnitDone:
    """A unit's part is written."""

    part: Part
    usage: Usage | None


@dataclass(frozen=True)
class UnitLost:
    """A unit broke its worker; ``reason`` is for people."""

    unit: Unit
    reason: str


@dataclass(frozen=True)
class UnitStopped:
    """The output can no longer be written: the job must stop, and can be resumed."""

    reason: str


Outcome = UnitDone | UnitLost | UnitStopped


class Backend(Protocol):
    """Where workers live."""

    def run(self, task: Task, units: Sequence[Unit], in_flight: int) -> Iterator[Outcome]:
        """Put every unit through a worker once, ``in_flight`` at a time in each; yield what came of them in any order."""


def run_units(task: Task, units: Sequence[Unit], backend: Backend) -> Iterator[UnitDone]:
    """Process every unit, retrying lost ones in pieces, and yield each written part.

    A unit may be lost by the one beside it. So pieces have a worker to themselves, and only a row that was lost alone fails.

    Raises:
        StorageError: the output can no longer be written.
        SpeechmillError: the workers cannot be started.
    """
    in_flight = UNITS_IN_FLIGHT
    while units:
        again: list[Unit] = []
        for outcome in backend.run(task, units, in_flight):
            if isinstance(outcome, UnitDone):
                yield outcome
            elif isinstance(outcome, UnitStopped):
                raise StorageError(f"{outcome.reason} What is finished is kept: run the same command to go on.")
            elif outcome.unit.count == 1 and in_flight == 1:
                logger.warning("%s failed: %s", outcome.unit, outcome.reason)
                yield UnitDone(_write_failed(task, outcome), None)
            else:
                logger.warning("%s was lost, and is tried again in pieces and alone: %s", outcome.unit, outcome.reason)
                again += _cut(outcome.unit)
        units, in_flight = again, 1


def _cut(unit: Unit) -> list[Unit]:
    pieces = [unit]
    while len(pieces) < min(_PIECES, unit.count):
        pieces = [half for piece in pieces for half in (piece.split() if piece.count > 1 else (piece,))]
    return pieces


def _write_failed(task: Task, lost: UnitLost) -> Part:
    batch = _read(task, lost.unit)
    model = task.model.reference
    rows = [
        {**task.config.blank_row(row.id, row.values, model), "status": "failed", "error": lost.reason} for row in batch.rows
    ]
    return task.writer.write(batch, rows)


def _read(task: Task, unit: Unit) -> InputBatch:
    """Read a unit's rows; a single row that cannot be read is a row with that reason."""
    passthrough = tuple(task.writer.schema.passthrough)
    try:
        return read_rows(task.dataset, unit, task.config.columns, passthrough)
    except InputDataError as error:
        if unit.count > 1:
            raise
        return unreadable_rows(task.dataset, unit, str(error), passthrough)


class UnitWorker:
    """A worker with its model open: puts one unit after the other through it. Safe to call from several threads."""

    def __init__(self, task: Task, device: str, threads: int) -> None:
        self._task = task
        self._threads = threads
        self._id = uuid.uuid4().hex
        self._worker = task.config.open(fetch(task.model), device, threads)
        self._opened = time.time()
        self._started = time.monotonic()
        self._cpu_before = time.process_time()
        self._closing = False

    def run(self, unit: Unit) -> Outcome:
        """Read, process and write one unit."""
        try:
            batch = _read(self._task, unit)
            rows = self._worker([(row.id, row.values, row.error) for row in batch.rows])
            part = self._task.writer.write(batch, rows)
        except (StorageError, ResumeError) as error:
            return UnitStopped(str(error))
        except Exception as error:
            if not self._closing:  # else it was stopped, which is no fault of its rows
                logger.warning("%s broke its worker", unit, exc_info=True)
            return UnitLost(unit, f"{type(error).__name__}: {error}")
        return UnitDone(part, self._usage())

    def close(self) -> None:
        """Close the worker; units that run are then lost."""
        self._closing = True
        self._worker.close()

    def _usage(self) -> Usage:
        return Usage(
            self._id,
            self._threads,
            self._opened,
            time.monotonic() - self._started,
            time.process_time() - self._cpu_before,
            replace(self._worker.stats),
        )


@dataclass(frozen=True)
class InProcess:
    """One worker in this process, with ``threads`` CPU threads."""

    device: str
    threads: int

    def run(self, task: Task, units: Sequence[Unit], in_flight: int) -> Iterator[Outcome]:
        """See :class:`Backend`."""
        worker = UnitWorker(task, self.device, self.threads)
        with contextlib.ExitStack() as stack:
            pool = ThreadPoolExecutor(in_flight, thread_name_prefix="unit")
            stack.callback(pool.shutdown)
            stack.callback(worker.close)  # first: units that run are then over at once
            stack.callback(pool.shutdown, wait=False, cancel_futures=True)
            for future in as_completed([pool.submit(worker.run, unit) for unit in units]):
                yield future.result()

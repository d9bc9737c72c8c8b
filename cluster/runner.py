"""Runs a job's units through workers: in one process (:mod:`cluster.in_process`) or on Ray (:mod:`cluster.ray_pool`).

A worker is a plain class that turns rows into rows. Here it gets cores, a model and units; its results become parts. It takes
several small units at once, so that a thousand files of ten rows fill its slots as one file of ten thousand does. A unit that
breaks its worker is cut into pieces and tried again, down to the row that does it: that row becomes ``failed`` and its
neighbours are fine.
"""

import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import Field, dataclass, field, replace
from itertools import islice
from typing import Any, ClassVar, Protocol

from actors.batching import EngineStats
from actors.bundle import Bundle
from actors.errors import EngineClosedError, InputDataError, ResumeError, StorageError
from actors.rows import NOT_OF_A_ROW, Columns, InputRow, RowDone, reason_of, tell_nobody
from actors.runtime.choice import settle
from cluster.dataset import UNIT_BYTES, Dataset, InputBatch, Unit, read_rows, unreadable_rows
from cluster.errands import Errands
from cluster.output import Part, PartWriter
from cluster.registry import Pinned, fetch, local_origin
from cluster.row_cache import CachedWorker, RowCache, RowCounts
from cluster.storage import Store

logger = logging.getLogger(__name__)

# Two units at once keep a worker's slots full while one of them starts or ends (design section 7).
UNITS_IN_FLIGHT = 2
# A lost unit is cut into this many pieces: 256 rows are down to single ones after two more rounds, not after eight.
_PIECES = 16


class Worker(Protocol):
    """What processes rows: N in, N out, in order; called from several threads."""

    @property
    def stats(self) -> EngineStats:
        """Counters since it was opened."""

    def __call__(self, rows: Sequence[InputRow], done: RowDone = tell_nobody) -> list[dict[str, Any]]:
        """Process rows; those with an error are ``rejected`` for it. ``done`` is told of each that has a result."""

    def close(self) -> None:
        """Give back threads and memory."""


class WorkerConfig(Protocol):
    """How a job's workers are made: a dataclass whose fields decide the result (:mod:`actors.deciding`). Picklable.

    Attributes:
        revision: of what speechmill itself computes: a job of another one cannot be resumed.
        output_columns: of the rows that a worker makes: ``id``, ``status``, ``error`` and ``model`` among them.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    revision: ClassVar[int]
    output_columns: ClassVar[Columns]

    @property
    def slots(self) -> int:
        """How many rows a worker has at work together."""

    @property
    def input_columns(self) -> tuple[str, ...]:
        """The input columns a worker reads."""

    def open(self, bundle: Bundle, device: str, threads: int, *others: Bundle) -> Worker:
        """Open the model on this machine, and others that the job has beside it (:attr:`Task.others`)."""

    def blank_row(self, row: InputRow, model: str) -> dict[str, Any]:
        """Return an output row of which only the status and the error are left to say."""

    def content_of(self, row: InputRow) -> Mapping[str, Any] | None:
        """Return all that decides a row's output beside models, device and revision, as JSON values; ``None``: keep it not."""

    def adopt(self, made: Mapping[str, Any], row: InputRow, model: str) -> dict[str, Any]:
        """Return the output of a row by what was made of another with the same content; what names the row is its own."""


@dataclass(frozen=True)
class Task:
    """What is to be done with every unit. Picklable.

    Attributes:
        dataset: the rows.
        writer: of the parts.
        model: what workers open.
        config: how they are made.
        others: models that they open beside it.
        cache: where rows are that were made before.
    """

    dataset: Dataset
    writer: PartWriter
    model: Pinned
    config: WorkerConfig
    others: tuple[Pinned, ...] = ()
    cache: Store | None = None


@dataclass(frozen=True)
class Usage:
    """What a worker has used since it was opened; a later one of the same worker replaces it.

    Attributes:
        worker: names the worker.
        cores: physical cores that it owns.
        opened: when its model was open, in seconds since the epoch.
        busy_s: wall seconds since then.
        cpu_s: CPU seconds since then, of all its threads.
        stats: the engine's counters.
        seconds: where time went: ``fetch`` and ``load`` of the model, ``read`` and ``write`` of rows, and the engine's
            ``prefill``, ``step`` and ``finish``.
        cache: how many rows were looked for in the task's cache, and how many needed no work.
    """

    worker: str
    cores: int
    opened: float
    busy_s: float
    cpu_s: float
    stats: EngineStats
    seconds: Mapping[str, float] = field(default_factory=dict)
    cache: RowCounts = field(default_factory=RowCounts)


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
Group = tuple[Unit, ...]


class Pool(Protocol):
    """Workers that have the model of a task open, or are about to."""

    @property
    def size(self) -> int:
        """How many workers there may be at once."""

    @property
    def waited_row_s(self) -> float:
        """Rows that could have been with a worker that was not there yet, times the seconds that took."""

    def run(self, groups: Sequence[Group], in_flight: int) -> Iterator[Outcome]:
        """Put every group of units through a worker once, at most ``in_flight`` at a time in each.

        Yields what came of each unit, in any order.

        Raises:
            SpeechmillError: there are no workers, and there will be none.
        """


@dataclass(frozen=True)
class Survey:
    """What a backend could run at most: workers, the nodes that takes, and the CPU threads of a worker."""

    workers: int
    nodes: int
    threads: int


class Backend(Protocol):
    """Where workers live."""

    @property
    def device(self) -> str:
        """``cpu``, ``cuda``, ``openvino`` or ``auto``: see :func:`actors.models.open_model`."""

    def survey(self) -> Survey:
        """Say what there could be, without starting any of it.

        Raises:
            SpeechmillError: there is no cluster.
        """

    def open(self, task: Task) -> AbstractContextManager[Pool]:
        """Open workers for a task. They are gone when the context is left.

        Raises:
            SpeechmillError: they cannot be opened, or one of their machines does not see what the task needs.
        """

    def errands(self) -> AbstractContextManager[Errands]:
        """Take errands, which are done on the machines of the workers and beside them; workers need not be open.

        Leaving the context waits for what is under way; an error that leaves it does not.

        Raises:
            SpeechmillError: there is no cluster.
        """


def run_units(task: Task, units: Sequence[Unit], pool: Pool, rows_per_group: int = 0) -> Iterator[UnitDone]:
    """Process every unit, retrying lost ones in pieces, and yield each written part.

    A unit may be lost by the one beside it. So pieces have a worker to themselves, and only a row that was lost alone fails.

    Args:
        task: what is to be done.
        units: the rows.
        pool: the workers.
        rows_per_group: units of several shards go to a worker together as long as they have no more rows.

    Raises:
        StorageError: the output can no longer be written.
        SpeechmillError: the workers cannot be started.
    """
    groups, in_flight = list(_together(units, rows_per_group, task.dataset)), UNITS_IN_FLIGHT
    while groups:
        again: list[Unit] = []
        for outcome in pool.run(groups, in_flight):
            if isinstance(outcome, UnitDone):
                yield outcome
            elif isinstance(outcome, UnitStopped):
                raise StorageError(f"{outcome.reason} What is finished is kept: run the same command to go on.")
            elif outcome.unit.count == 1 and in_flight == 1:
                yield UnitDone(_write_failed(task, outcome), None)
            else:
                logger.warning(
                    "%s was lost, and is tried again in pieces and alone: %s",
                    outcome.unit,
                    outcome.reason,
                    extra={"unit": outcome.unit.part_name},
                )
                again += cut_unit(outcome.unit, _PIECES)
        groups, in_flight = [(unit,) for unit in again], 1


def _together(units: Iterable[Unit], rows: int, dataset: Dataset) -> Iterator[Group]:
    """Yield units of neighbouring shards as groups of at most ``rows`` rows, and no more bytes than one unit may have.

    What was cut from one shard stays apart.
    """
    group: list[Unit] = []
    count = size = 0
    for unit in units:
        added = unit.count * dataset.shards[unit.shard].row_bytes
        if group and (count + unit.count > rows or size + added > UNIT_BYTES or unit.shard == group[-1].shard):
            yield tuple(group)
            group, count, size = [], 0, 0
        group.append(unit)
        count += unit.count
        size += added
    if group:
        yield tuple(group)


def cut_unit(unit: Unit, pieces: int, fewest_rows: int = 1) -> list[Unit]:
    """Halve a unit again and again, until there are ``pieces``; none gets less than ``fewest_rows``."""
    cut = [unit]
    while len(cut) < pieces and any(piece.count >= 2 * fewest_rows for piece in cut):
        cut = [half for piece in cut for half in (piece.split() if piece.count >= 2 * fewest_rows else (piece,))]
    return cut


def _write_failed(task: Task, lost: UnitLost) -> Part:
    """Write the part of a row that breaks its unit: with what it holds, or should that be what cannot be written, without."""
    batch = _read(task, lost.unit)
    where = {"unit": lost.unit.part_name, "row": batch.rows[0].id}
    logger.warning("%s, row %r, failed: %s", lost.unit, batch.rows[0].id, lost.reason, extra=where)
    try:
        return _write_as_failed(task, batch, lost.reason)
    except NOT_OF_A_ROW:
        raise
    except BaseException:
        logger.warning("%s cannot be written with its values: they are left out", lost.unit, exc_info=True, extra=where)
        return _write_as_failed(task, _unreadable(task, lost.unit, lost.reason), lost.reason)


def _write_as_failed(task: Task, batch: InputBatch, reason: str) -> Part:
    model = task.model.reference
    blank = [task.config.blank_row(row, model) for row in batch.rows]
    return task.writer.write(batch, [{**row, "status": "failed", "error": reason} for row in blank])


def _read(task: Task, unit: Unit) -> InputBatch:
    """Read a unit's rows; a single row that cannot be read is a row with that reason.

    Raises:
        InputDataError: several rows cannot be read together.
        StorageError: the store cannot be reached.
    """
    try:
        return read_rows(task.dataset, unit, task.config.input_columns, tuple(task.writer.schema.passthrough))
    except NOT_OF_A_ROW:
        raise
    except BaseException as error:
        reason = str(error) if isinstance(error, InputDataError) else reason_of(error)
        if unit.count > 1:
            raise InputDataError(reason) from error
        return _unreadable(task, unit, reason)


def _unreadable(task: Task, unit: Unit, reason: str) -> InputBatch:
    return unreadable_rows(task.dataset, unit, reason, tuple(task.writer.schema.passthrough))


def check_machine(task: Task) -> None:
    """Check that this machine sees what a task names by paths: its output, its input and its model.

    What only the machine has where the job was started is the first mistake on a cluster, and without this check a job looks as
    if it worked.

    Raises:
        StorageError: it does not see something, or sees another one of the same name.
    """
    if not task.writer.sees_output():
        raise StorageError(f"it does not have the output {task.writer.store} of this job")
    shards = [shard for shard in task.dataset.shards if not shard.error]
    for shard in shards[:1] + shards[-1:]:
        key = shard.key or shard.files[0]
        if shard.store.local_path(key) and not shard.store.exists(key):
            raise StorageError(f"it does not have the input {shard.store.uri_of(key)}")
    for place in map(local_origin, (task.model, *task.others)):
        if place and not place.exists():
            raise StorageError(f"it does not have the model {place}")


class UnitWorker:
    """A worker with its model open: puts units through it. Safe to call from several threads."""

    def __init__(self, task: Task, device: str, threads: int) -> None:
        self._task = task
        self._threads = threads
        self._id = uuid.uuid4().hex
        self._seconds = {"fetch": 0.0, "load": 0.0, "read": 0.0, "write": 0.0}
        self._counting = threading.Lock()
        with self._timed("fetch"):
            bundle, *others = [fetch(model) for model in (task.model, *task.others)]
        with self._timed("load"):
            self._device = settle(bundle, device, threads, task.config.slots)
            worker = task.config.open(bundle, self._device, threads, *others)
            self._worker = _with_cache(task, worker, self._device)
        self._opened = time.time()
        self._started = time.monotonic()
        self._cpu_before = time.process_time()
        self._closing = False

    def run(self, units: Group) -> list[Outcome]:
        """Read, process and write some units, all of them together."""
        try:
            with self._timed("read"):
                batches, lost = self._read(units)
            rows = iter(self._worker([row for batch in batches for row in batch.rows]))
            self._require_open()
            with self._timed("write"):
                write = self._task.writer.write
                parts = [write(batch, list(islice(rows, batch.unit.count)), self._device) for batch in batches]
        except (StorageError, ResumeError) as error:
            return [UnitStopped(str(error))]
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # libraries in Rust that panic raise what is no Exception
            if not self._closing:  # else it was stopped, which is no fault of its rows
                names = ", ".join(unit.part_name for unit in units)
                logger.warning("%s broke its worker", names, exc_info=True, extra={"unit": names})
            return [UnitLost(unit, reason_of(error)) for unit in units]
        usage = self._usage()
        return [*lost, *(UnitDone(part, usage) for part in parts)]

    def _require_open(self) -> None:
        """Refuse what came of rows after the end: what was ended in the midst of a row may look like that row's fault."""
        if self._closing:
            raise EngineClosedError("the worker was closed")

    def close(self) -> None:
        """Close the worker; units that run are then lost."""
        if not self._closing:
            self._closing = True
            self._worker.close()

    def _read(self, units: Group) -> tuple[list[InputBatch], list[Outcome]]:
        """Return the rows of the units that can be read, and what is wrong with the others."""
        batches: list[InputBatch] = []
        lost: list[Outcome] = []
        for unit in units:
            try:
                batches.append(_read(self._task, unit))
            except InputDataError as error:
                lost.append(UnitLost(unit, str(error)))
        return batches, lost

    @contextlib.contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            with self._counting:
                self._seconds[phase] += time.perf_counter() - started

    def _usage(self) -> Usage:
        stats = replace(self._worker.stats)
        return Usage(
            self._id,
            self._threads,
            self._opened,
            time.monotonic() - self._started,
            time.process_time() - self._cpu_before,
            stats,
            {**self._seconds, "prefill": stats.prefill_s, "step": stats.step_s, "finish": stats.finish_s},
            self._worker.counts if isinstance(self._worker, CachedWorker) else RowCounts(),
        )


def _with_cache(task: Task, worker: Worker, device: str) -> Worker:
    """Return a worker that makes only what the task's cache does not have, if there is one."""
    if task.cache is None:
        return worker
    models = [model.digest for model in (task.model, *task.others)]
    return CachedWorker(worker, task.config, RowCache(task.cache), task.model.reference, {"models": models, "device": device})

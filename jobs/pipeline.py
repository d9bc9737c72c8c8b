"""What the jobs that put rows through workers share: choosing the backend, running what is missing."""

import contextlib
import logging
import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from actors.bundle import Manifest
from actors.errors import SpeechmillError, StorageError, UsageError
from actors.models import int8_note
from actors.runtime.processor import this_processor
from cluster.dataset import Dataset, Unit, find_duplicate_ids, remove_decompressed
from cluster.in_process import InProcess
from cluster.output import Part, Run, Summary
from cluster.runner import Backend, Task, cut_unit, run_units
from jobs.console import Tally, progress_of

logger = logging.getLogger("speechmill")

_UNITS_PER_WORKER = 8  # at least, so that all workers end together
_TAIL_UNITS = 2  # a worker's last units are cut finer, for the same reason
_TAIL_PIECES = 4


@dataclass(frozen=True)
class UnitRows:
    """How many rows make a unit: ``fixed`` if that is given, else by the pool, between ``fewest`` and ``most``."""

    fewest: int
    most: int
    fixed: int | None = None

    def for_pool(self, rows: int, workers: int) -> int:
        """Return the rows of a unit: so few that each of ``workers`` gets several."""
        return self.fixed or max(self.fewest, min(self.most, math.ceil(rows / (workers * _UNITS_PER_WORKER))))

    def with_finer_tail(self, units: Sequence[Unit], workers: int) -> list[Unit]:
        """Cut the last units into pieces, unless their size is given."""
        tail = 0 if self.fixed else min(len(units), workers * _TAIL_UNITS)
        pieces = [piece for unit in units[len(units) - tail :] for piece in cut_unit(unit, _TAIL_PIECES, self.fewest)]
        return [*units[: len(units) - tail], *pieces]


def run_missing(
    run: Run,
    task: Task,
    backend: Backend,
    unit_rows: UnitRows,
    note: Callable[[Sequence[Part]], None] = lambda _: None,
) -> tuple[Summary, Tally]:
    """Process what is missing; return the summary of the whole job and the tally of this run.

    Args:
        run: the hold on the output.
        task: what is to be done with the rows.
        backend: where the workers live.
        unit_rows: how many rows a unit has.
        note: is told of the parts that are there, and then of each as it comes.
    """
    tally = Tally()
    if run.finished:
        note(run.summary.parts)
        return run.summary, tally
    shards, total = task.dataset.shards, task.dataset.rows
    missing = run.missing_units(shards, unit_rows.most)
    note(run.summary.parts)
    earlier = run.summary.rows
    if earlier:
        logger.info("%d of %d rows are there already", earlier, total)
    if missing:
        with backend.open(task) as pool, _looking_for_shared_ids(task.dataset, run), progress_of(total, earlier, tally) as show:
            rows = unit_rows.for_pool(total, pool.size)
            done: list[Unit] = []
            # Another look at the store: a part that overlapped others, left by a dead run, may have hidden a gap.
            while units := run.missing_units(shards, rows):
                if units == done:
                    raise SpeechmillError(
                        f"{run.store}: {len(units)} units were done and are missing again, the first: {units[0]}. Make sure "
                        "that nothing else writes there, then run the same command again."
                    )
                done = units
                for outcome in run_units(task, unit_rows.with_finer_tail(units, pool.size), pool, rows):
                    tally.add(outcome)
                    run.add(outcome.part, tally.cpu_s, pool.waited_row_s, tally.worker_s, tally.cache.found)
                    note([outcome.part])
                    show()
        remove_decompressed(task.dataset)
    return run.finish(shards, tally.cpu_s), tally


@contextlib.contextmanager
def _looking_for_shared_ids(dataset: Dataset, run: Run) -> Iterator[None]:
    """Look for ids that rows share while the job runs; log what was found as soon as it is known, and note it in the record."""
    stop = threading.Event()

    def look() -> None:
        try:
            found = find_duplicate_ids(dataset, stop=stop)
            if not stop.is_set():
                run.note_duplicate_ids(found)
            for sentence in found:
                logger.warning("rows share an id and cannot be told apart in the output: %s", sentence)
        except StorageError as error:  # whoever needs these rows says so too, and ends the job
            logger.warning("cannot look for ids that rows share: %s", error)

    thread = threading.Thread(target=look, name="shared-ids", daemon=True)
    thread.start()
    try:
        yield
    except BaseException:
        stop.set()
        raise
    finally:
        thread.join()


def report_precision(manifest: Manifest, gpus_per_worker: float) -> None:
    """Log what int8 is worth on this machine's processor, if that is less than elsewhere."""
    note = None if gpus_per_worker else int8_note(manifest, this_processor())
    if note:
        logger.info(note)


def report_input(dataset: Dataset) -> None:
    """Log what at the input is not read, and which shards cannot be, which does not stop the job."""
    if dataset.skipped:
        logger.warning("not read at the input: %s", ", ".join(dataset.skipped))
    for shard in dataset.corrupt:
        logger.error("%s cannot be read and is left out: %s", shard.uri, shard.error)


def first_rows(dataset: Dataset, limit: int) -> Dataset:
    """Return the dataset cut to its first ``limit`` rows."""
    shards = []
    for shard in dataset.shards:
        shards.append(replace(shard, rows=min(shard.rows, limit)))
        limit -= shards[-1].rows
    return replace(dataset, shards=tuple(shards))


def choose_backend(
    no_ray: bool,
    pool: tuple[int, int] | None,
    cores_per_worker: int,
    gpus_per_worker: float,
    address: str | None,
    device: str = "cpu",
) -> Backend:
    """Return where the workers live; ``device`` is what they run models on if they have no GPU."""
    if no_ray:
        return InProcess("cuda" if gpus_per_worker else device, len(os.sched_getaffinity(0)))
    from cluster.ray_pool import OnRay

    return OnRay(pool, cores_per_worker, gpus_per_worker, address, device)


def choose_device(runtime: str, manifest: Manifest, gpus_per_worker: float) -> str:
    """Return what workers run a model on, by the runtime that was asked for.

    ``auto`` is for models that can be run in two ways: of the others nothing is to be measured.

    Raises:
        UsageError: OpenVINO is asked for, and the model is not exported for it, or workers have a GPU.
    """
    has_openvino = any(graph.openvino for graph in manifest.graphs.values())
    if runtime == "openvino" and gpus_per_worker:
        raise UsageError("--backend openvino runs on the CPU: leave --gpus-per-worker out, or the backend")
    if runtime == "openvino" and not has_openvino:
        raise UsageError(
            f"{manifest.name} has no graph for OpenVINO: export it again with --openvino, or use --backend onnxruntime"
        )
    return runtime if runtime != "onnxruntime" and has_openvino and not gpus_per_worker else "cpu"

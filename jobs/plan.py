"""What a job will take, before it is started: ``--dry-run``."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from actors.bundle import Manifest
from actors.runtime.choice import settle
from cluster.dataset import Dataset, Unit, plan_units, read_rows
from cluster.registry import Pinned, fetch
from cluster.runner import Backend, WorkerConfig
from jobs.pipeline import UnitRows

# A sample grows until it takes long enough to be told from the noise.
_FIRST_SAMPLE = 8
_GROWTH = 4
_MOST_ROWS = 512
_LONG_ENOUGH_S = 5.0


@dataclass(frozen=True)
class Sample:
    """Rows that were put through a worker on this machine, and the seconds that took; start-up is not among them."""

    rows: int
    seconds: float

    def hours(self, rows: int, workers: int) -> float:
        """Return the hours that ``rows`` take on so many workers like that one."""
        return rows * self.seconds / max(1, self.rows) / workers / 3600


def print_plan(
    dataset: Dataset,
    model: Pinned,
    manifest: Manifest,
    config: WorkerConfig,
    backend: Backend,
    unit_rows: UnitRows,
    price: float | None,
    others: Sequence[Pinned] = (),
) -> None:
    """Say what there is to do, and, by a sample that is run here, how long it takes on all the workers there may be."""
    survey = backend.survey()
    rows = unit_rows.for_pool(dataset.rows, survey.workers)
    sample = _run_sample(dataset, [model, *others], config, backend.device, survey.threads)
    hours = sample.hours(dataset.rows, survey.workers)
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    table.add_row(
        "shards", f"{len(dataset.shards):,}" + (f" ({len(dataset.corrupt):,} cannot be read)" if dataset.corrupt else "")
    )
    if dataset.skipped:
        table.add_row("not read", ", ".join(dataset.skipped))
    table.add_row("rows", f"{dataset.rows:,}")
    table.add_row("units", f"{len(plan_units(dataset.shards, rows)):,} of at most {rows} rows")
    table.add_row("workers", f"at most {survey.workers:,} on {survey.nodes:,} {'node' if survey.nodes == 1 else 'nodes'}")
    table.add_row("sample", f"{sample.rows} rows in {sample.seconds:.1f} s on one worker of this machine")
    table.add_row("expected", f"{hours:,.3g} hours after start-up, if the workers are as fast as this machine")
    if price is not None:
        table.add_row("cost", f"{hours * survey.nodes * price:,.2f} at {price:g} a node-hour")
    table.add_row("model", f"{manifest.name} ({manifest.family}, {manifest.precision})")
    table.add_row("dry run", "nothing was written")
    Console().print(table, soft_wrap=True)


def _run_sample(dataset: Dataset, models: Sequence[Pinned], config: WorkerConfig, device: str, threads: int) -> Sample:
    bundle, *others = map(fetch, models)
    worker = config.open(bundle, settle(bundle, device, threads, config.slots), threads, *others)
    count = min(_FIRST_SAMPLE, dataset.rows)
    try:
        while count:
            batches = [read_rows(dataset, unit, config.input_columns) for unit in _spread(dataset, count)]
            rows = [row for batch in batches for row in batch.rows]
            started = time.perf_counter()
            worker(rows)
            seconds = time.perf_counter() - started
            if seconds >= _LONG_ENOUGH_S or count >= min(_MOST_ROWS, dataset.rows):
                return Sample(count, seconds)
            count = min(count * _GROWTH, _MOST_ROWS, dataset.rows)
        return Sample(0, 0.0)
    finally:
        worker.close()


def _spread(dataset: Dataset, count: int) -> list[Unit]:
    """Return ``count`` single rows, evenly over the whole input."""
    picked: list[Unit] = []
    passed = 0
    for shard in dataset.shards:
        first = math.ceil(passed * count / dataset.rows)
        last = math.ceil((passed + shard.rows) * count / dataset.rows)
        picked += [Unit(shard.index, i * dataset.rows // count - passed, 1) for i in range(first, last)]
        passed += shard.rows
    return picked

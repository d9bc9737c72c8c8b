"""Runs a job, whatever its workers do: from the rows and the config that a command has made of its options to its exit code."""

import contextlib
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import typer

from actors.bundle import Manifest
from actors.deciding import deciding_arguments
from actors.errors import SpeechmillError
from cluster.dataset import Dataset, TextOptions
from cluster.output import Part, PartSchema, Run, open_run, part_schema
from cluster.registry import Pinned
from cluster.runner import Backend, Task, WorkerConfig
from cluster.storage import Store
from jobs.caching import JobCache
from jobs.console import EXIT_FAILED_ROWS, exit_code, name_job, print_summary
from jobs.options import RunOptions
from jobs.pipeline import UnitRows, choose_backend, choose_device, first_rows, report_input, report_precision, run_missing
from jobs.plan import print_plan

logger = logging.getLogger("speechmill")


class Attendant(Protocol):
    """What goes on beside a job while it runs."""

    def note(self, parts: Sequence[Part]) -> None:
        """Take note of parts that are there."""

    def finish(self) -> int:
        """Finish, once all rows are there; return how much of what it makes it could not."""


class _Nobody:
    """The attendant of most jobs."""

    def note(self, parts: Sequence[Part]) -> None:
        """Do nothing."""

    def finish(self) -> int:
        """Have nothing left to do."""
        return 0


def _unattended(*_: Any) -> AbstractContextManager[Attendant]:
    return contextlib.nullcontext(_Nobody())


def write_page(store: Store, media: Callable[[str], bytes | Path] | None = None) -> str:
    """Write the page about an output, beside its rows; return its link. ``media`` reads recordings by their ``path``."""
    from reports import report_link, write_report  # brings matplotlib: after the job, and not where there is no page

    return report_link(store, write_report(store, media=media))


@dataclass(frozen=True)
class Job:
    """What a command has made of its options.

    Attributes:
        dataset: the rows.
        id_column: the option; it decides even where it names nothing, as of media files, whose ids are their names.
        text_files: how those of the input are written.
        model: what workers open.
        manifest: the model's.
        config: how workers are made.
        output: folder or URI, absolute.
        unit_rows: how many rows a unit has, if the user does not say.
        arguments: what decides the result besides the config and what all jobs have.
        features: Hugging Face features of output columns whose type does not say it all.
        passed: input columns that workers read and that pass through all the same.
        finish: is given the output once all rows are there, and returns how much of what it writes there it could not.
        page: writes the page about the output, and returns its link.
        attended: what goes on beside it, from its rows, its run and where its workers live.
        renews: whether an output of other rows or settings is made anew instead of being refused.
        others: models that workers open beside it.
        cache: where rows are that were made before, and how much of them may stay.
    """

    dataset: Dataset
    id_column: str
    text_files: TextOptions
    model: Pinned
    manifest: Manifest
    config: WorkerConfig
    output: str
    unit_rows: UnitRows
    arguments: Mapping[str, Any] = field(default_factory=dict)
    features: Mapping[str, Any] = field(default_factory=dict)
    passed: Collection[str] = ()
    finish: Callable[[Store], int] = lambda _: 0
    page: Callable[[Store], str] = write_page
    attended: Callable[[Dataset, Run, Backend], AbstractContextManager[Attendant]] = _unattended
    renews: bool = False
    others: tuple[Pinned, ...] = ()
    cache: JobCache | None = None


def run_job(job: Job, shared: RunOptions) -> int:
    """Do what is missing of a job, or say what that would take; return the exit code.

    Raises:
        ResumeError: the output is of a job with other arguments, or another job writes it.
        SpeechmillError: see :func:`cluster.output.open_run` and :func:`jobs.pipeline.run_missing`.
    """
    report_input(job.dataset)
    dataset = job.dataset if shared.limit is None else first_rows(job.dataset, shared.limit)
    schema = _schema(job)
    gpus = shared.gpus_per_worker
    device = choose_device(shared.backend.value, job.manifest, gpus)
    backend = choose_backend(shared.no_ray, shared.pool, shared.cores_per_worker, gpus, shared.ray_address, device)
    unit_rows = replace(job.unit_rows, fixed=shared.rows_per_unit)
    if shared.dry_run:
        print_plan(dataset, job.model, job.manifest, job.config, backend, unit_rows, shared.price, job.others)
        return 0
    with open_run(
        job.output,
        arguments=_arguments(job, schema, shared.limit, backend.device),
        other={
            "workers": shared.workers,
            "cores_per_worker": shared.cores_per_worker,
            "gpus_per_worker": shared.gpus_per_worker,
            "slots": job.config.slots,
        },
        inputs=dataset.inputs,
        mode=("renew" if job.renews else "resume") if shared.resume else "overwrite",
        revision=job.config.revision,
    ) as run:
        name_job(run.session)
        report_precision(job.manifest, shared.gpus_per_worker)
        kept = job.cache.store if job.cache else None
        task = Task(dataset, run.writer(schema), job.model, job.config, job.others, kept)
        with job.attended(dataset, run, backend) as attendant:
            summary, tally = run_missing(run, task, backend, unit_rows, attendant.note)
            unwritten = job.finish(run.store) + attendant.finish()
        print_summary(summary, tally, str(run.store), job.manifest, run.duplicate_ids)
        if shared.report:
            _print_page(job, run.store)
    for shard in dataset.corrupt:
        logger.error("%s was skipped: %s", shard.uri, shard.error)
    if job.cache:
        job.cache.trim()
    return exit_code(summary, shared.fail_on) or (EXIT_FAILED_ROWS if unwritten or dataset.corrupt else 0)


def _print_page(job: Job, store: Store) -> None:
    """Write the page, and print its link. The rows are there: whatever goes wrong with the page is a warning."""
    try:
        typer.echo(f"report    {job.page(store)}")
    except SpeechmillError as error:
        logger.warning("the report cannot be written: %s", error)
    except Exception:
        logger.warning("the report cannot be written", exc_info=True)


def _schema(job: Job) -> PartSchema:
    consumed = {job.dataset.id_column, *job.config.input_columns}.difference(job.passed)
    return part_schema(
        job.config.output_columns,
        job.dataset.schema,
        consumed=consumed,
        features=job.features,
        input_features=job.dataset.features,
    )


def _arguments(job: Job, schema: PartSchema, limit: int | None, device: str) -> dict[str, Any]:
    """Return what decides the result: a job can only be resumed with all of it equal. No name may be there twice."""
    return dict(
        model=job.model.reference,
        id_column=job.id_column,
        text_files=deciding_arguments(job.text_files),
        limit=limit,
        device=device,
        columns=schema.columns,
        **job.arguments,
        **deciding_arguments(job.config),
    )

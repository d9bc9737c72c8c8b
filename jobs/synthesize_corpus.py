"""Speak a corpus: rows of text in, Parquet of audio out. ``python jobs/synthesize_corpus.py --help``."""

import json
import logging
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from actors.bundle import Manifest
from actors.errors import UsageError
from actors.models import DEFAULT_SLOTS, check_choices
from actors.synthesizer import COLUMNS, SynthesisConfig
from cluster.dataset import Dataset, find_duplicate_ids, scan
from cluster.output import SYNTHESIS_SCHEMA, Mode, PartSchema, Run, Summary, audio_feature, open_run, part_schema, summarise
from cluster.registry import REGISTRY_VARIABLE, Pinned, describe
from cluster.runner import Backend, InProcess, Task, run_units
from jobs.console import EXIT_FAILED_ROWS, Tally, print_summary, progress_of, run_app

logger = logging.getLogger("speechmill.synthesize")

app = typer.Typer(help=__doc__, add_completion=False, pretty_exceptions_enable=False)

# A unit is a minute or two of work, and there are at least this many for each worker, so that all end together.
_MAX_UNIT_ROWS = 256
_MIN_UNIT_ROWS = 16
_UNITS_PER_WORKER = 8


class Format(StrEnum):
    """Audio formats of the output."""

    FLAC = "flac"
    WAV = "wav"
    OPUS = "opus"
    MP3 = "mp3"


@app.command()
def synthesize(
    inputs: Annotated[
        list[str],
        typer.Option("--input", help="Parquet, JSONL, CSV or TXT (also .gz, .zst): file, folder, glob or URI. Repeatable."),
    ],
    output: Annotated[str, typer.Option(help="Folder or URI; on a cluster one that every node reaches.")],
    model: Annotated[
        str,
        typer.Option(help="name@tag, name@sha256:…, <registry>/name@tag, a bundle folder, hf://org/repo or embedded."),
    ] = "embedded",
    registry: Annotated[str | None, typer.Option(envvar=REGISTRY_VARIABLE, help="Root of the registry.")] = None,
    voice: Annotated[str | None, typer.Option(help="For rows without a voice of their own.")] = None,
    seed: Annotated[int, typer.Option(help="Of every random number, together with the row's id.")] = 0,
    audio_format: Annotated[Format, typer.Option("--format", help="Of the audio column.")] = Format.FLAC,
    text_column: Annotated[str, typer.Option(help="The column to speak.")] = "text",
    id_column: Annotated[str, typer.Option(help="The column that names the rows.")] = "id",
    pause_s: Annotated[float, typer.Option(min=0, max=10, help="Silence between the pieces of a long text.")] = 0.15,
    temperature: Annotated[float | None, typer.Option(help="Of the model's sampling; default: the model's own.")] = None,
    lsd_steps: Annotated[int | None, typer.Option(help="Solver steps a frame of a PocketTTS model; default: its own.")] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(help="Another setting of the model's loop, as name=value: top_p=0.9. Repeatable."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first rows.")] = None,
    max_text_chars: Annotated[int, typer.Option(min=1, help="Longer texts are rejected.")] = 50_000,
    workers: Annotated[
        str | None,
        typer.Option(help="N, or MIN:MAX for a pool that scales. Default: what the machine or cluster holds."),
    ] = None,
    cores_per_worker: Annotated[int, typer.Option(min=1, help="Physical cores that each worker owns.")] = 1,
    gpus_per_worker: Annotated[float, typer.Option(min=0, help="GPU share of each worker, such as 0.5; 0: CPU.")] = 0.0,
    slots: Annotated[int, typer.Option(min=1, help="Utterances that a worker decodes together.")] = DEFAULT_SLOTS,
    ray_address: Annotated[str | None, typer.Option(help="A running cluster; default: RAY_ADDRESS, else this machine.")] = None,
    no_ray: Annotated[bool, typer.Option("--no-ray", help="One worker in this process, with all cores.")] = False,
    rows_per_unit: Annotated[int | None, typer.Option(min=1, help="Rows of an output part; default: by the input.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume/--overwrite", help="Go on with what is there, or delete it and start anew.")
    ] = True,
) -> int:
    """Speak every row; go on where an earlier run of the same command stopped.

    Exit code: 0 if every row is ok or rejected with a reason, 1 if some failed or a shard is corrupt, 2 for wrong usage.
    """
    pool = _parse_workers(workers)
    pinned, manifest = describe(model, registry)
    named = {name: value for name, value in (("temperature", temperature), ("lsd_steps", lsd_steps)) if value is not None}
    config = SynthesisConfig(
        text_column=text_column,
        voice=voice,
        seed=seed,
        audio_format=audio_format.value,
        max_text_chars=max_text_chars,
        slots=slots,
        options={"pause_s": pause_s, **named, **_parse_options(option or [])},
    )
    check_choices(manifest, voice, config.options)
    output = output if "://" in output else str(Path(output).expanduser().resolve())
    dataset = _scan(inputs, text_column, id_column, output, limit)
    schema = _schema(dataset, manifest)
    arguments = _arguments(config, pinned, schema, id_column, limit, "cuda" if gpus_per_worker else "cpu")
    other = {
        "workers": workers,
        "cores_per_worker": cores_per_worker,
        "gpus_per_worker": gpus_per_worker,
        "slots": slots,
    }
    mode: Mode = "resume" if resume else "overwrite"
    with open_run(output, arguments=arguments, other=other, inputs=dataset.inputs, mode=mode) as run:
        task = Task(dataset, run.writer(schema), pinned, config)
        backend = _backend(no_ray, pool, cores_per_worker, gpus_per_worker, ray_address)
        summary, tally = _run(run, task, backend, rows_per_unit or _unit_rows(dataset.rows, pool, cores_per_worker))
        print_summary(summary, tally, str(run.store), manifest)
    for shard in dataset.corrupt:
        logger.error("%s was skipped: %s", shard.uri, shard.error)
    return EXIT_FAILED_ROWS if summary.status.get("failed") or dataset.corrupt else 0


def _run(run: Run, task: Task, backend: Backend, rows_per_unit: int) -> tuple[Summary, Tally]:
    """Process what is missing; return the summary of the whole job and the tally of this run."""
    tally = Tally()
    if run.finished:
        return summarise(run.store), tally
    shards, total = task.dataset.shards, task.dataset.rows
    units = run.missing_units(shards, rows_per_unit)
    earlier = summarise(run.store)
    if earlier.rows:
        logger.info("%d of %d rows are there already", earlier.rows, total)
    with progress_of(total, earlier.rows, tally) as show:
        while units:
            for outcome in run_units(task, units, backend):
                tally.add(outcome)
                counts = {name: count + tally.status.get(name, 0) for name, count in earlier.status.items()}
                run.update(counts, earlier.duration_s + tally.audio_s, tally.cpu_s)
                show()
            # Another look at the store: a part that overlapped others, left by a dead run, may have hidden a gap.
            units = run.missing_units(shards, rows_per_unit)
    return run.finish(shards, tally.cpu_s), tally


def _scan(inputs: Sequence[str], text_column: str, id_column: str, output: str, limit: int | None) -> Dataset:
    dataset = scan(inputs, text_column, id_column=id_column, exclude=[output])
    for sentence in find_duplicate_ids(dataset):
        logger.warning("rows share an id and cannot be told apart in the output: %s", sentence)
    for shard in dataset.corrupt:
        logger.error("%s cannot be read and is left out: %s", shard.uri, shard.error)
    return dataset if limit is None else _first_rows(dataset, limit)


def _first_rows(dataset: Dataset, limit: int) -> Dataset:
    shards = []
    for shard in dataset.shards:
        shards.append(replace(shard, rows=min(shard.rows, limit)))
        limit -= shards[-1].rows
    return replace(dataset, shards=tuple(shards))


def _schema(dataset: Dataset, manifest: Manifest) -> PartSchema:
    consumed = {dataset.id_column, dataset.column, *COLUMNS[1:]} - {"speed"}
    features = {"audio": audio_feature(manifest.sample_rate)}
    return part_schema(SYNTHESIS_SCHEMA, dataset.schema, consumed=consumed, features=features, input_features=dataset.features)


def _arguments(
    config: SynthesisConfig, model: Pinned, schema: PartSchema, id_column: str, limit: int | None, device: str
) -> dict[str, Any]:
    """What decides the result: a job can only be resumed with all of it equal."""
    return {
        "model": model.reference,
        "voice": config.voice,
        "seed": config.seed,
        "format": config.audio_format,
        "text_column": config.text_column,
        "id_column": id_column,
        "max_text_chars": config.max_text_chars,
        "options": dict(config.options),
        "limit": limit,
        "device": device,
        "columns": schema.columns,
    }


def _parse_options(pairs: Sequence[str]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--option {pair!r} is not of the form name=value")
        try:
            options[name] = json.loads(value)
        except ValueError:
            options[name] = value
    return options


def _parse_workers(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    smallest, _, largest = text.partition(":")
    try:
        sizes = int(smallest), int(largest or smallest)
    except ValueError:
        sizes = (0, 0)
    if not 1 <= sizes[0] <= sizes[1]:
        raise UsageError(f"--workers {text!r} is neither N nor MIN:MAX with 1 <= MIN <= MAX")
    return sizes


def _unit_rows(rows: int, pool: tuple[int, int] | None, cores_per_worker: int) -> int:
    workers = pool[1] if pool else max(1, (os.cpu_count() or 1) // cores_per_worker)
    return max(_MIN_UNIT_ROWS, min(_MAX_UNIT_ROWS, math.ceil(rows / (workers * _UNITS_PER_WORKER))))


def _backend(
    no_ray: bool, pool: tuple[int, int] | None, cores_per_worker: int, gpus_per_worker: float, address: str | None
) -> Backend:
    if no_ray:
        return InProcess("cuda" if gpus_per_worker else "cpu", len(os.sched_getaffinity(0)))
    from cluster.ray_pool import OnRay

    return OnRay(pool, cores_per_worker, gpus_per_worker, address)


if __name__ == "__main__":
    run_app(app)

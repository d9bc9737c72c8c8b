"""Speak a corpus: rows of text in, Parquet of audio out. ``python jobs/synthesize_corpus.py --help``."""

if __name__ == "__main__":  # ends in a sentence where a dependency is missing
    __import__("jobs.requirements" if __package__ else "requirements")

import logging
from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

from actors.audio.mastering import Mastering
from actors.models import DEFAULT_SLOTS, check_choices
from actors.synthesizer import COLUMNS, MAX_SEED, SynthesisConfig
from cluster.dataset import Dataset, TextOptions, scan
from cluster.output import SYNTHESIS_SCHEMA, Mode, PartSchema, audio_feature, open_run, part_schema
from cluster.registry import REGISTRY_VARIABLE, Pinned, describe
from cluster.runner import Task
from jobs import options
from jobs.console import EXIT_FAILED_ROWS, LogFormat, exit_code, log_as, name_job, print_summary, run_app
from jobs.pipeline import (
    UnitRows,
    choose_backend,
    first_rows,
    output_location,
    parse_options,
    parse_workers,
    report_input,
    report_precision,
    run_missing,
)
from jobs.plan import print_plan

logger = logging.getLogger("speechmill.synthesize")

app = typer.Typer(help=__doc__, add_completion=False, pretty_exceptions_enable=False)

# A unit is a minute or two of work.
_MAX_UNIT_ROWS = 256
_MIN_UNIT_ROWS = 16


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
        typer.Option(
            "--input", help="Parquet, Arrow, JSON, CSV or TXT (also .gz, .zst, …): file, folder, glob or URI. Repeatable."
        ),
    ],
    output: options.Output,
    model: Annotated[
        str,
        typer.Option(help="name@tag, name@sha256:…, <registry>/name@tag, a bundle folder, hf://org/repo or embedded."),
    ] = "embedded",
    registry: Annotated[str | None, typer.Option(envvar=REGISTRY_VARIABLE, help="Root of the registry.")] = None,
    voice: Annotated[str | None, typer.Option(help="For rows without a voice of their own.")] = None,
    seed: Annotated[
        int, typer.Option(min=-MAX_SEED, max=MAX_SEED, help="Of every random number, together with the row's id.")
    ] = 0,
    audio_format: Annotated[Format, typer.Option("--format", help="Of the audio column.")] = Format.FLAC,
    sample_rate: Annotated[
        int | None, typer.Option(min=8_000, max=192_000, help="In Hz, of the audio; default: the model's own.")
    ] = None,
    trim_silence: Annotated[bool, typer.Option("--trim-silence", help="Cut silence off both ends, but for 50 ms.")] = False,
    peak: Annotated[float | None, typer.Option(min=-60, max=0, help="Bring the highest sample to this level, in dBFS.")] = None,
    loudness: Annotated[
        float | None,
        typer.Option(
            min=-60, max=-5, help="Bring the audio to this loudness, in LUFS, as far as its peaks stay below -1 dBFS."
        ),
    ] = None,
    text_column: Annotated[str, typer.Option(help="The column to speak.")] = "text",
    id_column: Annotated[str, typer.Option(help="The column that names the rows.")] = "id",
    pause_s: Annotated[float, typer.Option(min=0, max=10, help="Silence between the pieces of a long text.")] = 0.15,
    temperature: Annotated[float | None, typer.Option(help="Of the model's sampling; default: the model's own.")] = None,
    lsd_steps: Annotated[int | None, typer.Option(help="Solver steps a frame of a PocketTTS model; default: its own.")] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(help="Another setting of the model's loop, as name=value: top_p=0.9. Repeatable."),
    ] = None,
    delimiter: options.Delimiter = None,
    no_quoting: options.NoQuoting = False,
    no_header: options.NoHeader = False,
    columns: options.Columns = None,
    encoding: options.Encoding = None,
    limit: options.Limit = None,
    max_text_chars: Annotated[int, typer.Option(min=1, help="Longer texts are rejected.")] = 50_000,
    workers: options.Workers = None,
    cores_per_worker: options.CoresPerWorker = 1,
    gpus_per_worker: options.GpusPerWorker = 0.0,
    slots: Annotated[int, typer.Option(min=1, help="Utterances that a worker decodes together.")] = DEFAULT_SLOTS,
    ray_address: options.RayAddress = None,
    no_ray: options.NoRay = False,
    rows_per_unit: options.RowsPerUnit = None,
    resume: options.Resume = True,
    dry_run: options.DryRun = False,
    price: options.Price = None,
    fail_on: options.FailOnKinds = None,
    log_format: options.LogAs = LogFormat.TEXT,
) -> int:
    """Speak every row; go on where an earlier run of the same command stopped.

    Exit code: 0 if every row is ok or rejected with a reason, 1 if some failed, are of a kind of --fail-on, or a shard is
    corrupt, 2 for wrong usage.
    """
    log_as(log_format)
    pool = parse_workers(workers)
    pinned, manifest = describe(model, registry)
    named = {name: value for name, value in (("temperature", temperature), ("lsd_steps", lsd_steps)) if value is not None}
    config = SynthesisConfig(
        text_column=text_column,
        voice=voice,
        seed=seed,
        audio_format=audio_format.value,
        mastering=Mastering(trim_silence, sample_rate, peak, loudness),
        max_text_chars=max_text_chars,
        slots=slots,
        options={"pause_s": pause_s, **named, **parse_options(option or [])},
    )
    written = TextOptions.parse(delimiter, quoting=not no_quoting, header=not no_header, columns=columns, encoding=encoding)
    check_choices(manifest, voice, config.options)
    _report_rate(config)
    output = output_location(output)
    dataset = _scan(inputs, text_column, id_column, output, written, limit)
    schema = _schema(dataset, config.file_rate(manifest.sample_rate))
    arguments = _arguments(config, pinned, schema, id_column, written, limit, "cuda" if gpus_per_worker else "cpu")
    other = {
        "workers": workers,
        "cores_per_worker": cores_per_worker,
        "gpus_per_worker": gpus_per_worker,
        "slots": slots,
    }
    backend = choose_backend(no_ray, pool, cores_per_worker, gpus_per_worker, ray_address)
    unit_rows = UnitRows(_MIN_UNIT_ROWS, _MAX_UNIT_ROWS, rows_per_unit)
    if dry_run:
        print_plan(dataset, pinned, manifest, config, backend, unit_rows, price)
        return 0
    mode: Mode = "resume" if resume else "overwrite"
    with open_run(output, arguments=arguments, other=other, inputs=dataset.inputs, mode=mode) as run:
        name_job(run.session)
        report_precision(manifest, gpus_per_worker)
        summary, tally = run_missing(run, Task(dataset, run.writer(schema), pinned, config), backend, unit_rows)
        print_summary(summary, tally, str(run.store), manifest, run.duplicate_ids)
    for shard in dataset.corrupt:
        logger.error("%s was skipped: %s", shard.uri, shard.error)
    return exit_code(summary, fail_on) or (EXIT_FAILED_ROWS if dataset.corrupt else 0)


def _report_rate(config: SynthesisConfig) -> None:
    """Log which rate the audio has where its format does not know the one that was asked for."""
    wanted = config.mastering.sample_rate
    if wanted and config.file_rate(wanted) != wanted:
        logger.warning("%s knows no %d Hz: the audio has %d Hz", config.audio_format, wanted, config.file_rate(wanted))


def _scan(
    inputs: Sequence[str], text_column: str, id_column: str, output: str, written: TextOptions, limit: int | None
) -> Dataset:
    dataset = scan(inputs, text_column, id_column=id_column, exclude=[output], use="text", options=written)
    report_input(dataset)
    return dataset if limit is None else first_rows(dataset, limit)


def _schema(dataset: Dataset, sample_rate: int) -> PartSchema:
    consumed = {dataset.id_column, dataset.column, *COLUMNS[1:]} - {"speed"}
    features = {"audio": audio_feature(sample_rate)}
    return part_schema(SYNTHESIS_SCHEMA, dataset.schema, consumed=consumed, features=features, input_features=dataset.features)


def _arguments(
    config: SynthesisConfig,
    model: Pinned,
    schema: PartSchema,
    id_column: str,
    written: TextOptions,
    limit: int | None,
    device: str,
) -> dict[str, Any]:
    """What decides the result: a job can only be resumed with all of it equal."""
    mastering = {name: value for name, value in asdict(config.mastering).items() if value not in (None, False)}
    return {
        "model": model.reference,
        "voice": config.voice,
        "seed": config.seed,
        "format": config.audio_format,
        **({"mastering": mastering} if mastering else {}),
        "text_column": config.text_column,
        "id_column": id_column,
        "text_files": written.arguments,
        "max_text_chars": config.max_text_chars,
        "options": dict(config.options),
        "limit": limit,
        "device": device,
        "columns": schema.columns,
    }


if __name__ == "__main__":
    run_app(app)

"""Speak a corpus: rows of text in, Parquet of audio out. ``python jobs/synthesize_corpus.py --help``."""

if __name__ == "__main__":  # ends in a sentence where a dependency is missing
    __import__("jobs.requirements" if __package__ else "requirements")

import logging
from enum import StrEnum
from typing import Annotated

import typer

from actors.audio.mastering import Mastering
from actors.errors import UsageError
from actors.models import DEFAULT_SLOTS, check_choices
from actors.synthesizer import MAX_SEED, SynthesisConfig
from actors.text import language_of
from actors.verifying import DEFAULT_TAKES, DEFAULT_THRESHOLD
from cluster.dataset import scan
from cluster.output import audio_feature
from cluster.registry import describe
from jobs.caching import CacheSize, SeedBy, open_cache
from jobs.console import run_app
from jobs.options import OutputFolder, Registry, SharedOptions, output_location, parse_options, with_shared_options
from jobs.pipeline import UnitRows
from jobs.run import Job, run_job
from jobs.verifying import MaxWordErrors, NumberOfTakes, Verify, verified

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


class Normalisation(StrEnum):
    """Who makes words of numbers, money, dates, abbreviations and markup."""

    SPOKEN = "spoken"
    MODEL = "model"


@app.command()
@with_shared_options
def synthesize(
    inputs: Annotated[
        list[str],
        typer.Option(
            "--input", help="Parquet, Arrow, JSON, CSV or TXT (also .gz, .zst, …): file, folder, glob or URI. Repeatable."
        ),
    ],
    output: OutputFolder,
    model: Annotated[
        str,
        typer.Option(help="name@tag, name@sha256:…, <registry>/name@tag, a bundle folder, hf://org/repo or embedded."),
    ] = "embedded",
    registry: Registry = None,
    voice: Annotated[str | None, typer.Option(help="For rows without a voice of their own.")] = None,
    seed: Annotated[
        int, typer.Option(min=-MAX_SEED, max=MAX_SEED, help="Of every random number, together with what --seed-by says.")
    ] = 0,
    seed_by: Annotated[
        SeedBy, typer.Option(help="id: rows of equal text sound different. text: they sound the same, in any job.")
    ] = SeedBy.ID,
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
    normalise: Annotated[
        Normalisation,
        typer.Option(help="spoken: texts are read as a person would read them. model: only the model's own front end."),
    ] = Normalisation.SPOKEN,
    markup: Annotated[
        bool, typer.Option("--markup/--no-markup", help="HTML, Markdown and SSML are read as text is meant, or as characters.")
    ] = True,
    language: Annotated[
        str | None,
        typer.Option(help="Code of the texts' language, such as en or pt-BR, for rows that name none; default: the voice's."),
    ] = None,
    pause_s: Annotated[float, typer.Option(min=0, max=10, help="Silence between the pieces of a long text.")] = 0.15,
    paragraph_pause_s: Annotated[
        float, typer.Option(min=0, max=10, help="Silence after a paragraph; no less than that.")
    ] = 0.5,
    section_pause_s: Annotated[float, typer.Option(min=0, max=10, help="Silence after a section; no less than that.")] = 1.0,
    temperature: Annotated[float | None, typer.Option(help="Of the model's sampling; default: the model's own.")] = None,
    lsd_steps: Annotated[int | None, typer.Option(help="Solver steps a frame of a PocketTTS model; default: its own.")] = None,
    max_text_chars: Annotated[int, typer.Option(min=1, help="Longer texts are rejected.")] = 50_000,
    option: Annotated[
        list[str] | None,
        typer.Option(help="Another setting of the model's loop, as name=value: top_p=0.9. Repeatable."),
    ] = None,
    slots: Annotated[int, typer.Option(min=1, help="Utterances that a worker decodes together.")] = DEFAULT_SLOTS,
    verify: Verify = None,
    takes: NumberOfTakes = DEFAULT_TAKES,
    max_word_errors: MaxWordErrors = DEFAULT_THRESHOLD,
    cache: Annotated[
        str | None,
        typer.Option(help="Folder or URI where rows are kept, and found by every job that would make the same; default: none."),
    ] = None,
    cache_size: CacheSize = None,
    *,
    shared: SharedOptions,
) -> int:
    """Speak every row; go on where an earlier run of the same command stopped.

    Exit code: 0 if every row is ok or rejected with a reason, 1 if some failed, are of a kind of --fail-on, or a shard is
    corrupt, 2 for wrong usage.
    """
    pinned, manifest = describe(model, registry)
    _check_reading(normalise, markup, language)
    pauses = {"pause_s": pause_s, "paragraph_pause_s": paragraph_pause_s, "section_pause_s": section_pause_s}
    named = {name: value for name, value in (("temperature", temperature), ("lsd_steps", lsd_steps)) if value is not None}
    config = SynthesisConfig(
        text_column=text_column,
        voice=voice,
        seed=seed,
        format=audio_format.value,
        mastering=Mastering(trim_silence, sample_rate, peak, loudness),
        max_text_chars=max_text_chars,
        normalise=normalise.value,
        markup=markup,
        language=language,
        seed_by=seed_by.value,
        slots=slots,
        options={**pauses, **named, **parse_options(option or [])},
    )
    text_files = shared.text_files()
    check_choices(manifest, voice, config.options)
    _report_rate(config)
    output = output_location(output)
    worker, others = verified(config, verify, registry, takes, max_word_errors)
    kept = open_cache(cache, cache_size)
    job = Job(
        dataset=scan(inputs, text_column, id_column=id_column, exclude=[output], use="text", options=text_files),
        id_column=id_column,
        text_files=text_files,
        model=pinned,
        manifest=manifest,
        config=worker,
        output=output,
        unit_rows=UnitRows(_MIN_UNIT_ROWS, _MAX_UNIT_ROWS),
        features={"audio": audio_feature(config.file_rate(manifest.sample_rate))},
        passed=["speed", "language"],
        others=others,
        cache=kept,
    )
    return run_job(job, shared)


def _check_reading(normalise: Normalisation, markup: bool, language: str | None) -> None:
    """Raise a ``UsageError`` if texts are to be read in a language that is none, or in some way by nobody."""
    if language is not None:
        language_of(language)
    if normalise is Normalisation.MODEL and (language is not None or not markup):
        name = "--no-markup" if language is None else "--language"
        raise UsageError(
            f"{name} says how texts are read, and --normalise model leaves that to the model: leave one of them out"
        )


def _report_rate(config: SynthesisConfig) -> None:
    """Log which rate the audio has where its format does not know the one that was asked for."""
    wanted = config.mastering.sample_rate
    if wanted and config.file_rate(wanted) != wanted:
        logger.warning("%s knows no %d Hz: the audio has %d Hz", config.format, wanted, config.file_rate(wanted))


if __name__ == "__main__":
    run_app(app)

"""Transcribe recordings: who said what and when; to Parquet and subtitles. ``python jobs/transcribe_dataset.py --help``."""

if __name__ == "__main__":  # ends in a sentence where a dependency is missing
    __import__("jobs.requirements" if __package__ else "requirements")

import errno
import functools
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import Annotated

import typer

from actors.errors import InputDataError, StorageError, UsageError
from actors.models import check_transcriber
from actors.names import file_path
from actors.subtitles import CueLimits, TranscriptFormat, render
from actors.transcriber import DEFAULT_SLOTS, TRANSCRIPTION_COLUMNS, TranscriptionConfig
from cluster.dataset import Dataset, TextOptions, scan, scan_media
from cluster.media import MediaReader
from cluster.output import TRANSCRIPTS_FOLDER, Output
from cluster.registry import EMBEDDED_ASR, describe
from cluster.storage import Store, open_store
from jobs.console import run_app
from jobs.options import OutputFolder, Registry, SharedOptions, output_location, parse_options, with_shared_options
from jobs.pipeline import UnitRows
from jobs.run import Job, run_job, write_page

logger = logging.getLogger("speechmill.transcribe")

app = typer.Typer(help=__doc__, add_completion=False, pretty_exceptions_enable=False)

# Recordings are long: a unit of a few is minutes of work.
_MAX_UNIT_ROWS = 32
_MIN_UNIT_ROWS = 1

_WRITER_THREADS = 16
# What a file system says of a name that it cannot have: too long, not in its alphabet, or a folder where a file is.
_NAME_ERRORS = {
    errno.EEXIST, errno.EILSEQ, errno.EINVAL, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOENT, errno.ENOTDIR,
}  # fmt: skip


class InputKind(StrEnum):
    """What the input is."""

    AUTO = "auto"
    MEDIA = "media"
    TABLE = "table"


class Damaged(StrEnum):
    """What becomes of recordings of which something is missing."""

    ACCEPT = "accept"
    REJECT = "reject"


class FileFormat(StrEnum):
    """Formats of the transcripts that are written as files."""

    SRT = "srt"
    VTT = "vtt"
    TXT = "txt"
    JSON = "json"


@app.command()
@with_shared_options
def transcribe(
    inputs: Annotated[
        list[str],
        typer.Option(
            "--input",
            help="Audio or video files, or tables (Parquet, Arrow, JSON, CSV): file, folder, glob or URI. Repeatable.",
        ),
    ],
    output: OutputFolder,
    model: Annotated[
        str,
        typer.Option(
            help="name@tag, name@sha256:…, <registry>/name@tag, a bundle folder or hf://org/repo. The default understands "
            "synthetic English only: it is there to try the job."
        ),
    ] = EMBEDDED_ASR,
    registry: Registry = None,
    kind: Annotated[
        InputKind, typer.Option("--input-kind", help="auto: media files if there are any at the input, else tables.")
    ] = InputKind.AUTO,
    audio_column: Annotated[str, typer.Option(help="Of a table: audio (bytes, or with a path), or a path or URI.")] = "audio",
    audio_root: Annotated[
        str | None,
        typer.Option(help="Where relative paths in a table begin. Default: the current folder; for NeMo, the manifest's."),
    ] = None,
    allow_store: Annotated[
        list[str] | None,
        typer.Option(
            help="A folder, s3:// or gs:// URI of which a table's rows may name files, beside --audio-root and what lies "
            "below the table itself. Repeatable."
        ),
    ] = None,
    id_column: Annotated[str, typer.Option(help="The column that names the rows of a table.")] = "id",
    context: Annotated[
        str | None, typer.Option(help="What to know beforehand: names, hotwords. A table's column 'context' goes before it.")
    ] = None,
    file_format: Annotated[
        list[FileFormat] | None, typer.Option("--files", help="Write each transcript as a file too. Repeatable.")
    ] = None,
    max_line_chars: Annotated[
        int,
        typer.Option(min=0, help="Longest line of a subtitle; an East Asian character counts as two. 0: one line a segment."),
    ] = CueLimits.line_chars,
    max_lines: Annotated[
        int, typer.Option(min=0, help="Lines of a subtitle; what is longer becomes several. 0: any number.")
    ] = CueLimits.lines,
    max_chars_per_second: Annotated[
        float,
        typer.Option(min=0, help="A subtitle that must be read faster stays on while nobody else speaks. 0: none does."),
    ] = CueLimits.chars_per_second,
    max_chunk: Annotated[
        float | None,
        typer.Option(min=1, help="Cut longer recordings at silences, in seconds. Default: what the model can hear."),
    ] = None,
    max_hours: Annotated[float, typer.Option(min=0.001, help="Longer recordings are rejected.")] = 6.0,
    damaged: Annotated[
        Damaged,
        typer.Option(help="Recordings of which something is missing: transcribe what is there and say what is not, or reject."),
    ] = Damaged.ACCEPT,
    audio_track: Annotated[
        int | None, typer.Option(min=1, help="Which audio track, from 1. Default: the first with sound in it.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="The code of what is spoken, as de, if the model can be told. Default: it finds out.")
    ] = None,
    translate: Annotated[bool, typer.Option("--translate", help="Write what is said in English, if the model can.")] = False,
    word_times: Annotated[bool, typer.Option("--word-times", help="Say when each word is heard, if the model can.")] = False,
    option: Annotated[
        list[str] | None,
        typer.Option(help="A setting of the model's loop, as name=value: max_new_tokens=4096. Repeatable."),
    ] = None,
    slots: Annotated[int, typer.Option(min=1, help="Recordings that a worker decodes together.")] = DEFAULT_SLOTS,
    *,
    shared: SharedOptions,
) -> int:
    """Transcribe every recording; go on where an earlier run of the same command stopped.

    Exit code: 0 if every row is ok or rejected with a reason, 1 if some failed, are of a kind of --fail-on, or a shard is
    corrupt, 2 for wrong usage.
    """
    pinned, manifest = describe(model, registry)
    said = {
        "max_chunk_s": max_chunk,
        "language": language,
        "task": "translate" if translate else None,
        "word_times": word_times or None,
    }
    settings = {**{name: value for name, value in said.items() if value is not None}, **parse_options(option or [])}
    check_transcriber(manifest, settings)
    output = output_location(output)
    text_files = shared.text_files(manifest_column=audio_column, beside_manifest=audio_root is None)
    dataset = _scan(inputs, kind, audio_column, id_column, output, text_files)
    allowed = [open_store(location) for location in allow_store or []]
    reader = MediaReader.of(dataset, audio_root or ".", allowed)
    config = TranscriptionConfig(
        read=reader,
        audio_column=dataset.column,
        context=context,
        max_audio_s=max_hours * 3600,
        damaged=damaged.value,
        audio_track=audio_track,
        slots=slots,
        options=settings,
    )

    def finish(store: Store) -> int:
        limits = CueLimits(max_line_chars, max_lines, max_chars_per_second)
        unwritten = write_files(store, [name.value for name in dict.fromkeys(file_format or [])], limits)
        if pinned.name == EMBEDDED_ASR:
            logger.warning(
                "the default model understands the embedded voice and espeak-ng, not people: name another with --model"
            )
        return unwritten

    job = Job(
        dataset=dataset,
        id_column=id_column,
        text_files=text_files,
        page=functools.partial(write_page, media=reader),
        model=pinned,
        manifest=manifest,
        config=config,
        output=output,
        unit_rows=UnitRows(_MIN_UNIT_ROWS, _MAX_UNIT_ROWS),
        arguments={"audio_root": reader.root.uri, "allow_stores": sorted({store.uri for store in allowed})},
        finish=finish,
    )
    return run_job(job, shared)


def write_files(store: Store, formats: Sequence[TranscriptFormat], limits: CueLimits) -> int:
    """Write the transcripts of the rows that are ok to ``__transcripts/<format>/<id>.<format>``; return how many it could not.

    The same output again gives the same files. A row whose file cannot be is logged, and the others go on.

    Raises:
        StorageError: the store cannot be reached or is full.
    """
    if not formats:
        return 0
    unwritten = 0
    with ThreadPoolExecutor(_WRITER_THREADS) as pool:
        for files in _files(Output(store), formats, limits):
            for row_id, error in pool.map(lambda file: (file[0], _write_file(store, *file[1:])), files):
                if error:
                    unwritten += 1
                    logger.error("row %r: its transcript is not written: %s", row_id, error)
    return unwritten


def _files(
    output: Output, formats: Sequence[TranscriptFormat], limits: CueLimits
) -> Iterator[list[tuple[str, str, bytes | None]]]:
    """Yield the files of a few rows at a time: id, key, and content; none if another row has the key."""
    taken: set[str] = set()
    for table in output.tables(list(TRANSCRIPTION_COLUMNS), status="ok"):
        files: list[tuple[str, str, bytes | None]] = []
        for row in table.to_pylist():
            for kind in formats:
                key = f"{TRANSCRIPTS_FOLDER}/{kind}/{file_path(row['id'], f'.{kind}')}"
                files.append((row["id"], key, None if key in taken else render(kind, row, limits).encode()))
                taken.add(key)
        yield files


def _write_file(store: Store, key: str, content: bytes | None) -> str | None:
    """Write a file; return why it cannot be, if that is for its name."""
    if content is None:
        return f"{key} is the file of an earlier row of this name"
    try:
        store.write_bytes(key, content)
    except UsageError as error:
        return str(error)
    except StorageError as error:
        if getattr(error.__cause__, "errno", None) not in _NAME_ERRORS:
            raise
        return str(error)
    return None


def _scan(
    inputs: Sequence[str], kind: InputKind, audio_column: str, id_column: str, output: str, written: TextOptions
) -> Dataset:
    if kind is InputKind.MEDIA:
        return scan_media(inputs, exclude=[output])
    if kind is InputKind.AUTO:
        try:
            return scan_media(inputs, exclude=[output])
        except InputDataError:
            logger.debug("there are no media files at the input: it is read as tables")
    return scan(inputs, audio_column, id_column=id_column, exclude=[output], use="audio", options=written)


if __name__ == "__main__":
    run_app(app)

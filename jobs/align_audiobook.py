"""Align recordings of a book with its text: subtitles and a read-along EPUB. ``python jobs/align_audiobook.py --help``."""

if __name__ == "__main__":  # ends in a sentence where a dependency is missing
    __import__("jobs.requirements" if __package__ else "requirements")

import contextlib
import functools
import logging
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from actors.bundle import Manifest
from actors.errors import InputDataError, RequestError, UsageError
from actors.models import check_transcriber
from actors.requests import Word
from actors.text import Normaliser, language_of
from actors.transcriber import DEFAULT_SLOTS, TranscriptionConfig
from books.alignment import AlignedBook, AlignedFiles, HeardRecording, align
from books.alignment.sound import pauses_of, write_epub_audio
from books.book import Block, Book, MarkKind
from books.direction import Direction, direct
from books.script import Script
from books.shelf import BookFile, find_books
from cluster.dataset import Dataset, TextOptions, scan_media
from cluster.media import MediaReader
from cluster.output import Output
from cluster.registry import describe
from cluster.storage import Store, StoredFile, below, open_store
from jobs.chapters import chosen_chapters
from jobs.console import run_app
from jobs.make_audiobook import Subtitle, subtitle_kinds
from jobs.options import OutputFolder, Registry, RunOptions, output_location, parse_options, with_shared_options
from jobs.pipeline import UnitRows
from jobs.run import Job, run_job, write_page

logger = logging.getLogger("speechmill.align")

app = typer.Typer(help=__doc__, add_completion=False, pretty_exceptions_enable=False)

TRANSCRIPTS_FOLDER = "transcripts"  # of the output: an ordinary job's rows, a recording each
# The options of families that say when each word is heard, and of those that can be told the language.
WORD_TIMES, _LANGUAGE = "word_times", "language"
_USUAL_LANGUAGE = "en"
_SHOWN = 10  # of what is left out, and of what is added, on the terminal
_SHOWN_CHARS = 60
_DIGITS = re.compile(r"(\d+)")


@app.command()
@with_shared_options
def align_audiobook(
    book: Annotated[str, typer.Option(help="EPUB, Markdown, TXT, HTML or PDF: file or URI.")],
    inputs: Annotated[
        list[str],
        typer.Option(
            "--input",
            help="Recordings of it: file, folder, glob or URI, in the order of their names (2 before 10). Repeatable.",
        ),
    ],
    model: Annotated[
        str,
        typer.Option(
            help="One that says when each word is heard (Whisper): name@tag, name@sha256:…, <registry>/name@tag, a bundle "
            "folder or hf://org/repo."
        ),
    ],
    output: OutputFolder = "aligned",
    registry: Registry = None,
    chapters: Annotated[str | None, typer.Option(help="Only these, by number: 1,3-5,9-.")] = None,
    language: Annotated[
        str | None, typer.Option(help="Code of the language, such as en or pt-BR; default: what the book says, else en.")
    ] = None,
    subtitles: Annotated[
        list[Subtitle] | None, typer.Option(help="Default: srt and vtt, a cue a sentence. Repeatable.")
    ] = None,
    epub: Annotated[bool, typer.Option("--epub/--no-epub", help="Write an EPUB 3 to read along, with the recordings.")] = True,
    max_left_out: Annotated[
        float, typer.Option(min=0, max=1, help="Exit with 1 if more of the book's words than this share are not heard.")
    ] = 0.1,
    max_hours: Annotated[float, typer.Option(min=0.001, help="Longer recordings are rejected.")] = 24.0,
    option: Annotated[
        list[str] | None, typer.Option(help="A setting of the model's loop, as name=value: vad=false. Repeatable.")
    ] = None,
    slots: Annotated[int, typer.Option(min=1, help="Recordings that a worker decodes together.")] = DEFAULT_SLOTS,
    *,
    shared: RunOptions,
) -> int:
    """Find each sentence of a book in recordings of it; go on where an earlier run of the same command stopped.

    The recordings are transcribed with the times of words, and these are aligned with the text.

    Exit code: 0 if the files are written; 1 if a recording failed or was rejected, more of the book is left out than
    --max-left-out, or a row is of a kind of --fail-on; 2 for wrong usage, and if the recordings are not of this book.
    """
    output = output_location(output)
    file = _book_file(book)
    script, spoken = _script(file, chapters, language)
    pinned, manifest = describe(model, registry)
    settings = _settings(manifest, spoken, parse_options(option or []))
    dataset = scan_media(inputs, exclude=[output])
    reader = MediaReader.of(dataset, ".")
    aligner = _Aligner(
        script,
        Normaliser(spoken, markup=False),
        AlignedFiles(open_store(output), file.name, subtitle_kinds(subtitles), epub),
        dataset,
        reader,
        max_hours * 3600,
        max_left_out,
    )
    job = Job(
        dataset=dataset,
        id_column="id",
        text_files=TextOptions(),
        model=pinned,
        manifest=manifest,
        config=TranscriptionConfig(
            read=reader, audio_column=dataset.column, max_audio_s=max_hours * 3600, slots=slots, options=settings
        ),
        output=below(output, TRANSCRIPTS_FOLDER),
        unit_rows=UnitRows(1, 1),  # a recording is long
        page=functools.partial(write_page, media=reader),
        finish=aligner.finish,
    )
    return run_job(job, shared)


class _Aligner:
    """Aligns a job's rows with a book, once they are there."""

    def __init__(
        self,
        script: Script,
        read: Normaliser,
        files: AlignedFiles,
        dataset: Dataset,
        reader: MediaReader,
        longest_s: float,
        max_left_out: float,
    ) -> None:
        self._script, self._read, self._files, self._reader = script, read, files, reader
        self._longest_s, self._max_left_out = longest_s, max_left_out
        stored = (StoredFile(shard.store, key) for shard in dataset.shards for key in shard.files)
        self._stored: Mapping[str, StoredFile] = {os.fspath(file): file for file in stored}

    def finish(self, store: Store) -> int:
        """Align and write all files; return how many recordings are lacking, and 1 more if too much of the book is."""
        rows = list(Output(store).rows(["id", "path", "duration_s", "words", "status", "error"]))
        heard = sorted((row for row in rows if row["status"] == "ok"), key=lambda row: natural(row["id"]))
        for row in rows:
            if row["status"] != "ok":
                logger.error("%s is not heard: %s", row["id"], row["error"])
        recordings = [self._recording(row) for row in heard]
        alignment = align(self._script.passages, recordings, self._read)

        def write_sound(index: int, path: Path) -> str:
            return write_epub_audio(self._source(heard[index]), path, self._longest_s)

        record = self._files.write(self._script, alignment, recordings, write_sound)
        print_alignment(record, self._files.target.uri)
        lacks = record.found < 1 - self._max_left_out
        if lacks:
            logger.error(
                "%.1f %% of the book's words are not heard: recordings count in the order of their names, and --max-left-out "
                "allows more",
                100 * (1 - record.found),
            )
        return len(rows) - len(heard) + lacks

    def _recording(self, row: Mapping[str, Any]) -> HeardRecording:
        words = [Word(**word) for word in row["words"] or ()]
        return HeardRecording(row["id"], words, row["duration_s"], pauses_of(self._source(row), self._longest_s))

    def _source(self, row: Mapping[str, Any]) -> bytes | Path:
        return self._reader(self._stored[row["path"]])


def natural(name: str) -> tuple[Any, ...]:
    """Return what names are sorted by so that 2 comes before 10."""
    parts = filter(None, _DIGITS.split(name.casefold()))
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)


def print_alignment(record: AlignedBook, folder: str) -> None:
    """Say how much of a book was found, what is left out, and what is added."""
    count = sum(len(chapter.sentences) for chapter in record.chapters)
    typer.echo(f"{record.title}: {100 * record.found:.1f} % of the text is heard, in {count:,} sentences: {folder}")
    left_out = [(chapter.title, each) for chapter in record.chapters for each in chapter.left_out]
    for title, each in left_out[:_SHOWN]:
        typer.echo(f"  left out in {title!r}: {each.words:,} words from {_short(each.text)!r}")
    added = [(recording.name, each) for recording in record.recordings for each in recording.added]
    for name, stretch in added[:_SHOWN]:
        when = f"{timedelta(seconds=round(stretch.start_s))}-{timedelta(seconds=round(stretch.end_s))}"
        typer.echo(f"  added in {name}, {when}: {_short(stretch.text)!r}")
    if (more := max(0, len(left_out) - _SHOWN) + max(0, len(added) - _SHOWN)) > 0:
        typer.echo(f"  and {more:,} more: alignment.json has all")


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}\u2026"


def _book_file(location: str) -> BookFile:
    books: Sequence[BookFile] = find_books([location], taken=[TRANSCRIPTS_FOLDER]).books
    if len(books) != 1:
        raise UsageError(f"--book {location} names {len(books)} books: name one")
    return books[0]


def _script(file: BookFile, chapters: str | None, language: str | None) -> tuple[Script, str]:
    """Return a book's script, and the language that is spoken."""
    try:
        book = unmarked(chosen_chapters(file.read(file.content()), chapters))
        spoken = language_of(language or book.language or _USUAL_LANGUAGE)
        script = direct(book, Direction(language=spoken, voice_language=spoken, titles=False, markup=False), f"{file.name}/")
    except (InputDataError, RequestError) as error:
        raise InputDataError(f"{file.uri}: {error}") from error
    if not script.passages:
        raise InputDataError(f"{file.uri}: there is nothing in it to hear")
    return script, spoken


def unmarked(book: Book) -> Book:
    """Return a book without marks that are for voices that are made: people say words as they are written."""
    kept = (MarkKind.ALIAS, MarkKind.SAY_AS, MarkKind.LANGUAGE)

    def plain(block: Block) -> Block:
        return replace(block, marks=tuple(mark for mark in block.marks if mark.kind in kept))

    return replace(book, chapters=tuple(replace(each, blocks=tuple(map(plain, each.blocks))) for each in book.chapters))


def _settings(manifest: Manifest, language: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a model's loop: the times of words, and the language, if the model can be told.

    Raises:
        UsageError: the model says no times of words, or does not know what was asked.
    """
    settings = {WORD_TIMES: True, **asked}
    with contextlib.suppress(UsageError):
        told = {_LANGUAGE: language, **settings}
        check_transcriber(manifest, told)
        return told
    try:
        check_transcriber(manifest, settings)
    except UsageError as error:
        if WORD_TIMES not in str(error):
            raise
        advice = "name a Whisper model with --model"
        raise UsageError(f"{manifest.name} does not say when each word is heard: {advice} ({error})") from error
    return settings


if __name__ == "__main__":
    run_app(app)

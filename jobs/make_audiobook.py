"""Make audiobooks: EPUB, Markdown, text, HTML and PDF in, M4B with chapters out. ``python jobs/make_audiobook.py --help``."""

if __name__ == "__main__":  # ends in a sentence where a dependency is missing
    __import__("jobs.requirements" if __package__ else "requirements")

import logging
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from actors.audio.mastering import Mastering
from actors.errors import InputDataError, RequestError, UsageError
from actors.models import DEFAULT_SLOTS, check_choices, spoken_language
from actors.synthesizer import MAX_SEED, SynthesisConfig
from actors.verifying import DEFAULT_TAKES, DEFAULT_THRESHOLD
from books.binding.bind import check_binding
from books.binding.options import Binding
from books.direction import Cast, Direction, Lexicon, Pauses, read_cast, read_lexicon
from books.script import script_key
from books.shelf import Shelf, find_books
from cluster.dataset import TextOptions, scan
from cluster.output import audio_feature
from cluster.registry import describe
from cluster.storage import below, open_store
from jobs.caching import CacheSize, SeedBy, open_cache
from jobs.chapters import print_chapters
from jobs.console import EXIT_FAILED_ROWS, run_app
from jobs.options import OutputFolder, Registry, RunOptions, output_location, parse_options, with_shared_options
from jobs.pipeline import UnitRows
from jobs.run import Job, run_job
from jobs.scripting import SCRIPTS_FOLDER, scripts_folder, write_scripts
from jobs.verifying import MaxWordErrors, NumberOfTakes, Verify, verified
from jobs.workshop import Workshop

logger = logging.getLogger("speechmill.audiobook")

app = typer.Typer(help=__doc__, add_completion=False, pretty_exceptions_enable=False)

SENTENCES_FOLDER = "sentences"  # of the output: an ordinary job's rows, a passage each
CACHE_FOLDER = "cache"  # what was spoken, by what it says
_TAKEN = (SENTENCES_FOLDER, SCRIPTS_FOLDER, CACHE_FOLDER)
# A unit is a minute or two of work.
_MAX_UNIT_ROWS = 256
_MIN_UNIT_ROWS = 16


class Container(StrEnum):
    """What audio files are made."""

    M4B = "m4b"
    MP3 = "mp3"
    FLAC = "flac"
    OPUS = "opus"
    WAV = "wav"


class Subtitle(StrEnum):
    """What subtitles are made."""

    SRT = "srt"
    VTT = "vtt"
    NONE = "none"


class Target(StrEnum):
    """How loud the books are."""

    EBU = "ebu"
    ACX = "acx"
    NONE = "none"


@app.command()
@with_shared_options
def make_audiobook(
    inputs: Annotated[
        list[str],
        typer.Option(
            "--input", help="EPUB, Markdown, TXT, HTML or PDF: file, folder, glob or URI, any number of books. Repeatable."
        ),
    ],
    output: OutputFolder = "audiobooks",
    model: Annotated[
        str,
        typer.Option(help="name@tag, name@sha256:…, <registry>/name@tag, a bundle folder, hf://org/repo or embedded."),
    ] = "embedded",
    registry: Registry = None,
    voice: Annotated[str | None, typer.Option(help="Of the narrator; default: the model's first.")] = None,
    list_chapters: Annotated[
        bool, typer.Option("--list-chapters", help="Print the chapters with their numbers; make nothing.")
    ] = False,
    chapters: Annotated[str | None, typer.Option(help="Only these, by number: 1,3-5,9-.")] = None,
    language: Annotated[
        str | None,
        typer.Option(help="Code of the books' language, such as en or pt-BR; default: what each book says, else the voice's."),
    ] = None,
    audio_format: Annotated[
        list[Container] | None,
        typer.Option(
            "--format",
            help="Default: m4b, one file with chapters; mp3 with --loudness acx. The others are a file a chapter. Repeatable.",
        ),
    ] = None,
    whole: Annotated[bool, typer.Option("--whole", help="One file a book in every format.")] = False,
    bit_rate: Annotated[
        int | None,
        typer.Option(
            min=8_000, max=256_000, help="In bit/s, of lossy formats; default: 64,000 of m4b, 96,000 of mp3, 48,000 of opus."
        ),
    ] = None,
    sample_rate: Annotated[
        int | None, typer.Option(min=8_000, max=192_000, help="In Hz, of the audio files; default: the model's own.")
    ] = None,
    subtitles: Annotated[
        list[Subtitle] | None, typer.Option(help="Default: srt and vtt, a cue a sentence. Repeatable.")
    ] = None,
    epub: Annotated[
        bool, typer.Option("--epub", help="Also an EPUB 3 to read along: text and speech, with media overlays.")
    ] = False,
    loudness: Annotated[
        Target,
        typer.Option(
            help="ebu: -19 LUFS, peaks below -2 dBTP, by EBU R128. acx: what Audible's exchange accepts, as MP3 of 192 kbit/s."
        ),
    ] = Target.EBU,
    lexicon: Annotated[
        list[Path] | None, typer.Option(help="How words are said: TSV (word, respelling, flags) or PLS. Repeatable.")
    ] = None,
    cast: Annotated[Path | None, typer.Option(help="Who says what: TSV of rules and voices.")] = None,
    dialogue_voice: Annotated[str | None, typer.Option(help="Of what stands in quotes.")] = None,
    image_alt: Annotated[bool, typer.Option("--image-alt", help="Read the alternative texts of images.")] = False,
    titles: Annotated[bool, typer.Option("--titles/--no-titles", help="Say a chapter's title where its page does not.")] = True,
    sentence_pause_s: Annotated[float, typer.Option(min=0, max=10, help="Silence after a sentence.")] = Pauses().sentence,
    paragraph_pause_s: Annotated[float, typer.Option(min=0, max=10, help="After a paragraph.")] = Pauses().paragraph,
    section_pause_s: Annotated[float, typer.Option(min=0, max=20, help="Where a scene ends.")] = Pauses().section,
    chapter_pause_s: Annotated[float, typer.Option(min=0, max=20, help="Where a chapter ends.")] = Pauses().chapter,
    seed: Annotated[int, typer.Option(min=-MAX_SEED, max=MAX_SEED, help="Of every random number.")] = 0,
    seed_by: Annotated[
        SeedBy, typer.Option(help="text: equal sentences sound equal, in whatever book. id: by their places in the book.")
    ] = SeedBy.TEXT,
    option: Annotated[
        list[str] | None, typer.Option(help="A setting of the model's loop, as name=value: top_p=0.9. Repeatable.")
    ] = None,
    cache: Annotated[
        str | None,
        typer.Option(help="Folder or URI of what was spoken before, for all jobs that name it. Default: cache in the output."),
    ] = None,
    cache_size: CacheSize = None,
    verify: Verify = None,
    takes: NumberOfTakes = DEFAULT_TAKES,
    max_word_errors: MaxWordErrors = DEFAULT_THRESHOLD,
    slots: Annotated[int, typer.Option(min=1, help="Utterances that a worker decodes together.")] = DEFAULT_SLOTS,
    *,
    shared: RunOptions,
) -> int:
    """Speak books and bind them; go on where an earlier run of the same command stopped.

    A book is bound the moment its last sentence is spoken. What was spoken before with the same model, voice and settings is
    taken from the cache.

    Exit code: 0 if every book is bound; 1 if a book cannot be read or bound, or a sentence failed or is of a kind of --fail-on;
    2 for wrong usage.
    """
    output = output_location(output)
    shelf = find_books(inputs, exclude=[] if list_chapters else [output], taken=_TAKEN)
    if shelf.skipped:
        logger.warning("not read at the input: %s", ", ".join(shelf.skipped))
    if list_chapters:
        return _list_chapters(shelf)
    pinned, manifest = describe(model, registry)
    config = SynthesisConfig(
        voice=voice,
        seed=seed,
        seed_by=seed_by.value,
        normalise="done",
        language=language,
        mastering=Mastering(trim_silence=True),  # silences are those of the script
        slots=slots,
        options=parse_options(option or []),
    )
    check_choices(manifest, voice, config.options)
    direction = Direction(
        voice=voice,
        voices=tuple(manifest.voices),
        language=language,
        voice_language=spoken_language(manifest, voice),
        lexicon=Lexicon(each for path in lexicon or [] for each in read_lexicon(_content(path), path.name).entries),
        cast=read_cast(_content(cast), cast.name) if cast else Cast(),
        dialogue_voice=dialogue_voice,
        pauses=replace(
            Pauses(),
            sentence=sentence_pause_s,
            paragraph=paragraph_pause_s,
            section=section_pause_s,
            chapter=chapter_pause_s,
        ),
        image_alt=image_alt,
        titles=titles,
    )
    binding = Binding(
        audio=tuple(dict.fromkeys(each.value for each in audio_format or [_usual(loudness)])),
        whole=whole,
        subtitles=subtitle_kinds(subtitles),
        overlay=epub,
        loudness=loudness.value,
        bit_rate=bit_rate,
        sample_rate=sample_rate,
    )
    check_binding(binding)
    worker, others = verified(config, verify, registry, takes, max_word_errors)
    kept = open_cache(cache or below(output, CACHE_FOLDER), cache_size)
    with scripts_folder(output, is_dry_run=shared.dry_run) as scripts:
        written, unread = write_scripts(shelf.books, open_store(scripts), direction, chapters)
        workshop = Workshop(output, written, binding)
        job = Job(
            dataset=scan([below(scripts, script_key(each.script)) for each in written], "text", id_column="id", use="text"),
            id_column="id",
            text_files=TextOptions(),
            model=pinned,
            manifest=manifest,
            config=worker,
            output=below(output, SENTENCES_FOLDER),
            unit_rows=UnitRows(_MIN_UNIT_ROWS, _MAX_UNIT_ROWS),
            features={"audio": audio_feature(manifest.sample_rate)},
            passed=["language"],
            page=workshop.write_page,
            attended=workshop.open,
            others=others,
            cache=kept,
            renews=True,  # a book was edited: what is still the same comes out of the cache
        )
        code = run_job(job, shared)
    return code or (EXIT_FAILED_ROWS if unread else 0)


def _list_chapters(shelf: Shelf) -> int:
    """Print the chapters of all books; return the exit code."""
    unread = 0
    for file in shelf.books:
        try:
            print_chapters(file.read(file.content()))
        except (InputDataError, RequestError) as error:
            logger.error("%s: %s", file.uri, error)  # noqa: TRY400 - a sentence is all that there is to say
            unread += 1
    return EXIT_FAILED_ROWS if unread else 0


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}: name a file that is there") from error


def _usual(loudness: Target) -> Container:
    return Container.MP3 if loudness is Target.ACX else Container.M4B


def subtitle_kinds(wanted: Sequence[Subtitle] | None) -> tuple[Any, ...]:
    """Return the kinds of subtitles that are asked for.

    Raises:
        UsageError: none, and some.
    """
    kinds = dict.fromkeys(wanted or [Subtitle.SRT, Subtitle.VTT])
    if Subtitle.NONE in kinds and len(kinds) > 1:
        raise UsageError("--subtitles none goes with no other kind")
    return tuple(kind.value for kind in kinds if kind is not Subtitle.NONE)


if __name__ == "__main__":
    run_app(app)

"""What a page shows of bound books: chapters that play, and their text as it is heard."""

import base64
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import quote

from books.binding.record import Bound, BoundChapter, BoundFile
from books.binding.timeline import Cue, TimedChapter, Timeline
from books.book import BlockKind
from cluster.storage import Store
from reports.views import Player, Span

_EMBEDDED_BYTES = 20_000_000  # of the sound of all books together: more is beside the page
_TEXT_CHARS = 8_000_000  # of all books together: a page of more is slow to open
_PLAYERS = 1_000  # chapters of all books together: browsers are slow to open a page of more
_TYPES = {"mp3": "audio/mpeg", "m4b": "audio/mp4", "opus": "audio/ogg", "flac": "audio/flac", "wav": "audio/wav"}


@dataclass(frozen=True)
class BoundBook:
    """A book that binding has made.

    Attributes:
        title: of the book.
        folder: the key of its folder, in the store that the report is written to.
        bound: what was made.
        timeline: when each passage is heard; without it no text is shown.
        notes: what else there is to say of it, in sentences.
    """

    title: str
    folder: str
    bound: Bound
    timeline: Timeline | None = None
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Paragraph:
    """A block of text as it is heard."""

    kind: BlockKind
    spans: Sequence[Span]


@dataclass(frozen=True)
class ChapterView:
    """A chapter: what was measured, what plays it, if anything, and its text."""

    chapter: BoundChapter
    player: Player | None
    paragraphs: Sequence[Paragraph]


@dataclass(frozen=True)
class BookView:
    """A book: names, links and sizes of its files, its ``<audio>`` elements by name, and its chapters.

    ``is_listed`` says that nothing of it plays, nor is read, on this page, which has enough of other books.
    """

    book: BoundBook
    files: Sequence[tuple[str, str, int]]
    audio: Sequence[tuple[str, str]]
    chapters: Sequence[ChapterView]
    text_left_out: bool
    is_listed: bool

    @property
    def missing(self) -> int:
        """How many passages have no sound."""
        return sum(chapter.missing for chapter in self.book.bound.chapters)

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to say of it."""
        return (*self.book.bound.notes, *self.book.notes)


@dataclass
class _Room:
    """What may still be put into the page."""

    audio_bytes: int
    text_chars: int
    players: int


def show_books(books: Sequence[BoundBook], store: Store, key: str) -> list[BookView]:
    """Return views of books for a page with a key in the store.

    Raises:
        StorageError: a small book's sound cannot be read.
    """
    room = _Room(_EMBEDDED_BYTES, _TEXT_CHARS, _PLAYERS)
    return [_show(number, book, store, key, room) for number, book in enumerate(books)]


def _show(number: int, book: BoundBook, store: Store, key: str, room: _Room) -> BookView:
    def link(file: BoundFile) -> str:
        return quote(posixpath.relpath(f"{book.folder}/{file.key}", posixpath.dirname(key) or "."))

    is_listed = number > 0 and len(book.bound.chapters) > room.players
    room.players -= 0 if is_listed else len(book.bound.chapters)
    heard = [None] * len(book.bound.chapters) if is_listed else _heard(book.bound)
    used = list(dict.fromkeys(file for file in heard if file))
    embedded = sum(file.size for file in used) <= room.audio_bytes
    room.audio_bytes -= sum(file.size for file in used) if embedded else 0
    names = {file.key: f"book-{number}-{i}" for i, file in enumerate(used)}
    sources = [(names[f.key], _embedded(store, book.folder, f) if embedded else link(f)) for f in used]
    timeline = None if is_listed else book.timeline
    chars = sum(len(cue.passage.written) for chapter in timeline.chapters for cue in chapter.cues) if timeline else 0
    left_out = chars > room.text_chars
    room.text_chars -= 0 if left_out else chars
    timed = timeline.chapters if timeline and not left_out else ()
    chapters = []
    for i, (chapter, file) in enumerate(zip(book.bound.chapters, heard, strict=True)):
        begins_s = chapter.start_s if file and file.chapter is not None else 0.0
        player = Player(names[file.key], chapter.start_s - begins_s, chapter.end_s - begins_s) if file else None
        text = list(_paragraphs(timed[i], begins_s)) if i < len(timed) else []
        chapters.append(ChapterView(chapter, player, text))
    files = [(file.key, link(file), file.size) for file in book.bound.files]
    return BookView(book, files, sources, chapters, left_out, is_listed)


def _heard(bound: Bound) -> list[BoundFile | None]:
    """Return the file in which each chapter is heard: one of its own if there is, in the format that most browsers play."""
    kinds = list(_TYPES)
    playable = sorted((file for file in bound.files if file.kind in kinds), key=lambda file: kinds.index(file.kind))
    whole = next((file for file in playable if file.chapter is None), None)
    own: dict[int | None, BoundFile] = {}
    for file in playable:
        own.setdefault(file.chapter, file)
    return [own.get(i, whole) for i in range(len(bound.chapters))]


def _embedded(store: Store, folder: str, file: BoundFile) -> str:
    data = base64.b64encode(store.read_bytes(f"{folder}/{file.key}")).decode()
    return f"data:{_TYPES[file.kind]};base64,{data}"


def _paragraphs(chapter: TimedChapter, begins_s: float) -> Iterator[Paragraph]:
    for _, cues in groupby(chapter.cues, lambda cue: (cue.passage.paragraph, cue.passage.kind, cue.passage.line)):
        found = list(cues)
        yield Paragraph(found[0].passage.kind, [span for cue in found for span in _spans(cue, begins_s)])


def _spans(cue: Cue, begins_s: float) -> Iterator[Span]:
    for text, start_s, end_s in cue.pieces or ((cue.passage.written, cue.start_s, cue.end_s),):
        yield Span(text, start_s - begins_s, end_s - begins_s)

"""From a book to its script: sentences, and who speaks them, how, and with what silence behind."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice, takewhile

from rapidfuzz import fuzz

from actors.errors import RequestError, UsageError
from actors.text import Normaliser, language_of
from actors.text.edits import Edit, Edited
from books.book import Block, BlockKind, Book, Chapter, Mark, MarkKind
from books.direction.cast import Casting
from books.direction.cutting import Piece, Score, cut_block
from books.direction.lexicon import Scope
from books.direction.markup import LONGEST_BREAK_S, Marked, Markup
from books.direction.notes import Notes
from books.direction.options import Direction
from books.direction.phonemes import LANGUAGES, respelled
from books.direction.runs import layered
from books.script import BookNote, ChapterNote, ImageNote, Passage, Script

_KEPT_LANGUAGES = 16
_BY_LINE = (BlockKind.VERSE, BlockKind.CODE)
_LISTED = (BlockKind.ITEM, BlockKind.ROW)
_TOP = (BlockKind.HEADING, BlockKind.PARAGRAPH)
_MOST_TOP = 4  # blocks at the top of a chapter among which its title may be
_LONGEST_NUMBER = 20  # letters of a paragraph above a title, such as "Chapter the Third"
# What tables of contents call pages that have no title, as Standard Ebooks' do: to say it would be new to the book.
_PAGES = frozenset(
    [
        *("cover", "frontispiece", "half title", "half title page", "halftitle", "halftitlepage", "title page", "titlepage"),
        *("dedication", "epigraph"),
    ]
)
_SAYS_TITLE = 80.0  # percent of the words of a title and of the headings on its page that are the same
_COUNT = re.compile(r"^\d+ of \d+ ")  # a note for each number of letters would be as long as the book
_SHOWN_CHARS = 40


def direct(book: Book, how: Direction, prefix: str = "") -> Script:
    """Return a book as it is to be spoken.

    Passages are numbered by chapter, paragraph and sentence, all from 1, so that their ids sort in the order of reading.
    Chapters in which nothing is said are left out. What cannot be followed or spoken is in the notes.

    Args:
        book: what to speak.
        how: voices, words, pauses.
        prefix: what ids begin with.

    Raises:
        UsageError: the book, the cast or the options name a voice that the model has not, or a language that is none.
    """
    director = _Director(book, how, prefix)
    for index, chapter in enumerate(book.chapters):
        following = book.chapters[index + 1] if index + 1 < len(book.chapters) else None
        director.speak_chapter(index, chapter, holds_next=following is not None and following.level > chapter.level)
    return director.script()


@lru_cache(_KEPT_LANGUAGES)
def _normaliser(language: str, voice: str) -> Normaliser:
    return Normaliser(language, markup=False, voice=voice)


class _Director:
    """Speaks the chapters of one book in order."""

    def __init__(self, book: Book, how: Direction, prefix: str) -> None:
        self._book, self._how, self._prefix = book, how, prefix
        self._notes = Notes()
        check_voices(how)
        self._voice_language = language_of(how.voice_language)
        self._language = language_of(how.language) if how.language else None
        self._markup = Markup(how.voices, self._notes, is_followed=how.markup)
        self._cast = Casting(how.cast, how.dialogue_voice)
        self._passages: list[Passage] = []
        self._images: list[ImageNote] = []
        self._breaks: list[int] = []
        self._chapters: list[ChapterNote] = []
        self._paragraph = -1  # number in the book
        self._in_chapter = 0  # that in the chapter, from 1
        self._waiting_s = 0.0  # a pause asked for before the next passage

    def script(self) -> Script:
        """Return all that was spoken."""
        self._markup.finish()
        book = self._book
        wanted = {image.name for image in self._images}
        resources = [image for name, image in book.images.items() if name in wanted]
        if book.cover and book.cover.name not in wanted:
            resources.insert(0, book.cover)
        note = BookNote(
            title=book.title,
            creators=book.creators,
            language=book.language,
            cover=book.cover.name if book.cover else None,
            cover_type=book.cover.media_type if book.cover else None,
            details=dict(book.details),
            chapters=tuple(self._chapters),
            images=tuple(self._images),
            breaks=tuple(self._breaks),
            notes=(*book.notes, *self._notes.listed()),
        )
        return Script(note, self._passages, resources)

    def speak_chapter(self, index: int, chapter: Chapter, *, holds_next: bool) -> None:
        """Speak a chapter; ``holds_next`` says that the next one is nested in it."""
        number = chapter.number or index + 1
        place = f"chapter {number}, {_shown(chapter.title)!r}"
        first = len(self._passages)
        self._in_chapter = 0
        self._cast.begin_chapter(number, chapter.title)
        is_of_book = chapter.title == self._book.title  # or of its file: no entry of a table of contents
        if self._how.titles and not is_of_book and _is_title_missing(chapter, holds_next=holds_next):
            self._speak(Block(BlockKind.HEADING, chapter.title), place, is_marked=False)
        for block in chapter.blocks:
            self._block(block, place)
        if len(self._passages) == first:
            self._notes.add("nothing is said in a chapter, which is left out", place)
            return
        self._chapters.append(ChapterNote(title=chapter.title, level=chapter.level))
        self._pause(self._how.pauses.chapter)

    def _block(self, block: Block, place: str) -> None:
        if block.kind is BlockKind.SCENE_BREAK:
            self._breaks.append(len(self._passages))
            self._pause(self._how.pauses.section)
            self._cast.end_speech()
            return
        if block.kind is BlockKind.IMAGE:
            self._image(block, place)
            if not self._how.image_alt:
                return
        self._speak(block, place)

    def _image(self, block: Block, place: str) -> None:
        image = self._book.images.get(block.image or "")
        if image is None:
            self._notes.add("an image is not in the book", place)
        else:
            before, chapter = len(self._passages), len(self._chapters)
            note = ImageNote(before=before, name=image.name, media_type=image.media_type, alt=block.text, chapter=chapter)
            self._images.append(note)

    def _pause(self, seconds: float) -> None:
        """Let the silence behind the last passage be at least so long."""
        if self._passages and self._passages[-1].pause_s < seconds:
            self._passages[-1] = replace(self._passages[-1], pause_s=seconds)

    def _speak(self, block: Block, place: str, *, is_marked: bool = True) -> None:
        self._paragraph += 1
        self._in_chapter += 1
        marked = self._markup.read(block, place) if is_marked else Marked(block.text, (), ())
        language = self._language_of(block, place)
        layers = [marked.voices, *self._cast.layers(block.kind, marked.text, language)]
        voices = layered(len(marked.text), layers, self._how.voice)
        breaks = [(mark.start, float(mark.value)) for mark in marked.marks if mark.kind is MarkKind.BREAK]
        score = Score(voices, breaks, by_line=block.kind in _BY_LINE)
        before_s, pieces = self._pieces(marked, language, score, place)
        self._pause_before(block.kind, before_s, is_said=bool(pieces))
        for number, piece in enumerate(pieces, 1):
            self._passages.append(self._passage(piece, number, block, language))
        if pieces:
            self._pause(self._pause_behind(block.kind))
        elif marked.text.strip():  # signs in a row
            self._pause(self._how.pauses.section)

    def _pieces(self, marked: Marked, language: str, score: Score, place: str) -> tuple[float, list[Piece]]:
        edited = Edited(marked.text, self._edits(marked, score.voices, language, place))
        try:
            spoken = _normaliser(language, self._voice_language)(edited.text)
        except RequestError as error:
            self._notes.add(f"a paragraph cannot be spoken: {_COUNT.sub('its ', str(error))}", place)
            text = " ".join(marked.text.split())
            return 0.0, [Piece(text, text, score.voices[0][1], 0.0)] if text else []
        if spoken.note:
            self._notes.add("words in scripts that the voice does not speak are left out", place)
        return cut_block(edited.then(spoken.edited.edits), language, score, self._how.pauses)

    def _edits(self, marked: Marked, voices: Sequence[tuple[int, str | None]], language: str, place: str) -> list[Edit]:
        """Return what is said in place of what is written, by marks and by the lexicon."""
        edits: list[Edit] = []
        for mark in marked.marks:
            if mark.kind is MarkKind.LANGUAGE:
                self._notes.add("words in another language are read as those around them", place)
            elif (said := self._said(mark, marked.text, language, place)) and (not edits or edits[-1].end <= mark.start):
                edits.append(Edit(mark.start, mark.end, said))
        return self._how.lexicon.edits(marked.text, Scope(self._book.title, language, voices), edits)

    def _said(self, mark: Mark, text: str, language: str, place: str) -> str | None:
        if mark.start == mark.end:
            return None
        if mark.kind is MarkKind.ALIAS:
            return mark.value
        if mark.kind is MarkKind.PHONEMES:
            if language not in LANGUAGES:
                self._notes.add(f"phonemes in texts in {language!r} are respelled as in English", place)
            return respelled(mark.value, language)
        if mark.kind is MarkKind.SAY_AS and mark.value != "date":  # dates are read as such as it is
            return " ".join("".join(text[mark.start : mark.end].upper().split()))
        return None

    def _language_of(self, block: Block, place: str) -> str:
        if self._language:
            return self._language
        for code in filter(None, (block.language, self._book.language)):
            try:
                return language_of(code)
            except UsageError as error:
                self._notes.add(str(error), place)
        return self._voice_language

    def _pause_before(self, kind: BlockKind, asked_s: float, *, is_said: bool) -> None:
        """Set the silence before a block, which is behind the passage before it."""
        last = self._passages[-1] if self._passages else None
        if asked_s:
            self._pause(min(asked_s, LONGEST_BREAK_S))
        if last is None or not is_said:
            return
        if kind is BlockKind.HEADING and last.kind is not BlockKind.HEADING:
            self._pause(self._how.pauses.section)
        elif last.kind in _LISTED and kind is not last.kind:
            self._pause(self._how.pauses.paragraph)

    def _pause_behind(self, kind: BlockKind) -> float:
        if kind is BlockKind.HEADING:
            return self._how.pauses.heading
        return self._how.pauses.line if kind in _LISTED else self._how.pauses.paragraph

    def _passage(self, piece: Piece, number: int, block: Block, language: str) -> Passage:
        chapter = len(self._chapters)
        return Passage(
            id=f"{self._prefix}{chapter + 1:04d}-{self._in_chapter:05d}-{number:05d}",
            text=piece.spoken,
            written=piece.written,
            chapter=chapter,
            paragraph=self._paragraph,
            kind=block.kind,
            voice=piece.voice,
            language=language,
            pause_s=min(piece.pause_s, LONGEST_BREAK_S),
            line=piece.line,
        )


def check_voices(how: Direction) -> None:
    """Raise ``UsageError`` if the options or the cast name a voice that the model has not."""
    if not how.voices:
        return
    for name in filter(None, (how.voice, how.dialogue_voice, *how.cast.voices)):
        if name not in how.voices:
            raise UsageError(f"there is no voice {name!r}: the model has {', '.join(how.voices)}")


def _is_title_missing(chapter: Chapter, *, holds_next: bool) -> bool:
    """Whether no heading at the beginning of a chapter says its title, and it has something to be a title of."""
    title = chapter.title.strip()
    if title.casefold() in _PAGES:
        return False
    has_text = any(any(map(str.isalnum, block.text)) for block in chapter.blocks if block.kind is not BlockKind.IMAGE)
    if not title or not (holds_next or has_text):
        return False
    headings = " ".join(block.text for block in _leading_headings(chapter.blocks))
    if headings and fuzz.token_set_ratio(title.casefold(), headings.casefold()) >= _SAYS_TITLE:
        return False
    return not _begins_with(chapter.blocks, title)


def _begins_with(blocks: Sequence[Block], title: str) -> bool:
    """Whether a title stands at the top of a chapter, be it set as paragraphs, whole or behind a number."""
    wanted = _letters(title)
    lines = [_letters(block.text) for block in islice((block for block in blocks if block.kind in _TOP), _MOST_TOP)]
    starts = {"".join(lines[:count]) for count in range(1, len(lines) + 1)}
    numbered = takewhile(lambda line: len(line) <= _LONGEST_NUMBER, lines)
    return bool(wanted) and (wanted in starts or wanted in lines[: sum(1 for _ in numbered) + 1])


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def _leading_headings(blocks: Sequence[Block]) -> list[Block]:
    """Return the headings before the first paragraph."""
    headings: list[Block] = []
    for block in blocks:
        if block.kind is BlockKind.HEADING:
            headings.append(block)
        elif block.kind not in (BlockKind.IMAGE, BlockKind.SCENE_BREAK):
            break
    return headings


def _shown(title: str) -> str:
    return title if len(title) <= _SHOWN_CHARS else f"{title[:_SHOWN_CHARS]}\u2026"

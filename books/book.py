"""What a book is, whatever file it came in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class BlockKind(StrEnum):
    """What a block of text is on the page."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    QUOTE = "quote"
    VERSE = "verse"  # its lines end where they are meant to
    ITEM = "item"  # of a list
    ROW = "row"  # of a table, its cells with commas between
    CAPTION = "caption"
    CODE = "code"
    IMAGE = "image"  # its text is the alternative text
    SCENE_BREAK = "scene_break"  # has no text


class MarkKind(StrEnum):
    """What a mark says of a stretch of text."""

    ALIAS = "alias"  # is said in its place: SSML ``sub``, PLS ``alias``
    PHONEMES = "phonemes"  # its pronunciation in IPA: ``ssml:ph``, SSML ``phoneme``
    SAY_AS = "say_as"  # ``digits``, ``characters`` or ``date``
    BREAK = "break"  # a silence in seconds; ``start == end``
    VOICE = "voice"  # who speaks it
    LANGUAGE = "language"  # the code of its language


@dataclass(frozen=True)
class Mark:
    """What is said of ``text[start:end]`` of a block."""

    start: int
    end: int
    kind: MarkKind
    value: str


@dataclass(frozen=True)
class Block:
    r"""A paragraph, or what stands like one.

    Attributes:
        kind: what it is.
        text: as a person sees it, without markup; one line, but for verse and code, whose lines end with ``\n``.
        marks: in order of their starts.
        language: code of its language, if the file says one other than the book's.
        image: the name of an image, for those.
    """

    kind: BlockKind
    text: str = ""
    marks: tuple[Mark, ...] = ()
    language: str | None = None
    image: str | None = None


@dataclass(frozen=True)
class Chapter:
    """An entry of the table of contents, and what is read from there to the next one.

    Attributes:
        title: of the entry, in one line.
        level: how deep it is nested, from 0.
        blocks: in reading order; a heading that says the title is among them if the page has one.
        number: of the entry, from 1, if the book has not all of them any more; ``None``: its place says it.
    """

    title: str
    blocks: tuple[Block, ...]
    level: int = 0
    number: int | None = None


@dataclass(frozen=True)
class Resource:
    """A file that belongs to a book: its cover, an image. ``name`` is a plain file name, unique in the book."""

    name: str
    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Book:
    """What a file holds.

    Attributes:
        title: of the book.
        chapters: in reading order, at least one.
        creators: authors, as people read them.
        language: its code, if the file says it.
        cover: an image.
        images: those that blocks name.
        details: ``publisher``, ``date``, ``identifier``, ``description``, ``rights``, ``subject``, as far as the file says.
        notes: a sentence for each kind of what is not read: footnotes, page numbers, damaged files.
    """

    title: str
    chapters: tuple[Chapter, ...]
    creators: tuple[str, ...] = ()
    language: str | None = None
    cover: Resource | None = None
    images: Mapping[str, Resource] = field(default_factory=dict)
    details: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

"""Chapters by number: choosing some of a book's, and listing them."""

import re
from collections.abc import Sequence
from dataclasses import replace

import typer

from actors.errors import UsageError
from books.book import Block, BlockKind, Book, Chapter

_RANGE = re.compile(r"\s*(\d{1,6})?\s*(-)?\s*(\d{1,6})?\s*")
_WORDS_PER_MINUTE = 155  # of people who read aloud


def parse_chapters(text: str) -> list[tuple[int, int | None]]:
    """Parse ``1,3-5,9-``: first and last numbers, from 1; ``None`` is to the end.

    Raises:
        UsageError: it is no such list.
    """
    ranges = []
    for part in text.split(","):
        found = _RANGE.fullmatch(part)
        if not found or not (found[1] or found[3]):
            raise UsageError(f"--chapters {text!r}: {part!r} is neither a number nor a range: write 1,3-5 or 7-")
        first = int(found[1] or 1)
        last = int(found[3]) if found[3] else None if found[2] else first
        if not first or (last is not None and last < first):
            raise UsageError(f"--chapters {text!r}: {part!r} holds no chapter: numbers begin at 1, and ranges go up")
        ranges.append((first, last))
    return ranges


def chosen_chapters(book: Book, chapters: str | None) -> Book:
    """Return a book with some of its chapters, in its own order; ``None`` are all.

    Raises:
        UsageError: the book has no such chapters.
    """
    if chapters is None:
        return book
    ranges = parse_chapters(chapters)
    count = len(book.chapters)
    if beyond := [first for first, last in ranges if max(first, last or first) > count]:
        raise UsageError(f"--chapters {chapters}: {book.title} has {count} chapters, and no {beyond[0]}: see --list-chapters")
    numbered = (replace(chapter, number=number) for number, chapter in enumerate(book.chapters, 1))
    kept = [chapter for chapter in numbered if any(a <= (chapter.number or 0) <= (b or count) for a, b in ranges)]
    return replace(book, chapters=tuple(kept))


def print_chapters(book: Book) -> None:
    """Print the chapters of a book with their numbers and how long they will take, about."""
    typer.echo(", ".join([book.title, *book.creators]))
    width = len(str(len(book.chapters)))
    for number, chapter in enumerate(book.chapters, 1):
        words = words_of(chapter)
        title = f"{'  ' * chapter.level}{chapter.title}"
        typer.echo(f"{number:{width}}  {title}  ({words:,} words, {words / _WORDS_PER_MINUTE:.0f} min)")
    for note in book.notes:
        typer.echo(f"note: {note}")


def words_of(chapter: Chapter) -> int:
    """Return how many words a chapter has, without the texts of its images."""
    return sum(len(block.text.split()) for block in _read(chapter))


def _read(chapter: Chapter) -> Sequence[Block]:
    return [block for block in chapter.blocks if block.kind is not BlockKind.IMAGE]

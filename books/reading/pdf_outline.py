"""Chapters of a PDF: by its outline, else by its headings."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from books.reading.headings import heading_of
from books.reading.pdf_paragraphs import Paragraph

_ALIKE = 85  # of 100
_LEVELS = 3
_PUNCTUATION = re.compile(r"[\W_]+")
_SLACK = 14  # points: views are set a little above their heading


@dataclass(frozen=True)
class Entry:
    """An entry of an outline: its title, how deep it is nested, its page, and where on it, in points from the foot."""

    title: str
    level: int
    page: int
    top: float | None


@dataclass(frozen=True)
class Start:
    """Where a chapter begins: at which paragraph."""

    index: int
    title: str
    level: int


def starts_of(paragraphs: Sequence[Paragraph], entries: Sequence[Entry]) -> list[Start]:
    """Return where chapters begin, in order, at most one at a paragraph."""
    found = list(_by_outline(paragraphs, entries)) if len(entries) > 1 else []
    starts: list[Start] = []
    for start in found or _by_headings(paragraphs):
        if not starts or start.index > starts[-1].index:
            starts.append(start)
    return starts


def _by_outline(paragraphs: Sequence[Paragraph], entries: Sequence[Entry]) -> Iterator[Start]:
    pages: dict[int, list[int]] = {}
    for index, paragraph in enumerate(paragraphs):
        pages.setdefault(paragraph.page, []).append(index)
    last = -1
    for entry in entries:
        place = _place(paragraphs, pages, entry, last)
        if place is not None and place > last:
            last = place
            yield Start(place, entry.title, entry.level)


def _place(paragraphs: Sequence[Paragraph], pages: dict[int, list[int]], entry: Entry, last: int) -> int | None:
    """Return the paragraph an entry leads to: one that says its title, else the first below its place."""
    on_page = [index for index in pages.get(entry.page, ()) if index > last]
    wanted = _key(entry.title)
    for index in on_page:
        said = _key(paragraphs[index].text)
        if said and (said == wanted or fuzz.ratio(said, wanted) >= _ALIKE or (len(said) > 3 and wanted.startswith(said))):
            return index
    if entry.top is not None:
        below = [index for index in on_page if paragraphs[index].top <= entry.top + _SLACK]
        if below:
            return below[0]
    later = (index for page in sorted(page for page in pages if page > entry.page) for index in pages[page] if index > last)
    return on_page[0] if on_page else next(later, None)


def _key(text: str) -> str:
    return _PUNCTUATION.sub(" ", text).strip().casefold()


def _by_headings(paragraphs: Sequence[Paragraph]) -> Iterator[Start]:
    """Yield headings as chapters, the larger ones above the smaller; a heading right below another is its subtitle."""
    sizes = sorted({paragraph.size for paragraph in paragraphs if paragraph.is_heading}, reverse=True)
    counts = [sum(p.is_heading and p.size == size for p in paragraphs) for size in sizes]
    if len(sizes) > 1 and counts[0] == 1 and paragraphs and paragraphs[0].is_heading and paragraphs[0].size == sizes[0]:
        sizes = sizes[1:]  # the book's title
    for index, paragraph in enumerate(paragraphs):
        if not paragraph.is_heading or paragraph.size not in sizes[:_LEVELS]:
            continue
        behind = paragraphs[index + 1] if index + 1 < len(paragraphs) else None
        title = paragraph.text
        heading = heading_of(title)
        if heading and not heading.title and behind and behind.is_heading and heading_of(behind.text) is None:
            title = f"{title.rstrip('.:')}. {behind.text}"
        elif index and _is_subtitle(paragraphs[index - 1], paragraph):
            continue
        yield Start(index, title, sizes.index(paragraph.size))


def _is_subtitle(above: Paragraph, paragraph: Paragraph) -> bool:
    heading = heading_of(above.text)
    return above.is_heading and heading is not None and not heading.title and heading_of(paragraph.text) is None

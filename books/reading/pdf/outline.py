"""Chapters of a PDF: by its outline, else by its headings."""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz

from books.reading.chapters import Start
from books.reading.headings import heading_of
from books.reading.pdf.paragraphs import Paragraph

_ALIKE = 85  # of 100
_LONGEST_TITLE = 300  # characters
_SEARCHED = 200  # paragraphs of a page, for one that says a title
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


def starts_of(paragraphs: Sequence[Paragraph], entries: Sequence[Entry]) -> list[Start]:
    """Return where chapters begin, in order, at most one at a paragraph."""
    found = list(_by_outline(paragraphs, entries)) if len(entries) > 1 else []
    return found or list(_by_headings(paragraphs))


def _by_outline(paragraphs: Sequence[Paragraph], entries: Sequence[Entry]) -> Iterator[Start]:
    pages = [paragraph.page for paragraph in paragraphs]
    after = 0
    for entry in entries:
        on_page = range(max(after, bisect_left(pages, entry.page)), max(after, bisect_right(pages, entry.page)))
        place = _place(paragraphs, on_page, entry)
        if place < len(paragraphs):
            after = place + 1
            yield Start(place, entry.title, entry.level)


def _place(paragraphs: Sequence[Paragraph], on_page: range, entry: Entry) -> int:
    """Return the paragraph an entry leads to: one that says its title, else the first below its place, else the next."""
    wanted = _key(entry.title)
    for index in on_page[:_SEARCHED]:
        said = _key(paragraphs[index].text[: 2 * _LONGEST_TITLE])
        if said and (fuzz.ratio(said, wanted, score_cutoff=_ALIKE) or (len(said) > 3 and wanted.startswith(said))):
            return index
    if entry.top is not None:
        below = (index for index in on_page if paragraphs[index].top <= entry.top + _SLACK)
        return next(below, on_page.start)
    return on_page.start


@lru_cache(maxsize=4096)
def _key(text: str) -> str:
    return _PUNCTUATION.sub(" ", text).strip().casefold()


def _by_headings(paragraphs: Sequence[Paragraph]) -> Iterator[Start]:
    """Yield headings as chapters, the larger ones above the smaller; a heading right below another is its subtitle."""
    counts = Counter(paragraph.size for paragraph in paragraphs if paragraph.is_heading)
    sizes = sorted(counts, reverse=True)
    if len(sizes) > 1 and counts[sizes[0]] == 1 and paragraphs[0].is_heading and paragraphs[0].size == sizes[0]:
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

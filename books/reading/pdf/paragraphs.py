# ruff: noqa: RUF001 (look-alike characters are listed on purpose)
"""Lines of a PDF's pages put together as paragraphs and headings."""

import itertools
import re
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from books.reading.headings import heading_of, is_title
from books.reading.lines import joined, page_of
from books.reading.pdf.pages import Line
from books.reading.pdf.running import body_size

_ENDS = re.compile(r"[.!?:…][\"'”’»)\]]*\Z")
_LARGER = 1.12  # than the text: a heading
_LONGEST_HEADING = 200  # characters
_MOST_HEADING_LINES = 12
_MOST_BOLD = 0.3  # of a text, if bold lines are headings
_SCENE_BREAK = re.compile(r"(?:[*#~•·⁂_=+–—-]\s*){1,30}\Z")
_CUT = "\u00ad"


@dataclass(frozen=True)
class Paragraph:
    """A paragraph, or a heading.

    Attributes:
        text: of it.
        page: on which it begins, from 0.
        top: of its first line, in points from the page's foot.
        size: of its type.
        is_heading: by its type or its words.
        is_bold: whether all of it is.
        is_scene_break: whether it is nothing but a few signs.
    """

    text: str
    page: int
    top: float
    size: float
    is_heading: bool = False
    is_bold: bool = False
    is_scene_break: bool = False


class _Setting(NamedTuple):
    """How a text is set: size of most of its type, distance of its lines, whether bold type is rare, its columns' edges."""

    size: float
    spacing: float
    bold_is_rare: bool
    edges: dict[tuple[int, int], tuple[float, float]]


def paragraphs_of(pages: Sequence[Sequence[Line]]) -> list[Paragraph]:
    """Return the paragraphs of all pages; those that go on in the next column, or on the next page, are one."""
    lines = [line for page in pages for line in page]
    bold, everything = (sum(len(line.text) for line in lines if line.is_bold or all_of_it) for all_of_it in (False, True))
    setting = _Setting(body_size(pages), _spacing(lines), bold < _MOST_BOLD * everything, _edges(lines))
    words = page_of([line.text for line in lines]).words
    return [_paragraph(group, setting, words) for group in _groups(lines, setting)]


def _groups(lines: Sequence[Line], setting: _Setting) -> Iterator[list[Line]]:
    group: list[Line] = []
    for line in lines:
        if group and _begins(group, line, setting):
            yield group
            group = []
        group.append(line)
    if group:
        yield group


def _spacing(lines: Sequence[Line]) -> float:
    """Return the usual distance of baselines."""
    steps = [
        round(above.bottom - line.bottom, 1)
        for above, line in itertools.pairwise(lines)
        if _are_beside(above, line) and 0 < above.bottom - line.bottom < 4 * line.size
    ]
    return statistics.mode(steps) if steps else 0.0


def _are_beside(above: Line, line: Line) -> bool:
    return (above.page, above.column) == (line.page, line.column)


def _edges(lines: Sequence[Line]) -> dict[tuple[int, int], tuple[float, float]]:
    """Return where most lines of each column begin, and how far they reach."""
    columns: dict[tuple[int, int], list[Line]] = {}
    for line in lines:
        columns.setdefault((line.page, line.column), []).append(line)
    return {
        key: (
            statistics.mode(round(line.left) for line in column),
            statistics.quantiles([line.right for line in column] * 2, n=10)[-1],
        )
        for key, column in columns.items()
    }


def _begins(group: Sequence[Line], line: Line, setting: _Setting) -> bool:
    """Tell whether a line begins a paragraph."""
    last, size = group[-1], setting.size
    was_heading = _is_heading(group, setting)
    if abs(line.size - last.size) > 0.08 * size or was_heading != _is_heading([line], setting):
        return True
    if was_heading and (heading_of(line.text) is not None or line.is_bold != last.is_bold):
        return True
    left, right = setting.edges[line.page, line.column]
    indented = 0.6 * size < line.left - left < 0.5 * (right - left)
    last_left, last_right = setting.edges[last.page, last.column]
    short = last.right < last_right - 0.12 * (last_right - last_left)
    if not _are_beside(last, line):
        return was_heading or (bool(_ENDS.search(last.text)) and (indented or short))
    if setting.spacing and last.bottom - line.bottom > 1.35 * setting.spacing * max(1.0, line.size / size):
        return True
    return (indented and last.left < line.left - 0.3 * size) or (short and bool(_ENDS.search(last.text)))


def _is_heading(lines: Sequence[Line], setting: _Setting) -> bool:
    first = lines[0]
    if len(lines) > _MOST_HEADING_LINES:
        return False
    text = " ".join(line.text for line in lines)
    if len(text) > _LONGEST_HEADING or (sum(letter.isalpha() for letter in text) < 2 and not text[:1].isdigit()):
        return heading_of(text) is not None
    if not text.lstrip("\"'“‘«„([¿¡")[:1].isalnum():
        return False
    if first.size >= _LARGER * setting.size:
        return True
    heading = heading_of(first.text)
    if heading and heading.kind != "number" and (not heading.title or is_title(heading.title)):
        return len(lines) == 1
    return setting.bold_is_rare and first.is_bold and first.size >= 0.98 * setting.size and not _ENDS.search(text)


def _paragraph(lines: Sequence[Line], setting: _Setting, words: Counter[str]) -> Paragraph:
    texts = [line.text for line in lines]
    cut = [text[:-1] + "-" if text.endswith(_CUT) else text for text in texts]
    verse = _is_verse(lines)
    text = "\n".join(texts) if verse else joined(cut, words, cut_hyphen=True)
    return Paragraph(
        text=text.replace(_CUT, "-" if text.endswith(_CUT) else ""),
        page=lines[0].page,
        top=lines[0].top,
        size=lines[0].size,
        is_heading=_is_heading(lines, setting) and not verse,
        is_bold=all(line.is_bold for line in lines),
        is_scene_break=len(lines) == 1 and bool(_SCENE_BREAK.match(text)),
    )


def _is_verse(lines: Sequence[Line]) -> bool:
    """Tell lines that all begin with a capital, and end where no edge is."""
    if len(lines) < 3 or any(not line.text[:1].isupper() for line in lines):
        return False
    widths = [line.right - line.left for line in lines]
    return (
        len({round(line.left) for line in lines}) <= 3 and min(widths) < 0.9 * max(widths) and max(widths) < 30 * lines[0].size
    )

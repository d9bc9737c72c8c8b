"""What stands on a PDF's pages and is not read: running heads and feet, page numbers, footnotes."""

import re
import statistics
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from books.reading.headings import heading_of
from books.reading.pdf.pages import Line

_EDGE = 0.22  # of a page's height
_NUMBER = re.compile(
    r"\W{0,4}(?:(?:page|seite|p\.|s\.)\s*)?(?:\d{1,4}|[ivxlc]{1,7})(?:\s*(?:/|of|von)\s*\d{1,4})?\W{0,4}", re.I
)
_VARIES = re.compile(r"\d+|\b[ivxlc]{1,7}\b", re.I)
_FOOT = re.compile(r"(?:[\[(]?\d{1,3}[\])]?[.:]?|[*†‡§]{1,3}|[a-z]\))\s*\S")
_SMALL = 0.92  # of the size of most of the text
_LEVELS = 3  # of lines at either edge, beside which margins may have signs
_LEVEL = 3  # points: lines whose baselines are closer are beside each other
_APART = 1.7  # sizes of type between a running head and the text
_SIGN = 4  # letters: shorter ones are numbers, or signs in the margin
_FEWEST = 2  # pages with the same line at the same height


def body_size(pages: Sequence[Sequence[Line]]) -> float:
    """Return the size of most of the text."""
    sizes: Counter[float] = Counter()
    for page in pages:
        for line in page:
            sizes[line.size] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def without_running_lines(pages: Sequence[Sequence[Line]]) -> tuple[list[list[Line]], int]:
    """Drop page numbers, and lines at the edges of pages that come again on others but for numbers; return how many."""
    counts = Counter(key for page in pages for key in {_key(line) for line in _edges(page)})
    texts = Counter(line.text for page in pages for line in _edges(page))
    kept: list[list[Line]] = []
    dropped = 0
    for page in pages:
        heights = sorted(line.bottom for line in page)
        running = {
            id(line)
            for line in _edges(page)
            if _is_running(line, counts[_key(line)], heights) and not _begins_chapter(line, texts)
        }
        kept.append([line for line in page if id(line) not in running])
        dropped += len(running)
    return kept, dropped


def _edges(page: Sequence[Line]) -> list[Line]:
    """Return the outermost lines at the top and at the foot: all that are apart from the text, else one."""
    edges: list[Line] = []
    size = statistics.median(line.size for line in page) if page else 0.0
    for at_top in (True, False):
        near = [line for line in page if _is_near(line, at_top)]
        levels = sorted({line.bottom for line in near if len(line.text) >= _SIGN}, reverse=at_top)[: _LEVELS + 1]
        steps = [abs(outer - inner) for outer, inner in pairwise(levels)]
        apart = max((place for place, step in enumerate(steps) if step > _APART * size), default=0)
        edges += [line for line in near if line.bottom in levels[: apart + 1] or len(line.text) < _SIGN]
    return edges


def _is_near(line: Line, at_top: bool) -> bool:
    edge = _EDGE * line.height
    return line.bottom > line.height - edge if at_top else line.top < edge


def _key(line: Line) -> tuple[str, int]:
    return _VARIES.sub("#", line.text).casefold().strip(), round(line.bottom / 4)


def _is_running(line: Line, count: int, heights: Sequence[float]) -> bool:
    if _NUMBER.fullmatch(line.text):
        return _is_outermost(line, heights)
    return count >= _FEWEST and len(line.text) > 1


def _begins_chapter(line: Line, texts: Counter[str]) -> bool:
    """Tell ``CHAPTER IV`` above a chapter from a running head, which comes again on the chapter's other pages."""
    heading = heading_of(line.text)
    is_chapter = heading is not None and heading.kind not in ("named", "number") and not line.text[-1:].isdigit()
    return is_chapter and texts[line.text] == 1


def _is_outermost(line: Line, heights: Sequence[float]) -> bool:
    """Tell whether at most one line is further out."""
    above = len(heights) - bisect_right(heights, line.bottom + _LEVEL)
    below = bisect_left(heights, line.bottom - _LEVEL)
    return min(above, below) <= 1


def without_feet(pages: Sequence[Sequence[Line]]) -> tuple[list[list[Line]], int]:
    """Drop small print at the foot of pages that begins with a footnote's number or sign; return on how many pages."""
    size = body_size(pages)
    kept: list[list[Line]] = []
    dropped = 0
    for page in pages:
        feet = _feet(page, size)
        kept.append([line for line in page if id(line) not in feet])
        dropped += bool(feet)
    return kept, dropped


def _feet(page: Sequence[Line], size: float) -> set[int]:
    feet: set[int] = set()
    for column in {line.column for line in page}:
        lines = [line for line in page if line.column == column]
        small: list[Line] = []
        for line in reversed(lines):
            if line.size >= _SMALL * size:
                break
            small.insert(0, line)
        first = next((place for place, line in enumerate(small) if _FOOT.match(line.text)), None)
        if first is not None and small[first].top < 0.6 * small[first].height:
            feet.update(id(line) for line in small[first:])
    return feet

"""Where the headings of a page begin chapters, for files that have no table of contents."""

from dataclasses import replace

from books.book import BlockKind, Chapter
from books.reading.chapters import Start, cut
from books.reading.html.blocks import Flow

_DEEPEST = 3  # h1 to h3 begin chapters
_MOST_SUBTITLES = 4
_TITLE_PAGE = (BlockKind.HEADING, BlockKind.IMAGE, BlockKind.SCENE_BREAK)  # what stands behind a title that is the book's


def chapters_of(flow: Flow, title: str) -> tuple[Chapter, ...]:
    """Return a page's chapters: each heading down to ``h3`` begins one; without any, the page is one, with the title given.

    A heading that stands alone above all others, and with no text of its own, is the book's title: it goes with what follows.
    """
    return cut(flow.blocks, starts_of(flow), title)


def starts_of(flow: Flow) -> list[Start]:
    """Return where the chapters of a page begin, by its headings."""
    top = min(flow.levels.values(), default=0)
    places = {index: level for index, level in sorted(flow.levels.items()) if level <= max(_DEEPEST, top)}
    if len(places) < 2 or list(places.values()).count(top) > 1 or next(iter(places.values())) != top:
        return _nested(places, flow)
    first, *others = places
    below = _nested({index: places[index] for index in others}, flow)
    if any(block.kind not in _TITLE_PAGE for block in flow.blocks[first : others[0]]):
        return [Start(first, _title_at(first, flow), 0), *below]
    return [replace(below[0], index=first), *below[1:]]


def _nested(places: dict[int, int], flow: Flow) -> list[Start]:
    starts, around = [], list[int]()
    for index, level in places.items():
        while around and around[-1] >= level:
            around.pop()
        starts.append(Start(index, _title_at(index, flow), len(around)))
        around.append(level)
    return starts


def _title_at(index: int, flow: Flow) -> str:
    """Return a heading's words, and those of its subtitles if it has some."""
    title = " ".join(flow.blocks[index].text.split())
    for after in range(index + 1, min(index + 1 + _MOST_SUBTITLES, len(flow.blocks))):
        if flow.blocks[after].kind is not BlockKind.HEADING or after in flow.levels:
            break
        title += (" " if title[-1:] in ".:!?" else ": ") + " ".join(flow.blocks[after].text.split())
    return title

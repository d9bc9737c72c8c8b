"""Chapters by their headings, for files that have no table of contents."""

from collections.abc import Sequence
from dataclasses import dataclass

from books.book import Block, BlockKind, Chapter
from books.reading.blocks import Flow, trimmed

_DEEPEST = 3  # h1 to h3 begin chapters


@dataclass(frozen=True)
class Start:
    """Where a chapter begins: the index of its first block, its title, and how deep it is nested."""

    index: int
    title: str
    level: int


def chapters_of(flow: Flow, title: str) -> tuple[Chapter, ...]:
    """Return a page's chapters: each heading down to ``h3`` begins one; without any, the page is one, with the title given.

    A heading that stands alone above all others, and with no text of its own, is the book's title: it goes with what follows.
    """
    return cut(flow.blocks, starts_of(flow), title)


def starts_of(flow: Flow) -> list[Start]:
    """Return where the chapters of a page begin, by its headings."""
    top = min(flow.levels.values(), default=0)
    places = {index: level for index, level in sorted(flow.levels.items()) if level <= max(_DEEPEST, top)}
    first = next(iter(places), None)
    if first is not None and len(places) > 1 and list(places.values()).count(places[first]) == 1 and places[first] == top:
        second = list(places)[1]
        del places[first]
        if any(
            block.kind not in (BlockKind.HEADING, BlockKind.IMAGE, BlockKind.SCENE_BREAK) for block in flow.blocks[first:second]
        ):
            return [Start(first, heading_at(flow.blocks, first, flow), 0), *_nested(places, flow)]
        nested = _nested(places, flow)
        return [Start(first, nested[0].title, nested[0].level), *nested[1:]]
    return _nested(places, flow)


def _nested(places: dict[int, int], flow: Flow) -> list[Start]:
    starts, around = [], list[int]()
    for index, level in places.items():
        while around and around[-1] >= level:
            around.pop()
        starts.append(Start(index, heading_at(flow.blocks, index, flow), len(around)))
        around.append(level)
    return starts


def heading_at(blocks: Sequence[Block], index: int, flow: Flow | None = None) -> str:
    """Return a heading's words, and those of its subtitle if it has one."""
    title = " ".join(blocks[index].text.split())
    after = index + 1
    while flow is not None and after < len(blocks) and blocks[after].kind is BlockKind.HEADING and after not in flow.levels:
        title += (" " if title[-1:] in ".:!?" else ": ") + " ".join(blocks[after].text.split())
        after += 1
    return title


def cut(blocks: Sequence[Block], starts: Sequence[Start], title: str) -> tuple[Chapter, ...]:
    """Return the chapters between starts, those without a block left out; what stands before the first is one of its own.

    That one is called as its first heading is, or as the book.
    """
    ends = [*(start.index for start in starts[1:]), len(blocks)]
    before = trimmed(blocks[: starts[0].index] if starts else blocks)
    chapters = [Chapter(_first_heading(before) or title, before)] if before else []
    for start, end in zip(starts, ends, strict=False):
        inside = trimmed(blocks[start.index : end])
        if inside:
            chapters.append(Chapter(start.title or _first_heading(inside) or title, inside, start.level))
    return tuple(chapters)


def _first_heading(blocks: Sequence[Block]) -> str:
    return next((" ".join(block.text.split()) for block in blocks if block.kind is BlockKind.HEADING), "")

"""A book's text cut into its chapters."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from books.book import Block, BlockKind, Chapter

_LONGEST_TITLE = 300  # characters: players show fewer


@dataclass(frozen=True)
class Start:
    """Where a chapter begins: the index of its first block, its title, and how deep it is nested."""

    index: int
    title: str
    level: int


def cut(blocks: Sequence[Block], starts: Sequence[Start], title: str) -> tuple[Chapter, ...]:
    """Return the chapters between starts, those without a block left out; what stands before the first is one of its own.

    That one is called as its first heading is, or as the book. Titles are cut at 300 characters.
    """
    chapters = []
    for start, end in pairwise([Start(0, "", 0), *starts, Start(len(blocks), "", 0)]):
        if inside := _trimmed(blocks[start.index : end.index]):
            said = start.title or _first_heading(inside) or title
            chapters.append(Chapter(said[:_LONGEST_TITLE], inside, start.level))
    return tuple(chapters)


def _trimmed(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """Return blocks without scene breaks at either end."""
    first, last = 0, len(blocks)
    while first < last and blocks[first].kind is BlockKind.SCENE_BREAK:
        first += 1
    while last > first and blocks[last - 1].kind is BlockKind.SCENE_BREAK:
        last -= 1
    return tuple(blocks[first:last])


def _first_heading(blocks: Sequence[Block]) -> str:
    return next((" ".join(block.text.split()) for block in blocks if block.kind is BlockKind.HEADING), "")

"""The blocks of a page while they are being collected: text with its white space as a browser shows it, and marks at it."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from books.book import Block, Mark, MarkKind

# Soft hyphen, zero-width space, word joiner, byte order mark: nobody sees them.
_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff]")


@dataclass
class Flow:
    """What a page says, in order.

    Attributes:
        blocks: as they stand on the page.
        levels: of the headings that begin a part of the text, 1 to 6, by their index in ``blocks``. A subtitle has none.
        anchors: of each ``id``, the index of the block it stands in, or before.
        skipped: how often each kind of thing was left out.
        title: of the page, as its ``<title>`` says it.
        language: of the page, as its root says it.
        linked: characters that stand in links.
    """

    blocks: list[Block] = field(default_factory=list)
    levels: dict[int, int] = field(default_factory=dict)
    anchors: dict[str, int] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)
    title: str = ""
    language: str | None = None
    linked: int = 0

    def part(self, first: int, last: int) -> "Flow":
        """Return what is between two blocks; anchors before it lead to its first block."""
        levels = {index - first: level for index, level in self.levels.items() if first <= index < last}
        anchors = {key: max(index - first, 0) for key, index in self.anchors.items() if index < last}
        return replace(self, blocks=self.blocks[first:last], levels=levels, anchors=anchors)

    def append(self, other: "Flow", path: str) -> None:
        """Add the blocks of another page; its anchors are keyed by its path and ``#`` then, and so is its begin."""
        first = len(self.blocks)
        self.blocks += other.blocks
        self.levels |= {first + index: level for index, level in other.levels.items()}
        self.anchors |= {f"{path}#{key}": first + index for key, index in {"": 0, **other.anchors}.items()}

    def insert(self, places: Sequence[int], block: Block) -> None:
        """Put a block before each of those at ``places``, which are in order."""
        for place in reversed(places):
            self.blocks.insert(place, block)
        self.levels = {index + bisect_right(places, index): level for index, level in self.levels.items()}
        self.anchors = {key: index + bisect_right(places, index) for key, index in self.anchors.items()}


@dataclass(eq=False)  # two that say the same are two
class OpenMark:
    """A mark whose end is yet to come; it starts at the first word that follows."""

    kind: MarkKind
    value: str
    start: int | None = None


class TextBuilder:
    """Joins pieces of text to a block's text, runs of white space to one space, and keeps marks at their words."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self._last = ""
        self._space = False
        self._open: list[OpenMark] = []
        self._marks: list[Mark] = []

    def __len__(self) -> int:
        return self._length

    def add(self, text: str) -> None:
        """Add text; white space at either end separates it from what stands there."""
        if not text.isascii():
            text = _INVISIBLE.sub("", text)
        words = text.split()
        if not words:
            self._space = self._space or bool(text)
            return
        if (self._space or text[0].isspace()) and self._length and self._last != "\n":
            self._append(" ")
        self._start_marks()
        self._append(" ".join(words))
        self._space = text[-1].isspace()

    def add_exactly(self, text: str) -> None:
        """Add text with its white space."""
        text = text.replace("\r\n", "\n").expandtabs(4)
        text = text if self._length else text.lstrip("\n")
        if text:
            self._start_marks()
            self._append(text)

    def join(self, separator: str) -> None:
        """Begin another cell of a row, if there is one before it."""
        if separator and self._length and self._last not in ",;:.!?":
            self._append(separator.rstrip())
        self._space = True

    def new_line(self) -> bool:
        """Begin a line; return whether there was an empty one already."""
        if self._last == "\n":
            return False
        if self._length:
            self._append("\n")
            self._space = False
        return True

    def open(self, kind: MarkKind, value: str) -> OpenMark:
        """Begin a mark at the next word."""
        mark = OpenMark(kind, value)
        self._open.append(mark)
        return mark

    def close(self, mark: OpenMark) -> None:
        """End a mark after the last word."""
        self._open.remove(mark)
        self._keep(mark)

    def point(self, kind: MarkKind, value: str) -> None:
        """Set a mark that has no words."""
        self._marks.append(Mark(self._length, self._length, kind, value))

    def take(self) -> tuple[str, tuple[Mark, ...]]:
        """Return the text and its marks, and begin anew; marks that are open go on in the next text."""
        for mark in self._open:
            self._keep(mark)
            mark.start = None
        text = "".join(self._pieces).rstrip()
        marks = sorted((mark for mark in self._marks if mark.start <= len(text)), key=lambda mark: mark.start)
        self._pieces, self._length, self._last, self._space, self._marks = [], 0, "", False, []
        return text, tuple(replace(mark, end=min(mark.end, len(text))) for mark in marks)

    def _append(self, text: str) -> None:
        self._pieces.append(text)
        self._length += len(text)
        self._last = text[-1]

    def _start_marks(self) -> None:
        for mark in self._open:
            if mark.start is None:
                mark.start = self._length

    def _keep(self, mark: OpenMark) -> None:
        if mark.start is not None and mark.start < self._length:
            self._marks.append(Mark(mark.start, self._length, mark.kind, mark.value))

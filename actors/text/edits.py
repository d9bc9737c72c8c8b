"""A text that was changed in places, and where each part of it stood before."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property
from operator import itemgetter
from typing import NamedTuple


class Edit(NamedTuple):
    """``source[start:end]`` becomes ``text``."""

    start: int
    end: int
    text: str


class Span(NamedTuple):
    """``text[start:end]`` stands where ``source[source_start:source_end]`` stood."""

    start: int
    end: int
    source_start: int
    source_end: int


class Edited:
    """A source with edits, which are in order and do not overlap.

    Args:
        source: the text before.
        edits: of the source.

    Attributes:
        text: the text after.

    Raises:
        ValueError: edits overlap, are out of order, or out of the source.
    """

    def __init__(self, source: str, edits: Iterable[Edit] = ()) -> None:
        self.source = source
        self.edits: Sequence[Edit] = tuple(edits)
        self.text = self._made() if self.edits else source

    def _made(self) -> str:
        parts: list[str] = []
        position = 0
        for start, end, text in self.edits:
            if not position <= start <= end <= len(self.source):
                raise ValueError(f"an edit of {start} to {end}, behind {position}, in a text of {len(self.source)} characters")
            parts += (self.source[position:start], text)
            position = end
        return "".join([*parts, self.source[position:]])

    @cached_property
    def spans(self) -> Sequence[Span]:
        """Where the edits are in :attr:`text` and in the source; between them both are equal."""
        spans = []
        growth = 0
        for start, end, text in self.edits:
            spans.append(Span(start + growth, start + growth + len(text), start, end))
            growth += len(text) - (end - start)
        return spans

    def then(self, edits: Sequence[Edit]) -> "Edited":
        """Return the source with ``edits`` of :attr:`text` made after its own; those that touch become one."""
        if not edits:
            return self
        if not self.edits:
            return Edited(self.source, edits)
        mine = [(span.start, span.end, None) for span in self.spans]
        later = [(edit.start, edit.end, edit.text) for edit in edits]
        merged: list[Edit] = []
        passed = shift = 0  # own edits so far, and by how much the text is longer for them
        for group in _touching(sorted([*mine, *later], key=itemgetter(0, 1))):
            start, end, text = group[0]
            if len(group) > 1:
                end = max(place[1] for place in group)
                text = self._applied(group, start, end)
            own = (
                self.edits[passed : passed + sum(place[2] is None for place in group)] if text is None or len(group) > 1 else ()
            )
            source_start = start - shift
            passed += len(own)
            shift += sum(len(edit.text) - (edit.end - edit.start) for edit in own)
            merged.append(own[0] if text is None else Edit(source_start, end - shift, text))
        return Edited(self.source, merged)

    def _applied(self, places: Sequence["_Place"], start: int, end: int) -> str:
        """Return ``text[start:end]`` with the later ones of some edits."""
        parts: list[str] = []
        for edit_start, edit_end, text in places:
            if text is not None:
                parts += (self.text[start:edit_start], text)
                start = edit_end
        return "".join([*parts, self.text[start:end]])

    def source_span(self, start: int, end: int) -> tuple[int, int]:
        """Return where ``text[start:end]`` stood in the source; an edit that is cut there counts whole."""
        before = bisect_right(self.spans, start, key=lambda span: span.start) - 1
        within = bisect_left(self.spans, end, key=lambda span: span.start) - 1
        first = (
            self._unedited(before, start) if before < 0 or start >= self.spans[before].end else self.spans[before].source_start
        )
        last = self._unedited(within, end) if within < 0 or end >= self.spans[within].end else self.spans[within].source_end
        return first, max(first, last)

    def _unedited(self, before: int, position: int) -> int:
        """Return where a position was that is in no edit, and behind that of index ``before``."""
        return position if before < 0 else position - self.spans[before].end + self.spans[before].source_end


# Of an edit in the text between two rounds: start, end, and what it becomes in the second round, if it is one of that.
_Place = tuple[int, int, str | None]


def _touching(places: Iterable[_Place]) -> Iterable[list[_Place]]:
    """Group places, which are in order, so that those of one group have characters in common."""
    group: list[_Place] = []
    end = 0
    for place in places:
        if group and place[0] >= end:
            yield group
            group = []
        group.append(place)
        end = max(end, place[1])
    if group:
        yield group

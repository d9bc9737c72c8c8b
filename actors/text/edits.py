"""A text that was changed in places, and where each part of it stood before."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property
from operator import attrgetter
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
        if not self.edits or not edits:
            return Edited(self.source, edits or self.edits)
        return Edited(self.source, self._merged(edits))

    def _merged(self, edits: Sequence[Edit]) -> list[Edit]:
        own, spans = self.edits, self.spans
        merged: list[Edit] = []
        passed = index = shift = 0  # own and later edits so far, and by how much the text is longer for the own
        while index < len(edits):
            start, end, text = edits[index]
            while passed < len(own) and spans[passed].end <= start:
                merged.append(own[passed])
                shift = spans[passed].end - own[passed].end
                passed += 1
            if passed == len(own) or spans[passed].start >= end:  # touches none, as most do
                merged.append(Edit(start - shift, end - shift, text))
                index += 1
                continue
            first, start = index, min(start, spans[passed].start)
            passed, index, end = self._touching(edits, passed, index, end)
            source_start, shift = start - shift, spans[passed - 1].end - own[passed - 1].end
            merged.append(Edit(source_start, end - shift, self._applied(edits[first:index], start, end)))
        return [*merged, *own[passed:]]

    def _touching(self, edits: Sequence[Edit], passed: int, index: int, end: int) -> tuple[int, int, int]:
        """Return how many own and later edits are passed behind two that touch and all that touch them, and where these end."""
        spans = self.spans
        passed, index, end = passed + 1, index + 1, max(end, spans[passed].end)
        while True:
            if passed < len(spans) and spans[passed].start < end:
                passed, end = passed + 1, max(end, spans[passed].end)
            elif index < len(edits) and edits[index].start < end:
                index, end = index + 1, max(end, edits[index].end)
            else:
                return passed, index, end

    def _applied(self, edits: Sequence[Edit], start: int, end: int) -> str:
        """Return ``text[start:end]`` with later edits."""
        parts: list[str] = []
        for edit_start, edit_end, text in edits:
            parts += (self.text[start:edit_start], text)
            start = edit_end
        return "".join([*parts, self.text[start:end]])

    def source_span(self, start: int, end: int) -> tuple[int, int]:
        """Return where ``text[start:end]`` stood in the source; an edit that is cut there counts whole."""
        before = bisect_right(self.spans, start, key=attrgetter("start")) - 1
        within = bisect_left(self.spans, end, key=attrgetter("start")) - 1
        is_cut_first = before >= 0 and start < self.spans[before].end
        is_cut_last = within >= 0 and end < self.spans[within].end
        first = self.spans[before].source_start if is_cut_first else self._unedited(before, start)
        last = self.spans[within].source_end if is_cut_last else self._unedited(within, end)
        return first, max(first, last)

    def _unedited(self, before: int, position: int) -> int:
        """Return where a position was that is in no edit, and behind that of index ``before``."""
        return position if before < 0 else position - self.spans[before].end + self.spans[before].source_end


class _Place(NamedTuple):
    """An edit in the text between two rounds of them; ``text`` is what one of the second becomes."""

    start: int
    end: int
    text: str | None


def _touching(places: Iterable[_Place]) -> Iterable[list[_Place]]:
    """Group places, which are in order, so that those of one group have characters in common."""
    group: list[_Place] = []
    end = 0
    for place in places:
        if group and place.start >= end:
            yield group
            group = []
        group.append(place)
        end = max(end, place.end)
    if group:
        yield group

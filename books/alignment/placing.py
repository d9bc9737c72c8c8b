"""From words that were found in recordings to the times of passages, with those that were not found between them."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate, groupby
from statistics import median
from typing import NamedTuple

from books.alignment.matching import Pair
from books.alignment.pauses import Pauses
from books.alignment.words import HeardWord, SaidWord

_USUAL_LETTER_S = 0.065  # of people who read aloud; where nothing was found, and of what is too short to tell
_LEAST_ROOM, _MOST_ROOM = (
    0.4,
    2.5,
)  # of what words take at the usual pace: with less they are left out, with more something is added
_SLACK_S = 1.0
_LEAST_HEARD = 0.5  # words at an end of a recording that were heard there, for each that the book has
_LONGEST_WORD, _SHORTEST_LIMIT_S = 3.0, 0.5  # of its usual length: a longer one has a pause in it, or what was not recognised


class Spot(NamedTuple):
    """Where a word is: the index of the recording, and seconds there."""

    recording: int
    start_s: float
    end_s: float


class Span(NamedTuple):
    """Where a passage is, if it is, and how many of its words were recognised."""

    recording: int | None
    start_s: float
    end_s: float
    words: int
    heard: int


class Placer:
    """Places words and passages.

    Args:
        said: the words of the book.
        heard: those of all recordings.
        pairs: which are the same.
        durations: of the recordings, in seconds.
        pauses: of the recordings.
    """

    def __init__(
        self,
        said: Sequence[SaidWord],
        heard: Sequence[HeardWord],
        pairs: Sequence[Pair],
        durations: Sequence[float],
        pauses: Sequence[Pauses],
    ) -> None:
        self._said, self._durations, self._pauses = said, durations, pauses
        self._letters = [0, *accumulate(len(word.text) for word in said)]
        letter_s = [(w.end_s - w.start_s) / len(w.text) for w in (heard[pair.heard] for pair in pairs)]
        self._letter_s = max(0.2 * _USUAL_LETTER_S, median([*letter_s, _USUAL_LETTER_S]))
        self._order = [pair.said for pair in pairs]
        self._found = {pair.said: self._spot(heard[pair.heard]) for pair in pairs}
        matched = {pair.heard for pair in pairs}
        self._strays = [
            sorted(w.start_s for i, w in enumerate(heard) if w.recording == number and i not in matched)
            for number in range(len(durations))
        ]
        self._filled: dict[int, Spot] = {}

    def _spot(self, word: HeardWord) -> Spot:
        """Return where a word is, without the pause that a model may count to it."""
        pauses = self._pauses[word.recording]
        limit = max(_SHORTEST_LIMIT_S, _LONGEST_WORD * len(word.text) * self._letter_s)
        first, last = pauses.spoken(word.start_s), pauses.spoken(word.end_s)
        start = max(word.start_s, pauses.time(last - limit)) if last - first > limit else word.start_s
        return Spot(word.recording, start, max(start, word.end_s))

    def place(self, count: int, chapters: Sequence[int]) -> list[Span]:
        """Return where passages are, in their order.

        Args:
            count: of the passages.
            chapters: the chapter of each: what is missing between recordings is looked for where its chapter is.
        """
        self._fill_gaps(chapters)
        words: dict[int, list[int]] = {
            passage: [index for index, _ in group]
            for passage, group in groupby(enumerate(self._said), key=lambda item: item[1].passage)
        }
        return self._apart([self._span(words.get(passage, [])) for passage in range(count)])

    def misheard(self, first: HeardWord, last: HeardWord) -> int:
        """Return how many words of the book were placed, without being recognised, between two that were heard."""
        starts = self._filled_starts[first.recording]
        return bisect_left(starts, last.end_s) - bisect_left(starts, first.start_s)

    @cached_property
    def _filled_starts(self) -> Sequence[Sequence[float]]:
        """When the words begin that were placed without being recognised, by recording."""
        starts: list[list[float]] = [[] for _ in self._durations]
        for spot in self._filled.values():
            starts[spot.recording].append(spot.start_s)
        return [sorted(each) for each in starts]

    # --- words that were not found

    def _fill_gaps(self, chapters: Sequence[int]) -> None:
        for first, stop in self._gaps():
            left, right = self._found.get(first - 1), self._found.get(stop)
            if left and right and left.recording == right.recording:
                self._fill_between(first, stop, left, right)
                continue
            cut = self._cut(first, stop, chapters) if left and right else (stop if left else first)
            if left:
                self._fill_behind(first, cut, left)
            if right:
                self._fill_before(cut, stop, right)

    def _gaps(self) -> Iterator[tuple[int, int]]:
        """Yield the first word and the last + 1 of what was not found."""
        first = 0
        for index in [*self._order, len(self._said)]:
            if index > first:
                yield first, index
            first = index + 1

    def _cut(self, first: int, stop: int, chapters: Sequence[int]) -> int:
        """Return where a gap between two recordings goes over to the second: where the second's chapter begins."""
        last = chapters[self._said[stop].passage]
        return next((i for i in range(first, stop) if chapters[self._said[i].passage] == last), stop)

    def _needed_s(self, first: int, stop: int) -> float:
        return (self._letters[stop] - self._letters[first]) * self._letter_s

    def _fill_between(self, first: int, stop: int, left: Spot, right: Spot) -> None:
        pauses = self._pauses[left.recording]
        begin, end = pauses.spoken(left.end_s), pauses.spoken(right.start_s)
        needed = self._needed_s(first, stop)
        if end - begin < _LEAST_ROOM * needed:
            return
        if end - begin <= _MOST_ROOM * needed + _SLACK_S:
            self._spread(first, stop, left.recording, begin, end)
            return
        passage = self._said[first - 1].passage
        cut = next((i for i in range(first, stop) if self._said[i].passage != passage), stop)
        self._fill_behind(first, cut, left)
        self._fill_before(cut, stop, right)

    def _fill_behind(self, first: int, stop: int, left: Spot) -> None:
        pauses = self._pauses[left.recording]
        begin, needed = pauses.spoken(left.end_s), self._needed_s(first, stop)
        end = min(begin + needed, pauses.spoken(self._durations[left.recording]))
        if end - begin >= _LEAST_ROOM * needed and self._speaks(
            left.recording, pauses.time(begin), pauses.time(end), stop - first
        ):
            self._spread(first, stop, left.recording, begin, end)

    def _fill_before(self, first: int, stop: int, right: Spot) -> None:
        pauses = self._pauses[right.recording]
        end, needed = pauses.spoken(right.start_s), self._needed_s(first, stop)
        begin = max(0.0, end - needed)
        if end - begin >= _LEAST_ROOM * needed and self._speaks(
            right.recording, pauses.time(begin), right.start_s, stop - first
        ):
            self._spread(first, stop, right.recording, begin, end)

    def _speaks(self, recording: int, start_s: float, end_s: float, words: int) -> bool:
        """Whether words were heard in a stretch that may be those of the book."""
        starts, slack = self._strays[recording], (end_s - start_s) / 2
        return bisect_left(starts, end_s + slack) - bisect_left(starts, start_s - slack) >= _LEAST_HEARD * words

    def _spread(self, first: int, stop: int, recording: int, begin: float, end: float) -> None:
        """Place words by their letters between two times of speech."""
        pauses, base = self._pauses[recording], self._letters[first]
        letter_s = (end - begin) / max(1, self._letters[stop] - base)
        for index in range(first, stop):
            start, last = (begin + (self._letters[i] - base) * letter_s for i in (index, index + 1))
            self._filled[index] = Spot(recording, pauses.time(start), pauses.time(last))

    # --- passages

    def _span(self, words: Sequence[int]) -> Span:
        heard = sum(index in self._found for index in words)
        spots = [(index, spot) for index in words if (spot := self._found.get(index) or self._filled.get(index))]
        if not spots:
            return Span(None, 0.0, 0.0, len(words), heard)
        recording = spots[0][1].recording
        pauses = self._pauses[recording]
        own = [spot for _, spot in spots if spot.recording == recording]
        start = max(pauses.beginning(own[0].start_s), min(self._heard_until(words[0], recording), own[0].start_s))
        return Span(recording, start, max(start, pauses.ending(own[-1].end_s)), len(words), heard)

    def _heard_until(self, word: int, recording: int) -> float:
        """Return when the last word that was recognised before one ends, in seconds; 0 if that is in another recording."""
        index = bisect_left(self._order, word) - 1
        spot = self._found[self._order[index]] if index >= 0 else None
        return spot.end_s if spot and spot.recording == recording else 0.0

    def _apart(self, spans: Sequence[Span]) -> list[Span]:
        """Let passages begin behind the last word of the one before, and end before the next one begins."""
        made: list[Span] = []
        last: dict[int, int] = {}
        for index, span in enumerate(spans):
            made.append(span)
            if span.recording is None:
                continue
            before = last.get(span.recording)
            start = span.start_s if before is None else max(span.start_s, made[before].start_s)
            if before is not None:
                made[before] = made[before]._replace(end_s=min(made[before].end_s, start))
            made[index] = span._replace(start_s=start, end_s=max(start, span.end_s))
            last[span.recording] = index
        return made

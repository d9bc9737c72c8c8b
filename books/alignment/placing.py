"""From words that were found in recordings to the times of passages, with those that were not found between them."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate, groupby
from operator import attrgetter
from statistics import median
from typing import NamedTuple

from rapidfuzz import fuzz

from books.alignment.matching import Pair
from books.alignment.pauses import Pauses
from books.alignment.words import HeardWord, SaidWord

_USUAL_LETTER_S = 0.065  # of people who read aloud; where nothing was found, and of what is too short to tell
_LEAST_ROOM, _MOST_ROOM = (
    0.4,
    2.5,
)  # of what words take at the usual pace: with less they are left out, with more something is added
_SLACK_S = 1.0
_LEAST_HEARD = 0.5  # words that were heard for each of the book's, if they are those, misheard; and the other way round
_LIKE = 60.0  # percent of the letters of a sentence and of what was heard in its place; two that are others have less
_HAIR_S = 1e-6
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
        by_recording: list[list[HeardWord]] = [[] for _ in durations]
        for index, word in enumerate(heard):
            if index not in matched:
                by_recording[word.recording].append(word)
        self._strays = [sorted(words, key=attrgetter("start_s")) for words in by_recording]
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
        misheard = self._strays_in(left.recording, left.end_s - _HAIR_S, right.start_s)
        if _LEAST_HEARD * (stop - first) <= len(misheard) <= (stop - first) / _LEAST_HEARD:
            begin, end = pauses.spoken(misheard[0].start_s), pauses.spoken(misheard[-1].end_s)
            self._spread(first, stop, left.recording, begin, end)
        elif _LEAST_ROOM * needed <= end - begin <= _MOST_ROOM * needed + _SLACK_S:
            self._spread(first, stop, left.recording, begin, end)
        elif end - begin > needed:
            passage = self._said[first - 1].passage
            cut = next((i for i in range(first, stop) if self._said[i].passage != passage), stop)
            self._fill_behind(first, cut, left)
            self._fill_before(cut, stop, right)

    def _fill_behind(self, first: int, stop: int, left: Spot) -> None:
        """Place words behind one that was recognised, a passage after the other, as long as somebody speaks there."""
        pauses = self._pauses[left.recording]
        begin, longest = pauses.spoken(left.end_s), pauses.spoken(self._durations[left.recording])
        for a, b in self._by_passage(first, stop):
            needed = self._needed_s(a, b)
            end = min(begin + needed, longest)
            start_s, end_s = pauses.time(begin), pauses.time(end)
            words = self._strays_in(left.recording, start_s, end_s + (end_s - start_s) / 2)
            if end - begin < _LEAST_ROOM * needed or not self._may_be(a, b, words):
                return
            self._spread(a, b, left.recording, begin, end)
            begin = end

    def _fill_before(self, first: int, stop: int, right: Spot) -> None:
        """Place words before one that was recognised, as :meth:`_fill_behind` does behind one."""
        pauses = self._pauses[right.recording]
        end, end_s = pauses.spoken(right.start_s), right.start_s
        for a, b in reversed(self._by_passage(first, stop)):
            needed = self._needed_s(a, b)
            begin = max(0.0, end - needed)
            start_s = pauses.time(begin)
            words = self._strays_in(right.recording, start_s - (end_s - start_s) / 2, end_s)
            if end - begin < _LEAST_ROOM * needed or not self._may_be(a, b, words):
                return
            self._spread(a, b, right.recording, begin, end)
            end, end_s = begin, start_s

    def _may_be(self, first: int, stop: int, strays: Sequence[HeardWord]) -> bool:
        """Whether words that are none of the book's may be words of it, misheard.

        Of a sentence whose other words were recognised as many are enough; of one of which none was they have to be like it:
        announcements stand at the ends of what is read, too.
        """
        passage = self._said[first].passage
        is_whole = all(self._said[i].passage != passage for i in (first - 1, stop) if 0 <= i < len(self._said))
        if not is_whole:
            return len(strays) >= _LEAST_HEARD * (stop - first)
        said, heard = "".join(word.text for word in self._said[first:stop]), "".join(word.text for word in strays)
        return fuzz.ratio(said, heard) >= _LIKE

    def _strays_in(self, recording: int, start_s: float, end_s: float) -> Sequence[HeardWord]:
        """Return the words that are none of the book's and begin in a stretch of a recording."""
        strays = self._strays[recording]
        first, stop = (bisect_left(strays, seconds, key=attrgetter("start_s")) for seconds in (start_s, end_s))
        return strays[first:stop]

    def _by_passage(self, first: int, stop: int) -> list[tuple[int, int]]:
        """Return stretches of words, each of one passage, as their first word and their last + 1."""
        groups = (list(group) for _, group in groupby(range(first, stop), key=lambda index: self._said[index].passage))
        return [(group[0], group[-1] + 1) for group in groups]

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
        start = max(pauses.beginning(own[0].start_s, own[0].end_s), min(self._heard_until(words[0], recording), own[0].start_s))
        return Span(recording, start, max(start, pauses.ending(own[-1].start_s, own[-1].end_s)), len(words), heard)

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

"""Which words of a book are which words that were heard, for books of any length.

Words that follow each other, and that each side has only once, are anchors: those that stand in the same order on both sides
are kept (patience diff, as Bram Cohen describes it), and the same is done between them, where more of them are alone. What is
left between anchors is short and aligned word by word. What has no anchor and is long, such as one word a hundred thousand
times, is compared piece by piece along the diagonal: time and memory grow with the number of words, whatever they are.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

_LONGEST_ANCHOR = 4  # words; then three of them, two, one
_SMALL = 60_000  # pairs of words of which each is looked at: Levenshtein's matrix of bits is some kilobytes
_PIECE = 200  # words that are compared at once where nothing is an anchor
_DEEPEST = 40  # anchors within anchors
_MOST_COMPARED = 2_500  # pairs of words whose letters are compared
_LIKE = 60.0  # percent of the letters of two words, of which one is taken for the other misheard
_MISSING_COST, _WORST_COST = 0.6, 1.21  # of a word alone; of two that are not alike, which is more than of both alone

# What is matched by chance stands alone: a run of fewer words is kept only where its neighbours say the same.
_RUN_GAP = 5  # words between two of a run
_SHORT_RUN = 4
_NEAR, _DRIFT = 60, 0.34  # words from a run to its neighbour, and which share of them may be missing on one side


class Pair(NamedTuple):
    """A word of the book and the heard one that it is, by their places."""

    said: int
    heard: int


class _Range(NamedTuple):
    """Words ``said[a:b]`` and ``heard[c:d]``; ``size`` of the anchors that are looked for, and how deep it is nested."""

    a: int
    b: int
    c: int
    d: int
    size: int = _LONGEST_ANCHOR
    depth: int = 0


def match_words(said: Sequence[str], heard: Sequence[str]) -> list[Pair]:
    """Return the pairs of words that are the same or alike, both sides in order; chance matches are left out.

    Args:
        said: the words of a book, normalised.
        heard: the words that were heard, in the same way.
    """
    numbers: dict[str, int] = {}
    left, right = ([numbers.setdefault(word, len(numbers)) for word in words] for words in (said, heard))
    pairs: list[Pair] = []
    waiting = [_Range(0, len(left), 0, len(right))]
    while waiting:
        span, equal = _trimmed(left, right, waiting.pop())
        pairs += equal
        if span.a == span.b or span.c == span.d:
            continue
        if (span.b - span.a) * (span.d - span.c) <= _SMALL:
            pairs += _aligned(said, heard, span)
        elif span.size and span.depth < _DEEPEST and (anchors := _anchors(left, right, span)):
            pairs += anchors
            waiting += _between(anchors, span)
        elif span.size and span.depth < _DEEPEST:
            waiting.append(span._replace(size=span.size - 1))
        else:
            pairs += (pair for piece in _pieces(span) for pair in _aligned(said, heard, piece))
    return _without_chance(_together(left, right, sorted(pairs)), len(said))


def _trimmed(left: Sequence[int], right: Sequence[int], span: _Range) -> tuple[_Range, list[Pair]]:
    """Return a range without the equal words at its ends, and these."""
    a, b, c, d = span[:4]
    while a < b and c < d and left[a] == right[c]:
        a, c = a + 1, c + 1
    begin = [Pair(span.a + i, span.c + i) for i in range(a - span.a)]
    while a < b and c < d and left[b - 1] == right[d - 1]:
        b, d = b - 1, d - 1
    return span._replace(a=a, b=b, c=c, d=d), begin + [Pair(b + i, d + i) for i in range(span.b - b)]


def _anchors(left: Sequence[int], right: Sequence[int], span: _Range) -> list[Pair]:
    """Return the words of the anchors that are in the same order on both sides."""
    here, there = (_alone(words, *ends, span.size) for words, ends in ((left, span[:2]), (right, span[2:4])))
    common = [(place, there[words]) for words, place in here.items() if words in there]
    chain = [common[i] for i in _rising([place for _, place in common])]
    found = {Pair(i + k, j + k) for i, j in chain for k in range(span.size)}
    # Anchors that overlap and are shifted against each other would pair a word twice.
    kept: list[Pair] = []
    for pair in sorted(found):
        if not kept or (pair.said > kept[-1].said and pair.heard > kept[-1].heard):
            kept.append(pair)
    return kept


def _alone(words: Sequence[int], first: int, stop: int, size: int) -> dict[tuple[int, ...], int]:
    """Return the runs of words that a side has once, in order, with their places."""
    places: dict[tuple[int, ...], int] = {}
    runs = zip(*(words[first + k : stop - size + 1 + k] for k in range(size)), strict=True)
    for place, run in enumerate(runs, first):
        places[run] = -1 if run in places else place
    return {run: place for run, place in places.items() if place >= 0}


def _rising(values: Sequence[int]) -> list[int]:
    """Return the places of a longest subsequence that rises (patience sorting)."""
    tops: list[int] = []
    places: list[int] = []
    before: list[int] = []
    for i, value in enumerate(values):
        pile = bisect_left(tops, value)
        before.append(places[pile - 1] if pile else -1)
        if pile == len(tops):
            tops.append(value)
            places.append(i)
        else:
            tops[pile], places[pile] = value, i
    chain = []
    place = places[-1] if places else -1
    while place >= 0:
        chain.append(place)
        place = before[place]
    return chain[::-1]


def _between(anchors: Sequence[Pair], span: _Range) -> Iterator[_Range]:
    """Yield what is between anchors, and before and behind them."""
    edges = [Pair(span.a - 1, span.c - 1), *anchors, Pair(span.b, span.d)]
    for one, other in pairwise(edges):
        if other.said > one.said + 1 and other.heard > one.heard + 1:
            yield _Range(one.said + 1, other.said, one.heard + 1, other.heard, span.size, span.depth + 1)


def _pieces(span: _Range) -> Iterator[_Range]:
    """Yield pieces of a range along its diagonal."""
    count = max(1, -(-max(span.b - span.a, span.d - span.c) // _PIECE))
    cuts = [(span.a + (span.b - span.a) * i // count, span.c + (span.d - span.c) * i // count) for i in range(count + 1)]
    for (a, c), (b, d) in pairwise(cuts):
        yield _Range(a, b, c, d)


def _aligned(said: Sequence[str], heard: Sequence[str], span: _Range) -> Iterator[Pair]:
    """Yield the pairs of a short range: equal words by Levenshtein, and between them those that are alike."""
    for code in Levenshtein.opcodes(said[span.a : span.b], heard[span.c : span.d]):
        a, b, c, d = span.a + code.src_start, span.a + code.src_end, span.c + code.dest_start, span.c + code.dest_end
        if code.tag == "equal":
            yield from map(Pair, range(a, b), range(c, d))
        elif code.tag == "replace" and (b - a) * (d - c) <= _MOST_COMPARED:
            yield from _alike(said, heard, _Range(a, b, c, d))


def _alike(said: Sequence[str], heard: Sequence[str], span: _Range) -> list[Pair]:
    """Return the pairs of words that are alike, at the least cost of all that is not paired."""
    rows, columns = span.b - span.a, span.d - span.c
    cost = [[_MISSING_COST * (i + j) for j in range(columns + 1)] for i in range(rows + 1)]
    pay = [[_difference(said[span.a + i], heard[span.c + j]) for j in range(columns)] for i in range(rows)]
    for i in range(rows):
        for j in range(columns):
            alone = min(cost[i][j + 1], cost[i + 1][j]) + _MISSING_COST
            cost[i + 1][j + 1] = min(cost[i][j] + pay[i][j], alone)
    pairs = []
    i, j = rows, columns
    while i and j:
        if cost[i][j] == cost[i - 1][j - 1] + pay[i - 1][j - 1]:
            i, j = i - 1, j - 1
            pairs.append(Pair(span.a + i, span.c + j))
        elif cost[i][j] == cost[i - 1][j] + _MISSING_COST:
            i -= 1
        else:
            j -= 1
    return pairs


def _difference(one: str, other: str) -> float:
    ratio = fuzz.ratio(one, other, score_cutoff=_LIKE)
    return 1 - ratio / 100 if ratio else _WORST_COST


def _together(left: Sequence[int], right: Sequence[int], pairs: list[Pair]) -> list[Pair]:
    """Let words that may be paired in several places be where their neighbours are.

    Of "in the wind", heard behind "the public domain", "the" is as well the first as the second one; it is that before "wind".
    """
    for index in range(len(pairs) - 2, -1, -1):
        pairs[index] = _moved(left, right, pairs[index], pairs[index + 1], -1)
    for index in range(1, len(pairs)):
        follows = index + 1 < len(pairs) and _is_next(pairs[index], pairs[index + 1])
        if not follows:
            pairs[index] = _moved(left, right, pairs[index], pairs[index - 1], 1)
    return pairs


def _moved(left: Sequence[int], right: Sequence[int], pair: Pair, beside: Pair, step: int) -> Pair:
    """Return a pair with the word on one side moved to where it is beside another pair's, if it is there too."""
    said, heard = beside.said + step, beside.heard + step
    if pair.said == said and pair.heard != heard and right[heard] == left[said]:
        return Pair(said, heard)
    if pair.heard == heard and pair.said != said and right[heard] == left[said]:
        return Pair(said, heard)
    return pair


def _is_next(one: Pair, other: Pair) -> bool:
    return other.said == one.said + 1 and other.heard == one.heard + 1


def _without_chance(pairs: Sequence[Pair], said: int) -> list[Pair]:
    """Leave out runs that are short and not where their neighbours would have them."""
    runs = list(_runs(pairs))
    shortest = min(_SHORT_RUN, said)
    firm = [len(run) >= shortest for run in runs]
    for order in (range(len(runs)), range(len(runs) - 1, -1, -1)):
        last: list[Pair] | None = None
        for index in order:
            if not firm[index] and last is not None:
                firm[index] = _goes_on(*sorted((last, runs[index])))
            if firm[index]:
                last = runs[index]
    return [pair for run, is_firm in zip(runs, firm, strict=True) if is_firm for pair in run]


def _runs(pairs: Iterable[Pair]) -> Iterator[list[Pair]]:
    run: list[Pair] = []
    for pair in pairs:
        if run and max(pair.said - run[-1].said, pair.heard - run[-1].heard) > _RUN_GAP:
            yield run
            run = []
        run.append(pair)
    if run:
        yield run


def _goes_on(one: Sequence[Pair], other: Sequence[Pair]) -> bool:
    """Whether a run is where another one would be if nothing were left out between them."""
    said, heard = other[0].said - one[-1].said, other[0].heard - one[-1].heard
    return max(said, heard) <= _NEAR and abs(said - heard) <= max(2, _DRIFT * max(said, heard))

"""Words as both sides are compared by: those of a script, and those that were heard, read as a person would say them."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from actors.errors import RequestError
from actors.requests import Word
from actors.text import Normaliser
from actors.word_errors import words_of
from books.script import Passage

_WORDS_AT_ONCE = 200  # that are read together: what a number is called is for its neighbours to say


class SaidWord(NamedTuple):
    """A word of the book: normalised, and the index of its passage."""

    text: str
    passage: int


class HeardWord(NamedTuple):
    """A word that was heard: normalised, seconds in its recording, the recording's index, and its number there."""

    text: str
    start_s: float
    end_s: float
    recording: int
    number: int


def said_words(passages: Sequence[Passage]) -> list[SaidWord]:
    """Return the words of passages as they are said."""
    return [SaidWord(word, index) for index, passage in enumerate(passages) for word in words_of(passage.text)]


def heard_words(words: Sequence[Word], recording: int, read: Normaliser) -> list[HeardWord]:
    """Return the words of a recording as they are said: "$5" is two, which share its time by their letters.

    Args:
        words: in order, as the model wrote them.
        recording: its index.
        read: of its language.
    """
    return [
        word
        for first in range(0, len(words), _WORDS_AT_ONCE)
        for word in _read(words[first : first + _WORDS_AT_ONCE], first, recording, read)
    ]


def _read(words: Sequence[Word], first: int, recording: int, read: Normaliser) -> Iterator[HeardWord]:
    for index, parts in enumerate(_parts([" ".join(word.text.split()) for word in words], read)):
        word = words[index]
        letters = [0, *accumulate(map(len, parts))]
        seconds = (max(word.end, word.start) - word.start) / max(1, letters[-1])
        for part, begin in zip(parts, letters, strict=False):
            start = word.start + begin * seconds
            yield HeardWord(part, start, start + len(part) * seconds, recording, first + index)


def _parts(texts: Sequence[str], read: Normaliser) -> list[list[str]]:
    """Return what is said of each text, of which some may be read together: all of that is the first one's."""
    starts = [0, *accumulate(len(text) + 1 for text in texts)]
    parts: list[list[str]] = [[] for _ in texts]
    try:
        edited = read(" ".join(texts)).edited
    except RequestError:  # letters that the language has not
        return [words_of(text) for text in texts]
    place = 0
    for word in edited.text.split():
        place = edited.text.index(word, place)
        source, _ = edited.source_span(place, place + len(word))
        parts[min(max(0, bisect_right(starts, source) - 1), len(texts) - 1)] += words_of(word)
        place += len(word)
    return parts

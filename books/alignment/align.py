"""When each passage of a book is heard in its recordings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from actors.errors import InputDataError
from actors.requests import Word
from actors.text import Normaliser
from books.alignment.matching import match_words
from books.alignment.pauses import Pauses
from books.alignment.placing import Placer
from books.alignment.words import HeardWord, heard_words, said_words
from books.script import Passage

_LEAST_SHARE = 0.25  # of the words of the one side or the other: chance matches a twentieth
_EXTRA_WORDS, _PER_MISHEARD = 4, 2  # from so many on, words are more than what was misheard for the book's


@dataclass(frozen=True)
class HeardRecording:
    """A recording, as a model heard it.

    Attributes:
        name: of its file.
        words: in order.
        duration_s: of the whole, in seconds.
        pauses: where nobody speaks; without them sentences begin where the model says it.
    """

    name: str
    words: Sequence[Word]
    duration_s: float
    pauses: Pauses = field(default_factory=Pauses)


@dataclass(frozen=True)
class Placed:
    """Where a passage is heard.

    Attributes:
        recording: the index of the recording in which it begins; ``None``: it is left out.
        start_s, end_s: seconds from that one's beginning.
        words: how many it has.
        heard: how many of them were recognised.
    """

    recording: int | None
    start_s: float
    end_s: float
    words: int
    heard: int

    @property
    def share(self) -> float:
        """How much of it was recognised, from 0 to 1."""
        return self.heard / self.words if self.words else 0.0


@dataclass(frozen=True)
class Extra:
    """What a recording says and the book does not: seconds from its beginning, and the words as they were heard."""

    recording: int
    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True)
class Alignment:
    """What of a book is heard where.

    Attributes:
        passages: one for each of the script's, in its order.
        extras: in the order of the recordings.
        recognised: how many of the words that were heard are the book's, from 0 to 1.
    """

    passages: Sequence[Placed]
    extras: Sequence[Extra]
    recognised: float

    @property
    def found(self) -> float:
        """How many of the book's words belong to passages that are heard, from 0 to 1."""
        words = sum(placed.words for placed in self.passages)
        return sum(placed.words for placed in self.passages if placed.recording is not None) / max(1, words)


def align(passages: Sequence[Passage], recordings: Sequence[HeardRecording], read: Normaliser) -> Alignment:
    """Find the passages of a book in recordings of it.

    A sentence begins where its first recognised word does. Words that were not recognised between others that were are placed
    between them by their letters, if there is time for them; otherwise they are left out of the recording. Time and memory grow
    with the number of words.

    Args:
        passages: those of the book's script.
        recordings: in the order in which they are heard.
        read: reads texts in the language that is spoken.

    Raises:
        InputDataError: hardly anything of the one is in the other.
    """
    said = said_words(passages)
    heard = [word for index, each in enumerate(recordings) for word in heard_words(each.words, index, read)]
    pairs = match_words([word.text for word in said], [word.text for word in heard])
    _check(len(pairs), len(said), len(heard))
    placer = Placer(said, heard, pairs, [each.duration_s for each in recordings], [each.pauses for each in recordings])
    spans = placer.place(len(passages), [passage.chapter for passage in passages])
    placed = [Placed(span.recording, span.start_s, span.end_s, span.words, span.heard) for span in spans]
    taken = {pair.heard for pair in pairs}
    extras = [
        _extra(recordings, words)
        for words, misheard in _strays(heard, taken, placer)
        if len(words) >= _EXTRA_WORDS + _PER_MISHEARD * misheard
    ]
    return Alignment(placed, extras, len(pairs) / len(heard))


def _check(pairs: int, said: int, heard: int) -> None:
    if not heard:
        raise InputDataError(
            "no word was heard in the recordings: is somebody speaking in them, and does the model say when words are heard?"
        )
    if pairs < _LEAST_SHARE * min(said, heard) or not pairs:
        raise InputDataError(
            f"the recordings are not of this book: of {heard:,} words that were heard, {pairs:,} were found "
            f"among its {said:,}. Check that text and recordings are the same book, in the same language and translation"
        )


def _strays(heard: Sequence[HeardWord], taken: set[int], placer: Placer) -> Iterator[tuple[list[HeardWord], int]]:
    """Yield words that are none of the book's, as they follow each other, and how many of the book's were misheard there."""
    edges = [-1, *sorted(taken), len(heard)]
    for before, behind in pairwise(edges):
        words = [heard[index] for index in range(before + 1, behind)]
        for recording in sorted({word.recording for word in words}):
            own = [word for word in words if word.recording == recording]
            yield own, placer.misheard(own[0], own[-1])


def _extra(recordings: Sequence[HeardRecording], words: Sequence[HeardWord]) -> Extra:
    recording = words[0].recording
    texts = [recordings[recording].words[number].text for number in range(words[0].number, words[-1].number + 1)]
    return Extra(recording, words[0].start_s, words[-1].end_s, " ".join(" ".join(texts).split()))

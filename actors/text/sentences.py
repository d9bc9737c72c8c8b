"""Cuts what is spoken into sentences, and says what stood between them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from actors.text.edits import Edited


class Pause(IntEnum):
    """What stands behind a sentence, the longer pauses last.

    ``NONE`` and ``CLAUSE`` stand behind pieces of one that was too long: words, and a comma or its like.
    ``LINE`` is the end of a line that is no sentence's end by its marks: a heading, an item of a list, a verse.
    """

    NONE = 0
    CLAUSE = 1
    SENTENCE = 2
    LINE = 3
    PARAGRAPH = 4
    SECTION = 5


class Place(NamedTuple):
    """Where a sentence stands: ``edited.text[start:end]``, for what is from ``source_start`` on in the source."""

    edited: Edited
    start: int
    end: int
    source_start: int


@dataclass(frozen=True)
class Sentence:
    """A sentence.

    Attributes:
        spoken: what is said.
        written: what of the source it was.
        pause: what stands behind it.
        place: where it stands in the text; ``None`` of several that were joined.
    """

    spoken: str
    written: str
    pause: Pause = Pause.SENTENCE
    place: Place | None = field(default=None, repr=False, compare=False)


def cut_sentences(spoken: Edited, language: str) -> list[Sentence]:
    """Cut a text into sentences; none if there is nothing in it.

    Args:
        spoken: the text as it is said.
        language: code of its language, without region: ``en``.
    """
    text = spoken.text.strip()
    return [Sentence(text, spoken.source.strip())] if text else []


def split_sentence(sentence: Sentence, fits: Callable[[str], bool]) -> list[Sentence]:
    """Cut a sentence that is too long into few pieces of about one size, each with what was written of it.

    Cut is behind marks of sentences (in quotes) or clauses, else at spaces, else within a word. A sentence that fits stays whole.

    Args:
        sentence: one of :func:`cut_sentences`; one that was joined stays whole.
        fits: whether a model can speak a text (of pieces as they are spoken); of no text that is longer than one it cannot.
    """
    raise NotImplementedError


def pack_sentences(
    sentences: Sequence[Sentence], fits: Callable[[str], bool], short: Callable[[str], bool] = lambda _: False
) -> list[Sentence]:
    """Join neighbours while they fit, and split those that do not fit: what a model speaks at a time, in order.

    Paragraphs and sections are not joined, but for short ones. What is joined is spoken and written with a space between, and
    has the pause of its last. No text is measured more than some dozen times.

    Args:
        sentences: of :func:`cut_sentences`.
        fits: whether a model can speak a text in one go.
        short: whether a text is so short that a model loses its way when it stands alone.
    """
    raise NotImplementedError

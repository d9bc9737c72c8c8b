"""Counts the edits between what was said and what was heard, in words and in characters."""

from collections.abc import Iterable
from dataclasses import dataclass, fields

from actors.errors import UsageError
from actors.families.soprano.text import normalise
from jobs.normaliser import characters_of, normalise_text, without_events, words_of

__all__ = ["Errors", "RowErrors", "measure", "spoken_text", "word_errors"]


@dataclass(frozen=True)
class Errors:
    """Edits between a reference and a hypothesis, and how long the reference is, in words or in characters."""

    hits: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    def __add__(self, other: "Errors") -> "Errors":
        return Errors(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    @property
    def length(self) -> int:
        """Of the reference."""
        return self.hits + self.substitutions + self.deletions

    @property
    def rate(self) -> float | None:
        """Edits for each word or character of the reference; ``None`` if it is empty."""
        return self.edits / self.length if self.length else None

    @property
    def edits(self) -> int:
        """All that differ."""
        return self.substitutions + self.deletions + self.insertions


@dataclass(frozen=True)
class RowErrors:
    """What was measured of one row. ``hypothesis`` is empty where there is none: all of the reference is then missing."""

    id: str
    reference: str
    hypothesis: str
    words: Errors
    characters: Errors


def measure(row_id: str, reference: str, hypothesis: str) -> RowErrors:
    """Count the edits of one row (jiwer), by :func:`jobs.normaliser.words_of` and :func:`jobs.normaliser.characters_of`.

    Raises:
        UsageError: jiwer is not installed.
    """
    words, characters = (_edits(cut(reference), cut(hypothesis)) for cut in (words_of, characters_of))
    return RowErrors(row_id, reference, hypothesis, words, characters)


def _edits(reference: list[str], hypothesis: list[str]) -> Errors:
    try:
        import jiwer
    except ModuleNotFoundError as error:
        raise UsageError(f"measuring error rates needs {error.name}: pip install jiwer") from error
    if not reference or not hypothesis:  # nothing to align
        return Errors(deletions=len(reference), insertions=len(hypothesis))
    found = jiwer.process_words(" ".join(reference), " ".join(hypothesis))
    return Errors(found.hits, found.substitutions, found.deletions, found.insertions)


def spoken_text(text: str) -> str:
    """What the embedded voice says of a text, by Soprano's front end: "$3.50" is "three dollars, fifty cents"."""
    # The voice would read an event's name, and joins what a tab parts.
    return normalise_text(normalise(" ".join(without_events(text).split())))


def word_errors(pairs: Iterable[tuple[str, str]]) -> Errors:
    """Count the word errors of what was heard of the embedded voice: pairs of the text it was given and of what was heard.

    The words are those that the voice says (:func:`spoken_text`), and not what a scorer makes of any text: the gates and the
    README of the embedded models are measured so.
    """
    return sum((measure("", spoken_text(said), spoken_text(heard)).words for said, heard in pairs), Errors())

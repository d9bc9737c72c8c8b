"""What differs between a text that was to be said and what was heard, word by word."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from rapidfuzz.distance import Levenshtein

Edit = Literal["equal", "replace", "delete", "insert"]


@dataclass(frozen=True)
class Difference:
    """A stretch of words: the same in both, or what was said and what was heard in its place."""

    edit: Edit
    said: str
    heard: str


def differences(said: Sequence[str], heard: Sequence[str]) -> Iterator[Difference]:
    """Yield what differs between two texts and what does not, by fewest edits (Levenshtein, over words)."""
    for code in Levenshtein.opcodes(said, heard):
        reference, hypothesis = said[code.src_start : code.src_end], heard[code.dest_start : code.dest_end]
        yield Difference(cast("Edit", code.tag), " ".join(reference), " ".join(hypothesis))

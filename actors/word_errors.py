"""Compares what was heard with what was to be said: word errors, and the longest run of them.

A rate over a long text hides ten seconds of garbage in it; the longest stretch of wrong words does not.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from actors.errors import RequestError
from actors.text import Spoken

_EVENT = re.compile(r"\[[^\[\]]{0,40}\]|<[^<>]{0,40}>")  # what ears write of what is no speech: [Music], <unk>
_APOSTROPHES = dict.fromkeys(map(ord, "'\u2018\u2019\u201b\u02bc\u2032`\u00b4"))
# Scripts that do not part words: Thai, Lao, Burmese, Khmer, Tai, Javanese, Han, kana, bopomofo. Their characters count.
_UNSPACED = re.compile(
    "[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\ua980-\ua9ff\uaa60-\uaadf\u2e80-\u312f\u31a0-\u31ff"
    "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff][\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece]*"
)
_WORD_CATEGORIES = "LMN"  # Unicode's, by their first letter: letters, marks, numbers


@dataclass(frozen=True)
class Stretch:
    """Words that differ, one behind the other: those that were to be said, and those that were heard instead."""

    said: tuple[str, ...]
    heard: tuple[str, ...]

    @property
    def run(self) -> int:
        """How many words it takes, on the side that has more."""
        return max(len(self.said), len(self.heard))


@dataclass(frozen=True)
class WordErrors:
    """What differs in a text.

    Attributes:
        words: how many were to be said.
        errors: the fewest words to replace, leave out and put in that make one text of the other.
        stretches: where, in order.
    """

    words: int
    errors: int = 0
    stretches: tuple[Stretch, ...] = ()

    @property
    def rate(self) -> float:
        """Errors for each word that was to be said; above 1 where much was heard that was not."""
        return self.errors / max(1, self.words)

    @property
    def longest(self) -> Stretch:
        """The longest stretch, the first of several; an empty one if nothing differs."""
        return max(self.stretches, key=lambda stretch: stretch.run, default=Stretch((), ()))

    @property
    def longest_run(self) -> int:
        """Of the longest stretch."""
        return self.longest.run


def compare(said: Sequence[str], heard: Sequence[str]) -> WordErrors:
    """Align words that were to be said with those that were heard (Levenshtein).

    A word that was heard as two, or two as one, is no error where their letters are the same.
    """
    stretches = [stretch for stretch in _stretches(said, heard) if "".join(stretch.said) != "".join(stretch.heard)]
    errors = sum(Levenshtein.distance(stretch.said, stretch.heard) for stretch in stretches)
    return WordErrors(len(said), errors, tuple(stretches))


def _stretches(said: Sequence[str], heard: Sequence[str]) -> Iterator[Stretch]:
    """Yield what is between the words that agree."""
    start = heard_start = 0
    agreeing = [code for code in Levenshtein.opcodes(said, heard) if code.tag == "equal"]
    for end, heard_end, next_start, next_heard in [
        *((code.src_start, code.dest_start, code.src_end, code.dest_end) for code in agreeing),
        (len(said), len(heard), 0, 0),
    ]:
        if end > start or heard_end > heard_start:
            yield Stretch(tuple(said[start:end]), tuple(heard[heard_start:heard_end]))
        start, heard_start = next_start, next_heard


def spoken_words(text: str, read: Callable[[str], Spoken]) -> list[str]:
    """Return the words of a text as somebody reads it, without case and signs; characters where a script parts no words.

    Args:
        text: as it is to be said, or was heard: "$5" and "five dollars" are the same.
        read: a :class:`actors.text.Normaliser` of its language.
    """
    text = _EVENT.sub(" ", text)
    with suppress(RequestError):  # of other scripts: its words are other ones too
        text = read(text).text
    return words_of(text)


def words_of(text: str) -> list[str]:
    """Return the words of a text that is read already: case, apostrophes, hyphens and other signs say nothing."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_APOSTROPHES)
    letters = "".join(sign if unicodedata.category(sign)[0] in _WORD_CATEGORIES else " " for sign in folded)
    return _UNSPACED.sub(r" \g<0> ", letters).split()

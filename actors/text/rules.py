"""Finds what in a text is read otherwise than it is written, in one pass, by rules in order."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from actors.text.edits import Edit

# What begins with a small letter is looked at only if there is more to the word: plain words are most of any text.
_BEGINS = r"(?:(?=[^a-z\s])|(?<!\w)(?=[a-z]++(?:[.@:/\\_\d&]|-[a-z])))"
_BEGINS_SENTENCE = re.compile(r"(?:\A|[\n.!?\u2026]\s)[\"'\u201c\u2018\u201e\u00ab(\u00bf\u00a1]*\Z")
_GROUP_NAME = re.compile(r"\(\?P<\w+>")
_LOOKED_BACK = 4  # characters: a mark, a space, and what opens a quotation


class Rule(NamedTuple):
    """What to look for, and how it is read.

    Attributes:
        pattern: of what begins with a number, a sign, a capital, or a small letter in a word that has more than letters. Every
            repetition in it must be bounded or possessive: it is tried at many places.
        read: returns what is said; ``None`` if this rule does not apply there after all, so that the next ones are tried.
    """

    pattern: str
    read: Callable[[re.Match[str]], str | None]


def _continues(found: Sequence[Edit], start: int) -> bool:
    """Whether what stands directly before a place was read without the stop that it is written with: *Nr. 5*."""
    return bool(found) and found[-1].end >= start - 1 and not found[-1].text.endswith((".", "!", "?", "\u2026"))


def _begins_sentence(text: str, start: int) -> bool:
    return _BEGINS_SENTENCE.search(text, max(0, start - _LOOKED_BACK), start) is not None


def _capitalised(words: str) -> str:
    """Return words as they begin a sentence; of the Dutch one, *één*, the capital has no accent."""
    return f"E{words[1:]}" if words.startswith("\u00e9\u00e9n") else words[0].upper() + words[1:]


class Rules:
    """Rules, of which the first that applies to a place is taken.

    Args:
        rules: in order.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._patterns = [re.compile(rule.pattern) for rule in rules]
        self._readings = [rule.read for rule in rules]
        if any(pattern.groups > len(pattern.groupindex) for pattern in self._patterns):
            raise ValueError("the groups of rules must have names")
        # Without groups of its own a rule is told by the number of the group that matched.
        choices = "|".join(f"({_GROUP_NAME.sub('(?:', rule.pattern)})" for rule in rules)
        self._any = re.compile(f"{_BEGINS}(?:{choices})")

    def edits(self, text: str) -> list[Edit]:
        """Return what is read otherwise than it is written."""
        found: list[Edit] = []
        position = 0
        while match := self._any.search(text, position):
            start = match.start()
            edit = self._edit(text, start, (match.lastindex or 1) - 1, continues=_continues(found, start))
            if edit is not None:
                found.append(edit)
            position = max(start + 1, edit.end if edit is not None else 0)
        return found

    def _edit(self, text: str, start: int, first: int, *, continues: bool) -> Edit | None:
        """Return what the first rule makes of a place that applies to it, of those from ``first`` on."""
        for pattern, read in zip(self._patterns[first:], self._readings[first:], strict=True):
            match = pattern.match(text, start)
            if match is None:
                continue
            spoken = read(match)
            if spoken is not None:
                if spoken[:1].islower() and not continues and _begins_sentence(text, start):
                    spoken = _capitalised(spoken)
                return Edit(start, match.end(), spoken)
        return None

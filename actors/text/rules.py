"""Finds what in a text is read otherwise than it is written, in one pass, by rules in order."""

import re
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from actors.text.edits import Edit

# What begins with a small letter is looked at only if there is more to the word: plain words are most of any text.
_BEGINS = r"(?:(?=[^a-z\s])|(?<!\w)(?=[a-z]++(?:[^a-z\s,;!?'\u2019)\]\u201d-]|-[a-z])WORDS))"
_BEGINS_SENTENCE = re.compile(r"(?:\A|[\n.!?\u2026]\s)[\"'\u201c\u2018\u201e\u00ab(\u00bf\u00a1]*\Z")
_GROUP_NAME = re.compile(r"\(\?P<\w+>")
_LOOKED_BACK = 4  # characters: a mark, a space, and what opens a quotation


FREE = r"(?<![\w\u00b2\u00b3])(?<!\d[.,:])"  # where a number may begin: not within a word or a number

# What the first character of a place is.
DIGIT, LETTER, SIGN = "d", "l", "s"
_KINDS = {DIGIT: rf"(?=\d){FREE}", LETTER: r"(?=[^\W\d_])", SIGN: r"(?=[\W_])"}


class Rule(NamedTuple):
    """What to look for, and how it is read.

    Attributes:
        pattern: of what begins with a number, a sign, a capital, or a small letter in a word that has more than letters. Every
            repetition in it must be bounded or possessive: it is tried at many places.
        read: returns what is said; ``None`` if this rule does not apply there after all, so that the next ones are tried.
        begins: with which kinds of characters a place can begin.
    """

    pattern: str
    read: Callable[[re.Match[str]], str | None]
    begins: str = DIGIT + LETTER + SIGN


def _capitalised(words: str) -> str:
    """Return words as they begin a sentence; of the Dutch one, *één*, the capital has no accent."""
    return f"E{words[1:]}" if words.startswith("\u00e9\u00e9n") else words[0].upper() + words[1:]


class Rules:
    """Rules, of which the first that applies to a place is taken.

    Args:
        rules: in order.
        words: of small letters only, at which rules are tried too.
    """

    def __init__(self, rules: Sequence[Rule], words: Collection[str] = ()) -> None:
        self._readers = [(re.compile(rule.pattern), rule.read) for rule in rules]
        if any(pattern.groups > len(pattern.groupindex) for pattern, _ in self._readers):
            raise ValueError("the groups of rules must have names")
        more = "".join(rf"|{word}\b" for word in words)
        self._rules_of_groups = [0]  # the place in ``rules`` of each group; there is no group 0
        choices = "|".join(self._choices(rules, kind) for kind in _KINDS)
        self._any = re.compile(f"{_BEGINS.replace('WORDS', more)}(?:{choices})")

    def _choices(self, rules: Sequence[Rule], kind: str) -> str:
        """Return a pattern of the rules for a kind of character, in which each is a group."""
        chosen = [(index, rule) for index, rule in enumerate(rules) if kind in rule.begins]
        self._rules_of_groups += (index for index, _ in chosen)
        # What all rules for digits begin with is looked at once.
        patterns = (rule.pattern.removeprefix(FREE) if kind == DIGIT else rule.pattern for _, rule in chosen)
        groups = "|".join(f"({_GROUP_NAME.sub('(?:', pattern)})" for pattern in patterns)
        return f"{_KINDS[kind]}(?:{groups})"

    def edits(self, text: str) -> list[Edit]:
        """Return what is read otherwise than it is written."""
        found: list[Edit] = []
        position = 0
        while match := self._any.search(text, position):
            start = match.start()
            edit = self._edit(text, start, self._rules_of_groups[match.lastindex or 0])
            if edit is not None and edit.text[:1].islower() and self._begins_sentence(text, start, found):
                edit = edit._replace(text=_capitalised(edit.text))
            if edit is not None:
                found.append(edit)
            position = max(start + 1, edit.end if edit is not None else 0)
        return found

    def _edit(self, text: str, start: int, first: int) -> Edit | None:
        """Return what the first rule makes of a place that applies to it, of those from ``first`` on."""
        for pattern, read in self._readers[first:]:
            match = pattern.match(text, start)
            if match is None:
                continue
            spoken = read(match)
            if spoken is not None:
                return Edit(start, match.end(), spoken)
        return None

    def _begins_sentence(self, text: str, start: int, found: Sequence[Edit]) -> bool:
        """Whether a sentence begins at a place, behind what was found before it."""
        if found and start - found[-1].end <= 1:
            return found[-1].text.endswith((".", "!", "?"))
        return _BEGINS_SENTENCE.search(text, max(0, start - _LOOKED_BACK), start) is not None

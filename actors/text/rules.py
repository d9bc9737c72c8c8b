"""Finds what in a text is read otherwise than it is written, in one pass, by rules in order."""

import re
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from actors.text.edits import Edit

FREE = r"(?<![\w\u00b2\u00b3])(?<!\d[.,:])"  # where a number may begin: not within a word or a number

# With what a place begins at which rules are tried: digits with a letter, a space or something else behind, capitals, small
# letters, and signs. A rule that says with which it begins is not tried at others, which most of the time goes into.
BEFORE_LETTER, BEFORE_SPACE, BEFORE_MARK, CAPITAL, SMALL, SIGN = "lsmCSx"
DIGIT = BEFORE_LETTER + BEFORE_SPACE + BEFORE_MARK
LETTER = CAPITAL + SMALL
_SMALL = r"a-z\u00df-\u00f6\u00f8-\u00ff"
_KINDS = {
    BEFORE_LETTER: rf"(?=\d++[^\W\d_]){FREE}",
    BEFORE_SPACE: rf"(?=\d++\s){FREE}",
    BEFORE_MARK: rf"(?=\d++(?![^\W_]|\s)){FREE}",
    CAPITAL: rf"(?=[^\W\d_{_SMALL}])",
    SMALL: rf"(?<!\w)(?=[{_SMALL}])",
    SIGN: r"(?=[\W_])",
}
# Words of small letters only, which are most of any text, and spaces are gone over; what else is there is looked at.
_PLAIN = rf"(?!(?:WORDS)\b)[{_SMALL}]++(?![^{_SMALL}\s,;!?'\u2019)\]\u201d-]|-[a-z])|\s++"
_ENDLESS = re.compile(r"(?<!\S)\S{1000,}+")  # is no words; addresses of that length are nothing to listen to either
_BEGINS_SENTENCE = re.compile(r"(?:\A|[\n.!?\u2026]\s)[\"'\u201c\u2018\u201e\u00ab(\u00bf\u00a1]*\Z")
_SHARED = (FREE, r"(?<!\w)", r"(?<![\w.])", "")  # what many patterns begin with
_GROUP_NAME = re.compile(r"\(\?P<\w+>")
_LOOKED_BACK = 4  # characters: a mark, a space, and what opens a quotation


class Rule(NamedTuple):
    """What to look for, and how it is read.

    Attributes:
        pattern: of what begins with a number, a sign, a capital, or a small letter in a word that has more than letters. Every
            repetition in it must be bounded or possessive: it is tried at many places. Behind what many
            begin with (``_SHARED``) alternatives stand in brackets.
        read: returns what is said; ``None`` if this rule does not apply there after all, so that the next ones are tried.
        begins: with which kinds of characters a place can begin.
        tail: what belongs to a match too if it is there, as a pattern that also matches nothing; not looked at before.
    """

    pattern: str
    read: Callable[[re.Match[str]], str | None]
    begins: str = DIGIT + LETTER + SIGN
    tail: str = ""


class Rules:
    """Rules, of which the first that applies to a place is taken.

    Args:
        rules: in order.
        words: of small letters only, at which rules are tried too.
    """

    def __init__(self, rules: Sequence[Rule], words: Collection[str] = ()) -> None:
        of_kinds = {kind: [rule for rule in rules if kind in rule.begins] for kind in _KINDS}
        self._kinds = [_Kind(rules, kind) for kind, rules in of_kinds.items()]  # by the group of the kind
        plain = _PLAIN.replace("WORDS", "|".join(words) or "(?!)")
        places = "|".join(_choices(rules, kind) for kind, rules in of_kinds.items())
        kinds = "|".join(f"({beginning})" for beginning in _KINDS.values())
        # Groups cost the more the more are before them, and most places have no match: those are gone over without any.
        self._to_place = re.compile(rf"(?:{plain}|(?!{places})(?s:.)(?:(?<=\w)[{_SMALL}]++)?+)*+(?:{kinds})")

    def edits(self, text: str) -> list[Edit]:
        """Return what is read otherwise than it is written."""
        found: list[Edit] = []
        position = 0
        for endless in _ENDLESS.finditer(text):
            self._find(text, position, endless.start(), found)
            position = endless.end()
        self._find(text, position, len(text), found)
        return found

    def _find(self, text: str, position: int, end: int, found: list[Edit]) -> None:
        """Add the edits that begin from a position on, up to an end, to those before them."""
        while (match := self._to_place.match(text, position)) and match.end() < end:
            start = match.end()
            position = start + 1
            if edit := self._kinds[(match.lastindex or 1) - 1].edit(text, start):
                if edit.text[:1].islower() and self._begins_sentence(text, start, found):
                    edit = Edit(start, edit.end, _capitalised(edit.text))
                found.append(edit)
                position = max(position, edit.end)

    def _begins_sentence(self, text: str, start: int, found: Sequence[Edit]) -> bool:
        """Whether a sentence begins at a place, behind what was found before it."""
        if found and start - found[-1].end <= 1:
            return found[-1].text.endswith((".", "!", "?"))
        return _BEGINS_SENTENCE.search(text, max(0, start - _LOOKED_BACK), start) is not None


class _Kind:
    """The rules for a kind of beginning."""

    def __init__(self, rules: Sequence[Rule], kind: str) -> None:
        self._readers = [(re.compile(rule.pattern + rule.tail), rule.read) for rule in rules]
        if any(pattern.groups > len(pattern.groupindex) for pattern, _ in self._readers):
            raise ValueError("the groups of rules must have names")
        known = FREE if kind in DIGIT else ""  # what is true at each place of the kind
        self._which = re.compile("|".join(f"({_without_groups(rule).removeprefix(known)})" for rule in rules))

    def edit(self, text: str, start: int) -> Edit | None:
        """Return what the first rule makes of a place that applies to it; ``None`` if none does."""
        which = self._which.match(text, start)
        if which is None:
            return None
        for pattern, read in self._readers[(which.lastindex or 1) - 1 :]:
            if (match := pattern.match(text, start)) is not None and (spoken := read(match)) is not None:
                return Edit(start, match.end(), spoken)
        return None


def _choices(rules: Sequence[Rule], kind: str) -> str:
    """Return a pattern of the rules for a kind of beginning, in no order: what many of them begin with is looked at once.

    The last rules are the widest, which most places match if they do any.
    """
    choices: dict[str, list[str]] = {beginning: [] for beginning in _SHARED}
    for pattern in map(_without_groups, reversed(rules)):
        beginning = next(filter(pattern.startswith, _SHARED))
        choices[beginning].append(pattern.removeprefix(beginning))
    if kind in DIGIT:  # for which it is looked at already
        choices[""] += choices.pop(FREE)
    shared = "|".join(f"{beginning}(?:{'|'.join(patterns)})" for beginning, patterns in choices.items() if patterns)
    return f"{_KINDS[kind]}(?:{shared or '(?!)'})"


def _without_groups(rule: Rule) -> str:
    return _GROUP_NAME.sub("(?:", rule.pattern)


def _capitalised(words: str) -> str:
    """Return words as they begin a sentence; of the Dutch one, *één*, the capital has no accent."""
    return f"E{words[1:]}" if words.startswith("\u00e9\u00e9n") else words[0].upper() + words[1:]

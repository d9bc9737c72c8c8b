"""What is written short in every language of the continent: rows of weekdays, the sets of a match, calls for help."""

import re
from typing import TYPE_CHECKING

from actors.text.languages.language import DASH, SPACE, alternatives
from actors.text.rules import BEFORE_LETTER, BEFORE_MARK, BEFORE_SPACE, FREE, LETTER, SIGN, Rule

if TYPE_CHECKING:
    from actors.text.languages.european import European

_PAIR = re.compile(r"(\d{1,2})[/-](\d{1,2})(?:\s?\((\d{1,2})\))?")
_BEFORE, _BEHIND = 60, 30  # characters looked at for words that tell what a number is
_WON = (11, 15, 21, 25)  # points that win a set at table tennis, badminton, volleyball


class Shorthand:
    """Reads what is written short."""

    def __init__(self, language: "European") -> None:
        self._language = language

    def rules(self) -> list[Rule]:
        """Return the rules; a language without short weekdays or calls has none for them."""
        return [
            *self._rows(),
            *self._calls(),
            *self._sets(),
            Rule(rf"{FREE}(?P<number>[248])K(?![\w/])", self._screen, BEFORE_LETTER),
            Rule(r"(?<=[A-Z])\.(?=\d{1,4}(?!\w|[.,]\d))", lambda _: " ", SIGN),
        ]

    def _screen(self, match: re.Match[str]) -> str:
        """Read what a screen shows: 4K."""
        return f"{self._language.cardinal(int(match['number']), '-')} K"

    def _rows(self) -> list[Rule]:
        if not self._language.short_days:
            return []
        self._days = {**self._language.short_days, **self._language.day_joints}
        day, words = alternatives(self._language.short_days), alternatives(self._language.day_joints)
        joint = rf"(?:{SPACE}?(?:{DASH}|/){SPACE}?|,{SPACE}?|{SPACE}{words}{SPACE})"
        self._piece = re.compile(rf"(?P<day>{day})(?:\.(?!\Z))?(?!\w)|{SPACE}?{DASH}{SPACE}?|/|{words}(?!\w)")
        return [Rule(rf"(?<![\w.'\u2019-]){day}\.?(?:{joint}{day}(?!\w)\.?){{1,6}}", self._row, LETTER)]

    def _row(self, match: re.Match[str]) -> str:
        """Read weekdays: Mo, Mi-Fr."""
        said = self._piece.sub(self._of_row, match[0])
        return said if self._language.ends_sentence(match) else said.removesuffix(".")

    def _of_row(self, piece: re.Match[str]) -> str:
        name = piece["day"] or piece[0]
        return self._days.get(name) or (" " if name == "/" else f" {self._language.words.to} ")

    def _calls(self) -> list[Rule]:
        if not self._language.emergency:
            return []
        counted = rf"{SPACE}?(?:{self._language.currency}|{self._language.unit}|%)"
        number = rf"{FREE}(?:{alternatives(self._language.emergency)})(?![\w/\u20ac$-]|[.,:]\d|{counted})"
        return [Rule(number, self._call, BEFORE_SPACE + BEFORE_MARK)]

    def _call(self, match: re.Match[str]) -> str | None:
        text, start, end = match.string, match.start(), match.end()
        before = re.search(self._language.called, text[max(0, start - _BEFORE) : start])
        behind = re.match(self._language.called_behind, text[end : end + _BEHIND])
        return self._language.digits(match[0]) if before or behind else None

    def _sets(self) -> list[Rule]:
        pair = rf"\d{{1,2}}[{self._language.set_marks}]\d{{1,2}}(?:{SPACE}?\(\d{{1,2}}\))?"
        joint = rf"(?:[,;]?{SPACE}|[,;]|{SPACE}{self._language.words.and_}{SPACE})"
        pairs = rf"{FREE}{pair}(?:{joint}{pair}){{0,4}}(?![\w/-]|[.,:]\d)"
        return [Rule(pairs, self._of_match, BEFORE_MARK)]

    def _of_match(self, match: re.Match[str]) -> str | None:
        """Read the sets of a match: 6/4, 7/5; a pair alone, or of many points, only where something was played."""
        sets = [(int(pair[1]), int(pair[2])) for pair in _PAIR.finditer(match[0])]
        played = self._language.is_played(match)
        if "-" in match[0] and len(sets) == 1:
            return None
        if not all(_is_of_tennis(*each) or (played and _is_of_points(*each)) for each in sets):
            return None
        return _PAIR.sub(self._set, match[0]) if played or len(sets) > 1 else None

    def _set(self, pair: re.Match[str]) -> str:
        said = " ".join(self._language.cardinal(int(games), "-") for games in (pair[1], pair[2]))
        return f"{said}, {self._language.cardinal(int(pair[3]), '-')}," if pair[3] else said


def _is_of_tennis(first: int, second: int) -> bool:
    most, least = max(first, second), min(first, second)
    return (most == 6 and least <= 4) or (most == 7 and least in (5, 6))


def _is_of_points(first: int, second: int) -> bool:
    most, least = max(first, second), min(first, second)
    return (most in _WON and least <= most - 2) or (most > min(_WON) and most - least == 2)

"""Roman numerals in English."""

import re
from typing import TYPE_CHECKING

from actors.text.languages.context import word_before, word_behind, word_set
from actors.text.languages.english_words import COUNTED_BY_NUMERALS, NUMBERED, REGNAL_NAMES, SMALL_COUNTED
from actors.text.languages.language import SPACE
from actors.text.roman import roman_value
from actors.text.rules import CAPITAL, LETTER, Rule

if TYPE_CHECKING:
    from actors.text.languages.english import English

_TITLE_BEFORE = word_set(
    "king queen pope emperor empress tsar czar kaiser prince princess duke patriarch saint sultan shah pharaoh"
)
_AFTER_FIRST = word_set("reigned ruled died ascended succeeded married became abdicated of")
_ACRONYMS = word_set(
    "CD DC MD MC DI MM CC CV MI CM DM LCD LED XL XXL XXX LI MIX MILD CIVIC DIV CIV LIV DIM LIX VI DVD ID MCI LCM LL"
)
_ORDINALLY = word_set("century centuries dynasty")
_CORPS = word_set("Corps Legion")
_SHORTEST_YEAR, _LONGEST_OF_TWO_NAMES = 4, 3  # characters
_BEFORE_PRONOUN = word_set("and or with")  # and a name: Henry and I
_LETTERS = word_set("C D M L X")  # names of their own, or initials
_BEGINS_CLAUSE = re.compile(r"(?:\A|[.;:!?])\s*+\Z")
_LOOKED_BACK = 8  # characters
_ANOTHER = re.compile(r" and [A-Z]\w{1,20} [IVX]{1,6}\b")
_MARKS = ("(", ",", ".", ";", ")", "'", "\u2019", "")
_NUMERAL = r"(?P<numeral>[IVXLCDM]{1,15})"


class Numerals:
    """Reads Roman numerals: of kings, of chapters, of centuries, of years."""

    def __init__(self, language: "English") -> None:
        self._language = language

    def rules(self) -> list[Rule]:
        """Return the rules for Roman numerals."""
        counted = "|".join(f"[{word[0]}{word[0].upper()}]{word[1:]}" for word in SMALL_COUNTED)
        return [
            Rule(
                rf"(?<![\w.'-]){_NUMERAL}(?:{SPACE}?[-\u2013]{SPACE}?(?P<last>[IVXLCDM]{{1,15}}))?(?![\w&])",
                self._numeral,
                CAPITAL,
            ),
            Rule(rf"(?P<before>{counted}) (?P<numeral>[ivxlc]{{1,9}})(?!\w)", self._small, LETTER),
        ]

    def _numeral(self, match: re.Match[str]) -> str | None:
        numeral, value = match["numeral"], roman_value(match["numeral"])
        if value is None:
            return None
        if match["last"]:
            return self._range(match, value)
        before, behind = word_before(match.string, match.start()), word_behind(match)
        if behind in _CORPS and len(numeral) > 1:
            return self._language.cardinal(value)
        if self._is_ordinal(match):
            return self._language.ordinal(value)
        if before.lower() in COUNTED_BY_NUMERALS:
            return self._language.cardinal(value)
        if len(numeral) >= _SHORTEST_YEAR and numeral[0] == "M" and numeral not in _ACRONYMS:
            return self._language.year(value)
        return self._of_ruler(match, value) if before in REGNAL_NAMES else self._other(match, value)

    def _range(self, match: re.Match[str], value: int) -> str | None:
        """Read one numeral to another, if something is there that they count."""
        last, before = roman_value(match["last"]), word_before(match.string, match.start()).lower()
        is_counted = before.rstrip("s") in COUNTED_BY_NUMERALS or before in NUMBERED or word_behind(match) in _ORDINALLY
        return f"{self._language.cardinal(value)} to {self._language.cardinal(last)}" if last and is_counted else None

    def _is_ordinal(self, match: re.Match[str]) -> bool:
        """Whether what is behind a numeral is one of many in a row: XX century, the IV Crusade."""
        numeral, behind = match["numeral"], word_behind(match)
        is_of_a_row = word_before(match.string, match.start()) in ("The", "the") and behind[:1].isupper()
        return behind.lower() in _ORDINALLY or (is_of_a_row and 1 < len(numeral) == len(numeral.strip("CDLM")))

    def _other(self, match: re.Match[str], value: int) -> str | None:
        """Read a numeral behind a word that is not known to be counted, unless it may be an acronym or a word."""
        numeral, before = match["numeral"], word_before(match.string, match.start())
        if numeral in _ACRONYMS or before.lower() in ("a", "an") or len(numeral) < 2:
            return None
        is_small, is_behind_name = set(numeral) <= set("IVX"), before[:1].isupper()
        if is_small and is_behind_name and self._is_second_name(before, match):
            return f"the {self._language.ordinal(value)}"
        is_item = not before and match.string[match.end() : match.end() + 1] == "."
        is_clear = is_small and (is_behind_name or len(numeral) > 2)
        return self._language.cardinal(value) if is_clear or is_item else None

    def _is_second_name(self, name: str, match: re.Match[str]) -> bool:
        """Whether the name before a numeral is behind that of a ruler: John Paul II."""
        first = word_before(match.string, match.string.rfind(name, 0, match.start()))
        return first in REGNAL_NAMES and len(match["numeral"]) <= _LONGEST_OF_TWO_NAMES

    def _of_ruler(self, match: re.Match[str], value: int) -> str | None:
        """Read the numeral behind a ruler's name; one letter may be a word, an initial or a name of its own."""
        numeral = match["numeral"]
        if numeral in _LETTERS or (numeral == "I" and not self._is_first(match)):
            return None
        return f"the {self._language.ordinal(value)}"

    def _is_first(self, match: re.Match[str]) -> bool:
        """Whether I is no pronoun: a title or the beginning of a clause stands before the name, or a mark behind."""
        text, behind = match.string, word_behind(match)
        name = text.rfind(word_before(text, match.start()), 0, match.start())
        title = word_before(text, name).lower()
        if title in _BEFORE_PRONOUN:
            return False
        has_mark = text[match.end() : match.end() + 2].lstrip()[:1] in _MARKS
        if title in _TITLE_BEFORE or behind in _AFTER_FIRST or has_mark or _ANOTHER.match(text, match.end()):
            return True
        return behind.islower() and _BEGINS_CLAUSE.search(text, max(0, name - _LOOKED_BACK), name) is not None

    def _small(self, match: re.Match[str]) -> str | None:
        value = roman_value(match["numeral"])
        return None if value is None else f"{match['before']} {self._language.cardinal(value)}"

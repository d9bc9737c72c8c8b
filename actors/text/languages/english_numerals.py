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
        numeral = match["numeral"]
        value = roman_value(numeral)
        last = roman_value(match["last"]) if match["last"] else None
        if value is None or (match["last"] and last is None):
            return None
        before, behind = word_before(match.string, match.start()), word_behind(match)
        if last is not None:
            return (
                f"{self._language.cardinal(value)} to {self._language.cardinal(last)}"
                if before.lower().rstrip("s") in COUNTED_BY_NUMERALS or before.lower() in NUMBERED or behind in _ORDINALLY
                else None
            )
        if behind in ("Corps", "Legion") and len(numeral) > 1:
            return self._language.cardinal(value)
        is_of_a_row = before in ("The", "the") and behind[:1].isupper() and 1 < len(numeral) == len(numeral.strip("CDLM"))
        if behind.lower() in _ORDINALLY or is_of_a_row:
            return self._language.ordinal(value)
        if before.lower() in COUNTED_BY_NUMERALS and before:
            return self._language.cardinal(value)
        if len(numeral) >= 4 and numeral[0] == "M" and numeral not in _ACRONYMS:
            return self._language.year(value)
        if before in REGNAL_NAMES:
            return self._of_ruler(match, value)
        if numeral in _ACRONYMS or before.lower() in ("a", "an") or len(numeral) < 2:
            return None
        if before[:1].isupper() and set(numeral) <= set("IVX"):
            first = word_before(match.string, match.string.rfind(before, 0, match.start()))
            return (
                f"the {self._language.ordinal(value)}"
                if first in REGNAL_NAMES and len(numeral) <= 3
                else self._language.cardinal(value)
            )
        if (len(numeral) >= 3 and set(numeral) <= set("IVX")) or (
            not before and match.string[match.end() : match.end() + 1] == "."
        ):
            return self._language.cardinal(value)
        return None

    def _of_ruler(self, match: re.Match[str], value: int) -> str | None:
        """Read the numeral behind a ruler's name; one letter may be a word, an initial or a name of its own."""
        numeral = match["numeral"]
        if numeral in ("C", "D", "M", "L", "X") or (numeral == "I" and not self._is_first(match)):
            return None
        return f"the {self._language.ordinal(value)}"

    def _is_first(self, match: re.Match[str]) -> bool:
        """Whether I is no pronoun: a title or the beginning of a clause stands before the name, or a mark behind."""
        text = match.string
        name = text.rfind(word_before(text, match.start()), 0, match.start())
        title = word_before(text, name).lower()
        if title in ("and", "or", "with"):
            return False
        if (
            title in _TITLE_BEFORE
            or word_behind(match) in _AFTER_FIRST
            or text[match.end() : match.end() + 2].lstrip()[:1] in _MARKS
        ):
            return True
        if _ANOTHER.match(text, match.end()):
            return True
        return word_behind(match).islower() and (not text[:name].strip() or text[:name].rstrip()[-1] in ".;:!?")

    def _small(self, match: re.Match[str]) -> str | None:
        value = roman_value(match["numeral"])
        return None if value is None else f"{match['before']} {self._language.cardinal(value)}"

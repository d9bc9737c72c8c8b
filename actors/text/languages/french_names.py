"""Roman numerals in French: centuries, kings, chapters, years."""

import re
from typing import TYPE_CHECKING

from actors.text.languages.context import word_before, word_behind, word_set
from actors.text.languages.french_words import COUNTED_BY_NUMERALS, REGNAL_NAMES, REGNAL_WOMEN
from actors.text.roman import roman_value
from actors.text.rules import LETTER, Rule

if TYPE_CHECKING:
    from actors.text.languages.french import French

_NUMERAL = r"[IVXLCDM]{1,15}"
_SUFFIX = r"(?:ers?|res?|ères?|ières?|i?[èe]mes?|es?|nde?|è|ᵉʳ|ʳᵉ|ᵉ)"
_ANOTHER_BEFORE = re.compile(r"(?<![\w-])[IVX]{1,7}e?(?:, ?| et | ou | à | au )\Z")
_HEADING = re.compile(r"(?:\A|\n)[ \t]{0,8}\Z")
_ACRONYMS = word_set("XXX XX XL XXL VI IV MM MC CD DC MD CV CC CM DM MI")


class Numerals:
    """Reads Roman numerals."""

    def __init__(self, language: "French") -> None:
        self._language = language

    def rules(self) -> list[Rule]:
        """Return the rules, in order."""
        return [
            Rule(rf"(?<![\w.-])(?P<numeral>{_NUMERAL})(?P<suffix>{_SUFFIX})(?!\w)(?P<century> s\.)?", self._ordinal, LETTER),
            Rule(
                rf"(?<![\w.-])(?P<numeral>{_NUMERAL})(?: ?[-\u2013/] ?(?P<last>{_NUMERAL}))?(?![\w&'\u2019-]|\.\w)",
                self._cardinal,
                LETTER,
            ),
        ]

    def _ordinal(self, match: re.Match[str]) -> str | None:
        value, suffix = roman_value(match["numeral"]), match["suffix"]
        if value is None or (match[0] in ("Ce", "De", "Les", "Des", "Me", "Le", "Ces", "Mes", "Mer", "Der", "Cet", "Dès")):
            return None
        first = value == 1
        feminine = suffix.rstrip("s") in ("re", "ère", "ière", "ʳᵉ") or suffix == "nde"
        if suffix.startswith("nd"):
            return f"second{'e' if feminine else ''}"
        if (suffix.rstrip("s") in ("er", "re", "ère", "ière", "ᵉʳ", "ʳᵉ")) != first:
            return None
        said = self._language.ordinal(value, "f" if feminine else "m") + ("s" if suffix.endswith("s") else "")
        if not match["century"]:
            return said
        return f"{said} siècle{'.' if self._language.ends_sentence(match) else ''}"

    def _cardinal(self, match: re.Match[str]) -> str | None:
        text, start, numeral = match.string, match.start(), match["numeral"]
        value = roman_value(numeral)
        if value is None:
            return None
        before = word_before(text, start)
        counted = before.lower() in COUNTED_BY_NUMERALS or _ANOTHER_BEFORE.search(text, max(0, start - 14), start) is not None
        last = roman_value(match["last"]) if match["last"] else None
        if match["last"]:
            return f"{self._language.cardinal(value)} à {self._language.cardinal(last)}" if counted and last else None
        if word_behind(match) in ("siècle", "siècles"):
            return self._language.ordinal(value)
        if before in REGNAL_NAMES and text[start - 1].isspace():
            return self._of_ruler(before, value, match)
        single = numeral in ("L", "C", "D", "M")
        return self._language.year(value) if (counted and not single) or self._is_number(before, match) else None

    def _of_ruler(self, name: str, value: int, match: re.Match[str]) -> str | None:
        if value == 1:
            return self._language.ordinal(1, "f" if name in REGNAL_WOMEN else "m")
        return self._language.cardinal(value) if match["numeral"] not in ("C", "D", "M", "L") else None

    def _is_number(self, before: str, match: re.Match[str]) -> bool:
        """Whether a numeral of which nothing tells what it counts is one."""
        numeral, text, start = match["numeral"], match.string, match.start()
        if len(numeral) < 2:
            return (
                numeral in "IVX"
                and text[match.end() : match.end() + 2] == ". "
                and _HEADING.search(text, max(0, start - 10), start) is not None
            )
        if len(numeral) >= 4 and numeral[0] == "M":
            return True
        named = before[:1].isupper() and text[start - 1].isspace()
        return (set(numeral) <= set("IVX") and numeral not in _ACRONYMS) or (named and set(numeral) <= set("IVX"))

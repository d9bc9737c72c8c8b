# ruff: noqa: RUF001 (signs that look like letters are what is read here)
"""Signs that are said: of mathematics, of law, of trade."""

import re

from actors.text.languages.context import word_before
from actors.text.languages.language import FRACTIONS, SPACE, Language
from actors.text.rules import BEFORE_LETTER, BEFORE_MARK, BEFORE_SPACE, CAPITAL, FREE, LETTER, SIGN, Rule

_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


def spaced(match: re.Match[str], words: str) -> str:
    """Return words in the place of a match, with spaces where none is around it."""
    text, start, end = match.string, match.start(), match.end()
    before = " " if start and not text[start - 1].isspace() and text[start - 1] not in "([" else ""
    behind = " " if end < len(text) and (text[end].isalnum() or text[end] in "([-\u2212$£€") else ""
    return f"{before}{words}{behind}"


class Signs:
    """Reads signs in a language."""

    def __init__(self, language: Language) -> None:
        words = language.words
        self._language = language
        self._words = {
            "=": words.equals, "==": words.equals, "≠": words.unequal, "!=": words.unequal, "≈": words.nearly,
            "<": words.less, ">": words.greater, "≤": words.less_equal, "<=": words.less_equal, "≥": words.greater_equal,
            ">=": words.greater_equal, "×": words.times, "÷": words.divided, "+": words.plus, "\u2212": words.minus,
            "±": words.plus_minus, "√": words.root, "&": words.and_, "§": words.section, "§§": words.sections,
            "©": words.copyright, "²": words.squared, "³": words.cubed, "π": "pi", "%": words.percent, "@": words.at,
        }  # fmt: skip

    def number_rules(self) -> list[Rule]:
        """Return the rules for signs that are a part of a number; they come before the others for numbers."""
        unit = rf"(?:{SPACE}?(?P<unit>{self._language.unit}))?"
        return [
            Rule(
                rf"{FREE}(?P<whole>\d{{1,4}})?{SPACE}?(?P<fraction>[{''.join(FRACTIONS)}])",
                self._fraction,
                BEFORE_LETTER + BEFORE_SPACE + CAPITAL,
                unit,
            ),
            Rule(
                rf"{FREE}(?P<base>\d{{1,9}})(?:\^(?P<plain>-?\d{{1,3}})|(?P<raised>⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]{{1,4}}))",
                self._power,
                BEFORE_LETTER + BEFORE_MARK,
                unit,
            ),
        ]

    def rules(self) -> list[Rule]:
        """Return the rules for signs; those for numbers come before."""
        words = self._language.words
        return [
            Rule(r"(?:[<>=!]=|[=≠≈≤≥÷±√&©²³π]|§§?)", self._sign, LETTER + SIGN),
            Rule(r"(?:(?<=\s)|(?<=\w))[<>×+\u2212@](?=\s|[\d$£€])", self._sign, SIGN),
            Rule(r"(?<=\d)\+(?!\w)", self._sign, SIGN),
            Rule(rf"(?<=[\d{''.join(FRACTIONS)}])%", self._sign, SIGN),
            Rule(r"(?<=\w )→(?= \w)", lambda _: words.to, SIGN),
            Rule(r"(?<=\d)\((?P<letter>[a-zA-Z])\)(?!\w)", lambda match: f" {match['letter'].upper()}", SIGN),
            Rule(r"[™®→←↑↓⇒•·●▪■◆►▶★☆¶†‡|]", lambda _: "", SIGN),
        ]

    def _sign(self, match: re.Match[str]) -> str | None:
        words = self._words[match[0]]
        if match[0] == "≈" and len(word_before(match.string, match.start())) > 1:
            words = self._language.words.about
        return spaced(match, words)

    def _fraction(self, match: re.Match[str]) -> str:
        above, below = FRACTIONS[match["fraction"]]
        whole = match["whole"]
        said = self._language.mixed(int(whole) if whole else None, above, below)
        if not match["unit"]:
            return said
        noun = self._language.noun_of_unit(match["unit"])
        return f"{said} {noun.many if whole else noun.one}"

    def _power(self, match: re.Match[str]) -> str:
        exponent = int(match["plain"] or match["raised"].translate(_RAISED))
        said = self._language.power(int(match["base"]), exponent)
        return f"{said} {self._language.noun_of_unit(match['unit']).many}" if match["unit"] else said

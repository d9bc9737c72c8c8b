"""Signs that are said: of mathematics, of law, of trade."""

import re

from actors.text.languages.language import FRACTIONS, FREE, SPACE, Language
from actors.text.rules import Rule

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
            "=": words.equals, "==": words.equals, "≠": words.unequal, "!=": words.unequal, "≈": words.about, "<": words.less,
            ">": words.greater, "≤": words.less_equal, "<=": words.less_equal, "≥": words.greater_equal, ">=": words.greater_equal,
            "×": words.times, "÷": words.divided, "+": words.plus, "\u2212": words.minus, "±": words.plus_minus, "√": words.root,
            "&": words.and_, "§": words.section, "§§": words.section, "©": words.copyright, "²": words.squared, "³": words.cubed,
            "π": "pi", "%": words.percent, "@": words.at,
        }  # fmt: skip

    def numbers(self) -> list[Rule]:
        """Return the rules for numbers with signs: fractions and powers."""
        return [
            Rule(rf"{FREE}(?P<whole>\d{{1,4}})?{SPACE}?(?P<fraction>[{''.join(FRACTIONS)}])", self._fraction),
            Rule(rf"{FREE}(?P<base>\d{{1,9}})(?:\^(?P<plain>-?\d{{1,3}})|(?P<raised>[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]{{1,4}}))", self._power),
        ]

    def rules(self) -> list[Rule]:
        """Return the rules for signs; those for numbers come before."""
        return [
            *self.numbers(),
            Rule(r"(?:[<>=!]=|[=≠≈≤≥÷±√&©²³π]|§§?)", self._sign),
            Rule(r"(?:(?<=\s)|(?<=\d))[<>×+\u2212@](?=\s|[\d$£€])", self._sign),
            Rule(r"(?<=\d)\+(?!\w)", self._sign),
            Rule(r"(?<=\d)[%]", self._sign),
            Rule(r"[™®→←↑↓⇒•·●▪■◆►▶★☆¶†‡|]", lambda _: ""),
        ]

    def _sign(self, match: re.Match[str]) -> str | None:
        return spaced(match, self._words[match[0]])

    def _fraction(self, match: re.Match[str]) -> str:
        above, below = FRACTIONS[match["fraction"]]
        whole = match["whole"]
        return self._language.mixed(int(whole) if whole else None, above, below)

    def _power(self, match: re.Match[str]) -> str:
        exponent = int(match["plain"] or match["raised"].translate(_RAISED).replace("--", "-") or "0")
        return self._language.power(int(match["base"]), exponent)

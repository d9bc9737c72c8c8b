"""Numbers that are no plain amounts: sides, scales, laws, houses, roads, places on the globe, formulas."""

import re
from typing import TYPE_CHECKING

from actors.text.languages.context import word_before
from actors.text.languages.language import DASH, SPACE
from actors.text.roman import roman_value
from actors.text.rules import BEFORE_MARK, DIGIT, FREE, LETTER, SIGN, Rule

if TYPE_CHECKING:
    from actors.text.languages.romance import Romance

DEGREES_BEHIND = re.compile(rf"{SPACE}?[CFNSEOW](?!\w)|['\u2032]")  # what makes an angle or a temperature of an ordinal
_MONTHS_WITH_ZERO = frozenset(f"0{month}" for month in range(1, 10))

_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_LOOKED_BACK = 80  # characters in which a quotation may have begun


class Figures:
    """Reads numbers of many kinds in a language of the south."""

    def __init__(self, language: "Romance") -> None:
        self._language = language

    def rules(self) -> list[Rule]:
        """Return the rules for numbers that are no plain amounts."""
        number, amount = self._language.number, self._language.amount
        return [
            Rule(
                rf"{FREE}(?P<sign>(?!))?(?P<first>{number}){SPACE}?(?P<currency>[€$£%]){SPACE}?{DASH}{SPACE}?(?P<last>{number}){SPACE}?[€$£%]",
                self._priced_range,
                DIGIT,
            ),
            Rule(rf"{FREE}(?P<first>[12]\d{{3}})/(?P<last>\d{{4}}|\d\d)(?![\w/]|[.,]\d)", self._two_years, BEFORE_MARK),
            Rule(
                rf"{FREE}{amount}{SPACE}?(?P<unit>[hH]a)(?={SPACE}(?:de|di|y|e)\b|[^\w\s'\u2019]|\Z)",
                self._rare_unit,
                DIGIT + SIGN,
            ),
            Rule(rf"(?:(?<= d[aei] )|(?<=\d)){FREE}{amount}{SPACE}(?P<unit>A)(?!\w)", self._rare_unit, DIGIT),
            Rule(rf"(?<=\s)(?P<currency>[€£%])(?!{SPACE}?\d)(?=[\s.,;:)]|\Z)", self._only_sign, SIGN),
            Rule(rf"{FREE}(?P<first>\d{{1,4}})/(?P<letter>[A-Z])(?!\w)", self._house, BEFORE_MARK),
            Rule(rf"{FREE}(?P<first>\d{{1,5}})/(?P<year>(?:19|20)\d\d)(?![\w/]|[.,]\d)", self._act, BEFORE_MARK),
            Rule(rf"{FREE}(?P<first>(?:19|20)\d\d)/(?P<last>\d{{1,4}})(?![\w/]|[.,]\d)", self._of_year, BEFORE_MARK),
            Rule(
                rf"{FREE}(?P<degrees>\d{{1,3}})[°º]{SPACE}?(?:(?P<minutes>\d{{1,2}})['\u2032\u2019]{SPACE}?)?"
                rf"(?:(?P<seconds>\d{{1,2}}(?:,\d{{1,3}})?)(?:[\"\u2033\u201d]|''){SPACE}?)?(?P<compass>[NSEOW])(?!\w|\.\w)",
                self._coordinate,
                DIGIT,
            ),
            Rule(rf"{FREE}[vV](?:\.|er\.)?{SPACE}?(?P<version>\d{{1,4}}(?:\.\d{{1,4}}){{1,5}})(?!\w)", self._version, LETTER),
            Rule(r"(?<!\w)[A-Z][A-Za-z]{0,8}[₀-₉]{1,4}(?:[A-Za-z]{1,3}[₀-₉]{0,3}){0,4}", self._formula, LETTER),
            Rule(rf"{FREE}\d{{7,8}}-?[A-Z](?!\w)", self._told, DIGIT),
            Rule(
                rf"{FREE}(?P<first>\d{{1,3}}(?:,\d{{1,2}})?)(?:[\"\u2033\u201d]|'')(?=[\s,.;:)]|\Z)", self._inches, BEFORE_MARK
            ),
            Rule(rf"{FREE}(?P<number>[2-8])K(?!\w)", lambda match: f"{self._language.read(match['number'])} K", DIGIT),
            Rule(
                rf"(?<!\w)#{SPACE}?(?P<number>\d{{1,6}})(?!\w)",
                lambda match: f"{self._language.words.number} {self._language.read(match['number'])}",
                SIGN,
            ),
            Rule(
                rf"(?<![\w.'-])(?P<first>[IVX]{{1,7}}){SPACE}?{DASH}{SPACE}?(?P<last>[IVX]{{1,7}})(?![\w&-])",
                self._numerals,
                LETTER,
            ),
            Rule(r"(?<![\w-])(?P<letter>[A-Z])-(?P<numeral>[IVX]{1,6})(?!\w)", self._road, LETTER),
        ]

    def _act(self, match: re.Match[str]) -> str | None:
        """Read the number of a law, Ley 39/2015, or a month of a year; of a day nothing."""
        language = self._language
        if word_before(match.string, match.start()).lower() in language.before_days:
            return None
        first, year = match["first"], language.year(int(match["year"]))
        if first in _MONTHS_WITH_ZERO:
            return f"{language.month_names[int(first)]} {language.month_joint}{year}"
        return f"{language.read(first)} {language.act_joint} {year}"

    def _version(self, match: re.Match[str]) -> str:
        named = "" if self._language.named_by(match) == self._language.version else f"{self._language.version} "
        parts = (self._language.cardinal(int(part), "-") for part in match["version"].split("."))
        return named + f" {self._language.words.dot_in_version} ".join(parts)

    def _rare_unit(self, match: re.Match[str]) -> str | None:
        """Read an amount of a unit that is a word too, unless the number is a year."""
        return (
            None
            if self._language.is_dated(match)
            else self._language.with_magnitude(match, None, self._language.rare_units[match["unit"].lower()])
        )

    def _road(self, match: re.Match[str]) -> str | None:
        value = roman_value(match["numeral"])
        return f"{match['letter']} {self._language.cardinal(value, '-')}" if value else None

    def _numerals(self, match: re.Match[str]) -> str | None:
        first, last = roman_value(match["first"]), roman_value(match["last"])
        if first is None or last is None or not 0 < abs(last - first) < 10:
            return None
        return self._language.numerals(first, last)

    def _only_sign(self, match: re.Match[str]) -> str:
        sign = match["currency"]
        return self._language.words.percent if sign == "%" else self._language.currencies[sign].major.many

    def _house(self, match: re.Match[str]) -> str:
        return f"{self._language.read(match['first'])} {self._language.words.slash} {match['letter']}"

    def _of_year(self, match: re.Match[str]) -> str:
        return f"{self._language.year(int(match['first']))} {self._language.words.slash} {self._language.read(match['last'])}"

    def _coordinate(self, match: re.Match[str]) -> str:
        names = zip(("degrees", "minutes", "seconds"), self._language.degree_parts, strict=True)
        said = [self._language.counted(self._language.parse(match[name]), noun) for name, noun in names if match[name]]
        return " ".join([*said, self._language.compass[match["compass"]]])

    def _inches(self, match: re.Match[str]) -> str | None:
        if (
            match.string.count('"', max(0, match.start() - _LOOKED_BACK), match.start()) % 2
            or "\u201c" in match.string[max(0, match.start() - _LOOKED_BACK) : match.start()]
        ):
            return None  # it closes a quotation
        return self._language.counted(self._language.parse(match["first"]), self._language.units["\u2033"])

    def _told(self, match: re.Match[str]) -> str:
        """Read digits one by one, and the letter behind them."""
        letter = match[0][-1]
        return f"{self._language.digits(match[0])} {letter}" if letter.isalpha() else self._language.digits(match[0])

    def _formula(self, match: re.Match[str]) -> str:
        pieces = re.findall(r"[A-Za-z]+|\d+", match[0].translate(_LOWERED))
        return " ".join(self._language.cardinal(int(piece), "-") if piece.isdigit() else piece for piece in pieces)

    def _two_years(self, match: re.Match[str]) -> str | None:
        first, last = int(match["first"]), int(match["last"])
        if (last - first if last > 99 else (last - first) % 100) not in range(1, 10):
            return None
        return f"{self._language.year(first)} {self._language.year(last)}"

    def _priced_range(self, match: re.Match[str]) -> str:
        sign = match["currency"]
        return (
            f"{self._language.read_amount(match)} {self._language.words.percent}"
            if sign == "%"
            else self._language.with_magnitude(match, None, self._language.currencies[sign].major)
        )

"""What is written so in Italian alone: saints, streets, days of streets, ages, the hour with an article."""

import re
from typing import TYPE_CHECKING

from actors.text.languages.context import word_before, word_behind
from actors.text.languages.italian_words import LONGER, MONTH_SET, STARTERS
from actors.text.languages.language import SPACE, alternatives
from actors.text.roman import roman_value
from actors.text.rules import DIGIT, FREE, LETTER, SIGN, Rule

if TYPE_CHECKING:
    from actors.text.languages.italian import Italian

_APOSTROPHES = "'\u2019"


class Names:
    """Reads names, and short forms that are like none of other languages."""

    def __init__(self, language: "Italian") -> None:
        self._language = language

    def rules(self) -> list[Rule]:
        """Return the rules, in order; they come before all others."""
        months = "|".join(sorted(MONTH_SET))
        return [
            Rule(
                rf"(?<![\w.])[vV]\.(?={SPACE}?[A-ZÀÈÉÌÒÙ][^\W\d_]{{2,20}}+(?:{SPACE}[A-Z][^\W\d_]{{2,20}}+)?,?{SPACE}\d{{1,3}}(?!\w))",
                lambda _: "via",
                LETTER,
            ),
            Rule(rf"(?<!\w)S\.{SPACE}?(?=[A-ZÀÈÉÌÒÙ][^\W\d_])", self._saint, LETTER),
            Rule(rf"(?<![\w.])[{_APOSTROPHES}\u2018](?P<year>\d\d|[1-9]00)(?!\w)", self._short_year, SIGN),
            Rule(rf"(?<![\w.])(?:h\.?{SPACE}?(?!24\b)|H\.?{SPACE})(?=\d{{1,2}}(?:[.:]\d\d)?(?!\w))", lambda _: "ore ", LETTER),
            Rule(rf"(?<![\w.'-])(?P<day>[IVX]{{1,6}}){SPACE}(?=(?i:{months})(?!\w))", self._roman_day, LETTER),
            Rule(
                rf"(?<![\w.])(?P<title>{alternatives(LONGER)})\.(?!\w|{SPACE}?[A-Z])",
                lambda match: LONGER[match["title"]],
                LETTER,
            ),
            Rule(rf"{FREE}(?P<number>\d{{1,3}})[- ]?(?P<ending>enn[ei]|ennal[ei]|ina)(?!\w)", self._aged, DIGIT),
            Rule(
                rf"(?:(?<=[aA]ll['\u2019])|(?<=[dD]all['\u2019])|(?<=[eèÈ] l['\u2019])|(?<=era l['\u2019]))1"
                rf"(?![\w%°º/-]|[.,:]\d|{SPACE}?(?:{months}|%))",
                lambda _: "una",
                DIGIT,
            ),
            Rule(
                r"(?:(?<=[oO]re )|(?<=[aA]lle ))(?P<hour>2[0-4]|[01]?\d),(?P<minute>[0-5]\d)"
                r"(?![\w%]|[.,]\d|\s?(?:€|%|euro|mila|mili))",
                lambda match: self._language.time_of_day(int(match["hour"]), int(match["minute"])),
                DIGIT,
            ),
            Rule(r"(?<=[a-z])/die(?!\w)", lambda _: " al giorno", SIGN),
        ]

    def _aged(self, match: re.Match[str]) -> str:
        """Read somebody of an age, or what happens every so many years: 70enne."""
        return self._language.cardinal(int(match["number"]), "-")[:-1] + match["ending"]

    def _short_year(self, match: re.Match[str]) -> str:
        digits = match["year"]
        return (
            f"zero {self._language.cardinal(int(digits), '-')}"
            if digits[0] == "0" and digits != "00"
            else self._language.cardinal(int(digits), "-")
        )

    def _roman_day(self, match: re.Match[str]) -> str | None:
        """Read the day of a street's name: via XX Settembre."""
        value = roman_value(match["day"])
        if value is None or value > 31 or (match["day"] == "I" and match.string[match.end()].islower()):
            return None
        return f"{'primo' if value == 1 else self._language.cardinal(value, '-')} "

    def _saint(self, match: re.Match[str]) -> str | None:
        """Read *san*, *santo*, *santa*, *sant'*, unless it is an initial behind a first name."""
        before, name = word_before(match.string, match.start()), word_behind(match)
        if (
            self._language.named_by(match)
            and before[:1].isupper()
            and before.lower() not in ("piazza", "via", "chiesa", "basilica", "ospedale")
        ) or name in STARTERS:
            return None
        if name[0] in "AEIOU":
            return "sant'"
        if name.endswith("a") and name not in ("Luca", "Andrea", "Nicola"):
            return "santa "
        return f"{'santo' if re.match('S[^aeiou]', name) else 'san'} "

"""Dates and times as only Portuguese writes them."""

import re
from typing import TYPE_CHECKING

from actors.text.languages.context import word_before, word_set
from actors.text.languages.language import SPACE, alternatives
from actors.text.languages.portuguese_words import MONTH_NAMES, SHORT_MONTHS, UNITS, WEEKDAYS
from actors.text.numbers import Number
from actors.text.rules import BEFORE_MARK, DIGIT, FREE, LETTER, Rule

if TYPE_CHECKING:
    from actors.text.languages.portuguese import Portuguese

HOURS = rf"(?:{SPACE}?hs?{SPACE}?)"
_DAY_WORDS = word_set("dia dias em até de do no ao a desde entre e segunda terça quarta quinta sexta sábado domingo feira para")

_BEFORE_DAYS = word_set("na no nas nos à às ao aos toda todo próxima próximo até da do e ou desde para cada última último")


class Times:
    """Reads dates and times."""

    def __init__(self, language: "Portuguese") -> None:
        self._language = language

    def rules(self) -> list[Rule]:
        """Return the rules, in order."""
        return [*self._dates(), *self._times()]

    def _dates(self) -> list[Rule]:
        year = r"(?P<year>(?:19|20)\d\d|(?<=/)\d\d)(?![\w/])"
        return [
            Rule(rf"{FREE}(?P<day>\d{{1,2}})/(?P<month>0[1-9]|1[0-2]|[1-9])(?![\w/]|[.,]\d)", self._day_and_month, BEFORE_MARK),
            Rule(rf"{FREE}(?P<month>0[1-9]|1[0-2])/(?P<year>(?:19|20)\d\d)(?![\w/])", self._month, BEFORE_MARK),
            Rule(rf"(?<!\w)(?P<month>(?i:{alternatives(SHORT_MONTHS)}))\.?(?: de |[/ ]){year}", self._month, LETTER),
            Rule(rf"(?<!\w)(?P<day>{alternatives(WEEKDAYS)})\.(?!\w)", self._stopped, LETTER),
            Rule(
                rf"(?<!\w)(?P<day>(?i:{alternatives(WEEKDAYS)}))\.?(?P<comma>,?){SPACE}(?=\d{{1,2}}(?:[/.:]\d| de |º|h))",
                self._weekday,
                LETTER,
            ),
        ]

    def _times(self) -> list[Rule]:
        clock = rf"(?P<hour>[01]?\d|2[0-4])(?:(?P<mark>:)|{HOURS})(?P<minute>[0-5]\d)?"
        until = rf"{SPACE}?[-\u2013]{SPACE}?(?P<hour2>[01]?\d|2[0-4])(?::|{HOURS})(?P<minute2>[0-5]\d)?h?(?!\w)"
        seconds = rf"(?:{SPACE}?(?:e )?(?P<second>[0-5]?\d){SPACE}?s)?(?!\w)"
        behind = rf"(?:{SPACE}?s|\"|''|\u2033)?(?!\w)"
        return [
            Rule(rf"{FREE}{clock}{until}", self._hours, DIGIT),
            Rule(
                rf"{FREE}(?P<hour>\d{{1,3}}){HOURS}(?:e )?(?P<minute>[0-5]?\d){SPACE}?(?:min|m|minutos){seconds}",
                self._duration,
                DIGIT,
            ),
            Rule(rf"{FREE}(?P<hour>\d{{1,2}}):(?P<minute>[0-5]\d){SPACE}?hs?(?!\w)", self._duration, BEFORE_MARK),
            Rule(rf"{FREE}(?P<hour>24|7){HOURS}?/(?P<all>24|7)(?!\w|[.,]\d)", self._out_of, DIGIT),
            Rule(
                rf"{FREE}(?P<minute>\d{{1,2}}){SPACE}?(?:min|['\u2032]){SPACE}?(?P<second>[0-5]\d){behind}",
                self._minutes,
                DIGIT,
            ),
        ]

    def _month(self, match: re.Match[str]) -> str:
        month = match["month"]
        number = int(month) if month.isdecimal() else SHORT_MONTHS[month.lower()]
        return f"{MONTH_NAMES[number - 1]} de {self._language.year(self._language.full_year(match['year']))}"

    def _day_and_month(self, match: re.Match[str]) -> str | None:
        day, month = int(match["day"]), int(match["month"])
        before = word_before(match.string, match.start()).lower()
        told = before in ("dia", "dias") or (before in _DAY_WORDS and len(match["month"]) == 2)
        if not 1 <= day <= 31 or not (
            told or (day > month and len(match[0]) == len("25/12") and match["month"][0] in "01" and day > 12)
        ):
            return None
        return self._language.date(day, month, None, match)

    def _stopped(self, match: re.Match[str]) -> str | None:
        """Read a weekday with a stop: na seg."""
        before = word_before(match.string, match.start()).lower()
        if before not in _BEFORE_DAYS:
            return None
        return (
            WEEKDAYS[match["day"]]
            + ("s" if before in ("aos", "nos", "às") else "")
            + ("." if self._language.ends_sentence(match) else "")
        )

    def _weekday(self, match: re.Match[str]) -> str:
        return f"{WEEKDAYS[match['day'].lower()]}{match['comma']} "

    def _duration(self, match: re.Match[str]) -> str:
        second = match.groupdict().get("second")
        return self._language.clock(int(match["hour"]), int(match["minute"]), int(second) if second else None, match)

    def _hours(self, match: re.Match[str]) -> str:
        first, last = (
            self._language.clock(int(match[hour]), int(match[minute] or 0), None, match)
            for hour, minute in (("hour", "minute"), ("hour2", "minute2"))
        )
        return f"{first} {'à' if int(match['hour2']) == 1 else 'às'} {last}"

    def _minutes(self, match: re.Match[str]) -> str:
        minute, second = (
            self._language.counted(Number(match[name].lstrip("0") or "0"), UNITS[unit])
            for name, unit in (("minute", "min"), ("second", "s"))
        )
        return f"{minute} e {second}"

    def _out_of(self, match: re.Match[str]) -> str:
        """Read what is always open: 24h/24, 24/7."""
        return (
            "vinte e quatro horas por dia"
            if "h" in match[0]
            else f"{self._language.read(match['hour'])} por {self._language.read(match['all'])}"
        )

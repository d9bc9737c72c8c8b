"""Dates and times as only French writes them."""

import re
from typing import TYPE_CHECKING

from actors.text.languages.context import word_before, word_set
from actors.text.languages.french_words import MONTH_NAMES, UNITS, WEEKDAYS
from actors.text.languages.language import SPACE, alternatives
from actors.text.numbers import Number
from actors.text.rules import BEFORE_LETTER, BEFORE_MARK, BEFORE_SPACE, DIGIT, FREE, LETTER, SMALL, Rule

if TYPE_CHECKING:
    from actors.text.languages.french import French

HOURS = rf"(?:{SPACE}?[hH]{SPACE}?)"
_DAY_WORDS = word_set("le du au lundi mardi mercredi jeudi vendredi samedi dimanche jusqu'au et dès")

_BEFORE_DAYS = word_set("du le au les ce chaque fermé ouvert dès et prochain dernier jusqu'au sauf")


class Times:
    """Reads dates and times."""

    def __init__(self, language: "French") -> None:
        self._language = language

    def rules(self) -> list[Rule]:
        """Return the rules, in order."""
        return [*self._dates(), *self._times()]

    def _dates(self) -> list[Rule]:
        month = "(?P<month>0[1-9]|1[0-2])"
        return [
            Rule(rf"{FREE}(?P<day>\d{{1,2}})/{month}(?![\w/,.]\d|[\w/])", self._day_and_month, BEFORE_MARK),
            Rule(rf"{FREE}{month}/(?P<year>(?:19|20)\d\d)(?![\w/])", self._month, BEFORE_MARK),
            Rule(rf"(?<!\w)(?P<day>(?i:{alternatives(WEEKDAYS)})),?{SPACE}(?=\d{{1,2}}(?:er)?[/ h:])", self._weekday, LETTER),
            Rule(r"(?<!\w)(?P<day>lun|mar|ven|sam|dim)\.(?!\w)", self._stopped, SMALL),
            Rule(r"(?<!\w)(?P<month>Mai|[Jj]uin|[Jj]uillet|mai) (?P<year>\d\d)(?![\w%]|[ .,]\d)", self._short_year, LETTER),
        ]

    def _times(self) -> list[Rule]:
        until = rf"{SPACE}?[-\u2013]{SPACE}?(?P<hour2>\d{{1,2}})(?:{HOURS}|:)(?P<minute2>[0-5]\d)?(?!\w)"
        behind = rf"(?:{SPACE}?s|\"|''|\u2033)?(?!\w)"
        return [
            Rule(
                rf"{FREE}(?P<hour>\d{{1,3}}){HOURS}(?P<minute>[0-5]?\d)?/(?P<all>\d{{1,2}})(?!\w|[.,]\d)", self._out_of, DIGIT
            ),
            Rule(
                rf"{FREE}(?P<days>\d){SPACE}?[jJ]{SPACE}?/{SPACE}?(?P<all>\d)(?!\w)",
                self._days_out_of,
                BEFORE_LETTER + BEFORE_SPACE,
            ),
            Rule(rf"{FREE}(?P<hour>\d{{1,2}})(?:{HOURS}|:)(?P<minute>[0-5]\d)?{until}", self._hours, DIGIT),
            Rule(
                rf"{FREE}(?P<hour>\d{{1,2}}){HOURS}(?P<minute>[0-5]?\d){SPACE}?(?:['\u2032]|min|mn){SPACE}?(?P<second>[0-5]\d){behind}",
                self._seconds,
                DIGIT,
            ),
            Rule(
                rf"{FREE}(?P<hour>\d{{1,3}}){HOURS}(?P<minute>[0-5]?\d){SPACE}?(?:minutes|min|mn|m|')(?!\w)",
                self._duration,
                DIGIT,
            ),
            Rule(
                rf"{FREE}(?P<minute>\d{{1,2}}){SPACE}?(?:min|mn|['\u2032]){SPACE}?(?P<second>[0-5]\d){behind}",
                self._minutes,
                DIGIT,
            ),
        ]

    def _hours(self, match: re.Match[str]) -> str | None:
        first, last = int(match["hour"]), int(match["hour2"])
        if max(first, last) > 24:
            return None
        begin = self._language.clock(first, int(match["minute"] or 0), None, match)
        return f"{begin} à {self._language.clock(last, int(match['minute2'] or 0), None, match)}"

    def _duration(self, match: re.Match[str]) -> str:
        minutes = Number(match["minute"].lstrip("0") or "0")
        return f"{self._language.hour(int(match['hour']))} {self._language.counted(minutes, UNITS['min'])}"

    def _seconds(self, match: re.Match[str]) -> str:
        return self._language.clock(int(match["hour"]), int(match["minute"]), int(match["second"]), match)

    def _minutes(self, match: re.Match[str]) -> str:
        minute, second = (
            self._language.counted(Number(match[name].lstrip("0") or "0"), UNITS[unit])
            for name, unit in (("minute", "min"), ("second", "s"))
        )
        return f"{minute} {second}"

    def _out_of(self, match: re.Match[str]) -> str | None:
        if match["minute"] is not None:
            return None
        return f"{self._language.hour(int(match['hour']))} sur {self._language.cardinal(int(match['all']))}"

    def _days_out_of(self, match: re.Match[str]) -> str:
        days = int(match["days"])
        return f"{self._language.cardinal(days)} jour{'s' if days > 1 else ''} sur {self._language.cardinal(int(match['all']))}"

    def _month(self, match: re.Match[str]) -> str:
        return f"{MONTH_NAMES[int(match['month']) - 1]} {self._language.year(int(match['year']))}"

    def _stopped(self, match: re.Match[str]) -> str | None:
        """Read a weekday with a stop: au sam."""
        if word_before(match.string, match.start()).lower() not in _BEFORE_DAYS:
            return None
        return WEEKDAYS[f"{match['day']}."] + ("." if self._language.ends_sentence(match) else "")

    def _weekday(self, match: re.Match[str]) -> str:
        return f"{WEEKDAYS[match['day'].lower()]} "

    def _day_and_month(self, match: re.Match[str]) -> str | None:
        day = int(match["day"])
        if word_before(match.string, match.start()).lower() not in _DAY_WORDS or not 1 <= day <= 31:
            return None
        return self._language.date(day, int(match["month"]), None, match)

    def _short_year(self, match: re.Match[str]) -> str | None:
        return f"{match['month']} {self._language.year(int(match['year']))}" if int(match["year"]) > 31 else None

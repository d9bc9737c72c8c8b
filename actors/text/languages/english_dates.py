"""English dates and times."""

import re
from typing import TYPE_CHECKING

from actors.text.languages.context import word_before, word_behind, word_set
from actors.text.languages.english_words import MONTH_NAMES, MONTHS, SHORT_MONTHS, WEEKDAYS
from actors.text.languages.language import DASH, SPACE, alternatives, never
from actors.text.rules import BEFORE_MARK, BEFORE_SPACE, CAPITAL, DIGIT, FREE, LETTER, SIGN, Rule

if TYPE_CHECKING:
    from actors.text.languages.english import English

_NUMBERS = MONTHS | SHORT_MONTHS
_MONTH = rf"(?P<month>(?:{alternatives(MONTHS)})\b|(?:{alternatives(SHORT_MONTHS)})\b\.?)"
_DAY = r"(?:3[01]|[12]\d|0?[1-9])"
_MOST_DAYS = 31  # of a month
_SUFFIX = r"(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>\d{4}|'\d\d)(?![\d:]|[.,]\d)"
_YEAR_BEHIND = re.compile(rf"{SPACE}\d{{4}}")
_OF_MONTHS = word_set("in of since by until till last next this early late mid from during every and through to or")
_WEEKDAY = alternatives(WEEKDAYS)
_WRITTEN_OUT = alternatives({*WEEKDAYS.values(), *MONTHS})
_CLEAR_WEEKDAY = alternatives(set(WEEKDAYS) - {"Sat", "Sun"})
_BEFORE_DATES = word_set("on by until due dated sat sun mon tue tues wed thu thur thurs fri")
_BEFORE_DURATIONS = word_set("in of by for")
_LONGEST_DURATION_H = 9
_SCALES = word_set("ratio scale")
_NOT_FOR_SHORT = ("Jan", "Mar")  # names and words of their own
_TWENTIETH = 50  # years of two digits from here on are of the 1900s


class Dates:
    """Reads dates."""

    def __init__(self, language: "English") -> None:
        self._language = language

    def rules(self) -> list[Rule]:
        """Return the rules for dates, months and weekdays."""
        through = rf"(?:{SPACE}?{DASH}{SPACE}?(?P<last>{_DAY}){_SUFFIX})?"
        return [
            Rule(
                rf"(?<![\w.-])(?P<year>\d{{4}})(?P<mark>[-/.])(?P<month>0[1-9]|1[0-2])(?P<mark2>[-/.])(?P<day>{_DAY})(?!\d|-)",
                self._year_first,
                BEFORE_MARK,
            ),
            Rule(
                rf"{FREE}(?P<first>\d\d?)(?P<mark>[/.-])(?P<second>\d\d?)(?P<mark2>[/.-])(?P<year>\d{{4}}|\d\d)(?![\w/-]|\.\d)",
                self._numeric,
                BEFORE_MARK,
            ),
            Rule(rf"{FREE}(?P<first>\d\d?)/(?P<second>\d\d?)(?![\w/]|\.\d)", self._short, BEFORE_MARK),
            Rule(rf"{FREE}(?P<month>0[1-9]|1[0-2])/(?P<year>(?:19|20)\d\d)(?![\w/])", self._month_and_year, BEFORE_MARK),
            Rule(r"(?<=\d )[-\u2013] (?=\d{1,2} [A-Z]|[A-Z][a-z]{2,8} \d)", lambda _: "to ", SIGN),
            Rule(r"(?<=\d)[-\u2013](?=(?:present|now|today|noon|midnight)\b)", lambda _: " to ", SIGN),
            Rule(
                rf"{_MONTH}{SPACE}(?P<day>{_DAY}){_SUFFIX}{through}(?!\w|[:.,]\d)(?:,?{SPACE}{_YEAR})?",
                self._month_first,
                CAPITAL,
            ),
            Rule(
                rf"{FREE}(?P<day>{_DAY})(?P<suffix>{_SUFFIX}){through}(?:{SPACE}of)?{SPACE}{_MONTH}(?!\w)(?:,?{SPACE}{_YEAR})?",
                self._day_first,
                DIGIT,
            ),
            Rule(
                rf"{FREE}(?P<day>{_DAY}){never('suffix', 'last')}[-/ ]"
                rf"(?P<month>{alternatives(MONTHS)}|{alternatives(SHORT_MONTHS)})[-/](?P<year>\d{{4}})(?!\w)",
                self._day_first,
                BEFORE_SPACE + BEFORE_MARK,
            ),
            Rule(rf"(?<!\w)(?:{alternatives(SHORT_MONTHS)})\b\.?", self._month, LETTER),
            Rule(
                r"(?<!\w)(?P<first>Sat|Sun|Mon|Wed|Fri|Tue|Thu)\.?(?= (?:night|morning|afternoon|evening)s?\b)",
                self._weekday,
                CAPITAL,
            ),
            Rule(rf"(?<!\w)(?P<first>{_WEEKDAY})\.?{SPACE}?{DASH}{SPACE}?(?P<last>{_WEEKDAY})\b\.?", self._weekdays, CAPITAL),
            Rule(
                rf"(?<!\w)(?P<first>{_WEEKDAY})(?P<stop>\.?)(?=,?{SPACE}(?:\d|(?:{alternatives(_NUMBERS)})\b)|\.?/)",
                self._weekday,
                CAPITAL,
            ),
            Rule(
                rf"(?<!\w)(?P<first>{_WRITTEN_OUT})[-\u2013\u2014](?P<last>{_WRITTEN_OUT})(?!\w)",
                lambda match: f"{match['first']} to {match['last']}",
                CAPITAL,
            ),
            Rule(rf"(?<!\w)(?P<first>{_CLEAR_WEEKDAY})(?P<stop>\.)", self._weekday, CAPITAL),
            Rule(r"(?<!\w)(?P<first>Sat|Sun)\.(?=,| (?:at|and|or|from|to|through|only)\b)", self._weekday, CAPITAL),
            Rule(r"(?<=\b[Oo]n )(?P<first>Sat|Sun)\.", self._weekday, CAPITAL),
            Rule(rf"(?<!\w)(?P<era>AD|A\.D\.){SPACE}(?P<year>\d{{1,4}})(?!\w)", self._era, CAPITAL),
        ]

    def _numeric(self, match: re.Match[str]) -> str | None:
        """Read 3/14/2020, or 14/3/2020 if the first is no month; 1.5.20 is a version."""
        first, second, year = int(match["first"]), int(match["second"]), match["year"]
        month, day = (first, second) if first <= len(MONTHS) else (second, first)
        if match["mark"] != match["mark2"] or (len(year) == 2 and match["mark"] == ".") or not self._is_date(month, day):
            return None
        return f"{self._said(month, day)}, {self._year(year)}"

    def _year_first(self, match: re.Match[str]) -> str | None:
        if match["mark"] != match["mark2"]:
            return None
        return f"{self._said(int(match['month']), int(match['day']))}, {self._year(match['year'])}"

    def _is_date(self, month: int, day: int) -> bool:
        return 1 <= month <= len(MONTHS) and 1 <= day <= _MOST_DAYS

    def _short(self, match: re.Match[str]) -> str | None:
        """Read 5/12 as a date only where one is expected."""
        month, day = int(match["first"]), int(match["second"])
        before = word_before(match.string, match.start()).lower()
        if before not in _BEFORE_DATES or not self._is_date(month, day):
            return None
        return self._said(month, day)

    def _month_and_year(self, match: re.Match[str]) -> str:
        return f"{MONTH_NAMES[int(match['month'])]} {self._language.year(int(match['year']))}"

    def _said(self, month: int, day: int) -> str:
        return f"{MONTH_NAMES[month]} {self._language.ordinal(day)}"

    def _year(self, written: str) -> str:
        """Read the year of a date: 2020, '20, 20; with an apostrophe the century is not said."""
        if written[0] == "'":
            return self._language.cardinal(int(written[1:]))
        year = int(written)
        return self._language.year(year if len(written) == 4 else year + (1900 if year >= _TWENTIETH else 2000))

    def _tail(self, match: re.Match[str], mark: str) -> str:
        """Return what is behind the first day: the last one, the month that is not before it, the year or the stop."""
        last, year = match["last"], match["year"]
        through = f" to {self._language.ordinal(int(last))}" if last else ""
        if mark == "of":
            through += f" of {self._month_name(match)}"
        stop = "." if match[0].endswith(".") and self._language.ends_sentence(match) else ""
        return through + (f"{',' if mark == ',' else ''} {self._year(year)}" if year else stop)

    def _month_name(self, match: re.Match[str]) -> str:
        return MONTH_NAMES[_NUMBERS[match["month"].rstrip(".")]]

    def _month_first(self, match: re.Match[str]) -> str:
        return f"{self._month_name(match)} {self._language.ordinal(int(match['day']))}{self._tail(match, ',')}"

    def _day_first(self, match: re.Match[str]) -> str | None:
        if self._is_may(match):
            return None
        the = "" if word_before(match.string, match.start()).lower() == "the" else "the "
        return f"{the}{self._language.ordinal(int(match['day']))}{self._tail(match, 'of')}"

    def _is_may(self, match: re.Match[str]) -> bool:
        """Whether a month is the verb: the 5 May go."""
        is_bare = match["month"] == "May" and match["year"] is None and not match["suffix"] and match[0].count(" ") == 1
        return is_bare and word_behind(match).islower()

    def _month(self, match: re.Match[str]) -> str | None:
        """Read a short month without a day, but not Jan the man nor what may mar."""
        name = match[0].rstrip(".")
        before = word_before(match.string, match.start()).lower()
        year = _YEAR_BEHIND.match(match.string, match.end())
        said = MONTH_NAMES[_NUMBERS[name]]
        if match[0][-1] != ".":
            return said if year or (before in _OF_MONTHS and name not in _NOT_FOR_SHORT) else None
        if name in _NOT_FOR_SHORT and not (year or before in _OF_MONTHS):
            return None
        return said + ("." if self._language.ends_sentence(match) else "")

    def _weekdays(self, match: re.Match[str]) -> str:
        return f"{WEEKDAYS[match['first']]} to {WEEKDAYS[match['last']]}"

    def _weekday(self, match: re.Match[str]) -> str | None:
        return WEEKDAYS[match["first"]]

    def _era(self, match: re.Match[str]) -> str:
        return f"A D {self._language.year(int(match['year']))}"


class Times:
    """Reads times of the day and durations."""

    def __init__(self, language: "English") -> None:
        self._language = language

    def rules(self) -> list[Rule]:
        """Return the rules for times."""
        half = rf"{SPACE}?(?P<half>[apAP])(?:(?<=[ap])\.?{SPACE}?m|(?<=[AP])\.?{SPACE}?M)\b\.?"
        clock = r"(?P<hour>[01]?\d|2[0-4])(?:[:.](?P<minute>[0-5]\d))?"
        until = rf"(?:{SPACE}?{DASH}{SPACE}?(?P<hour2>[01]?\d|2[0-4])(?:[:.](?P<minute2>[0-5]\d))?)?"
        return [
            Rule(
                r"(?:(?<=[ap]m)|(?<=[AP]M)|(?<=\.))[-\u2013\u2014](?=\d{1,2}(?::\d\d)?\s?[apAP]\.?[mM])", lambda _: " to ", SIGN
            ),
            Rule(rf"{FREE}{clock}{until}{half}", self._of_half, DIGIT),
            Rule(
                rf"{FREE}(?P<hours>\d{{1,2}}):(?P<minutes>[0-5]\d):(?P<seconds>[0-5]\d)(?![\w:])",
                self._with_seconds,
                BEFORE_MARK,
            ),
            Rule(
                rf"{FREE}(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?:{SPACE}?{DASH}{SPACE}?(?P<hour2>[01]?\d|2[0-4]):(?P<minute2>[0-5]\d))?"
                r"(?![\w:]|[.,]\d)",
                self._clock,
                BEFORE_MARK,
            ),
        ]

    def _of_half(self, match: re.Match[str]) -> str:
        said = self._told(match["hour"], match["minute"], half=True)
        if match["hour2"]:
            said = f"{said} to {self._told(match['hour2'], match['minute2'], half=True)}"
        return f"{said} {match['half'].upper()} M" + (
            "." if match[0].endswith(".") and self._language.ends_sentence(match) else ""
        )

    def _told(self, hour: str, minute: str | None, *, half: bool = False) -> str:
        hours, minutes = int(hour), int(minute or 0)
        said = self._language.cardinal(hours)
        if not minutes:
            if half or minute is None:
                return said
            return f"{said} hundred" if hours > 12 or (len(hour) > 1 and hour[0] == "0") else f"{said} o'clock"
        return f"{said} {'oh ' if minutes < 10 else ''}{self._language.cardinal(minutes)}"

    def _clock(self, match: re.Match[str]) -> str | None:
        if word_before(match.string, match.start()).lower() in _SCALES:
            return None
        said = self._told(match["hour"], match["minute"])
        return f"{said} to {self._told(match['hour2'], match['minute2'])}" if match["hour2"] else said

    def _with_seconds(self, match: re.Match[str]) -> str:
        hours, minutes, seconds = (int(match[name]) for name in ("hours", "minutes", "seconds"))
        if word_before(match.string, match.start()).lower() in _BEFORE_DURATIONS and hours <= _LONGEST_DURATION_H:
            parts = [(hours, "hour"), (minutes, "minute"), (seconds, "second")]
            said = [f"{self._language.cardinal(n)} {noun}{'s' if n != 1 else ''}" for n, noun in parts if n]
            return " ".join(said[:-1]) + (" and " if len(said) > 1 else "") + said[-1] if said else "zero seconds"
        tail = f" and {self._language.cardinal(seconds)} second{'s' if seconds != 1 else ''}" if seconds else ""
        return f"{self._told(match['hours'], match['minutes'])}{tail}"

"""What Spanish and Italian have in common: numbers that agree with their nouns, halves of things, times with points."""

import re
from abc import abstractmethod
from collections.abc import Collection, Mapping
from typing import ClassVar

from actors.text.languages.context import word_before, word_behind
from actors.text.languages.european import European
from actors.text.languages.language import DASH, DAY, FRACTIONS, SPACE, Currency, Noun, alternatives
from actors.text.languages.romance_figures import Figures
from actors.text.languages.romance_measures import Measures
from actors.text.numbers import Number
from actors.text.roman import roman_value
from actors.text.rules import BEFORE_MARK, DIGIT, FREE, LETTER, SIGN, Rule

_CLOCK = r"(?:2[0-4]|[01]?\d)"
_MILLION = 10**6
_YEARS = range(1000, 2100)
_PRESSURE = 60  # from here on, two numbers with a stroke between are of blood pressure
_COLUMNS = 80  # characters before a numeral that tell what it counts


class Romance(European):
    """A language of the south.

    Attributes:
        thousands: the magnitudes that are multiplied out: 5k is five thousand.
        halves: the half of something masculine, and of something feminine.
        clock_words: what stands before a time whose mark is a point.
        compass: the directions, by letter.
        coins_joint: what stands between a currency and its hundredths.
        act_joint: what stands between the number of a law and its year.
        month_joint: what stands between a month and its year, with a space behind.
        before_days: what stands before a month and a year in figures.
        degree_parts: degrees, minutes and seconds of an angle.
        weekdays: by short form, with its stop or in capitals.
        seasons: words before two years that are one.
        acronyms: what is no numeral though it could be one.
        year_words: what stands before a year.
        month_names: by number.
        before_dates: what stands before a day and a month.
        behind_shares: what stands behind a share, so that it is no date.
        shares: words for a part: *dos quintas partes*.
        masculine_articles, feminine_articles: what tells the gender of what is behind.
        rare_units: those whose symbol is a word or a letter too, in small letters.
        kings: who is told by a numeral from others of the name.
        named: what a number only names.
        before_names: words of small letters that stand before a name.
        time_parts: hours, minutes and seconds.
        version: what stands before the number of one.
        for_many: what stands between an amount and a hundred of what it is for: *cada*.
        before_one: what stands before a unit that there is one of, or a part of one.
        between: what stands before two ends of a range that are joined by *and*.
    """

    hours: ClassVar = "[:h]"
    o_clock: ClassVar = ""
    thousands: ClassVar[Collection[str]]
    halves: ClassVar[tuple[str, str]]
    clock_words: ClassVar[Collection[str]]
    compass: ClassVar[Mapping[str, str]]
    coins_joint: ClassVar[str]
    act_joint: ClassVar[str]
    month_joint: ClassVar[str]
    before_days: ClassVar[Collection[str]]
    degree_parts: ClassVar[tuple[Noun, Noun, Noun]]
    weekdays: ClassVar[Mapping[str, str]]
    seasons: ClassVar[Collection[str]]
    acronyms: ClassVar[Collection[str]]
    year_words: ClassVar[Collection[str]]
    month_names: ClassVar[Mapping[int, str]]
    between: ClassVar[Collection[str]]
    before_dates: ClassVar[Collection[str]]
    behind_shares: ClassVar[Collection[str]]
    shares: ClassVar[Collection[str]]
    masculine_articles: ClassVar[Collection[str]]
    feminine_articles: ClassVar[Collection[str]]
    rare_units: ClassVar[Mapping[str, Noun]]
    kings: ClassVar[Collection[str]]
    named: ClassVar[Collection[str]]
    before_names: ClassVar[Collection[str]]
    time_parts: ClassVar[tuple[Noun, Noun, Noun]]
    for_many: ClassVar[str]
    version: ClassVar[str]
    before_one: ClassVar[Collection[str]]

    # -----------------------------------------------------------------------------------------------------------------
    # What a language says of itself

    @abstractmethod
    def gender_of(self, word: str) -> str:
        """Return the gender of a noun, in the singular or the plural: ``m`` or ``f``."""

    @abstractmethod
    def gender_behind(self, number: Number, match: re.Match[str]) -> str:
        """Return the gender of the noun that a number counts, which stands behind a match; ``-`` if there is none."""

    @abstractmethod
    def singular(self, word: str) -> str:
        """Return one of a noun in the plural."""

    def first_rules(self) -> list[Rule]:
        """Return the rules that the two languages share; they come before those of all."""
        unit = self.unit
        clock = rf"(?P<hour>{_CLOCK})(?P<mark>[.:])(?P<minute>[0-5]\d)"
        until = rf"{SPACE}?{DASH}{SPACE}?(?P<hour2>{_CLOCK})(?P<mark2>[.:])(?P<minute2>[0-5]\d)"
        free = r"(?![\w/:%€$£]|[.,-]\d)"
        part = rf"(?:(?P<vulgar>[{''.join(FRACTIONS)}])|(?P<above>\d{{1,2}})[/\u2044](?P<below>\d{{1,3}})(?![\d/]))"
        weekday = alternatives(self.weekdays)
        weekday_or_small = alternatives({*self.weekdays, *(day.lower() for day in self.weekdays)})
        months = alternatives(month for month in self.months if month.endswith("."))
        return [
            Rule(rf"{FREE}{clock}{until}(?:{SPACE}?h\b|{free})", self._time_range, BEFORE_MARK),
            Rule(
                rf"{FREE}{clock}(?P<second>(?!))?(?:(?P<unit>{SPACE}?h\b|(?={SPACE}(?:a{SPACE}\d{{1,2}}\.\d\d{SPACE})?(?:h|horas)\b))|{free})",
                self._dotted_time,
                BEFORE_MARK,
            ),
            Rule(
                rf"{FREE}(?:(?P<whole>\d{{1,3}})(?:{SPACE}|(?=[^\d/])))?{part}{SPACE}(?:(?P<unit>{unit})|(?P<noun>[a-zà-ÿ]{{2,20}}+))",
                self._part,
                DIGIT + LETTER,
            ),
            Rule(rf"{FREE}(?P<year>\d{{4}})/(?P<month>0[1-9]|1[0-2])/(?P<day>{DAY})(?![\w/])", self._numeric, BEFORE_MARK),
            Rule(rf"{FREE}(?P<day>{DAY})/(?P<month>1[0-2]|0?[1-9])(?![\w/]|[.,]\d)", self._short_date, BEFORE_MARK),
            Rule(r"(?:(?<=[€$£])|(?<=euro)|(?<=euros)|(?<=EUR))/(?P<unit>[^\W\d_]{1,12}[²³23]?)(?!\w)", self._for_each, SIGN),
            Rule(
                rf"(?<![\w.-])(?P<first>{weekday_or_small}){SPACE}?{DASH}{SPACE}?(?P<last>{weekday_or_small})(?!\w)",
                self._weekdays,
                LETTER,
            ),
            Rule(rf"(?<![\w.-])(?P<first>{weekday}),?(?={SPACE}\d)", lambda match: self.weekdays[match["first"]], LETTER),
            Rule(
                rf"(?<![\w.])(?P<month>{months})(?={SPACE}(?:del?{SPACE})?(?:19|20)\d\d(?!\w))",
                lambda match: self.month_names[self.months[match["month"]]],
                LETTER,
            ),
            *Measures(self).rules(),
            *Figures(self).rules(),
        ]

    # -----------------------------------------------------------------------------------------------------------------
    # Numbers

    def decimals(self, digits: str) -> str:
        """Return what is said behind the decimal mark: two digits as a number, others one by one."""
        return self.cardinal(int(digits), "-") if len(digits) == 2 and digits[0] != "0" else self.digits(digits)

    def read(self, written: str, gender: str = "-") -> str:
        """Return a number in words; what is written with a point is said with one."""
        number = self.parse(written)
        if number.fraction and "," not in written and written.count(".") == 1:
            return f"{self.cardinal(number.value, '-')} {self.words.dot_in_version} {self.decimals(number.fraction)}"
        return self.spell(number, gender)

    def before_noun(self, number: Number) -> str:
        """Return what stands between a number and its noun: millions are of something."""
        return f" {self.words.of} " if not number.fraction and number.value and number.value % _MILLION == 0 else " "

    def counted(self, number: Number, noun: Noun) -> str:
        """Return so many of something, in words."""
        said = noun.one if self.is_single(number) else noun.many
        return f"{self.spell(number, noun.gender)}{self.before_noun(number)}{said}"

    def with_magnitude(self, match: re.Match[str], short: str | None, noun: Noun) -> str:
        """Return an amount of a noun, maybe of thousands or millions of it, in words."""
        last = match["last"]
        if short in self.thousands:
            said = self._thousandfold(match["first"], last, noun.gender)
            return f"{self.signed(match['sign'])}{said} {noun.many}"
        if short:
            return super().with_magnitude(match, short, noun)
        counted = noun.one if self.is_single_amount(match) else noun.many
        return f"{self.read_amount(match, noun.gender)}{self.before_noun(self.parse(last or match['first']))}{counted}"

    def _thousandfold(self, first: str, last: str | None, gender: str) -> str:
        numbers = [self.parse(written) for written in (first, last) if written]
        return f" {self.words.to} ".join(
            self.cardinal(int(number.whole + number.fraction[:3].ljust(3, "0")), gender)
            if len(number.whole) <= 9
            else self.digits(number.whole)
            for number in numbers
        )

    def _millions(self, match: re.Match[str]) -> str | None:
        """Read millions of what is written out behind them."""
        short, behind = match["magnitude"], word_behind(match)
        if short in self.thousands and self.is_dated(match):
            return None
        if short in self.thousands:
            return self.signed(match["sign"]) + self._thousandfold(
                match["first"], match["last"], self.gender_behind(Number("1000"), match)
            )
        if short == "M" and behind not in (self.words.of, *(currency.major.many for currency in self.currencies.values())):
            return None
        name = self.magnitudes[short]
        joint = (
            f" {self.words.of}"
            if behind.islower() and behind not in (self.words.of, "d", "y", "e", "o") and behind not in self.year_words
            else ""
        )
        stop = "." if short.endswith(".") and self.ends_sentence(match) else ""
        return f"{self.read_amount(match, name.gender)} {name.one if self.is_single_amount(match) else name.many}{joint}{stop}"

    def plain(self, match: re.Match[str]) -> str | None:
        """Read an amount of what is written in full behind it, with which it agrees."""
        text, last = match.string, match["last"]
        if text[match.end() : match.end() + 1].isalpha():
            return None
        number = self.parse(last or match["first"])
        gender = self.gender_behind(number, match)
        if (
            last
            and match["first"].isdecimal()
            and int(match["first"]) in _YEARS
            and word_before(text, match.start()) in self.seasons
        ):
            return f"{self.read(match['first'])} {self.read(last)}"
        joint = self.before_noun(number).rstrip() if gender != "-" else ""
        return self.read_amount(match, gender) + joint

    def named_by(self, match: re.Match[str]) -> str:
        """Return the word right before a match, with no mark between."""
        text, start = match.string, match.start()
        return word_before(text, start).lower() if start > 1 and text[start - 2].isalpha() else ""

    def read_amount(self, match: re.Match[str], gender: str = "-") -> str:
        """Return a number or a range in words: *10 a 20*, but *entre 10 y 20*."""
        if match["last"] is None:
            return super().read_amount(match, gender)
        first = self.read(match["first"], "-" if gender == "m" else gender)
        return f"{self.signed(match['sign'])}{first}{self.between_ends(match)}{self.read(match['last'], gender)}"

    def between_ends(self, match: re.Match[str]) -> str:
        """Return what is said between the ends of a range, and the spaces around it."""
        return f" {self.words.and_ if self.named_by(match) in self.between else self.words.to} "

    def read_initial(self, match: re.Match[str]) -> str | None:
        """Read a letter with a stop before a name; not one that ends a sentence, as numerals and the names of vitamins may."""
        before, adjoining = word_before(match.string, match.start()), self.named_by(match)
        if adjoining and (
            adjoining in self.named or before in self.kings or (before.islower() and before not in self.before_names)
        ):
            return None
        return super().read_initial(match)

    def is_dated(self, match: re.Match[str]) -> bool:
        """Whether a number is a year: it looks like one, and stands behind a word that years follow."""
        digits = match["first"]
        return (
            len(digits) == 4
            and digits.isdecimal()
            and int(digits) in _YEARS
            and word_before(match.string, match.start()).lower() in self.year_words
        )

    # -----------------------------------------------------------------------------------------------------------------
    # Money and parts

    def with_hundredths(self, major: str, hundredths: Number, currency: Currency) -> str:
        """Return an amount with hundredths in words; they are named only where they could be mistaken."""
        few = hundredths.value < 10
        minor = self.counted(hundredths, currency.minor) if few else self.cardinal(hundredths.value, "-")
        return f"{major} {self.coins_joint} {minor}"

    def money(self, match: re.Match[str]) -> str | None:
        """Read an amount in a currency, maybe for a unit of something."""
        currency, number = self.currencies[match["currency"]], self.parse(match["first"])
        if match["magnitude"] or match["last"] or len(number.fraction) != len("50"):
            said = self.with_magnitude(match, match["magnitude"], currency.major)
        else:
            said = self.signed(match["sign"]) + self.coins(number, currency)
        per = match["per"]
        return said + (self._for_unit(per) if per else "") + self._stop(match, per or match["currency"])

    def measure(self, match: re.Match[str]) -> str | None:
        """Read an amount of a unit."""
        said = super().measure(match)
        return said + self._stop(match, match["unit"]) if said else None

    def _stop(self, match: re.Match[str], short: str) -> str:
        """Return the stop of a short form, if it ends the sentence too."""
        ends = self.ends_sentence(match) or word_behind(match)[:1].isupper()
        return "." if short.endswith(".") and match[0].endswith(".") and ends else ""

    def _for_each(self, match: re.Match[str]) -> str:
        return self._for_unit(match["unit"])

    def _for_unit(self, unit: str) -> str:
        return f" {self.words.per} {self.units[unit].one if unit in self.units else unit}"

    def _part(self, match: re.Match[str]) -> str | None:
        """Read a fraction of a unit, or of what is written in full."""
        above, below = FRACTIONS[match["vulgar"]] if match["vulgar"] else (int(match["above"]), int(match["below"]))
        if below < 2 or above >= below or (match["above"] and below == 10):
            return None
        if match["unit"]:
            noun = self.noun_of_unit(match["unit"])
        elif match["noun"] in self.months or match["noun"] in self.not_counted:
            return None
        else:
            noun = self._written_noun(match["noun"], match["whole"] is not None)
        return self.part_of(int(match["whole"]) if match["whole"] else None, above, below, noun, match)

    def part_of(self, whole: int | None, above: int, below: int, noun: Noun, match: re.Match[str]) -> str:
        """Return a fraction of something in words; its noun may come before it, and an article before it is its own."""
        half = self.halves[noun.gender == "f"] if (above, below) == (1, 2) else ""
        if whole is not None:
            return f"{self.counted(Number(str(whole)), noun)} {self.words.and_} {half or self.fraction(above, below)}"
        if half:
            return self._without_article(self.half_of(half, noun.one), match)
        if noun.one in self.shares:
            return self.share_of(above, below)
        return self._without_article(f"{self.fraction(above, below)} {self.words.of} {noun.one}", match)

    def _without_article(self, said: str, match: re.Match[str]) -> str:
        return said.removeprefix("un ") if self.named_by(match) == "un" else said

    @property
    @abstractmethod
    def not_counted(self) -> Collection[str]:
        """Words that are no nouns, though they may stand behind a number."""

    def share_of(self, above: int, below: int) -> str:
        """Return a fraction with the word for a part, in words."""
        parts = "parte" if above == 1 else "partes"
        return f"{self.cardinal(above, 'f')} {self.ordinal(below, 'f')}{'' if above == 1 else 's'} {parts}"

    def half_of(self, half: str, noun: str) -> str:
        """Return half of something, in words."""
        return f"{half} {noun}"

    def _written_noun(self, word: str, several: bool) -> Noun:
        one = self.singular(word) if several else word
        return Noun(one, word, self.gender_of(one))

    def _slashed(self, match: re.Match[str]) -> str | None:
        whole, above, below = (match["whole"] or "").strip(), int(match["above"]), int(match["below"])
        if whole and (below == 0 or above >= below):
            return None
        if whole or (below and above < below and (above == 1 or below not in (10, 100))):
            return self._without_article(self.mixed(int(whole) if whole else None, above, below), match)
        if self._is_sum(match):
            return f"{self.cardinal(above, '-')} {self.words.divided} {self.cardinal(below, '-')}"
        joint = f" {self.words.over} " if (below in (5, 10, 100) and above <= below) or below >= _PRESSURE else " "
        return f"{self.cardinal(above, '-')}{joint}{self.cardinal(below, '-')}"

    def mixed(self, whole: int | None, above: int, below: int) -> str:
        """Return a whole number, if there is one, and a fraction, in words: *dos y medio*."""
        if (above, below) != (1, 2):
            return super().mixed(whole, above, below)
        return f"{self.cardinal(whole, '-')} {self.words.and_} {self.halves[0]}" if whole is not None else self.fraction(1, 2)

    # -----------------------------------------------------------------------------------------------------------------
    # Times, years and places

    def _time_range(self, match: re.Match[str]) -> str | None:
        if match["mark"] != match["mark2"]:
            return None
        first = self.time_of_day(int(match["hour"]), int(match["minute"]))
        return self.time_range(first, self.time_of_day(int(match["hour2"]), int(match["minute2"])), match)

    def time_range(self, first: str, last: str, match: re.Match[str]) -> str:  # noqa: ARG002
        """Return two times in words, from one to the other."""
        return f"{first} {self.words.to} {last}"

    def _dotted_time(self, match: re.Match[str]) -> str | None:
        if match["mark"] != ".":
            return None
        told = word_before(match.string, match.start()).lower() in self.clock_words
        if match.string[match.end() :].lstrip()[:1] in ("€", "%", "$", "£") or not (told or match["unit"] is not None):
            return None
        return self.clock(int(match["hour"]), int(match["minute"]), None, match)

    @abstractmethod
    def time_of_day(self, hour: int, minute: int) -> str:
        """Return a time in words."""

    @abstractmethod
    def minute(self, value: int, match: re.Match[str]) -> str:
        """Return a number with a minute's mark in words: so many minutes, or that minute of a match."""

    def telephone(self, match: re.Match[str]) -> str:
        """Return a telephone number in words: the country's as a number, the rest digit by digit."""
        country = re.match(r"\+(\d{1,3})[ ./(-]", match[0])
        if not country:
            return super().telephone(match)
        return f"{self.words.plus} {self.cardinal(int(country[1]), '-')} {self.digits(match[0][country.end() :])}"

    def _short_date(self, match: re.Match[str]) -> str | None:
        """Read 12/10 as a date only where one is expected, or if it has zeros in front."""
        before, behind = word_before(match.string, match.start()).lower(), word_behind(match)
        if (
            before not in self.before_dates
            and before not in self.weekdays.values()
            and "0" not in (match["day"][0], match["month"][0])
        ) or behind in self.behind_shares:
            return None
        return self.date(int(match["day"]), int(match["month"]), None, match)

    def _weekdays(self, match: re.Match[str]) -> str:
        first, last = (self.weekdays[match[name].capitalize()] for name in ("first", "last"))
        return self.days(first, last, match)

    def days(self, first: str, last: str, match: re.Match[str]) -> str:  # noqa: ARG002
        """Return two days of the week in words, from one to the other."""
        return f"{first} {self.words.to} {last}"

    # -----------------------------------------------------------------------------------------------------------------
    # Roman numerals

    def read_numeral(self, match: re.Match[str]) -> str | None:
        """Read a Roman numeral, unless it is a letter."""
        value = roman_value(match["numeral"])
        said = None if value is None or self._is_initial(match) else self.numeral(match["numeral"], value, match)
        return said + (match["stop"] or "") if said else None

    def _is_initial(self, match: re.Match[str]) -> bool:
        """Whether a letter stands for somebody's surname: *Luis M., de 34 años*."""
        if len(match["numeral"]) > 1:
            return False
        named = match["numeral"] in "LCDM" and word_before(match.string, match.start()) in self.kings
        return named or (bool(match["stop"]) and match.string[match.end() : match.end() + 1] in tuple(",;:)"))

    @abstractmethod
    def numeral(self, numeral: str, value: int, match: re.Match[str]) -> str | None:
        """Return a Roman numeral in words: of a century, a king, a chapter, a year; ``None`` if it is a word."""

    @abstractmethod
    def numerals(self, first: int, last: int) -> str | None:
        """Read a range of Roman numerals."""

    def gender_of_ordinal(self, match: re.Match[str]) -> str:
        """Return the gender of what is behind an ordinal, by its article or by its ending."""
        before = self.named_by(match)
        if before in self.feminine_articles:
            return "f"
        return "m" if before in self.masculine_articles else self.gender_of(word_behind(match))

    def counts_centuries(self, match: re.Match[str], pattern: re.Pattern[str]) -> bool:
        """Whether a pattern ends where a match begins."""
        return pattern.search(match.string, max(0, match.start() - _COLUMNS), match.start()) is not None

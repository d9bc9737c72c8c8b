# ruff: noqa: RUF001 (signs that look like letters are what is read here)
"""What German, French, Spanish, Italian, Portuguese and Dutch have in common: days before months, a clock of 24 hours."""

import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from actors.text.languages.addresses import Addresses, dotted_numbers
from actors.text.languages.language import SPACE, Language, alternatives
from actors.text.languages.signs import Signs
from actors.text.rules import FREE, Rule

_DAY = r"(?:3[01]|[12]\d|0?[1-9])"
_YEAR = r"(?P<year>[12]\d{3})(?!\d|[.,]\d)"
_TWENTIETH = 50  # years of two digits from here on are of the 1900s


class European(Language):
    """A language of the continent.

    Attributes:
        months: the numbers of months by name, short forms among them, with their stops.
        of_month: what may stand between a day and a month, and between a month and a year, as a pattern.
        hours: what marks hours and minutes in times: ``[:.]`` or ``h``; a pattern.
        o_clock: the word behind a time, as a pattern, which is read with it: ``Uhr``, ``uur``, ``h``; empty if there is none.
        titles: what stands before a name, by short form; its stop ends no sentence.
        numbered: what is read so only before a number or a Roman numeral, by short form.
        ordinal_mark: what makes an ordinal of the digits before it, as a pattern with whatever groups :meth:`read_ordinal` wants.
    """

    months: ClassVar[Mapping[str, int]]
    of_month: ClassVar[str]
    hours: ClassVar[str]
    o_clock: ClassVar[str]
    titles: ClassVar[Mapping[str, str]]
    numbered: ClassVar[Mapping[str, str]]
    ordinal_mark: ClassVar[str]

    def rules(self) -> list[Rule]:
        """Return the rules, in order."""
        return [
            *Addresses(self).rules(),
            *self.first_rules(),
            *self._short_forms(),
            *self._dates(),
            *self._times(),
            *self._codes(),
            *dotted_numbers(self),
            *Signs(self).number_rules(),
            *self._ratios(),
            Rule(rf"{FREE}(?P<number>\d{{1,9}}){self.ordinal_mark}", self.read_ordinal),
            *self.amounts(),
            Rule(r"(?<![\w.'-])(?P<numeral>[IVXLCDM]{1,15})(?P<stop>\.?)(?![\w&])", self.read_numeral),
            *Signs(self).rules(),
        ]

    # -----------------------------------------------------------------------------------------------------------------
    # What a language says of itself

    def first_rules(self) -> list[Rule]:
        """Return rules of the language's own, which come before the others but those for addresses."""
        return []

    @abstractmethod
    def date(self, day: int, month: int, year: int | None, match: re.Match[str]) -> str:
        """Return a date in words."""

    @abstractmethod
    def clock(self, hour: int, minute: int, second: int | None, match: re.Match[str]) -> str:
        """Return a time of the day in words."""

    @abstractmethod
    def read_ordinal(self, match: re.Match[str]) -> str | None:
        """Read an ordinal, whose digits are the group ``number``; ``None`` if it is none."""

    @abstractmethod
    def read_numeral(self, match: re.Match[str]) -> str | None:
        """Read a Roman numeral, the group ``numeral``, maybe with a ``stop``; ``None`` if it is a word."""

    # -----------------------------------------------------------------------------------------------------------------
    # The rules

    def _short_forms(self) -> list[Rule]:
        return [
            Rule(rf"(?<![\w.])(?P<short>{alternatives(self.numbered)}){SPACE}?(?=\d|[IVXLC]{{1,7}}\b)", self._numbered),
            Rule(rf"(?<![\w.])(?P<short>{alternatives(self.titles)})(?!\w)", lambda match: self.titles[match["short"]]),
            Rule(rf"(?<![\w.])(?P<short>{alternatives(self.abbreviations)})(?!\w)", self._abbreviation),
            Rule(r"(?<![\w.])(?:[A-Z]\.){2,8}", self._letters),
            Rule(r"(?<![\w.])[A-Z]\.(?=\s?[A-Z][^\W_])", self.read_initial),
            Rule(r"(?<=[^\W\d_]{2})[.!?]+(?=[^\W\d_a-z\u00df-\u00ff]{1}[^\W\d_])", lambda match: f"{match[0]} "),
        ]

    def _numbered(self, match: re.Match[str]) -> str:
        return f"{self.numbered[match['short']]} "

    def _abbreviation(self, match: re.Match[str]) -> str:
        words = self.abbreviations[match["short"]]
        return f"{words}." if match[0].endswith(".") and self.ends_sentence(match) else words

    def _letters(self, match: re.Match[str]) -> str:
        said = " ".join(match[0].replace(".", ""))
        return f"{said}." if self.ends_sentence(match) else said

    def read_initial(self, match: re.Match[str]) -> str | None:
        """Read a letter with a stop before a name."""
        return match[0][0] if match.string[match.end() : match.end() + 1].isspace() else f"{match[0][0]} "

    def _dates(self) -> list[Rule]:
        month = rf"(?P<month>(?i:{alternatives(self.months)}))(?!\w)"
        first = rf"{FREE}(?P<day>{_DAY})(?P<mark>\.|er|[\u00ba\u00b0]|\.\u00ba|e|ste|de)?"
        return [
            Rule(rf"(?<![\w.-])(?P<year>\d{{4}})-(?P<month>0[1-9]|1[0-2])-(?P<day>{_DAY})(?!\d|-)", self._numeric),
            Rule(
                rf"{FREE}(?P<day>{_DAY})(?P<mark>[./-]){SPACE}?(?P<month>1[0-2]|0?[1-9])(?P<mark2>[./-]){SPACE}?(?P<year>\d{{4}}|\d\d)(?![\w/-]|\.\d)",
                self._numeric,
            ),
            Rule(rf"{first}{SPACE}?(?:{self.of_month}){month}(?:(?:{self.of_month}|{SPACE}){_YEAR})?", self._named),
        ]

    def _numeric(self, match: re.Match[str]) -> str | None:
        parts = match.groupdict()
        if parts.get("mark") != parts.get("mark2"):
            return None
        return self.date(int(parts["day"]), int(parts["month"]), self._full_year(parts["year"]), match)

    def _full_year(self, digits: str) -> int:
        if len(digits) == 4:
            return int(digits)
        return int(digits) + (1900 if int(digits) >= _TWENTIETH else 2000)

    def _named(self, match: re.Match[str]) -> str:
        year = match["year"]
        return self.date(int(match["day"]), self._month_number(match["month"]), int(year) if year else None, match)

    def _month_number(self, name: str) -> int:
        return next(number for known, number in self.months.items() if known.casefold() == name.casefold())

    def _times(self) -> list[Rule]:
        mark = rf"(?:{self.hours})"
        clock = rf"(?P<hour>[01]?\d|2[0-4]){mark}(?P<minute>[0-5]\d)(?:[:.](?P<second>[0-5]\d))?(?![\w/:%€$£]|[.,-]\d)"
        whole = (
            rf"(?P<hour>[01]?\d|2[0-4])(?P<minute>(?!))?(?P<second>(?!))?{SPACE}?(?:{self.o_clock})(?!\w)"
            if self.o_clock
            else r"(?!)"
        )
        return [
            Rule(rf"{FREE}{clock}(?:{SPACE}?(?:{self.o_clock or '(?!)'})(?!\w))?", self._time),
            Rule(rf"{FREE}{whole}", self._time),
        ]

    def _time(self, match: re.Match[str]) -> str | None:
        second = match["second"]
        return self.clock(int(match["hour"]), int(match["minute"] or 0), int(second) if second else None, match)

    def _codes(self) -> list[Rule]:
        return [
            Rule(r"(?<![\w.])\+\d{1,3}(?:[ ./-]?\(?\d{1,4}\)?){2,6}(?!\d)", self.telephone),
            Rule(rf"{FREE}\(?0\d{{1,5}}\)?(?:[ ./-]\d{{2,8}}){{1,5}}(?![\w,.]\d)", self.telephone),
            Rule(rf"{FREE}\d{{4}}(?:[ -]\d{{4}}){{3}}(?!\d)", self.telephone),
            Rule(
                r"(?<![\w.,'\u2019])(?:[A-Za-z]{1,12}+-?\d{1,6}|\d{1,6}-?[A-Z]{1,3}(?![a-z]))(?:-?[A-Za-z]{1,12}|-?\d{1,6}){0,6}(?!\w)",
                self._name,
            ),
        ]

    def telephone(self, match: re.Match[str]) -> str:
        """Return a telephone number in words."""
        plus = f"{self.words.plus} " if match[0][0] == "+" else ""
        return plus + self.digits(match[0])

    def _name(self, match: re.Match[str]) -> str | None:
        """Read a name of letters and digits: F-16, MP3. What only ends in a unit is none."""
        pieces = re.findall(r"[A-Za-z]+|\d+", match[0])
        if pieces[0].isdigit() and pieces[1] in (*self.units, *self.currencies):
            return None
        return " ".join(self.spell(self.parse(piece)) if piece.isdigit() else piece for piece in pieces)

    def _ratios(self) -> list[Rule]:
        return [
            Rule(
                rf"{FREE}(?P<whole>(?:\d{{1,3}} )?)(?P<above>\d{{1,3}})[/\u2044](?P<below>\d{{1,3}})(?![\w/])(?!\.\d)",
                self._slashed,
            ),
            Rule(rf"{FREE}(?P<first>\d{{1,4}}){SPACE}?:{SPACE}?(?P<last>\d{{1,4}})(?![\d:])", self.read_ratio),
            Rule(rf"{FREE}(?P<first>{self.number}){SPACE}?[x×]{SPACE}?(?P<last>{self.number})(?!\w)", self.read_area),
        ]

    def _slashed(self, match: re.Match[str]) -> str | None:
        whole, above, below = match["whole"].strip(), int(match["above"]), int(match["below"])
        if below == 0 or above >= below:
            return f"{self.cardinal(above, '-')} {self.words.slash} {self.cardinal(below, '-')}" if not whole else None
        return self.mixed(int(whole) if whole else None, above, below)

    def read_ratio(self, match: re.Match[str]) -> str | None:
        """Read a score or a scale: 2:1."""
        return f"{self.cardinal(int(match['first']), '-')} {self.words.to} {self.cardinal(int(match['last']), '-')}"

    def read_area(self, match: re.Match[str]) -> str | None:
        """Read sides (3 x 4 m) or a product."""
        joint = self.words.times if match.string[match.end() :][:2].lstrip()[:1] == "=" else self.words.by
        return f"{self.read(match['first'])} {joint} {self.read(match['last'])}"

"""What German, French, Spanish, Italian, Portuguese and Dutch have in common: days before months, a clock of 24 hours."""

import re
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import ClassVar

from actors.text.languages.addresses import Addresses, dotted_numbers
from actors.text.languages.context import word_before, word_behind
from actors.text.languages.language import DASH, DAY, FRACTIONS, MINUS, SPACE, Language, Noun, alternatives
from actors.text.languages.shorthand import Shorthand
from actors.text.languages.signs import Signs
from actors.text.rules import BEFORE_LETTER, BEFORE_MARK, BEFORE_SPACE, CAPITAL, DIGIT, FREE, LETTER, SIGN, Rule

_YEAR = r"(?P<year>[12]\d{3})(?!\d|[.,]\d)"
_HOUR = r"(?:[01]?\d|2[0-4])"
_LOOKED_BACK = 25  # characters, for what makes a scale of a time
_NEAR = 70  # characters, for words of matches
_LARGEST_PART = 100
_TWENTIETH = 50  # years of two digits from here on are of the 1900s
_FIRST_YEAR, _LAST_YEAR = 1000, 2199  # what is a year if nothing but its four digits is there


def _compact(written: str) -> str:
    return "".join(written.split())


def _is_letter(name: str) -> bool:
    return len(name.removesuffix(".")) == 1


def _is_capital(unit: str) -> bool:
    """Whether a unit is a letter that may be a name: per A, par K; a litre is none."""
    return len(unit) == 1 and unit.isupper() and unit != "L"


def short_forms(names: Iterable[str]) -> str:
    """Return a pattern of any of some short forms, whether there are spaces in them or not: ``z. B.`` and ``z.B.``."""
    return alternatives(names).replace("\\ ", f"{SPACE}?")


def with_capitals(names: Mapping[str, str]) -> dict[str, str]:
    """Return short forms without spaces, also with a capital: but for one letter, which is an initial then."""
    known = {_compact(name): words for name, words in names.items()}
    return {name[0].upper() + name[1:]: words for name, words in known.items() if not _is_letter(name)} | known


class European(Language):
    """A language of the continent.

    Attributes:
        months: the numbers of months by name, short forms among them, with their stops.
        of_month: what may stand between a day and a month, and between a month and a year, as a pattern.
        hours: what stands between hours and minutes wherever they are: ``:`` or ``[:h]``; a pattern.
        hours_by_o_clock: what else does so if ``o_clock`` is behind: ``[.]``; a pattern.
        o_clock: the word behind a time, as a pattern, which is read with it: ``Uhr``, ``uur``, ``h``; empty if there is none.
        titles: what stands before a name, by short form; its stop ends no sentence.
        numbered: what is read so only before a number or a Roman numeral, by short form.
        ordinal_mark: what makes an ordinal of the digits before it, with groups that :meth:`read_ordinal` wants; a pattern.
        against: what stands between the sides of a score, if it is not ``words.to``.
        scales: parts of words that scales or scores stand behind, which are no times: ``maßstab``.
        labels: words that a letter with a stop stands behind without being an initial: ``Vitamin``.
        also_per: what else than ``words.per`` stands before a unit as it does: ``je``.
        short_days: weekdays by short forms, which are read so in rows: ``Mo-Fr``.
        day_joints: what stands between them beside dashes, slashes and commas, and what is said: ``t/m``.
        set_marks: what stands between the games of a set, as a part of a set of characters in a pattern.
        played: words that scores stand near, as a pattern.
        timed: words that times stand behind, as a pattern that ends where the time begins.
        emergency: numbers to call for help, which are read digit by digit.
        called: what stands before them if they are called, as a pattern.
        called_behind: what stands behind them if they are called, as a pattern.
    """

    months: ClassVar[Mapping[str, int]]
    of_month: ClassVar[str]
    hours: ClassVar[str]
    hours_by_o_clock: ClassVar[str] = r"[.]"
    o_clock: ClassVar[str]
    titles: ClassVar[Mapping[str, str]]
    numbered: ClassVar[Mapping[str, str]]
    ordinal_mark: ClassVar[str]
    against: ClassVar[str] = ""
    scales: ClassVar[frozenset[str]] = frozenset()
    labels: ClassVar[frozenset[str]] = frozenset()
    also_per: ClassVar[str] = ""
    short_days: ClassVar[Mapping[str, str]] = {}
    day_joints: ClassVar[Mapping[str, str]] = {}
    set_marks: ClassVar[str] = "/"
    played: ClassVar[str] = r"(?!)"
    timed: ClassVar[str] = r"(?!)"
    emergency: ClassVar[frozenset[str]] = frozenset()
    called: ClassVar[str] = r"(?!)"
    called_behind: ClassVar[str] = r"(?!)"

    def rules(self) -> list[Rule]:
        """Return the rules, in order."""
        return [
            *Addresses(self).rules(),
            *Shorthand(self).rules(),
            *self.first_rules(),
            *self._short_forms(),
            *self._dates(),
            *self._times(),
            *self._codes(),
            *dotted_numbers(self),
            *self._ratios(),
            *Signs(self).number_rules(),
            Rule(rf"{FREE}(?P<number>\d{{1,9}}){self.ordinal_mark}", self.read_ordinal, DIGIT),
            *self.amounts(),
            Rule(r"(?<![\w.'-])(?P<numeral>[IVXLCDM]{1,15})(?P<stop>\.?)(?![\w&])", self.read_numeral, CAPITAL),
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

    def read_numeral(self, match: re.Match[str]) -> str | None:  # noqa: ARG002
        """Read a Roman numeral, the group ``numeral``, maybe with a ``stop``; ``None`` if it is a word, or has other rules."""
        return None

    def gender_of(self, word: str) -> str:  # noqa: ARG002
        """Return the gender of a word that is counted, as :meth:`cardinal` wants it; ``-`` if it is not known, or no noun."""
        return "-"

    def part_of(self, whole: int | None, above: int, below: int, noun: Noun, match: re.Match[str]) -> str:  # noqa: ARG002
        """Return a fraction of a unit in words: half a litre, two and a half kilos."""
        return f"{self.mixed(whole, above, below)} {noun.one if whole is None else noun.many}"

    def part_before(self, whole: int | None, above: int, below: int, match: re.Match[str]) -> str:  # noqa: ARG002
        """Return a fraction in words before anything else, maybe a noun: half an onion."""
        return self.mixed(whole, above, below)

    # -----------------------------------------------------------------------------------------------------------------
    # Short forms

    def _short_forms(self) -> list[Rule]:
        self._numbered = with_capitals(self.numbered)
        self._titles = with_capitals(self.titles)
        self._abbreviations = with_capitals(self.abbreviations)
        numbered, titles, others = (
            short_forms({*names, *known, *(name[0].upper() + name[1:] for name in names if not _is_letter(name))})
            for names, known in (
                (self.numbered, self._numbered), (self.titles, self._titles), (self.abbreviations, self._abbreviations)
            )
        )  # fmt: skip
        return [
            Rule(rf"(?<![\w.])(?P<short>{numbered}){SPACE}?(?=\d|[IVXLC]{{1,7}}\b)", self._before_number, LETTER),
            Rule(rf"(?<![\w.-])(?P<short>{titles})(?!\w)", lambda match: self._titles[_compact(match["short"])], LETTER),
            Rule(rf"(?<![\w.'\u2019])(?P<short>{others})(?!\w)", self.read_abbreviation, LETTER),
            Rule(r"(?<![\w.])(?:[A-Z]\.){2,8}", self._letters, CAPITAL),
            Rule(r"(?<![\w.])[A-Z]\.(?=\s?[A-Z\u00c0-\u00de](?:[^\W_]|\.))", self.read_initial, CAPITAL),
            Rule(r"(?<=[^\W\d_]{2})[.!?]+(?=[^\W\d_a-z\u00df-\u00ff]{1}[^\W\d_])", lambda match: f"{match[0]} ", SIGN),
        ]

    def _before_number(self, match: re.Match[str]) -> str:
        return f"{self._numbered[_compact(match['short'])]} "

    def read_abbreviation(self, match: re.Match[str]) -> str | None:
        """Read a short form, the group ``short``; its stop may end the sentence too."""
        words = self._abbreviations[_compact(match["short"])]
        return f"{words}." if match[0].endswith(".") and self.ends_sentence(match) else words

    def _letters(self, match: re.Match[str]) -> str:
        said = " ".join(match[0].replace(".", ""))
        return f"{said}." if self.ends_sentence(match) else said

    def read_initial(self, match: re.Match[str]) -> str | None:
        """Read a letter with a stop before a name; ``None`` if the stop ends a sentence: Vitamin C. Danach ..."""
        if word_before(match.string, match.start()).casefold() in self.labels or self.ends_sentence(match):
            return None
        return match[0][0] if match.string[match.end() : match.end() + 1].isspace() else f"{match[0][0]} "

    # -----------------------------------------------------------------------------------------------------------------
    # Dates and times

    def _dates(self) -> list[Rule]:
        month = rf"(?P<month>(?i:{alternatives(self.months)}))(?!\w)"
        first = rf"{FREE}(?P<day>{DAY})(?P<mark>\.|er|[\u00ba\u00b0]|\.\u00ba|e|ste|de)?"
        return [
            Rule(rf"(?<![\w.-])(?P<year>\d{{4}})-(?P<month>0[1-9]|1[0-2])-(?P<day>{DAY})(?!\d|-)", self._numeric, BEFORE_MARK),
            Rule(
                rf"{FREE}(?P<day>{DAY})(?P<mark>[./-]){SPACE}?(?P<month>1[0-2]|0?[1-9])(?P<mark2>[./-]){SPACE}?(?P<year>\d{{4}}|\d\d)(?![\w/-]|\.\d)",
                self._numeric,
                BEFORE_MARK,
            ),
            Rule(rf"{first}{SPACE}?(?:{self.of_month}){month}(?:(?:{self.of_month}|{SPACE}){_YEAR})?", self._named, DIGIT),
        ]

    def _numeric(self, match: re.Match[str]) -> str | None:
        parts = match.groupdict()
        if parts.get("mark") != parts.get("mark2"):
            return None
        return self.date(int(parts["day"]), int(parts["month"]), self.full_year(parts["year"]), match)

    def full_year(self, digits: str) -> int:
        """Return a year of two or four digits."""
        if len(digits) == 4:
            return int(digits)
        return int(digits) + (1900 if int(digits) >= _TWENTIETH else 2000)

    def _named(self, match: re.Match[str]) -> str:
        year = match["year"]
        said = self.date(int(match["day"]), self.month_number(match["month"]), int(year) if year else None, match)
        return f"{said}." if match[0].endswith(".") and self.ends_sentence(match) else said

    def month_number(self, name: str) -> int:
        """Return the number of a month in any case."""
        return next(number for known, number in self.months.items() if known.casefold() == name.casefold())

    def _times(self) -> list[Rule]:
        nothing = r"(?!)"
        o_clock = rf"{SPACE}?(?:{self.o_clock or nothing})(?!\w)"
        end = r"(?![\w/:%€$£]|[.,-]\d)"

        def clock(marks: str, behind: str) -> Rule:
            time = rf"(?P<hour>{_HOUR})(?:{marks})(?P<minute>[0-5]\d)(?:[:.](?P<second>[0-5]\d))?"
            until = rf"(?:{SPACE}?{DASH}{SPACE}?(?P<hour2>{_HOUR})(?:{marks})(?P<minute2>[0-5]\d))?"
            return Rule(rf"{FREE}{time}{until}{behind}", self._time, DIGIT)

        return [
            clock(self.hours, rf"(?:{o_clock}|{end})"),
            clock(rf"{self.hours}|{self.hours_by_o_clock}", o_clock),
            Rule(rf"{FREE}(?P<hour>{_HOUR}){o_clock}", self._whole_hour, BEFORE_LETTER + BEFORE_SPACE),
        ]

    def _time(self, match: re.Match[str]) -> str | None:
        second, hour2 = match["second"], match["hour2"]
        before = match.string[max(0, match.start() - _LOOKED_BACK) : match.start()].lower()
        if any(word in before for word in self.scales) or self._is_no_time(match):
            return None
        if not hour2:
            return self.clock(int(match["hour"]), int(match["minute"]), int(second) if second else None, match)
        return self.times(int(match["hour"]), int(match["minute"]), int(hour2), int(match["minute2"]), match)

    def _is_no_time(self, match: re.Match[str]) -> bool:
        """Whether what may be a time is a score: there are words of matches near, and none of times before it."""
        if not match[0][-1].isdecimal() or match["second"]:
            return False
        timed = re.search(self.timed, match.string[max(0, match.start() - _LOOKED_BACK) : match.start()])
        past_midnight = match["hour"] == "24" and match["minute"] != "00"
        return timed is None and (past_midnight or self.is_played(match))

    def is_played(self, match: re.Match[str]) -> bool:
        """Whether words of matches stand near, in the same sentence."""
        text, start, end = match.string, match.start(), match.end()
        near = f"{text[max(0, start - _NEAR) : start].rpartition('. ')[2]} {text[end : end + _NEAR].partition('. ')[0]}"
        return re.search(self.played, near) is not None

    def _whole_hour(self, match: re.Match[str]) -> str | None:
        return self.clock(int(match["hour"]), 0, None, match)

    def times(self, hour: int, minute: int, last_hour: int, last_minute: int, match: re.Match[str]) -> str:
        """Return a range of times in words."""
        return f"{self.clock(hour, minute, None, match)} {self.words.to} {self.clock(last_hour, last_minute, None, match)}"

    # -----------------------------------------------------------------------------------------------------------------
    # Codes and ratios

    def _codes(self) -> list[Rule]:
        return [
            Rule(r"(?<![\w.])\+\d{1,3}(?:[ ./-]?\(?\d{1,4}\)?){2,6}(?!\d)", self.telephone, SIGN),
            Rule(
                rf"{FREE}\(?0(?:\d{{1,5}}|(?: \d\d){{1,2}}(?= [/\u2013-] ))\)?"
                r"(?:(?:[ ./-]| [/\u2013-] )\d{2,10}){1,5}(?!\w|[,.]\d)",
                self.telephone,
                BEFORE_SPACE + BEFORE_MARK + SIGN,
            ),
            Rule(rf"{FREE}\d{{4}}(?:[ -]\d{{4}}){{3,5}}(?!\d)", self.telephone, BEFORE_SPACE + BEFORE_MARK),
            Rule(rf"{FREE}(?:97[89][- ]?)?(?:\d{{1,7}}-){{3}}[\dX](?![\w-])", self.telephone, BEFORE_SPACE + BEFORE_MARK),
            Rule(
                r"(?<![\w.,'\u2019])(?:[A-Za-z]{1,12}+-?\d{1,6}|\d{1,6}-?[A-Z]{1,3}(?![a-z]))(?:-?[A-Za-z]{1,12}|-?\d{1,6}){0,6}(?!\w)",
                self._name,
                BEFORE_LETTER + BEFORE_MARK + LETTER,
            ),
            Rule(rf"{FREE}(?P<number>\d{{1,4}})(?P<letter>[a-df])(?!\w)", self._with_letter, BEFORE_LETTER),
        ]

    def _with_letter(self, match: re.Match[str]) -> str:
        return f"{self.read(match['number'])} {match['letter']}"

    def telephone(self, match: re.Match[str]) -> str:
        """Return a telephone number in words."""
        plus = f"{self.words.plus} " if match[0][0] == "+" else ""
        return f"{plus}{self.digits(match[0])}{' X' if match[0][-1] == 'X' else ''}"

    def _name(self, match: re.Match[str]) -> str | None:
        """Read a name of letters and digits: F-16, MP3. What only ends in a unit is none."""
        pieces = re.findall(r"[A-Za-z]+|\d+", match[0])
        if pieces[0].isdigit() and pieces[1] in (*self.units, *self.currencies):
            return None
        return " ".join(self.spell(self.parse(piece)) if piece.isdigit() else piece for piece in pieces)

    def _ratios(self) -> list[Rule]:
        part = rf"(?:(?P<whole>\d{{1,4}}){SPACE})?(?P<above>\d{{1,3}})[/\u2044](?P<below>\d{{1,4}})"
        by = rf"{SPACE}?[x\u00d7]{SPACE}?"
        side = rf"(?:{SPACE}?(?P<unit>{self.unit}))?"
        sign = rf"(?P<number>\d{{1,4}})?{SPACE}?(?P<fraction>[{''.join(FRACTIONS)}])"
        return [
            Rule(rf"{FREE}(?:{part}|{sign})(?:{SPACE}|-)?(?P<unit>{self.unit})", self._part_of, DIGIT + CAPITAL),
            Rule(rf"{FREE}{sign}", self._part_before, BEFORE_LETTER + BEFORE_SPACE + CAPITAL),
            Rule(rf"{FREE}{part}(?![\w/]|\.\d)", self._slashed, BEFORE_SPACE + BEFORE_MARK),
            Rule(
                rf"{FREE}(?P<first>\d{{1,9}}){SPACE}?(?P<sign>[*/]){SPACE}?(?P<last>\d{{1,9}})(?={SPACE}?=)",
                self._sum,
                BEFORE_SPACE + BEFORE_MARK,
            ),
            Rule(rf"{FREE}(?P<year>1\d\d\d|20\d\d)/(?P<next>\d\d|\d{{4}})(?![\w/]|\.\d)", self.read_years, BEFORE_MARK),
            Rule(
                rf"{FREE}(?P<first>\d{{1,4}}){SPACE}?:{SPACE}?(?P<last>{self.number})(?![\d:])",
                self.read_ratio,
                BEFORE_SPACE + BEFORE_MARK,
            ),
            Rule(
                rf"{FREE}(?P<first>{self.number}){side}{by}(?P<second>{self.number}){side.replace('unit', 'unit2')}"
                rf"(?:{by}(?P<third>{self.number}){side.replace('unit', 'unit3')})?(?!\w)",
                self._area,
                DIGIT,
            ),
            Rule(
                rf"{FREE}(?P<first>\d{{1,9}}){SPACE}?[{MINUS}]{SPACE}?(?P<last>\d{{1,9}})(?={SPACE}?=)",
                self._difference,
                BEFORE_SPACE + BEFORE_MARK,
            ),
        ]

    def _part_of(self, match: re.Match[str]) -> str | None:
        whole = match["whole"] or match["number"]
        above, below = FRACTIONS[match["fraction"]] if match["fraction"] else (int(match["above"]), int(match["below"]))
        if not 0 < above < below:
            return None
        return self.part_of(int(whole) if whole else None, above, below, self.noun_of_unit(match["unit"]), match)

    def _part_before(self, match: re.Match[str]) -> str:
        whole = match["number"]
        return self.part_before(int(whole) if whole else None, *FRACTIONS[match["fraction"]], match)

    def _slashed(self, match: re.Match[str]) -> str | None:
        whole, above, below = match["whole"], int(match["above"]), int(match["below"])
        if _LARGEST_PART < below != 1000 and not whole:
            return f"{self.cardinal(above, '-')} {self.read_plain(match['below'], match)}"  # an issue: 3/2020
        if above == below and not whole:
            return f"{self.cardinal(above, '-')} {self.cardinal(below, '-')}"  # 50/50
        if below == 0 or above >= below:
            return f"{self.cardinal(above, '-')} {self.words.slash} {self.cardinal(below, '-')}" if not whole else None
        return self.part_before(int(whole) if whole else None, above, below, match)

    def read_years(self, match: re.Match[str]) -> str | None:
        """Read two years in a row: 2010/11."""
        return f"{self.year(int(match['year']))} {self.read(match['next'])}"

    def read_ratio(self, match: re.Match[str]) -> str | None:
        """Read a score or a scale, 2:1, or a division."""
        joint = self.words.divided if self._is_sum(match) else self.against or self.words.to
        return f"{self.cardinal(int(match['first']), '-')} {joint} {self.read(match['last'])}"

    def _area(self, match: re.Match[str]) -> str:
        """Read sides (3 x 4 m) or a product."""
        joint = self.words.times if self._is_sum(match) else self.words.by
        sides = zip(("first", "second", "third"), ("unit", "unit2", "unit3"), strict=True)
        return f" {joint} ".join(self._side(match[number], match[unit]) for number, unit in sides if match[number])

    def _side(self, written: str, unit: str | None) -> str:
        return self.counted(self.parse(written), self.noun_of_unit(unit)) if unit else self.read(written)

    def _is_sum(self, match: re.Match[str]) -> bool:
        return match.string[match.end() : match.end() + 2].lstrip()[:1] == "="

    def _sum(self, match: re.Match[str]) -> str:
        joint = self.words.times if match["sign"] == "*" else self.words.divided
        return f"{self.read(match['first'])} {joint} {self.read(match['last'])}"

    def _difference(self, match: re.Match[str]) -> str:
        return f"{self.read(match['first'])} {self.words.minus} {self.read(match['last'])}"

    # -----------------------------------------------------------------------------------------------------------------
    # Amounts

    def amounts(self) -> list[Rule]:
        """Return the rules for amounts, and for millions of what is written in full behind them."""
        counted = rf"{SPACE}?(?:{self.currency}|{self.unit})"
        millions = rf"{FREE}{self.amount}{SPACE}?(?P<magnitude>{alternatives(self.magnitudes)})(?![\w.]|{counted})"
        per = rf"(?P<per>{self.words.per}{'|' if self.also_per else ''}{self.also_per})"
        short = [unit for unit, noun in self.units.items() if unit not in (noun.one, noun.many) and not _is_capital(unit)]
        quotient = rf"(?<![\w/])(?:{alternatives(self.units)})/(?:{alternatives(self.units)})(?![\w/])"
        return [
            Rule(millions, self._millions, DIGIT + SIGN),
            *super().amounts(),
            Rule(quotient, self._quotient, LETTER),
            Rule(rf"(?<!\w){per} (?P<unit>{alternatives(short)}(?:/{alternatives(short)})?)(?![\w/])", self._per, LETTER),
            Rule(r"(?<=[^\W\d_])/(?=[^\W\d_])", lambda _: " ", SIGN),
        ]

    def read_quantity(self, match: re.Match[str]) -> str | None:
        """Read an amount by what stands behind it; the stop of a short unit or currency may end the sentence too."""
        said = super().read_quantity(match)
        stops = said and match[0].endswith(".") and not said.endswith(".") and self.ends_sentence(match)
        return f"{said}." if stops else said

    def _millions(self, match: re.Match[str]) -> str | None:
        noun = self.magnitudes[match["magnitude"]]
        said = f"{self.read_amount(match, noun.gender)} {noun.one if self.is_single_amount(match) else noun.many}"
        return f"{said}." if match[0].endswith(".") and self.ends_sentence(match) else said

    def _per(self, match: re.Match[str]) -> str:
        return f"{match['per']} {self.noun_of_unit(match['unit']).one}"

    def _quotient(self, match: re.Match[str]) -> str | None:
        above, _, below = match[0].partition("/")
        return self.noun_of_unit(match[0]).many if len(above) > 1 or below in ("h", "s") else None

    def plain(self, match: re.Match[str]) -> str | None:
        """Read a number or a range before anything else: of four digits maybe years."""
        sign, last = self.signed(match["sign"]), match["last"]
        if last is None:
            return sign + self.read_plain(match["first"], match)
        return f"{sign}{self.read_plain(match['first'], match)} {self.words.to} {self.read_plain(last, match)}"

    def read_plain(self, written: str, match: re.Match[str]) -> str:
        """Return a number in words that has no unit behind."""
        if self.is_version(written):
            return f" {self.words.dot_in_version} ".join(self.read(part) for part in written.split("."))
        if self.is_year(written):
            return self.year(int(written))
        return self.read(written, self.gender_of(word_behind(match)))

    def is_version(self, written: str) -> bool:
        """Whether a number is that of a version, as 2.0, since it has a point where the language has a comma."""
        return "." in written and "," not in written and not self.parse(written).grouped and self.decimal == ","

    def is_year(self, written: str) -> bool:
        """Whether a number may be a year."""
        return len(written) == 4 and written.isdecimal() and _FIRST_YEAR <= int(written) <= _LAST_YEAR

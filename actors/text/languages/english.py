"""English, as it is read in America: months before days, no "and" in numbers."""

import re
from functools import lru_cache
from typing import ClassVar

from actors.text.languages.addresses import Addresses, dotted_numbers
from actors.text.languages.context import word_before, word_behind
from actors.text.languages.english_dates import Dates, Times
from actors.text.languages.english_names import Abbreviations, Numerals
from actors.text.languages.english_words import ABBREVIATIONS, CURRENCIES, MAGNITUDES, STARTERS, UNITS, WORDS
from actors.text.languages.language import DASH, FREE, SPACE, Currency, Language, Noun
from actors.text.languages.signs import Signs
from actors.text.numbers import NUMBERS_KEPT, Number
from actors.text.rules import Rule

_DETERMINERS = frozenset("a an the this that each every its his her their my our your another".split())
_NO_NOUN = frozenset(
    "of in on at to from for by with away deep high tall wide long thick and or is was are were has had will would can could "
    "per a an each more less later ago apart off behind ahead before after than when while if as but because since until into "
    "onto through across along around above below under over between every only total today now then here there that which who "
    "he she it they we you the this these those not so too short old heavy worth up down out north south east west".split()
)
_NOTES = frozenset("bill bills note notes coin coins fee fine ticket tickets tip gift reward check cheque deal bet prize loan".split())
_PARTS = {2: Noun("half", "halves"), 4: Noun("quarter", "quarters")}
_NAMED_BY_NUMBER = frozenset(
    "boeing airbus route highway interstate room flight ext extension suite apartment studio gate peugeot porsche bmw ferrari".split()
)
_CALLED = frozenset("call dial calling dialed called phone dialing ring rang dialled".split())
_PEOPLE = (
    "people|users|copies|views|downloads|subscribers|followers|customers|homes|jobs|shares|viewers|visitors|residents|"
    "inhabitants|years|children|men|women|voters|barrels|euros|pounds|dollars|students|workers|families|fans"
)
_FIRST_YEAR, _LAST_YEAR = 1100, 2099
_IRREGULAR = {"six": "sixes"}
_RAISED_LETTERS = "⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉"
_LOWERED = str.maketrans(_RAISED_LETTERS, "01234567890123456789")


_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety".split()
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip


@lru_cache(maxsize=NUMBERS_KEPT)
def _cardinal(value: int) -> str:
    for scale, name in _SCALES:
        if value >= scale:
            count, rest = divmod(value, scale)
            return f"{_cardinal(count)} {name}{f' {_cardinal(rest)}' if rest else ''}"
    tens, ones = divmod(value, 10)
    if tens < 2:
        return _ONES[value]
    return f"{_TENS[tens]}-{_ONES[ones]}" if ones else _TENS[tens]


@lru_cache(maxsize=NUMBERS_KEPT)
def _ordinal(value: int) -> str:
    words = _cardinal(value)
    last = re.split("[ -]", words)[-1]
    stem = words.removesuffix(last)
    return stem + (_ORDINALS.get(last) or (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th"))


class English(Language):
    """English."""

    code: ClassVar = "en"
    decimal: ClassVar = "."
    groups: ClassVar = ",'\u2019"
    spaced_groups: ClassVar = False
    words: ClassVar = WORDS
    units: ClassVar = UNITS
    currencies: ClassVar = CURRENCIES
    magnitudes: ClassVar = MAGNITUDES
    long_magnitudes: ClassVar = "hundred|thousand|million|billion|trillion|quadrillion"
    abbreviations: ClassVar = ABBREVIATIONS
    starters: ClassVar = STARTERS

    def rules(self) -> list[Rule]:
        """Return the rules, in order."""
        return [
            *Addresses(self).rules(),
            *Abbreviations(self).rules(),
            *Dates(self).rules(),
            *Times(self).rules(),
            *self._codes(),
            *dotted_numbers(self),
            *self._ratios(),
            *self._ordinals(),
            *self._decades(),
            *self._lengths(),
            *self._mixed_numbers(),
            *self.amounts(),
            *Numerals(self).rules(),
            *Signs(self).rules(),
        ]

    # -----------------------------------------------------------------------------------------------------------------
    # Numbers

    def cardinal(self, value: int, gender: str = "m") -> str:
        """Return a whole number in words."""
        return _cardinal(value)

    def ordinal(self, value: int, gender: str = "m") -> str:
        """Return an ordinal in words."""
        return _ordinal(value)

    def year(self, value: int) -> str:
        """Return a year in words: nineteen ninety-nine, nineteen oh five, nineteen hundred, two thousand five."""
        century, rest = divmod(value, 100)
        if not 1 <= century < 100 or century % 10 == 0 and rest < 10:
            return self.cardinal(value)
        if not rest:
            return f"{self.cardinal(century)} hundred"
        return f"{self.cardinal(century)} {'oh ' if rest < 10 else ''}{self.cardinal(rest)}"

    def code_number(self, digits: str) -> str:
        """Return a number that only names something: seven forty-seven, one oh one, forty-seven eleven."""
        value = int(digits) if len(digits) <= 4 else 0
        if digits[0] == "0" or len(digits) > 4:
            return self.digits(digits)
        if len(digits) < 3 or value % 1000 == 0:
            return self.cardinal(value)
        return self.year(value)

    def plural(self, words: str) -> str:
        """Return several of a number in words: nineties, fives, nineteen hundreds."""
        last = words.rpartition(" ")[2].rpartition("-")[2]
        stem = words.removesuffix(last)
        return stem + (_IRREGULAR.get(last) or (f"{last[:-1]}ies" if last.endswith("y") else f"{last}s"))

    def fraction(self, above: int, below: int) -> str:
        """Return a fraction in words."""
        parts = _PARTS.get(below) or Noun(self.ordinal(below), f"{self.ordinal(below)}s")
        return f"{self.cardinal(above)} {parts.one if above == 1 else parts.many}"

    def mixed(self, whole: int | None, above: int, below: int) -> str:
        """Return a whole number, if there is one, and a fraction, in words: two and a half."""
        if whole is None:
            return self.fraction(above, below)
        part = self.fraction(above, below)
        return f"{self.cardinal(whole)} and {part.replace('one ', 'a ', 1) if above == 1 else part}"

    def power(self, base: int, exponent: int) -> str:
        """Return a power in words."""
        if exponent in (2, 3):
            return super().power(base, exponent)
        said = self.ordinal(exponent) if exponent >= 0 else f"minus {self.cardinal(-exponent)}"
        return f"{self.cardinal(base)} to the {said}"

    def spell(self, number: Number, gender: str = "-") -> str:
        """Return a number in words."""
        if number.fraction and not number.whole:
            return f"point {self.digits(number.fraction)}"
        return super().spell(number, gender)

    # -----------------------------------------------------------------------------------------------------------------
    # Amounts

    def coins(self, number: Number, currency: Currency) -> str:
        """Return an amount with hundredths, in words."""
        return super().coins(number, currency)

    def money(self, match: re.Match[str]) -> str | None:
        """Read an amount in a currency; of one that counts itself (a $20 bill) only one."""
        said = super().money(match)
        noun = self.currencies[match["currency"]].major
        rest = match.string[match.end() :][:40]
        if said and said.endswith(noun.many) and (rest[:1] == "-" or word_behind(match) in _NOTES) and rest[1:2].isalpha():
            return said.removesuffix(noun.many) + noun.one
        return said

    def measure(self, match: re.Match[str]) -> str | None:
        """Read an amount of a unit; of one that describes what is behind it (a 10-km loop) only one."""
        noun = self.noun_of_unit(match["unit"])
        hyphen = match.string[match.start("unit") - 1] == "-"
        if hyphen or self._describes(match):
            noun = Noun(noun.one, noun.one)
        said = self.with_magnitude(match, None, noun)
        return said + "." if match["unit"].endswith(".") and self.ends_sentence(match) else said

    def _describes(self, match: re.Match[str]) -> bool:
        behind = word_behind(match)
        if not behind or not behind.islower() or behind in _NO_NOUN or match.string[match.end() : match.end() + 1] != " ":
            return False
        return word_before(match.string, match.start()).lower() in _DETERMINERS

    def plain(self, match: re.Match[str]) -> str | None:
        """Read a number before anything else: what has four digits as a year is read."""
        text, first, last = match.string, match["first"], match["last"]
        if text[match.end() : match.end() + 1].isalpha():
            return None
        if last is not None and first.isdecimal() and len(first) == 4 and last.isdecimal() and len(last) in (2, 4):
            return f"{self._plain(first, match)} {self._between_years(text, match)} {self._plain(last, match)}"
        if last is not None:
            return self.read_amount(match)
        return self.signed(match["sign"]) + self._plain(first, match)

    def _between_years(self, text: str, match: re.Match[str]) -> str:
        return "" if word_behind(match) in ("season", "school", "academic", "campaign") else "to"

    def _plain(self, written: str, match: re.Match[str]) -> str:
        before = word_before(match.string, match.start()).lower()
        if written.isdecimal() and before in _NAMED_BY_NUMBER:
            return self.code_number(written)
        if written.isdecimal() and len(written) == 4 and _FIRST_YEAR <= int(written) <= _LAST_YEAR:
            return self.year(int(written))
        if written.isdecimal() and len(written) == 4 and written[0] != "0" and before in ("in", "since", "of", "ad", "before", "year"):
            return self.year(int(written))
        if len(written) == 3 and written.isdecimal() and before in _CALLED:
            return self.digits(written)
        return self.read(written)

    # -----------------------------------------------------------------------------------------------------------------
    # Numbers of other kinds

    def _codes(self) -> list[Rule]:
        digits = lambda match: self._told(match[0])  # noqa: E731
        return [
            Rule(rf"(?<![\w.])(?:\+?1[-. ])?(?:\(\d{{3}}\)[-. ]?|\d{{3}}[-. ])\d{{3}}[-. ]\d{{4}}(?!\d|-\d)", digits),
            Rule(rf"{FREE}\d{{3}}-\d{{4}}(?![\d-])", digits),
            Rule(r"(?<![\w.])\+\d{1,3}(?:[ ./-]?\(?\d{1,4}\)?){2,6}(?!\d)", digits),
            Rule(rf"{FREE}\d{{4}}(?:[ -]\d{{4}}){{3}}(?!\d)", digits),
            Rule(rf"{FREE}\d{{3}}-\d{{2}}-\d{{4}}(?![\d-])", digits),
            Rule(rf"{FREE}(?:97[89][- ]?)?(?:\d{{1,7}}-){{3}}[\dX](?![\w-])", digits),
            Rule(r"(?<!\w)(?P<state>[A-Z]{2}) (?P<zip>\d{5}(?:-\d{4})?)(?![\d-])", self._zip),
            Rule(r"(?<!\w)v(?:\.|er\.)? ?(?P<version>\d{1,4}(?:\.\d{1,4}){1,5})(?![\w])", self._version),
            Rule(rf"{FREE}(?P<above>\d{{2,3}})/(?P<below>\d{{2,3}})(?=\s+mm|(?<=\d/\d\d)(?![\d/]))", self._pressure),
            Rule(r"(?<![\w.,])#(?P<number>\d{1,6})(?!\w)", lambda match: f"number {self.read(match['number'])}"),
            Rule(
                rf"(?<![\w.,'\u2019])(?:[A-Za-z]{{1,12}}+-?\d{{1,6}}|\d{{1,6}}-?[A-Z]{{1,3}}(?![a-z]))(?:-?[A-Za-z]{{1,12}}|-?\d{{1,6}}){{0,6}}"
                rf"(?![\w{_RAISED_LETTERS}])",
                self._name,
            ),
            Rule(rf"(?<!\w)[A-Z][A-Za-z]{{0,8}}[{_RAISED_LETTERS}]{{1,4}}(?:[A-Za-z]{{1,3}}[{_RAISED_LETTERS}]{{0,3}}){{0,4}}", self._formula),
            Rule(rf"{FREE}(?P<number>\d{{1,4}}(?:\.\d{{1,3}})?)x(?!\w)", lambda match: f"{self.read(match['number'])} times"),
        ]

    def _told(self, written: str) -> str:
        plus = "plus " if written[0] == "+" else ""
        return f"{plus}{self.digits(written)}{' X' if written[-1] == 'X' else ''}"

    def _zip(self, match: re.Match[str]) -> str:
        return f"{match['state']} {self.digits(match['zip'])}"

    def _version(self, match: re.Match[str]) -> str:
        return "version " + " point ".join(self.cardinal(int(part)) for part in match["version"].split("."))

    def _pressure(self, match: re.Match[str]) -> str | None:
        return None

    def _name(self, match: re.Match[str]) -> str | None:
        """Read a name of letters and digits: F-16, MP3, R2-D2. What only ends in a unit is none, nor is an ordinal."""
        pieces = re.findall(r"[A-Za-z]+|\d+", match[0])
        if pieces[0].isdigit() and (match[0][-1:].islower() or self._is_amount(match[0])):
            return None
        return " ".join(self.code_number(piece) if piece.isdigit() else piece for piece in pieces)

    def _is_amount(self, written: str) -> bool:
        number = re.match(r"\d+-?", written)
        unit = written[number.end() :] if number else ""
        return unit in self.units or (unit in ("K", "M", "B", "T", "BN") and not (unit in "K" and len(written) == 2))

    def _formula(self, match: re.Match[str]) -> str:
        pieces = re.findall(r"[A-Za-z]+|\d+", match[0].translate(_LOWERED))
        return " ".join(self.cardinal(int(piece)) if piece.isdigit() else piece for piece in pieces)

    def _ratios(self) -> list[Rule]:
        return [
            Rule(rf"{FREE}(?P<first>\d{{1,3}})/(?P<last>\d{{1,3}})(?![\d/])(?!\.\d)", self._slashed),
            Rule(rf"{FREE}(?P<first>\d{{1,4}}):(?P<last>\d{{1,4}})(?![\d:])", self._ratio),
            Rule(
                rf"{FREE}(?P<first>{self.number}){SPACE}?[x×]{SPACE}?(?P<last>{self.number})"
                rf"(?:{SPACE}?[x×]{SPACE}?(?P<third>{self.number}))?(?![\w])",
                self._area,
            ),
            Rule(rf"{FREE}(?P<first>\d{{1,6}}){SPACE}-{SPACE}(?P<last>\d{{1,6}})(?={SPACE}?=)", self._difference),
        ]

    def _slashed(self, match: re.Match[str]) -> str | None:
        first, last = int(match["first"]), int(match["last"])
        pair = {(24, 7): "twenty-four seven", (9, 11): "nine eleven", (7, 7): "seven seven"}.get((first, last))
        if pair or (first == last and first not in (5, 10)):
            return pair or f"{self.cardinal(first)} {self.cardinal(last)}"
        if last in (5, 10, 100) and (first == last or word_behind(match) in ("stars", "points") or last == 100):
            return f"{self.cardinal(first)} out of {self.cardinal(last)}"
        if first < last and last <= 100 and (last in _PARTS or last <= 20 or last % 8 == 0):
            return self.fraction(first, last)
        return f"{self.code_number(match['first'])} over {self.code_number(match['last'])}"

    def _ratio(self, match: re.Match[str]) -> str:
        first, last = match["first"], match["last"]
        if len(last) == 1 and word_before(match.string, match.start()).lower() not in ("ratio", "scale", "of", "a", "about", "by"):
            return f"{self.cardinal(int(first))} {self.cardinal(int(last))}"
        by = "by" if word_behind(match) in ("aspect", "display", "screen", "monitor", "widescreen", "video") else "to"
        return f"{self.cardinal(int(first))} {by} {self.cardinal(int(last))}"

    def _area(self, match: re.Match[str]) -> str:
        behind = match.string[match.end() :][:3]
        joint = " times " if behind.lstrip()[:1] == "=" else " by "
        return joint.join(self.read(match[name]) for name in ("first", "last", "third") if match[name])

    def _difference(self, match: re.Match[str]) -> str:
        return f"{self.read(match['first'])} minus {self.read(match['last'])}"

    def _ordinals(self) -> list[Rule]:
        number = r"\d{1,3}(?:,\d{3}){1,4}|\d{1,9}"
        suffix = r"(?:st|nd|rd|th|ST|ND|RD|TH|ᵗʰ|ˢᵗ|ⁿᵈ|ʳᵈ)"
        return [
            Rule(rf"{FREE}(?P<first>{number}){suffix}(?:{DASH}(?P<last>{number}){suffix})?(?![^\W_])", self._ordinal),
        ]

    def _ordinal(self, match: re.Match[str]) -> str:
        numbers = (int(match[name].replace(",", "")) for name in ("first", "last") if match[name])
        return " to ".join(map(self.ordinal, numbers))

    def _decades(self) -> list[Rule]:
        return [
            Rule(rf"(?<!\w)['\u2019\u2018](?P<decade>\d0)'?s(?!\w)", self._decade),
            Rule(rf"(?<!\w)['\u2019\u2018](?P<year>\d\d)(?![\w'\u2019])", self._short_year),
            Rule(rf"{FREE}(?P<decade>(?:\d\d)?\d0|\d{{1,2}})['\u2019]?s(?!\w)", self._decade),
        ]

    def _decade(self, match: re.Match[str]) -> str | None:
        digits = match["decade"]
        behind = match.string[match.end() - 2] in "'\u2019"
        if len(digits) == 4:
            return self.plural(self.year(int(digits)))
        if len(digits) == 2 and digits[1] == "0" or behind:
            return self.plural(self.cardinal(int(digits)))
        return None

    def _short_year(self, match: re.Match[str]) -> str:
        digits = match["year"]
        return f"oh {self.cardinal(int(digits))}" if digits[0] == "0" else self.cardinal(int(digits))

    def _lengths(self) -> list[Rule]:
        return [
            Rule(rf"{FREE}(?P<feet>\d)['\u2032\u2019]{SPACE}?(?P<inches>1[01]|\d)(?P<half>½)?(?:[\"\u2033\u201d]|''|\u2019\u2019)", self._height),
            Rule(rf"{FREE}(?P<number>\d{{1,4}}(?:\.\d{{1,3}})?)(?P<mark>['\u2032]|[\"\u2033])(?=[\s,.)]|$)", self._length),
            Rule(rf"{FREE}(?P<number>\d{{1,4}}(?:\.\d{{1,3}})?)(?:{SPACE}|-)in\.(?={SPACE}[a-z(]|[,;:)])", self._inches),
            Rule(rf"{FREE}(?P<number>\d{{1,4}}(?:[.,]\d{{1,3}})?)[mM](?={SPACE}(?:{_PEOPLE})\b)", self._millions),
            Rule(rf"(?<!\w)[A-Z](?:-|\u2013)[A-Z](?!\w)", lambda match: f"{match[0][0]} to {match[0][2]}" if match[0][0] == "A" else None),
        ]

    def _height(self, match: re.Match[str]) -> str:
        half = " and a half" if match["half"] else ""
        return f"{self.cardinal(int(match['feet']))} foot {self.cardinal(int(match['inches']))}{half}"

    def _length(self, match: re.Match[str]) -> str | None:
        if match["mark"] in "'" and match.string.count("'", max(0, match.start() - 80), match.start()) % 2:
            return None  # it closes a quotation
        if match["mark"] in '"' and match.string.count('"', max(0, match.start() - 80), match.start()) % 2:
            return None
        noun = Noun("foot", "feet") if match["mark"] in "'\u2032" else Noun("inch", "inches")
        return self.counted(self.parse(match["number"]), noun)

    def _inches(self, match: re.Match[str]) -> str:
        return self.counted(self.parse(match["number"]), Noun("inch", "inches"))

    def _millions(self, match: re.Match[str]) -> str:
        return f"{self.read(match['number'])} million"

    def _mixed_numbers(self) -> list[Rule]:
        return [Rule(rf"{FREE}(?P<whole>\d{{1,3}})[ \u00a0-](?P<above>\d{{1,2}})[/\u2044](?P<below>\d{{1,2}})(?![\d/])", self._mixed)]

    def _mixed(self, match: re.Match[str]) -> str:
        return self.mixed(int(match["whole"]), int(match["above"]), int(match["below"]))

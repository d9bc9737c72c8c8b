"""What the languages have in common: how numbers, amounts and times are found, and put together from words."""

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import ClassVar, NamedTuple

from actors.text.numbers import Number, number_pattern, parse_number
from actors.text.rules import DIGIT, FREE, LETTER, SIGN, Rule, Rules

SPACE = r"[ \u00a0\u2007\u2009\u202f]"
DASH = r"[-\u2010\u2011\u2012\u2013\u2014]"
DAY = r"(?:3[01]|[12]\d|0?[1-9])"
MINUS = r"\-\u2212\u2013"
_NO_CENTS = rf"(?:[.,]{DASH}{{1,2}}(?!\d))?"  # 5,\u2013
_MINOR_DIGITS = 2  # of an amount with hundredths
FRACTIONS = {
    "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5), "⅗": (3, 5), "⅘": (4, 5),
    "⅙": (1, 6), "⅚": (5, 6), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8), "⅞": (7, 8),
}  # fmt: skip


class Noun(NamedTuple):
    """What is counted: one of it, more of it, and its gender (``m``, ``f`` or ``n``)."""

    one: str
    many: str
    gender: str = "m"


class Currency(NamedTuple):
    """A currency and its hundredth."""

    major: Noun
    minor: Noun


class Words(NamedTuple):
    """Small words of a language.

    ``to`` stands between the ends of a range, ``by`` between the sides of an area, ``of`` between millions and what is counted.
    """

    point: str
    minus: str
    plus: str
    plus_minus: str
    times: str
    by: str
    divided: str
    equals: str
    unequal: str
    about: str
    nearly: str
    less: str
    less_equal: str
    greater: str
    greater_equal: str
    root: str
    power: str
    squared: str
    cubed: str
    to: str
    over: str
    per: str
    of: str
    and_: str
    percent: str
    per_mille: str
    section: str
    sections: str
    number: str
    copyright: str
    at: str
    dot: str
    dot_in_version: str
    slash: str
    dash: str
    underscore: str
    hashtag: str


def regular(name: str, gender: str = "m") -> Noun:
    """Return a noun whose plural has an s."""
    return Noun(name, f"{name}s", gender)


def same(name: str, gender: str = "m") -> Noun:
    """Return a noun that is the same for one and more."""
    return Noun(name, name, gender)


def alternatives(names: Iterable[str]) -> str:
    """Return a pattern of any of some names, the longest that fits first."""
    known = set(names)
    letters = sorted({name[0] for name in known if name})
    # A tree of first letters: a plain list of a hundred names would be gone through at every word.
    branches = [re.escape(letter) + alternatives(name[1:] for name in known if name.startswith(letter)) for letter in letters]
    if not branches:
        return ""
    tree = branches[0] if len(branches) == 1 and "" not in known else f"(?:{'|'.join(branches)})"
    return f"{tree}?" if "" in known else tree


def never(*groups: str) -> str:
    """Return a pattern of groups that match nothing, for a reader of several patterns that looks at them."""
    return "".join(f"(?P<{group}>(?!))?" for group in groups)


class Language(ABC):
    """A language: its words, and rules made of them.

    Attributes:
        code: ISO 639-1.
        decimal: the decimal mark.
        groups: marks that part groups of three digits, as a part of a set of characters in a pattern.
        spaced_groups: whether a plain space before three digits parts groups, whatever they are.
        words: the small words.
        units: what is counted, by symbol.
        currencies: by sign and code.
        magnitudes: millions and the like by their short forms, which stand before a currency or a unit.
        long_magnitudes: those that are written out.
        joined_thousand: the word for a thousand, if it is written together with the number before it.
        abbreviations: what stands for what, whatever is around; a stop at the end of a key may also end the sentence.
        starters: words that begin a sentence more often than a name.
        trigger_words: words of small letters only at which rules begin, beside those of ``abbreviations``.
    """

    code: ClassVar[str]
    decimal: ClassVar[str] = ","
    groups: ClassVar[str] = ".'\u2019"
    spaced_groups: ClassVar[bool] = True
    words: ClassVar[Words]
    units: ClassVar[Mapping[str, Noun]]
    currencies: ClassVar[Mapping[str, Currency]]
    magnitudes: ClassVar[Mapping[str, Noun]]
    long_magnitudes: ClassVar[str]
    abbreviations: ClassVar[Mapping[str, str]]
    starters: ClassVar[Collection[str]]
    trigger_words: ClassVar[Sequence[str]] = ()
    joined_thousand: ClassVar[str] = ""

    def __init__(self) -> None:
        self.number = number_pattern(self.decimal, self.groups, spaced=self.spaced_groups)
        self.magnitude = f"(?:{alternatives(self.magnitudes)}|{self.long_magnitudes})"
        unit = f"(?:{alternatives(self.units)})"
        self.unit = rf"{unit}(?:/{unit})?(?![\w\u00b2\u00b3]|['\u2019]\w)"  # "les 2 l'ont dit" has no litres
        self.currency = f"(?:{alternatives(self.currencies)})"
        self._next_sentence = re.compile(
            rf"\s*\Z|\s*\n|[\"'\u201d\u2019)\u00bb]*\s+[\"'\u201c\u2018(\u00ab\u00bf\u00a1]?(?:{'|'.join(self.starters)})\b"
        )
        plain_abbreviations = [short for short in self.abbreviations if short.isalpha() and short.islower()]
        self.reader = Rules(self.rules(), [*plain_abbreviations, *self.trigger_words])

    @abstractmethod
    def rules(self) -> list[Rule]:
        """Return the rules, in order."""

    def ends_sentence(self, match: re.Match[str]) -> bool:
        """Whether the stop that a match ends with also ends the sentence: nothing is behind it, or what begins another."""
        return self._next_sentence.match(match.string, match.end()) is not None

    # -----------------------------------------------------------------------------------------------------------------
    # Numbers

    @abstractmethod
    def cardinal(self, value: int, gender: str = "m") -> str:
        """Return a whole number below 10 ** 15 in words, as it stands before a noun of a gender; ``-`` if no noun is there."""

    @abstractmethod
    def ordinal(self, value: int, gender: str = "m") -> str:
        """Return an ordinal in words."""

    def year(self, value: int) -> str:
        """Return a year in words."""
        return self.cardinal(value, "-")

    def digits(self, text: str) -> str:
        """Return the digits in a text, one by one."""
        return " ".join(self.cardinal(int(character), "-") for character in text if character.isdecimal())

    def decimals(self, digits: str) -> str:
        """Return what is said behind the decimal mark."""
        return self.digits(digits)

    def parse(self, written: str) -> Number:
        """Return the number that is written as in :attr:`number`."""
        return parse_number(written, self.groups)

    def spell(self, number: Number, gender: str = "-") -> str:
        """Return a number in words, as it stands before a noun of a gender; ``-`` if no noun is there."""
        if not number.fraction:
            return self.digits(number.whole) if number.is_code else self.cardinal(number.value, gender)
        whole = self.digits(number.whole) if number.is_code else self.cardinal(number.value, "-")
        return f"{whole} {self.words.point} {self.decimals(number.fraction)}"

    def read(self, written: str, gender: str = "-") -> str:
        """Return a number in words that is written as in :attr:`number`."""
        return self.spell(self.parse(written), gender)

    def is_single(self, number: Number) -> bool:
        """Whether one of what is counted is said with a number."""
        return number.is_one

    def counted(self, number: Number, noun: Noun) -> str:
        """Return so many of something, in words."""
        return f"{self.spell(number, noun.gender)} {noun.one if self.is_single(number) else noun.many}"

    def fraction(self, above: int, below: int) -> str:
        """Return a fraction in words."""
        return f"{self.cardinal(above)} {self.ordinal(below)}"

    def mixed(self, whole: int | None, above: int, below: int) -> str:
        """Return a whole number, if there is one, and a fraction, in words."""
        if whole is None:
            return self.fraction(above, below)
        return f"{self.cardinal(whole, '-')} {self.words.and_} {self.fraction(above, below)}"

    def power(self, base: int, exponent: int) -> str:
        """Return a power in words."""
        if exponent in (2, 3):
            return f"{self.cardinal(base, '-')} {self.words.squared if exponent == 2 else self.words.cubed}"
        sign = self.signed("-" if exponent < 0 else None)
        return f"{self.cardinal(base, '-')} {self.words.power} {sign}{self.cardinal(abs(exponent), '-')}"

    # -----------------------------------------------------------------------------------------------------------------
    # Amounts: 5, 5-10, 5 million, $5, 5 km

    @property
    def amount(self) -> str:
        """A pattern of a number, or a range of numbers, in the groups ``sign``, ``first`` and ``last``."""
        return (
            rf"(?P<sign>(?<!-)[+{MINUS}](?!{SPACE})|[\u00b1~]{SPACE}?)?(?P<first>{self.number})"
            rf"(?:(?:{SPACE}?[-\u2010-\u2013]{SPACE}?|--|\u2014)(?P<last>{self.number}))?"
        )

    def signed(self, sign: str | None) -> str:
        """Return a sign in words, with a space behind."""
        sign = (sign or "").strip()
        if not sign:
            return ""
        names = {"+": self.words.plus, "\u00b1": self.words.plus_minus, "~": self.words.about}
        return f"{names.get(sign, self.words.minus)} "

    def read_amount(self, match: re.Match[str], gender: str = "-") -> str:
        """Return the number or the range of a match of :attr:`amount`, in words."""
        sign = self.signed(match["sign"])
        if match["last"] is None:
            return f"{sign}{self.read(match['first'], gender)}"
        return f"{sign}{self.read(match['first'], gender)} {self.words.to} {self.read(match['last'], gender)}"

    def is_single_amount(self, match: re.Match[str]) -> bool:
        """Whether one of what is counted is said with a match of :attr:`amount`."""
        return match["last"] is None and self.is_single(self.parse(match["first"]))

    def is_aside(self, match: re.Match[str]) -> bool:
        """Whether a dash between two numbers begins an aside ("in 1999 - 20 years later -"): a smaller one follows."""
        between = match.string[match.end("first") : match.start("last")]
        return between == " \u2013 " and self.parse(match["last"]).value < self.parse(match["first"]).value

    def noun_of_unit(self, symbol: str) -> Noun:
        """Return what a unit or a quotient of units is."""
        above, _, below = symbol.partition("/")
        if symbol in self.units or not below:
            return self.units[symbol]
        noun, per = self.units[above], f"{self.words.per} {self.units[below].one}"
        return Noun(f"{noun.one} {per}", f"{noun.many} {per}", noun.gender)

    def with_magnitude(self, match: re.Match[str], short: str | None, noun: Noun) -> str:
        """Return an amount of millions or the like of a noun, in words."""
        if not short:
            return f"{self.read_amount(match, noun.gender)} {noun.one if self.is_single_amount(match) else noun.many}"
        magnitude, number = self.magnitudes.get(short), self.parse(match["first"])
        if magnitude and magnitude.one == self.joined_thousand and not (number.fraction or match["last"]):
            return f"{self.signed(match['sign'])}{self.cardinal(number.value * 1000, noun.gender)} {noun.many}"
        if magnitude is None:
            said, gender = short, "m"
        else:
            said, gender = magnitude.one if self.is_single_amount(match) else magnitude.many, magnitude.gender
        return " ".join(filter(None, (self.read_amount(match, gender), said, self.words.of, noun.many)))

    def money(self, match: re.Match[str]) -> str | None:
        """Read an amount in a currency, which is the group ``currency``, maybe with a ``magnitude``."""
        currency, unit = self.currencies[match["currency"]], match["per"]
        per = f" {self.words.per} {self.units[unit].one if unit in self.units else unit}" if unit else ""
        number = self.parse(match["first"])
        if match["magnitude"] or match["last"] or len(number.fraction) != _MINOR_DIGITS:
            return self.with_magnitude(match, match["magnitude"], currency.major) + per
        return self.signed(match["sign"]) + self.coins(number, currency) + per

    def coins(self, number: Number, currency: Currency) -> str:
        """Return an amount with hundredths, in words."""
        major = self.counted(Number(number.whole), currency.major)
        hundredths = Number(number.fraction.lstrip("0") or "0")
        if not hundredths.value:
            return major
        return self.with_hundredths(major, hundredths, currency) if number.value else self.counted(hundredths, currency.minor)

    def with_hundredths(self, major: str, hundredths: Number, currency: Currency) -> str:
        """Return an amount with hundredths, none of which is zero; ``major`` is what is said of the whole."""
        return f"{major} {self.words.and_} {self.counted(hundredths, currency.minor)}"

    def measure(self, match: re.Match[str]) -> str | None:
        """Read an amount of a unit, which is the group ``unit``."""
        return self.with_magnitude(match, match["magnitude"], self.noun_of_unit(match["unit"]))

    def share(self, match: re.Match[str]) -> str | None:
        """Read a percentage."""
        word = self.words.percent if match["share"] == "%" else self.words.per_mille
        return f"{self.read_amount(match)} {word}"

    def plain(self, match: re.Match[str]) -> str | None:
        """Read an amount of what is written in full behind it."""
        return self.read_amount(match)

    def read_quantity(self, match: re.Match[str]) -> str | None:
        """Read an amount by what stands behind it."""
        if match["currency"]:
            said = self.money(match)
        elif match["share"]:
            said = self.share(match)
        else:
            said = self.measure(match) if match["unit"] else None
        return said or self.plain(match)

    def amounts(self) -> list[Rule]:
        """Return the rules for amounts: money, units, shares, and what is only a number."""
        magnitude = rf"(?:(?:{SPACE}|-)?(?P<magnitude>{self.magnitude})(?!\w))?"
        per = rf"(?:/(?P<per>{alternatives(self.units)}|[^\W\d_]{{3,12}})(?![\w/]))?"
        tail = (
            rf"(?:{_NO_CENTS}{magnitude}(?:(?:{SPACE}|-)?(?P<currency>{self.currency})(?!\w){per}|(?:{SPACE}|-)?(?P<unit>{self.unit}))"
            rf"|{SPACE}?(?P<share>[%\u2030]))?"
        )
        return [
            Rule(
                rf"(?<!\w)(?P<sign>[{MINUS}+])?(?P<currency>{self.currency}){SPACE}?(?P<first>{self.number})",
                self.money,
                SIGN + LETTER,
                rf"(?:{SPACE}?{DASH}{SPACE}?(?:{self.currency})?(?P<last>{self.number}))?{_NO_CENTS}{magnitude}{per}",
            ),
            Rule(rf"{FREE}{self.amount}", self.read_quantity, DIGIT + SIGN, tail),
        ]

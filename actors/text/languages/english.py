"""English, as it is read in America: months before days, no "and" in numbers."""

import re
from functools import lru_cache
from typing import ClassVar

from actors.text.languages.addresses import Addresses, dotted_numbers
from actors.text.languages.context import word_before, word_behind, word_list, word_set
from actors.text.languages.english_codes import Codes, Ratios
from actors.text.languages.english_dates import Dates, Times
from actors.text.languages.english_names import Abbreviations
from actors.text.languages.english_numerals import Numerals
from actors.text.languages.english_words import ABBREVIATIONS, CURRENCIES, MAGNITUDES, SMALL_COUNTED, STARTERS, UNITS, WORDS
from actors.text.languages.language import DASH, SPACE, Language, Noun, never
from actors.text.languages.signs import Signs
from actors.text.numbers import NUMBERS_KEPT, Number
from actors.text.rules import BEFORE_LETTER, BEFORE_MARK, BEFORE_SPACE, CAPITAL, FREE, LETTER, SIGN, Rule

_DETERMINERS = word_set("a an the this that each every its his her their my our your another")
_NO_NOUN = word_set(
    "of in on at to from for by with away deep high tall wide long thick and or is was are were has had will would "
    "can could per a an each more less later ago apart off behind ahead before after than when while if as but "
    "because since until into onto through across along around above below under over between every only total today "
    "now then here there that which who he she it they we you the this these those not so too short old heavy worth "
    "up down out north south east west"
)
_MEASURED = word_set(
    "walk drive ride hike flight run swim race sprint mortgage monitor screen bulb board fence wall sentence window"
)
_NOTES = word_set("bill bills note notes coin coins fee fine ticket tickets tip gift reward check cheque deal bet prize loan")
_PARTS = {2: Noun("half", "halves"), 4: Noun("quarter", "quarters")}
_NAMED_BY_NUMBER = word_set(
    "boeing airbus route highway interstate room flight ext extension suite apartment studio gate peugeot porsche bmw ferrari"
)
_CALLED = word_set("call dial calling dialed called phone dialing ring rang dialled")
_BEFORE_AMOUNTS = word_set("worth raised over nearly about than reached hit almost approximately of cost costs under to")
_SECRET = re.compile(r"\b(?:PIN|[Cc]ode|[Pp]asscode|[Pp]assword|[Cc]ombination)\b[^.,\d]{0,20}\Z")
_BEFORE_YEARS = word_set("in since of ad before after year by until the form")
_LONGEST_NAME = 12  # digits of what is told digit by digit
_FIRST_YEAR, _LAST_YEAR = 1100, 2099
_IRREGULAR = {"six": "sixes"}
_LETTER_HYPHEN = re.compile(r"[A-Za-z][-\u2011]\Z")  # F-16s
_RUNS = word_set("run runs race races walk resolution video screen")
_RAN = word_set("ran run running")
_OF_TWO_YEARS = word_set("season school academic campaign")

_ONES = word_list(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = word_list("- - twenty thirty forty fifty sixty seventy eighty ninety")
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
    last = words.replace("-", " ").rpartition(" ")[2]
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
    long_magnitudes: ClassVar = "hundred|lakh|crore|thousand|million|billion|trillion|quadrillion"
    abbreviations: ClassVar = ABBREVIATIONS
    starters: ClassVar = STARTERS
    trigger_words: ClassVar = ["per", *SMALL_COUNTED]

    def rules(self) -> list[Rule]:
        """Return the rules, in order."""
        return [
            Rule(
                rf"{FREE}(?P<number>[1-9]\d{{0,3}})"
                r"(?= [a-z]{5}| (?:and|or|of|the|to|for|is|was|by|on)\b|[.;!?)]+\s+[A-Z]|[.;!?)]*\s*\Z)",
                self._alone,
                BEFORE_SPACE + BEFORE_MARK,
            ),
            *Addresses(self).rules(),
            *Abbreviations(self).rules(),
            *Dates(self).rules(),
            *Times(self).rules(),
            *Codes(self).rules(),
            *dotted_numbers(self),
            *Signs(self).number_rules(),
            *Ratios(self).rules(),
            *self._ordinals(),
            *self._decades(),
            *self._between_amounts(),
            *self.amounts(),
            *self._many(),
            *Numerals(self).rules(),
            *Signs(self).rules(),
        ]

    # -----------------------------------------------------------------------------------------------------------------
    # Numbers

    def cardinal(self, value: int, gender: str = "m") -> str:  # noqa: ARG002 (English has none)
        """Return a whole number in words."""
        return _cardinal(value)

    def ordinal(self, value: int, gender: str = "m") -> str:  # noqa: ARG002
        """Return an ordinal in words."""
        return _ordinal(value)

    def year(self, value: int) -> str:
        """Return a year in words: nineteen ninety-nine, nineteen oh five, nineteen hundred, two thousand five."""
        century, rest = divmod(value, 100)
        if not 1 <= century < 100 or (century % 10 == 0 and rest < 10):
            return self.cardinal(value)
        if not rest:
            return f"{self.cardinal(century)} hundred"
        return f"{self.cardinal(century)} {'oh ' if rest < 10 else ''}{self.cardinal(rest)}"

    def code_number(self, digits: str) -> str:
        """Return a number that only names something: seven forty-seven, one oh one, forty-seven eleven."""
        if digits[0] == "0" or len(digits) > 4:
            return self.digits(digits)
        value = int(digits)
        return self.cardinal(value) if value < 100 or value % 1000 == 0 else self.year(value)

    def plural(self, words: str) -> str:
        """Return several of a number in words: nineties, fives, nineteen hundreds."""
        last = words.replace("-", " ").rpartition(" ")[2]
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
        if above == 1:
            part = part.removeprefix("one ")
            part = f"an {part}" if part.startswith("e") else f"a {part}"
        return f"{self.cardinal(whole)} and {part}"

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

    def money(self, match: re.Match[str]) -> str | None:
        """Read an amount in a currency; of one that counts itself (a $20 bill) only one."""
        said = super().money(match)
        noun = self.currencies[match["currency"]].major
        if said and said.endswith(noun.many) and (self._is_joined(match) or self._describes(match)):
            return said.removesuffix(noun.many) + noun.one
        return said

    def _is_joined(self, match: re.Match[str]) -> bool:
        """Whether an amount of money and what is behind it are one thing: a $5-million house, $20 bills."""
        behind = match.string[match.end() : match.end() + 2]
        if not behind[1:].isalpha():
            return False
        hyphen = match["magnitude"] and match.string[match.start("magnitude") - 1] == "-"
        return behind[0] == "-" or bool(hyphen) or word_behind(match) in _NOTES

    def measure(self, match: re.Match[str]) -> str | None:
        """Read an amount of a unit; of one that describes what is behind it (a 10-km loop) only one."""
        noun = self.noun_of_unit(match["unit"])
        is_joined = match.string[match.start("unit") - 1] == "-"
        if is_joined or word_behind(match) in _MEASURED or self._describes(match):
            noun = Noun(noun.one, noun.one)
        said = self.with_magnitude(match, match["magnitude"], noun)
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
        if last is None:
            return self.signed(match["sign"]) + self._plain(first, match)
        if first.isdecimal() and len(first) == 4 and last.isdecimal() and len(last) in (2, 4):
            joint = " " if word_behind(match) in _OF_TWO_YEARS else " to "
            return f"{self._plain(first, match)}{joint}{self._plain(last, match)}"
        if word_before(text, match.start()).lower() in _NAMED_BY_NUMBER:
            return f"{self.code_number(first)} {self.code_number(last)}"
        return self.read_amount(match)

    def _alone(self, match: re.Match[str]) -> str:
        return self._plain(match["number"], match)

    def _plain(self, written: str, match: re.Match[str]) -> str:
        if not written.isdecimal() or len(written) > _LONGEST_NAME:
            return self.read(written)
        before = word_before(match.string, match.start()).lower()
        if before in _NAMED_BY_NUMBER:
            return self.code_number(written)
        if len(written) == 3 and before in _CALLED:
            return self.digits(written)
        if len(written) < 3 or written[0] == "0":
            return self.read(written)
        if _SECRET.search(match.string, max(0, match.start() - 40), match.start()):
            return self.digits(written)
        is_year = len(written) == 4 and (_FIRST_YEAR <= int(written) <= _LAST_YEAR or before in _BEFORE_YEARS)
        return self.year(int(written)) if is_year else self.read(written)

    # -----------------------------------------------------------------------------------------------------------------
    # Numbers of other kinds

    def _ordinals(self) -> list[Rule]:
        number = r"\d{1,3}(?:,\d{3}){1,4}|\d{1,9}"
        suffix = r"(?:st|nd|rd|th|ST|ND|RD|TH|ᵗʰ|ˢᵗ|ⁿᵈ|ʳᵈ)"
        return [
            Rule(rf"{FREE}(?P<first>\d{{0,2}}[23])d{never('last')}(?= of | [A-Z])", self._ordinal, BEFORE_LETTER),
            Rule(
                rf"{FREE}(?P<first>{number}){suffix}(?:{DASH}(?P<last>{number}){suffix})?(?![^\W_])",
                self._ordinal,
                BEFORE_LETTER + BEFORE_MARK,
            ),
        ]

    def _ordinal(self, match: re.Match[str]) -> str:
        numbers = (int(match[name].replace(",", "")) for name in ("first", "last") if match[name])
        return " to ".join(map(self.ordinal, numbers))

    def _decades(self) -> list[Rule]:
        return [
            Rule(r"(?<!\w)['\u2019\u2018](?P<decade>\d0)'?s(?!\w)", self._decade, SIGN),
            Rule(r"(?<!\w)['\u2019\u2018](?P<year>\d\d)(?![\w'\u2019])", self._short_year, SIGN),
            Rule(rf"{FREE}(?P<decade>(?:\d\d)?\d0|\d{{1,2}})['\u2019]?s(?!\w)", self._decade, BEFORE_LETTER + BEFORE_MARK),
        ]

    def _decade(self, match: re.Match[str]) -> str | None:
        digits = match["decade"]
        has_apostrophe = match.string[match.end() - 2] in "'\u2019"
        if len(digits) == 4:
            return self.plural(self.year(int(digits)))
        is_model = _LETTER_HYPHEN.search(match.string, max(0, match.start() - 2), match.start())
        is_decade = len(digits) == 2 and digits[1] == "0"
        return self.plural(self.cardinal(int(digits))) if is_decade or has_apostrophe or is_model else None

    def _short_year(self, match: re.Match[str]) -> str:
        digits = match["year"]
        return f"oh {self.cardinal(int(digits))}" if digits[0] == "0" else self.cardinal(int(digits))

    def _between_amounts(self) -> list[Rule]:
        return [
            Rule(
                rf"(?<!\w)(?P<currency>{self.currency})(?P<first>{self.number}) (?P<joint>to|and|or) "
                rf"{self.currency}(?P<last>{self.number})"
                rf"{SPACE}(?P<magnitude>{self.long_magnitudes})(?!\w)",
                self._between,
                LETTER + SIGN,
            ),
        ]

    def _many(self) -> list[Rule]:
        return [
            Rule(rf"{FREE}{self.amount}(?P<magnitude>[KMBTk]|bn|tn)(?!\w)", self._millions, BEFORE_LETTER + BEFORE_MARK + SIGN),
            Rule(r"(?<!\w)A[-\u2013]Z(?!\w)", lambda _: "A to Z", CAPITAL),
        ]

    def _millions(self, match: re.Match[str]) -> str | None:
        """Read a number of millions or the like of nothing that is named."""
        magnitude = match["magnitude"]
        if magnitude == "k" and (word_behind(match) in _RUNS or word_before(match.string, match.start()) in _RAN):
            return f"{self.read_amount(match)} K"
        if magnitude in "kKM" or word_before(match.string, match.start()).lower() in _BEFORE_AMOUNTS:
            return f"{self.read_amount(match)} {self.magnitudes[magnitude].many}"
        return None

    def _between(self, match: re.Match[str]) -> str:
        noun = self.currencies[match["currency"]].major
        return f"{self.read(match['first'])} {match['joint']} {self.read(match['last'])} {match['magnitude']} {noun.many}"

"""Italian: numbers are written as one word, and most numerals are ordinals."""

import re
from collections.abc import Collection
from typing import ClassVar

from actors.text.languages.context import word_before, word_behind, word_set
from actors.text.languages.italian_names import Names
from actors.text.languages.italian_numbers import PARTS, cardinal, ordinal
from actors.text.languages.italian_words import (
    ABBREVIATIONS,
    ACRONYMS,
    CURRENCIES,
    FEMININE,
    FOR_EACH,
    KINGS,
    MAGNITUDES,
    MASCULINE,
    MONTH_NAMES,
    MONTHS,
    NAMED_BY_NUMBER,
    NOT_COUNTED,
    NUMBERED,
    ORDINALLY_COUNTED,
    PEOPLE,
    QUEENS,
    STARTERS,
    TITLES,
    UNITS,
    WEEKDAYS,
    WORDS,
)
from actors.text.languages.language import SPACE, Noun
from actors.text.languages.romance import Romance
from actors.text.languages.romance_figures import DEGREES_BEHIND
from actors.text.numbers import Number
from actors.text.rules import DIGIT, FREE, LETTER, Rule

_FEMININE_ENDS = (
    "a", "zione", "zioni", "sione", "sioni", "gione", "tà", "tù", "ice", "ici", "udine", "udini", "aggine", "gie", "cie", "ie",
)  # fmt: skip
_VOWELS = "aeiouàèéìòùh"
_IMPURE = re.compile(r"s[^aeiouàèéìòù]|z|gn|ps|pn|x|y")
_CENTURIES = re.compile(r"(?:(?i:\bsecol[oi])|\bsecc?\.)(?:\s(?:[IVX]{1,6},?|e|al?|o|d?el|dal|[ad]\.\s?C\.,?)){0,6}\s?\Z")
_CENTURIES_BEHIND = re.compile(
    r"(?:\s?[-\u2013]\s?|\s(?:e|o|al?|e\sil|al)\s|,\s)(?:[IVX]{1,6}(?:\s|,\s|\se\s)){1,3}(?:secol[oi]|secc?\.)"
)
_SINGULARS = {"bicchieri": "bicchiere", "mesi": "mese", "cucchiai": "cucchiaio", "spicchi": "spicchio", "vasetti": "vasetto"}
_DAYS_BEFORE = frozenset({"il", "al", "scadenza"})
_BEFORE_ORDINALS = word_set("il al del dal nel sul l all dell un è arrivato arrivata classificato finito giunto solo")
_BEFORE_DEGREES = word_set("circa sopra sotto oltre meno temperatura a di tra fra i e")
_FROM = frozenset({"da", "dalle", "dalla"})
_YEARS_FROM = 1000
_HIGHEST_FLOOR = 30
_MOST_POINTS = 9  # of a side in a score that looks like a range


class Italian(Romance):
    """Italian."""

    code: ClassVar = "it"
    words: ClassVar = WORDS
    units: ClassVar = UNITS
    currencies: ClassVar = CURRENCIES
    magnitudes: ClassVar = MAGNITUDES
    long_magnitudes: ClassVar = "milioni|milione|miliardi|miliardo|trilioni|bilioni"
    abbreviations: ClassVar = ABBREVIATIONS
    starters: ClassVar = STARTERS
    o_clock: ClassVar = "h"
    trigger_words: ClassVar = ["h", "max", "km", "kg", "cm", "mm", "ml", "lun", "mar"]
    months: ClassVar = MONTHS
    of_month: ClassVar = rf"(?:{SPACE}?(?:di|del){SPACE}|[-/])?"
    titles: ClassVar = TITLES
    numbered: ClassVar = NUMBERED
    ordinal_mark: ClassVar = r"(?P<mark>\.?[ºª°]|(?:a|o|i|e)(?!\w)|(?:mo|esimo|esima|imo|ima)(?!\w))"
    thousands: ClassVar = frozenset({"k", "K", "mila"})
    scales: ClassVar = frozenset({"scala", "rapporto", "proporzione"})
    halves: ClassVar = ("mezzo", "mezza")
    clock_words: ClassVar = word_set("ore alle dalle le delle h all ora")
    compass: ClassVar = {"N": "nord", "S": "sud", "E": "est", "O": "ovest", "W": "ovest"}
    act_joint: ClassVar = "del"
    month_joint: ClassVar = ""
    before_days: ClassVar = _DAYS_BEFORE
    coins_joint: ClassVar = "e"
    degree_parts: ClassVar = (Noun("grado", "gradi"), Noun("minuto", "minuti"), Noun("secondo", "secondi"))
    weekdays: ClassVar = WEEKDAYS
    seasons: ClassVar = word_set("stagione campionato anno accademico scolastico biennio")
    acronyms: ClassVar = ACRONYMS
    year_words: ClassVar = word_set("nel dal del al il anno in entro fino l nell dell primavera estate autunno inverno e")
    month_names: ClassVar = MONTH_NAMES
    between: ClassVar = frozenset({"tra", "fra"})
    before_dates: ClassVar = word_set("il del al dal entro giorno l dell dall all fino")
    behind_shares: ClassVar = word_set("di dei delle della del degli d")
    shares: ClassVar = frozenset()
    time_parts: ClassVar = (Noun("ora", "ore", "f"), Noun("minuto", "minuti"), Noun("secondo", "secondi"))
    for_many: ClassVar = "ogni"
    version: ClassVar = "versione"
    before_one: ClassVar = word_set("un mezzo il del al per ogni")
    rare_units: ClassVar = {"ha": Noun("ettaro", "ettari"), "a": Noun("ampere", "ampere")}
    kings: ClassVar = KINGS
    named: ClassVar = NAMED_BY_NUMBER | ORDINALLY_COUNTED
    before_names: ClassVar = word_set("di da a e con per in via viale corso piazza largo secondo contro don signor ingegner")
    masculine_articles: ClassVar = word_set("il un i del al nel dal sul lo")
    feminine_articles: ClassVar = word_set("la una le della alla nella dalla sulla")
    not_counted: Collection[str] = NOT_COUNTED

    def first_rules(self) -> list[Rule]:
        """Return the rules of Italian alone, and those that it shares with Spanish."""
        return [
            *Names(self).rules(),
            Rule(r"(?<![\w.])3[1-9]\d[ ./-]?\d{3}[ ./-]?\d{3,4}(?!\d|[ .,/-]\d)", self._local, DIGIT),
            Rule(r"(?<![\w.])3[1-9]\d(?:[ .-]\d\d\d?){3,4}(?!\d|[ .,/-]\d)", self._local, DIGIT),
            Rule(r"(?<![\w.])800[ .-]?\d{2,3}[ .-]?\d{2,3}(?:[ .-]?\d{2,3})?(?!\d|[ .,/-]\d)", self._local, DIGIT),
            Rule(rf"{FREE}0\d{{5,10}}(?!\d|[.,]\d)", self._local, DIGIT),
            Rule(rf"(?<=[,.] )(?P<code>\d{{5}})(?={SPACE}[A-Z])", lambda match: self.digits(match["code"]), DIGIT),
            Rule(r"(?<=CAP )(?P<code>\d{5})(?!\w)", lambda match: self.digits(match["code"]), DIGIT),
            Rule(rf"{FREE}(?P<number>\d{{1,3}}(?:,\d{{1,2}})?)[ \u00a0]?mila(?!\w)", self._thousands, DIGIT),
            Rule(rf"{FREE}1{SPACE}(?P<noun>[a-zà-ù]{{2,20}}+)(?!\w)", self._one, DIGIT),
            Rule(r"(?<=['\u2019])(?P<numeral>[IVXLCDM]{1,15})(?P<stop>(?!))?(?![\w&])", self.read_numeral, LETTER),
            Rule(
                r"(?<=[^\W\d_]['\u2019])[A-Z][A-Za-z]{0,11}+-?\d{1,6}(?:-?[A-Za-z]{1,12}|-?\d{1,6}){0,6}(?!\w)",
                self._name,
                LETTER,
            ),
            *super().first_rules(),
        ]

    # -----------------------------------------------------------------------------------------------------------------
    # Numbers

    def cardinal(self, value: int, gender: str = "m") -> str:
        """Return a whole number in words, as it stands before a noun of a gender; ``-`` if no noun is there."""
        if value == 1:
            return {"m": "un", "f": "una"}.get(gender, "uno")
        return cardinal(value)

    def ordinal(self, value: int, gender: str = "m") -> str:
        """Return an ordinal in words."""
        said = ordinal(value)
        return f"{said[:-1]}a" if gender == "f" else said

    def fraction(self, above: int, below: int) -> str:
        """Return a fraction in words."""
        part = PARTS.get(below) or self.ordinal(below)
        return f"{self.cardinal(above, 'm')} {part if above == 1 else f'{part[:-1]}i'}"

    def mixed(self, whole: int | None, above: int, below: int) -> str:
        """Return a whole number, if there is one, and a fraction, in words."""
        if whole is None and (above, below) == (1, 2):
            return "un mezzo"
        return super().mixed(whole, above, below)

    def half_of(self, half: str, noun: str) -> str:
        """Return half of something, in words: *mezz'ora*."""
        return f"mezz'{noun}" if noun == "ora" else f"{half} {noun}"

    def power(self, base: int, exponent: int) -> str:
        """Return a power in words: *dieci alla sesta*."""
        if exponent in (2, 3):
            return super().power(base, exponent)
        if exponent < 0:
            return f"{self.cardinal(base, '-')} alla meno {self.cardinal(-exponent, '-')}"
        return f"{self.cardinal(base, '-')} alla {self.ordinal(exponent, 'f') if exponent else 'zero'}"

    def counted(self, number: Number, noun: Noun) -> str:
        """Return so many of something, in words: *un'ora*, *ventun anni*."""
        if number.is_one:
            return self._single(noun.one, noun.gender)
        return super().counted(number, noun)

    def with_magnitude(self, match: re.Match[str], short: str | None, noun: Noun) -> str:
        """Return an amount of a noun, maybe of thousands or millions of it, in words."""
        if not short and self.is_single_amount(match):
            return self.signed(match["sign"]) + self._single(noun.one, noun.gender)
        return super().with_magnitude(match, short, noun)

    def _single(self, noun: str, gender: str) -> str:
        """Return a noun with its article."""
        if gender == "f":
            return f"un'{noun}" if noun[0] in _VOWELS else f"una {noun}"
        return f"{'uno' if _IMPURE.match(noun) else 'un'} {noun}"

    def gender_of(self, word: str) -> str:
        """Return the gender of a noun, in the singular or the plural."""
        word = word.lower()
        if word in FEMININE:
            return "f"
        if word in MASCULINE:
            return "m"
        return "f" if word.endswith(_FEMININE_ENDS) else "m"

    def gender_behind(self, number: Number, match: re.Match[str]) -> str:
        """Return the gender of the noun that a number counts, which stands behind a match; ``-`` if there is none."""
        noun = word_behind(match)
        if noun in ("milione", "miliardo", "milioni", "miliardi"):
            return "m"
        if (
            number.fraction
            or match.string[match.end() : match.end() + 1] not in (" ", "\u00a0", "\u202f")
            or not noun.islower()
        ):
            return "-"
        return (
            "-"
            if noun in NOT_COUNTED or noun in MONTHS or self.is_dated(match) or self.named_by(match) in NAMED_BY_NUMBER
            else self.gender_of(noun)
        )

    def plain(self, match: re.Match[str]) -> str | None:
        """Read an amount of what is written in full behind it."""
        said = super().plain(match)
        # Ventuno may lose its last letter before any noun, but is said so only of years.
        elided = said is not None and said.endswith("tuno") and not match["last"] and word_behind(match) == "anni"
        return said[:-1] if said and elided else said

    def between_ends(self, match: re.Match[str]) -> str:
        """Return what is said between the ends of a range: nothing, but for scores, and where they have prepositions."""
        before = self.named_by(match)
        if before in self.between or before in _FROM or self._is_score(match):
            return super().between_ends(match)
        return " "

    def _is_score(self, match: re.Match[str]) -> bool:
        """Whether two numbers are the points of two sides: they do not rise, or are small, and count nothing."""
        sides = [self.parse(match[name]) for name in ("first", "last")]
        falling = _YEARS_FROM > sides[0].value >= sides[1].value
        known = match.groupdict()
        if any(known.get(name) for name in ("unit", "currency", "share", "magnitude")):
            return False
        before = word_before(match.string, match.start()).lower()
        named = (
            before in NAMED_BY_NUMBER
            or word_behind(match) in MONTHS
            or f"{before}." in NUMBERED
            or before in NUMBERED
            or self.is_dated(match)
        )
        small = sides[1].value <= _MOST_POINTS and self.gender_behind(sides[1], match) == "-"
        return not named and (small or falling)

    def singular(self, word: str) -> str:
        """Return one of a noun in the plural."""
        return _SINGULARS.get(word) or word[:-1] + {"i": "o", "e": "a"}.get(word[-1], word[-1])

    def _with_letter(self, match: re.Match[str]) -> str:
        behind = word_behind(match)
        if match["letter"] == "a" and behind.islower() and behind not in NOT_COUNTED:
            return self.ordinal(int(match["number"]), "f")  # 3a edizione
        return super()._with_letter(match)

    def _one(self, match: re.Match[str]) -> str | None:
        """Read one of something: its article depends on how the noun begins."""
        noun, before = match["noun"], self.named_by(match)
        if noun in NOT_COUNTED or before in NAMED_BY_NUMBER or noun in MONTHS or noun in MAGNITUDES or noun in UNITS:
            return None
        if (noun.endswith("i") and noun not in FEMININE) or before in ("il", "al", "del", "dal"):
            return None
        return self._single(noun, self.gender_of(noun))

    def _thousands(self, match: re.Match[str]) -> str:
        return self._thousandfold(match["number"], None, "-")

    def _for_unit(self, unit: str) -> str:
        if unit in FOR_EACH:
            return f" {FOR_EACH[unit]}"
        noun = self.units[unit].one if unit in self.units else unit
        return f" {'al' if self.gender_of(noun.split()[0]) == 'm' else 'alla'} {noun}"

    def noun_of_unit(self, symbol: str) -> Noun:
        """Return what a unit or a quotient of units is."""
        above, _, below = symbol.partition("/")
        if symbol in self.units or not below:
            return self.units[symbol]
        noun, per = self.units[above], self._for_unit(below)
        return Noun(noun.one + per, noun.many + per, noun.gender)

    # -----------------------------------------------------------------------------------------------------------------
    # Dates and times

    def date(self, day: int, month: int, year: int | None, match: re.Match[str]) -> str:
        """Return a date in words."""
        elided = match.string[match.start() - 1 : match.start()] in ("'", "\u2019")
        said = f"{'primo' if day == 1 and not elided else self.cardinal(day, '-')} {MONTH_NAMES[month]}"
        if year is None:
            return said
        return f"{said} {'del ' if re.search('del.{1,6}$', match[0]) else ''}{self.year(year)}"

    def time_of_day(self, hour: int, minute: int) -> str:
        """Return a time in words."""
        said = self.cardinal(hour, "f")
        return f"{said} e {self.cardinal(minute, '-')}" if minute else said

    def time_range(self, first: str, last: str, match: re.Match[str]) -> str:
        """Return two times in words, with their prepositions if there are none: *dalle nove all'una*."""
        if self.named_by(match) in ("ore", "ora"):
            return f"{first} {last}"
        begins, ends = (f"l'{time}" if time.startswith("una") else f"le {time}" for time in (first, last))
        return f"{first if self.named_by(match) in _FROM else f'dal{begins}'} al{ends}"

    def days(self, first: str, last: str, match: re.Match[str]) -> str:
        """Return two days of the week in words, with their preposition if there is none."""
        return super().days(first, last, match) if self.named_by(match) in ("da", "dal") else f"da {first} a {last}"

    def clock(self, hour: int, minute: int, second: int | None, match: re.Match[str]) -> str:
        """Return a time of the day in words."""
        if match.groupdict().get("minute") is None:
            return self.counted(Number(str(hour)), UNITS["h"])
        said = self.time_of_day(hour, minute)
        return f"{said} e {self.counted(Number(str(second)), UNITS['s'])}" if second is not None else said

    def minute(self, value: int, match: re.Match[str]) -> str:
        """Return a number with a minute's mark in words: *dieci minuti*, *il novantesimo*."""
        if self.named_by(match) in self.masculine_articles:
            return self.ordinal(value)
        return self.counted(Number(str(value)), UNITS["min"])

    # -----------------------------------------------------------------------------------------------------------------
    # Ordinals and Roman numerals

    def read_ordinal(self, match: re.Match[str]) -> str | None:
        """Read an ordinal: 1º, 3ª, 2a edizione."""
        value, mark, behind = int(match["number"]), match["mark"].lstrip("."), word_behind(match)
        if mark == "a" and match.string[match.end() - 1] == "a" and not (behind.islower() and behind not in NOT_COUNTED):
            return f"{self.cardinal(value, '-')} a"
        if value == 0 or (
            mark in ("a", "o", "i", "e") and not (behind.islower() and behind not in NOT_COUNTED and value < 100)
        ):
            return None
        if mark in ("°", "º") and self._is_degree(value, mark, match):
            return None
        said = self.ordinal(value, "f" if mark in ("ª", "a", "esima", "ima") else "m")
        return f"{said} " if match.string[match.end() : match.end() + 1].isalpha() else said

    def _is_degree(self, value: int, mark: str, match: re.Match[str]) -> bool:
        """Whether what looks like an ordinal is a temperature or an angle."""
        if DEGREES_BEHIND.match(match.string, match.end()):
            return True
        before, behind = word_before(match.string, match.start()).lower(), word_behind(match)
        if before in _BEFORE_ORDINALS:
            return mark == "°" and value > 30 and not behind.islower()
        counts = behind.islower() and behind not in NOT_COUNTED and behind not in ("gradi", "centigradi")
        if counts and value <= _HIGHEST_FLOOR:
            return False
        return (value > 10 and (not behind.islower() or behind in NOT_COUNTED)) or before in _BEFORE_DEGREES

    def numeral(self, numeral: str, value: int, match: re.Match[str]) -> str | None:
        """Return a Roman numeral in words: of a century, a king, a chapter, a congress, a year."""
        before, behind = word_before(match.string, match.start()), word_behind(match)
        adjoining = self.named_by(match) == before.lower()
        if numeral == "I" and behind == "secoli":
            return None
        if (
            behind.lower() in ("secolo", "secoli", "sec", "secc")
            or _CENTURIES_BEHIND.match(match.string, match.end())
            or self.counts_centuries(match, _CENTURIES)
        ):
            return self.ordinal(value)
        if adjoining and before in KINGS and not (before == "Malcolm" and numeral == "X"):
            return self.ordinal(value, "f" if before in QUEENS else "m")
        if (
            behind.lower() in ("anniversario", "edizione", "legislatura", "guerra", "congresso", "conferenza", "festival")
            and match.string[match.end()] == " "
        ):
            return self.ordinal(value, self.gender_of(behind.lower()))
        if numeral in ("C", "D", "M", "L") or (numeral == "I" and not (adjoining and before.lower() in NAMED_BY_NUMBER)):
            return None
        if adjoining and before.lower() in ORDINALLY_COUNTED and value <= 100:
            return self.ordinal(value, "f" if before.lower() in ("dinastia", "scena") else "m")
        if adjoining and before.lower() in NAMED_BY_NUMBER and (len(numeral) > 1 or numeral in "IV"):
            return self.cardinal(value, "-")
        if numeral in self.acronyms and not (numeral == "VI" and not behind.isupper()):
            return None
        if len(numeral) > 3 and numeral[0] == "M":
            return self.year(value)
        return self._counted_numeral(numeral, value, match)

    def _counted_numeral(self, numeral: str, value: int, match: re.Match[str]) -> str | None:
        """Read a numeral by what is behind it: *II guerra mondiale*; else as a number, if it is clearly none of letters."""
        before, behind = word_before(match.string, match.start()), word_behind(match)
        spaced = match.string[match.end() : match.end() + 1] == " " and not match["stop"]
        named = before[:1].isupper() and len(before) > 4 and self.named_by(match) == before.lower()
        if not set(numeral) <= set("IVXL"):
            return None
        if spaced and behind and behind not in NOT_COUNTED and (len(numeral) > 1 or numeral == "V") and not named:
            return self.ordinal(value, self.gender_of_ordinal(match))
        if len(numeral) < 2 or (len(numeral) < 3 and "L" in numeral):
            return None
        return self.cardinal(value, "-")

    def numerals(self, first: int, last: int) -> str | None:
        """Read a range of Roman numerals."""
        between = "e" if abs(last - first) == 1 else "a"
        return f"{self.ordinal(first)} {between} {self.ordinal(last)}"

    # -----------------------------------------------------------------------------------------------------------------
    # Numbers and letters that name something

    def _local(self, match: re.Match[str]) -> str | None:
        """Read a telephone number without a country's code, unless it counts something."""
        return None if word_behind(match) in PEOPLE else self.digits(match[0])

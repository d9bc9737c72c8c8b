"""German."""

import re
from typing import ClassVar

from actors.text.languages import german_numbers as numbers
from actors.text.languages.context import adjoins_word, word_before, word_behind, word_set
from actors.text.languages.european import European
from actors.text.languages.german_forms import Forms
from actors.text.languages.german_grammar import (
    DATIVE,
    adjective_behind,
    case_of_one,
    gender_of,
    is_determined,
    noun_behind,
    ordinal_ending,
    regnal_article,
)
from actors.text.languages.german_words import (
    ABBREVIATIONS,
    COUNTED,
    COUNTED_BY_NUMERALS,
    COUNTED_ENDINGS,
    CURRENCIES,
    GENDERS,
    MAGNITUDES,
    MONTH_NAMES,
    MONTHS,
    NUMBERED,
    REGNAL_NAMES,
    SHORT_ADJECTIVES,
    SHORT_MONTHS,
    STARTERS,
    TITLES,
    UNITS,
    WEEKDAYS,
    WORDS,
)
from actors.text.languages.language import DASH, SPACE, Currency, Noun
from actors.text.numbers import Number
from actors.text.roman import roman_value
from actors.text.rules import Rule

_ACRONYMS = word_set(
    "CD DC MD MC DI MM CC CV MI CM DM LCD LED XL XXL XXXL LI MIX DIV CIV LIV DIM DVD ID CDC CDI CDL MDM MDC XXX DL "
    "DCL LL CCC IM"
)
_TIMED = word_set("um ab bis gegen zwischen beginn einlass")
_OF_CENTURY = re.compile(r"\bdes \d{1,2}\.\s\Z")
_QUANTIFIERS = word_set(
    "rund etwa über fast knapp mehr insgesamt weltweit hat haben hatte hatten zählt zählte zählten beschäftigt beschäftigte "
    "sind waren exakt genau circa ca gut mindestens höchstens bundesweit verkaufte besitzt umfasst fasst"
)
_LOOKED_BACK = 40
_SHORT_BEFORE_NUMBERS = word_set("Abs Nr Art Kap Abb Bd S Tab Ziff Str")
_BEFORE_NUMBERS = word_set("nummer seite zimmer platz gleis formel tag") | {*COUNTED_BY_NUMERALS}
_NO_ADJECTIVES = word_set("oder aber über unter hinter wie heute ohne alle bitte eine seine ihre meine diese der er des es die")


def _is_named_by_number(match: re.Match[str]) -> bool:
    """Whether a number names what stands before it: § 1, Art. 1, Seite 1."""
    before, marks = word_before(match.string, match.start()), match.string[max(0, match.start() - 2) : match.start()]
    if "\u00a7" in marks or (marks == ". " and before in _SHORT_BEFORE_NUMBERS):
        return True
    return before[:1].isupper() and before.casefold() in _BEFORE_NUMBERS


class German(European):
    """German."""

    code: ClassVar = "de"
    words: ClassVar = WORDS
    units: ClassVar = UNITS
    currencies: ClassVar = CURRENCIES
    magnitudes: ClassVar = MAGNITUDES
    long_magnitudes: ClassVar = "Tausend|Millionen|Milliarden|Billionen|Million|Milliarde|Billion"
    abbreviations: ClassVar = ABBREVIATIONS
    starters: ClassVar = STARTERS
    trigger_words: ClassVar = [WORDS.per, "je"]
    months: ClassVar = MONTHS | SHORT_MONTHS
    of_month: ClassVar = SPACE
    hours: ClassVar = ":"
    o_clock: ClassVar = "Uhr|h(?=[\\s,.)]|$)"
    titles: ClassVar = TITLES
    numbered: ClassVar = NUMBERED
    against: ClassVar = "zu"
    ordinal_mark: ClassVar = rf"\.(?P<joint>{SPACE}?(?:{DASH}|/){SPACE}?(?=\d{{1,4}}\.))?"
    scales: ClassVar = word_set("maßstab verhältnis endstand stand quote bibel vers")
    joined_thousand: ClassVar = "Tausend"
    also_per: ClassVar = "je"
    short_days: ClassVar = WEEKDAYS
    day_joints: ClassVar = {"bis": "bis", "und": "und", "u.": "und", "oder": "oder", "&": "und"}
    played: ClassVar = (
        r"\b(?i:verl[oi]\w*|gew[ao]nn\w*|gewinn\w*|sieg\w*|unterl[ai]\w*|besieg\w*|schlug\w*|niederlage\w*|ausgleich\w*|f\u00fchr\w+|"
        r"r\u00fcckstand|satz|s\u00e4tze|handball\w*|spielstand|endstand|halbzeit\w*|endete mit|remis|tor|tore|trennten)\b"
    )
    timed: ClassVar = (
        r"(?i:\b(?:um|ab|bis|gegen|von|seit|kurz vor|kurz nach|zwischen|uhr|uhrzeit)|\buhrzeit:|beginn:?|einlass:?) \Z"
    )
    emergency: ClassVar = word_set("110 112 115 116117 144 911 999") | {"116 117", "116 116", "116 123"}
    called: ClassVar = (
        r"\b(?i:w\u00e4hl\w*|ruf\w*|notruf\w*|erreich\w*|anruf\w*|telefon\w*|alarm\w*|nummer|notfallnummer|rufnummer)\b[^.\n]{0,40}\Z|"
        r"\b(?i:unter der|polizei|feuerwehr|hotline|notarzt):? \Z"
    )
    called_behind: ClassVar = r" (?:an(?:rufen|zurufen)?|w\u00e4hlen|rufen|erreichbar|erreichen|alarmieren)\b"
    labels: ClassVar = word_set("vitamin klasse plan typ hepatitis punkt gruppe teil buchstabe reihe block")

    # -----------------------------------------------------------------------------------------------------------------
    # Numbers

    def cardinal(self, value: int, gender: str = "m") -> str:
        """Return a whole number in words; behind the gender may be the case: ``md``, dative, ``ma``, accusative."""
        return numbers.cardinal(value, gender)

    def ordinal(self, value: int, gender: str = "e") -> str:
        """Return an ordinal in words; its ending is in the place of a gender."""
        return numbers.ordinal_stem(value) + gender

    def year(self, value: int) -> str:
        """Return a year in words."""
        return numbers.year(value)

    def fraction(self, above: int, below: int) -> str:
        """Return a fraction in words."""
        return numbers.fraction(above, below)

    def mixed(self, whole: int | None, above: int, below: int) -> str:
        """Return a whole number, if there is one, and a fraction, in words: *zweieinhalb*."""
        part = self.fraction(above, below)
        if whole is None:
            return part
        return f"{self.cardinal(whole, 'n')}{part.replace(' ', '').lower()}"

    def part_of(self, whole: int | None, above: int, below: int, noun: Noun, match: re.Match[str]) -> str:
        """Return a fraction of a unit in words: *ein halbes Kilogramm*, *zweieinhalb Liter*."""
        if whole is not None:
            return f"{self.mixed(whole, above, below)} {noun.many}"
        if (above, below) == (1, 2):
            dative = case_of_one(match.string, match.start()) == "d"
            article = self.cardinal(1, noun.gender + ("d" if dative else "a"))
            ending = "en" if dative or noun.gender == "m" else {"f": "e"}.get(noun.gender, "es")
            return f"{article} halb{ending} {noun.one}"
        if (above, below) == (3, 4) and noun.gender == "f":
            return f"eine dreiviertel {noun.one}"
        return f"{self.fraction(above, below).lower()} {noun.one}"

    def part_before(self, whole: int | None, above: int, below: int, match: re.Match[str]) -> str:
        """Return a fraction in words: *eine halbe* Zwiebel, *drei Viertel*."""
        noun = word_behind(match)
        if whole is not None or (above, below) != (1, 2) or gender_of(noun) == "-" or noun in STARTERS:
            return super().part_before(whole, above, below, match)
        said = self.part_of(None, 1, 2, Noun("", "", gender_of(noun)), match)
        return said.rstrip()

    # -----------------------------------------------------------------------------------------------------------------
    # Amounts

    def read_amount(self, match: re.Match[str], gender: str = "-") -> str:
        """Return a number or a range in words; one of something is in its case."""
        if gender != "-" and match["last"] is None and self.parse(match["first"]).is_one:
            gender += case_of_one(match.string, match.start())
        return super().read_amount(match, gender)

    def with_hundredths(self, major: str, hundredths: Number, currency: Currency) -> str:  # noqa: ARG002 - not named
        """Return an amount with hundredths in words: *drei Euro fünfzig*, *drei Mark fünfzig*."""
        return f"{major.replace('D-Mark', 'Mark')} {self.spell(hundredths)}"

    def share(self, match: re.Match[str]) -> str | None:
        """Read a percentage."""
        word = self.words.percent if match["share"] == "%" else self.words.per_mille
        return f"{self.read_amount(match, 'n')} {word}"

    def measure(self, match: re.Match[str]) -> str | None:
        """Read an amount of a unit: hours of the day, years, energy."""
        before = word_before(match.string, match.start()).casefold()
        if match["unit"] == "h" and match["last"] and (before in _TIMED or before.capitalize()[:2] in WEEKDAYS):
            return f"{self.read_amount(match)} Uhr"  # Mo-Fr 8-18 h
        if match["unit"] == "J." and self.ends_sentence(match) and before not in DATIVE:
            return self.with_magnitude(match, match["magnitude"], UNITS["J"])
        return super().measure(match)

    def read_plain(self, written: str, match: re.Match[str]) -> str:
        """Return a number in words that has no unit behind."""
        behind = word_behind(match)
        if self.is_version(written) and behind and behind.casefold() in COUNTED:
            return self.read(written)
        if written != "1" and self._is_counted(behind, match):
            return self.read(written)
        if written == "1":
            return self._one(match, behind)
        return super().read_plain(written, match)

    def _millions(self, match: re.Match[str]) -> str | None:
        """Read millions of what is written out; a T alone is no thousand."""
        return None if match["magnitude"] == "T" else super()._millions(match)

    def _is_counted(self, behind: str, match: re.Match[str]) -> bool:
        """Whether what stands behind a number of four digits, maybe a year, is counted."""
        name = behind.casefold()
        if name in COUNTED:
            return behind != "Jahren"
        if not behind[:1].isupper():
            return False
        return name.endswith(COUNTED_ENDINGS) or word_before(match.string, match.start()).casefold() in _QUANTIFIERS

    def _one(self, match: re.Match[str], behind: str) -> str:
        text = match.string
        if match["last"] or text[match.end() : match.end() + 1] != " " or (match["sign"] or "").strip():
            return self.cardinal(1, "-")
        if _is_named_by_number(match):
            return self.cardinal(1, "-")
        noun = behind if behind[:1].isupper() else ""
        if (
            behind.islower()
            and behind[-1:] in "ers"
            and behind not in _NO_ADJECTIVES
            and behind.endswith(("e", "er", "es", "en"))
        ):
            noun = noun_behind(text, match.end())
        if not noun or noun in STARTERS:
            return self.cardinal(1, "-")
        return self.cardinal(1, gender_of(noun) + case_of_one(text, match.start()))

    # -----------------------------------------------------------------------------------------------------------------
    # Dates and times

    def date(self, day: int, month: int, year: int | None, match: re.Match[str]) -> str:
        """Return a date in words."""
        said = f"{self.ordinal(day, ordinal_ending(match.string, match.start(), MONTH_NAMES[month]))} {MONTH_NAMES[month]}"
        return f"{said} {self.year(year)}" if year is not None else said

    def _whole_hour(self, match: re.Match[str]) -> str | None:
        """Read a whole hour; with only *h* behind it is as often a time that something takes."""
        before = word_before(match.string, match.start()).casefold()
        begun = match.string[max(0, match.start() - 2) : match.start()] == ": "
        timed = match[0].endswith("Uhr") or begun or before in _TIMED
        return super()._whole_hour(match) if timed else None

    def clock(self, hour: int, minute: int, second: int | None, match: re.Match[str]) -> str:  # noqa: ARG002
        """Return a time of the day in words: *dreizehn Uhr dreißig*."""
        said = f"{self.cardinal(hour, 'n')} Uhr"
        if minute or second:
            said += f" {self.cardinal(minute, '-')}"
        return f"{said} und {self.counted(Number(str(second)), UNITS['s'])}" if second else said

    def times(self, hour: int, minute: int, last_hour: int, last_minute: int, match: re.Match[str]) -> str:
        """Return a range of times in words: *neun bis siebzehn Uhr*."""
        first = self.cardinal(hour, "-") if not (minute or last_minute) else self.clock(hour, minute, None, match)
        return f"{first} {self.words.to} {self.clock(last_hour, last_minute, None, match)}"

    # -----------------------------------------------------------------------------------------------------------------
    # Ordinals and numerals

    def read_ordinal(self, match: re.Match[str]) -> str | None:
        """Read digits with a stop as an ordinal, if the stop ends no sentence."""
        text, end = match.string, match.end()
        value = int(match["number"])
        if not value or match["number"][0] == "0" or not self._is_ordinal(match, value):
            return None
        noun = noun_behind(text, end) if not match["joint"] else noun_behind(text, end - len(match["joint"]))
        said = self.ordinal(value, ordinal_ending(text, match.start(), noun, adjective_behind(text, end)))
        if match["joint"]:
            return f"{said} {'und' if '/' in match['joint'] else 'bis'} "
        return f"{said}." if self.ends_sentence(match) else said

    def _is_ordinal(self, match: re.Match[str], value: int) -> bool:
        text, end = match.string, match.end()
        if match["joint"]:
            return True
        determined = is_determined(text, match.start())
        if determined and value < 1000:
            return True
        rest = text[end : end + 30]
        if re.match(r",? ?(?:(?:und|oder|bis|sowie) )?\d{1,4}\.(?!\d)", rest):
            return value < 100 and bool(noun_behind(text, end))
        if not re.match(rf"{SPACE}?[^\W\d_]", rest):
            return False
        behind = word_behind(match)
        if behind[0].islower():
            return value < 1000 or determined
        if self.ends_sentence(match) or (rest[:1] != " " and behind.casefold() not in GENDERS):
            return False
        return self._numbers_noun(text, match.start(), behind, value) or (determined and value < 100_000)

    def _numbers_noun(self, text: str, start: int, noun: str, value: int) -> bool:
        """Whether a noun behind a number with a stop is counted by it, and begins no sentence."""
        before = word_before(text, start)
        known = noun.casefold() in GENDERS or any(noun.casefold().endswith(name) for name in GENDERS if len(name) > 3)
        if value >= 1000:
            return False
        if before.casefold() in COUNTED_BY_NUMERALS or before in ("Nummer", "Seite", "Zimmer", "Gleis", "Platz"):
            return False
        if not before or not text[max(0, start - _LOOKED_BACK) : start].rstrip(" ").endswith(before):
            return known  # a list's items are numbered too
        return known or (
            before.islower() and before not in ("nur", "etwa", "sind", "waren", "ist", "wird", "hat", "auf", "von", "um")
        )

    def read_numeral(self, match: re.Match[str]) -> str | None:
        """Read a Roman numeral: of rulers, of centuries, of chapters, of years."""
        text, numeral = match.string, match["numeral"]
        value = roman_value(numeral)
        if value is None:
            return None
        before, behind = word_before(text, match.start()), word_behind(match)
        stop = "." if match["stop"] and self.ends_sentence(match) else ""
        if adjoins_word(match) and value < 40 and (before in REGNAL_NAMES or before.removesuffix("s") in REGNAL_NAMES):
            return self._of_ruler(before, value, stop, match)
        if match["stop"] and not stop and (behind[:1].isupper() or is_determined(text, match.start())) and value < 100:
            if len(numeral) == 1 and not is_determined(text, match.start()) and behind.casefold() not in GENDERS:
                return None
            return self.ordinal(value, ordinal_ending(text, match.start(), noun_behind(text, match.end())))
        stop = stop or match["stop"]
        if before.casefold() in COUNTED_BY_NUMERALS:
            return self.cardinal(value, "-") + stop
        if len(numeral) < 2 or numeral in _ACRONYMS:
            return None
        if value >= 1000 and len(numeral) > 3:
            return self.year(value) + stop
        counts = set(numeral) <= set("IVX") and (before[:1].isupper() or len(numeral) > 2)
        return self.cardinal(value, "-") + stop if counts else None

    def _of_ruler(self, name: str, value: int, stop: str, match: re.Match[str]) -> str | None:
        """Read the numeral behind a ruler's name: Ludwig *der Vierzehnte*."""
        if match["numeral"] in ("C", "D", "M", "L") or (match["numeral"] == "I" and not match["stop"]):
            return None
        article, ending = regnal_article(match.string, match.string.rfind(name, 0, match.start()), name)
        said = self.ordinal(value, ending)
        return f"{article} {said[0].upper()}{said[1:]}{stop}"

    # -----------------------------------------------------------------------------------------------------------------
    # What German has of its own

    def gender_of(self, word: str) -> str:
        """Return the gender of a noun."""
        return gender_of(word)

    def first_rules(self) -> list[Rule]:
        """Return the rules for what only German writes so."""
        return Forms(self).rules()

    def read_abbreviation(self, match: re.Match[str]) -> str | None:
        """Read a short form: an adjective with its ending, a century in its case."""
        text, short = match.string, match["short"]
        if short == "Max." and not text[match.end() : match.end() + 2].strip().isdigit():
            return None  # a name
        if short == "Art." and self.ends_sentence(match):
            return None  # a word
        noun = word_behind(match)
        if short in SHORT_ADJECTIVES and noun[:1].isupper():
            return SHORT_ADJECTIVES[short] + ordinal_ending(text, match.start(), noun)
        if short.replace(" ", "") == "u.a." and self.ends_sentence(match):
            return "und andere."
        said = super().read_abbreviation(match)
        century = (
            said and said.startswith("Jahrhundert") and _OF_CENTURY.search(text, max(0, match.start() - 12), match.start())
        )
        return f"Jahrhunderts{said.removeprefix('Jahrhundert')}" if said and century else said

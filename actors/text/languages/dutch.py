"""Dutch."""

import re
from typing import ClassVar

from actors.text.languages import dutch_numbers as numbers
from actors.text.languages.context import adjoins_word, word_before, word_behind, word_set
from actors.text.languages.dutch_words import (
    ABBREVIATIONS,
    COUNTED_BY_NUMERALS,
    CURRENCIES,
    MAGNITUDES,
    MONTH_NAMES,
    MONTHS,
    NEUTER,
    NUMBERED,
    REGNAL_NAMES,
    SHORT_MONTHS,
    STARTERS,
    TITLES,
    UNITS,
    WEEKDAYS,
    WORDS,
    YEAR_WORDS,
)
from actors.text.languages.european import European
from actors.text.languages.language import SPACE, Currency, Noun, alternatives
from actors.text.numbers import Number
from actors.text.roman import roman_value
from actors.text.rules import BEFORE_LETTER, BEFORE_MARK, CAPITAL, DIGIT, FREE, LETTER, SIGN, Rule

_ACRONYMS = word_set(
    "CD DC MD MC DI MM CC CV MI CM DM LCD LED XL XXL XXXL LI MIX DIV CIV LIV DIM DVD ID CDC CDI CDL MDM MDC DL DCL LL CCC IM IC"
)
_SCORES = word_set(
    "met won wint winnen verloor verliest werd wordt stand eindstand ruststand uitslag tussenstand het een was is score"
)
_NO_SCORE = word_set(
    "jaar dagen weken maanden uur minuten personen keer mensen procent euro graden kinderen meter kilometer liter "
    "tellen plekken plaatsen"
)
_YEARS_BEFORE = YEAR_WORDS | {*MONTHS, *SHORT_MONTHS, "de", "het", "dat", "van", "zomer", "winter", "herfst", "lente"}
_PLURAL = re.compile(r" (?:[a-z]{3,20} )?[a-z\u00df-\u00ff-]{2,30}(?:en|s|eren)(?!\w)")
_MANY = word_set("mensen studenten klanten soldaten kilometer meter euro man personen planten patiënten agenten dieren leden")
_NO_PLURALS = word_set(
    "was waren werden hebben gingen kwamen zijn als is eens sinds begonnen deden tijdens soms daags hadden mogen"
)
_DAY_WORDS = word_set("op vanaf tot en sinds t/m voor m van tussen dinsdag") | {*WEEKDAYS, *WEEKDAYS.values()}
_WEEKDAY = "|".join(WEEKDAYS)
_SUFFIXES = (
    "jarig|daags|delig|voudig|koppig|maal|talig|procents|persoons|deurs|baans|urig|maandelijks|maands|wekelijks|"
    "jaarlijks|cijferig"
)
_MOST_GOALS = 20


class Dutch(European):
    """Dutch."""

    code: ClassVar = "nl"
    words: ClassVar = WORDS
    units: ClassVar = UNITS
    currencies: ClassVar = CURRENCIES
    magnitudes: ClassVar = MAGNITUDES
    long_magnitudes: ClassVar = "duizend|honderd|miljoen|miljard|biljoen"
    abbreviations: ClassVar = ABBREVIATIONS
    starters: ClassVar = STARTERS
    trigger_words: ClassVar = [WORDS.per, *WEEKDAYS]
    months: ClassVar = MONTHS | SHORT_MONTHS
    of_month: ClassVar = SPACE
    hours: ClassVar = "[:u]"
    o_clock: ClassVar = "uur|u\\.?"
    titles: ClassVar = TITLES
    numbered: ClassVar = NUMBERED
    against: ClassVar = "tegen"
    ordinal_mark: ClassVar = "(?:ste|de|e|\u1d49)(?![^\\W_])"
    scales: ClassVar = word_set("schaal verhouding stand")
    joined_thousand: ClassVar = "duizend"
    short_days: ClassVar = {form: day for name, day in WEEKDAYS.items() for form in (name, name.capitalize())}
    day_joints: ClassVar = {
        "t/m": "tot en met", "t.e.m.": "tot en met", "tot en met": "tot en met",
        "tot": "tot", "en": "en", "of": "of", "&": "en",
    }  # fmt: skip
    set_marks: ClassVar = "/-"
    played: ClassVar = (
        r"\b(?:won|wint|winnen|wonnen|gewonnen|verloor|verliest|verliezen|verloren|klopte|klopt|versloeg|verslaat|zege|nederlaag|"
        r"werd het|eindstand|ruststand|tussenstand|gelijk|setstanden|sets?|finale|partij)\b"
    )
    timed: ClassVar = r"(?i:\b(?:om|vanaf|tot|van|rond|tegen|sinds|uur|tussen)) \Z"
    emergency: ClassVar = word_set("112 113 144 911 999 101 100") | {"116 117", "116117"}
    called: ClassVar = (
        r"(?i:\b(?:bel|belt|bellen|belde|belden|gebeld|draai|alarmnummer|noodnummer|telefoonnummer|nummer|via|meldkamer|toets))"
        r"\b[^.\n]{0,30}\Z"
    )
    called_behind: ClassVar = r" (?:te )?(?:bellen|belt|gebeld|draaien)\b"
    labels: ClassVar = word_set("vitamine klasse plan type hepatitis punt groep deel letter blok bijlage")

    # -----------------------------------------------------------------------------------------------------------------
    # Numbers

    def cardinal(self, value: int, gender: str = "m") -> str:  # noqa: ARG002
        """Return a whole number in words."""
        return numbers.cardinal(value)

    def ordinal(self, value: int, gender: str = "m") -> str:  # noqa: ARG002
        """Return an ordinal in words."""
        return numbers.ordinal(value)

    def year(self, value: int) -> str:
        """Return a year in words."""
        return numbers.year(value)

    def fraction(self, above: int, below: int) -> str:
        """Return a fraction in words."""
        return numbers.fraction(above, below)

    def mixed(self, whole: int | None, above: int, below: int) -> str:
        """Return a whole number, if there is one, and a fraction, in words: *anderhalf*, *tweeënhalf*."""
        if whole is None or (above, below) != (1, 2):
            return super().mixed(whole, above, below)
        return f"{self._and_a_half(whole)}f"

    def _and_a_half(self, whole: int) -> str:
        said = self.cardinal(whole)
        return "anderhal" if whole == 1 else f"{said}{'ën' if said.endswith('e') else 'en'}hal"

    def part_of(self, whole: int | None, above: int, below: int, noun: Noun, match: re.Match[str]) -> str:  # noqa: ARG002
        """Return a fraction of a unit in words: *een halve liter*, *anderhalf uur*."""
        if (above, below) != (1, 2):
            return f"{self.mixed(whole, above, below)} {noun.one}"
        ending = "f" if noun.gender == "n" else "ve"
        return f"{'een hal' if whole is None else self._and_a_half(whole)}{ending} {noun.one}"

    def part_before(self, whole: int | None, above: int, below: int, match: re.Match[str]) -> str:
        """Return a fraction in words: *een halve* ui, *drie kwart*."""
        noun = word_behind(match)
        if (
            (above, below) != (1, 2)
            or not noun
            or match.string[match.end() : match.end() + 1] != " "
            or noun in ("van", "en", "of")
        ):
            return self.mixed(whole, above, below)
        gender = "n" if noun in NEUTER or noun.endswith(("je", "tje", "jes")) else "m"
        return self.part_of(whole, 1, 2, Noun("", "", gender), match).rstrip()

    # -----------------------------------------------------------------------------------------------------------------
    # Amounts

    def with_hundredths(self, major: str, hundredths: Number, currency: Currency) -> str:  # noqa: ARG002 - not named
        """Return an amount with hundredths in words: *drie euro vijftig*."""
        return f"{major} {self.spell(hundredths)}"

    def plain(self, match: re.Match[str]) -> str | None:
        """Read a number or a range before anything else; scores too: 2-1."""
        first, last = match["first"], match["last"]
        if last and (first == last or self._is_score(match, first, last)):
            return f"{self.read(first)} {self.read(last)}"
        return super().plain(match)

    def _is_score(self, match: re.Match[str], first: str, last: str) -> bool:
        if not (first.isdecimal() and last.isdecimal()) or max(int(first), int(last)) > _MOST_GOALS or " " in match[0]:
            return False
        behind = word_behind(match) if match.string[match.end() : match.end() + 1] == " " else ""
        if behind in _NO_SCORE:
            return False
        before = word_before(match.string, match.start()).lower()
        return int(first) >= int(last) or before in _SCORES

    def read_ratio(self, match: re.Match[str]) -> str | None:
        """Read a score, a division, or a scale: *één op vijftigduizend*."""
        if match["first"] == "1" and len(match["last"]) > 2:
            return f"{self.cardinal(1)} {self.words.over} {self.read(match['last'])}"
        if word_before(match.string, match.start()).lower() in ("art", "artikel"):
            return f"{self.read(match['first'])} {self.read(match['last'])}"
        return super().read_ratio(match)

    def read_plain(self, written: str, match: re.Match[str]) -> str:
        """Return a number in words that has no unit behind."""
        if self.is_year(written) and self._is_counted(match):
            return self.read(written)
        return super().read_plain(written, match)

    def _is_counted(self, match: re.Match[str]) -> bool:
        """Whether four digits, maybe a year, count what is behind: in Dutch something stands before years."""
        before, text = word_before(match.string, match.start()).lower(), match.string
        behind = word_behind(match)
        if before in _YEARS_BEFORE or before.isdecimal() or behind in _NO_PLURALS or match.groupdict().get("last"):
            return False
        return (_PLURAL.match(text, match.end()) is not None and not behind.endswith(("den", "ten"))) or behind in _MANY

    # -----------------------------------------------------------------------------------------------------------------
    # Dates and times

    def date(self, day: int, month: int, year: int | None, match: re.Match[str]) -> str:
        """Return a date in words."""
        mark = match.groupdict().get("mark")
        said = self.ordinal(day) if mark in ("e", "ste", "de") else self.cardinal(day)
        return f"{said} {MONTH_NAMES[month]}" + (f" {self.year(year)}" if year is not None else "")

    def clock(self, hour: int, minute: int, second: int | None, match: re.Match[str]) -> str:  # noqa: ARG002
        """Return a time of the day in words: *twintig uur vijftien*."""
        said = f"{self.cardinal(hour)} uur"
        if minute or second:
            said += f" {self.cardinal(minute)}"
        return f"{said} en {self.counted(Number(str(second)), UNITS['s'])}" if second else said

    def times(self, hour: int, minute: int, last_hour: int, last_minute: int, match: re.Match[str]) -> str:
        """Return a range of times in words: *negen tot zeventien uur*."""
        first = self.cardinal(hour) if not (minute or last_minute) else self.clock(hour, minute, None, match)
        return f"{first} {self.words.to} {self.clock(last_hour, last_minute, None, match)}"

    # -----------------------------------------------------------------------------------------------------------------
    # Ordinals and numerals

    def read_ordinal(self, match: re.Match[str]) -> str | None:
        """Read digits with the end of an ordinal."""
        value = int(match["number"])
        return self.ordinal(value) if value and match["number"][0] != "0" else None

    def read_numeral(self, match: re.Match[str]) -> str | None:
        """Read a Roman numeral: of rulers, of chapters, of years."""
        text, numeral = match.string, match["numeral"]
        value = roman_value(numeral)
        if value is None:
            return None
        before, behind = word_before(text, match.start()), word_behind(match)
        if adjoins_word(match) and value < 40 and before in REGNAL_NAMES and numeral not in ("C", "D", "M", "L"):
            initial = numeral in ("I", "X", "V") and match["stop"] and not self.ends_sentence(match)
            return None if initial else f"de {self.ordinal(value)}{match['stop']}"
        if before.lower() in COUNTED_BY_NUMERALS:
            return self.cardinal(value) + match["stop"]
        if len(numeral) < 2 or numeral in _ACRONYMS:
            return None
        if behind == "eeuw":
            return self.ordinal(value)
        if value >= 1000 and len(numeral) > 3:
            return self.year(value) + match["stop"]
        counts = set(numeral) <= set("IVX") and (before[:1].isupper() or len(numeral) > 2)
        return self.cardinal(value) + match["stop"] if counts else None

    # -----------------------------------------------------------------------------------------------------------------
    # What only Dutch has

    def first_rules(self) -> list[Rule]:
        """Return the rules for weekdays, short dates, decades, compounds of numbers and words, codes."""
        month = alternatives(name for name in SHORT_MONTHS)
        return [
            Rule(
                rf"(?<![\w.])(?i:(?P<day>{_WEEKDAY}))(?:\.(?={SPACE}?\d|,)|(?= \d\d? (?:{alternatives(self.months)})))",
                self._weekday,
                LETTER,
            ),
            Rule(
                rf"(?<![\w.])(?P<month>{month})(?={SPACE}\d{{4}}(?!\d))",
                lambda match: MONTH_NAMES[SHORT_MONTHS[match["month"]]],
                LETTER,
            ),
            Rule(rf"{FREE}(?P<day>[0-3]?\d)[/-](?P<month>0[1-9]|1[0-2])(?![\w/-]|[.,]\d)", self._short_date, BEFORE_MARK),
            Rule(r"(?<!\w)['\u2019\u2018](?P<decade>\d0)(?:['\u2019]?s)?(?!\w)", self._decade, SIGN),
            Rule(r"(?<!\w)['\u2019\u2018](?P<decade>\d\d)(?![\w'\u2019])", self._decade, SIGN),
            Rule(rf"{FREE}(?P<number>\d{{1,4}})['\u2019]?(?P<ending>ers?)(?!\w)", self._plural, BEFORE_LETTER + BEFORE_MARK),
            Rule(
                rf"{FREE}(?P<number>\d{{1,4}})-?(?P<word>(?:{_SUFFIXES})e?(?:n|s)?)(?!\w)",
                self._compound,
                BEFORE_LETTER + BEFORE_MARK,
            ),
            Rule(
                rf"{FREE}(?P<number>\d{{1,4}}(?:,\d{{1,2}})?)x(?=[\s.,])",
                lambda match: f"{self.read(match['number'])} keer",
                BEFORE_LETTER + BEFORE_MARK,
            ),
            Rule(
                r"(?<=[a-z\u20ac%])/(?=(?:week|maand|jaar|dag|uur|persoon|nacht|stuk|kilo|liter)(?!\w))",
                lambda _: " per ",
                SIGN,
            ),
            Rule(rf"{FREE}24/7(?![\w/])", lambda _: "vierentwintig zeven", BEFORE_MARK),
            Rule(
                rf"(?<=\b[Oo]m )(?P<hour>[01]?\d|2[0-3])\.(?P<minute>[0-5]\d)(?![\w.,]\d|{SPACE}?(?:uur|u\b))",
                self._dotted,
                BEFORE_MARK,
            ),
            Rule(
                rf"{FREE}(?P<hour>[01]?\d|2[0-4])\.(?P<minute>[0-5]\d)"
                rf"(?= (?:tot|en|of) (?:[01]?\d|2[0-4])\.[0-5]\d{SPACE}?uur)",
                self._dotted,
                BEFORE_MARK,
            ),
            Rule(rf"{FREE}(?P<code>[1-9]\d{{3}}){SPACE}?(?P<letters>[A-Z]{{2}})(?= [A-Z][a-z'])", self._postal, DIGIT),
            Rule(rf"(?<![\w.,#])#{SPACE}?(?=\d)", lambda _: "nummer ", SIGN),
            Rule(r"(?<!\w)(?P<numeral>[IVX]{1,6})(?:e|de|ste)(?!\w)", self._ordinal_numeral, CAPITAL),
            Rule(r"(?<!\w)(?:NV|N\.V\.|BV|B\.V\.)(?!\w)", lambda match: " ".join(match[0].replace(".", "")), CAPITAL),
        ]

    def _weekday(self, match: re.Match[str]) -> str:
        return WEEKDAYS[match["day"].lower()]

    def _short_date(self, match: re.Match[str]) -> str | None:
        """Read a day and a month behind what stands before days: op 27/04."""
        day, before = int(match["day"]), word_before(match.string, match.start()).lower()
        told = before in _DAY_WORDS and ("/" in match[0] or day > _MOST_GOALS or match["month"][0] == "0")
        return self.date(day, int(match["month"]), None, match) if told and 1 <= day <= 31 else None

    def _decade(self, match: re.Match[str]) -> str:
        return self.cardinal(int(match["decade"]))

    def _plural(self, match: re.Match[str]) -> str:
        value = int(match["number"])
        return (self.year(value) if value >= 1000 else self.cardinal(value)) + match["ending"]

    def _compound(self, match: re.Match[str]) -> str:
        value = int(match["number"])
        return f"{'een' if value == 1 else self.cardinal(value)}{match['word']}"

    def _dotted(self, match: re.Match[str]) -> str:
        return self.clock(int(match["hour"]), int(match["minute"]), None, match)

    def _postal(self, match: re.Match[str]) -> str:
        first, last = match["code"][:2], match["code"][2:]
        said = self.cardinal(int(last)) if last[0] != "0" else self.digits(last)
        return f"{self.cardinal(int(first))} {said} {' '.join(match['letters'])}"

    def _ordinal_numeral(self, match: re.Match[str]) -> str | None:
        value = roman_value(match["numeral"])
        return self.ordinal(value) if value else None

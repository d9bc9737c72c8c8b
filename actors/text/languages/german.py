"""German."""

import re
from typing import ClassVar

from actors.text.languages import german_numbers as numbers
from actors.text.languages.context import word_before, word_behind
from actors.text.languages.european import European
from actors.text.languages.german_grammar import (
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
from actors.text.languages.language import DASH, SPACE, Currency, Noun, alternatives
from actors.text.numbers import Number
from actors.text.roman import roman_value
from actors.text.rules import DIGIT, FREE, LETTER, SIGN, Rule

_ACRONYMS = frozenset("CD DC MD MC DI MM CC CV MI CM DM LCD LED XL XXL XXXL LI MIX DIV CIV LIV DIM DVD ID CDC CDI CDL MDM MDC XXX DL DCL LL CCC IM".split())
_CALLED = frozenset("notruf notrufnummer telefon nummer rufnummer feuerwehr polizei wählen".split())
_OF_DATES = frozenset("am vom bis zum der den dem des seit ab und".split()) | {name.casefold() for name in (*WEEKDAYS, *WEEKDAYS.values())}
_WEEKDAY = rf"(?:{'|'.join(WEEKDAYS)})"
_CAPITALS = "A-Z\u00c4\u00d6\u00dc"
_SMALL = "a-z\u00e4\u00f6\u00fc\u00df"
_OF_CENTURY = re.compile(r"\bdes \d{1,2}\.\s\Z")
_LOOKED_BACK = 40
_NO_ADJECTIVES = frozenset("oder aber über unter hinter wie heute ohne alle bitte eine seine ihre meine diese der er des es die".split())
_CITIES = (
    "Berlin Hamburg München Köln Frankfurt Stuttgart Düsseldorf Leipzig Dortmund Essen Bremen Dresden Hannover Nürnberg Duisburg Bochum "
    "Wuppertal Bielefeld Bonn Münster Mannheim Karlsruhe Augsburg Wiesbaden Gelsenkirchen Braunschweig Kiel Chemnitz Aachen Halle Magdeburg "
    "Freiburg Krefeld Mainz Lübeck Erfurt Oberhausen Rostock Kassel Hagen Potsdam Saarbrücken Hamm Ludwigshafen Oldenburg Osnabrück Leverkusen "
    "Heidelberg Darmstadt Solingen Regensburg Paderborn Ingolstadt Würzburg Fürth Ulm Heilbronn Pforzheim Wolfsburg Göttingen Bottrop Reutlingen "
    "Koblenz Bremerhaven Erlangen Jena Trier Siegen Cottbus Gera Konstanz Tübingen Passau Bayreuth Bamberg Weimar Garching Schwerin Flensburg Weiden Landshut Marburg Gießen"
).replace(" ", "|")


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
    months: ClassVar = MONTHS | SHORT_MONTHS
    of_month: ClassVar = SPACE
    hours: ClassVar = ":"
    o_clock: ClassVar = "Uhr|h(?=[\\s,.)]|$)"
    titles: ClassVar = TITLES
    numbered: ClassVar = NUMBERED
    against: ClassVar = "zu"
    ordinal_mark: ClassVar = rf"\.(?P<joint>{SPACE}?(?:{DASH}|/){SPACE}?(?=\d{{1,4}}\.))?"
    scales: ClassVar = frozenset("maßstab verhältnis endstand stand quote bibel vers".split())
    labels: ClassVar = frozenset("vitamin klasse plan typ hepatitis punkt gruppe teil buchstabe reihe block".split())

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

    def coins(self, number: Number, currency: Currency) -> str:
        """Return an amount with hundredths, in words: *drei Euro fünfzig*."""
        hundredths = Number(number.fraction.lstrip("0") or "0")
        if not number.value and hundredths.value:
            return self.counted(hundredths, currency.minor)
        major = self.counted(Number(number.whole), currency.major)
        return f"{major} {self.spell(hundredths)}" if hundredths.value else major

    def share(self, match: re.Match[str]) -> str | None:
        """Read a percentage."""
        word = self.words.percent if match["share"] == "%" else self.words.per_mille
        return f"{self.read_amount(match, 'n')} {word}"

    def measure(self, match: re.Match[str]) -> str | None:
        """Read an amount of a unit; a stop that it ends with may end the sentence too."""
        said = super().measure(match)
        return f"{said}." if match["unit"].endswith(".") and self.ends_sentence(match) else said

    def read_plain(self, written: str, match: re.Match[str]) -> str:
        """Return a number in words that has no unit behind."""
        behind = word_behind(match)
        if self.is_version(written) and behind and behind.casefold() in COUNTED:
            return self.read(written)
        if behind.casefold() in COUNTED and behind not in ("Jahren",):
            return self.read(written)
        if written in ("110", "112", "115") and word_before(match.string, match.start()).casefold() in _CALLED:
            return self.digits(written)
        if written == "1":
            return self._one(match, behind)
        return super().read_plain(written, match)

    def _one(self, match: re.Match[str], behind: str) -> str:
        text = match.string
        if match["last"] or text[match.end() : match.end() + 1] != " " or (match["sign"] or "").strip():
            return self.cardinal(1, "-")
        before = word_before(text, match.start())
        if "\u00a7" in text[max(0, match.start() - 2) : match.start()]:
            return self.cardinal(1, "-")
        if text[max(0, match.start() - 2) : match.start()] == ". " and before in ("Abs", "Nr", "Art", "Kap", "Abb", "Bd", "S", "Tab", "Ziff", "Str"):
            return self.cardinal(1, "-")
        if before[:1].isupper() and before.casefold() in (*COUNTED_BY_NUMERALS, "nummer", "seite", "zimmer", "platz", "gleis", "formel", "tag"):
            return self.cardinal(1, "-")
        noun = behind if behind[:1].isupper() else ""
        if behind.islower() and behind[-1:] in "ers" and behind not in _NO_ADJECTIVES and behind.endswith(("e", "er", "es", "en")):
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
        return known or before.islower() and before not in ("nur", "etwa", "sind", "waren", "ist", "wird", "hat", "auf", "von", "um")

    def read_numeral(self, match: re.Match[str]) -> str | None:
        """Read a Roman numeral: of rulers, of centuries, of chapters, of years."""
        text, numeral = match.string, match["numeral"]
        value = roman_value(numeral)
        if value is None:
            return None
        before, behind = word_before(text, match.start()), word_behind(match)
        stop = "." if match["stop"] and self.ends_sentence(match) else ""
        directly = text[match.start() - 1 : match.start()] in (" ", "\u00a0") and text[match.start() - 2 : match.start() - 1].isalpha()
        if directly and value < 40 and (before in REGNAL_NAMES or before.removesuffix("s") in REGNAL_NAMES):
            if numeral in ("C", "D", "M", "L") or (numeral == "I" and not match["stop"]):
                return None
            article, ending = regnal_article(text, text.rfind(before, 0, match.start()), before)
            said = self.ordinal(value, ending)
            return f"{article} {said[0].upper()}{said[1:]}{stop}"
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
        return self.cardinal(value, "-") + stop if set(numeral) <= set("IVX") and (before[:1].isupper() or len(numeral) > 2) else None

    # -----------------------------------------------------------------------------------------------------------------
    # What only German has

    def gender_of(self, word: str) -> str:
        """Return the gender of a noun."""
        return gender_of(word)

    def first_rules(self) -> list[Rule]:
        """Return the rules for weekdays, short dates, decades, compounds of numbers and words, and streets."""
        month = alternatives(SHORT_MONTHS)
        return [
            Rule(rf"(?<![\w.])(?P<first>{_WEEKDAY})\.?{SPACE}?(?:{DASH}|bis){SPACE}?(?P<last>{_WEEKDAY})\b\.?", self._weekdays, LETTER),
            Rule(rf"(?<![\w.])(?P<day>{_WEEKDAY})(?:\.,?|,)(?={SPACE}?\d\d?(?:\.{SPACE}?[\d{_CAPITALS}]|:|{SPACE}Uhr)|{SPACE}?{DASH}|/)", self._weekday, LETTER),
            Rule(rf"(?<![\w.])(?P<day>{_WEEKDAY})(?= \d\d?(?:[:.]\d\d|{DASH}\d|\. ?[\d{_CAPITALS}]| Uhr))", self._weekday, LETTER),
            Rule(rf"(?<!\w)S?Fr\.{SPACE}?(?P<first>{self.number})(?:\.{DASH})?", self._francs, LETTER),
            Rule(rf"(?<![\w.])(?P<month>{month})(?={SPACE}\d{{4}}(?!\d))", self._month, LETTER),
            Rule(rf"{FREE}(?P<day>\d\d?)\.{SPACE}?(?P<month>1[0-2]|0?[1-9])\.(?P<until>{SPACE}?{DASH}{SPACE}?(?=\d))?(?!\d)", self._short_date, DIGIT),
            Rule(rf"{FREE}(?P<number>\d{{1,4}})(?P<ending>ern?)(?![^\W_])", self._decade, DIGIT),
            Rule(rf"(?<!\w)['\u2019](?P<number>\d0)(?P<ending>ern?)(?!\w)", self._decade, SIGN),
            Rule(
                rf"{FREE}(?P<number>\d{{1,4}}(?:,\d{{1,2}})?)(?:{SPACE}?(?P<percent>%))?-?(?P<word>(?:j\u00e4hrig|fach|mal|k\u00f6pfig|t\u00e4gig|w\u00f6chig|monatig|st\u00fcndig|"
                rf"min\u00fctig|sekündig|stellig|prozentig|teilig|seitig|stöckig|spurig|bändig|sprachig|zeilig|malig|Jährig|ig)(?:e[nmrs]?)?)(?!\w)",
                self._compound,
                DIGIT,
            ),
            Rule(rf"{FREE}(?P<number>\d{{1,4}}(?:,\d{{1,2}})?)x(?=[\s.,])", lambda match: f"{self.read(match['number'], 'n')}mal", DIGIT),
            Rule(rf"{FREE}(?P<number>\d{{1,2}})(?P<letter>[KDG])(?=-)", lambda match: f"{self.read(match['number'])} {match['letter']}", DIGIT),
            Rule(rf"{FREE}2/3-Mehrheit", lambda _: "Zweidrittelmehrheit", DIGIT),
            Rule(rf"{FREE}24/7(?![\w/])", lambda _: "vierundzwanzig sieben", DIGIT),
            Rule(
                rf"{FREE}(?P<first>\d{{1,3}}):(?P<middle>[0-5]\d)(?::(?P<last>[0-5]\d))?{SPACE}(?P<word>Stunden|Std\.|Minuten|Min\.|min|h)(?!\w)",
                self._duration,
                DIGIT,
            ),
            Rule(rf"(?<=\bum )(?P<hour>[01]?\d|2[0-3])\.(?P<minute>[0-5]\d)(?![\w.,]\d|{SPACE}?Uhr|\.)", self._dotted, DIGIT),
            Rule(
                rf"{FREE}(?P<hour>[01]?\d|2[0-4])\.(?P<minute>[0-5]\d)(?= (?:bis|und|oder) (?:[01]?\d|2[0-4])\.[0-5]\d{SPACE}?Uhr)",
                self._dotted,
                DIGIT,
            ),
            Rule(rf"(?<!\w)[{_CAPITALS}][\w-]{{1,40}}(?<=[{_SMALL}-][sS]tr)\.(?!\w)", self._street, LETTER),
            Rule(r"(?<=\d )ff?\.(?!\w)", lambda match: "folgende" + ("." if self.ends_sentence(match) else ""), LETTER),
            Rule(rf"(?<![\w.,#])#{SPACE}?(?=\d)", lambda _: "Nummer ", SIGN),
            Rule(rf"(?:(?<=\d, )|(?<=D-)|(?<![\w.,])(?=\d{{5}} (?:{_CITIES})\b))(?P<code>\d{{5}})(?= [{_CAPITALS}])", self._postal, DIGIT),
            Rule(rf"(?<=[{_SMALL}] )v\.(?= [{_CAPITALS}])(?! Chr)", lambda _: "von", LETTER),
            Rule(rf"{FREE}(?P<number>1),-{SPACE}?(?=€)", lambda _: "ein ", DIGIT),
        ]

    def _weekdays(self, match: re.Match[str]) -> str | None:
        said = f"{WEEKDAYS[match['first']]} bis {WEEKDAYS[match['last']]}"
        return f"{said}." if match[0].endswith(".") and self.ends_sentence(match) else said

    def _weekday(self, match: re.Match[str]) -> str | None:
        return WEEKDAYS[match["day"]] + ("," if match[0].endswith(",") else "")

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
        century = said and said.startswith("Jahrhundert") and _OF_CENTURY.search(text, max(0, match.start() - 12), match.start())
        return f"Jahrhunderts{said.removeprefix('Jahrhundert')}" if said and century else said

    def _francs(self, match: re.Match[str]) -> str:
        return self.coins(self.parse(match["first"]), CURRENCIES["Fr."])

    def _month(self, match: re.Match[str]) -> str:
        return MONTH_NAMES[SHORT_MONTHS[match["month"]]]

    def _short_date(self, match: re.Match[str]) -> str | None:
        before = word_before(match.string, match.start()).casefold()
        if before not in _OF_DATES and not match["until"] or not 1 <= int(match["day"]) <= 31:
            return None
        said = self.date(int(match["day"]), int(match["month"]), None, match)
        if match["until"]:
            return f"{said} bis "
        return f"{said}." if self.ends_sentence(match) else said

    def _decade(self, match: re.Match[str]) -> str:
        value = int(match["number"])
        return (self.year(value) if value >= 1000 else self.cardinal(value, "n")) + match["ending"]

    def _compound(self, match: re.Match[str]) -> str | None:
        word = match["word"].lower()
        percent = match["percent"]
        if word.startswith("ig") != bool(percent):
            return None
        return f"{self.read(match['number'], 'n')}{'prozent' if percent else ''}{word}"

    def _duration(self, match: re.Match[str]) -> str:
        long = match["word"][0] in "Sh"
        nouns = [UNITS["h"], UNITS["min"], UNITS["s"]][0 if long or match["last"] else 1 :]
        parts = zip((match["first"], match["middle"], match["last"]), nouns, strict=False)
        said = [self.counted(Number(str(int(digits))), noun) for digits, noun in parts if digits and int(digits)]
        return " und ".join(filter(None, (" ".join(said[:-1]), said[-1]))) if said else f"null {match['word']}"

    def _dotted(self, match: re.Match[str]) -> str:
        return self.clock(int(match["hour"]), int(match["minute"]), None, match)

    def _street(self, match: re.Match[str]) -> str:
        said = f"{match[0][:-1]}aße"
        return f"{said}." if self.ends_sentence(match) else said

    def _postal(self, match: re.Match[str]) -> str:
        return self.digits(match["code"])

"""Spanish: numbers agree with what they count, and lose an ending before it."""

import re
from collections.abc import Collection
from typing import ClassVar

from actors.text.languages.context import second_word_behind, word_before, word_behind, word_set
from actors.text.languages.language import SPACE, Noun
from actors.text.languages.romance import Romance
from actors.text.languages.romance_figures import DEGREES_BEHIND
from actors.text.languages.spanish_numbers import PARTS, cardinal, ordinal
from actors.text.languages.spanish_words import (
    ABBREVIATIONS,
    ACRONYMS,
    CURRENCIES,
    ENDING_LIKE_VERBS,
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
    QUEENS,
    STARTERS,
    TITLES,
    UNITS,
    WEEKDAYS,
    WORDS,
)
from actors.text.numbers import Number
from actors.text.roman import roman_value
from actors.text.rules import DIGIT, FREE, LETTER, SIGN, Rule

_CENTURIES = re.compile(r"(?:(?i:\bsiglos?)|\bss?\.)(?:\s(?:[IVX]{1,6},?|y|al?|o|e|u|del?|siglo|el|[ad]\.\s?C\.,?)){0,6}\s?\Z")
_ORDINAL_ENDS = {
    "er": "1 3", "ero": "1 3", "ro": "1 3", "do": "2", "to": "4 5 6", "mo": "7 10", "vo": "8", "no": "9", "ra": "1 3",
    "da": "2", "ta": "4 5 6",     "ma": "7 10", "va": "8", "na": "9", "os": "", "as": "",
}  # fmt: skip
_BY_ARTICLE = {"los": "m", "unos": "m", "las": "f", "unas": "f"}  # los 101 dálmatas
_PEOPLE = word_set(
    "habitantes personas euros dólares pesos libras soles kilómetros metros votos espectadores visitantes hectáreas usuarios"
)
_FEMININE_ENDS = (
    "a", "as", "ción", "ciones", "sión", "siones", "dad", "dades", "tad", "tades", "tud", "tudes",
    "umbre", "umbres", "triz", "trices",
)  # fmt: skip
_DAYS_BEFORE = frozenset({"el", "cad", "caducidad"})
_SCHOOL = re.compile(
    r"\sde\s(?:ESO|Primaria|primaria|Bachillerato|bachillerato|Secundaria|secundaria|Infantil|FP|carrera|grado)"
)
_HOUR_BEFORE = re.compile(r"(?:\A|\s)(?:[aA]|[eE]s|[eE]ra|[sS]on|sobre|hasta|desde|de|hacia|eran|para|entre|y)\slas?\s\Z")
_FLOORS = word_set(
    "piso puesto planta lugar grado curso trimestre semestre aniversario edición premio año ciclo clasificado clasificada"
)


class Spanish(Romance):
    """Spanish, as it is read in Spain."""

    code: ClassVar = "es"
    words: ClassVar = WORDS
    units: ClassVar = UNITS
    currencies: ClassVar = CURRENCIES
    magnitudes: ClassVar = MAGNITUDES
    long_magnitudes: ClassVar = "mil millones|millones|millón|billones|billón|trillones"
    abbreviations: ClassVar = ABBREVIATIONS
    starters: ClassVar = STARTERS
    o_clock: ClassVar = "hrs|hs|h"
    trigger_words: ClassVar = ["km", "kg", "cm", "mm", "ml", "lun", "mié"]
    months: ClassVar = MONTHS
    of_month: ClassVar = rf"(?:{SPACE}?(?:de|del|DE){SPACE}|[-/])?"
    titles: ClassVar = TITLES
    numbered: ClassVar = NUMBERED
    ordinal_mark: ClassVar = (
        r"(?P<mark>\.?[ºª°]|\.?(?:er|os|as|ero|ro|do|to|mo|vo|no|ra|da|ta|ma|va|na)(?!\w))"
        rf"(?:(?<=[a-z])\.(?={SPACE}[a-z]))?"
    )
    thousands: ClassVar = frozenset({"k", "K", "mil"})
    scales: ClassVar = frozenset({"escala", "ratio", "proporción"})
    halves: ClassVar = ("medio", "media")
    clock_words: ClassVar = frozenset({"la", "las"})
    compass: ClassVar = {"N": "norte", "S": "sur", "E": "este", "O": "oeste", "W": "oeste"}
    act_joint: ClassVar = WORDS.slash
    month_joint: ClassVar = "de "
    before_days: ClassVar = _DAYS_BEFORE
    coins_joint: ClassVar = "con"
    degree_parts: ClassVar = (Noun("grado", "grados"), Noun("minuto", "minutos"), Noun("segundo", "segundos"))
    weekdays: ClassVar = WEEKDAYS
    seasons: ClassVar = word_set("curso temporada campaña ejercicio bienio")
    acronyms: ClassVar = ACRONYMS
    year_words: ClassVar = word_set(
        "en de desde hasta del año años para a entre y el hacia al antes después verano otoño invierno primavera"
    )
    month_names: ClassVar = MONTH_NAMES
    between: ClassVar = frozenset({"entre"})
    before_dates: ClassVar = word_set("el del al día desde hasta")
    behind_shares: ClassVar = word_set("de a partes parte")
    shares: ClassVar = frozenset({"parte", "partes"})
    time_parts: ClassVar = (Noun("hora", "horas", "f"), Noun("minuto", "minutos"), Noun("segundo", "segundos"))
    for_many: ClassVar = "cada"
    version: ClassVar = "versión"
    before_one: ClassVar = word_set("un medio el del al por cada")
    rare_units: ClassVar = {"ha": Noun("hectárea", "hectáreas", "f"), "a": Noun("amperio", "amperios")}
    kings: ClassVar = KINGS
    named: ClassVar = NAMED_BY_NUMBER
    before_names: ClassVar = word_set("de por y a con en para e don doña señor según contra")
    masculine_articles: ClassVar = word_set("el un los del al este")
    feminine_articles: ClassVar = word_set("la una las esta")
    not_counted: Collection[str] = NOT_COUNTED

    def first_rules(self) -> list[Rule]:
        """Return the rules of Spanish alone, and those that it shares with Italian."""
        return [
            Rule(rf"(?<!\w)(?P<word>D\.)(?={SPACE}[A-ZÁÉÍÓÚÑ][^\W\d_])", self._don, LETTER),
            Rule(rf"(?<![\w.])S\.(?={SPACE}[IVX]{{2,6}}\b)", lambda _: "siglo", LETTER),
            Rule(rf"(?<!\w)(?P<word>S\.)(?={SPACE}[A-ZÁÉÍÓÚÑ][^\W\d_])", self._saint, LETTER),
            Rule(
                r"(?<![\w.])"
                r"(?:[6789]\d{2}(?:[ .-]\d{3}){2}|[89]\d(?:[ .-]\d{3})"
                r"(?:[ .-]\d{2}){2}|[6789]\d{2}(?:[ .-]\d{2}){3})(?!\d|[ .,-]\d)",
                self._local,
                DIGIT,
            ),
            Rule(r"(?<![\w.])\(\d{2,3}\) ?\d{3,4}[ -]\d{4}(?![\w-])", self._local, SIGN),
            Rule(rf"{FREE}\d{{2}} \d{{4}} \d{{4}}(?!\w| \d|[.,]\d)", self._local, DIGIT),
            Rule(rf"{FREE}\d{{3}}-\d{{4}}(?![\w-]|[.,]\d)", self._local, DIGIT),
            Rule(rf"{FREE}[6789]\d{{8}}(?!\d|[.,]\d)", self._local, DIGIT),
            Rule(rf"(?<=[,.] )(?P<code>[0-5]\d{{4}})(?={SPACE}[A-ZÁÉÍÓÚÑ])", lambda match: self.digits(match["code"]), DIGIT),
            Rule(r"(?<=CP )(?P<code>\d{5})(?!\w)", lambda match: self.digits(match["code"]), DIGIT),
            Rule(r"(?<=C\. P\. )(?P<code>\d{5})(?!\w)", lambda match: self.digits(match["code"]), DIGIT),
            Rule(
                rf"{FREE}(?P<whole>\d{{1,4}})['\u2019](?P<fraction>\d{{1,2}})(?:{SPACE}?(?P<currency>€|euros?))",
                self._with_apostrophe,
                DIGIT,
            ),
            Rule(r"(?<![\w.])['\u2019](?P<year>\d\d)(?!\w)", lambda match: self.cardinal(int(match["year"]), "-"), SIGN),
            Rule(rf"{FREE}(?P<rooms>[1-9]){SPACE}?hab\.(?!/|\w)", self._rooms, DIGIT),
            *super().first_rules(),
        ]

    # -----------------------------------------------------------------------------------------------------------------
    # Numbers

    def cardinal(self, value: int, gender: str = "m") -> str:
        """Return a whole number in words, as it stands before a noun of a gender; ``-`` if no noun is there."""
        return cardinal(value, gender)

    def ordinal(self, value: int, gender: str = "m") -> str:
        """Return an ordinal in words, as it stands before no noun: *primero*, *primera*."""
        said = ordinal(value)
        return " ".join(word[:-1] + "a" if word.endswith("o") else word for word in said.split(" ")) if gender == "f" else said

    def ordinal_before(self, value: int, gender: str) -> str:
        """Return an ordinal before a noun: *primer*, *tercer*."""
        said = self.ordinal(value, gender)
        return said[:-1] if gender == "m" and said.endswith(("primero", "tercero")) else said

    def fraction(self, above: int, below: int) -> str:
        """Return a fraction in words."""
        part = PARTS.get(below) or f"{cardinal(below, '-').replace(' ', '').removesuffix('a')}avo"
        return f"{self.cardinal(above, 'm')} {part}{'s' if above != 1 else ''}"

    def gender_of(self, word: str) -> str:
        """Return the gender of a noun, in the singular or the plural."""
        word = word.lower()
        if word in FEMININE:
            return "f"
        if word in MASCULINE:
            return "m"
        if word.endswith(("ma", "mas")) and word.endswith(("ema", "emas", "grama", "gramas")):
            return "m"
        return "f" if word.endswith(_FEMININE_ENDS) else "m"

    def gender_behind(self, number: Number, match: re.Match[str]) -> str:
        """Return the gender of the noun that a number counts, which stands behind a match; ``-`` if there is none."""
        before = self.named_by(match)
        told = before in self.clock_words and _HOUR_BEFORE.search(match.string, max(0, match.start() - 12), match.start())
        of_clock = told and number.value % 100 in (1, 21, 31, 41)
        noun = self._counted_behind(number, match, before)
        if noun:
            return _BY_ARTICLE.get(before) or self.gender_of(noun)
        return "f" if of_clock and number.value < 25 else "-"

    def _counted_behind(self, number: Number, match: re.Match[str], before: str) -> str:
        """Return the noun that a number counts; empty if there is none."""
        text, noun = match.string, word_behind(match)
        if number.fraction or text[match.end() : match.end() + 1] not in " \u00a0\u202f\u2009":
            return ""
        if noun in ("millones", "millón", "billones", "billón"):
            return noun
        if noun == "mil":
            following = second_word_behind(match)
            return following if following not in NOT_COUNTED else ""
        if self.is_dated(match) and not match["last"]:
            return ""
        if not noun.islower() or noun in NOT_COUNTED or noun in MONTHS or before in NAMED_BY_NUMBER:
            return ""
        if number.value == 1:
            single = not noun.endswith("s") or noun in FEMININE or noun in ("mes", "autobús", "país", "interés")
            return noun if single and before not in ("la", "el") else ""
        if not noun.endswith("s") or (noun.endswith(("amos", "emos", "imos", "omos")) and noun not in ENDING_LIKE_VERBS):
            return ""
        return noun

    def singular(self, word: str) -> str:
        """Return one of a noun in the plural."""
        if word.endswith(("nes", "res", "les", "des")):
            return word.removesuffix("es")
        return word.removesuffix("s")

    # -----------------------------------------------------------------------------------------------------------------
    # Dates and times

    def date(self, day: int, month: int, year: int | None, match: re.Match[str]) -> str:
        """Return a date in words."""
        first = day == 1 and match.groupdict().get("mark") in ("º", "°", ".º", "er", "ero")
        said = f"{'primero' if first else self.cardinal(day, '-')} de {MONTH_NAMES[month]}"
        if year is None:
            return said
        return f"{said} {'del' if re.search('del.{1,6}$', match[0]) else 'de'} {self.year(year)}"

    def time_of_day(self, hour: int, minute: int) -> str:
        """Return a time in words."""
        said = self.cardinal(hour, "f")
        if not minute:
            return said
        return f"{said} {'y ' if minute < 10 else ''}{self.cardinal(minute, '-')}"

    def clock(self, hour: int, minute: int, second: int | None, match: re.Match[str]) -> str:
        """Return a time of the day in words."""
        if match.groupdict().get("minute") is None:
            return self.counted(Number(str(hour)), UNITS["h"])
        said = self.time_of_day(hour, minute)
        if second is not None:
            return f"{said} y {self.counted(Number(str(second)), UNITS['s'])}"
        whole = not minute and (match[0][-1].isalpha() or not hour) and word_behind(match) != "horas"
        return f"{said} {'hora' if hour == 1 else 'horas'}" if whole else said

    def minute(self, value: int, match: re.Match[str]) -> str:
        """Return a number with a minute's mark in words: *diez minutos*, *el minuto noventa*."""
        if self.named_by(match) in self.masculine_articles:
            return f"minuto {self.cardinal(value, '-')}"
        return self.counted(Number(str(value)), UNITS["min"])

    # -----------------------------------------------------------------------------------------------------------------
    # Ordinals and Roman numerals

    def read_ordinal(self, match: re.Match[str]) -> str | None:
        """Read an ordinal: 1.º, 3ª, 1er, 2do."""
        value, mark, behind = int(match["number"]), match["mark"].lstrip("."), word_behind(match)
        if value == 0 or (
            mark in _ORDINAL_ENDS and _ORDINAL_ENDS[mark] and str(value % 10 or 10) not in _ORDINAL_ENDS[mark].split()
        ):
            return None
        if mark in "°º" and match["mark"][0] != "." and self._is_degree(value, mark, match):
            return None
        gender = "f" if mark in ("ª", "as") or mark.endswith("a") else "m"
        noun = (
            behind.islower()
            and behind not in NOT_COUNTED
            and match.string[match.end()] == " "
            and self.gender_of(behind) == gender
        )
        said = (
            self.ordinal_before(value, gender)
            if mark == "er" or (noun and mark not in ("os", "as"))
            else self.ordinal(value, gender)
        )
        letter_behind = match.string[match.end() : match.end() + 1].isalpha()
        return said + ("s" if mark in ("os", "as") else " " if letter_behind else "")

    def _is_degree(self, value: int, mark: str, match: re.Match[str]) -> bool:
        """Whether what looks like an ordinal is a temperature or an angle."""
        behind = word_behind(match)
        if DEGREES_BEHIND.match(match.string, match.end()):
            return True
        if behind in _FLOORS or word_before(match.string, match.start()).lower() in ("el", "del", "al", "los"):
            return False
        if behind == "de" and _SCHOOL.match(match.string, match.end()):
            return False
        return mark == "°" or value > 30 or behind in ("bajo", "sobre", "grados")

    def numeral(self, numeral: str, value: int, match: re.Match[str]) -> str | None:
        """Return a Roman numeral in words: of a century, a king, a chapter, a congress, a year."""
        before = word_before(match.string, match.start())
        if self.counts_centuries(match, _CENTURIES) or before.lower() in ORDINALLY_COUNTED:
            return self._named_after(value, "m")
        if before in KINGS and not (before == "Malcolm" and numeral == "X"):
            return self._named_after(value, "f" if before in QUEENS else "m")
        jubilee = word_behind(match).lower() in ("aniversario", "edición", "legislatura")
        if not jubilee and (numeral in self.acronyms or numeral in ("C", "D", "M", "L")):
            return None
        if jubilee:
            return self.ordinal_before(value, self.gender_of(word_behind(match)))
        if before.lower() in NAMED_BY_NUMBER and (len(numeral) > 1 or numeral in "IV"):
            return self.cardinal(value, "-")
        if len(numeral) > 3 and numeral[0] == "M":
            return self.year(value)
        return self._counted_numeral(numeral, value, match)

    def _counted_numeral(self, numeral: str, value: int, match: re.Match[str]) -> str | None:
        """Read a numeral by what is behind it: *II Guerra Mundial*; else as a number, if it is clearly none of letters."""
        before, behind = word_before(match.string, match.start()), word_behind(match)
        spaced = match.string[match.end() : match.end() + 1] == " " and not match["stop"]
        if not set(numeral) <= set("IVXL"):
            return None
        if (
            spaced
            and behind
            and behind not in NOT_COUNTED
            and (len(numeral) > 1 or numeral in "IV")
            and not (before[:1].isupper() and len(before) > 3)
        ):
            return self.ordinal_before(value, self.gender_of_ordinal(match))
        if len(numeral) < 2 or (len(numeral) < 3 and "L" in numeral):
            return None
        return self.cardinal(value, "-")

    def _named_after(self, value: int, gender: str) -> str:
        return self.ordinal(value, gender) if value <= 10 else self.cardinal(value, "-")

    def numerals(self, first: int, last: int) -> str | None:
        """Read a range of Roman numerals."""
        between = "y" if abs(last - first) == 1 else "a"
        return f"{self._named_after(first, 'm')} {between} {self._named_after(last, 'm')}"

    # -----------------------------------------------------------------------------------------------------------------
    # Numbers and letters that name something

    def _local(self, match: re.Match[str]) -> str | None:
        """Read a telephone number of nine digits, unless it counts something."""
        return None if word_behind(match) in _PEOPLE else self.digits(match[0])

    def _with_apostrophe(self, match: re.Match[str]) -> str:
        return self.coins(Number(match["whole"], match["fraction"].ljust(2, "0")), self.currencies["€"])

    def _for_unit(self, unit: str) -> str:
        return FOR_EACH.get(unit) or super()._for_unit(unit)

    def _rooms(self, match: re.Match[str]) -> str:
        """Read the rooms of a flat: 3 hab."""
        rooms = self.counted(Number(match["rooms"]), Noun("habitación", "habitaciones", "f"))
        return rooms + ("." if self.ends_sentence(match) else "")

    def _don(self, match: re.Match[str]) -> str | None:
        """Read *don*, unless it is an initial behind a first name."""
        before = word_before(match.string, match.start())
        return None if before[:1].isupper() and match.string[match.start() - 2 : match.start() - 1].isalpha() else "don"

    def _saint(self, match: re.Match[str]) -> str | None:
        before, behind = word_before(match.string, match.start()), word_behind(match)
        adjoining = match.start() > 1 and match.string[match.start() - 2].isalpha()
        if (
            (adjoining and before[:1].isupper() and before not in ("Avenida", "Plaza", "Calle"))
            or behind in self.starters
            or roman_value(behind)
        ):
            return None
        return "santo" if behind.startswith(("To", "Do")) else "san"

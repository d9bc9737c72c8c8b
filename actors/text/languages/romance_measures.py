"""Measures that are told by more than a number and a unit: times of races, amounts for a hundred of something, halves."""

import re
from typing import TYPE_CHECKING

from actors.text.languages.context import word_before
from actors.text.languages.language import DASH, DAY, SPACE, Noun, alternatives
from actors.text.roman import roman_value
from actors.text.rules import BEFORE_MARK, DIGIT, FREE, LETTER, Rule

if TYPE_CHECKING:
    from actors.text.languages.romance import Romance

_LOOKED_BACK = 80  # characters in which a quotation may have begun
_MONTHS = 12
_MINUTES, _SECONDS = "['\u2019\u2032]", "(?:[\"\u2033\u201d]|['\u2019]{2})"
_OPENS = re.compile(r"(?:\A|[\s(])['\u2018](?=\w)(?!\d\d(?!\d))")  # a quotation, not the years of '80
_HALVED = re.compile(r"([^\W\d_]+)\s\w\s\Z")
_WRITTEN_OFTEN = ("kg", "Kg", "km", "Km", "cm", "mm", "ml", "cl", "dl", "mg", "kWh", "GB", "MB", "TB")
_PARTS = "½¼¾⅓⅔0123456789"


class Measures:
    """Reads measures of many kinds in a language of the south."""

    def __init__(self, language: "Romance") -> None:
        self._language = language

    def rules(self) -> list[Rule]:
        """Return the rules for measures; those of units alone come behind them."""
        units = alternatives(symbol for symbol in self._language.units if not symbol.endswith("."))
        numbered = alternatives(short for short in self._language.numbered if short.endswith("."))
        return [
            Rule(
                rf"{FREE}(?P<hours>\d{{1,2}}):(?P<minutes>[0-5]\d):(?P<seconds>[0-5]\d)(?![\w:]|[.,]\d)",
                self._duration,
                BEFORE_MARK,
            ),
            Rule(
                rf"{FREE}(?:(?P<hours>\d{{1,2}}){SPACE}?h{SPACE}?)?(?P<minutes>\d{{1,3}}){_MINUTES}"
                rf"(?:{SPACE}?(?P<seconds>\d{{1,2}}(?:[.,]\d{{1,3}})?){_SECONDS}(?P<hundredths>\d{{1,2}})?)?(?!\w)",
                self._marked,
                DIGIT,
            ),
            Rule(rf"{FREE}(?P<seconds>\d{{1,2}}){_SECONDS}(?P<hundredths>\d\d)(?!\w)", self._run, BEFORE_MARK),
            Rule(
                rf"{FREE}{self._language.amount}{SPACE}?(?P<unit>{units}|[a-zà-ÿ]{{3,20}}+)/"
                rf"(?P<each>1(?:0{{1,6}}|0{{0,2}}\.000)|\d{{1,2}}(?={SPACE}?h\b)){SPACE}?(?P<per>{units}|[a-zà-ÿ]{{3,20}}+)(?!\w)",
                self._for_many,
                DIGIT,
            ),
            Rule(rf"{FREE}(?<= {self._language.words.and_} )(?:½|1[/\u2044]2)(?![\w/\u2044])", self._half_more, DIGIT + LETTER),
            Rule(rf"{FREE}(?P<above>\d{{2,3}})/(?P<below>\d{{2,3}}){SPACE}?mm{SPACE}?Hg(?!\w)", self._pressure, BEFORE_MARK),
            Rule(rf"{FREE}(?P<above>\d{{1,3}}[.,]\d{{1,2}})/(?P<below>\d{{1,3}})(?![\w/]|[.,]\d)", self._mark, BEFORE_MARK),
            Rule(
                rf"{FREE}(?P<day>{DAY})(?P<mark>[./-])(?P<month>[IVX]{{1,4}})[./-](?P<year>[12]\d{{3}})(?!\w)",
                self._roman_date,
                BEFORE_MARK,
            ),
            Rule(
                rf"(?<![\w.])(?P<short>{numbered}){SPACE}?(?P<first>[ivxl]{{2,7}}|[vx])"
                rf"(?:{DASH}(?P<last>[ivxl]{{1,7}}))?(?![\w'\u2019])",
                self._small_numerals,
                LETTER,
            ),
            Rule(
                rf"(?<=[a-zà-ÿ] )(?P<unit>{alternatives(_WRITTEN_OFTEN)})(?![\w/²³]|{SPACE}?\d|\.\w)", self._only_unit, LETTER
            ),
        ]

    def _duration(self, match: re.Match[str]) -> str | None:
        """Read hours, minutes and seconds that tell no time of the day."""
        if self._language.named_by(match) in self._language.clock_words:
            return None
        return self._lasting(match) or None

    def _lasting(self, match: re.Match[str]) -> str:
        """Return the hours, minutes and seconds of a match that are not nought, in words."""
        written = match.groupdict()
        counts = [
            (self._language.parse(written[name].lstrip("0") or "0"), noun)
            for name, noun in zip(("hours", "minutes", "seconds"), self._language.time_parts, strict=True)
            if written.get(name)
        ]
        said = [self._language.counted(number, noun) for number, noun in counts if number.value or number.fraction]
        return f" {self._language.words.and_} ".join(filter(None, (", ".join(said[:-1]), *said[-1:])))

    def _marked(self, match: re.Match[str]) -> str | None:
        """Read minutes that are told by a mark, with what is around them: 2h 35' 12''."""
        if match["hours"] or match["seconds"]:
            return self._run(match)
        if _OPENS.search(match.string, max(0, match.start() - _LOOKED_BACK), match.start()):
            return None  # it closes a quotation
        return self._language.minute(int(match["minutes"]), match)

    def _run(self, match: re.Match[str]) -> str | None:
        said, hundredths = self._lasting(match), match["hundredths"]
        return f"{said} {self._language.coins_joint} {self._language.read(hundredths)}" if said and hundredths else said or None

    def _for_many(self, match: re.Match[str]) -> str:
        """Read an amount for many of something: 6 l/100 km."""
        counted, per = (self._language.units.get(match[name]) or Noun(match[name], match[name]) for name in ("unit", "per"))
        many = self._language.counted(self._language.parse(match["each"]), per)
        return f"{self._language.with_magnitude(match, None, counted)} {self._language.for_many} {many}"

    def _half_more(self, match: re.Match[str]) -> str:
        """Read a half that is behind what it is half of: *hora y media*."""
        halved = _HALVED.search(match.string, max(0, match.start() - _LOOKED_BACK), match.start())
        return self._language.halves[halved is not None and self._gender(halved[1]) == "f"]

    def _gender(self, written: str) -> str:
        unit = self._language.units.get(written)
        return unit.gender if unit else self._language.gender_of(written)

    def _pressure(self, match: re.Match[str]) -> str:
        return f"{self._mark(match)} {self._language.units['mmHg'].many}"

    def _mark(self, match: re.Match[str]) -> str:
        """Read one number of another: a pupil's 7,5/10."""
        return f"{self._language.read(match['above'])} {self._language.words.over} {self._language.read(match['below'])}"

    def _roman_date(self, match: re.Match[str]) -> str | None:
        month = roman_value(match["month"])
        if month is None or month > _MONTHS:
            return None
        return self._language.date(int(match["day"]), month, int(match["year"]), match)

    def _small_numerals(self, match: re.Match[str]) -> str | None:
        """Read the pages of a preface: pp. xii-xv."""
        values = [roman_value(match[name].upper()) for name in ("first", "last") if match[name]]
        said = [self._language.cardinal(value, "-") for value in values if value]
        return " ".join([self._language.numbered[match["short"]], *said]) if len(said) == len(values) else None

    def _only_unit(self, match: re.Match[str]) -> str:
        """Read a unit with no number before it: *medio kilo*, *muchos kilómetros*."""
        unit, before = self._language.units[match["unit"]], word_before(match.string, match.start()).lower()
        behind_part = before == self._language.words.of and match.string[match.start() - 5 : match.start() - 4] in _PARTS
        return unit.one if behind_part or before in self._language.before_one else unit.many

"""What only German writes so: weekdays of two letters, dates without a year, decades, compounds of numbers and words."""

import re
from typing import TYPE_CHECKING

from actors.text.languages.context import word_before, word_list, word_set
from actors.text.languages.german_words import CURRENCIES, MONTH_NAMES, SHORT_MONTHS, UNITS, WEEKDAYS
from actors.text.languages.language import DASH, SPACE, alternatives
from actors.text.numbers import Number
from actors.text.rules import BEFORE_LETTER, BEFORE_MARK, BEFORE_SPACE, CAPITAL, DIGIT, FREE, SIGN, SMALL, Rule

if TYPE_CHECKING:
    from actors.text.languages.german import German

_OF_DATES = word_set("am vom bis zum der den dem des seit ab und") | {
    name.casefold() for name in (*WEEKDAYS, *WEEKDAYS.values())
}
_WEEKDAY = rf"(?:{'|'.join(WEEKDAYS)})"
_CAPITALS = "A-Z\u00c4\u00d6\u00dc"
_SMALL = "a-z\u00e4\u00f6\u00fc\u00df"
_SUFFIXES = (
    "jährig|fach|mal|köpfig|tägig|wöchig|monatig|stündig|minütig|sekündig|stellig|prozentig|teilig|seitig|stöckig|spurig|bändig|"
    "sprachig|zeilig|malig|Jährig|ig"
)
_PER = "Woche|Monat|Jahr|Tag|Stunde|Minute|Sekunde|Person|Kopf|Nacht|St\u00fcck|Einwohner|Kilo|Liter|Quadratmeter"
_CITIES = "|".join(
    word_list(
        "Berlin Hamburg München Köln Frankfurt Stuttgart Düsseldorf Leipzig Dortmund Essen Bremen Dresden Hannover Nürnberg "
        "Duisburg Bochum "
        "Wuppertal Bielefeld Bonn Münster Mannheim Karlsruhe Augsburg Wiesbaden Gelsenkirchen Braunschweig Kiel Chemnitz "
        "Aachen Halle Magdeburg "
        "Freiburg Krefeld Mainz Lübeck Erfurt Oberhausen Rostock Kassel Hagen Potsdam Saarbrücken Hamm Ludwigshafen "
        "Oldenburg Osnabrück Leverkusen "
        "Heidelberg Darmstadt Solingen Regensburg Paderborn Ingolstadt Würzburg Fürth Ulm Heilbronn Pforzheim Wolfsburg "
        "Göttingen Bottrop Reutlingen "
        "Koblenz Bremerhaven Erlangen Jena Trier Siegen Cottbus Gera Konstanz Tübingen Passau Bayreuth Bamberg Weimar "
        "Garching Schwerin Flensburg Weiden Landshut Marburg Gießen"
    )
)


class Forms:
    """Reads what only German writes so."""

    def __init__(self, language: "German") -> None:
        self._language = language

    def rules(self) -> list[Rule]:
        """Return the rules for weekdays, short dates, decades, compounds of numbers and words, and streets."""
        month = alternatives(SHORT_MONTHS)
        time = rf"\d\d?(?:\.{SPACE}?[\d{_CAPITALS}]|:|{SPACE}Uhr)"
        return [
            Rule(
                rf"(?<![\w.])(?P<day>{_WEEKDAY})(?:\.,?|,)(?={SPACE}?{time}|{SPACE}?{DASH}|/)",
                self._weekday,
                CAPITAL,
            ),
            Rule(
                rf"(?<![\w.])(?P<day>{_WEEKDAY})(?= \d\d?(?:[:.]\d\d|{DASH}\d|\. ?[\d{_CAPITALS}]| Uhr))",
                self._weekday,
                CAPITAL,
            ),
            Rule(rf"(?<!\w)S?Fr\.{SPACE}?(?P<first>{self._language.number})(?:\.{DASH})?", self._francs, CAPITAL),
            Rule(rf"(?<![\w.])(?P<month>{month})(?={SPACE}\d{{4}}(?!\d))", self._month, CAPITAL),
            Rule(
                rf"{FREE}(?P<day>\d\d?)\.{SPACE}?(?P<month>1[0-2]|0?[1-9])\.(?P<until>{SPACE}?{DASH}{SPACE}?(?=\d))?(?!\d)",
                self._short_date,
                BEFORE_MARK,
            ),
            Rule(rf"{FREE}(?P<number>\d{{1,4}})(?P<ending>ern?)(?![^\W_])", self._decade, BEFORE_LETTER),
            Rule(r"(?<!\w)['\u2019](?P<number>\d0)(?P<ending>ern?)(?!\w)", self._decade, SIGN),
            Rule(r"(?<!\w)['\u2019](?P<number>\d\d)(?P<ending>)(?![\w'\u2019])", self._decade, SIGN),
            Rule(
                rf"{FREE}(?P<number>\d{{1,4}}(?:,\d{{1,2}})?)(?:{SPACE}?(?P<percent>%))?-?(?P<word>(?:{_SUFFIXES})(?:e[nmrs]?)?)(?!\w)",
                self._compound,
                DIGIT,
            ),
            Rule(
                rf"{FREE}(?P<number>\d{{1,4}}(?:,\d{{1,2}})?)x(?=[\s.,])",
                lambda match: f"{self._language.read(match['number'], 'n')}mal",
                BEFORE_LETTER + BEFORE_MARK,
            ),
            Rule(
                rf"{FREE}(?P<number>\d{{1,2}})(?P<letter>[KDG])(?=-)",
                lambda match: f"{self._language.read(match['number'])} {match['letter']}",
                BEFORE_LETTER,
            ),
            Rule(
                r"(?<![\w.])(?P<letter>[\u00c4\u00d6\u00dc])(?P<number>\d{1,2})(?!\w)",
                lambda match: f"{match['letter']} {self._language.read(match['number'])}",
                CAPITAL,
            ),
            Rule(rf"(?<=[{_SMALL}\u20ac%])/(?=(?:{_PER})(?!\w))", lambda _: " pro ", SIGN),
            Rule(rf"{FREE}2/3-Mehrheit", lambda _: "Zweidrittelmehrheit", BEFORE_MARK),
            Rule(rf"{FREE}24/7(?![\w/])", lambda _: "vierundzwanzig sieben", BEFORE_MARK),
            Rule(
                rf"{FREE}(?P<first>\d{{1,3}}):(?P<middle>[0-5]\d)(?::(?P<last>[0-5]\d))?"
                rf"{SPACE}(?P<word>Stunden|Std\.|Minuten|Min\.|min|h)(?!\w)",
                self._duration,
                BEFORE_MARK,
            ),
            Rule(
                rf"(?<=\bum )(?P<hour>[01]?\d|2[0-3])\.(?P<minute>[0-5]\d)(?![\w.,]\d|{SPACE}?Uhr|\.)",
                self._dotted,
                BEFORE_MARK,
            ),
            Rule(
                rf"{FREE}(?P<hour>[01]?\d|2[0-4])\.(?P<minute>[0-5]\d)"
                rf"(?= (?:bis|und|oder) (?:[01]?\d|2[0-4])\.[0-5]\d{SPACE}?Uhr)",
                self._dotted,
                BEFORE_MARK,
            ),
            Rule(rf"(?<!\w)[{_CAPITALS}][\w-]{{1,40}}(?<=[{_SMALL}-][sS]tr)\.(?!\w)", self._street, CAPITAL),
            Rule(
                r"(?<=\d )ff?\.(?!\w)", lambda match: "folgende" + ("." if self._language.ends_sentence(match) else ""), SMALL
            ),
            Rule(rf"(?<![\w.,#])#{SPACE}?(?=\d)", lambda _: "Nummer ", SIGN),
            Rule(
                rf"(?:(?<=\d, )|(?<=D-)|(?<![\w.,])(?=\d{{5}} (?:{_CITIES})\b))(?P<code>\d{{5}})(?= [{_CAPITALS}])",
                self._postal,
                BEFORE_SPACE,
            ),
            Rule(rf"(?<=[{_SMALL}.] )v\.(?= [{_CAPITALS}])(?! Chr)", lambda _: "von", SMALL),
        ]

    def _weekday(self, match: re.Match[str]) -> str | None:
        return WEEKDAYS[match["day"]] + ("," if match[0].endswith(",") else "")

    def _francs(self, match: re.Match[str]) -> str:
        return self._language.coins(self._language.parse(match["first"]), CURRENCIES["Fr."])

    def _month(self, match: re.Match[str]) -> str:
        return MONTH_NAMES[SHORT_MONTHS[match["month"]]]

    def _short_date(self, match: re.Match[str]) -> str | None:
        before = word_before(match.string, match.start()).casefold()
        if (before not in _OF_DATES and not match["until"]) or not 1 <= int(match["day"]) <= 31:
            return None
        said = self._language.date(int(match["day"]), int(match["month"]), None, match)
        if match["until"]:
            return f"{said} bis "
        return f"{said}." if self._language.ends_sentence(match) else said

    def _decade(self, match: re.Match[str]) -> str:
        value = int(match["number"])
        return (self._language.year(value) if value >= 1000 else self._language.cardinal(value, "n")) + match["ending"]

    def _compound(self, match: re.Match[str]) -> str | None:
        word = match["word"].lower()
        percent = match["percent"]
        if word.startswith("ig") != bool(percent):
            return None
        return f"{self._language.read(match['number'], 'n')}{'prozent' if percent else ''}{word}"

    def _duration(self, match: re.Match[str]) -> str:
        long = match["word"][0] in "Sh"
        nouns = [UNITS["h"], UNITS["min"], UNITS["s"]][0 if long or match["last"] else 1 :]
        parts = zip((match["first"], match["middle"], match["last"]), nouns, strict=False)
        said = [self._language.counted(Number(str(int(digits))), noun) for digits, noun in parts if digits and int(digits)]
        return " und ".join(filter(None, (" ".join(said[:-1]), said[-1]))) if said else f"null {match['word']}"

    def _dotted(self, match: re.Match[str]) -> str:
        return self._language.clock(int(match["hour"]), int(match["minute"]), None, match)

    def _street(self, match: re.Match[str]) -> str:
        said = f"{match[0][:-1]}aße"
        return f"{said}." if self._language.ends_sentence(match) else said

    def _postal(self, match: re.Match[str]) -> str:
        return self._language.digits(match["code"])

# ruff: noqa: RUF001 (signs that look like letters are what is read here)
"""English numbers that are no amounts: they name something, or compare."""

import re
from typing import TYPE_CHECKING

from actors.text.languages.context import word_before, word_behind, word_set
from actors.text.languages.english_words import PENNY, PEOPLE, STATES
from actors.text.languages.language import SPACE, Noun, never
from actors.text.numbers import Number
from actors.text.roman import roman_value
from actors.text.rules import BEFORE_LETTER, BEFORE_MARK, BEFORE_SPACE, CAPITAL, DIGIT, FREE, LETTER, SIGN, SMALL, Rule

if TYPE_CHECKING:
    from actors.text.languages.english import English

_SMALL_DIGITS = "⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉"
_PLAIN_DIGITS = str.maketrans(_SMALL_DIGITS, "01234567890123456789")
_NAMES = {(24, 7): "twenty-four seven", (9, 11): "nine eleven", (50, 50): "fifty fifty", (20, 20): "twenty twenty"}
_SCORED = word_set("stars points rating score")
_COMPARED = word_set("ratio scale of a about by proportion odds is")
_SCREENS = word_set("aspect display screen monitor widescreen video format")
_COMPASS = {"N": "north", "S": "south", "E": "east", "W": "west"}
_AT = word_set("at by s until from around since before after about")
_PENCE = {1: "a penny", 2: "twopence", 3: "threepence", 4: "fourpence", 6: "sixpence", 9: "ninepence"}
_MOST_PARTS = 20  # fractions of more parts than that are said with "over", if they are not of a round number
_POUND, _SHILLING = Noun("pound", "pounds"), Noun("shilling", "shillings")
_FOOT, _INCH = Noun("foot", "feet"), Noun("inch", "inches")
_LIST_REACH = 2_000  # characters around an item of a list, where others are looked for
_ROUND_PARTS = (32, 64, 100)
_OUT_OF = (5, 10, 100)  # what stars and points are given out of
_LONGEST_QUOTATION = 80  # characters
_PIECE = re.compile(r"[A-Za-z]+|\d+")
_DIGITS = re.compile(r"\d+")
_ANGLES = (Noun("degree", "degrees"), Noun("minute", "minutes"), Noun("second", "seconds"))
_LENGTH = r"\d{1,4}(?:\.\d{1,3})?"


class Codes:
    """Reads telephone numbers, versions, and names with digits in them."""

    def __init__(self, language: "English") -> None:
        self._language = language

    def rules(self) -> list[Rule]:
        """Return the rules for what is told digit by digit, and for names."""
        name = r"(?:[A-Za-z]{1,12}+-?\d{1,6}|\d{1,6}-?[A-Z]{1,3}(?![a-z]))(?:-?[A-Za-z]{1,12}|-?\d{1,6}){0,6}"
        return [
            Rule(
                r"(?<![\w.])(?:\+?1[-. ])?(?:\(\d{3}\)[-. ]?|\d{3}[-. ])\d{3}[-. ]\d{4}(?!\d|-\d)",
                self._told,
                BEFORE_SPACE + BEFORE_MARK + SIGN,
            ),
            Rule(rf"{FREE}\d{{3}}-\d{{4}}(?![\d-])", self._told, BEFORE_MARK),
            Rule(r"(?<![\w.])\+\d{1,3}(?:[ ./-]?\(?\d{1,4}\)?){2,6}(?!\d)", self._told, SIGN),
            Rule(r"(?<![\w.])\(?0\d{2,4}\)? \d{3,4} ?\d{3,4}(?!\d)", self._told, BEFORE_SPACE + BEFORE_MARK + SIGN),
            Rule(rf"{FREE}\d{{4}}(?:[ -]\d{{4}}){{3}}(?!\d)", self._told, BEFORE_SPACE + BEFORE_MARK),
            Rule(rf"{FREE}\d{{3}}-\d{{2}}-\d{{4}}(?![\d-])", self._told, BEFORE_MARK),
            Rule(rf"{FREE}(?:97[89][- ]?)?(?:\d{{1,7}}-){{3}}[\dX](?![\w-])", self._told, BEFORE_SPACE + BEFORE_MARK),
            Rule(rf"(?<!\w)(?P<state>{STATES}) (?P<zip>\d{{5}}(?:-\d{{4}})?)(?![\d-])", self._zip, CAPITAL),
            Rule(r"(?<!\w)v(?:\.|er\.)? ?(?P<version>\d{1,4}(?:\.\d{1,4}){1,5})(?!\w)", self._version, SMALL),
            Rule(
                rf"{FREE}(?P<hour>[01]\d|2[0-3])(?P<minute>[0-5]\d)(?P<hours> hours| hrs\.?)(?!\w)",
                self._military,
                BEFORE_SPACE,
            ),
            Rule(rf"{FREE}(?P<hour>0\d)(?P<minute>[0-5]\d){never('hours')}(?![\w-])", self._early, BEFORE_SPACE + BEFORE_MARK),
            Rule(r"(?<=\d )(?P<side>[NSEW])\. (?=\d|[A-Z])", lambda match: f"{_COMPASS[match['side']].capitalize()} ", CAPITAL),
            Rule(
                r"(?<=\w )(?P<side>[NS]?[EW]|[NS])(?= of )",
                lambda match: "".join(_COMPASS[letter] for letter in match["side"]),
                CAPITAL,
            ),
            Rule(
                rf"{FREE}(?P<number>\d{{1,5}}) (?P<side>[NSEW])\. (?=\d{{1,3}}(?:st|nd|rd|th)|[A-Z])",
                lambda match: f"{self._language.read(match['number'])} {_COMPASS[match['side']].capitalize()} ",
                BEFORE_SPACE,
            ),
            Rule(
                r"(?<![\w.,])#(?P<number>\d{1,6})(?!\w)", lambda match: f"number {self._language.read(match['number'])}", SIGN
            ),
            Rule(rf"{FREE}401\(?[kK]\)?(?!\w)", lambda _: "four oh one K", BEFORE_LETTER + BEFORE_MARK),
            Rule(rf"{FREE}(?P<number>(?!720|480|360|240|144)\d{{1,3}})p(?!\w)", self._pence, BEFORE_LETTER),
            Rule(r"\((?P<numeral>[ivx]{1,5})\)(?!\w)", self._item, SIGN),
            Rule(
                rf"{FREE}(?P<number>\d{{1,4}})-?ish(?!\w)",
                lambda match: f"{self._language.read(match['number'])}-ish",
                BEFORE_LETTER + BEFORE_MARK,
            ),
            Rule(rf"(?<![\w.,'\u2019]){name}(?![\w{_SMALL_DIGITS}])", self._name, BEFORE_LETTER + BEFORE_MARK + LETTER),
            Rule(
                rf"(?<!\w)[A-Z][A-Za-z]{{0,8}}[{_SMALL_DIGITS}]{{1,4}}(?:[A-Za-z]{{1,3}}[{_SMALL_DIGITS}]{{0,3}}){{0,4}}",
                lambda match: self._pieces(match[0].translate(_PLAIN_DIGITS)),
                CAPITAL,
            ),
            Rule(
                rf"{FREE}(?P<number>{_LENGTH})x(?!\w)",
                lambda match: f"{self._language.read(match['number'])} times",
                BEFORE_LETTER + BEFORE_MARK,
            ),
        ]

    def _told(self, match: re.Match[str]) -> str:
        plus, check_digit = "plus " if match[0][0] == "+" else "", " X" if match[0][-1] == "X" else ""
        return f"{plus}{self._language.digits(match[0])}{check_digit}"

    def _zip(self, match: re.Match[str]) -> str:
        return f"{match['state']} {self._language.digits(match['zip'])}"

    def _version(self, match: re.Match[str]) -> str:
        return "version " + " point ".join(self._language.cardinal(int(part)) for part in match["version"].split("."))

    def _military(self, match: re.Match[str]) -> str:
        hour, minute = int(match["hour"]), int(match["minute"])
        zero = "oh " if hour < 10 else ""
        hours = " hours" if match["hours"] else ""
        return f"{zero}{self._language.cardinal(hour)} {self._language.cardinal(minute) if minute else 'hundred'}{hours}"

    def _pence(self, match: re.Match[str]) -> str:
        return self._language.counted(self._language.parse(match["number"]), PENNY)

    def _item(self, match: re.Match[str]) -> str | None:
        """Read a numeral in brackets that numbers an item, of which there must be a second."""
        if match.string.find("(ii)", max(0, match.start() - _LIST_REACH), match.end() + _LIST_REACH) < 0:
            return None
        value = roman_value(match["numeral"])
        return f"({self._language.cardinal(value)})" if value else None

    def _early(self, match: re.Match[str]) -> str | None:
        return self._military(match) if word_before(match.string, match.start()).lower() in _AT else None

    def _name(self, match: re.Match[str]) -> str | None:
        """Read a name of letters and digits: F-16, MP3, R2-D2. An amount with its unit is none, nor is an ordinal."""
        name = match[0]
        digits = _DIGITS.match(name)
        if digits and (name[-1].islower() or self._is_amount(digits[0], name[digits.end() :].lstrip("-"))):
            return None
        return self._pieces(name)

    def _is_amount(self, digits: str, letters: str) -> bool:
        return letters in self._language.units or (letters == "M" and digits != "3") or (letters == "K" and len(digits) > 1)

    def _pieces(self, name: str) -> str:
        return " ".join(self._language.code_number(piece) if piece.isdigit() else piece for piece in _PIECE.findall(name))


class Ratios:
    """Reads what is put together of two numbers or more: fractions, scores, sides, feet and inches, shillings and pence."""

    def __init__(self, language: "English") -> None:
        self._language = language

    def rules(self) -> list[Rule]:
        """Return the rules, which come before those for amounts."""
        number, unit = self._language.number, self._language.unit
        measure = rf"(?:{SPACE}?(?P<unit>{unit}))?"
        return [
            Rule(
                rf"{FREE}(?:£(?P<pounds>\d{{1,6}}),? )?(?P<shillings>\d{{1,2}})s\.?(?:,? (?P<pence>\d{{1,2}})d\.?)(?!\w)",
                self._old_money,
                BEFORE_LETTER + SIGN,
            ),
            Rule(rf"(?<!\w)£(?P<pounds>\d{{1,6}}),? (?P<shillings>\d{{1,2}})s\.?{never('pence')}(?!\w)", self._old_money, SIGN),
            Rule(
                rf"{FREE}(?P<whole>\d{{1,3}})[ \u00a0-](?P<above>\d{{1,2}})[/\u2044](?P<below>\d{{1,2}})(?![\d/])",
                self._mixed,
                BEFORE_SPACE + BEFORE_MARK,
                measure,
            ),
            Rule(rf"{FREE}[0-7]-[0-7](?:, [0-7]-[0-7](?: ?\(\d{{1,2}}-\d{{1,2}}\))?){{1,4}}(?![\w-])", self._sets, BEFORE_MARK),
            Rule(rf"{FREE}(?P<won>\d{{1,3}})[-\u2013](?P<lost>\d{{1,3}})(?= record)", self._record, BEFORE_MARK),
            Rule(rf"{FREE}\d{{1,3}}(?:-\d{{1,3}}){{2,9}}(?![\w-])", self._chain, BEFORE_MARK),
            Rule(rf"{FREE}(?P<above>\d{{1,2}}\.\d)/(?P<below>5|10)(?!\d)", self._rated, BEFORE_MARK),
            Rule(
                rf"{FREE}(?P<above>\d{{1,3}})[/\u2044](?P<below>\d{{1,3}})(?![\d/])(?!\.\d)",
                self._slashed,
                BEFORE_MARK,
                measure,
            ),
            Rule(
                rf"{FREE}(?P<first>\d{{1,4}}):(?P<last>\d{{1,3}}(?:,\d{{3}}){{1,3}}|\d{{1,9}})(?:[-\u2013](?P<to>\d{{1,3}}))?(?![\d:])",
                self._ratio,
                BEFORE_MARK,
            ),
            Rule(
                rf"{FREE}(?P<first>{number}){SPACE}?[x×]{SPACE}?(?P<last>{number})"
                rf"(?:{SPACE}?[x×]{SPACE}?(?P<third>{number}))?{measure}(?![\w^])",
                self._area,
                DIGIT,
            ),
            Rule(rf"{FREE}(?P<first>\d{{1,6}}){SPACE}-{SPACE}(?P<last>\d{{1,6}})(?={SPACE}?=)", self._difference, BEFORE_SPACE),
            Rule(
                rf"{FREE}(?P<first>{_LENGTH})['\u2032]{SPACE}?[x×]{SPACE}?(?P<last>{_LENGTH})['\u2032]",
                self._sides,
                BEFORE_MARK,
            ),
            Rule(
                rf"{FREE}(?P<feet>\d)['\u2032\u2019]{SPACE}?(?P<inches>1[01]|\d)(?P<half>½)?(?:[\"\u2033\u201d]|''|\u2019\u2019)",
                self._height,
                BEFORE_MARK,
            ),
            Rule(
                rf"{FREE}(?P<feet>\d{{1,3}}){SPACE}?(?:ft\.?|feet){SPACE}(?P<inches>\d{{1,2}})(?P<half>½)?{SPACE}?in(?:\.|\b)",
                self._feet_and_inches,
                BEFORE_LETTER + BEFORE_SPACE,
            ),
            Rule(rf"{FREE}(?P<number>{_LENGTH})(?P<mark>['\u2032]|[\"\u2033])(?=[\s,.)]|$)", self._length, BEFORE_MARK),
            Rule(
                rf"{FREE}(?P<number>{_LENGTH})(?:{SPACE}|-)in\.(?={SPACE}[a-z(]|[,;:)])",
                self._inches,
                BEFORE_SPACE + BEFORE_MARK,
            ),
            Rule(
                rf"{FREE}(?P<degrees>\d{{1,3}}(?:\.\d{{1,6}})?)°{SPACE}?(?:(?P<minutes>\d{{1,2}})['\u2032\u2019]{SPACE}?)?"
                rf"(?:(?P<seconds>\d{{1,2}})[\"\u2033\u201d]{SPACE}?)?(?P<side>[NSEW])(?!\w)",
                self._position,
                BEFORE_MARK,
            ),
            Rule(
                rf"{FREE}(?P<number>\d{{1,4}}(?:[.,]\d{{1,3}})?)(?P<magnitude>[mMbBkK])(?={SPACE}(?:{PEOPLE})\b)",
                self._people,
                BEFORE_LETTER + BEFORE_MARK,
            ),
        ]

    def _old_money(self, match: re.Match[str]) -> str:
        pounds, pence = match["pounds"], int(match["pence"] or 0)
        said = self._language.counted(Number(match["shillings"]), _SHILLING)
        if pounds:
            said = f"{self._language.counted(Number(pounds), _POUND)} {said}"
        return f"{said} and {_PENCE.get(pence) or f'{self._language.cardinal(pence)} pence'}" if pence else said

    def _of_unit(self, match: re.Match[str], said: str, *, one: bool) -> str:
        """Return an amount with the unit of a match, if there is one."""
        if not match["unit"]:
            return said
        noun = self._language.noun_of_unit(match["unit"])
        return f"{said} {noun.one if one else noun.many}"

    def _mixed(self, match: re.Match[str]) -> str:
        said = self._language.mixed(int(match["whole"]), int(match["above"]), int(match["below"]))
        return self._of_unit(match, said, one=False)

    def _slashed(self, match: re.Match[str]) -> str | None:
        above, below = int(match["above"]), int(match["below"])
        if (above, below) in _NAMES:
            return _NAMES[above, below]
        if below in _OUT_OF and (above == below or (word_behind(match) in _SCORED) or (below == 100 and above > 1)):
            return f"{self._language.cardinal(above)} out of {self._language.cardinal(below)}"
        if 0 < above < below and (above == 1 or below <= _MOST_PARTS or below in _ROUND_PARTS):
            return self._of_unit(match, self._language.fraction(above, below), one=True)
        return f"{self._language.code_number(match['above'])} over {self._language.code_number(match['below'])}"

    def _sets(self, match: re.Match[str]) -> str:
        return _DIGITS.sub(lambda digits: self._language.cardinal(int(digits[0])), match[0]).replace("-", " ")

    def _record(self, match: re.Match[str]) -> str:
        return f"{self._language.cardinal(int(match['won']))} and {self._language.cardinal(int(match['lost']))}"

    def _chain(self, match: re.Match[str]) -> str:
        return ", ".join(self._language.cardinal(int(number)) for number in match[0].split("-"))

    def _rated(self, match: re.Match[str]) -> str:
        return f"{self._language.read(match['above'])} out of {self._language.cardinal(int(match['below']))}"

    def _ratio(self, match: re.Match[str]) -> str:
        """Read a time that was run, a verse, or a ratio."""
        first, last = int(match["first"]), int(match["last"].replace(",", ""))
        said = self._language.cardinal
        if match["to"]:
            return f"{said(first)} {said(last)} to {said(int(match['to']))}"
        if word_before(match.string, match.start()).lower() not in _COMPARED:
            digits = len(match["last"])
            if digits == 2 and last < 60:
                return f"{said(first)} {'oh ' if 0 < last < 10 else ''}{said(last) if last else 'flat'}"
            if digits == 1 or (digits == 3 and last % 50):
                return f"{said(first)} {said(last)}"
        return f"{said(first)} {'by' if word_behind(match) in _SCREENS else 'to'} {said(last)}"

    def _area(self, match: re.Match[str]) -> str:
        joint = " times " if match.string[match.end() : match.end() + 2].lstrip()[:1] == "=" else " by "
        sides = joint.join(self._language.read(match[name]) for name in ("first", "last", "third") if match[name])
        return self._of_unit(match, sides, one=False)

    def _difference(self, match: re.Match[str]) -> str:
        return f"{self._language.read(match['first'])} minus {self._language.read(match['last'])}"

    def _sides(self, match: re.Match[str]) -> str:
        return " by ".join(self._language.counted(self._language.parse(match[name]), _FOOT) for name in ("first", "last"))

    def _height(self, match: re.Match[str]) -> str:
        half = " and a half" if match["half"] else ""
        return f"{self._language.cardinal(int(match['feet']))} foot {self._language.cardinal(int(match['inches']))}{half}"

    def _feet_and_inches(self, match: re.Match[str]) -> str:
        feet, inches = self._language.parse(match["feet"]), self._language.parse(match["inches"])
        return f"{self._language.counted(feet, _FOOT)} {self._language.counted(inches, _INCH)}"

    def _length(self, match: re.Match[str]) -> str | None:
        """Read feet or inches, but not the end of a quotation."""
        mark, text = match["mark"], match.string
        if mark in "'\"" and text.count(mark, max(0, match.start() - _LONGEST_QUOTATION), match.start()) % 2:
            return None
        return self._language.counted(self._language.parse(match["number"]), _FOOT if mark in "'\u2032" else _INCH)

    def _inches(self, match: re.Match[str]) -> str:
        return self._language.counted(self._language.parse(match["number"]), _INCH)

    def _position(self, match: re.Match[str]) -> str:
        said = [self._language.counted(self._language.parse(match[noun.many]), noun) for noun in _ANGLES if match[noun.many]]
        return " ".join([*said, _COMPASS[match["side"]]])

    def _people(self, match: re.Match[str]) -> str:
        return f"{self._language.read(match['number'])} {self._language.magnitudes[match['magnitude']].many}"

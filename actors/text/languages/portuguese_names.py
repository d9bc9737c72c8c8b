"""Roman numerals and names in Portuguese: kings up to the tenth and events have ordinals, others cardinals."""

import re
from typing import TYPE_CHECKING

from actors.text.languages.context import word_before, word_behind, word_set
from actors.text.languages.language import SPACE
from actors.text.languages.portuguese_nouns import is_feminine, is_noun
from actors.text.languages.portuguese_words import COUNTED_BY_NUMERALS, REGNAL_NAMES, REGNAL_WOMEN, RULERS, SAINTS
from actors.text.roman import roman_value
from actors.text.rules import LETTER, Rule

if TYPE_CHECKING:
    from actors.text.languages.portuguese import Portuguese

_NUMERAL = r"[IVXLCDM]{1,15}"
_CENTURY = re.compile(
    r"(?<!\w)(?i:séculos?|sécs?\.|dinastias?|milênios?)\s(?:[IVXLC]{1,7}(?:, ?| e | ou | a | ao | ou do | e o )){0,4}\Z"
)
_ANOTHER_BEFORE = re.compile(r"(?<!\w)[IVX]{1,7}(?:, ?| e | ou | a | ao )\Z")
_ARTICLES = word_set(
    "a o à ao da do na no pela pelo e de em sua seu nossa nosso as os das dos nos nas cada esta este nesta neste para"
)
_FEMININE_ARTICLES = word_set("a à da na pela nossa esta nesta as das")
_MASCULINE_ARTICLES = word_set("o ao do no pelo nosso este neste os dos")
_PLURAL_ARTICLES = word_set("os as dos das nos nas pelos pelas")
_NAME_BEFORE = re.compile(r"(?<!\w)[A-Z](?:\.|[a-z\u00df-\u00ff]{2,19}) \Z")  # João D. Silva, J. D. Silva
_HEADING = re.compile(r"(?:\A|\n)[ \t]{0,8}\Z")
_ACRONYMS = word_set("XXX XX XL XXL VI IV MM MC CD DC MD CV CC CM DM MI DVD")
_LAST_ORDINAL = 10  # D. João VI sexto, but Luís XIV quatorze
_DISTANCE = 60  # characters looked back for the word that numerals count
_IN_STREETS = re.compile(r"(?i:\b(?:na|da|à|a|pela|nesta|endereço:?|moro na|esquina|,))\s\Z|(?:\A|\n)\Z")
_STREET_NUMBER = re.compile(r"[^\n.;]{2,40}, ?(?:n\.?[º°] ?)?\d")
_WOMEN = word_set(
    "Leonor Isabel Inês Beatriz Carmen Ester Raquel Judite Alice Irene Berenice Conceição Luz Carmo Graça Eunice Ruth Rute "
    "Dulce"
)
_MEN = word_set("Luca Garcia Sousa Costa Juca Lula")


class Names:
    """Reads Roman numerals, and letters with a stop before names."""

    def __init__(self, language: "Portuguese") -> None:
        self._language = language

    def rules(self) -> list[Rule]:
        """Return the rules, in order."""
        return [
            Rule(r"(?<![\w.])D\.(?= [A-Z])", self._dom_or_dona, LETTER),
            Rule(rf"(?<![\w.])S\.(?= (?:{SAINTS})(?!\w))", self._saint, LETTER),
            Rule(r"(?<![\w.])R\.(?= (?:[A-Z]|d[aeo]s? ))", self._street, LETTER),
            Rule(
                rf"(?<![\w.-])(?P<numeral>{_NUMERAL})(?P<mark>\.?[ºª°])?(?:{SPACE}?[-\u2013/]{SPACE}?(?P<last>{_NUMERAL}))?"
                r"(?![\w&'\u2019-]|\.\w)",
                self._numeral,
                LETTER,
            ),
        ]

    def _dom_or_dona(self, match: re.Match[str]) -> str | None:
        name = word_behind(match)
        if name not in REGNAL_NAMES and _NAME_BEFORE.search(match.string, max(0, match.start() - 24), match.start()):
            return None
        return "dona" if name in _WOMEN or (name.endswith("a") and name not in _MEN) else "dom"

    def _saint(self, match: re.Match[str]) -> str | None:
        return None if word_before(match.string, match.start())[:1].isupper() else "São"

    def _street(self, match: re.Match[str]) -> str | None:
        text, start = match.string, match.start()
        before = _IN_STREETS.search(text, max(0, start - 20), start) is not None
        return "rua" if before and (start or _STREET_NUMBER.match(text, match.end())) else None

    def _numeral(self, match: re.Match[str]) -> str | None:
        text, start, numeral = match.string, match.start(), match["numeral"]
        value = roman_value(numeral)
        if value is None or text.startswith((". Ex", ". S."), match.end()):
            return None
        if match["mark"]:
            return self._language.ordinal(value, "f" if "ª" in match["mark"] else "m")
        before, behind = word_before(text, start), word_behind(match)
        century = _CENTURY.search(text, max(0, start - _DISTANCE), start) is not None
        counted = (
            century
            or before.lower() in COUNTED_BY_NUMERALS
            or _ANOTHER_BEFORE.search(text, max(0, start - 14), start) is not None
        )
        if match["last"]:
            last = roman_value(match["last"])
            return f"{self._of_century(value, century)} a {self._of_century(last, century)}" if counted and last else None
        if century:
            return self._of_century(value, True)
        if before in REGNAL_NAMES or self._is_ruler(before, match):
            return self._of_ruler(before, value, match)
        if self._is_event(before, behind, match):
            feminine = before.lower() in _FEMININE_ARTICLES or (
                before.lower() not in _MASCULINE_ARTICLES and is_feminine(behind)
            )
            said = self._language.ordinal(value, "f" if feminine else "m")
            return " ".join(f"{word}s" for word in said.split()) if before.lower() in _PLURAL_ARTICLES else said
        if len(numeral) == 1 and numeral not in "IVX":
            return None
        return self._language.cardinal(value, "-") if counted or self._is_number(before, match) else None

    def _of_century(self, value: int, century: bool) -> str:
        return self._language.ordinal(value) if century and value <= _LAST_ORDINAL else self._language.cardinal(value, "-")

    def _is_ruler(self, before: str, match: re.Match[str]) -> bool:
        """Whether a title stands before an unknown name: o faraó Djoser II."""
        text = match.string
        place = text.rfind(before, 0, match.start()) if before[:1].isupper() else 0
        return place > 0 and word_before(text, place).lower() in RULERS and len(match["numeral"]) > 1

    def _of_ruler(self, name: str, value: int, match: re.Match[str]) -> str | None:
        if match["numeral"] in ("C", "D", "M", "L") or not match.string[match.start() - 1].isspace():
            return None
        gender = "f" if name in REGNAL_WOMEN else "m"
        return self._language.ordinal(value, gender) if value <= _LAST_ORDINAL else self._language.cardinal(value, "-")

    def _is_event(self, before: str, behind: str, match: re.Match[str]) -> bool:
        """Whether a numeral counts what is behind it: a II Guerra, o XX Congresso."""
        if not match.string[match.end() : match.end() + 1].isspace() or match["numeral"] in ("C", "D", "M", "L"):
            return False
        named = behind[:1].isupper() and behind not in self._language.starters
        counted = is_noun(behind) and behind in (
            "dinastia",
            "milênio",
            "congresso",
            "encontro",
            "edição",
            "semestre",
            "guerra",
            "conferência",
            "jornada",
        )
        alone = not before and _HEADING.search(match.string, max(0, match.start() - 10), match.start()) is not None
        return (named or counted) and (before.lower() in _ARTICLES or alone) and set(match["numeral"]) <= set("IVXL")

    def _is_number(self, before: str, match: re.Match[str]) -> bool:
        """Whether a numeral of which nothing tells what it counts is one."""
        numeral, text, start = match["numeral"], match.string, match.start()
        if len(numeral) < 2:
            return text[match.end() : match.end() + 2] == ". " and _HEADING.search(text, max(0, start - 10), start) is not None
        if len(numeral) >= 4 and numeral[0] == "M":
            return True
        named = before[:1].isupper() and text[start - 1].isspace()
        return set(numeral) <= set("IVX") and (named or numeral not in _ACRONYMS)

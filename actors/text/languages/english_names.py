"""English abbreviations, initials, and Roman numerals."""

import re
from typing import TYPE_CHECKING

from actors.text.languages.context import word_before, word_behind
from actors.text.languages.english_words import (
    COUNTED_BY_NUMERALS,
    NUMBERED,
    NUMBERED_WORDS,
    REGNAL_NAMES,
    STARTERS,
    TITLES,
)
from actors.text.languages.language import SPACE, alternatives
from actors.text.roman import NUMERAL, SMALL_NUMERAL, roman_value
from actors.text.rules import Rule

if TYPE_CHECKING:
    from actors.text.languages.english import English

_LOWER_STREET_WORDS = frozenset("mount lake fort port sault saint church of in at to from near by the and on for like with st".split())
_TITLE_BEFORE = frozenset("king queen pope emperor empress tsar czar kaiser prince princess duke patriarch saint sultan shah pharaoh".split())
_AFTER_FIRST = frozenset("reigned ruled died ascended succeeded married became abdicated of".split())
_ACRONYMS = frozenset("CD DC MD MC DI MM CC CV MI CM DM LCD LED XL XXL XXX LI MIX MILD CIVIC DIV CIV LIV DIM LIX VI DVD ID MCI LCM LL".split())
_SMALL_COUNTED = "chapter volume book part act scene canto page section psalm".split()
_ORDINALLY = frozenset("century centuries dynasty".split())
_NUMBERED_ROMAN = frozenset("ch chap vol vols bk pt sc fig figs art sec p pp lib cap par app op tab".split())
_NUMERAL = r"(?P<numeral>[IVXLCDM]{1,15})"


class Abbreviations:
    """Reads what is written short."""

    def __init__(self, language: "English") -> None:
        self._language = language

    def rules(self) -> list[Rule]:
        """Return the rules for abbreviations; context decides first."""
        numbered = alternatives({name for word in NUMBERED for name in (word, word.capitalize())})
        return [
            Rule(r"(?<!\w)St\.?(?!\w)", self._saint_or_street),
            Rule(r"(?<!\w)Dr\.?(?!\w)", self._doctor_or_drive),
            Rule(r"(?<!\w)(?:Mt|Mtn|Ft)\.(?= [A-Z])", lambda match: "Fort" if match[0] == "Ft." else "Mount"),
            Rule(r"(?<!\w)(?:ft|feat)\.(?= [A-Z])", self._featuring),
            Rule(rf"(?<!\w)(?P<word>{numbered})\.?{SPACE}?(?P<behind>(?=\d)|[ivxlc]{{1,7}}\b|(?=[IVXLC]{{1,7}}\b))", self._numbered),
            Rule(r"(?<=[\dndrsth] )eds?\.(?!\w)", lambda match: "edition" if match[0] == "ed." else "editions"),
            Rule(r"(?<!\w)Co\.(?!\w)", lambda match: self._with_stop(match, "Company")),
            Rule(r"(?<!\w)Sr\.(?!\w)", self._senior),
            Rule(rf"(?<!\w)(?P<title>{alternatives(TITLES)})\.(?=\s|$|[,-])", self._title),
            Rule(r"(?<!\w)(?P<title>Mr|Mrs|Ms)(?= [A-Z])", self._title),
            Rule(rf"(?<![\w.&])(?:{alternatives(self._language.abbreviations)})(?!\w)", self._abbreviation),
            Rule(r"(?<![\w.])(?:[A-Za-z]\.){2,8}(?:[A-Za-z](?![\w]))?(?:['\u2019]?s\b)?", self._letters),
            Rule(r"(?<![\w.])[A-Z]\.(?=\s?[A-Z])", self._initial),
            Rule(rf"(?<=[^\W\d_]{{2}})[.!?]+(?=[A-Z][^\W_]|[A-Z]\s)", self._missing_space),
            Rule(rf"(?<=[^\W\d_]{{2}})[,;](?=[^\W\d_]{{2}})", lambda match: f"{match[0]} "),
        ]

    def _with_stop(self, match: re.Match[str], words: str) -> str:
        return words + ("." if self._language.ends_sentence(match) else "")

    def _saint_or_street(self, match: re.Match[str]) -> str | None:
        before, behind = word_before(match.string, match.start()), word_behind(match)
        address = before[:1].isupper() and before.lower() not in _LOWER_STREET_WORDS and match.string[match.start() - 1] == " "
        numbered = re.compile(r"\d(?:st|nd|rd|th)[ ]\Z").search(match.string, max(0, match.start() - 4), match.start())
        if behind[:1].isupper() and not numbered and (not address or behind not in STARTERS and not self._is_street(match)):
            return "Saint"
        if not address and not numbered:
            return None
        return self._with_stop(match, "Street") if match[0][-1] == "." else "Street"

    def _is_street(self, match: re.Match[str]) -> bool:
        """Whether a house's number stands two words before."""
        return re.compile(r"\d (?:[A-Z]\w{0,20} ){1,2}\Z").search(match.string, max(0, match.start() - 30), match.start()) is not None

    def _doctor_or_drive(self, match: re.Match[str]) -> str | None:
        before, behind = word_before(match.string, match.start()), word_behind(match)
        if behind[:1].isupper() and not (self._is_street(match) or (before[:1].isupper() and behind in STARTERS)):
            return "Doctor"
        if before[:1].isupper() and match.string[match.start() - 1] == " ":
            return self._with_stop(match, "Drive") if match[0][-1] == "." else "Drive"
        return "Doctor" if match[0][-1] == "." else None

    def _featuring(self, match: re.Match[str]) -> str | None:
        return None if re.compile(r"\d[ -]\Z").search(match.string, max(0, match.start() - 2), match.start()) else "featuring"

    def _numbered(self, match: re.Match[str]) -> str | None:
        text, start, word = match.string, match.start(), match["word"]
        stopped = "." in match[0]
        if not stopped and word.lower() not in ("p", "pp", "vol", "ch", "fig", "ext", "apt", "no") or match[0][-1] in "." and not text[match.end()].isdigit():
            return None
        if not stopped and (word.lower() == "no" or match[0][-1] != " "):
            return None
        before = word_before(text, start).lower()
        if word.lower() in NUMBERED_WORDS and (before in ("a", "an", "the", "this", "my", "said", "answered") or len(word) == 1 and before and text[start - 1] not in " ("):
            return None
        if word == "No" and re.compile(r"[?!.][\"'\u201d\u2019]?\s\Z").search(text, max(0, start - 4), start):
            behind = re.compile(r"\d+ [a-z]").match(text, match.end())
            if behind:
                return None
        numeral = match["behind"]
        if not text[match.end() : match.end() + 1].isdigit() and word.lower() not in _NUMBERED_ROMAN:
            return None
        value = roman_value(numeral) if numeral else None
        if numeral and value is None:
            return None
        return f"{NUMBERED[word.lower()]} {self._language.cardinal(value) if value else ''}"

    def _senior(self, match: re.Match[str]) -> str:
        before = word_before(match.string, match.start())
        return self._with_stop(match, "Senior") if before[:1].isupper() else "Sister"

    def _title(self, match: re.Match[str]) -> str | None:
        title = match["title"]
        behind = word_behind(match)
        if title in ("Rep", "Sec", "Hon", "Gen", "Pres", "Fr", "Bro", "Det", "Col", "Maj") and not behind[:1].isupper():
            return None
        return TITLES[title]

    def _abbreviation(self, match: re.Match[str]) -> str:
        words = self._language.abbreviations[match[0]]
        return self._with_stop(match, words) if match[0].endswith(".") else words

    def _letters(self, match: re.Match[str]) -> str:
        letters = match[0]
        ending = ""
        for suffix in ("'s", "\u2019s"):
            if letters.endswith(suffix):
                letters, ending = letters.removesuffix(suffix), suffix
        if letters.endswith("s") and letters[-2] == ".":
            letters, ending = letters[:-1], "'s"
        said = " ".join(character for character in letters if character != ".").upper() + ending
        return self._with_stop(match, said) if letters.endswith(".") and not ending else said

    def _initial(self, match: re.Match[str]) -> str | None:
        before, behind = word_before(match.string, match.start()), word_behind(match)
        if behind in STARTERS or match[0][0] == "I" or (before and before.islower() and before not in ("by", "and", "of", "with", "to", "from", "than")):
            return None
        if before.lower() in ("plan", "vitamin", "class", "part", "section", "appendix", "type", "option", "point", "grade", "group", "exhibit", "step", "war"):
            return None
        return match[0][0] if match.string[match.end() : match.end() + 1].isspace() else f"{match[0][0]} "

    def _missing_space(self, match: re.Match[str]) -> str:
        return f"{match[0]} "


class Numerals:
    """Reads Roman numerals: of kings, of chapters, of centuries, of years."""

    def __init__(self, language: "English") -> None:
        self._language = language

    def rules(self) -> list[Rule]:
        """Return the rules for Roman numerals."""
        counted = "|".join(f"[{word[0].upper()}]{word[1:]}" for word in _SMALL_COUNTED)
        return [
            Rule(rf"(?<![\w.'-]){_NUMERAL}(?:{SPACE}?[-\u2013]{SPACE}?(?P<last>[IVXLCDM]{{1,15}}))?(?![\w&])", self._numeral),
            Rule(rf"(?P<before>{counted}) (?P<numeral>[ivxlc]{{1,9}})(?!\w)", self._small),
        ]

    def _numeral(self, match: re.Match[str]) -> str | None:
        numeral = match["numeral"]
        value = roman_value(numeral)
        last = roman_value(match["last"]) if match["last"] else None
        if value is None or (match["last"] and last is None):
            return None
        before, behind = word_before(match.string, match.start()), word_behind(match)
        if last is not None:
            return f"{self._language.cardinal(value)} to {self._language.cardinal(last)}" if before.lower() in COUNTED_BY_NUMERALS or behind in _ORDINALLY else None
        if behind.lower() in _ORDINALLY:
            return self._language.ordinal(value)
        if before.lower() in COUNTED_BY_NUMERALS and before:
            return self._language.cardinal(value)
        if len(numeral) >= 4 and numeral[0] == "M" and numeral not in _ACRONYMS:
            return self._language.year(value)
        if before in REGNAL_NAMES:
            return self._of_ruler(match, value)
        if numeral in _ACRONYMS or before.lower() in ("a", "an") or len(numeral) < 2:
            return None
        if before[:1].isupper() and set(numeral) <= set("IVX"):
            first = word_before(match.string, match.string.rfind(before, 0, match.start()))
            return f"the {self._language.ordinal(value)}" if first in REGNAL_NAMES and len(numeral) <= 3 else self._language.cardinal(value)
        if len(numeral) >= 3 and set(numeral) <= set("IVX") or (not before and match.string[match.end() : match.end() + 1] == "."):
            return self._language.cardinal(value)
        return None

    def _of_ruler(self, match: re.Match[str], value: int) -> str | None:
        numeral = match["numeral"]
        if numeral in ("C", "D", "M", "L", "X") and word_before(match.string, match.start()) in ("Malcolm",):
            return None
        if numeral in ("I", "C", "D", "M"):
            place = match.string.rfind(word_before(match.string, match.start()), 0, match.start())
            title = word_before(match.string, place).lower()
            behind = word_behind(match)
            mark = match.string[match.end() : match.end() + 1]
            if numeral != "I" or not (title in _TITLE_BEFORE or behind in _AFTER_FIRST or mark in (",", ".", ";", ")", "'", "\u2019", "") or behind in ("lost", "was", "and", "had")):
                return None
            if title == "and" or before_and(match.string, place):
                return None
        return f"the {self._language.ordinal(value)}"

    def _small(self, match: re.Match[str]) -> str | None:
        value = roman_value(match["numeral"])
        return None if value is None else f"{match['before']} {self._language.cardinal(value)}"


def before_and(text: str, position: int) -> bool:
    """Whether ``and`` stands before a position."""
    return text[max(0, position - 4) : position] == "and "

"""English abbreviations, initials, and Roman numerals."""

import re
from typing import TYPE_CHECKING

from actors.text.languages.context import word_before, word_behind, word_set
from actors.text.languages.english_words import (
    BIBLE,
    NUMBERED,
    NUMBERED_BOOKS,
    NUMBERED_WORDS,
    STARTERS,
    STATE_NAMES,
    TITLES,
)
from actors.text.languages.language import SPACE, alternatives
from actors.text.roman import roman_value
from actors.text.rules import BEFORE_SPACE, CAPITAL, LETTER, SIGN, SMALL, Rule

if TYPE_CHECKING:
    from actors.text.languages.english import English

_LOWER_STREET_WORDS = word_set("mount lake fort port sault saint of in at to from near by the and on for like with st")
_NUMBERED_ROMAN = word_set("ch chap vol vols bk pt sc fig figs art sec p pp lib cap par app op tab")


_KEYS = {"Ctrl": "Control", "Cmd": "Command"}


class Abbreviations:
    """Reads what is written short."""

    def __init__(self, language: "English") -> None:
        self._language = language

    def rules(self) -> list[Rule]:
        """Return the rules for abbreviations; context decides first."""
        numbered = alternatives({name for word in NUMBERED for name in (word, word.capitalize())})
        return [
            Rule(
                rf"(?<!\w)(?:(?P<which>[123]|I{{1,3}}) )?(?P<book>{alternatives(BIBLE)}|{alternatives(NUMBERED_BOOKS)})\.? "
                r"(?=\d{1,3}(?!\d))",
                self._book,
                BEFORE_SPACE + CAPITAL,
            ),
            Rule(r"(?<!\w)St\.?(?!\w)", self._saint_or_street, CAPITAL),
            Rule(r"(?<!\w)Dr\.?(?!\w)", self._doctor_or_drive, CAPITAL),
            Rule(r"(?<!\w)(?:Mt|Mtn|Ft)\.(?= [A-Z])", lambda match: "Fort" if match[0] == "Ft." else "Mount", CAPITAL),
            Rule(r"(?<!\w)(?:ft|feat)\.(?= [A-Z])", self._featuring, SMALL),
            Rule(
                rf"(?<![\w&])(?P<word>{numbered})\.?{SPACE}?"
                r"(?P<behind>(?=\d)|(?=A\.?D\.? )|[ivxlc]{1,7}(?:[-\u2013][ivxlc]{1,7})?\b|(?=[IVXLC]{1,7}\b))",
                self._numbered,
                LETTER,
            ),
            Rule(r"(?<=[\dndrsth] )eds?\.(?!\w)", lambda match: "edition" if match[0] == "ed." else "editions", SMALL),
            Rule(r"(?<!\w)(?P<word>Apt|apt|Ste|Rm|Bldg)\.? (?=[A-Z]\b)", self._lettered, LETTER),
            Rule(r"(?<=\w )no\.(?= (?:is|was) )", lambda _: "number", SMALL),
            Rule(
                r"(?<=, )(?P<state>" + alternatives(STATE_NAMES) + r")\.",
                lambda match: self._with_stop(match, STATE_NAMES[match["state"]]),
                CAPITAL,
            ),
            Rule(r"(?<!\w)Sec\.(?= of )", lambda _: "Secretary", CAPITAL),
            Rule(
                r"(?<!\w)(?P<key>Ctrl|Cmd|Alt|Shift)\+(?=\w)",
                lambda match: f"{_KEYS.get(match['key'], match['key'])} ",
                CAPITAL,
            ),
            Rule(r"per (?P<unit>" + alternatives(self._language.units) + r")(?!\w)", self._per, SMALL),
            Rule(r"(?<!\w)Co\.(?!\w)", lambda match: self._with_stop(match, "Company"), CAPITAL),
            Rule(r"(?<!\w)Sr\.(?!\w)", self._senior, CAPITAL),
            Rule(rf"(?<!\w)(?P<title>{alternatives(TITLES)})\.(?=\s|$|[,-])", self._title, CAPITAL),
            Rule(r"(?<!\w)(?P<title>Mr|Mrs|Ms)(?= [A-Z])", self._title, CAPITAL),
            Rule(rf"(?<![\w.&])(?:{alternatives(self._language.abbreviations)})(?!\w)", self._abbreviation, LETTER + SIGN),
            Rule(r"(?<=\b[A-Za-z])/(?=[A-Za-z]\b)", lambda _: " slash ", SIGN),
            Rule(r"(?<=[A-Z]{2})/(?=[A-Z]{2})", lambda _: " ", SIGN),
            Rule(r"(?<=[CFmgsh])/(?=\d)", lambda _: ", ", SIGN),
            Rule(r"(?<![\w.])(?:[A-Za-z]\.){2,8}(?:[A-Za-z](?![\w]))?(?:['\u2019]?s\b)?", self._letters, LETTER),
            Rule(r"(?<![\w.])[A-Z]\.(?=\s?[A-Z])", self._initial, CAPITAL),
            Rule(
                r"(?:(?<=[^\W\d_]{2})|(?<=\d\d))[.!?]+[\"\u201d\u2019)]{0,2}(?=[A-Z][^\W_]|[A-Z]\s)", self._missing_space, SIGN
            ),
            Rule(r"(?<=[^\W\d_]{2})[,;](?=[^\W\d_]{2})", lambda match: f"{match[0]} ", SIGN),
        ]

    def _book(self, match: re.Match[str]) -> str | None:
        """Read a book of the Bible before a chapter; without its stop only if a verse follows."""
        which, book = match["which"], match["book"]
        stopped = match[0].endswith(". ")
        verse = re.compile(r"\d{1,3}:\d").match(match.string, match.end())
        if (
            not verse
            and not (which and book in NUMBERED_BOOKS)
            and not (stopped and book in ("Ps", "Rom", "Matt", "Cor", "Isa", "Prov", "Heb"))
        ):
            return None
        number = which and (int(which) if which.isdigit() else len(which))
        first = f"{self._language.ordinal(number).capitalize()} " if number else ""
        return f"{first}{BIBLE.get(book, book)} "

    def _lettered(self, match: re.Match[str]) -> str:
        return f"{NUMBERED.get(match['word'].lower(), 'building')} "

    def _per(self, match: re.Match[str]) -> str | None:
        return f"per {self._language.units[match['unit']].one}" if len(match["unit"]) > 1 else None

    def _with_stop(self, match: re.Match[str], words: str) -> str:
        return words + ("." if self._language.ends_sentence(match) else "")

    def _saint_or_street(self, match: re.Match[str]) -> str | None:
        before, behind = word_before(match.string, match.start()), word_behind(match)
        address = before[:1].isupper() and before.lower() not in _LOWER_STREET_WORDS and match.string[match.start() - 1] == " "
        numbered = re.compile(r"\d(?:st|nd|rd|th)[ ]\Z").search(match.string, max(0, match.start() - 4), match.start())
        if behind[:1].isupper() and not numbered and (not address or (behind not in STARTERS and not self._is_street(match))):
            return "Saint"
        if not address and not numbered:
            return None
        return self._with_stop(match, "Street") if match[0][-1] == "." else "Street"

    def _is_street(self, match: re.Match[str]) -> bool:
        """Whether a house's number stands two words before."""
        return (
            re.compile(r"\d (?:[A-Z]\w{0,20} ){1,2}\Z").search(match.string, max(0, match.start() - 30), match.start())
            is not None
        )

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
        if (not stopped and word.lower() not in ("p", "pp", "vol", "ch", "fig", "ext", "apt", "no")) or (
            match[0][-1] in "." and not text[match.end()].isdigit()
        ):
            return None
        if not stopped and (word.lower() == "no" or match[0][-1] != " "):
            return None
        before = word_before(text, start).lower()
        if word.lower() in NUMBERED_WORDS and (
            before in ("a", "an", "this", "my", "said", "answered")
            or (len(word) == 1 and before and text[start - 1] not in " (")
        ):
            return None
        if word == "No" and re.compile(r"[?!.][\"'\u201d\u2019]?\s\Z").search(text, max(0, start - 4), start):
            behind = re.compile(r"\d+ (?!(?:is|was|has|had|of|on|in|and)\b)[a-z]").match(text, match.end())
            if behind:
                return None
        numeral = match["behind"]
        if (
            not text[match.end() : match.end() + 1].isdigit()
            and not (word in ("c", "ca") and text[match.end()] == "A")
            and word.lower() not in _NUMBERED_ROMAN
        ):
            return None
        values = [roman_value(part) for part in re.split("[-\u2013]", numeral)] if numeral else []
        if None in values:
            return None
        return f"{NUMBERED[word.lower()]} {' to '.join(self._language.cardinal(value) for value in values if value)}"

    def _senior(self, match: re.Match[str]) -> str:
        before = word_before(match.string, match.start())
        return self._with_stop(match, "Senior") if before[:1].isupper() else "Sister"

    def _title(self, match: re.Match[str]) -> str | None:
        title = match["title"]
        behind = word_behind(match)
        if word_before(match.string, match.start()) in ("The", "the") and match[0].endswith("."):
            return TITLES[title]
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
        if (
            behind in STARTERS
            or match[0][0] == "I"
            or (before and before.islower() and before not in ("by", "and", "of", "with", "to", "from", "than"))
        ):
            return None
        if before.lower() in (
            "plan",
            "vitamin",
            "class",
            "part",
            "section",
            "appendix",
            "type",
            "option",
            "point",
            "grade",
            "group",
            "exhibit",
            "step",
            "war",
        ):
            return None
        return match[0][0] if match.string[match.end() : match.end() + 1].isspace() else f"{match[0][0]} "

    def _missing_space(self, match: re.Match[str]) -> str:
        return f"{match[0]} "

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
_STREET_NUMBER = re.compile(r"\d(?:st|nd|rd|th)[ ]\Z")
_HOUSE_NUMBER = re.compile(r"\d (?:[A-Z]\w{0,20} ){1,2}\Z")  # and the street's name
_LONGEST_STREET = 30  # characters
_FEET = re.compile(r"\d[ -]\Z")
_KEYS = {"Ctrl": "Control", "Cmd": "Command"}

_VERSE = re.compile(r"\d{1,3}:\d")
_BOOKS_OF_CHAPTERS = word_set("Ps Rom Matt Cor Isa Prov Heb")  # their stop is enough to tell them

_NUMBERED_ROMAN = word_set("ch chap vol vols bk pt sc fig figs art sec p pp lib cap par app op tab")
_NUMBERED_WITHOUT_STOP = word_set("p pp vol ch fig ext apt")
_NO_NUMBER_BEHIND = word_set("a an this my said answered")
_ENDS_QUESTION = re.compile(r"[?!.][\"'\u201d\u2019]?\s\Z")
_DASH = re.compile("[-\u2013]")
_COUNTED = re.compile(r"\d+ (?!(?:is|was|has|had|of|on|in|and)\b)[a-z]")  # No. 20 people came

_TITLES_OF_NAMES = word_set("Rep Sec Hon Gen Pres Fr Bro Det Col Maj")  # else they are other short forms, or words
_BEFORE_INITIALS = word_set("by and of with to from than")
_LABELS = word_set("plan vitamin class part section appendix type option point grade group exhibit step war")  # of letters


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
                r"(?P<numeral>(?=\d)|(?=A\.?D\.? )|[ivxlc]{1,7}(?:[-\u2013][ivxlc]{1,7})?\b|(?=[IVXLC]{1,7}\b))",
                self._numbered,
                LETTER,
            ),
            Rule(r"(?<=[\dndrsth] )eds?\.(?!\w)", lambda match: "edition" if match[0] == "ed." else "editions", SMALL),
            Rule(r"(?<!\w)(?P<word>Apt|apt|Ste|Rm|Bldg)\.? (?=[A-Z]\b)", self._lettered, LETTER),
            Rule(r"(?<=\w )no\.(?= (?:is|was) )", lambda _: "number", SMALL),
            Rule(r"(?<!\w)apt\.(?= (?:is|was|in|on|near|with|above|for|and) )", lambda _: "apartment", SMALL),
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
        """Read a book of the Bible before a chapter; without its number or stop only if a verse follows."""
        which, book = match["which"], match["book"]
        is_numbered = which and book in NUMBERED_BOOKS
        is_stopped = match[0].endswith(". ") and book in _BOOKS_OF_CHAPTERS
        if not (is_numbered or is_stopped or _VERSE.match(match.string, match.end())):
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
        numbered = _STREET_NUMBER.search(match.string, max(0, match.start() - 4), match.start())
        if behind[:1].isupper() and not numbered and (not address or (behind not in STARTERS and not self._is_street(match))):
            return "Saint"
        if not address and not numbered:
            return None
        return self._with_stop(match, "Street") if match[0][-1] == "." else "Street"

    def _is_street(self, match: re.Match[str]) -> bool:
        """Whether a house's number stands two or three words before."""
        return _HOUSE_NUMBER.search(match.string, max(0, match.start() - _LONGEST_STREET), match.start()) is not None

    def _doctor_or_drive(self, match: re.Match[str]) -> str | None:
        before, behind = word_before(match.string, match.start()), word_behind(match)
        if behind[:1].isupper() and not (self._is_street(match) or (before[:1].isupper() and behind in STARTERS)):
            return "Doctor"
        if before[:1].isupper() and match.string[match.start() - 1] == " ":
            return self._with_stop(match, "Drive") if match[0][-1] == "." else "Drive"
        return "Doctor" if match[0][-1] == "." else None

    def _featuring(self, match: re.Match[str]) -> str | None:
        return None if _FEET.search(match.string, max(0, match.start() - 2), match.start()) else "featuring"

    def _numbered(self, match: re.Match[str]) -> str | None:
        """Read the short form of a word that numbers count, with small numerals behind it."""
        word, numeral = match["word"], match["numeral"]
        if not self._is_short_form(match) or self._is_word(match):
            return None
        is_number = match.string[match.end() : match.end() + 1].isdigit()
        is_era = word in ("c", "ca") and match.string[match.end() : match.end() + 1] == "A"
        if not (is_number or is_era or word.lower() in _NUMBERED_ROMAN):
            return None
        values = [roman_value(part) for part in _DASH.split(numeral)] if numeral else []
        if None in values:
            return None
        return f"{NUMBERED[word.lower()]} {' to '.join(self._language.cardinal(value) for value in values if value)}"

    def _is_short_form(self, match: re.Match[str]) -> bool:
        """Whether a stop, or else a space, is behind a word; right behind a stop there must be a number."""
        if "." in match[0]:
            return match[0][-1] != "." or match.string[match.end()].isdigit()
        return match["word"].lower() in _NUMBERED_WITHOUT_STOP and match[0][-1] == " "

    def _is_word(self, match: re.Match[str]) -> bool:
        """Whether what may be a short form is a word, as the answer no, or one letter behind another word's hyphen."""
        text, start, word = match.string, match.start(), match["word"]
        before = word_before(text, start).lower()
        if word.lower() in NUMBERED_WORDS and (
            before in _NO_NUMBER_BEHIND or (len(word) == 1 and before and text[start - 1] not in " (")
        ):
            return True
        is_answer = word == "No" and _ENDS_QUESTION.search(text, max(0, start - 4), start)
        return bool(is_answer and _COUNTED.match(text, match.end()))

    def _senior(self, match: re.Match[str]) -> str:
        before = word_before(match.string, match.start())
        return self._with_stop(match, "Senior") if before[:1].isupper() else "Sister"

    def _title(self, match: re.Match[str]) -> str | None:
        title = match["title"]
        is_certain = match[0].endswith(".") and word_before(match.string, match.start()) in ("The", "the")
        if title in _TITLES_OF_NAMES and not is_certain and not word_behind(match)[:1].isupper():
            return None
        return TITLES[title]

    def _abbreviation(self, match: re.Match[str]) -> str:
        words = self._language.abbreviations[match[0]]
        return self._with_stop(match, words) if match[0].endswith(".") else words

    def _letters(self, match: re.Match[str]) -> str:
        """Read letters with stops, maybe several of what they stand for, or what is its own: U.S., M.P.s, U.S.'s."""
        letters, ending = match[0], ""
        if letters.endswith(("'s", "\u2019s")):
            letters, ending = letters[:-2], letters[-2:]
        elif letters.endswith(".s"):
            letters, ending = letters[:-1], "'s"
        said = " ".join(letters.replace(".", "")).upper() + ending
        return self._with_stop(match, said) if letters.endswith(".") and not ending else said

    def _initial(self, match: re.Match[str]) -> str | None:
        """Read a letter with a stop before a name; ``None`` if the stop ends a sentence."""
        letter = match[0][0]
        before, behind = word_before(match.string, match.start()), word_behind(match)
        is_in_prose = before.islower() and before not in _BEFORE_INITIALS
        if letter == "I" or behind in STARTERS or is_in_prose or before.lower() in _LABELS:
            return None
        return letter if match.string[match.end() : match.end() + 1].isspace() else f"{letter} "

    def _missing_space(self, match: re.Match[str]) -> str:
        return f"{match[0]} "

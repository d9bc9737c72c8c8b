r"""Soprano's English text front end: normalisation.

Soprano was trained on text that went through one particular normaliser, so this module gives the same output as
soprano-tts 0.2.0 (``utils/text_normalizer.py`` and ``_preprocess_text`` in ``tts.py``; Apache-2.0, itself adapted from
tortoise-tts, Apache-2.0), oddities included:

* ``10:30:15`` is read "ten, 'thirty', fifteen", ``$1,234.56`` "twelve thirty-four dollars", ``$1.5`` "five cents";
* ``http://`` is read like ``https://``, and ``£20`` "ps twenty";
* tabs and other control characters inside a line vanish and join their neighbours.

It differs in three places. Where the original raises, this module reads on: numbers of more than 36 digits digit by
digit, amounts without their stray commas. Patterns that take the original quadratic time on long runs of digits or
brackets are written in a linear form with the same result. The transliteration to ASCII is built on anyascii
instead of Unidecode (GPL), with tables of what the original reads differently; scripts other than Latin, Greek and
Cyrillic may still come out in another spelling.
"""

import re
from collections.abc import Callable

from actors.families.soprano.number_words import ordinal, year_or_cardinal
from actors.families.soprano.transliteration import to_ascii

# ---------------------------------------------------------------------------------------------------------------------
# What the rules below replace their matches with

_MAGNITUDES = {"k": "thousand", "m": "million", "b": "billion", "t": "trillion"}


def _magnitude(match: re.Match[str]) -> str:
    return f"{match[1]} {_MAGNITUDES[match[2].lower()]}"


def _date(match: re.Match[str]) -> str:
    return match[1] + match[2].replace("/", " dash ").replace("-", " dash ") + match[3]


def _telephone_number(match: re.Match[str]) -> str:
    return ", ".join(" ".join(group) for group in match.groups())


def _time(match: re.Match[str]) -> str:
    hours, minutes, seconds = match.groups()
    if seconds is None:
        return _hours_and_minutes(hours, minutes)
    if int(hours):
        # The braces are the original's slip (it formats a set); they become commas with all other brackets.
        spoken_minutes = _clock(minutes) if minutes.startswith("0") else f"{{'{minutes}'}}"
        return f"{hours} {spoken_minutes} {'' if seconds == '00' else _clock(seconds)}"
    return seconds if minutes == "00" else f"{minutes} {_clock(seconds)}"


def _hours_and_minutes(hours: str, minutes: str) -> str:
    if minutes != "00":
        return f"{hours} {_clock(minutes)}"
    if int(hours) == 0:
        return "0"
    return f"{hours} minutes" if int(hours) > 12 else f"{hours} o'clock"


def _clock(digits: str) -> str:
    """Return two digits of a time as they are said: "oh oh", "oh 5", "15"."""
    if digits == "00":
        return "oh oh"
    return f"oh {digits[1]}" if digits.startswith("0") else digits


def _dollars(match: re.Match[str]) -> str:
    whole, *fractions = match[1].split(".")
    if len(fractions) > 1:
        return f"{match[1]} dollars"
    amounts = [_counted(whole, "dollar"), *(_counted(fraction, "cent") for fraction in fractions)]
    return ", ".join(filter(None, amounts)) or "zero dollars"


def _counted(digits: str, unit: str) -> str:
    """Return "5 cents", or nothing for zero. The commas that are left here make the original raise."""
    count = digits.replace(",", "").lstrip("0")
    if not count:
        return ""
    return f"{count} {unit}" if count == "1" else f"{count} {unit}s"


def _decimal(match: re.Match[str]) -> str:
    whole, *fractions = match[0].split(".")
    return " point ".join([whole, *(" ".join(fraction) for fraction in fractions)])


def _brackets(match: re.Match[str]) -> str:
    """Turn the text between the first opening and the last closing bracket into commas, as the original does."""
    inside = re.sub(r"[(\[{]", ", ", match[2])
    inside = re.sub(r"[)\]}][^$.!?,]", ", ", inside)  # takes the character behind the bracket with it
    return match[1] + re.sub(r"[)\]}]", "", inside)


def _mixed_case(match: re.Match[str]) -> str:
    """Split "CamelCase" in words and give "GPUs" an apostrophe; leave "Word" and "UPPERCASE" as they are."""
    word = match[0]
    parts = re.findall(r"[A-Z][a-z]*", word)
    if len(parts) in (1, len(word)):
        return word
    if len(parts) == len(word) - 1 and word.endswith("s"):
        return f"{word[:-1]}'s"
    return " ".join(parts)


def _punctuation(match: re.Match[str]) -> str:
    """Return an ellipsis as it is, and one mark, the strongest, for any other run of marks."""
    run = match[0]
    return "..." if run.startswith("...") else next(mark for mark in "?!.," if mark in run)


# ---------------------------------------------------------------------------------------------------------------------
# The rules, in the order in which they apply, each to the result of those before. Order is behaviour: see the tests.

_Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]

_NUMBER_RULES: list[_Rule] = [
    (re.compile(r"#(\d)"), r"number \1"),
    (re.compile(r"\b(\d++)([KMBT])\b", re.IGNORECASE), _magnitude),
    (re.compile(r"\d[\d,]+\d"), lambda match: match[0].replace(",", "")),
    (re.compile(r"(^|[^/])(\d\d?[/-]\d\d?[/-]\d\d(?:\d\d)?)($|[^/])"), _date),
    (re.compile(r"\(?(\d{3})\)?[-.\s](\d{3})[-.\s]?(\d{4})"), _telephone_number),
    (re.compile(r"(\d\d?):(\d\d)(?::(\d\d))?"), _time),
    (re.compile(r"\$([\d.,]*\d)"), _dollars),
    # Only whole runs of digits: without the lookbehind a long run costs quadratic time.
    (re.compile(r"(?<!\d)\d++(?:\.\d++)+"), _decimal),
    (re.compile(r"(\d\s?)\*(\s?\d)"), r"\1 times \2"),
    (re.compile(r"(\d\s?)/(\s?\d)"), r"\1 over \2"),
    (re.compile(r"(\d\s?)\+(\s?\d)"), r"\1 plus \2"),
    (re.compile(r"(\d?\s?)-(\s?\d)"), r"\1 minus \2"),
    (re.compile(r"(?<=\d)/(?=\d)"), " over "),  # in a row of fractions, those that the rule above stepped over
    (re.compile(r"(?<!\d)(\d++)(?:st|nd|rd|th)"), lambda match: ordinal(match[1])),
    (re.compile(r"(?<=\d)(?=[A-Za-z])|(?<=[A-Za-z])(?=\d)"), " "),
    (re.compile(r"\d+"), lambda match: year_or_cardinal(match[0])),
]

_PATTERN_RULES: list[_Rule] = [
    (re.compile(r"https?://"), "h t t p s colon slash slash "),
    (re.compile(r"(.) - (.)"), r"\1, \2"),
    (re.compile(r"([A-Za-z])\.([A-Za-z])"), r"\1 dot \2"),
    (re.compile(r"\A([^(\[{]*+)([(\[{].*[)\]}].?)"), _brackets),
]

_TITLES = {
    "mrs": "misess",
    "ms": "miss",
    "mr": "mister",
    "dr": "doctor",
    "st": "saint",
    "co": "company",
    "jr": "junior",
    "maj": "major",
    "gen": "general",
    "drs": "doctors",
    "rev": "reverend",
    "lt": "lieutenant",
    "hon": "honorable",
    "sgt": "sergeant",
    "capt": "captain",
    "esq": "esquire",
    "ltd": "limited",
    "col": "colonel",
    "ft": "fort",
}

_ABBREVIATIONS = {
    "Hz": "hertz",
    "kHz": "kilohertz",
    "KBs": "kilobytes",
    "KB": "kilobyte",
    "MBs": "megabytes",
    "MB": "megabyte",
    "GBs": "gigabytes",
    "GB": "gigabyte",
    "TBs": "terabytes",
    "TB": "terabyte",
    "APIs": "a p i's",
    "API": "a p i",
    "CLIs": "c l i's",
    "CLI": "c l i",
    "CPUs": "c p u's",
    "CPU": "c p u",
    "GPUs": "g p u's",
    "GPU": "g p u",
    "Ave": "avenue",
    "etc": "et cetera",
    "and/or": "and or",
}
_DATES = {
    "Mon": "monday",
    "Tues": "tuesday",
    "Wed": "wednesday",
    "Thurs": "thursday",
    "Fri": "friday",
    "Sat": "saturday",
    "Jan": "january",
    "Feb": "february",
    "Mar": "march",
    "Apr": "april",
    "Aug": "august",
    "Sept": "september",
    "Oct": "october",
    "Nov": "november",
    "Dec": "december",
}

_WORD_RULES: list[_Rule] = [
    *((re.compile(rf"\b{title}\.", re.IGNORECASE), words) for title, words in _TITLES.items()),
    *((re.compile(rf"\b{short}\b"), words) for short, words in _ABBREVIATIONS.items()),
]
_DATE_RULES: list[_Rule] = [(re.compile(rf"\b{short}\b"), words) for short, words in _DATES.items()]
_CASE_RULES: list[_Rule] = [
    (re.compile(r"\b(?:[A-Z][a-z]*)+\b"), _mixed_case),
]

_RULES = _NUMBER_RULES + _PATTERN_RULES + _WORD_RULES + _DATE_RULES + _CASE_RULES
# Where short forms of dates have been read before, what is left of them are names: Jan, Mar.
_RULES_OF_WORDS = _NUMBER_RULES + _PATTERN_RULES + _WORD_RULES + _CASE_RULES

_SYMBOLS = {
    "@": " at ",
    "&": " and ",
    "%": " percent ",
    ":": ".",
    ";": ",",
    "+": " plus ",
    "\\": " backslash ",
    "~": " about ",
    "<=": " less than or equal to ",
    ">=": " greater than or equal to ",
    "<": " less than ",
    ">": " greater than ",
    "=": " equals ",
    "/": " slash ",
    "_": " ",
    "*": " ",
}

_TIDYING_RULES: list[_Rule] = [
    (re.compile(r"[^a-z !$',.?-]"), ""),  # what the tokenizer has never seen
    (re.compile(r" +"), " "),
    (re.compile(r" ([.?!,])"), r"\1"),
    (re.compile(r"^ | $"), ""),
    (re.compile(r"\.{3,}|(?:(?!\.{3})[.,!?])+"), _punctuation),
    (re.compile(r"(\w)\1{2,}"), r"\1\1"),
]


def _apply(rules: list[_Rule], text: str) -> str:
    for pattern, replacement in rules:
        text = pattern.sub(replacement, text)
    return text


def _end_lines(text: str) -> str:
    """Join the lines of ``text`` with spaces, each ended with a full stop unless it has its own mark."""
    lines = [line.strip() for line in text.split("\n")]
    return " ".join(line + "." if line and line[-1] not in ".!?" else line for line in lines)


def normalise(text: str, *, is_read: bool = False) -> str:
    """Return ``text`` as Soprano's tokenizer expects it: lower-case words and ``!$',.?-``, nothing else.

    Never raises, whatever the string; the result is empty if nothing can be read. ``is_read`` says that :mod:`actors.text` has
    read it, so that what looks like a short form of a month or a weekday is a name.
    """
    text = _apply(_RULES_OF_WORDS if is_read else _RULES, _end_lines(text if text.isascii() else to_ascii(text)))
    for symbol, words in _SYMBOLS.items():
        text = text.replace(symbol, words)
    return _apply(_TIDYING_RULES, text.lower())

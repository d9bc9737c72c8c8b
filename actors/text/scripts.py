"""Letters of scripts that a language is not written in: no model of the language can speak them.

A text that is mostly of them is refused. Else words of them are left out, as of names that stand in brackets behind their
transliteration; single Greek letters, as those of formulas, are spelled, and digits of other scripts become those of ASCII.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from actors.errors import RequestError
from actors.text.edits import Edit

# Of letters that others than Latin ones can be among. Not Latin extensions, phonetics, punctuation, symbols, ligatures, emoji.
_OTHER = re.compile(
    "[\u0370-\u1cff\u1f00-\u1fff\u2c00-\u2c5f\u2c80-\u2dff\u2e80-\ua71f\ua800-\uab2f\uab70-\ufaff\ufb13-\ufdff\ufe70-\ufefc"
    "\uff10-\uff19\uff66-\uffdc\U00010000-\U0001d3ff\U0001d7ce-\U0001efff\U00020000-\U0003ffff]"
)
# With fewer left out most of what was written is still said; a few letters are a sign or a name.
_MOST, _FEW = 0.5, 3

_WRITTEN_IN = {
    "Cyrillic": "ru uk be bg sr mk kk ky mn tg tt",
    "Greek": "el",
    "Han Hiragana Katakana": "ja",
    "Han Bopomofo": "zh yue",
    "Hangul Han": "ko",
    "Arabic": "ar fa ur ps sd ug ckb",
    "Hebrew": "he yi",
    "Devanagari": "hi mr ne sa",
    "Bengali": "bn as",
    "Gurmukhi": "pa",
    "Gujarati": "gu",
    "Oriya": "or",
    "Tamil": "ta",
    "Telugu": "te",
    "Kannada": "kn",
    "Malayalam": "ml",
    "Sinhala": "si",
    "Thai": "th",
    "Lao": "lo",
    "Khmer": "km",
    "Myanmar": "my",
    "Tibetan": "bo dz",
    "Georgian": "ka",
    "Armenian": "hy",
    "Ethiopic": "am ti",
}
_SCRIPTS = {
    language: frozenset(scripts.split()) for scripts, languages in _WRITTEN_IN.items() for language in languages.split()
}
_LATIN: frozenset[str] = frozenset()  # is allowed everywhere

_NAMES = {"Cjk": "Han", "Ideographic": "Han", "Katakana-Hiragana": "Katakana"}
_COMMON = ("LATIN", "FULLWIDTH LATIN", "MODIFIER", "MATHEMATICAL", "COMBINING", "VARIATION")
_NO_SPACES = frozenset(["Han", "Hiragana", "Katakana", "Hangul", "Bopomofo", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan"])

_GREEK = "αβγδεζηθικλμνξοπρστυφχψω"
_GREEK_NAMES = {
    "en": "alpha beta gamma delta epsilon zeta eta theta iota kappa "
    "lambda mu nu xi omicron pi rho sigma tau upsilon phi chi psi omega",
    "de": "Alpha Beta Gamma Delta Epsilon Zeta Eta Theta Iota Kappa "
    "Lambda My Ny Xi Omikron Pi Rho Sigma Tau Ypsilon Phi Chi Psi Omega",
    "fr": "alpha bêta gamma delta epsilon zêta êta thêta iota kappa "
    "lambda mu nu xi omicron pi rhô sigma tau upsilon phi khi psi oméga",
    "es": "alfa beta gamma delta épsilon zeta eta theta iota kappa "
    "lambda mi ni xi ómicron pi ro sigma tau ípsilon fi ji psi omega",
    "it": "alfa beta gamma delta epsilon zeta eta teta iota kappa "
    "lambda mi ni xi omicron pi ro sigma tau ipsilon fi chi psi omega",
    "pt": "alfa beta gama delta épsilon zeta eta teta iota capa "
    "lambda mi ni xi ômicron pi rô sigma tau úpsilon fi qui psi ômega",
    "nl": "alfa bèta gamma delta epsilon zèta èta thèta jota kappa "
    "lambda mu nu xi omikron pi rho sigma tau ypsilon phi chi psi omega",
}
_LETTERS = {language: dict(zip(_GREEK, names.split(), strict=True)) for language, names in _GREEK_NAMES.items()}
_MICRO = re.compile(r"[gmlLsAVWFHNJK]")  # what it is of
_OHM = re.compile(r"\d\s?[kMGm\u00b5\u03bc]?$")  # before ohm

_DIGITS = re.compile(r"(?:(?![0-9])\d)+(?:[\u066b\u066c](?:(?![0-9])\d)+)*")
_COMMA_LANGUAGES = frozenset(["de", "fr", "es", "it", "pt", "nl"])  # of decimals

# What may stand between words that are left out together, and around them.
_BETWEEN = re.compile(r"[\s\u200b-\u200d'\u2019\u00b7.,:;/-]{1,3}")
_BRACKETS = dict(zip("([/\"'\u201c\u2018\u00ab\u201e", ")]/\"'\u201d\u2019\u00bb\u201c", strict=True))
_CLAUSE_MARKS, _MARKS_BEHIND, _BEGINNINGS = ",;:", ",;:.!?\u2026)]}", "\n([{.!?\u2026"
_MARKS = re.compile(r"[,;:.!?\u2026]{0,8}")
_SPACES = re.compile(r"[ \t\u00a0]{0,8}")
_MOST_SPACES = 8
_LONGEST_WORD = 40
_SHOWN_WORDS, _SHOWN_CHARS = 5, 24


def unspeakable(text: str, language: str, voice: str | None = None) -> tuple[list[Edit], str | None]:
    """Return edits that leave out what cannot be spoken, and a note that says so; ``None`` if no word was left out.

    Args:
        text: with Unicode's compatibility characters or without.
        language: code of its language, without region; one that is not known is written in Latin letters.
        voice: that of the voice's language; ``None`` is the text's.

    Raises:
        RequestError: more than half of its letters, and more than three or all, are of other scripts.
    """
    if not _OTHER.search(text):
        return [], None
    voice = voice or language
    allowed = _SCRIPTS.get(language, _LATIN) & _SCRIPTS.get(voice, _LATIN)
    foreign = {char for char in set(text) if _script(char) and _script(char) not in allowed}
    edits = _digits(text, language) if not allowed else []
    if not foreign:
        return edits, None
    spelled, words = _words(text, foreign, _LETTERS.get(language, _LETTERS["en"]) if not allowed else {})
    if not words:
        return _in_order([*edits, *spelled]), None
    _refuse_if_most(text, words, voice)
    return _in_order([*edits, *spelled, *(_left_out(text, *phrase) for phrase in _phrases(text, words))]), _note(text, words)


@cache
def _script(char: str) -> str:
    """Return the script of a letter or its mark; empty for Latin letters, those of none, and what is no letter."""
    if not _OTHER.match(char) or not (char.isalpha() or unicodedata.category(char)[0] == "M"):
        return ""
    name = unicodedata.name(char, "")
    if not name or name.startswith(_COMMON):
        return ""
    script = name.removeprefix("HALFWIDTH ").split()[0].title()
    return _NAMES.get(script, script)


def _digits(text: str, language: str) -> list[Edit]:
    point = "," if language in _COMMA_LANGUAGES else "."
    marks = {"\u066b": point, "\u066c": ""}
    return [
        Edit(*match.span(), "".join(marks[char] if char in marks else str(unicodedata.decimal(char)) for char in match[0]))
        for match in _DIGITS.finditer(text)
    ]


_Span = tuple[int, int]


def _words(text: str, foreign: set[str], letters: Mapping[str, str]) -> tuple[list[Edit], list[_Span]]:
    """Return the single Greek letters that are spelled, by their names (kept if there are none), and the words of others."""
    characters = re.escape("".join(sorted(foreign)))
    spelled: list[Edit] = []
    words: list[_Span] = []
    for match in re.finditer(rf"[{characters}][{characters}\u0300-\u036f\u200c\u200d]*+", text):
        start, end = match.span()
        letter = _greek_letter(match[0])
        if not letter:
            words.append((start, end) if _script(text[start]) in _NO_SPACES else _with_latin_letters(text, start, end))
        elif letters and not _is_unit(text, start, end, letter):
            before, after = " " * text[start - 1 : start].isalnum(), " " * text[end : end + 1].isalnum()
            spelled.append(Edit(start, end, before + letters[letter] + after))
    return _without_neighbours(text, spelled, words), words


def _greek_letter(word: str) -> str:
    """Return the small letter, without accents, of a word that is one Greek letter; else an empty text."""
    letter = unicodedata.normalize("NFD", word.lower())[0] if len(word) == 1 else ""
    return letter if letter and letter in _GREEK else ""


def _is_unit(text: str, start: int, end: int, letter: str) -> bool:
    """Whether a letter is micro or ohm, which are the rules' of the language to read."""
    if letter == "\u03bc":
        return bool(_MICRO.match(text, end)) and not text[start - 1 : start].isalpha()
    return text[start] == "\u03a9" and bool(_OHM.search(text, max(0, start - 3), start))


def _with_latin_letters(text: str, start: int, end: int) -> _Span:
    """Widen a part of a word, as of one that mixes letters that look alike, to the whole."""
    least, most = max(0, start - _LONGEST_WORD), min(len(text), end + _LONGEST_WORD)
    while start > least and text[start - 1].isalpha() and not _OTHER.match(text[start - 1]):
        start -= 1
    while end < most and text[end].isalpha() and not _OTHER.match(text[end]):
        end += 1
    return start, end


def _without_neighbours(text: str, spelled: Sequence[Edit], words: list[_Span]) -> list[Edit]:
    """Return the letters that are no words of one letter beside others; those are added to ``words``."""
    starts, ends = {start for start, _ in words}, {end for _, end in words}
    kept = []
    for edit in spelled:
        before, after = edit.start - 1, edit.end
        if (text[after : after + 1] == " " and after + 1 in starts) or (before in ends and text[before] == " "):
            words.append((edit.start, edit.end))
        else:
            kept.append(edit)
    words.sort()
    return kept


def _refuse_if_most(text: str, words: Sequence[_Span], language: str) -> None:
    letters = sum(map(str.isalpha, text))
    scripts = Counter(_script(char) for start, end in words for char in text[start:end] if char.isalpha())
    del scripts[""]
    count = scripts.total()
    if count > _MOST * letters and (count > _FEW or count == letters):
        raise RequestError(
            f"{count} of {letters} letters are of a script that texts in {language!r} are not written in ({_listed(scripts)}): "
            "give the language of the text and a voice that speaks it, or transliterate it"
        )


def _note(text: str, words: Sequence[_Span]) -> str:
    scripts = Counter(next(filter(None, map(_script, text[start:end]))) for start, end in words)
    shown = [text[start:end] for start, end in words[:_SHOWN_WORDS]]
    shown = [word if len(word) <= _SHOWN_CHARS else f"{word[:_SHOWN_CHARS]}\u2026" for word in shown]
    more = ["\u2026"] if len(words) > _SHOWN_WORDS else []
    count = "1 word" if len(words) == 1 else f"{len(words)} words"
    were = "was" if len(words) == 1 else "were"
    return f"{count} in {_listed(scripts)} script {were} left out: {', '.join([*shown, *more])}"


def _listed(scripts: Counter[str]) -> str:
    *others, last = (script for script, _ in scripts.most_common())
    return f"{', '.join(others)} and {last}" if others else last


def _phrases(text: str, words: Sequence[_Span]) -> list[_Span]:
    """Join words with no more than a space or a mark between them."""
    phrases: list[_Span] = []
    for start, end in words:
        if phrases and (start <= phrases[-1][1] or _BETWEEN.fullmatch(text, phrases[-1][1], start)):
            phrases[-1] = phrases[-1][0], max(end, phrases[-1][1])
        else:
            phrases.append((start, end))
    return phrases


def _left_out(text: str, start: int, end: int) -> Edit:
    """Return the edit that leaves out a phrase, with its brackets, and a mark and spaces that would stand double."""
    while start and end < len(text) and _BRACKETS.get(text[start - 1]) == text[end]:
        start, end = start - 1, end + 1
    start, end = _space_before(text, start), _space_behind(text, end)
    before, after = text[start - 1 : start], text[end : end + 1]
    if before and before in _CLAUSE_MARKS and (not after or after in _MARKS_BEHIND):
        start = _space_before(text, start - 1)
    elif after and after in _MARKS_BEHIND and (not before or before in _BEGINNINGS):
        marks = _MARKS.match(text, end)
        end = _space_behind(text, marks.end() if marks else end)
    before, after = text[start - 1 : start], text[end : end + 1]
    is_inner = before and after and before not in "\n([{" and after not in "\n" + _MARKS_BEHIND
    return Edit(start, end, " " if is_inner else "")


def _space_before(text: str, index: int) -> int:
    before = text[max(0, index - _MOST_SPACES) : index]
    return index - len(before) + len(before.rstrip(" \t\u00a0"))


def _space_behind(text: str, index: int) -> int:
    found = _SPACES.match(text, index)
    return found.end() if found else index


def _in_order(edits: Iterable[Edit]) -> list[Edit]:
    """Return edits in order; of two that overlap the later one is what is behind the other."""
    ordered: list[Edit] = []
    end = 0
    for edit in sorted(edits):
        if edit.end > end or edit.start >= end:
            ordered.append(edit._replace(start=max(end, edit.start)))
            end = edit.end
    return ordered

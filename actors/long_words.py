"""Where to cut what has no space: lists without spaces, addresses, hashes, scripts that write words together.

Front ends cut texts at sentences, clauses and spaces. What is still too long is cut here: behind marks, but not inside numbers,
and where there is none at any place that keeps a letter and its accents together.
"""

import re
import unicodedata

# Ends of sentences, of clauses, of parts of a word, of parts of a number; the first kind that is there decides.
_WITHIN_NUMBER = r"(?<!\d(?=.\d))"
MARKS = (
    re.compile(rf"(?:{_WITHIN_NUMBER}[.!?\u2026]|[\u3002\uff01\uff1f\uff0e\u0964\u06d4])[\"')\]\u201d\u2019\u300d\u300f]*"),
    re.compile(rf"{_WITHIN_NUMBER}[,;:]|[\u3001\uff0c\uff1a\uff1b\u060c\u061b]"),
    re.compile(r"[-\u2010-\u2015/\\|&=_+~#*<>()\[\]{}@]"),
    re.compile(r"[.,:]"),
)

_REGIONAL = ("\U0001f1e6", "\U0001f1ff")
_SKIN_TONES = ("\U0001f3fb", "\U0001f3ff")
_JOINER = "\u200d"
_VIRAMA = 9  # its combining class: what follows joins the letter before
_THAI_LAO_AM = "\u0e33\u0eb3"  # letters by their category, vowel signs by their look


def break_long_words(text: str, max_chars: int) -> str:
    """Return a text with a space in every run without one that has more than ``max_chars`` characters; else as it is."""
    return re.sub(rf"\S{{{max_chars + 1},}}", lambda match: " ".join(split_word(match[0], max_chars)), text)


def split_word(word: str, max_chars: int) -> list[str]:
    """Cut a word into pieces of at most ``max_chars`` characters, behind the last mark of the strongest kind in each."""
    pieces = []
    while len(word) > max_chars:
        cut = _last_mark(word, max_chars) or boundary(word, max_chars)
        pieces.append(word[:cut])
        word = word[cut:]
    return [*pieces, word] if word else pieces


def boundary(text: str, index: int) -> int:
    """Return the last place up to ``index`` where a character as people see it ends; ``index`` if there is none."""
    return next((i for i in range(index, 0, -1) if not _joined(text, i)), index)


def _last_mark(word: str, max_chars: int) -> int | None:
    for marks in MARKS:
        # One character more is looked at: it tells whether the last one is a number's.
        ends = [end for match in marks.finditer(word, 0, max_chars + 1) if (end := match.end()) <= max_chars]
        if ends:
            return ends[-1]
    return None


def _joined(text: str, index: int) -> bool:
    """Whether a cut before ``text[index]`` would part what Unicode calls a grapheme cluster (UAX 29, but for old Hangul)."""
    if index >= len(text):
        return False
    before, character = text[index - 1], text[index]
    if character in _THAI_LAO_AM or unicodedata.category(character)[0] == "M" or character == _JOINER:
        return True
    if before == _JOINER or (unicodedata.combining(before) == _VIRAMA and character.isalpha()):
        return True
    if _is_between(character, _SKIN_TONES):
        return True
    if _is_between(character, _REGIONAL):  # two make a flag
        start = index
        while start and _is_between(text[start - 1], _REGIONAL):
            start -= 1
        return (index - start) % 2 == 1
    return (before, character) == ("\r", "\n")


def _is_between(character: str, ends: tuple[str, str]) -> bool:
    return ends[0] <= character <= ends[1]

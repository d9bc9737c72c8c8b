# ruff: noqa: RUF001 (the tables of this module list look-alike characters on purpose)
"""Characters that are not seen, or are only another way to write others: what is left is what a reader sees.

Superscripts, fractions, quotes and the ellipsis stay: languages read them in their own way.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from actors.text.edits import Edit, Edited

# UTF-8 that was read as Windows' code page 1252 or as Latin-1. Some misreadings may be what somebody wrote: 'Ö' looks like
# 'Ã' with a dash behind it, 'à' like the end of Portuguese capitals. They are one within words, or not behind capitals.
_MISREAD = "’‘“”–—…•€™°£©®«»½·éèêëüöäßñáóúçîïôûâøåæ\u00a0\ufeff"
_MISREAD_IN_WORDS, _MISREAD_AT_ENDS = "ÉÖÜÄÇÑÓíœ", "àí"
_LOST = frozenset((0x81, 0x8D, 0x8F, 0x90, 0x9D))  # bytes that are nothing in code page 1252


def _as_cp1252(character: str) -> str:
    return "".join(chr(byte) if byte in _LOST else bytes([byte]).decode("cp1252") for byte in character.encode())


def _misreadings(characters: str) -> dict[str, str]:
    """Map what each character becomes in both code pages to itself."""
    readings = {_as_cp1252(character): character for character in characters}
    return readings | {character.encode().decode("latin-1"): character for character in characters}


def _any_of(characters: str) -> str:
    return "|".join(map(re.escape, sorted(_misreadings(characters), key=len, reverse=True)))


_MOJIBAKE = _misreadings(_MISREAD + _MISREAD_IN_WORDS + _MISREAD_AT_ENDS)
_MOJIBAKE["â€"] = "”"  # whose last byte is lost where controls are
_MISREAD_RUN = re.compile(
    rf"(?:{_any_of(_MISREAD)})|(?<![A-ZÀ-Þ])(?:{_any_of(_MISREAD_AT_ENDS)})|(?:{_any_of(_MISREAD_IN_WORDS)})(?=[a-zß-ÿ])|â€"
)
_MISREAD_SIGNS = ("Ã", "Â", "â€", "â\x80", "â‚", "â\x82", "â„", "â\x84", "Å", "ï»")

_SPACES = "\t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_GROUPING_SPACES = frozenset("\u00a0\u2007\u2009\u202f")  # between digits they group thousands
_JOINERS = frozenset("\u200c\u200d")
_PLAIN = {
    "\r": "\n",
    "\x0b": "\n",
    "\x0c": "\n",
    "\u2028": "\n",
    "\u2029": "\n\n",
    "\u2010": "-",
    "\u2011": "-",
    "ſ": "s",
    "ﬅ": "st",
}

# Seen by nobody: controls, soft hyphens, joiners, directions, fillers, variation selectors, tags, private use, lone surrogates.
_UNSEEN = (
    "\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ud800-\udfff\ue000-\uf8ff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U000e0000-\U0010ffff"
)
_MARKS = "\u0300-\u036f\u20d0-\u20ff\u3099\u309a"
_MOST_MARKS = 4  # on a letter; Vietnamese has two

# Emoji, dingbats, box drawing and shapes, but not ♭ ♮ ♯, which are read. From ❶ on dingbats are numbers and arrows.
_PICTOGRAPHS = (
    "\u231a\u231b\u23e9-\u23fa\u2500-\u266c\u2670-\u2775\u2795-\u2797\u27a1\u27b0\u27bf\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55"
    "\u3030\u303d\u2042\u2051\U0001f000-\U0001f0ff\U0001f16c-\U0001fbef"
)
# Full-width forms, ligatures, mathematical alphabets, Roman numerals, numbers in circles, squared units: all decompose.
_VARIANTS = (
    "\u0132\u0133\u017f\u2010\u2011\u203c\u2047-\u2049\u2102\u2103\u2109-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d"
    "\u212f-\u2131\u2133\u2134\u2139\u2145-\u2149\u2160-\u217f\u2460-\u24ff\u3250-\u325f\u3371-\u337a\u3380-\u33df\u33ff"
    "\ufb00-\ufb06\ufe50-\ufe6b\uff01-\uff5e\uffe0-\uffe2\uffe4-\uffe6\U0001d400-\U0001d7ff\U0001f100-\U0001f16b"
)
_ODD = re.compile(f"[\r\x0b\x0c\u2028\u2029{_SPACES}{_UNSEEN}{_MARKS}\u1100-\u11ff{_PICTOGRAPHS}{_VARIANTS}]++")
_ODD_ASCII = re.compile("[\x00-\x08\t\x0b-\x1f\x7f]++")
_IS_SPACE = re.compile(f"[{_SPACES}]").match
_IS_MARK = re.compile(f"[{_MARKS}]").match
_STROKES = re.compile("[\u0334-\u0338\u20d0-\u20ff]")  # through a letter, or around it
_COMPOSES = re.compile(f"[{_MARKS}\u1100-\u11ff]").match
_IS_PICTOGRAPH = re.compile(f"[{_PICTOGRAPHS}]").match
_IS_VARIANT = re.compile(f"[{_VARIANTS}]").match
_IS_DROPPED = re.compile(f"[{_UNSEEN}{_PICTOGRAPHS}]").match
_IS_SHAPED = re.compile("[\u0590-\u0dff]").match  # joiners shape letters of these scripts, Arabic to Sinhala
_ESCAPE_SEQUENCE = re.compile(r"\[[0-9;]{0,20}[A-Za-z]")  # behind ESC, as terminals take for colours
_CLOSERS = frozenset(".,;:!?…)]}”’»\n\r")

# A line of signs only is drawn, and so are some rows of them within a line.
_DRAWN = "-=_*~#+|\u2010-\u2015\u2022\u00b7"
_RULER = re.compile(
    rf"(?P<line>(?:(?<=\n)|\A)[ \t]*+(?:[{_DRAWN}][ \t]*+){{3,}}+(?=\n|\Z))"
    r"|(?P<dash>-{3,}+|[–—]{2,}+)|[ ]?(?:(?:_{3,}+|={4,}+|(?<![\w*~])[*~]{3,}+(?!\w))[ ]?)++"
)
_RULED = re.compile(r"[-=_*~#+]{3}|[—–]{2}|[-*•·~#][ \t][-*•·~#]")


def character_edits(text: str) -> list[Edit]:
    r"""Return the edits that leave of a text what is seen, each character written in the plainest way.

    What is dropped leaves no second space. Line breaks become ``\n``. A line of dashes or other signs becomes an empty one.
    """
    if text.isascii() and not _ODD_ASCII.search(text) and not _RULED.search(text):
        return []
    edited = Edited(text)
    for stage in (_misread_edits, _odd_edits, _ruler_edits):
        edited = edited.then(stage(edited.text))
    return list(edited.edits)


def _misread_edits(text: str) -> list[Edit]:
    if text.isascii() or not any(sign in text for sign in _MISREAD_SIGNS):
        return []
    return [Edit(found.start(), found.end(), _MOJIBAKE[found[0]]) for found in _MISREAD_RUN.finditer(text)]


def _odd_edits(text: str) -> list[Edit]:
    odd = _ODD_ASCII if text.isascii() else _ODD
    edits: list[Edit] = []
    position = 0
    while found := odd.search(text, position):
        edit = _plain_run(text, found.start(), found.end(), position)
        position = max(found.end(), edit.end)
        if text[edit.start : edit.end] != edit.text:
            edits.append(edit)
    return edits


def _plain_run(text: str, start: int, end: int, taken: int) -> Edit:
    """Return what a run of odd characters becomes, with neighbours that change with it, but for those before ``taken``."""
    run, before, after = text[start:end], text[max(taken, start - 1) : start], text[end : end + 1]
    if run in _GROUPING_SPACES and before.isdecimal() and after.isdecimal():
        return Edit(start, end, run)
    if run in _JOINERS and _IS_SHAPED(before):
        return Edit(start, end, run)
    if run[-1] == "\x1b" and (sequence := _ESCAPE_SEQUENCE.match(text, end)):
        return Edit(start, sequence.end(), _plain(run))
    if run[-1] == "\u00ad" and after == "\n":  # a word that was hyphenated at the end of a line
        return Edit(start, end + 1, _plain(run))
    if before and _IS_MARK(run):
        return Edit(start - 1, end, _plain(before + run))
    plain = _plain(run[:-1] if run[-1] == "\r" and after == "\n" else run)
    if not plain.strip(" ") and any(map(_IS_PICTOGRAPH, run)):
        return _tidied(text, start, end, taken)
    return Edit(start, end, plain)


def _plain(run: str) -> str:
    """Return a run of odd characters, and a letter that marks are on, in plain ones."""
    if len(run) == 1:
        return _plain_character(run)
    plain = "".join(map(_plain_character, _with_few_marks(run)))
    return _STROKES.sub("", unicodedata.normalize("NFC", plain)) if any(map(_COMPOSES, plain)) else plain


def _with_few_marks(run: str) -> Iterator[str]:
    """Yield the characters of a run, but for marks that are heaped on one."""
    marks = 0
    for character in run:
        marks = marks + 1 if _IS_MARK(character) else 0
        if marks <= _MOST_MARKS:
            yield character


@lru_cache(4096)
def _plain_character(character: str) -> str:
    if character in _PLAIN:
        return _PLAIN[character]
    if _IS_SPACE(character):
        return " "
    if "\x80" <= character <= "\x9f":  # of Windows' code page, where Latin-1 has none
        return bytes([ord(character)]).decode("cp1252", "ignore")
    if _IS_VARIANT(character):
        return _decomposed(character)
    return "" if _IS_DROPPED(character) else character


def _decomposed(character: str) -> str:
    """Return what a character stands for: by one step, which leaves the ² of ㎡."""
    codes = unicodedata.decomposition(character).split()
    return "".join(chr(int(code, 16)) for code in codes if not code.startswith("<"))


def _tidied(text: str, start: int, end: int, taken: int) -> Edit:
    """Return the edit that drops pictographs with one of the spaces around them, or leaves one between words."""
    before, after = text[max(taken, start - 1) : start], text[end : end + 1]
    if before == " " and (not after.strip(" ") or after in _CLOSERS):
        start -= 1
        before = text[max(taken, start - 1) : start]
    elif before in ("", " ", "\n") and after == " ":
        end += 1
    return Edit(start, end, " " if before.isalnum() and text[end : end + 1].isalnum() else "")


def _ruler_edits(text: str) -> list[Edit]:
    if not _RULED.search(text):
        return []
    instead = {"line": "", "dash": "—", None: " "}
    return [Edit(found.start(), found.end(), instead[found.lastgroup]) for found in _RULER.finditer(text)]

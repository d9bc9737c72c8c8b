# ruff: noqa: RUF001 (look-alike characters are listed on purpose)
"""Pronunciations in IPA as letters that a voice reads so, since no model family takes phonemes.

Tables give the nearest sounds of a language, by its own spelling. In English it depends most on what stands around a
sound: short vowels are kept short by double consonants, and vowels before r have letters of their own.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import NamedTuple

# Longest first where several fit. Keys are folded: no length marks where they tell nothing, no ties, no stress.
_CONSONANTS = {
    "tʃ": "ch", "dʒ": "j", "tɕ": "ch", "dʑ": "j", "ts": "ts", "dz": "dz", "pf": "pf", "tʂ": "ch", "ʃ": "sh", "ʒ": "zh",
    "θ": "th", "ð": "th", "ŋg": "ng", "ŋk": "nk", "ŋ": "ng", "j": "y", "x": "kh", "χ": "kh", "ç": "h", "ɹ": "r", "ɾ": "r",
    "ʁ": "r", "ʀ": "r", "ɻ": "r", "r": "r", "ɡ": "g", "g": "g", "ɲ": "ny", "ʎ": "ly", "β": "v", "ɣ": "g", "ɬ": "l", "ʍ": "w",
    "ɥ": "w", "q": "k", "c": "k", "ɟ": "j", "ħ": "h", "ʂ": "sh", "ʐ": "zh", "ɕ": "sh", "ʑ": "zh", "ɭ": "l", "ɫ": "l",
    "ɳ": "n", "ʈ": "t", "ɖ": "d", "ɱ": "m", "ʋ": "v", "ɸ": "f", "ɦ": "h", "k": "k", "kw": "qu", "ks": "x", "p": "p", "b": "b",
    "t": "t", "d": "d", "f": "f", "v": "v", "s": "s", "z": "z", "h": "h", "m": "m", "n": "n", "l": "l", "w": "w", "ɰ": "w",
}  # fmt: skip
_VOWELS = {
    "iː": "ee", "i": "ee", "ɪ": "i", "eɪ": "ay", "ei": "ay", "eː": "ay", "e": "e", "ɛ": "e", "æ": "a", "a": "ah", "aː": "ah",
    "ɑː": "ah", "ɑ": "ah", "ɐ": "u", "ɒ": "o", "ɔː": "aw", "ɔ": "o", "oʊ": "oh", "əʊ": "oh", "oː": "oh", "o": "oh", "ʊ": "oo",
    "uː": "oo", "u": "oo", "ʌ": "u", "ə": "uh", "ɜː": "er", "ɜ": "er", "ɝ": "er", "ɚ": "er", "ɜːr": "er", "ɜr": "er",
    "ər": "er", "aɪ": "igh", "ai": "igh", "aʊ": "ow", "au": "ow", "ɔɪ": "oy", "oi": "oy", "ɔʏ": "oy", "ɪə": "eer",
    "eə": "air", "ɛə": "air", "ʊə": "oor", "ɑːr": "ar", "ɑr": "ar", "ar": "ar", "ɔːr": "or", "ɔr": "or", "oʊr": "or",
    "or": "or", "ɛr": "air", "er": "air", "ɪər": "eer", "ɪr": "eer", "iːr": "eer", "ir": "eer", "eər": "air", "ɛər": "air",
    "ʊər": "oor", "ʊr": "oor", "aɪər": "ire", "aɪr": "ire", "aʊər": "ower", "aʊr": "ower", "ɔɪər": "oyer", "juː": "yoo",
    "y": "ew", "yː": "ew", "ʏ": "oo", "ø": "er", "øː": "er", "œ": "er", "ɨ": "i", "ʉ": "oo", "ɯ": "oo", "ɤ": "u", "ɘ": "uh",
    "ɵ": "uh", "ɑ̃": "on", "ɔ̃": "on", "õ": "on", "ã": "an", "ɛ̃": "an", "œ̃": "un",
}  # fmt: skip
_R = str.maketrans("ɹɾʁʀɻ", "rrrrr")
_GERMAN = {
    "aɪ": "ei", "aʊ": "au", "ɔʏ": "eu", "ɔɪ": "eu", "iː": "ie", "i": "i", "ɪ": "i", "eː": "eh", "e": "e", "ɛː": "äh",
    "ɛ": "e", "æ": "ä", "aː": "ah", "a": "a", "ɑː": "ah", "ɑ": "a", "ʌ": "a", "ɐ": "er", "ɒ": "o", "ɔː": "oh", "ɔ": "o",
    "oː": "oh", "o": "o", "oʊ": "oh", "əʊ": "oh", "eɪ": "eh", "uː": "uh", "u": "u", "ʊ": "u", "yː": "üh", "y": "ü", "ʏ": "ü",
    "øː": "öh", "ø": "ö", "œ": "ö", "ə": "e", "ɜː": "ör", "ɝ": "ör", "ɑ̃": "ang", "ɔ̃": "ong", "ɛ̃": "äng", "œ̃": "öng",
    "tʃ": "tsch", "dʒ": "dsch", "ts": "z", "pf": "pf", "ʃ": "sch", "ʒ": "sch", "θ": "s", "ð": "s", "ŋk": "nk", "ŋg": "ng",
    "ŋ": "ng", "j": "j", "x": "ch", "χ": "ch", "ç": "ch", "ɡ": "g", "ɲ": "nj", "ʎ": "lj", "v": "w", "w": "w", "z": "s",
    "s": "ß", "ks": "x", "kv": "qu",
}  # fmt: skip
_FRENCH = {
    "i": "i", "e": "é", "ɛ": "è", "a": "a", "ɑ": "â", "ɔ": "o", "o": "ô", "u": "ou", "y": "u", "ø": "eu", "œ": "eu", "ə": "e",
    "ɪ": "i", "ʊ": "ou", "ʌ": "a", "æ": "a", "ɒ": "o", "ɑ̃": "an", "ɔ̃": "on", "ɛ̃": "in", "œ̃": "un", "aɪ": "aï",
    "aʊ": "aou", "eɪ": "eille", "oʊ": "ô", "ɔɪ": "oï", "tʃ": "tch", "dʒ": "dj", "ʃ": "ch", "ʒ": "j", "θ": "s", "ð": "z",
    "ŋ": "ng", "j": "y", "w": "ou", "ɥ": "u", "wa": "oi", "ɲ": "gn", "ɡ": "gu", "k": "k", "s": "ss", "x": "kh", "ç": "ch",
    "h": "h", "ʎ": "ly", "ɡa": "ga", "ɡo": "gô", "ɡu": "gou", "ɡɔ": "go",
}  # fmt: skip
_SPANISH = {
    "i": "i", "ɪ": "i", "e": "e", "ɛ": "e", "a": "a", "ɑ": "a", "æ": "a", "ʌ": "a", "ə": "e", "o": "o", "ɔ": "o", "ɒ": "o",
    "u": "u", "ʊ": "u", "y": "i", "ø": "e", "œ": "e", "aɪ": "ai", "aʊ": "au", "eɪ": "ei", "oʊ": "ou", "ɔɪ": "oi", "tʃ": "ch",
    "dʒ": "y", "ʃ": "sh", "ʒ": "y", "θ": "z", "ð": "d", "ŋ": "n", "j": "i", "ʝ": "y", "w": "u", "ɲ": "ñ", "ʎ": "ll", "x": "j",
    "h": "j", "χ": "j", "ɡ": "g", "ɡe": "gue", "ɡi": "gui", "ɣ": "g", "β": "b", "v": "b", "z": "s", "ks": "x", "ʁ": "r",
    "ɡɛ": "gue", "ɡɪ": "gui",
}  # fmt: skip
_STRESS = "ˈ"
_LEFT_OUT = "ˌ‚.|‖‿/[]()\u0361\u035c"
_ALIKE = str.maketrans(
    {":": "ː", "ˑ": "ː", "'": "ˈ", "g": "ɡ", "ʤ": "dʒ", "ʧ": "tʃ", "ʦ": "ts", "ɚ": "ər", "ɝ": "ɜr", "ɫ": "l"}
)
_LONGEST = 5
_G = "ɡ"
_DOUBLED = {sound: 2 * sound for sound in "bdfmnprtlz"} | {"k": "ck", _G: "gg", "s": "ss", "dʒ": "dge", "tʃ": "tch"}
_DOUBLED_LAST = frozenset([*"fkslz", "dʒ", "tʃ"])
_SCHWA = "ə"
_WEAK = {"n": "e", "l": "e", "m": "o", "t": "e", "d": "e"}
_OPEN = {"aɪ": "i", "oʊ": "o"}
_LAST = {"ə": "a", "ɪ": "ee", "i": "ee", "ɛ": "eh", "e": "ay", "aɪ": "y", "ai": "y"}
_MAX_CHARS = 200  # of a pronunciation: a book is a stranger's

_SAMPA = {
    "tS": "tʃ", "dZ": "dʒ", "S": "ʃ", "Z": "ʒ", "T": "θ", "D": "ð", "N": "ŋ", "C": "ç", "G": "ɣ", "B": "β", "J": "ɲ", "L": "ʎ",
    "R": "ʁ", "X": "χ", "H": "ɥ", "M": "ɯ", "F": "ɱ", "P": "ʋ", "K": "ɬ", "W": "ʍ", "?": "ʔ", "4": "ɾ", "r\\": "ɹ", "h\\": "ɦ",
    "I": "ɪ", "E": "ɛ", "{": "æ", "A": "ɑ", "Q": "ɒ", "O": "ɔ", "U": "ʊ", "V": "ʌ", "@": "ə", "3": "ɜ", "3`": "ɝ", "@`": "ɚ",
    "2": "ø", "9": "œ", "Y": "ʏ", "6": "ɐ", "1": "ɨ", "}": "ʉ", "7": "ɤ", "8": "ɵ", '"': "ˈ", "%": "ˌ", ":": "ː", "~": "\u0303",
}  # fmt: skip
_SAMPA_SIGN = re.compile("|".join(re.escape(sign) for sign in sorted(_SAMPA, key=len, reverse=True)))


def _folded(ipa: str) -> str:
    """Return a pronunciation with one character for what several are written for, and without stress."""
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFD", ipa).translate(_R).translate(_ALIKE))
    return "".join(char for char in folded if char not in _LEFT_OUT)


def _table(*parts: Mapping[str, str]) -> dict[str, str]:
    return {_folded(sound): letters for part in parts for sound, letters in part.items()}


_TABLES = {
    "en": _table(_CONSONANTS, _VOWELS),
    "de": _table(_CONSONANTS, _GERMAN),
    "fr": _table(_CONSONANTS, _FRENCH),
    "es": _table(_CONSONANTS, _SPANISH),
}
LANGUAGES = frozenset(_TABLES)
_SHORT = frozenset(map(_folded, "ɪeɛæɒɔʌʊɐɨɤ"))
_VOICES = frozenset(_table(_VOWELS))


def respelled(ipa: str, language: str = "en") -> str:
    """Return letters that are read as a pronunciation in IPA sounds; empty if no sound in it is known.

    Args:
        ipa: with or without stress, length and syllables; words have spaces between.
        language: code of the language whose spelling is used; of others than :data:`LANGUAGES` English's is.
    """
    table = _TABLES.get(language, _TABLES["en"])
    spell = _english if table is _TABLES["en"] else _plainly
    spelled = (spell(_phones(word, table), table) for word in ipa[:_MAX_CHARS].split())
    return " ".join(filter(None, spelled))


def from_sampa(text: str) -> str:
    """Return a pronunciation in X-SAMPA as IPA."""
    return _SAMPA_SIGN.sub(lambda sign: _SAMPA[sign[0]], text)


def _phones(word: str, table: Mapping[str, str]) -> list[str]:
    """Return the sounds of a word that a table has, of those at a place the longest."""
    parts = (_of_part(part, table) for part in _folded(word).split(_STRESS))
    return [phone for part in parts for phone in (_STRESS, *part)][1:]


def _of_part(part: str, table: Mapping[str, str]) -> list[str]:
    phones, position = [], 0
    while position < len(part):
        sizes = range(min(_LONGEST, len(part) - position), 0, -1)
        size = next((size for size in sizes if part[position : position + size] in table), 0)
        if size:
            phones.append(part[position : position + size])
        position += size or 1
    return phones


def _plainly(phones: Sequence[str], table: Mapping[str, str]) -> str:
    return "".join(table[phone] for phone in phones if phone != _STRESS)


def _english(phones: Sequence[str], table: Mapping[str, str]) -> str:
    """Return the letters of a word's sounds in English."""
    places = [index for index, phone in enumerate(phones) if phone != _STRESS]
    sounds = [phones[index] for index in places]
    around: list[str | None] = [None, *sounds, None, None]
    stressed = {place for place, index in enumerate(places) if index and phones[index - 1] == _STRESS}
    return "".join(
        _letters(_Place(before, sound, behind, after, place + 1 in stressed, place in stressed), table)
        for place, (before, sound, behind, after) in enumerate(zip(around, sounds, around[2:], around[3:], strict=False))
    )


class _Place(NamedTuple):
    """A sound between others; ``None`` is the beginning or the end of the word."""

    before: str | None
    sound: str
    behind: str | None
    after: str | None = None
    is_before_stress: bool = False
    is_stressed: bool = False

    @property
    def is_open(self) -> bool:
        """Whether one consonant stands behind, and then a vowel."""
        return self.behind is not None and self.behind not in _VOICES and self.after in _VOICES

    @property
    def is_closed_last(self) -> bool:
        """Whether one consonant stands behind, and nothing else."""
        return self.behind is not None and self.behind not in _VOICES and self.after is None


def _letters(at: _Place, table: Mapping[str, str]) -> str:
    return _vowel(at, table) if at.sound in _VOICES else _consonant(at, table)


def _consonant(at: _Place, table: Mapping[str, str]) -> str:
    sound, is_last, is_before_vowel = at.sound, at.behind is None, at.behind in _VOICES
    is_doubled = at.before in _SHORT and not at.is_stressed
    if sound in _DOUBLED and is_doubled and ((is_last and sound in _DOUBLED_LAST) or (is_before_vowel and len(sound) == 1)):
        return _DOUBLED[sound]
    if sound == "s" and at.before in _VOICES and not at.is_stressed and at.before != _SCHWA and (is_before_vowel or is_last):
        return "ss"
    if sound == "s" and is_last and at.before in ("n", "l", "r"):
        return "ce"
    if sound == _G and is_before_vowel and table[at.behind or ""][0] in "eiy":
        return "gh"
    return table[sound]


def _vowel(at: _Place, table: Mapping[str, str]) -> str:
    if at.behind is None:
        return _LAST.get(at.sound, table[at.sound])
    if at.sound == _SCHWA:
        return "a" if at.before is None or at.is_before_stress or at.is_open else _WEAK.get(at.behind, "u")
    if at.sound == "ɪ" and at.is_before_stress:
        return "e"
    if at.sound in _OPEN and at.is_open:
        return _OPEN[at.sound]
    if at.sound == "oʊ" and at.is_closed_last:
        return "oa"
    return table[at.sound]

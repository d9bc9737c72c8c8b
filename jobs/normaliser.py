"""What is left of a text for a scorer: its words, without what is written and not spoken.

:func:`normalise_text` does what holds in every language (Unicode's NFKC, case folding, apostrophes, what nobody sees, points
that readers of Arabic and Hebrew do without) and, for a language it is told, what holds there. English is Whisper's English
normaliser (https://cdn.openai.com/papers/whisper.pdf, appendix C), the field's standard, by way of whisper-normalizer. The
normaliser that Whisper has for other languages takes marks away, which are vowels in the scripts of India, and is not used.

:func:`words_of` and :func:`characters_of` cut the result into what is counted.
"""

import itertools
import re
import unicodedata
from collections.abc import Callable
from functools import cache

from actors.errors import UsageError

__all__ = ["NO_LANGUAGE", "characters_of", "has_rules", "language_of", "normalise_text", "without_events", "words_of"]

NO_LANGUAGE = "none"

_EVENT = re.compile(r"\[[^\[\]]*\]|<[/\w][^<>]*>")  # [Music], <unk>
_ASIDE = re.compile(r"\([^()]*\)")
_APOSTROPHES = "'\u2018\u2019\u201b\u02b9\u02bb\u02bc\u02bd\u02be\u02bf\u055a\u2032\u05f3\ua78c\uff07`\u00b4"
_LOOSE_APOSTROPHE = re.compile(r"(?<![^\s'])'|'(?![^\s'])")

# What is part of no word though Unicode calls it a letter, a mark or a symbol between letters: joiners, variation selectors,
# fillers (its Default_Ignorable_Code_Point, where the category does not say it), and signs of registered names.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff\u2122\u2120\u00ae\u00a9]"
)

# Points that say how a word is read, and that most texts leave out: Arabic harakat and signs of recitation, Hebrew niqqud and
# cantillation, Syriac points. Hamza and madda (U+0653 to U+0655) belong to letters.
_POINTS = re.compile(
    "[\u0610-\u061a\u064b-\u0652\u0656-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0898-\u089f\u08ca-\u08e1"
    "\u08e3-\u08ff\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0711\u0730-\u074a]"
)
# Kashmiri and Yiddish write vowels with them.
_POINTED_LANGUAGES = {"ks", "yi"}
_TATWEEL = "\u0640"
_STRESS = re.compile("(?<=[\u0400-\u052f])[\u0300\u0301]+")  # over a Cyrillic vowel, in textbooks

# One letter in two spellings, by language; applied before case is folded.
_LETTERS = {
    "ar": str.maketrans("\u0623\u0625\u0622\u0671\u0649", "\u0627\u0627\u0627\u0627\u064a"),  # alef, final yeh
    "az": str.maketrans("I\u0130", "\u0131i"),
    "fa": str.maketrans("\u064a\u0649\u0643", "\u06cc\u06cc\u06a9"),  # yeh and kaf of Arabic keyboards
    "ru": str.maketrans("\u0401\u0451", "\u0415\u0435"),
    "tr": str.maketrans("I\u0130", "\u0131i"),
    "ur": str.maketrans("\u064a\u0649\u0643", "\u06cc\u06cc\u06a9"),
}

# Letters that were written as several characters: Malayalam chillus and the Bengali khanda ta with a joiner, as before
# Unicode 5.1 and 4.1; the Thai and Lao vowels am, with a tone mark on either side, and ae, typed as two e.
_JOINED = str.maketrans(
    dict(zip("\u0d23\u0d28\u0d30\u0d32\u0d33\u0d15\u09a4", "\u0d7a\u0d7b\u0d7c\u0d7d\u0d7e\u0d7f\u09ce", strict=True))
)
_WITH_JOINER = re.compile("([\u0d23\u0d28\u0d30\u0d32\u0d33\u0d15])\u0d4d\u200d|(\u09a4)\u09cd\u200d")
_SPLIT_VOWELS = (
    (re.compile("\u0e4d([\u0e48-\u0e4b]?)\u0e32"), "\\1\u0e33"),
    (re.compile("\u0ecd([\u0ec8-\u0ecb]?)\u0eb2"), "\\1\u0eb3"),
    (re.compile("\u0e40\u0e40"), "\u0e41"),
    (re.compile("\u0ec0\u0ec0"), "\u0ec1"),
)
_VOWELS_AM = "\u0e33\u0eb3"

# Scripts that do not part words: Thai, Lao, Burmese, Khmer, the other Tai scripts, Balinese, Javanese, Han, kana, bopomofo.
_UNSPACED = re.compile(
    "[\u0e01-\u0e4e\u0e81-\u0ede\u1000-\u109f\u1780-\u17dd\u1950-\u19df\u1a20-\u1aad\u1b00-\u1b4c\ua980-\ua9c0\ua9e0-\ua9fe"
    "\uaa60-\uaadf\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303b\u3041-\u30ff\u3105-\u312f\u31a0-\u31bf"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00011700-\U0001173f\U0001aff0-\U0001b16f\U00020000-\U0003ffff]"
)

# Letters and marks of scripts other than Latin, to which rules for English do no good.
_NOT_LATIN = re.compile(
    "[\u0370-\u1cff\u1f00-\u1fff\u2c80-\u2dff\u2e80-\ua71f\ua800-\uab2f\uab70-\uffdf\U00010000-\U0001efff\U00020000-\U0003ffff]"
)
_TIME = re.compile(r"(?<![\d:.,])(\d{1,2}):([0-5]\d)(?![\d:])")
# What Whisper's normaliser writes in one way where it is said, and in another where it is written so.
_AS_SAID = (
    (re.compile(r"\b(can)(not)\b", re.IGNORECASE), r"\1 \2"),
    (re.compile(r"\bshan't\b", re.IGNORECASE), "shall not"),
    (re.compile(r"(\d+)\u00a2"), "\u00a2\\1"),
)
_BRACKETS = str.maketrans(dict.fromkeys("[]<>()", " "))


def language_of(code: str) -> str:
    """Return the language of a code such as ``en``, ``en-US`` or ``pt_BR``; :data:`NO_LANGUAGE` is that of all.

    Raises:
        UsageError: it is no such code.
    """
    found = re.fullmatch(r"([a-z]{2,3}|none)([-_]\w+)*", code.strip().lower())
    if not found:
        raise UsageError(
            f"{code!r} is no language code: name one of two or three letters, such as en, tr or hi, or {NO_LANGUAGE}"
        )
    return found[1]


def has_rules(language: str) -> bool:
    """Say whether a language has rules of its own."""
    return language == "en" or language in _LETTERS or language in _POINTED_LANGUAGES


def normalise_text(text: str, language: str = NO_LANGUAGE) -> str:
    """Return the words of a text, parted by single spaces.

    Args:
        text: as it was written or heard; events such as ``[Music]`` and ``<unk>`` are no words.
        language: what :func:`language_of` returns; one without rules of its own is like :data:`NO_LANGUAGE`.

    Raises:
        UsageError: the language is English, and whisper-normalizer is not installed.
    """
    seen = without_events(_as_seen(text))
    return _english(seen) if language == "en" else _fold(seen, language)


def without_events(text: str) -> str:
    """Return a text without what is in square brackets, and without tags."""
    return _EVENT.sub(" ", text)


def words_of(text: str) -> list[str]:
    """Cut at spaces; in scripts that do not part words every character is one, as :func:`characters_of` has them."""
    return [word for written in text.split() for word in _words_of(written)]


def characters_of(text: str) -> list[str]:
    """Cut into letters with their marks (a Hindi syllable with its vowel sign is one); spaces do not count."""
    if text.isascii():
        return list("".join(text.split()))
    characters: list[str] = []
    for character in "".join(text.split()):
        if characters and _is_mark(character):
            characters[-1] += character
        else:
            characters.append(character)
    return characters


def _words_of(written: str) -> list[str]:
    if not _UNSPACED.search(written):
        return [written]
    words: list[str] = []
    for unspaced, run in itertools.groupby(characters_of(written), lambda character: bool(_UNSPACED.match(character))):
        characters = list(run)
        words += characters if unspaced else ["".join(characters)]
    return words


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M") or character in _VOWELS_AM


def _as_seen(text: str) -> str:
    """Return a text in NFKC without what nobody sees; apostrophes are ``'``, digits those of ASCII."""
    joined = _WITH_JOINER.sub(lambda found: (found[1] or found[2]).translate(_JOINED), text)
    return unicodedata.normalize("NFKC", joined.translate(_SEEN))


def _fold(text: str, language: str) -> str:
    """Return the words of a text that :func:`_as_seen` returned."""
    letters = text.translate(_LETTERS[language]) if language in _LETTERS else text
    # The dot of a capital I that has one is a mark of its own in small letters.
    folded = unicodedata.normalize("NFKC", letters.casefold()).replace("i\u0307", "i")
    plain = _STRESS.sub("", folded if language in _POINTED_LANGUAGES else _POINTS.sub("", folded))
    for split, vowel in _SPLIT_VOWELS:  # NFKC splits them
        plain = split.sub(vowel, plain)
    return " ".join(_LOOSE_APOSTROPHE.sub(" ", plain.translate(_WORDS)).split())


class _Table(dict[int, str]):
    """A table for :meth:`str.translate` that asks for each character once."""

    def __init__(self, rule: Callable[[str], str]) -> None:
        self._rule = rule

    def __missing__(self, code: int) -> str:
        self[code] = self._rule(chr(code))
        return self[code]


def _as_seen_character(character: str) -> str:
    category = unicodedata.category(character)
    if character in _APOSTROPHES:
        return "'"
    if character.isspace():
        return " "
    # Formats (soft hyphens, joiners, marks of direction), controls, halves of surrogate pairs.
    if category in ("Cf", "Cc", "Cs") or _UNSEEN.match(character):
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "Sk":  # NFKC makes a space and a mark of it
        return {"\u309b": "\u3099", "\u309c": "\u309a"}.get(character, " ")
    if unicodedata.decomposition(character).startswith("<fraction>"):
        return f" {character} "  # 3½ is not 31/2
    return character


def _word_character(character: str) -> str:
    category = unicodedata.category(character)
    if character in _APOSTROPHES:
        return "'"
    if character == _TATWEEL or category == "Me":
        return ""
    # What this Python's Unicode does not know yet may well be a letter.
    return character if category[0] in "LMN" or category in ("Cn", "Co") else " "


_SEEN = _Table(_as_seen_character)
_WORDS = _Table(_word_character)


def _english(text: str) -> str:
    """Normalise as Whisper does, but for words of other scripts, times of day (``3:45`` is read like 345) and ``&``."""
    plain = _TIME.sub(_time, _ASIDE.sub(" ", text)).replace("&", " and ").translate(_BRACKETS)
    runs = itertools.groupby(plain.split(), lambda word: bool(_NOT_LATIN.search(word)))
    done = [_fold(" ".join(words), NO_LANGUAGE) if foreign else _whisper(" ".join(words)) for foreign, words in runs]
    return " ".join(" ".join(done).split())


def _time(found: re.Match[str]) -> str:
    return found[1] if found[2] == "00" else found[1] + found[2]


def _whisper(text: str) -> str:
    for written, said in _AS_SAID:
        text = written.sub(said, text)
    try:
        return _load_whisper()(text)
    except (AssertionError, ValueError):  # numbers of more digits than Python turns into integers
        return _fold(text, NO_LANGUAGE)


@cache
def _load_whisper() -> Callable[[str], str]:
    try:
        from whisper_normalizer.english import EnglishTextNormalizer
    except ModuleNotFoundError as error:
        raise UsageError(f"comparing English texts needs {error.name}: pip install whisper-normalizer") from error
    normalise: Callable[[str], str] = EnglishTextNormalizer()
    return normalise

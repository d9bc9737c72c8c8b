# ruff: noqa: RUF001 (look-alike characters are listed on purpose)
"""Headings that only their words give away: ``CHAPTER IV. The Storm``, ``Erster Teil``, ``XII``; and how they are nested."""

import re
from dataclasses import dataclass
from functools import lru_cache

from actors.text.roman import roman_value

_WORDS = [
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
]  # fmt: skip
_ORDINALS = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth",
    "twentieth",
]  # fmt: skip
# Ordinals of other languages stand before their noun: their beginnings, by value.
_FOREIGN = (
    "erste|premi[eè]r|primer|prim[oa]|primeir|eerste",
    "zweite|deuxi[eè]me|second|segund|tweede",
    "dritte|troisi[eè]me|tercer|terz[oa]|terceir|derde",
    "vierte|quatri[eè]me|cuart|quart[oa]|vierde",
    "f[uü]nfte|cinqui[eè]me|quint[oa]|vijfde",
    "sechste|sixi[eè]me|sext[oa]|sest[oa]|zesde",
    "siebente|siebte|septi[eè]me|s[eé]ptim[oa]|settim[oa]|zevende",
    "achte|huiti[eè]me|octav[oa]|ottav[oa]|oitav[oa]|achtste",
    "neunte|neuvi[eè]me|noven[oa]|non[oa]|negende",
    "zehnte|dixi[eè]me|d[eé]cim[oa]|tiende",
    "elfte|onzi[eè]me|und[eé]cim[oa]|elfde",
    "zw[oö]lfte|douzi[eè]me|duod[eé]cim[oa]|twaalfde",
)
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
# By rank: what may hold what is below it.
_NOUNS = (
    "volume|tome|band",
    "part|book|act|epoch|teil|theil|buch|akt|aufzug|partie|livre|acte|parte|libro|livro|acto|atto|ato|deel|boek|bedrijf",
    "chapter|stave|canto|letter|scene|section|adventure|lecture|episode|fable|tale|lesson|kapitel|capitel|brief|szene|auftritt"
    "|gesang|chapitre|lettre|sc[eè]ne|chant|cap[ií]tulo|carta|escena|capitolo|lettera|scena|cena|hoofdstuk|toneel|tooneel",
)
_RANKS = {noun: rank for rank, nouns in enumerate(_NOUNS) for noun in nouns.split("|")}
_NAMED = re.compile(
    r"(?:(?:the |author['’]s |to the |l['’])?(?:preface|prologue|epilogue|introduction|introductory|foreword|afterword"
    r"|conclusion|appendix|postscript|dedication|etymology|prelude|interlude|finale|induction"
    r"|vorwort|vorrede|nachwort|einleitung|prolog|epilog|anhang|widmung|pr[eé]face|avant-propos|[eé]pilogue|postface"
    r"|pr[oó]logo|ep[ií]logo|prefacio|introducci[oó]n|conclusi[oó]n|pref[aá]cio|introdu[cç][aã]o|prefazione|introduzione"
    r"|conclusione|voorwoord|voorrede|inleiding|nawoord|naschrift|besluit)"
    r"(?: to the [\w ]{1,40}| by [\w. ]{1,40}| [IVX]{1,5})?)[.:]?",
    re.I,
)
_ROMAN = r"[IVXLC]{1,9}|[ivxlc]{1,9}"
_NOUN = "|".join(noun for nouns in _NOUNS for noun in nouns.split("|"))
_ONES = "|".join([*_WORDS[:9], *_ORDINALS[:9]])
_NUMBER = rf"\d{{1,4}}|(?:the\s+)?[a-z]{{3,11}}(?:-(?:{_ONES}))?|{_ROMAN}"
_BEHIND = r"(?P<between>\s*[.:;,)\]—–-]+\s*|\s+|\Z)(?P<title>.*)"
_NOUN_FIRST = re.compile(rf"(?P<noun>{_NOUN})\s+(?:(?:no|nr|n°)\.?\s*)?(?P<number>{_NUMBER})(?![\w'’]){_BEHIND}", re.I)
_NUMBER_FIRST = re.compile(
    rf"(?:the\s+|der\s+|das\s+|la\s+|le\s+|el\s+)?(?P<number>[\wà-ÿ]{{3,14}}|\d{{1,3}}\.)\s+(?P<noun>{_NOUN})(?![\w'’]){_BEHIND}",
    re.I,
)
_ALONE = re.compile(r"(?:§\s*)?(?P<number>[IVXLC]{1,9}|\d{1,3})(?:[.:)]|(?=\s*\Z))(?P<between>\s*)(?P<title>.*)")
_LONGEST = 160
_SMALL_WORDS = re.compile(r"\b[a-zà-ÿ]{1,4}\b")
ENDS_SENTENCE = re.compile(r"[.!?,;:…—-][\"'”’)»]*\Z")
_TITLE_LENGTH = 100
CONTENTS = re.compile(
    r"\W{0,3}(?:(?:table )?of |the )?(?:table of )?(?:contents|inhalt(?:sverzeichnis)?|table des mati[eè]res|[ií]ndice"
    r"|inhoud(?:sopgave)?|sommaire|sumario|list of illustrations|illustrations)\W{0,4}",
    re.I,
)


@dataclass(frozen=True)
class Heading:
    """What a heading says.

    Attributes:
        kind: its noun in lower case, ``named`` for a preface and the like, ``number`` for a number alone.
        rank: 0 for volumes, 1 for parts, 2 for chapters, 3 for numbers alone.
        number: of it; ``None`` for those that have none.
        title: behind the number, perhaps empty.
    """

    kind: str
    rank: int
    number: int | None
    title: str


@lru_cache(maxsize=4096)
def heading_of(text: str) -> Heading | None:
    """Return what a line says if it is a heading by its words, and no sentence that begins like one.

    A number alone, with a title or without, is a heading only if others of its kind are around: the caller has to see to that.
    """
    text = " ".join(text.strip().strip("_=*").split())
    if not text or len(text) > _LONGEST:
        return None
    if _NAMED.fullmatch(text):
        return Heading("named", 2, None, "")
    match = _NOUN_FIRST.fullmatch(text) or _NUMBER_FIRST.fullmatch(text)
    if match and (number := _value(match["number"])) is not None and _may_be_title(match):
        noun = match["noun"].lower()
        return Heading(noun, _RANKS.get(noun, 2), number, match["title"].strip())
    return _number_alone(text)


def _number_alone(text: str) -> Heading | None:
    match = _ALONE.fullmatch(text)
    if match is None or (number := _value(match["number"])) is None:
        return None
    title = match["title"].strip()
    if title and (not match["between"] or len(title) > 90 or not _begins_title(title)):
        return None
    return Heading("number", 3, number, title)


def _may_be_title(match: re.Match[str]) -> bool:
    """Tell a title from the rest of a sentence, as in ``Part One was over``."""
    title = match["title"].strip()
    if not title:
        return True
    if between := match["between"].strip():
        return _begins_title(title) or between[0] in ":—–-"
    return _begins_title(title) and not title.endswith((".", "!", "?", ",", ";"))


def _begins_title(title: str) -> bool:
    first = title.lstrip("\"'“‘«„(_[*—–- ")[:1]
    return bool(first) and (first.isupper() or first.isdigit() or not first.isalpha())


def _value(number: str) -> int | None:
    """Return the value of a number in digits, Roman numerals or words."""
    word = re.sub(r"\Athe\s+", "", number.strip().rstrip(".").lower())
    if word.isdigit():
        return int(word)
    for words in (_WORDS, _ORDINALS):
        if word in words:
            return words.index(word) + 1
    tens, _, ones = word.partition("-")
    for names in (_WORDS, _ORDINALS):
        if tens in _TENS and (not ones or ones in names):
            return _TENS[tens] + (names.index(ones) + 1 if ones else 0)
    for value, stems in enumerate(_FOREIGN, 1):
        if re.match(rf"(?:{stems})[a-z]{{0,2}}\Z", word):
            return value
    return roman_value(word)


def is_title(text: str) -> bool:
    """Tell whether words are set like a title: in capitals, or most words with a capital and no stop at the end."""
    text = text.strip().strip("_=[]")
    if not text or len(text) > _TITLE_LENGTH or not any(letter.isalpha() for letter in text):
        return False
    if text.isupper():
        return True
    if ENDS_SENTENCE.search(text.rstrip(".?!")) or (text.endswith((".", "?", "!")) and len(text.split()) > 8):
        return False
    words = re.findall(r"[^\W\d_]+", _SMALL_WORDS.sub("", text))
    return bool(words) and sum(word[0].isupper() for word in words) >= len(words) * 0.6 and not text[0].islower()

"""Italian numbers in words."""

from functools import lru_cache

from actors.text.languages.context import word_list
from actors.text.numbers import NUMBERS_KEPT

_SMALL = word_list(
    "zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici "
    "diciassette diciotto diciannove"
)
_TENS = word_list("- - venti trenta quaranta cinquanta sessanta settanta ottanta novanta")
_SCALES = ((10**9, "miliardo", "miliardi"), (10**6, "milione", "milioni"))
_ORDINALS = word_list("- primo secondo terzo quarto quinto sesto settimo ottavo nono decimo")
PARTS = {2: "mezzo", **dict(enumerate(_ORDINALS[3:11], 3))}


@lru_cache(maxsize=NUMBERS_KEPT)
def cardinal(value: int) -> str:
    """Return a whole number below 10 ** 15 in words, as it is counted."""
    for scale, one, many in _SCALES:
        if value >= scale:
            count, rest = divmod(value, scale)
            head = f"un {one}" if count == 1 else f"{cardinal(count)} {many}"
            return f"{head} {cardinal(rest)}" if rest else head
    return _accented(_below_million(value))


def _accented(word: str) -> str:
    """Return a word whose last *tre* has its accent, if it is a part of another."""
    return f"{word[:-1]}é" if word.endswith("tre") and word != "tre" else word


def _below_million(value: int) -> str:
    count, rest = divmod(value, 1000)
    if not count:
        return _below_thousand(rest)
    head = "mille" if count == 1 else f"{_below_thousand(count)}mila"
    return head + (_below_thousand(rest) if rest else "")


def _below_thousand(value: int) -> str:
    hundreds, rest = divmod(value, 100)
    if not hundreds:
        return _below_hundred(rest)
    head = ("" if hundreds == 1 else _SMALL[hundreds]) + "cento"
    if rest == 8 or rest // 10 == 8:
        head = head[:-1]
    return head + (_below_hundred(rest) if rest else "")


def _below_hundred(value: int) -> str:
    if value < 20:
        return _SMALL[value]
    tens, ones = divmod(value, 10)
    head = _TENS[tens][:-1] if ones in (1, 8) else _TENS[tens]
    return head + (_SMALL[ones] if ones else "")


@lru_cache(maxsize=NUMBERS_KEPT)
def ordinal(value: int) -> str:
    """Return a masculine ordinal."""
    if value < len(_ORDINALS):
        return _ORDINALS[value] if value else "zero"
    words = cardinal(value)
    if words.endswith("mila"):
        return f"{words[:-1].removesuffix('il')}illesimo"
    if words.endswith("é"):
        return f"{words[:-1]}eesimo"
    return f"{words if words.endswith('sei') else words[:-1]}esimo".removeprefix("un ").replace(" ", "")

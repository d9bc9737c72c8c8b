"""German numbers in words."""

from functools import lru_cache

from actors.text.languages.context import word_list
from actors.text.numbers import NUMBERS_KEPT

_ONES = word_list(
    "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn "
    "siebzehn achtzehn neunzehn"
)
_TENS = word_list("- - zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig")
_SCALES = ((10**12, "Billion", "Billionen"), (10**9, "Milliarde", "Milliarden"), (10**6, "Million", "Millionen"))
# One of something, by its gender and case: a, accusative; d, dative.
_ONE = {
    "-": "eins", "m": "ein", "f": "eine", "n": "ein", "ma": "einen", "fa": "eine", "na": "ein", "md": "einem", "fd": "einer",
    "nd": "einem",
}  # fmt: skip
_ORDINAL_STEMS = {1: "erst", 3: "dritt", 7: "siebt", 8: "acht"}


def _below_hundred(value: int) -> str:
    tens, ones = divmod(value, 10)
    if tens < 2:
        return _ONES[value]
    return f"{'ein' if ones == 1 else _ONES[ones]}und{_TENS[tens]}" if ones else _TENS[tens]


def _below_thousand(value: int) -> str:
    hundreds, rest = divmod(value, 100)
    said = f"{'ein' if hundreds == 1 else _ONES[hundreds]}hundert" if hundreds else ""
    return said + (_below_hundred(rest) if rest or not hundreds else "")


def _below_million(value: int) -> str:
    thousands, rest = divmod(value, 1000)
    count = _below_thousand(thousands)
    said = f"{count[:-1] if count.endswith('eins') else count}tausend" if thousands else ""
    return said + (_below_thousand(rest) if rest or not thousands else "")


@lru_cache(maxsize=NUMBERS_KEPT)
def cardinal(value: int, gender: str = "-") -> str:
    """Return a whole number below 10 ** 15 in words; behind the gender may be the case: ``md``, dative, ``ma``, accusative."""
    if value == 1:
        return _ONE[gender]
    if value in (100, 1000):
        return "hundert" if value == 100 else "tausend"
    parts = []
    for scale, one, many in _SCALES:
        count, value = divmod(value, scale)
        if count:
            parts.append(f"eine {one}" if count == 1 else f"{_below_thousand(count)} {many}")
    return " ".join([*parts, _below_million(value)] if value or not parts else parts)


@lru_cache(maxsize=NUMBERS_KEPT)
def ordinal_stem(value: int) -> str:
    """Return an ordinal in words without its ending: *dritt*, *zwanzigst*."""
    rest = value % 100
    if rest in _ORDINAL_STEMS:
        return (_joined(value - rest) if value > rest else "") + _ORDINAL_STEMS[rest]
    return _joined(value) + ("t" if 0 < rest < 20 or not value else "st")


def _joined(value: int) -> str:
    if value >= 10**6 and not value % 10**6:
        name = cardinal(value).replace(" ", "").lower()
        return (
            name.removesuffix("en").removesuffix("e").replace("eine", "ein", 1)
            if value < 2 * 10**6
            else name.removesuffix("en")
        )
    return cardinal(value).replace(" ", "").lower()


@lru_cache(maxsize=NUMBERS_KEPT)
def year(value: int) -> str:
    """Return a year in words: *neunzehnhundertneunzig*, *zweitausendfünf*."""
    century, rest = divmod(value, 100)
    if 11 <= century <= 19:
        return f"{_ONES[century]}hundert{_below_hundred(rest) if rest else ''}"
    return cardinal(value)


def fraction(above: int, below: int) -> str:
    """Return a fraction in words: *drei Viertel*, *ein Drittel*."""
    if below == 2:
        return "ein halb" if above == 1 else f"{cardinal(above)} Halbe"
    part = f"{ordinal_stem(below)}el" if below > 1 else "Eintel"
    return f"{cardinal(above, 'n')} {part[0].upper()}{part[1:]}"

"""Dutch numbers in words."""

from functools import lru_cache

from actors.text.languages.context import word_list
from actors.text.numbers import NUMBERS_KEPT

_ONES = word_list(
    "nul een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien zeventien "
    "achttien negentien"
)
_TENS = word_list("- - twintig dertig veertig vijftig zestig zeventig tachtig negentig")
_SCALES = ((10**12, "biljoen"), (10**9, "miljard"), (10**6, "miljoen"))
_ORDINALS = {1: "eerste", 3: "derde", 8: "achtste"}


def _below_hundred(value: int) -> str:
    tens, ones = divmod(value, 10)
    if tens < 2:
        return _ONES[value]
    joint = "ën" if _ONES[ones].endswith("e") else "en"
    return f"{_ONES[ones]}{joint}{_TENS[tens]}" if ones else _TENS[tens]


def _below_thousand(value: int) -> str:
    hundreds, rest = divmod(value, 100)
    said = f"{_ONES[hundreds] if hundreds > 1 else ''}honderd" if hundreds else ""
    return said + (_below_hundred(rest) if rest or not hundreds else "")


@lru_cache(maxsize=NUMBERS_KEPT)
def cardinal(value: int) -> str:
    """Return a whole number below 10 ** 15 in words; 1 as *één*, and round hundreds above 1000 as *twaalfhonderd*."""
    if value == 1:
        return "één"
    parts = []
    for scale, name in _SCALES:
        count, value = divmod(value, scale)
        if count:
            parts.append(f"{cardinal(count)} {name}")
    if value or not parts:
        parts.append(_below_million(value) if value != 1 else "één")
    return " ".join(parts)


def _below_million(value: int) -> str:
    thousands, rest = divmod(value, 1000)
    if not thousands:
        return _below_thousand(rest)
    if thousands < 10 and rest and not rest % 100:
        return f"{_below_hundred(value // 100)}honderd"
    count = _below_thousand(thousands) if thousands > 1 else ""
    return f"{count}duizend {_below_thousand(rest)}" if rest else f"{count}duizend"


@lru_cache(maxsize=NUMBERS_KEPT)
def ordinal(value: int) -> str:
    """Return an ordinal in words: *eerste*, *tweede*, *twintigste*."""
    rest = value % 100
    words = cardinal(value) if value != 1 else "een"
    if rest in _ORDINALS:
        stem = words.removesuffix("één").removesuffix(_ONES[rest])
        return stem + _ORDINALS[rest]
    return words + ("de" if 0 < rest < 20 or not value else "ste")


@lru_cache(maxsize=NUMBERS_KEPT)
def year(value: int) -> str:
    """Return a year in words: *negentienvijfenveertig*, *negentienhonderdvijf*, *tweeduizend vijf*."""
    century, rest = divmod(value, 100)
    if not 11 <= century <= 19:
        return cardinal(value)
    if rest < 10:
        return f"{_ONES[century]}honderd{_ONES[rest] if rest else ''}"
    return _ONES[century] + _below_hundred(rest)


def fraction(above: int, below: int) -> str:
    """Return a fraction in words: *een half*, *drie kwart*, *twee derde*."""
    name = {1: "hele", 2: "half", 4: "kwart"}.get(below) or ordinal(below)
    return f"{'een' if above == 1 else cardinal(above)} {name}"

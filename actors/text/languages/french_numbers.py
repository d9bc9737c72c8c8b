"""French numbers in words, as they are said in France: soixante-dix, quatre-vingts."""

from functools import lru_cache

from actors.text.languages.context import word_list
from actors.text.numbers import NUMBERS_KEPT

_ONES = word_list(
    "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept dix-huit dix-neuf"
)
_TENS = word_list("- - vingt trente quarante cinquante soixante soixante quatre-vingt quatre-vingt")
_SCALES = ((10**12, "billion"), (10**9, "milliard"), (10**6, "million"))
_ORDINAL_ENDS = {"cinq": "cinquième", "neuf": "neuvième"}


def _below_hundred(value: int) -> str:
    if value < 20:
        return _ONES[value]
    tens, ones = divmod(value, 10)
    if tens in (7, 9):
        ones += 10
    if not ones:
        return "quatre-vingts" if tens == 8 else _TENS[tens]
    joint = " et " if ones in (1, 11) and tens < 8 else "-"
    return f"{_TENS[tens]}{joint}{_ONES[ones]}"


def _below_thousand(value: int) -> str:
    hundreds, rest = divmod(value, 100)
    if not hundreds:
        return _below_hundred(rest)
    many = f"{_ONES[hundreds]} cent" if hundreds > 1 else "cent"
    if rest:
        return f"{many} {_below_hundred(rest)}"
    return f"{many}s" if hundreds > 1 else many


@lru_cache(maxsize=NUMBERS_KEPT)
def cardinal(value: int) -> str:
    """Return a number below 10 ** 15 in words, masculine."""
    parts = []
    for scale, name in _SCALES:
        count, value = divmod(value, scale)
        if count:
            parts.append(f"{_below_thousand(count)} {name}{'s' if count > 1 else ''}")
    thousands, rest = divmod(value, 1000)
    if thousands:
        parts.append("mille" if thousands == 1 else f"{without_plural(_below_thousand(thousands))} mille")
    if rest or not parts:
        parts.append(_below_thousand(rest))
    return " ".join(parts)


def without_plural(words: str) -> str:
    """Return a number in words as it stands before ``mille`` or behind what it names: deux cent mille, page quatre-vingt."""
    return words[:-1] if words.endswith(("cents", "vingts")) else words


@lru_cache(maxsize=NUMBERS_KEPT)
def feminine(value: int) -> str:
    """Return a number below 10 ** 15 in words, feminine."""
    words = cardinal(value)
    return f"{words}e" if words == "un" or words.endswith((" un", "-un")) else words


@lru_cache(maxsize=NUMBERS_KEPT)
def ordinal(value: int, gender: str = "m") -> str:
    """Return an ordinal in words."""
    if value == 1:
        return "première" if gender == "f" else "premier"
    words = without_plural(cardinal(value)).removesuffix("s") if value >= 10**6 else without_plural(cardinal(value))
    last = words.replace("-", " ").rpartition(" ")[2]
    return words.removesuffix(last) + (_ORDINAL_ENDS.get(last) or f"{last.removesuffix('e')}ième")

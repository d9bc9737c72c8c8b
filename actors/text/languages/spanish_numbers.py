"""Spanish numbers in words."""

from functools import lru_cache

from actors.text.languages.context import word_list
from actors.text.numbers import NUMBERS_KEPT

_SMALL = word_list(
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete dieciocho "
    "diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete veintiocho veintinueve"
)
_TENS = word_list("- - - treinta cuarenta cincuenta sesenta setenta ochenta noventa")
_HUNDREDS = word_list("- ciento doscient trescient cuatrocient quinient seiscient setecient ochocient novecient")
_ONE = {"-": ("uno", "veintiuno"), "m": ("un", "veintiún"), "f": ("una", "veintiuna")}
_SCALES = ((10**12, "billón", "billones"), (10**6, "millón", "millones"))
_ORDINALS = word_list("- primero segundo tercero cuarto quinto sexto séptimo octavo noveno décimo undécimo duodécimo")
_ORDINAL_TENS = word_list(
    "- décimo vigésimo trigésimo cuadragésimo quincuagésimo sexagésimo septuagésimo octogésimo nonagésimo"
)
_ORDINAL_HUNDREDS = word_list(
    "- centésimo ducentésimo tricentésimo cuadringentésimo quingentésimo sexcentésimo septingentésimo octingentésimo "
    "noningentésimo"
)
_JOINED = {1: "decimo", 2: "vigesimo"}
PARTS = {2: "medio", 3: "tercio", **dict(enumerate(_ORDINALS[4:11], 4)), 20: "veinteavo", 100: "centésimo", 1000: "milésimo"}


@lru_cache(maxsize=NUMBERS_KEPT)
def cardinal(value: int, gender: str) -> str:
    """Return a whole number below 10 ** 15 in words, as it stands before a noun of a gender; ``-`` if no noun is there."""
    for scale, one, many in _SCALES:
        if value >= scale:
            count, rest = divmod(value, scale)
            return _joined(f"{cardinal(count, 'm')} {one if count == 1 else many}", rest, gender)
    if value >= 1000:
        count, rest = divmod(value, 1000)
        # Thousands agree in their hundreds alone: doscientas veintiún mil personas.
        return _joined("mil" if count == 1 else f"{_below_thousand(count, gender, 'm')} mil", rest, gender)
    return _below_thousand(value, gender, gender)


def _joined(head: str, rest: int, gender: str) -> str:
    return f"{head} {cardinal(rest, gender)}" if rest else head


def _below_thousand(value: int, gender: str, of_ones: str) -> str:
    hundreds, rest = divmod(value, 100)
    if not hundreds:
        return _below_hundred(rest, of_ones)
    if hundreds == 1:
        return f"ciento {_below_hundred(rest, of_ones)}" if rest else "cien"
    head = _HUNDREDS[hundreds] + ("as" if gender == "f" else "os")
    return f"{head} {_below_hundred(rest, of_ones)}" if rest else head


def _below_hundred(value: int, gender: str) -> str:
    if value < 30:
        return _ONE[gender][value // 20] if value in (1, 21) else _SMALL[value]
    tens, ones = divmod(value, 10)
    return f"{_TENS[tens]} y {_below_hundred(ones, gender)}" if ones else _TENS[tens]


@lru_cache(maxsize=NUMBERS_KEPT)
def ordinal(value: int) -> str:
    """Return a masculine ordinal in full."""
    if value >= 10**6 or value == 0:
        return cardinal(value, "-")
    if value >= 1000:
        count, rest = divmod(value, 1000)
        head = "milésimo" if count == 1 else f"{cardinal(count, 'm').replace(' ', '')}milésimo"
        return f"{head} {ordinal(rest)}" if rest else head
    if value >= 100:
        hundreds, rest = divmod(value, 100)
        return f"{_ORDINAL_HUNDREDS[hundreds]} {ordinal(rest)}" if rest else _ORDINAL_HUNDREDS[hundreds]
    if value < len(_ORDINALS):
        return _ORDINALS[value]
    tens, ones = divmod(value, 10)
    if not ones:
        return _ORDINAL_TENS[tens]
    if tens in _JOINED:
        return (_JOINED[tens] + _ORDINALS[ones]).replace("oo", "o")
    return f"{_ORDINAL_TENS[tens]} {_ORDINALS[ones]}"

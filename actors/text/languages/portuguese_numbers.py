"""Portuguese numbers in words, as they are said in Brazil."""

from functools import lru_cache

from actors.text.languages.context import word_list
from actors.text.numbers import NUMBERS_KEPT

_ONES = word_list(
    "zero um dois três quatro cinco seis sete oito nove dez onze doze treze quatorze quinze dezesseis dezessete dezoito "
    "dezenove"
)
_TENS = word_list("- - vinte trinta quarenta cinquenta sessenta setenta oitenta noventa")
_HUNDREDS = word_list("- cento duzentos trezentos quatrocentos quinhentos seiscentos setecentos oitocentos novecentos")
_SCALES = ((10**12, "trilhão", "trilhões"), (10**9, "bilhão", "bilhões"), (10**6, "milhão", "milhões"))
_FEMININE = {1: "uma", 2: "duas"}
_ORDINAL_ONES = word_list("- primeiro segundo terceiro quarto quinto sexto sétimo oitavo nono")
_ORDINAL_TENS = word_list(
    "- décimo vigésimo trigésimo quadragésimo quinquagésimo sexagésimo septuagésimo octogésimo nonagésimo"
)
_ORDINAL_HUNDREDS = word_list(
    "- centésimo ducentésimo trecentésimo quadringentésimo quingentésimo sexcentésimo septingentésimo octingentésimo "
    "noningentésimo"
)


def _below_thousand(value: int, feminine: bool) -> str:
    if value == 100:
        return "cem"
    hundreds, rest = divmod(value, 100)
    words = []
    if hundreds:
        words.append(f"{_HUNDREDS[hundreds][:-2]}as" if feminine and hundreds > 1 else _HUNDREDS[hundreds])
    if rest >= 20:
        words.append(_TENS[rest // 10])
        rest %= 10
    if rest:
        words.append(_FEMININE.get(rest, _ONES[rest]) if feminine else _ONES[rest])
    return " e ".join(words)


@lru_cache(maxsize=NUMBERS_KEPT)
def cardinal(value: int, feminine: bool = False) -> str:
    """Return a number below 10 ** 15 in words."""
    if value == 0:
        return "zero"
    groups = []
    rest = value
    for scale, one, many in _SCALES:
        count, rest = divmod(rest, scale)
        if count:
            groups.append((count, f"{_below_thousand(count, False)} {one if count == 1 else many}"))
    thousands, rest = divmod(rest, 1000)
    if thousands:
        groups.append((thousands, "mil" if thousands == 1 else f"{_below_thousand(thousands, feminine)} mil"))
    if rest:
        groups.append((rest, _below_thousand(rest, feminine)))
    *before, (last, words) = groups
    joint = " e " if last < 100 or last % 100 == 0 else " "
    return joint.join(filter(None, (" ".join(said for _, said in before), words)))


@lru_cache(maxsize=NUMBERS_KEPT)
def ordinal(value: int, feminine: bool = False) -> str:
    """Return an ordinal below 10 ** 15 in words: vigésima primeira."""
    if value == 0:
        return "zero"
    words = []
    thousands, rest = divmod(value, 1000)
    if thousands:
        words.append("milésimo" if thousands == 1 else f"{cardinal(thousands)} milésimo")
    hundreds, tens, ones = rest // 100, rest // 10 % 10, rest % 10
    words += [
        names[digit] for names, digit in ((_ORDINAL_HUNDREDS, hundreds), (_ORDINAL_TENS, tens), (_ORDINAL_ONES, ones)) if digit
    ]
    said = " ".join(words)
    return " ".join(f"{word[:-1]}a" if word[-1] == "o" else word for word in said.split()) if feminine else said

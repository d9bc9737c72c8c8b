"""Portuguese: numbers in words, and what a reader says, sentence by sentence; more cases are in ``test_cases.py``."""

import pytest

from actors.text import Normaliser
from actors.text.languages import portuguese_numbers as numbers
from actors.text.languages.portuguese import Portuguese
from actors.text.languages.portuguese_nouns import is_feminine
from tests.actors.text.languages.tables import misread, table

NORMALISER = Normaliser("pt")


def test_sentences_are_read_as_a_reader_would() -> None:
    wrong = misread("pt", table("sentences/pt.tsv"))
    assert not wrong, "\n".join(wrong)


def test_numbers_are_spelled() -> None:
    words = {
        0: "zero",
        1: "um",
        14: "quatorze",
        16: "dezesseis",
        20: "vinte",
        21: "vinte e um",
        99: "noventa e nove",
        100: "cem",
        101: "cento e um",
        199: "cento e noventa e nove",
        200: "duzentos",
        555: "quinhentos e cinquenta e cinco",
        1000: "mil",
        1001: "mil e um",
        1100: "mil e cem",
        1101: "mil cento e um",
        1500: "mil e quinhentos",
        1999: "mil novecentos e noventa e nove",
        2000: "dois mil",
        100_000: "cem mil",
        234_567: "duzentos e trinta e quatro mil quinhentos e sessenta e sete",
        1_000_000: "um milhão",
        1_200_000: "um milhão e duzentos mil",
        2_000_001: "dois milhões e um",
        10**9: "um bilhão",
        3 * 10**12: "três trilhões",
    }
    assert {value: numbers.cardinal(value) for value in words} == words


def test_numbers_up_to_two_thousand_are_all_different() -> None:
    assert len({numbers.cardinal(value) for value in range(2001)}) == 2001
    assert len({numbers.ordinal(value) for value in range(1, 2001)}) == 2000


def test_numbers_have_a_gender() -> None:
    words = {
        1: "uma",
        2: "duas",
        12: "doze",
        22: "vinte e duas",
        100: "cem",
        200: "duzentas",
        1002: "mil e duas",
        22_000: "vinte e duas mil",
        2_000_200: "dois milhões e duzentas",
    }
    assert {value: numbers.cardinal(value, feminine=True) for value in words} == words


@pytest.mark.parametrize(
    ("value", "feminine", "words"),
    [
        (1, False, "primeiro"),
        (10, False, "décimo"),
        (11, True, "décima primeira"),
        (32, True, "trigésima segunda"),
        (100, False, "centésimo"),
        (555, False, "quingentésimo quinquagésimo quinto"),
        (1000, False, "milésimo"),
    ],
)
def test_ordinals_are_spelled(value: int, feminine: bool, words: str) -> None:
    assert numbers.ordinal(value, feminine) == words


def test_feminine_nouns_are_known() -> None:
    words = ["horas", "vezes", "pessoas", "casas", "nações", "cidades", "mãos", "mulheres", "viagens"]
    assert all(map(is_feminine, words))


def test_masculine_nouns_and_small_words_are_not_feminine() -> None:
    words = ["dias", "problemas", "sistemas", "anos", "meses", "homens", "de", "para", "corações", "planetas"]
    assert not any(map(is_feminine, words))


def test_short_forms_are_read_in_small_letters_and_capitals() -> None:
    for short in (*Portuguese.abbreviations, *Portuguese.titles, *Portuguese.numbered):
        for written in (short, short[0].upper() + short[1:]):
            assert NORMALISER(f"a {written} 5, {written} Xyz").text

"""French: numbers in words, and what a reader says, sentence by sentence; more cases are in ``test_cases.py``."""

from actors.text import Normaliser
from actors.text.languages import french_numbers as numbers
from actors.text.languages.french import French
from actors.text.languages.french_nouns import is_feminine
from tests.actors.text.languages.tables import misread, table

NORMALISER = Normaliser("fr")


def test_sentences_are_read_as_a_reader_would() -> None:
    wrong = misread("fr", table("sentences/fr.tsv"))
    assert not wrong, "\n".join(wrong)


def test_numbers_are_spelled() -> None:
    words = {
        0: "zéro",
        1: "un",
        16: "seize",
        17: "dix-sept",
        21: "vingt et un",
        22: "vingt-deux",
        61: "soixante et un",
        70: "soixante-dix",
        71: "soixante et onze",
        79: "soixante-dix-neuf",
        80: "quatre-vingts",
        81: "quatre-vingt-un",
        90: "quatre-vingt-dix",
        91: "quatre-vingt-onze",
        99: "quatre-vingt-dix-neuf",
        100: "cent",
        101: "cent un",
        180: "cent quatre-vingts",
        200: "deux cents",
        201: "deux cent un",
        1000: "mille",
        1001: "mille un",
        1999: "mille neuf cent quatre-vingt-dix-neuf",
        2000: "deux mille",
        80_000: "quatre-vingt mille",
        200_000: "deux cent mille",
        1_000_000: "un million",
        80_000_000: "quatre-vingts millions",
        200_000_200: "deux cents millions deux cents",
        1_001_000_000: "un milliard un million",
        10**12: "un billion",
        10**15 - 1: (
            "neuf cent quatre-vingt-dix-neuf billions neuf cent quatre-vingt-dix-neuf milliards "
            "neuf cent quatre-vingt-dix-neuf millions neuf cent quatre-vingt-dix-neuf mille neuf cent quatre-vingt-dix-neuf"
        ),
    }
    assert {value: numbers.cardinal(value) for value in words} == words


def test_numbers_up_to_two_thousand_are_all_different() -> None:
    assert len({numbers.cardinal(value) for value in range(2001)}) == 2001
    assert len({numbers.ordinal(value) for value in range(2001)}) == 2001


def test_numbers_that_end_in_one_have_a_gender() -> None:
    words = {1: "une", 21: "vingt et une", 81: "quatre-vingt-une", 101: "cent une", 71: "soixante et onze", 11: "onze"}
    assert {value: numbers.feminine(value) for value in words} == words


def test_ordinals_are_spelled() -> None:
    words = {
        1: "premier",
        2: "deuxième",
        4: "quatrième",
        5: "cinquième",
        9: "neuvième",
        21: "vingt et unième",
        71: "soixante et onzième",
        80: "quatre-vingtième",
        100: "centième",
        200: "deux centième",
        1000: "millième",
        10_000: "dix millième",
    }
    assert {value: numbers.ordinal(value) for value in words} == words
    assert numbers.ordinal(1, "f") == "première"


def test_feminine_nouns_are_known() -> None:
    words = ["pages", "personnes", "fois", "heure", "nations", "années", "tables", "places", "pommes"]
    assert all(map(is_feminine, words))


def test_masculine_nouns_and_small_words_are_not_feminine() -> None:
    words = ["ans", "jours", "musées", "lycées", "problèmes", "frères", "de", "et", "euros", "degrés"]
    assert not any(map(is_feminine, words))


def test_short_forms_are_read_in_small_letters_and_capitals() -> None:
    for short in (*French.abbreviations, *French.titles, *French.numbered):
        for written in (short, short[0].upper() + short[1:]):
            assert NORMALISER(f"a {written} 5, {written} Xyz").text

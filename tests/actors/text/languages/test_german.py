"""German is read as a careful reader would read it."""

import pytest

from actors.text.languages.german_grammar import gender_of, noun_behind, ordinal_ending, regnal_article
from actors.text.languages.german_numbers import cardinal, fraction, ordinal_stem, year
from tests.actors.text.languages.tables import misread_words, slow_runs, table


def test_sentences_are_read_as_a_careful_reader_would() -> None:
    wrong = misread_words("de", table("german.tsv"))
    assert not wrong, "\n".join(wrong)


def test_no_run_of_characters_takes_long() -> None:
    assert not slow_runs("de")


def test_cardinals() -> None:
    words = {
        0: "null",
        1: "eins",
        16: "sechzehn",
        17: "siebzehn",
        21: "einundzwanzig",
        30: "drei\u00dfig",
        77: "siebenundsiebzig",
        100: "hundert",
        101: "einhunderteins",
        1000: "tausend",
        1001: "eintausendeins",
        21_000: "einundzwanzigtausend",
        101_000: "einhunderteintausend",
        100_000: "einhunderttausend",
        10**6: "eine Million",
        2 * 10**6 + 1: "zwei Millionen eins",
        10**9: "eine Milliarde",
        3 * 10**12: "drei Billionen",
    }
    assert {value: cardinal(value) for value in words} == words


def test_cardinals_below_2000_are_words_of_their_own() -> None:
    words = [cardinal(value) for value in range(2001)]
    assert len(set(words)) == 2001
    assert all(" " not in word for word in words)
    assert all(words[value].endswith(words[value % 100]) for value in range(200, 1000) if value % 100)
    assert all(words[value] == f"eintausend{words[value - 1000]}" for value in range(1101, 2000))


def test_the_largest_number_is_said() -> None:
    assert cardinal(10**15 - 1).startswith("neunhundertneunundneunzig Billionen neunhundertneunundneunzig Milliarden ")


def test_ordinals() -> None:
    stems = {
        1: "erst",
        2: "zweit",
        3: "dritt",
        7: "siebt",
        8: "acht",
        12: "zw\u00f6lft",
        19: "neunzehnt",
        20: "zwanzigst",
        21: "einundzwanzigst",
        100: "hundertst",
        103: "hundertdritt",
        117: "einhundertsiebzehnt",
        1000: "tausendst",
        10**6: "einmillionst",
    }
    assert {value: ordinal_stem(value) for value in stems} == stems


def test_years() -> None:
    words = {
        1066: "eintausendsechsundsechzig",
        1100: "elfhundert",
        1999: "neunzehnhundertneunundneunzig",
        2000: "zweitausend",
        2024: "zweitausendvierundzwanzig",
    }
    assert {value: year(value) for value in words} == words


def test_fractions() -> None:
    assert [fraction(1, 2), fraction(1, 3), fraction(3, 4), fraction(5, 20)] == [
        "ein halb",
        "ein Drittel",
        "drei Viertel",
        "f\u00fcnf Zwanzigstel",
    ]


def test_nouns_have_the_gender_of_their_last_part() -> None:
    genders = {
        "Jahrhundert": "n",
        "Weltkrieg": "m",
        "Bundesliga": "f",
        "Regierung": "f",
        "M\u00e4dchen": "n",
        "schnell": "-",
    }
    assert {noun: gender_of(noun) for noun in genders} == genders


@pytest.mark.parametrize(
    ("text", "noun", "ending"),
    [
        ("der 2. Weltkrieg", "Weltkrieg", "e"),
        ("in der 2. Klasse", "Klasse", "en"),
        ("dem 2. Kind", "Kind", "en"),
        ("ein 2. Kind", "Kind", "es"),
        ("ein 2. Platz", "Platz", "er"),
        ("eine 2. Chance", "Chance", "e"),
        ("vom 1. und 2. Mai", "Mai", "en"),
        ("2. Platz", "Platz", "er"),
    ],
)
def test_ordinals_end_as_articles_want(text: str, noun: str, ending: str) -> None:
    assert ordinal_ending(text, text.index("2."), noun) == ending


def test_the_noun_stands_behind_adjectives_and_further_ordinals() -> None:
    text = "am 3. und 4. sch\u00f6nen Tag"
    assert noun_behind(text, text.index(" und")) == "Tag"


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("K\u00f6nig Ludwig", "Ludwig", ("der", "e")),
        ("unter Karl", "Karl", ("dem", "en")),
        ("die Zeit Karls", "Karls", ("des", "en")),
        ("gegen Friedrich", "Friedrich", ("den", "en")),
        ("mit K\u00f6nigin Elisabeth", "Elisabeth", ("der", "en")),
        ("Elisabeth", "Elisabeth", ("die", "e")),
    ],
)
def test_rulers_have_articles_in_their_case(text: str, name: str, words: tuple[str, str]) -> None:
    assert regnal_article(text, text.index(name), name) == words

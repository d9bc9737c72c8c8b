"""Dutch is read as a careful reader would read it."""

import re
from pathlib import Path

import pytest

from actors.text import Normaliser
from actors.text.languages.dutch_numbers import cardinal, fraction, ordinal, year
from tests.actors.text.limits import CHARACTERS, linear_time

_SENTENCES = Path(__file__).with_name("dutch.tsv")


def _compared(text: str) -> list[str]:
    """Return the words of a text in small letters, without marks."""
    text = re.sub(r"[-\u2010-\u2015\u2212]", " ", text.lower())
    return re.sub(r"[^\w\s']", "", text).split()


@pytest.mark.parametrize("line", _SENTENCES.read_text(encoding="utf-8").splitlines())
def test_a_sentence_is_read_as_a_careful_reader_would(line: str) -> None:
    written, readings = line.split("\t")
    assert _compared(Normaliser("nl")(written).text) in [_compared(reading) for reading in readings.split(" | ")]


@pytest.mark.parametrize(
    "run", ["9", "9 ", "1.", "3. ", "3. und ", "IX ", "1/", "1.1.\u2013", "'9", "\u20ac1", "a.", "ab-", "str.", "V. "]
)
def test_no_run_of_characters_takes_long(run: str) -> None:
    with linear_time():
        Normaliser("nl")((run * CHARACTERS)[:CHARACTERS])


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "nul"),
        (1, "\u00e9\u00e9n"),
        (14, "veertien"),
        (18, "achttien"),
        (21, "eenentwintig"),
        (22, "twee\u00ebntwintig"),
        (33, "drie\u00ebndertig"),
        (80, "tachtig"),
        (100, "honderd"),
        (101, "honderdeen"),
        (1000, "duizend"),
        (1001, "duizend een"),
        (1200, "twaalfhonderd"),
        (1234, "duizend tweehonderdvierendertig"),
        (2000, "tweeduizend"),
        (21_000, "eenentwintigduizend"),
        (10**6, "\u00e9\u00e9n miljoen"),
        (2 * 10**9, "twee miljard"),
        (3 * 10**12, "drie biljoen"),
    ],
)
def test_cardinals(value: int, words: str) -> None:
    assert cardinal(value) == words


def test_cardinals_below_2000_are_words_of_their_own() -> None:
    words = [cardinal(value) for value in range(2001)]
    assert len(set(words)) == 2001
    assert all(" " not in word for word in words[:1000])
    assert all(words[value].endswith(words[value % 100]) for value in range(200, 1000) if value % 100 > 1)


def test_the_largest_number_is_said() -> None:
    assert cardinal(10**15 - 1).startswith("negenhonderdnegenennegentig biljoen negenhonderdnegenennegentig miljard ")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1, "eerste"),
        (2, "tweede"),
        (3, "derde"),
        (8, "achtste"),
        (11, "elfde"),
        (19, "negentiende"),
        (20, "twintigste"),
        (21, "eenentwintigste"),
        (100, "honderdste"),
        (101, "honderdeerste"),
        (103, "honderdderde"),
        (108, "honderdachtste"),
        (1000, "duizendste"),
    ],
)
def test_ordinals(value: int, words: str) -> None:
    assert ordinal(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1672, "zestientwee\u00ebnzeventig"),
        (1900, "negentienhonderd"),
        (1905, "negentienhonderdvijf"),
        (1999, "negentiennegenennegentig"),
        (2005, "tweeduizend vijf"),
        (2020, "tweeduizend twintig"),
    ],
)
def test_years(value: int, words: str) -> None:
    assert year(value) == words


def test_fractions() -> None:
    assert [fraction(1, 2), fraction(3, 4), fraction(2, 3)] == ["een half", "drie kwart", "twee derde"]

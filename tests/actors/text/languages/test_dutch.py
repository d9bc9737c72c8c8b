"""Dutch is read as a careful reader would read it."""

from actors.text.languages.dutch_numbers import cardinal, fraction, ordinal, year
from tests.actors.text.languages.tables import misread_words, slow_runs, table


def test_sentences_are_read_as_a_careful_reader_would() -> None:
    wrong = misread_words("nl", table("dutch.tsv"))
    assert not wrong, "\n".join(wrong)


def test_no_run_of_characters_takes_long() -> None:
    assert not slow_runs("nl")


def test_cardinals() -> None:
    words = {
        0: "nul",
        1: "\u00e9\u00e9n",
        14: "veertien",
        18: "achttien",
        21: "eenentwintig",
        22: "twee\u00ebntwintig",
        33: "drie\u00ebndertig",
        80: "tachtig",
        100: "honderd",
        101: "honderdeen",
        1000: "duizend",
        1001: "duizend een",
        1200: "twaalfhonderd",
        1234: "duizend tweehonderdvierendertig",
        2000: "tweeduizend",
        21_000: "eenentwintigduizend",
        10**6: "\u00e9\u00e9n miljoen",
        2 * 10**9: "twee miljard",
        3 * 10**12: "drie biljoen",
    }
    assert {value: cardinal(value) for value in words} == words


def test_cardinals_below_2000_are_words_of_their_own() -> None:
    words = [cardinal(value) for value in range(2001)]
    assert len(set(words)) == 2001
    assert all(" " not in word for word in words[:1000])
    assert all(words[value].endswith(words[value % 100]) for value in range(200, 1000) if value % 100 > 1)


def test_the_largest_number_is_said() -> None:
    assert cardinal(10**15 - 1).startswith("negenhonderdnegenennegentig biljoen negenhonderdnegenennegentig miljard ")


def test_ordinals() -> None:
    words = {
        1: "eerste",
        2: "tweede",
        3: "derde",
        8: "achtste",
        11: "elfde",
        19: "negentiende",
        20: "twintigste",
        21: "eenentwintigste",
        100: "honderdste",
        101: "honderdeerste",
        103: "honderdderde",
        108: "honderdachtste",
        1000: "duizendste",
    }
    assert {value: ordinal(value) for value in words} == words


def test_years() -> None:
    words = {
        1672: "zestientwee\u00ebnzeventig",
        1900: "negentienhonderd",
        1905: "negentienhonderdvijf",
        1999: "negentiennegenennegentig",
        2005: "tweeduizend vijf",
        2020: "tweeduizend twintig",
    }
    assert {value: year(value) for value in words} == words


def test_fractions() -> None:
    assert [fraction(1, 2), fraction(3, 4), fraction(2, 3)] == ["een half", "drie kwart", "twee derde"]

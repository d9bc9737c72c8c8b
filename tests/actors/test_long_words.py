import time

import pytest

from actors.long_words import boundary, break_long_words, split_word


@pytest.mark.parametrize(
    ("word", "pieces"),
    [
        ("one,two,three,four", ["one,two,", "three,four"]),
        ("so.it,goes.on", ["so.", "it,goes.on"]),
        ("Eins!Zwei?Drei", ["Eins!Zwei?", "Drei"]),
        ('"Go!"he,said', ['"Go!"', "he,said"]),
        ("grape-orange-fig", ["grape-", "orange-fig"]),
        ("a.org/b?plum=fig&lime", ["a.org/b?", "plum=fig&", "lime"]),
        ("abcdefghijklmnopqrstuvwxyz", ["abcdefghij", "klmnopqrst", "uvwxyz"]),
        ("3.141,592,x,y", ["3.141,592,", "x,y"]),
        ("12:30:45,9:15", ["12:30:45,", "9:15"]),
        ("1,2,3,4,5,6,7", ["1,2,3,4,5,", "6,7"]),
        ("日本語を話す。英語も話す。", ["日本語を話す。", "英語も話す。"]),
        ("一二三四五、六七八九十一二", ["一二三四五、", "六七八九十一二"]),
        ("मैंठीकहूँ।औरतुम", ["मैंठीकहूँ।", "औरतुम"]),
    ],
)
def test_a_word_is_cut_behind_the_strongest_marks(word: str, pieces: list[str]) -> None:
    assert split_word(word, 10) == pieces


@pytest.mark.parametrize(
    "character",
    [
        "e\u0301",
        "a\u0323\u0302",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\U0001f44d\U0001f3fd",
        "\U0001f1eb\U0001f1f7",
        "\u2764\ufe0f",
        "\u0e01\u0e33",
        "\u0915\u094d\u0937\u093f",
        "\u05e9\u05c1",
        "\r\n",
    ],
)
def test_what_people_see_as_one_character_stays_whole(character: str) -> None:
    longest = len(character) * 3 - 1
    assert split_word(character * 7, longest) == [character * 2] * 3 + [character]


def test_more_accents_than_fit_are_cut_anywhere() -> None:
    assert boundary("a" + "\u0301" * 9, 5) == 5
    assert split_word("a" + "\u0301" * 9, 4) == ["a" + "\u0301" * 3, "\u0301" * 4, "\u0301" * 2]


def test_only_words_that_are_too_long_get_spaces() -> None:
    text = " a,b  c,d\n" + "x" * 10
    assert break_long_words(text, 10) == text
    assert break_long_words(text + "y", 10) == text + " y"


@pytest.mark.parametrize("unit", ["a", "a,", "1,", "\u0301", "\U0001f1eb", "\u200d", "-"])
def test_time_grows_with_the_length_only(unit: str) -> None:
    started = time.perf_counter()
    word = unit * (50_000 // len(unit))
    assert "".join(split_word(word, 150)) == word
    assert time.perf_counter() - started < 3  # about 0.1 s

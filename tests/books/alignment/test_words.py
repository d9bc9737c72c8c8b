import pytest

from actors.requests import Word
from actors.text import Normaliser
from books.alignment.words import heard_words, said_words
from tests.books.alignment.narrated import ENGLISH, narrated, passages


def test_words_of_passages_know_these() -> None:
    assert said_words(passages(["Call me, Ishmael!"], ["It\u2019s \u201chere\u201d."])) == [
        ("call", 0), ("me", 0), ("ishmael", 0), ("its", 1), ("here", 1),
    ]  # fmt: skip


def test_a_number_is_the_words_that_are_said_and_shares_its_time_by_letters() -> None:
    words = [
        Word(0.0, 0.5, " It", 1.0),
        Word(0.5, 1.0, " cost", 1.0),
        Word(1.0, 2.0, " $25.", 1.0),
        Word(2.0, 2.5, " Then", 1.0),
    ]
    heard = heard_words(words, 3, ENGLISH)
    assert [word.text for word in heard] == ["it", "cost", "twenty", "five", "dollars", "then"]
    assert [word.number for word in heard] == [0, 1, 2, 2, 2, 3]
    assert {word.recording for word in heard} == {3}
    assert [word.start_s for word in heard] == pytest.approx([0.0, 0.5, 1.0, 1 + 6 / 17, 1 + 10 / 17, 2.0])
    assert heard[4].end_s == pytest.approx(2.0)


def test_many_words_keep_their_times() -> None:
    texts = [f"word{'x' * (i % 7)} 12" for i in range(500)]
    heard = heard_words(narrated(" ".join(texts)), 0, ENGLISH)
    assert [word.number for word in heard if word.text == "twelve"] == list(range(1, 1_000, 2))


def test_words_of_letters_that_the_language_has_not_are_as_they_are() -> None:
    words = [Word(0, 1, " Привет,", 1), Word(1, 2, " мир", 1)]
    assert [word.text for word in heard_words(words, 0, Normaliser("en", markup=False))] == ["привет", "мир"]


def test_words_without_letters_are_none() -> None:
    assert heard_words([Word(0, 1, " \u2014", 1), Word(1, 2, "", 1), Word(2, 3, " and", 1)], 0, ENGLISH)[0].number == 2

"""Error rates, also where one side has nothing."""

import pytest

pytest.importorskip("jiwer", reason="error rates need jiwer")

from jobs.normaliser import normalise_text
from jobs.scoring import Errors, measure, spoken_text, word_errors


def test_an_empty_side_is_all_missing_or_all_too_much() -> None:
    assert measure("a", "x y", "").words == Errors(deletions=2)
    assert measure("a", "", "x yz").characters == Errors(insertions=3)
    assert Errors().rate is None


def test_words_and_characters_of_scripts_that_do_not_part_words_are_the_same() -> None:
    found = measure("a", "\u4eca\u5929\u5f88\u597d", "\u4eca\u5929 \u771f\u597d")
    assert found.words == found.characters == Errors(hits=3, substitutions=1)


def test_a_wrong_vowel_sign_is_a_wrong_character() -> None:
    found = measure("a", "\u092e\u0947\u0930\u0940 \u0928\u093e\u092e", "\u092e\u0947\u0930\u093e \u0928\u093e\u092e")
    assert found.words == Errors(hits=1, substitutions=1)
    assert found.characters == Errors(hits=3, substitutions=1)


def test_long_texts_are_aligned() -> None:
    said = [f"w{i % 977}" for i in range(20_000)]
    heard = [word for i, word in enumerate(said) if i % 100]
    assert measure("a", " ".join(said), " ".join(heard)).words == Errors(hits=19_800, deletions=200)


@pytest.mark.parametrize("text", ["[Music] one two", "one\ttwo", "one [Unintelligible Speech]\n two."])
def test_spoken_texts_are_without_events_and_their_words_stay_apart(text: str) -> None:
    assert spoken_text(text) == normalise_text(text) == "one two"


def test_word_errors_of_all_pairs_are_counted_as_they_are_spoken() -> None:
    errors = word_errors([("Two cats.", "two cats"), ("At 3:45!", "at three forty six")])
    assert (errors.hits, errors.substitutions) == (5, 1)

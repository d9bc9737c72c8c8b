"""What is said to the ear in training."""

from collections import Counter

import pytest

pytest.importorskip("torch", reason="training needs the 'export' extra")
pytest.importorskip("pyworld", reason="making training speech needs the 'train' extra")

from training.ear.corpus import word_rows
from training.texts import Texts, words_of


def test_rows_of_words_have_each_word_as_often_as_any_other() -> None:
    words = [f"{a}{b}" for a in "abcdefghij" for b in "klmnopqrst"]
    texts = Texts(train=[], held_out=[], long=[], unseen=[], words=words)
    rows = word_rows(texts, 45, seed=0)
    said = Counter(word for row in rows for word in words_of(row))
    assert all(2 <= len(words_of(row)) <= 8 for row in rows)
    assert set(said) == set(words)
    assert max(said.values()) - min(said.values()) == 1
    assert (rows == word_rows(texts, 45, seed=0), rows == word_rows(texts, 45, seed=1)) == (True, False)

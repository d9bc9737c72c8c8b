"""What is said to the ear in training."""

import pytest

pytest.importorskip("torch", reason="training needs the 'export' extra")
pytest.importorskip("pyworld", reason="making training speech needs the 'train' extra")

from exporter.embedded.ear_corpus import word_rows
from exporter.embedded.texts import Texts, words_of


def test_rows_of_words_have_each_word_once() -> None:
    words = [f"{a}{b}" for a in "abcdefghij" for b in "klmnopqrst"]
    texts = Texts(train=[], held_out=[], long=[], unseen=[], words=words)
    rows = word_rows(texts, 15, seed=0)
    said = [word for row in rows for word in words_of(row)]
    assert all(2 <= len(words_of(row)) <= 5 for row in rows)
    assert len(set(said)) == len(said)
    assert (rows == word_rows(texts, 15, seed=0), rows == word_rows(texts, 15, seed=1)) == (True, False)

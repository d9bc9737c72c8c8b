import tracemalloc
from collections.abc import Sequence
from itertools import pairwise

import pytest

from books.alignment.matching import Pair, match_words
from tests.books.alignment.narrated import misheard, prose


def texts(said: str, heard: str) -> list[tuple[str, str]]:
    """Return the words that are paired."""
    left, right = said.split(), heard.split()
    return [(left[i], right[j]) for i, j in match_words(left, right)]


def test_equal_words_are_pairs() -> None:
    assert match_words(list("abcd"), list("abcd")) == [Pair(i, i) for i in range(4)]


@pytest.mark.parametrize(("said", "heard"), [([], []), (["a"], []), ([], ["a"])], ids=["neither", "not-heard", "not-said"])
def test_nothing_has_no_pairs(said: list[str], heard: list[str]) -> None:
    assert match_words(said, heard) == []


def test_misheard_words_are_pairs_if_they_are_alike() -> None:
    said, heard = "cato throws himself upon his sword then", "kato throws himself sat beer sword then"
    assert texts(said, heard) == [
        ("cato", "kato"), ("throws", "throws"), ("himself", "himself"), ("sword", "sword"), ("then", "then"),
    ]  # fmt: skip


def test_a_word_that_was_heard_as_two_is_the_one_that_is_like_it() -> None:
    assert ("warehouses", "houses") in texts("before coffin warehouses and bringing", "before coffin ware houses and bringing")


def test_words_are_where_their_neighbours_are() -> None:
    """An announcement, and a sentence that begins with a word of it, and ends with one of the next announcement."""
    said, before, behind = "the mill turns in the wind", "stands in the public domain", "wind is heard"
    pairs = match_words(said.split(), f"{before} {said} {behind}".split())
    assert pairs == [Pair(i, i + 5) for i in range(6)]


def test_words_that_agree_by_chance_are_none() -> None:
    """An announcement has "the" and "of", and a chapter that is not there has them too."""
    said, chapter = prose(300, seed=1), prose(3_000, seed=2)
    announced = [*chapter[5:3_000:300], *chapter[7:3_000:500]]
    pairs = match_words([*said[:150], *chapter, *said[150:]], [*said[:150], *announced, *said[150:]])
    assert [pair for pair in pairs if 155 <= pair.said < 3_145] == []
    assert len(pairs) >= 300


def test_a_book_of_which_a_chapter_is_heard() -> None:
    book = prose(20_000)
    pairs = match_words(book, book[8_000:9_000])
    assert [pair for pair in pairs if pair.said - pair.heard != 8_000] == []
    assert len(pairs) == 1_000


def test_a_long_book_with_many_errors() -> None:
    """The whole of it in the memory of some hundred bytes a word, and the pairs are right."""
    said = prose(60_000)
    heard, truth = misheard(said, 0.2)
    tracemalloc.start()
    pairs = match_words(said, heard)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    right = sum(truth[pair.heard] == pair.said for pair in pairs)
    wrong = sum(truth[pair.heard] not in (None, pair.said) for pair in pairs)
    assert right >= 0.998 * sum(index is not None for index in truth)
    assert wrong <= 0.001 * len(said)
    assert peak < 60_000 * 1_000


ONE = ["aye"]


@pytest.mark.parametrize(
    ("said", "heard", "least"),
    [
        pytest.param(ONE * 100_000, ONE * 90_000, 90_000, id="one-word"),
        pytest.param(ONE * 100_000, [*ONE * 5, "no"] * 15_000, 60_000, id="one-word-with-another"),
        pytest.param(["a", "b"] * 50_000, ["b", "a", "c"] * 30_000, 30_000, id="two-words"),
        pytest.param(prose(50_000), prose(50_000)[::-1], 0, id="backwards"),
        pytest.param([f"w{i % 100}" for i in range(60_000)], [f"w{i % 99}" for i in range(60_000)], 1_000, id="beats"),
    ],
)
def test_input_that_has_no_anchors_takes_no_more_memory(said: Sequence[str], heard: Sequence[str], least: int) -> None:
    tracemalloc.start()
    pairs = match_words(said, heard)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(pairs) >= least
    assert all(one.said < other.said and one.heard < other.heard for one, other in pairwise(pairs))
    assert peak < 200 << 20


def test_anchors_within_anchors_end() -> None:
    """Words that are alone only between two others, a thousand deep."""
    said: list[str] = []
    for depth in range(1_000):
        said = [f"w{depth}", *said, f"w{depth}", "x"]
    pairs = match_words(said, [word for word in said if word != "x"])
    assert len(pairs) >= 1_900

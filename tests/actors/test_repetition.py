"""Tokens that repeat themselves."""

import pytest

from actors.repetition import find_loop


@pytest.mark.parametrize(
    ("tokens", "start"),
    [
        ([1, 2, 3] + [7] * 64, 3),
        ([1, 2, 3] + [7] * 63, None),
        ([9, 9, *([4, 5, 6, 7] * 20), 4], 2),
        (list(range(300)), None),
        ([*range(50), *([*range(60)] * 10)], 50),
        ([], None),
    ],
)
def test_loops_are_found_where_they_begin(tokens: list[int], start: int | None) -> None:
    assert find_loop(tokens) == start


@pytest.mark.parametrize(
    ("tokens", "start"),
    [([1, 2, *([7, 8] * 12)], 2), ([1, 2, *([7, 8] * 11)], None), ([1, *range(10, 18), *range(10, 18), *range(10, 18)], None)],
)
def test_how_long_a_loop_is_may_be_said(tokens: list[int], start: int | None) -> None:
    assert find_loop(tokens, max_period=8, min_repeats=4, min_tokens=24) == start

import numpy as np

from actors.finite import finite_rows, rows_to_choose_from


def test_rows_with_a_number_that_is_none_are_found() -> None:
    first, second = np.zeros((4, 3), np.float32), np.zeros((4, 1), np.float32)
    first[1, 2], first[2, 0], second[3, 0] = np.nan, np.inf, -np.inf
    assert finite_rows(first).tolist() == [True, False, False, True]
    assert finite_rows(first, second).tolist() == [True, False, False, False]


def test_a_forbidden_token_is_no_fault_but_all_of_them_are() -> None:
    logits = np.zeros((5, 3), np.float32)
    logits[1, 0], logits[2], logits[3, 1], logits[4, 2] = -np.inf, -np.inf, np.inf, np.nan
    assert rows_to_choose_from(logits).tolist() == [True, True, False, False, False]

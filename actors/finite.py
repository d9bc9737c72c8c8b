"""Tells rows that went wrong: what a model computes is numbers, and the first that is none ends its row, not the others."""

import numpy as np

from actors.errors import NotFiniteError

BLAME = "the model's weights or its precision are at fault, not the row; export it again, or in fp32"


def finite_rows(array: np.ndarray, *more: np.ndarray) -> np.ndarray:
    """Return which rows have finite numbers only, bool ``[rows]``, of arrays ``[rows, numbers]``."""
    finite: np.ndarray = np.isfinite(array).all(axis=1)
    for other in more:
        finite &= np.isfinite(other).all(axis=1)
    return finite


def rows_to_choose_from(logits: np.ndarray) -> np.ndarray:
    """Return which rows of ``[rows, vocab]`` have a best token, bool ``[rows]``; ``-inf`` only forbids one."""
    has_best: np.ndarray = np.isfinite(logits.max(axis=1))
    return has_best


def fits_float32(array: np.ndarray) -> bool:
    """Return whether all numbers of an array of floats of any width and shape are finite in float32."""
    return bool((np.abs(array) <= np.finfo(np.float32).max).all())


def not_finite(what: str, chunk: int, step: int) -> NotFiniteError:
    """Return the error of a row whose ``what`` is NaN or infinite at a step of a chunk, both counted from 0."""
    return NotFiniteError(f"{what} is NaN or infinite at step {step + 1} of chunk {chunk + 1}: {BLAME}")

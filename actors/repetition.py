"""Finds where a model that writes token after token began to repeat itself."""

from collections.abc import Sequence

import numpy as np


def find_loop(tokens: Sequence[int], *, max_period: int = 64, min_repeats: int = 10, min_tokens: int = 64) -> int | None:
    """Return where a loop begins that ``tokens`` end with; ``None`` if they end with none.

    A loop is the same tokens over and over again.

    Args:
        tokens: what was written.
        max_period: how many tokens there are at most before they come again.
        min_repeats: how often they are there at least.
        min_tokens: how long all of it is at least, in tokens.
    """
    tail = np.array(tokens[-max_period * min_repeats :])
    for period in range(1, min(max_period, len(tail) // min_repeats) + 1):
        differs = np.nonzero(tail[period:] != tail[:-period])[0]
        run = len(tail) - (int(differs[-1]) + 1 if len(differs) else 0)  # from the first token that is repeated
        if run >= max(min_repeats * period, min_tokens):
            return len(tokens) - run
    return None

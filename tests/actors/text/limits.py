"""A bound on the time that a hostile text may take: what grows with the square takes a minute, what is linear not a second.

How fast texts are read is measured by ``benchmarks/normalisation``.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

CHARACTERS = 50_000
LONGEST_S = 8.0


@contextmanager
def linear_time() -> Iterator[None]:
    """Fail if what is done within takes more time of the processor than a linear algorithm can on 50,000 characters."""
    begin = time.process_time()
    yield
    took = time.process_time() - begin
    assert took < LONGEST_S, f"{took:.1f} s of the processor"

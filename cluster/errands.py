"""Errands: what is done beside a job's rows while it runs, such as binding a book. They give way to the workers."""

import os
import sys
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol, TypeVar

T = TypeVar("T")

PER_NODE = 2  # errands at once
_NICENESS = 10  # more than the workers', which Ray starts with one of 15 already


class Errands(Protocol):
    """Where errands are sent."""

    def submit(self, errand: Callable[..., T], /, *arguments: object) -> Future[T]:
        """Do an errand somewhere, soon; the future has what it returns or raises.

        It may run on any machine of the job and, where one is lost, again: it must be a function that can be imported there,
        with arguments that can be pickled, that does no harm when it is done twice.
        """


def give_way() -> None:
    """Let this thread, and those that it starts, run behind the workers' on a busy core."""
    if sys.platform == "linux":  # elsewhere it would be the whole process
        os.nice(_NICENESS)

"""The row cache of a job: where it is, how large it may be when the job ends, and what makes rows equal."""

import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from actors.errors import SpeechmillError, UsageError
from cluster.row_cache import RowCache
from cluster.storage import Store, open_store
from jobs.options import output_location
from jobs.sizes import parse_size, say_size

logger = logging.getLogger("speechmill")

CacheSize = Annotated[str | None, typer.Option(help="What the cache may hold when the job ends, as 50GB; default: all.")]


class SeedBy(StrEnum):
    """What fixes a row's random numbers beside the seed."""

    ID = "id"
    TEXT = "text"


@dataclass(frozen=True)
class JobCache:
    """A store of rows, and how many bytes it may hold; ``None``: any number."""

    store: Store
    max_bytes: int | None

    def trim(self) -> None:
        """Delete the longest unused rows above the limit; what hinders that is a warning."""
        if self.max_bytes is None:
            return
        try:
            done = RowCache(self.store).collect_garbage(max_bytes=self.max_bytes)
        except SpeechmillError as error:
            logger.warning("the row cache cannot be kept small: %s", error)
            return
        if done.deleted_rows:
            logger.info("%d rows, %s, left the row cache", done.deleted_rows, say_size(done.deleted_size))


def open_cache(location: str | None, max_size: str | None) -> JobCache | None:
    """Return a job's cache by ``--cache`` and ``--cache-size``; ``None`` if it has none.

    Raises:
        UsageError: the location or the size is none, or there is a size without a location.
        StorageError: the region of a bucket cannot be found.
    """
    size = None if max_size is None else parse_size(max_size, "--cache-size")
    if location is None:
        if size is not None:
            raise UsageError("--cache-size says how large a cache may be, and there is none: give --cache")
        return None
    return JobCache(open_store(output_location(location)), size)

"""Binds each book of a job the moment its last passage has been spoken."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from actors.errors import SpeechmillError
from books.binding.bind import BindOrder, bind
from books.binding.record import Bound
from cluster.dataset import Shard
from cluster.errands import Errands
from cluster.output import Part, choose_parts

logger = logging.getLogger("speechmill.audiobook")


@dataclass(frozen=True)
class Volume:
    """A book of a job: the shard with its passages, and how it is bound, given its parts' keys."""

    name: str
    shard: Shard
    order: Callable[[tuple[str, ...]], BindOrder]


@dataclass(frozen=True)
class Made:
    """A book that is bound: its name, what was asked for, and what was made."""

    name: str
    order: BindOrder
    bound: Bound


class Bindery:
    """Is told of parts as they come.

    Args:
        volumes: the books of the job; one of which no rows are wanted is none.
        errands: where they are bound.
    """

    def __init__(self, volumes: Sequence[Volume], errands: Errands) -> None:
        self._errands = errands
        self._volumes: Mapping[int, Volume] = {v.shard.index: v for v in volumes if v.shard.rows}
        self._parts: dict[int, dict[str, Part]] = {index: {} for index in self._volumes}
        self._sent: dict[int, tuple[BindOrder, Future[Bound]]] = {}

    def note(self, parts: Iterable[Part]) -> None:
        """Take note of parts that are there; send off books that are spoken."""
        touched = set()
        for part in parts:
            if part.unit.shard in self._parts:
                self._parts[part.unit.shard][part.key] = part
                touched.add(part.unit.shard)
        for index in sorted(touched - self._sent.keys()):
            self._bind_if_spoken(index)

    def _bind_if_spoken(self, index: int) -> None:
        volume, parts = self._volumes[index], self._parts[index].values()
        # To choose among them takes longer than to count, and is not done for each part of a long book.
        if sum(part.unit.count for part in parts) < volume.shard.rows:
            return
        chosen, _ = choose_parts(parts)
        if sum(part.unit.count for part in chosen) == volume.shard.rows:
            logger.info("%s is spoken: its files are next", volume.name)
            # The larger ones come first, whatever rows they have.
            in_order = sorted(chosen, key=lambda part: part.unit.first)
            order = volume.order(tuple(part.key for part in in_order))
            self._sent[index] = order, self._errands.submit(bind, order)

    def finish(self) -> tuple[list[Made], int]:
        """Wait for the books; return those that are bound, and how many could not be, of which the log says why."""
        made = []
        for index, (order, future) in sorted(self._sent.items()):
            name = self._volumes[index].name
            try:
                made.append(Made(name, order, future.result()))
            except SpeechmillError as error:
                logger.error("%s cannot be bound: %s", name, error)  # noqa: TRY400 - a sentence is all that there is to say
            except Exception:
                logger.exception("%s cannot be bound, by a fault of ours: please report it", name)
        return made, len(self._volumes) - len(made)

"""Continuous batching: a family's loop runs over slots that are refilled the moment an utterance is done."""

import contextlib
import heapq
import itertools
import logging
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from queue import SimpleQueue
from time import perf_counter
from types import TracebackType
from typing import Generic, Protocol, TypeVar

from actors.errors import EngineClosedError, NotFiniteError, SpeechmillError

logger = logging.getLogger(__name__)


ENGINE_THREAD = "speechmill-engine"
_CLOSED = "the engine was closed before this request was done"
# A closed engine lets a step end by itself for so long, and then waits so long for one that was told to.
_STEP_S = 0.2
_STOP_S = 3.0
# After so long no further prefill begins before the rows that run have had a step. One may take minutes: an hour of audio.
_PREFILL_S = 0.25


class Utterance(Protocol):
    """One run of a model's loop: a chunk of a request on its way through a slot."""

    @property
    def cost(self) -> int:
        """An estimate of how long it will run, in any unit; the longest waiting one goes first."""

    @property
    def done(self) -> bool:
        """Whether the loop has ended for it."""


RequestT = TypeVar("RequestT", contravariant=True)
ResultT = TypeVar("ResultT", covariant=True)
UtteranceT = TypeVar("UtteranceT", bound=Utterance)


class Model(Protocol[RequestT, UtteranceT, ResultT]):
    """A family's loop: everything about the model, nothing about scheduling."""

    slots: int
    compacts: bool

    def prepare(self, request: RequestT, trace: bool) -> list[UtteranceT]:
        """Cut a request into utterances; called on the caller's thread.

        Raises:
            RequestError: the request cannot be spoken, and why.
        """

    def prefill(self, utterance: UtteranceT, slot: int) -> None:
        """Start an utterance in a free slot, alone.

        Raises:
            NotFiniteError: its request fails, and no other.
        """

    def step(self, rows: Sequence[UtteranceT | None]) -> None:
        """Advance the utterances in slots ``0 .. len(rows)`` by one frame; ``None`` is a free slot between them."""

    def move(self, utterance: UtteranceT, source: int, target: int) -> None:
        """Move a running utterance to another slot (only if ``compacts``)."""

    def finish(self, utterance: UtteranceT) -> UtteranceT | None:
        """Turn a done utterance into its result; or return what must run again in its place.

        Raises:
            NotFiniteError: here or in a step before, after which the utterance was done. Its request fails, and no other.
        """

    def join(self, request: RequestT, utterances: Sequence[UtteranceT]) -> ResultT:
        """Make a request's result from its finished utterances, in order."""


@dataclass
class EngineStats:
    """Counters of an engine since it was opened. A slot-step is one slot during one step.

    ``prefill_s``, ``step_s`` and ``finish_s`` are the wall seconds that its thread spent in the model's method of that name.
    While it is in one of them, it is in no other: a slow vocoder is seen in ``finish_s``, and not in the occupancy.
    """

    steps: int = 0
    slot_steps: int = 0
    busy_slot_steps: int = 0
    utterances: int = 0
    prefill_s: float = 0.0
    step_s: float = 0.0
    finish_s: float = 0.0

    @property
    def occupancy(self) -> float:
        """The share of slot-steps that advanced an utterance."""
        return self.busy_slot_steps / self.slot_steps if self.slot_steps else 0.0


@dataclass
class _Job(Generic[RequestT, UtteranceT, ResultT]):
    """A request on its way: its utterances, how many are still to be finished, and who waits for it."""

    request: RequestT
    utterances: list[UtteranceT]
    future: Future[ResultT]
    on_utterance: Callable[[int, UtteranceT], None] | None
    missing: int = field(init=False)

    def __post_init__(self) -> None:
        self.missing = len(self.utterances)


@dataclass(order=True)
class _Ticket(Generic[RequestT, UtteranceT, ResultT]):
    """An utterance's place in the queue and the job it belongs to. Longest first, then in order of arrival."""

    sort_key: tuple[int, int]
    job: _Job[RequestT, UtteranceT, ResultT] = field(compare=False)
    index: int = field(compare=False)

    @property
    def utterance(self) -> UtteranceT:
        return self.job.utterances[self.index]


class Engine(Generic[RequestT, UtteranceT, ResultT]):
    """Runs requests from any number of threads through one model, batched together.

    A single thread owns the model. It admits waiting utterances to free slots (longest first, across requests), advances all
    slots by one frame, hands finished ones over, and again. Close it, or use it as a context manager.

    Args:
        model: what runs.
        interrupt: ends what the model does right now, with an error; called from another thread when the engine is closed.
    """

    def __init__(self, model: Model[RequestT, UtteranceT, ResultT], interrupt: Callable[[], None] | None = None) -> None:
        self.model = model
        self._interrupt = interrupt
        self.stats = EngineStats()
        self._rows: list[_Ticket[RequestT, UtteranceT, ResultT] | None] = [None] * model.slots
        self._queue: list[_Ticket[RequestT, UtteranceT, ResultT]] = []
        self._arrivals = itertools.count()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=ENGINE_THREAD, daemon=True)
        self._thread.start()

    def submit(
        self,
        request: RequestT,
        *,
        trace: bool = False,
        on_utterance: Callable[[int, UtteranceT], None] | None = None,
    ) -> Future[ResultT]:
        """Queue a request and return at once.

        Args:
            request: what to do.
            trace: keep the loop's arrays in the result.
            on_utterance: called on the engine's thread with the index of every utterance that is finished.

        Raises:
            RequestError: the request cannot be processed, and why.
            EngineClosedError: the engine was closed.
        """
        future: Future[ResultT] = Future()
        job = _Job(request, self.model.prepare(request, trace), future, on_utterance)
        if not job.utterances:
            raise SpeechmillError(f"{type(self.model).__name__}.prepare gave no utterance: the request would never be done")
        with self._changed:
            if self._closed:
                raise EngineClosedError("the engine is closed: open the model again")
            for index, utterance in enumerate(job.utterances):
                heapq.heappush(self._queue, _Ticket((-utterance.cost, next(self._arrivals)), job, index))
            self._changed.notify()
        return future

    def generate(self, requests: Sequence[RequestT], *, trace: bool = False) -> list[ResultT]:
        """Process requests together; the results come in the order of the requests.

        Raises:
            RequestError: one of them cannot be processed; none is then waited for.
        """
        return [future.result() for future in [self.submit(request, trace=trace) for request in requests]]

    def stream(self, request: RequestT) -> Iterator[UtteranceT]:
        """Process one request and yield its finished utterances in order, each as soon as it is there."""
        arrived: SimpleQueue[tuple[int, UtteranceT] | BaseException | None] = SimpleQueue()
        future = self.submit(request, on_utterance=lambda index, utterance: arrived.put((index, utterance)))
        future.add_done_callback(lambda done: arrived.put(done.exception()))
        early: dict[int, UtteranceT] = {}
        following = 0
        while (item := arrived.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            early[item[0]] = item[1]
            while following in early:
                yield early.pop(following)
                following += 1

    def close(self) -> None:
        """Stop what runs; requests that are not done fail. A model that cannot be stopped is left to itself."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._interrupt:
            self._thread.join(_STEP_S)
            self._interrupt()
        self._thread.join(_STOP_S)
        if self._thread.is_alive():
            logger.warning("the model does not stop what it does: it is left to itself")
            self._fail(EngineClosedError(_CLOSED))

    def __enter__(self) -> "Engine[RequestT, UtteranceT, ResultT]":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _run(self) -> None:
        while self._wait():
            try:
                self._advance()
            except BaseException as error:  # noqa: BLE001 - whatever broke belongs to those who wait, and they get it
                self._fail(EngineClosedError(_CLOSED) if self._closed else error)
        self._fail(EngineClosedError(_CLOSED))

    def _wait(self) -> bool:
        """Block until there is something to do; False when the engine is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._queue or any(self._rows))
            return not self._closed

    def _advance(self) -> None:
        """Admit, step, retire: once."""
        self._admit()
        if self.model.compacts:
            self._compact()
        used = max((slot + 1 for slot, ticket in enumerate(self._rows) if ticket), default=0)
        if not used:
            return
        rows = [ticket.utterance if ticket else None for ticket in self._rows[:used]]
        self._require_open()
        started = perf_counter()
        self.model.step(rows)
        self.stats.step_s += perf_counter() - started
        self.stats.steps += 1
        self.stats.slot_steps += self.model.slots
        self.stats.busy_slot_steps += sum(row is not None for row in rows)
        for slot, ticket in enumerate(self._rows[:used]):
            if ticket and ticket.utterance.done:
                self._retire(ticket)
                self._rows[slot] = None

    def _admit(self) -> None:
        """Fill free slots from the queue. An utterance that ends with its first frame leaves its slot free.

        Where prefills are long, slots stay free until after the next step, so that rows that run do not wait for all of them.
        """
        enough_s = self.stats.prefill_s + (_PREFILL_S if any(self._rows) else math.inf)
        for slot, occupant in enumerate(self._rows):
            while occupant is None and self.stats.prefill_s < enough_s and (ticket := self._next()):
                self._rows[slot] = ticket
                self._require_open()
                started = perf_counter()
                with self._failing_alone(ticket):
                    self.model.prefill(ticket.utterance, slot)
                self.stats.prefill_s += perf_counter() - started
                if not ticket.utterance.done and not ticket.job.future.done():
                    break
                self._retire(ticket)
                self._rows[slot] = None

    def _next(self) -> _Ticket[RequestT, UtteranceT, ResultT] | None:
        with self._changed:
            while self._queue:
                ticket = heapq.heappop(self._queue)
                if not ticket.job.future.done():
                    return ticket
        return None

    def _require_open(self) -> None:
        """Call nothing more of the model once the engine is closed, so that closing it waits for one call and not for many."""
        if self._closed:
            raise EngineClosedError(_CLOSED)

    def _compact(self) -> None:
        """Close gaps with the last rows, so that the batch is as small as what runs."""
        last = len(self._rows) - 1
        for slot, ticket in enumerate(self._rows):
            while last > slot and self._rows[last] is None:
                last -= 1
            if ticket is None and (moving := self._rows[last]) and last > slot:
                self.model.move(moving.utterance, last, slot)
                self._rows[slot], self._rows[last] = moving, None

    def _retire(self, ticket: _Ticket[RequestT, UtteranceT, ResultT]) -> None:
        job = ticket.job
        if job.future.done():  # it failed while this utterance ran
            return
        self._require_open()
        started = perf_counter()
        again = None
        with self._failing_alone(ticket):
            again = self.model.finish(ticket.utterance)
        self.stats.finish_s += perf_counter() - started
        if job.future.done():
            return
        if again is not None:
            job.utterances[ticket.index] = again
            with self._changed:
                heapq.heappush(self._queue, ticket)
            return
        self.stats.utterances += 1
        job.missing -= 1
        if job.on_utterance:
            job.on_utterance(ticket.index, ticket.utterance)
        if not job.missing:
            result = self.model.join(job.request, job.utterances)
            with contextlib.suppress(InvalidStateError):  # cancelled meanwhile
                job.future.set_result(result)

    @contextlib.contextmanager
    def _failing_alone(self, ticket: _Ticket[RequestT, UtteranceT, ResultT]) -> Iterator[None]:
        """Let a row that is not finite end its own request only."""
        try:
            yield
        except NotFiniteError as error:
            with contextlib.suppress(InvalidStateError):  # cancelled meanwhile
                ticket.job.future.set_exception(error)

    def _fail(self, error: BaseException) -> None:
        """Hand ``error`` to everybody who waits and start over with empty slots."""
        with self._changed:
            tickets = [*self._queue, *(ticket for ticket in self._rows if ticket)]
            self._queue.clear()
        self._rows = [None] * self.model.slots
        for ticket in tickets:
            with contextlib.suppress(InvalidStateError):  # cancelled, or told already for another of its utterances
                ticket.job.future.set_exception(error)

"""Errands on Ray: tasks without cores of their own, spread over the nodes."""

import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from typing import Any, TypeVar

import ray

from actors.errors import SpeechmillError, UsageError
from cluster.errands import PER_NODE, give_way
from cluster.logs import Collector, handle
from cluster.nodes import alive_nodes

logger = logging.getLogger("speechmill.cluster")

T = TypeVar("T")

_MOST_AT_ONCE = 64  # each has a thread of this process that waits for it
_MOST_LOST = 10  # times an errand is sent again because its node or process was lost
_LOOK_S = 1.0
_STOP_S = 5.0  # how long those that wait are waited for, once they were told to stop
# Processes of their own, which workers are never put into: their libraries have one thread, and they give way.
_ENVIRONMENT = {
    "env_vars": dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "SPEECHMILL_ERRAND"), "1")
}


@dataclass(frozen=True)
class _Answer:
    """What an errand has returned, or raised, and what was logged meanwhile."""

    value: Any
    error: BaseException | None
    records: list[logging.LogRecord]


class RayErrands:
    """See :class:`~cluster.errands.Errands`: some at once on each node, for which threads of this process wait."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_MOST_AT_ONCE, thread_name_prefix="errand")
        self._turn = threading.Condition()
        self._running = 0
        self._sent: set[Future[Any]] = set()
        self._closing = False
        self._do = ray.remote(_do).options(
            num_cpus=0, max_retries=_MOST_LOST, scheduling_strategy="SPREAD", runtime_env=_ENVIRONMENT
        )

    def submit(self, errand: Callable[..., T], /, *arguments: object) -> Future[T]:
        """See :class:`~cluster.errands.Errands`."""
        future = self._threads.submit(self._send, errand, arguments)
        self._sent.add(future)
        future.add_done_callback(self._sent.discard)
        return future

    def finish(self) -> None:
        """Wait for what is under way."""
        self._threads.shutdown()

    def stop(self) -> None:
        """Give up what is under way, before Ray goes: a thread that still asked for it would start Ray anew."""
        self._closing = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        wait_for(list(self._sent), _STOP_S)

    def _send(self, errand: Callable[..., T], arguments: tuple[object, ...]) -> T:
        with self._its_turn():
            answer = self._answer(errand, arguments)
        handle(answer.records)
        if answer.error is not None:
            raise answer.error
        value: T = answer.value
        return value

    @contextlib.contextmanager
    def _its_turn(self) -> Iterator[None]:
        """Wait until there are fewer than some errands for each node that is there now."""
        with self._turn:
            while self._running >= PER_NODE * max(1, len(alive_nodes())):
                self._require_open()
                self._turn.wait(_LOOK_S)
            self._running += 1
        try:
            yield
        finally:
            with self._turn:
                self._running -= 1
                self._turn.notify()

    def _answer(self, errand: Callable[..., Any], arguments: tuple[object, ...]) -> _Answer:
        name = getattr(errand, "__qualname__", repr(errand))
        try:
            reference = self._do.remote(errand, arguments)
        except (TypeError, ValueError, AttributeError) as error:  # what pickle raises
            raise UsageError(
                f"the errand {name} cannot be sent to another machine ({str(error).splitlines()[0]}): give a function of a "
                "module, and arguments that can be pickled"
            ) from error
        try:
            while not ray.wait([reference], timeout=_LOOK_S)[0]:
                if self._closing:
                    ray.cancel(reference, force=True)
                self._require_open()
            answer: _Answer = ray.get(reference)
        except ray.exceptions.RayError as error:
            cause = str(error).strip().splitlines()[-1]
            raise SpeechmillError(
                f"the errand {name} came to nothing on any of the nodes it was sent to: {cause}. Run the same command again to "
                "go on."
            ) from error
        return answer

    def _require_open(self) -> None:
        if self._closing:
            raise CancelledError


def _do(errand: Callable[..., Any], arguments: tuple[object, ...]) -> _Answer:
    """Do an errand; runs on a node."""
    give_way()
    log = Collector(socket.gethostname())
    root = logging.getLogger()
    root.addHandler(log)
    try:
        return _Answer(errand(*arguments), None, log.take())
    except Exception as error:  # noqa: BLE001 - whoever waits for it gets it
        return _Answer(None, _portable(error), log.take())
    finally:
        root.removeHandler(log)


def _portable(error: Exception) -> Exception:
    """Return an error that can be sent: itself, or one that says what it said."""
    try:
        ray.cloudpickle.loads(ray.cloudpickle.dumps(error))
    except Exception:  # noqa: BLE001 - whatever pickling it raises
        return SpeechmillError(f"{type(error).__name__}: {error}")
    return error

"""The threads beside the job's own: what they do may hang, as Ray's calls do when the head node is lost."""

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import ray

from actors.errors import SpeechmillError
from cluster.nodes import Node, alive_nodes, draining_nodes

# How often the pool looks at the cluster.
LOOK_S = 2.0
# Ray ends the process a minute after it lost the head: we want the last word.
_HEAD_LOST_S = 20.0
_PING_TIMEOUT_S = 5.0


class Hands:
    """Does one thing after the other in a thread of its own: what may hang, as Ray's calls do when the head node is lost."""

    def __init__(self) -> None:
        self._actions: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="speechmill-hands", daemon=True)
        self._thread.start()

    def do(self, action: Callable[[], object]) -> None:
        """Do something soon. What fails for want of the cluster is not told: :class:`Watch` sees that too."""
        self._actions.put(action)

    def finish(self, timeout_s: float) -> None:
        """Wait until all is done, or the time is up."""
        self._actions.put(None)
        self._thread.join(timeout_s)

    def _work(self) -> None:
        for action in iter(self._actions.get, None):
            with contextlib.suppress(ray.exceptions.RayError, ValueError):  # ValueError: what is to be killed is no actor
                action()


@dataclass(frozen=True)
class Look:
    """What the cluster was like a moment ago."""

    nodes: Sequence[Node]
    draining: Mapping[str, float]


class Watch:
    """Looks at the cluster from a thread of its own, because Ray's calls hang when the head node is lost."""

    def __init__(self, tell: Callable[[Look | SpeechmillError], None]) -> None:
        self._tell = tell
        host, _, port = ray.get_runtime_context().gcs_address.rpartition(":")
        self._head = host.strip("[]"), int(port)
        self._ended = threading.Event()
        for target in (self._watch_head, self._watch_nodes):
            threading.Thread(target=target, name="speechmill-watch", daemon=True).start()

    def stop(self) -> None:
        """Stop looking."""
        self._ended.set()

    def _watch_head(self) -> None:
        seen = time.monotonic()
        while not self._ended.wait(LOOK_S):
            with contextlib.suppress(OSError), socket.create_connection(self._head, timeout=_PING_TIMEOUT_S):
                seen = time.monotonic()
            if time.monotonic() - seen > _HEAD_LOST_S:
                sentence = (
                    f"the head node of the Ray cluster has not answered for {_HEAD_LOST_S:g} s: the cluster is lost. What is "
                    "finished is kept: run the same command on a cluster that is up to go on."
                )
                self._tell(SpeechmillError(sentence))
                return

    def _watch_nodes(self) -> None:
        while not self._ended.wait(LOOK_S):
            with contextlib.suppress(Exception):  # the head is away for a moment, or for good: the other thread knows
                self._tell(Look(alive_nodes(), draining_nodes()))

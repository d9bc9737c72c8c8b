"""The pool of actors: what each has, what waits, what came of it."""

import logging
import queue
import time
from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import ray

from actors.errors import BundleCorruptError, BundleError, CoresUnavailableError, SpeechmillError, UsageError
from cluster import metrics
from cluster.logs import handle
from cluster.nodes import Cluster, alive_nodes, ask, fits, node_kinds
from cluster.ray_pool.gauges import Gauges
from cluster.ray_pool.threads import LOOK_S, Hands, Look, Watch
from cluster.ray_pool.worker import Opened, Reply, SpeechmillWorker, demand_of, try_machine
from cluster.runner import UNITS_IN_FLIGHT, Group, Outcome, Task, UnitLost
from cluster.topology import threads_per_core

logger = logging.getLogger("speechmill.cluster")

# A unit whose worker died this often is cut up. One death may be an accident, or the unit beside it.
MAX_DEATHS = 2
# A unit whose node was lost is not to blame; but a node may also be lost because of it.
_MAX_MOVES = 10
# So many workers in a row may fail to start before the job gives up: with an error, or by dying as they do when nodes vanish.
_MAX_FAILED_STARTS = 3
_MAX_DEAD_STARTS = 10
# How long no node can hold a worker, and none that could is announced, before the job ends with what the cluster has.
_NO_NODE_S = 20.0
# Waiting for a spot node may take long, for ever is a hang.
_NO_PROGRESS_S = 2 * 3600.0
# People see that a job waits after so long, and again and again.
_FIRST_NOTE_S = 3.0
_NOTE_S = 30.0
# So long before a node goes, what its workers have is handed to others.
_HAND_BACK_S = 5.0
# How long the end of all workers may take.
_KILL_S = 5.0


@dataclass(eq=False)
class _Member:
    """A worker of the pool: ``node`` once it is open, the groups that it has, and whether its node is about to go."""

    actor: Any = None
    node: str | None = None
    groups: list[Group] = field(default_factory=list)
    leaving: bool = False


@dataclass(frozen=True)
class _Settled:
    """A call to a worker has ended: that which opened it, or that which gave it a group."""

    member: _Member
    group: Group | None
    future: Future[Any]


class RayPool:
    """See :class:`~cluster.runner.Pool`.

    Everything happens on the caller's thread; the threads of Ray and of the watch only queue events.
    """

    def __init__(self, task: Task, workers: tuple[int, int] | None, cores: int, gpus: float, device: str = "cpu") -> None:
        self._task = task
        self._bounds = workers
        self._cores = cores
        self._gpus = gpus
        self._device = device
        self._threads_per_core: int | None = None  # until a node has said
        self._events: queue.SimpleQueue[_Settled | Look | SpeechmillError] = queue.SimpleQueue()
        self._members: list[_Member] = []
        self._dead: list[tuple[_Member, BaseException | None]] = []
        self._hands = Hands()
        self._waiting: deque[Group] = deque()
        self._deaths: Counter[Group] = Counter()
        self._moves: Counter[Group] = Counter()
        self._cluster = Cluster()
        self._refused = 0  # workers for which the nodes had no cores
        self._failed_starts = self._dead_starts = 0
        self._gauges = Gauges(task.writer.session)
        self._patience = _Patience()
        self._watch: Watch | None = None
        self.waited_row_s = 0.0

    @property
    def size(self) -> int:
        """How many workers there may be at once."""
        return max(1, self._bounds[1] if self._bounds else self._cluster.room(self._demand))

    def prepare(self, *, alone: bool) -> None:
        """Ask the nodes whether they see what the task needs, and the autoscaler what it may add.

        Args:
            alone: this machine is the cluster, so it need not be asked.

        Raises:
            SpeechmillError: a node does not see something, or cannot run our code.
        """
        self._cluster = Cluster(alive_nodes())
        if not alone:
            self._cluster = replace(self._cluster, kinds=node_kinds(self._cluster.nodes))
            self._ask_machines()
        self._reference = ray.put(self._task)
        self._watch = Watch(lambda event: self._events.put(event))

    def _ask_machines(self) -> None:
        holding = [node for node in self._cluster.nodes if fits(self._demand, node.resources)]
        answers = ask(holding, try_machine, self._task)
        failed = {node.name: answer for node, answer in answers.items() if isinstance(answer, Exception)}
        unfit = [f"node {name}: {_reason(error)}" for name, error in failed.items() if not _is_lost(error)]
        if unfit:
            raise SpeechmillError(
                f"{len(unfit)} of {len(answers)} nodes cannot do this job. {'; '.join(unfit[:3])}. Give storage that every "
                "node reaches under the same name (a mounted folder, s3:// or gs://), and every node the same packages "
                "(docs/cluster.md)."
            )
        for answer in answers.values():
            if isinstance(answer, int):
                self._learn(answer)

    def _learn(self, threads: int) -> None:
        """Note how many CPUs of Ray's a core of some node is. Of nodes that differ the smallest number counts."""
        before = self._demand
        self._threads_per_core = min(self._threads_per_core or threads, threads)
        if self._demand != before:  # who still waits for a node asks for another number of CPUs now
            self._dismiss([member for member in self._members if member.node is None])

    def run(self, groups: Sequence[Group], in_flight: int) -> Iterator[Outcome]:
        """See :class:`~cluster.runner.Pool`."""
        self._waiting = deque(groups)
        self._patience = _Patience()
        try:
            while self._waiting or self._dead or any(member.groups for member in self._members):
                self._scale()
                self._feed(self._members, in_flight)
                event = self._events.get()
                if isinstance(event, _Settled):
                    yield from self._settle(event)
                elif isinstance(event, Look):
                    self._take_look(event, in_flight)
                    yield from self._bury()
                else:
                    _raise(event)
        except BaseException:  # whoever stops early wants none of what is still running
            self._dismiss(list(self._members))
            self._events = queue.SimpleQueue()
            raise

    def close(self) -> None:
        """End all workers."""
        if self._watch:
            self._watch.stop()
        self._dismiss(list(self._members))
        self._gauges.clear()
        self._hands.finish(_KILL_S)  # before Ray goes

    # --- size

    @property
    def _demand(self) -> Mapping[str, float]:
        return demand_of(self._cores * (self._threads_per_core or threads_per_core()), self._gpus)

    def _wanted(self) -> int:
        """How many workers there should be."""
        kept, most = self._bounds or (0, self._cluster.room(self._demand))
        work = len(self._waiting) + len(self._dead) + sum(len(member.groups) for member in self._members)
        return max(min(max(kept, work), most) - self._refused, 1)

    def _scale(self) -> None:
        staying = [member for member in self._members if not member.leaving]
        surplus = len(staying) - self._wanted()
        for _ in range(-surplus):
            self._start()
        if surplus > 0 and not self._waiting:
            idle = sorted((member for member in staying if not member.groups), key=lambda member: member.node is not None)
            self._dismiss(idle[:surplus])

    def _start(self) -> None:
        options = {"num_cpus": self._demand["CPU"], "num_gpus": self._demand["GPU"], "max_concurrency": UNITS_IN_FLIGHT}
        kind = ray.remote(SpeechmillWorker).options(**options, max_restarts=0, scheduling_strategy="SPREAD")
        member = _Member()
        self._members.append(member)

        def start() -> None:
            member.actor = kind.remote()
            self._await(member.actor.open.remote(self._reference, self._cores, self._device), member, None)

        self._hands.do(start)

    def _await(self, reference: ray.ObjectRef, member: _Member, group: Group | None) -> None:
        events = self._events
        reference.future().add_done_callback(lambda future: events.put(_Settled(member, group, future)))

    def _dismiss(self, members: Collection[_Member]) -> None:
        for member in members:
            self._members.remove(member)
            self._hands.do(partial(_kill, member))

    # --- work

    def _feed(self, members: Sequence[_Member], in_flight: int) -> None:
        """Give waiting groups to open workers, to those with the fewest first."""
        for load in range(in_flight):
            for member in members:
                if not self._waiting:
                    return
                if member.node and not member.leaving and len(member.groups) == load:
                    group = self._waiting.popleft()
                    member.groups.append(group)
                    self._await(member.actor.run.remote(group), member, group)

    def _settle(self, event: _Settled) -> Iterator[Outcome]:
        member, group, error = event.member, event.group, event.future.exception()
        if member not in self._members:
            return  # what it had was given to others when it went
        if error is None and group is None:
            opened: Opened = event.future.result()
            member.node = opened.node
            self._learn(opened.threads_per_core)
            self._failed_starts = self._dead_starts = 0
            self._patience.renew()
        elif error is None and group is not None:
            member.groups.remove(group)
            self._patience.renew()
            reply: Reply = event.future.result()
            handle(reply.records)
            self._gauges.count(reply.outcomes)
            yield from reply.outcomes
        elif group is None:
            self._dismiss([member])
            self._judge_start(error)
        else:
            self._dismiss([member])
            self._dead.append((member, error))  # whether with its node the next look tells

    def _bury(self) -> Iterator[Outcome]:
        """Take back what the workers had that have died since the last look; what workers keep dying on is lost."""
        alive = {node.id for node in self._cluster.nodes}
        dead, self._dead = self._dead, []
        for member, error in dead:
            node_is_lost = member.leaving or member.node not in alive or isinstance(error, ray.exceptions.ActorUnavailableError)
            logger.warning(
                "%s; its %d units go to other workers",
                "a node was lost with a worker on it" if node_is_lost else f"a worker died ({_reason(error)})",
                sum(map(len, member.groups)),
            )
            blamed, most = (self._moves, _MAX_MOVES) if node_is_lost else (self._deaths, MAX_DEATHS)
            for group in reversed(member.groups):
                blamed[group] += 1
                if blamed[group] >= most:
                    yield from (UnitLost(unit, f"the worker process died {blamed[group]} times on it") for unit in group)
                else:
                    metrics.add("speechmill_retries_total", len(group), run=self._task.writer.session)
                    self._waiting.appendleft(group)

    def _judge_start(self, error: BaseException | None) -> None:
        """Decide what a worker that could not be started means for the job.

        Raises:
            SpeechmillError: there is no hope.
        """
        cause = getattr(error, "cause", None) or error
        if isinstance(cause, CoresUnavailableError):
            self._refused += 1
            logger.warning("one worker less: %s", cause)
            hopeless = not self._members
        elif isinstance(error, ray.exceptions.RayTaskError):
            self._failed_starts += 1
            logger.warning("a worker cannot start: %s", _reason(cause))
            hopeless = _is_final(cause) or self._failed_starts >= _MAX_FAILED_STARTS
        else:
            self._dead_starts += 1
            logger.warning("a worker died while it started: %s", _reason(error))
            hopeless = self._dead_starts >= _MAX_DEAD_STARTS
        if hopeless:
            raise SpeechmillError(f"the workers on Ray cannot go on: {_reason(cause)}") from error

    # --- the cluster

    def _take_look(self, look: Look, in_flight: int) -> None:
        """Note what the cluster is like now, and what follows from it."""
        if {node.id for node in look.nodes} != {node.id for node in self._cluster.nodes}:
            self._refused = 0
        self._cluster = replace(self._cluster, nodes=look.nodes)
        for member in [member for member in self._members if member.node in look.draining]:
            self._give_notice(member, look.draining[member.node or ""])
        starting = sum(member.node is None for member in self._members)
        at_work = len(self._members) - starting
        rows = sum(unit.count for group in self._waiting for unit in group)
        missing_rows = min(rows, starting * in_flight * rows // max(1, len(self._waiting)))
        self.waited_row_s += missing_rows * LOOK_S
        self._gauges.show(len(self._waiting), self._wanted(), starting, at_work)
        self._patience.look(starting, at_work)
        if not at_work and self._patience.waited_s > _NO_NODE_S and not self._cluster.room(self._demand):
            raise SpeechmillError(self._nowhere())
        if not at_work and self._patience.waited_s > _NO_PROGRESS_S:
            raise SpeechmillError(
                f"{starting} workers have been waiting for a node for {_NO_PROGRESS_S / 3600:g} hours. What is finished is "
                "kept: run the same command again to go on."
            )

    def _give_notice(self, member: _Member, goes_at: float) -> None:
        """Let a worker whose node is about to go finish what it has, or hand that to others when there is no more time."""
        if not member.leaving:
            member.leaving = True
            logger.info("a node is about to go: its worker gets no more units")
        if not member.groups or time.time() > goes_at - _HAND_BACK_S:
            self._waiting.extendleft(reversed(member.groups))
            self._dismiss([member])

    def _nowhere(self) -> str:
        demand = ", ".join(f"{amount:g} {name}" for name, amount in self._demand.items() if amount)
        kinds = [f"{kind.name} (up to {kind.most}): {_describe(kind.resources)}" for kind in self._cluster.kinds]
        nodes = [f"{node.name}: {_describe(node.resources)}" for node in self._cluster.nodes]
        return (
            f"no node of this cluster can hold a worker, which needs {demand}. There are: {'; '.join(nodes[:8])}. "
            f"The autoscaler may add: {'; '.join(kinds) or 'nothing that is known'}. Give each worker less "
            "(--cores-per-worker, --gpus-per-worker), or add nodes that can hold one."
        )


class _Patience:
    """How long nothing has happened, and what people are told of it."""

    def __init__(self) -> None:
        self._since = self._begun = time.monotonic()
        self._told: float | None = None

    @property
    def waited_s(self) -> float:
        """Seconds since something has happened."""
        return time.monotonic() - self._since

    def renew(self) -> None:
        """Note that something has happened."""
        self._since = time.monotonic()

    def look(self, starting: int, at_work: int) -> None:
        """Say that workers are waited for, soon at first and then every half minute."""
        now = time.monotonic()
        due = now - self._begun >= _FIRST_NOTE_S if self._told is None else now - self._told >= _NOTE_S
        if starting and due:
            self._told = now
            logger.info("waiting for %d %s; %d at work", starting, "worker" if starting == 1 else "workers", at_work)


def _is_lost(error: Exception) -> bool:
    """Say whether a question has failed because its node is gone."""
    return isinstance(error, ray.exceptions.RayError) and not isinstance(error, ray.exceptions.RayTaskError)


def _is_final(cause: BaseException | None) -> bool:
    """Say whether a worker could not open its model for a reason that every other one will have, too.

    Bytes that are not those promised may be so on one node only.
    """
    return isinstance(cause, BundleError | UsageError) and not isinstance(cause, BundleCorruptError)


def _kill(member: _Member) -> None:
    ray.kill(member.actor)


def _raise(error: SpeechmillError) -> None:
    raise error


def _describe(resources: Mapping[str, float]) -> str:
    return ", ".join(f"{resources.get(name, 0):g} {name}" for name in ("CPU", "GPU"))


def _reason(error: BaseException | None) -> str:
    """The last line of Ray's message: that of the error itself, below the traceback of the worker that raised it."""
    return str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__

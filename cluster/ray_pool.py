"""Runs a job's units on Ray: a pool of actors that grows while units wait, shrinks at the tail, and outlives its nodes.

Plain actors, because Ray Data's pool cannot begin with no node, is slow to follow an autoscaler, and takes ten times the
driver's CPU for a call. The job's process knows which units each worker has: what a dead worker had goes to another one.
"""

import contextlib
import logging
import os
import queue
import signal
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import ray

from actors.errors import BundleCorruptError, BundleError, CoresUnavailableError, SpeechmillError, UsageError
from cluster import metrics
from cluster.cores import available_cores, claim_cores, pin_process, threads_per_core
from cluster.logs import Collector, handle
from cluster.nodes import Cluster, Node, alive_nodes, ask, draining_nodes, fits, node_kinds
from cluster.runner import UNITS_IN_FLIGHT, Group, Outcome, Survey, Task, UnitDone, UnitLost, UnitWorker, Usage, check_machine

logger = logging.getLogger("speechmill.cluster")

# A unit whose worker died this often is cut up. One death may be an accident, or the unit beside it.
MAX_DEATHS = 2
# A unit whose node was lost is not to blame; but a node may also be lost because of it.
_MAX_MOVES = 10
# So many workers in a row may fail to start before the job gives up: with an error, or by dying as they do when nodes vanish.
_MAX_FAILED_STARTS = 3
_MAX_DEAD_STARTS = 10
# How often the pool looks at the cluster.
_LOOK_S = 2.0
# How long no node can hold a worker, and none that could is announced, before the job ends with what the cluster has.
_NO_NODE_S = 20.0
# Waiting for a spot node may take long, for ever is a hang.
_NO_PROGRESS_S = 2 * 3600.0
# People see that a job waits after so long, and again and again.
_FIRST_NOTE_S = 3.0
_NOTE_S = 30.0
# So long before a node goes, what its workers have is handed to others.
_HAND_BACK_S = 5.0
# Ray ends the process a minute after it lost the head: we want the last word.
_HEAD_LOST_S = 20.0
_PING_TIMEOUT_S = 5.0
# What Ray's own processes do every few seconds is no use to a single machine without a dashboard, and takes its cores 1 %.
_IDLE_AGENTS = {"AUTOSCALER_UPDATE_INTERVAL_S": "3600", "REPORTER_UPDATE_INTERVAL_MS": "60000"}
# How long the end of all workers may take.
_KILL_S = 5.0


@dataclass(frozen=True)
class OnRay:
    """A pool of actors on Ray, each with cores of its own.

    Attributes:
        workers: how many are kept to the end, and how many there may be. ``None``: as many as the cluster holds at any time,
            with what its autoscaler may add.
        cores_per_worker: physical cores that each owns exclusively on its node.
        gpus_per_worker: a GPU share each; 0 runs on the CPU.
        address: of a running cluster; ``None`` takes ``RAY_ADDRESS``, else starts Ray on this machine.
    """

    workers: tuple[int, int] | None
    cores_per_worker: int
    gpus_per_worker: float = 0.0
    address: str | None = None

    @property
    def device(self) -> str:
        """See :class:`Backend`."""
        return "cuda" if self.gpus_per_worker else "cpu"

    def survey(self) -> Survey:
        """See :class:`Backend`. What Ray would be given on this machine is known without starting it."""
        if not (self.address or os.environ.get("RAY_ADDRESS") or ray.is_initialized()):
            most = max(1, len(available_cores()) // self.cores_per_worker)
            return Survey(min(most, self.workers[1]) if self.workers else most, 1, self.cores_per_worker)
        with connected(self.address):
            demand = _demand(self.cores_per_worker * threads_per_core(), self.gpus_per_worker)
            nodes = alive_nodes()
            cluster = Cluster(nodes, node_kinds(nodes))
            most = self.workers[1] if self.workers else max(1, cluster.room(demand))
            return Survey(most, cluster.nodes_for(most, demand), self.cores_per_worker)

    @contextlib.contextmanager
    def open(self, task: Task) -> Iterator["RayPool"]:
        """See :class:`Backend`."""
        with connected(self.address) as is_ours:
            pool = RayPool(task, self.workers, self.cores_per_worker, self.gpus_per_worker)
            try:
                pool.prepare(alone=is_ours)
                yield pool
            finally:
                pool.close()


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[bool]:
    """Connect to Ray, or start it on this machine; yield whether it was started here. What was begun here is ended again.

    Raises:
        SpeechmillError: there is no cluster at the address.
    """
    if ray.is_initialized():
        yield False
        return
    address = address or os.environ.get("RAY_ADDRESS")
    with _keep_sigterm_handler():
        if address:
            logger.info("connecting to Ray at %s", address)
            try:
                _knock(address)
                ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
            except (OSError, RuntimeError, ValueError) as error:
                raise SpeechmillError(
                    f"there is no Ray cluster at {address}: {error}. Start one (ray start --head), or leave --ray-address and "
                    "RAY_ADDRESS out to run on this machine."
                ) from error
        else:
            logger.info("starting Ray on this machine")
            cpus = sum(len(core) for core in available_cores())
            with _environment(_IDLE_AGENTS):
                ray.init(
                    address="local", num_cpus=cpus, include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False
                )
    # Of a dead node Ray prints the last 20 lines of a log, and on stdout; the pool says it in one line.
    ray._private.worker._worker_logs_enabled = False
    logger.info("Ray's own logs and its workers': %s on every node", ray._private.worker._global_node.get_logs_dir_path())
    try:
        yield not address
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Raise ``OSError`` if nobody listens at ``host:port``: Ray would try for many minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdigit() and "://" not in address:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PING_TIMEOUT_S).close()


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables for the processes that are started meanwhile, where the user has not."""
    added = variables.keys() - os.environ.keys()
    os.environ.update({name: variables[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


@contextlib.contextmanager
def _keep_sigterm_handler() -> Iterator[None]:
    """Put back the handler that ``ray.init`` replaces: it dumps a stack and exits with 15."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    if handler is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)


# --- workers -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Opened:
    """A worker is ready."""

    node: str
    threads_per_core: int


@dataclass(frozen=True)
class _Reply:
    """What came of a group of units, and what was logged meanwhile."""

    outcomes: list[Outcome]
    records: list[logging.LogRecord]


class SpeechmillWorker:
    """The actor: a shell around :class:`UnitWorker` that claims cores, collects the log and tells metrics."""

    def open(self, task: Task, cores: int, device: str) -> _Opened:
        """Claim cores and open the model."""
        node = ray.get_runtime_context().get_node_id()
        self._log = Collector(socket.gethostname())
        logging.getLogger().addHandler(self._log)
        check_machine(task)
        claim = claim_cores(cores)  # released by the kernel when this process ends, however it ends
        pin_process(claim.cpus)
        self._worker = UnitWorker(task, device, claim.threads)
        self._metrics = metrics.WorkerMetrics(task.writer.session)
        self._telling = threading.Lock()
        return _Opened(node, threads_per_core())

    def run(self, units: Group) -> _Reply:
        """Put some units through the model."""
        outcomes = self._worker.run(units)
        with self._telling:
            self._metrics.tell(outcomes)
        return _Reply(outcomes, self._log.take())


def _try_machine(task: Task) -> int:
    """Check that a machine sees what the task needs; return how many CPUs of Ray's one of its cores is."""
    check_machine(task)
    return threads_per_core()


# --- the pool ----------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class _Member:
    """A worker of the pool: ``node`` once it is open, the groups that it has, and whether its node is about to go."""

    actor: Any = None
    node: str | None = None
    groups: list[Group] = field(default_factory=list)
    leaving: bool = False


@dataclass(frozen=True)
class _Look:
    """What the cluster was like a moment ago."""

    nodes: Sequence[Node]
    draining: Mapping[str, float]


@dataclass(frozen=True)
class _Settled:
    """A call to a worker has ended: that which opened it, or that which gave it a group."""

    member: _Member
    group: Group | None
    future: Future[Any]


class RayPool:
    """See :class:`Pool`. Everything happens on the caller's thread; the threads of Ray and of the watch only queue events."""

    def __init__(self, task: Task, workers: tuple[int, int] | None, cores: int, gpus: float) -> None:
        self._task = task
        self._bounds = workers
        self._cores = cores
        self._gpus = gpus
        self._threads_per_core: int | None = None  # until a node has said
        self._events: queue.SimpleQueue[_Settled | _Look | SpeechmillError] = queue.SimpleQueue()
        self._members: list[_Member] = []
        self._dead: list[tuple[_Member, BaseException | None]] = []
        self._hands = _Hands()
        self._waiting: deque[Group] = deque()
        self._deaths: Counter[Group] = Counter()
        self._moves: Counter[Group] = Counter()
        self._cluster = Cluster()
        self._refused = 0  # workers for which the nodes had no cores
        self._failed_starts = self._dead_starts = 0
        self._gauges = _Gauges(task.writer.session)
        self._patience = _Patience()
        self._watch: _Watch | None = None
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
        self._watch = _Watch(lambda event: self._events.put(event))

    def _ask_machines(self) -> None:
        holding = [node for node in self._cluster.nodes if fits(self._demand, node.resources)]
        answers = ask(holding, _try_machine, self._task)
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
        """See :class:`Pool`."""
        self._waiting = deque(groups)
        self._patience = _Patience()
        try:
            while self._waiting or self._dead or any(member.groups for member in self._members):
                self._scale()
                self._feed(self._members, in_flight)
                event = self._events.get()
                if isinstance(event, _Settled):
                    yield from self._settle(event)
                elif isinstance(event, _Look):
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
        return _demand(self._cores * (self._threads_per_core or threads_per_core()), self._gpus)

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
            self._await(member.actor.open.remote(self._reference, self._cores, "cuda" if self._gpus else "cpu"), member, None)

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
            opened: _Opened = event.future.result()
            member.node = opened.node
            self._learn(opened.threads_per_core)
            self._failed_starts = self._dead_starts = 0
            self._patience.renew()
        elif error is None and group is not None:
            member.groups.remove(group)
            self._patience.renew()
            reply: _Reply = event.future.result()
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

    def _take_look(self, look: _Look, in_flight: int) -> None:
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
        self.waited_row_s += missing_rows * _LOOK_S
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


class _Gauges:
    """What the job's process tells Prometheus."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._usages: dict[str, Usage] = {}
        self._audio_s = 0.0
        self._opened: float | None = None

    def count(self, outcomes: Sequence[Outcome]) -> None:
        """Count what came of some units."""
        for outcome in outcomes:
            if isinstance(outcome, UnitDone):
                self._audio_s += outcome.part.duration_s
                if outcome.usage:
                    self._usages[outcome.usage.worker] = outcome.usage
                    self._opened = min(self._opened or outcome.usage.opened, outcome.usage.opened)

    def show(self, waiting: int, wanted: int, starting: int, at_work: int) -> None:
        """Set all gauges."""
        metrics.show("speechmill_units_waiting", waiting, run=self._run)
        for state, count in (("wanted", wanted), ("starting", starting), ("open", at_work)):
            metrics.show("speechmill_workers", count, run=self._run, state=state)
        if self._opened and self._audio_s:
            metrics.show("speechmill_rtf", (time.time() - self._opened) / self._audio_s, run=self._run)
        slot_steps = sum(usage.stats.slot_steps for usage in self._usages.values())
        if slot_steps:
            busy = sum(usage.stats.busy_slot_steps for usage in self._usages.values())
            metrics.show("speechmill_slot_occupancy", busy / slot_steps, run=self._run)

    def clear(self) -> None:
        """Show that there is no more work."""
        with contextlib.suppress(Exception):
            self.show(0, 0, 0, 0)


class _Hands:
    """Does one thing after the other in a thread of its own: what may hang, as Ray's calls do when the head node is lost."""

    def __init__(self) -> None:
        self._actions: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="speechmill-hands", daemon=True)
        self._thread.start()

    def do(self, action: Callable[[], object]) -> None:
        """Do something soon. What fails for want of the cluster is not told: :class:`_Watch` sees that too."""
        self._actions.put(action)

    def finish(self, timeout_s: float) -> None:
        """Wait until all is done, or the time is up."""
        self._actions.put(None)
        self._thread.join(timeout_s)

    def _work(self) -> None:
        for action in iter(self._actions.get, None):
            with contextlib.suppress(ray.exceptions.RayError, ValueError):  # ValueError: what is to be killed is no actor
                action()


class _Watch:
    """Looks at the cluster from a thread of its own, because Ray's calls hang when the head node is lost."""

    def __init__(self, tell: Callable[[_Look | SpeechmillError], None]) -> None:
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
        while not self._ended.wait(_LOOK_S):
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
        while not self._ended.wait(_LOOK_S):
            with contextlib.suppress(Exception):  # the head is away for a moment, or for good: the other thread knows
                self._tell(_Look(alive_nodes(), draining_nodes()))


def _demand(cpus: int, gpus: float) -> Mapping[str, float]:
    """What Ray counts for a worker: it counts hyperthreads, a worker owns whole cores."""
    return {"CPU": float(cpus), "GPU": gpus}


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

import itertools
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from queue import SimpleQueue

import pytest

from actors import batching
from actors.batching import Engine, EngineStats
from actors.errors import EngineClosedError, NotFiniteError, RequestError, SpeechmillError

TIMEOUT_S = 10


@dataclass
class Chunk:
    """Runs for ``frames`` frames, prefill included, and ``attempts`` more times when it is done."""

    name: str
    frames: int
    cost: int
    attempts: int = 0
    ran: int = 0

    @property
    def done(self) -> bool:
        return self.ran >= self.frames


@dataclass
class Request:
    """A request whose chunks run for ``frames`` frames; they cost as much unless ``cost`` says otherwise."""

    name: str
    frames: Sequence[int] = (1,)
    cost: int | None = None
    attempts: int = 0


@dataclass
class CountingModel:
    """Counts frames and logs what it was asked to do.

    The chunk ``held`` waits in its prefill until ``opened``; those of the request "bad" raise in the stage ``breaks_in``.
    """

    slots: int = 2
    compacts: bool = True
    breaks_in: str = ""
    held: str = "gate0"
    log: list[tuple[object, ...]] = field(default_factory=list)
    entered: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def prepare(self, request: Request, trace: bool) -> list[Chunk]:
        if request.name == "unspeakable":
            raise RequestError("nothing to speak")
        costs = [frames if request.cost is None else request.cost for frames in request.frames]
        return [
            Chunk(f"{request.name}{i}{'t' * trace}", frames, cost, request.attempts)
            for i, (frames, cost) in enumerate(zip(request.frames, costs, strict=True))
        ]

    def prefill(self, utterance: Chunk, slot: int) -> None:
        if utterance.name == self.held:
            self.entered.set()
            assert self.opened.wait(TIMEOUT_S)
        self._break_in("prefill", utterance)
        self.log.append(("prefill", utterance.name, slot))
        utterance.ran = 1

    def step(self, rows: Sequence[Chunk | None]) -> None:
        self.log.append(("step", *(row and row.name for row in rows)))
        for row in filter(None, rows):
            self._break_in("step", row)
            row.ran += 1

    def move(self, utterance: Chunk, source: int, target: int) -> None:
        self.log.append(("move", utterance.name, source, target))

    def finish(self, utterance: Chunk) -> Chunk | None:
        self._break_in("finish", utterance)
        return replace(utterance, attempts=utterance.attempts - 1, ran=0) if utterance.attempts else None

    def join(self, request: Request, utterances: Sequence[Chunk]) -> str:
        assert [chunk.name.removesuffix("t") for chunk in utterances] == [
            f"{request.name}{i}" for i in range(len(request.frames))
        ]
        self._break_in("join", utterances[0])
        return " ".join(f"{chunk.name}:{chunk.ran}" for chunk in utterances)

    def logged(self, kind: str) -> list[tuple[object, ...]]:
        return [entry[1:] for entry in self.log if entry[0] == kind]

    def _break_in(self, stage: str, utterance: Chunk) -> None:
        if self.breaks_in == stage and utterance.name.startswith("bad"):
            raise ZeroDivisionError(stage)
        if self.breaks_in == stage and utterance.name.startswith("nan"):
            raise NotFiniteError(stage)


@pytest.fixture(autouse=True)
def _leaves_no_thread() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def queue_together(engine: Engine[Request, Chunk, str], requests: Sequence[Request]) -> list[Future[str]]:
    """Submit requests so that all of them wait before the first one is admitted."""
    model = engine.model
    assert isinstance(model, CountingModel)
    gate = engine.submit(Request("gate", cost=1000))
    assert model.entered.wait(TIMEOUT_S)
    futures = [engine.submit(request) for request in requests]
    model.opened.set()
    assert gate.result(TIMEOUT_S) == "gate0:1"
    return futures


def run_together(model: CountingModel, *requests: Request) -> list[str]:
    with Engine(model) as engine:
        return [future.result(TIMEOUT_S) for future in queue_together(engine, requests)]


def test_results_come_in_the_order_of_the_requests() -> None:
    with Engine(CountingModel()) as engine:
        requests = [Request("a", (5,)), Request("b", (1, 3)), Request("c", (2,))]
        assert engine.generate(requests) == ["a0:5", "b0:1 b1:3", "c0:2"]
        assert engine.generate([]) == []


def test_the_wish_for_a_trace_reaches_the_model() -> None:
    with Engine(CountingModel()) as engine:
        assert engine.generate([Request("a")], trace=True) == ["a0t:1"]


def test_longest_utterances_go_first_and_equal_ones_in_order_of_arrival() -> None:
    model = CountingModel(slots=1)
    run_together(model, Request("a", (2, 7)), Request("b", (5,)), Request("c", (2,)), Request("d", (9,)))
    assert [name for name, _ in model.logged("prefill")] == ["gate0", "d0", "a1", "b0", "a0", "c0"]


def test_a_free_slot_is_refilled_before_the_next_step() -> None:
    model = CountingModel(slots=2)
    run_together(model, Request("a", (6,)), Request("b", (4,)), Request("c", (3,)))
    assert model.logged("step") == [("a0", "b0")] * 3 + [("a0", "c0")] * 2


def test_rows_that_run_take_a_step_between_long_prefills(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count()
    monkeypatch.setattr(batching, "perf_counter", lambda: float(next(ticks)))  # a prefill takes a second
    model = CountingModel(slots=3)
    frames = {"a": 9, "b": 2, "c": 2, "d": 5, "ends": 1, "e": 3}
    requests = [Request(name, (count,), cost=9 - i) for i, (name, count) in enumerate(frames.items())]
    assert run_together(model, *requests) == [f"{name}0:{count}" for name, count in frames.items()]
    assert [name for name, _ in model.logged("prefill")] == ["gate0", "a0", "b0", "c0", "d0", "ends0", "e0"]
    # Where nothing runs, all slots are filled; b and c then leave theirs at once.
    assert model.logged("step")[:4] == [("a0", "b0", "c0"), ("a0", "d0"), ("a0", "d0"), ("a0", "d0", "e0")]


def test_an_utterance_that_ends_with_its_first_frame_leaves_its_slot_to_the_next() -> None:
    model = CountingModel(slots=1)
    assert run_together(model, Request("a"), Request("b"), Request("c", (2,), cost=0)) == ["a0:1", "b0:1", "c0:2"]
    assert model.logged("step") == [("c0",)]


def test_occupancy_is_the_share_of_slots_that_worked() -> None:
    with Engine(CountingModel(slots=4)) as engine:
        assert engine.stats.occupancy == 0
        engine.submit(Request("a", (5,))).result(TIMEOUT_S)
    stats = engine.stats
    assert (stats.steps, stats.slot_steps, stats.busy_slot_steps, stats.utterances) == (4, 16, 4, 1)
    assert stats.occupancy == 0.25


def test_the_time_spent_in_the_model_is_told_by_phase(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count()
    monkeypatch.setattr(batching, "perf_counter", lambda: float(next(ticks)))  # every call of the model takes a second
    with Engine(CountingModel()) as engine:
        engine.submit(Request("a", (5,), attempts=1)).result(TIMEOUT_S)
    assert replace(engine.stats) == EngineStats(8, 16, 8, 1, prefill_s=2, step_s=8, finish_s=2)


def test_a_mixed_corpus_keeps_the_slots_full() -> None:
    with Engine(CountingModel(slots=8)) as engine:
        requests = [Request(f"r{i}", (1 + i * 7 % 60, 1 + i * 13 % 60)) for i in range(100)]
        for future in queue_together(engine, requests):
            future.result(TIMEOUT_S)
    assert engine.stats.occupancy > 0.98


def test_the_last_row_moves_into_a_gap() -> None:
    model = CountingModel(slots=3)
    run_together(model, Request("a", (2,), cost=9), Request("b", (4,), cost=8), Request("c", (6,), cost=7))
    assert model.logged("move") == [("c0", 2, 0)]
    assert model.logged("step") == [("a0", "b0", "c0")] + [("c0", "b0")] * 2 + [("c0",)] * 2


def test_a_model_that_does_not_compact_gets_free_slots_between_its_rows() -> None:
    model = CountingModel(slots=3, compacts=False)
    run_together(model, Request("a", (2,), cost=9), Request("b", (4,), cost=8), Request("c", (6,), cost=7))
    assert model.logged("move") == []
    assert model.logged("step") == [("a0", "b0", "c0")] + [(None, "b0", "c0")] * 2 + [(None, None, "c0")] * 2


def test_many_gaps_close_at_once() -> None:
    model = CountingModel(slots=5)
    run_together(model, *(Request(name, (9 if name in "ce" else 2,), cost=1) for name in "abcde"))
    assert model.logged("move") == [("e0", 4, 0), ("c0", 2, 1)]
    assert model.logged("step")[1:] == [("e0", "c0")] * 7


def test_what_must_run_again_goes_back_to_the_queue_and_counts_once() -> None:
    model = CountingModel(slots=1)
    with Engine(model) as engine:
        results = [future.result(TIMEOUT_S) for future in queue_together(engine, [Request("a", (3, 2), attempts=2)])]
    assert results == ["a0:3 a1:2"]
    assert [name for name, _ in model.logged("prefill")] == ["gate0", "a0", "a0", "a0", "a1", "a1", "a1"]
    assert engine.stats.utterances == 3


def test_on_utterance_hears_of_every_finished_utterance_by_index() -> None:
    heard: list[tuple[int, str]] = []
    with Engine(CountingModel(slots=1)) as engine:
        request = Request("a", (2, 4, 3), attempts=1)
        engine.submit(request, on_utterance=lambda i, u: heard.append((i, u.name))).result(TIMEOUT_S)
    assert heard == [(1, "a1"), (2, "a2"), (0, "a0")]


def test_a_request_that_cannot_be_prepared_raises_in_the_caller() -> None:
    with Engine(CountingModel()) as engine:
        with pytest.raises(RequestError, match="nothing to speak"):
            engine.submit(Request("unspeakable"))
        with pytest.raises(RequestError, match="nothing to speak"):
            engine.generate([Request("a"), Request("unspeakable")])
        with pytest.raises(RequestError, match="nothing to speak"):
            next(engine.stream(Request("unspeakable")))
        assert engine.generate([Request("b", (3,))]) == ["b0:3"]


@pytest.mark.parametrize("stage", ["prefill", "step", "finish", "join"])
def test_an_error_reaches_all_who_wait_and_the_engine_stays_usable(stage: str) -> None:
    model = CountingModel(slots=2, breaks_in=stage)
    with Engine(model) as engine:
        early = engine.submit(Request("early"))
        assert early.result(TIMEOUT_S) == "early0:1"
        running, bad, waiting = queue_together(engine, [Request("a", (9,)), Request("bad", (3, 2)), Request("b", (1,), cost=0)])
        for future in (running, bad, waiting):
            with pytest.raises(ZeroDivisionError, match=stage):
                future.result(TIMEOUT_S)
        assert early.result() == "early0:1"
        assert engine.generate([Request("c", (2, 3)), Request("d")]) == ["c0:2 c1:3", "d0:1"]


@pytest.mark.parametrize("stage", ["prefill", "finish"])
def test_a_row_that_is_not_finite_fails_alone(stage: str) -> None:
    model = CountingModel(slots=2, breaks_in=stage)
    with Engine(model) as engine:
        requests = [Request("a", (9,)), Request("nan", (3, 2)), Request("b", (1,), cost=0), Request("c", (4, 4))]
        running, nan, *waiting = queue_together(engine, requests)
        with pytest.raises(NotFiniteError, match=stage):
            nan.result(TIMEOUT_S)
        assert [future.result(TIMEOUT_S) for future in (running, *waiting)] == ["a0:9", "b0:1", "c0:4 c1:4"]
        assert engine.generate([Request("d", (2, 3))]) == ["d0:2 d1:3"]


def test_an_error_in_on_utterance_reaches_its_future() -> None:
    def listen(_index: int, _utterance: Chunk) -> None:
        raise ZeroDivisionError("listener")

    with Engine(CountingModel()) as engine:
        with pytest.raises(ZeroDivisionError, match="listener"):
            engine.submit(Request("a", (2, 3)), on_utterance=listen).result(TIMEOUT_S)
        assert engine.generate([Request("b", (3,))]) == ["b0:3"]


def test_stream_yields_in_order_what_finishes_in_another() -> None:
    with Engine(CountingModel(slots=3)) as engine:
        assert [chunk.name for chunk in engine.stream(Request("a", (5, 2, 4)))] == ["a0", "a1", "a2"]


def test_stream_yields_an_utterance_while_the_next_one_runs() -> None:
    model = CountingModel(slots=1, held="a1")
    with Engine(model) as engine:
        stream = engine.stream(Request("a", (5, 2)))
        assert next(stream).name == "a0"
        assert not model.opened.is_set()
        model.opened.set()
        assert [chunk.name for chunk in stream] == ["a1"]


def test_stream_raises_what_broke_after_what_was_finished() -> None:
    with Engine(CountingModel(slots=1, breaks_in="join")) as engine:
        stream = engine.stream(Request("bad", (3, 2)))
        assert [next(stream).name, next(stream).name] == ["bad0", "bad1"]
        with pytest.raises(ZeroDivisionError):
            next(stream)


def test_close_fails_what_runs_and_what_waits() -> None:
    model = CountingModel(slots=1)
    engine = Engine(model)
    done = engine.submit(Request("a"))
    assert done.result(TIMEOUT_S) == "a0:1"
    running = engine.submit(Request("gate", (10**9,)))
    assert model.entered.wait(TIMEOUT_S)
    waiting = engine.submit(Request("b"))
    model.opened.set()
    engine.close()
    for future in (running, waiting):
        with pytest.raises(SpeechmillError, match="closed before"):
            future.result(TIMEOUT_S)
    with pytest.raises(SpeechmillError, match="is closed"):
        engine.submit(Request("c"))
    engine.close()


def test_a_panic_fails_who_waits_and_the_engine_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    class PanicError(BaseException):
        """What libraries in Rust raise when they panic."""

    def panic(*_: object) -> None:
        raise PanicError

    model = CountingModel()
    with Engine(model) as engine:
        with monkeypatch.context() as patch:
            patch.setattr(model, "finish", panic)
            future = engine.submit(Request("a"))
            assert isinstance(future.exception(TIMEOUT_S), PanicError)
        assert engine.submit(Request("b")).result(TIMEOUT_S) == "b0:1"


def test_close_ends_a_step_that_would_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "_STEP_S", 0.01)
    model = CountingModel()
    engine = Engine(model, interrupt=model.opened.set)
    future = engine.submit(Request("gate", (9,)))
    assert model.entered.wait(TIMEOUT_S)
    engine.close()
    with pytest.raises(SpeechmillError, match="closed before"):
        future.result(TIMEOUT_S)


@pytest.mark.parametrize("held_frames", [1, 9])  # it is done at its prefill, or would take steps
def test_close_waits_for_one_call_of_the_model_and_not_for_the_queue(monkeypatch: pytest.MonkeyPatch, held_frames: int) -> None:
    monkeypatch.setattr(batching, "_STEP_S", 0.01)
    model = CountingModel(slots=1)
    engine = Engine(model, interrupt=model.opened.set)
    futures = [engine.submit(Request("gate", (held_frames,)))]
    assert model.entered.wait(TIMEOUT_S)
    futures += [engine.submit(Request(f"r{i}")) for i in range(100)]
    engine.close()
    assert model.log == [("prefill", "gate0", 0)]
    for future in futures:
        with pytest.raises(EngineClosedError, match="closed before"):
            future.result(TIMEOUT_S)


def test_close_does_not_wait_for_all_that_a_step_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "_STEP_S", 0.01)
    model, heard, let_go = CountingModel(slots=3), threading.Event(), threading.Event()
    engine = Engine(model, interrupt=let_go.set)

    def listen(_index: int, _utterance: Chunk) -> None:
        heard.set()
        assert let_go.wait(TIMEOUT_S)

    engine.submit(Request("gate"))
    assert model.entered.wait(TIMEOUT_S)
    first = engine.submit(Request("a", (2,), cost=9), on_utterance=listen)
    others = [engine.submit(Request(name, (2,))) for name in "bc"]
    model.opened.set()
    assert heard.wait(TIMEOUT_S)
    engine.close()
    assert first.result(TIMEOUT_S) == "a0:2"
    for future in others:
        with pytest.raises(EngineClosedError, match="closed before"):
            future.result(TIMEOUT_S)


def test_close_leaves_a_model_that_cannot_be_stopped(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(batching, "_STEP_S", 0.01)
    monkeypatch.setattr(batching, "_STOP_S", 0.01)
    model = CountingModel()
    engine = Engine(model, interrupt=lambda: None)
    futures = [engine.submit(Request(name)) for name in ("gate", "waits")]
    assert model.entered.wait(TIMEOUT_S)
    engine.close()
    for future in futures:
        with pytest.raises(SpeechmillError, match="closed before"):
            future.result(TIMEOUT_S)
    assert "left to itself" in caplog.text
    model.opened.set()
    monkeypatch.setattr(batching, "_STOP_S", TIMEOUT_S)
    engine.close()


def test_a_request_cancelled_while_it_waits_never_runs() -> None:
    model = CountingModel(slots=1)
    with Engine(model) as engine:
        gate = engine.submit(Request("gate"))
        assert model.entered.wait(TIMEOUT_S)
        cancelled, other = engine.submit(Request("a", (5,))), engine.submit(Request("b", (2,)))
        assert cancelled.cancel()
        model.opened.set()
        assert [gate.result(TIMEOUT_S), other.result(TIMEOUT_S)] == ["gate0:1", "b0:2"]
    assert [name for name, _ in model.logged("prefill")] == ["gate0", "b0"]


def test_a_request_cancelled_when_it_is_all_but_done_harms_no_other() -> None:
    with Engine(CountingModel(slots=2)) as engine:
        ready: SimpleQueue[Future[str]] = SimpleQueue()

        def cancel(_index: int, _utterance: Chunk) -> None:
            assert ready.get(timeout=TIMEOUT_S).cancel()

        cancelled = engine.submit(Request("a", (3,)), on_utterance=cancel)
        other = engine.submit(Request("b", (9,)))
        ready.put(cancelled)
        assert other.result(TIMEOUT_S) == "b0:9"
        assert cancelled.cancelled()


def test_a_request_without_utterances_is_an_error_and_not_an_endless_wait() -> None:
    with Engine(CountingModel()) as engine, pytest.raises(SpeechmillError, match="no utterance"):
        engine.submit(Request("a", ()))


def test_any_number_of_threads_may_submit() -> None:
    def work(thread: int) -> list[str]:
        return engine.generate([Request(f"{thread}-{i}-", (1 + (thread + i) % 5, 2)) for i in range(25)])

    with Engine(CountingModel(slots=4)) as engine, ThreadPoolExecutor(6) as pool:
        for thread, results in enumerate(pool.map(work, range(6))):
            assert results == [f"{thread}-{i}-0:{1 + (thread + i) % 5} {thread}-{i}-1:2" for i in range(25)]
    assert engine.stats.utterances == 6 * 25 * 2

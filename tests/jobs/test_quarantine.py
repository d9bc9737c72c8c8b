"""No step of a row's way can end a job: each function that is ever given the row is made to raise, whatever it is."""

import dataclasses
import functools
import importlib
import inspect
import itertools
import pkgutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import actors
import cluster.dataset
import cluster.output
from actors.audio.codec import encode
from actors.audio.mastering import Mastering
from actors.models import open_model
from actors.requests import SynthesisRequest
from actors.synthesizer import SynthesisConfig
from actors.transcriber import TranscriptionConfig
from cluster.dataset import InputBatch, Unit, scan
from cluster.in_process import InProcess
from cluster.media import MediaReader
from cluster.output import audio_feature, open_run, part_schema
from cluster.registry import EMBEDDED, EMBEDDED_ASR, describe, embedded_folder, fetch
from cluster.runner import Task, WorkerConfig
from jobs.pipeline import UnitRows, run_missing

MARK = "porridge"  # is in what the row holds, and not in its id: a row is written at least by that
BAD = 1  # the row's number
ROWS = 3
IDS = [f"row {i}" for i in range(ROWS)]


class Panic(BaseException):
    """As tokenizers raises one, which is written in Rust."""


KINDS: list[Callable[[], BaseException]] = [
    lambda: ValueError("an odd value"),
    lambda: Panic("index out of bounds"),
    lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    lambda: MemoryError("too large"),
    lambda: RecursionError("too deep"),
    lambda: OSError(36, "File name too long"),
    lambda: pa.ArrowInvalid("\ud800 is no character"),
]


@dataclass(frozen=True)
class Step:
    """A function that is given the row: where it is defined, and its name there."""

    owner: Any
    name: str

    def __str__(self) -> str:
        return f"{getattr(self.owner, '__module__', None) or ''}.{self.owner.__name__}.{self.name}"


def modules() -> Iterator[Any]:
    """Yield what a worker runs: families, reading, writing."""
    for package in (actors, cluster.dataset, cluster.output):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            yield importlib.import_module(module.name)
    yield from (importlib.import_module(f"cluster.{name}") for name in ("runner", "media"))


def steps() -> Iterator[Step]:
    """Yield all functions and methods of these modules."""
    for module in modules():
        for name, value in vars(module).items():
            if getattr(value, "__module__", None) != module.__name__:
                continue
            if inspect.isfunction(value):
                yield Step(module, name)
            elif inspect.isclass(value):
                plain = (member for member, held in vars(value).items() if inspect.isfunction(held))
                yield from (Step(value, member) for member in plain if member == "__call__" or not member.startswith("__"))


def mentions(value: Any, depth: int = 6) -> bool:
    """Say whether an argument holds what the row holds."""
    if isinstance(value, str | bytes | np.str_):
        return (MARK if isinstance(value, str) else MARK.encode()) in value.lower()
    if isinstance(value, Path):
        return MARK in str(value)
    if not depth or value is None or isinstance(value, type | np.ndarray | int | float):
        return False
    if isinstance(value, pa.Table):
        return mentions(value.to_pylist(), depth)
    if isinstance(value, InputBatch):
        return mentions(value.rows, depth) or mentions(value.table, depth)
    if dataclasses.is_dataclass(value):
        return any(mentions(getattr(value, field.name, None), depth - 1) for field in dataclasses.fields(value))
    if isinstance(value, Mapping):
        return any(mentions(item, depth - 1) for item in value.values())
    if isinstance(value, list | tuple | set):
        return any(mentions(item, depth - 1) for item in value)
    return False


def reads(step: Step, arguments: tuple[Any, ...]) -> bool:
    """Say whether a step reads the row: such are given its unit, and what they are to read."""
    module = step.owner.__name__ if inspect.ismodule(step.owner) else step.owner.__module__
    if module not in ("cluster.dataset.read", "cluster.dataset.parquet", "cluster.dataset.text_formats"):
        return False
    asks = any(isinstance(value, list | tuple | set) and value for value in arguments)
    return asks and any(isinstance(value, Unit) and value.first <= BAD < value.stop for value in arguments)


def is_given_the_row(step: Step, arguments: tuple[Any, ...]) -> bool:
    """Say whether a step sees what the row holds, or reads it."""
    return any(map(mentions, arguments)) or reads(step, arguments)


def is_given_numbers(_: Step, arguments: tuple[Any, ...]) -> bool:
    """Say whether a step sees what rows have become: sound, tokens, what the model says."""
    return any(isinstance(argument, np.ndarray) for argument in arguments)


def wrap(
    patch: pytest.MonkeyPatch,
    step: Step,
    on_row: Callable[[], None],
    concerns: Callable[[Step, tuple[Any, ...]], bool] = is_given_the_row,
) -> None:
    """Call ``on_row`` whenever what a step is given concerns the row: in every module that has imported it."""
    plain = vars(step.owner)[step.name]

    @functools.wraps(plain)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        if concerns(step, (*arguments, *named.values())):
            on_row()
        return plain(*arguments, **named)

    patch.setattr(step.owner, step.name, wrapped)
    for name, module in list(sys.modules.items()):
        if inspect.ismodule(step.owner) and name.split(".")[0] in ("actors", "cluster", "jobs"):
            for alias in [alias for alias, value in vars(module).items() if value is plain]:
                patch.setattr(module, alias, wrapped)


class Job:
    """A job of three rows, run in this process with a model that is opened once."""

    def __init__(self, folder: Path, config: WorkerConfig, column: str, model: str) -> None:
        self._folder = folder
        self._config = config
        self._dataset = scan(folder / "in.parquet", column)
        features = {"audio": audio_feature(None)} if "audio" in config.output_columns else {}
        consumed = {"id", column, "context"}
        self._schema = part_schema(config.output_columns, self._dataset.schema, consumed=consumed, features=features)
        self._model = describe(model)[0]
        self._runs = 0

    def rows(self) -> dict[str, dict[str, Any]]:
        """Run it from the start, all three rows in one unit."""
        self._runs += 1
        output = self._folder / f"out-{self._runs}"
        with open_run(output, arguments={}, other={}, inputs=self._dataset.inputs) as run:
            task = Task(self._dataset, run.writer(self._schema), self._model, self._config)
            summary, _ = run_missing(run, task, InProcess("cpu", 1), UnitRows(1, ROWS, ROWS))
        assert summary.rows == ROWS
        found = [row for part in summary.parts for row in pq.read_table(output / part.key).to_pylist()]
        return {row["id"]: row for row in found}


def write(columns: Mapping[str, Any], path: Path) -> None:
    """Write a table without dictionaries, which hold what all rows do."""
    pq.write_table(pa.table(columns), path, use_dictionary=False)


@pytest.fixture(scope="module", params=["speech", "transcripts"])
def job(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    """A job of each kind; a column passes through."""
    folder = tmp_path_factory.mktemp(request.param)
    columns: dict[str, Any] = {"id": IDS, "note": ["a", MARK, "c"]}
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "speech":
            columns["text"] = ["Yes.", f"{MARK.title()}.", "No."]  # which front ends make small again
            reference, column, rooms = EMBEDDED, "text", "actors.synthesizer"
            config: WorkerConfig = SynthesisConfig(mastering=Mastering(trim_silence=True, loudness_lufs=-30))
        else:
            with open_model(embedded_folder(), threads=1) as voice:
                (said,) = voice.generate([SynthesisRequest("a", "Good morning.")])
            columns["audio"] = [f"{note}.wav" for note in columns["note"]]
            for name in columns["audio"]:
                (folder / name).write_bytes(encode(said.audio, said.sample_rate, "wav"))
            columns["context"] = [None, MARK, None]
            reference, column, rooms = EMBEDDED_ASR, "audio", "actors.transcriber"
            write(columns, folder / "in.parquet")
            reader = MediaReader.of(scan(folder / "in.parquet", "audio"), str(folder))
            config = TranscriptionConfig(reader, options={"max_new_tokens": 40})
        write(columns, folder / "in.parquet")
        with open_model(fetch(describe(reference)[0]), threads=1, slots=2) as engine:
            patch.setattr(f"{rooms}.open_model", lambda *_, **__: engine)
            patch.setattr(engine, "close", lambda: None)
            yield Job(folder, config, column, reference)
        patch.undo()
        engine.close()


def test_whatever_a_step_raises_is_the_rows_own(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    undisturbed = job.rows()
    assert {row["status"] for row in undisturbed.values()} == {"ok"}, undisturbed
    way: dict[Step, None] = {}
    with monkeypatch.context() as patch:
        for step in steps():
            wrap(patch, step, functools.partial(way.setdefault, step))
        assert job.rows() == undisturbed
    assert len(way) > 20, "the row's way is not seen any more"
    for number, step in enumerate(way):
        for kind in (KINDS[number % len(KINDS)], KINDS[(number + 3) % len(KINDS)]):
            said = f"{step} raises {kind()!r}"

            def fail(kind: Callable[[], BaseException] = kind) -> None:
                raise kind()

            with monkeypatch.context() as patch:
                wrap(patch, step, fail)
                rows = job.rows()
            # Where not even its id can be read, it has that of rows without one.
            bad = rows.pop(IDS[BAD] if IDS[BAD] in rows else f"in.parquet:{BAD}")
            if bad != undisturbed[IDS[BAD]]:  # alone, where it is not moved to another slot, it may be fine
                assert bad["status"] in ("failed", "rejected"), said
                assert bad["error"], said
            assert rows == {id_: row for id_, row in undisturbed.items() if id_ != IDS[BAD]}, said


def test_a_step_that_is_given_what_rows_have_become_costs_one_row_at_most(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose numbers they are cannot be seen: one call of many raises, whosever it is."""
    undisturbed = job.rows()
    calls: Counter[Step] = Counter()
    with monkeypatch.context() as patch:
        for step in steps():
            wrap(patch, step, functools.partial(calls.update, [step]), is_given_numbers)
        assert job.rows() == undisturbed
    assert len(calls) > 8, "the way of the rows' sound is not seen any more"
    for number, (step, count) in enumerate(calls.items()):
        kind = KINDS[number % len(KINDS)]
        before = itertools.count(count // 2, -1)

        def fail(kind: Callable[[], BaseException] = kind, before: Iterator[int] = before) -> None:
            if not next(before):
                raise kind()

        with monkeypatch.context() as patch:
            wrap(patch, step, fail, is_given_numbers)
            rows = job.rows()
        said = f"{step} raises {kind()!r}"
        bad = [row for id_, row in rows.items() if row != undisturbed[id_]]
        assert (len(rows), len(bad) <= 1) == (ROWS, True), said
        assert all(row["status"] in ("failed", "rejected") and row["error"] for row in bad), said

"""A job whose workers need no model: the text of a row says what happens when it is processed."""

import logging
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pyarrow.parquet as pq

from actors.batching import EngineStats
from actors.bundle import Bundle
from actors.errors import StorageError
from actors.rows import Columns, InputRow, RowDone, blank_row, tell_nobody
from cluster.dataset import Dataset, Unit, plan_units, scan
from cluster.output import PartWriter, open_run, part_schema
from cluster.registry import EMBEDDED, describe
from cluster.runner import Task

COLUMNS: Columns = dict.fromkeys(("id", "text", "status", "error", "model", "worker"), str)

# How long rows wait for each other before they fail: only with a broken runner do they wait that long.
PATIENCE_S = 60.0


class Panic(BaseException):
    """What libraries in Rust raise when they panic."""


@dataclass(frozen=True)
class TinyConfig:
    """``folder`` is where workers leave marks; ``broken`` ones cannot be opened."""

    revision: ClassVar[int] = 1
    output_columns: ClassVar[Columns] = COLUMNS

    folder: Path
    broken: bool = False
    input_columns: tuple[str, ...] = ("text",)
    slots: int = 1

    def open(self, bundle: Bundle, device: str, threads: int, *_: Bundle) -> "TinyWorker":
        if self.broken:
            raise StorageError("the model's weights cannot be read")
        return TinyWorker(self.folder, f"{bundle.manifest.name} on {device} with {threads} threads")

    def blank_row(self, row: InputRow, model: str) -> dict[str, Any]:
        return blank_row(COLUMNS, row.id, model) | {"text": row.values["text"]}

    def content_of(self, row: InputRow) -> dict[str, Any]:
        return {"text": row.values["text"]}

    def adopt(self, made: Mapping[str, Any], row: InputRow, model: str) -> dict[str, Any]:
        return {**made, "id": row.id, "model": made["model"] or model}


class TinyWorker:
    """Does what its rows say; rows that say nothing in particular are ``ok``."""

    def __init__(self, folder: Path, model: str) -> None:
        self.stats = EngineStats()
        self._folder = folder
        self._model = model
        self._closed = threading.Event()
        self._meeting = threading.Barrier(2)
        self._broken = threading.Event()

    def __call__(self, rows: Sequence[InputRow], done: RowDone = tell_nobody) -> list[dict[str, Any]]:
        made = []
        for i, row in enumerate(rows):
            made.append(self._process(row))
            done(i, made[-1])
        return made

    def close(self) -> None:
        self._closed.set()
        leave_mark(self._folder, "closed")

    def _process(self, given: InputRow) -> dict[str, Any]:
        row = {"id": given.id, "text": given.values["text"], "model": self._model, "worker": str(os.getpid())}
        if given.error:
            return {**row, "status": "rejected", "error": given.error}
        command, _, _ = given.values["text"].partition(":")
        match command:
            case "raise":
                raise RuntimeError("this row breaks its unit")
            case "panic":
                raise Panic("this row has a library panic")
            case "break the worker":  # as an engine does, whose requests all fail with the one that breaks its step
                self._broken.set()
                time.sleep(0.5)
                self._broken.clear()
                raise RuntimeError("this row breaks the worker")
            case "store is gone":
                raise StorageError("the store is gone.")
            case "die":
                leave_mark(self._folder, "died")
                os._exit(1)
            case "be killed once" if leave_mark(self._folder, "killed") == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            case "be hungry once" if leave_mark(self._folder, "hungry") == 1:
                for _ in eaten(PATIENCE_S):
                    pass
                raise RuntimeError("nobody has killed this worker for its hunger")
            case "meet":
                self._meeting.wait(PATIENCE_S)
            case "linger" if self._broken.wait(0.5):
                raise RuntimeError("the row beside this one has broken the worker")
            case "fail at the end":
                leave_mark(self._folder, "waiting")
                self._closed.wait(PATIENCE_S)
                return {**row, "status": "failed", "error": "it was ended"}
            case "wait for the end":
                leave_mark(self._folder, "waiting")
                self._closed.wait(PATIENCE_S)
                raise RuntimeError("the worker was closed")
        self.stats.utterances += 1
        return {**row, "status": "ok", "error": None}


def eaten(patience_s: float) -> Iterator[bytes]:
    """Take 50 MB more of memory ten times a second, up to 4 GB, and keep it."""
    taken = []
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        if len(taken) < 80:
            taken.append(os.urandom(1 << 20) * 50)
        time.sleep(0.1)
        yield taken[-1]


def leave_mark(folder: Path, what: str) -> int:
    """Note that something happens; return how often it has."""
    with (folder / what).open("ab") as file:
        file.write(b"x")
        return file.tell()


def count_marks(folder: Path, what: str) -> int:
    """Return how often something has happened."""
    path = folder / what
    return path.stat().st_size if path.exists() else 0


class UnsendableError(Exception):
    """An error that cannot be pickled."""

    def __init__(self) -> None:
        super().__init__("it cannot be sent")
        self.lock = threading.Lock()


def run_errand(folder: Path, what: str) -> tuple[str, int, int]:
    """Do what an errand says; return that, the process that has done it, and how much that gives way."""
    logging.getLogger("speechmill.tiny").warning("errand: %s", what)
    match what:
        case "raise":
            raise StorageError("the store is gone")
        case "raise what cannot be sent":
            raise UnsendableError
        case "die twice" if leave_mark(folder, "errand") <= 2:
            os.kill(os.getpid(), signal.SIGKILL)
        case "meet":
            leave_mark(folder, "met")
            until = time.monotonic() + PATIENCE_S
            while count_marks(folder, "met") < 2 and time.monotonic() < until:
                time.sleep(0.02)
        case "wait for ever":
            leave_mark(folder, "waiting")
            time.sleep(PATIENCE_S)
    return what, os.getpid(), os.nice(0)


@dataclass(frozen=True)
class TinyJob:
    """A job that is open: ``task`` and ``units`` to run, and the folder of its marks."""

    task: Task
    units: list[Unit]
    folder: Path

    def rows(self) -> dict[str, dict[str, Any]]:
        """Return the output's rows by text, and check that each id is there once and none is missing."""
        rows = [row for path in self.folder.glob("out/part-*.parquet") for row in pq.read_table(path).to_pylist()]
        assert Counter(row["id"] for row in rows) == {f"in.txt:{i}": 1 for i in range(self.task.dataset.rows)}
        return {row["text"]: row for row in rows}


@contextmanager
def open_job(folder: Path, texts: Sequence[str], rows_per_unit: int, **changes: Any) -> Iterator[TinyJob]:
    """Open a job with a row for each of ``texts``, which are unique."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "in.txt").write_text("".join(text + "\n" for text in texts))
    dataset = scan(folder / "in.txt")
    with open_run(folder / "out", arguments={}, other={}, inputs=dataset.inputs) as run:
        writer = run.writer(part_schema(COLUMNS, dataset.schema, consumed=["text"]))
        task = make_task(dataset, writer, TinyConfig(folder, **changes))
        yield TinyJob(task, plan_units(dataset.shards, rows_per_unit), folder)


def make_task(dataset: Dataset, writer: PartWriter, config: TinyConfig) -> Task:
    """Return a task that names the embedded model, which tiny workers do not read."""
    return Task(dataset, writer, describe(EMBEDDED)[0], config)

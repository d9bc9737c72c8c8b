"""Runs jobs as users do: in this process, or in one that can be killed."""

import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from jobs import make_audiobook as audiobooks
from jobs import synthesize_corpus, transcribe_dataset
from jobs.console import run_app

SCRIPT = Path(synthesize_corpus.__file__)
SENTENCES = ["It rains.", "The mill turns slowly.", "Good morning to you all.", "Seven swans swim past.", "That was it."]


@dataclass(frozen=True)
class Ended:
    """A command line's exit code, and what it printed; ``err`` has the log too."""

    code: int
    out: str
    err: str


class Started:
    """A job in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def wait_for_parts(self, output: Path, count: int, timeout_s: float = 120.0) -> None:
        """Wait until ``output`` holds ``count`` parts; the job must not end before."""
        deadline = time.monotonic() + timeout_s
        while len(list(output.glob("part-*.parquet"))) < count:
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline, "there is no progress"
            time.sleep(0.01)

    def end(self, with_signal: int | None = None, timeout_s: float = 120.0) -> Ended:
        """Send a signal, if any, and wait for the end."""
        if with_signal is not None:
            self.process.send_signal(with_signal)
        out, err = self.process.communicate(timeout=timeout_s)
        return Ended(self.process.returncode, out, err)


RunJob = Callable[..., Ended]
StartJob = Callable[..., Started]


@pytest.fixture(scope="session", autouse=True)
def environment() -> Iterator[None]:
    """What all jobs of the tests share: Ray keeps no token in the home folder, no registry is set, and none draws a page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")
        patch.setenv("SPEECHMILL_REPORT", "0")
        patch.delenv("RAY_ADDRESS", raising=False)
        patch.delenv("SPEECHMILL_REGISTRY", raising=False)
        yield


@pytest.fixture
def run_job(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[ModuleType], RunJob]]:
    """Runs the job of a module with ``--no-ray`` in this process."""
    handler = signal.getsignal(signal.SIGTERM)

    def run(job: ModuleType, *arguments: object) -> Ended:
        caplog.clear()
        with pytest.raises(SystemExit) as caught:
            run_app(job.app, ["--no-ray", *map(str, arguments)])
        out, err = capsys.readouterr()
        assert isinstance(caught.value.code, int)
        return Ended(caught.value.code, out, err + caplog.text)

    yield lambda job: functools.partial(run, job)
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def synthesize(run_job: Callable[[ModuleType], RunJob]) -> RunJob:
    """Runs ``jobs/synthesize_corpus.py --no-ray`` in this process."""
    return run_job(synthesize_corpus)


@pytest.fixture
def make_audiobook(run_job: Callable[[ModuleType], RunJob]) -> RunJob:
    """Runs ``jobs/make_audiobook.py --no-ray`` in this process."""
    return run_job(audiobooks)


@pytest.fixture(scope="session")
def start_job() -> Iterator[StartJob]:
    """Starts a script of ``jobs/`` in a session of its own, of which nothing is left at the end."""
    started: list[subprocess.Popen[str]] = []

    def start(script: object, *arguments: object) -> Started:
        command = [sys.executable, str(script), *map(str, arguments)]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True))
        return Started(started[-1])

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture(scope="session")
def start_synthesize(start_job: StartJob) -> StartJob:
    """Starts ``jobs/synthesize_corpus.py``."""
    return functools.partial(start_job, SCRIPT)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 90 and 30 rows with ids and a number."""
    folder = tmp_path_factory.mktemp("corpus")
    lines = [json.dumps({"id": f"row {i:03d}", "text": f"{SENTENCES[i % 5]} Number {i}.", "n": i}) + "\n" for i in range(120)]
    (folder / "a.jsonl").write_text("".join(lines[:90]))
    (folder / "b.jsonl").write_text("".join(lines[90:]))
    return folder


@pytest.fixture(scope="session")
def undisturbed(corpus: Path, start_synthesize: StartJob, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of the corpus in units of 4 rows."""
    output = tmp_path_factory.mktemp("undisturbed") / "out"
    ended = start_synthesize("--no-ray", "--input", corpus, "--output", output, "--rows-per-unit", 4).end()
    assert ended.code == 0, ended.err
    assert "120 (120 ok, 0 rejected, 0 failed)" in ended.out
    return output


@pytest.fixture
def transcribe(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Iterator[Callable[..., tuple[int, str]]]:
    """Runs ``jobs/transcribe_dataset.py --no-ray`` in this process; returns the exit code and all that it printed."""
    handler = signal.getsignal(signal.SIGTERM)

    def run(*arguments: object) -> tuple[int, str]:
        caplog.clear()
        with pytest.raises(SystemExit) as caught:
            run_app(transcribe_dataset.app, ["--no-ray", *map(str, arguments)])
        out, err = capsys.readouterr()
        assert isinstance(caught.value.code, int)
        return caught.value.code, out + err + caplog.text

    yield run
    signal.signal(signal.SIGTERM, handler)

import logging
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

from actors.batching import EngineStats
from actors.bundle import load_bundle
from actors.errors import BundleNotFoundError, InputDataError, ResumeError, SpeechmillError, StorageError, UsageError
from cluster.dataset import Unit
from cluster.output import Part, Summary
from cluster.runner import UnitDone, Usage
from jobs import console
from jobs.console import FailOn, Tally, exit_code, print_summary, progress_of, run_app

EMBEDDED = Path(__file__).parents[2] / "embedded" / "voice"


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Puts back what ``run_app`` sets for a whole process."""
    handler, level = signal.getsignal(signal.SIGTERM), console.logger.level
    yield
    signal.signal(signal.SIGTERM, handler)
    console.logger.setLevel(level)


def run(body: Callable[[], Any], *arguments: str) -> object:
    """Return the exit code of a command line that runs ``body``."""
    app = typer.Typer()

    @app.command()
    def command(number: Annotated[int, typer.Option(min=1)] = 1) -> Any:  # noqa: ARG001 - to be given wrongly
        return body()

    with pytest.raises(SystemExit) as caught:
        run_app(app, arguments)
    return caught.value.code


def raising(error: BaseException) -> Callable[[], None]:
    def body() -> None:
        raise error

    return body


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (1, 1)])
def test_what_a_command_returns_is_the_exit_code(returned: int | None, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(lambda: returned) == code
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("no such voice"), 2),
        (ResumeError("another job runs"), 2),
        (InputDataError("no such column"), 2),
        (BundleNotFoundError("no such model"), 2),
        (StorageError("the disk is full"), 1),
        (SpeechmillError("rows are missing"), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_our_errors_are_one_line_and_an_exit_code(
    error: SpeechmillError, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(raising(error)) == code
    assert capsys.readouterr() == ("", f"error: {error}\n")


def test_a_message_of_several_lines_becomes_one(capsys: pytest.CaptureFixture[str]) -> None:
    run(raising(StorageError("the store said:\nno")))
    assert capsys.readouterr().err == "error: the store said: no\n"


@pytest.mark.parametrize("arguments", [("--number", "0"), ("--number", "one"), ("--numbr", "1"), ("left over",)])
def test_wrong_usage_is_one_line_and_2(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(lambda: None, *arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert line.endswith("(--help shows all options)")


def test_help_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(lambda: None, "--help") == 0
    assert "--number" in capsys.readouterr().out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_or_a_polite_kill_is_130(number: signal.Signals, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(lambda: os.kill(os.getpid(), number)) == 130
    assert capsys.readouterr().err == "interrupted: run the same command again to go on\n"


def test_a_bug_is_not_hidden() -> None:
    app = typer.Typer()
    app.command()(raising(ZeroDivisionError("a bug")))
    with pytest.raises(ZeroDivisionError):
        run_app(app, [])


def done(rows: int, usage: Usage | None = None, **status: int) -> UnitDone:
    return UnitDone(Part(Unit(0, 0, rows), "part", 1, status or {"ok": rows}, duration_s=10.0 * rows), usage)


def usage_of(worker: str, busy_s: float, *, opened: float = 0.0, stats: EngineStats | None = None, **seconds: float) -> Usage:
    return Usage(worker, 2, opened, busy_s=busy_s, cpu_s=busy_s / 2, stats=stats or EngineStats(), seconds=seconds)


def test_a_tally_adds_up_parts() -> None:
    tally = Tally()
    tally.add(done(3))
    tally.add(done(2, ok=1, failed=1))
    assert (tally.rows, tally.audio_s, tally.status) == (5, 50.0, {"ok": 4, "failed": 1})


def test_a_tally_takes_the_latest_usage_of_each_worker_whatever_comes_first() -> None:
    tally = Tally(started_at=100.0)
    first = EngineStats(slot_steps=100, busy_slot_steps=10)
    last = EngineStats(slot_steps=300, busy_slot_steps=270)
    for usage in (
        usage_of("a", 1.0, opened=104.0, stats=first, load=3.0, finish=0.5),
        usage_of("a", 8.0, opened=104.0, stats=last, load=3.0, finish=4.0),
        usage_of("a", 2.0, opened=104.0, stats=first, load=3.0, finish=1.0),
        usage_of("b", 4.0, opened=103.0, stats=first, load=2.0, finish=2.0),
    ):
        tally.add(done(1, usage))
    assert tally.core_s == 2 * (8.0 + 4.0)
    assert tally.cpu_s == 6.0
    assert tally.startup_s == 3.0
    assert tally.occupancy == (270 + 10) / (300 + 100)
    assert tally.worker_s == {"load": 5.0, "finish": 6.0}
    assert tally.share("finish") == 6.0 / (8.0 + 4.0)


def test_an_empty_tally_divides_by_nothing() -> None:
    tally = Tally()
    assert (tally.occupancy, tally.share("step"), tally.core_s, tally.cpu_s) == (0.0, 0.0, 0.0, 0.0)
    assert tally.startup_s <= tally.wall_s


@pytest.mark.parametrize(
    ("failed", "kinds", "code"),
    [
        (0, None, 0),
        (1, None, 1),
        (1, [FailOn.LENGTH], 1),
        (0, [FailOn.REJECTED], 1),
        (0, [FailOn.DAMAGED], 0),
        (0, [FailOn.DAMAGED, FailOn.LENGTH], 1),
    ],
)
def test_rows_that_failed_or_are_of_a_named_kind_decide_the_exit_code(
    failed: int, kinds: list[FailOn] | None, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    summary = Summary(9, {"ok": 7 - failed, "rejected": 2, "failed": failed}, 1.0, (), {"eos": 4, "length": 3})
    assert exit_code(summary, kinds) == code
    assert ("of 9 rows" in caplog.text) == bool(code)


def test_progress_without_a_terminal_is_log_lines_at_intervals(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: clock[0])
    tally = Tally(started=0.0)
    with caplog.at_level(logging.INFO, "speechmill"), progress_of(100, 40, tally) as show:
        for clock[0] in (4.0, 9.0, 12.0, 15.0, 23.0):
            tally.add(done(1))
            show()
    assert [record.getMessage() for record in caplog.records] == [
        "43 of 100 rows, 0.01 h of audio, 2.5x real time, 0:03:48 left",
        "45 of 100 rows, 0.01 h of audio, 2.2x real time, 0:04:13 left",
    ]


def test_progress_on_a_terminal_is_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes it for a terminal
    monkeypatch.setenv("COLUMNS", "120")
    tally = Tally()
    with progress_of(100, 40, tally) as show:
        tally.add(done(3))
        show()
    assert "43/100" in capsys.readouterr().err


def test_the_summary_says_what_was_made_and_how_fast(capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally()
    stats = EngineStats(slot_steps=100, busy_slot_steps=96)
    seconds = {"load": 5.0, "prefill": 0.25, "step": 1.0, "finish": 0.5}
    outcome = done(4, usage_of("a", 2.0, opened=tally.started_at + 1.0, stats=stats, **seconds), ok=3, rejected=1)
    tally.add(outcome)
    tally.started -= 5.0  # seconds ago
    print_summary(Summary.of([outcome.part]), tally, "/somewhere/out", load_bundle(EMBEDDED).manifest)
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["rows"].rstrip() == "4 (3 ok, 1 rejected, 0 failed)"
    assert lines["audio"].rstrip() == "0.011 h (40.0 s)"
    assert lines["wall"].rstrip() == "5.0 s, of which start-up 1.0 s"
    assert lines["RTF"].startswith("0.10")
    assert lines["per"].rstrip() == "core  10.0 audio-seconds per core-second"
    assert lines["slots"].rstrip() == "96.0% occupied"
    assert lines["engine"].rstrip() == "prefill 12.5%, step 50.0%, finish 25.0% of the workers' time"
    assert lines["output"].rstrip() == "/somewhere/out"


def test_the_summary_of_a_job_that_was_finished_has_no_speed(capsys: pytest.CaptureFixture[str]) -> None:
    part = replace(done(4).part, finish_reasons={"length": 3, "eos": 1})
    print_summary(Summary.of([part]), Tally(), "out", load_bundle(EMBEDDED).manifest, ["id 'a': rows x:0, x:1"])
    out = capsys.readouterr().out
    assert "ended by  eos 1, length 3 " in out
    assert "ids       rows share ids: id 'a': rows x:0, x:1" in out
    assert "had nothing to do" in out
    assert "RTF" not in out

"""What all jobs share at the command line: exit codes, logging, progress, the closing summary."""

import contextlib
import logging
import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from actors.bundle import Manifest
from actors.errors import InputDataError, SpeechmillError, UsageError
from cluster import logs
from cluster.output import Summary
from cluster.row_cache import RowCounts
from cluster.runner import UnitDone, Usage
from jobs.interrupts import EXIT_INTERRUPTED, Interrupts

logger = logging.getLogger("speechmill")

EXIT_FAILED_ROWS = 1
EXIT_USAGE = 2
_LOG_INTERVAL_S = 10.0
_SHOWN_IDS = 3


class FailOn(StrEnum):
    """What a job's exit code may be made to say: statuses, then finish reasons, but those of rows that went well."""

    REJECTED = "rejected"
    FAILED = "failed"
    LENGTH = "length"
    LOOP = "loop"
    SILENCE = "silence"
    SUSPICIOUS = "suspicious"
    DAMAGED = "damaged"


class LogFormat(StrEnum):
    """How a job logs."""

    TEXT = "text"
    JSON = "json"


def run_app(app: typer.Typer, arguments: Sequence[str] | None = None) -> None:
    """Run a command line and exit: 2 for wrong usage, 1 for our other errors, 130 for Ctrl-C; messages on one line."""
    log_as(LogFormat.TEXT)
    logger.setLevel(logging.INFO)
    code = EXIT_INTERRUPTED
    # `ray job stop` sends SIGTERM, a polite Ctrl-C. A second one may come wherever the first is being dealt with.
    with Interrupts(_complain), contextlib.suppress(KeyboardInterrupt):
        code = _run(app, arguments)
    sys.exit(code)


def _run(app: typer.Typer, arguments: Sequence[str] | None) -> int:
    """Run a command line and return its exit code."""
    try:
        code = app(arguments, standalone_mode=False)  # typer makes 130 of Ctrl-C
        if code == EXIT_INTERRUPTED:
            _complain("interrupted: run the same command again to go on")
    except SpeechmillError as error:
        _complain(f"error: {' '.join(str(error).splitlines())}")
        code = EXIT_USAGE if isinstance(error, UsageError | InputDataError | FileNotFoundError) else EXIT_FAILED_ROWS
    except typer.TyperException as error:
        _complain(f"error: {error.format_message()} (--help shows all options)")
        code = EXIT_USAGE
    return code or 0


def log_as(kind: LogFormat) -> None:
    """Log to stderr in a format, from now on."""
    logging.basicConfig(level=logging.WARNING)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(logs.formatter(kind.value))


def name_job(session: str) -> None:
    """Let every record name the job, from now on."""
    for handler in logging.getLogger().handlers:
        handler.filters = [*(known for known in handler.filters if not isinstance(known, logs.Named)), logs.Named(session)]


def _complain(sentence: str) -> None:
    """Say why the job ends: a line of its own, or a record where all lines are records."""
    if any(isinstance(handler.formatter, logs.JsonFormatter) for handler in logging.getLogger().handlers):
        logger.error(sentence)
    else:
        typer.echo(sentence, err=True)


@dataclass
class Tally:
    """Counts a running job's outcomes; ``worker_s`` are the seconds of all workers by phase (see :class:`Usage`)."""

    rows: int = 0
    audio_s: float = 0.0
    status: dict[str, int] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    started_at: float = field(default_factory=time.time)
    worker_s: dict[str, float] = field(default_factory=dict)
    _usages: dict[str, Usage] = field(default_factory=dict)

    def add(self, outcome: UnitDone) -> None:
        """Count a written part."""
        part, usage = outcome.part, outcome.usage
        self.rows += part.unit.count
        self.audio_s += part.duration_s
        for name, count in part.status.items():
            self.status[name] = self.status.get(name, 0) + count
        before = usage and self._usages.get(usage.worker)
        if usage and (not before or usage.busy_s > before.busy_s):
            self._usages[usage.worker] = usage
            for phase, seconds in usage.seconds.items():
                counted = before.seconds[phase] if before else 0.0
                self.worker_s[phase] = self.worker_s.get(phase, 0.0) + seconds - counted

    @property
    def wall_s(self) -> float:
        """Seconds since the tally was made."""
        return time.monotonic() - self.started

    @property
    def startup_s(self) -> float:
        """Seconds until the first worker had its model open; the whole time if none has."""
        opened = [usage.opened for usage in self._usages.values()]
        return max(0.0, min(opened) - self.started_at) if opened else self.wall_s

    @property
    def working_s(self) -> float:
        """Seconds since the first worker had its model open, as far as that is known: what a speed is measured by."""
        return max(self.wall_s - self.startup_s if self._usages else self.wall_s, 1e-9)

    def left_s(self, rows: int) -> float:
        """Seconds that ``rows`` more rows will take at this speed; infinite before the first part."""
        return rows * self.working_s / self.rows if self.rows else math.inf

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all workers since they were opened."""
        return sum(usage.cpu_s for usage in self._usages.values())

    @property
    def core_s(self) -> float:
        """Seconds for which workers have owned cores with their model open, times those cores."""
        return sum(usage.busy_s * usage.cores for usage in self._usages.values())

    def share(self, phase: str) -> float:
        """The share of the time for which workers have had their model open that they spent in a phase."""
        return self.worker_s.get(phase, 0.0) / max(sum(usage.busy_s for usage in self._usages.values()), 1e-9)

    @property
    def cache(self) -> RowCounts:
        """How many rows the workers have looked for in a cache, and how many needed no work."""
        counts = [usage.cache for usage in self._usages.values()]
        return RowCounts(sum(each.asked for each in counts), sum(each.found for each in counts))

    @property
    def occupancy(self) -> float:
        """The share of slot-steps that advanced an utterance, over all workers."""
        slot_steps = sum(usage.stats.slot_steps for usage in self._usages.values())
        return sum(usage.stats.busy_slot_steps for usage in self._usages.values()) / slot_steps if slot_steps else 0.0


@contextlib.contextmanager
def progress_of(total_rows: int, done_rows: int, tally: Tally) -> Iterator[Any]:
    """Yield a function to call after every part: a bar on a terminal, else a log line every ten seconds."""
    console = Console(stderr=True)
    if not console.is_terminal:
        last = time.monotonic()

        def log() -> None:
            nonlocal last
            if time.monotonic() - last >= _LOG_INTERVAL_S:
                last = time.monotonic()
                logger.info("%d of %d rows, %s", done_rows + tally.rows, total_rows, _speed(tally, total_rows - done_rows))

        yield log
        return
    columns = (
        TextColumn("rows"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("", total=total_rows, completed=done_rows)
        yield lambda: progress.update(bar, completed=done_rows + tally.rows, description=_speed(tally, total_rows - done_rows))


def _speed(tally: Tally, rows: int) -> str:
    """Say how fast a run of ``rows`` rows is, and when it will be over. Start-up is no part of a speed."""
    left = timedelta(seconds=round(tally.left_s(rows - tally.rows)))
    return f"{tally.audio_s / 3600:.2f} h of audio, {tally.audio_s / tally.working_s:.1f}x real time, {left} left"


def exit_code(summary: Summary, kinds: Sequence[FailOn] | None) -> int:
    """Return a job's exit code by its rows: those that failed, or are of one of these kinds, are logged and make it 1."""
    found = {kind: summary.count(kind) for kind in dict.fromkeys([FailOn.FAILED, *(kinds or ())])}
    for kind, rows in found.items():
        if rows:
            logger.error("%d of %d rows: %s", rows, summary.rows, kind.value)
    return EXIT_FAILED_ROWS if any(found.values()) else 0


def print_summary(summary: Summary, tally: Tally, output: str, manifest: Manifest, duplicate_ids: Sequence[str] = ()) -> None:
    """Print what a finished job has made, and how fast this run of it was."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    status = ", ".join(f"{count:,} {name}" for name, count in summary.status.items())
    table.add_row("rows", f"{summary.rows:,} ({status})")
    if summary.finish_reasons:
        table.add_row("ended by", ", ".join(f"{name} {count:,}" for name, count in summary.finish_reasons.items()))
    if duplicate_ids:
        more = "; …" if duplicate_ids[_SHOWN_IDS:] else ""
        table.add_row("ids", f"rows share ids: {'; '.join(duplicate_ids[:_SHOWN_IDS])}{more}")
    table.add_row("audio", f"{summary.duration_s / 3600:.3f} h ({summary.duration_s:,.1f} s)")
    if tally.cache.asked:
        table.add_row("cache", f"{tally.cache.found:,} of {tally.cache.asked:,} rows were made before, or are equal to another")
    if tally.rows:
        working_s = tally.working_s
        table.add_row("wall", f"{tally.wall_s:,.1f} s, of which start-up {tally.startup_s:.1f} s")
        table.add_row("RTF", f"{working_s / max(tally.audio_s, 1e-9):.5f} ({tally.audio_s / working_s:,.1f}x real time)")
        table.add_row("per core", f"{tally.audio_s / max(tally.core_s, 1e-9):,.1f} audio-seconds per core-second")
        table.add_row("slots", f"{tally.occupancy:.1%} occupied")
        phases = ", ".join(f"{phase} {tally.share(phase):.1%}" for phase in ("prefill", "step", "finish"))
        table.add_row("engine", f"{phases} of the workers' time")
    else:
        table.add_row("this run", "had nothing to do: the job was finished")
    table.add_row("model", f"{manifest.name} ({manifest.family}, {manifest.precision})")
    if with_openvino := sorted({part.maker.openvino for part in summary.parts if part.maker and part.maker.openvino}):
        table.add_row("OpenVINO", "; ".join(with_openvino))
    table.add_row("output", output)
    Console().print(table, soft_wrap=True)

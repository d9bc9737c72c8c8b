"""What all jobs share at the command line: exit codes, logging, progress, the closing summary."""

import contextlib
import logging
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from actors.bundle import Manifest
from actors.errors import InputDataError, SpeechmillError, UsageError
from cluster.output import Summary
from cluster.runner import UnitDone, Usage

logger = logging.getLogger("speechmill")

EXIT_FAILED_ROWS = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
_LOG_INTERVAL_S = 10.0


def run_app(app: typer.Typer, arguments: Sequence[str] | None = None) -> None:
    """Run a command line and exit: 2 for wrong usage, 1 for our other errors, 130 for Ctrl-C; messages on one line."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logger.setLevel(logging.INFO)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `ray job stop` is a polite Ctrl-C
    try:
        code = app(arguments, standalone_mode=False)  # typer makes 130 of Ctrl-C
        if code == EXIT_INTERRUPTED:
            typer.echo("interrupted: run the same command again to go on", err=True)
    except SpeechmillError as error:
        typer.echo(f"error: {' '.join(str(error).splitlines())}", err=True)
        code = EXIT_USAGE if isinstance(error, UsageError | InputDataError | FileNotFoundError) else EXIT_FAILED_ROWS
    except typer.TyperException as error:
        typer.echo(f"error: {error.format_message()} (--help shows all options)", err=True)
        code = EXIT_USAGE
    sys.exit(code or 0)


@dataclass
class Tally:
    """Counts a running job's outcomes."""

    rows: int = 0
    audio_s: float = 0.0
    status: dict[str, int] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    started_at: float = field(default_factory=time.time)
    _usages: dict[str, Usage] = field(default_factory=dict)

    def add(self, outcome: UnitDone) -> None:
        """Count a written part."""
        part, usage = outcome.part, outcome.usage
        self.rows += part.unit.count
        self.audio_s += part.duration_s
        for name, count in part.status.items():
            self.status[name] = self.status.get(name, 0) + count
        if usage and (usage.worker not in self._usages or usage.busy_s > self._usages[usage.worker].busy_s):
            self._usages[usage.worker] = usage

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
    def cpu_s(self) -> float:
        """CPU seconds of all workers since they were opened."""
        return sum(usage.cpu_s for usage in self._usages.values())

    @property
    def core_s(self) -> float:
        """Seconds for which workers have owned cores with their model open, times those cores."""
        return sum(usage.busy_s * usage.cores for usage in self._usages.values())

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
                logger.info("%d of %d rows, %s", done_rows + tally.rows, total_rows, _speed(tally))

        yield log
        return
    columns = (
        TextColumn("rows"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("", total=total_rows, completed=done_rows)
        yield lambda: progress.update(bar, completed=done_rows + tally.rows, description=_speed(tally))


def _speed(tally: Tally) -> str:
    return f"{tally.audio_s / 3600:.2f} h of audio, {tally.audio_s / max(tally.wall_s, 1e-9):.1f}x real time"


def print_summary(summary: Summary, tally: Tally, output: str, manifest: Manifest) -> None:
    """Print what a finished job has made, and how fast this run of it was."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    status = ", ".join(f"{count:,} {name}" for name, count in summary.status.items())
    table.add_row("rows", f"{summary.rows:,} ({status})")
    table.add_row("audio", f"{summary.duration_s / 3600:.3f} h ({summary.duration_s:,.1f} s)")
    if tally.rows:
        working_s = max(tally.wall_s - tally.startup_s, 1e-9)
        table.add_row("wall", f"{tally.wall_s:,.1f} s, of which start-up {tally.startup_s:.1f} s")
        table.add_row("RTF", f"{working_s / max(tally.audio_s, 1e-9):.5f} ({tally.audio_s / working_s:,.1f}x real time)")
        table.add_row("per core", f"{tally.audio_s / max(tally.core_s, 1e-9):,.1f} audio-seconds per core-second")
        table.add_row("slots", f"{tally.occupancy:.1%} occupied")
    else:
        table.add_row("this run", "had nothing to do: the job was finished")
    table.add_row("model", f"{manifest.name} ({manifest.family}, {manifest.precision})")
    table.add_row("output", output)
    Console().print(table, soft_wrap=True)

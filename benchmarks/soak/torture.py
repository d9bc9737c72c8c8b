"""Kill a job again and again: is every row in its output once, as in an undisturbed run?

Makes a corpus with planted bad rows of every kind, runs the job once in peace and once while its driver and its workers are
killed (SIGKILL) at moments drawn from ``--seed``, the driver being started again each time. Compares the two outputs and
the corpus row by row, writes ``.bench/torture-<job>.json``, and exits with 1 if anything is off. Needs Linux.

Usage::

    python -m benchmarks.soak.torture synthesize --rows 10000 --kills 5
    python -m benchmarks.soak.torture transcribe --rows 500 --kills 3
"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.soak.corpora import Expected, write_recordings, write_texts

ROOT = Path(__file__).parents[2]
BENCH = ROOT / ".bench"

# Job -> its script, and what writes its corpus.
JOBS: dict[str, tuple[str, Callable[[Path, int, random.Random], dict[str, Expected]]]] = {
    "synthesize": ("synthesize_corpus.py", write_texts),
    "transcribe": ("transcribe_dataset.py", write_recordings),
}

_FEWEST_ROWS = 50
_LONGEST_WAIT_S = 0.5  # between the progress that a kill waits for and the kill
_PATIENCE_S = 600.0  # without a new part
_LEFT_ALONE_S = 180.0  # to die; two agents of Ray wait a minute for its return


@dataclass(frozen=True)
class Kill:
    """A SIGKILL for ``victim`` (``driver`` or ``worker``): ``delay_s`` after ``parts`` parts are there."""

    victim: str
    parts: int
    delay_s: float


@dataclass
class Report:
    """What was done, and everything that is off."""

    rows: int
    bad_rows: int
    plan: list[Kill]
    undisturbed_s: float = 0.0
    disturbed_s: float = 0.0
    killed: dict[str, int] = field(default_factory=dict)
    driver_starts: int = 0
    sessions: int = 0
    status: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Row:
    """A row of the output; ``digest`` is of all of it, ``has_result`` whether there is audio or a transcript."""

    id: str
    status: str
    error: str | None
    has_result: bool
    digest: str

    def came_out_as(self, expected: Expected | None) -> bool:
        """Whether status, reason and result fit each other and the plan."""
        if expected is None or self.status != expected.status or self.has_result != (self.status == "ok"):
            return False
        return self.error is None if self.status == "ok" else bool(self.error) and expected.reason in (self.error or "")


class Job:
    """The same command line for every start: only the output and its process differ."""

    def __init__(self, script: str, corpus: Path, output: Path, options: Sequence[str]) -> None:
        self.output = output
        self._command = [sys.executable, str(ROOT / "jobs" / script), "--input", str(corpus), "--output", str(output), *options]
        self._log = output.with_suffix(".log")
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def starts(self) -> int:
        """How often the driver was started."""
        return len(self._processes)

    @property
    def running(self) -> bool:
        """Whether the driver lives."""
        return self._processes[-1].poll() is None

    @property
    def parts(self) -> int:
        """How many parts are written."""
        return sum(1 for _ in self.output.glob("part-*.parquet"))

    def start(self) -> None:
        """Start the driver, in a session of its own."""
        environment = {"RAY_AUTH_MODE": "disabled", **os.environ}  # else Ray keeps a token in the home folder
        with self._log.open("ab") as log:
            self._processes.append(
                subprocess.Popen(self._command, stdout=log, stderr=log, env=environment, start_new_session=True)
            )

    def wait(self) -> int:
        """Return the driver's exit code."""
        return self._processes[-1].wait()

    def kill_driver(self) -> bool:
        """Kill the driver; what it started is left to die by itself."""
        if not self.running:
            return False
        self._processes[-1].kill()
        self.wait()
        return True

    def kill_worker(self, rng: random.Random) -> bool:
        """Kill one of the workers, as soon as there is one."""
        deadline = time.monotonic() + _PATIENCE_S
        while self.running and time.monotonic() < deadline:
            if workers := _processes_of({self._processes[-1].pid}, title=b"ray::SpeechmillWorker"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(rng.choice(workers), signal.SIGKILL)
                    return True
            time.sleep(0.05)
        return False

    def kill_leftovers(self) -> list[int]:
        """Kill what outlives the drivers for longer than it may, and return it."""
        sessions = {process.pid for process in self._processes}
        deadline = time.monotonic() + _LEFT_ALONE_S
        while (left := _processes_of(sessions)) and time.monotonic() < deadline:
            time.sleep(0.5)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return left


def main() -> int:
    """Run the torture and return the exit code."""
    arguments = _parse_arguments()
    folder = arguments.folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rng = random.Random(arguments.seed)
    script, write_corpus = JOBS[arguments.job]
    expected = write_corpus(folder / "corpus", arguments.rows, rng)
    rows_per_unit = max(4, arguments.rows // 100)
    plan = _plan(arguments, arguments.rows // rows_per_unit, rng)
    report = Report(rows=arguments.rows, bad_rows=sum(row.status == "rejected" for row in expected.values()), plan=plan)
    options = ["--rows-per-unit", str(rows_per_unit)]
    options += ["--no-ray"] if arguments.no_ray else ["--workers", str(arguments.workers)]

    jobs = {name: Job(script, folder / "corpus", folder / name, options) for name in ("undisturbed", "disturbed")}

    print(f"{arguments.rows} rows, {report.bad_rows} of them bad", flush=True)
    try:
        report.undisturbed_s = _run(jobs["undisturbed"], [], rng, report)
        report.disturbed_s = _run(jobs["disturbed"], plan, rng, report)
    finally:
        for job in jobs.values():
            _note(report, "processes left behind", map(str, job.kill_leftovers()))
    _compare(expected, jobs, report)
    (BENCH / f"torture-{arguments.job}.json").write_text(json.dumps(asdict(report), indent=1))
    _print(report)
    return 1 if report.problems else 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=list(JOBS))
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--kills", type=int, default=5, help="of the driver, and as many of a worker")
    parser.add_argument("--workers", default="2", help="N or MIN:MAX")
    parser.add_argument("--no-ray", action="store_true", help="one process, so only the driver can be killed")
    parser.add_argument("--seed", type=int, default=0, help="of the corpus and of the moments")
    parser.add_argument("--folder", type=Path, default=BENCH / "torture", help="is deleted first")
    arguments = parser.parse_args()
    if arguments.rows < _FEWEST_ROWS:
        parser.error(f"--rows must be at least {_FEWEST_ROWS}: the odd ones need room")
    return arguments


def _plan(arguments: argparse.Namespace, parts: int, rng: random.Random) -> list[Kill]:
    """Draw what is killed when: between the start and nine tenths of the work."""
    victims = ["driver"] * arguments.kills + ([] if arguments.no_ray else ["worker"] * arguments.kills)
    rng.shuffle(victims)
    moments = sorted(rng.uniform(0.0, 0.9) for _ in victims)
    return [
        Kill(victim, int(parts * moment), rng.uniform(0.0, _LONGEST_WAIT_S))
        for victim, moment in zip(victims, moments, strict=True)
    ]


def _run(job: Job, plan: Sequence[Kill], rng: random.Random, report: Report) -> float:
    """Run a job to its end, through all kills; return the seconds it took."""
    print(f"{job.output.name}:", flush=True)
    started = time.monotonic()
    job.start()
    for kill in plan:
        reached = _wait_for_parts(job, kill.parts)
        time.sleep(kill.delay_s)
        if not (reached and (job.kill_driver() if kill.victim == "driver" else job.kill_worker(rng))):
            report.problems.append(f"there was no {kill.victim} to kill at {kill.parts} parts")
            break
        print(f"  killed a {kill.victim} at {job.parts} parts", flush=True)
        report.killed[kill.victim] = report.killed.get(kill.victim, 0) + 1
        if kill.victim == "driver":
            job.start()
    if code := job.wait():
        report.problems.append(f"the {job.output.name} job ended with {code}: see {job.output.with_suffix('.log')}")
    return time.monotonic() - started


def _wait_for_parts(job: Job, parts: int) -> bool:
    """Wait until that many are there; give up when the job ends or makes no progress."""
    seen, since = job.parts, time.monotonic()
    while job.running and time.monotonic() - since < _PATIENCE_S:
        if (now := job.parts) >= parts:
            return True
        if now != seen:
            seen, since = now, time.monotonic()
        time.sleep(0.02)
    return False


def _processes_of(sessions: Set[int], title: bytes = b"") -> list[int]:
    """Return the living processes of some sessions whose title begins with ``title``."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            command = (entry / "cmdline").read_bytes()  # empty for those that only wait to be reaped
            if command and command.startswith(title) and os.getsid(int(entry.name)) in sessions:
                found.append(int(entry.name))
    return found


def _compare(expected: Mapping[str, Expected], jobs: Mapping[str, Job], report: Report) -> None:
    """Compare both outputs with the corpus and with each other, and say what is off."""
    outputs = {name: list(_rows(job.output)) for name, job in jobs.items()}
    for name, rows in outputs.items():
        counts = Counter(row.id for row in rows)
        _note(report, f"{name}: ids more than once", [id_ for id_, count in counts.items() if count > 1])
        _note(report, f"{name}: ids missing", expected.keys() - counts.keys())
        _note(report, f"{name}: ids that are not in the corpus", counts.keys() - expected.keys())
        planned = [(row, expected.get(row.id)) for row in rows]
        wrong = [f"{row.id} ({row.status}, not {plan})" for row, plan in planned if not row.came_out_as(plan)]
        _note(report, f"{name}: rows that came out otherwise than planned", wrong)
    digests = {row.id: row.digest for row in outputs["undisturbed"]}
    differ = [row.id for row in outputs["disturbed"] if digests.get(row.id) != row.digest]
    _note(report, "rows that differ from the undisturbed run", differ)
    report.status = dict(Counter(row.status for row in outputs["disturbed"]))
    disturbed = jobs["disturbed"]
    names = [str(path.relative_to(disturbed.output)) for path in disturbed.output.rglob("*")]
    _note(report, "files left behind", [name for name in names if name.endswith((".tmp", ".speechmill/lock"))])
    run = json.loads((disturbed.output / ".speechmill" / "run.json").read_bytes())
    report.driver_starts, report.sessions = disturbed.starts, run["sessions"]
    if run["state"] != "finished":
        report.problems.append(f"run.json says {run['state']}")


def _rows(output: Path) -> Iterator[Row]:
    for path in sorted(output.glob("part-*.parquet")):
        for row in pq.read_table(path).to_pylist():
            audio = row.pop("audio", None)
            digest = hashlib.sha256(json.dumps(row, sort_keys=True).encode())
            if audio:
                digest.update(audio["path"].encode() + audio["bytes"])
            made = row["text"] if "segments" in row else audio
            yield Row(row["id"], row["status"], row["error"], made is not None, digest.hexdigest())


def _note(report: Report, what: str, found: Iterable[str]) -> None:
    if names := sorted(found):
        report.problems.append(f"{what}: {len(names)} ({', '.join(names[:5])})")


def _print(report: Report) -> None:
    print(f"undisturbed {report.undisturbed_s:.0f} s, disturbed {report.disturbed_s:.0f} s")
    print(f"killed {report.killed}, {report.driver_starts} starts, {report.sessions} sessions; rows {report.status}")
    for problem in report.problems:
        print(f"PROBLEM {problem}")
    print("FAILED" if report.problems else "every row once, equal to the undisturbed run")


if __name__ == "__main__":
    sys.exit(main())

"""A long book by the embedded voice: how long it takes, what memory each process needs, and what an edit costs.

Sentences are made, all different. Three runs into one output: the whole book; the same command again; and after one sentence in
the middle was edited. Memory is the highest resident size of any process of the job, by what it is.

Usage::

    python -m benchmarks.audiobook --hours 10
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from actors.runtime.processor import this_processor
from benchmarks.contest import ROOT

SECONDS_A_SENTENCE = 7.4  # of the embedded voice, with the pause behind it
_PER_PARAGRAPH, _PER_CHAPTER = 6, 120
_PLACES = ("by the river", "under the old bridge", "at the end of the lane", "behind the mill", "in the quiet market")
_DOINGS = ("mended a broken fence", "wrote a long letter", "counted the evening stars", "carried a basket of apples")
_PEOPLE = (
    "the miller",
    "a tired nurse",
    "the old captain",
    "my youngest cousin",
    "the schoolmaster",
    "a quiet stranger",
    "the baker",
)


def sentence(number: int) -> str:
    """Return sentence ``number``; no two are equal."""
    person, doing, place = (choices[number % len(choices)] for choices in (_PEOPLE, _DOINGS, _PLACES))
    return f"On day {number:,} of that long year {person} {doing} {place}."


def novel(sentences: int) -> str:
    """Return a book in Markdown."""
    lines = ["# The Long Year"]
    for number in range(sentences):
        if number % _PER_CHAPTER == 0:
            lines.append(f"\n\n## Chapter {number // _PER_CHAPTER + 1}\n")
        lines.append(("\n" if number % _PER_PARAGRAPH == 0 else "") + sentence(number))
    return "\n".join(lines) + "\n"


class Memory:
    """Watches a process and all that descend of it: the highest resident size in MB by what a process is."""

    def __init__(self, pid: int) -> None:
        self.peaks: dict[str, float] = {}
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.5):
            for pid in _family(self._pid):
                name, size = _resident(pid)
                self.peaks[name] = max(self.peaks.get(name, 0.0), size)


def _family(pid: int) -> Iterator[int]:
    """Yield a process and its descendants."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:  # it is gone
                continue
    found = {pid}
    while True:
        more = {child for child, parent in parents.items() if parent in found} - found
        if not more:
            yield from found
            return
        found |= more


def _resident(pid: int) -> tuple[str, float]:
    """Return what a process is, and its highest resident size so far in MB."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return "gone", 0.0
    found = re.search(r"VmHWM:\s+(\d+)", status)
    name = re.search(r"ray::[\w.]+|make_audiobook\.py|raylet|gcs_server", command)
    return name[0] if name else "others", int(found[1]) / 1024 if found else 0.0


class Done(NamedTuple):
    """How a run of the job went."""

    wall_s: float
    hours: float
    spoken: int
    rows: int
    m4b_mb: float
    peaks: dict[str, float]

    def row(self, name: str) -> str:
        """Return its row of the table."""
        largest = ", ".join(f"{kind} {size:.0f}" for kind, size in sorted(self.peaks.items(), key=lambda item: -item[1])[:4])
        speed = self.hours * 3600 / self.wall_s
        cells = (name, f"{self.wall_s:.0f}", f"{self.hours:.2f}", f"{speed:.1f}", f"{self.spoken:,} of {self.rows:,}")
        return f"| {' | '.join(cells)} | {self.m4b_mb:.0f} | {largest} |"


def run(folder: Path, *arguments: str) -> Done:
    """Run the job; return how it went."""
    command = [sys.executable, str(ROOT / "jobs" / "make_audiobook.py"), "--input", str(folder / "book.md")]
    command += ["--output", str(folder / "out"), *arguments]
    started = time.monotonic()
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, "RAY_AUTH_MODE": "disabled"}
        )
        with Memory(process.pid) as memory:
            code = process.wait()
    wall_s = time.monotonic() - started
    if code:
        sys.exit((folder / "log").read_text())
    record = json.loads((folder / "out" / "sentences" / ".speechmill" / "run.json").read_text())
    bound = json.loads((folder / "out" / "book" / ".book.json").read_text())
    return Done(
        wall_s,
        bound["duration_s"] / 3600,
        record["counts"]["rows"] - record["cached_rows"],
        record["counts"]["rows"],
        (folder / "out" / "book" / "book.m4b").stat().st_size / 1e6,
        memory.peaks,
    )


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=10.0)
    parser.add_argument("--workers", default="2")
    options = parser.parse_args()
    print(f"{this_processor().name}, {options.workers} workers")
    columns = ("run", "wall, s", "book, h", "x real time", "sentences spoken", "M4B, MB", "peak memory, MB")
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as name:  # noqa: S108 - /tmp may be memory
        folder = Path(name)
        count = round(options.hours * 3600 / SECONDS_A_SENTENCE)
        for run_name in ("whole", "again", "edited"):
            text = novel(count)
            if run_name == "edited":
                text = text.replace(sentence(count // 2), "Nobody had expected this sentence at all.")
            (folder / "book.md").write_text(text)
            print(run(folder, "--workers", options.workers).row(run_name), flush=True)


if __name__ == "__main__":
    main()

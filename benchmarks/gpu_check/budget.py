"""The minutes that the check may take, and who gets how many of them."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.contest import ROOT

_SHOWN = 500  # characters of what a process said before it failed

Found = dict[str, Any]


@dataclass
class Budget:
    """Seconds that all parts have together. What a part leaves over is the next ones'."""

    seconds: float
    started: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.started + self.seconds - time.monotonic()

    def share(self, weights: Sequence[float]) -> float:
        """Return the seconds for the first of some parts, of which each weighs so much."""
        return max(0.0, self.left * weights[0] / sum(weights))


@dataclass(frozen=True)
class Part:
    """What is measured in a process of its own: a module of this package that prints a line of JSON for each thing it found.

    Attributes:
        name: in the table.
        module: of this package.
        task: its argument, as JSON.
        environment: what it needs beside ours.
        weight: its share of the time.
    """

    name: str
    module: str
    task: Mapping[str, object]
    environment: Mapping[str, str] = field(default_factory=dict)
    weight: float = 1.0

    def run(self, seconds: float) -> tuple[list[Found], str]:
        """Return what it found in so many seconds, and why there is no more; empty if that is all.

        A part that crashes, or that the driver kills, takes no other with it.
        """
        command = [sys.executable, "-m", f"benchmarks.gpu_check.{self.module}", json.dumps(self.task)]
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                output, errors = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                output, _ = process.communicate()
                return list(_lines(output)), f"left out: its {seconds:.0f} s were over"
        ended = "" if process.returncode == 0 else f"ended with {process.returncode}: {errors.strip()[-_SHOWN:]}"
        return list(_lines(output)), ended


def _lines(output: str) -> Iterator[Found]:
    """Yield what a part printed; libraries print too, and a line that it was killed at is not whole."""
    for line in output.splitlines():
        if line.startswith("{") and line.endswith("}"):
            yield json.loads(line)


def tell(**found: object) -> None:
    """Print what a part found."""
    print(json.dumps(found), flush=True)


def run_all(parts: Sequence[Part], budget: Budget) -> dict[str, tuple[list[Found], str]]:
    """Run parts one after the other; return what each found, by name, and why it found no more."""
    results = {}
    for i, part in enumerate(parts):
        results[part.name] = part.run(budget.share([later.weight for later in parts[i:]]))
        found, ended = results[part.name]
        print(f"{part.name}: {len(found)} lines, {budget.left:.0f} s are left{f'; {ended}' if ended else ''}", flush=True)
    return results

"""Contestants that speak the same rows in turn, each in a process of its own: medians and ratios to the best peer."""

import argparse
import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actors.runtime.processor import this_processor
from benchmarks.sizing import SPEEDS, filled

ROOT = Path(__file__).parent.parent
BENCH = ROOT / ".bench"
PEERS = str(BENCH / "peers" / "bin" / "python")  # of the environment with transformers and pocket-tts


@dataclass(frozen=True)
class Contestant:
    """One way to speak. Its module prints ``audio_s`` and ``wall_s`` as its last line, in JSON.

    Attributes:
        name: in the table.
        python: of its environment.
        module: that is run.
        model: the module's first argument; the threads come second.
        how: the third: what is the contestant's own, such as its slots.
        task: the fourth, as JSON: what all contestants do.
        is_peer: what we compare with.
        processes: that share the threads and run side by side.
    """

    name: str
    python: str
    module: str
    model: Path
    how: object
    task: Mapping[str, object]
    is_peer: bool = False
    processes: int = 1

    def run(self, threads: int) -> list[dict[str, Any]]:
        """Return what its processes print.

        Raises:
            RuntimeError: one ended otherwise than well; the message has the end of what it said.
        """
        command = [self.python, "-m", self.module, str(self.model), str(threads // self.processes), str(self.how)]
        command.append(json.dumps(self.task))
        environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
        running = [
            subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(self.processes)
        ]
        said = [process.communicate() for process in running]
        for process, (_, errors) in zip(running, said, strict=True):
            if process.returncode:
                raise RuntimeError(f"{self.name} ended with {process.returncode}: {errors.decode(errors='replace')[-2000:]}")
        return [json.loads(output.splitlines()[-1]) for output, _ in said]


def speed_of(outputs: Sequence[Mapping[str, Any]]) -> float:
    """Return audio seconds per wall second of processes that run side by side."""
    return sum(output["audio_s"] / output["wall_s"] for output in outputs)


def parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the options of every contest."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    made.add_argument("--rounds", type=int, default=3)
    made.add_argument("--no-page", action="store_true", help="leave the tables of the page alone")
    return made


def engines(
    model: Path,
    precision: str,
    slots: Sequence[int],
    task: Mapping[str, object],
    workers: int = 1,
    module: str = "benchmarks.engine",
) -> list[Contestant]:
    """Return our side: a bundle at several numbers of slots, and with the largest of them in ``workers`` of one thread each."""
    runs = [(f"{n} slots", n, 1) for n in slots]
    if workers > 1:
        runs.append((f"{workers} workers of 1 thread, {max(slots)} slots each", max(slots), workers))
    return [
        Contestant(f"Speechmill {precision}, {name}", sys.executable, module, model, n, task, processes=processes)
        for name, n, processes in runs
    ]


def bundle(
    family: str,
    checkpoint: Path,
    precision: str,
    layout: str = "server",
    name: str | None = None,
    *,
    openvino: bool = False,
) -> Path:
    """Export once, for OpenVINO too if that is asked for.

    The name of the folder holds a hash of the exporter's sources, so that a change exports anew.
    """
    sources = b"".join(path.read_bytes() for path in sorted((ROOT / "exporter").rglob("*.py")))
    runtimes = "-openvino" if openvino else ""
    folder = BENCH / f"{checkpoint.name}-{precision}-{layout}{runtimes}-{hashlib.sha256(sources).hexdigest()[:12]}"
    if not (folder / "bundle.json").exists():
        command = [sys.executable, str(ROOT / "jobs" / "export_models.py"), "--family", family, "--precision", precision]
        command += ["--layout", layout, *(["--openvino"] if openvino else [])]
        command += ["--checkpoint", str(checkpoint), "--name", name or f"{checkpoint.name}-random", "--folder", str(folder)]
        subprocess.run(command, check=True)
    return folder


def hold(name: str, contestants: Sequence[Contestant], arguments: argparse.Namespace, **facts: object) -> None:
    """Run every contestant in turn, ``--rounds`` times; write ``.bench/<name>.json`` and the page's table."""
    speeds, _ = take_turns(contestants, arguments)
    publish(name, speeds, [contestant.name for contestant in contestants if contestant.is_peer], arguments, facts)


def take_turns(
    contestants: Sequence[Contestant], arguments: argparse.Namespace
) -> tuple[dict[str, list[float]], dict[str, Mapping[str, Any]]]:
    """Run every contestant in turn, ``--rounds`` times; return all speeds by name, and what each printed the last time."""
    speeds: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
    last: dict[str, Mapping[str, Any]] = {}
    for round_ in range(arguments.rounds):
        for contestant in contestants:
            outputs = contestant.run(arguments.threads)
            speeds[contestant.name].append(speed_of(outputs))
            last[contestant.name] = outputs[0]
            print(f"round {round_ + 1}: {contestant.name}: {speeds[contestant.name][-1]:.2f}x real time", flush=True)
    return speeds, last


def publish(
    name: str,
    speeds: Mapping[str, Sequence[float]],
    peers: Sequence[str],
    arguments: argparse.Namespace,
    facts: Mapping[str, object],
    how: str = "",
    more: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Write ``.bench/<name>.json``, print the medians and put them into the page's table.

    Args:
        name: of the table.
        speeds: of every contestant, in audio seconds a second.
        peers: the names of those that are not ours.
        arguments: of :func:`parser`.
        facts: what else the report says.
        how: what the title of the speeds' column ends with.
        more: other columns by their titles; cells by contestant.
    """
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    baseline = max(medians[name] for name in peers or medians)
    here = this_processor()
    report = {
        **facts,
        "threads": arguments.threads,
        "cpu": here.name,
        "kernels": here.kernels,
        "python": platform.python_version(),
        "speeds": speeds,
        "medians": medians,
        "ratio_to_best_peer": {name: speed / baseline for name, speed in medians.items()},
    }
    (BENCH / f"{name}{how.replace(' ', '_').replace(',', '')}.json").write_text(json.dumps(report, indent=2))
    cells = {name: f"{speed:.2f} ({speed / baseline:.2f})" for name, speed in medians.items()}
    kind = "VNNI" if here.multiplies_bytes else here.kernels  # a column for each kind, as benchmarks.sizing knows them
    columns = {f"{here.name} ({kind}), {arguments.threads} threads{how}": cells, **(more or {})}
    print(_with_columns("", columns))
    if not arguments.no_page:
        page = SPEEDS.read_text()
        table = page.split(f"<!-- {name} -->\n")[1].split(f"<!-- /{name} -->")[0]
        SPEEDS.write_text(filled(page, {name: _with_columns(table, columns)}))


def _with_columns(table: str, columns: Mapping[str, Mapping[str, str]]) -> str:
    for title, cells in columns.items():
        table = with_column(table, title, cells)
    return table


def with_column(table: str, title: str, cells: Mapping[str, str]) -> str:
    """Return a Markdown table with a column, which takes the place of one with that title; rows are known by their first cell.

    So a run here leaves alone what was measured on other processors.
    """
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    titles = rows[0] if rows else [""]
    columns = {other: {row[0]: row[i] for row in rows[2:]} for i, other in enumerate(titles) if i} | {title: dict(cells)}
    names = dict.fromkeys([*(row[0] for row in rows[2:]), *cells])
    body = [[name, *(column.get(name, "") for column in columns.values())] for name in names]
    return "".join(f"| {' | '.join(row)} |\n" for row in ([titles[0], *columns], ["---"] * (1 + len(columns)), *body))

"""Soprano at its true size: soprano-tts against our engine, alternating in one run; medians and ratios.

``make bench`` prepares the environments and runs it. Weights are random (see ``soprano_checkpoint.py``), every row speaks the
same number of tokens, both use the same threads. Writes ``.bench/soprano_speed.json`` and the table in the README.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
BENCH = ROOT / ".bench"
TEXT = "The quick brown fox jumps over the lazy dog and then it runs far away into the deep green forest of the valley."
TOKENS = 96
START, END = "<!-- soprano_speed -->", "<!-- /soprano_speed -->"


@dataclass(frozen=True)
class Contestant:
    """One way to speak ``batch`` rows at a time."""

    name: str
    python: str
    script: str
    model: Path
    batch: int
    processes: int = 1

    def run(self, threads: int) -> float:
        """Return audio seconds per wall second; several processes share the threads and run side by side."""
        command = [self.python, str(ROOT / "benchmarks" / self.script), str(self.model)]
        arguments = [str(threads // self.processes), str(TOKENS), str(self.batch), TEXT]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
        running = [
            subprocess.Popen([*command, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            for _ in range(self.processes)
        ]
        outputs = [json.loads(process.communicate()[0].splitlines()[-1]) for process in running]
        return sum(output["audio_s"] / output["wall_s"] for output in outputs)


def main() -> None:
    """Run every contestant in turn, ``--rounds`` times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slots", type=int, nargs="+", default=[1, 8, 16, 32])
    parser.add_argument("--no-readme", action="store_true", help="leave the table in the README alone")
    arguments = parser.parse_args()
    peer_python = str(BENCH / "peer" / "bin" / "python")
    checkpoint = _checkpoint(peer_python)
    contestants = [
        Contestant(f"soprano-tts 0.2.0, batch {batch}", peer_python, "soprano_peer.py", checkpoint, batch) for batch in (1, 8)
    ]
    for precision in ("fp32", "int8"):
        bundle = _bundle(checkpoint, precision)
        contestants += [
            Contestant(f"Speechmill {precision}, {slots} slots", sys.executable, "soprano_engine.py", bundle, slots)
            for slots in arguments.slots
        ]
        if arguments.threads > 1:
            widest = max(arguments.slots)
            name = f"Speechmill {precision}, {arguments.threads} workers of 1 thread, {widest} slots each"
            contestants.append(
                Contestant(name, sys.executable, "soprano_engine.py", bundle, widest, processes=arguments.threads)
            )
    speeds: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
    for round_ in range(arguments.rounds):
        for contestant in contestants:
            speeds[contestant.name].append(contestant.run(arguments.threads))
            print(f"round {round_ + 1}: {contestant.name}: {speeds[contestant.name][-1]:.2f}x real time", flush=True)
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    baseline = max(speed for name, speed in medians.items() if name.startswith("soprano-tts"))
    report = {
        "threads": arguments.threads,
        "tokens_per_row": TOKENS,
        "cpu": _cpu_name(),
        "python": platform.python_version(),
        "speeds": speeds,
        "medians": medians,
        "ratio_to_best_peer": {name: speed / baseline for name, speed in medians.items()},
    }
    (BENCH / "soprano_speed.json").write_text(json.dumps(report, indent=2))
    table = _table(report)
    print(table)
    if not arguments.no_readme:
        _write_between(ROOT / "README.md", table)


def _checkpoint(peer_python: str) -> Path:
    folder = BENCH / "soprano-80m"
    if not (folder / "decoder.pth").exists():
        subprocess.run([peer_python, str(ROOT / "benchmarks" / "soprano_checkpoint.py"), str(folder)], check=True)
    return folder


def _bundle(checkpoint: Path, precision: str) -> Path:
    """Export once; the name of the folder holds a hash of the exporter's sources, so that a change exports anew."""
    import hashlib

    sources = b"".join(path.read_bytes() for path in sorted((ROOT / "exporter").glob("*.py")))
    folder = BENCH / f"bundle-{precision}-{hashlib.sha256(sources).hexdigest()[:12]}"
    if not (folder / "bundle.json").exists():
        command = [sys.executable, str(ROOT / "jobs" / "export_models.py"), "--family", "soprano", "--precision", precision]
        command += ["--checkpoint", str(checkpoint), "--name", "soprano-80m-random", "--folder", str(folder)]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    return folder


def _table(report: dict) -> str:
    rows = [f"| {report['cpu']}, {report['threads']} threads | x real time | against the best peer |", "|---|---|---|"]
    for name, speed in report["medians"].items():
        rows.append(f"| {name} | {speed:.1f} | {report['ratio_to_best_peer'][name]:.2f} |")
    return "\n".join(rows)


def _write_between(path: Path, table: str) -> None:
    before, rest = path.read_text().split(START)
    path.write_text(f"{before}{START}\n{table}\n{END}{rest.split(END)[1]}")


def _cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


if __name__ == "__main__":
    main()

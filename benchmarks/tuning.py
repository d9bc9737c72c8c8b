"""What slots, precision and the size of units are worth: Soprano at its true size, and a job with the embedded voice.

All settings take turns, ``--rounds`` times; the tables of ``docs/tuning.md`` have medians, relative to the first row of each.
CPU seconds are counted, of one thread, so that other work on the machine shifts them little. Writes ``.bench/tuning.json``.
Needs the checkpoint that ``python -m benchmarks.speed soprano`` makes.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from actors.runtime.processor import this_processor
from benchmarks.contest import BENCH, ROOT, bundle, parser
from benchmarks.sizing import filled
from benchmarks.speed import CONTESTS

PAGE = ROOT / "docs" / "tuning.md"
TOKENS = 16  # 1 s of audio a row
SENTENCES = (ROOT / "jobs" / "demo_sentences.txt").read_text().splitlines()

Settings = Mapping[str, Callable[[], float]]


def engines(slots: Sequence[int]) -> Settings:
    """Return audio seconds a CPU second by precision and slots."""
    task = json.dumps({**CONTESTS["soprano"].task, "length": TOKENS})

    def speed(precision: str, n: int) -> float:
        model = bundle("soprano", BENCH / "soprano-80m", precision)
        command = [sys.executable, "-m", "benchmarks.engine", str(model), "1", str(n), task]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        report = json.loads(done.stdout.splitlines()[-1])
        return float(report["audio_s"] / report["cpu_s"])

    return {f"{precision}, {n} slots": partial(speed, precision, n) for precision in ("fp32", "int8") for n in slots}


def units(rows: int, sizes: Sequence[int]) -> Settings:
    """Return rows a CPU second of a job with one thread by the rows of its units, from its start to its end."""

    def speed(size: int) -> float:
        with tempfile.TemporaryDirectory() as folder:
            texts = Path(folder, "texts.txt")
            texts.write_text("".join(f"{SENTENCES[i % len(SENTENCES)]}\n" for i in range(rows)))
            command = ["taskset", "--cpu-list", str(min(os.sched_getaffinity(0))), sys.executable]
            command += [str(ROOT / "jobs" / "synthesize_corpus.py"), "--no-ray", "--input", str(texts)]
            command += ["--output", str(Path(folder, "out")), "--rows-per-unit", str(size)]
            before = os.times()
            subprocess.run(command, check=True, capture_output=True)
            after = os.times()
        return rows / (after.children_user + after.children_system - before.children_user - before.children_system)

    return {f"{size} rows a unit": partial(speed, size) for size in sizes}


def main() -> None:
    """Measure, print and write."""
    options = parser(__doc__ or "")
    options.add_argument("--slots", type=int, nargs="*", default=[1, 4, 8, 16, 32], help="none: leave these out")
    options.add_argument("--units", type=int, nargs="*", default=[256, 64, 16, 4], help="none: leave these out")
    options.add_argument("--rows", type=int, default=400, help="of the job that tries sizes of units")
    arguments = options.parse_args()
    here = this_processor()
    report: dict[str, object] = {"cpu": here.name, "kernels": here.kernels}
    made = {}
    for name, settings in {"engine": engines(arguments.slots), "units": units(arguments.rows, arguments.units)}.items():
        if settings:
            report[name] = measured = _measure(settings, arguments.rounds)
            made[f"tuning_{name}"] = _table(f"{here.name} ({here.kernels}), one thread", measured)
            print(made[f"tuning_{name}"])
    (BENCH / "tuning.json").write_text(json.dumps(report, indent=2))
    if not arguments.no_page:
        PAGE.write_text(filled(PAGE.read_text(), made))


def _measure(settings: Settings, rounds: int) -> dict[str, list[float]]:
    measured: dict[str, list[float]] = {setting: [] for setting in settings}
    for _ in range(rounds):
        for setting, measure in settings.items():
            measured[setting].append(measure())
            print(f"{setting}: {measured[setting][-1]:.2f}", flush=True)
    return measured


def _table(title: str, measured: Mapping[str, Sequence[float]]) -> str:
    medians = {setting: statistics.median(values) for setting, values in measured.items()}
    first = next(iter(medians.values()))
    rows = (f"| {setting} | {value / first:.2f} |\n" for setting, value in medians.items())
    return f"| | {title} |\n| --- | --- |\n{''.join(rows)}"


if __name__ == "__main__":
    main()

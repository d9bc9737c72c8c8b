"""What slots, cores, precision and units are worth: Soprano at its true size, and a job with the embedded voice.

All settings take turns, ``--rounds`` times; the tables of ``docs/tuning.md`` have medians, relative to the first row of each,
because a machine that does other work too shifts all of them alike. Writes ``.bench/tuning.json``. Needs the checkpoint that
``python -m benchmarks.speed soprano`` makes.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from actors.runtime.processor import this_processor
from benchmarks.contest import BENCH, ROOT, bundle, engines, parser
from benchmarks.sizing import filled
from benchmarks.speed import CONTESTS

PAGE = ROOT / "docs" / "tuning.md"
TOKENS = 16  # 1 s of audio a row
SENTENCES = (ROOT / "jobs" / "demo_sentences.txt").read_text().splitlines()

Settings = Mapping[str, Callable[[], float]]


def speeds(threads: int, slots: Sequence[int]) -> Settings:
    """Return audio seconds a second by precision and slots, and with a worker for each thread."""
    task = {**CONTESTS["soprano"].task, "length": TOKENS}
    contestants = [
        one
        for precision in ("fp32", "int8")
        for one in engines(bundle("soprano", BENCH / "soprano-80m", precision), precision, slots, task, threads)
    ]
    return {one.name.removeprefix("Speechmill "): partial(one.run, threads) for one in contestants}


def units(rows: int, sizes: Sequence[int]) -> Settings:
    """Return rows a second of a job by the rows of its units, from its start to its end."""

    def speed(size: int) -> float:
        with tempfile.TemporaryDirectory() as folder:
            texts = Path(folder, "texts.txt")
            texts.write_text("".join(f"{SENTENCES[i % len(SENTENCES)]}\n" for i in range(rows)))
            command = [sys.executable, str(ROOT / "jobs" / "synthesize_corpus.py"), "--no-ray", "--input", str(texts)]
            command += ["--output", str(Path(folder, "out")), "--rows-per-unit", str(size)]
            started = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            return rows / (time.perf_counter() - started)

    return {f"{size} rows a unit": partial(speed, size) for size in sizes}


def main() -> None:
    """Measure, print and write."""
    options = parser(__doc__ or "")
    options.add_argument("--slots", type=int, nargs="+", default=[1, 8, 32])
    options.add_argument("--rows", type=int, default=200, help="of the job that tries sizes of units")
    options.add_argument("--units", type=int, nargs="+", default=[256, 64, 16, 4])
    arguments = options.parse_args()
    here = this_processor()
    tables = {"engine": speeds(arguments.threads, arguments.slots), "units": units(arguments.rows, arguments.units)}
    report: dict[str, object] = {"cpu": here.name, "kernels": here.kernels, "threads": arguments.threads}
    title = f"{here.name} ({here.kernels}), {arguments.threads} threads"
    made = {}
    for name, settings in tables.items():
        report[name] = measured = _measure(settings, arguments.rounds)
        medians = {setting: statistics.median(values) for setting, values in measured.items()}
        first = next(iter(medians.values()))
        rows = (f"| {setting} | {value / first:.2f} |\n" for setting, value in medians.items())
        made[f"tuning_{name}"] = f"| | {title} |\n| --- | --- |\n{''.join(rows)}"
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


if __name__ == "__main__":
    main()

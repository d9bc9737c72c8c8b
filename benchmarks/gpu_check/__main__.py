"""What a GPU does with our models, in six minutes: ``make gpu-check``.

Whether every family computes what it does on the CPU; audio seconds a second at 1 to 256 slots in fp16 and fp32, with the
memory they take; nodes and copies of each graph, and what CUDA graphs and other options of the CUDA provider are worth. Prints
tables, and writes them to ``.bench/gpu-check/report.md``, all numbers to ``report.json``. What there was no time for is said to
be left out. Ends with 1 if a family does not compute what it should, or could not be asked.

``--dry-run`` runs every line on the CPU with tiny models: what it prints is about no GPU. ``--prepare`` only writes the models,
which needs torch, and is not counted.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace

from actors.errors import UsageError
from benchmarks.contest import BENCH
from benchmarks.gpu_check import graphs, parity, report, speed
from benchmarks.gpu_check.budget import Budget, Part, run_all
from benchmarks.gpu_check.device import best_device, describe, open_device
from benchmarks.gpu_check.models import TINY_TASKS, Bundles, tiny_bundles, true_bundles, true_tasks
from benchmarks.speed import CONTESTS

FOLDER = BENCH / "gpu-check"
SLOTS = (1, 4, 16, 64, 256)
DRY_SLOTS = (1, 4)
# Rows, and positions of caches, of the graphs that are looked at.
SIZES = (64, 256)
TINY_SIZES = (2, 32)  # tiny models have few positions
# Shares of the time. What a part leaves over is the next ones', and without parity nothing else counts.
PARITY, SPEED, GRAPHS = 4.0, 2.5, 2.5


def main() -> None:
    """Check, print and write."""
    arguments = _options()
    if arguments.prepare:
        _bundles(arguments)
        return
    try:
        facts = describe(open_device(arguments.device))
    except (RuntimeError, UsageError) as error:
        raise SystemExit(str(error)) from error
    bundles = _bundles(arguments)
    budget = Budget(60 * arguments.minutes)
    results = run_all(_parts(arguments, *bundles), budget)
    text = report.write(facts, results, dry=arguments.dry_run)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "report.md").write_text(text)
    (FOLDER / "report.json").write_text(json.dumps({**facts, "dry_run": arguments.dry_run, "parts": results}, indent=2))
    print(f"\n{text}\n{budget.seconds - budget.left:.0f} s")
    sys.exit(0 if report.holds(results) else 1)


def _options() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--device", default=best_device(), help="cuda, cuda:<ordinal> or cpu")
    options.add_argument("--dry-run", action="store_true", help="on the CPU, with tiny models")
    options.add_argument("--prepare", action="store_true", help="only write the models")
    options.add_argument("--minutes", type=float, default=6.0)
    options.add_argument(
        "--families", nargs="+", choices=[*CONTESTS], default=["soprano", "pocket-tts"], help="of the true size"
    )
    options.add_argument("--slots", type=int, nargs="+")
    options.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of the CPU")
    arguments = options.parse_args()
    if arguments.dry_run:
        arguments.device = "cpu"
    return arguments


def _bundles(arguments: argparse.Namespace) -> tuple[Bundles, Bundles]:
    """Return the tiny bundles of all families, and those whose speed is measured."""
    tiny = tiny_bundles()
    return tiny, {family: tiny[family] for family in TINY_TASKS} if arguments.dry_run else true_bundles(arguments.families)


def _parts(arguments: argparse.Namespace, tiny: Bundles, true: Bundles) -> list[Part]:
    on = (arguments.device, arguments.threads)
    slots = arguments.slots or (DRY_SLOTS if arguments.dry_run else SLOTS)
    tasks = TINY_TASKS if arguments.dry_run else true_tasks()
    others = {family: folders for family, folders in tiny.items() if family not in true}
    looks = graphs.parts(*on, true, *(TINY_SIZES if arguments.dry_run else SIZES)) + graphs.parts(*on, others, *TINY_SIZES)
    return [
        *_weighing(PARITY, parity.parts(*on, tiny)),
        *_weighing(SPEED, speed.parts(*on, true, slots, tasks)),
        *_weighing(GRAPHS, looks),
    ]


def _weighing(weight: float, parts: Sequence[Part]) -> list[Part]:
    """Return parts that share a weight."""
    return [replace(part, weight=weight / len(parts)) for part in parts]


if __name__ == "__main__":
    main()

"""What Ray costs over the bare engine on the same rows, and how full the slots are on a corpus of mixed lengths.

Bare: one process per core, each with an equal share of the rows, calling the worker directly. Ray: the job, with one worker per
core. Both speak, encode and count the same audio; start-up is reported apart. Writes ``.bench/ray_overhead.json``.
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from actors.bundle import load_bundle
from actors.rows import InputRow
from actors.synthesizer import SynthesisConfig
from cluster.registry import embedded_folder

ROOT = Path(__file__).parent.parent
BENCH = ROOT / ".bench"

ROWS_PER_CALL = 256


def main() -> None:
    """Run both ways in turn, ``--rounds`` times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--share", nargs=3, metavar=("CORPUS", "INDEX", "COUNT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.share:
        _speak_share(Path(arguments.share[0]), int(arguments.share[1]), int(arguments.share[2]))
        return
    BENCH.mkdir(exist_ok=True)
    corpus = BENCH / f"mixed-{arguments.rows}.txt"
    corpus.write_text("\n".join(mixed_lengths(arguments.rows)) + "\n")
    rounds = []
    for _ in range(arguments.rounds):
        rounds.append({"bare": _bare(corpus, arguments.workers), "ray": _ray(corpus, arguments.workers)})
        print(json.dumps(rounds[-1], indent=2), flush=True)
    ratios = sorted(r["bare"]["speed"] / r["ray"]["speed"] for r in rounds)
    report = {
        "rows": arguments.rows,
        "workers": arguments.workers,
        "rounds": rounds,
        "median_ratio": ratios[len(ratios) // 2],
        "occupancy_300_rows": _occupancy(300),
    }
    (BENCH / "ray_overhead.json").write_text(json.dumps(report, indent=2))
    print(f"bare engine over Ray: {report['median_ratio']:.3f}")
    print(f"slots occupied on 300 mixed rows: {report['occupancy_300_rows']:.1%}")


def mixed_lengths(rows: int) -> list[str]:
    """Sentences of 3 to 25 common words; every tenth row is a paragraph."""
    words = re.findall(r"[a-z]{2,9}", (ROOT / "jobs" / "demo_sentences.txt").read_text().lower())
    draw = random.Random(0)

    def sentence() -> str:
        return " ".join(draw.choices(words, k=draw.randint(3, 25))) + "."

    return [" ".join(sentence() for _ in range(draw.randint(3, 6) if i % 10 == 0 else 1)) for i in range(rows)]


def _rows(corpus: Path) -> list[InputRow]:
    return [InputRow(f"{corpus.name}:{i}", {"text": text}) for i, text in enumerate(corpus.read_text().splitlines())]


def _speak_share(corpus: Path, index: int, count: int) -> None:
    """Speak every ``count``-th batch of rows in this process, pinned to a core, and print what it took."""
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[index]})
    rows = _rows(corpus)
    batches = [rows[i : i + ROWS_PER_CALL] for i in range(0, len(rows), ROWS_PER_CALL)][index::count]
    worker = SynthesisConfig().open(load_bundle(embedded_folder()), "cpu", 1)
    start = time.perf_counter()
    spoken = worker([row for batch in batches for row in batch])
    wall_s = time.perf_counter() - start
    worker.close()
    print(json.dumps({"audio_s": sum(row["duration_s"] for row in spoken), "wall_s": wall_s}))


def _bare(corpus: Path, workers: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.ray_overhead", "--share", str(corpus)]
    running = [
        subprocess.Popen(
            [*command, str(i), str(workers)], cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
        for i in range(workers)
    ]
    shares = [json.loads(process.communicate()[0]) for process in running]
    audio_s, wall_s = sum(share["audio_s"] for share in shares), max(share["wall_s"] for share in shares)
    return {"audio_s": audio_s, "wall_s": wall_s, "speed": audio_s / wall_s}


def _ray(corpus: Path, workers: int) -> dict[str, float]:
    output = BENCH / "ray-output"
    shutil.rmtree(output, ignore_errors=True)
    command = [sys.executable, str(ROOT / "jobs" / "synthesize_corpus.py"), "--input", str(corpus), "--output", str(output)]
    command += ["--workers", str(workers), "--pause-s", "0"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    audio_s = float(_number(r"audio .*\(([\d,.]+) s\)", printed.stdout))
    wall_s = float(_number(r"wall +([\d,.]+) s", printed.stdout))
    startup_s = float(_number(r"start-up ([\d,.]+) s", printed.stdout))
    shutil.rmtree(output)
    working_s = wall_s - startup_s
    return {"audio_s": audio_s, "wall_s": wall_s, "startup_s": startup_s, "speed": audio_s / working_s}


def _number(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise SystemExit(f"the job's summary has no {pattern!r}:\n{text}")
    return found[1].replace(",", "")


def _occupancy(rows: int) -> float:
    corpus = BENCH / f"mixed-{rows}.txt"
    corpus.write_text("\n".join(mixed_lengths(rows)) + "\n")
    worker = SynthesisConfig().open(load_bundle(embedded_folder()), "cpu", len(os.sched_getaffinity(0)))
    worker(_rows(corpus))
    occupancy = worker.stats.occupancy
    worker.close()
    return occupancy


if __name__ == "__main__":
    main()

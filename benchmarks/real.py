"""Does the road hold with real weights and real speech? ``make real``; ends with 1 if a bar fails.

Exports Whisper base in fp32 and int8, has both hear recordings of people and the speech gate's sentences, spoken by the
embedded voice, and prints the word errors by Whisper's English normaliser. The bars: on the recordings fp32 makes at most 0.3
points more errors than faster-whisper in float32, where that is installed (``make .bench/peers``); int8 is within 0.5 points of
fp32 there. Of the embedded voice base misses a word in four, and which is chance: there int8 is within 2 points.

The weights are fetched (``benchmarks/real_weights.py``), the recordings are those of ``benchmarks/real_speech.py``. What cannot
be had is left out, and it is said why: that is no failure.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from actors.audio.codec import resample
from actors.errors import InputDataError, StorageError
from benchmarks.contest import BENCH, PEERS, Contestant, bundle
from benchmarks.real_speech import FOLDER, RATE, Files, recordings
from benchmarks.real_weights import MODELS, RealModel, fetch
from embedded import FOLDERS, VOICE
from training.measure import read_gate, speak

RECORDINGS, GATE = "recordings of people", "the embedded voice"
FP32, INT8, PEER = "Speechmill fp32", "Speechmill int8", "faster-whisper float32"
OVER_PEER, OVER_FP32 = 0.003, {RECORDINGS: 0.005, GATE: 0.02}  # word errors for each word that are allowed
SLOTS = 8

Rates = Mapping[str, Mapping[str, float]]  # word error rates by who heard, and what


def spoken_gate() -> Files:
    """Return the speech gate's sentences, spoken by the voice that ships."""
    said = [one.text for part in read_gate().values() for one in part]
    spoken = speak(FOLDERS[VOICE], said)
    audio = [resample(result.audio, result.sample_rate, RATE) for result in spoken]
    return Files(audio, [(1, text) for text in said])


def contestants(model: RealModel, files: Path) -> list[Contestant]:
    """Return our bundles, and faster-whisper in two ways where it is installed."""
    task = {"files": str(files), "timestamps": True}
    found = [
        Contestant(
            f"Speechmill {precision}",
            sys.executable,
            "benchmarks.engine_on_files",
            bundle("whisper", model.checkpoint, precision, name=model.checkpoint.name),
            SLOTS,
            task,
        )
        for precision in ("fp32", "int8")
    ]
    if has_peer():
        found += [
            Contestant(f"{PEER}, {name}", PEERS, "benchmarks.peers.faster_whisper", model.ctranslate2, f"float32-{way}", task)
            for name, way in (("file by file", "one"), (f"batch {SLOTS}", str(SLOTS)))
        ]
    return found


def has_peer() -> bool:
    """Say whether faster-whisper is installed beside us."""
    return Path(PEERS).exists() and not subprocess.run([PEERS, "-c", "import faster_whisper"], capture_output=True).returncode


def failures(rates: Rates) -> list[str]:
    """Return the bars that do not hold, each in a sentence."""
    bars = [(INT8, FP32, files, OVER_FP32[files]) for files in rates[FP32]]
    peers = [name for name in rates if name.startswith(PEER) and RECORDINGS in rates[name]]
    if peers:
        best = min(peers, key=lambda name: rates[name][RECORDINGS])
        bars.append((FP32, best, RECORDINGS, OVER_PEER))
    return [
        f"{ours} has {rates[ours][files]:.1%} word errors on {files}, {other} {rates[other][files]:.1%}: "
        f"more than {100 * allowed:g} points apart"
        for ours, other, files, allowed in bars
        if rates[ours][files] > rates[other][files] + allowed
    ]


def table(rates: Rates) -> str:
    """Return the word errors as a Markdown table."""
    titles = list(dict.fromkeys(files for row in rates.values() for files in row))
    rows = [[name, *(f"{row[files]:.1%}" if files in row else "" for files in titles)] for name, row in rates.items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in (["word errors", *titles], ["---"] * (1 + len(titles)), *rows))


def measure(model: RealModel, sets: Mapping[str, Files], threads: int) -> Rates:
    """Have everybody hear all files."""
    rates: dict[str, dict[str, float]] = {}
    for name, files in sets.items():
        path = files.write(BENCH / "real" / "check.npz")
        for contestant in contestants(model, path):
            texts = contestant.run(threads)[0]["texts"]
            rates.setdefault(contestant.name, {})[name] = files.errors(texts).rate or 0.0
    return rates


def main() -> None:
    """Fetch, export, hear, compare."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options.add_argument("--speech", type=Path, default=FOLDER, help="the folder with the recordings")
    arguments = options.parse_args()
    model = MODELS["base"]
    try:
        fetch(model)
    except StorageError as error:
        print(f"skipped: {error}")
        return
    sets = {GATE: spoken_gate()}
    try:
        sets[RECORDINGS] = recordings(arguments.speech)
    except InputDataError as error:
        print(f"without recordings: {error}")
    if not has_peer():
        print("without faster-whisper: make .bench/peers installs it")
    rates = measure(model, sets, arguments.threads)
    print(table(rates))
    if failed := failures(rates):
        raise SystemExit("\n".join(failed))


if __name__ == "__main__":
    main()

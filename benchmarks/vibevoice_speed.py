"""VibeVoice-Realtime at its true size: PyTorch and the known ONNX pipeline against our engine, alternating in one run.

Weights are random (``vibevoice_checkpoint.py``), every row speaks the same number of frames, all use the same threads. Needs
the ``export`` extra, transformers 5.23 or newer, a folder with the voice preset ``en-Emma_woman.pt``, 20 GB of disk and 12 GB
of memory. Writes ``.bench/vibevoice_speed.json`` and prints a table.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
BENCH = ROOT / ".bench"


@dataclass(frozen=True)
class Contestant:
    """A script of this folder and its arguments."""

    name: str
    script: str
    model: str
    extra: tuple[str, ...] = ()

    def run(self, threads: int, frames: int) -> dict[str, float]:
        """Return what the script prints, and its speed: audio seconds per wall second."""
        command = [sys.executable, str(ROOT / "benchmarks" / self.script), self.model, str(threads), str(frames), *self.extra]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
        report: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return {**report, "speed": report["audio_s"] / report["wall_s"]}


def main() -> None:
    """Run every contestant in turn, ``--rounds`` times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--slots", type=int, nargs="+", default=[1, 8, 16, 32])
    parser.add_argument("--voices", type=Path, required=True, help="folder with the original's presets")
    arguments = parser.parse_args()
    int8 = str(_bundle("int8", "server", arguments.voices))
    contestants = [
        Contestant("PyTorch, batch 1, 5 steps", "vibevoice_torch.py", "-"),
        Contestant("ONNX, one row, 20 steps", "vibevoice_onnx.py", str(_bundle("fp32", "portable", arguments.voices))),
        *(
            Contestant(f"Speechmill int8, {slots} slots", "vibevoice_engine.py", int8, (str(slots),))
            for slots in arguments.slots
        ),
    ]
    results: dict[str, list[dict[str, float]]] = {contestant.name: [] for contestant in contestants}
    for round_ in range(arguments.rounds):
        for contestant in contestants:
            results[contestant.name].append(contestant.run(arguments.threads, arguments.frames))
            print(f"round {round_ + 1}: {contestant.name}: {results[contestant.name][-1]}", flush=True)
    (BENCH / "vibevoice_speed.json").write_text(json.dumps({**vars(arguments), "voices": "", "results": results}, indent=2))
    medians = {name: statistics.median(run["speed"] for run in runs) for name, runs in results.items()}
    torch, onnx, *_ = medians.values()
    print("| | x real time | PyTorch = 1 | ONNX = 1 |\n|---|---|---|---|")
    for name, speed in medians.items():
        print(f"| {name} | {speed:.2f} | {speed / torch:.1f} | {speed / onnx:.1f} |")


def _bundle(precision: str, layout: str, voices: Path) -> Path:
    """Export once; delete the folder to export anew."""
    folder, checkpoint = BENCH / f"vibevoice-{precision}-{layout}", BENCH / "vibevoice-0.5b"
    if not (checkpoint / "model.safetensors").exists():
        subprocess.run([sys.executable, str(ROOT / "benchmarks" / "vibevoice_checkpoint.py"), str(checkpoint)], check=True)
    if not (folder / "bundle.json").exists():
        shutil.rmtree(folder, ignore_errors=True)  # of an export that broke off
        command = [sys.executable, str(ROOT / "jobs" / "export_models.py"), "--family", "vibevoice-realtime"]
        command += ["--precision", precision, "--layout", layout, "--checkpoint", str(checkpoint), "--voices", str(voices)]
        command += ["--name", "vibevoice-random", "--folder", str(folder)]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    return folder


if __name__ == "__main__":
    main()

"""VibeVoice-Realtime at its true size: PyTorch and the known ONNX pipeline against our engine, alternating in one run.

``make bench`` prepares the environments and runs it. Weights and the voice are random (``vibevoice_checkpoint.py``), every row
speaks 30 frames (4 s), all use the same threads. Writes ``.bench/vibevoice_speed.json`` and the table in
``docs/performance.md``. Takes 15 GB of disk, and 12 GB of memory for the export.
"""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from contest import BENCH, PEERS, ROOT, Contestant, bundle, engines, hold, parser

from actors.families.vibevoice_realtime.solver import solver_steps

FRAMES = 30
STEPS, TRAIN_STEPS = 5, 1000


def main() -> None:
    """Time the peers, and our bundles at several numbers of slots."""
    options = parser(__doc__ or "")
    options.add_argument("--slots", type=int, nargs="+", default=[1, 8, 16, 32])
    options.add_argument("--precisions", nargs="+", default=["fp32", "int8"])
    arguments = options.parse_args()
    checkpoint = _checkpoint()
    solver = json.dumps([asdict(step) for step in solver_steps(STEPS, TRAIN_STEPS, stochastic=False)])
    portable = bundle("vibevoice-realtime", checkpoint, "fp32", layout="portable")
    contestants = [
        Contestant("PyTorch, one row, 5 steps", PEERS, "vibevoice_torch.py", checkpoint, (FRAMES, solver), is_peer=True),
        Contestant("ONNX, one row, 20 steps", sys.executable, "vibevoice_onnx.py", portable, (FRAMES,), is_peer=True),
    ]
    for precision in arguments.precisions:
        model = bundle("vibevoice-realtime", checkpoint, precision)
        contestants += engines("vibevoice_engine.py", model, precision, arguments.slots, lambda n: (FRAMES, n))
    hold("vibevoice_speed", contestants, arguments, frames_per_row=FRAMES)


def _checkpoint() -> Path:
    folder = BENCH / "vibevoice-0.5b"
    if not (folder / "voice.pt").exists():
        subprocess.run([PEERS, str(ROOT / "benchmarks" / "vibevoice_checkpoint.py"), str(folder)], check=True)
    return folder


if __name__ == "__main__":
    main()

"""Multiplies integers in ONNX Runtime: run by ``test_integers.py``, also under valgrind.

Usage::

    python tests/actors/integers.py <folder>

Every graph ``<folder>/<inputs>-<name>.onnx`` runs on the arrays of ``<folder>/<inputs>.npz``. The results go to
``<inputs>-<name>.ours.npz``, from a session as our workers open it, and to ``<inputs>-<name>.plain.npz``, from one as others
do. Prints what the processor has.
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort

from actors.runtime.session import Device, open_session


def main(folder: Path) -> None:
    """Run every graph on its inputs."""
    np.show_runtime()  # asks the processor: under valgrind, /proc/cpuinfo is the machine's
    for path in sorted(folder.glob("*.onnx")):
        sessions = {
            "ours": open_session(path, Device("cpu"), threads=1),
            "plain": ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]),
        }
        with np.load(folder / f"{path.stem.partition('-')[0]}.npz") as arrays:
            for kind, session in sessions.items():
                results = {name: session.run(["y"], {"x": array})[0] for name, array in arrays.items()}
                np.savez(path.with_suffix(f".{kind}.npz"), **results)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""How much the same row differs between kinds of processors: this one against those that valgrind and qemu stand in for.

The embedded voice speaks a sentence and the embedded ear hears it, in fp32 (exported now) and int8 (as shipped), here and on
every processor that can be had: under valgrind (AVX2), and qemu's user mode (AVX2, AVX, SSE4). Tables of what differs. On a
processor with AVX-512 the first line is AVX-512 against AVX2; on one with AVX2 it shows what is the emulator's own.

Usage::

    apt install valgrind qemu-user
    python -m benchmarks.processors
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from actors import SynthesisRequest, TranscriptionRequest, open_model
from actors.runtime.processor import this_maker, this_processor
from benchmarks.contest import BENCH, ROOT, bundle
from cluster.registry import EMBEDDED_ASR, embedded_folder

SAID = "Good night."  # an emulated processor is a hundred times as slow
RATE = 16_000
QEMU = {"avx2": "Haswell", "avx": "SandyBridge", "sse4.1": "Nehalem"}


def emulators() -> dict[str, list[str]]:
    """What to put before a command so that it sees another processor, by name."""
    found = {}
    if shutil.which("valgrind"):
        found["avx2 (valgrind)"] = ["valgrind", "--tool=none", "--quiet"]
    if shutil.which("qemu-x86_64"):
        found |= {f"{kernels} (qemu)": ["qemu-x86_64", "-cpu", model] for kernels, model in QEMU.items()}
    return found


def run(models: Path, target: Path) -> None:
    """Speak and hear with the bundles below ``models``; write every array that comes of it."""
    arrays: dict[str, np.ndarray] = {}
    for precision in ("fp32", "int8"):
        with open_model(models / f"voice-{precision}", threads=1, slots=1) as voice:
            (spoken,) = voice.generate([SynthesisRequest("a", SAID)], trace=True)
        arrays |= {f"voice, {precision}: {name}": array for name, array in (spoken.trace or {}).items()}
        arrays[f"voice, {precision}: audio"] = spoken.audio
        with np.load(models / "said.npz") as said, open_model(models / f"ear-{precision}", threads=1, slots=1) as ear:
            (heard,) = ear.generate([TranscriptionRequest("a", said["audio"])], trace=True)
        arrays |= {f"ear, {precision}: {name}": array for name, array in (heard.trace or {}).items()}
    np.savez(target, allow_pickle=False, **arrays)


def table(native: Mapping[str, np.ndarray], others: Mapping[str, Mapping[str, np.ndarray]]) -> str:
    """The largest difference of every array, relative to the native one's largest value."""
    lines = [f"| {this_processor().name} ({this_maker()}) against | {' | '.join(others)} |", "|---" * (len(others) + 1) + "|"]
    for name, array in native.items():
        lines.append(f"| {name} | {' | '.join(difference(array, other[name]) for other in others.values())} |")
    return "\n".join(lines)


def difference(ours: np.ndarray, theirs: np.ndarray) -> str:
    """What to say of two arrays."""
    if ours.shape == theirs.shape and ours.tobytes() == theirs.tobytes():
        return "the same bytes"
    if ours.shape != theirs.shape:
        return f"{len(theirs)} in place of {len(ours)}"
    if ours.dtype.kind in "iu":
        return f"{(ours != theirs).sum()} of {ours.size} are others"
    return f"{np.abs(ours - theirs).max() / np.abs(ours).max():.1e}"


def main() -> None:
    """Run everything here and in every emulator, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inside", type=Path, nargs=2, metavar=("MODELS", "RESULT"), help=argparse.SUPPRESS)
    inside = parser.parse_args().inside
    if inside:
        run(*inside)
        return
    BENCH.mkdir(exist_ok=True)
    checkpoints = ROOT / "training" / "checkpoints"
    with tempfile.TemporaryDirectory() as name:
        models = Path(name)
        for kind, family in (("voice", "soprano"), ("ear", "vibevoice-asr")):
            (models / f"{kind}-fp32").symlink_to(bundle(family, checkpoints / kind, "fp32"))
        (models / "voice-int8").symlink_to(embedded_folder())
        (models / "ear-int8").symlink_to(embedded_folder(EMBEDDED_ASR))
        with open_model(models / "voice-fp32", threads=1) as voice:
            (spoken,) = voice.generate([SynthesisRequest("a", SAID)])
        at_24_khz = np.interp(np.arange(0, len(spoken.audio), RATE / 24_000), np.arange(len(spoken.audio)), spoken.audio)
        np.savez(models / "said.npz", audio=at_24_khz.astype(np.float32))
        results: dict[str, dict[str, np.ndarray]] = {}
        for processor, prefix in {"here": [], **emulators()}.items():
            target = models / f"{len(results)}.npz"
            command = [*prefix, sys.executable, "-m", "benchmarks.processors", "--inside", str(models), str(target)]
            subprocess.run(command, cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
            print(f"{processor}: done", flush=True)
            with np.load(target) as arrays:
                results[processor] = dict(arrays)
    print(table(results.pop("here"), results))


if __name__ == "__main__":
    main()

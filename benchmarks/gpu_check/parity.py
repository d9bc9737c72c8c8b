"""Whether a device computes what the CPU does: every row through the engine, in a mixed batch and alone.

A part of the check. The reference is fp32 on the CPU. Without TF32 a GPU's fp32 must be the same but for the order of sums;
fp16, and fp32 as onnxruntime runs it on newer GPUs, have 11 bits.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from actors import SynthesisResult, TranscriptionResult, open_model
from benchmarks.engine import Requests
from benchmarks.gpu_check.budget import Found, Part, tell
from benchmarks.gpu_check.device import REFUSED, open_device, said
from benchmarks.gpu_check.models import PRECISIONS, TINY, Bundles

Result = SynthesisResult | TranscriptionResult
Results = Sequence[Result]

# Largest difference relative to the largest value. Sums in another order, in fp32: tests/actors/families hold 1e-4 to 2e-3.
EXACT = 5e-3
# fp16 on the CPU is 0.004 (Soprano), 0.03 (PocketTTS) and 0.08 (VibeVoice-ASR) from fp32; what is wrong is 1 from it.
HALF = 0.2
# Tokens before the first other one, as a share of all: two that are nearly as likely may change places in lower precision.
HALF_AGREED = 0.5


@dataclass(frozen=True)
class Difference:
    """How far results are from the reference.

    Attributes:
        largest: of the traced arrays and the audio, relative to the largest value; infinite if one is no number.
        agreed: steps before the first other token; what is behind it has another past and is not compared.
        steps: how many there are.
    """

    largest: float = 0.0
    agreed: int = 0
    steps: int = 0

    def __add__(self, other: "Difference") -> "Difference":
        return Difference(max(self.largest, other.largest), self.agreed + other.agreed, self.steps + other.steps)

    def holds(self, exact: bool) -> bool:
        """Whether this is within the tolerances of fp32, or of what has fewer bits."""
        largest, agreed = (EXACT, 1.0) if exact else (HALF, HALF_AGREED)
        return self.steps > 0 and self.largest <= largest and self.agreed >= agreed * self.steps


def differ(expected: Results, actual: Results) -> Difference:
    """Compare results row by row."""
    return sum((_differ(*pair) for pair in zip(expected, actual, strict=True)), Difference())


def _differ(expected: Result, actual: Result) -> Difference:
    ours, theirs = _arrays(actual), _arrays(expected)
    agreed, steps = _agreed(theirs.pop("tokens", None), ours.pop("tokens", None), (expected.frames, actual.frames))
    pairs = [(theirs[name][: agreed + 1], ours[name][: agreed + 1]) for name in theirs]
    if isinstance(expected, SynthesisResult) and isinstance(actual, SynthesisResult) and agreed == steps:
        pairs.append((expected.audio, actual.audio))
    return Difference(max(_relative(*pair) for pair in pairs), agreed, steps)


def _arrays(result: Result) -> dict[str, np.ndarray]:
    if result.trace is None:
        raise ValueError(f"row {result.id} was not traced")
    return dict(result.trace)


def _agreed(expected: np.ndarray | None, actual: np.ndarray | None, frames: tuple[int, int]) -> tuple[int, int]:
    """Return how many steps agree, and how many there are; a model without tokens has frames."""
    if expected is None or actual is None:
        return min(frames), max(frames)
    both = min(len(expected), len(actual))
    others = np.flatnonzero(expected[:both] != actual[:both])
    return int(others[0]) if len(others) else both, max(len(expected), len(actual))


def _relative(expected: np.ndarray, actual: np.ndarray) -> float:
    both = min(len(expected), len(actual))
    if not both:
        return 0.0
    largest = float(np.abs(expected[:both] - actual[:both]).max() / np.abs(expected[:both]).max())
    return largest if np.isfinite(largest) else np.inf


def run(folder: str, rows: Requests, device: str, threads: int, *, together: bool) -> Results:
    """Return the rows' results, in a mixed batch or one after the other in one slot."""
    with open_model(folder, device=device, threads=threads, slots=len(rows) if together else 1) as engine:
        batches = [rows] if together else [[row] for row in rows]
        return [result for batch in batches for result in engine.generate(batch, trace=True)]


def same_bytes(one: Results, other: Results) -> bool:
    """Whether all arrays are equal to the last bit, as they are on a CPU whatever the batch."""
    return all(
        name in theirs and ours[name].tobytes() == theirs[name].tobytes()
        for ours, theirs in zip(map(_arrays, one), map(_arrays, other), strict=True)
        for name in ours
    )


def check(device: str, threads: int, bundles: Bundles, *, exact: bool) -> None:
    """Compare every bundle with its family's fp32 one on the CPU, and tell of each."""
    open_device(device)
    for family, folders in bundles.items():
        rows = TINY[family].rows()
        reference = run(folders["fp32"], rows, "cpu", threads, together=True)
        for precision in ("fp32",) if exact else PRECISIONS:
            found: Found = {"family": family, "precision": "fp32 without TF32" if exact else precision, "rows": len(rows)}
            try:
                together = run(folders[precision], rows, device, threads, together=True)
                alone = run(folders[precision], rows, device, threads, together=False)
            except REFUSED as error:
                tell(**found, failed=said(error), holds=False)
            else:
                tell(**found, **_compared(reference, together, alone, exact=exact))


def _compared(reference: Results, together: Results, alone: Results, *, exact: bool) -> Found:
    mixed, single = differ(reference, together), differ(reference, alone)
    return {
        "mixed": mixed.largest,
        "alone": single.largest,
        "agreed": min(difference.agreed / difference.steps for difference in (mixed, single)),
        "same_bytes": same_bytes(together, alone),
        "holds": mixed.holds(exact) and single.holds(exact),
    }


def parts(device: str, threads: int, bundles: Bundles) -> list[Part]:
    """Return these checks: cuBLAS and cuDNN are told of TF32 before they start."""
    task = {"device": device, "threads": threads, "bundles": bundles}
    return [
        Part("parity without TF32", "parity", {**task, "exact": True}, {"NVIDIA_TF32_OVERRIDE": "0"}),
        Part("parity", "parity", {**task, "exact": False}),
    ]


if __name__ == "__main__":
    check(**json.loads(sys.argv[1]))

"""How fast an engine on a device is at several numbers of slots, where its time goes, and what memory it takes.

A part of the check. Two equal batches are timed; the faster one counts, for the first may still be choosing kernels. What the
device's memory grows by after the first is a leak.
"""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from actors import Engine, SynthesisResult, open_model
from actors.bundle import load_bundle
from benchmarks.engine import ROWS, Requests
from benchmarks.gpu_check.budget import Part, tell
from benchmarks.gpu_check.device import memory_used, open_device
from benchmarks.gpu_check.models import PRECISIONS, Bundles

ROUNDS = 2
_PHASES = ("prefill_s", "step_s", "finish_s")


def measure(device: str, threads: int, bundle: str, slots: Sequence[int], task: Mapping[str, Any]) -> None:
    """Tell of every number of slots, from the smallest: what comes last may find no time."""
    opened = open_device(device)
    rows, shortest = ROWS[load_bundle(bundle).manifest.family]
    length = task["length"]
    others = {name: value for name, value in task.items() if name != "length"}
    for count in sorted(slots):
        before = memory_used(opened)
        with open_model(bundle, device=device, threads=threads, slots=count) as engine:
            engine.generate(rows(1, shortest, **others))
            rounds, used = [], []
            for _ in range(ROUNDS):
                rounds.append(_time(engine, rows(count, length, **others), others.get("seconds", 0.0)))
                used.append(memory_used(opened))
        tell(slots=count, memory=used[0] - before, grown=used[-1] - used[0], **min(rounds, key=lambda round_: round_["wall_s"]))


def _time(engine: Engine[Any, Any, Any], requests: Requests, heard_s: float) -> dict[str, float]:
    """Return the audio and wall seconds of one batch, and the shares of the wall seconds in the engine's three phases."""
    phases = [getattr(engine.stats, phase) for phase in _PHASES]
    start = time.perf_counter()
    results = engine.generate(requests)
    wall_s = time.perf_counter() - start
    spoken_s = sum(len(result.audio) / result.sample_rate for result in results if isinstance(result, SynthesisResult))
    shares = {
        phase.removesuffix("_s"): (getattr(engine.stats, phase) - earlier) / wall_s
        for phase, earlier in zip(_PHASES, phases, strict=True)
    }
    return {"audio_s": spoken_s or heard_s * len(requests), "wall_s": wall_s, **shares}


def parts(
    device: str, threads: int, bundles: Bundles, slots: Sequence[int], tasks: Mapping[str, Mapping[str, Any]]
) -> list[Part]:
    """Return a part for each bundle, what a GPU is made for first."""
    return [
        Part(
            f"{family} {precision}",
            "speed",
            {"device": device, "threads": threads, "bundle": folders[precision], "slots": slots, "task": tasks[family]},
        )
        for precision in reversed(PRECISIONS)
        for family, folders in bundles.items()
    ]


if __name__ == "__main__":
    measure(**json.loads(sys.argv[1]))

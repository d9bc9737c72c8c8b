"""Times our engine on rows of one length. Run by ``benchmarks.speed``.

Arguments: the bundle, its threads, its slots, and the task as JSON: ``length`` in the family's steps, and ``text`` or
``seconds``; and the ``device``, if it is not ONNX Runtime on the CPU.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from actors import SynthesisRequest, TranscriptionRequest, open_model
from actors.bundle import load_bundle
from benchmarks.peers import recordings

Requests = list[SynthesisRequest] | list[TranscriptionRequest]


def soprano(count: int, length: int, text: str) -> list[SynthesisRequest]:
    """Return rows that all speak ``length`` tokens."""
    fixed = {"min_new_tokens": length, "max_new_tokens": length}
    return [SynthesisRequest(id=str(i), text=text, options=fixed) for i in range(count)]


def pocket_tts(count: int, length: int, text: str) -> list[SynthesisRequest]:
    """Return rows that all speak ``length`` frames."""
    fixed = {"max_frames": length, "eos_threshold": 1e9}
    return [SynthesisRequest(id=str(i), text=text, options=fixed) for i in range(count)]


def vibevoice_realtime(count: int, length: int) -> list[SynthesisRequest]:
    """Return rows that all speak ``length`` frames: random weights, which end where they like, may not before their text."""
    read = 5 * ((length - 1) // 6 + 1)  # tokens by the last frame: windows of 5 tokens and 6 frames take turns
    options = {"finish_text": True, "max_new_tokens": length - 1 + read}
    ids = [100 + i for i in range(read + 5)]
    return [SynthesisRequest(id=str(i), token_ids=ids, options=options) for i in range(count)]


def vibevoice_asr(count: int, length: int, seconds: float) -> list[TranscriptionRequest]:
    """Return recordings of ``seconds`` whose answers all have ``length`` tokens."""
    options = {"max_new_tokens": length, "retries": 0}
    pairs = zip(*recordings.rows(count, seconds), strict=True)
    return [TranscriptionRequest(str(i), audio, token_ids=ids, options=options) for i, (audio, ids) in enumerate(pairs)]


# By family: what makes its rows, and how short a row may be.
ROWS: Mapping[str, tuple[Callable[..., Requests], int]] = {
    "soprano": (soprano, 2),
    "pocket-tts": (pocket_tts, 7),
    "vibevoice-realtime": (vibevoice_realtime, 2),
    "vibevoice-asr": (vibevoice_asr, 2),
}


def main(bundle: str, threads: int, slots: int, length: int, device: str = "cpu", **task: Any) -> None:
    """Print the audio, wall and CPU seconds of two batches of ``slots`` rows, the occupancy and the peak memory, as JSON."""
    rows, shortest = ROWS[load_bundle(bundle).manifest.family]
    count = max(2, 2 * slots)
    with open_model(bundle, device=device, threads=threads, slots=slots) as engine:
        engine.generate(rows(1, shortest, **task))
        requests = rows(count, length, **task)
        start, cpu_start = time.perf_counter(), time.process_time()
        results = engine.generate(requests)
        wall_s, cpu_s = time.perf_counter() - start, time.process_time() - cpu_start
        occupancy = engine.stats.occupancy
    if any(result.frames != length for result in results):
        raise SystemExit(f"rows of other lengths than {length} cannot be compared: {[result.frames for result in results]}")
    heard_s = count * task.get("seconds", 0.0)
    audio_s = heard_s or sum(len(result.audio) / result.sample_rate for result in results)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"audio_s": audio_s, "wall_s": wall_s, "cpu_s": cpu_s, "occupancy": occupancy, "peak_bytes": peak}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), **json.loads(sys.argv[4]))

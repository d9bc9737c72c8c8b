"""Times faster-whisper on files that were decoded before. Run by ``benchmarks.whisper`` and ``benchmarks.real``.

Arguments: a CTranslate2 checkpoint, threads, how it hears, and the task as JSON: ``files``, an archive of NumPy arrays of
16 kHz, and ``timestamps``. How it hears is ``<compute type>-<way>``, with the way ``one`` (file by file), ``two`` (two files at
a time, with half of the threads each), or the number of a file's windows that are decoded together.
"""

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from faster_whisper import BatchedInferencePipeline, WhisperModel

WARM_UP_SAMPLES = 16_000 * 5


def opened(checkpoint: str, threads: int, compute: str, way: str) -> tuple[Callable[..., Any], int]:
    """Return what transcribes one file, and how many files it hears at a time."""
    at_once = 2 if way == "two" else 1
    model = WhisperModel(checkpoint, compute_type=compute, cpu_threads=max(1, threads // at_once), num_workers=at_once)
    if way in ("one", "two"):
        return model.transcribe, at_once
    return (lambda audio, **task: BatchedInferencePipeline(model).transcribe(audio, batch_size=int(way), **task)), at_once


def main(checkpoint: str, threads: int, how: str, files: str, timestamps: bool) -> None:
    """Print the audio seconds, the wall seconds and the texts of all files as JSON, after a short file to warm up."""
    transcribe, at_once = opened(checkpoint, threads, *how.split("-"))
    # Greedy, each window by itself: what our side does.
    task = {"language": "en", "beam_size": 1, "temperature": 0.0, "condition_on_previous_text": False, "vad_filter": True}

    def text_of(audio: np.ndarray) -> str:
        segments, _ = transcribe(audio, **task, without_timestamps=not timestamps)
        return " ".join(segment.text.strip() for segment in segments)

    with np.load(files) as archive:
        recordings = [archive[name] for name in archive.files]
    text_of(recordings[0][:WARM_UP_SAMPLES])
    start = time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        texts = list(pool.map(text_of, recordings))
    wall_s = time.perf_counter() - start
    print(json.dumps({"audio_s": sum(map(len, recordings)) / 16_000, "wall_s": wall_s, "texts": texts}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], **json.loads(sys.argv[4]))

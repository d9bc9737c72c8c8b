"""Times our engine on files that were decoded before. Run by ``benchmarks.whisper`` and ``benchmarks.real``.

Arguments: the bundle, its threads, its slots, and the task as JSON: ``files``, an archive of NumPy arrays of the model's rate,
``timestamps`` and, for windows as long as what is in them, ``fit_window``.
"""

import json
import sys
import time

import numpy as np

from actors import TranscriptionRequest, open_model

RATE = 16_000
WARM_UP_SAMPLES = RATE * 5


def main(bundle: str, threads: int, slots: int, files: str, timestamps: bool, fit_window: bool = False) -> None:
    """Print the audio seconds, the wall seconds and the texts of all files as JSON, after a short file to warm up."""
    # Greedy, each window by itself, and no second try: what benchmarks/peers/faster_whisper.py asks for.
    options = {"language": "en", "timestamps": timestamps, "vad": True, "temperatures": [0.0], "fit_window": fit_window}
    with np.load(files) as archive:
        recordings = [archive[name] for name in archive.files]
    requests = [TranscriptionRequest(str(i), audio, options=options) for i, audio in enumerate(recordings)]
    with open_model(bundle, threads=threads, slots=slots) as engine:
        engine.generate([TranscriptionRequest("warm-up", recordings[0][:WARM_UP_SAMPLES], options=options)])
        start = time.perf_counter()
        results = engine.generate(requests)
        wall_s = time.perf_counter() - start
        occupancy = engine.stats.occupancy
    texts = [result.text for result in results]
    audio_s = sum(map(len, recordings)) / RATE
    print(json.dumps({"audio_s": audio_s, "wall_s": wall_s, "occupancy": occupancy, "texts": texts}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), **json.loads(sys.argv[4]))

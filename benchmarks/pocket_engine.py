"""Times our engine on a fixed number of frames per row. Run by ``pocket_speed.py``."""

import json
import sys
import time

from actors import SynthesisRequest, open_model


def main(bundle: str, threads: int, frames: int, slots: int, text: str) -> None:
    """Print the audio seconds and wall seconds of two batches of ``slots`` rows as JSON."""
    with open_model(bundle, threads=threads, slots=slots) as engine:
        engine.generate([SynthesisRequest(id="warm-up", text=text, options={"max_frames": 7, "eos_threshold": 1e9})])
        fixed = {"max_frames": frames, "eos_threshold": 1e9}
        requests = [SynthesisRequest(id=str(i), text=text, options=fixed) for i in range(max(2, 2 * slots))]
        start = time.perf_counter()
        results = engine.generate(requests)
        wall_s = time.perf_counter() - start
    audio_s = sum(len(result.audio) / result.sample_rate for result in results)
    print(json.dumps({"audio_s": audio_s, "wall_s": wall_s}))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5])

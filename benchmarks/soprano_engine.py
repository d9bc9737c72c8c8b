"""Times our engine on a fixed number of tokens per row. Run by ``soprano_speed.py``."""

import json
import sys
import time

from actors import SynthesisRequest, open_model


def main(bundle: str, threads: int, tokens: int, slots: int, text: str) -> None:
    """Print the audio, wall and CPU seconds of two batches of ``slots`` rows as JSON."""
    with open_model(bundle, threads=threads, slots=slots) as engine:
        short = {"min_new_tokens": 2, "max_new_tokens": 2}
        engine.generate([SynthesisRequest(id="warm-up", text=text, options=short)])
        fixed = {"min_new_tokens": tokens, "max_new_tokens": tokens}
        requests = [SynthesisRequest(id=str(i), text=text, options=fixed) for i in range(max(2, 2 * slots))]
        start, cpu_start = time.perf_counter(), time.process_time()
        results = engine.generate(requests)
        wall_s, cpu_s = time.perf_counter() - start, time.process_time() - cpu_start
        occupancy = engine.stats.occupancy
    audio_s = sum(len(result.audio) / result.sample_rate for result in results)
    print(json.dumps({"audio_s": audio_s, "wall_s": wall_s, "cpu_s": cpu_s, "occupancy": occupancy}))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5])

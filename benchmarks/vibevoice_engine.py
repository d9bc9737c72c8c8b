"""Times our engine on a fixed number of frames per row. Run by ``vibevoice_speed.py``."""

import json
import resource
import sys
import time

from actors import SynthesisRequest, open_model


def requests(rows: int, frames: int) -> list[SynthesisRequest]:
    """Rows that all speak ``frames`` frames: random weights end where they like, so the end is not let before the text's."""
    read = 5 * ((frames - 1) // 6 + 1)  # tokens by the last frame: windows of 5 tokens and 6 frames take turns
    options = {"finish_text": True, "max_new_tokens": frames - 1 + read}
    ids = [100 + i for i in range(read + 5)]
    return [SynthesisRequest(id=str(i), token_ids=ids, options=options) for i in range(rows)]


def main(bundle: str, threads: int, frames: int, slots: int) -> None:
    """Print the audio seconds and wall seconds of two batches of ``slots`` rows, and the peak memory, as JSON."""
    with open_model(bundle, threads=threads, slots=slots) as engine:
        engine.generate(requests(1, 2))
        start = time.perf_counter()
        results = engine.generate(requests(max(2, 2 * slots), frames))
        wall_s = time.perf_counter() - start
        occupancy = engine.stats.occupancy
    if any(result.frames != frames for result in results):
        raise SystemExit(f"rows of other lengths than {frames} frames cannot be compared: {[r.frames for r in results]}")
    audio_s = sum(len(result.audio) / result.sample_rate for result in results)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"audio_s": audio_s, "wall_s": wall_s, "occupancy": occupancy, "peak_bytes": peak}))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]))

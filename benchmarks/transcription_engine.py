"""Times our engine on recordings of one length and answers of one length. Run by ``transcription_speed.py``."""

import json
import sys
import time

from transcription_rows import rows

from actors import TranscriptionRequest, open_model


def main(bundle: str, threads: int, seconds: float, tokens: int, slots: int) -> None:
    """Print the audio seconds and wall seconds of two batches of ``slots`` recordings as JSON."""
    count = max(2, 2 * slots)

    def requests(length: int) -> list[TranscriptionRequest]:
        options = {"max_new_tokens": length, "retries": 0}
        pairs = zip(*rows(count, seconds), strict=True)
        return [TranscriptionRequest(str(i), audio, token_ids=ids, options=options) for i, (audio, ids) in enumerate(pairs)]

    with open_model(bundle, threads=threads, slots=slots) as engine:
        engine.generate(requests(2)[:1])
        start = time.perf_counter()
        results = engine.generate(requests(tokens))
        wall_s = time.perf_counter() - start
    if any(result.frames != tokens for result in results):
        raise SystemExit(f"answers of other lengths than {tokens} tokens cannot be compared: {[r.frames for r in results]}")
    print(json.dumps({"audio_s": count * seconds, "wall_s": wall_s}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), *map(int, sys.argv[4:6]))

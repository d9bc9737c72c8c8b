"""What the contestants of the transcription contest hear and read: numpy only, for it runs in all their environments."""

import numpy as np

RATE, HOP = 24_000, 3200
BOS, EOS, AUDIO = 151_646, 151_647, 151_648  # as in benchmarks/checkpoints/vibevoice_asr.py


def rows(count: int, seconds: float) -> tuple[list[np.ndarray], list[list[int]]]:
    """Return recordings, float32 ``[samples]`` at -25 dBFS, and their prompts: as long as the model's own ones."""
    random = np.random.default_rng(0)
    samples = round(seconds * RATE)
    audio = [(10 ** (-25 / 20) * random.standard_normal(samples)).astype(np.float32) for _ in range(count)]
    frames = [AUDIO] * -(-samples // HOP)
    ids = random.integers(0, 9999, (count, 60)).tolist()
    return audio, [[*row[:25], BOS, *frames, EOS, *row[25:]] for row in ids]

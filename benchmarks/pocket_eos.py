"""Does PocketTTS in int8 end where it ends in fp32? On random weights of the true size, rows with the same noise.

Random weights end nowhere, so the threshold is laid where every row ends somewhere: at high quantiles of the logits that fp32
gives. Needs the checkpoint of ``python -m benchmarks.speed pocket-tts``.
"""

import numpy as np

from actors import SynthesisRequest, open_model
from benchmarks.contest import BENCH, bundle

ROWS, FRAMES, SLOTS = 48, 40, 16
QUANTILES = (0.9, 0.95, 0.97, 0.98, 0.99)
WORDS = (
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "lazy",
    "dog",
    "and",
    "then",
    "runs",
    "far",
    "away",
    "deep",
    "green",
    "forest",
)


def logits_of(precision: str) -> np.ndarray:
    """Return the end's logit of every frame, ``[ROWS, FRAMES]``."""
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(WORDS, random.integers(8, 18))) + "." for _ in range(ROWS)]
    options = {"max_frames": FRAMES, "eos_threshold": 1e9}
    requests = [SynthesisRequest(id=str(i), text=text, options=options) for i, text in enumerate(texts)]
    with open_model(bundle("pocket-tts", BENCH / "pocket-english", precision), threads=2, slots=SLOTS) as engine:
        results = engine.generate(requests, trace=True)
    return np.array([result.trace["eos_logits"] for result in results if result.trace is not None])


def main() -> None:
    """Print the share of rows that end at the same frame, for every threshold."""
    exact, quantized = logits_of("fp32"), logits_of("int8")
    print(f"logits differ by {np.abs(exact - quantized).mean() / exact.std():.1%} of their deviation")
    for quantile in QUANTILES:
        threshold = np.quantile(exact, quantile)
        ends = [np.where((x > threshold).any(1), (x > threshold).argmax(1), FRAMES) for x in (exact, quantized)]
        same = (ends[0] == ends[1]).mean()
        print(f"threshold at {quantile:.0%} of the logits: {same:.1%} of {ROWS} rows end at the same frame")


if __name__ == "__main__":
    main()

"""VibeVoice-ASR: transformers' batched generate against our engine, alternating in one run; medians and ratios.

``make bench`` prepares the environments and runs it. The encoders have the size of the real ones, the language model that of
the 1.5B model; weights are random, so every answer is ended at the same number of tokens. Writes
``.bench/transcription_speed.json`` and the table in ``docs/performance.md``. Takes 20 GB of disk and of memory.
"""

import subprocess
from pathlib import Path

from contest import BENCH, PEERS, ROOT, Contestant, bundle, engines, hold, parser


def main() -> None:
    """Time the peer at several batch sizes, and our bundles at several numbers of slots."""
    options = parser(__doc__ or "")
    options.add_argument("--seconds", type=float, default=20, help="of every recording")
    options.add_argument("--tokens", type=int, default=100, help="of every answer")
    options.add_argument("--batches", type=int, nargs="+", default=[1, 4, 8, 16], help="batch sizes, and slots")
    options.add_argument("--precisions", nargs="+", default=["fp32", "int8"])
    arguments = options.parse_args()
    checkpoint = _checkpoint()
    task = (arguments.seconds, arguments.tokens)
    contestants = [
        Contestant(f"transformers, batch {n}", PEERS, "transcription_peer.py", checkpoint, (*task, n), is_peer=True)
        for n in arguments.batches
    ]
    for precision in arguments.precisions:
        model = bundle("vibevoice-asr", checkpoint, precision)
        contestants += engines("transcription_engine.py", model, precision, arguments.batches, lambda n: (*task, n))
    hold("transcription_speed", contestants, arguments, seconds_per_row=arguments.seconds, tokens_per_row=arguments.tokens)


def _checkpoint() -> Path:
    folder = BENCH / "vibevoice-asr-1.5b"
    if not (folder / "config.json").exists():
        subprocess.run([PEERS, str(ROOT / "benchmarks" / "transcription_checkpoint.py"), str(folder)], check=True)
    return folder


if __name__ == "__main__":
    main()

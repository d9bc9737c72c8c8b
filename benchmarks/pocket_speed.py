"""PocketTTS at its true sizes: pocket-tts and transformers against our engine, alternating in one run; medians and ratios.

``make bench`` prepares the environments and runs it. Weights are random (see ``pocket_checkpoint.py``), every row speaks 63
frames (5 s) behind a voice of 10 s, all use the same threads but pocket-tts, which does best with its own setting of one thread
and one more for its decoder. Writes ``.bench/pocket_speed.json`` and the table in ``docs/performance.md``.

Another variant of the package's configs: ``--variant english_2m_2026-10 --no-page``; transformers knows the largest only.
"""

import subprocess
from pathlib import Path

from contest import BENCH, PEERS, ROOT, Contestant, bundle, engines, hold, parser

TEXT = "The quick brown fox jumps over the lazy dog, and then it runs far away into the deep green forest."
FRAMES = 63


def main() -> None:
    """Time the peers' best settings, and our bundles at several numbers of slots."""
    options = parser(__doc__ or "")
    options.add_argument("--variant", default="english")
    options.add_argument("--slots", type=int, nargs="+", default=[1, 8, 16, 32])
    arguments = options.parse_args()
    checkpoint = _checkpoint(arguments.variant)
    official = [("pocket-tts 4.0.1, fp32", "official"), ("pocket-tts 4.0.1, int8", "official-int8")]
    batched = [(f"transformers, batch {n}", f"transformers-{n}") for n in (8, 16)] if arguments.variant == "english" else []
    contestants = [
        Contestant(name, PEERS, "pocket_peer.py", checkpoint, (FRAMES, mode, TEXT), is_peer=True)
        for name, mode in official + batched
    ]
    for precision in ("fp32", "int8"):
        model = bundle("pocket-tts", checkpoint, precision)
        contestants += engines(
            "pocket_engine.py", model, precision, arguments.slots, lambda n: (FRAMES, n, TEXT), workers=arguments.threads
        )
    hold("pocket_speed", contestants, arguments, variant=arguments.variant, frames_per_row=FRAMES)


def _checkpoint(variant: str) -> Path:
    folder = BENCH / f"pocket-{variant}"
    if not (folder / "voice.safetensors").exists():
        subprocess.run([PEERS, str(ROOT / "benchmarks" / "pocket_checkpoint.py"), variant, str(folder)], check=True)
    return folder


if __name__ == "__main__":
    main()

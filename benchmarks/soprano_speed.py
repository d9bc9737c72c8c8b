"""Soprano at its true size: soprano-tts against our engine, alternating in one run; medians and ratios.

``make bench`` prepares the environments and runs it. Weights are random (see ``soprano_checkpoint.py``), every row speaks the
same number of tokens, both use the same threads. Writes ``.bench/soprano_speed.json`` and the table in ``docs/performance.md``.
"""

import subprocess
from pathlib import Path

from contest import BENCH, ROOT, Contestant, bundle, engines, hold, parser

TEXT = "The quick brown fox jumps over the lazy dog and then it runs far away into the deep green forest of the valley."
TOKENS = 96


def main() -> None:
    """Time soprano-tts alone and batched, and our bundles at several numbers of slots."""
    options = parser(__doc__ or "")
    options.add_argument("--slots", type=int, nargs="+", default=[1, 8, 16, 32])
    arguments = options.parse_args()
    peer = str(BENCH / "peer" / "bin" / "python")
    checkpoint = _checkpoint(peer)
    contestants = [
        Contestant(f"soprano-tts 0.2.0, batch {n}", peer, "soprano_peer.py", checkpoint, (TOKENS, n, TEXT), is_peer=True)
        for n in (1, 8)
    ]
    for precision in ("fp32", "int8"):
        model = bundle("soprano", checkpoint, precision)
        contestants += engines(
            "soprano_engine.py", model, precision, arguments.slots, lambda n: (TOKENS, n, TEXT), workers=arguments.threads
        )
    hold("soprano_speed", contestants, arguments, tokens_per_row=TOKENS)


def _checkpoint(peer: str) -> Path:
    folder = BENCH / "soprano-80m"
    if not (folder / "decoder.pth").exists():
        subprocess.run([peer, str(ROOT / "benchmarks" / "soprano_checkpoint.py"), str(folder)], check=True)
    return folder


if __name__ == "__main__":
    main()

"""The families at their true sizes: the best peers against our engine, alternating in one run; medians and ratios.

``make bench`` prepares the environments and runs all four. Weights are random (``benchmarks/checkpoints``), every row is of one
length, all use the same threads but pocket-tts, which does best with its own setting of one thread and one more for its
decoder. Writes ``.bench/<table>.json`` and the table in ``docs/performance.md``. The VibeVoice families take 20 GB of disk
and of memory.

Another checkpoint, and only some contestants: ``pocket-tts --checkpoint .bench/pocket-2m --only int8 --no-page``.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from actors.families.vibevoice_realtime.solver import solver_steps
from actors.runtime.choice import AUTO
from benchmarks.contest import BENCH, PEERS, ROOT, Contestant, bundle, engines, hold, parser

FOX = "The quick brown fox jumps over the lazy dog"
SOPRANO = str(BENCH / "peer" / "bin" / "python")  # of the environment with soprano-tts
SLOTS = (1, 8, 16, 32)


@dataclass(frozen=True)
class Peer:
    """What we compare with: a module of ``benchmarks.peers``, what it is told, and a layout if it runs a bundle of ours."""

    name: str
    module: str
    how: object
    layout: str | None = None


@dataclass(frozen=True)
class Contest:
    """A family's contest.

    Attributes:
        table: in ``docs/performance.md``.
        python: of the environment that writes the checkpoint and runs the peers.
        checkpoint: folder in ``.bench``.
        written: a file that it has when it is whole.
        made_by: module and first arguments of what writes it.
        task: the same for all contestants: ``length`` in steps of the family, and what else a row is.
        slots: of our engine.
        spread: also one worker a thread.
    """

    table: str
    python: str
    checkpoint: str
    written: str
    made_by: Sequence[str]
    task: Mapping[str, object]
    peers: Sequence[Peer]
    slots: Sequence[int] = SLOTS
    spread: bool = False

    def write_checkpoint(self) -> Path:
        """Return the checkpoint's folder, written once."""
        folder = BENCH / self.checkpoint
        if not (folder / self.written).exists():
            module, *arguments = self.made_by
            command = [self.python, "-m", f"benchmarks.checkpoints.{module}", *arguments, str(folder)]
            subprocess.run(command, check=True, cwd=ROOT)
        return folder


CONTESTS = {
    "soprano": Contest(
        table="soprano_speed",
        python=SOPRANO,
        checkpoint="soprano-80m",
        written="decoder.pth",
        made_by=("soprano",),
        task={"length": 96, "text": f"{FOX} and then it runs far away into the deep green forest of the valley."},
        peers=[Peer(f"soprano-tts 0.2.0, batch {n}", "soprano", n) for n in (1, 8)],
        spread=True,
    ),
    "pocket-tts": Contest(
        table="pocket_speed",
        python=PEERS,
        checkpoint="pocket-english",
        written="voice.safetensors",
        made_by=("pocket_tts", "english"),
        task={"length": 63, "text": f"{FOX}, and then it runs far away."},  # one piece of speech
        peers=[
            Peer("pocket-tts 4.0.1, fp32", "pocket_tts", "official"),
            Peer("pocket-tts 4.0.1, int8", "pocket_tts", "official-int8"),
            *(Peer(f"transformers, batch {n}", "pocket_tts", f"transformers-{n}") for n in (8, 16)),
        ],
        spread=True,
    ),
    "vibevoice-realtime": Contest(
        table="vibevoice_speed",
        python=PEERS,
        checkpoint="vibevoice-0.5b",
        written="voice.pt",
        made_by=("vibevoice_realtime",),
        task={"length": 30},
        peers=[
            Peer(
                "PyTorch, one row, 5 steps",
                "vibevoice_realtime",
                json.dumps([asdict(step) for step in solver_steps(5, 1000, stochastic=False)]),
            ),
            Peer("ONNX, one row, 20 steps", "vibevoice_onnx", 20, layout="portable"),
        ],
    ),
    "vibevoice-asr": Contest(
        table="transcription_speed",
        python=PEERS,
        checkpoint="vibevoice-asr-1.5b",
        written="config.json",
        made_by=("vibevoice_asr",),
        task={"length": 100, "seconds": 20.0},
        peers=[Peer(f"transformers, batch {n}", "vibevoice_asr", n) for n in (1, 4, 8, 16)],
        slots=(1, 4, 8, 16),
    ),
}


def contestants(family: str, contest: Contest, arguments: argparse.Namespace) -> list[Contestant]:
    """Return the peers, and our bundles at several numbers of slots."""
    checkpoint = arguments.checkpoint or contest.write_checkpoint()
    found = [
        Contestant(
            peer.name,
            sys.executable if peer.layout else contest.python,
            f"benchmarks.peers.{peer.module}",
            bundle(family, checkpoint, "fp32", peer.layout) if peer.layout else checkpoint,
            peer.how,
            contest.task,
            is_peer=True,
        )
        for peer in contest.peers
    ]
    for precision in arguments.precisions:
        workers, slots = arguments.threads if contest.spread else 1, arguments.slots or contest.slots
        with_openvino = contest.spread and find_spec("openvino") is not None
        model = bundle(family, checkpoint, precision, openvino=with_openvino)
        found += engines(model, precision, slots, contest.task, workers)
        if with_openvino:
            found += engines(model, f"{precision} --backend auto", slots[-1:], {**contest.task, "device": AUTO}, workers)
    chosen = [one for one in found if not arguments.only or any(part in one.name for part in arguments.only)]
    if not chosen:
        raise SystemExit(f"none of {', '.join(one.name for one in found)} has {' or '.join(arguments.only)} in its name")
    return chosen


def main() -> None:
    """Hold the contests of some families."""
    options = parser(__doc__ or "")
    options.add_argument("families", nargs="*", choices=[*CONTESTS, []], help="default: all")
    options.add_argument("--slots", type=int, nargs="+", help="of our engine")
    options.add_argument("--precisions", nargs="+", default=["fp32", "int8"])
    options.add_argument("--checkpoint", type=Path, help="another one, of one family")
    options.add_argument("--only", nargs="+", help="contestants in whose names this is")
    arguments = options.parse_args()
    if arguments.checkpoint and len(arguments.families) != 1:
        options.error("--checkpoint is of one family: name it")
    for family in arguments.families or CONTESTS:
        contest = CONTESTS[family]
        hold(contest.table, contestants(family, contest, arguments), arguments, **contest.task)


if __name__ == "__main__":
    main()

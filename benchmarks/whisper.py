"""Whisper on real recordings: faster-whisper against our engine, alternating in one run; medians, ratios and word errors.

Both hear the same files with the same threads and real weights: greedy, in English, with their own voice activity detection,
each window by itself. Files are decoded and models are open before time is taken. Long files are the long recordings as they
are and all of them one after another; short ones are the recordings cut at silences. faster-whisper hears file by file, two
files at a time, or windows of a file in batches. Writes ``.bench/<table>.json`` and the tables in ``docs/performance.md``.

Needs the packages with the weights (``benchmarks/real_weights.py``) and the recordings (``benchmarks/real_speech.py``).
Only some: ``python -m benchmarks.whisper --sizes base --files long --timestamps without --only batch int8 --no-page``.
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from actors.errors import InputDataError, StorageError
from benchmarks.contest import BENCH, PEERS, Contestant, bundle, engines, parser, publish, take_turns
from benchmarks.real_speech import FOLDER, Files, long_files, recordings, short_files
from benchmarks.real_weights import MODELS, RealModel, fetch

PRECISIONS = {"fp32": "float32", "int8": "int8"}  # as faster-whisper names them
SLOTS = (8, 16)
KINDS: Mapping[str, tuple[Callable[[Files, int], Files], tuple[str, ...]]] = {
    # what makes the files, and how faster-whisper hears them: a short file is one window, which there is nothing to batch with
    "long": (long_files, ("one", "two", "4", "8", "16")),
    "short": (short_files, ("one", "two", "8")),
}
TIMESTAMPS = {"without": False, "with": True}
_WAYS = {"one": "file by file", "two": "two files at a time"}


def contestants(
    model: RealModel, ways: tuple[str, ...], task: Mapping[str, object], arguments: argparse.Namespace, *, fits: bool
) -> list[Contestant]:
    """Return faster-whisper in all precisions and ways, and our bundles in those that are asked for; ``fits``: also fitting."""
    found = [
        Contestant(
            f"faster-whisper {precision}, {_WAYS.get(way, f'batch {way}')}",
            PEERS,
            "benchmarks.peers.faster_whisper",
            model.ctranslate2,
            f"{compute}-{way}",
            task,
            is_peer=True,
        )
        for precision, compute in PRECISIONS.items()
        for way in ways
    ]
    for precision in arguments.precisions:
        folder = bundle("whisper", model.checkpoint, precision, name=model.checkpoint.name)
        found += engines(folder, precision, SLOTS, task, workers=arguments.threads, module="benchmarks.engine_on_files")
        if fits:
            fitting = engines(folder, precision, SLOTS, {**task, "fit_window": True}, module="benchmarks.engine_on_files")
            found += [replace(one, name=f"{one.name}, fitting windows") for one in fitting]
    return found


def hold(model: RealModel, kind: str, files: Files, arguments: argparse.Namespace) -> None:
    """Hold the contest of a model on files of a kind, without and with timestamps."""
    path = files.write(BENCH / "real" / f"{kind}.npz")
    name = f"whisper_{model.name.replace('.', '_')}_{kind}"
    for how in arguments.timestamps:
        task = {"files": str(path), "timestamps": TIMESTAMPS[how]}
        found = contestants(model, KINDS[kind][1], task, arguments, fits=kind == "short")
        chosen = [one for one in found if not arguments.only or any(part in one.name for part in arguments.only)]
        speeds, last = take_turns(chosen, arguments)
        errors = {one.name: files.errors(last[one.name]["texts"]) for one in chosen}
        facts = {
            **task,
            "files_heard": len(files.audio),
            "audio_s": files.seconds,
            "word_errors": {name: error.rate for name, error in errors.items()},
        }
        peers = [one.name for one in chosen if one.is_peer]
        more = {f"word errors {how} timestamps": {name: f"{error.rate:.1%}" for name, error in errors.items()}}
        publish(name, speeds, peers, arguments, facts, how=f", {how} timestamps", more=more)


def main() -> None:
    """Hold the contests of some models on some files; say why where there are none."""
    options = parser(__doc__ or "")
    options.add_argument("--sizes", nargs="+", choices=[*MODELS], default=[*MODELS])
    options.add_argument("--files", nargs="+", choices=[*KINDS], default=[*KINDS])
    options.add_argument("--timestamps", nargs="+", choices=[*TIMESTAMPS], default=[*TIMESTAMPS])
    options.add_argument("--repeats", type=int, default=4, help="of the recordings: more windows, more files")
    options.add_argument("--speech", type=Path, default=FOLDER, help="the folder with the recordings")
    options.add_argument(
        "--precisions", nargs="*", choices=[*PRECISIONS], default=[*PRECISIONS], help="of ours; none: only peers"
    )
    options.add_argument("--only", nargs="+", help="contestants in whose names this is")
    arguments = options.parse_args()
    try:
        real = recordings(arguments.speech)
        for size in arguments.sizes:
            fetch(MODELS[size])
            for kind in arguments.files:
                hold(MODELS[size], kind, KINDS[kind][0](real, arguments.repeats), arguments)
    except (InputDataError, StorageError) as error:
        print(f"skipped: {error}")


if __name__ == "__main__":
    main()

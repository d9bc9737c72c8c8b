"""Does the embedded ear hear? Word errors, who spoke when, and its speed, as tables for its README; its learning curves.

The embedded voice speaks sentences that neither has learnt from (WordNet's, long ones, rows of held-out words, and those of
the speech gate); the ear hears them with the int8 bundle that ships and with fp32, exported now. Dialogues of 30 s are
between the embedded voice and espeak-ng's voices, or two of those, once with voices that it has learnt from and once with
others; the gate's sentences also make one long recording, and rows of some lengths are made of what the voice says. Then the
jobs speak, transcribe and compare with two workers on Ray. ``--fixture`` only writes the dialogues that the tests hear. Needs
the ``export`` and ``train`` extras, espeak-ng and WordNet.

Usage::

    python -m benchmarks.embedded_ear --training build/embedded-ear
"""

import argparse
import itertools
import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl

from actors.audio.codec import resample
from actors.models import open_model
from actors.requests import TranscriptionRequest, TranscriptionResult
from cluster.registry import EMBEDDED_ASR, embedded_folder
from exporter.build import build_bundle
from exporter.checkpoints import open_checkpoint
from exporter.vibevoice_asr import FILES, load
from jobs.scoring import Errors, word_errors
from training import texts
from training.ear.corpus import TRAIN_CAST
from training.ear.corpus import speak as speak_by_espeak
from training.ear.measure import one_after_another, read_dialogues, samples_of, score_dialogues, write_dialogues
from training.ear.rows import Pool
from training.ear.sounds import SAMPLE_RATE, Sound, read
from training.measure import read_gate, speak

mpl.use("Agg")

from matplotlib import pyplot

ROOT = Path(__file__).parent.parent
TRAINING = ROOT / "training"
DIALOGUES = 40
LENGTHS_S = (3.0, 6.0, 12.0, 18.0, 24.0, 30.0)
ROWS_OF_A_LENGTH = 40
SHORT_PIECES_S = 15.0
_HELD_OUT = 300
SHOWN = 10

CURVES = {"heard right": ("phoneme_accuracy", "pointed_accuracy"), "right speaker": ("speaker_accuracy",)}


def sentences() -> dict[str, list[str]]:
    """What is said, by set."""
    collected = texts.collect(0)
    gate = {f"gate: {name}": [one.text for one in said] for name, said in read_gate().items()}
    return {
        "WordNet sentences": collected.held_out,
        "100 to 150 characters": collected.long,
        "rows of words never heard": collected.unseen,
    } | gate


def transcribe(bundle: Path, requests: Sequence[TranscriptionRequest]) -> list[TranscriptionResult]:
    """Hear requests with a bundle, in order."""
    with open_model(bundle, threads=2) as engine:
        return engine.generate(requests)


def _percent(errors: Errors) -> str:
    return f"{errors.rate:.1%}"


def word_table(bundles: Mapping[str, Path]) -> str:
    """Word errors by set and precision; and what was heard of some sentences."""
    lines = ["| set | sentences | int8 | fp32 | shuffled |", "|---|---|---|---|---|"]
    shown = ["| said | heard |", "|---|---|"]
    for name, said in sentences().items():
        spoken = speak(embedded_folder(), said)
        audio = [resample(result.audio, result.sample_rate, SAMPLE_RATE) for result in spoken]
        requests = [TranscriptionRequest(f"{i}", samples) for i, samples in enumerate(audio)]
        heard = {key: [result.text for result in transcribe(bundle, requests)] for key, bundle in bundles.items()}
        rates = " | ".join(_percent(word_errors(zip(said, heard[key], strict=True))) for key in ("int8", "fp32"))
        shuffled = _percent(word_errors(zip(said, heard["int8"][1:] + heard["int8"][:1], strict=True)))
        lines.append(f"| {name} | {len(said)} | {rates} | {shuffled} |")
        if name.startswith("gate"):
            shown += [f"| {one} | {text} |" for one, text in zip(said, heard["int8"], strict=True)][: SHOWN // 3 + 1]
    return "\n".join([*lines, "", *shown])


def dialogue_sounds(training: Path) -> dict[str, list[Sound]]:
    """What dialogues are made of, by whose voices: sentences that were not learnt from."""
    voice = sorted((training / "test-voice").glob("*.pt"))
    said = [(line, i % len(TRAIN_CAST)) for i, line in enumerate(texts.collect(0).held_out[:_HELD_OUT])]
    known = speak_by_espeak(training / "test-cast", said, TRAIN_CAST, processes=2)
    strangers = sorted((training / "test-espeak").glob("*.pt"))
    return {"known": read([*known, *voice]), "unknown": read([*strangers, *voice])}


def dialogue_table(bundles: Mapping[str, Path], training: Path) -> str:
    """Who spoke when, and what."""
    columns = ("voices", "precision", "segments", "times within 0.2 s", "right speaker", "both", "word errors")
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    for voices, sounds in dialogue_sounds(training).items():
        with tempfile.TemporaryDirectory() as folder:
            write_dialogues(Path(folder), sounds, DIALOGUES, seed=1)
            dialogues = read_dialogues(Path(folder))
            requests = [TranscriptionRequest(path.stem, samples_of(path.read_bytes())) for path in dialogues]
        for name, bundle in bundles.items():
            heard = transcribe(bundle, requests)
            score = score_dialogues([result.segments for result in heard], dialogues.values())
            shares = " | ".join(f"{part / score.segments:.1%}" for part in (score.timed, score.attributed, score.right))
            texts_said = [" ".join(segment.text for segment in said) for said in dialogues.values()]
            errors = _percent(word_errors(zip(texts_said, [result.text for result in heard], strict=True)))
            lines.append(f"| {voices} | {name} | {score.segments} | {shares} | {errors} |")
    return "\n".join(lines)


def length_table(bundle: Path, training: Path) -> str:
    """Word errors of rows of some lengths, each of as many sentences of the embedded voice as it holds."""
    pool = Pool(read(sorted((training / "test-voice").glob("*.pt"))))
    lines = ["| seconds | rows | word errors |", "|---|---|---|"]
    for seconds in LENGTHS_S:
        generator = random.Random(seconds)
        rows = [pool.row(generator, seconds, 1, 1.0, spoilt=False) for _ in range(ROWS_OF_A_LENGTH)]
        heard = transcribe(bundle, [TranscriptionRequest(f"{i}", row.audio) for i, row in enumerate(rows)])
        said = [" ".join(turn.sound["text"] for turn in row.turns) for row in rows]
        errors = _percent(word_errors(zip(said, [result.text for result in heard], strict=True)))
        lines.append(f"| {seconds:g} | {len(rows)} | {errors} |")
    return "\n".join(lines)


def long_table(bundle: Path) -> str:
    """Word errors of the speech gate's sentences alone, and one after another for more than 20 minutes, in two ways cut."""
    said = [one.text for part in read_gate().values() for one in part]
    audio = [resample(result.audio, result.sample_rate, SAMPLE_RATE) for result in speak(embedded_folder(), said)]
    recording, times = one_after_another(audio, 20 * 60)
    requests = [TranscriptionRequest(f"{i}", samples) for i, samples in enumerate([*audio, recording])]
    requests.append(TranscriptionRequest("short pieces", recording, options={"max_chunk_s": SHORT_PIECES_S}))
    *alone, whole, cut = (result.text for result in transcribe(bundle, requests))
    apart = word_errors(zip(said, alone, strict=True))
    together, in_pieces = (_percent(word_errors([(" ".join(said * times), text)])) for text in (whole, cut))
    minutes = len(recording) / SAMPLE_RATE / 60
    return (
        f"sentences alone {_percent(apart)}, {times} times one after another for {minutes:.0f} minutes {together}, "
        f"in pieces of at most {SHORT_PIECES_S:g} s {in_pieces}"
    )


def through_jobs(rows: int) -> str:
    """What the jobs say of themselves: the voice speaks so many held-out sentences, again and again, the ear hears them."""
    lines = list(itertools.islice(itertools.cycle(texts.collect(0).held_out), rows))
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "said.jsonl"
        said.write_text("".join(json.dumps({"text": line}) + "\n" for line in lines))
        _run("synthesize_corpus.py", "--input", said, "--output", Path(folder) / "speech", "--workers", "2")
        arguments = ("--input", Path(folder) / "speech", "--output", Path(folder) / "heard", "--workers", "2")
        speed = _run("transcribe_dataset.py", *arguments)
        compared = ("--references", Path(folder) / "speech", "--reference", "text", "--language", "en")
        return f"{speed}\n{_run('evaluate.py', '--input', Path(folder) / 'heard', *compared)}"


def _run(job: str, *arguments: str | Path) -> str:
    command = [sys.executable, str(ROOT / "jobs" / job), *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def read_curve(folder: Path) -> list[dict[str, float]]:
    """What the training measured, in order of its steps."""
    return [json.loads(line) for line in (folder / "ear.jsonl").read_text().splitlines()]


def pace(lines: Sequence[Mapping[str, float]]) -> str:
    """How long the training took, and the median seconds of a step in every thousand."""
    seconds = defaultdict(list)
    for before, after in itertools.pairwise(lines):
        thousand = int(after["step"] - 1) // 1000
        seconds[thousand].append((after["seconds"] - before["seconds"]) / (after["step"] - before["step"]))
    medians = ", ".join(f"{statistics.median(each):.2f}" for _, each in sorted(seconds.items()))
    return f"{lines[-1]['step']} steps in {lines[-1]['seconds'] / 60:.0f} minutes; seconds a step, by thousands: {medians}"


def draw_curves(lines: Sequence[Mapping[str, float]], path: Path) -> None:
    """Learning curves: training as lines, held-out rows as points."""
    figure, axes = pyplot.subplots(1, len(CURVES), figsize=(10, 3.2), layout="constrained")
    for axis, (title, names) in zip(axes, CURVES.items(), strict=True):
        for color, name in zip(("#3b528b", "#d95f02"), names, strict=False):
            axis.plot([line["step"] for line in lines], [line[name] for line in lines], color=color, label=name)
            tests = [(line["step"], line[f"test_{name}"]) for line in lines if f"test_{name}" in line]
            axis.plot(*zip(*tests, strict=True), ".", color=color)
        axis.set(title=title, xlabel="steps")
        axis.legend()
    figure.savefig(path, dpi=100)


def main() -> None:
    """Print the tables, draw the curves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--training", type=Path, required=True, help="the folder that was trained in")
    parser.add_argument("--rows", type=int, default=1500, help="of the corpus that the job transcribes")
    parser.add_argument("--fixture", action="store_true", help="only write tests/fixtures/dialogues")
    arguments = parser.parse_args()
    if arguments.fixture:
        write_dialogues(ROOT / "tests" / "fixtures" / "dialogues", dialogue_sounds(arguments.training)["known"], 6, seed=0)
        return
    curve = read_curve(arguments.training)
    draw_curves(curve, TRAINING / "ear" / "curves.png")
    print(f"{pace(curve)}\n")
    with tempfile.TemporaryDirectory() as folder:
        fp32 = Path(folder) / "bundle"
        export = load(open_checkpoint(str(TRAINING / "checkpoints" / "ear"), FILES), "server")
        build_bundle(export, EMBEDDED_ASR, "fp32", "server", fp32)
        bundles = {"int8": embedded_folder(EMBEDDED_ASR), "fp32": fp32}
        print(f"{word_table(bundles)}\n\n{dialogue_table(bundles, arguments.training)}\n\n{long_table(bundles['int8'])}\n")
        print(f"{length_table(bundles['int8'], arguments.training)}\n")
        print(through_jobs(arguments.rows))


if __name__ == "__main__":
    main()

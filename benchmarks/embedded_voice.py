"""Is the embedded voice understood? What the judge hears of it, as tables for its README; its spectrogram and curves.

Speaks the sentences of the speech gate with the int8 bundle that ships and with fp32, exported now; says for ten of them what
the judge heard. Draws ``docs/spectrogram.png``. With the folder of a training it speaks that one's test sets instead, and draws
its curves into ``training/voice/curves.png``. Needs the ``export`` and ``train`` extras.

Usage::

    python -m benchmarks.embedded_voice --training build/embedded-voice
"""

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np

from exporter.build import build_bundle
from exporter.checkpoints import open_checkpoint
from exporter.soprano import FILES, load
from training.judge import SAMPLE_RATE, Judge, edits
from training.measure import Said, measure, read_gate, speak
from training.voice.train import TEST_SETS, spoken_phonemes
from training.voice.utterances import read

mpl.use("Agg")

from matplotlib import pyplot

ROOT = Path(__file__).parent.parent
BUNDLE = ROOT / "embedded" / "voice"
TRAINING = ROOT / "training"
SHOWN = "The book cost $3.50 in 1984."
CURVES = {  # figures: (what the axis says, the part that was trained, the measure)
    "language model: share right": (("lm", "code_accuracy"), ("lm", "phoneme_accuracy")),
    "decoder: relative distance": (("decoder", "spectrum"), ("decoder", "waveform")),
    "judge: CTC loss": (("judge", "ctc"),),
}


def test_sets(training: Path) -> dict[str, list[Said]]:
    """What a training has spoken, but not learned."""
    return {
        name: [Said(one["text"], spoken_phonemes(one)) for one in read(sorted((training / name).glob("*.pt")))]
        for name in TEST_SETS
    }


def scores(sets: Mapping[str, Sequence[Said]]) -> str:
    """A table of phoneme errors by set, of both precisions."""
    with tempfile.TemporaryDirectory() as folder:
        fp32 = Path(folder) / "bundle"
        build_bundle(
            load(open_checkpoint(str(TRAINING / "checkpoints" / "voice"), FILES), "server"), "fp32", "fp32", "server", fp32
        )
        measured = {"int8": measure(BUNDLE, sets), "fp32": measure(fp32, sets)}
    lines = ["| set | sentences | ended | int8 | fp32 | shuffled |", "|---|---|---|---|---|---|"]
    for name, int8 in measured["int8"].items():
        errors = f"{int8.error:.1%} | {measured['fp32'][name].error:.1%} | {int8.shuffled:.0%}"
        lines.append(f"| {name} | {int8.sentences} | {int8.ended:.0%} | {errors} |")
    return "\n".join(lines)


def heard(count: int = 10) -> str:
    """A table of what the judge heard of the first sentences of every set in turn, in espeak-ng's phoneme names."""
    judge = Judge.load()
    said = [one for row in zip(*read_gate().values(), strict=False) for one in row][:count]
    lines = ["| said | heard | errors |", "|---|---|---|"]
    for one, result in zip(said, speak(BUNDLE, [one.text for one in said]), strict=True):
        phonemes = judge.hear(result.audio)
        wrong = edits(phonemes, one.phonemes)
        lines.append(f"| {one.text} | `{' '.join(phonemes)}` | {wrong} of {len(one.phonemes)} |")
    return "\n".join(lines)


def draw_spectrogram(path: Path) -> None:
    """Waveform above, spectrogram below."""
    (result,) = speak(BUNDLE, [SHOWN])
    figure, (above, below) = pyplot.subplots(2, 1, figsize=(9, 4), sharex=True, height_ratios=(1, 2.5), layout="constrained")
    above.plot(np.arange(len(result.audio)) / SAMPLE_RATE, result.audio, linewidth=0.4, color="#3b528b")
    above.set_axis_off()
    below.specgram(result.audio + 1e-6, NFFT=512, noverlap=384, Fs=SAMPLE_RATE, vmin=-125, vmax=-45, cmap="magma")
    below.set(xlabel="seconds", ylabel="Hz")
    figure.savefig(path, dpi=110)


def draw_curves(folder: Path, path: Path) -> None:
    """Learning curves: training as lines, held-out sentences as points."""
    figure, axes = pyplot.subplots(1, len(CURVES), figsize=(12, 3.2), layout="constrained")
    for axis, (title, measures) in zip(axes, CURVES.items(), strict=True):
        for color, (part, name) in zip(("#3b528b", "#d95f02"), measures, strict=False):
            lines = [json.loads(line) for line in (folder / f"{part}.jsonl").read_text().splitlines()]
            axis.plot([line["step"] for line in lines], [line[name] for line in lines], color=color, label=name)
            tests = [(line["step"], line[f"test_{name}"]) for line in lines if f"test_{name}" in line]
            axis.plot(*zip(*tests, strict=True), ".", color=color)
        axis.set(title=title, xlabel="steps")
        axis.legend()
    axes[-1].set_yscale("log")
    figure.savefig(path, dpi=100)


def main() -> None:
    """Print the tables, draw the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--training", type=Path, help="the folder that was trained in")
    arguments = parser.parse_args()
    draw_spectrogram(ROOT / "docs" / "spectrogram.png")
    if arguments.training:
        draw_curves(arguments.training, TRAINING / "voice" / "curves.png")
    print(f"{scores(test_sets(arguments.training) if arguments.training else read_gate())}\n\n{heard()}")


if __name__ == "__main__":
    main()

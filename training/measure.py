"""Measures speech: what the judge hears of a bundle, set by set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from actors.models import open_model
from actors.requests import SynthesisRequest, SynthesisResult
from training.judge import SAMPLE_RATE, Judge, error_rate

GATE = Path(__file__).parent / "gate.tsv"


@dataclass(frozen=True)
class Said:
    """A text and the phonemes that espeak-ng reads from it, without pauses."""

    text: str
    phonemes: list[str]


@dataclass(frozen=True)
class Score:
    """What was measured on one set.

    Attributes:
        sentences: how many.
        ended: the share that reached the end token in time.
        error: phoneme error rate.
        shuffled: the same, each sentence compared with the next one's phonemes: what it is when nothing is right.
        seconds: of audio.
    """

    sentences: int
    ended: float
    error: float
    shuffled: float
    seconds: float


def read_gate(path: Path = GATE) -> dict[str, list[Said]]:
    """Read the sentences of the speech gate by set: lines of set, text and phonemes, separated by tabs."""
    sets: dict[str, list[Said]] = {}
    for line in path.read_text().splitlines():
        name, text, phonemes = line.split("\t")
        sets.setdefault(name, []).append(Said(text, phonemes.split()))
    return sets


def write_gate(sets: Mapping[str, Sequence[Said]], path: Path) -> None:
    """Write them; the inverse of :func:`read_gate`."""
    lines = [f"{name}\t{said.text}\t{' '.join(said.phonemes)}" for name, sentences in sets.items() for said in sentences]
    path.write_text("\n".join(lines) + "\n")


def speak(bundle: Path, texts: Sequence[str], threads: int = 2) -> list[SynthesisResult]:
    """Speak texts with the bundle's defaults, in order."""
    with open_model(bundle, threads=threads) as engine:
        return engine.generate([SynthesisRequest(id=f"{i}", text=text) for i, text in enumerate(texts)])


def score(judge: Judge, said: Sequence[Said], audio: Sequence[np.ndarray], ended: float = 1.0) -> Score:
    """Let the judge hear audio at 16 kHz, one array for each text."""
    heard = [judge.hear(samples) for samples in audio]
    wanted = [one.phonemes for one in said]
    return Score(
        sentences=len(said),
        ended=ended,
        error=error_rate(heard, wanted),
        shuffled=error_rate(heard, wanted[1:] + wanted[:1]),
        seconds=sum(map(len, audio)) / SAMPLE_RATE,
    )


def measure(bundle: Path, sets: Mapping[str, Sequence[Said]]) -> dict[str, Score]:
    """Speak and score every set."""
    judge = Judge.load()
    scores = {}
    for name, said in sets.items():
        results = speak(bundle, [one.text for one in said])
        ended = sum(result.finish_reason == "eos" for result in results) / len(results)
        scores[name] = score(judge, said, [result.audio for result in results], ended)
    return scores

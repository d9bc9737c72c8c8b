"""The embedded voice and its judge, from texts to a checkpoint: ``make train-embedded``.

Needs espeak-ng, WordNet (``apt install espeak-ng wordnet-base``) and the ``train`` extra. Everything is seeded; every step
keeps what it made, and a run that was stopped goes on from there.
"""

import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch

from training import judge, texts
from training.fitting import pick_device
from training.measure import GATE, Said, read_gate, write_gate
from training.texts import clean
from training.voice import checkpoint, corpus, decoder, lm
from training.voice.codes import Codebook, Example
from training.voice.utterances import SAMPLE_RATE, TOKEN, Utterance, read

WITH_AUDIO = 5000  # texts that the decoder and the judge learn from
TEST_SETS = ("held_out", "long", "unseen")
_FEWEST = 40  # texts of a set, at any scale: enough that every batch is full

logger = logging.getLogger(__name__)


def train(folder: Path, output: Path, seed: int, scale: float = 1.0) -> None:
    """Train everything, or go on.

    Args:
        folder: for speech, training states and curves.
        output: gets ``checkpoints/voice/`` and ``judge.safetensors``, and the phonemes in its ``gate.tsv`` anew.
        seed: of everything random.
        scale: part of the texts and steps; a small one tries the whole way in minutes and learns nothing.

    Raises:
        UsageError: espeak-ng or WordNet is not installed.
    """
    device = pick_device()
    speech = make_speech(folder, seed, scale)
    train_set = read(speech["train"])
    tests = read(speech["held_out"])
    codebook = Codebook.fit(train_set, seed)
    logger.info("%d utterances, %.1f hours", len(train_set), sum(map(_seconds, train_set)) / 3600)

    def steps(full: int) -> int:
        return max(2, round(full * scale))

    sounding = [u for u in train_set if len(u["audio"])]
    ear = judge.train(
        folder / "judge", _sounds(sounding), _sounds(tests), codebook.phonemes[1:],
        seed=seed, device=device, steps=steps(judge.STEPS),
    )  # fmt: skip
    output.mkdir(parents=True, exist_ok=True)
    ear.save(output / "judge.safetensors")
    gate = {name: [Said(one.text, corpus.read_aloud(clean(one.text))) for one in said] for name, said in read_gate().items()}
    write_gate(gate, output / GATE.name)
    voice = lm.train(
        folder / "lm", _examples(codebook, train_set), _examples(codebook, tests), len(codebook.phonemes),
        seed=seed, device=device, steps=steps(lm.STEPS), compiled=shutil.which("g++") is not None,
    )  # fmt: skip
    sound = decoder.train(
        folder / "decoder",
        decoder.pairs(voice, codebook, sounding, device),
        decoder.pairs(voice, codebook, tests, device),
        seed=seed, device=device, steps=steps(decoder.STEPS),
    )  # fmt: skip
    checkpoint.write(output / "checkpoints" / "voice", voice.lm, sound)


def make_speech(folder: Path, seed: int, scale: float) -> dict[str, list[Path]]:
    """Speak the texts: paths of the shards of every set."""
    collected = texts.collect(seed)
    processes = len(os.sched_getaffinity(0))
    paths = {}
    for name in (*TEST_SETS, "train"):
        lines: list[str] = getattr(collected, name)
        lines = lines[: max(_FEWEST, round(len(lines) * scale))]
        sounding = max(_FEWEST, round(WITH_AUDIO * scale)) if name == "train" else len(lines)
        paths[name] = corpus.make(folder / name, lines, sounding, processes)
    return paths


def spoken_phonemes(utterance: Utterance) -> list[str]:
    """The phonemes without pauses."""
    return [name for name in utterance["phonemes"] if name != "_"]


def _sounds(utterances: Sequence[Utterance]) -> list[tuple[torch.Tensor, list[str]]]:
    return [(u["audio"].float() / 32768, spoken_phonemes(u)) for u in utterances]


def _examples(codebook: Codebook, utterances: Sequence[Utterance]) -> list[Example]:
    return [codebook.example(u) for u in utterances]


def _seconds(utterance: Utterance) -> float:
    return len(utterance["features"]) * TOKEN / SAMPLE_RATE

"""The embedded ear, from texts to a checkpoint: ``make train-embedded-ear``.

Needs what the voice's training needs (:mod:`training.voice.train`) and the voice's bundle. Everything is seeded; every step
keeps what it made, and a run that was stopped goes on from there.
"""

import functools
import os
import random
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Dataset

from exporter.causal_conv import Conv
from exporter.layers import Linear
from training import texts
from training.ear import checkpoint as ear_checkpoint
from training.ear import corpus as ear_corpus
from training.ear.model import IGNORED, WEIGHTS, Batch, Mistakes, Trainee, Writer
from training.ear.rows import LONGER_STEPS, STEPS, Pool, Row, batch_of, is_named, mistaken_at, rate_at, spelling_of
from training.ear.sounds import VOICE, Sound, read
from training.fitting import fit, mean, pick_device, with_rate
from training.judge import Judge

_ESPEAK_TEXTS, _VOICE_TEXTS, _WORD_ROWS = 16_000, 38_000, 28_000
_TEST_TEXTS = 200
_FEWEST = 40
_MUON_RATE, _ADAM_RATE = 0.02, 2e-3
_PREFETCHED, _NICENESS = 6, 19


class Steps(Dataset[tuple[Batch, Batch | None]]):
    """The batches of a training by their step: what is heard, and what is only spelled, which the first steps have not.

    Args:
        sounds: shards of speech.
        writer: makes the batches.
        seed: of everything random.
        scale: that of the training's steps.
    """

    def __init__(self, sounds: Sequence[Path], writer: Writer, seed: int, scale: float) -> None:
        self._sounds, self._writer, self._seed, self._scale = sounds, writer, seed, scale

    @functools.cached_property
    def _pool(self) -> Pool:
        # Read where batches are made only: among so many small tensors, a training spends a quarter of its time in malloc.
        return Pool(read(self._sounds))

    def __getitem__(self, step: int) -> tuple[Batch, Batch | None]:
        mistakes = Mistakes(mistaken_at(step, self._scale), f"{self._seed}/{step}/mistakes")
        heard = self._writer.batch(batch_of(self._pool, self._seed, step, self._scale), mistakes)
        if not is_named(step, self._scale):
            heard = replace(heard, named=torch.full_like(heard.named, IGNORED))
        spelled = spelling_of(self._pool, self._seed, step, self._scale)
        return heard, self._writer.spelling(spelled, mistakes) if spelled else None

    def between(self, start: int, stop: int) -> Iterable[tuple[Batch, Batch | None]]:
        """Make those of some steps, in a process of its own."""
        return DataLoader(
            self,
            batch_size=None,
            sampler=range(start, stop),
            num_workers=1,
            prefetch_factor=_PREFETCHED,
            worker_init_fn=_give_way,
        )


def _give_way(_: int) -> None:
    """Make batches when a core is idle: a step whose second thread waits for one takes a seventh longer."""
    os.nice(_NICENESS)


def train(folder: Path, bundle: Path, output: Path, seed: int, scale: float = 1.0, *, longer: bool = False) -> None:
    """Train, or go on.

    Args:
        folder: for speech, training states and curves.
        bundle: the voice's.
        output: gets the checkpoint.
        seed: of everything random.
        scale: part of the texts and steps; a small one tries the whole way in minutes and learns nothing.
        longer: go on behind the recipe's end, with rates that fall once more.

    Raises:
        UsageError: espeak-ng or WordNet is not installed.
    """
    device = pick_device()
    torch.manual_seed(seed)
    sounds, tests = make_speech(folder, bundle, seed, scale)
    writer = Writer(Judge.load().phonemes)
    trainee = Trainee(writer, len(ear_corpus.TRAIN_CAST) + 1).to(device)
    if shutil.which("g++") is not None:
        trainee.compile_training()
    held = [_of_strangers(writer.batch(rows)).to(device) for rows in test_rows(read(tests), seed)]
    made, steps = Steps(sounds, writer, seed, scale), max(2, round((LONGER_STEPS if longer else STEPS) * scale))

    def batches(start: int) -> Iterator[tuple[Batch, Batch | None]]:
        for heard, spelled in made.between(start, steps):
            yield heard.to(device), spelled.to(device) if spelled else None

    def held_losses() -> dict[str, float]:
        return mean(trainee.losses(batch) for batch in held)

    fit(
        folder / "ear",
        trainee,
        _optimizers(trainee),
        batches,
        lambda batch: trainee.losses(*batch),
        WEIGHTS,
        held_losses,
        steps,
        lambda done: rate_at(done * steps, scale),
    )
    ear_checkpoint.write(output, trainee, writer.tokenizer)


def _of_strangers(batch: Batch) -> Batch:
    """None of the speakers is in the cast that voices are told by."""
    return replace(batch, voices=torch.full_like(batch.voices, IGNORED), named=torch.full_like(batch.named, IGNORED))


def _optimizers(trainee: Trainee) -> list[torch.optim.Optimizer]:
    matrices = [module.weight for module in trainee.modules() if isinstance(module, Linear | Conv)]
    known = {id(matrix) for matrix in matrices}
    others = [parameter for parameter in trainee.parameters() if id(parameter) not in known]
    return [
        with_rate(torch.optim.Muon(matrices, lr=_MUON_RATE, weight_decay=0.01)),
        with_rate(torch.optim.AdamW(others, lr=_ADAM_RATE, betas=(0.9, 0.98), weight_decay=0.0)),
    ]


def make_speech(folder: Path, bundle: Path, seed: int, scale: float) -> tuple[list[Path], list[Path]]:
    """Speak the texts: the shards of what is learnt from, and of what is not."""
    collected = texts.collect(seed)
    processes = len(os.sched_getaffinity(0))

    def part(full: int) -> int:
        return max(_FEWEST, round(full * scale))

    cast, strangers = ear_corpus.TRAIN_CAST, ear_corpus.TEST_CAST
    said = _cast(ear_corpus.lines(collected, part(_ESPEAK_TEXTS), seed), len(cast), seed)
    spoken = ear_corpus.speak(folder / "espeak", said, cast, processes)
    lines = ear_corpus.lines(collected, part(_VOICE_TEXTS), seed + 1)
    voiced = ear_corpus.voice(folder / "voice", bundle, lines, processes)
    rows = ear_corpus.word_rows(collected, part(_WORD_ROWS), seed)
    voiced += ear_corpus.voice(folder / "voice-words", bundle, rows, processes)
    held = collected.held_out[: part(_TEST_TEXTS)]
    test = ear_corpus.speak(folder / "test-espeak", _cast(held, len(strangers), seed), strangers, processes)
    test_voiced = ear_corpus.voice(folder / "test-voice", bundle, held, processes)
    return [*spoken, *voiced], [*test, *test_voiced]


def _cast(lines: Sequence[str], speakers: int, seed: int) -> list[tuple[str, int]]:
    generator = random.Random(f"{seed}/cast")  # noqa: S311 - a choice, not a secret
    return [(line, generator.randrange(speakers)) for line in lines]


def test_rows(sounds: Sequence[Sound], seed: int) -> list[list[Row]]:
    """Rows for the curve: of the embedded voice, of strangers, and of dialogues of both."""
    generator = random.Random(f"{seed}/test")  # noqa: S311 - a choice, not a secret
    voice = Pool([sound for sound in sounds if sound["speaker"] == VOICE])
    others = Pool([sound for sound in sounds if sound["speaker"] != VOICE])
    both = Pool(sounds)
    return [
        [voice.row(generator, 8.0, 1, 1.0, spoilt=False) for _ in range(12)],
        [others.row(generator, 8.0, 1, 0.0, spoilt=False) for _ in range(12)],
        [both.row(generator, 30.0, 2, 0.5, spoilt=False) for _ in range(4)],
    ]

"""What a spoken text is to the ear's training, and its files; without what makes it (:mod:`training.ear.corpus`)."""

from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict

import torch
from torch import Tensor

SAMPLE_RATE = 24_000
VOICE = -1  # the speaker that is the embedded voice


class Sound(TypedDict):
    """One text, spoken.

    Attributes:
        text: what is said.
        speaker: the index of espeak-ng's speaker, or :data:`VOICE`.
        audio: int16 ``[samples]`` at 24 kHz.
        start: the first sample of speech.
        end: the sample after the last one of it.
        characters: float32 ``[characters]``: the sample at which each is said; empty where it is not known.
        phonemes: espeak-ng's names, pauses as ``_``; empty where they are not known.
        starts: int32 ``[phonemes]``: their first samples.
    """

    text: str
    speaker: int
    audio: Tensor
    start: int
    end: int
    characters: Tensor
    phonemes: list[str]
    starts: Tensor


def read(paths: Iterable[Path]) -> list[Sound]:
    """Read shards."""
    return [sound for path in paths for sound in torch.load(path, weights_only=True)]

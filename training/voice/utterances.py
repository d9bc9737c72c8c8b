"""What a spoken text is to the training, and its files; without what makes speech (:mod:`training.voice.corpus`).

Time runs in tokens of 1024 samples at 16 kHz (64 ms, four decoder frames); token ``j`` is centred on sample ``1024 j``.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict

import torch
from torch import Tensor

SAMPLE_RATE = 16000
HOP = 256
FRAMES_PER_TOKEN = 4
TOKEN = HOP * FRAMES_PER_TOKEN


class Utterance(TypedDict):
    """One spoken text.

    Attributes:
        text: what is said.
        features: float16 ``[tokens, 4 * 40]``: log-mel of the four frames of each token.
        high: bool ``[tokens]``: whether the pitch is a question's.
        position: float32 ``[tokens]``: the index of the character that is said.
        phonemes: espeak's names, pauses as ``_``.
        starts: int32 ``[phonemes]``: their first samples.
        audio: int16 ``[1024 * tokens]`` of the target voice, or of length 0 where it was not asked for.
    """

    text: str
    features: Tensor
    high: Tensor
    position: Tensor
    phonemes: list[str]
    starts: Tensor
    audio: Tensor


def read(paths: Iterable[Path]) -> list[Utterance]:
    """Read shards."""
    return [utterance for path in paths for utterance in torch.load(path, weights_only=True)]

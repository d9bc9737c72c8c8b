"""Made-up sounds for the ear: tones, one for each speaker."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from training.ear.sounds import Sound


@pytest.fixture(scope="session")
def tone() -> "Callable[[str, int, float], Sound]":
    """Returns a tone of so many seconds with 0.1 s of silence around it, for a text and a speaker."""
    torch = pytest.importorskip("torch", reason="sounds are torch tensors")
    from training.ear.sounds import SAMPLE_RATE, Sound

    def make(text: str, speaker: int, seconds: float) -> Sound:
        samples = round(seconds * SAMPLE_RATE)
        edge = SAMPLE_RATE // 10
        wave = 8000 * np.sin(np.arange(samples) * (0.05 + 0.01 * speaker))
        return Sound(
            text=text,
            speaker=speaker,
            audio=torch.from_numpy(np.pad(wave, edge).astype(np.int16)),
            start=edge,
            end=edge + samples,
            characters=torch.linspace(edge, edge + samples, len(text)),
            phonemes=["_", "a"],
            starts=torch.tensor([0, edge], dtype=torch.int32),
        )

    return make


@pytest.fixture(scope="session")
def sounds(tone: "Callable[[str, int, float], Sound]") -> "list[Sound]":
    """Returns tones of three speakers, the embedded voice among them."""
    from training.ear.sounds import VOICE

    said = ((VOICE, "voice"), (0, "one"), (1, "two"))
    return [tone(f"{word} {chr(97 + i)}", speaker, 0.4 + 0.3 * i) for speaker, word in said for i in range(9)]

"""Recordings of people with their words, and the files that benchmarks hear of them, decoded to arrays of 16 kHz.

The recordings are in a folder beside the checkout, or where ``SPEECHMILL_REAL_SPEECH`` says, and never in the repository:
audio files, and ``references.jsonl`` with their ``path`` and ``text``.
"""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from actors.audio.codec import decode_mono
from actors.audio.vad import SilenceCutter
from actors.errors import InputDataError
from jobs.normaliser import normalise_text
from jobs.scoring import Errors, measure

RATE = 16_000
REFERENCES = "references.jsonl"
FOLDER = Path(os.environ.get("SPEECHMILL_REAL_SPEECH", Path(__file__).parents[2] / "shared" / "real_weights" / "speech"))
LONGEST_SHORT_S = 15.0
_LONGEST_S = 3600.0
_LONG_S = 40.0  # recordings of more are long files as they are
_PAUSE_S = 0.7  # between recordings that are joined


@dataclass(frozen=True)
class Files:
    """What a contestant hears, and what is said in it.

    Attributes:
        audio: float32 mono ``[samples]`` at 16 kHz each.
        references: what is said in files that follow each other: so many, and their words. A recording that was cut is
            compared whole, for nobody wrote down which words are in which piece.
    """

    audio: Sequence[np.ndarray]
    references: Sequence[tuple[int, str]]

    @property
    def seconds(self) -> float:
        """Of all audio."""
        return sum(map(len, self.audio)) / RATE

    def write(self, path: Path) -> Path:
        """Write the audio as an archive of NumPy arrays, which all environments read; return its path."""
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, Any] = {f"{i:04}": samples for i, samples in enumerate(self.audio)}
        np.savez(path, **arrays)
        return path

    def errors(self, texts: Sequence[str]) -> Errors:
        """Count the word errors of what was heard in each file, by Whisper's English normaliser.

        Raises:
            UsageError: jiwer or whisper-normalizer is not installed.
        """
        heard = iter(texts)
        pairs = [(said, " ".join(next(heard) for _ in range(count))) for count, said in self.references]
        return word_errors(pairs)


def word_errors(pairs: Iterable[tuple[str, str]]) -> Errors:
    """Count the word errors of pairs of what was said and what was heard, by Whisper's English normaliser.

    Raises:
        UsageError: jiwer or whisper-normalizer is not installed.
    """
    return sum((measure("", *(normalise_text(text, "en") for text in pair)).words for pair in pairs), Errors())


def recordings(folder: Path = FOLDER) -> Files:
    """Read the recordings of a folder.

    Raises:
        InputDataError: there are none.
        RequestError: one cannot be decoded.
    """
    try:
        lines = [json.loads(line) for line in (folder / REFERENCES).read_text().splitlines()]
    except FileNotFoundError as error:
        raise InputDataError(
            f"{folder} has no recordings: put audio files there and {REFERENCES} with the path and the text of each, "
            "or name another folder as SPEECHMILL_REAL_SPEECH"
        ) from error
    audio = [decode_mono(folder / line["path"], RATE, _LONGEST_S).samples for line in lines]
    return Files(audio, [(1, line["text"]) for line in lines])


def long_files(real: Files, repeats: int) -> Files:
    """Return the long recordings, and one of all recordings one after another, ``repeats`` times: windows to fill a batch."""
    pause = np.zeros(round(_PAUSE_S * RATE), np.float32)
    joined = np.concatenate([part for samples in real.audio for part in (samples, pause)] * repeats)
    texts = [text for _, text in real.references]
    long = [(samples, text) for samples, text in zip(real.audio, texts, strict=True) if len(samples) > _LONG_S * RATE]
    long.append((joined, " ".join(texts * repeats)))
    return Files([samples for samples, _ in long], [(1, text) for _, text in long])


def short_files(real: Files, repeats: int, longest_s: float = LONGEST_SHORT_S) -> Files:
    """Return the recordings cut at silences into files of at most ``longest_s``, ``repeats`` times."""
    cutter = SilenceCutter()
    audio: list[np.ndarray] = []
    references = []
    for samples, (_, text) in zip(real.audio, real.references, strict=True):
        spans = cutter.cut(samples, RATE, round(longest_s * RATE))
        audio += [samples[first:stop] for first, stop in spans]
        references.append((len(spans), text))
    return Files(audio * repeats, references * repeats)

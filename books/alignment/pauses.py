"""Where nobody speaks in a recording: what tells when a sentence begins better than a model's own times."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate

import numpy as np

from actors.audio.mono import FloatArray, blocks

_FRAME_S = 0.01
_SHORTEST_S = 0.15  # stops within words, as before "t", are shorter
_CLICK_S = 0.03  # shorter sounds do not end a pause
_BELOW_SPEECH_DB, _ABOVE_FLOOR = 25.0, 0.3  # what is quieter than both is a pause: below speech, and above the floor's level
_QUIET, _LOUD = 5, 90  # percentiles that are the floor's and the speech's level
_SILENT_DB = -120.0
_BLOCK = 1 << 20  # samples that are looked at together

# How far a word's time may be from the end of a pause that is its beginning, and how much of the pause goes with the word:
# those who cut recordings by hand leave some, and a clip that begins with a sound's first wave sounds cut off.
_REACH_S = 0.4
_PARTING_S = 0.25  # a pause in a word that is as long is none of the word
_LEAD_S = 0.15


class Pauses:
    """Stretches of a recording in which nobody speaks.

    Args:
        spans: first and last second of each, in order and apart.

    Attributes:
        spans: these.
    """

    def __init__(self, spans: Sequence[tuple[float, float]] = ()) -> None:
        self.spans = spans
        self._starts = [start for start, _ in spans]
        self._ends = [end for _, end in spans]

    @cached_property
    def _silent(self) -> Sequence[float]:
        """How much silence there is before each pause, in seconds."""
        return [0.0, *accumulate(end - start for start, end in zip(self._starts, self._ends, strict=True))]

    def spoken(self, seconds: float) -> float:
        """Return how many seconds of speech there are before a time."""
        count = bisect_right(self._starts, seconds)
        inside = max(0.0, self._ends[count - 1] - seconds) if count else 0.0
        return seconds - self._silent[count] + inside

    @cached_property
    def _spoken_before(self) -> Sequence[float]:
        """How much speech there is before each pause, in seconds."""
        return [start - silent for start, silent in zip(self._starts, self._silent, strict=False)]

    def time(self, spoken: float) -> float:
        """Return the time before which there are so many seconds of speech; of a pause it is the end."""
        return spoken + self._silent[bisect_right(self._spoken_before, spoken)]

    def beginning(self, start_s: float, end_s: float) -> float:
        """Return when a sentence begins, by the times of its first word: a little before its first sound, behind a pause.

        The pause may be in the word: models count to it what they did not hear before.
        """
        index = self._within(start_s, end_s)
        if index is None:
            index = self._near(self._ends, start_s)
        if index is None:
            return start_s
        return self._ends[index] - min(_LEAD_S, (self._ends[index] - self._starts[index]) / 2)

    def ending(self, start_s: float, end_s: float) -> float:
        """Return when a sentence ends, by the times of its last word: where a pause begins, if one does."""
        index = self._within(start_s, end_s)
        if index is None:
            index = self._near(self._starts, end_s)
        return end_s if index is None else self._starts[index]

    def _within(self, start_s: float, end_s: float) -> int | None:
        """Return the longest pause that is in a word."""
        first, stop = bisect_left(self._starts, start_s), bisect_right(self._ends, end_s)
        longest = max(range(first, stop), key=self._length, default=None)
        return longest if longest is not None and self._length(longest) >= _PARTING_S else None

    def _near(self, edges: Sequence[float], seconds: float) -> int | None:
        """Return the pause in which a time is, else the one of which an edge is near."""
        index = bisect_right(self._starts, seconds) - 1
        if index >= 0 and seconds <= self._ends[index]:
            return index
        near = [i for i in (index, index + 1) if 0 <= i < len(edges) and abs(edges[i] - seconds) <= _REACH_S]
        return min(near, key=lambda i: abs(edges[i] - seconds), default=None)

    def _length(self, index: int) -> float:
        return self._ends[index] - self._starts[index]


def find_pauses(audio: FloatArray, rate: int) -> Pauses:
    """Return the pauses of a recording, by its level: what is far below that of its speech.

    Args:
        audio: float32 ``[samples]``.
        rate: in Hz.
    """
    levels = _levels(audio, rate)
    if not len(levels):
        return Pauses()
    floor, speech = np.percentile(levels, (_QUIET, _LOUD))
    quiet = levels < max(speech - _BELOW_SPEECH_DB, floor + _ABOVE_FLOOR * (speech - floor))
    edges = np.flatnonzero(np.diff(np.concatenate(([False], quiet, [False])).astype(np.int8)))
    spans = [(first * _FRAME_S, last * _FRAME_S) for first, last in edges.reshape(-1, 2).tolist()]
    return Pauses([(start, end) for start, end in _joined(spans) if end - start >= _SHORTEST_S])


def _joined(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Join spans that only a click parts."""
    joined: list[tuple[float, float]] = []
    for start, end in spans:
        if joined and start - joined[-1][1] <= _CLICK_S:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _levels(audio: FloatArray, rate: int) -> FloatArray:
    """Return the level of each frame in dB."""
    size = max(1, round(rate * _FRAME_S))
    energies = [
        np.square(block[: len(block) // size * size].reshape(-1, size), dtype=np.float64).mean(axis=1)
        for block in blocks(audio, _BLOCK // size * size)
    ]
    energy = np.concatenate(energies) if energies else np.zeros(0)
    return np.asarray(10 * np.log10(np.maximum(energy, 10 ** (_SILENT_DB / 10))), np.float32)

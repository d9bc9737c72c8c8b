"""How loud audio of any length is, measured block by block.

Loudness is that of ITU-R BS.1770-5 and EBU R 128 (K-weighted, gated, in LUFS), true peaks are those of its annex 2. Samples are
float32 ``[samples]`` in [-1, 1], one channel.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from actors.audio.mastering import gated_loudness, k_weighting
from actors.audio.mono import FloatArray

_HOP_S = 0.1  # a block of 0.4 s begins every 0.1 s
_HOPS = 4
_FLOOR_S = 0.5  # the quietest half second is the noise floor, as ACX's own check has it
_PHASES = 4  # of the oversampling that finds true peaks
_TAPS = 32  # of each phase
_PIECE = 2048  # samples that are looked at together
_SILENCE_DB = -120.0


@dataclass(frozen=True)
class Levels:
    """What was measured: in LUFS (``None`` of what is shorter than 0.4 s, or silent), dBTP, and dB to full scale.

    ``powers`` are those of the blocks of 0.4 s: loudness of several measurements together is made of them.
    """

    loudness_lufs: float | None
    true_peak_dbtp: float
    rms_db: float
    noise_floor_db: float
    seconds: float
    powers: npt.NDArray[np.float64]


class Meter:
    """Takes blocks at a rate in Hz."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._weights = k_weighting(rate)
        self._state = np.zeros((len(self._weights), 2))
        self._hops = _Means(round(_HOP_S * rate))
        self._halves = _Means(round(_FLOOR_S * rate))
        self._peaks = _Peaks()
        self._energy, self._samples = 0.0, 0

    def add(self, block: FloatArray) -> None:
        """Take the next block."""
        # Imported here: it takes a second and 50 MB.
        from scipy.signal import sosfilt

        if not len(block):
            return
        weighted, self._state = sosfilt(self._weights, block.astype(np.float64), zi=self._state)
        self._hops.add(np.square(weighted))
        squares = np.square(block, dtype=np.float64)
        self._halves.add(squares)
        self._energy += float(squares.sum())
        self._samples += len(block)
        self._peaks.add(block)

    def levels(self) -> Levels:
        """Return what was measured so far."""
        hops = self._hops.means()
        powers = np.convolve(hops, np.full(_HOPS, 1 / _HOPS), "valid") if len(hops) >= _HOPS else np.zeros(0)
        mean = self._energy / max(1, self._samples)
        floor = self._halves.means().min(initial=np.inf)
        return Levels(
            loudness_lufs=loudness_of([powers]),
            true_peak_dbtp=decibels(self._peaks.highest),
            rms_db=decibels(math.sqrt(mean)),
            noise_floor_db=decibels(math.sqrt(min(floor, mean))),
            seconds=self._samples / self._rate,
            powers=powers,
        )


def loudness_of(powers: Iterable[npt.NDArray[np.float64]]) -> float | None:
    """Return the loudness in LUFS of several measurements together; ``None`` of silence."""
    loudness = gated_loudness(np.concatenate([np.zeros(0), *powers]))
    return None if math.isinf(loudness) else loudness


def decibels(ratio: float) -> float:
    """Return a ratio of amplitudes in dB, at least -120."""
    return max(_SILENCE_DB, 20 * math.log10(max(ratio, 1e-9)))


def amplitude(db: float) -> float:
    """Return the ratio of amplitudes of a level in dB."""
    return math.pow(10, db / 20)


class _Means:
    """The means of so many values each; a rest at the end does not count."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._rest = np.zeros(0)
        self._means: list[npt.NDArray[np.float64]] = [np.zeros(0)]

    def add(self, values: npt.NDArray[np.float64]) -> None:
        values = np.concatenate([self._rest, values])
        whole = len(values) // self._count * self._count
        self._means.append(values[:whole].reshape(-1, self._count).mean(axis=1))
        self._rest = values[whole:]

    def means(self) -> npt.NDArray[np.float64]:
        self._means = [np.concatenate(self._means)]
        return self._means[0]


def _kernels() -> FloatArray:
    """Return ``[phases - 1, taps]``: what makes the values between two samples of those around them."""
    fractions = np.arange(1, _PHASES) / _PHASES
    offsets = np.arange(_TAPS) - (_TAPS // 2 - 1)
    distances = fractions[:, np.newaxis] - offsets
    kernels = np.sinc(distances) * np.i0(6.0 * np.sqrt(np.maximum(0, 1 - (distances / (_TAPS / 2)) ** 2))) / np.i0(6.0)
    return np.asarray(kernels / kernels.sum(axis=1, keepdims=True), np.float32)


_KERNELS = _kernels()
# No value between samples is more than this times the highest of those around it: what is lower need not be looked at.
OVERSHOOT = float(np.abs(_KERNELS).sum(axis=1).max())
AROUND = _TAPS // 2  # samples on each side that a value between two is made of


def between(samples: FloatArray) -> FloatArray:
    """Return the highest magnitude between each two of ``[samples]`` that have 16 on both sides: ``[samples - 31]``."""
    highest = np.zeros(max(0, len(samples) - _TAPS + 1), np.float32)
    for kernel in _KERNELS:
        np.maximum(highest, np.abs(np.convolve(samples, kernel[::-1], "valid")), out=highest)
    return highest


class _Peaks:
    """The highest magnitude of a signal, between its samples too."""

    def __init__(self) -> None:
        self.highest = 0.0
        self._last = np.zeros(_TAPS - 1, np.float32)

    def add(self, block: FloatArray) -> None:
        samples = np.concatenate([self._last, block])
        self._last = samples[-(_TAPS - 1) :]
        starts = np.arange(0, len(block), _PIECE)
        highest = np.maximum.reduceat(np.abs(samples), starts)
        highest = np.maximum(highest, np.append(highest[1:], np.abs(self._last).max()))  # a piece reaches into the next one
        for i in np.argsort(-highest):
            if highest[i] * OVERSHOOT <= self.highest:
                return
            piece = samples[starts[i] : starts[i] + _PIECE + _TAPS - 1]
            self.highest = max(self.highest, float(np.abs(piece).max()), float(between(piece).max(initial=0.0)))

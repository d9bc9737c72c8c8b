"""How loud a recording is where it is loud, and how to bring it to the loudness that a model expects.

Ordinary audio is treated as VibeVoice-ASR's processor treats it: the root mean square is brought to a loudness, peaks above 1
lower it again. Only what would spoil that is taken away first: an offset, and clicks far above everything else.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from actors.audio.mono import FloatArray, blocks

_SMALLEST = 1e-6  # of a loudness: the original's, too

# The offset is the mean of every 0.1 s (at 24 kHz; it need not be exact). It is taken away if it holds more than this share of
# the energy; in speech it holds below 0.0003, in noise that falls with 20 dB a decade 0.01.
_BASELINE = 2400
_MAX_OFFSET = 0.05
_NEIGHBOURS = 2

# Audio is loud above what 0.1 s of its samples reach together. Peaks of speech are up to 4 times as high, also where little is
# said; what is 8 times as high is no part of it, and cut off at 4 times.
_LOUD = 2400
_MAX_CREST = 4.0
_CLICK_CREST = 8.0
_FAINT = 1e-4  # -80 dBFS: below it there is nothing that a click could spoil

_BLOCK = 400 * _BASELINE  # samples that are looked at together
_SHIFT = 20  # leaves a float32's exponent and three bits behind it: amplitudes are counted in 8 steps an octave


@dataclass(frozen=True)
class Level:
    """What brings audio to a loudness.

    ``baseline`` is the offset in the middle of each block of 2,400 samples, ``None`` where there is none to speak of; ``limit``
    the highest amplitude that counts; ``divisor`` lowers what would be above 1.
    """

    baseline: npt.NDArray[np.float64] | None
    limit: float
    gain: np.float32
    divisor: np.float32

    def apply(self, audio: FloatArray, first: int = 0) -> FloatArray:
        """Return ``[samples]``, which begin at sample ``first`` of what was measured, at the loudness."""
        scaled = _steady(audio, first, self.baseline, self.limit) * self.gain
        return scaled / self.divisor if self.divisor != 1 else scaled


def normalise(audio: FloatArray, loudness_dbfs: float) -> FloatArray:
    """Return ``[samples]`` at a loudness, their root mean square; peaks above 1 lower it again."""
    return measure(audio, loudness_dbfs).apply(audio)


def measure(audio: FloatArray, loudness_dbfs: float) -> Level:
    """Measure ``[samples]`` block by block; ``loudness_dbfs`` is the root mean square to bring them to."""
    baseline = _baseline(audio)
    peak, loud, energy = _amplitudes(audio, baseline)
    limit = np.inf
    if loud > _FAINT and peak > _CLICK_CREST * loud:
        limit = peak = _MAX_CREST * loud
        energy = sum(_energy(block[np.abs(block) < limit]) for block in _blocks(audio, baseline))
    rms = np.sqrt(energy / len(audio))
    gain = np.float32(10 ** (loudness_dbfs / 20) / (rms + _SMALLEST))
    scaled_peak = float(np.float32(peak) * gain)
    return Level(baseline, limit, gain, np.float32(scaled_peak + _SMALLEST) if scaled_peak > 1 else np.float32(1))


def _baseline(audio: FloatArray) -> npt.NDArray[np.float64] | None:
    """Return the mean of every 2,400 samples, if that is an offset and no sound."""
    means, energy = [], 0.0
    for block in blocks(audio, _BLOCK):
        means.append(np.add.reduceat(block, range(0, len(block), _BASELINE), dtype=np.float64))
        energy += _energy(block)
    baseline = np.concatenate(means)
    rest = len(audio) - _BASELINE * (len(baseline) - 1)
    baseline /= np.array([*[_BASELINE] * (len(baseline) - 1), rest])
    if rest < _BASELINE / 2 and len(baseline) > 1:
        baseline[-1] = baseline[-2]  # a few samples have a mean that is no offset
    # A thump moves one mean or two, an offset all of them.
    baseline = np.median(sliding_window_view(np.pad(baseline, _NEIGHBOURS, "edge"), 2 * _NEIGHBOURS + 1), axis=1)
    return baseline if np.square(baseline).mean() * len(audio) > _MAX_OFFSET * energy else None


def _amplitudes(audio: FloatArray, baseline: npt.NDArray[np.float64] | None) -> tuple[float, float, float]:
    """Return the peak, the amplitude that 0.1 s of the samples reach (a twentieth of short audio), and the energy."""
    peak, energy = 0.0, 0.0
    counts = np.zeros(1 << (32 - _SHIFT), np.int64)
    for block in _blocks(audio, baseline):
        amplitudes = np.abs(block)
        peak = max(peak, float(amplitudes.max()))
        energy += _energy(block)
        counts += np.bincount(amplitudes.view(np.uint32) >> _SHIFT, minlength=len(counts))
    reached = np.cumsum(counts[::-1])[::-1] >= max(1, min(_LOUD, len(audio) // 20))
    step = np.array(int(np.nonzero(reached)[0][-1]) + 1 << _SHIFT, np.uint32)  # the upper end of the samples' step
    return peak, float(step.view(np.float32)), energy


def _energy(block: FloatArray) -> float:
    return float(np.square(block, dtype=np.float64).sum())


def _blocks(audio: FloatArray, baseline: npt.NDArray[np.float64] | None) -> Iterator[FloatArray]:
    for i, block in enumerate(blocks(audio, _BLOCK)):
        yield _steady(block, i * _BLOCK, baseline, np.inf)


def _steady(audio: FloatArray, first: int, baseline: npt.NDArray[np.float64] | None, limit: float) -> FloatArray:
    """Take away the offset, which goes straight from the middle of a block to the next one's, and what is above ``limit``."""
    if baseline is not None:
        middles = (np.arange(len(baseline)) + 0.5) * _BASELINE
        audio = audio - np.interp(np.arange(first, first + len(audio)), middles, baseline).astype(np.float32)
    return audio if limit == np.inf else np.clip(audio, np.float32(-limit), np.float32(limit))

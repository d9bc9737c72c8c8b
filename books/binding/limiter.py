"""What is done to a book's sound on its way into a file, block by block: its rate, room tone, and a limit to its true peaks.

Samples are float32 ``[samples]``; every step is given an iterator of blocks and yields as many samples as went in, at its rate.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from actors.audio.mono import FloatArray
from books.binding.levels import AROUND, OVERSHOOT, amplitude, between

_BLOCK_S = 1.0
_LOOKAHEAD_S = 0.01  # gain goes down this long before a peak, and up this long behind it
_NOTHING = 1e-6  # what an FFT leaves of zeros
_TONE_HZ = 1_000.0  # above it room tone falls with 6 dB an octave, as that of rooms does


def resampled(blocks: Iterable[FloatArray], from_rate: int, to_rate: int) -> Iterator[FloatArray]:
    """Yield blocks at another rate in Hz: of ``n`` samples ``round(n * to_rate / from_rate)``, without any delay."""
    if from_rate == to_rate:
        yield from blocks
        return
    stream = soxr.ResampleStream(from_rate, to_rate, 1, dtype="float32", quality="HQ")
    taken = given = 0
    for block in blocks:
        taken += len(block)
        made = stream.resample_chunk(block)
        given += len(made)
        yield made
    rest = stream.resample_chunk(np.zeros(0, np.float32), last=True)
    missing = round(taken * to_rate / from_rate) - given
    yield np.pad(rest[: max(0, missing)], (0, max(0, missing - len(rest))))


def with_room_tone(blocks: Iterable[FloatArray], rate: int, db: float) -> Iterator[FloatArray]:
    """Add soft noise with a root mean square in dB to full scale; the same to every file."""
    # Imported here: it takes a second and 50 MB.
    from scipy.signal import lfilter

    pole = float(np.exp(-2 * np.pi * _TONE_HZ / rate))
    scale = amplitude(db) * float(np.sqrt(1 - pole**2))
    random, state = np.random.default_rng(0), np.zeros(1)
    for block in blocks:
        tone, state = lfilter([scale], [1.0, -pole], random.standard_normal(len(block)), zi=state)
        yield block + tone.astype(np.float32)


def limited(blocks: Iterable[FloatArray], rate: int, ceiling_db: float) -> Iterator[FloatArray]:
    """Turn down what is around true peaks above a ceiling in dBTP; the rest stays as it is, bit for bit."""
    reach = round(_LOOKAHEAD_S * rate)
    context = 2 * reach + AROUND
    window = np.zeros(context, np.float32)
    for block in _at_least(blocks, round(_BLOCK_S * rate), context):
        window = np.concatenate([window, block])
        if len(window) > 2 * context:
            yield _turned_down(window, reach, amplitude(ceiling_db))[context:-context]
            window = window[-2 * context :]


def _at_least(blocks: Iterable[FloatArray], samples: int, end: int) -> Iterator[FloatArray]:
    """Yield blocks joined to at least so many samples, and behind them silence."""
    waiting: list[FloatArray] = []
    for block in blocks:
        waiting.append(block)
        if sum(map(len, waiting)) >= samples:
            yield np.concatenate(waiting)
            waiting = []
    yield np.concatenate([*waiting, np.zeros(end, np.float32)])


def _turned_down(samples: FloatArray, reach: int, ceiling: float) -> FloatArray:
    if np.abs(samples).max() * OVERSHOOT <= ceiling:
        return samples
    from scipy.ndimage import minimum_filter1d
    from scipy.signal import fftconvolve

    peaks = np.abs(samples)
    inner = between(samples)
    first = AROUND - 1
    for place in (first, first + 1):  # the samples on both sides of what is between them
        part = peaks[place : place + len(inner)]
        np.maximum(part, inner, out=part)
    if peaks.max() <= ceiling:
        return samples
    lowest = minimum_filter1d(np.minimum(1.0, ceiling / np.maximum(peaks, ceiling)), 2 * reach + 1)
    weights = np.hanning(2 * reach + 3)[1:-1]
    # One minus, so that what is not to be turned down is multiplied with exactly 1.
    less = fftconvolve(1 - lowest, weights / weights.sum(), "same")
    less[np.abs(less) < _NOTHING] = 0
    return np.asarray(samples * (1 - less), np.float32)

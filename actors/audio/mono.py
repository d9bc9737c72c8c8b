"""One channel of speech from the channels of a file, at another rate, and where it is kept.

A long recording is no more in memory than what is looked at: its samples are in a temporary file.
"""

import mmap
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

from actors.errors import RequestError, StorageError

FloatArray = npt.NDArray[np.float32]

# Mono audio above this many bytes (3 minutes at 24 kHz) goes to a temporary file: many recordings are open at once.
_MAX_HELD = 16 << 20
_BLOCK_S = 0.5  # is mixed and resampled at once: a frame may hold 1/50 s

# Channels are compared by what the second difference leaves at 8 kHz, which is speech: of hum and its harmonics, a rumble or an
# offset it leaves next to nothing.
_COMPARED_RATE = 8_000
_INVERTED = -0.5  # a channel that correlates this badly with the loudest one has its polarity reversed
# A channel of hum has less than this share of its energy there (speech 0.2 and more), and less than this of the loudest one's.
_HUM_SHARE, _HUM_SPEECH = 0.02, 0.3


class MonoTrack:
    """Takes blocks ``[samples, channels]`` and keeps their mean at another rate; at most ``max_s`` seconds of it.

    ``weights`` are those of the channels, if they are not averaged; ``channels`` is what was learnt about them.
    """

    def __init__(self, rate: int, max_s: float, weights: FloatArray | None = None) -> None:
        self._rate, self._max_s, self._weights = rate, max_s, weights
        self.channels = _Channels()
        self._waiting: list[FloatArray] = []
        self._from_rate = rate
        self._spool = _Spool()
        self._resampler: Any = None
        self._seconds, self._waiting_s = 0.0, 0.0
        self.is_finite = True

    def add(self, block: FloatArray, rate: int, name: str) -> None:
        """Take the next block."""
        self.is_finite &= bool(np.isfinite(block).all())
        self._seconds += len(block) / rate
        if self._seconds > self._max_s:
            raise RequestError(f"{name} is longer than {self._max_s:g} s: split it, or raise the limit")
        self._waiting.append(block)
        self._from_rate = rate
        self._waiting_s += len(block) / rate
        if self._waiting_s >= _BLOCK_S:
            self._take()

    def samples(self) -> FloatArray:
        """Return ``[samples]``."""
        self._take()
        if self._resampler:
            self._spool.add(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))
        return self._spool.samples()

    def _take(self) -> None:
        """Mix and resample what waits."""
        if not self._waiting:
            return
        channels = np.ascontiguousarray(np.concatenate(self._waiting).T)  # sums over rows are fast
        self._waiting, self._waiting_s = [], 0.0
        if self.is_finite:
            self.channels.add(channels, self._from_rate)
        mono = channels.mean(axis=0, dtype=np.float32) if self._weights is None else self._weights @ channels
        if self._from_rate != self._rate:
            self._resampler = self._resampler or soxr.ResampleStream(
                self._from_rate, self._rate, 1, dtype="float32", quality="HQ"
            )
            mono = self._resampler.resample_chunk(mono)
        self._spool.add(mono)


class _Channels:
    """Learns from blocks ``[channels, samples]`` whether the mean of the channels is what to listen to."""

    def __init__(self) -> None:
        self._speech: npt.NDArray[np.float64] | None = None  # products of the channels' second differences
        self._energy: npt.NDArray[np.float64] | None = None

    def add(self, block: FloatArray, rate: int) -> None:
        """Take the next block. A loud one does not count for as much as it has energy: it may be a click in one channel."""
        step = max(1, round(rate / _COMPARED_RATE))
        count = block.shape[1] // step
        if len(block) == 1 or count < 3:
            return
        coarse = sum(block[:, i : count * step : step] for i in range(step)) / np.float64(step)
        differences = np.diff(coarse, 2)
        speech, energy = differences @ differences.T, coarse.var(axis=1) * count
        if loudness := float(np.sqrt(speech.trace())):
            self._speech = speech / loudness + (0 if self._speech is None else self._speech)
            self._energy = energy / loudness + (0 if self._energy is None else self._energy)

    def weights(self) -> FloatArray | None:
        """Return what to multiply the channels with; ``None`` if their mean is right."""
        if self._speech is None or self._energy is None:
            return None
        speech = self._speech.diagonal()
        loudest = int(speech.argmax())
        correlation = self._speech[loudest] / np.sqrt(np.maximum(speech * speech[loudest], np.finfo(np.float64).tiny))
        weights = np.where(correlation < _INVERTED, -1.0, 1.0)
        weights[(speech < _HUM_SHARE * self._energy) & (speech < _HUM_SPEECH * speech[loudest])] = 0
        used = np.count_nonzero(weights)
        return None if (weights == 1).all() else (weights / used).astype(np.float32)


class _Spool:
    """Keeps float32 ``[samples]``, above a size in a temporary file that has no name: it goes with the last array of it."""

    def __init__(self) -> None:
        self._blocks: list[FloatArray] = [np.zeros(0, np.float32)]
        self._held = 0
        self._file: Any = None

    def add(self, block: FloatArray) -> None:
        """Take the next block."""
        self._blocks.append(block)
        self._held += block.nbytes
        if self._held > _MAX_HELD:
            with _spool_errors():
                self._write()

    def samples(self) -> FloatArray:
        """Return all that was added."""
        if self._file is None:
            return np.concatenate(self._blocks)
        with _spool_errors(), self._file:
            self._write()
            self._file.flush()
            return np.frombuffer(mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ), np.float32)

    def _write(self) -> None:
        self._file = self._file or tempfile.TemporaryFile(prefix="speechmill-")  # noqa: SIM115 - closed with the last block
        for block in self._blocks:
            self._file.write(block.data)
        self._blocks, self._held = [], 0


@contextmanager
def _spool_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{tempfile.gettempdir()} cannot take the audio of a long recording: {error.strerror or error}. Make room there, "
            "or set TMPDIR to a folder that has it"
        ) from error


def blocks(audio: FloatArray, samples: int) -> Iterator[FloatArray]:
    """Yield ``[samples]`` in pieces of at most so many; of audio in a file no more than a few are in memory at a time."""
    for first in range(0, len(audio), samples):
        yield audio[first : first + samples]
        release(audio)


def release(audio: FloatArray) -> None:
    """Give back the memory of audio that is in a temporary file, if it is: what is looked at again is read again."""
    owner: Any = audio
    while isinstance(owner, np.ndarray | memoryview):
        owner = owner.base if isinstance(owner, np.ndarray) else owner.obj
    if isinstance(owner, mmap.mmap):
        owner.madvise(mmap.MADV_DONTNEED)

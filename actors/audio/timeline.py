"""A track's sound in order: decoded blocks, silence where there are none, and a list of what is missing."""

from typing import Protocol

import numpy as np

from actors.audio.mono import FloatArray
from actors.errors import RequestError

# Rates in Hz outside of this are no audio (the upper one is FLAC's); resampling from 1 Hz would fill the memory.
MIN_RATE, MAX_RATE = 1_000, 655_350

# Sound of a lossless file that ends this much before its header says is truncated.
TRUNCATED_LOSSLESS_S = 0.02

# All holes of a file together. More is a broken clock; silence of that length would fill memory.
_MAX_HOLES_S = 3600.0

# Samples that are put down at once where no frames say how many.
BLOCK = 1 << 16

_SHOWN_PLACES = 3


class Track(Protocol):
    """Where decoded sound goes."""

    is_finite: bool

    def add(self, block: FloatArray, rate: int, name: str) -> None:
        """Take the next block ``[samples, channels]`` at ``rate`` Hz of a file called ``name``."""


class Timeline:
    """Gives a track its blocks and the silence between them, and keeps a list of what is missing."""

    def __init__(self, track: Track, name: str) -> None:
        self._track, self._name = track, name
        self.rate = 0
        self.samples = 0
        self.peak = 0.0
        self.remarks: list[str] = []
        self._holes: list[tuple[float, float]] = []
        self._channels = 1
        self._left_s = _MAX_HOLES_S

    @property
    def end_s(self) -> float:
        """How long it is by now."""
        return self.samples / self.rate if self.rate else 0.0

    def add(self, block: FloatArray, rate: int) -> None:
        """Put a block ``[samples, channels]`` at the end."""
        self._check_rate(rate)
        self._channels = block.shape[1]
        self._track.add(block, rate, self._name)
        self.samples += len(block)
        if block.size:
            self.peak = max(self.peak, float(block.max()), -float(block.min()))

    def begin_at(self, seconds: float, channels: int, rate: int, *, is_damage: bool) -> None:
        """Put silence before the first block."""
        self._check_rate(rate)
        self._channels = channels
        self.skip(seconds, is_damage=is_damage)

    def skip(self, seconds: float, *, is_damage: bool) -> bool:
        """Put silence at the end; say whether it was put there, or is too long to be true."""
        if seconds > self._left_s:
            self.remarks.append(f"its timestamps jump by {seconds:.0f} s at {self.end_s:.2f} s, which was left out")
            return False
        self._left_s -= seconds
        if is_damage:
            self._note_hole(seconds)
        missing = round(seconds * self.rate)
        for start in range(0, missing, BLOCK):
            size = min(BLOCK, missing - start)
            self._track.add(np.zeros((size, self._channels), np.float32), self.rate, self._name)
        self.samples += missing
        return True

    def break_off(self, declared_s: float | None) -> None:
        """Note that the sound ends here but should not."""
        declares = "" if declared_s is None else f", the file declares {declared_s:.2f} s"
        self.remarks.append(f"it is truncated: its audio breaks off at {self.end_s:.2f} s{declares}")

    def break_off_of(self, share: float) -> None:
        """Note that this is only a share of the sound."""
        if share < 1 and self.end_s / share - self.end_s >= TRUNCATED_LOSSLESS_S:
            self.break_off(self.end_s / share)

    @property
    def damage(self) -> str | None:
        """What is missing, and where, in words; None if nothing is."""
        more = len(self.remarks) - 2 * _SHOWN_PLACES
        remarks = (
            self.remarks
            if more <= 0
            else [*self.remarks[:_SHOWN_PLACES], f"{more} more like it", *self.remarks[-_SHOWN_PLACES:]]
        )
        return "; ".join([*self._missing(), *remarks]) or None

    def _missing(self) -> list[str]:
        if not self._holes:
            return []
        places = ", ".join(f"{seconds:.2f} s at {at:.2f} s" for at, seconds in self._holes[:_SHOWN_PLACES])
        more = len(self._holes) - _SHOWN_PLACES
        in_all = f" and at {more} more places, {sum(seconds for _, seconds in self._holes):.2f} s in all" if more > 0 else ""
        return [f"{places}{in_all} could not be decoded"]

    def _note_hole(self, seconds: float) -> None:
        at_s = self.end_s
        if self._holes and sum(self._holes[-1]) >= at_s - 1 / self.rate:  # one right behind another
            at_s, before = self._holes.pop()
            seconds += before
        self._holes.append((at_s, seconds))

    def _check_rate(self, rate: int) -> None:
        if not MIN_RATE <= rate <= MAX_RATE:
            raise RequestError(f"{self._name} has a sample rate of {rate} Hz: use {MIN_RATE} to {MAX_RATE} Hz")
        if self.rate and rate != self.rate:
            raise RequestError(f"{self._name} changes its sample rate or its channels midway: convert it first")
        self.rate = rate

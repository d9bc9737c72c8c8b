"""What a container's timestamps mean, and how frames are put on the timeline by them."""

from dataclasses import dataclass
from typing import Any

import av

from actors.audio.containers import TUNED_IN_S
from actors.audio.mono import FloatArray
from actors.audio.timeline import Timeline
from actors.errors import RequestError

# Sound that begins less than this after the container does begins with it: encoder delay, interleaving.
_LATE_S = 0.1

# A jump of the clock by more than this is believed only if the next frame confirms it.
_JUMP_S = 1.0

# Timestamps that jump back by more than this are those of another recording behind the first.
_BACK_S = 1.0

# Sound and clock may run at slightly different speeds (100 ppm are a second in three hours): then no two frames are further
# apart than this, and no more than this share is put in or left out to follow the clock.
_STEP_S = 0.02
_MAX_DRIFT = 0.005

# Where the first seconds of a chained stream end.
_FIRST_S = 5.0

# After a packet that could not be decoded a hole is expected.
_EXPECTED_HOLE_S = 0.005


@dataclass(frozen=True)
class Clock:
    """How far a container's timestamps can be relied on.

    ``tolerance_s``: smaller differences are rounding and jitter. ``is_continuous``: a hole can only be a loss.
    ``is_chained``: recordings may follow each other in a file, each with times of its own, and the first page of one that
    begins in the midst of a stream may not know its time.
    """

    tolerance_s: float
    is_continuous: bool
    is_chained: bool = False


# For the others (WAV, AIFF, MP3 …) timestamps are only a count of what was decoded.
CLOCKS = {
    "flac": Clock(0.005, True),
    "ogg": Clock(0.015, True, True),
    "mov,mp4,m4a,3gp,3g2,mj2": Clock(0.05, False),
    "matroska,webm": Clock(0.1, False),
    "flv": Clock(0.1, True),
    "asf": Clock(0.1, True),
    "mpegts": Clock(0.04, True),
    "mpeg": Clock(0.04, True),
    "nut": Clock(0.05, True),
    "rm": Clock(0.1, True),
}


class Placer:
    """Puts frames of one track on the timeline by their timestamps; what these mean depends on the container."""

    def __init__(
        self,
        timeline: Timeline,
        clock: Clock | None,
        *,
        origin_s: float | None,
        is_patchy: bool,
        is_alone: bool,
        name: str,
    ) -> None:
        self._timeline, self._clock, self._name = timeline, clock, name
        self._origin_s = origin_s  # the time in the file that is time 0
        self._is_patchy, self._is_alone = is_patchy, is_alone  # alone: there is nothing before which to begin late
        # Packed samples: PyAV reads out of bounds in planar frames of eight channels and more.
        self._resampler = av.AudioResampler(format="flt")
        self._waiting: tuple[FloatArray, float] | None = None
        self._next_time = 0.0  # of a frame right behind the last one, by the clock
        self._dropped_s = 0.0
        self.expects_hole = False  # something could not be decoded
        self.skipped_bytes = False  # something was not even read as a packet

    def put(self, frame: Any) -> None:
        """Put a decoded frame where it belongs."""
        rate, time = frame.sample_rate, frame.time
        try:
            packed = self._resampler.resample(frame)
        except ValueError as error:  # how PyAV says that a frame is unlike the first
            raise RequestError(f"{self._name} changes its sample rate or its channels midway: convert it first") from error
        for part in packed:
            block: FloatArray = part.to_ndarray().reshape(-1, part.layout.nb_channels)
            self._place(block, time, rate)
            time = None

    def finish(self) -> None:
        """Put down what waited for the next frame."""
        if self._waiting:
            (block, _), self._waiting = self._waiting, None
            self._timeline.add(block, self._timeline.rate)

    def _place(self, block: FloatArray, time: float | None, rate: int) -> None:
        if self._clock is None or time is None:
            self.finish()
            self._timeline.add(block, rate)
        elif not self._timeline.rate:
            self._begin(time, block.shape[1], rate)
            self._put_down(block, time, rate)
        else:
            self._follow(block, time, rate, self._clock)

    def _begin(self, time: float, channels: int, rate: int) -> None:
        self._origin_s = time if self._origin_s is None else self._origin_s
        if time - self._origin_s >= _LATE_S:
            self._timeline.begin_at(time - self._origin_s, channels, rate, is_damage=self._is_alone)
        self._origin_s = time - self._timeline.end_s

    def _follow(self, block: FloatArray, time: float, rate: int, clock: Clock) -> None:
        """Put a block where the clock says, or keep it until the next one shows whether its time is true."""
        if self._waiting:
            held, held_time = self._waiting
            self._waiting = None
            is_true = abs(time - held_time - len(held) / rate) < _JUMP_S
            self._put_down(self._moved(held, held_time, rate, clock) if is_true else held, held_time if is_true else None, rate)
        if -_BACK_S <= self._lag(time) <= _JUMP_S:
            self._put_down(self._moved(block, time, rate, clock), time, rate)
        else:
            self._waiting = (block, time)

    def _put_down(self, block: FloatArray, time: float | None, rate: int) -> None:
        self._timeline.add(block, rate)
        self._next_time = (self._next_time if time is None else time) + len(block) / rate
        self.expects_hole = self.skipped_bytes = False

    def _lag(self, time: float) -> float:
        """Return how far the clock is ahead of the sound."""
        return time - (self._origin_s or 0.0) - self._timeline.end_s

    def _moved(self, block: FloatArray, time: float, rate: int, clock: Clock) -> FloatArray:
        """Make the sound's end meet a block's time; return what of the block is left then."""
        lag_s, step_s = self._lag(time), time - self._next_time
        is_tuned_in = clock.is_chained and lag_s > TUNED_IN_S and self._timeline.end_s < _FIRST_S
        if lag_s < -_BACK_S or is_tuned_in:
            if not clock.is_chained:
                self._timeline.remarks.append(f"its timestamps jump back by {-lag_s:.2f} s at {self._timeline.end_s:.2f} s")
            self._set_clock(lag_s)
        elif lag_s > (_EXPECTED_HOLE_S if self.expects_hole else clock.tolerance_s):
            is_loss = clock.is_continuous or self._is_patchy or self.skipped_bytes
            is_damage = self.expects_hole or (is_loss and step_s > min(_STEP_S, clock.tolerance_s))
            if not self._timeline.skip(lag_s, is_damage=is_damage):
                self._set_clock(lag_s)
        elif lag_s < -clock.tolerance_s:
            return self._drop(block, lag_s, step_s, rate)
        return block

    def _drop(self, block: FloatArray, lag_s: float, step_s: float, rate: int) -> FloatArray:
        """Leave out of a block what the sound is ahead of a slow clock; of one that steps back nothing is left out."""
        if step_s < -_STEP_S or self._dropped_s - lag_s > _MAX_DRIFT * self._timeline.end_s:
            self._set_clock(lag_s)
            return block
        dropped = min(round(-lag_s * rate), len(block))
        self._dropped_s += dropped / rate
        return block[dropped:]

    def _set_clock(self, lag_s: float) -> None:
        """Let the clock and the sound agree from here on."""
        self._origin_s = (self._origin_s or 0.0) + lag_s

"""Reads the sound of strangers' files, puts it where the file says that it belongs, and says what is missing.

FFmpeg (PyAV) decodes, and libsndfile what FFmpeg gets wrong or does not know. Decoders mostly just go on or stop where a
file is damaged. What is missing shows by comparison, the same for every container:

- with timestamps: a frame that begins after the end of the one before leaves a hole;
- with what could not be decoded: a packet that raises leaves a hole of its duration;
- with what the file declares: a duration, a number of samples or bytes, the end of a structure (``actors.audio.containers``).

Holes are filled with silence, so that all that follows keeps its time. Time 0 is where the container begins, as players
show it: sound that begins later than the picture has silence before it. A hole that the container means to have (MP4 and
Matroska, where nothing else is wrong) is no damage.
"""

import errno
import io
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol, TypeVar

import av
import numpy as np
import numpy.typing as npt
import soundfile

from actors.audio.containers import (
    CLAIMING_CONTAINERS,
    SHORTEST_UNKNOWN_RIFF,
    TUNED_IN_S,
    Claims,
    bare_stream,
    is_misread_wav,
    read_claims,
    unwritten_size,
)
from actors.errors import RequestError, StorageError

Samples = npt.NDArray[np.float32]
Damaged = Literal["reject", "accept"]

# Rates in Hz outside of this are no audio (the upper one is FLAC's); resampling from 1 Hz would fill the memory.
MIN_RATE, MAX_RATE = 1_000, 655_350

# Below this peak (-80 dBFS) a track has no sound: another one is looked for.
_SILENT_PEAK = 1e-4

# FFmpeg follows what playlists and manifests name, local files and URLs alike: forbid all of it.
_INPUT_OPTIONS = {"protocol_whitelist": "none"}

# Streams of frames in which players skip what is not a frame: tags in the middle, where files were joined, and junk.
# Above this share of undecodable packets it is not audio at all.
_LOOSE_STREAMS = {"mp3", "aac", "ac3", "eac3", "dts", "loas"}
_MAX_JUNK = 0.1

# Their frames have checksums, which FFmpeg compares only if it is told to.
_CHECKED_CODECS = {"flac", "tta", "wavpack"}

# A file whose audio ends this much before its header says is truncated. Encoder delay and padding are below, and there are
# none in lossless files.
_TRUNCATED_S = 0.25
_TRUNCATED_LOSSLESS_S = 0.02
_LOSSLESS = {"flac", "aiff", "au", "wv", "tta", "ape"}

# Streams that may be cut anywhere and are whole: that their last frame is not is no damage.
_ENDLESS_STREAMS = _LOOSE_STREAMS | {"mpegts", "mpeg"}

# Between two packets of a Matroska file is less than this many bytes; more was skipped because it could not be read.
_MOST_BETWEEN_PACKETS = 600

# A declared duration for which the file has less than this (100 bit/s; no codec gets along with so little) is a broken
# header and no truncated file.
_LEAST_BYTES_PER_S = 12.5

# Sound that begins less than this after the container does begins with it: encoder delay, interleaving.
_LATE_S = 0.1

# An MP4 file whose sound and picture both begin later than this has the clock of a live stream.
_LATEST_EDIT_S = 600.0

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

# All holes of a file together. More is a broken clock; silence of that length would fill memory.
_MAX_HOLES_S = 3600.0

# Decoders leave out some of the first frames: a place between frames comes this much before its count of seconds.
_LOST_EARLY_S = 0.06

# A packet of no more bytes that cannot be decoded is what fills up a file (Wave64 to multiples of 8).
_MOST_PADDING = 7

# How often a demuxer is asked to go on behind an error.
_MOST_RESUMED = 100

# Samples that are put down at once where no frames say how many.
_BLOCK = 1 << 16

_SHOWN_PLACES = 3

# Why a path cannot be opened that no store is to blame for.
_NO_SUCH_FILE = {errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP}

# How files begin that libsndfile is asked about where FFmpeg fails: WAV, AIFF, AU, CAF, Wave64, NIST, PAF, AVR, PVF, VOC.
_SOUNDFILE_MAGIC = (
    b"RIF",
    b"RF64",
    b"FORM",
    b".snd",
    b"dns.",
    b"caff",
    b"riff",
    b"NIST",
    b" paf",
    b"fap ",
    b"2BIT",
    b"PVF1",
    b"Crea",
)


@dataclass(frozen=True)
class _Clock:
    """How far a container's timestamps can be relied on.

    ``tolerance_s``: smaller differences are rounding and jitter. ``is_continuous``: a hole can only be a loss.
    ``is_chained``: recordings may follow each other in a file, each with times of its own, and the first page of one that
    begins in the midst of a stream may not know its time.
    """

    tolerance_s: float
    is_continuous: bool
    is_chained: bool = False


# For the others (WAV, AIFF, MP3 …) timestamps are only a count of what was decoded.
_CLOCKS = {
    "flac": _Clock(0.005, True),
    "ogg": _Clock(0.015, True, True),
    "mov,mp4,m4a,3gp,3g2,mj2": _Clock(0.05, False),
    "matroska,webm": _Clock(0.1, False),
    "flv": _Clock(0.1, True),
    "asf": _Clock(0.1, True),
    "mpegts": _Clock(0.04, True),
    "mpeg": _Clock(0.04, True),
    "nut": _Clock(0.05, True),
    "rm": _Clock(0.1, True),
}
# After a packet that could not be decoded a hole is expected.
_EXPECTED_HOLE_S = 0.005

# Containers whose track duration, or that of the whole, is written in the file; for the others FFmpeg may only estimate it.
_TRACK_DURATION = {"flac", "mov,mp4,m4a,3gp,3g2,mj2", "aiff", "au", "wv", "tta", "ape", "dsf", "mpc", "mpc8", "rm"}
_FILE_DURATION = {"matroska,webm", "flv", "asf"}
# Their track durations are exact as well, but of what is there: of use only against a limit.
_COUNTED_DURATION = _TRACK_DURATION | {"wav", "w64", "caf"}

_TAGGED_DURATION = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")


class Track(Protocol):
    """Where decoded sound goes."""

    is_finite: bool

    def add(self, block: Samples, rate: int, name: str) -> None:
        """Take the next block ``[samples, channels]`` at ``rate`` Hz of a file called ``name``."""


TrackT = TypeVar("TrackT", bound=Track)


@dataclass(frozen=True)
class Sound:
    """What was found in a file.

    Attributes:
        rate: in Hz, of what the track was given.
        damage: what is missing and where, in words; None if nothing is.
        audio_track: the number of the track, from 1.
    """

    rate: int
    damage: str | None
    audio_track: int = 1


def decode_into(
    source: bytes | Path,
    make_track: Callable[[], TrackT],
    *,
    damaged: Damaged,
    audio_track: int | None = None,
    max_s: float = math.inf,
) -> tuple[TrackT, Sound]:
    """Decode one audio track of a file.

    Args:
        source: a file's content or its path.
        make_track: makes what takes the samples; called for each audio track that is tried.
        damaged: whether a file of which something is missing is rejected, or accepted with what is there.
        audio_track: which audio track, from 1; by default the first with sound in it.
        max_s: a file that declares to be longer than this is rejected before it is decoded.

    Raises:
        RequestError: whatever is wrong with the file. Nothing else comes out for what it holds.
        StorageError: the file exists but reading it failed.
    """
    name = f"the audio ({len(source)} bytes)" if isinstance(source, bytes) else str(source)
    with _open_source(source, name) as file:
        try:
            track, sound = _Reader(file, name, max_s).read(make_track, audio_track)
        except (RequestError, StorageError):
            raise
        except Exception as error:  # a stranger's file may raise anything in three decoders
            file.check()
            raise RequestError(f"{name} cannot be decoded, it is damaged, truncated or not audio: {_reason(error)}") from error
        file.check()
    if not track.is_finite:
        raise RequestError(f"{name} has NaN or infinite samples")
    if sound.damage and damaged == "reject":
        raise RequestError(f"{name} is damaged: {sound.damage}. Take a whole copy, or accept what is there (--damaged accept)")
    return track, sound


def _reason(error: Exception) -> str:
    """Return what a decoder says (libsndfile's own text names an address in memory, which differs each time)."""
    said = getattr(error, "strerror", None) or getattr(error, "error_string", None)
    return str(said or f"{type(error).__name__}: {error}")


class _File:
    """A file whose errors are told apart from those of what it holds, and are not lost in a decoder."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self._name = file, name
        self._error: OSError | None = None
        self._mended: tuple[int, bytes] | None = None

    def check(self) -> None:
        """Raise the error that reading met, if any."""
        if self._error:
            raise StorageError(f"reading {self._name} failed: {self._error}") from self._error

    def read(self, size: int = -1, /) -> bytes:
        """As that of any file; so are the others."""
        start = self.tell() if self._mended else 0
        data: bytes = self._guarded(self._file.read, size)
        return self._mend_block(data, start) if self._mended else data

    def mend(self, position: int, content: bytes) -> None:
        """Let what is read at a position be this."""
        self._mended = position, content

    def _mend_block(self, data: bytes, start: int) -> bytes:
        position, content = self._mended or (0, b"")
        if start + len(data) <= position or start >= position + len(content):
            return data
        mended = bytearray(data)
        for index, byte in enumerate(content, position - start):
            if 0 <= index < len(mended):
                mended[index] = byte
        return bytes(mended)

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer. Only libsndfile asks for that, which lets no error through: it is to be checked for."""
        try:
            data = self.read(len(buffer))
        except StorageError:
            return 0
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a byte."""
        try:
            position: int = self._guarded(self._file.seek, offset, whence)
        except ValueError:  # there is no such place, which decoders are told by a number
            return -1
        return position

    def tell(self) -> int:
        """Say at which byte it is."""
        position: int = self._guarded(self._file.tell)
        return position

    def _guarded(self, action: Callable[..., Any], *arguments: int) -> Any:
        try:
            return action(*arguments)
        except OSError as error:
            self._error = error
            raise StorageError(f"reading {self._name} failed: {error}") from error


@contextmanager
def _open_source(source: bytes | Path, name: str) -> Iterator[_File]:
    if isinstance(source, bytes):
        yield _File(io.BytesIO(source), name)
        return
    try:
        file = source.open("rb")
    except ValueError as error:  # a NUL
        raise RequestError(f"{name!r} is no path: {error}") from error
    except OSError as error:
        if error.errno in _NO_SUCH_FILE:
            raise RequestError(f"{name} cannot be read: {error.strerror}") from error
        raise StorageError(f"reading {name} failed: {error}") from error
    with file:
        yield _File(file, name)


class _Timeline:
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

    def add(self, block: Samples, rate: int) -> None:
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
        for start in range(0, missing, _BLOCK):
            size = min(_BLOCK, missing - start)
            self._track.add(np.zeros((size, self._channels), np.float32), self.rate, self._name)
        self.samples += missing
        return True

    def break_off(self, declared_s: float | None) -> None:
        """Note that the sound ends here but should not."""
        declares = "" if declared_s is None else f", the file declares {declared_s:.2f} s"
        self.remarks.append(f"it is truncated: its audio breaks off at {self.end_s:.2f} s{declares}")

    def break_off_of(self, share: float) -> None:
        """Note that this is only a share of the sound."""
        if share < 1 and self.end_s / share - self.end_s >= _TRUNCATED_LOSSLESS_S:
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


class _Placer:
    """Puts frames of one track on the timeline by their timestamps; what these mean depends on the container."""

    def __init__(
        self,
        timeline: _Timeline,
        clock: _Clock | None,
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
        self._waiting: tuple[Samples, float] | None = None
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
            block: Samples = part.to_ndarray().reshape(-1, part.layout.nb_channels)
            self._place(block, time, rate)
            time = None

    def finish(self) -> None:
        """Put down what waited for the next frame."""
        if self._waiting:
            (block, _), self._waiting = self._waiting, None
            self._timeline.add(block, self._timeline.rate)

    def _place(self, block: Samples, time: float | None, rate: int) -> None:
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

    def _follow(self, block: Samples, time: float, rate: int, clock: _Clock) -> None:
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

    def _put_down(self, block: Samples, time: float | None, rate: int) -> None:
        self._timeline.add(block, rate)
        self._next_time = (self._next_time if time is None else time) + len(block) / rate
        self.expects_hole = self.skipped_bytes = False

    def _lag(self, time: float) -> float:
        """Return how far the clock is ahead of the sound."""
        return time - (self._origin_s or 0.0) - self._timeline.end_s

    def _moved(self, block: Samples, time: float, rate: int, clock: _Clock) -> Samples:
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

    def _drop(self, block: Samples, lag_s: float, step_s: float, rate: int) -> Samples:
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


class _Decoder:
    """Decodes one audio track with FFmpeg onto a timeline, and compares what came out with what the file declares."""

    def __init__(self, container: Any, stream: Any, claims: Claims, timeline: _Timeline, name: str) -> None:
        self._container, self._stream, self._claims, self._timeline = container, stream, claims, timeline
        self._format: str = container.format.name
        self._is_loose = self._format in _LOOSE_STREAMS
        self._clock = _CLOCKS.get(self._format)
        self._origin_s = self._origin()
        self._placer = _Placer(
            timeline,
            self._clock,
            origin_s=self._origin_s,
            is_patchy=self._is_patchy(),
            is_alone=self._format == "flac" or self._lacks_pages,
            name=name,
        )
        self._tags = list(reversed(claims.tags))
        self._lost = list(claims.lost if stream == container.streams.audio[0] else ())
        self._stream_s = 0.0  # what was heard, and what was not because it could not be decoded
        self._failed_s = 0.0  # of that, since the last frame
        self._all_end_s = 0.0
        self._read_to = 0
        self._failed_last = self._corrupt_last = self._broke_off = False
        self.packets = self.failures = 0
        self.error: Exception | None = None

    @property
    def declared_s(self) -> float | None:
        """The duration that the file declares for this track, in seconds from time 0; None if it does not."""
        if self._format not in _FILE_DURATION and self._claims.duration_s is not None:
            return self._claims.duration_s
        if self._format == "avi":
            seconds = float(self._stream.frames * self._stream.time_base)
            is_known = seconds * (self._stream.codec_context.bit_rate or 0) / 8 < SHORTEST_UNKNOWN_RIFF
            return seconds if seconds and is_known else None
        if self._claims.is_fragmented:
            return None
        if self._format in _TRACK_DURATION and self._stream.duration is not None:
            return float(((self._stream.start_time or 0) + self._stream.duration) * self._stream.time_base) - self._offset_s
        tagged = _TAGGED_DURATION.match(self._stream.metadata.get("DURATION", ""))
        of_all_s = self._declared_of_all_s
        if tagged and of_all_s is not None:
            tagged_s = 3600 * float(tagged[1]) + 60 * float(tagged[2]) + float(tagged[3]) - self._offset_s
            return tagged_s if tagged_s <= of_all_s + 1 else None  # a tag may be that of the file from which this one was made
        return of_all_s if len(self._container.streams) == 1 else None

    @property
    def longest_s(self) -> float | None:
        """What to compare with a limit before anything is decoded."""
        if self._claims.at_least_s is not None:
            return self._claims.at_least_s
        if self._format in _COUNTED_DURATION and self._stream.duration is not None:
            return float(self._stream.duration * self._stream.time_base)
        return self.declared_s

    @property
    def _declared_of_all_s(self) -> float | None:
        if self._format == "asf":  # FFmpeg has its own opinion where the file is not as long as it says
            return self._claims.duration_s
        if self._format not in _FILE_DURATION or self._container.duration is None:
            return None
        return float(self._container.duration / av.time_base) - self._offset_s

    @property
    def _offset_s(self) -> float:
        return max(self._origin_s or 0.0, 0.0)

    def _origin(self) -> float | None:
        """Return the time in the file that is time 0 for players: where the first of its tracks begins.

        An MP4 file's own time begins at 0 (its edit lists say so), unless it is a piece of a live stream.
        """
        if self._format == "flac":  # its frames are numbered: unless it is one of a known length, it may be a piece of a stream
            return None if self._stream.duration is None else 0.0
        start = self._container.start_time
        start_s = None if start is None else float(start / av.time_base)
        if self._lacks_pages and (start_s or 0.0) < TUNED_IN_S:
            return 0.0  # its first pages are among those that are lost
        is_edited = self._format.startswith("mov") and not self._claims.is_fragmented
        return 0.0 if is_edited and (start_s or 0.0) < _LATEST_EDIT_S else start_s

    @property
    def _lacks_pages(self) -> bool:
        return self._format == "ogg" and self._claims.is_patchy

    def _is_patchy(self) -> bool:
        return self._claims.is_patchy or (self._format == "matroska,webm" and self._claims.is_cut)

    def run(self) -> None:
        """Decode all of it."""
        for packet in self._packets():
            if self._format in _FILE_DURATION:
                self._note_place(packet)
                if packet.stream.index != self._stream.index:
                    continue
            if self._is_in_tag(packet.pos):
                continue
            self.packets += 1
            self._placer.expects_hole |= packet.is_corrupt
            self._corrupt_last = packet.is_corrupt or (self._corrupt_last and packet.size == 0)
            try:
                frames = packet.decode()
            except av.error.DecoderNotFoundError:
                raise
            except av.FFmpegError as error:
                self._fail(packet, error)
                continue
            for frame in frames:
                self._take(frame)
        self._placer.finish()

    def _packets(self) -> Iterator[Any]:
        streams = [] if self._format in _FILE_DURATION else [self._stream]
        for _ in range(_MOST_RESUMED):
            try:
                yield from self._container.demux(*streams)
            except av.FFmpegError as error:  # some go on behind what they cannot read
                self.error = self.error or error
                self._broke_off = True
                self._placer.expects_hole = True
            else:
                return

    def _is_in_tag(self, position: int | None) -> bool:
        while self._tags and position is not None and position >= self._tags[-1][1]:
            self._tags.pop()
        return bool(self._tags) and position is not None and position >= self._tags[-1][0]

    def _note_place(self, packet: Any) -> None:
        if packet.pos is not None:
            skipped = packet.pos - self._read_to if self._read_to else 0
            self._placer.skipped_bytes |= skipped > _MOST_BETWEEN_PACKETS and self._format == "matroska,webm"
            self._read_to = max(self._read_to, packet.pos + packet.size)
        if packet.pts is not None and packet.time_base is not None:
            end_s = float((packet.pts + (packet.duration or 0)) * packet.time_base) - self._offset_s
            self._all_end_s = max(self._all_end_s, end_s)

    def _fail(self, packet: Any, error: Exception) -> None:
        if packet.size <= _MOST_PADDING:
            return
        self.error = self.error or error
        self.failures += 1
        self._placer.expects_hole = True
        self._failed_last = True
        if not (self._is_loose and _is_tag(bytes(packet))):
            self._failed_s += float((packet.duration or 0) * (packet.time_base or 0))

    def _take(self, frame: Any) -> None:
        self._fill()
        self._placer.put(frame)
        self._stream_s += frame.samples / frame.sample_rate
        self._failed_last = False

    def _fill(self) -> None:
        """Where timestamps count frames only, put in what could not be decoded and what is missing between frames."""
        failed_s, self._failed_s = self._failed_s, 0.0
        self._stream_s += failed_s
        if self._clock or not self._timeline.rate:
            return
        while self._lost and self._lost[0][0] <= self._stream_s + _LOST_EARLY_S:
            failed_s += self._lost.pop(0)[1]
        if failed_s:
            self._timeline.skip(failed_s, is_damage=True)

    def compare(self, is_credible: Callable[[float], bool]) -> None:
        """Note what is missing at the end."""
        end_s, declared_s, of_all_s = self._timeline.end_s, self.declared_s, self._declared_of_all_s
        if self._claims.share < 1:
            self._timeline.break_off_of(self._claims.share)
        elif declared_s is not None and is_credible(declared_s):
            if end_s < declared_s - (_TRUNCATED_LOSSLESS_S if self._format in _LOSSLESS else _TRUNCATED_S):
                self._timeline.break_off(declared_s)
        elif of_all_s is not None and is_credible(of_all_s):
            if max(self._all_end_s, end_s) < of_all_s - _TRUNCATED_S:
                self._timeline.break_off(of_all_s)
        elif self._ends_early() or (self._lacks_pages and end_s < (self._claims.at_least_s or 0.0) - _TRUNCATED_S):
            self._timeline.break_off(None)

    def _ends_early(self) -> bool:
        if self._format in _ENDLESS_STREAMS:
            return self._broke_off
        is_unread = self._format not in CLAIMING_CONTAINERS
        broke_off = self._broke_off and self._format != "ogg"  # FFmpeg takes much junk behind its end for an error
        return self._claims.is_cut or broke_off or self._failed_last or (self._corrupt_last and is_unread)

    @property
    def is_junk(self) -> bool:
        """Whether so little of a loose stream could be decoded that it is not audio."""
        return self._is_loose and self.failures > _MAX_JUNK * self.packets


class _NoSoundError(RequestError):
    """FFmpeg finds no audio track, or one without samples."""


class _Reader:
    """Reads the audio tracks of one open file."""

    def __init__(self, file: _File, name: str, max_s: float) -> None:
        self._file, self._name, self._max_s = file, name, max_s
        self._size = file.seek(0, io.SEEK_END)
        self._tracks = 1
        if not self._size:
            raise RequestError(f"{name} is empty: it holds 0 bytes")
        if unwritten := unwritten_size(file):
            file.mend(*unwritten)

    def read(self, make_track: Callable[[], TrackT], audio_track: int | None) -> tuple[TrackT, Sound]:
        """Read the asked audio track, or the first one with sound in it."""
        if is_misread_wav(self._file):
            return self._read_with_libsndfile(make_track(), audio_track)
        try:
            if audio_track is None:
                return self._read_first_with_sound(make_track)
            return self._read_with_ffmpeg(make_track(), audio_track)[:2]
        except (av.FFmpegError, _NoSoundError):
            self._file.check()
            if self._is_for_libsndfile():
                return self._read_with_libsndfile(make_track(), audio_track)
            raise

    def _read_first_with_sound(self, make_track: Callable[[], TrackT]) -> tuple[TrackT, Sound]:
        silent: tuple[TrackT, Sound] | None = None
        failure: Exception = _NoSoundError(f"{self._name} has no audio track, or one without samples")
        number = 1
        while number <= self._tracks:  # known when the first one is open
            try:
                track, sound, peak = self._read_with_ffmpeg(make_track(), number)
                if peak >= _SILENT_PEAK or self._tracks == 1:
                    return track, sound
                silent = silent or (track, sound)
            except (RequestError, av.FFmpegError) as error:
                failure = error if number == 1 else failure
            number += 1
        if silent:
            return silent
        raise failure

    def _read_with_ffmpeg(self, track: TrackT, number: int) -> tuple[TrackT, Sound, float]:
        """Read an audio track by its number from 1; the last value is its peak."""
        with self._open() as container:
            self._tracks = len(container.streams.audio)
            self._check_number(number)
            stream: Any = container.streams.audio[number - 1]
            claims = self._claims(container.format.name)
            if stream.codec_context is None:
                raise self._unknown_codec(claims.codec)
            stream.codec_context.thread_count = 1  # the actor's other cores are busy with the model
            if stream.codec_context.name in _CHECKED_CODECS:
                stream.codec_context.options = {"err_detect": "crccheck+explode"}  # else noise, where a frame is damaged
            timeline = _Timeline(track, self._name)
            decoder = _Decoder(container, stream, claims, timeline, self._name)
            self._check_length(decoder.longest_s)
            try:
                decoder.run()
            except av.error.DecoderNotFoundError as error:
                raise self._unknown_codec(claims.codec or stream.codec_context.name) from error
            self._check_decoded(decoder, timeline)
            decoder.compare(self._is_credible)
            return track, Sound(timeline.rate, timeline.damage, number), timeline.peak

    def _open(self) -> Any:
        self._file.seek(0)
        try:
            return av.open(self._file, options=_INPUT_OPTIONS, metadata_errors="ignore")
        except av.error.PatchWelcomeError as error:
            if self._is_for_libsndfile():
                raise
            raise self._unknown_codec(None) from error
        except av.InvalidDataError:
            bare = bare_stream(self._file)  # FFmpeg does not look behind junk
            if bare is None:
                raise
            self._file.seek(0)
            return av.open(self._file, format=bare, options=_INPUT_OPTIONS, metadata_errors="ignore")

    def _claims(self, container: str) -> Claims:
        position = self._file.tell()  # FFmpeg goes on from where it believes the file to be
        claims = read_claims(container, self._file)
        self._file.seek(position)
        return claims

    def _check_number(self, number: int) -> None:
        if not self._tracks:
            raise _NoSoundError(f"{self._name} has no audio track, or one without samples")
        if not 1 <= number <= self._tracks:
            raise RequestError(f"{self._name} has no audio track {number}: it has {self._tracks}, counted from 1")

    def _check_length(self, seconds: float | None) -> None:
        """Reject a file that says that it is too long; decoding would find out late."""
        if seconds is not None and self._is_credible(seconds) and seconds > self._max_s + _TRUNCATED_S:
            raise RequestError(
                f"{self._name} is longer than {self._max_s:g} s, it declares {seconds:.0f} s: split it, or raise the limit"
            )

    def _is_credible(self, seconds: float) -> bool:
        return seconds > 0 and seconds * _LEAST_BYTES_PER_S <= self._size

    def _check_decoded(self, decoder: _Decoder, timeline: _Timeline) -> None:
        if decoder.error and not timeline.rate:
            raise decoder.error
        if not timeline.rate:
            raise _NoSoundError(f"{self._name} has no audio track, or one without samples")
        if decoder.is_junk:
            raise RequestError(
                f"{self._name} is damaged or not audio: {decoder.failures} of its {decoder.packets} packets cannot be decoded"
            )

    def _unknown_codec(self, codec: str | None) -> RequestError:
        named = f" ({codec})" if codec else ""
        return RequestError(f"{self._name} holds sound in a codec that FFmpeg does not know{named}: convert it first")

    def _is_for_libsndfile(self) -> bool:
        self._file.seek(0)
        if not self._file.read(4).startswith(_SOUNDFILE_MAGIC):
            return False
        self._file.seek(0)
        try:
            soundfile.SoundFile(self._file).close()
        except soundfile.SoundFileError:
            return False
        return True

    def _read_with_libsndfile(self, track: TrackT, audio_track: int | None) -> tuple[TrackT, Sound]:
        self._tracks = 1
        self._check_number(audio_track or 1)
        share = read_claims("wav", self._file).share
        self._file.seek(0)
        timeline = _Timeline(track, self._name)
        with soundfile.SoundFile(self._file) as sound:
            self._check_length(sound.frames / sound.samplerate)
            while len(block := sound.read(_BLOCK, dtype="float32", always_2d=True)):
                timeline.add(block, sound.samplerate)
        if not timeline.rate:
            raise _NoSoundError(f"{self._name} has no audio track, or one without samples")
        timeline.break_off_of(share)
        return track, Sound(timeline.rate, timeline.damage)


def _is_tag(packet: bytes) -> bool:
    """Say whether what could not be decoded is none of a stream's frames: those begin with bits that are all set."""
    return packet[:1] != b"\xff"

"""Sound on a page: how loud a recording is, what its waveform looks like, and a small file that plays."""

import base64
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from actors.audio.codec import encode, resample
from actors.audio.decoding import decode_into
from actors.audio.mastering import loudness
from actors.audio.mono import FloatArray
from actors.errors import RequestError

MAX_S = 60.0  # of a recording; what follows is not looked at
_RATE = 24_000
_BARS = 120  # of a waveform
_HEIGHT = 40  # of its drawing; so wide are all bars, each with a gap
_CLIPPED = 0.999
_FAINTEST = 1e-5  # -100 dBFS


@dataclass(frozen=True)
class Sound:
    """The beginning of a recording: float32 ``[samples]`` at a rate in Hz, and whether there is more of it."""

    samples: FloatArray
    rate: int
    cut: bool

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / self.rate


@dataclass(frozen=True)
class Level:
    """How loud a recording is: LUFS as EBU R 128 has it, the highest sample in dBFS, the share of samples at full scale."""

    lufs: float
    peak_dbfs: float
    clipped: float


@dataclass(frozen=True)
class Clip:
    """What a page plays: an MP3 as a data URI, its seconds, its waveform as an SVG path, and whether the recording goes on."""

    source: str
    seconds: float
    waveform: str
    cut: bool

    @property
    def size(self) -> int:
        """In characters of the page."""
        return len(self.source) + len(self.waveform)


class _EnoughError(RequestError):
    """All that a page plays has been decoded."""


class _Beginning:
    """Takes blocks ``[samples, channels]`` until there is enough of them, and keeps their mean."""

    def __init__(self) -> None:
        self.blocks: list[FloatArray] = []
        self.rate = 0
        self.samples = 0
        self.is_finite = True

    def add(self, block: FloatArray, rate: int, name: str) -> None:
        """Take the next block."""
        self.rate = rate
        self.blocks.append(block.mean(axis=1, dtype=np.float32))
        self.samples += len(block)
        if self.samples > MAX_S * rate:
            raise _EnoughError(f"{name} is longer than {MAX_S} s")


def read_sound(source: bytes | Path) -> Sound:
    """Return the beginning of a recording.

    Raises:
        RequestError: it is no audio, or it is damaged.
        StorageError: the file exists but reading it failed.
    """
    tracks: list[_Beginning] = []

    def track() -> _Beginning:
        tracks.append(_Beginning())
        return tracks[-1]

    cut = False
    try:
        decode_into(source, track, damaged="accept")
    except _EnoughError:
        cut = True
    found = tracks[-1]
    samples = np.concatenate(found.blocks)[: int(MAX_S * found.rate)]
    return Sound(np.nan_to_num(samples), found.rate, cut)


def level_of(sound: Sound) -> Level:
    """Measure a recording."""
    peak = float(np.abs(sound.samples).max(initial=_FAINTEST))
    clipped = float((np.abs(sound.samples) >= _CLIPPED).mean()) if len(sound.samples) else 0.0
    return Level(loudness(sound.samples, sound.rate), 20 * math.log10(peak), clipped)


def clip_of(sound: Sound) -> Clip:
    """Return a recording as a page plays it."""
    samples = resample(sound.samples, sound.rate, _RATE) if sound.rate > _RATE else sound.samples
    data = base64.b64encode(encode(samples, min(sound.rate, _RATE), "mp3")).decode()
    return Clip(f"data:audio/mpeg;base64,{data}", sound.seconds, waveform(sound.samples), sound.cut)


def waveform(samples: FloatArray) -> str:
    """Return the outline of ``[samples]`` as an SVG path: a bar for each piece, as high as its highest sample."""
    pieces = np.array_split(np.abs(samples), _BARS)
    peaks = np.array([piece.max(initial=0.0) for piece in pieces])
    heights = np.maximum(1, np.rint(peaks / max(float(peaks.max()), 0.05) * (_HEIGHT - 2))).astype(int)
    return "".join(f"M{3 * i} {(_HEIGHT - h) / 2:g}h2v{h}h-2z" for i, h in enumerate(heights))

"""Files of sound in any container, whole and broken: we make them and break them."""

import functools
import io
import re
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile

from actors.audio.codec import Recording, decode_mono
from actors.audio.mono import FloatArray

RATE = 16_000


def speech_like(seconds: float, rate: int = RATE, seed: int = 7) -> FloatArray:
    """A hum whose pitch and loudness never repeat: each moment is unlike every other one."""
    time = np.arange(round(seconds * rate)) / rate
    pitch = 150 + 40 * np.sin(2 * np.pi * 0.13 * time) + 15 * np.sin(2 * np.pi * 0.71 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    noise = np.random.default_rng(seed).standard_normal(time.size)
    hum = sum(np.sin(k * phase) / k for k in range(1, 8))
    return ((0.2 * hum * np.sin(2 * np.pi * 1.3 * time) ** 2) + 0.02 * noise).astype(np.float32)


def mux(
    container: str,
    codec: str,
    *,
    seconds: float = 6.0,
    rate: int = 24_000,
    at_s: float = 0.0,
    picture_s: tuple[float, float] | None = None,
    gap: tuple[float, float] = (1e9, 0.0),
    loudness: tuple[float, ...] = (1.0,),
    **options: str,
) -> bytes:
    """Make a file with audio tracks from ``at_s`` on, a picture beside them, and a hole of seconds at a time."""
    with tempfile.NamedTemporaryFile() as file:  # an MP4 file's index is put to its front by reading it again
        _mux_to(file.name, container, codec, seconds, rate, at_s, picture_s, gap, loudness, options)
        return Path(file.name).read_bytes()


def _mux_to(
    path: str,
    container: str,
    codec: str,
    seconds: float,
    rate: int,
    at_s: float,
    picture_s: tuple[float, float] | None,
    gap: tuple[float, float],
    loudness: tuple[float, ...],
    options: dict[str, str],
) -> None:
    with av.open(path, "w", format=container, options=options) as output:
        picture = output.add_stream("mpeg4", rate=10, width=32, height=32) if picture_s else None
        tracks = [output.add_stream(codec, rate=rate, layout="mono") for _ in loudness]
        for track in tracks:
            track.bit_rate = 64_000
            track.codec_context.open()
        events: list[tuple[float, Any]] = []
        samples, step = speech_like(seconds, rate), tracks[0].codec_context.frame_size or 1024
        for start in range(0, len(samples), step):
            time = start / rate + at_s + (gap[1] if start / rate >= gap[0] else 0)
            events += [
                (time, (track, samples[start : start + step] * loud)) for track, loud in zip(tracks, loudness, strict=True)
            ]
        if picture_s:
            events += [(k / 10, None) for k in range(round(picture_s[0] * 10), round(picture_s[1] * 10))]
        for time, what in sorted(events, key=lambda event: event[0]):
            output.mux(_packets(picture, time) if what is None else audio_packets(*what, time, rate))
        for stream in (picture, *tracks):
            output.mux(stream.encode(None) if stream else [])


def _packets(picture: Any, time: float) -> Any:
    image = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
    image.pts, image.time_base = round(time * 10), Fraction(1, 10)
    return picture.encode(image)


def audio_packets(track: Any, block: FloatArray, time: float, rate: int) -> Any:
    frame = av.AudioFrame.from_ndarray(block[None], format="flt", layout="mono")
    frame.sample_rate = rate
    (converted,) = av.AudioResampler(format=track.codec_context.format.name, layout="mono").resample(frame)
    converted.pts, converted.time_base = round(time * rate), Fraction(1, rate)
    return track.encode(converted)


def hear(data: bytes, **options: Any) -> Recording:
    return decode_mono(data, RATE, 6 * 3600.0, damaged="accept", **options)


def is_at(whole: FloatArray, heard: FloatArray, second: float, length: float = 0.8) -> bool:
    """Say whether what is heard at a second is what should be, to some hundredths of one."""
    part = slice(round(second * RATE), round((second + length) * RATE))
    expected, got = whole[part], heard[part]
    spectrum = np.fft.rfft(expected, 2 * len(expected)).conj() * np.fft.rfft(got, 2 * len(expected))
    correlation = np.fft.irfft(spectrum) / (np.linalg.norm(expected) * np.linalg.norm(got) + 1e-9)
    shift = int(np.argmax(correlation))
    shift = shift - len(correlation) if shift > len(correlation) // 2 else shift
    return bool(correlation.max() > 0.6 and abs(shift) < 0.05 * RATE)


def zeros(data: bytes, at: float = 0.5, size: int = 4000) -> bytes:
    """Return a file whose bytes in the middle were never written."""
    start = int(len(data) * at)
    return data[:start] + bytes(size) + data[start + size :]


def cut_out(data: bytes, at: float = 0.5, size: int = 6000) -> bytes:
    """Return a file of which bytes in the middle are missing."""
    start = int(len(data) * at)
    return data[:start] + data[start + size :]


def ogg_pages(data: bytes) -> list[int]:
    return [match.start() for match in re.finditer(b"OggS", data)]


def without_page(data: bytes) -> bytes:
    pages = ogg_pages(data)
    middle = len(pages) // 2
    return data[: pages[middle]] + data[pages[middle + 1] :]


def pcm_file(container: str, subtype: str = "PCM_16", endian: str = "FILE") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, speech_like(6.0), RATE, format=container, subtype=subtype, endian=endian)
    return file.getvalue()


WHOLE: dict[str, Callable[[], bytes]] = {
    "mkv": lambda: mux("matroska", "aac"),
    "mkv with a picture": lambda: mux("matroska", "aac", picture_s=(0, 6)),
    "webm": lambda: mux("webm", "libopus"),
    "flv": lambda: mux("flv", "aac"),
    "wma": lambda: mux("asf", "wmav2", rate=44_100),
    "wmv": lambda: mux("asf", "wmav2", rate=44_100, picture_s=(0, 6)),
    "flv with a picture": lambda: mux("flv", "aac", picture_s=(0, 6), strict="-1"),
    "mp4": lambda: mux("mp4", "aac", movflags="faststart"),
    "mp4 in fragments": lambda: mux("mp4", "aac", movflags="empty_moov+default_base_moof", frag_duration="1000000"),
    "ogg": lambda: mux("ogg", "libopus"),
    "ogg flac": lambda: mux("ogg", "flac"),
    "mp3": lambda: mux("mp3", "libmp3lame"),
    "flac": lambda: mux("flac", "flac"),
    "avi": lambda: mux("avi", "libmp3lame"),
    "wv": lambda: mux("wv", "wavpack"),
    "wav": lambda: pcm_file("WAV"),
    "rf64": lambda: pcm_file("RF64"),
    "rifx": lambda: pcm_file("WAV", endian="BIG"),
    "w64": lambda: pcm_file("W64"),
    "aiff": lambda: pcm_file("AIFF"),
    "au": lambda: pcm_file("AU"),
    "caf": lambda: pcm_file("CAF"),
    "alaw": lambda: pcm_file("WAV", "ALAW"),
}


@functools.cache
def whole_file(kind: str) -> bytes:
    return WHOLE[kind]()


class Kept:
    """A track that keeps what it is given."""

    def __init__(self) -> None:
        self.is_finite = True
        self.blocks: list[FloatArray] = []

    def add(self, block: FloatArray, rate: int, name: str) -> None:  # noqa: ARG002 - one interface
        self.blocks.append(block)

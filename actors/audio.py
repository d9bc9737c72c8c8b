"""Audio in and out: files to float32 samples and back, resampling, mono, silence.

Samples are float32 in [-1, 1] everywhere: ``[samples]`` for speech we make, ``[channels, samples]`` for what a file
holds. FFmpeg (PyAV) decodes; libsndfile encodes the lossless formats and FFmpeg the lossy ones.
"""

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, get_args

import av
import numpy as np
import numpy.typing as npt
import soundfile
import soxr
from av.codec.context import Flags as CodecFlags

from actors.errors import RequestError, SpeechmillError, StorageError, UsageError

AudioFormat = Literal["flac", "wav", "opus", "mp3"]
FloatArray = npt.NDArray[np.float32]

EXTENSIONS: dict[AudioFormat, str] = {"flac": ".flac", "wav": ".wav", "opus": ".opus", "mp3": ".mp3"}
MIME_TYPES: dict[AudioFormat, str] = {
    "flac": "audio/flac",
    "wav": "audio/wav",
    "opus": "audio/ogg",
    "mp3": "audio/mpeg",
}

# Rates in Hz outside of this are no audio (the upper one is FLAC's); resampling from 1 Hz would fill the memory.
_MIN_RATE, _MAX_RATE = 1_000, 655_350

# FFmpeg follows what playlists and manifests name, local files and URLs alike: forbid all of it.
_INPUT_OPTIONS = {"protocol_whitelist": "none"}

# A file whose audio ends this much before its header says is truncated. Encoder delay and padding are far below.
_TRUNCATED_S = 0.25

# Containers whose duration is written in the file; for the others FFmpeg may only estimate it.
_EXACT_DURATION = {"flac", "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"}

# Writers that cannot seek back put 0 or a size near 2 or 4 GiB in a WAV header.
_SHORTEST_UNKNOWN_RIFF = 0x7FFF_0000

_MAX_OGG_PAGE = 27 + 255 + 255 * 255


@dataclass(frozen=True)
class _LossyCodec:
    """How FFmpeg encodes one format. ``rates`` in Hz, ascending; ``bit_rate`` in bit/s for one channel."""

    container: str
    encoder: str
    rates: tuple[int, ...]
    bit_rate: int


_LOSSY: dict[AudioFormat, _LossyCodec] = {
    "opus": _LossyCodec("ogg", "libopus", (8_000, 12_000, 16_000, 24_000, 48_000), 64_000),
    "mp3": _LossyCodec(
        "mp3", "libmp3lame", (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000), 96_000
    ),
}


@dataclass(frozen=True)
class _Decoded:
    """What FFmpeg found in a file.

    ``samples`` is ``[channels, samples]``; ``end_s`` is where the last frame ends and ``declared_s`` where the header
    says it does (None: it does not say), both from the start; ``first_packet`` is a byte offset.
    """

    container: str
    samples: FloatArray
    rate: int
    end_s: float
    declared_s: float | None
    has_corrupt_packet: bool
    first_packet: int


def encode(audio: FloatArray, sample_rate: int, audio_format: AudioFormat) -> bytes:
    """Return a file with one channel of audio; the same samples give the same bytes, in any process at any time.

    FLAC and WAV hold 16-bit integers. Opus and MP3 know few sample rates: others are resampled to the next higher one,
    so 22,050 Hz becomes 24,000 Hz in Opus. Values beyond [-1, 1] are clipped.

    Args:
        audio: float32 ``[samples]``.
        sample_rate: in Hz.
        audio_format: ``flac``, ``wav``, ``opus`` (in Ogg, 64 kbit/s) or ``mp3`` (96 kbit/s).

    Raises:
        UsageError: unknown format, or audio that is not float32 ``[samples]`` at a sane rate.
        SpeechmillError: no samples, or some that are not finite. Nobody asked for that: the model went wrong.
    """
    if audio_format not in get_args(AudioFormat):
        raise UsageError(f"unknown audio format {audio_format!r}: use one of {', '.join(get_args(AudioFormat))}")
    if audio.dtype != np.float32 or audio.ndim != 1:
        raise UsageError(f"audio to encode must be float32 [samples], got {audio.dtype} {list(audio.shape)}")
    if not _MIN_RATE <= sample_rate <= _MAX_RATE:
        raise UsageError(f"cannot encode audio at {sample_rate} Hz: use {_MIN_RATE} to {_MAX_RATE} Hz")
    if audio.size == 0:
        raise SpeechmillError("there is no audio to encode: 0 samples")
    if not np.isfinite(audio).all():
        raise SpeechmillError(f"the audio has {np.count_nonzero(~np.isfinite(audio))} NaN or infinite samples")
    if audio_format in _LOSSY:
        return _encode_lossy(audio, sample_rate, _LOSSY[audio_format])
    return _encode_pcm16(audio, sample_rate, audio_format)


def decode(source: bytes | Path) -> tuple[FloatArray, int]:
    """Return all samples, float32 ``[channels, samples]``, and the sample rate in Hz of an audio or video file.

    Of several audio tracks the first is taken. Nothing is resampled and no channel is dropped.

    Args:
        source: a file's content or its path.

    Raises:
        RequestError: the file is missing, empty, truncated, damaged, or not audio. The message says which.
        StorageError: the file exists but reading it failed.
    """
    name = f"the audio ({len(source)} bytes)" if isinstance(source, bytes) else str(source)
    with _open_source(source, name) as file:
        if file.seek(0, io.SEEK_END) == 0:
            raise RequestError(f"{name} is empty: it holds 0 bytes")
        file.seek(0)
        try:
            decoded = _decode_first_track(file)
        # PyAV says by a plain ValueError that the channel layout or rate changes midway.
        except (av.FFmpegError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise RequestError(f"{name} cannot be decoded, it is damaged, truncated or not audio: {reason}") from error
        if decoded is None:
            raise RequestError(f"{name} has no audio track, or one without samples")
        if _is_truncated(decoded, file):
            raise RequestError(f"{name} is truncated: its audio breaks off after {decoded.end_s:.2f} s")
    if not _MIN_RATE <= decoded.rate <= _MAX_RATE:
        raise RequestError(f"{name} has a sample rate of {decoded.rate} Hz: use {_MIN_RATE} to {_MAX_RATE} Hz")
    if not np.isfinite(decoded.samples).all():
        raise RequestError(f"{name} has NaN or infinite samples")
    return decoded.samples, decoded.rate


def to_mono(audio: FloatArray) -> FloatArray:
    """Average ``[channels, samples]`` to ``[samples]``; ``[samples]`` is returned as it is."""
    return audio if audio.ndim == 1 else audio.mean(axis=0, dtype=np.float32)


def resample(audio: FloatArray, from_rate: int, to_rate: int) -> FloatArray:
    """Resample ``[samples]`` or ``[channels, samples]`` between rates in Hz; at equal rates return it as it is."""
    if from_rate == to_rate:
        return audio
    resampled: FloatArray = soxr.resample(audio.T, from_rate, to_rate, quality="HQ").T
    return np.ascontiguousarray(resampled)


def silence(seconds: float, sample_rate: int) -> FloatArray:
    """Return ``seconds`` of silence, float32 ``[samples]``."""
    return np.zeros(round(seconds * sample_rate), dtype=np.float32)


def _encode_pcm16(audio: FloatArray, sample_rate: int, audio_format: AudioFormat) -> bytes:
    # Scaled by 2^15 as decoders do, so that 16-bit audio comes back as it was; the cast alone would wrap, not clip.
    pcm = np.clip(np.rint(audio * 32768), -32768, 32767).astype(np.int16)
    file = io.BytesIO()
    soundfile.write(file, pcm, sample_rate, format=audio_format.upper(), subtype="PCM_16")
    return file.getvalue()


def _encode_lossy(audio: FloatArray, sample_rate: int, codec: _LossyCodec) -> bytes:
    rate = next((rate for rate in codec.rates if rate >= sample_rate), codec.rates[-1])
    audio = np.clip(resample(audio, sample_rate, rate), -1, 1)
    frame = av.AudioFrame.from_ndarray(audio[np.newaxis], format="flt", layout="mono")
    frame.sample_rate = rate
    file = io.BytesIO()
    # bitexact: no random stream serial number and no library versions, so equal audio gives equal bytes.
    with av.open(file, "w", format=codec.container, options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream(codec.encoder, rate=rate, layout="mono")
        stream.bit_rate = codec.bit_rate
        stream.codec_context.flags |= CodecFlags.bitexact
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


@contextmanager
def _open_source(source: bytes | Path, name: str) -> Iterator[BinaryIO]:
    if isinstance(source, bytes):
        yield io.BytesIO(source)
        return
    try:
        with source.open("rb") as file:
            yield file
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise RequestError(f"{name} cannot be read: {error.strerror}") from error
    except OSError as error:
        raise StorageError(f"reading {name} failed: {error}") from error


def _decode_first_track(file: BinaryIO) -> _Decoded | None:
    """Decode the first audio track; None if there is none or it has no samples."""
    with av.open(file, options=_INPUT_OPTIONS, metadata_errors="ignore") as container:
        if not container.streams.audio:
            return None
        stream = container.streams.audio[0]
        stream.codec_context.thread_count = 1  # the actor's other cores are busy with the model
        # Packed samples: PyAV reads out of bounds in planar frames of eight channels and more.
        resampler = av.AudioResampler(format="flt")
        blocks: list[FloatArray] = []
        rate, end_s, has_corrupt_packet, first_packet = 0, 0.0, False, None
        for packet in container.demux(stream):
            has_corrupt_packet |= packet.is_corrupt
            first_packet = packet.pos if first_packet is None else first_packet
            for frame in packet.decode():
                rate = frame.sample_rate
                end_s = (frame.time or 0.0) + frame.samples / rate
                blocks.extend(_samples(packed) for packed in resampler.resample(frame))
        if not blocks:
            return None
        start_s = float((stream.start_time or 0) * stream.time_base)
        return _Decoded(
            container=container.format.name,
            samples=np.ascontiguousarray(np.concatenate(blocks).T),
            rate=rate,
            end_s=end_s - start_s,
            declared_s=_declared_seconds(container, stream),
            has_corrupt_packet=has_corrupt_packet,
            first_packet=first_packet or 0,
        )


def _samples(frame: Any) -> FloatArray:
    """Return a packed frame's samples, ``[samples, channels]``."""
    samples: FloatArray = frame.to_ndarray().reshape(-1, frame.layout.nb_channels)
    return samples


def _declared_seconds(container: Any, stream: Any) -> float | None:
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    # Matroska has one duration for all its tracks, which says nothing about a single one of several.
    if container.duration is not None and len(container.streams) == 1:
        return float(container.duration / av.time_base)
    return None


def _is_truncated(decoded: _Decoded, file: BinaryIO) -> bool:
    """Say whether the file ends before its audio does; decoders mostly just stop."""
    if decoded.has_corrupt_packet and not _is_streamed_wav(file):
        return True
    if decoded.container == "ogg":
        return _ends_within_ogg_page(file)
    is_exact = decoded.container in _EXACT_DURATION or (decoded.container == "mp3" and _has_mp3_length(decoded, file))
    return is_exact and decoded.declared_s is not None and decoded.end_s < decoded.declared_s - _TRUNCATED_S


def _is_streamed_wav(file: BinaryIO) -> bool:
    """Say whether this is a WAV file whose writer did not know its length."""
    file.seek(0)
    header = file.read(8)
    if len(header) < 8 or header[:4] != b"RIFF":
        return False
    (size,) = struct.unpack("<I", header[4:])
    return size == 0 or size >= _SHORTEST_UNKNOWN_RIFF


def _has_mp3_length(decoded: _Decoded, file: BinaryIO) -> bool:
    """Say whether the frame before the first audio frame tells the length; FFmpeg guesses it otherwise."""
    file.seek(max(0, decoded.first_packet - 4096))
    head = file.read(min(4096, decoded.first_packet))
    return any(tag in head for tag in (b"Xing", b"Info", b"VBRI"))


def _ends_within_ogg_page(file: BinaryIO) -> bool:
    """Say whether the last Ogg page is cut. RFC 3533: 27 bytes, the number of segments last, their sizes, the data."""
    end = file.seek(0, io.SEEK_END)
    file.seek(max(0, end - _MAX_OGG_PAGE))
    tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return True
    return len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])

"""Audio in and out: files to float32 samples and back, resampling, mono, silence.

Samples are float32 in [-1, 1] everywhere: ``[samples]`` for speech we make, ``[channels, samples]`` for what a file
holds. FFmpeg (PyAV) decodes; libsndfile encodes the lossless formats and FFmpeg the lossy ones.
"""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal, get_args

import av
import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from actors.errors import RequestError, StorageError, SynthesisError, UsageError

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

# An MP3 file may tell its number of frames (24 to 72 ms each); a few less are not a truncated file.
_TRUNCATED_MP3_FRAMES = 10

# Containers whose duration is written in the file; for the others FFmpeg may only estimate it.
_EXACT_DURATION = {"flac", "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"}

# Streams of frames in which players skip what is not a frame: tags in the middle, where files were joined, and junk.
# Above this share of undecodable packets it is not audio at all.
_LOOSE_STREAMS = {"mp3", "aac"}
_MAX_JUNK = 0.1

# Writers that cannot seek back put 0 or a size near 2 or 4 GiB in a WAV header.
_SHORTEST_UNKNOWN_RIFF = 0x7FFF_0000

_MAX_OGG_PAGE = 27 + 255 + 255 * 255


@dataclass(frozen=True)
class _LossyCodec:
    """How FFmpeg encodes one format. ``rates`` in Hz, ascending; ``bit_rate`` in bit/s for one channel; the muxer's options."""

    container: str
    encoder: str
    rates: tuple[int, ...]
    bit_rate: int
    options: Mapping[str, str] = field(default_factory=dict)


_LOSSY: dict[AudioFormat, _LossyCodec] = {
    # Pages of 0.2 s: libsndfile takes what is cut off the end of a file of one page for damage, and a page may be 1 s.
    "opus": _LossyCodec("ogg", "libopus", (8_000, 12_000, 16_000, 24_000, 48_000), 64_000, {"page_duration": "200000"}),
    "mp3": _LossyCodec("mp3", "libmp3lame", (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000), 96_000),
}


@dataclass(frozen=True)
class _Decoded:
    """What FFmpeg found in a file.

    ``end_s`` is the time at which the last frame ends and ``declared_end_s``
    the one the header promises (None: it does not say); ``junk`` counts packets that were skipped because they
    cannot be decoded; ``first_packet`` is a byte offset.
    """

    container: str
    rate: int
    end_s: float
    declared_end_s: float | None
    packets: int
    junk: int
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
        SynthesisError: no samples, or some that are not finite. Nobody asked for that: the model went wrong.
    """
    if audio_format not in get_args(AudioFormat):
        raise UsageError(f"unknown audio format {audio_format!r}: use one of {', '.join(get_args(AudioFormat))}")
    if audio.dtype != np.float32 or audio.ndim != 1:
        raise UsageError(f"audio to encode must be float32 [samples], got {audio.dtype} {list(audio.shape)}")
    if not _MIN_RATE <= sample_rate <= _MAX_RATE:
        raise UsageError(f"cannot encode audio at {sample_rate} Hz: use {_MIN_RATE} to {_MAX_RATE} Hz")
    if audio.size == 0:
        raise SynthesisError("there is no audio to encode: 0 samples")
    if not np.isfinite(audio).all():
        raise SynthesisError(f"the audio has {np.count_nonzero(~np.isfinite(audio))} NaN or infinite samples")
    if audio_format in _LOSSY:
        return _encode_lossy(audio, sample_rate, encoded_rate(sample_rate, audio_format), _LOSSY[audio_format])
    return _encode_pcm16(audio, sample_rate, audio_format)


def encoded_rate(sample_rate: int, audio_format: AudioFormat) -> int:
    """Return the sample rate in Hz of the file that :func:`encode` makes: lossy formats know only some."""
    codec = _LOSSY.get(audio_format)
    if codec is None:
        return sample_rate
    return next((rate for rate in codec.rates if rate >= sample_rate), codec.rates[-1])


def decode(source: bytes | Path) -> tuple[FloatArray, int]:
    """Return all samples, float32 ``[channels, samples]``, and the sample rate in Hz of an audio or video file.

    Of several audio tracks the first is taken. Nothing is resampled and no channel is dropped.

    Args:
        source: a file's content or its path.

    Raises:
        RequestError: the file is missing, empty, truncated, damaged, or not audio. The message says which.
        StorageError: the file exists but reading it failed.
    """
    track = _Track()
    rate = _decode_into(source, track)
    return track.samples(), rate


def decode_mono(source: bytes | Path, rate: int, max_s: float) -> FloatArray:
    """Return a file's audio as float32 ``[samples]`` at ``rate`` Hz, its channels averaged.

    As :func:`decode`, but resampled (soxr, HQ) while it is read: memory is that of the result, however many channels there are.

    Raises:
        RequestError: as :func:`decode`, or the audio is longer than ``max_s`` seconds.
        StorageError: the file exists but reading it failed.
    """
    track = _MonoTrack(rate, max_s)
    _decode_into(source, track)
    return track.samples()


def _decode_into(source: bytes | Path, track: "_Track | _MonoTrack") -> int:
    """Decode a file's first track into ``track`` and return its sample rate."""
    name = f"the audio ({len(source)} bytes)" if isinstance(source, bytes) else str(source)
    with _open_source(source, name) as file:
        if file.seek(0, io.SEEK_END) == 0:
            raise RequestError(f"{name} is empty: it holds 0 bytes")
        file.seek(0)
        try:
            decoded = _decode_first_track(file, track, name)
        except av.FFmpegError as error:
            raise RequestError(f"{name} cannot be decoded, it is damaged, truncated or not audio: {error.strerror}") from error
        except ValueError as error:  # how PyAV says that a frame is unlike the first
            if isinstance(error, RequestError):
                raise
            raise RequestError(f"{name} changes its sample rate or its channels midway: convert it first") from error
        if decoded is None:
            raise RequestError(f"{name} has no audio track, or one without samples")
        if decoded.junk > _MAX_JUNK * decoded.packets:
            raise RequestError(
                f"{name} is damaged or not audio: {decoded.junk} of its {decoded.packets} packets cannot be decoded"
            )
        if _is_truncated(decoded, file):
            raise RequestError(f"{name} is truncated: its audio breaks off at {decoded.end_s:.2f} s")
    if not track.is_finite:
        raise RequestError(f"{name} has NaN or infinite samples")
    return decoded.rate


class _Track:
    """Takes blocks ``[samples, channels]`` and keeps them all."""

    def __init__(self) -> None:
        self._blocks: list[FloatArray] = []
        self.is_finite = True

    def add(self, block: FloatArray, rate: int, name: str) -> None:  # noqa: ARG002 - one interface
        """Take the next block."""
        self.is_finite &= bool(np.isfinite(block).all())
        self._blocks.append(block)

    def samples(self) -> FloatArray:
        """Return ``[channels, samples]``."""
        return np.ascontiguousarray(np.concatenate(self._blocks).T)


class _MonoTrack:
    """Takes blocks ``[samples, channels]`` and keeps their mean at another rate; at most ``max_s`` seconds of it."""

    def __init__(self, rate: int, max_s: float) -> None:
        self._rate, self._max_s = rate, max_s
        self._blocks: list[FloatArray] = []
        self._resampler: Any = None
        self._seconds = 0.0
        self.is_finite = True

    def add(self, block: FloatArray, rate: int, name: str) -> None:
        """Take the next block."""
        self.is_finite &= bool(np.isfinite(block).all())
        self._seconds += len(block) / rate
        if self._seconds > self._max_s:
            raise RequestError(f"{name} is longer than {self._max_s:g} s: split it, or raise the limit")
        mono = block.mean(axis=1, dtype=np.float32)
        if rate == self._rate:
            self._blocks.append(mono)
            return
        self._resampler = self._resampler or soxr.ResampleStream(rate, self._rate, 1, dtype="float32", quality="HQ")
        self._blocks.append(self._resampler.resample_chunk(mono))

    def samples(self) -> FloatArray:
        """Return ``[samples]``."""
        if self._resampler:
            self._blocks.append(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))
        return np.concatenate(self._blocks)


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


def _encode_lossy(audio: FloatArray, sample_rate: int, rate: int, codec: _LossyCodec) -> bytes:
    audio = np.clip(resample(audio, sample_rate, rate), -1, 1)
    frame = av.AudioFrame.from_ndarray(audio[np.newaxis], format="flt", layout="mono")
    frame.sample_rate = rate
    file = io.BytesIO()
    # bitexact: no random stream serial number and no library versions, so equal audio gives equal bytes.
    with av.open(file, "w", format=codec.container, options={"fflags": "+bitexact", **codec.options}) as container:
        stream = container.add_stream(codec.encoder, rate=rate, layout="mono")
        stream.bit_rate = codec.bit_rate
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


def _decode_first_track(file: BinaryIO, track: "_Track | _MonoTrack", name: str) -> _Decoded | None:
    """Decode the first audio track into ``track``; None if there is none or it has no samples."""
    with av.open(file, options=_INPUT_OPTIONS, metadata_errors="ignore") as container:
        if not container.streams.audio:
            return None
        stream = container.streams.audio[0]
        stream.codec_context.thread_count = 1  # the actor's other cores are busy with the model
        # Packed samples: PyAV reads out of bounds in planar frames of eight channels and more.
        resampler = av.AudioResampler(format="flt")
        declared_end_s = _declared_end(container, stream)
        rate, end_s, packets, junk, has_corrupt_packet, first_packet = 0, 0.0, 0, 0, False, None
        for packet in container.demux(stream):
            packets += 1
            has_corrupt_packet |= packet.is_corrupt
            first_packet = packet.pos if first_packet is None else first_packet
            try:
                frames = packet.decode()
            except av.InvalidDataError:
                if container.format.name in _LOOSE_STREAMS:
                    junk += 1
                    continue
                # FFmpeg's FLAC parser takes a last checksum that looks like the start of a frame for one more frame.
                if declared_end_s is not None and declared_end_s <= end_s:
                    break
                raise
            for frame in frames:
                rate = frame.sample_rate
                if not _MIN_RATE <= rate <= _MAX_RATE:
                    raise RequestError(f"{name} has a sample rate of {rate} Hz: use {_MIN_RATE} to {_MAX_RATE} Hz")
                end_s = (frame.time or 0.0) + frame.samples / rate
                for packed in resampler.resample(frame):
                    track.add(_samples(packed), rate, name)
        if not rate:
            return None
        return _Decoded(
            container=container.format.name,
            rate=rate,
            end_s=end_s,
            declared_end_s=declared_end_s,
            packets=packets,
            junk=junk,
            has_corrupt_packet=has_corrupt_packet,
            first_packet=first_packet or 0,
        )


def _samples(frame: Any) -> FloatArray:
    """Return a packed frame's samples, ``[samples, channels]``."""
    samples: FloatArray = frame.to_ndarray().reshape(-1, frame.layout.nb_channels)
    return samples


def _declared_end(container: Any, stream: Any) -> float | None:
    """Return the time in seconds at which the header says that the track ends."""
    if stream.duration is not None:
        return float(((stream.start_time or 0) + stream.duration) * stream.time_base)
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
    if decoded.container == "mp3":
        return decoded.packets < _declared_mp3_frames(decoded.first_packet, file) - _TRUNCATED_MP3_FRAMES
    if decoded.container in _EXACT_DURATION and decoded.declared_end_s is not None:
        return decoded.end_s < decoded.declared_end_s - _TRUNCATED_S
    return False


def _is_streamed_wav(file: BinaryIO) -> bool:
    """Say whether this is a WAV file whose writer did not know its length."""
    file.seek(0)
    header = file.read(8)
    if len(header) < 8 or header[:4] != b"RIFF":
        return False
    size = int.from_bytes(header[4:], "little")
    return size == 0 or size >= _SHORTEST_UNKNOWN_RIFF


def _declared_mp3_frames(first_packet: int, file: BinaryIO) -> int:
    """Return the number of frames that the Xing or Info header tells, 0 where there is none.

    The header is a frame before the first audio frame: the tag, four bytes of flags (bit 0: has a count), the count.
    FFmpeg reads it too, but guesses from the size instead where more data follows than it promises.
    """
    file.seek(max(0, first_packet - 4096))
    head = file.read(min(4096, first_packet))
    tag = max(head.rfind(b"Xing"), head.rfind(b"Info"))
    if tag < 0 or not int.from_bytes(head[tag + 4 : tag + 8], "big") & 1:
        return 0
    return int.from_bytes(head[tag + 8 : tag + 12], "big")


def _ends_within_ogg_page(file: BinaryIO) -> bool:
    """Say whether the last Ogg page is cut. RFC 3533: 27 bytes, the number of segments last, their sizes, the data."""
    end = file.seek(0, io.SEEK_END)
    file.seek(max(0, end - _MAX_OGG_PAGE))
    tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return True
    return len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])

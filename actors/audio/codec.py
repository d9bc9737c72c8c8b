"""Audio in and out: files to float32 samples and back, resampling, mono, silence.

Samples are float32 in [-1, 1] everywhere: ``[samples]`` for speech we make, ``[channels, samples]`` for what a file
holds. ``actors.audio.decoding`` reads files; libsndfile encodes the lossless formats and FFmpeg the lossy ones.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import av
import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from actors.audio.decoding import MAX_RATE, MIN_RATE, Damaged, decode_into
from actors.audio.mono import MonoTrack
from actors.errors import SynthesisError, UsageError

AudioFormat = Literal["flac", "wav", "opus", "mp3"]
FloatArray = npt.NDArray[np.float32]

EXTENSIONS: dict[AudioFormat, str] = {"flac": ".flac", "wav": ".wav", "opus": ".opus", "mp3": ".mp3"}


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
    if not MIN_RATE <= sample_rate <= MAX_RATE:
        raise UsageError(f"cannot encode audio at {sample_rate} Hz: use {MIN_RATE} to {MAX_RATE} Hz")
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


def decode(source: bytes | Path, *, damaged: Damaged = "reject", audio_track: int | None = None) -> tuple[FloatArray, int]:
    """Return all samples, float32 ``[channels, samples]``, and the sample rate in Hz of an audio or video file.

    Sample 0 is time 0 of the file, as players show it; where sound begins later or has holes, there is silence
    (:mod:`actors.audio.decoding`). Nothing is resampled and no channel is dropped.

    Args:
        source: a file's content or its path.
        damaged: what becomes of a file of which something is missing: an error, or what is there.
        audio_track: which audio track, from 1; by default the first with sound in it.

    Raises:
        RequestError: the file is missing, empty, truncated, damaged, or not audio. The message says which.
        StorageError: the file exists but reading it failed.
    """
    track, sound = decode_into(source, _Track, damaged=damaged, audio_track=audio_track)
    return track.samples(), sound.rate


@dataclass(frozen=True)
class Recording:
    """A file's sound for a model.

    Attributes:
        samples: float32 ``[samples]``; sample 0 is time 0 of the file.
        damage: what is missing and where, in words; None if nothing is.
    """

    samples: FloatArray
    damage: str | None


def decode_mono(
    source: bytes | Path, rate: int, max_s: float, *, damaged: Damaged = "reject", audio_track: int | None = None
) -> Recording:
    """Return a file's audio at ``rate`` Hz, its channels averaged.

    As :func:`decode`, but resampled (soxr, HQ) while it is read: memory is that of the result, however many channels there are.

    Raises:
        RequestError: as :func:`decode`, or the audio is longer than ``max_s`` seconds. A file that declares so is not decoded.
        StorageError: the file exists but reading it failed.
    """
    track, sound = decode_into(source, lambda: MonoTrack(rate, max_s), damaged=damaged, audio_track=audio_track, max_s=max_s)
    if (weights := track.channels.weights()) is not None:
        track, sound = decode_into(
            source, lambda: MonoTrack(rate, max_s, weights), damaged=damaged, audio_track=sound.audio_track, max_s=max_s
        )
    return Recording(track.samples(), sound.damage)


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


def to_mono(audio: FloatArray) -> FloatArray:
    """Average ``[channels, samples]`` to ``[samples]``; ``[samples]`` is returned as it is."""
    return audio if audio.ndim == 1 else audio.mean(axis=0, dtype=np.float32)


def resample(audio: FloatArray, from_rate: int, to_rate: int) -> FloatArray:
    """Resample ``[samples]`` or ``[channels, samples]`` between rates in Hz; at equal rates return it as it is."""
    if from_rate == to_rate:
        return audio
    resampled: FloatArray = soxr.resample(audio.T, from_rate, to_rate, quality="HQ").T
    return np.ascontiguousarray(resampled)


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

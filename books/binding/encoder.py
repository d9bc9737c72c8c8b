"""Audio files of any length, written block by block through FFmpeg: with chapters, tags and a cover. Equal input, equal bytes.

Players hear no encoder's delay: MP4's edit list, LAME's header and Opus' pre-skip say how much to drop, and players do
(``tests/books/binding/test_encoder.py`` measures it), so that times of a book hold in each format.
"""

import base64
import io
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from actors.audio.mono import FloatArray
from actors.errors import StorageError
from books.book import Resource

MIN_BIT_RATE, MAX_BIT_RATE = 8_000, 256_000  # bit/s of one channel that every encoder here takes
_BLOCK = 1 << 15  # samples that are encoded, and given on decoded, at once
_MAX_PIXELS = 6000 * 6000  # of a cover, which is decoded to learn its size
_MAX_OGG_COVER = 2 << 20  # bytes; it is in the file's header, which players read whole
_FRONT_COVER = 3  # a picture's kind in FLAC and ID3
_BITEXACT = 1 << 23  # AV_CODEC_FLAG_BITEXACT: no library version in the file
_MILLISECONDS = Fraction(1, 1000)
_COVER_CODECS = {"image/jpeg": "mjpeg", "image/png": "png"}

_AAC_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000)


@dataclass(frozen=True)
class AudioKind:
    """A kind of file.

    Attributes:
        suffix: of its name.
        media_type: of its content.
        container, encoder: FFmpeg's names.
        options: those of the container.
        rates: in Hz that it knows, ascending; any if there are none.
        bit_rate: in bit/s; ``None`` if nothing is lost.
        keeps_cover: whether a cover can be a picture in it.
        tags_chapters: whether chapters are tags, as in Ogg; FFmpeg writes none to FLAC, and Ogg's wrong by up to a second.
        codec_options: those of the encoder.
    """

    suffix: str
    media_type: str
    container: str
    encoder: str
    options: Mapping[str, str] = field(default_factory=dict)
    rates: tuple[int, ...] = ()
    bit_rate: int | None = None
    keeps_cover: bool = True
    tags_chapters: bool = False
    codec_options: Mapping[str, str] = field(default_factory=dict)

    def rate(self, wanted: int) -> int:
        """Return the rate in Hz of a file of audio at a rate: the next higher one that it knows."""
        return next((rate for rate in self.rates if rate >= wanted), self.rates[-1]) if self.rates else wanted


def _mp4(suffix: str, brand: str) -> AudioKind:
    options = {"brand": brand, "movflags": "+faststart"}
    # FFmpeg's default, twoloop, takes more than twice as long, and the embedded voice has an SNR of 36 dB by it, of 39 by fast.
    return AudioKind(suffix, "audio/mp4", "mp4", "aac", options, _AAC_RATES, 64_000, codec_options={"aac_coder": "fast"})


AUDIO_KINDS: Mapping[str, AudioKind] = {
    "m4b": _mp4(".m4b", "M4B "),
    "m4a": _mp4(".m4a", "M4A "),
    "mp3": AudioKind(
        ".mp3",
        "audio/mpeg",
        "mp3",
        "libmp3lame",
        rates=(8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
        bit_rate=96_000,
    ),
    "opus": AudioKind(
        ".opus",
        "audio/ogg",
        "ogg",
        "libopus",
        rates=(8_000, 12_000, 16_000, 24_000, 48_000),
        bit_rate=48_000,
        keeps_cover=False,
        tags_chapters=True,
    ),
    "flac": AudioKind(".flac", "audio/flac", "flac", "flac", tags_chapters=True),
    "wav": AudioKind(".wav", "audio/wav", "wav", "pcm_s16le", {"rf64": "auto"}, keeps_cover=False),
}


@dataclass(frozen=True)
class Cover:
    """A JPEG or PNG image, its size in pixels."""

    data: bytes = field(repr=False)
    media_type: str
    width: int
    height: int


@dataclass(frozen=True)
class Mark:
    """A chapter in a file, in seconds from its beginning."""

    title: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Labels:
    """What a file says of itself: tags by FFmpeg's names, chapters, a cover."""

    tags: Mapping[str, str] = field(default_factory=dict)
    marks: Sequence[Mark] = ()
    cover: Cover | None = None


def write_audio(
    path: Path, kind: AudioKind, blocks: Iterable[FloatArray], rate: int, labels: Labels, bit_rate: int | None = None
) -> None:
    """Write one channel of float32 ``[samples]`` to a local file; what is beyond [-1, 1] is clipped.

    Args:
        path: of the file.
        kind: of the file.
        blocks: the audio in pieces, at ``rate``.
        rate: in Hz, one that the kind knows.
        labels: what the file says of itself, as far as its kind can.
        bit_rate: in bit/s; ``None`` is the kind's.

    Raises:
        StorageError: the file cannot be written.
    """
    options = {"fflags": "+bitexact", **kind.options}
    with _writing(path), av.open(str(path), "w", format=kind.container, options=options) as container:
        container.metadata.update(_tags(kind, labels))
        stream = container.add_stream(kind.encoder, rate=rate, layout="mono", options=dict(kind.codec_options))
        if kind.bit_rate:
            stream.bit_rate = bit_rate or kind.bit_rate
        stream.codec_context.flags |= _BITEXACT
        if not kind.tags_chapters:
            container.set_chapters([_chapter(i, mark) for i, mark in enumerate(labels.marks)])
        if labels.cover and kind.keeps_cover:
            _add_cover(container, labels.cover)
        container.start_encoding()
        for frame in _frames(blocks, rate, is_integer=not kind.bit_rate):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def read_audio(path: Path) -> Iterator[tuple[FloatArray, int]]:
    """Yield a file's audio as players hear it: blocks of float32 ``[samples]``, one channel, and its rate in Hz."""
    with av.open(str(path)) as container:
        waiting: list[FloatArray] = []
        rate = 0
        for frame in container.decode(container.streams.audio[0]):
            rate = frame.sample_rate
            waiting.append(_samples(frame))
            if sum(map(len, waiting)) >= _BLOCK:
                yield np.concatenate(waiting), rate
                waiting = []
        if waiting:
            yield np.concatenate(waiting), rate


def read_cover(resource: Resource) -> Cover | None:
    """Return an image as a cover; ``None`` if it is neither JPEG nor PNG, damaged, or of more than 36 million pixels."""
    codec = _COVER_CODECS.get(resource.media_type)
    if codec is None:
        return None
    demuxer = {"mjpeg": "jpeg_pipe", "png": "png_pipe"}[codec]
    try:
        with av.open(io.BytesIO(resource.data), format=demuxer, options={"max_pixels": str(_MAX_PIXELS)}) as container:
            context = container.streams.video[0].codec_context
            width, height = context.width, context.height
    except (av.FFmpegError, IndexError, ValueError):
        return None
    fits = 0 < width * height <= _MAX_PIXELS
    return Cover(resource.data, resource.media_type, width, height) if fits else None


def _tags(kind: AudioKind, labels: Labels) -> dict[str, str]:
    tags = {name: " ".join(value.split()) for name, value in labels.tags.items() if value.strip()}
    if kind.encoder == "libopus" and labels.cover and len(labels.cover.data) <= _MAX_OGG_COVER:
        tags["METADATA_BLOCK_PICTURE"] = base64.b64encode(_picture(labels.cover)).decode()
    if kind.tags_chapters:
        for i, mark in enumerate(labels.marks):
            tags[f"CHAPTER{i:03d}"] = _clock(mark.start_s)
            tags[f"CHAPTER{i:03d}NAME"] = mark.title
    return tags


def _picture(cover: Cover) -> bytes:
    """Return a cover as FLAC's block PICTURE has it: RFC 9639, 8.8."""
    media_type = cover.media_type.encode()
    numbers = (cover.width, cover.height, 24, 0, len(cover.data))
    return b"".join(
        [
            _FRONT_COVER.to_bytes(4, "big"),
            len(media_type).to_bytes(4, "big"),
            media_type,
            (0).to_bytes(4, "big"),  # of a description
            *(number.to_bytes(4, "big") for number in numbers),
            cover.data,
        ]
    )


def _chapter(number: int, mark: Mark) -> Any:
    start, end = (round(seconds / _MILLISECONDS) for seconds in (mark.start_s, mark.end_s))
    return {"id": number, "start": start, "end": end, "time_base": _MILLISECONDS, "metadata": {"title": mark.title}}


def _add_cover(container: Any, cover: Cover) -> None:
    stream = container.add_mux_stream(_COVER_CODECS[cover.media_type], width=cover.width, height=cover.height)
    stream.disposition = av.stream.Disposition.attached_pic
    stream.metadata["comment"] = "Cover (front)"  # FFmpeg's name for a picture of that kind
    container.start_encoding()
    packet = av.Packet(cover.data)
    packet.stream, packet.time_base, packet.is_keyframe = stream, _MILLISECONDS, True
    packet.pts = packet.dts = 0
    container.mux(packet)


def _frames(blocks: Iterable[FloatArray], rate: int, *, is_integer: bool) -> Iterator[Any]:
    place = 0
    for block in blocks:
        for first in range(0, len(block), _BLOCK):
            piece = block[first : first + _BLOCK]
            frame = _frame(piece, is_integer=is_integer)
            frame.sample_rate, frame.pts, frame.time_base = rate, place, Fraction(1, rate)
            place += len(piece)
            yield frame


def _frame(samples: FloatArray, *, is_integer: bool) -> Any:
    if is_integer:
        # Scaled by 2^15 as decoders do; the cast alone would wrap, not clip.
        pcm = np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)
        return av.AudioFrame.from_ndarray(pcm[np.newaxis], format="s16", layout="mono")
    return av.AudioFrame.from_ndarray(np.clip(samples, -1, 1)[np.newaxis], format="flt", layout="mono")


def _samples(frame: Any) -> FloatArray:
    samples = frame.to_ndarray().reshape(-1)
    if samples.dtype.kind == "f":
        return np.asarray(samples, np.float32)
    return np.asarray(samples / float(1 << 8 * samples.dtype.itemsize - 1), np.float32)


def _clock(seconds: float) -> str:
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except av.FFmpegError as error:
        raise StorageError(
            f"cannot write {path}: {error}. Make room in {tempfile.gettempdir()}, or set TMPDIR to a folder that has it"
        ) from error

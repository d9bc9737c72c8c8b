"""A recording's sound: its pauses, and a file of it that an EPUB may hold."""

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av

from actors.audio.codec import decode_mono
from actors.audio.mono import FloatArray, blocks
from actors.errors import RequestError
from books.alignment.pauses import Pauses, find_pauses
from books.binding.encoder import AUDIO_KINDS, Labels, write_audio

_RATE = 16_000  # Hz, of what is looked through for pauses
_HIGHEST_RATE = 48_000
_BLOCK = 1 << 20  # samples
# What EPUB 3.3 calls core media types, by FFmpeg's names of container and codec.
_ALLOWED = {
    ("mp3", "mp3"): "audio/mpeg",
    ("mp4", "aac"): "audio/mp4",
    ("ogg", "opus"): "audio/ogg; codecs=opus",
}


def pauses_of(source: bytes | Path, longest_s: float) -> Pauses:
    """Return the pauses of a recording.

    Args:
        source: the file's content or its path.
        longest_s: longer ones are refused.

    Raises:
        RequestError: it cannot be decoded.
        StorageError: it cannot be read.
    """
    return find_pauses(decode_mono(source, _RATE, longest_s, damaged="accept").samples, _RATE)


def write_epub_audio(source: bytes | Path, path: Path, longest_s: float) -> str:
    """Write a recording as a file that EPUBs may hold, and return its media type: as it is if it may, else as AAC in MP4.

    Args:
        source: the file's content or its path.
        path: of the file to write.
        longest_s: longer ones are refused, if they are encoded.

    Raises:
        RequestError: it cannot be decoded.
        StorageError: a file cannot be read or written.
    """
    with _opened(source) as container:
        media_type, rate = _media_type(container), _rate(container)
    if media_type:
        _copy(source, path)
        return media_type
    kind = AUDIO_KINDS["m4a"]
    audio = decode_mono(source, kind.rate(min(rate, _HIGHEST_RATE)), longest_s, damaged="accept").samples
    write_audio(path, kind, _blocks(audio), kind.rate(min(rate, _HIGHEST_RATE)), Labels())
    return kind.media_type


@contextmanager
def _opened(source: bytes | Path) -> Iterator[Any]:
    name = f"the audio ({len(source)} bytes)" if isinstance(source, bytes) else str(source)
    try:
        with av.open(io.BytesIO(source) if isinstance(source, bytes) else str(source)) as container:
            yield container
    except av.FFmpegError as error:
        raise RequestError(f"{name} cannot be opened as audio: {error}") from error


def _media_type(container: Any) -> str | None:
    """Return the type of a file that an EPUB may hold as it is; ``None`` of others, and of films."""
    streams = [stream for stream in container.streams if not stream.disposition & av.stream.Disposition.attached_pic]
    audio = [stream for stream in streams if stream.type == "audio"]
    if len(audio) != 1 or any(stream.type == "video" for stream in streams):
        return None
    codec = audio[0].codec_context.codec.canonical_name
    kinds = container.format.name.split(",")
    return next((media for (kind, name), media in _ALLOWED.items() if kind in kinds and codec == name), None)


def _rate(container: Any) -> int:
    return next((int(stream.rate) for stream in container.streams.audio if stream.rate), _RATE)


def _copy(source: bytes | Path, path: Path) -> None:
    if isinstance(source, bytes):
        path.write_bytes(source)
    else:
        shutil.copyfile(source, path)


def _blocks(audio: FloatArray) -> Iterator[FloatArray]:
    yield from blocks(audio, _BLOCK)

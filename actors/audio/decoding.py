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

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import av
import soundfile

from actors.audio.containers import Claims, bare_stream, is_misread_wav, read_claims, unwritten_size
from actors.audio.source_file import SourceFile, open_source
from actors.audio.timeline import BLOCK, Timeline, Track
from actors.audio.track_decoder import TRUNCATED_S, TrackDecoder
from actors.errors import RequestError, StorageError

Damaged = Literal["reject", "accept"]

# Below this peak (-80 dBFS) a track has no sound: another one is looked for.
_SILENT_PEAK = 1e-4

# FFmpeg follows what playlists and manifests name, local files and URLs alike: forbid all of it.
_INPUT_OPTIONS = {"protocol_whitelist": "none"}

# Their frames have checksums, which FFmpeg compares only if it is told to.
_CHECKED_CODECS = {"flac", "tta", "wavpack"}

# A declared duration for which the file has less than this (100 bit/s; no codec gets along with so little) is a broken
# header and no truncated file.
_LEAST_BYTES_PER_S = 12.5

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
    with open_source(source, name) as file:
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


class _NoSoundError(RequestError):
    """FFmpeg finds no audio track, or one without samples."""


class _Reader:
    """Reads the audio tracks of one open file."""

    def __init__(self, file: SourceFile, name: str, max_s: float) -> None:
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
            timeline = Timeline(track, self._name)
            decoder = TrackDecoder(container, stream, claims, timeline, self._name)
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
        if seconds is not None and self._is_credible(seconds) and seconds > self._max_s + TRUNCATED_S:
            raise RequestError(
                f"{self._name} is longer than {self._max_s:g} s, it declares {seconds:.0f} s: split it, or raise the limit"
            )

    def _is_credible(self, seconds: float) -> bool:
        return seconds > 0 and seconds * _LEAST_BYTES_PER_S <= self._size

    def _check_decoded(self, decoder: TrackDecoder, timeline: Timeline) -> None:
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
        timeline = Timeline(track, self._name)
        with soundfile.SoundFile(self._file) as sound:
            self._check_length(sound.frames / sound.samplerate)
            while len(block := sound.read(BLOCK, dtype="float32", always_2d=True)):
                timeline.add(block, sound.samplerate)
        if not timeline.rate:
            raise _NoSoundError(f"{self._name} has no audio track, or one without samples")
        timeline.break_off_of(share)
        return track, Sound(timeline.rate, timeline.damage)

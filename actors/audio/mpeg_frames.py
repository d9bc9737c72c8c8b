"""Frames of MPEG audio (MP3, MP2), ADTS (AAC) and AC-3: how many there should be, and where some are missing.

These files are frames one after another and nothing else: what is lost leaves no trace in a decoder's timestamps, which
count frames. It does in the bytes: between two frames is something that is none.
"""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

_BLOCK = 1 << 20
_LONGEST_HEADER = 7

# kbit/s by index 1 to 14, by (version 1, layer); ISO/IEC 11172-3 and 13818-3.
_BIT_RATES = {
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MPEG_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_ADTS_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)

# kbit/s by frame size code / 2, and Hz by sample rate code; ETSI TS 102 366.
_AC3_BIT_RATES = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_AC3_RATES = (48_000, 44_100, 32_000)
_AC3_BLOCKS = (1, 2, 3, 6)  # of 256 samples
_LAST_AC3 = 10  # the highest bit stream identification of AC-3; above is E-AC-3

# What is written between, before and after frames on purpose.
_TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICS", b"3DI")

# A count that is a few frames (24 to 72 ms each) above what is there: encoders do not agree on what to count.
_UNCOUNTED_FRAMES = 10


class ReadableFile(Protocol):
    """As much of a binary file as is needed here."""

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes."""

    def seek(self, offset: int, whence: int = ..., /) -> int:
        """Go to a byte and return its number."""


@dataclass(frozen=True)
class MpegFrames:
    """What a walk over the frames of a file found.

    Attributes:
        declared_s: the duration in seconds by the count in a Xing, Info or VBRI header; without one by the frames themselves.
        lost: what is missing between two frames, as time of the second (counted in frames that are there) and seconds.
        share: of the file's bytes, those in frames.
        tags: where ID3v2 tags are, as first byte and last + 1: pictures in them look like frames.
    """

    declared_s: float | None
    lost: tuple[tuple[float, float], ...]
    share: float = 0.0
    tags: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class _Frame:
    """A header: ``length`` in bytes, ``seconds`` of sound, and what all frames of a stream have in common."""

    length: int
    seconds: float
    kind: tuple[int, ...]


_ReadHeader = Callable[[bytes], _Frame | None]

# What may be the begin of a frame: twelve (eleven) bits that are set, and fields that are not all set.
_MPEG_SYNC = re.compile(rb"\xff[\xe2-\xff][\x10-\xef]")
_ADTS_SYNC = re.compile(rb"\xff[\xf0\xf1\xf8\xf9]")
_AC3_SYNC = re.compile(rb"\x0b\x77")


def mpeg_audio_frames(file: ReadableFile) -> MpegFrames:
    """Walk over MP3 or MP2 frames."""
    return _walk(file, _mpeg_header, _MPEG_SYNC)


def adts_frames(file: ReadableFile) -> MpegFrames:
    """Walk over AAC frames with ADTS headers."""
    return _walk(file, _adts_header, _ADTS_SYNC)


def ac3_frames(file: ReadableFile) -> MpegFrames:
    """Walk over AC-3 or E-AC-3 frames."""
    return _walk(file, _ac3_header, _AC3_SYNC)


def _mpeg_header(head: bytes) -> _Frame | None:
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    bit_rate, rate = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 4 or bit_rate in (0, 15) or rate == 3:
        return None
    hertz = _MPEG_RATES[version][rate]
    bits = 1000 * _BIT_RATES[version == 3, layer][bit_rate - 1]
    samples = 384 if layer == 1 else 576 if layer == 3 and version != 3 else 1152
    padding = head[2] >> 1 & 1
    length = 4 * (12 * bits // hertz + padding) if layer == 1 else samples // 8 * bits // hertz + padding
    return _Frame(length, samples / hertz, (version, layer, hertz))


def _adts_header(head: bytes) -> _Frame | None:
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return None
    rate, length = head[2] >> 2 & 15, (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    if rate >= len(_ADTS_RATES) or length < 7:
        return None
    samples = 1024 * ((head[6] & 3) + 1)
    return _Frame(length, samples / _ADTS_RATES[rate], (head[1] & 8, rate))


def _ac3_header(head: bytes) -> _Frame | None:
    if len(head) < 6 or head[:2] != b"\x0b\x77":
        return None
    rate, identification = head[4] >> 6, head[5] >> 3
    if identification > _LAST_AC3:
        return _eac3_header(head)
    code = head[4] & 63
    if rate == 3 or code >> 1 >= len(_AC3_BIT_RATES):
        return None
    hertz = _AC3_RATES[rate]
    words = 96_000 * _AC3_BIT_RATES[code >> 1] // hertz + (code & 1 if hertz == 44_100 else 0)
    return _Frame(2 * words, 1536 / hertz, (0, hertz))


def _eac3_header(head: bytes) -> _Frame | None:
    """Frames of dependent substreams add channels, and of further programmes other sound, but no time."""
    words, rate, blocks = ((head[2] & 7) << 8 | head[3]) + 1, head[4] >> 6, head[4] >> 4 & 3
    is_further = head[2] >> 6 == 1 or bool(head[2] >> 3 & 7)
    if rate == 3:  # half of a rate, and always six blocks
        rate, blocks, half = blocks, 3, 2
    else:
        half = 1
    if rate == 3:
        return None
    hertz = _AC3_RATES[rate] // half
    return _Frame(2 * words, 0.0 if is_further else 256 * _AC3_BLOCKS[blocks] / hertz, (1, hertz))


def _walk(file: ReadableFile, header: _ReadHeader, sync: re.Pattern[bytes]) -> MpegFrames:
    walker = _Walker(file, header, sync)
    walker.run()
    return walker.result()


class _Walker:
    """Goes from frame to frame, and where there is none to the next place where two follow each other."""

    def __init__(self, file: ReadableFile, header: _ReadHeader, sync: re.Pattern[bytes]) -> None:
        self._file, self._header, self._sync = file, header, sync
        self._size = file.seek(0, io.SEEK_END)
        self._block, self._block_start = b"", 0
        self._kind: tuple[int, ...] | None = None
        self._frames, self._bytes, self._seconds = 0, 0, 0.0
        self._counted: int | None = None
        self._frame_s = 0.0
        self._holes: list[tuple[float, float]] = []
        self._tags: list[tuple[int, int]] = []

    def run(self) -> None:
        """Walk over the whole file."""
        position = self._next_frame(self._after_tags(0))
        self._counted = self._count_of(position)
        first = self._frame_at(position)
        if first and self._counted is not None:  # the frame that holds the count holds no sound
            position += first.length
        while position < self._size:
            frame = self._frame_at(position)
            if frame:
                self._take(frame)
                position += frame.length
            else:
                position = self._cross(position)

    def result(self) -> MpegFrames:
        """Return what was found."""
        if not self._frames:
            return MpegFrames(None, ())
        share, tags = self._bytes / self._size, tuple(self._tags)
        if self._counted is None:
            return MpegFrames(self._seconds + sum(seconds for _, seconds in self._holes), tuple(self._holes), share, tags)
        missing = self._counted - self._frames
        declared_s = self._counted * self._frame_s
        if missing <= _UNCOUNTED_FRAMES and not (self._holes and missing > 0):
            return MpegFrames(max(declared_s, self._seconds), (), share, tags)
        return MpegFrames(declared_s, self._fitted(missing * self._frame_s), share, tags)

    def _fitted(self, missing_s: float) -> tuple[tuple[float, float], ...]:
        """Return the holes, made smaller where together they are longer than what is missing."""
        total = sum(seconds for _, seconds in self._holes)
        scale = min(1.0, missing_s / total) if total else 1.0
        return tuple((at, seconds * scale) for at, seconds in self._holes)

    def _take(self, frame: _Frame) -> None:
        self._kind, self._frame_s = frame.kind, frame.seconds
        self._frames += 1
        self._bytes += frame.length
        self._seconds += frame.seconds

    def _cross(self, position: int) -> int:
        """Go over what is no frame; note how much sound was there if it was sound."""
        after = self._after_tags(position)
        found = self._next_frame(after)
        is_joined = self._count_of(found) is not None  # another file begins here
        if found < self._size and not is_joined and self._frames:
            seconds = (found - after) / self._bytes * self._seconds
            if seconds >= self._frame_s / 2:
                self._holes.append((self._seconds, seconds))
        return found

    def _frame_at(self, position: int) -> _Frame | None:
        frame = self._header(self._read(position, _LONGEST_HEADER))
        return frame if frame and (self._kind is None or frame.kind == self._kind) else None

    def _next_frame(self, position: int) -> int:
        """Return where two frames that belong together begin, or where the file ends."""
        while position < self._size:
            self._read(position, _LONGEST_HEADER)  # the block is now one that begins at or before it
            found = self._sync.search(self._block, position - self._block_start)
            if not found:
                position = max(position + 1, self._block_start + len(self._block) - 2)
                continue
            position = self._block_start + found.start()
            if self._is_begin(position):
                return position
            position += 1
        return self._size

    def _is_begin(self, position: int) -> bool:
        frame = self._frame_at(position)
        if frame is None:
            return False
        follows = self._header(self._read(position + frame.length, _LONGEST_HEADER))
        return position + frame.length == self._size if follows is None else follows.kind == frame.kind

    def _after_tags(self, position: int) -> int:
        """Return where the tags that begin here end: ID3v2 tells its length (4 times 7 bits), the others end somewhere."""
        head = self._read(position, 10)
        while head[:3] == b"ID3" and len(head) == 10:
            length = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
            first, position = position, position + 10 + length + 10 * (head[5] >> 4 & 1)
            self._tags.append((first, position))
            head = self._read(position, 10)
        return self._next_frame(position) if head.startswith(_TAGS) else position

    def _count_of(self, position: int) -> int | None:
        """Return the number of frames that a header in the frame at ``position`` tells, None if it has no such header.

        Xing or Info come behind the side information, whose size is that of the frame's version and channels; then flags
        (bit 0: has a count) and the count. VBRI is always 36 bytes into the frame, its count 14 bytes into it.
        """
        head = self._read(position, 64)
        if len(head) < 64 or self._header is not _mpeg_header or not _mpeg_header(head):
            return None
        is_mono, is_version_1 = head[3] >> 6 == 3, head[1] >> 3 & 3 == 3
        tag = 4 + ((17 if is_mono else 32) if is_version_1 else (9 if is_mono else 17))
        if head[tag : tag + 4] in (b"Xing", b"Info"):
            has_count = int.from_bytes(head[tag + 4 : tag + 8], "big") & 1
            return int.from_bytes(head[tag + 8 : tag + 12], "big") if has_count else 0
        return int.from_bytes(head[50:54], "big") if head[36:40] == b"VBRI" else None

    def _read(self, position: int, length: int) -> bytes:
        offset = position - self._block_start
        if offset < 0 or offset + length > len(self._block):
            self._file.seek(position)
            self._block, self._block_start, offset = self._file.read(max(length, _BLOCK)), position, 0
        return self._block[offset : offset + length]

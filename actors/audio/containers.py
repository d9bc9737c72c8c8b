"""What audio files say of themselves, read from their own headers: how much sound they hold, and whether it is all there.

FFmpeg keeps most of this to itself, and silently corrects a header by the size of the file: what is cut then looks whole.
Nothing here raises for a broken file: what cannot be read says nothing.
"""

import io
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from actors.audio.mpeg_frames import ReadableFile, ac3_frames, adts_frames, mpeg_audio_frames

# Writers that cannot seek back put 0 or a size near 2 or 4 GiB in a WAV header.
SHORTEST_UNKNOWN_RIFF = 0x7FFF_0000

_MOST_CHUNKS = 1 << 20

# A file of which at least this share is frames is a stream of frames.
_LEAST_FRAMES = 0.5

_NMS_ADPCM = 0x38
_MPEG_WAV = ("WAV format 0x0050", "WAV format 0x0055")
_NO_W64_SIZE = (1 << 63) - 1

_OGG_LAST_PAGE = 4  # a flag
# An Ogg stream whose clock begins, or jumps in its first seconds, by more than this was tuned in to.
TUNED_IN_S = 60.0

_CODEC_SEARCHED = 1 << 18  # bytes at a file's begin in which its tracks are described

_ASF_AUDIO = bytes.fromhex("409E69F84D5BCF11A8FD00805F5C442B")
_ASF_FILE_PROPERTIES = bytes.fromhex("A1DCAB8C47A9CF118EE400C00C205365")
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"

_CONTAINER_MAGIC = (_EBML, b"RIFF", b"RF64", b"FORM", b"OggS", b"fLaC", b"FLV", b"caff", b"riff", b"\x30\x26\xb2\x75")

# The name of a codec: Matroska's CodecID, the format of an MP4 sample description, the number in a WAVEFORMAT structure (of AVI
# behind the header of an audio stream, of ASF behind the audio type and 38 bytes of other properties), Core Audio's format.
_MATROSKA_CODEC = re.compile(rb"\x86([\x81-\xbf])(A_[A-Z0-9/_.]+)")
_AVI_CODEC = re.compile(rb"auds.{1,200}?strf.{4}(..)", re.DOTALL)
_ASF_CODEC = re.compile(re.escape(_ASF_AUDIO) + rb".{38}(..)", re.DOTALL)
_CAF_CODEC = re.compile(rb"^caff.{4}desc.{16}([ -~]{4})", re.DOTALL)
_MP4_CODEC = re.compile(rb"stsd.{12}([ -~]{4})", re.DOTALL)


@dataclass(frozen=True)
class Claims:
    """What a file says about its sound.

    Attributes:
        duration_s: of the sound, in seconds, by a count in the file; None: it does not say.
        share: how much of the sound's bytes are there, where the file tells their number: 1 is all.
        is_cut: the file ends within something that it begins.
        is_patchy: pieces from its middle are missing.
        is_fragmented: an MP4 file in fragments, as live streams are: their times begin anywhere.
        lost: for streams of frames without timestamps, what is missing between two frames: seconds from the begin (not
            counting what is lost), and for how many seconds.
        tags: where an MP3 file has tags, as first byte and last + 1.
        at_least_s: how long an Ogg stream is from its first page on; recordings that follow it in the file are not counted.
        codec: what the file calls its codec, where FFmpeg does not know it.
    """

    duration_s: float | None = None
    share: float = 1.0
    is_cut: bool = False
    is_patchy: bool = False
    is_fragmented: bool = False
    lost: tuple[tuple[float, float], ...] = ()
    tags: tuple[tuple[int, int], ...] = ()
    at_least_s: float | None = None
    codec: str | None = None


def read_claims(container: str, file: ReadableFile) -> Claims:
    """Return what a file says about its sound, by the name that FFmpeg gives its kind of container."""
    reader = _READERS.get(container)
    return reader(file) if reader else Claims()


def is_misread_wav(file: ReadableFile) -> bool:
    """Say whether FFmpeg makes noise of a WAV file.

    Of RIFX files, of which every number is big-endian, it reads samples swapped; NMS ADPCM it takes for G.726.
    """
    start = _chunk(file, b"fmt ", "little") if _at(file, 0, 4) == b"RIFF" else 0
    is_nms_adpcm = start > 0 and _number(file, start, 2) == _NMS_ADPCM
    return _at(file, 8, 4) == b"WAVE" and (_at(file, 0, 4) == b"RIFX" or is_nms_adpcm)


def unwritten_size(file: ReadableFile) -> tuple[int, bytes] | None:
    """Return where a file says that its sound is 0 bytes long, and what it should say there; None if it does not.

    Its writer did not come to its end. Of WAV files FFmpeg takes that for unknown, of others for the truth. In Wave64 files
    such sizes may be the highest number as well.
    """
    magic, size = _at(file, 0, 4), _size(file)
    if magic in (b".snd", b"dns."):
        return (8, b"\xff" * 4) if _at(file, 8, 4) == bytes(4) else None
    if magic == b"riff":
        return _unwritten_w64_sizes(file)
    if magic in (b"RF64", b"BW64"):
        start = _chunk(file, b"data", "little")
        is_unwritten = start and _at(file, 12, 4) == b"ds64" and not _number(file, 28, 8)
        return (28, (size - start).to_bytes(8, "little")) if is_unwritten else None
    sound = {b"RIFX": (b"data", 0), b"FORM": (b"SSND", 8)}.get(magic)  # AIFF counts two numbers before the sound
    start = _chunk(file, sound[0], "big") if sound else 0
    if sound is None or not start or _number(file, start - 4, 4, "big") != sound[1]:
        return None
    return start - 4, min(size - start, 0xFFFF_FFFF).to_bytes(4, "big")


def _chunk(file: ReadableFile, wanted: bytes, order: str) -> int:
    """Return where the content of a chunk of a RIFF or IFF file begins, 0 if there is none."""
    return next((start for name, start, _ in _riff_chunks(file, 12, order) if name == wanted), 0)


def bare_stream(file: ReadableFile) -> str | None:
    """Return FFmpeg's name for a file that is mostly frames of MPEG audio or AAC behind junk; else None.

    A container that is broken may hold such frames as well; it is not whole because they can be found.
    """
    head = _at(file, 0, 8)
    if head.startswith(_CONTAINER_MAGIC) or head[4:] in (b"ftyp", b"mdat", b"moov", b"free", b"wide"):
        return None
    if mpeg_audio_frames(file).share >= _LEAST_FRAMES:
        return "mp3"
    return "aac" if adts_frames(file).share >= _LEAST_FRAMES else None


def _wav(file: ReadableFile) -> Claims:
    """Multimedia Programming Interface 1.0 (RIFF), EBU Tech 3306 (RF64).

    A header that was never finished must not be taken for a file that was cut. The file is cut only if both of its
    sizes, that of the whole and that of the data, are real (not 0, not near 2 or 4 GiB) and agree that more should be there.
    """
    magic, size = _at(file, 0, 4), _size(file)
    order: str = "big" if magic == b"RIFX" else "little"
    riff, codec = _number(file, 4, 4, order), None
    real_sizes: tuple[int, int] | None = None
    for name, start, length in _riff_chunks(file, 12, order):
        if name == b"ds64":
            real_sizes = _number(file, start, 8), _number(file, start + 8, 8)
        elif name == b"fmt ":
            codec = f"WAV format 0x{_number(file, start, 2, order):04X}"
        elif name == b"data":
            is_64 = real_sizes is not None and length == 0xFFFF_FFFF
            riff, length = real_sizes if is_64 and real_sizes else (riff, length)
            is_real = length > 0 and riff > 0 and (is_64 or max(length, riff) < SHORTEST_UNKNOWN_RIFF)
            is_cut = is_real and start + length > size and riff + 9 >= start + length
            lost = mpeg_audio_frames(file).lost if codec in _MPEG_WAV else ()
            return Claims(share=max(size - start, 0) / length if is_cut else 1.0, is_cut=is_cut, codec=codec, lost=lost)
    return Claims(codec=codec)


def _avi(file: ReadableFile) -> Claims:
    """One RIFF list after another (OpenDML), each of which tells its size; 0 where the writer did not come to its end."""
    position, size = 0, _size(file)
    for _ in range(_MOST_CHUNKS):
        length = _number(file, position + 4, 4)
        if _at(file, position, 4) != b"RIFF" or not 0 < length < SHORTEST_UNKNOWN_RIFF:
            break
        position += 8 + length + length % 2
    return Claims(is_cut=position > size + 1, codec=_wave_format(file, _AVI_CODEC), lost=tuple(_avi_lost(file)))


def _avi_lost(file: ReadableFile) -> Iterator[tuple[float, float]]:
    """Yield what is missing of the first audio stream: the chunks of its index that are not where it says.

    An entry of the index (idx1) is a chunk's name, flags, place (from ``movi`` on, or from the file's begin) and length. Behind
    a place where bytes are missing all chunks are as much earlier as the index itself is.
    """
    head = _at(file, 0, _CODEC_SEARCHED)
    streams = [found.start() + 8 for found in re.finditer(rb"strh....(?:vids|auds|txts|mids)", head, re.DOTALL)]
    number = next((i for i, start in enumerate(streams) if head[start : start + 4] == b"auds"), None)
    movi = head.find(b"movi")
    if number is None or movi < 8:
        return
    scale, rate, _, _, _, _, sample_size = struct.unpack("<7I", head[streams[number] + 20 :][:28].ljust(28, b"\0"))
    declared = movi + _number(file, movi - 4, 4)
    index = declared if _at(file, declared, 4) == b"idx1" else _find(file, b"idx1", movi, _size(file))
    entries = _at(file, index + 8, 16 * min(_number(file, index + 4, 4) // 16, _MOST_CHUNKS))
    if len(entries) < 16 or not rate:
        return
    base = movi if int.from_bytes(entries[8:12], "little") < movi else 0
    seconds, missing = 0.0, 0.0
    for name, _, place, length in struct.iter_unpack("<4sIII", entries[: len(entries) // 16 * 16]):
        if name[:2] != b"%02d" % number:
            continue
        chunk_s = (length / sample_size if sample_size else float(length > 0)) * scale / rate
        if any(_at(file, base + place - moved, 4) == name for moved in {0, declared - index}):
            if missing:
                yield seconds, missing
            seconds, missing = seconds + chunk_s, 0.0
        else:
            missing += chunk_s


def _wave_format(file: ReadableFile, pattern: re.Pattern[bytes]) -> str | None:
    found = pattern.search(_at(file, 0, _CODEC_SEARCHED))
    return f"WAV format 0x{int.from_bytes(found[1], 'little'):04X}" if found else None


def _w64(file: ReadableFile) -> Claims:
    """Sony Wave64: chunks of a 16-byte GUID and a 64-bit size that counts both, at multiples of 8."""
    data = _w64_data(file)
    return _share(data + 24, _number(file, data + 16, 8) - 24, _size(file)) if data else Claims()


def _w64_data(file: ReadableFile) -> int:
    """Return where the chunk with the sound begins, 0 if there is none."""
    position, size = 40, _size(file)
    for _ in range(_MOST_CHUNKS):
        length = _number(file, position + 16, 8)
        if _at(file, position, 4) == b"data":
            return position
        if length < 24 or position + length >= size:
            break
        position += -(-length // 8) * 8
    return 0


def _unwritten_w64_sizes(file: ReadableFile) -> tuple[int, bytes] | None:
    data, size = _w64_data(file), _size(file)
    if not data or (0 < _number(file, 16, 8) < _NO_W64_SIZE and 24 < _number(file, data + 16, 8) < _NO_W64_SIZE):
        return None
    between = _at(file, 24, data + 16 - 24)
    return 16, size.to_bytes(8, "little") + between + (size - data).to_bytes(8, "little")


def _caf(file: ReadableFile) -> Claims:
    """Apple Core Audio Format: chunks of a type and a 64-bit size; -1 is a recording that goes on."""
    position, size = 8, _size(file)
    for _ in range(_MOST_CHUNKS):
        length = int.from_bytes(_at(file, position + 4, 8), "big", signed=True)
        if _at(file, position, 4) == b"data":
            found = _CAF_CODEC.search(_at(file, 0, 64))
            # The sound follows a count of edits.
            return replace(_share(position + 16, length - 4, size), codec=found[1].decode() if found else None)
        if length < 0 or position + 12 + length >= size:
            break
        position += 12 + length
    return Claims()


def _share(start: int, length: int, size: int) -> Claims:
    """Return the claims of a file whose sound is ``length`` bytes from ``start`` on; a length of 0 or less is unknown."""
    is_cut = 0 < length < 1 << 62 and start + length > size
    return Claims(share=max(size - start, 0) / length if is_cut else 1.0, is_cut=is_cut)


def _mp4(file: ReadableFile) -> Claims:
    """ISO/IEC 14496-12: boxes; a fragment (``moof``) has a number, one more than that of the one before."""
    position, size = 0, _size(file)
    number, is_patchy, is_cut = 0, False, False
    for _ in range(_MOST_CHUNKS):
        if position + 8 > size:
            break
        name, length = _at(file, position + 4, 4), _number(file, position, 4, "big")
        length = _number(file, position + 8, 8, "big") if length == 1 else length
        if name == b"moof":
            follows = _number(file, position + 20, 4, "big")
            is_patchy |= bool(number) and follows > number + 1
            number = follows
        if length == 0 and name == b"mdat":  # to the end of the file
            break
        if length < 8 or position + length > size:
            is_cut = name in (b"mdat", b"moov", b"moof") or (bool(number) and _find(file, b"moof", position, size) < size)
            break
        position += length
    codec = _MP4_CODEC.search(_at(file, 0, _CODEC_SEARCHED)) or _MP4_CODEC.search(
        _at(file, max(0, size - _CODEC_SEARCHED), _CODEC_SEARCHED)
    )
    return Claims(
        is_cut=is_cut,
        is_patchy=is_patchy or (is_cut and bool(number)),
        is_fragmented=bool(number),
        codec=codec[1].decode() if codec else None,
    )


def _matroska(file: ReadableFile) -> Claims:
    """RFC 8794 and 9559: an EBML header, then a segment, whose size may be unknown."""
    head = _at(file, 0, _CODEC_SEARCHED)
    codec = _MATROSKA_CODEC.search(head)
    start = head.find(_SEGMENT) if head.startswith(_EBML) else -1
    length, width = _ebml_size(head[start + 4 : start + 12]) if start >= 0 else (None, 0)
    return Claims(
        is_cut=length is not None and start + 4 + width + length > _size(file),
        codec=codec[2][: codec[1][0] & 0x7F].decode() if codec else None,
    )


def _ebml_size(field: bytes) -> tuple[int | None, int]:
    """Return an element's size (None: unknown) and how many bytes tell it: as many as the first has leading zeros, and one."""
    width = 9 - field[0].bit_length() if field and field[0] else 0
    if not width or len(field) < width:
        return None, width
    value = int.from_bytes(field[:width], "big") & ((1 << 7 * width) - 1)
    return (None if value == (1 << 7 * width) - 1 else value), width


def _ogg(file: ReadableFile) -> Claims:
    """RFC 3533: pages of 27 bytes (the number of segments last), the segments' sizes, the data."""
    position, size, junk, is_patchy = 0, _size(file), 0, False
    pages: dict[int, tuple[int, bool]] = {}  # a stream's last page: its number, and whether it has sound
    is_over, span = True, _OggSpan()
    while position < size:
        head = _at(file, position, 27 + 255)
        if head[:4] != b"OggS"[: len(head[:4])]:
            position, junk = _find(file, b"OggS", position, size), position
            continue
        segments = head[26] if len(head) > 26 else 255
        length = 27 + segments + sum(head[27 : 27 + segments])
        if position + length > size:
            return Claims(is_cut=True, is_patchy=is_patchy, at_least_s=span.seconds(is_patchy=is_patchy))
        samples, serial, number = (int.from_bytes(head[i:j], "little", signed=True) for i, j in ((6, 14), (14, 18), (18, 22)))
        before, has_sound = pages.get(serial, (number, False))
        # Who tunes in to a stream gets its headers and then any page: only behind sound, or junk, is a page missing.
        is_patchy |= number > before + 1 and (has_sound or junk > 0)
        pages[serial] = number, samples > 0
        is_over = bool(head[5] & _OGG_LAST_PAGE)
        span.take(serial, samples, _at(file, position + 27 + segments, 48))
        position += length
        junk = 0
    return Claims(is_cut=junk > 0 and not is_over, is_patchy=is_patchy, at_least_s=span.seconds(is_patchy=is_patchy))


class _OggSpan:
    """Follows the time of the first audio stream in an Ogg file: pages tell it as a count of samples (granule position)."""

    def __init__(self) -> None:
        self._serial, self._rate = 0, 0
        self._first, self._last = 0, 0

    def take(self, serial: int, samples: int, begin: bytes) -> None:
        """Take the next page and how its data begin."""
        if not self._rate and (rate := _ogg_rate(begin)):
            self._serial, self._rate = serial, rate
        elif serial == self._serial and samples > 0:
            self._first = self._first or samples
            self._last = samples

    def seconds(self, *, is_patchy: bool) -> float | None:
        """Return how long the stream is, if there is one of a known codec; one that lacks pages may lack its first."""
        if not self._rate:
            return None
        is_lost = is_patchy and self._first < TUNED_IN_S * self._rate
        return (self._last - (0 if is_lost else self._first)) / self._rate


def _ogg_rate(begin: bytes) -> int:
    """Return the samples per second in which a stream counts, by its first packet; 0 if it is none of Opus, Vorbis and FLAC."""
    if begin.startswith(b"OpusHead"):  # RFC 7845: always 48 kHz
        return 48_000
    if begin.startswith(b"\x01vorbis"):
        return int.from_bytes(begin[12:16], "little")
    if begin.startswith(b"\x7fFLAC"):  # STREAMINFO is 17 bytes into it; 10 bytes into that are 20 bits of rate
        return int.from_bytes(begin[27:30], "big") >> 4
    return 0


def _asf(file: ReadableFile) -> Claims:
    """Advanced Systems Format 3.2: the file's size, and times in 100 ns of which the pre-roll (ms) is a part."""
    position = 30
    for _ in range(_number(file, 24, 4)):
        if _at(file, position, 16) == _ASF_FILE_PROPERTIES:
            is_live = bool(_number(file, position + 88, 4) & 1)
            duration_s = _number(file, position + 64, 8) / 1e7 - _number(file, position + 80, 8) / 1e3
            is_cut = not is_live and _number(file, position + 40, 8) > _size(file)
            declared_s = None if is_live or duration_s <= 0 else duration_s
            return Claims(duration_s=declared_s, is_cut=is_cut, codec=_wave_format(file, _ASF_CODEC))
        length = _number(file, position + 16, 8)
        if length < 24:
            break
        position += length
    return Claims()


def _mpeg_audio(file: ReadableFile) -> Claims:
    frames = mpeg_audio_frames(file)
    return Claims(duration_s=frames.declared_s, lost=frames.lost, tags=frames.tags)


def _adts(file: ReadableFile) -> Claims:
    frames = adts_frames(file)  # FFmpeg itself leaves out their tags
    return Claims(duration_s=frames.declared_s, lost=frames.lost)


def _ac3(file: ReadableFile) -> Claims:
    frames = ac3_frames(file)
    return Claims(duration_s=frames.declared_s, lost=frames.lost)


_READERS: dict[str, Callable[[ReadableFile], Claims]] = {
    "wav": _wav,
    "w64": _w64,
    "caf": _caf,
    "avi": _avi,
    "mov,mp4,m4a,3gp,3g2,mj2": _mp4,
    "matroska,webm": _matroska,
    "ogg": _ogg,
    "asf": _asf,
    "mp3": _mpeg_audio,
    "aac": _adts,
    "ac3": _ac3,
    "eac3": _ac3,
}

CLAIMING_CONTAINERS = frozenset(_READERS)


def _riff_chunks(file: ReadableFile, position: int, order: str) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name, the first byte and the length of the chunks of a RIFF file."""
    for _ in range(_MOST_CHUNKS):
        head = _at(file, position, 8)
        if len(head) < 8:
            return
        length = _number(file, position + 4, 4, order)
        yield head[:4], position + 8, length
        position += 8 + length + length % 2


def _find(file: ReadableFile, wanted: bytes, position: int, size: int) -> int:
    """Return where ``wanted`` is next, the file's size if nowhere."""
    while position < size:
        block = _at(file, position, 1 << 16)
        found = block.find(wanted)
        if found >= 0:
            return position + found
        position += max(len(block) - len(wanted) + 1, 1)
    return size


def _size(file: ReadableFile) -> int:
    return file.seek(0, io.SEEK_END)


def _at(file: ReadableFile, position: int, length: int) -> bytes:
    """Return ``length`` bytes from ``position`` on, or those that are there."""
    if position >= _size(file):
        return b""
    file.seek(position)
    return file.read(length)


def _number(file: ReadableFile, position: int, length: int, order: str = "little") -> int:
    return int.from_bytes(_at(file, position, length), "big" if order == "big" else "little")

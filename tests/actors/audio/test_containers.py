"""What headers say; what they mean for decoding is tested in test_decoding.py."""

import io
import struct

import numpy as np
import pytest
import soundfile

from actors.audio.containers import bare_stream, is_misread_wav, read_claims, unwritten_size

MP4 = "mov,mp4,m4a,3gp,3g2,mj2"


def sound(container: str, endian: str = "FILE") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(8000), 16_000, format=container, subtype="PCM_16", endian=endian)
    return file.getvalue()


@pytest.mark.parametrize(
    ("container", "kind"), [("wav", "WAV"), ("wav", "WAVEX"), ("wav", "RF64"), ("w64", "W64"), ("caf", "CAF"), ("wav", "RIFX")]
)
def test_how_much_of_the_sound_is_there(container: str, kind: str) -> None:
    data = sound("WAV", "BIG") if kind == "RIFX" else sound(kind)
    whole, half = (read_claims(container, io.BytesIO(file)) for file in (data, data[:-8000]))
    assert (whole.share, whole.is_cut) == (1.0, False)
    assert (half.share, half.is_cut) == (0.5, True)
    assert read_claims(container, io.BytesIO(data + bytes(99))) == whole


@pytest.mark.parametrize("container", ["wav", "w64", "caf", "avi", MP4, "matroska,webm", "ogg", "asf", "mp3", "aac", "nut"])
@pytest.mark.parametrize(
    "data", [b"", b"RIFF", b"\0" * 5000, b"\xff" * 5000, b"\x1aE\xdf\xa3\x18S\x80g", b"OggS", bytes(range(256)) * 9]
)
def test_what_cannot_be_read_says_nothing(container: str, data: bytes) -> None:
    claims = read_claims(container, io.BytesIO(data))
    assert claims.share == 1.0
    assert claims.duration_s is None


def test_fragments_are_counted() -> None:
    def fragment(number: int) -> bytes:
        header = struct.pack(">I4sII", 16, b"mfhd", 0, number)
        return struct.pack(">I4s", 24, b"moof") + header + struct.pack(">I4s", 16, b"mdat") + bytes(8)

    start = struct.pack(">I4s", 8, b"ftyp")
    whole = read_claims(MP4, io.BytesIO(start + fragment(1) + fragment(2) + fragment(3)))
    assert (whole.is_fragmented, whole.is_patchy, whole.is_cut) == (True, False, False)
    assert read_claims(MP4, io.BytesIO(start + fragment(1) + fragment(3))).is_patchy
    assert read_claims(MP4, io.BytesIO(start + fragment(1) + fragment(2)[:-4])).is_cut
    assert not read_claims(MP4, io.BytesIO(start + fragment(1) + bytes(99))).is_cut


def test_a_matroska_segment_of_unknown_size_is_never_cut() -> None:
    head = b"\x1aE\xdf\xa3\x80"
    assert not read_claims("matroska,webm", io.BytesIO(head + b"\x18S\x80g\x01" + b"\xff" * 7 + bytes(50))).is_cut
    assert not read_claims("matroska,webm", io.BytesIO(head + b"\x18S\x80g\xff" + bytes(50))).is_cut
    assert read_claims("matroska,webm", io.BytesIO(head + b"\x18S\x80g\x40\x64" + bytes(99))).is_cut
    assert not read_claims("matroska,webm", io.BytesIO(head + b"\x18S\x80g\x40\x64" + bytes(100))).is_cut


@pytest.mark.parametrize(("subtype", "rate"), [("OPUS", 24_000), ("VORBIS", 22_050)])
def test_the_pages_of_an_ogg_file_tell_how_long_it_is(subtype: str, rate: int) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.random.default_rng(0).normal(0, 0.1, 9 * rate), rate, format="OGG", subtype=subtype)
    assert read_claims("ogg", file).at_least_s == pytest.approx(9, abs=1.1)  # from the end of the first page on


def test_kinds_are_told_by_their_first_bytes() -> None:
    assert is_misread_wav(io.BytesIO(sound("WAV", "BIG")))
    assert not is_misread_wav(io.BytesIO(sound("WAV")))
    assert unwritten_size(io.BytesIO(sound("RF64"))) is None
    assert bare_stream(io.BytesIO(sound("WAV"))) is None

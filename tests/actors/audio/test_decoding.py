"""What comes out of strangers' files: every second at its time, and what is missing said. We make the files and break them."""

import io
import random
import re
import struct
from collections.abc import Callable
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from actors.audio import decoding
from actors.audio.codec import decode, encode
from actors.audio.decoding import decode_into
from actors.errors import RequestError
from tests.actors.audio.recordings import RATE, WHOLE, Kept, audio_packets, hear, mux, pcm_file, speech_like, whole_file

# Headers


def wav(riff: int | None = None, data: int | None = None, behind: bytes = b"") -> bytes:
    file = bytearray(encode(speech_like(3.0), RATE, "wav"))
    for position, size in ((4, riff), (40, data)):
        if size is not None:
            file[position : position + 4] = size.to_bytes(4, "little")
    return bytes(file) + behind


@pytest.mark.parametrize(
    "file",
    [
        wav(0, 0),
        wav(0xFFFFFFFF, 0xFFFFFFFF),
        wav(0x7FFFFFFF, 0x7FFFFFDB),
        wav(0x80000024, 0x80000000),
        wav(data=0),
        wav(data=0xFFFFFFFF),
        wav(data=2 * 96_000),
        wav(riff=36),
        wav(riff=4088, data=0),
        wav(riff=10**8),
        wav(riff=0),
        wav(behind=b"junk" * 1000),
        wav(behind=b"LIST\x10\0\0\0INFO" + bytes(12)),
    ],
    ids=range(13),
)
def test_a_wav_file_with_a_wrong_header_that_is_all_there_is_whole(file: bytes) -> None:
    heard = hear(file)
    assert heard.damage is None
    assert len(heard.samples) in (3 * RATE, 3 * RATE + 14)  # where nothing says where the sound ends, a list is sound


@pytest.mark.parametrize(
    ("kind", "name", "offset", "size"),
    [
        ("rf64", b"ds64", 8, bytes(24)),
        ("rifx", b"data", 4, bytes(4)),
        ("w64", b"data", 16, bytes(8)),
        ("w64", b"data", 16, b"\xff" * 8),
        ("caf", b"data", 4, bytes(8)),
        ("caf", b"data", 4, b"\xff" * 8),
        ("au", b".snd", 8, bytes(4)),
        ("au", b".snd", 8, b"\xff" * 4),
        ("aiff", b"SSND", 4, bytes(4)),
        ("aiff", b"SSND", 4, b"\0\0\0\x08"),
        ("aiff", b"COMM", 10, bytes(4)),
    ],
)
def test_a_file_whose_size_was_never_written_is_whole(kind: str, name: bytes, offset: int, size: bytes) -> None:
    file = bytearray(whole_file(kind))
    position = file.index(name) + offset
    file[position : position + len(size)] = size
    heard = hear(bytes(file))
    assert heard.damage is None
    assert len(heard.samples) == 6 * RATE


class _Pipe(io.BytesIO):
    """What a writer cannot go back in."""

    def seekable(self) -> bool:
        return False


@pytest.mark.parametrize("container", ["w64", "avi", "wav", "au", "caf", "matroska", "flv"])
def test_a_file_from_a_pipe_is_whole(container: str) -> None:
    codec = {"au": "pcm_s16be", "matroska": "libopus", "flv": "aac"}.get(container, "pcm_s16le")
    file = _Pipe()
    with av.open(file, "w", format=container) as output:
        track = output.add_stream(codec, rate=44_100 if codec == "aac" else 48_000, layout="mono")
        rate, step = track.rate, track.codec_context.frame_size or 1024
        samples = speech_like(3.0, rate)
        for start in range(0, len(samples), step):
            output.mux(audio_packets(track, samples[start : start + step], start / rate, rate))
        output.mux(track.encode(None))
    heard = hear(file.getvalue())
    assert heard.damage is None
    assert len(heard.samples) / RATE == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize("subtype", ["NMS_ADPCM_16", "NMS_ADPCM_24", "NMS_ADPCM_32"])
def test_an_encoding_that_ffmpeg_takes_for_another_is_read_as_it_is(subtype: str) -> None:
    data = pcm_file("WAV", subtype)
    heard = hear(data)
    assert heard.damage is None
    np.testing.assert_allclose(heard.samples, soundfile.read(io.BytesIO(data), dtype="float32")[0], atol=1e-6)
    assert hear(data[: len(data) // 2]).damage


@pytest.mark.parametrize(
    ("container", "codec"), [("tta", "tta"), ("matroska", "tta"), ("wv", "wavpack"), ("ac3", "ac3"), ("eac3", "eac3")]
)
@pytest.mark.parametrize("written", [b"\0", b"U"])
def test_what_checksums_and_lengths_of_frames_show_is_said(container: str, codec: str, written: bytes) -> None:
    data = mux(container, codec, rate=48_000)
    start = int(len(data) * 0.45)
    assert hear(data).damage is None
    heard = hear(data[:start] + written * 3000 + data[start + 3000 :])
    assert heard.damage
    assert len(heard.samples) / RATE == pytest.approx(6.0, abs=0.1)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT", "DOUBLE", "ALAW", "ULAW"])
def test_big_endian_wav_is_read_as_it_is(subtype: str) -> None:
    file = pcm_file("WAV", subtype, "BIG")
    assert file[:4] == b"RIFX"
    expected, _ = soundfile.read(io.BytesIO(file), dtype="float32")
    np.testing.assert_array_equal(decode(file)[0][0], expected)


@pytest.mark.parametrize(
    ("container", "subtype", "endian"),
    [("AU", "PCM_16", "LITTLE"), ("AU", "DOUBLE", "LITTLE"), ("AIFF", "PCM_24", "LITTLE"), ("AIFF", "PCM_16", "LITTLE")],
)
def test_what_ffmpeg_does_not_know_libsndfile_reads(container: str, subtype: str, endian: str) -> None:
    file = pcm_file(container, subtype, endian)
    expected, _ = soundfile.read(io.BytesIO(file), dtype="float32")
    np.testing.assert_allclose(decode(file)[0][0], expected, atol=1e-6)


def id3(title: bytes) -> bytes:
    frame = b"TIT2" + struct.pack(">I", len(title) + 1) + b"\0\0\0" + title
    return b"ID3\3\0\0" + bytes([0, 0, len(frame) >> 7, len(frame) & 127]) + frame


@pytest.mark.parametrize("kind", ["Info", "Xing"])
def test_an_mp3_title_is_no_count(kind: str) -> None:
    file = encode(speech_like(3.0), RATE, "mp3")
    titled = id3(f"Side {kind}".encode() + b"\0\0\0\x0f\x7f\xff\xff\xff") + file
    np.testing.assert_array_equal(hear(titled).samples, hear(file).samples)


@pytest.mark.parametrize("make", [lambda: encode(speech_like(3.0), RATE, "mp3"), lambda: mux("adts", "aac", seconds=3.0)])
@pytest.mark.parametrize(
    ("before", "behind"),
    [
        (bytes(3000), b""),
        (b"junk" * 500, b""),
        (b"", bytes(9000)),
        (b"", b"TAG" + b"x" * 125),
        (b"", b"APETAGEX" + b"x" * 300 + b"TAG" + b"x" * 125),
    ],
)
def test_junk_around_frames_is_no_damage(make: Callable[[], bytes], before: bytes, behind: bytes) -> None:
    heard = hear(before + make() + behind)
    assert heard.damage is None
    assert len(heard.samples) / RATE == pytest.approx(3.0, abs=0.12)


@pytest.mark.parametrize("make", [lambda: mux("mp3", "libmp3lame", seconds=3.0), lambda: mux("adts", "aac", seconds=3.0)])
@pytest.mark.parametrize("is_joined", [True, False])
def test_a_picture_in_a_tag_behind_the_sound_is_no_sound(make: Callable[[], bytes], is_joined: bool) -> None:
    picture = b"\x00image/png\x00\x03\x00" + random.Random(0).randbytes(100_000) + b"\xff\xfb\x90\x64" * 20_000
    sizes = [len(picture), len(picture) + 10]
    frame, tag = (bytes(size >> 7 * k & 127 for k in (3, 2, 1, 0)) for size in sizes)
    data = make()
    heard = hear(data + b"ID3\x04\x00\x00" + tag + b"APIC" + frame + bytes(2) + picture + (data if is_joined else b""))
    assert heard.damage is None
    assert len(heard.samples) / RATE == pytest.approx(6.0 if is_joined else 3.0, abs=0.15)


def test_frames_in_a_container_without_its_index_are_no_stream_of_frames() -> None:
    data = mux("mp4", "libmp3lame", seconds=3.0)
    with pytest.raises(RequestError, match="damaged, truncated or not audio"):
        hear(data[: len(data) // 2])


@pytest.mark.parametrize("behind", [bytes(5000), bytes(100_000), b"junk" * 999, b"TAG" + b"x" * 125])
@pytest.mark.parametrize("kind", ["ogg", "flac", "mkv", "mp4", "wv", "aiff"])
def test_junk_behind_a_file_is_no_damage(kind: str, behind: bytes) -> None:
    data = whole_file(kind)
    heard = hear(data + behind)
    assert heard.damage is None
    np.testing.assert_array_equal(heard.samples, hear(data).samples)


def test_recordings_one_behind_another_in_one_ogg_file_are_whole() -> None:
    data = mux("ogg", "libopus", seconds=2)
    heard = hear(data + data)
    assert heard.damage is None
    assert len(heard.samples) / RATE == pytest.approx(4.0, abs=0.05)


def flac_declaring(samples: int, behind: int = 0) -> bytes:
    data = bytearray(encode(speech_like(3.0), RATE, "flac"))
    data[21] = data[21] & 0xF0 | samples >> 32  # STREAMINFO: 36 bits from here are the number of samples
    data[22:26] = (samples & 0xFFFFFFFF).to_bytes(4, "big")
    return bytes(data) + bytes(behind)


def test_a_file_that_declares_to_be_too_long_is_rejected_unheard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding.TrackDecoder, "run", lambda _: pytest.fail("it was decoded"))
    with pytest.raises(RequestError, match="longer than 21600 s, it declares 25200 s"):
        hear(flac_declaring(7 * 3600 * RATE, behind=400_000))


def test_a_duration_for_which_the_file_is_too_small_is_not_believed() -> None:
    assert hear(flac_declaring(2**36 - 1)).damage is None
    data = bytearray(mux("matroska", "aac", seconds=2))
    position = data.index(b"\x44\x89\x88") + 3  # the segment's duration, a double in ms
    data[position : position + 8] = struct.pack(">d", 1e15)
    assert hear(bytes(data)).damage is None


# Tracks


@pytest.mark.parametrize(("container", "codec"), [("matroska", "flac"), ("mp4", "aac"), ("mpegts", "mp2")])
def test_the_first_track_with_sound_is_heard_or_the_one_that_is_named(container: str, codec: str) -> None:
    data = mux(container, codec, seconds=1, loudness=(0.0, 1.0, 0.5))
    peaks = [np.abs(hear(data, audio_track=track).samples).max() for track in (None, 1, 2, 3)]
    assert peaks[1] < 1e-4
    assert peaks[0] == peaks[2] > 1.5 * peaks[3] > 0.01
    for track in (0, 4):
        with pytest.raises(RequestError, match=f"no audio track {track}: it has 3, counted from 1"):
            hear(data, audio_track=track)
    assert decode_into(data, Kept, damaged="reject")[1].audio_track == 2


def test_a_track_that_cannot_be_decoded_is_passed_over() -> None:
    data = mux("matroska", "flac", seconds=1, loudness=(1.0, 0.5))
    assert data.count(b"A_FLAC") == 2
    heard = hear(data.replace(b"A_FLAC", b"A_QLAC", 1))
    np.testing.assert_array_equal(heard.samples, hear(data, audio_track=2).samples)


# Whatever a file is


@pytest.mark.parametrize(
    ("data", "codec"),
    [
        (mux("webm", "libopus", seconds=1).replace(b"A_OPUS", b"A_OPUZ"), "A_OPUZ"),
        (wav().replace(b"fmt \x10\0\0\0\1\0", b"fmt \x10\0\0\0\x34\x12"), "WAV format 0x1234"),
        (mux("mp4", "aac", seconds=1).replace(b"mp4a", b"mp4!").replace(b"esds", b"esdz"), "mp4!"),
        (mux("avi", "libmp3lame", seconds=1).replace(b"\x55\0\1\0", b"\x34\x12\1\0"), "WAV format 0x1234"),
        (mux("asf", "wmav2", rate=44_100, seconds=1).replace(b"\x61\1\1\0", b"\x34\x12\1\0"), "WAV format 0x1234"),
        (mux("caf", "pcm_s16be", seconds=1).replace(b"lpcm", b"zzzz"), "zzzz"),
    ],
    ids=["webm", "wav", "mp4", "avi", "asf", "caf"],
)
def test_a_codec_that_nobody_knows_is_named(data: bytes, codec: str) -> None:
    with pytest.raises(RequestError, match=rf"a codec that FFmpeg does not know \({re.escape(codec)}\)"):
        hear(data)


def test_an_encoding_that_ffmpeg_has_not_implemented_is_said() -> None:
    file = bytearray(pcm_file("AU"))
    file[12:16] = (99).to_bytes(4, "big")
    with pytest.raises(RequestError, match="a codec that FFmpeg does not know"):
        hear(bytes(file))


def test_a_picture_that_nobody_knows_does_no_harm() -> None:
    data = mux("matroska", "aac", picture_s=(0, 6))
    unknown = hear(data.replace(b"V_MPEG4/ISO/ASP", b"V_MPEG9/ISO/ASP"))
    np.testing.assert_array_equal(unknown.samples, hear(data).samples)


@pytest.mark.parametrize(
    "error",
    [KeyError("x"), MemoryError(), OverflowError(), AttributeError("None"), UnicodeDecodeError("ascii", b"\xff", 0, 1, "")],
)
@pytest.mark.parametrize("place", ["av.open", "actors.audio.decoding.read_claims", "actors.audio.placing.Placer.put"])
def test_whatever_a_decoder_raises_is_the_files_fault(error: Exception, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(place, fail)
    with pytest.raises(RequestError, match=rf"the audio \(\d+ bytes\) cannot be decoded.*{type(error).__name__}"):
        hear(encode(speech_like(1.0), RATE, "flac"))


def test_the_same_file_has_the_same_reason_each_time() -> None:
    broken = b"RIFX" + bytes(4) + b"WAVE" + bytes(range(200))
    for _ in range(2):
        with pytest.raises(RequestError, match=r"not audio: [^<]*$"):
            hear(broken)


@pytest.mark.parametrize("kind", WHOLE)
def test_files_broken_at_random_raise_nothing_else(kind: str) -> None:
    chance = random.Random(kind)
    data = whole_file(kind)[:60_000]
    for _ in range(5):
        broken = bytearray(data)
        for _ in range(chance.choice([1, 3, 20])):
            position = chance.randrange(min(len(broken), chance.choice([300, 60_000])))
            broken[position : position + chance.choice([1, 1, 4])] = chance.choice(
                [b"\xff" * 4, b"\0" * 4, chance.randbytes(1)]
            )
        try:
            hear(bytes(broken))
        except RequestError:
            continue

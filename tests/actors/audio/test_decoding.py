"""What comes out of strangers' files: every second at its time, and what is missing said. We make the files and break them."""

import functools
import io
import random
import re
import struct
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from actors.audio import decoding
from actors.audio.codec import FloatArray, Recording, decode, decode_mono, encode
from actors.audio.decoding import _CLOCKS, _Placer, _Timeline, decode_into
from actors.errors import RequestError, StorageError

RATE = 16_000
Damage = Callable[[bytes], bytes]


def speech_like(seconds: float, rate: int = RATE, seed: int = 7) -> FloatArray:
    """A hum whose pitch and loudness never repeat: each moment is unlike every other one."""
    time = np.arange(round(seconds * rate)) / rate
    pitch = 150 + 40 * np.sin(2 * np.pi * 0.13 * time) + 15 * np.sin(2 * np.pi * 0.71 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    noise = np.random.default_rng(seed).standard_normal(time.size)
    hum = sum(np.sin(k * phase) / k for k in range(1, 8))
    return ((0.2 * hum * np.sin(2 * np.pi * 1.3 * time) ** 2) + 0.02 * noise).astype(np.float32)


def mux(
    container: str,
    codec: str,
    *,
    seconds: float = 6.0,
    rate: int = 24_000,
    at_s: float = 0.0,
    picture_s: tuple[float, float] | None = None,
    gap: tuple[float, float] = (1e9, 0.0),
    loudness: tuple[float, ...] = (1.0,),
    **options: str,
) -> bytes:
    """Make a file with audio tracks from ``at_s`` on, a picture beside them, and a hole of seconds at a time."""
    with tempfile.NamedTemporaryFile() as file:  # an MP4 file's index is put to its front by reading it again
        _mux_to(file.name, container, codec, seconds, rate, at_s, picture_s, gap, loudness, options)
        return Path(file.name).read_bytes()


def _mux_to(
    path: str,
    container: str,
    codec: str,
    seconds: float,
    rate: int,
    at_s: float,
    picture_s: tuple[float, float] | None,
    gap: tuple[float, float],
    loudness: tuple[float, ...],
    options: dict[str, str],
) -> None:
    with av.open(path, "w", format=container, options=options) as output:
        picture = output.add_stream("mpeg4", rate=10, width=32, height=32) if picture_s else None
        tracks = [output.add_stream(codec, rate=rate, layout="mono") for _ in loudness]
        for track in tracks:
            track.bit_rate = 64_000
            track.codec_context.open()
        events: list[tuple[float, Any]] = []
        samples, step = speech_like(seconds, rate), tracks[0].codec_context.frame_size or 1024
        for start in range(0, len(samples), step):
            time = start / rate + at_s + (gap[1] if start / rate >= gap[0] else 0)
            events += [
                (time, (track, samples[start : start + step] * loud)) for track, loud in zip(tracks, loudness, strict=True)
            ]
        if picture_s:
            events += [(k / 10, None) for k in range(round(picture_s[0] * 10), round(picture_s[1] * 10))]
        for time, what in sorted(events, key=lambda event: event[0]):
            output.mux(_packets(picture, time) if what is None else _audio_packets(*what, time, rate))
        for stream in (picture, *tracks):
            output.mux(stream.encode(None) if stream else [])


def _packets(picture: Any, time: float) -> Any:
    image = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
    image.pts, image.time_base = round(time * 10), Fraction(1, 10)
    return picture.encode(image)


def _audio_packets(track: Any, block: FloatArray, time: float, rate: int) -> Any:
    frame = av.AudioFrame.from_ndarray(block[None], format="flt", layout="mono")
    frame.sample_rate = rate
    (converted,) = av.AudioResampler(format=track.codec_context.format.name, layout="mono").resample(frame)
    converted.pts, converted.time_base = round(time * rate), Fraction(1, rate)
    return track.encode(converted)


def hear(data: bytes, **options: Any) -> Recording:
    return decode_mono(data, RATE, 6 * 3600.0, damaged="accept", **options)


def is_at(whole: FloatArray, heard: FloatArray, second: float, length: float = 0.8) -> bool:
    """Say whether what is heard at a second is what should be, to some hundredths of one."""
    part = slice(round(second * RATE), round((second + length) * RATE))
    expected, got = whole[part], heard[part]
    spectrum = np.fft.rfft(expected, 2 * len(expected)).conj() * np.fft.rfft(got, 2 * len(expected))
    correlation = np.fft.irfft(spectrum) / (np.linalg.norm(expected) * np.linalg.norm(got) + 1e-9)
    shift = int(np.argmax(correlation))
    shift = shift - len(correlation) if shift > len(correlation) // 2 else shift
    return bool(correlation.max() > 0.6 and abs(shift) < 0.05 * RATE)


def zeros(data: bytes, at: float = 0.5, size: int = 4000) -> bytes:
    """Return a file whose bytes in the middle were never written."""
    start = int(len(data) * at)
    return data[:start] + bytes(size) + data[start + size :]


def cut_out(data: bytes, at: float = 0.5, size: int = 6000) -> bytes:
    """Return a file of which bytes in the middle are missing."""
    start = int(len(data) * at)
    return data[:start] + data[start + size :]


def ogg_pages(data: bytes) -> list[int]:
    return [match.start() for match in re.finditer(b"OggS", data)]


def without_page(data: bytes) -> bytes:
    pages = ogg_pages(data)
    middle = len(pages) // 2
    return data[: pages[middle]] + data[pages[middle + 1] :]


def pcm_file(container: str, subtype: str = "PCM_16", endian: str = "FILE") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, speech_like(6.0), RATE, format=container, subtype=subtype, endian=endian)
    return file.getvalue()


WHOLE: dict[str, Callable[[], bytes]] = {
    "mkv": lambda: mux("matroska", "aac"),
    "mkv with a picture": lambda: mux("matroska", "aac", picture_s=(0, 6)),
    "webm": lambda: mux("webm", "libopus"),
    "flv": lambda: mux("flv", "aac"),
    "wma": lambda: mux("asf", "wmav2", rate=44_100),
    "wmv": lambda: mux("asf", "wmav2", rate=44_100, picture_s=(0, 6)),
    "flv with a picture": lambda: mux("flv", "aac", picture_s=(0, 6), strict="-1"),
    "mp4": lambda: mux("mp4", "aac", movflags="faststart"),
    "mp4 in fragments": lambda: mux("mp4", "aac", movflags="empty_moov+default_base_moof", frag_duration="1000000"),
    "ogg": lambda: mux("ogg", "libopus"),
    "ogg flac": lambda: mux("ogg", "flac"),
    "mp3": lambda: mux("mp3", "libmp3lame"),
    "flac": lambda: mux("flac", "flac"),
    "avi": lambda: mux("avi", "libmp3lame"),
    "wv": lambda: mux("wv", "wavpack"),
    "wav": lambda: pcm_file("WAV"),
    "rf64": lambda: pcm_file("RF64"),
    "rifx": lambda: pcm_file("WAV", endian="BIG"),
    "w64": lambda: pcm_file("W64"),
    "aiff": lambda: pcm_file("AIFF"),
    "au": lambda: pcm_file("AU"),
    "caf": lambda: pcm_file("CAF"),
    "alaw": lambda: pcm_file("WAV", "ALAW"),
}


@functools.cache
def whole_file(kind: str) -> bytes:
    return WHOLE[kind]()


@pytest.mark.parametrize("kind", WHOLE)
def test_a_file_cut_at_half_says_so(kind: str) -> None:
    data = whole_file(kind)
    whole = hear(data)
    assert whole.damage is None
    assert len(whole.samples) / RATE == pytest.approx(6.0, abs=0.1)
    part = hear(data[: len(data) // 2])
    assert re.search(r"it is truncated: its audio breaks off at [123]\.\d\d s", part.damage or "")
    assert is_at(whole.samples, part.samples, 0.5)
    with pytest.raises(RequestError, match="is damaged: it is truncated"):
        decode(data[: len(data) // 2])


@pytest.mark.parametrize(
    ("make", "damage"),
    [
        (lambda: mux("flac", "flac"), zeros),
        (lambda: mux("flac", "flac"), lambda data: cut_out(data, size=40_000)),
        (lambda: mux("ogg", "libopus"), without_page),
        (lambda: mux("ogg", "libopus"), lambda data: zeros(data, size=50)),
        (lambda: mux("mp3", "libmp3lame"), zeros),
        (lambda: mux("mp3", "libmp3lame", write_xing="0"), zeros),
        (lambda: mux("adts", "aac"), zeros),
        (lambda: mux("ipod", "aac"), zeros),
        (lambda: mux("matroska", "aac", cluster_time_limit="500"), zeros),
        (lambda: mux("matroska", "libopus", cluster_time_limit="500"), zeros),
        (lambda: mux("webm", "libopus", cluster_time_limit="500"), cut_out),
        (lambda: mux("flv", "aac"), cut_out),
        (lambda: mux("mpegts", "aac"), cut_out),
        (lambda: mux("mpeg", "mp2"), zeros),
        (lambda: mux("asf", "wmav2", rate=44_100), zeros),
    ],
)
def test_a_hole_is_said_and_what_follows_keeps_its_time(make: Callable[[], bytes], damage: Damage) -> None:
    data = make()
    whole, heard = hear(data), hear(damage(data))
    assert whole.damage is None
    found = re.match(r"(\d+\.\d\d) s at (\d+\.\d\d) s", heard.damage or "")
    assert found, heard.damage
    assert 0.02 < float(found[1]) < 1.6
    assert 2.0 < float(found[2]) < 4.0
    assert len(heard.samples) == pytest.approx(len(whole.samples), abs=0.1 * RATE)
    assert is_at(whole.samples, heard.samples, 1.0)
    assert is_at(whole.samples, heard.samples, 5.0)


@pytest.mark.parametrize("container", ["ipod", "adts"])
def test_one_bad_frame_costs_one_frame(container: str) -> None:
    data = mux(container, "aac")
    with av.open(io.BytesIO(data)) as file:
        packet = next(packet for packet in file.demux() if packet.pts and packet.pts * packet.time_base > 3)
        assert packet.pos is not None
        start = packet.pos + 7 * (container == "adts")
        size = packet.size - 7 * (container == "adts")
    broken = data[:start] + b"\xff" * size + data[start + size :]
    heard = hear(broken)
    assert re.fullmatch(r"0\.0[24] s at 3\.\d\d s could not be decoded", heard.damage or "")
    assert is_at(hear(data).samples, heard.samples, 5.0)


def test_a_lost_fragment_is_damage_and_a_pause_is_none() -> None:
    data = mux("mp4", "aac", movflags="empty_moov+default_base_moof", frag_duration="1000000")
    moofs = [match.start() - 4 for match in re.finditer(b"moof", data)]
    assert hear(data).damage is None
    heard = hear(data[: moofs[2]] + data[moofs[3] :])
    assert "could not be decoded" in (heard.damage or "")
    assert is_at(hear(data).samples, heard.samples, 5.0)


@pytest.mark.parametrize(
    ("container", "codec"),
    [("mp4", "aac"), ("matroska", "aac"), ("webm", "libopus"), ("mpegts", "aac"), ("flv", "aac"), ("asf", "wmav2")],
)
@pytest.mark.parametrize("base_s", [0, 10_000])
def test_sound_that_begins_after_the_picture_has_silence_before_it(container: str, codec: str, base_s: int) -> None:
    options = {"strict": "-1"} if container == "flv" else {}
    codec_of = {"webm": "matroska"}
    data = mux(codec_of.get(container, container), codec, seconds=2, at_s=base_s + 5, picture_s=(base_s, base_s + 8), **options)
    heard = hear(data)
    assert heard.damage is None
    assert len(heard.samples) / RATE == pytest.approx(7.0, abs=0.06)
    assert not heard.samples[: int(4.9 * RATE)].any()
    assert heard.samples[int(5.05 * RATE) : int(5.4 * RATE)].any()


@pytest.mark.parametrize(
    ("container", "codec"), [("mpegts", "aac"), ("matroska", "aac"), ("ogg", "libopus"), ("ogg", "flac"), ("flv", "aac")]
)
def test_a_piece_of_a_live_stream_begins_at_zero(container: str, codec: str) -> None:
    heard = hear(mux(container, codec, seconds=3, at_s=30_000))
    assert heard.damage is None
    assert len(heard.samples) / RATE == pytest.approx(3.0, abs=0.1)


def test_a_piece_of_an_ogg_stream_begins_at_zero() -> None:
    data = mux("ogg", "libopus")
    pages = ogg_pages(data)
    heard = hear(data[: pages[2]] + data[pages[4] :])
    assert heard.damage is None
    assert 2 < len(heard.samples) / RATE < 5


@pytest.mark.parametrize("codec", ["libopus", "flac"])
@pytest.mark.parametrize("page", [2, -3, -2])
@pytest.mark.parametrize("is_removed", [True, False])
def test_an_ogg_file_without_a_page_at_its_begin_or_end_says_so(codec: str, page: int, is_removed: bool) -> None:
    data = mux("ogg", codec, seconds=4.0, page_duration="500000")
    starts = ogg_pages(data)
    first, stop = starts[page], starts[page + 1]
    if is_removed and page == 2:
        return  # the first page behind the headers: as if it were tuned in to
    heard = hear(data[:first] + (b"" if is_removed else bytes(stop - first)) + data[stop:])
    assert heard.damage
    assert is_at(hear(data).samples, heard.samples, 1.2)


def test_an_ogg_file_that_ends_in_zeros_before_its_last_page_is_damaged() -> None:
    data = mux("ogg", "libopus", seconds=4.0, page_duration="500000")
    start = ogg_pages(data)[-4]
    assert hear(data[:start] + bytes(len(data) - start)).damage


@pytest.mark.parametrize(
    ("container", "codec", "rate"), [("w64", "wmav2", 44_100), ("w64", "mp2", 44_100), ("nut", "flac", 24_000)]
)
def test_padding_behind_the_last_frame_is_no_damage(container: str, codec: str, rate: int) -> None:
    assert hear(mux(container, codec, rate=rate)).damage is None


@pytest.mark.parametrize(
    ("container", "codec", "is_damage"),
    [("mp4", "aac", False), ("matroska", "libopus", False), ("mpegts", "mp2", True), ("flv", "aac", True)],
)
def test_a_hole_in_the_timestamps_is_kept(container: str, codec: str, is_damage: bool) -> None:
    heard = hear(mux(container, codec, seconds=4, gap=(2, 10)))
    assert len(heard.samples) / RATE == pytest.approx(14.0, abs=0.06)
    assert not heard.samples[3 * RATE : 11 * RATE].any()
    assert (heard.damage is not None) == is_damage


@pytest.mark.parametrize("codec", ["libmp3lame", "mp2"])
def test_what_an_mpeg_stream_in_a_wav_file_lost_is_a_hole(codec: str) -> None:
    data = mux("wav", codec)
    assert hear(data).damage is None
    heard = hear(zeros(data, size=6000))
    assert heard.damage
    assert is_at(hear(data).samples, heard.samples, 4.5)


@pytest.mark.parametrize("codec", ["libmp3lame", "pcm_s16le"])
@pytest.mark.parametrize("picture_s", [None, (0, 6)])
@pytest.mark.parametrize("damage", [zeros, cut_out])
def test_what_an_avi_file_lost_is_a_hole(
    codec: str, picture_s: tuple[float, float] | None, damage: Callable[..., bytes]
) -> None:
    data = mux("avi", codec, rate=24_000, picture_s=picture_s)
    heard = hear(damage(data, size=len(data) // 8))
    assert "could not be decoded" in (heard.damage or "")
    assert len(heard.samples) / RATE == pytest.approx(6.0, abs=0.1)
    for second in (0.5, 1.7, 4.2):
        assert is_at(hear(data).samples, heard.samples, second)


@pytest.mark.parametrize("container", ["matroska", "mpegts", "mp4"])
def test_a_hole_of_hours_fills_no_memory(container: str) -> None:
    heard = hear(mux(container, "aac", seconds=4, gap=(2, 5 * 3600)))
    assert len(heard.samples) / RATE == pytest.approx(4.0, abs=0.06)
    assert "its timestamps jump by 18000 s at 2.0" in (heard.damage or "")


def test_a_flac_file_without_its_first_frames_keeps_its_times() -> None:
    data = mux("flac", "flac")
    with av.open(io.BytesIO(data)) as file:
        frames = [packet.pos for packet in file.demux() if packet.pos is not None]
    heard = hear(data[: frames[0]] + data[frames[10] :])
    assert re.match(r"(\d\.\d\d) s at 0.00 s could not be decoded", heard.damage or "")
    assert len(heard.samples) == 6 * RATE
    assert is_at(hear(data).samples, heard.samples, 4.0)


def test_a_matroska_file_without_one_of_its_clusters_is_damaged() -> None:
    data = mux("matroska", "aac", cluster_time_limit="1000")
    clusters = [match.start() for match in re.finditer(b"\x1f\x43\xb6\x75", data)]
    heard = hear(data[: clusters[2]] + data[clusters[3] :])
    assert re.match(r"[01]\.\d\d s at [12]\.\d\d s could not be decoded", heard.damage or "")
    assert is_at(hear(data).samples, heard.samples, 5.0)


class Kept:
    """A track that keeps what it is given."""

    def __init__(self) -> None:
        self.is_finite = True
        self.blocks: list[FloatArray] = []

    def add(self, block: FloatArray, rate: int, name: str) -> None:  # noqa: ARG002 - one interface
        self.blocks.append(block)


def place(times: list[float], container: str = "mpegts") -> tuple[float, str | None]:
    """Put frames of a tenth of a second at times; return how long it got, and its damage."""
    timeline = _Timeline(Kept(), "a.ts")
    placer = _Placer(timeline, _CLOCKS[container], origin_s=times[0], is_patchy=False, is_alone=False, name="a.ts")
    for time in times:
        frame = av.AudioFrame.from_ndarray(np.ones((1, 100), np.float32), format="flt", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 1000, round(time * 1000), Fraction(1, 1000)
        placer.put(frame)
    placer.finish()
    return timeline.end_s, timeline.damage


def test_the_clock_is_followed_as_far_as_it_can_be_believed() -> None:
    steady = [k / 10 for k in range(40)]
    assert place(steady) == (4.0, None)
    assert place([9e6 + time for time in steady]) == (4.0, None)
    one_wrong = [time if k != 20 else 777.0 for k, time in enumerate(steady)]
    assert place(one_wrong) == (4.0, None)
    back = [time if k < 20 else time - 1.5 for k, time in enumerate(steady)]
    assert place(back) == (4.0, "its timestamps jump back by 1.50 s at 2.00 s")
    assert place(back, "ogg") == (4.0, None)  # another recording in the same file
    late = [time if k < 20 else time + 0.5 for k, time in enumerate(steady)]
    assert place(late) == (4.5, "0.50 s at 2.00 s could not be decoded")
    many = [time + 1000 * (k // 4) for k, time in enumerate(steady)]
    end_s, damage = place(many)
    assert end_s == pytest.approx(3004.0)
    assert "and at" not in (damage or "")
    assert (damage or "").count("which was left out") == 6
    assert len(place([time * (-1) ** k * 10 for k, time in enumerate(steady)])[1] or "") < 1000


@pytest.mark.parametrize("container", ["mpegts", "matroska,webm", "flv"])
@pytest.mark.parametrize("drift", [1e-3, -1e-3])
def test_a_clock_of_another_speed_is_followed_and_is_no_damage(container: str, drift: float) -> None:
    end_s, damage = place([k / 10 * (1 + drift) for k in range(4000)], container)
    assert damage is None
    assert end_s == pytest.approx(400 * (1 + drift), abs=0.15)


@pytest.mark.parametrize("speed", [0.5, 0.9])
def test_no_sound_is_lost_to_a_clock_that_is_wrong(speed: float) -> None:
    assert place([k / 10 * speed for k in range(400)]) == (pytest.approx(40.0, abs=0.3), None)


def test_drift_within_the_tolerance_is_no_hole() -> None:
    assert place([k / 10 + 0.05 * (k % 2) for k in range(40)], "matroska,webm") == (4.0, None)


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
            output.mux(_audio_packets(track, samples[start : start + step], start / rate, rate))
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
    monkeypatch.setattr(decoding._Decoder, "run", lambda _: pytest.fail("it was decoded"))
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
@pytest.mark.parametrize("place", ["av.open", "actors.audio.decoding.read_claims", "actors.audio.decoding._Placer.put"])
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


@pytest.mark.parametrize("path", ["x" * 300, "a\0b", "/etc/passwd/a.wav", "\udcff.wav"])
def test_a_path_that_can_be_none_is_the_rows_fault(path: str) -> None:
    with pytest.raises(RequestError, match=r"cannot be read|is no path"):
        decode_mono(Path(path), RATE, 99)


@pytest.mark.parametrize("kind", ["flac", "wav", "rifx", "mp3", "mkv"])
def test_a_disk_that_fails_midway_is_not_the_files_fault(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(whole_file(kind))

    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 20_000:
                raise OSError(5, "Input/output error")
            return super().read(size)

    monkeypatch.setattr(Path, "open", lambda self, _: Failing(self.read_bytes()))
    monkeypatch.setattr(Path, "read_bytes", lambda _: whole_file(kind))
    with pytest.raises(StorageError, match="Input/output error"):
        decode_mono(path, RATE, 99)


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

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from actors.errors import StorageError
from books.binding.encoder import AUDIO_KINDS, Cover, Labels, Mark, read_audio, read_cover, write_audio
from books.book import Resource
from tests.books.binding.spoken import speech

SECONDS = 40.0
CLICKS_S = (0.0, 0.5, 20.0, 39.5)
TAGS = {"title": "Über allem", "artist": "A. Author", "album": "Book", "genre": "Audiobook", "date": "1899", "comment": ""}
MARKS = (Mark("Eins: «Anfang»", 0.0, 10.0), Mark("Zwei", 10.0, 40.0))


def image(codec: str, pixels: str, width: int = 32, height: int = 48) -> bytes:
    context = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt, context.time_base = width, height, pixels, Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), 99, np.uint8), format="rgb24").reformat(format=pixels)
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])


@pytest.fixture(scope="module")
def cover() -> Cover:
    found = read_cover(Resource("cover.jpg", "image/jpeg", image("mjpeg", "yuvj420p")))
    assert found
    return found


def clicks(rate: int) -> Iterator[np.ndarray]:
    """Bursts of 5 ms, in blocks of no round size."""
    samples = np.zeros(round(SECONDS * rate), np.float32)
    for second in CLICKS_S:
        first = round(second * rate)
        samples[first : first + rate // 200] = 0.8 * np.sin(2 * np.pi * 1000 * np.arange(rate // 200) / rate)
    for first in range(0, len(samples), 7_777):
        yield samples[first : first + 7_777]


def decoded(path: Path) -> tuple[np.ndarray, int]:
    blocks = list(read_audio(path))
    return np.concatenate([block for block, _ in blocks]), blocks[0][1]


@pytest.mark.parametrize("rate", [24_000, 44_100])
@pytest.mark.parametrize("name", list(AUDIO_KINDS))
def test_what_players_hear_is_not_shifted(tmp_path: Path, name: str, rate: int, cover: Cover) -> None:
    kind = AUDIO_KINDS[name]
    rate = kind.rate(rate)
    path = tmp_path / f"book{kind.suffix}"
    write_audio(path, kind, clicks(rate), rate, Labels(TAGS, MARKS, cover))
    heard, heard_rate = decoded(path)
    for second in CLICKS_S:
        first = max(0, round((second - 0.2) * heard_rate))
        part = np.abs(heard[first : round((second + 0.2) * heard_rate)])
        onset_s = (first + int((part > 0.4 * part.max()).argmax())) / heard_rate
        assert onset_s == pytest.approx(second, abs=0.004), name  # pre-echoes are part of it; subtitles are allowed 50 ms
    assert 0 <= len(heard) / heard_rate - SECONDS < 0.05
    if kind.bit_rate is None:
        np.testing.assert_allclose(heard, np.concatenate(list(clicks(rate))), atol=1 / 32768)


@pytest.mark.parametrize("name", list(AUDIO_KINDS))
def test_files_say_what_they_are_and_equal_ones_are_equal(tmp_path: Path, name: str, cover: Cover) -> None:
    kind = AUDIO_KINDS[name]
    sound = speech(48_000, 1)
    paths = [tmp_path / f"{i}{kind.suffix}" for i in range(2)]
    for path in paths:
        write_audio(path, kind, [sound], 24_000, Labels(TAGS, (Mark("Eins: «Anfang»", 0, 0.75), Mark("Zwei", 0.75, 2)), cover))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert not re.search(rb"Lav[fc]\d", paths[0].read_bytes().replace(cover.data, b""))  # versions of libraries
    with av.open(str(paths[0])) as container:
        tags = {k.lower(): v for k, v in (container.metadata | container.streams.audio[0].metadata).items()}
        assert {k: v for k, v in TAGS.items() if v}.items() <= tags.items()
        if name != "wav":
            found = [(float(c["start"] * c["time_base"]), c["metadata"]["title"]) for c in container.chapters()]
            assert found == [(0.0, "Eins: «Anfang»"), (0.75, "Zwei")]
            picture = container.streams.video[0]
            assert picture.disposition & av.stream.Disposition.attached_pic
            assert next(bytes(p) for p in container.demux(picture) if p.size) == cover.data
    if name == "m4b":
        assert paths[0].read_bytes()[4:12] == b"ftypM4B "


def test_bit_rates_are_kept_and_loud_sound_is_clipped(tmp_path: Path) -> None:
    kind = AUDIO_KINDS["mp3"]
    write_audio(tmp_path / "a.mp3", kind, [speech(88_200, 2, rate=44_100)], 44_100, Labels(), 192_000)
    with av.open(str(tmp_path / "a.mp3")) as container:
        sizes = [packet.size for packet in container.demux(container.streams.audio[0]) if packet.size]
    assert max(sizes) - min(sizes) <= 1  # CBR: 626 or 627 bytes a frame
    assert np.mean(sizes) * 8 * 44_100 / 1152 == pytest.approx(192_000, rel=0.001)
    write_audio(tmp_path / "a.wav", AUDIO_KINDS["wav"], [np.array([2.0, -2.0, 0.5], np.float32)], 24_000, Labels())
    np.testing.assert_allclose(soundfile.read(tmp_path / "a.wav")[0], [1, -1, 0.5], atol=1 / 32767)


def test_covers_that_are_none_are_left_out() -> None:
    png = image("png", "rgb24")
    found = read_cover(Resource("a", "image/png", png))
    assert found
    assert (found.width, found.height) == (32, 48)
    assert read_cover(Resource("a", "image/svg+xml", b"<svg/>")) is None
    assert read_cover(Resource("a", "image/jpeg", b"")) is None
    assert read_cover(Resource("a", "image/png", b"junk" * 99)) is None
    huge = png[:16] + (100_000).to_bytes(4, "big") * 2 + png[24:]
    assert read_cover(Resource("a", "image/png", huge)) is None


def test_a_file_that_cannot_be_written_says_where(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot write"):
        write_audio(tmp_path / "none" / "a.m4b", AUDIO_KINDS["m4b"], [], 24_000, Labels())

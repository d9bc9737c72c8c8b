"""Walks over MP3 and AAC frames: how much there is, how much should be, and what is missing between."""

import io

import numpy as np
import pytest

from actors.audio.codec import encode
from actors.audio.mpeg_frames import adts_frames, mpeg_audio_frames


def mp3(seconds: float = 2.0) -> bytes:
    noise = np.random.default_rng(0).standard_normal(round(seconds * 24_000)) * 0.1
    return encode(noise.astype(np.float32), 24_000, "mp3")


def adts(frames: int, length: int = 100) -> bytes:
    """Frames at 48 kHz of nothing, with true headers."""
    header = bytes([0xFF, 0xF1, 1 << 6 | 3 << 2, length >> 11, length >> 3 & 255, (length & 7) << 5 | 31, 0xFC])
    return frames * (header + bytes(length - len(header)))


def test_the_count_in_the_header_is_the_duration() -> None:
    walk = mpeg_audio_frames(io.BytesIO(mp3()))
    assert walk.declared_s == pytest.approx(2.0, abs=0.08)
    assert walk.lost == ()
    assert walk.share > 0.95
    half = mpeg_audio_frames(io.BytesIO(mp3()[:12_000]))
    assert half.declared_s == pytest.approx(walk.declared_s)


def test_what_is_no_frame_was_sound_for_as_long_as_it_would_last() -> None:
    data = adts(100) + bytes(1000) + adts(100)
    ((at_s, seconds),) = adts_frames(io.BytesIO(data)).lost
    assert at_s == pytest.approx(100 * 1024 / 48_000)
    assert seconds == pytest.approx(10 * 1024 / 48_000)


@pytest.mark.parametrize(
    "between", [b"ID3\4\0\0\0\0\7\x68" + bytes(1000), b"TAG" + b"x" * 125, b"APETAGEX" + bytes(500), b"x" * 20]
)
def test_tags_and_crumbs_between_frames_are_not_missing_sound(between: bytes) -> None:
    walk = adts_frames(io.BytesIO(adts(100) + between + adts(100)))
    assert walk.lost == ()
    assert walk.declared_s == pytest.approx(200 * 1024 / 48_000)


def test_a_count_limits_what_can_be_missing() -> None:
    data = mp3(4.0)
    broken = data[:20_000] + bytes(3000) + data[23_000:]
    ((_, seconds),) = mpeg_audio_frames(io.BytesIO(broken)).lost
    assert seconds == pytest.approx(3000 / 12_000, abs=0.05)
    joined = mpeg_audio_frames(io.BytesIO(data + bytes(3000) + data))
    assert joined.lost == ()


@pytest.mark.parametrize("data", [b"", b"\xff" * 50_000, bytes(50_000), bytes(range(256)) * 200, adts(1)[:50]])
def test_what_has_no_frames_says_nothing(data: bytes) -> None:
    for walk in (mpeg_audio_frames(io.BytesIO(data)), adts_frames(io.BytesIO(data))):
        assert (walk.declared_s, walk.lost, walk.share) == (None, (), 0.0)

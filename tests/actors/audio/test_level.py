"""The original's loudness where audio is ordinary; what would spoil it taken away where it is not."""

import numpy as np
import pytest

from actors.audio.level import measure, normalise
from actors.audio.mono import FloatArray

RATE = 24_000


def original(audio: FloatArray, loudness_dbfs: float) -> FloatArray:
    """VibeVoice's AudioNormalizer (vibevoice/processor/vibevoice_tokenizer_processor.py), written as it is there."""
    rms = float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))
    scaled = audio * np.float32(10 ** (loudness_dbfs / 20) / (rms + 1e-6))
    peak = float(np.abs(scaled).max())
    return scaled / np.float32(peak + 1e-6) if peak > 1 else scaled


def voice(seconds: float = 3.0, dbfs: float = -35.0) -> FloatArray:
    """Noise that comes and goes like syllables."""
    t = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(0).standard_normal(len(t)) * np.sin(2 * np.pi * 2 * t) ** 2
    noise = noise - noise.mean()
    return (noise / np.sqrt(np.mean(noise**2)) * 10 ** (dbfs / 20)).astype(np.float32)


def loudness(audio: FloatArray) -> float:
    return float(10 * np.log10(np.mean(np.square(audio, dtype=np.float64))))


@pytest.mark.parametrize("dbfs", [-70.0, -35.0, -10.0, 20.0])
@pytest.mark.parametrize("silence_s", [0, 60])
def test_ordinary_audio_is_bit_for_bit_the_originals(dbfs: float, silence_s: int) -> None:
    audio = np.concatenate([np.zeros(silence_s * RATE, np.float32), voice(dbfs=dbfs), np.zeros(silence_s, np.float32)])
    np.testing.assert_array_equal(normalise(audio, -25), original(audio, -25))


def test_pieces_are_what_the_whole_is() -> None:
    audio = voice() + np.float32(0.3)
    audio[30_000] = 1
    level = measure(audio, -25)
    parts = [level.apply(audio[first : first + 7_000], first) for first in range(0, len(audio), 7_000)]
    np.testing.assert_array_equal(np.concatenate(parts), level.apply(audio))


@pytest.mark.parametrize("samples", [1, 50, 1000])
@pytest.mark.parametrize("amplitude", [1.0, 10.0])
def test_clicks_do_not_decide_how_loud_speech_is(samples: int, amplitude: float) -> None:
    audio = voice(dbfs=-50)
    spoilt = audio.copy()
    spoilt[20_000 : 20_000 + samples] = amplitude
    heard = normalise(spoilt, -25)
    assert loudness(heard[40_000:]) == pytest.approx(loudness(normalise(audio, -25)[40_000:]), abs=3)
    assert loudness(original(spoilt, -25)[40_000:]) < -40  # what it would be


def test_clicks_at_many_places_are_no_louder_than_speech() -> None:
    audio = voice(dbfs=-50)
    audio[np.random.default_rng(1).choice(len(audio), 100)] = -1
    assert loudness(normalise(audio, -25)) == pytest.approx(-25, abs=1)
    assert np.abs(normalise(audio, -25)).max() <= 1


@pytest.mark.parametrize("offset", [0.02, -0.3, 5.0])
def test_an_offset_is_taken_away(offset: float) -> None:
    audio = voice()
    heard = measure(audio + np.float32(offset), -25).apply(audio + np.float32(offset))
    np.testing.assert_allclose(heard, normalise(audio, -25), atol=0.02)


def test_an_offset_that_begins_midway_is_taken_away_too() -> None:
    audio = voice()
    offset = np.where(np.arange(len(audio)) < 30_000, 0, 0.5).astype(np.float32)
    heard = measure(audio + offset, -25).apply(audio + offset)
    assert abs(heard[:20_000].mean()) < 0.01
    assert abs(heard[40_000:].mean()) < 0.01


@pytest.mark.parametrize("samples", [1, 7, 2_400, 2_401, 100_001])
def test_any_length_is_measured(samples: int) -> None:
    audio = np.full(samples, 0.5, np.float32)
    assert np.isfinite(normalise(audio, -25)).all()
    assert not measure(0 * audio, -25).apply(0 * audio).any()


def test_loudness_is_25_dbfs_unless_peaks_are_too_high() -> None:
    assert loudness(normalise(voice(dbfs=-20), -25)) == pytest.approx(-25, abs=1e-3)
    click = np.zeros(24_000, np.float32)
    click[100] = 1
    assert np.abs(normalise(click, -25)).max() == pytest.approx(1, abs=1e-5)
    assert not normalise(np.zeros(10, np.float32), -25).any()

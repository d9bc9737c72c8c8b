import re
from collections.abc import Iterator

import av
import numpy as np
import pytest

from actors.audio.mastering import loudness, true_peak
from books.binding.levels import Levels, Meter, amplitude, loudness_of
from books.binding.limiter import limited, resampled, with_room_tone
from tests.books.binding.spoken import RATE, speech


def in_blocks(samples: np.ndarray, seed: int = 0) -> Iterator[np.ndarray]:
    random, place = np.random.default_rng(seed), 0
    while place < len(samples):
        count = int(random.integers(1, 30_000))
        yield samples[place : place + count]
        place += count


def levels_of(samples: np.ndarray, rate: int, seed: int = 0) -> Levels:
    meter = Meter(rate)
    for block in in_blocks(samples, seed):
        meter.add(block)
    return meter.levels()


def ffmpeg_levels(samples: np.ndarray, rate: int) -> tuple[float, float]:
    """Integrated loudness and true peak by FFmpeg's filter ``ebur128``."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=rate, format="flt", layout="mono", time_base=av.filter.graph.Fraction(1, rate))
    meter = graph.add("ebur128", "peak=true:metadata=1:framelog=quiet")
    sink = graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="flt", layout="mono")
    frame.sample_rate = rate
    graph.push(frame)
    graph.push(None)
    values: dict[str, str] = {}
    while True:
        try:
            values |= sink.pull().metadata
        except (av.EOFError, av.BlockingIOError):
            break
    assert values
    peak = max(float(v) for k, v in values.items() if re.fullmatch(r"lavfi\.r128\.true_peaks?_ch0|lavfi\.r128\.true_peak", k))
    return float(values["lavfi.r128.I"]), 20 * np.log10(peak)


@pytest.fixture(scope="module")
def recording() -> np.ndarray:
    """20 s: loud, soft, and silent."""
    loud, soft = speech(8 * RATE, 1, 0.2), speech(8 * RATE, 2, 0.02)
    return np.concatenate([loud, np.zeros(4 * RATE, np.float32), soft])


@pytest.mark.parametrize("rate", [24_000, 44_100])
def test_levels_are_those_of_ffmpeg_and_of_arrays(recording: np.ndarray, rate: int) -> None:
    levels = levels_of(recording, rate)
    integrated, peak = ffmpeg_levels(recording, rate)
    assert levels.loudness_lufs == pytest.approx(integrated, abs=0.1)
    assert levels.true_peak_dbtp == pytest.approx(peak, abs=0.3)
    assert levels.loudness_lufs == pytest.approx(loudness(recording, rate), abs=1e-3)
    assert levels.true_peak_dbtp == pytest.approx(20 * np.log10(true_peak(recording, rate)), abs=0.1)
    assert levels.rms_db == pytest.approx(20 * np.log10(np.sqrt(np.square(recording, dtype=float).mean())), abs=1e-3)


def test_blocks_change_nothing(recording: np.ndarray) -> None:
    one, other = levels_of(recording, RATE, 1), levels_of(recording, RATE, 2)
    assert one.loudness_lufs == pytest.approx(other.loudness_lufs, abs=1e-9)
    assert one.true_peak_dbtp == pytest.approx(other.true_peak_dbtp, abs=1e-5)


def test_a_peak_between_samples_is_found() -> None:
    # A quarter of the sample rate, its phase between: every sample is 3 dB below the crest.
    tone = (0.5 * np.sin(2 * np.pi * 0.25 * np.arange(RATE) + np.pi / 4)).astype(np.float32)
    assert np.abs(tone).max() == pytest.approx(0.354, abs=1e-3)
    assert levels_of(tone * np.hanning(RATE).astype(np.float32), RATE).true_peak_dbtp == pytest.approx(-6.02, abs=0.1)


def test_silence_has_no_loudness_and_several_have_one_together(recording: np.ndarray) -> None:
    silent = levels_of(np.zeros(RATE, np.float32), RATE)
    assert silent.loudness_lufs is None
    assert silent.noise_floor_db == -120
    whole, half = levels_of(recording, RATE), levels_of(recording[: 8 * RATE], RATE)
    rest = levels_of(recording[8 * RATE :], RATE)
    assert loudness_of([half.powers, rest.powers]) == pytest.approx(whole.loudness_lufs, abs=0.1)
    assert loudness_of([]) is None


def test_the_noise_floor_is_the_quietest_half_second() -> None:
    tone = np.concatenate([np.full(RATE, 0.1), np.full(RATE, 0.001), np.full(RATE, 0.1)]).astype(np.float32)
    assert levels_of(tone, RATE).noise_floor_db == pytest.approx(-60, abs=0.01)


@pytest.mark.parametrize("gain_db", [0.0, 12.0])
def test_the_limiter_holds_true_peaks_and_leaves_the_rest(recording: np.ndarray, gain_db: float) -> None:
    loud = recording * np.float32(amplitude(gain_db))
    held = np.concatenate(list(limited(in_blocks(loud), RATE, -3.0)))
    assert len(held) == len(loud)
    assert levels_of(held, RATE).true_peak_dbtp <= -2.9
    # What is far from a peak is untouched, the soft half for one: there is no delay either.
    np.testing.assert_array_equal(held[12 * RATE + RATE // 10 :], loud[12 * RATE + RATE // 10 :])
    other = np.concatenate(list(limited(in_blocks(loud, 5), RATE, -3.0)))
    np.testing.assert_allclose(held, other, atol=1e-5)


def test_resampling_keeps_time_to_the_sample() -> None:
    clicks = np.zeros(60 * 22_050, np.float32)
    places = np.array([11_025, 30 * 22_050, 59 * 22_050])
    clicks[places] = 1
    made = np.concatenate(list(resampled(in_blocks(clicks), 22_050, 44_100)))
    assert len(made) == 2 * len(clicks)
    for place in places:
        assert np.abs(made[2 * place - 50 : 2 * place + 50]).argmax() == 50
    assert sum(map(len, resampled(in_blocks(clicks[:12_347]), 22_050, 48_000))) == round(12_347 * 48_000 / 22_050)


def test_room_tone_is_soft_and_the_same_each_time() -> None:
    silence = np.zeros(5 * RATE, np.float32)
    tone = np.concatenate(list(with_room_tone(in_blocks(silence), RATE, -68.0)))
    levels = levels_of(tone, RATE)
    assert levels.rms_db == pytest.approx(-68, abs=0.3)
    assert levels.true_peak_dbtp < -50
    np.testing.assert_allclose(tone, np.concatenate(list(with_room_tone(in_blocks(silence, 3), RATE, -68.0))), atol=1e-9)
    spectrum = np.abs(np.fft.rfft(tone)) ** 2
    assert spectrum[: len(spectrum) // 6].sum() > 2 * spectrum[len(spectrum) // 6 :].sum()  # below 2 kHz, above

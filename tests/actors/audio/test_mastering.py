import math
from fractions import Fraction

import av
import numpy as np
import pytest

from actors.audio.mastering import Mastering, loudness, master, speech_bounds, to_loudness, to_peak, true_peak
from actors.audio.mono import FloatArray
from actors.errors import UsageError

RATE = 16_000


def tone(seconds: float, amplitude: float = 0.3, rate: int = RATE) -> FloatArray:
    return (amplitude * np.sin(2 * np.pi * 700 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def bursts(rate: int) -> FloatArray:
    """Six seconds of noise that swells and fades, like syllables and pauses."""
    n = 6 * rate
    noise = np.random.default_rng(0).standard_normal(n)
    return (0.15 * noise * np.abs(np.sin(2 * np.arange(n) / rate)) ** 6).astype(np.float32)


def silence(seconds: float) -> FloatArray:
    return np.zeros(round(seconds * RATE), np.float32)


def decibels(ratio: float) -> float:
    return 20 * math.log10(ratio)


def measured_by_ffmpeg(audio: FloatArray, rate: int) -> tuple[float, float]:
    """Integrated loudness in LUFS and true peak in dBFS by FFmpeg's ebur128."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=rate, format="fltp", layout="mono", time_base=Fraction(1, rate))
    meter, sink = graph.add("ebur128", "metadata=1:peak=true"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(audio[np.newaxis], format="fltp", layout="mono")
    frame.sample_rate, frame.pts = rate, 0
    graph.push(frame)
    graph.push(None)
    values: dict[str, str] = {}
    while True:
        try:
            values = dict(graph.pull().metadata)
        except EOFError:
            return float(values["lavfi.r128.I"]), decibels(float(values["lavfi.r128.true_peak"]))


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000])
def test_loudness_and_true_peak_are_ffmpegs(rate: int) -> None:
    if not hasattr(av.AudioFrame, "metadata"):
        pytest.skip("this PyAV does not show what FFmpeg measured")
    for audio in (bursts(rate), tone(5, rate=rate)):
        lufs, peak = measured_by_ffmpeg(audio, rate)
        assert loudness(audio, rate) == pytest.approx(lufs, abs=0.02)
        assert decibels(true_peak(audio, rate)) == pytest.approx(peak, abs=0.6)  # its filter is shorter than ours


def test_a_sine_at_full_scale_is_3_lufs_below_it() -> None:
    sine = np.sin(2 * np.pi * 997 * np.arange(5 * 48_000) / 48_000).astype(np.float32)  # BS.1770-5
    assert loudness(sine, 48_000) == pytest.approx(-3.01, abs=0.02)


def test_pauses_do_not_count_and_silence_has_no_loudness() -> None:
    speech = tone(4)
    assert loudness(np.concatenate((silence(5), speech, silence(5))), RATE) == pytest.approx(loudness(speech, RATE), abs=0.4)
    assert loudness(silence(1), RATE) == -math.inf


@pytest.mark.parametrize("seconds", [0.01, 0.1, 0.39])
def test_a_short_sound_is_as_loud_as_a_long_one(seconds: float) -> None:
    assert loudness(tone(seconds), RATE) == pytest.approx(loudness(tone(5), RATE), abs=0.3)


@pytest.mark.parametrize("dbfs", [0.0, -1.0, -20.0])
def test_the_highest_sample_gets_the_level(dbfs: float) -> None:
    audio, note = to_peak(tone(1), dbfs)
    assert (decibels(float(np.abs(audio).max())), note) == (pytest.approx(dbfs, abs=1e-4), None)
    assert np.abs(audio).max() <= 1


def test_loudness_is_reached_unless_it_would_clip() -> None:
    audio, note = to_loudness(bursts(RATE), RATE, -30)
    assert (loudness(audio, RATE), note) == (pytest.approx(-30, abs=0.01), None)
    audio, note = to_loudness(bursts(RATE), RATE, -6)
    assert decibels(true_peak(audio, RATE)) == pytest.approx(-1, abs=0.01)
    reached = loudness(audio, RATE)
    assert note == f"its loudness is {reached:.1f} LUFS, not -6: more would take its peaks above -1 dBFS"


def test_what_is_too_quiet_stays_so_and_says_so() -> None:
    for audio in (silence(1), np.full(RATE, 1e-5, np.float32)):
        for raised, note in (to_peak(audio, -1), to_loudness(audio, RATE, -16)):
            assert raised.tobytes() == audio.tobytes()
            assert note is not None
            assert "too quiet to be speech" in note


@pytest.mark.parametrize(("before", "after"), [(0.5, 1.0), (0.0, 0.5), (0.04, 0.03), (2.0, 0.0)])
def test_silence_is_cut_but_for_a_margin(before: float, after: float) -> None:
    hiss = (1e-4 * np.random.default_rng(0).standard_normal(RATE * 4)).astype(np.float32)
    audio = np.concatenate((silence(before), tone(0.3), silence(0.4), tone(0.3), silence(after)))
    audio += hiss[: len(audio)]
    start, stop = speech_bounds(audio, RATE)
    assert start / RATE == pytest.approx(max(0, before - 0.05), abs=0.011)
    assert (len(audio) - stop) / RATE == pytest.approx(max(0, after - 0.05), abs=0.011)


def test_a_soft_ending_stays() -> None:
    audio = np.concatenate((tone(0.5), tone(0.5, 0.003), silence(1)))  # 40 dB below, like an f
    assert speech_bounds(audio, RATE)[1] / RATE == pytest.approx(1.05, abs=0.011)


def test_nothing_but_silence_is_left_alone() -> None:
    assert speech_bounds(silence(1), RATE) == (0, RATE)
    assert speech_bounds(np.ones(1, np.float32), RATE) == (0, 1)


@pytest.mark.parametrize("rate", [8_000, 22_050, 24_000, 44_100, 48_000])
def test_all_of_it_together(rate: int) -> None:
    audio = np.concatenate((silence(0.5), bursts(RATE)[RATE : 3 * RATE], silence(0.5)))
    mastered = master(audio, RATE, Mastering(True, rate, loudness_lufs=-25))
    assert (mastered.sample_rate, mastered.note, mastered.audio.dtype) == (rate, None, np.float32)
    assert 0.44 <= mastered.cut_s < 0.7
    assert len(mastered.audio) / rate == pytest.approx(2, abs=0.3)
    assert loudness(mastered.audio, rate) == pytest.approx(-25, abs=0.01)


def test_nothing_is_done_unasked() -> None:
    audio = np.concatenate((silence(0.5), tone(0.5)))
    mastered = master(audio, RATE, Mastering())
    assert mastered.audio is audio or mastered.audio.tobytes() == audio.tobytes()
    assert (mastered.sample_rate, mastered.cut_s, mastered.note) == (RATE, 0, None)


def test_a_peak_and_a_loudness_are_one_too_many() -> None:
    with pytest.raises(UsageError, match="give one of them"):
        Mastering(peak_dbfs=-1, loudness_lufs=-16)

"""Cuts are where nobody speaks."""

import numpy as np
import pytest

from actors import SynthesisRequest, open_model
from actors.audio.codec import resample
from actors.audio.mono import FloatArray
from actors.audio.vad import SilenceCutter, cut_at_silence, join_spans, place, without_silence
from cluster.registry import embedded_folder

RATE = 24_000


def loud_is_speech(audio: FloatArray, _rate: int) -> FloatArray:
    windows = audio[: len(audio) // 768 * 768].reshape(-1, 768)
    return (np.abs(windows).max(axis=1) > 0.01).astype(np.float32)


def test_pieces_are_whole_and_none_is_too_long() -> None:
    audio = np.ones(RATE * 35, np.float32)
    for silent_s in (8.5, 16.0, 24.0):
        audio[int(silent_s * RATE) : int((silent_s + 0.5) * RATE)] = 0
    pieces = cut_at_silence(audio, RATE, 10 * RATE, loud_is_speech)
    assert [first for first, _ in pieces[1:]] == [stop for _, stop in pieces[:-1]]
    assert (pieces[0][0], pieces[-1][1]) == (0, len(audio))
    assert all(0 < stop - first <= 10 * RATE for first, stop in pieces)
    for silent_s, (_, stop) in zip((8.5, 16.0, 24.0), pieces, strict=False):
        assert silent_s < stop / RATE < silent_s + 0.5


def test_what_is_said_behind_a_long_silence_is_not_cut_in_two() -> None:
    audio = np.zeros(RATE * 60, np.float32)
    audio[36 * RATE : 44 * RATE] = 1
    pieces = cut_at_silence(audio, RATE, 10 * RATE, loud_is_speech)
    assert [first for first, _ in pieces[1:]] == [stop for _, stop in pieces[:-1]]
    assert (pieces[0][0], pieces[-1][1]) == (0, len(audio))
    assert all(0 < stop - first <= 10 * RATE for first, stop in pieces)
    assert any(first <= 36 * RATE and stop >= 44 * RATE for first, stop in pieces)


def test_short_audio_is_one_piece_and_needs_no_detector() -> None:
    assert cut_at_silence(np.ones(100, np.float32), RATE, 100, lambda *_: pytest.fail("not asked for")) == [(0, 100)]


def test_audio_that_never_pauses_is_cut_all_the_same() -> None:
    pieces = cut_at_silence(np.ones(1000, np.float32), RATE, 10, lambda audio, _: np.ones(max(1, len(audio)), np.float32))
    assert all(0 < stop - first <= 10 for first, stop in pieces)


def test_the_detector_hears_speech_and_the_pause_in_it() -> None:
    with open_model(embedded_folder(), threads=1, slots=1) as engine:
        result, *_ = engine.generate([SynthesisRequest("a", text="The mill turns slowly in the evening wind.")])
    speech = resample(result.audio, result.sample_rate, RATE)
    pause = np.zeros(RATE, np.float32)
    cutter = SilenceCutter()
    probabilities = cutter.speech(np.concatenate([speech, pause, speech]), RATE)
    first = int(len(speech) / RATE * 16_000 / 512)
    assert np.mean(probabilities[3 : first - 8] > 0.5) > 0.5
    assert (probabilities[first + 8 : first + 24] < 0.5).all()


def hiss(seconds: float, dbfs: float = -60) -> FloatArray:
    return (10 ** (dbfs / 20) * np.random.default_rng(0).standard_normal(round(seconds * RATE))).astype(np.float32)


@pytest.fixture(scope="module")
def voice(speech: FloatArray) -> FloatArray:
    return resample(speech, 16_000, RATE)


def test_long_digital_silence_is_made_short_and_nothing_else_is_lost() -> None:
    sound, long_still, short_still = hiss(1), np.full(3 * RATE, 0.25, np.float32), np.zeros(RATE, np.float32)
    audio = np.concatenate([long_still, sound, short_still, sound, long_still, sound, long_still])
    spans = without_silence(audio, RATE)
    assert [(first / RATE, stop / RATE) for first, stop in spans] == [(2.5, 6.5), (8.5, 10.5)]
    assert without_silence(sound, RATE) == [(0, RATE)]
    assert without_silence(long_still, RATE) == []
    assert without_silence(long_still[:5], RATE) == []


def test_digital_silence_before_the_sound_is_never_long() -> None:
    for seconds in (0.3, 0.8, 1.5, 1.9):
        audio = np.concatenate([np.zeros(round(seconds * RATE), np.float32), hiss(1)])
        assert without_silence(audio, RATE) == [(round(max(0.0, seconds - 0.5) * RATE), len(audio))]


def test_places_in_what_is_left_are_places_in_the_recording() -> None:
    spans = [(10, 20), (50, 60), (90, 95)]
    for position, start, end in (
        (0, 10, 10),
        (4.5, 14.5, 14.5),
        (10, 50, 20),
        (15, 55, 55),
        (20, 90, 60),
        (25, 95, 95),
        (99, 95, 95),
    ):
        assert place(spans, position, is_end=False) == start
        assert place(spans, position, is_end=True) == end
    assert len(join_spans(np.zeros(100, np.float32), spans)) == 25


@pytest.mark.parametrize(
    "audio",
    [
        np.zeros(9 * RATE, np.float32),
        np.full(9 * RATE, -0.4, np.float32),
        hiss(9, -90),
        hiss(9, -20),
        np.eye(1, 9 * RATE, 70_000, dtype=np.float32)[0],
    ],
    ids=["zeros", "offset", "faint hiss", "loud hiss", "click"],
)
def test_where_nobody_speaks_there_is_nothing_to_hear(audio: FloatArray) -> None:
    assert SilenceCutter().heard(audio, RATE, detect=True, trim=False) == []


@pytest.mark.parametrize("dbfs", [-70, -25, 20])
def test_speech_is_found_at_an_edge_and_at_any_loudness(voice: FloatArray, dbfs: float) -> None:
    voice = (voice / np.sqrt(np.mean(voice**2)) * 10 ** (dbfs / 20)).astype(np.float32)
    quiet = hiss(10, dbfs - 20)
    length = len(voice) / RATE
    cutter = SilenceCutter()
    for audio, begin, end in (
        (np.concatenate([voice, quiet]), 0, length),
        (np.concatenate([quiet, voice]), 10, 10 + length),
        (np.concatenate([quiet, voice, quiet]), 10, 10 + length),
    ):
        assert cutter.heard(audio, RATE, detect=True, trim=False) == [(0, len(audio))]
        ((first, stop),) = cutter.heard(audio, RATE, detect=True, trim=True)
        assert max(0, begin - 0.7) <= first / RATE <= begin
        assert end - 0.3 <= stop / RATE <= end + 1.5
    assert cutter.heard(quiet, RATE, detect=False, trim=True) == [(0, len(quiet))]

"""Cuts are where nobody speaks."""

import numpy as np
import pytest

from actors import SynthesisRequest, open_model
from actors.audio import FloatArray, resample
from actors.vad import SilenceCutter, cut_at_silence
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

import ctypes.util
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the 'export' extra")
pytest.importorskip("pyworld", reason="making training speech needs the 'train' extra")
if ctypes.util.find_library("espeak-ng") is None:
    pytest.skip("making training speech needs espeak-ng", allow_module_level=True)

from training.voice.corpus import MAX_TOKENS, make, read_aloud, speak  # noqa: E402
from training.voice.utterances import HOP, TOKEN, Utterance, read  # noqa: E402


def _spoken(text: str) -> Utterance:
    utterance = speak(text, with_audio=True)
    assert utterance is not None
    return utterance


def _pitch(audio: np.ndarray) -> float:
    """Which of the two pitches' first harmonic is the stronger, in Hz."""
    power = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), 16000))
    return max((125.0, 187.5), key=lambda hertz: power[round(hertz) - 4 : round(hertz) + 5].max())


def test_arrays_of_an_utterance_belong_together_and_begin_and_end_in_silence() -> None:
    spoken = _spoken("the old bridge is closed.")
    tokens = len(spoken["features"])
    assert spoken["features"].shape == (tokens, 160)
    assert len(spoken["audio"]) == TOKEN * tokens
    assert spoken["high"].shape == spoken["position"].shape == (tokens,)
    loudness = spoken["audio"].float().view(tokens, TOKEN).abs().amax(1)
    assert loudness[0] < 0.02 * loudness.max()  # streaming drops the first token
    assert (loudness[-2:] < 0.02 * loudness.max()).all()  # the pause between sentences
    assert spoken["phonemes"][-1] == "_"
    assert [name for name in spoken["phonemes"] if name != "_"] == read_aloud("the old bridge is closed.")


def test_position_reaches_each_word_when_it_begins_and_never_goes_back() -> None:
    text = "one two three four five."
    spoken = _spoken(text)
    position = spoken["position"].numpy()
    assert (np.diff(position) >= 0).all()
    assert position[0] == 0
    assert position[-1] == len(text) - 1


def test_last_word_of_a_question_is_a_fifth_higher() -> None:
    statement, question = (_spoken(f"he lives in this house{end}") for end in ".?")
    assert not statement["high"].any()
    assert question["high"].any()
    first = int(question["high"].nonzero()[0])
    assert question["position"][first] >= len("he lives in this") - 1
    rising = slice((first + 1) * TOKEN, (first + 4) * TOKEN)
    assert _pitch(question["audio"].numpy()[rising]) == 187.5
    assert _pitch(statement["audio"].numpy()[rising]) == 125.0


def test_exclamation_is_three_decibels_louder() -> None:
    statement, exclamation = (_spoken(f"stop the car{end}")["audio"].float() for end in ".!")
    assert 20 * torch.log10(exclamation.norm() / statement.norm()) == pytest.approx(3, abs=0.3)


def test_harmonics_have_the_same_phase_in_every_frame() -> None:
    audio = _spoken("are our ears here.")["audio"].numpy() / 32768
    frames = np.lib.stride_tricks.sliding_window_view(audio, 4 * HOP)[::HOP]
    first_harmonic = np.fft.rfft(frames * np.hanning(4 * HOP))[:, 8]  # 125 Hz
    loud = np.abs(first_harmonic) > 0.3 * np.abs(first_harmonic).max()
    together = np.abs((first_harmonic[loud] / np.abs(first_harmonic[loud])).mean())
    assert loud.sum() > 20
    assert together > 0.9  # 1 if all are equal, about 0 if they turn


def test_what_cannot_be_spoken_is_left_out() -> None:
    assert speak("...", with_audio=False) is None
    assert speak("word " * 100, with_audio=False) is None
    assert len(_spoken("a.")["features"]) < MAX_TOKENS


def test_shards_are_kept_and_read_in_order(tmp_path: Path) -> None:
    texts = ["one.", "two.", "three."]
    paths = make(tmp_path, texts, with_audio=1, processes=1, shard=2)
    written = paths[0].stat().st_mtime_ns
    utterances = read(make(tmp_path, texts, with_audio=1, processes=1, shard=2))
    assert paths[0].stat().st_mtime_ns == written
    assert [u["text"] for u in utterances] == texts
    assert [len(u["audio"]) > 0 for u in utterances] == [True, False, False]

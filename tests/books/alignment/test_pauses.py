import numpy as np
import pytest

from books.alignment.pauses import Pauses, find_pauses

RATE = 16_000


def sound(*parts: tuple[float, float]) -> np.ndarray:
    """Return noise: stretches of so many seconds, at so many dB."""
    draw = np.random.default_rng(0)
    pieces = [draw.standard_normal(round(seconds * RATE)) * 10 ** (level / 20) for seconds, level in parts]
    return np.concatenate(pieces).astype(np.float32)


def spans(pauses: Pauses) -> list[tuple[float, float]]:
    return list(pauses.spans)


@pytest.mark.parametrize(("speech", "floor"), [(-20, -75), (-40, -90), (-20, -45), (-20, -120)], ids=str)
def test_pauses_are_found_at_any_level(speech: float, floor: float) -> None:
    found = spans(find_pauses(sound((1.0, floor), (2.0, speech), (0.5, floor), (2.0, speech)), RATE))
    assert [pytest.approx(span, abs=0.011) for span in [(0.0, 1.0), (3.0, 3.5)]] == found


def test_what_is_short_is_no_pause_and_a_click_ends_none() -> None:
    found = spans(find_pauses(sound((2.0, -20), (0.1, -80), (2.0, -20), (0.2, -80), (0.02, -30), (0.2, -80), (2.0, -20)), RATE))
    assert found == [pytest.approx((4.1, 4.52), abs=0.011)]


@pytest.mark.parametrize("audio", [np.zeros(0, np.float32), np.zeros(10, np.float32)], ids=["empty", "ten-samples"])
def test_a_recording_of_nothing_has_none(audio: np.ndarray) -> None:
    assert spans(find_pauses(audio, RATE)) == []


PAUSES = Pauses([(1.0, 2.0), (5.0, 5.2)])


@pytest.mark.parametrize(
    ("time", "spoken"), [(0.5, 0.5), (1.0, 1.0), (1.5, 1.0), (2.0, 1.0), (3.0, 2.0), (5.1, 4.0), (6.0, 4.8)], ids=str
)
def test_silence_is_no_speech(time: float, spoken: float) -> None:
    assert PAUSES.spoken(time) == pytest.approx(spoken)


@pytest.mark.parametrize(("spoken", "time"), [(0.5, 0.5), (1.0, 2.0), (2.0, 3.0), (4.8, 6.0)], ids=str)
def test_time_goes_back(spoken: float, time: float) -> None:
    assert PAUSES.time(spoken) == pytest.approx(time)


@pytest.mark.parametrize(
    ("heard", "begins"),
    [
        pytest.param(1.2, 1.85, id="in-a-pause"),
        pytest.param(2.3, 1.85, id="a-little-late"),
        pytest.param(3.0, 3.0, id="no-pause-near"),
        pytest.param(4.9, 5.1, id="a-little-early-and-the-pause-is-short"),
        pytest.param(9.0, 9.0, id="behind-all"),
    ],
)
def test_a_sentence_begins_a_little_before_the_end_of_a_pause(heard: float, begins: float) -> None:
    assert PAUSES.beginning(heard, heard + 0.1) == pytest.approx(begins)


@pytest.mark.parametrize(("heard", "ends"), [(1.5, 1.0), (0.8, 1.0), (3.0, 3.0), (5.3, 5.0), (0.0, 0.0)], ids=str)
def test_a_sentence_ends_where_a_pause_begins(heard: float, ends: float) -> None:
    assert PAUSES.ending(heard - 0.1, heard) == pytest.approx(ends)


def test_a_pause_in_a_word_is_before_the_first_and_behind_the_last() -> None:
    assert PAUSES.beginning(0.8, 2.1) == pytest.approx(1.85)
    assert PAUSES.ending(0.8, 2.1) == pytest.approx(1.0)


def test_a_stop_in_a_word_is_none() -> None:
    assert PAUSES.beginning(4.5, 5.5) == 4.5


def test_without_pauses_times_are_as_they_are() -> None:
    none = Pauses()
    assert [none.spoken(3.0), none.time(3.0), none.beginning(3.0, 3.2), none.ending(2.8, 3.0)] == [3.0] * 4

"""Answers that are judged as in openai's transcribe.py."""

import zlib

import pytest

from actors.families.whisper.fallback import Thresholds, compression_ratio, is_silence, needs_fallback, repeats_itself

OPENAI = Thresholds()
BEGIN = 1000


def test_the_compression_ratio_is_that_of_zlib_on_bytes() -> None:
    text = "да да да да да да да да да да да да да да да да"
    assert compression_ratio(text) == len(text.encode()) / len(zlib.compress(text.encode()))
    assert compression_ratio(text) > 2.4 > compression_ratio("And so my fellow Americans, ask not what your country can do.")
    assert compression_ratio("") == 0


@pytest.mark.parametrize(
    ("compression", "logprob", "no_speech", "thresholds", "expected"),
    [
        (2.4, -1.0, 0.0, OPENAI, False),
        (2.5, -0.1, 0.0, OPENAI, True),
        (1.0, -1.1, 0.6, OPENAI, True),
        (1.0, -1.1, 0.7, OPENAI, False),  # silence
        (9.0, -1.1, 0.7, OPENAI, False),
        (9.0, -0.1, 0.7, OPENAI, True),  # it was sure of what it heard
        (9.0, -9.0, 0.0, Thresholds(None, None, None), False),
        (9.0, -9.0, 0.9, Thresholds(2.4, None, 0.6), True),  # without the log probability nothing says that it is silence
        (9.0, -9.0, 0.9, Thresholds(2.4, -1.0, None), True),
        (1.0, -9.0, 0.9, Thresholds(None, -1.0, 0.6), False),
    ],
)
def test_an_answer_is_heard_again(
    compression: float, logprob: float, no_speech: float, thresholds: Thresholds, expected: bool
) -> None:
    assert needs_fallback(compression, logprob, no_speech, thresholds) is expected


@pytest.mark.parametrize(
    ("logprob", "no_speech", "thresholds", "expected"),
    [
        (-1.1, 0.7, OPENAI, True),
        (-1.0, 0.7, OPENAI, True),
        (-0.9, 0.7, OPENAI, False),
        (-1.1, 0.6, OPENAI, False),
        (-0.1, 0.7, Thresholds(2.4, None, 0.6), True),
        (-9.0, 1.0, Thresholds(2.4, -1.0, None), False),
    ],
)
def test_a_window_is_silent(logprob: float, no_speech: float, thresholds: Thresholds, expected: bool) -> None:
    assert is_silence(logprob, no_speech, thresholds) is expected


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ([1, 2, *[7] * 24], True),
        ([1, 2, *[7] * 23], False),
        ([token for i in range(8) for token in (BEGIN + i, 4, 5, 6, BEGIN + i + 1)], True),
        ([token for i in range(7) for token in (BEGIN + i, 4, 5, 6, BEGIN + i + 1)], False),
        ([*range(30)] * 5, False),
        ([*range(30)] * 6, True),
        ([], False),
    ],
)
def test_loops_are_found_between_times(tokens: list[int], expected: bool) -> None:
    assert repeats_itself(tokens, BEGIN) is expected

"""Times of words as transformers computes them from the attention of a real model."""

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from actors.families.whisper.words import audio_frames, split_words, token_times, words_of
from actors.requests import Word
from tests.conftest import FIXTURES

FOLDER = FIXTURES / "whisper_rules"
SPLIT: dict[str, Any] = json.loads((FOLDER / "words.json").read_text(encoding="utf-8"))
JFK: dict[str, Any] = json.loads((FOLDER / "jfk.json").read_text(encoding="utf-8"))
BYTES = {int(token): bytes.fromhex(content) for token, content in SPLIT["bytes"].items()}
EOS = JFK["eos_id"]
CASES = ["timestamps", "plain"]


def decode(tokens: list[int]) -> str:
    return b"".join(BYTES[token] for token in tokens).decode("utf-8", "replace")


@pytest.fixture(scope="module")
def attention() -> dict[str, np.ndarray]:
    return dict(np.load(FOLDER / "jfk_attention.npz"))


@pytest.mark.parametrize("case", CASES)
def test_times_of_tokens_are_those_of_transformers(attention: dict[str, np.ndarray], case: str) -> None:
    expected = JFK["cases"][case]
    times = token_times(attention[case][:, 1:])
    assert len(times) == len(expected["tokens"])
    np.testing.assert_allclose(times, expected["times"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_words_are_those_of_transformers(attention: dict[str, np.ndarray], case: str) -> None:
    expected = JFK["cases"][case]
    tokens, logprobs = expected["tokens"], expected["logprobs"][:-1]
    words = words_of(tokens, token_times(attention[case][:, 1:]), logprobs, eos_id=EOS, decode=decode, language="en")
    assert [word.text for word in words] == [text for text, _, _ in expected["words"]]
    assert "".join(word.text for word in words) == expected["text"]
    times = [(word.start, word.end) for word in words]
    np.testing.assert_allclose(times, [times for _, *times in expected["words"]], rtol=0, atol=1e-6)
    first = tokens.index(next(token for token in tokens if token < EOS))
    assert words[0].probability == pytest.approx(math.exp(logprobs[first]))


def test_the_last_token_of_the_prompt_gives_the_first_word_a_length(attention: dict[str, np.ndarray]) -> None:
    """Where an answer has no times: as in openai's."""
    expected, rows = JFK["cases"]["plain"], attention["plain"]
    options: dict[str, Any] = {"eos_id": EOS, "decode": decode, "language": "en"}
    without = words_of(expected["tokens"], token_times(rows[:, 1:]), expected["logprobs"], **options)
    words = words_of(expected["tokens"], token_times(rows)[1:], expected["logprobs"], **options)
    assert without[0].end == 0
    with_times = JFK["cases"]["timestamps"]["words"]
    assert words[0].end == pytest.approx(with_times[0][2], abs=0.1)
    assert [word.end for word in words[2:]] == pytest.approx([word.end for word in without[2:]], abs=0.1)


def slow_path(matrix: np.ndarray) -> np.ndarray:
    """transformers' ``_dynamic_time_warping`` and the frames on which it comes to each token."""
    tokens, frames = matrix.shape
    cost = np.full((tokens + 1, frames + 1), np.inf, np.float32)
    trace = np.full((tokens + 1, frames + 1), -1)
    cost[0, 0] = 0
    for j in range(1, frames + 1):
        for i in range(1, tokens + 1):
            c0, c1, c2 = cost[i - 1, j - 1], cost[i - 1, j], cost[i, j - 1]
            c, t = (c0, 0) if c0 < c1 and c0 < c2 else (c1, 1) if c1 < c0 and c1 < c2 else (c2, 2)
            cost[i, j], trace[i, j] = matrix[i - 1, j - 1] + c, t
    trace[0, :], trace[:, 0] = 2, 1
    i, j, path = tokens, frames, []
    while i > 0 or j > 0:
        path.append((i - 1, j - 1))
        i, j = i - (trace[i, j] < 2), j - (trace[i, j] != 1)
    text, time = np.array(path[::-1]).T
    first: np.ndarray = time[np.diff(text, prepend=-1) > 0]
    return first


@pytest.mark.parametrize("kind", ["levels", "numbers"])
def test_the_path_is_that_of_transformers_also_where_ways_are_equal(kind: str) -> None:
    generator = np.random.default_rng(7)
    for _ in range(60):
        shape = generator.integers(1, 12), generator.integers(4, 40)
        weights = generator.integers(0, 3, shape) if kind == "levels" else generator.random(shape)
        attention = weights.astype(np.float32)
        attention[:, attention.min(axis=0) == attention.max(axis=0)] = 0  # nothing said: not a number in transformers
        deviation = attention.std(axis=0)
        matrix = (attention - attention.mean(axis=0)) / np.where(deviation == 0, np.float32(1), deviation)
        times = token_times(attention[None], median_width=1)
        np.testing.assert_array_equal(np.rint(times / 0.02), slow_path(-matrix.astype(np.float64)))


@pytest.mark.parametrize("width", [1, 3, 7, 9])
def test_attention_is_smoothed_by_medians(width: int) -> None:
    """A filter over what is filtered already, by hand, changes the path as the filter itself does."""
    generator = np.random.default_rng(width)
    attention = generator.random((1, 6, 60)).astype(np.float32)
    standard = (attention[0] - attention[0].mean(axis=0)) / attention[0].std(axis=0)
    padded = np.pad(standard, ((0, 0), (width // 2, width // 2)), mode="reflect")
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(padded, width, axis=1), axis=-1)
    np.testing.assert_array_equal(np.rint(token_times(attention, median_width=width) / 0.02), slow_path(-smooth))


@pytest.mark.parametrize("shape", [(2, 0, 50), (2, 3, 0)])
def test_nothing_heard_or_said_has_no_times(shape: tuple[int, int, int]) -> None:
    assert token_times(np.zeros(shape, np.float32)).tolist() == [0.0] * shape[1]


def test_frames_on_which_all_tokens_are_alike_do_not_matter() -> None:
    attention = np.full((2, 5, 40), 0.1, np.float32)
    for token in range(5):
        attention[:, token, 8 * token : 8 * token + 7] += 0.5
    times = token_times(attention)
    assert np.isfinite(times).all()
    assert times == pytest.approx([0, 0.16, 0.32, 0.48, 0.64], abs=0.021)


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (160, 0), (161, 1), (176000, 550), (480000, 1500), (900000, 1500)])
def test_frames_that_hear_audio(samples: int, frames: int) -> None:
    assert audio_frames(samples) == frames


@pytest.mark.parametrize("case", range(len(SPLIT["cases"])))
def test_tokens_become_the_words_of_transformers(case: int) -> None:
    expected = SPLIT["cases"][case]
    pieces = split_words(expected["tokens"], decode, expected["language"])
    assert [piece.text for piece in pieces] == expected["words"]
    assert [[*range(piece.first, piece.stop)] for piece in pieces] == expected["indices"]


WORDS: Callable[[list[int]], str] = lambda tokens: "".join(" abcdefgh"[token] for token in tokens)  # noqa: E731


def test_a_word_ends_where_the_next_one_begins_and_times_are_between_words() -> None:
    tokens, times = [99, 0, 1, 99, 99, 2, 3], [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2]
    logprobs = [math.log(p) for p in (1, 0.5, 1, 1, 1, 0.2, 0.4)]
    words = words_of(tokens, times, logprobs, eos_id=50, decode=WORDS, language=None)
    assert words == [Word(0.0, 0.4, " a", pytest.approx(0.75)), Word(0.8, 1.2, "bc", pytest.approx(0.3))]


def test_the_last_token_of_an_answer_that_was_cut_has_no_time_of_its_own() -> None:
    words = words_of([1, 0, 2], [0.0, 0.3], [0.0] * 3, eos_id=50, decode=WORDS, language="en")
    assert [(word.text, word.start, word.end) for word in words] == [("a", 0.0, 0.0), (" b", 0.0, 0.3)]
    assert words_of([1], [], [0.0], eos_id=50, decode=WORDS, language="en") == [Word(0.0, 0.0, "a", 1.0)]
    assert words_of([], [], [], eos_id=50, decode=WORDS, language="en") == []

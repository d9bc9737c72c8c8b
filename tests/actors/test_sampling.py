import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from actors.sampling import SamplingParameters, row_generator, sample

GREEDY = SamplingParameters(temperature=0.0, top_k=0, top_p=1.0, repetition_penalty=1.0)
PLAIN = SamplingParameters(temperature=1.0, top_k=0, top_p=1.0, repetition_penalty=1.0)

ROOT = Path(__file__).parents[2]
# How far the edge between two tokens may be from where the expected probabilities put it.
EDGE = 2e-6


def one(logits: Sequence[float], parameters: SamplingParameters, uniform: float, seen: Sequence[int] = ()) -> int:
    """Choose a token of a single row."""
    scores = np.array([logits], np.float32)
    mask = np.zeros(scores.shape, bool)
    mask[0, list(seen)] = True
    return int(sample(scores, mask, [parameters], np.array([uniform]))[0])


def defined_probabilities(logits: np.ndarray, seen: np.ndarray, parameters: SamplingParameters) -> np.ndarray:
    """Probabilities ``[vocab]`` in float64, straight from the definitions of the four steps."""
    factor = np.where(logits < 0, parameters.repetition_penalty, 1 / parameters.repetition_penalty)
    scores = logits.astype(np.float64) * np.where(seen, factor, 1) / parameters.temperature
    best_first = np.argsort(-scores)
    if parameters.top_k:
        scores[best_first[parameters.top_k :]] = -np.inf
    probabilities: np.ndarray = np.exp(scores) / np.exp(scores).sum()
    reached_before = np.cumsum(probabilities[best_first]) - probabilities[best_first]
    probabilities[best_first[reached_before >= parameters.top_p]] = 0
    probabilities /= probabilities.sum()
    return probabilities


def assert_draws_from(probabilities: np.ndarray, logits: np.ndarray, seen: np.ndarray, parameters: SamplingParameters) -> None:
    """Assert that uniform numbers choose every token exactly as often as ``probabilities`` ``[vocab]`` says.

    Tokens share [0, 1) in the order of their ids: just inside both ends of a token's share the token is chosen.
    """
    cumulative = np.cumsum(probabilities.astype(np.float64))
    edges = np.concatenate(([0.0], cumulative / cumulative[-1]))
    tokens = [token for token, (low, high) in enumerate(pairwise(edges)) if high - low > 3 * EDGE]
    uniforms = np.array([[edges[t] + EDGE, edges[t + 1] - EDGE] for t in tokens]).ravel()
    rows = len(uniforms)
    chosen = sample(np.tile(logits, (rows, 1)), np.tile(seen, (rows, 1)), [parameters] * rows, uniforms)
    assert chosen.tolist() == np.repeat(tokens, 2).tolist()


@pytest.mark.parametrize(("name", "top_k"), [("proc_generate", 50), ("proc_stream", 0)])
@pytest.mark.parametrize("row", range(4))
def test_probabilities_are_those_of_transformers(
    oracle: Mapping[str, np.ndarray], prompts: list[list[int]], row: int, name: str, top_k: int
) -> None:
    logits = oracle["prefill_logits_last"][row]
    seen = np.zeros(len(logits), bool)
    # The original penalises the whole padded row, and its padding is the [STOP] that starts every prompt.
    seen[prompts[row]] = True
    assert_draws_from(oracle[name][row], logits, seen, SamplingParameters(0.3, top_k, 0.95, 1.2))


@pytest.mark.parametrize(
    "parameters",
    [
        SamplingParameters(temperature=1.0, top_k=0, top_p=1.0, repetition_penalty=1.0),
        SamplingParameters(temperature=0.8, top_k=50, top_p=0.95, repetition_penalty=1.2),
        SamplingParameters(temperature=1.5, top_k=0, top_p=0.7, repetition_penalty=1.2),
        SamplingParameters(temperature=3.0, top_k=20, top_p=1.0, repetition_penalty=0.8),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_probabilities_of_flat_logits_are_those_of_the_definition(parameters: SamplingParameters, seed: int) -> None:
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, 312).astype(np.float32)
    seen = random.random(312) < 0.3
    assert_draws_from(defined_probabilities(logits, seen, parameters), logits, seen, parameters)


@pytest.mark.parametrize("uniform", [0.0, 0.3, 0.999999])
def test_temperature_zero_takes_the_best_token(uniform: float) -> None:
    assert one([0.0, 0.5, 2.0, 1.9], GREEDY, uniform) == 2


def test_temperature_zero_means_a_thousandth() -> None:
    # Two tokens 0.0005 apart: at temperature 0.001 the better one has 62 %.
    assert one([1.0005, 1.0], GREEDY, 0.61) == 0
    assert one([1.0005, 1.0], GREEDY, 0.64) == 1


def test_a_higher_temperature_evens_out() -> None:
    hot = SamplingParameters(temperature=100.0, top_k=0, top_p=1.0, repetition_penalty=1.0)
    counts = np.bincount([one([0.0, 1.0, 2.0, 3.0], hot, u) for u in np.arange(0, 1, 0.01)], minlength=4)
    assert counts.min() >= 24


def test_top_k_keeps_the_best_and_ties_with_the_last_of_them() -> None:
    logits = [3.0, 1.0, 2.0, 2.0, 0.0]
    chosen = {one(logits, SamplingParameters(1.0, 2, 1.0, 1.0), u) for u in np.arange(0, 1, 0.005)}
    assert chosen == {0, 2, 3}


def test_top_k_above_the_vocabulary_keeps_all() -> None:
    chosen = {one([1.0, 1.0, 1.0], SamplingParameters(1.0, 50, 1.0, 1.0), u) for u in np.arange(0, 1, 0.01)}
    assert chosen == {0, 1, 2}


def test_top_p_keeps_the_fewest_tokens_that_reach_it() -> None:
    logits = np.log([0.5, 0.3, 0.15, 0.05]).tolist()
    uniforms = np.arange(0, 1, 0.005)
    for top_p, kept in ((0.4, {0}), (0.6, {0, 1}), (0.9, {0, 1, 2}), (0.97, {0, 1, 2, 3}), (1.0, {0, 1, 2, 3})):
        assert {one(logits, SamplingParameters(1.0, 0, top_p, 1.0), u) for u in uniforms} == kept


def test_top_p_keeps_the_best_token_however_small_it_is() -> None:
    assert {one([1.0, 0.9, 0.8], SamplingParameters(1.0, 0, 1e-9, 1.0), u) for u in (0.0, 0.5, 0.99)} == {0}


def test_repetition_penalty_divides_positive_and_multiplies_negative_scores() -> None:
    penalty = SamplingParameters(temperature=0.0, top_k=0, top_p=1.0, repetition_penalty=2.0)
    assert one([3.0, 2.0], penalty, 0.5) == 0
    assert one([3.0, 2.0], penalty, 0.5, seen=[0]) == 1
    assert one([3.0, 1.0], penalty, 0.5, seen=[0]) == 0
    assert one([-1.0, -1.5], penalty, 0.5, seen=[0]) == 1
    assert one([-1.0, -2.5], penalty, 0.5, seen=[0]) == 0


def test_a_forbidden_token_is_never_chosen() -> None:
    for seen in ([], [1]):
        chosen = {one([0.0, -np.inf, 0.0], PLAIN, u, seen) for u in np.arange(0, 1, 0.01)}
        assert chosen == {0, 2}


def test_the_ends_of_the_unit_interval_choose_the_first_and_last_token() -> None:
    logits = np.random.default_rng(1).normal(size=1000).astype(np.float32).tolist()
    assert one(logits, PLAIN, 0.0) == 0
    assert one(logits, PLAIN, np.nextafter(1.0, 0.0)) == 999


def test_a_token_without_probability_is_not_chosen_by_zero() -> None:
    assert one([-100.0, 5.0, 5.0], PLAIN, 0.0) == 1


def test_rows_do_not_see_each_other() -> None:
    random = np.random.default_rng(2)
    logits = random.normal(0, 4, (16, 300)).astype(np.float32)
    seen = random.random((16, 300)) < 0.2
    uniforms = random.random(16)
    parameters = [
        SamplingParameters(*values)
        for values in zip([0.0, 0.3, 0.8, 2.0] * 4, [0, 50, 5, 0] * 4, [0.95, 1.0, 0.5, 0.9] * 4, [1.2, 1.0] * 8, strict=True)
    ]
    alone = [int(sample(logits[i : i + 1], seen[i : i + 1], parameters[i : i + 1], uniforms[i : i + 1])[0]) for i in range(16)]
    assert sample(logits, seen, parameters, uniforms).tolist() == alone
    order = random.permutation(16)
    shuffled = sample(logits[order], seen[order], [parameters[i] for i in order], uniforms[order])
    assert shuffled.tolist() == [alone[i] for i in order]


def test_logits_are_left_as_they_were() -> None:
    logits = np.array([[1.0, 2.0]], np.float32)
    sample(logits, np.ones((1, 2), bool), [SamplingParameters(0.5, 1, 0.5, 1.5)], np.array([0.5]))
    assert logits.tolist() == [[1.0, 2.0]]


def test_a_row_has_its_own_random_numbers() -> None:
    rows = [(0, "a"), (1, "a"), (0, "b"), (1, "b"), (10, "a"), (1, "0a")]
    salts: list[tuple[int, ...]] = [(), (0,), (1,), (0, 0), (0, 1)]
    draws = {tuple(row_generator(seed, row_id, *salt).random(4)) for seed, row_id in rows for salt in salts}
    assert len(draws) == len(rows) * len(salts)
    assert row_generator(7, "a", 1).random(8).tolist() == row_generator(7, "a", 1).random(8).tolist()


def test_any_string_and_integer_may_key_a_row() -> None:
    for seed, row_id in [(0, ""), (-1, "a"), (2**70, "ä 語 \0"), (0, "\ud800")]:
        assert 0 <= row_generator(seed, row_id).random() < 1


def test_random_numbers_never_change() -> None:
    """Published audio can be made again only while these stay as they are, in every process and version."""
    expected = [0.9750693557552761, 0.151425142794118, 0.2545546008764481]
    assert row_generator(0, "row", 1, 2).random(3).tolist() == expected
    script = "from actors.sampling import row_generator; print(row_generator(0, 'row', 1, 2).random(3).tolist())"
    command, environment = [sys.executable, "-c", script], {**os.environ, "PYTHONHASHSEED": "1"}
    output = subprocess.run(command, env=environment, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stdout
    assert output.strip() == str(expected)

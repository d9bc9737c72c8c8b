"""Tokens as transformers chooses them."""

import json
import math
from typing import Any

import numpy as np
import pytest

from actors.families.whisper.rules import TokenRules, avg_logprob
from tests.conftest import FIXTURES

SAVED: dict[str, Any] = json.loads((FIXTURES / "whisper_rules" / "rules.json").read_text())
LOGITS = np.load(FIXTURES / "whisper_rules" / "rules.npz")["logits"].astype(np.float32)
IDS = {name: SAVED[name] for name in ("vocab_size", "eos_id", "timestamp_begin", "no_timestamps_id")}
BEGIN = IDS["timestamp_begin"]


def rules_with(latest: int | None = None, **changed: Any) -> TokenRules:
    lists = {"suppress": tuple(SAVED["suppress"]), "begin_suppress": tuple(SAVED["begin_suppress"])}
    return TokenRules(**{**IDS, **lists, "max_initial_timestamp_index": latest, **changed})


def test_greedy_tokens_and_their_probabilities_are_those_of_transformers() -> None:
    assert {case["timestamps"] for case in SAVED["cases"]} == {True, False}
    for case, logits in zip(SAVED["cases"], LOGITS, strict=True):
        rules = rules_with(case["max_initial"])
        token, logprob = rules.choose(logits.copy(), case["tokens"], timestamps=case["timestamps"], temperature=0, uniform=0)
        assert token == case["token"], case
        assert logprob == pytest.approx(case["logprob"], abs=1e-5), case


def test_every_token_that_transformers_allows_may_be_drawn_and_no_other() -> None:
    uniforms = np.linspace(0, 1, 400, endpoint=False)
    for case, logits in zip(SAVED["cases"][:60], LOGITS, strict=False):
        rules, options = rules_with(case["max_initial"]), {"timestamps": case["timestamps"], "temperature": 100.0}
        # Nearly all alike at this temperature: each token comes sooner or later. A time is only drawn where they win, as before it.
        drawn = {rules.choose(logits.copy(), case["tokens"], uniform=u, **options)[0] for u in [*uniforms, 1 - 2**-53]}
        assert drawn == {token for token, allowed in enumerate(case["allowed"]) if allowed == "1"}


def test_a_draw_has_the_probabilities_of_its_temperature_and_says_those_of_temperature_1() -> None:
    logits = np.full(IDS["vocab_size"], -np.inf, np.float32)
    logits[[10, 20, 30]] = 1, 2, 4
    shares = np.exp(np.array([1, 2, 4]) / 0.5)
    edges = np.cumsum(shares) / shares.sum()
    for uniform, token in [(0, 10), (edges[0] - 1e-6, 10), (edges[0] + 1e-6, 20), (edges[1] + 1e-6, 30), (1 - 1e-9, 30)]:
        chosen, logprob = rules_with().choose(logits.copy(), [9], timestamps=False, temperature=0.5, uniform=uniform)
        assert chosen == token
        assert logprob == pytest.approx(logits[token] - np.log(np.exp([1.0, 2.0, 4.0]).sum()), abs=1e-6)


def test_many_small_probabilities_together_make_a_time() -> None:
    logits = np.full(IDS["vocab_size"], -20, np.float32)
    logits[10] = 1
    logits[BEGIN:] = 0  # 32 times e^0 is more than e^1, which is more than any of them
    assert rules_with().choose(logits.copy(), [9], timestamps=True, temperature=0, uniform=0)[0] == BEGIN
    assert rules_with().choose(logits.copy(), [9], timestamps=False, temperature=0, uniform=0)[0] == 10


@pytest.mark.parametrize("wrong", [{"eos_id": 96}, {"timestamp_begin": 99}, {"suppress": (3, 96)}, {"begin_suppress": (200,)}])
def test_ids_are_of_the_vocabulary(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="outside the vocabulary of 96"):
        rules_with(**wrong)


def test_no_token_need_be_suppressed() -> None:
    logits = np.arange(IDS["vocab_size"], dtype=np.float32)
    rules = rules_with(suppress=(), begin_suppress=())
    assert rules.choose(logits, [], timestamps=False, temperature=0, uniform=0)[0] == IDS["vocab_size"] - 1


def test_the_mean_counts_the_token_that_ends_an_answer_even_where_none_did() -> None:
    assert avg_logprob([-1.0, -2.0, -3.0], [5, 6]) == pytest.approx(-2.0)
    assert avg_logprob([-1.0, -2.0], [5, 6]) == pytest.approx(-1.0)
    assert avg_logprob([math.log(0.5)], []) == pytest.approx(math.log(0.5))

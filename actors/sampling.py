"""Choosing tokens: transformers' logits processors in their order, with random numbers that belong to the row.

Order and arithmetic follow transformers ``generation/logits_process.py``: repetition penalty, temperature, top-k, top-p.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# exp(-104) is zero in float32: a token this far (in units of temperature) below the best one has probability zero.
_FLOAT32_SOFTMAX_REACH = 104.0


@dataclass(frozen=True)
class SamplingParameters:
    """How one utterance samples. ``top_k`` 0 and ``top_p`` 1 switch those filters off.

    Attributes:
        temperature: at most 0 means 0.001, as in soprano-tts.
        top_k: keep this many most likely tokens (ties with the last one stay).
        top_p: keep the most likely tokens that reach this probability together.
        repetition_penalty: divides positive and multiplies negative scores of tokens seen before.
    """

    temperature: float
    top_k: int
    top_p: float
    repetition_penalty: float


def row_generator(seed: int, row_id: str, *salt: int) -> np.random.Generator:
    """Return the random generator of one row, whatever batch, shard, order or retry it runs in.

    A counter-based Philox generator keyed by a hash of the job's ``seed``, the row's id and ``salt`` (the chunk, …).
    """
    key = hashlib.sha256(repr((seed, row_id, *salt)).encode("utf-8", "backslashreplace")).digest()[:16]
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))


def sample(logits: np.ndarray, seen: np.ndarray, parameters: Sequence[SamplingParameters], uniforms: np.ndarray) -> np.ndarray:
    """Choose one token per row.

    Args:
        logits: float32 ``[rows, vocab]``; ``-inf`` forbids a token.
        seen: bool ``[rows, vocab]``, tokens of the prompt and of what was generated.
        parameters: one per row.
        uniforms: float ``[rows]`` in [0, 1), the random number each row spends.

    Returns:
        int64 ``[rows]``.
    """
    penalty = np.array([[p.repetition_penalty] for p in parameters], np.float32)
    temperature = np.array([[p.temperature if p.temperature > 0 else 0.001] for p in parameters], np.float32)
    scores = logits.copy()
    rows, tokens = np.nonzero(seen)
    hit, scale = scores[rows, tokens], penalty[rows, 0]
    scores[rows, tokens] = np.where(hit < 0, hit * scale, hit / scale)
    scores /= temperature
    best = scores.max(axis=1, keepdims=True)
    possible = scores > best - _FLOAT32_SOFTMAX_REACH
    chosen: np.ndarray = scores.argmax(axis=1)
    for row in np.nonzero(possible.sum(axis=1) > 1)[0].tolist():
        candidates = np.nonzero(possible[row])[0]
        chosen[row] = _choose(candidates, scores[row, candidates], parameters[row], uniforms[row])
    return chosen


def _choose(tokens: np.ndarray, scores: np.ndarray, parameters: SamplingParameters, uniform: float) -> int:
    """Filter the candidates of one row and draw from what is left, in the order of their ids."""
    if 0 < parameters.top_k < len(tokens):
        worst_kept = np.partition(scores, -parameters.top_k)[-parameters.top_k]
        keep = scores >= worst_kept
        tokens, scores = tokens[keep], scores[keep]
    if parameters.top_p < 1:
        ascending = np.argsort(scores, kind="stable")
        drop = np.cumsum(_softmax(scores[ascending]), dtype=np.float32) <= np.float32(1 - parameters.top_p)
        drop[-1] = False
        keep = np.sort(ascending[~drop])
        tokens, scores = tokens[keep], scores[keep]
    cumulative = np.cumsum(_softmax(scores), dtype=np.float64)
    return int(tokens[min(np.searchsorted(cumulative, uniform * cumulative[-1], side="right"), len(tokens) - 1)])


def _softmax(scores: np.ndarray) -> np.ndarray:
    exponential = np.exp(scores - scores.max())
    probability: np.ndarray = exponential / exponential.sum()
    return probability

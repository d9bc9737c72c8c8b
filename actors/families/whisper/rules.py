"""Which token comes next: what may not be said is forbidden, times come in pairs and do not go back.

Source: transformers 5.23 ``generation/logits_process.py`` (``SuppressTokensAtBeginLogitsProcessor``,
``SuppressTokensLogitsProcessor``, ``WhisperTimeStampLogitsProcessor``), which follows openai/whisper ``decoding.py``
(``SuppressBlank``, ``SuppressTokens``, ``ApplyTimestampRules``, ``GreedyDecoder``). Their rules are the same. Where an answer
has no timestamps, neither forbids the timestamp tokens, and so they are not forbidden here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from actors.settings import check_ids


@dataclass(frozen=True)
class TokenRules:
    """What a model's tokens mean, and which of them may come next. Nothing changes: it may be shared by threads.

    Attributes:
        vocab_size: how many tokens there are.
        eos_id: ends an answer; texts are below it, what is above it is special.
        timestamp_begin: ``<|0.00|>``; all tokens from here on are times, 20 ms apart.
        no_timestamps_id: asks for an answer without times.
        suppress: never said.
        begin_suppress: not said first.
        max_initial_timestamp_index: the latest time that may come first, in steps of 20 ms; ``None``: any.

    Raises:
        ValueError: an id lies outside the vocabulary.
    """

    vocab_size: int
    eos_id: int
    timestamp_begin: int
    no_timestamps_id: int
    suppress: tuple[int, ...]
    begin_suppress: tuple[int, ...]
    max_initial_timestamp_index: int | None

    def __post_init__(self) -> None:
        highest = max((*self.suppress, *self.begin_suppress), default=None)
        ids = {"eos_id": self.eos_id, "timestamp_begin": self.timestamp_begin, "no_timestamps_id": self.no_timestamps_id}
        check_ids(self.vocab_size, **ids, suppress=highest)

    @cached_property
    def _never(self) -> np.ndarray:
        return np.array(self.suppress, np.int64)

    @cached_property
    def _not_first(self) -> np.ndarray:
        return np.array(self.begin_suppress, np.int64)

    def choose(
        self, logits: np.ndarray, tokens: Sequence[int], *, timestamps: bool, temperature: float, uniform: float
    ) -> tuple[int, float]:
        """Choose the token that follows ``tokens``.

        Args:
            logits: float32 ``[vocab]``, finite or ``-inf``, one allowed token at least above ``-inf``. It is scratch: what it
                holds afterwards is nothing.
            tokens: the answer so far, without the prompt.
            timestamps: whether the answer has times.
            temperature: 0 is the best token, the first of equal ones; above it, the token is drawn from
                softmax(logits / temperature). The rules look at the logits before.
            uniform: the random number that a draw spends, in [0, 1).

        Returns:
            The token, and its log probability among those that the rules allow. As openai's, it is at temperature 1, whatever
            the token was drawn at.
        """
        logits[self._never] = -np.inf
        if not tokens:
            logits[self._not_first] = -np.inf
        first, stop = self._allow(logits, tokens) if timestamps else (0, len(logits))
        token, logprob = _pick(logits[first:stop], temperature, uniform)
        return first + token, logprob

    def _allow(self, logits: np.ndarray, tokens: Sequence[int]) -> tuple[int, int]:
        """Apply the rules of times to ``logits``; return the first token that may come, and where those end that may."""
        begin = self.timestamp_begin
        logits[self.no_timestamps_id] = -np.inf
        text, earliest, stop = self._ranges(tokens, len(logits))
        if earliest >= stop:
            return text, begin
        if text < begin and _log_sum(logits[earliest:stop]) <= logits[text:begin].max():
            logits[begin:earliest] = -np.inf
            return text, stop
        return earliest, stop

    def _ranges(self, tokens: Sequence[int], vocab: int) -> tuple[int, int, int]:
        """Return the first text that may come (none from ``timestamp_begin`` on), and the first time and behind the last."""
        begin = self.timestamp_begin
        if not tokens:
            latest = self.max_initial_timestamp_index
            return begin, begin, vocab if latest is None else min(vocab, begin + latest + 1)
        if tokens[-1] < begin:
            # Later than the last one: a segment of no length would be heard again and again.
            said = next((token + 1 for token in reversed(tokens) if token >= begin), begin)
            return 0, said, vocab
        if len(tokens) < 2 or tokens[-2] >= begin:  # a pair is complete
            return 0, vocab, vocab
        return self.eos_id, tokens[-1], vocab  # the other one of a pair, or the end


def avg_logprob(logprobs: Sequence[float], tokens: Sequence[int]) -> float:
    """Return the mean log probability of an answer, by which its quality is told.

    Source: openai/whisper ``decoding.py:DecodingTask.run``: the sum is divided by one more than the answer has tokens, also where
    it did not end by itself. (transformers' ``_retrieve_avg_logprobs`` divides by the number of summands, which is the same for
    an answer that did.)

    Args:
        logprobs: of the answer's tokens, and of the one that ended it.
        tokens: the answer, without the token that ended it.
    """
    return math.fsum(logprobs) / (len(tokens) + 1)


def _log_sum(scores: np.ndarray) -> float:
    """Return log(sum(exp(scores))); ``-inf`` if all are."""
    best = scores.max()
    if best == -np.inf:
        return -math.inf
    return float(best) + math.log(np.exp(scores - best).sum())


def _pick(scores: np.ndarray, temperature: float, uniform: float) -> tuple[int, float]:
    """Choose one of ``scores``, which are overwritten: its index and its log probability at temperature 1."""
    token = int(scores.argmax())
    scores -= scores[token]
    if temperature > 0:
        token = _draw(scores, temperature, uniform)
    score = float(scores[token])
    return token, score - math.log(np.exp(scores, out=scores).sum())


def _draw(scores: np.ndarray, temperature: float, uniform: float) -> int:
    """Draw from softmax(scores / temperature), in the order of the ids; the best of ``scores`` is 0."""
    weights = scores * np.float32(1 / temperature)
    cumulative = np.cumsum(np.exp(weights, out=weights), dtype=np.float64)
    total = cumulative[-1]
    last = np.searchsorted(cumulative, total)  # rounding may lead to the total itself: not beyond what is possible
    return int(min(np.searchsorted(cumulative, uniform * total, side="right"), last))

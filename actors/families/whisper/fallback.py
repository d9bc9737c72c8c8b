"""Tells answers that are to be heard again, at a higher temperature, and windows in which nobody speaks.

Source: openai/whisper ``transcribe.py`` (``decode_with_fallback`` and the lines behind it) and ``utils.py:compression_ratio``.
transformers' ``_need_fallback`` differs: it compresses the ids of the tokens in place of the text, and looks for silence only if
both thresholds are given.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from actors.repetition import find_loop

# A loop in an answer of 224 tokens at most: phrases of this many tokens, this often, and this long together.
_LOOP_PERIOD = 32
_LOOP_REPEATS = 6
_LOOP_TOKENS = 24


@dataclass(frozen=True)
class Thresholds:
    """By which answers are judged; ``None`` switches a judgement off. The defaults are openai's.

    Attributes:
        compression_ratio: a text that is compressed better than this repeats itself.
        logprob: an answer whose mean log probability is below this was guessed.
        no_speech: a window is silent if the probability of that is above this, and the answer was guessed.
    """

    compression_ratio: float | None = 2.4
    logprob: float | None = -1.0
    no_speech: float | None = 0.6


def compression_ratio(text: str) -> float:
    """Return how many bytes of a text become one if it is compressed: much above 2 if it repeats itself.

    The original measures an answer's text without times and without spaces around it.
    """
    content = text.encode("utf-8")
    return len(content) / len(zlib.compress(content))


def needs_fallback(compression: float, avg_logprob: float, no_speech_prob: float, thresholds: Thresholds) -> bool:
    """Return whether an answer is to be heard again: it repeats itself or was guessed, and the window is not silent.

    Args:
        compression: :func:`compression_ratio` of the text.
        avg_logprob: the answer's mean log probability.
        no_speech_prob: of ``<|nospeech|>`` right after ``<|startoftranscript|>``, before any rule.
        thresholds: ``no_speech`` counts only if ``logprob`` is given, as in the original.
    """
    guessed = thresholds.logprob is not None and avg_logprob < thresholds.logprob
    silent = thresholds.no_speech is not None and no_speech_prob > thresholds.no_speech
    repetitive = thresholds.compression_ratio is not None and compression > thresholds.compression_ratio
    return (repetitive or guessed) and not (silent and guessed)


def is_silence(avg_logprob: float, no_speech_prob: float, thresholds: Thresholds) -> bool:
    """Return whether nobody speaks in a window, so that its answer is none.

    Args:
        avg_logprob: the answer's mean log probability.
        no_speech_prob: of ``<|nospeech|>`` right after ``<|startoftranscript|>``, before any rule.
        thresholds: without ``logprob``, ``no_speech`` alone decides, as in the original.
    """
    if thresholds.no_speech is None or no_speech_prob <= thresholds.no_speech:
        return False
    return thresholds.logprob is None or avg_logprob <= thresholds.logprob


def repeats_itself(tokens: Sequence[int], timestamp_begin: int) -> bool:
    """Return whether an answer ends with a loop, so that it may be given up before it is as long as it can be.

    Times are left out: they go on while the words do not. A loop that ends by itself may pass the original's compression ratio.
    """
    words = [token for token in tokens if token < timestamp_begin]
    loop = find_loop(words, max_period=_LOOP_PERIOD, min_repeats=_LOOP_REPEATS, min_tokens=_LOOP_TOKENS)
    return loop is not None

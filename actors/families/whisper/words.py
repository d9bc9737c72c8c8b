"""When each word was said: from what the model listened to while it wrote.

Source: transformers 5.23 ``models/whisper/generation_whisper.py`` (``_extract_token_timestamps``, ``_median_filter``,
``_dynamic_time_warping``) and ``tokenization_whisper.py`` (``_decode_asr``, ``_combine_tokens_into_words``), after
openai/whisper ``timing.py`` and ``tokenizer.py``. The path through the attention is the cheapest one from the first token and
frame to the last ones (dynamic time warping).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from actors.families.whisper.segments import SECONDS_PER_FRAME
from actors.requests import Word

Decode = Callable[[list[int]], str]

_SAMPLES_PER_MEL_FRAME = 160
_MAX_FRAMES = 1500

# Languages without spaces between words, where every character is one.
_WITHOUT_SPACES = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
_REPLACEMENT = "\ufffd"
_PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_BEFORE_A_WORD = "\"'“¡¿([{-"
_BEHIND_A_WORD = "\"'.。,，!！?？:：”)]}、"  # noqa: RUF001 - of Chinese and Japanese


def audio_frames(samples: int) -> int:
    """Return how many of a window's 1500 encoder frames hear ``samples`` of 16 kHz: attention is cropped to these.

    transformers crops to half of the mel frames that the feature extractor's ``attention_mask`` marks.
    """
    return min(_MAX_FRAMES, -(-samples // _SAMPLES_PER_MEL_FRAME) // 2)


# --- times of tokens ------------------------------------------------------------------------------------------------------


def token_times(attention: np.ndarray, *, median_width: int = 7) -> np.ndarray:
    """Return where each token ends and the next one begins, from cross-attention.

    Which rows: transformers takes the attention of the steps that run the answer's tokens, times and texts, as input. The
    prompt is left out, and the token that ends an answer is never run. The step that runs a token chooses the next one, so
    its row says where the next one begins. The first row's time is always 0: it is ``<|0.00|>``'s where an answer has times. Where
    it has none, it is the first text's, whose word has no length in transformers; openai's gives the row of the last prompt
    token too, which is this function with one more row in front and without the first time of the result.

    A frame on which no token differs from another says nothing here; transformers divides by zero.

    Args:
        attention: weights of the alignment heads, floats ``[heads, tokens, frames]``, of the frames that hear audio
            (:func:`audio_frames`).
        median_width: of the filter along the frames; odd.

    Returns:
        float64 ``[tokens]``, seconds from the window's start, in steps of 20 ms, that do not go back.
    """
    heads, tokens, frames = attention.shape
    if not tokens or not frames:
        return np.zeros(tokens)
    total = np.zeros((tokens, frames), np.float32)
    for head in attention:  # one by one: all of them would not stay in the cache
        total += _median_filter(_standardise(head.astype(np.float32)), median_width)
    return _first_frames(total / np.float32(-heads)) * SECONDS_PER_FRAME


def _standardise(weights: np.ndarray) -> np.ndarray:
    """Bring each frame of ``[tokens, frames]`` to mean 0 and standard deviation 1 over the tokens, in place."""
    weights -= weights.mean(axis=0)
    deviation = np.sqrt(np.square(weights).mean(axis=0))
    deviation[deviation == 0] = np.inf
    weights /= deviation
    return weights


def _median_filter(values: np.ndarray, width: int) -> np.ndarray:
    """Return the medians of ``width`` frames around each of ``[tokens, frames]``, which is mirrored at its edges."""
    margin, frames = width // 2, values.shape[1]
    if frames <= margin:
        return values
    padded = np.pad(values, ((0, 0), (margin, margin)), mode="reflect")
    return _median([padded[:, i : i + frames] for i in range(width)])


def _median(values: Sequence[np.ndarray]) -> np.ndarray:
    """Return the medians of an odd number of arrays, element by element.

    Of half of them and two more, neither the least nor the greatest is the median: both are dropped, and the next one comes in.
    This is many times faster than sorting each element's few values.
    """
    enough = len(values) // 2 + 2
    kept, rest = list(values[:enough]), list(values[enough:])
    while len(kept) > 2:
        for i in range(1, len(kept)):
            kept[0], kept[i] = np.minimum(kept[0], kept[i]), np.maximum(kept[0], kept[i])
        for i in range(1, len(kept) - 1):
            kept[i], kept[-1] = np.minimum(kept[i], kept[-1]), np.maximum(kept[i], kept[-1])
        kept = kept[1:-1] + rest[:1]
        del rest[:1]
    return kept[0]


def _first_frames(cost: np.ndarray) -> np.ndarray:
    """Return on which frame the cheapest path through ``cost``, float32 ``[tokens, frames]``, comes to each token.

    int64 ``[tokens]``. As in transformers' ``_dynamic_time_warping``, sums are float32, and of equal ways the one along the
    frames is gone. All cells of an anti-diagonal are computed at once: ``total[i + j, i]`` is the cost up to token ``i`` and frame
    ``j``, counted from 1.
    """
    tokens, frames = cost.shape
    total = np.empty((tokens + frames + 1, tokens + 1), np.float32)
    total[:2] = total[:, 0] = np.inf
    total[0, 0] = 0
    cells = np.full((tokens + frames + 1, tokens), np.inf, np.float32)
    step, item = cells.strides
    np.lib.stride_tricks.as_strided(cells[2:], (frames, tokens), (step, step + item))[...] = cost.T
    equal = np.empty(tokens, bool)
    ways = zip(total[:, :-1], total[1:, :-1], total[1:, 1:], cells[2:], total[2:, 1:], strict=False)
    for both, token, frame, cell, out in ways:
        np.minimum(both, token, out=out)
        np.minimum(out, frame, out=out)
        np.equal(both, token, out=equal)
        np.copyto(out, frame, where=equal)  # the other two are equal: neither is gone
        np.add(out, cell, out=out)
    return _trace_back(total, tokens, frames)


def _trace_back(total: np.ndarray, i: int, j: int) -> np.ndarray:
    """Go from token ``i`` and frame ``j`` back to the start; return the first frame of each token."""
    first, at = np.empty(i, np.int64), total.item
    while i:
        both, token, frame = at(i + j - 2, i - 1), at(i + j - 1, i - 1), at(i + j - 1, i)
        if min(both, token) < frame and both != token:
            i -= 1
            first[i] = j - 1
            j -= both < token
        else:
            j -= 1
    return first


# --- words ----------------------------------------------------------------------------------------------------------------


class Piece(NamedTuple):
    """A part of a text, made of the tokens from ``first`` to before ``stop``."""

    text: str
    first: int
    stop: int

    def and_then(self, following: "Piece") -> "Piece":
        """Return this piece and the one that follows it as one."""
        return Piece(self.text + following.text, self.first, following.stop)


def words_of(
    tokens: Sequence[int],
    times: Sequence[float] | np.ndarray,
    logprobs: Sequence[float],
    *,
    eos_id: int,
    decode: Decode,
    language: str | None,
) -> list[Word]:
    """Make words of an answer's tokens.

    A word goes from where the token before its first one ends to where its last one does: from the window's start for the very
    first. Its probability is the mean of its tokens'. Times and special tokens are no words, and no word goes across them.

    Args:
        tokens: the answer, without the prompt and the token that ended it.
        times: where each of them ends, in seconds (:func:`token_times`). One may be missing: the last token of an answer that
            was cut was never run, and ends where the one before does.
        logprobs: of each of them.
        eos_id: what is below it is text.
        decode: tokens of texts to a text, with U+FFFD for bytes that are no character.
        language: the code of what is spoken. Languages without spaces have a word for each character; ``None`` has spaces.

    Returns:
        The words in order, with the space before them: together they are the text.
    """
    ends = [float(time) for time in times]
    ends += ends[-1:] or [0.0]
    words = []
    for first, stop in _texts(tokens, eos_id):
        for text, start, end in split_words(tokens[first:stop], decode, language):
            probability = sum(map(math.exp, logprobs[first + start : first + end])) / (end - start)
            begin = ends[first + start - 1] if first + start else 0.0
            words.append(Word(begin, ends[first + end - 1], text, probability))
    return words


def _texts(tokens: Sequence[int], eos_id: int) -> Iterator[tuple[int, int]]:
    """Yield where texts begin and end between times and special tokens."""
    edges = [-1, *(i for i, token in enumerate(tokens) if token >= eos_id), len(tokens)]
    return ((before + 1, edge) for before, edge in zip(edges, edges[1:], strict=False) if edge - before > 1)


def split_words(tokens: Sequence[int], decode: Decode, language: str | None) -> list[Piece]:
    """Combine tokens of a text into words, with the punctuation before and behind (``_combine_tokens_into_words``)."""
    pieces = _characters(tokens, decode)
    if language not in _WITHOUT_SPACES:
        pieces = _spaced(pieces)
    return _with_what_is_behind(_with_what_is_before(pieces))


def _characters(tokens: Sequence[int], decode: Decode) -> list[Piece]:
    """Combine tokens until they are whole characters (``_split_tokens_on_unicode``)."""
    whole, offset, first = decode(list(tokens)), 0, 0
    pieces = []
    for stop in range(1, len(tokens) + 1):
        text = decode(list(tokens[first:stop]))
        broken = text.find(_REPLACEMENT)
        # A character that is broken in the whole text too does not become one.
        if broken < 0 or whole[offset + broken : offset + broken + 1] in ("", _REPLACEMENT):
            pieces.append(Piece(text, first, stop))
            first = stop
            offset += len(text)
    return pieces


def _spaced(pieces: Sequence[Piece]) -> list[Piece]:
    """Combine pieces up to the next space or punctuation (``_split_tokens_on_spaces``)."""
    words: list[Piece] = []
    for piece in pieces:
        if not words or piece.text.startswith(" ") or piece.text.strip() in _PUNCTUATION:
            words.append(piece)
        else:
            words[-1] = words[-1].and_then(piece)
    return words


def _with_what_is_before(pieces: Sequence[Piece]) -> list[Piece]:
    """Give opening punctuation to the word behind it (``_merge_punctuations``)."""
    words: list[Piece] = []
    for piece in reversed(pieces):
        if words and piece.text.startswith(" ") and piece.text.strip() in _BEFORE_A_WORD:
            words[-1] = piece.and_then(words[-1])
        else:
            words.append(piece)
    return words[::-1]


def _with_what_is_behind(pieces: Sequence[Piece]) -> list[Piece]:
    """Give closing punctuation to the word before it (``_merge_punctuations``)."""
    words: list[Piece] = []
    for piece in pieces:
        if words and not words[-1].text.endswith(" ") and piece.text in _BEHIND_A_WORD:
            words[-1] = words[-1].and_then(piece)
        else:
            words.append(piece)
    return words

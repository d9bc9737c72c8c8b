"""Cuts what was heard in a window into segments, where the model says that one ends.

Source: openai/whisper ``transcribe.py:transcribe``, which transformers' ``_retrieve_segment`` follows. An answer is
``<|0.00|> Hello.<|1.20|><|1.20|> And …``: two times after each other are an end and a start.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

SECONDS_PER_FRAME = 0.02  # of a timestamp token, and of the encoder: openai/whisper audio.py, TOKENS_PER_SECOND


@dataclass(frozen=True)
class WindowSegment:
    """A stretch of speech in a window: seconds from the window's start, all of its tokens with the times, and its text.

    The text has the space before its first word.
    """

    start: float
    end: float
    tokens: tuple[int, ...]
    text: str


def segments_of(
    tokens: Sequence[int],
    *,
    timestamp_begin: int,
    eos_id: int,
    duration_s: float,
    decode: Callable[[list[int]], str],
) -> tuple[list[WindowSegment], float | None]:
    """Cut an answer into segments.

    Segments without a text, or that end where they start, are left out. An end may lie behind the window's: it is the model's.

    Args:
        tokens: the answer, without the prompt and the token that ended it. Without times it is one segment.
        timestamp_begin: ``<|0.00|>``.
        eos_id: what is below it is text.
        duration_s: how much of the window is audio, in seconds.
        decode: tokens of texts to a text.

    Returns:
        The segments in order, and where the next window begins, in seconds from this one's start: where the last complete
        segment ends, if another one was begun behind it, which is then left out. ``None``: this window was heard to its end.
    """
    spans, seek = _cut(tokens, timestamp_begin, duration_s)
    segments = []
    for start, end, part in spans:
        text = decode([token for token in part if token < eos_id])
        if start != end and text.strip():
            segments.append(WindowSegment(start, end, tuple(part), text))
    return segments, seek


def _cut(
    tokens: Sequence[int], timestamp_begin: int, duration_s: float
) -> tuple[list[tuple[float, float, Sequence[int]]], float | None]:
    """Return start, end and tokens of the segments, and where the next window begins."""
    is_time = [token >= timestamp_begin for token in tokens]
    cuts = [i for i in range(1, len(tokens)) if is_time[i - 1] and is_time[i]]
    if not cuts:
        return [(0.0, _end(tokens, timestamp_begin, duration_s), tokens)], None
    ends_once = is_time[-2:] == [False, True]  # nobody speaks behind the last time
    if ends_once:
        cuts.append(len(tokens))
    spans = []
    for first, stop in zip([0, *cuts], cuts, strict=False):
        start, end = tokens[first] - timestamp_begin, tokens[stop - 1] - timestamp_begin
        spans.append((start * SECONDS_PER_FRAME, end * SECONDS_PER_FRAME, tokens[first:stop]))
    seek = spans[-1][1]
    # A window that begins where this one did would be heard for ever.
    return spans, seek if not ends_once and 0 < seek < duration_s else None


def _end(tokens: Sequence[int], timestamp_begin: int, duration_s: float) -> float:
    """Return where an answer without two times after each other ends: at its last time, unless that is 0."""
    last = next((token for token in reversed(tokens) if token >= timestamp_begin), timestamp_begin)
    return (last - timestamp_begin) * SECONDS_PER_FRAME if last > timestamp_begin else duration_s

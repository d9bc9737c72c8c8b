"""What an engine is asked for and what it gives back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from actors.errors import RequestError
from actors.text.sentences import Sentence


@dataclass(frozen=True)
class SynthesisRequest:
    """One text to speak. Exactly one of ``text`` and ``token_ids`` is given.

    Attributes:
        id: names the row; together with ``seed`` it fixes every random number.
        text: what to say; normalised and cut into chunks by the model's own front end.
        token_ids: a whole prompt in the model's own ids, used as it is (one chunk).
        voice: one of the bundle's voices; ``None`` is the bundle's first.
        seed: the job's seed.
        noise: the random numbers of the model's loop, one row per frame, used as they are instead of ``seed``.
        options: settings of the loop by name; unknown ones are errors.
        sentences: those of ``text``, if :class:`actors.text.Normaliser` read it: chunks are made of them, and the model's own
            front end is given each by itself.
    """

    id: str
    text: str | None = None
    token_ids: list[int] | None = None
    voice: str | None = None
    seed: int = 0
    noise: np.ndarray | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    sentences: Sequence[Sentence] | None = None


@dataclass(frozen=True)
class TextChunk:
    """A piece of the text, where it is in the audio, in seconds, and whether it ended by itself (``eos``) or by ``length``.

    ``text`` is what is spoken, ``written`` what stood there in its place, if the request had sentences.
    """

    text: str
    start_s: float
    end_s: float
    finish_reason: str = "eos"
    written: str | None = None


@dataclass(frozen=True)
class SynthesisResult:
    """Speech for one request.

    Attributes:
        id: of the request.
        audio: float32 mono ``[samples]``.
        sample_rate: in Hz.
        frames: how many frames (audio tokens) the audio was made from.
        finish_reason: ``eos``, or ``length`` if any chunk reached the longest allowed length; the chunks say which.
        chunks: the spoken pieces in order.
        trace: the loop's arrays by name, if asked for, chunks joined along the first axis.
    """

    id: str
    audio: np.ndarray
    sample_rate: int
    frames: int
    finish_reason: str
    chunks: tuple[TextChunk, ...]
    trace: Mapping[str, np.ndarray] | None = None


@dataclass(frozen=True)
class Segment:
    """A stretch of speech: who said what, from when to when. Seconds from the start of the audio.

    ``speaker`` is the model's label, which means nothing beyond one file; ``None`` where nobody speaks.
    """

    start: float
    end: float
    speaker: str | None
    text: str


@dataclass(frozen=True)
class Word:
    """A word as it was heard, with what is written before and behind it, in seconds from the start of the audio.

    ``probability`` is the model's own, the mean of its tokens.
    """

    start: float
    end: float
    text: str
    probability: float


@dataclass(frozen=True)
class TranscriptionRequest:
    """One recording to transcribe.

    Attributes:
        id: names the row; it fixes the random numbers that get the model out of a loop.
        audio: float32 mono ``[samples]`` at the model's sample rate, as loud as it is; longer than the model can hear at once
            is cut at silences.
        context: what the model should know beforehand: names, hotwords, the topic.
        token_ids: a whole prompt in the model's own ids, one audio token for each frame; used as it is.
        options: settings of the loop by name; unknown ones are errors.
    """

    id: str
    audio: np.ndarray
    context: str | None = None
    token_ids: list[int] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TranscriptionResult:
    """What was said in one recording.

    Attributes:
        id: of the request.
        text: the words of all segments.
        segments: in order of time. Where the audio was cut, a speaker's label begins with the number of the piece: the model
            counts speakers anew in each.
        duration_s: of the audio, in seconds.
        frames: how many tokens the model wrote.
        finish_reason: ``eos``; ``length`` or ``loop`` if the answer to any piece of the audio was cut short for that;
            ``silence`` if nobody speaks in any, so that the model was not asked.
        coverage: where the last segment ends, as a share of the duration.
        unreadable: answers that hold no transcript, as they are.
        language: the code of the language that is spoken, where the family says it.
        words: with their times, in order, if the request asks for them.
        avg_logprob: the mean log probability of the answer's tokens, where the family says it.
        trace: the loop's arrays by name, if asked for, pieces joined along the first axis.
    """

    id: str
    text: str
    segments: tuple[Segment, ...]
    duration_s: float
    frames: int
    finish_reason: str
    coverage: float
    unreadable: tuple[str, ...]
    language: str | None = None
    words: tuple[Word, ...] = ()
    avg_logprob: float | None = None
    trace: Mapping[str, np.ndarray] | None = None


def check_token_ids(ids: np.ndarray, vocab_size: int) -> None:
    """Raise ``RequestError`` unless all of a request's token ids, of which there is one or more, are of the vocabulary."""
    if ids.min() < 0 or ids.max() >= vocab_size:
        raise RequestError(f"token ids must be in 0 .. {vocab_size - 1}")

"""A piece of a recording in Whisper's loop: what was written of it so far, and how good that is."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from actors.audio.mono import FloatArray
from actors.families.whisper.fallback import Thresholds
from actors.families.whisper.rules import avg_logprob
from actors.families.whisper.settings import Options
from actors.hearing import HeardUtterance
from actors.requests import Word
from actors.sampling import row_generator


@dataclass
class Recording:
    """What all pieces of a recording share: its language, once it is known."""

    language: str | None


@dataclass
class Written:
    """What was made of the parts of a piece that were heard before: a piece may take several windows."""

    texts: list[str] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)


@dataclass(kw_only=True)
class Utterance(HeardUtterance[Options]):
    """One piece of a recording, or what is left of it, in the loop.

    Attributes:
        recording: what it shares with the others.
        previous: tokens of what the model is told beforehand.
        rate: samples in a second.
        frames: of the window, 20 ms each.
        no_speech_prob: the model's, before it writes.
        attempt: which of the temperatures is tried.
        logprobs: of the answer's tokens, and of the one that ended it.
        attention: float32 ``[alignment_heads, frames]`` for each token that was run, if words get times.
        begin_s: where in the piece this part of it begins.
        before: what was written of the parts before.
        logits: grow with ``tokens`` if traced.
    """

    recording: Recording
    previous: Sequence[int]
    rate: int
    frames: int
    no_speech_prob: float = 0.0
    attempt: int = 0
    logprobs: list[float] = field(default_factory=list)
    attention: list[np.ndarray] = field(default_factory=list)
    begin_s: float = 0.0
    before: Written = field(default_factory=Written)
    logits: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._generator = row_generator(0, self.request.id, self.index, 0)

    @property
    def samples(self) -> int:
        """Of the piece."""
        return sum(stop - first for first, stop in self.spans)

    @property
    def audio(self) -> FloatArray:
        """What the model hears: ``[samples]`` of the piece from :attr:`begin_s` on."""
        return super().audio[round(self.begin_s * self.rate) :]

    @property
    def cost(self) -> int:
        """The samples to hear. A first piece whose language the others wait for goes before all of them."""
        return self.samples + (1 << 40 if self.recording.language is None and not self.index else 0)

    @property
    def temperature(self) -> float:
        """Of the attempt."""
        return self.options.temperatures[self.attempt]

    @property
    def is_last_attempt(self) -> bool:
        """Whether there is no other temperature to try."""
        return self.attempt + 1 >= len(self.options.temperatures)

    @property
    def thresholds(self) -> Thresholds:
        """By which the answer is judged."""
        options = self.options
        return Thresholds(options.compression_ratio_threshold, options.logprob_threshold, options.no_speech_threshold)

    @property
    def avg_logprob(self) -> float:
        """The answer's mean log probability."""
        return avg_logprob(self.logprobs, self.tokens)

    def uniform(self) -> float:
        """Return the random number of the next token; none is spent at temperature 0."""
        return float(self._generator.random()) if self.temperature else 0.0

    def restart(self) -> None:
        """Forget the answer and write it at the next temperature."""
        del self.logits[max(0, len(self.logits) - len(self.logprobs)) :]  # those of the parts before stay
        for made in (self.tokens, self.logprobs, self.attention):
            made.clear()
        self.attempt += 1
        self._generator = row_generator(0, self.request.id, self.index, self.attempt)

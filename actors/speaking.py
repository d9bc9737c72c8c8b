"""What all families that speak have in common: from a request to chunks in the loop, and from spoken chunks to a result."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Generic, TypeVar

import numpy as np
from pydantic import Field

from actors.bundle import Bundle, Manifest
from actors.errors import NotFiniteError, RequestError
from actors.finite import BLAME
from actors.requests import SynthesisRequest, SynthesisResult, TextChunk, check_token_ids
from actors.sampling import row_generator
from actors.settings import FamilyOptions, ParsedOptions
from actors.text import Pause, Sentence, pack_sentences

_MEASURED = 256  # texts that are about to be measured again, or spoken


class SpeakingOptions(FamilyOptions):
    """What a request to any family may set.

    Attributes:
        pause_s: silence between the chunks of a long text, in seconds; of a request with sentences not within one.
        paragraph_pause_s: after a paragraph, at least ``pause_s``.
        section_pause_s: after a section, at least what is after a paragraph.
    """

    pause_s: Annotated[float, Field(ge=0, le=10)] = 0.0
    paragraph_pause_s: Annotated[float, Field(ge=0, le=10)] = 0.5
    section_pause_s: Annotated[float, Field(ge=0, le=10)] = 1.0

    def silence_s(self, pause: Pause) -> float:
        """Return the silence at a pause, in seconds."""
        asked = {Pause.SENTENCE: self.pause_s, Pause.PARAGRAPH: self.paragraph_pause_s, Pause.SECTION: self.section_pause_s}
        return max((seconds for kind, seconds in asked.items() if kind <= pause), default=0.0)


@dataclass(frozen=True)
class Prompt:
    """What the loop speaks at a time.

    Attributes:
        text: as it is spoken; empty if the request brought ``token_ids``.
        ids: the token ids that stand for it.
        source: what of a request's sentences it is; ``None`` if it has none.
    """

    text: str
    ids: Sequence[int]
    source: Sentence | None = None


PromptT = TypeVar("PromptT", bound=Prompt)
OptionsT = TypeVar("OptionsT", bound=SpeakingOptions)


@dataclass(kw_only=True)
class SpokenUtterance(ABC, Generic[OptionsT]):
    """One chunk of a request in a family's loop.

    Attributes:
        request: whose chunk it is.
        index: of the chunk, from 0.
        text: as it is spoken; empty if the request brought ``token_ids``.
        prompt: the token ids that stand for it, int64 ``[tokens]``.
        options: the request's.
        trace: whether the loop's arrays are kept.
        source: see :class:`Prompt`.
        finish_reason: ``eos`` or ``length`` when the loop has ended.
        error: why a step went wrong.
        audio: float32 ``[samples]`` when it is finished.
    """

    request: SynthesisRequest
    index: int
    text: str
    prompt: np.ndarray
    options: OptionsT
    trace: bool
    source: Sentence | None = None
    finish_reason: str | None = None
    error: NotFiniteError | None = None
    audio: np.ndarray | None = None

    def __post_init__(self) -> None:
        self._generator = row_generator(self.request.seed, self.request.id, self.index)

    @property
    def cost(self) -> int:
        """The prompt's length: speech is about as long as its text."""
        return len(self.prompt)

    @property
    def done(self) -> bool:
        """Whether the end or the longest length was reached, or a step went wrong."""
        return self.finish_reason is not None or self.error is not None

    @property
    @abstractmethod
    def frames(self) -> int:
        """How many frames (audio tokens) the loop has made."""


UtteranceT = TypeVar("UtteranceT", bound=SpokenUtterance[Any])


class SpeakingModel(ABC, Generic[OptionsT, UtteranceT]):
    """The part of a speaking model that runs no graph; the loop is the family's.

    Args:
        bundle: its bundle.
        slots: how many utterances its loop runs together.
        parse_options: the family's.

    Attributes:
        voices_come_from: how a bundle without voices gets one, for the error.
    """

    voices_come_from: ClassVar[str] = "export it again"

    def __init__(self, bundle: Bundle, slots: int, parse_options: Callable[[Manifest, Mapping[str, Any]], OptionsT]) -> None:
        self.bundle = bundle
        self.slots = slots
        self.sample_rate = bundle.manifest.sample_rate
        self.voices = tuple(bundle.manifest.voices)
        self._options = ParsedOptions(bundle.manifest, parse_options)

    def _choose_voice(self, name: str | None) -> str:
        """Return the voice of that name; of none, the bundle's first.

        Raises:
            RequestError: the model has no such voice, or none at all.
        """
        if not self.voices:
            raise RequestError(f"this model has no voice: {self.voices_come_from}")
        if name is not None and name not in self.voices:
            raise RequestError(f"unknown voice {name!r}: this model has {', '.join(self.voices)}")
        return self.voices[0] if name is None else name

    def join(self, request: SynthesisRequest, utterances: Sequence[UtteranceT]) -> SynthesisResult:
        """Put the chunks of a text one after the other with the asked-for pauses between."""
        audio, chunks = join_chunks(utterances, self.sample_rate)
        return SynthesisResult(
            id=request.id,
            audio=audio,
            sample_rate=self.sample_rate,
            frames=sum(utterance.frames for utterance in utterances),
            finish_reason="length" if any(u.finish_reason == "length" for u in utterances) else "eos",
            chunks=chunks,
            trace=self._trace(utterances) if utterances[0].trace else None,
        )

    @abstractmethod
    def _trace(self, utterances: Sequence[UtteranceT]) -> dict[str, np.ndarray]:
        """Return the loop's arrays by name, those of the utterances joined along the first axis."""


def text_of(request: SynthesisRequest) -> str:
    """Return the text of a request that brings no token ids; raise ``RequestError`` if it has none either."""
    if request.text is None:
        raise RequestError("a request needs either text or token_ids")
    return request.text


def prompts_of(
    request: SynthesisRequest,
    *,
    cut: Callable[[str], Sequence[PromptT]],
    read: Callable[[str], PromptT | None],
    fits: Callable[[PromptT], bool],
    short: Callable[[PromptT], bool] = lambda _: False,
    alone: bool = False,
) -> Sequence[PromptT]:
    """Return the prompts of a request that brings no token ids: of its sentences, else of its text.

    Args:
        request: what to say.
        cut: what the family makes of a whole text.
        read: what it makes of a chunk of sentences; ``None`` if it leaves nothing of it.
        fits: whether its loop can speak that in one go.
        short: whether that is too little to be spoken alone.
        alone: whether sentences are spoken one at a time, but for short ones.

    Raises:
        RequestError: there is nothing to speak.
    """
    sentences = request.sentences
    prompts = cut(text_of(request)) if sentences is None else _read_sentences(sentences, read, fits, short, alone)
    check_speakable(prompt.text for prompt in prompts)
    return prompts


def _read_sentences(
    sentences: Sequence[Sentence],
    read: Callable[[str], PromptT | None],
    fits: Callable[[PromptT], bool],
    short: Callable[[PromptT], bool],
    alone: bool,
) -> list[PromptT]:
    """Return the prompts of sentences. One of which nothing is left gives its pause to what is before it."""
    read = lru_cache(_MEASURED)(read)

    def measured(test: Callable[[PromptT], bool]) -> Callable[[str], bool]:
        return lambda text: (prompt := read(text)) is None or test(prompt)

    prompts: list[PromptT] = []
    for chunk in pack_sentences(sentences, measured(fits), measured(short), alone=alone):
        if prompt := read(chunk.spoken):
            prompts.append(replace(prompt, source=chunk))
        elif prompts and (last := prompts[-1].source):
            prompts[-1] = replace(prompts[-1], source=replace(last, pause=max(last.pause, chunk.pause)))
    return prompts


def check_speakable(texts: Iterable[str]) -> None:
    """Raise ``RequestError`` if the chunks of a text have no letter and no number."""
    if not any(character.isalnum() for text in texts for character in text):
        raise RequestError("the text has nothing to speak: no letter or number is left after normalisation")


def check_prompt(ids: Sequence[int], vocab_size: int, longest: int, condition: str = "") -> np.ndarray:
    """Return token ids as int64 ``[tokens]``.

    Args:
        ids: of a chunk.
        vocab_size: what they are below.
        longest: how many there may be.
        condition: what ``longest`` depends on, for the error.

    Raises:
        RequestError: there are none, too many, or unknown ones.
    """
    prompt = np.asarray(ids, np.int64)
    if not 0 < len(prompt) <= longest:
        raise RequestError(f"a prompt has 1 to {longest} tokens{condition}, this one has {len(prompt)}")
    check_token_ids(prompt, vocab_size)
    return prompt


def frames_of_noise(noise: np.ndarray | None, shape: tuple[int, ...]) -> int | None:
    """Return how many frames a request's noise is for; ``None`` if it has none.

    Raises:
        RequestError: it is not an array of ``shape`` for each of one frame or more.
    """
    if noise is None:
        return None
    if noise.shape[1:] != shape or not len(noise):
        raise RequestError(f"noise has shape {list(noise.shape)}: it needs one of {list(shape)} per frame")
    return len(noise)


def check_audio(audio: np.ndarray, chunk: int) -> None:
    """Check what a decoder made of a chunk's frames, ``[samples]``.

    Raises:
        NotFiniteError: it has samples that are no numbers.
    """
    if not np.isfinite(audio).all():
        broken = int(np.argmin(np.isfinite(audio)))
        raise NotFiniteError(f"the decoder's audio is NaN or infinite at sample {broken} of chunk {chunk + 1}: {BLAME}")


def join_chunks(utterances: Sequence[SpokenUtterance[Any]], sample_rate: int) -> tuple[np.ndarray, tuple[TextChunk, ...]]:
    """Return the audio of finished utterances with their pauses between, float32 ``[samples]``, and where each is in it."""
    parts: list[np.ndarray] = []
    places: list[TextChunk] = []
    position = pause = 0  # in samples
    for utterance in utterances:
        if utterance.audio is None or utterance.finish_reason is None:
            raise AssertionError("an utterance is joined after it was finished")
        parts += (np.zeros(pause, np.float32), utterance.audio)
        position += pause
        end = position + len(utterance.audio)
        source = utterance.source
        written = source.written if source else None
        places.append(TextChunk(utterance.text, position / sample_rate, end / sample_rate, utterance.finish_reason, written))
        position = end
        pause = round(utterance.options.silence_s(source.pause if source else Pause.SENTENCE) * sample_rate)
    return np.concatenate(parts), tuple(places)

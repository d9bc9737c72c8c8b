"""What all families that hear have in common: from a recording to pieces in the loop, and from answers to a transcript."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, TypeVar

import numpy as np
from pydantic import Field

from actors.audio.mono import FloatArray, blocks, release
from actors.audio.vad import SilenceCutter, Span, join_spans, place
from actors.bundle import Bundle, Manifest
from actors.errors import NotFiniteError, RequestError
from actors.requests import Segment, TranscriptionRequest, TranscriptionResult
from actors.settings import FamilyOptions, ParsedOptions

SILENCE = "silence"  # how a piece ends in which nobody speaks: the model is not asked, or says so itself
_FINISH_REASONS = ("loop", "length", "eos", SILENCE)  # the worst first

_CHECKED = 1 << 20  # samples that are looked at together


class HearingOptions(FamilyOptions):
    """What a request to any family may set.

    Attributes:
        max_chunk_s: longer audio is cut at silences into pieces of at most this many seconds.
        vad: leave out pieces in which the detector hears nobody; without it only digital silence is left out.
    """

    max_chunk_s: Annotated[float, Field(ge=1)]
    vad: bool = True

    def check_longest(self, longest_s: float) -> None:
        """Raise ``RequestError`` if pieces may be longer than the ``longest_s`` seconds that a model hears at once."""
        if self.max_chunk_s > longest_s:
            raise RequestError(f"max_chunk_s {self.max_chunk_s} is more than the {longest_s:g} s that this model hears at once")


OptionsT = TypeVar("OptionsT", bound=HearingOptions)


@dataclass(kw_only=True)
class HeardUtterance(ABC, Generic[OptionsT]):
    """One piece of a recording in a family's loop.

    Attributes:
        request: whose piece it is.
        index: of the piece, from 0.
        spans: the samples of the recording that the model hears, one behind the other.
        options: the request's.
        trace: whether the loop's arrays are kept.
        tokens: the answer without its end.
        finish_reason: ``eos``, ``length``, ``loop`` or ``silence`` when the loop has ended.
        error: why a step went wrong.
        answer: the tokens' text when it is finished.
        segments: what the answer says, in seconds from the start of what was heard; ``None`` if it is no transcript.
    """

    request: TranscriptionRequest
    index: int
    spans: Sequence[Span]
    options: OptionsT
    trace: bool
    tokens: list[int] = field(default_factory=list)
    finish_reason: str | None = None
    error: NotFiniteError | None = None
    answer: str = ""
    segments: list[Segment] | None = None

    @property
    def audio(self) -> FloatArray:
        """What the model hears, ``[samples]``."""
        return join_spans(self.request.audio, self.spans)

    @property
    @abstractmethod
    def cost(self) -> int:
        """An estimate of how long the answer will be, in any unit."""

    @property
    def done(self) -> bool:
        """Whether the answer has ended, or a step went wrong."""
        return self.finish_reason is not None or self.error is not None


UtteranceT = TypeVar("UtteranceT", bound=HeardUtterance[Any])


class HearingModel(ABC, Generic[OptionsT, UtteranceT]):
    """The part of a hearing model that runs no graph of its own; the loop is the family's.

    A piece in which nobody speaks comes to ``prefill`` and ``finish`` done, by :data:`SILENCE`: they leave it as it is.

    Args:
        bundle: its bundle.
        slots: how many utterances its loop runs together.
        parse_options: the family's.
    """

    def __init__(self, bundle: Bundle, slots: int, parse_options: Callable[[Manifest, Mapping[str, Any]], OptionsT]) -> None:
        self.bundle = bundle
        self.slots = slots
        self.sample_rate = bundle.manifest.sample_rate
        self._options = ParsedOptions(bundle.manifest, parse_options)
        self._cutter = SilenceCutter()

    def prepare(self, request: TranscriptionRequest, trace: bool) -> list[UtteranceT]:
        """Cut a recording at silences into pieces that the model can hear at once; one in which nobody speaks is done.

        Raises:
            RequestError: no audio, samples that are no numbers, an unknown option, a prompt that does not fit.
        """
        options = self._options(request.options)
        audio = request.audio
        check_recording(audio)
        if request.token_ids is not None:
            return [self._utterance(request, 0, [(0, len(audio))], options, trace)]
        utterances = []
        for index, (spans, is_heard) in enumerate(self._pieces(audio, options)):
            utterance = self._utterance(request, index, spans, options, trace)
            if not is_heard:
                utterance.finish_reason, utterance.segments = SILENCE, []
            utterances.append(utterance)
        return utterances

    def join(self, request: TranscriptionRequest, utterances: Sequence[UtteranceT]) -> TranscriptionResult:
        """Put the pieces of a recording back to their places in time."""
        is_whole = len(utterances) == 1
        segments = tuple(segment for utterance in utterances for segment in self._in_place(utterance, is_whole=is_whole))
        duration_s = len(request.audio) / self.sample_rate
        reasons = {utterance.finish_reason for utterance in utterances}
        return TranscriptionResult(
            id=request.id,
            text=plain_text(segments),
            segments=segments,
            duration_s=duration_s,
            frames=sum(len(utterance.tokens) for utterance in utterances),
            finish_reason=next(reason for reason in _FINISH_REASONS if reason in reasons),
            coverage=max((segment.end for segment in segments), default=0.0) / duration_s,
            unreadable=tuple(utterance.answer for utterance in utterances if utterance.segments is None),
            trace=self._trace(utterances) if utterances[0].trace else None,
        )

    @abstractmethod
    def _utterance(
        self, request: TranscriptionRequest, index: int, spans: Sequence[Span], options: OptionsT, trace: bool
    ) -> UtteranceT:
        """Return what hears the ``spans`` of a recording that are its piece ``index``.

        Raises:
            RequestError: its prompt does not fit.
        """

    @abstractmethod
    def _trace(self, utterances: Sequence[UtteranceT]) -> dict[str, np.ndarray]:
        """Return the loop's arrays by name, those of the utterances joined along the first axis."""

    def _pieces(self, audio: FloatArray, options: OptionsT) -> Iterator[tuple[Sequence[Span], bool]]:
        """Yield the spans of each piece of a recording, of which there is one or more, and whether anybody speaks in it."""
        pieces = self._cutter.cut(audio, self.sample_rate, int(options.max_chunk_s * self.sample_rate))
        for piece in pieces:
            heard = self._heard(audio, piece, options, is_whole=len(pieces) == 1)
            yield heard or [piece], bool(heard)

    def _heard(self, audio: FloatArray, piece: Span, options: OptionsT, *, is_whole: bool) -> list[Span]:
        """Return the spans of a piece that are worth hearing; nothing if nobody speaks."""
        first, stop = piece
        heard = self._cutter.heard(audio[first:stop], self.sample_rate, detect=options.vad, trim=not is_whole)
        release(audio)
        return [(first + begin, first + end) for begin, end in heard]

    def _in_place(self, utterance: UtteranceT, *, is_whole: bool) -> list[Segment]:
        """The segments of a piece in the time of the recording; never beyond the piece."""
        prefix = "" if is_whole else f"{utterance.index + 1}-"
        return [
            Segment(
                start := self._place(utterance, segment.start, is_end=False),
                max(start, self._place(utterance, segment.end, is_end=True)),
                None if segment.speaker is None else prefix + segment.speaker,
                segment.text,
            )
            for segment in utterance.segments or []
        ]

    def _place(self, utterance: UtteranceT, seconds: float, *, is_end: bool) -> float:
        return place(utterance.spans, seconds * self.sample_rate, is_end=is_end) / self.sample_rate


def check_recording(audio: np.ndarray) -> None:
    """Raise ``RequestError`` unless a recording is float32 ``[samples]``, has one or more, and all are finite."""
    if audio.dtype != np.float32 or audio.ndim != 1:
        raise RequestError(f"audio must be float32 [samples], got {audio.dtype} {list(audio.shape)}")
    if not len(audio):
        raise RequestError("the audio has no samples")
    if not all(np.isfinite(block).all() for block in blocks(audio, _CHECKED)):
        raise RequestError("the audio has NaN or infinite samples")


def plain_text(segments: Iterable[Segment]) -> str:
    """Return the words of segments in their order."""
    return " ".join(segment.text for segment in segments if segment.text)

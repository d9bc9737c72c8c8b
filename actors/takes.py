"""Speaks a text, hears what was spoken, and speaks it again with other random numbers where too much of it is wrong."""

import hashlib
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from actors.audio.codec import resample
from actors.batching import Engine
from actors.errors import EngineClosedError, NotFiniteError, RequestError
from actors.plausibility import judge
from actors.requests import SynthesisRequest, SynthesisResult, TranscriptionRequest, TranscriptionResult
from actors.text import Normaliser
from actors.word_errors import WordErrors, compare, spoken_words

logger = logging.getLogger(__name__)

Voice = Engine[SynthesisRequest, Any, SynthesisResult]
Ear = Engine[TranscriptionRequest, Any, TranscriptionResult]

_KEPT_LANGUAGES = 32  # normalisers: rows may name any number
_CLOSED = "the worker was closed before this text was heard"
_FEWEST_ERRORS = 2  # one word that an ear mishears says nothing of a voice


@dataclass(frozen=True)
class Limits:
    """What is good enough.

    Attributes:
        takes: how often a text is spoken at most.
        threshold: word errors for each word, above which it is spoken again.
        longest_run: so many wrong words behind one another are too many, however long the text is.
    """

    takes: int
    threshold: float
    longest_run: int

    def exceeded(self, errors: WordErrors) -> bool:
        """Say whether too much is wrong. A single word is not, whatever the rate is."""
        return errors.longest_run >= self.longest_run or (errors.errors >= _FEWEST_ERRORS and errors.rate > self.threshold)


@dataclass(frozen=True)
class Take:
    """A text, spoken once and heard.

    Attributes:
        number: 0 is what is spoken first, with the row's own seed.
        result: what was spoken.
        heard: the ear's words; ``None`` if it heard nobody, or could not hear it.
        errors: of the words.
        exceeds: whether too many of them are wrong.
        bad: whether they are, or the speech cannot be that of its text for its length.
        spoken: how many takes there are of the text.
    """

    number: int
    result: SynthesisResult
    heard: str | None
    errors: WordErrors
    exceeds: bool
    bad: bool
    spoken: int = 1

    @property
    def rank(self) -> tuple[bool, int, int, int]:
        """The smaller, the better."""
        return self.bad, self.errors.errors, self.errors.longest_run, self.number


@dataclass
class _Row:
    """A text on its way through its takes."""

    request: SynthesisRequest
    language: str
    future: Future[Take]
    number: int = 0
    best: Take | None = None
    failure: NotFiniteError | None = None


class Takes:
    """Runs a voice and an ear at the same time: while one text is heard, others are spoken.

    Take 0 is what the voice alone would make of a request. The takes of a request depend on nothing but the request.

    Args:
        voice: an open engine that speaks; closed with this.
        ear: one that transcribes; closed with this.
        ear_rate: the sample rate in Hz that it hears.
        limits: what is good enough.
        ear_options: settings of the ear's loop.
        retake_options: settings of the voice's loop for all takes but the first, over those of a request.
    """

    def __init__(
        self,
        voice: Voice,
        ear: Ear,
        ear_rate: int,
        limits: Limits,
        ear_options: Mapping[str, Any],
        retake_options: Mapping[str, Any],
    ) -> None:
        self._voice, self._ear = voice, ear
        self._rate = ear_rate
        self._limits = limits
        self._ear_options, self._retake_options = ear_options, retake_options
        self._reader = lru_cache(_KEPT_LANGUAGES)(lambda language: Normaliser(language, markup=False))
        # Recordings are cut and words compared on a thread of their own: the engines' are to run models.
        self._listening = ThreadPoolExecutor(1, thread_name_prefix="speechmill-takes")

    def submit(self, request: SynthesisRequest, language: str) -> Future[Take]:
        """Queue a text and return at once; the future has its best take.

        Args:
            request: what to say, in words.
            language: the code of its language.

        Raises:
            RequestError: it cannot be spoken, and why.
            EngineClosedError: this was closed.
        """
        row = _Row(request, language, Future())
        self._speak(row)
        return row.future

    def close(self) -> None:
        """Stop both engines."""
        self._voice.close()
        self._ear.close()
        self._listening.shutdown(wait=False)

    def _speak(self, row: _Row) -> None:
        request = row.request
        if row.number:
            options = {**request.options, **self._retake_options}
            request = replace(request, seed=take_seed(request.seed, row.number), options=options)
        spoken = self._voice.submit(request)
        self._then(row, spoken, self._hear)

    def _hear(self, row: _Row, spoken: Future[SynthesisResult]) -> None:
        """Let the ear hear a take that has been spoken."""
        try:
            result = spoken.result()
        except NotFiniteError as error:
            row.failure = row.failure or error
            self._go_on(row)
            return
        if row.best is not None and np.array_equal(result.audio, row.best.result.audio):
            self._end(row)  # its random numbers change nothing: nor would others
            return
        try:
            audio = resample(result.audio, result.sample_rate, self._rate)
            heard = self._ear.submit(TranscriptionRequest(row.request.id, audio, options=self._ear_options))
        except RequestError as error:  # no sample, or nothing that an ear takes
            logger.debug("row %r cannot be heard: %s", row.request.id, error)
            self._judge(row, result, None)
        else:
            self._then(row, heard, lambda row, heard: self._judge(row, result, heard))

    def _judge(self, row: _Row, result: SynthesisResult, hearing: Future[TranscriptionResult] | None) -> None:
        """Count what is wrong with a take, and go on."""
        said, heard = row.request.text or "", _text_of(hearing)
        read = self._reader(row.language)
        errors = compare(spoken_words(said, read), spoken_words(heard or "", read))
        exceeds = self._limits.exceeded(errors) or (not heard and errors.words > 0)
        bad = exceeds or not len(result.audio) or judge(result, said)[1] is not None
        take = Take(row.number, result, heard, errors, exceeds, bad)
        row.best = min(row.best or take, take, key=lambda take: take.rank)
        self._go_on(row)

    def _go_on(self, row: _Row) -> None:
        """Speak a row again, or hand over its best take."""
        row.number += 1
        if row.number < self._limits.takes and (row.best is None or row.best.bad):
            self._speak(row)
        else:
            self._end(row)

    def _end(self, row: _Row) -> None:
        with suppress(InvalidStateError):  # cancelled meanwhile
            if row.best is not None:
                row.future.set_result(replace(row.best, spoken=max(row.number, 1)))
            else:
                row.future.set_exception(row.failure or EngineClosedError(_CLOSED))

    def _then(self, row: _Row, waiting: Future[Any], go_on: Callable[[_Row, Future[Any]], None]) -> None:
        """Go on with a row on the thread for that, once something is there."""

        def run(done: Future[Any]) -> None:
            try:
                go_on(row, done)
            except BaseException as error:  # noqa: BLE001 - whatever it is belongs to who waits for the row
                _fail(row, error)

        def hand_over(done: Future[Any]) -> None:
            try:
                self._listening.submit(run, done)
            except RuntimeError:  # it was closed
                _fail(row, EngineClosedError(_CLOSED))

        waiting.add_done_callback(hand_over)


def take_seed(seed: int, number: int) -> int:
    """Return the seed of a take after the first, of whose row that is ``seed``."""
    return int.from_bytes(hashlib.sha256(repr((seed, "take", number)).encode()).digest()[:8], "little", signed=True)


def _text_of(hearing: Future[TranscriptionResult] | None) -> str | None:
    """Return what was heard; ``None`` if that is nothing, or the ear computed what is no number."""
    try:
        return (hearing.result().text.strip() or None) if hearing else None
    except NotFiniteError:
        return None


def _fail(row: _Row, error: BaseException) -> None:
    with suppress(InvalidStateError):  # cancelled meanwhile
        row.future.set_exception(error)

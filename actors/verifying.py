"""Rows of text in, rows of audio out that an ear has heard: a worker that speaks again what did not come out right."""

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, ClassVar

from actors.bundle import Bundle
from actors.deciding import NOT_DECIDING, deciding_arguments
from actors.errors import UsageError
from actors.models import open_model
from actors.requests import SynthesisRequest
from actors.rows import Columns, InputRow
from actors.runtime.session import Device
from actors.synthesizer import SYNTHESIS_COLUMNS, SynthesisConfig, Synthesizer
from actors.takes import Ear, Limits, Take, Takes, Voice
from actors.text import Spoken
from actors.transcriber import DEFAULT_SLOTS

VERIFIED_COLUMNS: Columns = {
    **SYNTHESIS_COLUMNS,
    "heard": str,
    "word_error_rate": float,
    "longest_error_run": int,
    "take": int,
}

DEFAULT_TAKES = 3
DEFAULT_THRESHOLD = 0.1
DEFAULT_LONGEST_RUN = 3

_REVISION = 1  # of what is made of what was heard
_RETAKE_TEMPERATURE = 0.7  # the embedded voice makes as many errors with it as without
_SHOWN_CHARS = 60


@dataclass(frozen=True)
class VerifyingConfig:
    """How a job speaks and verifies what it spoke; the same for all of its rows.

    Attributes:
        revision: of the speech and of its verification. Equal rows have other takes where either changes.
        output_columns: of the rows that a worker makes.
        speech: how it speaks. Take 0 of a row is what this makes of it.
        asr: reference of the model that hears, with its digest: it decides which take a row gets.
        takes: how often a row is spoken at most.
        threshold: word errors for each word, above which a row is spoken again; a single wrong word is not too much.
        longest_run: so many wrong words behind one another are too many, however long the row is.
        ear_slots: how many recordings the ear hears together.
        ear_options: settings of its loop.
    """

    revision: ClassVar[int] = 1000 * _REVISION + SynthesisConfig.revision
    output_columns: ClassVar[Columns] = VERIFIED_COLUMNS

    speech: SynthesisConfig
    asr: str
    takes: int = DEFAULT_TAKES
    threshold: float = DEFAULT_THRESHOLD
    longest_run: int = DEFAULT_LONGEST_RUN
    ear_slots: int = field(default=DEFAULT_SLOTS, metadata=NOT_DECIDING)
    ear_options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def slots(self) -> int:
        """How many utterances a worker speaks together."""
        return self.speech.slots

    @property
    def input_columns(self) -> tuple[str, ...]:
        """The input columns a worker reads."""
        return self.speech.input_columns

    def file_rate(self, model_rate: int) -> int:
        """Return the sample rate in Hz of the ``audio`` column, for a model's own."""
        return self.speech.file_rate(model_rate)

    def open(self, bundle: Bundle, device: str, threads: int, *others: Bundle) -> "VerifyingSynthesizer":
        """Open the voice and, of the others, the ear on this machine and return a worker.

        Raises:
            UsageError: there is no ear.
        """
        if not others:
            raise UsageError("speech is verified by a model that hears: open the worker with its bundle too")
        # Both run at once: with all threads each, they take twice the time for waiting for one another.
        each = max(1, threads // 2)
        voice = open_model(bundle, device=device, threads=each, slots=self.speech.slots)
        try:
            # What runs with OpenVINO was found out, and is named, of the voice's graphs.
            ear_device = "cpu" if Device.parse(device).kind == "openvino" else device
            ear = open_model(others[0], device=ear_device, threads=each, slots=self.ear_slots)
        except BaseException:
            voice.close()
            raise
        return VerifyingSynthesizer(voice, ear, bundle, others[0], self)

    def blank_row(self, row: InputRow, model: str) -> dict[str, Any]:
        """Return the output row of an input row about which nothing is known yet: ``rejected`` without a reason."""
        return _verified(self.speech.blank_row(row, model))

    def content_of(self, row: InputRow) -> Mapping[str, Any] | None:
        """Return all that decides how a row sounds, and is verified, beside the model; nothing for a row to be rejected."""
        content = self.speech.content_of(row)
        verified = {name: value for name, value in deciding_arguments(self).items() if name != "speech"}
        return None if content is None else {**content, "verified": verified}

    def adopt(self, made: Mapping[str, Any], row: InputRow, model: str) -> dict[str, Any]:
        """Return the output of a row whose content is that of another one, by what was made of that."""
        return self.speech.adopt(made, row, model)


class VerifyingSynthesizer(Synthesizer):
    """Speaks and hears batches of rows; safe to call from several threads. What it counts is the voice's."""

    def __init__(self, voice: Voice, ear: Ear, bundle: Bundle, ear_bundle: Bundle, config: VerifyingConfig) -> None:
        super().__init__(voice, bundle, config.speech)
        limits = Limits(config.takes, config.threshold, config.longest_run)
        again = _retake_options(bundle, config.speech.options)
        # What is spoken waits for the ear as samples: no more of it than keeps both busy.
        self._most_waiting = config.speech.slots + config.ear_slots
        self._takes = Takes(voice, ear, ear_bundle.manifest.sample_rate, limits, config.ear_options, again)

    def close(self) -> None:
        """Stop both engines."""
        self._takes.close()

    def _blank(self, row: InputRow) -> dict[str, Any]:
        return _verified(super()._blank(row))

    def _submit(self, request: SynthesisRequest, spoken: Spoken | None) -> Future[Any]:
        return self._takes.submit(request, spoken.language if spoken else self._language(request.voice))

    def _fill(self, output: dict[str, Any], result: Any, spoken: Spoken | None) -> None:
        take: Take = result
        super()._fill(output, take.result, spoken)
        output.update(
            heard=take.heard,
            word_error_rate=take.errors.rate,
            longest_error_run=take.errors.longest_run,
            take=take.number,
        )
        if output["status"] == "ok" and take.exceeds:
            ended = output["finish_reason"]
            output.update(
                finish_reason="length" if ended == "length" else "suspicious",
                error="; ".join(filter(None, (output["error"], _doubt(take)))),
            )


def _verified(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with the columns of one that was heard, which are empty yet."""
    return dict.fromkeys(VERIFIED_COLUMNS) | row


def _retake_options(bundle: Bundle, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return with which settings a row is spoken again: without a temperature all its takes would be the same."""
    temperature = options.get("temperature", bundle.manifest.settings.get("temperature"))
    return {"temperature": _RETAKE_TEMPERATURE} if temperature is not None and temperature <= 0 else {}


def _doubt(take: Take) -> str:
    """Return what is wrong with the best take of a row, in a sentence."""
    said, heard = (_shown(words) for words in (take.errors.longest.said, take.errors.longest.heard))
    if take.heard is None:
        where = "nothing was heard"
    elif not heard:
        where = f"nothing was heard where it says {said}"
    else:
        where = f"heard {heard} where it says {said or 'nothing'}"
    takes = "one take" if take.spoken == 1 else f"{take.spoken} takes"
    return f"{where}: {take.errors.errors} of {take.errors.words} words differ after {takes}"


def _shown(words: tuple[str, ...]) -> str:
    text = " ".join(words)
    return repr(text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "\u2026") if text else ""

"""Rows of audio in, rows of transcripts out: what a job's runner calls on a worker, with or without Ray."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from actors.audio.codec import Recording, decode_mono
from actors.audio.decoding import Damaged
from actors.batching import Engine, EngineStats
from actors.bundle import Bundle
from actors.deciding import NOT_DECIDING
from actors.errors import RequestError
from actors.models import open_model
from actors.requests import TranscriptionRequest, TranscriptionResult
from actors.rows import Columns, InputRow, RowDone, blank_row, quarantine, raise_shared, tell_nobody

CONTEXT_COLUMN = "context"
TRANSCRIPTION_COLUMNS: Columns = {
    "id": str,
    "path": str,
    "duration_s": float,
    "language": str,
    "text": str,
    "segments": [{"start": float, "end": float, "speaker": str, "text": str}],
    "status": str,
    "error": str,
    "finish_reason": str,
    "model": str,
    "coverage": float,
    "words": [{"start": float, "end": float, "text": str, "probability": float}],
    "avg_logprob": float,
}
DEFAULT_SLOTS = 8

# Shorter recordings hold no speech ("yes" takes twice as long); the model would invent some.
_SHORTEST_S = 0.1

# How an answer ends when nothing is wrong with it.
_GOOD_ENDS = {"eos", "silence"}
_SHOWN_ANSWER = 200  # characters of an answer that is no transcript

Source = bytes | Path
ReadMedia = Callable[[str | os.PathLike[str]], Source]


@dataclass(frozen=True)
class TranscriptionConfig:
    """How a job transcribes; the same for all of its rows. Picklable if ``read`` is.

    Attributes:
        revision: of what speechmill itself makes of a row's file and of the model's answer. Raise it whenever equal rows would
            get other results: by decoding, cutting, a family's loop, the reading of its answers.
        output_columns: of the rows that a worker makes.
        read: returns the file behind a path or URI of the audio column, or its content; raises :class:`RequestError` for a
            file that is not there.
        audio_column: holds ``{"bytes", "path"}``, bytes, or a path or URI.
        context: what the model should know beforehand, for rows without a ``context`` of their own.
        max_audio_s: longer recordings are rejected.
        damaged: what becomes of a recording of which something is missing: ``reject``, or ``accept`` with what is there, the
            finish reason ``damaged`` and what is missing in ``error``.
        audio_track: which audio track, from 1; by default the first with sound in it.
        slots: how many recordings a worker decodes together.
        options: settings of the model's loop.
    """

    revision: ClassVar[int] = 1
    output_columns: ClassVar[Columns] = TRANSCRIPTION_COLUMNS

    read: ReadMedia = field(metadata=NOT_DECIDING)  # which files it may not read is for the job to say
    audio_column: str = "audio"
    context: str | None = None
    max_audio_s: float = 6 * 3600.0
    damaged: Damaged = "accept"
    audio_track: int | None = None
    slots: int = field(default=DEFAULT_SLOTS, metadata=NOT_DECIDING)
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def input_columns(self) -> tuple[str, ...]:
        """The input columns a worker reads."""
        return (self.audio_column, CONTEXT_COLUMN)

    def open(self, bundle: Bundle, device: str, threads: int, *_: Bundle) -> "Transcriber":
        """Open the bundle on this machine and return a worker."""
        return Transcriber(open_model(bundle, device=device, threads=threads, slots=self.slots), bundle, self)

    def blank_row(self, row: InputRow, model: str) -> dict[str, Any]:
        """Return the output row of an input row about which nothing is known yet: ``rejected`` without a reason."""
        return blank_row(TRANSCRIPTION_COLUMNS, row.id, model) | {"path": _path_of(row.values.get(self.audio_column))}

    def content_of(self, row: InputRow) -> None:
        """Transcripts are not kept: of a recording that is a path, the row does not have the content."""

    def adopt(self, made: Mapping[str, Any], row: InputRow, model: str) -> dict[str, Any]:
        """Return the output of a row whose content is that of another one."""
        return {**made, "id": row.id, "model": model, "path": _path_of(row.values.get(self.audio_column))}


class Transcriber:
    """Transcribes batches of rows; safe to call from several threads, which share the model's slots."""

    def __init__(
        self, engine: Engine[TranscriptionRequest, Any, TranscriptionResult], bundle: Bundle, config: TranscriptionConfig
    ) -> None:
        self._engine = engine
        self._config = config
        self._model = bundle.reference
        self._rate = bundle.manifest.sample_rate

    @property
    def stats(self) -> EngineStats:
        """The engine's counters."""
        return self._engine.stats

    def close(self) -> None:
        """Stop the engine."""
        self._engine.close()

    def __call__(self, rows: Sequence[InputRow], done: RowDone = tell_nobody) -> list[dict[str, Any]]:
        """Transcribe rows together; ``done`` is told of each that was heard.

        Returns:
            One output row per input row, in order; a row that cannot be transcribed is ``rejected`` with its reason.
        """
        outputs = [self._config.blank_row(row, self._model) for row in rows]
        running: dict[Future[TranscriptionResult], int] = {}

        def collect() -> None:
            """Wait until one of the running rows is done, and fill in all that are."""
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                index = running.pop(future)
                raise_shared(future)
                with quarantine(outputs[index]):
                    _fill(outputs[index], future.result())
                done(index, outputs[index])

        for i, (output, row) in enumerate(zip(outputs, rows, strict=True)):
            if row.error is not None:
                output["error"] = row.error
                continue
            with quarantine(output):
                recording = self._decode(row.values)
                audio = recording.samples
                output["duration_s"] = len(audio) / self._rate
                output["error"] = recording.damage and f"damaged: {recording.damage}"
                request = TranscriptionRequest(row.id, audio, self._context(row.values), options=self._config.options)
                running[self._engine.submit(request)] = i
            # Decoded as slots get free, so that no more than the running ones and a few are held as samples.
            while len(running) > self._config.slots:
                collect()
        while running:
            collect()
        return outputs

    def _decode(self, values: Mapping[str, Any]) -> Recording:
        """Return a row's audio, mono at the model's rate."""
        recording = decode_mono(
            audio_source(values.get(self._config.audio_column), self._config.audio_column, self._config.read),
            self._rate,
            self._config.max_audio_s,
            damaged=self._config.damaged,
            audio_track=self._config.audio_track,
        )
        if len(recording.samples) < _SHORTEST_S * self._rate:
            seconds = len(recording.samples) / self._rate
            raise RequestError(f"the audio is too short to hold speech: {seconds:.4f} s, less than {_SHORTEST_S:g} s")
        return recording

    def _context(self, values: Mapping[str, Any]) -> str | None:
        context = values.get(CONTEXT_COLUMN)
        if isinstance(context, Sequence) and not isinstance(context, str):
            context = "\n".join(map(str, context))  # a list of hotwords, as the original's fine-tuning joins them
        if context is None or (isinstance(context, str) and not context.strip()):
            return self._config.context
        if not isinstance(context, str):
            raise RequestError(f"column {CONTEXT_COLUMN!r} holds a {type(context).__name__}, neither text nor a list of words")
        return context


def audio_source(value: Any, column: str, read: ReadMedia) -> Source:
    """Return what a value of a column of audio holds, or the file that it names, as ``read`` gives it.

    Raises:
        RequestError: it is neither audio nor a path, or there is no such file.
    """
    if isinstance(value, Mapping):
        value = value["bytes"] if value.get("bytes") is not None else value.get("path")
    if value is None:
        raise RequestError(f"column {column!r} is null: it must hold audio, or say where it is")
    if isinstance(value, bytes):
        return value
    if isinstance(value, os.PathLike):  # a file that the job has found
        return read(value)
    if not isinstance(value, str):
        raise RequestError(f"column {column!r} holds a {type(value).__name__}, neither audio nor a path")
    if not value.strip():
        raise RequestError(f"column {column!r} is empty: it must hold audio, or say where it is")
    return read(value)


def _fill(output: dict[str, Any], result: TranscriptionResult) -> None:
    damage = output["error"]  # known since the recording was decoded
    output.update(
        text=result.text,
        language=result.language,
        segments=[asdict(segment) for segment in result.segments],
        words=[asdict(word) for word in result.words],
        avg_logprob=result.avg_logprob,
        finish_reason=result.finish_reason,
        coverage=result.coverage,
        status="ok",
    )
    if result.unreadable:
        shown = result.unreadable[0][:_SHOWN_ANSWER]
        output.update(
            status="failed",
            error=f"{len(result.unreadable)} of the model's answers hold no transcript; the first begins with {shown!r}",
        )
    _mark_damage(output, damage)


def _mark_damage(output: dict[str, Any], damage: str | None) -> None:
    """Say in a row that is done what its recording lacks; what else is wrong with it stays said."""
    if not damage:
        return
    ended = output["finish_reason"]
    also = [] if ended in _GOOD_ENDS else [f"the answer ended by {ended}"]
    if output["status"] == "failed":
        also.append(output["error"])
    output.update(error="; ".join([damage, *also]), finish_reason="damaged")


def _path_of(value: Any) -> str | None:
    """Where a row's audio is, or was, as its column says."""
    path = value.get("path") if isinstance(value, Mapping) else value
    return os.fspath(path) if isinstance(path, str | os.PathLike) else None

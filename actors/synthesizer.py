"""Rows of text in, rows of audio out: what a job's runner calls on a worker, with or without Ray."""

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, ClassVar, Literal

from actors.audio.codec import EXTENSIONS, AudioFormat, encode, encoded_rate
from actors.audio.mastering import Mastered, Mastering, master
from actors.batching import Engine, EngineStats
from actors.bundle import Bundle
from actors.deciding import NOT_DECIDING, TOLD_IF_SET, deciding_arguments
from actors.errors import RequestError, UsageError
from actors.models import DEFAULT_SLOTS, open_model, spoken_language
from actors.names import file_name
from actors.plausibility import MAX_UNREADABLE_CHARS, judge, unreadable_words
from actors.requests import SynthesisRequest, SynthesisResult, TextChunk
from actors.rows import AUDIO, Columns, InputRow, RowDone, blank_row, quarantine, raise_shared, tell_nobody
from actors.text import Normaliser, Spoken

SYNTHESIS_COLUMNS: Columns = {
    "id": str,
    "text": str,
    "spoken_text": str,
    "voice": str,
    "audio": AUDIO,
    "sampling_rate": int,
    "duration_s": float,
    "status": str,
    "error": str,
    "finish_reason": str,
    "chunks": [{"text": str, "start_s": float, "end_s": float}],
    "model": str,
    "seed": int,
}

MAX_SEED = 2**63 - 1  # and its negative; the output has a column for it
Normalisation = Literal["spoken", "model", "done"]
SeedBy = Literal["id", "text"]

_KEPT_LANGUAGES = 32  # normalisers, and voices whose language is known: rows may name any number
# Settings that rows may overrule, and the column's name: what a row is spoken with says its content.
_IN_CONTENT = {"text_column", "voice", "seed", "language"}
_MAX_NUMBER_CHARS = 40  # of a number in a text; Python refuses, or takes long, to read thousands of digits


@dataclass(frozen=True)
class SynthesisConfig:
    """How a job speaks; the same for all of its rows.

    Attributes:
        revision: of what speechmill itself makes of a row's text and of the model's sound. Raise it whenever equal rows would
            get other bytes: by a text front end, a family's loop, mastering, encoding.
        output_columns: of the rows that a worker makes.
        text_column: the column that holds the text.
        voice: for rows that name none; ``None`` is the bundle's first.
        seed: of the job; a row's own ``seed`` takes its place.
        format: of the ``audio`` column.
        mastering: what is done to the audio before it is encoded.
        max_text_chars: longer texts are rejected: a row is held in memory whole.
        slots: how many utterances a worker decodes together.
        options: settings of the model's loop.
        normalise: ``spoken`` reads texts as a person would before the model's own front end, ``model`` leaves all to that;
            ``done`` is for texts that have been read so already, of which only the letters are seen to.
        markup: whether HTML, Markdown and SSML are read as text is meant; of ``spoken`` only.
        language: of texts whose row names none; ``None`` is the voice's. Not of ``model``.
        seed_by: what fixes a row's random numbers beside the seed: its ``id``, or what is spoken of its ``text`` and the voice,
            so that equal texts sound the same in any job.
    """

    revision: ClassVar[int] = 2
    output_columns: ClassVar[Columns] = SYNTHESIS_COLUMNS

    text_column: str = "text"
    voice: str | None = None
    seed: int = 0
    format: AudioFormat = "flac"
    mastering: Mastering = field(default_factory=Mastering)
    max_text_chars: int = 50_000
    slots: int = field(default=DEFAULT_SLOTS, metadata=NOT_DECIDING)
    options: Mapping[str, Any] = field(default_factory=dict)
    normalise: Normalisation = "spoken"
    markup: bool = True
    language: str | None = None
    seed_by: SeedBy = field(default="id", metadata=TOLD_IF_SET)

    @property
    def input_columns(self) -> tuple[str, ...]:
        """The input columns a worker reads."""
        return (self.text_column, "voice", "seed", "speed", *([] if self.normalise == "model" else ["language"]))

    def file_rate(self, model_rate: int) -> int:
        """Return the sample rate in Hz of the ``audio`` column, for a model's own."""
        return encoded_rate(self.mastering.sample_rate or model_rate, self.format)

    def open(self, bundle: Bundle, device: str, threads: int, *_: Bundle) -> "Synthesizer":
        """Open the bundle on this machine and return a worker."""
        return Synthesizer(open_model(bundle, device=device, threads=threads, slots=self.slots), bundle, self)

    def blank_row(self, row: InputRow, model: str) -> dict[str, Any]:
        """Return the output row of an input row about which nothing is known yet: ``rejected`` without a reason."""
        text = row.values.get(self.text_column)
        return blank_row(SYNTHESIS_COLUMNS, row.id, model) | {"text": text if isinstance(text, str) else None}

    def content_of(self, row: InputRow) -> Mapping[str, Any] | None:
        """Return all that decides how a row sounds beside the model; nothing for a row that will be rejected."""
        values = {name: _none_if_blank(row.values.get(name)) for name in self.input_columns}
        text, seed, speed = values.pop(self.text_column), values.pop("seed"), values.pop("speed")
        if row.error is not None or not isinstance(text, str) or (speed is not None and _as_number(speed) != 1):
            return None
        try:
            values["seed"] = self.seed if seed is None else _as_seed(seed)
        except RequestError:
            return None
        for name in ("voice", "language"):
            if name in values:
                values[name] = vars(self)[name] if values[name] is None else values[name]
        settings = {name: value for name, value in deciding_arguments(self).items() if name not in _IN_CONTENT}
        named = {"id": row.id} if self.seed_by == "id" else {}
        return {"settings": settings, "text": text, "values": values, **named}

    def adopt(self, made: Mapping[str, Any], row: InputRow, model: str) -> dict[str, Any]:
        """Return the output of a row whose content is that of another one, by what was made of that."""
        audio = {**made["audio"], "path": _audio_name(row.id, self.format)}
        return {**made, "id": row.id, "model": model, "audio": audio}


class Synthesizer:
    """Speaks batches of rows; safe to call from several threads, which share the model's slots."""

    _most_waiting: int | None = None  # rows of a call that are with the engine at once; all of them

    def __init__(self, engine: Engine[SynthesisRequest, Any, SynthesisResult], bundle: Bundle, config: SynthesisConfig) -> None:
        self._engine = engine
        self._config = config
        self._model = bundle.reference
        self._default_voice = config.voice if config.voice is not None else next(iter(bundle.manifest.voices), None)
        self._language = lru_cache(_KEPT_LANGUAGES)(lambda voice: config.language or spoken_language(bundle.manifest, voice))
        self._normaliser = lru_cache(_KEPT_LANGUAGES)(self._make_normaliser)

    @property
    def stats(self) -> EngineStats:
        """The engine's counters."""
        return self._engine.stats

    def close(self) -> None:
        """Stop the engine."""
        self._engine.close()

    def __call__(self, rows: Sequence[InputRow], done: RowDone = tell_nobody) -> list[dict[str, Any]]:
        """Speak rows together; ``done`` is told of each that was spoken.

        Returns:
            One output row per input row, in order; a row that cannot be spoken is ``rejected`` with its reason.
        """
        outputs = [self._blank(row) for row in rows]
        waiting: dict[Future[Any], tuple[int, Spoken | None]] = {}

        def collect() -> None:
            """Encode what is spoken by now, so that no more than the running ones are held as samples."""
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                index, spoken = waiting.pop(future)
                raise_shared(future)
                with quarantine(outputs[index]):
                    self._fill(outputs[index], future.result(), spoken)
                done(index, outputs[index])

        for i, (output, row) in enumerate(zip(outputs, rows, strict=True)):
            if row.error is not None:
                output["error"] = row.error
                continue
            with quarantine(output):
                request = self._request(row)
                output.update(voice=request.voice, seed=request.seed)
                spoken = None if self._config.normalise == "model" else self._read(request, row.values.get("language"))
                _check_words(spoken.said.source if spoken else request.text)
                if spoken:
                    output.update(spoken_text=spoken.text)
                    request = replace(request, text=spoken.text, sentences=spoken.sentences)
                if self._config.seed_by == "text":
                    request = replace(request, id=_name_of_content(request))
                waiting[self._submit(request, spoken)] = i, spoken
            while self._most_waiting is not None and len(waiting) >= self._most_waiting:
                collect()
        while waiting:
            collect()
        return outputs

    def _blank(self, row: InputRow) -> dict[str, Any]:
        return self._config.blank_row(row, self._model)

    def _submit(self, request: SynthesisRequest, spoken: Spoken | None) -> Future[Any]:  # noqa: ARG002 - who hears it asks
        """Queue what is to be spoken of a row; ``spoken`` is its text as it was read, if this reads."""
        return self._engine.submit(request)

    def _request(self, row: InputRow) -> SynthesisRequest:
        text = row.values.get(self._config.text_column)
        if text is None:
            raise RequestError(f"column {self._config.text_column!r} is null: it must hold the text to speak")
        if not isinstance(text, str):
            raise RequestError(f"column {self._config.text_column!r} holds a {type(text).__name__}, not text")
        if not text.strip():
            raise RequestError("the text is empty")
        if len(text) > self._config.max_text_chars:
            raise RequestError(
                f"the text has {len(text)} characters, the limit is {self._config.max_text_chars}: split the row, or "
                "raise --max-text-chars"
            )
        voice, seed, speed = (_none_if_blank(row.values.get(name)) for name in ("voice", "seed", "speed"))
        if voice is not None and not isinstance(voice, str):
            raise RequestError(f"column 'voice' holds {voice!r}, not a voice's name")
        if speed is not None and _as_number(speed) != 1:
            raise RequestError(f"speed is {speed!r}, but this model has no speed control: use 1 or null")
        return SynthesisRequest(
            id=row.id,
            text=text,
            voice=self._default_voice if voice is None else voice,
            seed=self._config.seed if seed is None else _as_seed(seed),
            options=self._config.options,
        )

    def _read(self, request: SynthesisRequest, language: Any) -> Spoken:
        """Return a row's text as it is read in its own language, the job's, or that of its voice."""
        language = _none_if_blank(language)
        if language is not None and not isinstance(language, str):
            raise RequestError(f"column 'language' holds {language!r}, not the code of a language")
        speaks = self._language(request.voice)
        try:
            normaliser = self._normaliser(speaks if language is None else language, speaks)
        except UsageError as error:
            raise RequestError(f"column 'language': {error}") from error
        return normaliser(request.text or "")

    def _make_normaliser(self, language: str, voice: str) -> Normaliser:
        is_read = self._config.normalise == "done"
        return Normaliser(language, markup=self._config.markup and not is_read, voice=voice, is_read=is_read)

    def _fill(self, output: dict[str, Any], result: SynthesisResult, spoken: Spoken | None) -> None:
        if not len(result.audio):
            output.update(status="failed", error="the model ended before its first sound: try another seed")
            return
        finish_reason, error = judge(result, spoken.text if spoken else output["text"])
        wanted = replace(self._config.mastering, sample_rate=self._config.file_rate(result.sample_rate))
        mastered = master(result.audio, result.sample_rate, wanted)
        output.update(
            audio={
                "bytes": encode(mastered.audio, mastered.sample_rate, self._config.format),
                "path": _audio_name(output["id"], self._config.format),
            },
            sampling_rate=mastered.sample_rate,
            duration_s=len(mastered.audio) / mastered.sample_rate,
            status="ok",
            error="; ".join(filter(None, (error, spoken.note if spoken else None, mastered.note))) or None,
            finish_reason=finish_reason,
            chunks=_placed(result.chunks, mastered),
        )


def _audio_name(row_id: str, audio_format: AudioFormat) -> str:
    return file_name(row_id, EXTENSIONS[audio_format])


def _name_of_content(request: SynthesisRequest) -> str:
    """Return a name for what is spoken and by whom, in the place of the row's id."""
    return hashlib.sha256(repr((request.text, request.voice)).encode("utf-8", "backslashreplace")).hexdigest()


def _check_words(text: str | None) -> None:
    """Raise ``RequestError`` if much of a text, as a person sees it, is no words."""
    unreadable = unreadable_words(text or "")
    if sum(map(len, unreadable)) > MAX_UNREADABLE_CHARS:
        raise RequestError(
            f"{sum(map(len, unreadable))} characters of the text are no words, such as {unreadable[0][:40]!r}: take out "
            f"encoded data, checksums and long addresses; at most {MAX_UNREADABLE_CHARS} of them are spelled"
        )


def _placed(chunks: Sequence[TextChunk], mastered: Mastered) -> list[dict[str, Any]]:
    """Return where the chunks are in what was cut at its ends."""
    duration_s = len(mastered.audio) / mastered.sample_rate

    def placed(seconds: float) -> float:
        return min(max(seconds - mastered.cut_s, 0.0), duration_s)

    return [
        {"text": c.text if c.written is None else c.written, "start_s": placed(c.start_s), "end_s": placed(c.end_s)}
        for c in chunks
    ]


def _none_if_blank(value: Any) -> Any:
    """CSV has no null: an empty cell stands for it."""
    return None if isinstance(value, str) and not value.strip() else value


def _as_number(value: Any) -> Any:
    """CSV has no numbers either: return that of a text that is one, and anything else as it is."""
    if not isinstance(value, str) or len(value) > _MAX_NUMBER_CHARS:
        return value
    for parse in (int, float):
        with contextlib.suppress(ValueError):
            return parse(value)
    return value


def _as_seed(value: Any) -> int:
    number = _as_number(value)
    if isinstance(number, float) and number.is_integer():  # how tables with nulls often hold whole numbers
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int) or not -MAX_SEED <= number <= MAX_SEED:
        raise RequestError(f"column 'seed' holds {value!r}, not a 64-bit whole number")
    return number

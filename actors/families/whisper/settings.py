"""What a Whisper bundle says of itself, and what a request may set."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from actors.bundle import Manifest
from actors.errors import RequestError
from actors.families.whisper.segments import SECONDS_PER_FRAME
from actors.hearing import HearingOptions
from actors.settings import Count, FamilySettings, Length, Size, TokenId, check_ids


class Settings(FamilySettings):
    """``bundle.json``'s settings of a Whisper bundle; the exporter says where each comes from.

    ``panel_frames`` are frames of 20 ms that the graphs keep together: a window has whole panels. ``languages`` are token ids
    by code; a model without any is of English alone, and its prompts have neither language nor task.
    """

    vocab_size: Size
    num_mel_bins: Size
    hop_length: Size
    panel_frames: Length
    max_source_positions: Length
    max_target_positions: Annotated[int, Field(ge=16, le=1 << 16)]
    alignment_heads: Count
    eos_id: TokenId
    sot_id: TokenId
    transcribe_id: TokenId
    translate_id: TokenId
    previous_id: TokenId
    no_timestamps_id: TokenId
    no_speech_id: TokenId | None
    languages: dict[Annotated[str, Field(pattern=r"^[a-z]{2,4}$")], TokenId]
    suppress_tokens: list[TokenId]
    begin_suppress_tokens: list[TokenId]
    max_initial_timestamp_index: Count | None

    @model_validator(mode="after")
    def _check_ids(self) -> "Settings":
        names = ("eos_id", "sot_id", "transcribe_id", "translate_id", "previous_id", "no_timestamps_id", "no_speech_id")
        check_ids(self.vocab_size, **{name: getattr(self, name) for name in names}, **self.languages)
        check_ids(self.vocab_size, suppressed=max([*self.suppress_tokens, *self.begin_suppress_tokens], default=0))
        if self.vocab_size - self.timestamp_begin <= self.max_source_positions:
            raise ValueError(f"a vocabulary of {self.vocab_size} has no timestamps for {self.max_source_positions} frames")
        if self.max_source_positions % self.panel_frames:
            raise ValueError(f"{self.max_source_positions} frames are no whole panels of {self.panel_frames}")
        return self

    @property
    def timestamp_begin(self) -> int:
        """The id of ``<|0.00|>``; those of later times follow it."""
        return self.no_timestamps_id + 1

    @property
    def window_s(self) -> float:
        """What the model hears at once, in seconds."""
        return self.max_source_positions * SECONDS_PER_FRAME

    @property
    def max_tokens(self) -> int:
        """The longest answer: openai/whisper decoding.py, ``sample_len``. As many tokens may come before it."""
        return self.max_target_positions // 2


class Options(HearingOptions):
    """What a request may set.

    Attributes:
        language: the code of the language that is spoken; by default the model says which it hears.
        task: ``translate`` writes English.
        timestamps: let the model write when segments begin and end; else a piece is one segment.
        word_times: say when each word is heard.
        fit_window: hear a piece in a window as long as itself and a little more. The model was trained on windows of 30 s, with
            silence behind what is shorter; that is what it hears by default. Where recordings are short, fitting windows are
            several times as fast, and cost accuracy (docs/whisper.md).
        temperatures: an answer that is doubtful is written again at the next one; the first is 0 for no chance.
        compression_ratio_threshold: an answer that compresses better than this repeats itself; ``None``: do not look.
        logprob_threshold: an answer whose mean log probability is below is doubtful; ``None``: do not look.
        no_speech_threshold: where the model is this sure that nobody speaks, a doubtful answer is dropped; ``None``: do not.
        max_new_tokens: an answer ends here with finish reason ``length``.
    """

    language: str | None = None
    task: Literal["transcribe", "translate"] = "transcribe"
    timestamps: bool = True
    word_times: bool = False
    fit_window: bool = False
    temperatures: Annotated[tuple[Annotated[float, Field(ge=0, le=2)], ...], Field(min_length=1, max_length=16)] = (
        0.0, 0.2, 0.4, 0.6, 0.8, 1.0,
    )  # fmt: skip
    compression_ratio_threshold: Annotated[float, Field(gt=0)] | None = 2.4
    logprob_threshold: Annotated[float, Field(le=0)] | None = -1.0
    no_speech_threshold: Annotated[float, Field(ge=0, le=1)] | None = 0.6
    max_new_tokens: Annotated[int, Field(ge=1)]

    @field_validator("temperatures", mode="before")
    @classmethod
    def _one_or_more(cls, value: Any) -> Any:
        """A command line has one number, or several with commas between."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            return (value,)
        return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


def parse_options(manifest: Manifest, values: Mapping[str, Any]) -> Options:
    """Parse a request's options over the bundle's defaults.

    Raises:
        RequestError: an unknown name or a value out of range.
    """
    settings = Settings.of(manifest)
    defaults = {"max_new_tokens": settings.max_tokens, "max_chunk_s": settings.window_s}
    options = Options.parse(manifest.family, defaults, values)
    if options.max_new_tokens > settings.max_tokens:
        raise RequestError(f"max_new_tokens {options.max_new_tokens} is above this model's {settings.max_tokens}")
    options.check_longest(settings.window_s)
    _check_languages(settings, options)
    if options.word_times and not settings.alignment_heads:
        raise RequestError(
            "word_times: this model does not say which attention heads follow the speech: export it from a checkpoint whose "
            "generation_config.json has alignment_heads"
        )
    return options


def _check_languages(settings: Settings, options: Options) -> None:
    known = settings.languages or {"en": 0}
    if options.language is not None and options.language not in known:
        raise RequestError(f"language {options.language!r} is none of this model's: {', '.join(sorted(known))}")
    if options.task == "translate" and not settings.languages:
        raise RequestError("this model understands English alone: there is nothing to translate")

"""PocketTTS's loop: a language model over continuous latents, a flow head that draws them, a codec that makes them sound.

Source: pocket-tts 4.0.1, ``models/tts_model.py`` and ``models/flow_lm.py``. A voice is a prefix of the language model's
cache; text and then speech follow it. Every frame draws a latent from noise, which is the next frame's input.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from statistics import NormalDist
from textwrap import wrap
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from actors.bundle import Bundle, Manifest, voice_member
from actors.errors import BundleError, RequestError, UsageError
from actors.families.pocket_tts.text import TextRules, has_few_words, prepare_text, split_text
from actors.families.pocket_tts.voices import load_voice
from actors.finite import finite_rows, not_finite
from actors.long_words import break_long_words
from actors.requests import SynthesisRequest
from actors.runtime.graphs import Graphs
from actors.runtime.session import Device
from actors.runtime.step_graph import StepGraph
from actors.runtime.streaming import StreamingGraph
from actors.settings import Count, FamilySettings, Length, Positive, Seconds, Size, TokenId
from actors.speaking import (
    Prompt,
    SpeakingModel,
    SpeakingOptions,
    SpokenUtterance,
    check_audio,
    check_prompt,
    frames_of_noise,
    prompts_of,
)
from actors.tokenizer import load_tokenizer

_FRAMES_AFTER_EOS = {True: 5, False: 3}  # by whether the text has few words: tts_model.py, generate_audio_stream
_DECODER_CHUNK = 6  # frames of one call: more leave the CPU's caches (measured: 6 to 8 are best), fewer cost more calls
_MAX_BYTES_PER_CHARACTER = 4  # of UTF-8: the most tokens that one character becomes
_FEWEST_TEXT_TOKENS = 2 * _MAX_BYTES_PER_CHARACTER  # a character and a full stop


class Settings(FamilySettings):
    """``bundle.json``'s settings of a PocketTTS bundle; the exporter says where each comes from."""

    latent_mean: list[float]
    latent_std: list[float]
    layers: Size
    kv_heads: Size
    head_dim: Size
    d_model: Size
    conditioning: Size
    latent_dim: Size
    vocab_size: Size
    bos_before_voice_id: TokenId | None  # may lie behind the vocabulary
    flow_type: Literal["lsd", "flow_matching", "drifting", "pointwise"]
    frame_rate: Positive
    frame_size: Size
    max_positions: Length
    max_text_tokens: Annotated[Length, Field(ge=_FEWEST_TEXT_TOKENS)]
    max_tokens_per_chunk: Length
    tokens_per_second: Positive
    padding_s: Seconds
    min_frames_before_eos: Count
    fade_in_s: Seconds
    lsd_steps: Annotated[int, Field(ge=1, le=100)]
    temperature: Annotated[float, Field(ge=0, le=5)]
    eos_threshold: float
    frames_after_eos: Annotated[int, Field(ge=0, le=100)] | None
    pad_with_spaces_for_short_inputs: bool
    remove_semicolons: bool
    append_terminal_punctuation: bool
    capitalize_first_letter: bool
    replace_characters: dict[str, str]
    language: Annotated[str, Field(pattern="^[a-z]{2,3}$")] = "en"  # older bundles do not say

    @model_validator(mode="after")
    def _fits_together(self) -> "Settings":
        if not len(self.latent_mean) == len(self.latent_std) == self.latent_dim:
            raise ValueError(f"latent_mean and latent_std do not have latent_dim ({self.latent_dim}) numbers")
        return self

    @property
    def text_rules(self) -> TextRules:
        """The part that :mod:`actors.families.pocket_tts.text` reads."""
        return TextRules(**{name: getattr(self, name) for name in TextRules.__annotations__})

    @property
    def max_voice_positions(self) -> int:
        """The longest voice that leaves room for the longest text and its speech."""
        return self.max_positions - self.max_text_tokens - 1 - self.max_frames(self.max_text_tokens)

    def max_frames(self, tokens: int) -> int:
        """The longest that a text of so many tokens may take, in frames."""
        return math.ceil((tokens / self.tokens_per_second + self.padding_s) * self.frame_rate)


class Options(SpeakingOptions):
    """What a request may set. Defaults are the bundle's, which are the original's.

    Attributes:
        temperature: variance of the noise that latents are drawn from.
        noise_clamp: draw from a normal distribution that is cut at this magnitude; ``None`` does not cut.
        lsd_steps: solver steps per frame; models whose head takes one step always take one.
        eos_threshold: the end's logit above which speech ends.
        frames_after_eos: how many frames, from that on, are kept; ``None`` is the bundle's or depends on the text.
        max_frames: the loop stops here with finish reason ``length``, or earlier by the length of the text.
    """

    temperature: Annotated[float, Field(ge=0, le=5)]
    noise_clamp: Annotated[float, Field(gt=0)] | None = None
    lsd_steps: Annotated[int, Field(ge=1, le=100)]
    eos_threshold: Annotated[float, Field(allow_inf_nan=False)]
    frames_after_eos: Annotated[int, Field(ge=0, le=100)] | None = None
    max_frames: Annotated[int, Field(ge=1)] | None = None


def parse_options(manifest: Manifest, values: Mapping[str, Any]) -> Options:
    """Parse a request's options over the bundle's defaults.

    Raises:
        RequestError: an unknown name or a value out of range.
    """
    settings = Settings.of(manifest)
    defaults = settings.model_dump(include={"temperature", "lsd_steps", "eos_threshold", "frames_after_eos"})
    options = Options.parse(manifest.family, defaults, values)
    if options.lsd_steps != 1 and settings.flow_type in ("drifting", "pointwise"):
        raise RequestError(f"lsd_steps is {options.lsd_steps}, but {manifest.name} ({settings.flow_type}) takes one step")
    return options


def language_of(manifest: Manifest, voice: str | None) -> str:  # noqa: ARG001 - all voices of a model speak one
    """Return the code of a model's language."""
    return Settings.of(manifest).language


@dataclass(frozen=True)
class _Prompt(Prompt):
    is_short: bool = False


@dataclass(kw_only=True)
class Utterance(SpokenUtterance[Options]):
    """One chunk in the loop. ``latents`` grows frame by frame, and ``eos_logits`` with it."""

    voice: str
    frames_after_eos: int
    max_frames: int
    position: int = 0
    latents: list[np.ndarray] = field(default_factory=list)
    eos_logits: list[float] = field(default_factory=list)
    eos_step: int | None = None

    @property
    def frames(self) -> int:
        """How many latents the loop has drawn."""
        return len(self.latents)

    def noise(self, latent_dim: int) -> np.ndarray:
        """Return what the next latent is drawn from, float32 ``[latent_dim]``."""
        if self.request.noise is not None:
            given: np.ndarray = self.request.noise[len(self.latents)]
            return given
        deviation = math.sqrt(self.options.temperature)
        if self.options.noise_clamp is None or not deviation:
            return np.float32(deviation) * self._generator.standard_normal(latent_dim, np.float32)
        normal = NormalDist(sigma=deviation)
        lowest, highest = normal.cdf(-self.options.noise_clamp), normal.cdf(self.options.noise_clamp)
        quantiles = lowest + (highest - lowest) * self._generator.random(latent_dim)
        return np.array([normal.inv_cdf(quantile) for quantile in quantiles], np.float32)

    def add_frame(self, latent: np.ndarray, eos_logit: float, min_frames_before_eos: int) -> None:
        """Keep a frame, or end before or behind it."""
        step = len(self.latents)
        if self.eos_step is None and eos_logit > self.options.eos_threshold and step >= min_frames_before_eos:
            self.eos_step = step
        last = None if self.eos_step is None else self.eos_step + self.frames_after_eos
        if last != step:
            self.latents.append(latent)
            self.eos_logits.append(eos_logit)
        if last is not None and len(self.latents) >= last:
            self.finish_reason = "eos"
        elif len(self.latents) >= self.max_frames:
            self.finish_reason = "length"


class PocketTTS(SpeakingModel[Options, Utterance]):
    """A PocketTTS bundle opened on a device: the model that :class:`actors.batching.Engine` runs."""

    voices_come_from = "add one with 'python jobs/export_models.py voice'"

    def __init__(self, bundle: Bundle, device: Device, threads: int, slots: int) -> None:
        super().__init__(bundle, slots, parse_options)
        self.settings = Settings.of(bundle.manifest)
        if device.memory != "cpu":
            raise UsageError("pocket-tts runs on the CPU only: its voices are copied into the cache's slots there")
        self.compacts = True
        self._rules = self.settings.text_rules
        self._tokenizer = load_tokenizer(bundle, self.settings.vocab_size)
        self.graphs = Graphs(bundle, device, threads)
        latent, conditioning, d_model = self.settings.latent_dim, self.settings.conditioning, self.settings.d_model
        self._text = self.graphs.open("text_conditioner", token_ids=None, embeddings=d_model)
        self._flow = self.graphs.open("flow_lm_flow", c=conditioning, x=latent, flow_dir=latent)
        self._decoder = StreamingGraph(self.graphs, "mimi_decoder", chunk=_DECODER_CHUNK, axis=1)
        self._times = [spec.name for spec in bundle.graph("flow_lm_flow").inputs[1:-1]]
        self._fade_in = np.linspace(0, 1, round(self.settings.fade_in_s * self.sample_rate), dtype=np.float32)
        self._voice = lru_cache(maxsize=8)(self._load_voice)
        outputs = {"conditioning": conditioning, "eos_logit": 1}
        edges = {"sequence": latent, "text_embeddings": d_model}
        self._main = StepGraph(self.graphs, "flow_lm_main", slots, self._max_length(), outputs, **edges)
        # Row i belongs to the utterance in slot i.
        self._sequence = np.zeros((slots, 1, latent), np.float32)
        self._conditioning, self._eos_logit = self._main.outputs["conditioning"], self._main.outputs["eos_logit"]

    def prepare(self, request: SynthesisRequest, trace: bool) -> list[Utterance]:
        """Prepare, cut and tokenize a request's text.

        Raises:
            RequestError: nothing speakable, an unknown voice or option, prompt or noise of the wrong size.
        """
        voice = self._choose_voice(request.voice)
        options = self._options(request.options)
        noise = frames_of_noise(request.noise, (self.settings.latent_dim,))
        after = options.frames_after_eos
        utterances = []
        for index, prompt in enumerate(self._prompts(request)):
            ids = check_prompt(prompt.ids, self.settings.vocab_size, self.settings.max_text_tokens)
            longest = [self.settings.max_frames(len(ids)), options.max_frames, noise]
            utterances.append(
                Utterance(
                    request=request,
                    index=index,
                    text=prompt.text,
                    prompt=ids,
                    voice=voice,
                    options=options,
                    frames_after_eos=_FRAMES_AFTER_EOS[prompt.is_short] if after is None else after,
                    max_frames=min(frames for frames in longest if frames is not None),
                    trace=trace,
                    source=prompt.source,
                )
            )
        return utterances

    def prefill(self, utterance: Utterance, slot: int) -> None:
        """Run the text and the start of speech behind the voice, alone, and draw the first frame."""
        voice = self._voice(utterance.voice)
        self._main.cache.fill(slot, voice)
        embeddings = self._text.run(["embeddings"], {"token_ids": utterance.prompt[None]})[0]
        utterance.position = voice[0].shape[1] + embeddings.shape[1] + 1
        self._sequence[slot] = np.nan  # stands for the start of speech
        self._run_main(embeddings, np.array([utterance.position]), slot)
        self._draw([utterance], slot)

    def step(self, rows: Sequence[Utterance | None]) -> None:
        """Run the last latent of every row through the language model and draw the next."""
        none = np.zeros((len(rows), 0, self.settings.d_model), np.float32)
        for row in rows:
            if row:
                row.position += 1
        # A free slot between others runs too: it writes to its first position, which the next voice overwrites.
        self._run_main(none, np.array([row.position if row else 1 for row in rows]), 0)
        self._draw(rows, 0)

    def move(self, utterance: Utterance, source: int, target: int) -> None:
        """Move an utterance's cache and its last latent to another slot."""
        self._main.cache.move(source, target, utterance.position)
        self._sequence[target] = self._sequence[source]

    def finish(self, utterance: Utterance) -> Utterance | None:
        """Decode the latents to audio."""
        if utterance.error:
            raise utterance.error
        latents = np.array(utterance.latents, np.float32)
        # There is no frame where the end was heard at once and none was asked for behind it.
        audio = self._decoder.run(latents)[0] if len(latents) else np.zeros(0, np.float32)
        check_audio(audio, utterance.index)
        faded = min(len(audio), len(self._fade_in))
        audio[:faded] *= self._fade_in[:faded]
        utterance.audio = audio
        return None

    def _trace(self, utterances: Sequence[Utterance]) -> dict[str, np.ndarray]:
        """The latents as the codec takes them, and the end's logit at each."""
        latents = np.array([latent for u in utterances for latent in u.latents], np.float32)
        mean, deviation = (np.array(x, np.float32) for x in (self.settings.latent_mean, self.settings.latent_std))
        return {
            "latents": latents.reshape(-1, self.settings.latent_dim) * deviation + mean,
            "eos_logits": np.array([logit for u in utterances for logit in u.eos_logits], np.float32),
        }

    def _max_length(self) -> int:
        """Positions of a slot: the longest voice, text and speech."""
        settings = self.settings
        longest = max((self._voice(name)[0].shape[1] for name in self.voices), default=0)
        if longest > settings.max_voice_positions:
            raise BundleError(
                f"{self.bundle.folder} has a voice of {longest} positions, more than {settings.max_voice_positions}: "
                "use one that was made from less audio"
            )
        return settings.max_positions - settings.max_voice_positions + longest

    def _load_voice(self, name: str) -> list[np.ndarray]:
        settings = self.settings
        path = self.bundle.path(voice_member(name))
        return load_voice(path, settings.layers, settings.kv_heads, settings.head_dim)

    def _prompts(self, request: SynthesisRequest) -> Sequence[_Prompt]:
        if request.token_ids is not None:
            return [_Prompt("", request.token_ids, is_short=has_few_words(self._tokenizer.decode(request.token_ids)))]
        most = min(self.settings.max_tokens_per_chunk, self.settings.max_text_tokens)
        return prompts_of(request, cut=self._cut, read=self._read, fits=lambda prompt: len(prompt.ids) <= most)

    def _cut(self, text: str) -> list[_Prompt]:
        chunks = split_text(self._tokenizer, text, self.settings.max_tokens_per_chunk, self._rules)
        return [prompt for chunk in chunks for prompt in self._shortened(chunk)]

    def _shortened(self, chunk: str) -> list[_Prompt]:
        prompt = self._read(chunk)
        if prompt is None or len(prompt.ids) <= self.settings.max_text_tokens:
            return [prompt] if prompt else []
        # The original would speak the clause whole, whatever its length.
        longest = self.settings.max_text_tokens // _MAX_BYTES_PER_CHARACTER - len(".")
        pieces = wrap(break_long_words(prompt.text, longest), longest)
        return [shorter for piece in pieces for shorter in self._shortened(piece)]

    def _read(self, chunk: str) -> _Prompt | None:
        text, is_short = prepare_text(chunk, self._rules)
        return _Prompt(text, self._tokenizer.encode(text).ids, is_short=is_short) if text else None

    def _run_main(self, embeddings: np.ndarray, lengths: np.ndarray, slot: int) -> None:
        """Run text and a latent each for the slots from ``slot`` on; ``lengths`` are the rows' lengths after it."""
        sequence = self._sequence[slot : slot + len(embeddings)]
        self._main.run(slot, {"sequence": sequence, "text_embeddings": embeddings}, lengths)

    def _draw(self, rows: Sequence[Utterance | None], first: int) -> None:
        """Draw a frame for the utterances in the slots from ``first`` on, rows with as many solver steps together."""
        by_steps: dict[int, list[tuple[int, Utterance]]] = {}
        for slot, row in enumerate(rows, first):
            if row:
                by_steps.setdefault(row.options.lsd_steps, []).append((slot, row))
        for steps, group in by_steps.items():
            slots = [slot for slot, _ in group]
            noise = np.stack([row.noise(self.settings.latent_dim) for _, row in group]).astype(np.float32, copy=False)
            latents = self._solve(self._conditioning[slots], noise, steps)
            self._sequence[slots, 0] = latents
            finite = finite_rows(latents, self._conditioning[slots], self._eos_logit[slots])
            for (slot, row), latent, is_finite in zip(group, latents, finite, strict=True):
                if is_finite:
                    row.add_frame(latent, float(self._eos_logit[slot, 0]), self.settings.min_frames_before_eos)
                else:
                    row.error = not_finite("the frame", row.index, len(row.latents))

    def _solve(self, conditioning: np.ndarray, x: np.ndarray, steps: int) -> np.ndarray:
        """Follow the flow from noise ``[rows, latent]`` to a sample (flow_lm.py: the functions ``*_decode``)."""
        for i in range(steps):
            # One time is where a step starts; of two, the second is where it ends.
            ends = [i, i + 1][: len(self._times)]
            times = {name: np.full((len(x), 1), end / steps, np.float32) for name, end in zip(self._times, ends, strict=True)}
            direction: np.ndarray = self._flow.run(["flow_dir"], {"c": conditioning, **times, "x": x})[0]
            x = direction if self.settings.flow_type == "drifting" else x + direction / np.float32(steps)
        return x

"""VibeVoice-Realtime's loop: text and speech take turns, a guided diffusion draws every frame, a VAE makes it sound.

Source: microsoft/VibeVoice ``modeling_vibevoice_streaming_inference.py``: ``generate``. The text model reads five tokens, then
the speech model speaks six frames, and so on until a classifier hears the end. Guidance pushes away from a second, *negative*
branch of the speech model that hears the speech but never any text. What runs here otherwise than there gives the same
numbers: the text model, which is causal and hears no speech, reads the whole text at once; both branches of all slots are rows
of one batch; the rest of the window behind the end, which the original computes and drops, is not computed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any

import numpy as np
from pydantic import Field, model_validator

from actors.bundle import Bundle, Manifest, voice_member
from actors.errors import BundleError, RequestError, UsageError
from actors.families.vibevoice_realtime.solver import solver_steps
from actors.families.vibevoice_realtime.text import clean, split_text, tokenize
from actors.families.vibevoice_realtime.voices import (
    NEGATIVE_MEMBER,
    CacheSizes,
    Voice,
    load_negative,
    load_voice,
)
from actors.finite import finite_rows, not_finite
from actors.requests import SynthesisRequest
from actors.runtime.graphs import Graphs
from actors.runtime.session import Device
from actors.runtime.step_graph import StepGraph
from actors.runtime.streaming import StreamingGraph
from actors.settings import FamilySettings, Length, Size
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
from actors.tokenizer import MEMBER as TOKENIZER
from actors.tokenizer import load_tokenizer

# Frames of one call to each part of the decoder. The first has the weights of the whole: more frames share one reading of
# them. The second makes 3 MB of a frame, which fewer frames leave in the CPU's caches (measured: 1 to 2 are best).
_LATENT_CHUNK = 32
_ACOUSTIC_CHUNK = 2


class Settings(FamilySettings):
    """``bundle.json``'s settings of a VibeVoice-Realtime bundle; the exporter says where each comes from."""

    vocab_size: Size
    hidden_size: Size
    kv_heads: Size
    head_dim: Size
    lm_layers: Size
    tts_layers: Size
    latent_dim: Size
    frame_size: Size
    feature_steps: Size
    max_positions: Length
    max_text_tokens: Length
    train_steps: Length
    speech_scaling_factor: float
    speech_bias_factor: float
    text_window: Length
    speech_window: Length
    cfg_scale: Annotated[float, Field(ge=0, le=100)]
    steps: Length

    @model_validator(mode="after")
    def _check_steps(self) -> "Settings":
        if self.steps > self.train_steps // 2:
            raise ValueError(f"steps is {self.steps}, more than half of train_steps ({self.train_steps})")
        return self


class Options(SpeakingOptions):
    """What a request may set. Defaults are the bundle's, which are those of the original's demo.

    Attributes:
        cfg_scale: how far guidance pushes away from the negative branch; 1 does not push.
        steps: solver steps per frame.
        sde: draw fresh noise at every solver step, as the original's web demo does.
        max_new_tokens: text and speech behind the prompt may take so many positions; the loop then stops with finish reason
            ``length``. ``None``: as many as the model has.
        finish_text: do not end before all text was read. The original does: it then loses the rest.
        max_frames_per_token: stop with finish reason ``length`` at so many frames per token of text: a guard against speech
            that never ends. ``None`` does not guard.
        max_chunk_tokens: cut longer texts at sentences and speak the pieces one by one. ``None``: only texts that are too long
            for the model.
    """

    cfg_scale: Annotated[float, Field(ge=0, le=100)]
    steps: Annotated[int, Field(ge=1)]
    sde: bool = False
    max_new_tokens: Annotated[int, Field(ge=1)] | None = None
    finish_text: bool = False
    max_frames_per_token: Annotated[float, Field(gt=0)] | None = None
    max_chunk_tokens: Annotated[int, Field(ge=8)] | None = None


def parse_options(manifest: Manifest, values: Mapping[str, Any]) -> Options:
    """Parse a request's options over the bundle's defaults.

    Raises:
        RequestError: an unknown name or a value out of range.
    """
    settings = Settings.of(manifest)
    options = Options.parse(manifest.family, settings.model_dump(include={"cfg_scale", "steps"}), values)
    if options.steps > settings.train_steps // 2:
        raise RequestError(
            f"steps is {options.steps}: at most {settings.train_steps // 2}, half of what the model learned with"
        )
    return options


@dataclass(kw_only=True)
class Utterance(SpokenUtterance[Options]):
    """One chunk in the loop. ``latents`` grows frame by frame, and ``eos_logits`` with it, but for a last frame at the limit.

    Attributes:
        read: how many of the prompt's tokens the speech model has read.
        max_length: positions of the positive branch at which the loop stops.
        max_frames: frames at which it stops.
        embeddings: what the text model makes of the tokens, ``[tokens, hidden]``.
        position: of the positive branch: what its cache holds.
        negative_position: of the negative branch.
    """

    voice: str
    max_length: int
    max_frames: int | None
    read: int = 0
    embeddings: np.ndarray | None = None
    position: int = 0
    negative_position: int = 0
    latents: list[np.ndarray] = field(default_factory=list)
    eos_logits: list[float] = field(default_factory=list)

    @property
    def frames(self) -> int:
        """How many latents the loop has drawn."""
        return len(self.latents)

    def noise(self, draws: int, latent_dim: int) -> np.ndarray:
        """Return what the next latent is drawn from, float32 ``[draws, latent_dim]``: its start, then one row per step."""
        if self.request.noise is not None:
            given: np.ndarray = self.request.noise[len(self.latents)].reshape(draws, latent_dim)
            return given
        return self._generator.standard_normal((draws, latent_dim), np.float32)


class VibeVoiceRealtime(SpeakingModel[Options, Utterance]):
    """A VibeVoice-Realtime bundle opened on a device: the model that :class:`actors.batching.Engine` runs.

    Row ``2 * slot`` of the speech model's batch is a slot's positive branch, row ``2 * slot + 1`` its negative one.
    """

    voices_come_from = "export it with '--voices' and a folder of presets"

    def __init__(self, bundle: Bundle, device: Device, threads: int, slots: int) -> None:
        super().__init__(bundle, slots, parse_options)
        self.settings = Settings.of(bundle.manifest)
        if device.memory != "cpu":
            raise UsageError("vibevoice-realtime runs on the CPU only: its voices are copied into the cache's slots there")
        self.compacts = True
        self._tokenizer = load_tokenizer(bundle, self.settings.vocab_size) if TOKENIZER in bundle.manifest.files else None
        self.graphs = Graphs(bundle, device, threads)
        hidden, latent = self.settings.hidden_size, self.settings.latent_dim
        edges = {"noisy_latent": latent, "timestep": None, "conditioning": hidden, "predicted_noise": latent}
        self._head = self.graphs.open("prediction_head", **edges)
        chunks = {"latent_decoder": _LATENT_CHUNK, "acoustic_decoder": _ACOUSTIC_CHUNK * self.settings.feature_steps}
        self._latent_decoder, self._acoustic_decoder = (
            StreamingGraph(self.graphs, key, chunk=chunk) for key, chunk in chunks.items()
        )
        self._sizes = CacheSizes.of(bundle.manifest.settings)
        self._negative = load_negative(bundle.path(NEGATIVE_MEMBER), self._sizes) if self.voices else None
        self._voice = lru_cache(maxsize=8)(self._load_voice)
        longest = self.settings.max_positions
        for name in self.voices:
            self._check_room(name, longest)
        self._lm = StepGraph(self.graphs, "lm", 1, longest, {}, input_ids=None, text=hidden)
        outputs = {"condition": hidden, "eos_logit": 1}
        self._tts = StepGraph(self.graphs, "tts_lm", 2 * slots, longest, outputs, text=hidden, latents=latent)
        self._latents = np.zeros((2 * slots, 1, latent), np.float32)
        self._condition, self._eos_logit = self._tts.outputs["condition"], self._tts.outputs["eos_logit"]

    def prepare(self, request: SynthesisRequest, trace: bool) -> list[Utterance]:
        """Cut and tokenize a request's text.

        Raises:
            RequestError: nothing speakable, an unknown voice or option, text or noise of the wrong size.
        """
        name = self._choose_voice(request.voice)
        options = self._options(request.options)
        draws, latent = _draws(options), self.settings.latent_dim
        noise = frames_of_noise(request.noise, (draws, latent) if draws > 1 else (latent,))
        voice = self._voice(name)
        longest = self.settings.max_positions - max(voice.lm.positions, voice.tts.positions)
        limits = [self.settings.max_positions]
        if options.max_new_tokens is not None:
            limits.append(voice.tts.positions + options.max_new_tokens)
        utterances = []
        for index, prompt in enumerate(self._prompts(request, options)):
            ids = check_prompt(prompt.ids, self.settings.vocab_size, longest, " with this voice")
            frames = [noise]
            if options.max_frames_per_token is not None:
                frames.append(max(1, round(options.max_frames_per_token * len(ids))))
            utterances.append(
                Utterance(
                    request=request,
                    index=index,
                    text=prompt.text,
                    prompt=ids,
                    voice=name,
                    options=options,
                    max_length=min(limits),
                    max_frames=min((limit for limit in frames if limit is not None), default=None),
                    trace=trace,
                    source=prompt.source,
                )
            )
        return utterances

    def prefill(self, utterance: Utterance, slot: int) -> None:
        """Run the text model over the whole text, and the speech model over its first window, alone."""
        voice = self._voice(utterance.voice)
        if self._negative is None:
            raise AssertionError("a request is prepared only if there is a voice, and with voices comes the negative branch")
        utterance.embeddings = self._read_text(utterance.prompt, voice)
        self._tts.cache.fill(2 * slot, voice.tts.arrays)
        self._tts.cache.fill(2 * slot + 1, self._negative.tts.arrays)
        self._condition[2 * slot + 1] = self._negative.condition
        utterance.position, utterance.negative_position = voice.tts.positions, self._negative.tts.positions
        self._read_window(utterance, slot)

    def step(self, rows: Sequence[Utterance | None]) -> None:
        """Draw a frame of every row, run it through both branches, and read the next text where it is due."""
        self._draw(rows)
        speaking = [row if row and not row.done else None for row in rows]
        if any(speaking):
            self._hear(speaking)
        for slot, row in enumerate(speaking):
            if row and not row.done and len(row.latents) % self.settings.speech_window == 0:
                self._read_window(row, slot)

    def move(self, utterance: Utterance, source: int, target: int) -> None:
        """Move an utterance's caches and what its next frame is drawn from to another slot."""
        self._tts.cache.move(2 * source, 2 * target, utterance.position)
        self._tts.cache.move(2 * source + 1, 2 * target + 1, utterance.negative_position)
        self._condition[2 * target : 2 * target + 2] = self._condition[2 * source : 2 * source + 2]

    def finish(self, utterance: Utterance) -> Utterance | None:
        """Decode the latents to audio."""
        if utterance.error:
            raise utterance.error
        if utterance.latents:
            features = self._latent_decoder.run(np.array(utterance.latents, np.float32))
            utterance.audio = self._acoustic_decoder.run(features)
            check_audio(utterance.audio, utterance.index)
        else:  # there was no room for the first window
            utterance.audio = np.zeros(0, np.float32)
        utterance.embeddings = None
        return None

    def _trace(self, utterances: Sequence[Utterance]) -> dict[str, np.ndarray]:
        """The latents as the head draws them, and the end's logit behind each that was heard."""
        latents = np.array([latent for u in utterances for latent in u.latents], np.float32)
        return {
            "latents": latents.reshape(-1, self.settings.latent_dim),
            "eos_logits": np.array([logit for u in utterances for logit in u.eos_logits], np.float32),
        }

    def _load_voice(self, name: str) -> Voice:
        return load_voice(self.bundle.path(voice_member(name)), self._sizes)

    def _check_room(self, name: str, longest: int) -> None:
        """Raise a ``BundleError`` if a voice is broken, or leaves no room for speech."""
        voice = self._load_voice(name)
        positions = max(voice.lm.positions, voice.tts.positions, self._negative.tts.positions if self._negative else 0)
        if positions >= longest:
            raise BundleError(
                f"voice {name!r} of {self.bundle.folder} has {positions} positions, and the model {longest}: none is left"
            )

    def _prompts(self, request: SynthesisRequest, options: Options) -> Sequence[Prompt]:
        if request.token_ids is not None:
            return [Prompt("", request.token_ids)]
        tokenizer = self._tokenizer
        if tokenizer is None:
            raise RequestError("this bundle has no tokenizer.json: put Qwen2.5's beside the checkpoint and export it again")
        most = min(options.max_chunk_tokens or self.settings.max_text_tokens, self.settings.max_text_tokens)

        def read(text: str) -> Prompt | None:
            text = clean(text)
            return Prompt(text, tokenize(tokenizer, text)) if text else None

        def cut(text: str) -> list[Prompt]:
            return [Prompt(chunk, tokenize(tokenizer, chunk)) for chunk in split_text(tokenizer, text, most)]

        return prompts_of(request, cut=cut, read=read, fits=lambda prompt: len(prompt.ids) <= most)

    def _read_text(self, token_ids: np.ndarray, voice: Voice) -> np.ndarray:
        """Return what the speech model reads of a text behind a voice's prompt, ``[tokens, hidden]``."""
        length = voice.lm.positions + len(token_ids)
        self._lm.cache.fill(0, voice.lm.arrays)
        embeddings = np.empty((len(token_ids), self.settings.hidden_size), np.float32)
        self._lm.run(0, {"input_ids": token_ids[None]}, np.array([length]), {"text": embeddings[None]})
        return embeddings

    def _read_window(self, utterance: Utterance, slot: int) -> None:
        """Run the next text, if there is any, through the positive branch; or stop where there is no room for it."""
        if utterance.embeddings is None:
            raise AssertionError("a window is read after the text model has run")
        window = utterance.embeddings[utterance.read : utterance.read + self.settings.text_window]
        if not len(window):
            return
        if utterance.position + len(window) > utterance.max_length:
            utterance.finish_reason = "length"
            return
        utterance.read += len(window)
        utterance.position += len(window)
        feeds = {"text": window[None], "latents": self._latents[:1, :0]}
        self._tts.run(2 * slot, feeds, np.array([utterance.position]))

    def _hear(self, rows: Sequence[Utterance | None]) -> None:
        """Run the last latent of every row through both of its branches, and note where speech ends."""
        # A free slot between others runs too: it writes to its first position, which the next voice overwrites.
        lengths = np.ones(2 * len(rows), np.int64)
        for slot, row in enumerate(rows):
            if row:
                row.position += 1
                row.negative_position += 1
                lengths[2 * slot : 2 * slot + 2] = row.position, row.negative_position
                self._latents[2 * slot : 2 * slot + 2, 0] = row.latents[-1]
        no_text = np.zeros((len(lengths), 0, self.settings.hidden_size), np.float32)
        self._tts.run(0, {"text": no_text, "latents": self._latents[: len(lengths)]}, lengths)
        for slot, row in enumerate(rows):
            if row:
                row.eos_logits.append(float(self._eos_logit[2 * slot, 0]))
                is_heard = row.eos_logits[-1] > 0
                if not np.isfinite(row.eos_logits[-1]):
                    row.error = not_finite("the logit of the end", row.index, len(row.latents) - 1)
                elif is_heard and not (row.options.finish_text and row.read < len(row.prompt)):
                    row.finish_reason = "eos"
                elif row.max_frames is not None and len(row.latents) >= row.max_frames:
                    row.finish_reason = "length"

    def _draw(self, rows: Sequence[Utterance | None]) -> None:
        """Draw a frame of every row, those with the same solver together; stop those that have no room to hear it."""
        groups: dict[tuple[int, bool], list[tuple[int, Utterance]]] = {}
        for slot, row in enumerate(rows):
            if row:
                groups.setdefault((row.options.steps, row.options.sde), []).append((slot, row))
        for (steps, stochastic), group in groups.items():
            latents = self._solve(group, steps, stochastic)
            positive = np.array([2 * slot for slot, _ in group])
            finite = finite_rows(latents, self._condition[positive], self._condition[positive + 1])
            for (_, row), latent, is_finite in zip(group, latents, finite, strict=True):
                if not is_finite:
                    row.error = not_finite("the frame", row.index, len(row.latents))
                    continue
                row.latents.append(latent)
                if row.position + 1 > row.max_length:
                    row.finish_reason = "length"

    def _solve(self, group: Sequence[tuple[int, Utterance]], steps: int, stochastic: bool) -> np.ndarray:
        """Follow the diffusion from noise to latents ``[rows, latent]``, guided away from the negative branch."""
        noise = np.stack([row.noise(_draws(row.options), self.settings.latent_dim) for _, row in group])
        noise = noise.astype(np.float32, copy=False)
        scale = np.array([[row.options.cfg_scale] for _, row in group], np.float32)
        positive = np.array([2 * slot for slot, _ in group])
        condition = self._condition[np.concatenate((positive, positive + 1))]
        x: np.ndarray = noise[:, 0]
        before = np.zeros_like(x)
        for i, step in enumerate(solver_steps(steps, self.settings.train_steps, stochastic)):
            feeds = {
                "noisy_latent": np.concatenate((x, x)),
                "timestep": np.full(len(condition), step.timestep),
                "conditioning": condition,
            }
            toward, away = np.split(self._head.run(["predicted_noise"], feeds)[0], 2)
            velocity = away + scale * (toward - away)
            clean = np.float32(step.alpha) * x - np.float32(step.sigma) * velocity
            x = np.float32(step.a) * x + np.float32(step.b0) * clean + np.float32(step.b1) * before
            if step.noise:
                x = x + np.float32(step.noise) * noise[:, 1 + i]
            before = clean
        return x


def _draws(options: Options) -> int:
    """How many latents of noise a frame takes: one to start from, with fresh noise one more for every step."""
    return 1 + options.steps if options.sde else 1

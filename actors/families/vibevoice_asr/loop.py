"""VibeVoice-ASR's loop: audio becomes features inside a prompt, a language model answers with who said what and when.

Source: transformers 5.23 ``models/vibevoice_asr`` and microsoft/VibeVoice (``vibevoice_asr_processor.py``, ``vllm_plugin``).
Decoding is greedy. A row that repeats itself goes back to its last complete segment and goes on with a little chance, as in
the original's ``test_api_auto_recover.py``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from string import Formatter
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from actors.audio.level import measure
from actors.audio.mono import release
from actors.audio.vad import Span
from actors.bundle import Bundle, Manifest
from actors.errors import BundleError, RequestError
from actors.families.vibevoice_asr.transcript import parse_transcript
from actors.finite import finite_rows, not_finite, rows_to_choose_from
from actors.hearing import SILENCE, HeardUtterance, HearingModel, HearingOptions
from actors.repetition import find_loop
from actors.requests import TranscriptionRequest, check_token_ids
from actors.runtime.graphs import Graphs
from actors.runtime.session import Device
from actors.runtime.step_graph import StepGraph
from actors.sampling import SamplingParameters, row_generator, sample
from actors.settings import FamilySettings, Length, Size, TokenId, check_ids
from actors.tokenizer import MEMBER as TOKENIZER
from actors.tokenizer import load_tokenizer

_EMBEDDING = "embedding.npy"

# What one call to a graph may take: 4 s of audio make the encoder's widest layer 50 MB, and more are not faster; attention's
# scores grow with the prompt's length times that of what is added.
_ENCODER_FRAMES = 30
_SCORES_BYTES = 128 << 20
_MAX_PREFILL = 512

# A loop is looked for every few tokens.
_LOOP_CHECK = 8
# How a row gets out of one: test_api_auto_recover.py.
_TEMPERATURES = (0.2, 0.3, 0.4)
_TOP_P = 0.95

# What the instruction to the model may have in it.
_FIELDS = ("duration", "context", "keys")
_PLAIN_FORMAT = re.compile(r"(\.\df)?")


def _check_instruction(text: str) -> str:
    """Return a format string that has only the fields and the plain formats that are known here; else raise ``ValueError``."""
    for _, name, spec, conversion in Formatter().parse(text):
        if name is not None and (name not in _FIELDS or conversion or not _PLAIN_FORMAT.fullmatch(spec or "")):
            raise ValueError(f"it has the field {name!r} with format {spec!r}: known are {', '.join(_FIELDS)}")
    return text


Instruction = Annotated[str, AfterValidator(_check_instruction)]


class Settings(FamilySettings):
    """``bundle.json``'s settings of a VibeVoice-ASR bundle; the exporter says where each comes from."""

    vocab_size: Size
    hidden_size: Size
    num_heads: Size
    samples_per_frame: Size
    state_size: Size
    loudness_dbfs: Annotated[float, Field(ge=-120, le=0)]
    audio_token_id: TokenId
    audio_bos_token_id: TokenId
    audio_eos_token_id: TokenId
    stop_token_ids: Annotated[list[TokenId], Field(min_length=1)]
    max_audio_frames: Length
    max_prompt_text_tokens: Length
    max_new_tokens: Length
    system_prompt: str
    instruction: Instruction
    instruction_with_context: Instruction
    keys: str

    @model_validator(mode="after")
    def _check_ids(self) -> "Settings":
        marks = self.model_dump(include={"audio_token_id", "audio_bos_token_id", "audio_eos_token_id"})
        check_ids(self.vocab_size, **marks, stop_token_id=max(self.stop_token_ids))
        return self


class Options(HearingOptions):
    """What a request may set.

    Attributes:
        max_new_tokens: an answer ends here with finish reason ``length``.
        retries: how often an answer that repeats itself is taken up again; 0 only detects it, and ends the answer.
    """

    max_new_tokens: Annotated[int, Field(ge=1)]
    retries: Annotated[int, Field(ge=0, le=len(_TEMPERATURES))] = len(_TEMPERATURES)


def parse_options(manifest: Manifest, values: Mapping[str, Any]) -> Options:
    """Parse a request's options over the bundle's defaults.

    Raises:
        RequestError: an unknown name or a value out of range.
    """
    settings = Settings.of(manifest)
    longest_s = settings.max_audio_frames * settings.samples_per_frame / manifest.sample_rate
    defaults = {"max_new_tokens": settings.max_new_tokens, "max_chunk_s": longest_s}
    options = Options.parse(manifest.family, defaults, values)
    if options.max_new_tokens > settings.max_new_tokens:
        raise RequestError(f"max_new_tokens {options.max_new_tokens} is above this model's {settings.max_new_tokens}")
    options.check_longest(longest_s)
    return options


@dataclass(kw_only=True)
class Utterance(HeardUtterance[Options]):
    """One piece of a recording in the loop; ``prompt`` is int64 ``[tokens]``. ``logits`` grow with ``tokens`` if traced."""

    prompt: np.ndarray
    logits: list[np.ndarray] = field(default_factory=list)
    attempt: int = 0

    @property
    def cost(self) -> int:
        """The prompt's length: an answer is about as long as its audio."""
        return len(self.prompt)

    @property
    def length(self) -> int:
        """Positions of the cache that are in use when the last token has been run."""
        return len(self.prompt) + len(self.tokens)

    @property
    def last_token(self) -> int:
        """The token to run next."""
        return self.tokens[-1] if self.tokens else int(self.prompt[-1])

    def restart(self, kept: int) -> None:
        """Forget the answer from token ``kept`` on and go on from there with other random numbers."""
        del self.tokens[kept:], self.logits[kept:]
        self.attempt += 1
        self._generator = row_generator(0, self.request.id, self.index, self.attempt)

    def choose(self, logits: np.ndarray) -> int:
        """Choose the next token from ``[vocab]``: the best one, or after a loop by chance."""
        if not self.attempt:
            return int(logits.argmax())
        parameters = SamplingParameters(_TEMPERATURES[self.attempt - 1], top_k=0, top_p=_TOP_P, repetition_penalty=1.0)
        uniform = np.array([self._generator.random()])
        return int(sample(logits[None], np.zeros((1, len(logits)), bool), [parameters], uniform)[0])


class VibeVoiceASR(HearingModel[Options, Utterance]):
    """A VibeVoice-ASR bundle opened on a device: the model that :class:`actors.batching.Engine` runs."""

    def __init__(self, bundle: Bundle, device: Device, threads: int, slots: int) -> None:
        super().__init__(bundle, slots, parse_options)
        self.settings = Settings.of(bundle.manifest)
        self._tokenizer = load_tokenizer(bundle, self.settings.vocab_size) if TOKENIZER in bundle.manifest.files else None
        self._embedding = self._load_embedding()
        self.graphs = Graphs(bundle, device, threads)
        hop, state, hidden = self.settings.samples_per_frame, self.settings.state_size, self.settings.hidden_size
        edges = {"input_values": hop, "conv_state": state, "speech_features": hidden, "new_conv_state": state}
        self._encoder = self.graphs.open("speech_encoder", **edges)
        self._max_prompt = self.settings.max_audio_frames + self.settings.max_prompt_text_tokens
        # MatMulNBits has another kernel for one row, which rounds otherwise: a row that is alone gets an idle one beside it.
        self._fewest_rows = 2 if bundle.graph("decoder").precision == "int4" else 1
        rows, longest = max(slots, self._fewest_rows), self._max_prompt + self.settings.max_new_tokens
        outputs = {"logits": self.settings.vocab_size}
        self._decoder = StepGraph(self.graphs, "decoder", rows, longest, outputs, inputs_embeds=hidden)
        self.compacts = self._decoder.cache.movable
        self._logits = self._decoder.outputs["logits"]  # row i belongs to the utterance in slot i

    def _load_embedding(self) -> np.ndarray:
        """Map the embedding of the language model, ``[vocab, hidden]``.

        Raises:
            BundleError: it is damaged, or of another size.
        """
        path, shape = self.bundle.path(_EMBEDDING), (self.settings.vocab_size, self.settings.hidden_size)
        try:
            embedding: np.ndarray = np.load(path, mmap_mode="r")
        except Exception as error:
            raise BundleError(f"{path} is damaged or truncated: {error}. Export the model again.") from error
        if embedding.shape != shape or embedding.dtype.kind != "f":
            found = f"{embedding.dtype} {list(embedding.shape)}"
            raise BundleError(f"{path} is {found}, this model needs numbers {list(shape)}. Export the model again.")
        return embedding

    # --- requests --------------------------------------------------------------------------------------------------

    def _utterance(
        self, request: TranscriptionRequest, index: int, spans: Sequence[Span], options: Options, trace: bool
    ) -> Utterance:
        samples = sum(stop - first for first, stop in spans)
        ids = self._prompt(samples, request.context) if request.token_ids is None else request.token_ids
        prompt = np.array(ids, np.int64)
        self._check_prompt(prompt, samples)
        return Utterance(request=request, index=index, spans=spans, prompt=prompt, options=options, trace=trace)

    def _prompt(self, samples: int, context: str | None) -> list[int]:
        if self._tokenizer is None:
            raise RequestError(f"{self.bundle.folder} has no {TOKENIZER}: export it with one, or pass a prompt as token_ids")
        settings = self.settings
        known = context.strip().replace("<|", "< |") if context else ""  # no special tokens from outside
        instruction = settings.instruction_with_context if known else settings.instruction
        asked = instruction.format(duration=samples / self.sample_rate, context=known, keys=settings.keys)
        encode = partial(self._tokenizer.encode, add_special_tokens=False)
        head = encode(f"<|im_start|>system\n{settings.system_prompt}<|im_end|>\n<|im_start|>user\n").ids
        tail = encode(f"\n{asked}<|im_end|>\n").ids
        audio = [settings.audio_token_id] * self._frames(samples)
        return [*head, settings.audio_bos_token_id, *audio, settings.audio_eos_token_id, *tail]

    def _check_prompt(self, prompt: np.ndarray, samples: int) -> None:
        settings = self.settings
        frames = int((prompt == settings.audio_token_id).sum())
        if frames != self._frames(samples):
            raise RequestError(f"the prompt has {frames} audio tokens, the audio {self._frames(samples)} frames")
        if frames > settings.max_audio_frames:
            raise RequestError(f"the audio has {frames} frames, this model hears {settings.max_audio_frames} at once")
        if len(prompt) - frames > settings.max_prompt_text_tokens:
            raise RequestError(
                f"the prompt has {len(prompt) - frames} tokens of text, the limit is {settings.max_prompt_text_tokens}: give "
                "a shorter context"
            )
        check_token_ids(prompt, settings.vocab_size)

    def _frames(self, samples: int) -> int:
        return -(-samples // self.settings.samples_per_frame)

    # --- the loop --------------------------------------------------------------------------------------------------

    def prefill(self, utterance: Utterance, slot: int) -> None:
        """Encode the audio, run the prompt through the language model, alone, and choose the first token."""
        if utterance.done:  # there is nothing to hear
            return
        embeds = self._embed(utterance.prompt)
        features = self._encode(utterance.audio)
        if not finite_rows(features).all():
            raise not_finite("what the encoder hears", utterance.index, int(np.argmin(finite_rows(features))))
        embeds[utterance.prompt == self.settings.audio_token_id] = features
        release(utterance.request.audio)
        per_token = self.settings.num_heads * len(embeds) * np.dtype(np.float32).itemsize
        size = min(_MAX_PREFILL, max(1, _SCORES_BYTES // per_token))
        for first in range(0, len(embeds), size):
            part = embeds[first : first + size]
            self._decoder.run(slot, {"inputs_embeds": part[None]}, np.array([first + len(part)]))
        self._choose([utterance], slice(slot, slot + 1))

    def step(self, rows: Sequence[Utterance | None]) -> None:
        """Run the last token of every row through the language model and choose the next."""
        rows = [*rows, *[None] * (self._fewest_rows - len(rows))]
        tokens = np.array([row.last_token if row else 0 for row in rows])
        # A free slot between others runs too: it writes to its first position, which the next prompt overwrites.
        lengths = np.array([row.length if row else 1 for row in rows])
        self._decoder.run(0, {"inputs_embeds": self._embed(tokens)[:, None]}, lengths)
        self._choose(rows, slice(0, len(rows)))

    def move(self, utterance: Utterance, source: int, target: int) -> None:
        """Move an utterance's cache to another slot."""
        self._decoder.cache.move(source, target, utterance.length)

    def finish(self, utterance: Utterance) -> Utterance | None:
        """Read the answer as a transcript."""
        if utterance.finish_reason == SILENCE:
            return None
        if utterance.error:
            raise utterance.error
        if self._tokenizer is not None:
            utterance.answer = self._tokenizer.decode(utterance.tokens, skip_special_tokens=True)
        utterance.segments = parse_transcript(utterance.answer)
        return None

    def _trace(self, utterances: Sequence[Utterance]) -> dict[str, np.ndarray]:
        """The tokens, and the logits that each was chosen from."""
        logits = [row for utterance in utterances for row in utterance.logits]
        return {
            "tokens": np.array([token for utterance in utterances for token in utterance.tokens], np.int64),
            "logits": np.array(logits, np.float32).reshape(-1, self.settings.vocab_size),
        }

    def _encode(self, audio: np.ndarray) -> np.ndarray:
        """Return the features of ``[samples]``, ``[frames, hidden]``, chunk by chunk."""
        frames, hop = self._frames(len(audio)), self.settings.samples_per_frame
        level = measure(audio, self.settings.loudness_dbfs)
        features = np.empty((frames, self.settings.hidden_size), np.float32)
        state = np.zeros((1, self.settings.state_size), np.float32)
        for first in range(0, frames, _ENCODER_FRAMES):
            heard = level.apply(audio[first * hop : (first + _ENCODER_FRAMES) * hop], first * hop)
            samples = np.zeros((1, self._frames(len(heard)), hop), np.float32)
            samples.reshape(-1)[: len(heard)] = heard
            chunk = {"input_values": samples, "conv_state": state}
            part, state = self._encoder.run(["speech_features", "new_conv_state"], chunk)
            features[first : first + _ENCODER_FRAMES] = part[0]
        return features

    def _embed(self, tokens: np.ndarray) -> np.ndarray:
        """Return the embeddings of ``tokens``, float32 ``[tokens, hidden]``."""
        embeds: np.ndarray = self._embedding[tokens].astype(np.float32)
        return embeds

    def _choose(self, rows: Sequence[Utterance | None], slots: slice) -> None:
        """Choose the next token of every row from the logits in its slot, and note what follows from it."""
        finite = rows_to_choose_from(self._logits[slots])
        for row, logits, is_finite in zip(rows, self._logits[slots], finite, strict=True):
            if row is None:
                continue
            if not is_finite:
                row.error = not_finite("what the language model says", row.index, len(row.tokens))
                continue
            token = row.choose(logits)
            if token in self.settings.stop_token_ids:
                row.finish_reason = "eos"
                continue
            row.tokens.append(token)
            if row.trace:
                row.logits.append(logits.copy())
            if len(row.tokens) >= row.options.max_new_tokens:
                row.finish_reason = "length"
            elif len(row.tokens) % _LOOP_CHECK == 0:
                self._leave_loop(row)

    def _leave_loop(self, row: Utterance) -> None:
        """If a row repeats itself, take it back to its last complete segment; after the last attempt end it there."""
        start = find_loop(row.tokens)
        if start is None:
            return
        kept = self._last_segment_end(row.tokens[:start])
        if row.attempt < row.options.retries:
            row.restart(kept)
        else:
            del row.tokens[kept:], row.logits[kept:]
            row.finish_reason = "loop"

    def _last_segment_end(self, tokens: list[int]) -> int:
        """Return how many tokens there are up to the last one that ends a segment; all if there is none."""
        if self._tokenizer is None:
            return len(tokens)
        ends = (i + 1 for i in reversed(range(len(tokens))) if "}" in self._tokenizer.decode([tokens[i]]))
        return next(ends, len(tokens))

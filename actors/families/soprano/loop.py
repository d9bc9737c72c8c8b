"""Soprano's loop: a language model writes audio tokens, its hidden states become sound.

Source: soprano-tts 0.2.0, ``tts.py`` and ``backends/transformers.py``. The decoder reads, for every token, the hidden state
that *predicted* it (the first one is that of the prompt's last token); the state that predicts the end is dropped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from textwrap import wrap
from typing import Annotated, Any

import numpy as np
from pydantic import Field, model_validator

from actors.bundle import Bundle, Manifest
from actors.errors import BundleError, NotFiniteError, RequestError
from actors.families.soprano.chunking import chunk_text
from actors.finite import check_audio, finite_rows, not_finite, rows_to_choose_from
from actors.requests import SynthesisRequest, SynthesisResult, join_chunks
from actors.runtime.session import Device, Graphs
from actors.runtime.step_graph import StepGraph
from actors.sampling import SamplingParameters, row_generator, sample
from actors.settings import Count, FamilyOptions, FamilySettings, Fraction, Length, Positive, Size, TokenId, check_ids
from actors.tokenizer import load_tokenizer


class Settings(FamilySettings):
    """``bundle.json``'s settings of a Soprano bundle; the exporter says where each comes from."""

    vocab_size: Size
    hidden_size: Size
    num_layers: Size
    num_kv_heads: Size
    head_dim: Size
    eos_token_id: TokenId
    max_prompt_tokens: Length
    max_new_tokens: Length
    samples_per_token: Size
    receptive_field_tokens: Count
    prompt_prefix: str
    prompt_suffix: str
    min_sentence_chars: Count
    max_sentence_chars: Length
    temperature: Annotated[float, Field(ge=0, le=5)]
    top_p: Fraction
    repetition_penalty: Annotated[float, Field(gt=0, le=10)]
    top_k: Count
    hallucination_distance: Positive
    hallucination_run: Count

    @model_validator(mode="after")
    def _check_ids(self) -> "Settings":
        check_ids(self.vocab_size, eos_token_id=self.eos_token_id)
        return self


class Options(FamilyOptions):
    """What a request may set. Defaults are the bundle's, which are the original's.

    Attributes:
        temperature: of sampling; 0 means 0.001.
        top_p: keep the most likely tokens that reach this probability together.
        top_k: keep this many most likely tokens; 0 keeps all.
        repetition_penalty: 1 switches it off.
        min_new_tokens: the end is forbidden before this many tokens.
        max_new_tokens: the loop stops here with finish reason ``length``.
        retries: how often a chunk that looks like a hallucination is spoken again.
        pause_s: silence between the chunks of a long text, in seconds.
    """

    temperature: Annotated[float, Field(ge=0, le=5)]
    top_p: Annotated[float, Field(gt=0, le=1)]
    top_k: Annotated[int, Field(ge=0)]
    repetition_penalty: Annotated[float, Field(gt=0, le=10)]
    min_new_tokens: Annotated[int, Field(ge=0)] = 0
    max_new_tokens: Annotated[int, Field(ge=1)]
    retries: Annotated[int, Field(ge=0, le=20)] = 0
    pause_s: Annotated[float, Field(ge=0, le=10)] = 0.0

    def sampling(self) -> SamplingParameters:
        """Return the part that :func:`actors.sampling.sample` reads."""
        return SamplingParameters(self.temperature, self.top_k, self.top_p, self.repetition_penalty)


def parse_options(manifest: Manifest, values: Mapping[str, Any]) -> Options:
    """Parse a request's options over the bundle's defaults.

    Raises:
        RequestError: an unknown name or a value out of range.
    """
    settings = Settings.of(manifest)
    defaults = settings.model_dump(include={"temperature", "top_p", "top_k", "repetition_penalty", "max_new_tokens"})
    options = Options.parse(manifest.family, defaults, values)
    if options.max_new_tokens > settings.max_new_tokens:
        raise RequestError(f"max_new_tokens {options.max_new_tokens} is above this model's {settings.max_new_tokens}")
    return options


@dataclass
class Utterance:
    """One chunk in the loop. ``tokens`` and ``hidden`` grow together; the end token is in neither."""

    request: SynthesisRequest
    index: int
    text: str
    prompt: np.ndarray
    options: Options
    trace: bool
    attempt: int = 0
    tokens: list[int] = field(default_factory=list)
    hidden: list[np.ndarray] = field(default_factory=list)
    finish_reason: str | None = None
    error: NotFiniteError | None = None
    audio: np.ndarray | None = None

    def __post_init__(self) -> None:
        self.sampling = self.options.sampling()
        self._generator = row_generator(self.request.seed, self.request.id, self.index, self.attempt)

    @property
    def cost(self) -> int:
        """The prompt's length: speech is about as long as its text."""
        return len(self.prompt)

    @property
    def done(self) -> bool:
        """Whether the end token or the longest length was reached, or a step went wrong."""
        return self.finish_reason is not None or self.error is not None

    def uniform(self) -> float:
        """Return the random number in [0, 1) that chooses the next token."""
        if self.request.noise is None:
            return float(self._generator.random())
        return float(self.request.noise[len(self.tokens)])


class Soprano:
    """A Soprano bundle opened on a device: the model that :class:`actors.batching.Engine` runs."""

    def __init__(self, bundle: Bundle, device: Device, threads: int, slots: int) -> None:
        self.settings = Settings.of(bundle.manifest)
        if bundle.manifest.layout != "server":
            raise BundleError(f"{bundle.folder} has layout {bundle.manifest.layout!r}: the engine runs 'server' bundles")
        self.bundle = bundle
        self.slots = slots
        self.sample_rate = bundle.manifest.sample_rate
        self.voices = tuple(bundle.manifest.voices)
        self._tokenizer = load_tokenizer(bundle, self.settings.vocab_size)
        self.graphs = Graphs(bundle, device, threads)
        vocab_size, hidden_size = self.settings.vocab_size, self.settings.hidden_size
        max_length = self.settings.max_prompt_tokens + self.settings.max_new_tokens
        outputs = {"logits": vocab_size, "hidden": hidden_size}
        self._lm = StepGraph(self.graphs, "lm", slots, max_length, outputs, input_ids=None)
        self._decoder = self.graphs.open("decoder", hidden=hidden_size, audio=None)
        self.compacts = self._lm.cache.movable
        # Row i belongs to the utterance in slot i.
        self._logits, self._hidden = self._lm.outputs["logits"], self._lm.outputs["hidden"]
        self._seen = np.zeros((slots, vocab_size), bool)

    def prepare(self, request: SynthesisRequest, trace: bool) -> list[Utterance]:
        """Normalise, chunk and tokenize a request.

        Raises:
            RequestError: nothing speakable, an unknown voice or option, prompt or noise of the wrong size.
        """
        if request.voice is not None and request.voice not in self.voices:
            raise RequestError(f"unknown voice {request.voice!r}: this model has {', '.join(self.voices)}")
        options = parse_options(self.bundle.manifest, request.options)
        if request.noise is not None and request.noise.size < options.max_new_tokens:
            raise RequestError(f"noise has {request.noise.size} numbers, max_new_tokens is {options.max_new_tokens}")
        prompts = [("", request.token_ids)] if request.token_ids is not None else self._prompts(request.text)
        return [
            Utterance(request, index, text, self._check_prompt(ids), options, trace)
            for index, (text, ids) in enumerate(prompts)
        ]

    def prefill(self, utterance: Utterance, slot: int) -> None:
        """Run the prompt through the language model, alone, and choose the first token."""
        self._lm.run(slot, {"input_ids": utterance.prompt[None]}, np.array([len(utterance.prompt)]))
        self._seen[slot] = False
        self._seen[slot, utterance.prompt] = True
        self._choose([utterance], slice(slot, slot + 1))

    def step(self, rows: Sequence[Utterance | None]) -> None:
        """Run the last chosen token of every row through the language model and choose the next."""
        tokens = np.array([[row.tokens[-1] if row else 0] for row in rows])
        # A free slot between others runs too: it writes to its first position, which the next prompt overwrites.
        lengths = np.array([len(row.prompt) + len(row.tokens) if row else 1 for row in rows])
        self._lm.run(0, {"input_ids": tokens}, lengths)
        self._choose(rows, slice(0, len(rows)))

    def move(self, utterance: Utterance, source: int, target: int) -> None:
        """Move an utterance's cache and what it has seen to another slot."""
        self._lm.cache.move(source, target, len(utterance.prompt) + len(utterance.tokens))
        self._seen[target] = self._seen[source]

    def finish(self, utterance: Utterance) -> Utterance | None:
        """Decode the hidden states to audio; or ask for another attempt at a suspected hallucination.

        One at a time: rows of equal length together get the same bits, but on a CPU 8 of 16 tokens are 1.2 times as fast, 8 of
        48 tokens 0.9 times, and few utterances (2 to 5 % of a corpus at 32 slots) end beside another of their length.
        """
        if utterance.error:
            raise utterance.error
        if utterance.attempt < utterance.options.retries and self._hallucinates(utterance.hidden):
            return replace(utterance, attempt=utterance.attempt + 1, tokens=[], hidden=[], finish_reason=None)
        if len(utterance.hidden) < 2:  # the decoder makes sound between tokens
            utterance.audio = np.zeros(0, np.float32)
        else:
            hidden = np.stack(utterance.hidden)[None]
            utterance.audio = self._decoder.run(["audio"], {"hidden": hidden})[0][0]
            check_audio(utterance.audio, utterance.index)
        if not utterance.trace:
            utterance.hidden.clear()
        return None

    def join(self, request: SynthesisRequest, utterances: Sequence[Utterance]) -> SynthesisResult:
        """Put the chunks of a text one after the other with the asked-for pause between."""
        spoken = [(utterance.text, utterance.audio, utterance.finish_reason) for utterance in utterances]
        audio, chunks = join_chunks(spoken, utterances[0].options.pause_s, self.sample_rate)
        trace: dict[str, np.ndarray] | None = None
        if utterances[0].trace:
            trace = {
                "tokens": np.array([token for utterance in utterances for token in utterance.tokens], np.int64),
                "hidden": np.array([row for utterance in utterances for row in utterance.hidden], np.float32).reshape(
                    -1, self.settings.hidden_size
                ),
            }
        return SynthesisResult(
            id=request.id,
            audio=audio,
            sample_rate=self.sample_rate,
            frames=sum(len(utterance.tokens) for utterance in utterances),
            finish_reason="length" if any(u.finish_reason == "length" for u in utterances) else "eos",
            chunks=chunks,
            trace=trace,
        )

    def _prompts(self, text: str | None) -> list[tuple[str, list[int]]]:
        if text is None:
            raise RequestError("a request needs either text or token_ids")
        longest = self.settings.max_sentence_chars
        chunks = chunk_text(text, self.settings.min_sentence_chars, longest)
        if not any(character.isalnum() for chunk in chunks for character in chunk):
            raise RequestError("the text has nothing to speak: no letter or number is left after normalisation")
        # The original's splitter joins short sentences without end, and its prompt is cut at 512 tokens: text is lost.
        prompts = []
        for chunk in chunks:
            ids = self._prompt_ids(chunk)
            if len(chunk) <= 2 * longest and len(ids) <= self.settings.max_prompt_tokens:
                prompts.append((chunk, ids))
            else:
                prompts += [(piece, self._prompt_ids(piece)) for piece in wrap(chunk, longest)]
        return prompts

    def _prompt_ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(f"{self.settings.prompt_prefix}{text}{self.settings.prompt_suffix}").ids
        return ids

    def _check_prompt(self, ids: Sequence[int]) -> np.ndarray:
        prompt = np.asarray(ids, np.int64)
        if not 0 < len(prompt) <= self.settings.max_prompt_tokens:
            raise RequestError(f"a prompt has 1 to {self.settings.max_prompt_tokens} tokens, this one has {len(prompt)}")
        if prompt.min() < 0 or prompt.max() >= self.settings.vocab_size:
            raise RequestError(f"token ids must be in 0 .. {self.settings.vocab_size - 1}")
        return prompt

    def _choose(self, rows: Sequence[Utterance | None], slots: slice) -> None:
        """Choose the next token of every row from the logits in its slot, and note what follows from it."""
        finite = rows_to_choose_from(self._logits[slots]) & finite_rows(self._hidden[slots])
        active: list[tuple[int, Utterance]] = []
        for slot, row, is_finite in zip(range(slots.start, slots.stop), rows, finite, strict=True):
            if row and is_finite:
                active.append((slot, row))
            elif row:
                row.error = not_finite("what the language model says", row.index, len(row.tokens))
        if not active:
            return
        indices = np.array([slot for slot, _ in active])
        logits = self._logits[indices]
        for i, (_, row) in enumerate(active):
            if len(row.tokens) < row.options.min_new_tokens:
                logits[i, self.settings.eos_token_id] = -np.inf
        uniforms = np.array([row.uniform() for _, row in active])
        chosen = sample(logits, self._seen[indices], [row.sampling for _, row in active], uniforms)
        self._seen[indices, chosen] = True
        for (slot, row), token in zip(active, chosen, strict=True):
            if token == self.settings.eos_token_id:
                row.finish_reason = "eos"
                continue
            row.tokens.append(int(token))
            row.hidden.append(self._hidden[slot].copy())
            if len(row.tokens) >= row.options.max_new_tokens:
                row.finish_reason = "length"

    def _hallucinates(self, hidden: Sequence[np.ndarray]) -> bool:
        """Whether the hidden states stand still for long (soprano-tts ``tts.py: hallucination_detector``)."""
        if len(hidden) <= self.settings.hallucination_run:
            return False
        run = 0
        for distance in np.abs(np.diff(np.stack(hidden), axis=0)).sum(axis=1):
            run = run + 1 if distance < self.settings.hallucination_distance else max(0, run - 1)
            if run > self.settings.hallucination_run:
                return True
        return False

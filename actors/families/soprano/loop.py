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
from actors.errors import RequestError
from actors.families.soprano.chunking import chunk_text, read_text
from actors.finite import finite_rows, not_finite, rows_to_choose_from
from actors.requests import SynthesisRequest
from actors.runtime.graphs import Graphs
from actors.runtime.session import Device
from actors.runtime.step_graph import StepGraph
from actors.sampling import SamplingParameters, row_generator, sample
from actors.settings import Count, FamilySettings, Fraction, Length, Positive, Size, TokenId, check_ids
from actors.speaking import Prompt, SpeakingModel, SpeakingOptions, SpokenUtterance, check_audio, check_prompt, prompts_of
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


class Options(SpeakingOptions):
    """What a request may set. Defaults are the bundle's, which are the original's.

    Attributes:
        temperature: of sampling; 0 means 0.001.
        top_p: keep the most likely tokens that reach this probability together.
        top_k: keep this many most likely tokens; 0 keeps all.
        repetition_penalty: 1 switches it off.
        min_new_tokens: the end is forbidden before this many tokens.
        max_new_tokens: the loop stops here with finish reason ``length``.
        retries: how often a chunk that looks like a hallucination is spoken again.
    """

    temperature: Annotated[float, Field(ge=0, le=5)]
    top_p: Annotated[float, Field(gt=0, le=1)]
    top_k: Annotated[int, Field(ge=0)]
    repetition_penalty: Annotated[float, Field(gt=0, le=10)]
    min_new_tokens: Annotated[int, Field(ge=0)] = 0
    max_new_tokens: Annotated[int, Field(ge=1)]
    retries: Annotated[int, Field(ge=0, le=20)] = 0

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


@dataclass(kw_only=True)
class Utterance(SpokenUtterance[Options]):
    """One chunk in the loop. ``tokens`` and ``hidden`` grow together; the end token is in neither."""

    attempt: int = 0
    tokens: list[int] = field(default_factory=list)
    hidden: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sampling = self.options.sampling()
        self._generator = row_generator(self.request.seed, self.request.id, self.index, self.attempt)

    @property
    def frames(self) -> int:
        """How many tokens the loop has made."""
        return len(self.tokens)

    def uniform(self) -> float:
        """Return the random number in [0, 1) that chooses the next token."""
        if self.request.noise is None:
            return float(self._generator.random())
        return float(self.request.noise[len(self.tokens)])


class Soprano(SpeakingModel[Options, Utterance]):
    """A Soprano bundle opened on a device: the model that :class:`actors.batching.Engine` runs."""

    def __init__(self, bundle: Bundle, device: Device, threads: int, slots: int) -> None:
        super().__init__(bundle, slots, parse_options)
        self.settings = Settings.of(bundle.manifest)
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
        self._choose_voice(request.voice)
        options = self._options(request.options)
        if request.noise is not None and request.noise.size < options.max_new_tokens:
            raise RequestError(f"noise has {request.noise.size} numbers, max_new_tokens is {options.max_new_tokens}")
        vocab_size, longest = self.settings.vocab_size, self.settings.max_prompt_tokens
        return [
            Utterance(
                request=request,
                index=index,
                text=prompt.text,
                prompt=check_prompt(prompt.ids, vocab_size, longest),
                options=options,
                trace=trace,
                source=prompt.source,
            )
            for index, prompt in enumerate(self._prompts(request))
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

    def _trace(self, utterances: Sequence[Utterance]) -> dict[str, np.ndarray]:
        """The tokens, and the hidden state that each came from."""
        return {
            "tokens": np.array([token for utterance in utterances for token in utterance.tokens], np.int64),
            "hidden": np.array([row for utterance in utterances for row in utterance.hidden], np.float32).reshape(
                -1, self.settings.hidden_size
            ),
        }

    def _prompts(self, request: SynthesisRequest) -> Sequence[Prompt]:
        if request.token_ids is not None:
            return [Prompt("", request.token_ids)]
        fewest, most = self.settings.min_sentence_chars, self.settings.max_sentence_chars
        return prompts_of(
            request,
            cut=self._cut,
            read=self._read,
            fits=lambda prompt: len(prompt.text) <= most and len(prompt.ids) <= self.settings.max_prompt_tokens,
            short=lambda prompt: len(prompt.text) < fewest,
            alone=True,  # as in the original
        )

    def _cut(self, text: str) -> list[Prompt]:
        longest = self.settings.max_sentence_chars
        # The original's splitter joins short sentences without end, and its prompt is cut at 512 tokens: text is lost.
        prompts = []
        for chunk in map(self._tokenized, chunk_text(text, self.settings.min_sentence_chars, longest)):
            if len(chunk.text) <= 2 * longest and len(chunk.ids) <= self.settings.max_prompt_tokens:
                prompts.append(chunk)
            else:
                prompts += map(self._tokenized, wrap(chunk.text, longest))
        return prompts

    def _read(self, text: str) -> Prompt | None:
        read = read_text(text, self.settings.max_sentence_chars, is_read=True)
        return self._tokenized(read) if read else None

    def _tokenized(self, text: str) -> Prompt:
        return Prompt(text, self._tokenizer.encode(f"{self.settings.prompt_prefix}{text}{self.settings.prompt_suffix}").ids)

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

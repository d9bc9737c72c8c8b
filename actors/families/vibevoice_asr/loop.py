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
from actors.audio.mono import FloatArray, blocks, release
from actors.audio.vad import SilenceCutter, Span, join_spans, place
from actors.bundle import Bundle, Manifest
from actors.errors import BundleError, NotFiniteError, RequestError
from actors.families.vibevoice_asr.transcript import parse_transcript, plain_text
from actors.finite import finite_rows, not_finite, rows_to_choose_from
from actors.requests import Segment, TranscriptionRequest, TranscriptionResult
from actors.runtime.session import Device, Graphs
from actors.runtime.step_graph import StepGraph
from actors.sampling import SamplingParameters, row_generator, sample
from actors.settings import FamilyOptions, FamilySettings, Length, Size, TokenId, check_ids
from actors.tokenizer import MEMBER as TOKENIZER
from actors.tokenizer import load_tokenizer

_EMBEDDING = "embedding.npy"

# What one call to a graph may take: 4 s of audio make the encoder's widest layer 50 MB, and more are not faster; attention's
# scores grow with the prompt's length times that of what is added.
_ENCODER_FRAMES = 30
_SCORES_BYTES = 128 << 20
_MAX_PREFILL = 512

_CHECKED = 1 << 20  # samples that are looked at together

# A loop is the same tokens over and over again: this often, and this long together; looked for every few tokens.
_LOOP_REPEATS = 10
_LOOP_TOKENS = 64
_LOOP_PERIOD = 64
_LOOP_CHECK = 8
# How a row gets out of one: test_api_auto_recover.py.
_TEMPERATURES = (0.2, 0.3, 0.4)
_TOP_P = 0.95

# What the instruction to the model may have in it.
_FIELDS = ("duration", "context", "keys")
_PLAIN_FORMAT = re.compile(r"(\.\df)?")

_SILENCE = "silence"
_FINISH_REASONS = ("loop", "length", "eos", _SILENCE)  # the worst first


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


class Options(FamilyOptions):
    """What a request may set.

    Attributes:
        max_new_tokens: an answer ends here with finish reason ``length``.
        max_chunk_s: longer audio is cut at silences into pieces of at most this many seconds.
        retries: how often an answer that repeats itself is taken up again; 0 only detects it, and ends the answer.
        vad: leave out pieces in which the detector hears nobody; without it only digital silence is left out.
    """

    max_new_tokens: Annotated[int, Field(ge=1)]
    max_chunk_s: Annotated[float, Field(ge=1)]
    retries: Annotated[int, Field(ge=0, le=len(_TEMPERATURES))] = len(_TEMPERATURES)
    vad: bool = True


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
    if options.max_chunk_s > longest_s:
        raise RequestError(f"max_chunk_s {options.max_chunk_s} is more than the {longest_s:g} s that this model hears at once")
    return options


@dataclass
class Utterance:
    """One piece of a recording on its way. ``tokens`` is the answer without its end.

    ``spans`` are the samples of the recording that the model hears, one behind the other.
    """

    request: TranscriptionRequest
    index: int
    spans: Sequence[Span]
    prompt: np.ndarray
    options: Options
    trace: bool
    tokens: list[int] = field(default_factory=list)
    logits: list[np.ndarray] = field(default_factory=list)
    finish_reason: str | None = None
    error: NotFiniteError | None = None
    attempt: int = 0
    segments: list[Segment] | None = None
    answer: str = ""

    @property
    def audio(self) -> FloatArray:
        """What the model hears, ``[samples]``."""
        return join_spans(self.request.audio, self.spans)

    @property
    def cost(self) -> int:
        """The prompt's length: an answer is about as long as its audio."""
        return len(self.prompt)

    @property
    def done(self) -> bool:
        """Whether the answer has ended, or a step went wrong."""
        return self.finish_reason is not None or self.error is not None

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


class VibeVoiceASR:
    """A VibeVoice-ASR bundle opened on a device: the model that :class:`actors.batching.Engine` runs."""

    def __init__(self, bundle: Bundle, device: Device, threads: int, slots: int) -> None:
        self.settings = Settings.of(bundle.manifest)
        if bundle.manifest.layout != "server":
            raise BundleError(f"{bundle.folder} has layout {bundle.manifest.layout!r}: the engine runs 'server' bundles")
        self.bundle = bundle
        self.slots = slots
        self.sample_rate = bundle.manifest.sample_rate
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
        self._cutter = SilenceCutter()
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

    def prepare(self, request: TranscriptionRequest, trace: bool) -> list[Utterance]:
        """Cut a recording into pieces that the model can hear at once, and write their prompts.

        Raises:
            RequestError: no audio, samples that are no numbers, an unknown option, a prompt that does not fit.
        """
        options = parse_options(self.bundle.manifest, request.options)
        audio = request.audio
        if audio.dtype != np.float32 or audio.ndim != 1:
            raise RequestError(f"audio must be float32 [samples], got {audio.dtype} {list(audio.shape)}")
        if not len(audio):
            raise RequestError("the audio has no samples")
        if not all(np.isfinite(block).all() for block in blocks(audio, _CHECKED)):
            raise RequestError("the audio has NaN or infinite samples")
        if request.token_ids is not None:
            prompt = self._check_prompt(np.asarray(request.token_ids, np.int64), len(audio))
            return [Utterance(request, 0, [(0, len(audio))], prompt, options, trace)]
        pieces = self._cutter.cut(audio, self.sample_rate, int(options.max_chunk_s * self.sample_rate))
        is_whole = len(pieces) == 1
        return [self._utterance(request, i, piece, options, trace, is_whole=is_whole) for i, piece in enumerate(pieces)]

    def _utterance(
        self, request: TranscriptionRequest, index: int, piece: Span, options: Options, trace: bool, *, is_whole: bool
    ) -> Utterance:
        """Write the prompt of a piece for what is worth hearing of it; one in which nobody speaks is done."""
        first, stop = piece
        heard = self._cutter.heard(request.audio[first:stop], self.sample_rate, detect=options.vad, trim=not is_whole)
        release(request.audio)
        spans = [(first + begin, first + end) for begin, end in heard or [(0, stop - first)]]
        prompt = self._prompt(sum(end - begin for begin, end in spans), request.context)
        utterance = Utterance(request, index, spans, prompt, options, trace)
        if not heard:
            utterance.finish_reason, utterance.segments = _SILENCE, []
        return utterance

    def _prompt(self, samples: int, context: str | None) -> np.ndarray:
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
        return self._check_prompt(
            np.array([*head, settings.audio_bos_token_id, *audio, settings.audio_eos_token_id, *tail], np.int64), samples
        )

    def _check_prompt(self, prompt: np.ndarray, samples: int) -> np.ndarray:
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
        if prompt.min() < 0 or prompt.max() >= settings.vocab_size:
            raise RequestError(f"token ids must be in 0 .. {settings.vocab_size - 1}")
        return prompt

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
        if utterance.finish_reason == _SILENCE:
            return None
        if utterance.error:
            raise utterance.error
        if self._tokenizer is not None:
            utterance.answer = self._tokenizer.decode(utterance.tokens, skip_special_tokens=True)
        utterance.segments = parse_transcript(utterance.answer)
        return None

    def join(self, request: TranscriptionRequest, utterances: Sequence[Utterance]) -> TranscriptionResult:
        """Put the pieces of a recording back to their places in time."""
        segments = tuple(
            segment for utterance in utterances for segment in self._in_place(utterance, is_whole=len(utterances) == 1)
        )
        duration_s = len(request.audio) / self.sample_rate
        trace: dict[str, np.ndarray] | None = None
        if utterances[0].trace:
            logits = [row for utterance in utterances for row in utterance.logits]
            trace = {
                "tokens": np.array([token for utterance in utterances for token in utterance.tokens], np.int64),
                "logits": np.array(logits, np.float32).reshape(-1, self.settings.vocab_size),
            }
        reasons = {utterance.finish_reason for utterance in utterances}
        return TranscriptionResult(
            id=request.id,
            text=plain_text(segments),
            segments=segments,
            duration_s=duration_s,
            frames=sum(len(utterance.tokens) for utterance in utterances),
            finish_reason=next(reason for reason in _FINISH_REASONS if reason in reasons),
            coverage=max((segment.end for segment in segments), default=0.0) / duration_s,
            unreadable=tuple(utterance.answer for utterance in utterances if utterance.segments is None),
            trace=trace,
        )

    def _in_place(self, utterance: Utterance, *, is_whole: bool) -> list[Segment]:
        """The segments of a piece in the time of the recording; never beyond the piece."""
        prefix = "" if is_whole else f"{utterance.index + 1}-"
        return [
            Segment(
                start := self._place(utterance, segment.start, is_end=False),
                max(start, self._place(utterance, segment.end, is_end=True)),
                None if segment.speaker is None else prefix + segment.speaker,
                segment.text,
            )
            for segment in utterance.segments or []
        ]

    def _place(self, utterance: Utterance, seconds: float, *, is_end: bool) -> float:
        return place(utterance.spans, seconds * self.sample_rate, is_end=is_end) / self.sample_rate

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


def normalise(audio: FloatArray, loudness_dbfs: float) -> FloatArray:
    """Bring ``[samples]`` to a loudness (root mean square) as the original does; peaks above 1 lower it again."""
    return measure(audio, loudness_dbfs).apply(audio)


def find_loop(tokens: Sequence[int]) -> int | None:
    """Return where a loop begins that ``tokens`` end with; ``None`` if they end with none."""
    tail = np.array(tokens[-_LOOP_PERIOD * _LOOP_REPEATS :])
    for period in range(1, min(_LOOP_PERIOD, len(tail) // _LOOP_REPEATS) + 1):
        differs = np.nonzero(tail[period:] != tail[:-period])[0]
        run = len(tail) - (int(differs[-1]) + 1 if len(differs) else 0)  # from the first token that is repeated
        if run >= max(_LOOP_REPEATS * period, _LOOP_TOKENS):
            return len(tokens) - run
    return None

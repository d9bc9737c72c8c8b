"""Whisper's loop: a window of 30 s becomes keys and values that a decoder reads while it writes what is said.

Source: transformers 5.23 ``models/whisper/generation_whisper.py`` and openai/whisper ``transcribe.py``, ``decoding.py``. Other
than theirs, windows are cut where nobody speaks and packed full of speech (:mod:`actors.audio.packing`), and do not read what
the ones before said: so that those of a recording, and of several, are written together.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from actors.audio.mono import FloatArray, release
from actors.audio.vad import Span
from actors.bundle import Bundle
from actors.errors import RequestError
from actors.families.whisper.fallback import compression_ratio, is_silence, needs_fallback, repeats_itself
from actors.families.whisper.rules import TokenRules
from actors.families.whisper.segments import SECONDS_PER_FRAME, segments_of
from actors.families.whisper.settings import Options, Settings, parse_options
from actors.families.whisper.utterance import Recording, Utterance
from actors.families.whisper.words import audio_frames, token_times, words_of
from actors.finite import not_finite, rows_to_choose_from
from actors.hearing import SILENCE, HearingModel
from actors.requests import Segment, TranscriptionRequest, TranscriptionResult, Word
from actors.runtime.graphs import Graphs
from actors.runtime.kv_cache import RowBuffers
from actors.runtime.session import Device
from actors.runtime.step_graph import StepGraph
from actors.tokenizer import load_tokenizer

_MEL_FRAMES = 2  # of the spectrogram, for one of the encoder's

# Silence behind a piece in a window that fits it: without any the model does not know that it ends.
_MARGIN_S = 2.0

_LOOP_CHECK = 8  # tokens after which an answer is looked at for repetitions
# All of a packed piece is speech: where an answer says nothing of more than this at its end, that is heard again.
_UNHEARD_S = 2.0
# So much more of a piece must have been heard each time.
_PROGRESS_S = 0.5


class Whisper(HearingModel[Options, Utterance]):
    """A Whisper bundle opened on a device: the model that :class:`actors.batching.Engine` runs."""

    def __init__(self, bundle: Bundle, device: Device, threads: int, slots: int) -> None:
        super().__init__(bundle, slots, parse_options)
        self.settings = settings = Settings.of(bundle.manifest)
        self._tokenizer = load_tokenizer(bundle, settings.vocab_size)
        self._rules = TokenRules(
            settings.vocab_size,
            settings.eos_id,
            settings.timestamp_begin,
            settings.no_timestamps_id,
            tuple(settings.suppress_tokens),
            tuple(settings.begin_suppress_tokens),
            settings.max_initial_timestamp_index,
        )
        self.graphs = Graphs(bundle, device, threads)
        self._mel = self.graphs.open("log_mel", audio=None, input_features=None)
        cross = [spec for spec in bundle.graph("decoder").inputs if spec.name.startswith("cross_")]
        self._cross = RowBuffers(cross, slots, settings.max_source_positions // settings.panel_frames, device)
        panel = _MEL_FRAMES * settings.panel_frames
        self._encoder = self.graphs.open("encoder", input_features=panel, **{spec.name: None for spec in cross})
        outputs: dict[str, int | tuple[int, ...]] = {"logits": settings.vocab_size}
        if settings.alignment_heads:
            outputs["alignment"] = (settings.alignment_heads, settings.max_source_positions)
        self._decoder = StepGraph(
            self.graphs, "decoder", slots, settings.max_target_positions, outputs, self._cross, input_ids=None, frames=None
        )
        self.compacts = self._decoder.cache.movable
        self._logits = self._decoder.outputs["logits"]  # row i belongs to the utterance in slot i

    # --- requests --------------------------------------------------------------------------------------------------

    def prepare(self, request: TranscriptionRequest, trace: bool) -> list[Utterance]:
        """Cut a recording into pieces full of speech (:meth:`actors.hearing.HearingModel.prepare`)."""
        utterances = super().prepare(request, trace)
        recording = utterances[0].recording
        for utterance in utterances:
            utterance.recording = recording
        return utterances

    def _pieces(self, audio: FloatArray, options: Options) -> Iterator[tuple[Sequence[Span], bool]]:
        longest = int(options.max_chunk_s * self.sample_rate)
        if not options.vad and len(audio) <= longest:  # heard as the original hears it
            yield [(0, len(audio))], bool(self._cutter.heard(audio, self.sample_rate, detect=False, trim=False))
            return
        pieces = self._cutter.pack(audio, self.sample_rate, longest, detect=options.vad)
        release(audio)
        if not pieces:
            yield [(0, 0)], False
        for spans in pieces:
            yield spans, True

    def _utterance(
        self, request: TranscriptionRequest, index: int, spans: Sequence[Span], options: Options, trace: bool
    ) -> Utterance:
        if request.token_ids is not None:
            raise RequestError("token_ids: Whisper's prompt is made of its options and the context")
        known = "en" if not self.settings.languages else options.language
        return Utterance(
            request=request,
            index=index,
            spans=spans,
            options=options,
            trace=trace,
            recording=Recording(known),
            previous=self._previous(request.context),
            rate=self.sample_rate,
            frames=self._frames(sum(stop - first for first, stop in spans), options),
        )

    def _frames(self, samples: int, options: Options) -> int:
        """The frames of the window of a piece: whole panels."""
        longest, panel = self.settings.max_source_positions, self.settings.panel_frames
        if not options.fit_window or not self._cross.movable:  # what is shorter goes through the host
            return longest
        needed = math.ceil((samples / self.sample_rate + _MARGIN_S) / SECONDS_PER_FRAME)
        return min(longest, -(-needed // panel) * panel)

    def _previous(self, context: str | None) -> list[int]:
        """The tokens of what is known beforehand; of a long text its end, as the original's ``initial_prompt``."""
        text = context.strip().replace("<|", "< |") if context else ""  # no special tokens from outside
        if not text:
            return []
        ids = self._tokenizer.encode(f" {text}", add_special_tokens=False).ids
        return [self.settings.previous_id, *ids[-(self.settings.max_tokens - 1) :]]

    # --- the loop --------------------------------------------------------------------------------------------------

    def prefill(self, utterance: Utterance, slot: int) -> None:
        """Hear a window, alone; find out which language is spoken; and write the first token."""
        if utterance.done:  # there is nothing to hear
            return
        self._hear(utterance, slot)
        if utterance.recording.language is None:
            utterance.recording.language = self._language(utterance, slot)
        start = [*utterance.previous, self.settings.sot_id]
        self._run(slot, start, 0, utterance.frames)
        utterance.no_speech_prob = self._no_speech_prob(self._logits[slot])
        self._begin(utterance, slot)

    def step(self, rows: Sequence[Utterance | None]) -> None:
        """Run the last token of every row and choose the next."""
        tokens = np.array([row.tokens[-1] if row else 0 for row in rows])
        # A free slot between others runs too: it writes to its first position, which the next prompt overwrites.
        lengths = np.array([self._length(row) if row else 1 for row in rows])
        frames = np.array([row.frames if row else 1 for row in rows])
        self._decoder.run(0, {"input_ids": tokens[:, None], "frames": frames}, lengths)
        finite = rows_to_choose_from(self._logits[: len(rows)])
        for slot, row in enumerate(rows):
            if row is None:
                continue
            if not finite[slot]:
                row.error = not_finite("what the decoder says", row.index, len(row.tokens))
                continue
            if row.options.word_times:
                row.attention.append(self._decoder.outputs["alignment"][slot, :, : row.frames].copy())
            self._choose(row, slot)

    def move(self, utterance: Utterance, source: int, target: int) -> None:
        """Move an utterance's caches to another slot."""
        self._decoder.cache.move(source, target, self._length(utterance))
        self._cross.move_row(source, target)

    def finish(self, utterance: Utterance) -> Utterance | None:
        """Read the answer; return what of the piece it says nothing of, which is then heard."""
        if utterance.error:
            raise utterance.error
        segments, rest_s = self._read(utterance)
        utterance.segments = [*(utterance.segments or []), *segments]
        return None if rest_s is None else self._rest(utterance, rest_s)

    def join(self, request: TranscriptionRequest, utterances: Sequence[Utterance]) -> TranscriptionResult:
        """Put the pieces of a recording back to their places in time."""
        logprobs = [logprob for utterance in utterances for logprob in utterance.before.logprobs]
        return replace(
            super().join(request, utterances),
            text="".join(text for utterance in utterances for text in utterance.before.texts).strip(),
            language=utterances[0].recording.language,
            words=tuple(self._words_in_place(utterances)),
            avg_logprob=sum(logprobs) / len(logprobs) if logprobs else None,
            frames=sum(len(utterance.before.tokens) for utterance in utterances),
        )

    def _trace(self, utterances: Sequence[Utterance]) -> dict[str, np.ndarray]:
        """The tokens, the logits that each was chosen from, and how probable silence is in each piece."""
        logits = [row for utterance in utterances for row in utterance.logits]
        return {
            "tokens": np.array([token for utterance in utterances for token in utterance.before.tokens], np.int64),
            "logits": np.array(logits, np.float32).reshape(-1, self.settings.vocab_size),
            "no_speech_prob": np.array([utterance.no_speech_prob for utterance in utterances]),
        }

    # --- hearing ---------------------------------------------------------------------------------------------------

    def _hear(self, utterance: Utterance, slot: int) -> None:
        """Make keys and values of a piece's audio, with silence behind it up to the window's end."""
        samples = np.zeros((1, utterance.frames * _MEL_FRAMES * self.settings.hop_length), np.float32)
        heard = utterance.audio
        samples[0, : len(heard)] = heard
        release(utterance.request.audio)
        (features,) = self._mel.run(["input_features"], {"audio": samples})
        features = features.reshape(1, features.shape[1], -1, _MEL_FRAMES * self.settings.panel_frames)
        names = list(self._encoder.outputs)
        if utterance.frames == self.settings.max_source_positions:
            self._encoder.bind({}, self._cross[slice(slot, slot + 1)]).run({"input_features": features}, {})
            return
        made = self._encoder.run(names, {"input_features": features})
        self._cross.write(slot, {name: array[0] for name, array in zip(names, made, strict=True)})

    def _run(self, slot: int, tokens: Sequence[int], past: int, frames: int) -> None:
        """Run tokens of one row behind ``past`` others."""
        feeds = {"input_ids": np.array([tokens], np.int64), "frames": np.array([frames])}
        self._decoder.run(slot, feeds, np.array([past + len(tokens)]))

    def _language(self, utterance: Utterance, slot: int) -> str:
        """Return the most probable language of a window."""
        self._run(slot, [self.settings.sot_id], 0, utterance.frames)
        codes, ids = zip(*self.settings.languages.items(), strict=True)
        return str(codes[int(self._logits[slot, list(ids)].argmax())])

    def _no_speech_prob(self, logits: np.ndarray) -> float:
        if self.settings.no_speech_id is None:
            return 0.0
        weights = np.exp(logits - logits.max())
        return float(weights[self.settings.no_speech_id] / weights.sum())

    # --- writing ---------------------------------------------------------------------------------------------------

    def _task(self, utterance: Utterance) -> list[int]:
        """The prompt behind its start."""
        settings, options, language = self.settings, utterance.options, utterance.recording.language
        task = settings.transcribe_id if options.task == "transcribe" else settings.translate_id
        asked = [settings.languages[language], task] if settings.languages and language else []
        return asked if options.timestamps else [*asked, settings.no_timestamps_id]

    def _length(self, utterance: Utterance) -> int:
        """Positions of the cache that are in use when the last token has been run."""
        return len(utterance.previous) + 1 + len(self._task(utterance)) + len(utterance.tokens)

    def _begin(self, utterance: Utterance, slot: int) -> None:
        """Run the prompt behind its start, and write the first token."""
        task, past = self._task(utterance), len(utterance.previous)
        if task:
            self._run(slot, task, past + 1, utterance.frames)
        else:  # with nothing to ask for, the start is run once more
            self._run(slot, [self.settings.sot_id], past, utterance.frames)
        if np.isfinite(self._logits[slot].max()):
            self._choose(utterance, slot)
        else:  # in a step, too, where others must go on
            utterance.error = not_finite("what the decoder says", utterance.index, 0)

    def _choose(self, row: Utterance, slot: int) -> None:
        """Choose a row's next token, and note what follows from it."""
        if row.trace:
            row.logits.append(self._logits[slot].copy())
        token, logprob = self._rules.choose(
            self._logits[slot],
            row.tokens,
            timestamps=row.options.timestamps,
            temperature=row.temperature,
            uniform=row.uniform(),
        )
        row.logprobs.append(logprob)
        if token == self.settings.eos_id:
            row.finish_reason = "eos"
        else:
            row.tokens.append(token)
            row.finish_reason = self._end_of(row)
        if row.finish_reason and self._is_doubtful(row) and not row.is_last_attempt:
            row.finish_reason = None
            row.restart()
            self._begin(row, slot)

    def _end_of(self, row: Utterance) -> str | None:
        """Say why an answer has ended that the model itself has not."""
        if len(row.tokens) % _LOOP_CHECK == 0 and repeats_itself(row.tokens, self.settings.timestamp_begin):
            return "loop"
        is_full = self._length(row) > self.settings.max_target_positions  # behind a long context; the last token is not run
        return "length" if is_full or len(row.tokens) >= row.options.max_new_tokens else None

    def _is_doubtful(self, row: Utterance) -> bool:
        """Say whether an answer is to be written again; note if nobody speaks."""
        compression = compression_ratio(self._decode(row.tokens).strip())
        if row.finish_reason != "loop" and is_silence(row.avg_logprob, row.no_speech_prob, row.thresholds):
            row.finish_reason = SILENCE
        return row.finish_reason == "loop" or needs_fallback(compression, row.avg_logprob, row.no_speech_prob, row.thresholds)

    # --- reading ---------------------------------------------------------------------------------------------------

    def _decode(self, tokens: Sequence[int]) -> str:
        return self._tokenizer.decode([token for token in tokens if token < self.settings.eos_id])

    def _read(self, utterance: Utterance) -> tuple[list[Segment], float | None]:
        """Read an answer into ``before``; return its segments, and from which second of its audio on there is more to hear."""
        if utterance.finish_reason == SILENCE:
            return [], None
        duration_s = utterance.samples / self.sample_rate - utterance.begin_s
        found, seek_s = segments_of(
            utterance.tokens,
            timestamp_begin=self.settings.timestamp_begin,
            eos_id=self.settings.eos_id,
            duration_s=duration_s,
            decode=self._decode,
        )
        begin, written = utterance.begin_s, utterance.before
        segments = [Segment(begin + s.start, begin + min(s.end, duration_s), None, s.text.strip()) for s in found]
        end_s = found[-1].end if found else duration_s
        if seek_s is None and utterance.options.timestamps and utterance.options.vad and duration_s - end_s > _UNHEARD_S:
            seek_s = end_s
        rest_s = seek_s if seek_s is not None and _PROGRESS_S <= seek_s < duration_s - _PROGRESS_S else None
        written.texts += [segment.text for segment in found]
        written.tokens += utterance.tokens
        written.logprobs += utterance.logprobs
        if utterance.options.word_times:  # those behind are heard again
            written.words += [word for word in self._words(utterance) if rest_s is None or word.end <= begin + rest_s]
        return segments, rest_s

    def _words(self, utterance: Utterance) -> list[Word]:
        """The words of an answer, from the start of the piece."""
        if not utterance.attention:
            return []
        frames = max(1, min(audio_frames(len(utterance.audio)), utterance.frames))
        attention = np.stack(utterance.attention, axis=1)[:, :, :frames]
        words = words_of(
            utterance.tokens,
            token_times(attention),
            utterance.logprobs,
            eos_id=self.settings.eos_id,
            decode=self._decode,
            language=utterance.recording.language,
        )
        begin = utterance.begin_s
        return [replace(word, start=begin + word.start, end=begin + word.end) for word in words]

    def _rest(self, utterance: Utterance, seconds: float) -> Utterance:
        """Return what hears a piece's audio from so many seconds on."""
        return replace(
            utterance,
            tokens=[],
            logprobs=[],
            attention=[],
            finish_reason=None,
            attempt=0,
            begin_s=utterance.begin_s + seconds,
        )

    def _words_in_place(self, utterances: Sequence[Utterance]) -> Iterator[Word]:
        """The words of all pieces in the time of the recording."""
        for utterance in utterances:
            for word in utterance.before.words:
                start = self._place(utterance, word.start, is_end=False)
                end = max(start, self._place(utterance, word.end, is_end=True))
                yield Word(start, end, word.text.strip(), word.probability)

"""What the graphs of VibeVoice-ASR are compared with PyTorch on: noise as audio, prompts around its features, answers."""

from collections.abc import Mapping, Sequence

import numpy as np

from exporter.build import TOP1_AGREEMENT, Speech
from exporter.graphs import Graph
from exporter.streaming import Rows
from exporter.verify import Case, Run

_LOUDNESS = np.float32(0.056)  # -25 dBFS
_HEAD, _TAIL = 8, 6  # tokens of text before and behind the audio of a prompt
_PROMPT_FRAMES = (4, 9)


class ServerCases:
    """Example inputs of the server graphs.

    Attributes:
        spoken: tokens of the answer to each prompt.
        logits: ``[positions, vocab]`` that PyTorch gives while it answers the prompts, one after the other.
    """

    def __init__(self, graphs: Mapping[str, Graph], embedding: Rows, spoken: int) -> None:
        self.graphs, self.embedding, self.spoken = graphs, embedding, spoken
        self.random = np.random.default_rng(0)
        self.prompts = [self._prompt(frames) for frames in _PROMPT_FRAMES]
        self.answers: list[list[int]] = [[] for _ in self.prompts]
        self.logits = self._answer_all(graphs["decoder"].run)

    def decoder_speech(self) -> Speech:
        """What the decoder answers, with the caches that it makes itself."""
        return Speech(self.logits, self._answer_all, TOP1_AGREEMENT)

    def encoder(self) -> list[Case]:
        """The start of a file, a later chunk, and several files together."""
        audio, state = self.graphs["speech_encoder"].inputs
        cases = [(1, 6, 0.0), (1, 1, 0.3), (3, 2, 0.3)]
        return [
            Case(
                f"{batch} of {frames} frames",
                {
                    audio.name: _LOUDNESS * _noise(self.random, batch, frames, _last(audio.axes)),
                    state.name: np.float32(past) * _noise(self.random, batch, _last(state.axes)),
                },
                natural=past == 0,
            )
            for batch, frames, past in cases
        ]

    def decoder(self) -> list[Case]:
        """Prompts whole and in two pieces, alone and together; ragged steps. One of a decoder that is read at every call.

        Caches are compared by going on with them: what is in the unwritten part of a buffer means nothing.
        """
        prefills = [self._feeds(prompt[None], 0) for prompt in self.prompts]
        prefills += [self._feeds(self._embeds(shape), 0) for shape in ((2, 17), (3, 5))]
        appended = self._feeds(self._embeds((1, 7)), 12)
        steps = [self._step(batch) for batch in (1, 2, 5)]
        cases = [Case(f"case {i}", feeds, ("logits",)) for i, feeds in enumerate([*prefills, appended, *steps])]
        return cases if self.spoken > 1 else cases[:1]

    def _answer_all(self, run: Run) -> np.ndarray:
        """Answer the prompts through ``run`` with the caches it makes itself; return the logits of every position."""
        return np.concatenate([self._answer(run, *pair) for pair in zip(self.prompts, self.answers, strict=True)])

    def _answer(self, run: Run, prompt: np.ndarray, tokens: list[int]) -> np.ndarray:
        """Run a prompt and then ``tokens``; where they end, go on with the most likely new one."""
        feeds = self._feeds(prompt[None], 0, room=self.spoken)
        logits: list[np.ndarray] = []
        for i in range(self.spoken):
            outputs = run(feeds)
            logits.append(outputs["logits"])
            if i == len(tokens):
                tokens.append(_next_token(logits[-1], tokens))
            length = len(prompt) + i + 1
            feeds = {
                "inputs_embeds": self.embedding.take(np.array([[tokens[i]]])),
                "seqlens_k": np.array([length - 1], np.int32),
                "total_sequence_length": np.array(length, np.int32),
                **{name.replace("present", "past"): a for name, a in outputs.items() if name.startswith("present")},
            }
        return np.concatenate(logits)

    def _prompt(self, frames: int) -> np.ndarray:
        encoder = self.graphs["speech_encoder"]
        audio, state = encoder.inputs
        feeds = {
            audio.name: _LOUDNESS * _noise(self.random, 1, frames, _last(audio.axes)),
            state.name: np.zeros((1, _last(state.axes)), np.float32),
        }
        features = encoder.run(feeds)[encoder.outputs[0].name][0]
        return np.concatenate([self._embeds((_HEAD,)), features, self._embeds((_TAIL,))])

    def _embeds(self, shape: tuple[int, ...]) -> np.ndarray:
        return self.embedding.take(self.random.integers(0, self.embedding.shape[0], shape))

    def _step(self, batch: int) -> dict[str, np.ndarray]:
        feeds = self._feeds(self._embeds((batch, 1)), 0, room=63)
        lengths = self.random.integers(3, 60, batch).astype(np.int32)
        caches = {name: _noise(self.random, *array.shape) for name, array in feeds.items() if name.startswith("past")}
        return {**feeds, **caches, "seqlens_k": lengths, "total_sequence_length": np.array(lengths.max() + 1, np.int32)}

    def _feeds(self, embeds: np.ndarray, past: int, room: int = 0) -> dict[str, np.ndarray]:
        batch, length = embeds.shape[0], past + embeds.shape[1]
        sizes = {"batch": batch, "max_length": length + room}
        filled = np.float32(1 if past else 0)
        caches = {
            port.name: filled * _noise(self.random, *_sized(port.axes, sizes))
            for port in self.graphs["decoder"].inputs
            if port.name.startswith("past")
        }
        return {
            "inputs_embeds": embeds,
            "seqlens_k": np.full(batch, length - 1, np.int32),
            "total_sequence_length": np.array(length, np.int32),
            **caches,
        }


class PortableCases:
    """Example inputs of the public graphs: recordings and prompts of unequal lengths, those padded on the left.

    Attributes:
        spoken: tokens of the answer to the prompt.
        logits: by graph key, ``[positions, vocab]`` that PyTorch gives.
    """

    def __init__(self, graphs: Mapping[str, Graph], vocab_size: int, hop: int, audio_id: int, spoken: int) -> None:
        self.graphs, self.vocab_size, self.hop, self.audio_id, self.spoken = graphs, vocab_size, hop, audio_id, spoken
        self.random = np.random.default_rng(0)
        self.prompt = self._prompt(_PROMPT_FRAMES)
        self.caches = {
            name.replace("present", "past_key_values"): cache
            for name, cache in graphs["decoder_with_speech"].run(self.prompt).items()
            if name.startswith("present")
        }
        self.answer: list[int] = [0]
        self.logits = {
            "decoder_with_speech": self._read(graphs["decoder_with_speech"].run),
            "decoder": self._write(graphs["decoder"].run),
        }

    def prefill(self) -> list[Case]:
        """Two prompts in one call."""
        return [Case("two prompts", self.prompt)]

    def decoder(self) -> list[Case]:
        """A step of both."""
        return [Case("two rows", self._step(self.answer[0], self.caches, 1))]

    def prefill_speech(self) -> Speech:
        """What is made of every beginning of the prompts."""
        return Speech(self.logits["decoder_with_speech"], self._read, TOP1_AGREEMENT)

    def decoder_speech(self) -> Speech:
        """What is said behind the prompts."""
        return Speech(self.logits["decoder"], self._write, TOP1_AGREEMENT)

    def encoder(self) -> list[Case]:
        """A whole number of frames, a broken one, a loud recording whose peaks are lowered, and several of unequal lengths."""
        cases = [([6 * self.hop], 0.02), ([2 * self.hop + 7], 0.3), ([5 * self.hop, 3 * self.hop - 1, 99], 0.1)]
        return [
            Case(
                f"{len(lengths)} of {max(lengths)} samples",
                {
                    "audio": np.float32(level) * _noise(self.random, len(lengths), 1, max(lengths)),
                    "num_samples": np.array(lengths),
                },
            )
            for lengths, level in cases
        ]

    def _prompt(self, frames: Sequence[int]) -> dict[str, np.ndarray]:
        """Prompts with so many frames each, padded to the longest."""
        length = _HEAD + max(frames) + _TAIL
        ids = self.random.integers(0, self.vocab_size, (len(frames), length))
        ids[ids == self.audio_id] += 1 if self.audio_id == 0 else -1
        mask = np.zeros_like(ids)
        for row, count in enumerate(frames):
            ids[row, length - _TAIL - count : length - _TAIL] = self.audio_id
            mask[row, length - _TAIL - count - _HEAD :] = 1
        hidden = _last(self.graphs["decoder_with_speech"].inputs[2].axes)
        speech = _noise(self.random, len(frames), max(frames), hidden)
        return {"input_ids": ids, "attention_mask": mask, "speech_embeddings": speech}

    def _read(self, run: Run) -> np.ndarray:
        """Return the logits behind beginnings of the prompts, ever shorter ones."""
        made = []
        length = self.prompt["input_ids"].shape[1]
        for cut in range(min(self.spoken, _TAIL + min(_PROMPT_FRAMES))):
            beginning = {name: self.prompt[name][:, : length - cut] for name in ("input_ids", "attention_mask")}
            made.append(run({**self.prompt, **beginning})["logits"])
        return np.concatenate(made)

    def _write(self, run: Run) -> np.ndarray:
        """Go on behind the prompts, all rows with one answer, which is made where it is not there yet."""
        caches, made = self.caches, []
        for i in range(self.spoken):
            outputs = run(self._step(self.answer[i], caches, i + 1))
            made.append(outputs["logits"])
            if i + 1 == len(self.answer):
                self.answer.append(_next_token(made[-1], self.answer))
            caches = {
                name.replace("present", "past_key_values"): a for name, a in outputs.items() if name.startswith("present")
            }
        return np.concatenate(made)

    def _step(self, token: int, caches: Mapping[str, np.ndarray], behind: int) -> dict[str, np.ndarray]:
        prompt_mask = self.prompt["attention_mask"]
        rows = len(prompt_mask)
        mask = np.concatenate((prompt_mask, np.ones((rows, behind), np.int64)), axis=1)
        return {"input_ids": np.full((rows, 1), token), "attention_mask": mask, **caches}


def _next_token(logits: np.ndarray, tokens: Sequence[int]) -> int:
    """Return the most likely token of the first row; no repeats, for variety."""
    allowed = logits[0].copy()
    allowed[list(tokens)] = -np.inf
    return int(allowed.argmax())


def _noise(random: np.random.Generator, *shape: int) -> np.ndarray:
    return random.standard_normal(shape).astype(np.float32)


def _last(axes: Sequence[int | str]) -> int:
    return int(axes[-1])


def _sized(axes: Sequence[int | str], sizes: Mapping[str, int]) -> list[int]:
    return [axis if isinstance(axis, int) else sizes[axis] for axis in axes]

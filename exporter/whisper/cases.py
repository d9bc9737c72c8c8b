"""What the graphs of Whisper are compared with PyTorch on: noise and tones as audio, and answers to them."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from exporter.build import TOP1_AGREEMENT, Speech
from exporter.graphs import Graph, Port
from exporter.verify import Case, Run
from exporter.whisper.config import Config
from exporter.whisper.modules import PANEL

_SPOKEN_TOKENS = 24  # of the answers that are compared
_ROOM = 40  # positions of a cache
_HEARD = (2 * PANEL, PANEL)  # frames of 20 ms


class _Sounds:
    """Audio, and the spectrograms that PyTorch makes of it."""

    def __init__(self, graphs: Mapping[str, Graph], config: Config) -> None:
        self.graphs, self.config = graphs, config
        self.random = np.random.default_rng(0)

    def audio(self, frames: int, batch: int = 1) -> np.ndarray:
        """Tones over noise, ``[batch, samples]``, for so many frames of the encoder's output."""
        mel = self.config.mel
        time = np.arange(2 * frames * mel.hop_length) / mel.sampling_rate
        pitches = self.random.uniform(80, 3000, (batch, 8, 1))
        tones = np.sin(2 * np.pi * pitches * time + 3 * np.sin(2 * np.pi * 4 * time)).mean(axis=1)
        noise = self.random.standard_normal((batch, len(time)))
        return (0.3 * tones + 0.01 * noise).astype(np.float32)

    def features(self, frames: int, batch: int = 1) -> np.ndarray:
        """The spectrogram of :meth:`audio`."""
        return self.graphs["log_mel"].run({"audio": self.audio(frames, batch)})["input_features"]

    def log_mel(self) -> list[Case]:
        """Short and long audio; silence; several together."""
        frames = [(50, 1), (7, 3), (300, 1)]
        cases = [Case(f"{batch} of {count} frames", {"audio": self.audio(count, batch)}) for count, batch in frames]
        return [*cases, Case("silence", {"audio": np.zeros((1, 20 * self.config.mel.hop_length), np.float32)})]

    def ids(self, *shape: int) -> np.ndarray:
        """Random token ids."""
        return self.random.integers(0, self.config.vocab_size, shape)


class ServerCases(_Sounds):
    """Example inputs of the server graphs."""

    def encoder(self) -> list[Case]:
        """A piece, a short one, and several together."""
        return [
            Case(f"{batch} of {frames} frames", {"input_features": self._panels(frames, batch)})
            for frames, batch in ((_HEARD[0], 1), (_HEARD[1], 1), (_HEARD[1], 2))
        ]

    def decoder(self) -> list[Case]:
        """Prompts alone and together, a prompt behind another, ragged steps. Caches are compared by going on with them."""
        outputs = tuple(port.name for port in self.graphs["decoder"].outputs if not port.name.startswith("present"))
        shapes = [(1, 3, 0), (2, 4, 0), (1, 5, 7)]
        cases = [self._feeds(self.ids(batch, length), np.full(batch, past + length)) for batch, length, past in shapes]
        cases += [self._feeds(self.ids(batch, 1), self.random.integers(2, _ROOM, batch)) for batch in (1, 2, 5)]
        return [Case(f"case {i}", feeds, outputs, natural=False) for i, feeds in enumerate(cases)]

    def speech(self) -> Speech:
        """What the decoder answers to two pieces, with the caches that it makes itself."""
        return Speech(self._logits, self._answer_all, TOP1_AGREEMENT)

    def _panels(self, frames: int, batch: int = 1) -> np.ndarray:
        features = self.features(frames, batch)
        return features.reshape(*features.shape[:2], -1, 2 * PANEL)

    @cached_property
    def _pieces(self) -> list[dict[str, np.ndarray]]:
        return [self.graphs["encoder"].run({"input_features": self._panels(frames)}) for frames in _HEARD]

    @cached_property
    def _answers(self) -> list[list[int]]:
        return [[int(self.ids(1)[0])] for _ in _HEARD]

    @cached_property
    def _logits(self) -> np.ndarray:
        return self._answer_all(self.graphs["decoder"].run)

    def _answer_all(self, run: Run) -> np.ndarray:
        return np.concatenate([self._answer(run, *pair) for pair in zip(self._pieces, self._answers, strict=True)])

    def _answer(self, run: Run, heard: Mapping[str, np.ndarray], tokens: list[int]) -> np.ndarray:
        """Run ``tokens`` one by one; where they end, go on with the most likely new one."""
        feeds = {**self._feeds(np.zeros((1, 1), np.int64), np.ones(1)), **heard}
        feeds["frames"] = np.array([heard["cross_value.0"].shape[2] * PANEL])
        logits: list[np.ndarray] = []
        for i in range(_SPOKEN_TOKENS):
            lengths = {"seqlens_k": np.array([i], np.int32), "total_sequence_length": np.array(i + 1, np.int32)}
            outputs = run({**feeds, **lengths, "input_ids": np.array([[tokens[i]]])})
            logits.append(outputs["logits"])
            if i + 1 == len(tokens):
                tokens.append(_next_token(logits[-1], tokens))
            feeds |= {name.replace("present", "past"): a for name, a in outputs.items() if name.startswith("present")}
        return np.concatenate(logits)

    def _feeds(self, ids: np.ndarray, lengths: np.ndarray) -> dict[str, np.ndarray]:
        sizes = {"batch": len(ids), "max_length": _ROOM, "panels": 2}
        caches = [port for port in self.graphs["decoder"].inputs if port.name.startswith(("cross", "past"))]
        return {
            "input_ids": ids,
            "frames": self.random.integers(PANEL // 2, 2 * PANEL + 1, len(ids)),
            "seqlens_k": (lengths - 1).astype(np.int32),
            "total_sequence_length": np.array(lengths.max(), np.int32),
            **{port.name: _noise(self.random, port, sizes) for port in caches},
        }


class PortableCases(_Sounds):
    """Example inputs of the public graphs."""

    def encoder(self) -> list[Case]:
        """A piece, and several together."""
        return [
            Case(f"{batch} of {frames} frames", {"input_features": self.features(frames, batch)})
            for frames, batch in ((_HEARD[0], 1), (_HEARD[1], 2))
        ]

    def decoder(self) -> list[Case]:
        """A prompt without a past, one with a past that is not to be read (transformers.js, optimum), and a step."""
        shapes = [(4, 0, 0, False), (3, 1, 6, False), (1, 5, 20, True)]
        return [Case(f"case {i}", self._feeds(*shape)) for i, shape in enumerate(shapes)]

    def speech(self) -> Speech:
        """What is said behind a prompt."""
        return Speech(self._logits, self._write, TOP1_AGREEMENT)

    @cached_property
    def _prompt(self) -> dict[str, np.ndarray]:
        return self._feeds(4, 0, 0, use_cache=False)

    @cached_property
    def _answer(self) -> list[int]:
        return []

    @cached_property
    def _logits(self) -> np.ndarray:
        return self._write(self.graphs["decoder_model_merged"].run)

    def _write(self, run: Run) -> np.ndarray:
        """Run the prompt and go on behind it, both rows with one answer, which is made where it is not there yet."""
        feeds, made = self._prompt, []
        for i in range(_SPOKEN_TOKENS):
            outputs = run(feeds)
            made.append(outputs["logits"][:, -1])
            if i == len(self._answer):
                self._answer.append(_next_token(made[-1], self._answer))
            caches = {
                name.replace("present", "past_key_values"): array
                for name, array in outputs.items()
                if name.startswith("present")
            }
            feeds = {
                **self._prompt,
                **caches,
                "input_ids": np.full((2, 1), self._answer[i]),
                "use_cache_branch": np.array([True]),
            }
        return np.concatenate(made)

    def _feeds(self, tokens: int, past: int, past_heard: int, use_cache: bool) -> dict[str, np.ndarray]:
        sizes = {"batch": 2, "past": past, "past_heard": past_heard, "heard": 20}
        arrays = [port for port in self.graphs["decoder_model_merged"].inputs if port.dtype == "float32"]
        return {
            "input_ids": self.ids(2, tokens),
            "use_cache_branch": np.array([use_cache]),
            **{port.name: _noise(self.random, port, sizes) for port in arrays},
        }


def _next_token(logits: np.ndarray, tokens: Sequence[int]) -> int:
    """Return the most likely token of the first row; no repeats, for variety."""
    allowed = logits[0].copy()
    allowed[list(tokens)] = -np.inf
    return int(allowed.argmax())


def _noise(random: np.random.Generator, port: Port, sizes: Mapping[str, int]) -> np.ndarray:
    return random.standard_normal([axis if isinstance(axis, int) else sizes[axis] for axis in port.axes]).astype(np.float32)

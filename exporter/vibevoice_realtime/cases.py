"""What the graphs of VibeVoice-Realtime are compared with PyTorch on: several lengths, batch sizes and places in a stream."""

from collections.abc import Callable, Mapping

import numpy as np

from actors.families.vibevoice_realtime.solver import solver_steps
from exporter.build import Agreement, Speech
from exporter.graphs import Graph, Port
from exporter.verify import Case, Run

_WINDOWS = 4  # of text and speech that are spoken for the checks
_TEXT_WINDOW, _SPEECH_WINDOW = 5, 6
_SOLVER_STEPS = 5
_CHUNK_FRAMES = 5
_EOS_AGREEMENT = Agreement("eos_agreement", lambda want, got: float(((want[:, -1] > 0) == (got[:, -1] > 0)).mean()))


def _sizes(port: Port) -> list[int]:
    """Return the axes that are not dynamic."""
    return [axis for axis in port.axes if isinstance(axis, int)]


class ServerCases:
    """Example inputs of the server graphs: random numbers, and what PyTorch meets while it speaks random words.

    Attributes:
        latents: ``[frames, latent]`` that PyTorch gives while it speaks.
        features: ``[steps, channels]`` that the first part of the decoder makes of them.
        outputs: condition and the end's logit, ``[frames, hidden + 1]``, from which each of them was drawn.
    """

    def __init__(self, graphs: Mapping[str, Graph], vocab_size: int, train_steps: int) -> None:
        self.graphs = graphs
        self.random = np.random.default_rng(0)
        self.solver = solver_steps(_SOLVER_STEPS, train_steps, stochastic=False)
        self.ids = self.random.integers(0, vocab_size, (1, 64))
        feeds = self._slots("lm", {"input_ids": self.ids[:, : _WINDOWS * _TEXT_WINDOW]}, _WINDOWS * _TEXT_WINDOW, 0)
        self.text = graphs["lm"].run(feeds)["text"]
        spoken: list[np.ndarray] = []

        def draw(condition: np.ndarray) -> np.ndarray:
            spoken.append(self._draw(condition))
            return spoken[-1]

        self.outputs = self._speak(graphs["tts_lm"].run, draw)
        self.latents = np.concatenate(spoken)
        self.features = self._decode("latent_decoder", graphs["latent_decoder"].run, self.latents, len(self.latents))

    def tts_speech(self) -> Speech:
        """What the upper layers say of an utterance, with the caches that they make themselves."""

        def speak(run: Run) -> np.ndarray:
            latents = iter(self.latents[:, None])
            return self._speak(run, lambda _: next(latents))

        return Speech(self.outputs, speak, _EOS_AGREEMENT)

    def latent_decoder_speech(self) -> Speech:
        """The features of an utterance, with the state that the first part of the decoder carries itself."""
        return Speech(self.features, lambda run: self._decode("latent_decoder", run, self.latents, _CHUNK_FRAMES))

    def acoustic_decoder_speech(self) -> Speech:
        """The sound of an utterance, with the state that the second part of the decoder carries itself."""
        chunk = _CHUNK_FRAMES * self._steps_per_frame
        return Speech(
            self._decode("acoustic_decoder", self.graphs["acoustic_decoder"].run, self.features, len(self.features)),
            lambda run: self._decode("acoustic_decoder", run, self.features, chunk),
        )

    @property
    def _steps_per_frame(self) -> int:
        return len(self.features) // len(self.latents)

    def lm(self) -> list[Case]:
        """Text from the start and behind a prompt. What a buffer holds behind its end means nothing and is not compared."""
        feeds = [self._slots("lm", {"input_ids": self.ids[:, :n]}, n, past) for n, past in ((1, 0), (17, 0), (40, 9))]
        return [Case(f"case {i}", f, ("text",)) for i, f in enumerate(feeds)]

    def tts(self) -> list[Case]:
        """Windows of text alone, behind a prompt or not; fresh ones together; frames of rows of different lengths."""
        windows = [self._tts_feeds(rows, tokens, 0, past) for rows, tokens, past in ((1, 5, 0), (1, 5, 23), (2, 7, 0))]
        frames = [self._tts_feeds(rows, 0, 1, 30) for rows in (1, 2, 5)]
        return [Case(f"case {i}", feeds, ("condition", "eos_logit")) for i, feeds in enumerate(windows + frames)]

    def head(self) -> list[Case]:
        """Every step of the solver on what the model meets when it speaks, and random conditions and times."""
        natural = [self._head_feeds(self.outputs[:, :-1], step.timestep) for step in self.solver]
        random = [self._head_feeds(self._noise(rows, self._size("tts_lm", "text")), time) for rows, time in ((1, 0), (7, 321))]
        return [Case(f"case {i}", feeds, natural=i < len(natural)) for i, feeds in enumerate(natural + random)]

    def latent_decoder(self) -> list[Case]:
        """Latents of speech, and random ones."""
        return self._decoder("latent_decoder", self.latents)

    def acoustic_decoder(self) -> list[Case]:
        """Features of speech, and random ones."""
        return self._decoder("acoustic_decoder", self.features)

    def _decoder(self, graph: str, spoken: np.ndarray) -> list[Case]:
        """Speech from its start, and random numbers in batches in the middle of a stream."""
        steps, channels = len(spoken) // len(self.latents), spoken.shape[1]
        streams = [self._decoder_feeds(graph, spoken[None], 0.0)]
        streams += [self._decoder_feeds(graph, self._noise(batch, n * steps, channels), 1.0) for batch, n in ((1, 1), (2, 3))]
        return [Case(f"case {i}", feeds, natural=not i) for i, feeds in enumerate(streams)]

    def _noise(self, *shape: int) -> np.ndarray:
        return self.random.standard_normal(shape).astype(np.float32)

    def _size(self, graph: str, port: str) -> int:
        """Return the last axis of an input."""
        return next(_sizes(p)[-1] for p in self.graphs[graph].inputs if p.name == port)

    def _slots(
        self, graph: str, feeds: Mapping[str, np.ndarray], sequence: int, past: int, room: int = 0
    ) -> dict[str, np.ndarray]:
        """Add caches that hold up to ``past`` positions of noise, and have ``room`` for later ones, to a graph's inputs."""
        rows = len(next(iter(feeds.values())))
        lengths = np.full(rows, past, np.int32)
        if sequence == 1 and past:
            lengths = self.random.integers(1, past, rows).astype(np.int32)
        after = lengths + np.int32(sequence)
        slots = {**feeds, "seqlens_k": after - np.int32(1), "total_sequence_length": np.array(after.max())}
        for port in self.graphs[graph].inputs:
            if port.name.startswith("past_"):
                heads, head_dim = _sizes(port)
                slots[port.name] = self._noise(rows, heads, past + sequence + room, head_dim)
        return slots

    def _tts_feeds(self, rows: int, tokens: int, frames: int, past: int) -> dict[str, np.ndarray]:
        feeds = {
            "text": self._noise(rows, tokens, self._size("tts_lm", "text")),
            "latents": self._noise(rows, frames, self._size("tts_lm", "latents")),
        }
        return self._slots("tts_lm", feeds, tokens + frames, past)

    def _head_feeds(self, condition: np.ndarray, timestep: int) -> dict[str, np.ndarray]:
        noise = self._noise(len(condition), self._size("prediction_head", "noisy_latent"))
        return {"noisy_latent": noise, "timestep": np.full(len(condition), timestep), "conditioning": condition}

    def _decoder_feeds(self, graph: str, x: np.ndarray, past: float) -> dict[str, np.ndarray]:
        """Inputs of a part of the decoder with a past of noise of this standard deviation."""
        first, *state = self.graphs[graph].inputs
        feeds = {first.name: x}
        for port in state:
            feeds[port.name] = np.float32(past) * self._noise(len(x), *_sizes(port))
        return feeds

    def _draw(self, condition: np.ndarray) -> np.ndarray:
        """Draw a latent ``[1, latent]`` as the loop does, without guidance."""
        feeds = self._head_feeds(condition, 0)
        x, before = feeds["noisy_latent"], np.zeros_like(feeds["noisy_latent"])
        for step in self.solver:
            moment = {"noisy_latent": x, "timestep": np.array([step.timestep])}
            velocity = self.graphs["prediction_head"].run({**feeds, **moment})["predicted_noise"]
            clean = np.float32(step.alpha) * x - np.float32(step.sigma) * velocity
            x = np.float32(step.a) * x + np.float32(step.b0) * clean + np.float32(step.b1) * before
            before = clean
        return x

    def _speak(self, run: Run, next_latent: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Speak the text through ``run``, window by window; return the condition and the end's logit before each frame."""
        room = self.text.shape[1] + _WINDOWS * _SPEECH_WINDOW
        feeds = self._slots("tts_lm", {"text": self.text[:, :_TEXT_WINDOW], "latents": self._no_latent}, _TEXT_WINDOW, 0, room)
        made = run(feeds)
        outputs = []
        for frame in range(_WINDOWS * _SPEECH_WINDOW):
            window, place = divmod(frame, _SPEECH_WINDOW)
            if window and not place:
                text = self.text[:, window * _TEXT_WINDOW :][:, :_TEXT_WINDOW]
                feeds = self._following(feeds, made, text, self._no_latent)
                made = run(feeds)
            outputs.append(np.concatenate((made["condition"], made["eos_logit"]), axis=1))
            feeds = self._following(feeds, made, self.text[:, :0], next_latent(made["condition"])[:, None])
            made = run(feeds)
        return np.concatenate(outputs)

    @property
    def _no_latent(self) -> np.ndarray:
        return np.zeros((1, 0, self._size("tts_lm", "latents")), np.float32)

    def _following(
        self, feeds: Mapping[str, np.ndarray], made: Mapping[str, np.ndarray], text: np.ndarray, latents: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Return the inputs of the call after ``feeds``, which gave ``made``."""
        sequence = np.int32(text.shape[1] + latents.shape[1])
        lengths = feeds["seqlens_k"] + sequence
        carried = {name.replace("present_", "past_"): array for name, array in made.items() if name.startswith("present_")}
        total = np.array(lengths.max() + 1, np.int32)
        return {"text": text, "latents": latents, "seqlens_k": lengths, "total_sequence_length": total, **carried}

    def _decode(self, graph: str, run: Run, x: np.ndarray, chunk: int) -> np.ndarray:
        """Run a part of the decoder over ``[steps, channels]``, ``chunk`` steps at a time."""
        first, writes = self.graphs[graph].inputs[0].name, self.graphs[graph].outputs[0].name
        feeds = self._decoder_feeds(graph, x[None, :chunk], 0.0)
        outputs = []
        for start in range(0, len(x), chunk):
            feeds[first] = x[None, start : start + chunk]
            made = run(feeds)
            outputs.append(made[writes][0])
            feeds |= {name.replace("present_", "past_"): a for name, a in made.items() if name.startswith("present_")}
        return np.concatenate(outputs)


class PortableCases:
    """Example inputs of the public graphs: random numbers, rows of unequal lengths among them, padded on the left."""

    def __init__(self, graphs: Mapping[str, Graph], vocab_size: int, train_steps: int) -> None:
        self.graphs = graphs
        self.vocab_size = vocab_size
        self.times = [step.timestep for step in solver_steps(_SOLVER_STEPS, train_steps, stochastic=False)]
        self.random = np.random.default_rng(0)

    def all(self) -> dict[str, list[Case]]:
        """Return the cases of every graph."""
        texts, windows, steps = ((1, 5, 9), (1, 12, 1), (3, 7, 20)), ((1, 5, 23), (3, 6, 30)), ((1, 1, 23), (3, 1, 40))
        feeds = {
            "lm_with_kv": [self._growing("lm_with_kv", *shape) for shape in texts],
            "tts_lm_prefill": [self._growing("tts_lm_prefill", *shape) for shape in windows],
            "tts_lm_step": [self._growing("tts_lm_step", *shape) for shape in steps],
            "prediction_head": [self._head(rows, time) for rows, time in zip((1, 2, 3, 5, 8), self.times, strict=True)],
            "acoustic_connector": [self._rows("acoustic_connector", n) for n in (1, 3)],
            "eos_classifier": [self._rows("eos_classifier", n) for n in (1, 3)],
            "acoustic_decoder": [self._rows("acoustic_decoder", n, frames) for n, frames in ((1, 1), (1, 9), (3, 4))],
        }
        return {key: [Case(f"case {i}", f) for i, f in enumerate(cases)] for key, cases in feeds.items()}

    def ends(self, key: str) -> Speech:
        """What the upper layers' hidden states say about the end, over a stretch of random positions."""
        feeds = self._growing(key, 1, 48, 1)
        end = self.graphs["eos_classifier"].run

        def agree(want: np.ndarray, got: np.ndarray) -> float:
            before, after = (end({"hidden_state": hidden.astype(np.float32)})["logit"] > 0 for hidden in (want, got))
            return float((before == after).mean())

        return Speech(
            self.graphs[key].run(feeds)["hidden_states"][0],
            lambda run: run(feeds)["hidden_states"][0],
            Agreement("eos_agreement", agree),
        )

    def _noise(self, *shape: int) -> np.ndarray:
        return self.random.standard_normal(shape).astype(np.float32)

    def _growing(self, key: str, batch: int, tokens: int, past: int) -> dict[str, np.ndarray]:
        """Inputs for rows behind caches of up to ``past`` positions; the second row has half of them, the third one."""
        lengths = np.array([past, max(1, past // 2), 1])[:batch]
        mask = (np.arange(past + tokens) >= past - lengths[:, None]).astype(np.int64)
        feeds = {"attention_mask": mask, "position_ids": lengths[:, None] + np.arange(tokens)}
        feeds["input_ids"] = self.random.integers(0, self.vocab_size, (batch, tokens))
        sizes = {"batch": batch, "tokens": tokens, "past": past}
        return {
            port.name: feeds[port.name]
            if port.name in feeds
            else self._noise(*(axis if isinstance(axis, int) else sizes[axis] for axis in port.axes))
            for port in self.graphs[key].inputs
        }

    def _head(self, rows: int, time: int) -> dict[str, np.ndarray]:
        latent, _, condition = self.graphs["prediction_head"].inputs
        noisy, hidden = (self._noise(rows, *_sizes(port)) for port in (latent, condition))
        return {"noisy_latent": noisy, "timestep": np.full(rows, time), "conditioning": hidden}

    def _rows(self, key: str, batch: int, frames: int = 1) -> dict[str, np.ndarray]:
        (port,) = self.graphs[key].inputs
        sizes = {"batch": batch, "frames": frames}
        return {port.name: self._noise(*(axis if isinstance(axis, int) else sizes[axis] for axis in port.axes))}

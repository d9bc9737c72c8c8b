"""What the graphs of PocketTTS are compared with PyTorch on."""

import math
from collections.abc import Callable, Mapping

import numpy as np
from tokenizers import Tokenizer

from actors.bundle import Layout
from exporter.build import Agreement, Speech
from exporter.graphs import Graph
from exporter.pocket_tts.config import Config
from exporter.verify import Case, Run

_SPOKEN_FRAMES = 24  # per check sentence: 2 s of speech
_CHUNK_FRAMES = 5
_SENTENCES = (
    "The quick brown fox jumps over the lazy dog.",
    "It costs 3.14 and a half, is that ok?",
    "Hello there.",
    "A voice that reads a shelf of books should not stumble over the last sentence of any of them.",
)


def _same_ends(threshold: float) -> Callable[[np.ndarray, np.ndarray], float]:
    """The share of frames, ``[frames, conditioning + 1]``, at which both say that speech ends, or that it does not."""
    return lambda want, got: float(((want[:, -1] > threshold) == (got[:, -1] > threshold)).mean())


class Cases:
    """Example inputs: real sentences and random numbers, several lengths and batch sizes.

    Attributes:
        latents: ``[frames, latent]`` that PyTorch gives while it speaks each of the sentences without a voice.
        outputs: conditioning and the end's logit, ``[frames, conditioning + 1]``, of each sentence.
    """

    def __init__(self, config: Config, graphs: Mapping[str, Graph], layout: Layout, tokenizer: Tokenizer) -> None:
        self.config = config
        self.graphs = graphs
        self.layout = layout
        self.random = np.random.default_rng(0)
        self.prompts = [
            graphs["text_conditioner"].run({"token_ids": np.array([tokenizer.encode(text).ids])})["embeddings"]
            for text in _SENTENCES
        ]
        self.latents: list[np.ndarray] = []
        self.outputs: list[np.ndarray] = []
        for prompt in self.prompts:
            latents, outputs = self._speak(prompt)
            self.latents.append(latents)
            self.outputs.append(outputs)

    def main_speech(self) -> Speech:
        """What the language model says of whole sentences, with the caches that it makes itself."""
        return Speech(
            np.concatenate(self.outputs),
            lambda run: np.concatenate([self._drive_main(run, i) for i in range(len(self.prompts))]),
            Agreement("eos_agreement", _same_ends(self.config.default_eos_threshold)),
        )

    def decoder_speech(self) -> Speech:
        """The sound of whole sentences, with the state that the decoder carries itself."""
        return Speech(
            np.concatenate([self._decode(self.graphs["mimi_decoder"].run, x, _SPOKEN_FRAMES) for x in self.latents]),
            lambda run: np.concatenate([self._decode(run, x, _CHUNK_FRAMES) for x in self.latents]),
        )

    def text_conditioner(self) -> list[Case]:
        """Ids up to the last row of the table, in two shapes."""
        rows = self.config.flow_lm.lookup_table.n_bins + 1 + self.config.flow_lm.insert_bos_before_voice
        arrays = [self.random.integers(0, rows, shape) for shape in ((1, 1), (1, 17), (3, 5))]
        return [Case(f"case {i}", {"token_ids": ids}) for i, ids in enumerate([*arrays, np.array([[0, rows - 1]])])]

    def main(self) -> list[Case]:
        """Prefill of sentences and of random embeddings, one alone and several of one length; ragged steps.

        The server's caches are compared by speaking on with them: the unwritten part of a buffer means nothing.
        """
        outputs = ("conditioning", "eos_logit") if self.layout == "server" else None
        prefills = [self._prefill(prompt) for prompt in self.prompts]
        prefills += [self._prefill(self._noise(batch, tokens, self._d_model)) for batch, tokens in ((1, 5), (2, 17), (3, 40))]
        steps = [self._step(batch) for batch in (1, 2, 5)]
        return [Case(f"case {i}", feeds, outputs) for i, feeds in enumerate(prefills + steps)]

    def flow(self) -> list[Case]:
        """What the model meets when it speaks, and random times and batches."""
        conditioning = self.config.flow_lm.conditioning
        spoken = [self._flow_feeds(outputs[:, :-1], (0.0, 1.0)) for outputs in self.outputs]
        noise = [self._flow_feeds(self._noise(batch, conditioning), (0.25, 0.75)) for batch in (1, 2, 7)]
        return [Case(f"case {i}", feeds, natural=i < len(spoken)) for i, feeds in enumerate(spoken + noise)]

    def encoder(self) -> list[Case]:
        """Noise that fills its frames and noise that does not."""
        size = self.config.mimi.frame_size
        window = self.config.mimi.transformer.context // self.config.mimi.steps_per_frame + 2  # more frames than it sees
        shapes = ((1, 1, size), (1, 1, window * size + 77), (2, 1, 3 * size - 1))
        return [Case(f"case {i}", {"audio": 0.1 * self._noise(*shape)}) for i, shape in enumerate(shapes)]

    def decoder(self) -> list[Case]:
        """Sentences from their start, and random latents in batches in the middle of a stream."""
        cases = [self._decoder_feeds(latents[None]) for latents in self.latents]
        cases += [self._decoder_feeds(self._noise(*shape, self._latent_dim), position=3) for shape in ((1, 1), (2, 3), (3, 9))]
        return [Case(f"case {i}", feeds, natural=i < len(self.latents)) for i, feeds in enumerate(cases)]

    @property
    def _d_model(self) -> int:
        return self.config.flow_lm.transformer.d_model

    @property
    def _latent_dim(self) -> int:
        return self.config.mimi.quantizer.dimension

    def _noise(self, *shape: int) -> np.ndarray:
        return self.random.standard_normal(shape).astype(np.float32)

    def _speak(self, prompt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Let PyTorch speak a prompt: one solver step per frame, from noise as the loop draws it."""
        main, flow = self.graphs["flow_lm_main"], self.graphs["flow_lm_flow"]
        latents, outputs = [], []
        feeds = self._prefill(prompt)
        for _ in range(_SPOKEN_FRAMES):
            made = main.run(feeds)
            outputs.append(np.concatenate((made["conditioning"], made["eos_logit"]), axis=1))
            head = self._flow_feeds(made["conditioning"], (0.0, 1.0))
            direction = flow.run(head)["flow_dir"]
            latents.append(direction if self.config.flow_lm.flow.type == "drifting" else head["x"] + direction)
            feeds = self._following(feeds, made, latents[-1][:, None])
        return np.concatenate(latents), np.concatenate(outputs)

    def _drive_main(self, run: Run, sentence: int) -> np.ndarray:
        """Speak a sentence through ``run`` with PyTorch's latents and the cache that ``run`` makes itself."""
        feeds = self._prefill(self.prompts[sentence])
        outputs = []
        for latent in self.latents[sentence]:
            made = run(feeds)
            outputs.append(np.concatenate((made["conditioning"], made["eos_logit"]), axis=1))
            feeds = self._following(feeds, made, latent[None, None])
        return np.concatenate(outputs)

    def _following(
        self, feeds: Mapping[str, np.ndarray], made: Mapping[str, np.ndarray], latent: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Return the inputs of the step after ``feeds``, which gave ``made``."""
        graph = self.graphs["flow_lm_main"]
        following = {"sequence": latent, "text_embeddings": np.zeros((1, 0, self._d_model), np.float32)}
        if self.layout == "server":
            following["seqlens_k"] = feeds["seqlens_k"] + 1
            following["total_sequence_length"] = np.array(feeds["total_sequence_length"] + 1, np.int32)
        states = [port.name for port in graph.inputs if port.name not in following]
        carried = [made[port.name] for port in graph.outputs[2:]]
        return following | dict(zip(states, carried, strict=True))

    def _prefill(self, embeddings: np.ndarray) -> dict[str, np.ndarray]:
        """Text and the start of speech into empty caches."""
        batch, tokens = embeddings.shape[:2]
        start = np.full((batch, 1, self._latent_dim), np.nan, np.float32)
        lengths = np.zeros(batch, np.int32)
        return self._main_feeds(start, embeddings, lengths, tokens + 1 + _SPOKEN_FRAMES, fill=0.0)

    def _step(self, batch: int) -> dict[str, np.ndarray]:
        """One latent each for rows of different lengths, among them one that starts."""
        sequence = self._noise(batch, 1, self._latent_dim)
        sequence[0] = np.nan
        none = np.zeros((batch, 0, self._d_model), np.float32)
        return self._main_feeds(sequence, none, self.random.integers(3, 60, batch).astype(np.int32), 64, fill=1.0)

    def _main_feeds(
        self, sequence: np.ndarray, embeddings: np.ndarray, lengths: np.ndarray, max_length: int, fill: float
    ) -> dict[str, np.ndarray]:
        """Inputs for rows of ``lengths`` so far, with caches of normal noise of standard deviation ``fill``."""
        feeds = {"sequence": sequence, "text_embeddings": embeddings}
        after = lengths + np.int32(sequence.shape[1] + embeddings.shape[1])
        if self.layout == "server":
            feeds |= {"seqlens_k": after - np.int32(1), "total_sequence_length": np.array(after.max())}
        for port in self.graphs["flow_lm_main"].inputs:
            if port.name not in feeds:
                sizes = {"batch": len(lengths), "max_length": max_length}
                shape = [axis if isinstance(axis, int) else sizes[axis] for axis in port.axes]
                feeds[port.name] = fill * self._noise(*shape) if port.dtype == "float32" else lengths.astype(np.int64)
        return feeds

    def _flow_feeds(self, conditioning: np.ndarray, times: tuple[float, float]) -> dict[str, np.ndarray]:
        """Inputs of the head with noise as the loop draws it; ``times`` are where the solver's step starts and ends."""
        batch = len(conditioning)
        deviation = np.float32(math.sqrt(self.config.default_temperature))
        feeds = {"c": conditioning, "x": deviation * self._noise(batch, self._latent_dim)}
        for port in self.graphs["flow_lm_flow"].inputs[1:-1]:
            start, end = times
            feeds[port.name] = np.full((batch, 1), end if (port.name, len(feeds)) == ("t", 3) else start, np.float32)
        return feeds

    def _decoder_feeds(self, latents: np.ndarray, position: int = 0) -> dict[str, np.ndarray]:
        """Inputs of the decoder at ``position`` frames, with a past of noise unless that is the start."""
        batch = len(latents)
        feeds = {"latent": latents}
        for port in self.graphs["mimi_decoder"].inputs[1:]:
            if port.dtype == "int64":
                feeds[port.name] = np.full(batch, position)
            else:
                shape = [batch, *(axis for axis in port.axes if isinstance(axis, int))]
                feeds[port.name] = self._noise(*shape) if position else np.zeros(shape, np.float32)
        return feeds

    def _decode(self, run: Run, latents: np.ndarray, chunk: int) -> np.ndarray:
        """Decode ``[frames, latent]`` to samples, ``chunk`` frames at a time."""
        graph = self.graphs["mimi_decoder"]
        feeds = self._decoder_feeds(latents[None, :chunk])
        audio = []
        for start in range(0, len(latents), chunk):
            feeds["latent"] = latents[None, start : start + chunk]
            made = run(feeds)
            audio.append(made[graph.outputs[0].name][0, 0])
            carried = zip(graph.inputs[1:], graph.outputs[1:], strict=True)
            feeds |= {port.name: made[output.name] for port, output in carried}
        return np.concatenate(audio)

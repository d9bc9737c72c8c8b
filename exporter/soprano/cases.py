"""What the graphs of Soprano are compared with PyTorch on."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from tokenizers import Tokenizer

from actors.requests import SynthesisRequest
from exporter.graphs import Graph, Port
from exporter.quality import Utterance
from exporter.soprano.graphs import server_lm
from exporter.soprano.lm import LanguageModel
from exporter.verify import Case, Run

_SPOKEN_TOKENS = 24  # per check sentence: 1.5 s of speech
_LONGEST_TOKENS = 160  # of a sentence that is spoken whole: 10 s. Trained models end in half of it
_SENTENCES = (
    "Soprano is an extremely lightweight text to speech model.",
    "the year nineteen eighty-four cost three dollars, fifty cents at eight oh five.",
    "hi. ok. short ones are merged together when they are small.",
    "a voice that reads a shelf of books should not stumble over the last sentence of any of them.",
)


class Cases:
    """Example inputs: real sentences and random numbers, several lengths and batch sizes.

    Attributes:
        logits: ``[positions, vocab]`` that PyTorch gives while it speaks the sentences, one after the other.
        hidden: the hidden states ``[tokens, hidden]`` of each sentence.
    """

    def __init__(self, lm: LanguageModel, tokenizer: Tokenizer) -> None:
        self.config = lm.config
        layers = self.config.num_hidden_layers
        self._slots = self.config.slot_ports(layers)[1]
        self._growing = self.config.growing_ports("past_key_values", "past", layers)
        self.prompts = [tokenizer.encode(f"[STOP][TEXT]{text.lower()}[START]").ids for text in _SENTENCES]
        self.random = np.random.default_rng(0)
        self.spoken: list[list[int]] = [[] for _ in self.prompts]  # what the model says, token by token
        outputs = self._speak_all(server_lm(lm).run)
        self.logits = np.concatenate([o["logits"] for sentence in outputs for o in sentence])
        self.hidden = [np.concatenate([o["hidden"] for o in sentence]) for sentence in outputs]

    def server_lm(self) -> list[Case]:
        """Prefill of sentences and of random ids, one alone and several of one length; ragged steps.

        The caches are compared by speaking on with them (:meth:`server_logits`): what a graph leaves in the unwritten
        part of a buffer means nothing.
        """
        lengths = {1: 5, 2: 17, 3: 64}
        prefills = [self._prefill(np.array([prompt])) for prompt in self.prompts]
        prefills += [self._prefill(self._random_ids(batch, length)) for batch, length in lengths.items()]
        steps = [self._step(batch) for batch in (1, 2, 5)]
        return [Case(f"case {i}", feeds, ("logits", "hidden")) for i, feeds in enumerate(prefills + steps)]

    def portable_lm(self) -> list[Case]:
        """Whole prompts, left-padded batches and steps after a cache."""
        cases = [(np.array([prompt]), 0) for prompt in self.prompts]
        cases += [(self._random_ids(batch, sequence), past) for batch, sequence, past in ((2, 9, 0), (3, 1, 12), (2, 4, 7))]
        return [Case(f"case {i}", self._portable_feeds(ids, past)) for i, (ids, past) in enumerate(cases)]

    def decoder(self, graph: Graph) -> list[Case]:
        """Hidden states of spoken sentences, and random ones in batches; lengths from two tokens up."""
        arrays = [(hidden[None], True) for hidden in self.hidden]
        for batch, tokens in ((1, 2), (2, 3), (3, 33)):
            shape = (batch, tokens, self.config.hidden_size)
            arrays.append((self.random.standard_normal(shape).astype(np.float32), False))
        port = graph.inputs[0]
        channel_first = port.axes[1] == self.config.hidden_size
        return [
            Case(
                f"case {i}",
                {port.name: np.ascontiguousarray(hidden.transpose(0, 2, 1)) if channel_first else hidden},
                natural=natural,
            )
            for i, (hidden, natural) in enumerate(arrays)
        ]

    def server_logits(self, run: Run) -> np.ndarray:
        """Logits ``[positions, vocab]`` of speaking the sentences through ``run``, each with the cache it makes itself."""
        return np.concatenate([o["logits"] for outputs in self._speak_all(run) for o in outputs])

    def portable_logits(self, run: Run) -> np.ndarray:
        """The same through the portable graph: a sentence and its tokens in one call."""
        logits = []
        for prompt, tokens in zip(self.prompts, self.spoken, strict=True):
            feeds = self._portable_feeds(np.array([[*prompt, *tokens[:-1]]]), past=0)
            logits.append(run(feeds)["logits"][0, len(prompt) - 1 :])
        return np.concatenate(logits)

    def utterances(self, portable_lm: Run, decoder: Run) -> list[Utterance]:
        """The sentences, to be spoken whole, and how PyTorch says after a bundle what that one chose to say."""

        def follow(prompt: list[int], trace: Mapping[str, np.ndarray]) -> np.ndarray:
            feeds = self._portable_feeds(np.array([[*prompt, *trace["tokens"][:-1]]]), past=0)
            # The state that predicted a token is that of the token before.
            return decoder({"hidden": portable_lm(feeds)["last_hidden_state"][:, len(prompt) - 1 :]})["audio"][0]

        options = {"min_new_tokens": 2, "max_new_tokens": _LONGEST_TOKENS}  # of fewer than two the decoder makes no sound
        requests = [SynthesisRequest(str(i), token_ids=prompt, options=options) for i, prompt in enumerate(self.prompts)]
        return [Utterance(one, partial(follow, prompt)) for one, prompt in zip(requests, self.prompts, strict=True)]

    def _speak_all(self, run: Run) -> list[list[Mapping[str, np.ndarray]]]:
        return [self._speak(run, p, tokens) for p, tokens in zip(self.prompts, self.spoken, strict=True)]

    def _speak(self, run: Run, prompt: list[int], tokens: list[int]) -> list[Mapping[str, np.ndarray]]:
        """Run a prompt and then ``tokens`` through a server graph; where they end, go on with the most likely new one."""
        feeds = self._prefill(np.array([prompt]))
        outputs: list[Mapping[str, np.ndarray]] = []
        for i in range(_SPOKEN_TOKENS):
            outputs.append(run(feeds))
            if i == len(tokens):
                logits = outputs[-1]["logits"][0].copy()
                logits[[*tokens, self.config.eos_token_id]] = -np.inf  # no repeats and no end: variety
                tokens.append(int(logits.argmax()))
            length = len(prompt) + i + 1
            caches = {name.replace("present", "past"): a for name, a in outputs[-1].items() if name.startswith("present")}
            feeds = {
                "input_ids": np.array([[tokens[i]]]),
                "seqlens_k": np.array([length - 1], np.int32),
                "total_sequence_length": np.array(length, np.int32),
                **caches,
            }
        return outputs

    def _random_ids(self, batch: int, length: int) -> np.ndarray:
        return self.random.integers(0, self.config.vocab_size, (batch, length))

    def _prefill(self, ids: np.ndarray) -> dict[str, np.ndarray]:
        batch, length = ids.shape
        return {
            "input_ids": ids,
            "seqlens_k": np.full(batch, length - 1, np.int32),
            "total_sequence_length": np.array(length, np.int32),
            **self._caches(self._slots, batch, length + _SPOKEN_TOKENS, fill=0.0),
        }

    def _step(self, batch: int) -> dict[str, np.ndarray]:
        lengths = self.random.integers(3, 60, batch).astype(np.int32)
        return {
            "input_ids": self._random_ids(batch, 1),
            "seqlens_k": lengths,
            "total_sequence_length": np.array(lengths.max() + 1, np.int32),
            **self._caches(self._slots, batch, 64, fill=1.0),
        }

    def _portable_feeds(self, ids: np.ndarray, past: int) -> dict[str, np.ndarray]:
        batch, sequence = ids.shape
        mask = np.ones((batch, past + sequence), np.int64)
        if batch > 1 and past == 0:
            mask[0, :3] = 0  # a left-padded row, as in the original's batches
        position = np.maximum(mask.cumsum(axis=1) - 1, 0)[:, past:]
        return {
            "input_ids": ids,
            "attention_mask": mask,
            "position_ids": position,
            **self._caches(self._growing, batch, past, fill=1.0),
        }

    def _caches(self, ports: Sequence[Port], batch: int, length: int, fill: float) -> dict[str, np.ndarray]:
        """Caches of normal noise of standard deviation ``fill``."""
        shape = (batch, self.config.num_key_value_heads, length, self.config.head_dim)
        return {port.name: (fill * self.random.standard_normal(shape)).astype(np.float32) for port in ports}

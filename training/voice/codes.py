"""Audio tokens (k-means clusters of 64 ms of log-mel), phoneme labels and the tokenizer of the embedded voice."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers.models import BPE
from tokenizers.normalizers import Lowercase, Replace, Strip
from tokenizers.normalizers import Sequence as Normalizers
from torch import Tensor

from training.texts import ALPHABET
from training.voice.utterances import TOKEN, Utterance

CODES, HIGH_CODES = 640, 128  # in all, and of them the last for a question's pitch
SPECIALS = ("[UNK]", "[TEXT]", "[START]", "[STOP]")  # ids 0 to 3, as in ekwek/Soprano-1.1-80M
TEXT, START, STOP = 1, 2, 3
FIRST_CODE = len(SPECIALS)
FIRST_CHARACTER = FIRST_CODE + CODES
VOCABULARY = FIRST_CHARACTER + len(ALPHABET)

_LABEL_OFFSETS = (-320, 192)  # samples from a token's centre at which its two phonemes are read


@dataclass(frozen=True)
class Codebook:
    """Clusters of normalised features.

    Attributes:
        mean: float32 ``[160]``.
        deviation: of all features together.
        centres: float32 ``[codes, 160]``.
        phonemes: espeak's names in order of their labels; the first is ``_``, silence.
    """

    mean: np.ndarray
    deviation: float
    centres: np.ndarray
    phonemes: list[str]

    @classmethod
    def fit(cls, utterances: Sequence[Utterance], seed: int, sample: int = 2500) -> "Codebook":
        """Cluster the tokens of ``sample`` utterances; by themselves those at a question's pitch, of ten times as many."""
        from sklearn.cluster import MiniBatchKMeans  # of the train extra: writing a checkpoint needs the rest of this module

        features, high = _gather(utterances[:sample])
        mean, deviation = features.mean(0), float(features.std())
        wide, wide_high = _gather(utterances[: 10 * sample])
        parts = ((features[~high], CODES - HIGH_CODES), (wide[wide_high], HIGH_CODES))
        centres = [
            MiniBatchKMeans(count, batch_size=4096, n_init=1, max_iter=40, random_state=seed)
            .fit((points - mean) / deviation)
            .cluster_centers_
            for points, count in parts
        ]
        names = {name for u in utterances for name in u["phonemes"]} - {"_"}
        return cls(mean, deviation, np.concatenate(centres, dtype=np.float32), ["_", *sorted(names)])

    def example(self, utterance: Utterance) -> "Example":
        """Turn an utterance into what the language model is trained on."""
        features = (utterance["features"].float().numpy() - self.mean) / self.deviation
        high = utterance["high"].numpy()
        distance = (self.centres**2).sum(1) - 2 * features @ self.centres.T
        is_high = np.arange(CODES) >= CODES - HIGH_CODES
        distance[high[:, None] != is_high] = np.inf
        centre = np.arange(len(high)) * TOKEN
        starts, label = utterance["starts"].numpy(), {name: i for i, name in enumerate(self.phonemes)}
        labels = np.array([0, *(label.get(name, 0) for name in utterance["phonemes"])])
        index = [np.searchsorted(starts, centre + offset, side="right") for offset in _LABEL_OFFSETS]
        return Example(
            characters=torch.tensor([FIRST_CHARACTER + ALPHABET.index(c) for c in utterance["text"]]),
            codes=FIRST_CODE + torch.from_numpy(distance.argmin(1)),
            points=torch.from_numpy(np.concatenate((features, 2.0 * high[:, None]), axis=1)).half(),
            position=utterance["position"],
            phonemes=torch.from_numpy(labels[np.stack(index, axis=1)]),
        )


def _gather(utterances: Sequence[Utterance]) -> tuple[np.ndarray, np.ndarray]:
    """Features ``[tokens, 160]`` of all utterances, and whether their pitch is high."""
    features = np.concatenate([u["features"].numpy() for u in utterances]).astype(np.float32)
    return features, np.concatenate([u["high"].numpy() for u in utterances])


@dataclass(frozen=True)
class Example:
    """A text and its speech, as ids.

    Attributes:
        characters: ids ``[characters]``.
        codes: ids ``[tokens]``.
        points: float16 ``[tokens, 161]``: normalised log-mel and pitch.
        position: float32 ``[tokens]``: index of the character that is said.
        phonemes: labels ``[tokens, 2]``: at the first and second half of each token.
    """

    characters: Tensor
    codes: Tensor
    points: Tensor
    position: Tensor
    phonemes: Tensor

    def __len__(self) -> int:
        return len(self.characters) + len(self.codes) + 4

    @property
    def prompt(self) -> Tensor:
        """``[STOP][TEXT]text[START]``, as soprano-tts writes it."""
        return torch.cat((torch.tensor([STOP, TEXT]), self.characters, torch.tensor([START])))


def join(examples: Sequence[Example]) -> Example:
    """Say several texts in one breath, a space between them. Each already ends in its own pause."""
    characters, positions = examples[0].characters, [examples[0].position]
    space = torch.tensor([FIRST_CHARACTER + ALPHABET.index(" ")])
    for example in examples[1:]:
        characters = torch.cat((characters, space))
        positions.append(example.position + len(characters))
        characters = torch.cat((characters, example.characters))
    return Example(
        characters,
        torch.cat([e.codes for e in examples]),
        torch.cat([e.points for e in examples]),
        torch.cat(positions),
        torch.cat([e.phonemes for e in examples]),
    )


def tokenizer() -> Tokenizer:
    """Characters one by one; what is not in the alphabet is a space."""
    names = [*SPECIALS, *(f"[{i}]" for i in range(CODES)), *ALPHABET]
    built = Tokenizer(BPE({name: i for i, name in enumerate(names)}, [], unk_token="[UNK]"))  # noqa: S106 - not a password
    built.normalizer = Normalizers(
        [
            Lowercase(),
            Replace(Regex(f"[^{ALPHABET}]+"), " "),
            Replace(Regex(" +"), " "),
            Replace(Regex(" (?=[,.?!])"), ""),
            Strip(),
        ]
    )
    built.add_special_tokens([AddedToken(name, normalized=False, special=True) for name in SPECIALS])
    return built

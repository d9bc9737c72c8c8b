"""Trains the embedded voice's language model: characters in, audio tokens out.

It is the exporter's own Qwen3 model with three helpers that fall away afterwards: the hidden state must also tell the log-mel
and pitch of its token (which is what the decoder will need) and its phonemes, and one attention head of two layers must look at
the character that is being said. With them a tiny model learns in minutes what plain next-token training takes hours to find.
"""

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from exporter.layers import Linear, RMSNorm
from exporter.soprano.config import LMConfig
from exporter.soprano.lm import LanguageModel
from training.fitting import fit, mean, skipping, with_rate
from training.qwen import run_whole
from training.voice.codes import CODES, FIRST_CODE, STOP, VOCABULARY, Example, join

MAX_LENGTH = 512  # positions: 200 characters and 19 s
CONFIG = LMConfig(
    vocab_size=VOCABULARY,
    hidden_size=256,
    intermediate_size=448,
    num_hidden_layers=5,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=64,
    rms_norm_eps=1e-6,
    rope_theta=10000.0,
    max_position_embeddings=MAX_LENGTH,
    tie_word_embeddings=True,
    eos_token_id=STOP,
)

STEPS = 6500
_BATCH_IDS = 4000  # characters and audio tokens in a batch, padding included
_CORRUPT = 0.15  # of the audio tokens in the input are replaced by others, so that the model survives its own mistakes
_DECAY = 0.6  # the last part of the steps, over which the learning rate falls linearly
_ALIGNED_LAYERS = (1, 2)
_WINDOW = 1.6  # characters to either side of the one that is said
_JOINED = 0.3  # of the texts begin a group of two to four
_MAX_CHARS, _MAX_TOKENS = 200, 220  # of a group
_WEIGHTS = {"code": 1.0, "normaliser": 0.02, "points": 1.0, "phoneme": 0.5, "alignment": 1.0}


@dataclass(frozen=True)
class Batch:
    """Right-padded examples: ``[batch, length]`` each, ``points`` and ``phonemes`` with one axis more."""

    ids: Tensor
    targets: Tensor
    points: Tensor
    phonemes: Tensor
    spoken: Tensor
    position: Tensor

    @classmethod
    def of(cls, examples: Sequence[Example], corrupt: float, generator: torch.Generator) -> "Batch":
        """Pad examples; targets are -100 outside the audio tokens and their end."""
        shape = (len(examples), max(map(len, examples)) - 1)
        ids = torch.zeros(shape, dtype=torch.long)
        targets = torch.full(shape, -100)
        points = torch.zeros(*shape, examples[0].points.shape[1])
        phonemes = torch.zeros(*shape, 2, dtype=torch.long)
        spoken = torch.zeros(shape, dtype=torch.bool)
        position = torch.zeros(shape)
        for row, example in enumerate(examples):
            prompt, codes = example.prompt, example.codes
            # The state at index i predicts what stands at index i + 1: the first audio token is predicted at [START].
            first, end = len(prompt) - 1, len(prompt) - 1 + len(codes)
            wrong = torch.rand(len(codes), generator=generator) < corrupt
            noise = torch.randint(FIRST_CODE, FIRST_CODE + CODES, (len(codes),), generator=generator)
            ids[row, : first + 1] = prompt
            ids[row, first + 1 : end + 1] = torch.where(wrong, noise, codes)
            targets[row, first:end] = codes
            targets[row, end] = STOP
            points[row, first:end] = example.points.float()
            phonemes[row, first:end] = example.phonemes
            spoken[row, first:end] = True
            position[row, first:end] = example.position + 2  # after [STOP][TEXT]
        return cls(ids, targets, points, phonemes, spoken, position)

    def to(self, device: torch.device) -> "Batch":
        """Move to a device."""
        return Batch(*(getattr(self, name).to(device) for name in self.__annotations__))


class Trainee(nn.Module):
    """The language model and its helpers."""

    def __init__(self, phonemes: int, features: int, config: LMConfig = CONFIG) -> None:
        super().__init__()
        self.lm = LanguageModel(config)
        del self.lm.lm_head  # tied: see logits
        self.to_points = nn.Linear(config.hidden_size, features)
        self.to_phonemes = nn.Linear(config.hidden_size, 2 * phonemes)
        for module in self.lm.modules():
            if isinstance(module, Linear):
                nn.init.normal_(module.weight, std=0.6 * config.hidden_size**-0.5)
            elif isinstance(module, RMSNorm):
                nn.init.ones_(module.weight)
        nn.init.normal_(self.lm.embed_tokens.weight, std=0.02)
        for layer in self.lm.blocks():
            for last in (layer.o_proj, layer.down_proj):
                nn.init.normal_(last.weight, std=0.08 / (2 * config.num_hidden_layers) ** 0.5)

    def forward(self, ids: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Map ids ``[batch, length]`` to final hidden states and the aligned heads' scores ``[batch, length, length]``."""
        after, scores = run_whole(self.lm, self.lm.embed_tokens(ids), _attend, _ALIGNED_LAYERS)
        return self.lm.norm(after[-1]), scores

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Every part of the loss, and two accuracies (``code_accuracy``, ``phoneme_accuracy``)."""
        with torch.autocast(batch.ids.device.type, torch.bfloat16):
            hidden, scores = self(batch.ids)
            said = batch.targets != -100
            logits = nn.functional.linear(hidden[said], self.lm.embed_tokens.weight).float()
            points = self.to_points(hidden[batch.spoken]).float()
            phonemes = self.to_phonemes(hidden[batch.spoken]).float().unflatten(-1, (2, -1))
        targets, labels = batch.targets[said], batch.phonemes[batch.spoken]
        column = torch.arange(batch.ids.shape[1], device=batch.ids.device)
        outside = (column - batch.position[batch.spoken][:, None]).abs() > _WINDOW
        missed = [-score[batch.spoken].log_softmax(-1).masked_fill(outside, -1e4).logsumexp(-1).mean() for score in scores]
        return {
            "code": nn.functional.cross_entropy(logits, targets),
            # Scores that are log-probabilities are at most zero: a token that is sure has zero, which soprano-tts' repetition
            # penalty, a factor, leaves alone.
            "normaliser": logits.logsumexp(-1).square().mean(),
            "points": (points - batch.points[batch.spoken]).abs().mean(),
            "phoneme": nn.functional.cross_entropy(phonemes.flatten(0, 1), labels.flatten()),
            "alignment": torch.stack(missed).mean(),
            "code_accuracy": (logits.argmax(-1) == targets).float().mean(),
            "phoneme_accuracy": (phonemes.argmax(-1) == labels).float().mean(),
        }


def _attend(query: Tensor, key: Tensor, value: Tensor, _later: Tensor) -> Tensor:
    return nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=True)


def groups(examples: Sequence[Example], seed: int, epoch: int) -> list[list[Example]]:
    """Join some examples, sort by length and cut into batches; the same for the same epoch."""
    generator = random.Random(f"{seed}/{epoch}")  # noqa: S311 - an order, not a secret
    texts = list(_joined(examples, generator))
    texts.sort(key=lambda example: len(example) + 6 * generator.random())
    cut: list[list[Example]] = [[]]
    for example in texts:
        if len(example) * (len(cut[-1]) + 1) > _BATCH_IDS:
            cut.append([])
        cut[-1].append(example)
    generator.shuffle(cut)
    return cut


def _joined(examples: Sequence[Example], generator: random.Random) -> Iterator[Example]:
    order = generator.sample(examples, len(examples))
    while order:
        group = [order.pop()]
        wanted = generator.choice((2, 2, 3, 4)) if generator.random() < _JOINED else 1
        while order and len(group) < wanted:
            longer = [*group, order[-1]]
            if sum(len(e.characters) + 1 for e in longer) > _MAX_CHARS or sum(len(e.codes) for e in longer) > _MAX_TOKENS:
                break
            group = longer
            order.pop()
        yield join(group)


def _batches(examples: Sequence[Example], seed: int, device: torch.device) -> Iterator[Batch]:
    for epoch in itertools.count():
        for i, group in enumerate(groups(examples, seed, epoch)):
            generator = torch.Generator().manual_seed(hash((seed, epoch, i)))
            yield Batch.of(group, _CORRUPT, generator).to(device)


def train(
    path: Path,
    examples: Sequence[Example],
    tests: Sequence[Example],
    phonemes: int,
    *,
    seed: int,
    device: torch.device,
    steps: int = STEPS,
    compiled: bool = False,
) -> Trainee:
    """Train, or go on from ``path``'s last save; see :func:`training.fitting.fit`.

    Args:
        path: without suffix.
        examples: to learn from.
        tests: for the curve, without corruption.
        phonemes: how many labels there are.
        seed: of the weights, the order and the corruption.
        device: where.
        steps: of the optimizers.
        compiled: almost twice as fast; needs a C++ compiler.
    """
    torch.manual_seed(seed)
    model = Trainee(phonemes, examples[0].points.shape[1]).to(device)
    if compiled:
        model.compile(dynamic=True)
    matrices = [p for layer in model.lm.layers for p in layer.parameters() if p.ndim == 2]
    chosen = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in chosen]
    optimizers = [
        with_rate(torch.optim.Muon(matrices, lr=0.02, weight_decay=0.01)),
        with_rate(torch.optim.AdamW(others, lr=3e-3, betas=(0.9, 0.98), weight_decay=0.0)),
    ]
    held = [Batch.of(group, 0.0, torch.Generator()).to(device) for group in groups(tests, seed, 0)]
    fit(
        path,
        model,
        optimizers,
        skipping(_batches(examples, seed, device)),
        model.losses,
        _WEIGHTS,
        lambda: mean(model.losses(batch) for batch in held),
        steps,
        lambda done: min(1.0, (1 - done) / _DECAY + 0.01),
    )
    return model

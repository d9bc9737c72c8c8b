"""Trains the embedded voice's Vocos decoder: the finished language model's hidden states in, the target voice's sound out.

The module is the exporter's own. Two losses are enough, without a discriminator, because the target's harmonics have the same
phase in every frame (:mod:`training.voice.corpus`): the waveform's distance and that of its spectra in four resolutions.

It sees one state more than there are tokens: the one that predicts the end, with silence as its sound. So both of soprano-tts'
conventions work: whole utterances take the states that predict each token, streaming those one later.
"""

import itertools
import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from exporter.layers import Linear
from exporter.soprano.config import DecoderConfig
from exporter.soprano.decoder import ConvNeXtBlock, Decoder
from training.fitting import fit, mean, skipping, with_rate
from training.voice.codes import Codebook
from training.voice.lm import CONFIG, Batch, Trainee
from training.voice.utterances import FRAMES_PER_TOKEN, HOP, SAMPLE_RATE, TOKEN, Utterance

DECODER = DecoderConfig(
    num_input_channels=CONFIG.hidden_size,
    decoder_dim=192,
    decoder_intermediate_dim=384,
    decoder_num_layers=5,
    input_kernel=1,
    dw_kernel=3,
    n_fft=4 * HOP,
    hop_length=HOP,
    upscale=FRAMES_PER_TOKEN,
    sample_rate=SAMPLE_RATE,
)
GAIN = 4.0  # the decoder learns a louder target, where the logarithm of its losses is better conditioned

STEPS = 4000
_BATCH, _SEGMENT = 16, 24  # utterances and hidden states of each
_CORRUPT = 0.08
_WINDOWS = (256, 512, 1024, 2048)
_WEIGHTS = {"spectrum": 1.0, "waveform": 1.0}

Pair = tuple[Tensor, Tensor]  # hidden states [tokens + 1, channels], sound [1024 * tokens]


def initialised(config: DecoderConfig = DECODER) -> Decoder:
    """A decoder with the initial weights of Vocos (truncated normal of 0.02), beginning quietly."""
    decoder = Decoder(config)
    for module in decoder.modules():
        if isinstance(module, Linear | nn.Conv1d):
            nn.init.trunc_normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for block in cast("Iterable[ConvNeXtBlock]", decoder.convnext):
        nn.init.constant_(block.gamma, 1 / config.decoder_num_layers)
    decoder.state_dict()["out.bias"][: config.n_fft // 2] = -1.5
    return decoder


@torch.no_grad()
def pairs(model: Trainee, codebook: Codebook, utterances: Sequence[Utterance], device: torch.device) -> list[Pair]:
    """The hidden states with which ``model`` says each utterance, a few tokens of its past wrong, beside its sound."""
    made = []
    order = sorted((u for u in utterances if len(u["audio"])), key=lambda u: len(u["features"]))
    for i in range(0, len(order), 32):
        examples = [codebook.example(u) for u in order[i : i + 32]]
        batch = Batch.of(examples, _CORRUPT, torch.Generator().manual_seed(i)).to(device)
        with torch.autocast(device.type, torch.bfloat16):
            hidden, _ = model(batch.ids)
        for row, (example, utterance) in enumerate(zip(examples, order[i : i + 32], strict=True)):
            first = len(example.prompt) - 1
            states = hidden[row, first : first + len(example.codes) + 1].float().cpu()
            made.append((states, utterance["audio"].float() / 32768 * GAIN))
    return made


def losses(decoder: Decoder, batch: Pair, windows: dict[int, Tensor]) -> dict[str, Tensor]:
    """The relative distance of the waveforms, and of their spectra as in Yamamoto et al. 2020 (convergence and log)."""
    hidden, sound = batch
    made = decoder(hidden)
    spectrum = made.new_zeros(())
    for size, window in windows.items():
        ours, target = (torch.stft(x, size, size // 4, size, window, return_complex=True) for x in (made, sound))
        ours, target = (ours.real.square() + ours.imag.square() + 1e-7).sqrt(), target.abs()
        spectrum = (
            spectrum + (ours - target).norm() / target.norm() + ((ours + 1e-2).log() - (target + 1e-2).log()).abs().mean()
        )
    inside = slice(HOP * 2, -HOP * 2)  # at the edge of a segment the decoder lacks its neighbours
    waveform = (made - sound)[:, inside].abs().mean() / sound.abs().mean()
    return {"spectrum": spectrum / len(windows), "waveform": waveform}


def _segments(made: Sequence[Pair], seed: int, device: torch.device) -> Iterator[Pair]:
    generator = random.Random(seed)  # noqa: S311 - an order, not a secret
    while True:
        chosen = [_cut(pair, generator) for pair in generator.sample(made, min(_BATCH, len(made)))]
        yield torch.stack([hidden for hidden, _ in chosen]).to(device), torch.stack([sound for _, sound in chosen]).to(device)


def _cut(pair: Pair, generator: random.Random) -> Pair:
    hidden, sound = pair
    if len(hidden) < _SEGMENT:  # the end goes on
        missing = _SEGMENT - len(hidden)
        hidden = torch.cat((hidden, hidden[-1:].expand(missing, -1)))
        sound = nn.functional.pad(sound, (0, TOKEN * missing))
    start = generator.randint(0, len(hidden) - _SEGMENT)
    return hidden[start : start + _SEGMENT], sound[TOKEN * start : TOKEN * (start + _SEGMENT - 1)]


def train(
    path: Path, made: Sequence[Pair], tests: Sequence[Pair], *, seed: int, device: torch.device, steps: int = STEPS
) -> Decoder:
    """Train, or go on from ``path``'s last save; see :func:`training.fitting.fit`.

    Args:
        path: without suffix.
        made: of :func:`pairs`, to learn from.
        tests: of :func:`pairs`, for the curve.
        seed: of the weights and the order.
        device: where.
        steps: of the optimizer.
    """
    torch.manual_seed(seed)
    decoder = initialised().to(device)
    windows = {size: torch.hann_window(size, device=device) for size in _WINDOWS}
    held = list(itertools.islice(_segments(tests, seed, device), 4))
    fit(
        path,
        decoder,
        [with_rate(torch.optim.AdamW(decoder.parameters(), lr=2e-3, betas=(0.8, 0.98), weight_decay=0.01))],
        skipping(_segments(made, seed, device)),
        lambda batch: losses(decoder, batch, windows),
        _WEIGHTS,
        lambda: mean(losses(decoder, batch, windows) for batch in held),
        steps,
        lambda done: min(1.0, (1 - done) / 0.5 + 0.01),
    )
    return decoder

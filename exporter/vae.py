"""The sigma-VAE of VibeVoice: audio to continuous latents and back, as stacks of causal convolutions.

Source: microsoft/VibeVoice ``vibevoice/modular/modular_vibevoice_tokenizer.py`` (MIT). It runs in chunks, as
:mod:`exporter.causal_conv` has it. A decoder mirrors an encoder: the blocks are the same. Here is also the connector, which
stands between the codec and a language model.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from exporter.causal_conv import (
    UPSAMPLED_TAPS,
    BandConv,
    Conv,
    ConvTranspose,
    band_weight,
    conv_weight,
    convolve,
    convtr_weight,
    past_shapes,
)
from exporter.layers import Linear, RMSNorm

KERNEL = 7  # of every convolution that does not change the rate
_BAND_ROWS = 16  # of the convolution at the samples' end: one channel is nothing to multiply
EXPANSION = 4  # of the feed-forward part of a block
_CONNECTOR_EPS = 1e-6  # modeling_vibevoice.py: SpeechConnector

# The only values that are published and that the code below stands for; also the defaults of the original's config classes.
_FIXED = {
    "causal": True,
    "channels": 1,
    "conv_bias": True,
    "conv_norm": "none",
    "disable_last_norm": True,
    "layernorm": "RMSNorm",
    "mixer_layer": "depthwise_conv",
    "pad_mode": "constant",
}


@dataclass(frozen=True)
class VAEConfig:
    """One side of the codec. ``ratios`` and ``depths`` begin at the latents' end, as the decoder runs."""

    dimension: int
    n_filters: int
    ratios: tuple[int, ...]
    depths: tuple[int, ...]
    eps: float

    def __post_init__(self) -> None:
        if len(self.depths) != len(self.ratios) + 1:
            raise ValueError(f"{len(self.ratios)} ratios need {len(self.ratios) + 1} depths, not {len(self.depths)}")
        if math.prod(self.ratios) % _BAND_ROWS:
            raise ValueError(f"a frame of {math.prod(self.ratios)} samples is not a multiple of {_BAND_ROWS}")

    @classmethod
    def of(cls, raw: Mapping[str, Any], side: str) -> "VAEConfig":
        """Read the ``encoder`` or ``decoder`` side of an ``acoustic_tokenizer_config`` (or a semantic one).

        Raises:
            KeyError: a key is missing.
            ValueError: the codec is of a kind that is not supported.
        """
        for name, value in _FIXED.items():
            if raw.get(name, value) != value:
                raise ValueError(f"{name} is {raw[name]!r}, only {value!r} is supported")
        depths = [int(depth) for depth in str(raw["encoder_depths"]).split("-")][::-1]
        if side == "decoder" and raw["decoder_depths"] is not None:
            depths = [int(depth) for depth in str(raw["decoder_depths"]).split("-")]
        return cls(
            dimension=int(raw["vae_dim"]),
            n_filters=int(raw[f"{side}_n_filters"]),
            ratios=tuple(raw[f"{side}_ratios"]),
            depths=tuple(depths),
            eps=float(raw["layernorm_eps"]),
        )

    @property
    def frame_size(self) -> int:
        """Samples of one latent frame."""
        return math.prod(self.ratios)

    @property
    def widths(self) -> list[int]:
        """Channels of every stage, from the latents' end."""
        return [self.n_filters << i for i in range(len(self.ratios), -1, -1)]


class Block(nn.Module):
    """A causal depthwise convolution and a feed-forward part, both with a norm before and a residual around.

    The scales of the residual branches (``gamma`` and ``ffn_gamma``) are part of ``mixer`` and ``linear2``.
    """

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__()
        self.past_shape = (KERNEL - 1, channels)
        self.norm = RMSNorm(channels, eps)
        self.mixer = nn.Conv1d(channels, channels, KERNEL, groups=channels)
        self.ffn_norm = RMSNorm(channels, eps)
        self.linear1 = Linear(channels, EXPANSION * channels, bias=True)
        self.linear2 = Linear(EXPANSION * channels, channels, bias=True)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Map ``[batch, steps, channels]`` to as much, and give what the next chunk needs."""
        padded = torch.cat((past, self.norm(x)), dim=1)
        # As a 2-d convolution of height 1, ONNX Runtime's fastest form (exporter/soprano/decoder.py).
        mixed = nn.functional.conv2d(
            padded.transpose(1, 2)[:, :, None], self.mixer.weight[:, :, None], self.mixer.bias, groups=self.mixer.groups
        )
        x = x + mixed.squeeze(2).transpose(1, 2)
        hidden = nn.functional.gelu(self.linear1(self.ffn_norm(x).flatten(0, 1)))
        return x + self.linear2(hidden).view_as(x), padded[:, x.shape[1] :]


class Part(nn.Module):
    """A run of a decoder's layers. The first have nearly all of the weights, the last nearly all of the activations."""

    def __init__(self, layers: Iterable[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    @property
    def state_shapes(self) -> list[tuple[int, int]]:
        """The tensors carried from chunk to chunk, without the batch axis; zeros at the start."""
        return list(past_shapes(self.layers).values())

    def forward(self, x: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """Map ``[batch, steps, channels]`` to the last layer's, and ``past`` to that for the next chunk."""
        x, present = convolve(self.layers, x, past)
        return x, *present


class Decoder(nn.Module):
    """Latents to samples, in chunks."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        self.config = config
        width, *narrower = config.widths
        layers: list[nn.Module] = [Conv(config.dimension, width, KERNEL), *_blocks(config, 0)]
        for stage, (ratio, channels) in enumerate(zip(config.ratios, narrower, strict=True), 1):
            layers += [ConvTranspose(width, channels, ratio), *_blocks(config, stage)]
            width = channels
        self.layers = nn.ModuleList([*layers, BandConv(width, 1, KERNEL, _BAND_ROWS)])

    @property
    def state_shapes(self) -> list[tuple[int, int]]:
        """The tensors carried from chunk to chunk, without the batch axis; zeros at the start."""
        return list(past_shapes(self.layers).values())

    def split(self, stages: int) -> tuple[Part, Part]:
        """Return the first so many stages and the rest."""
        count = stages + sum(self.config.depths[:stages])
        return Part(self.layers[:count]), Part(self.layers[count:])

    def forward(self, latents: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """Map ``[batch, frames, dimension]`` to samples ``[batch, frames * frame_size]`` and ``past`` for the next chunk."""
        x, present = convolve(self.layers, latents, past)
        return x.flatten(1), *present


class Encoder(nn.Module):
    """Samples to the means of the latents' distribution, in chunks of whole frames."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        self.config = config
        width, *wider = config.widths[::-1]
        last = len(config.ratios)
        layers: list[nn.Module] = [BandConv(1, width, KERNEL, _BAND_ROWS), *_blocks(config, last)]
        for stage, (ratio, channels) in enumerate(zip(config.ratios[::-1], wider, strict=True), 1):
            layers += [Conv(width, channels, 2 * ratio, stride=ratio), *_blocks(config, last - stage)]
            width = channels
        self.layers = nn.ModuleList([*layers, Conv(width, config.dimension, KERNEL)])

    @property
    def state_shapes(self) -> list[tuple[int, int]]:
        """The tensors carried from chunk to chunk, without the batch axis; zeros at the start."""
        return list(past_shapes(self.layers).values())

    def forward(self, audio: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """Map ``[batch, frames * frame_size]`` to means ``[batch, frames, dimension]`` and ``past`` for the next chunk."""
        x, present = convolve(self.layers, audio.unsqueeze(-1), past)
        return x, *present


class Connector(nn.Module):
    """Brings latents to the width of a language model (SpeechConnector); there is no activation between."""

    def __init__(self, latent_dim: int, hidden_size: int) -> None:
        super().__init__()
        self.fc1 = Linear(latent_dim, hidden_size, bias=True)
        self.norm = RMSNorm(hidden_size, _CONNECTOR_EPS)
        self.fc2 = Linear(hidden_size, hidden_size, bias=True)

    def forward(self, latents: Tensor) -> Tensor:
        """Map ``[..., latent]``, not scaled, to ``[..., hidden]``."""
        y: Tensor = self.fc2(self.norm(self.fc1(latents)))
        return y


def start(state_shapes: Sequence[tuple[int, int]], x: Tensor) -> list[Tensor]:
    """Return the zeros that a stream begins with, for the batch of ``x``."""
    return [x.new_zeros(x.shape[0], *shape) for shape in state_shapes]


def decoder_state(state: dict[str, Tensor], prefix: str, config: VAEConfig) -> dict[str, Tensor]:
    """Rename the original's decoder weights under ``prefix`` to :class:`Decoder`'s, taking them out of ``state``."""
    renamed: dict[str, Tensor] = {}
    index = 0
    for stage, depth in enumerate(config.depths):
        conv = "conv.conv" if stage == 0 else "convtr.convtr"
        weight, bias = _pop(state, f"{prefix}upsample_layers.{stage}.0.{conv}")
        if stage == 0:
            renamed |= _named(index, conv_weight(weight), bias)
        else:
            renamed |= _named(index, convtr_weight(weight), bias.repeat(weight.shape[2] // UPSAMPLED_TAPS))
        for block in range(depth):
            renamed |= _block_state(state, f"{prefix}stages.{stage}.{block}.", f"layers.{index + 1 + block}.")
        index += 1 + depth
    weight, bias = _pop(state, f"{prefix}head.conv.conv")
    return renamed | _named(index, band_weight(weight, _BAND_ROWS), bias.repeat(_BAND_ROWS))


def encoder_state(state: dict[str, Tensor], prefix: str, config: VAEConfig) -> dict[str, Tensor]:
    """Rename the original's encoder weights under ``prefix`` to :class:`Encoder`'s, taking them out of ``state``."""
    renamed: dict[str, Tensor] = {}
    index = 0
    for stage, depth in enumerate(config.depths[::-1]):
        weight, bias = _pop(state, f"{prefix}downsample_layers.{stage}.0.conv.conv")
        if stage == 0:
            renamed |= _named(index, band_weight(weight, _BAND_ROWS), bias.repeat(_BAND_ROWS))
        else:
            renamed |= _named(index, conv_weight(weight), bias)
        for block in range(depth):
            renamed |= _block_state(state, f"{prefix}stages.{stage}.{block}.", f"layers.{index + 1 + block}.")
        index += 1 + depth
    weight, bias = _pop(state, f"{prefix}head.conv.conv")
    return renamed | _named(index, conv_weight(weight), bias)


def connector_state(read: Callable[[str], Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the state of a :class:`Connector` from the original's weights under ``prefix``."""
    state = {f"{name}.weight": read(f"{prefix}{name}.weight").T.contiguous() for name in ("fc1", "fc2")}
    state |= {f"{name}.bias": read(f"{prefix}{name}.bias") for name in ("fc1", "fc2")}
    return state | {"norm.weight": read(f"{prefix}norm.weight")}


def _blocks(config: VAEConfig, stage: int) -> list[nn.Module]:
    return [Block(config.widths[stage], config.eps) for _ in range(config.depths[stage])]


def _pop(state: dict[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    return state.pop(f"{name}.weight"), state.pop(f"{name}.bias")


def _named(index: int, weight: Tensor, bias: Tensor) -> dict[str, Tensor]:
    return {f"layers.{index}.weight": weight, f"layers.{index}.bias": bias}


def _block_state(state: dict[str, Tensor], theirs: str, ours: str) -> dict[str, Tensor]:
    gamma, ffn_gamma = state.pop(f"{theirs}gamma"), state.pop(f"{theirs}ffn_gamma")
    mixer, mixer_bias = _pop(state, f"{theirs}mixer.conv.conv.conv")
    linear1, linear1_bias = _pop(state, f"{theirs}ffn.linear1")
    linear2, linear2_bias = _pop(state, f"{theirs}ffn.linear2")
    return {
        f"{ours}norm.weight": state.pop(f"{theirs}norm.weight"),
        f"{ours}mixer.weight": mixer * gamma[:, None, None],
        f"{ours}mixer.bias": mixer_bias * gamma,
        f"{ours}ffn_norm.weight": state.pop(f"{theirs}ffn_norm.weight"),
        f"{ours}linear1.weight": linear1.T.contiguous(),
        f"{ours}linear1.bias": linear1_bias,
        f"{ours}linear2.weight": (linear2.T * ffn_gamma).contiguous(),
        f"{ours}linear2.bias": linear2_bias * ffn_gamma,
    }

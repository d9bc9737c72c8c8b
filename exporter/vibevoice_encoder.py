"""The speech tokenizers of VibeVoice: causal ConvNeXt stacks between audio and 7.5 latents a second.

Source: transformers 5.23 ``models/vibevoice_asr`` and microsoft/VibeVoice ``modular_vibevoice_tokenizer.py`` (MIT).

The encoder runs in chunks: what a convolution needs of the past it gets and gives back, so that chunks are the whole, exactly.
All of it travels in one flat tensor; zeros are the start of a file. Everything is channel-last and convolutions that mix
channels are MatMuls over windows (:class:`exporter.mimi.Conv`), which every precision pass knows.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from exporter.layers import Linear, RMSNorm
from exporter.mimi import Conv


@dataclass(frozen=True)
class EncoderConfig:
    """The sizes of an encoder.

    Attributes:
        latent_dim: channels of a latent.
        filters: channels after the stem; every downsampling doubles them.
        ratios: of the downsamplings, first to last.
        depths: blocks after the stem and after each downsampling.
        kernel_size: of all convolutions but the downsampling ones.
        ffn_expansion: how much wider a block is inside.
        eps: of the norms.
    """

    latent_dim: int
    filters: int
    ratios: tuple[int, ...]
    depths: tuple[int, ...]
    kernel_size: int
    ffn_expansion: int
    eps: float

    @property
    def hop(self) -> int:
        """Samples of one latent frame."""
        return math.prod(self.ratios)


class DepthwiseConv(nn.Module):
    """A causal convolution of each channel by itself on ``[batch, steps, channels]``."""

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        self.past_shape = (kernel_size - 1, channels)
        self.weight = nn.Parameter(torch.empty(channels, 1, kernel_size))
        self.bias = nn.Parameter(torch.empty(channels))

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Convolve, and give what the next chunk needs."""
        padded = torch.cat((past, x), dim=1)
        # As a 2-d convolution of height 1: ONNX Runtime's depthwise kernel for it is 1.5 times as fast.
        y = torch.nn.functional.conv2d(
            padded.transpose(1, 2)[:, :, None], self.weight[:, :, None], self.bias, groups=self.weight.shape[0]
        )
        return y.squeeze(2).transpose(1, 2), padded[:, x.shape[1] :]


class Block(nn.Module):
    """A ConvNeXt block (Liu et al. 2022) with RMS norms and a scale for each of its two halves."""

    def __init__(self, channels: int, config: EncoderConfig) -> None:
        super().__init__()
        self.norm = RMSNorm(channels, config.eps)
        self.mixer = DepthwiseConv(channels, config.kernel_size)
        self.gamma = nn.Parameter(torch.empty(channels))
        self.ffn_norm = RMSNorm(channels, config.eps)
        self.linear1 = Linear(channels, config.ffn_expansion * channels, bias=True)
        self.linear2 = Linear(config.ffn_expansion * channels, channels, bias=True)
        self.ffn_gamma = nn.Parameter(torch.empty(channels))

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Map ``[batch, steps, channels]`` to its like, and give what the next chunk needs."""
        mixed, past = self.mixer(self.norm(x), past)
        x = x + self.gamma * mixed
        y = self.ffn_norm(x).flatten(0, 1)
        y = self.linear2(torch.nn.functional.gelu(self.linear1(y)))
        return x + (self.ffn_gamma * y).view_as(x), past


class Encoder(nn.Module):
    """Audio ``[batch, samples, 1]`` to latents ``[batch, samples / hop, latent_dim]``."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.filters
        layers: list[nn.Module] = [Conv(1, channels, config.kernel_size)]
        layers += [Block(channels, config) for _ in range(config.depths[0])]
        for ratio, depth in zip(config.ratios, config.depths[1:], strict=True):
            layers.append(Conv(channels, 2 * channels, 2 * ratio, stride=ratio))
            channels *= 2
            layers += [Block(channels, config) for _ in range(depth)]
        layers.append(Conv(channels, config.latent_dim, config.kernel_size))
        self.layers = nn.ModuleList(layers)

    @property
    def past_shapes(self) -> list[tuple[int, int]]:
        """What each layer needs of the past, as ``(steps, channels)``."""
        mixing = (layer.mixer if isinstance(layer, Block) else layer for layer in self.layers)
        return [layer.past_shape for layer in mixing if isinstance(layer, DepthwiseConv | Conv)]

    @property
    def state_size(self) -> int:
        """Floats of the whole past."""
        return sum(math.prod(shape) for shape in self.past_shapes)

    def forward(self, audio: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map a chunk of audio and the flat past ``[batch, state_size]`` to latents and the next past."""
        sizes = [math.prod(shape) for shape in self.past_shapes]
        pasts = state.split(sizes, dim=1)
        presents = []
        x = audio
        for layer, past, shape in zip(self.layers, pasts, self.past_shapes, strict=True):
            x, present = layer(x, past.unflatten(1, shape))
            presents.append(present.flatten(1))
        return x, torch.cat(presents, dim=1)


def encoder_weights(encoder: Encoder, read: Callable[[str], Tensor]) -> Mapping[str, Tensor]:
    """Return the state dict of ``encoder`` from a checkpoint in the hub's layout.

    Args:
        encoder: whose weights they are.
        read: returns a tensor by its key below the encoder's prefix.
    """
    state: dict[str, Tensor] = {}
    for ours, theirs in zip((f"layers.{i}" for i in range(len(encoder.layers))), layer_names(encoder.config), strict=True):
        if theirs.endswith(".conv"):
            # [out, in, kernel] to [kernel * in, out]
            state[f"{ours}.weight"] = read(f"{theirs}.weight").permute(2, 1, 0).flatten(0, 1).contiguous()
            state[f"{ours}.bias"] = read(f"{theirs}.bias")
            continue
        for name in ("norm.weight", "ffn_norm.weight", "gamma", "ffn_gamma"):
            state[f"{ours}.{name}"] = read(f"{theirs}.{name}")
        for name in ("weight", "bias"):
            state[f"{ours}.mixer.{name}"] = read(f"{theirs}.mixer.conv.{name}")
        for linear in ("linear1", "linear2"):
            state[f"{ours}.{linear}.weight"] = read(f"{theirs}.ffn.{linear}.weight").T.contiguous()
            state[f"{ours}.{linear}.bias"] = read(f"{theirs}.ffn.{linear}.bias")
    return state


def layer_names(config: EncoderConfig) -> Iterator[str]:
    """Yield the names of an encoder's layers in the hub's layout, in the order of :attr:`Encoder.layers`."""
    yield "stem.conv.conv"
    yield from (f"stem.stage.{i}" for i in range(config.depths[0]))
    for j, depth in enumerate(config.depths[1:]):
        yield f"conv_layers.{j}.conv.conv"
        yield from (f"conv_layers.{j}.stage.{i}" for i in range(depth))
    yield "head.conv"

"""The VAE against plain convolutions, which are written down here as the original has them."""

import math
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from exporter.checkpoints import load_weights
from exporter.vae import Decoder, Encoder, VAEConfig, decoder_state, encoder_state, start

CONFIG = VAEConfig(dimension=3, n_filters=2, ratios=(4, 2, 2), depths=(2, 1, 1, 2), eps=1e-5)
RAW: Mapping[str, Any] = {
    "causal": True,
    "channels": 1,
    "conv_bias": True,
    "conv_norm": "none",
    "disable_last_norm": True,
    "layernorm": "RMSNorm",
    "mixer_layer": "depthwise_conv",
    "pad_mode": "constant",
    "layernorm_eps": 1e-5,
    "vae_dim": 3,
    "decoder_depths": None,
    "decoder_n_filters": 2,
    "decoder_ratios": [4, 2, 2],
    "encoder_depths": "2-1-1-2",
    "encoder_n_filters": 2,
    "encoder_ratios": [4, 2, 2],
}


class Original:
    """Random weights under the original's names, and what the original computes with them, channels first."""

    def __init__(self) -> None:
        self.state: dict[str, Tensor] = {}
        self.generator = torch.Generator().manual_seed(0)

    def parameter(self, name: str, *shape: int) -> Tensor:
        """Make a weight at its first use."""
        if name not in self.state:
            fan_in = math.prod(shape[1:]) or 1
            self.state[name] = torch.randn(shape, generator=self.generator) / math.sqrt(fan_in)
        return self.state[name]

    def conv(self, name: str, x: Tensor, width: int, kernel: int, stride: int = 1, groups: int = 1) -> Tensor:
        weight = self.parameter(f"{name}.weight", width, x.shape[1] // groups, kernel)
        padded = functional.pad(x, (kernel - stride, 0))
        return functional.conv1d(padded, weight, self.parameter(f"{name}.bias", width), stride, groups=groups)

    def block(self, name: str, x: Tensor) -> Tensor:
        width = x.shape[1]

        def norm(part: str, y: Tensor) -> Tensor:
            return functional.rms_norm(y.mT, (width,), self.parameter(f"{name}.{part}.weight", width), CONFIG.eps).mT

        mixed = self.conv(f"{name}.mixer.conv.conv.conv", norm("norm", x), width, 7, groups=width)
        x = x + self.parameter(f"{name}.gamma", width)[:, None] * mixed
        hidden = self.linear(f"{name}.ffn.linear1", norm("ffn_norm", x).mT, 4 * width)
        y = self.linear(f"{name}.ffn.linear2", functional.gelu(hidden), width)
        return x + (self.parameter(f"{name}.ffn_gamma", width) * y).mT

    def linear(self, name: str, x: Tensor, width: int) -> Tensor:
        weight = self.parameter(f"{name}.weight", width, x.shape[-1])
        return functional.linear(x, weight, self.parameter(f"{name}.bias", width))

    def decode(self, latents: Tensor) -> Tensor:
        """Map ``[batch, frames, dimension]`` to samples."""
        x = self.conv("upsample_layers.0.0.conv.conv", latents.mT, CONFIG.widths[0], 7)
        for stage, depth in enumerate(CONFIG.depths):
            if stage:
                name, ratio, width = f"upsample_layers.{stage}.0.convtr.convtr", CONFIG.ratios[stage - 1], CONFIG.widths[stage]
                weight = self.parameter(f"{name}.weight", x.shape[1], width, 2 * ratio)
                x = functional.conv_transpose1d(x, weight, self.parameter(f"{name}.bias", width), ratio)[..., :-ratio]
            for i in range(depth):
                x = self.block(f"stages.{stage}.{i}", x)
        return self.conv("head.conv.conv", x, 1, 7)[:, 0]

    def encode(self, audio: Tensor) -> Tensor:
        """Map ``[batch, samples]`` to means ``[batch, frames, dimension]``."""
        x = self.conv("downsample_layers.0.0.conv.conv", audio[:, None], CONFIG.n_filters, 7)
        for stage, depth in enumerate(CONFIG.depths[::-1]):
            if stage:
                ratio = CONFIG.ratios[::-1][stage - 1]
                name = f"downsample_layers.{stage}.0.conv.conv"
                x = self.conv(name, x, 2 * x.shape[1], 2 * ratio, stride=ratio)
            for i in range(depth):
                x = self.block(f"stages.{stage}.{i}", x)
        return self.conv("head.conv.conv", x, CONFIG.dimension, 7).mT


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("chunks", [[9], [1] * 9, [2, 1, 6]])
def test_decoder_is_the_originals_in_chunks_of_any_size(chunks: list[int]) -> None:
    original, latents = Original(), noise(2, 9, CONFIG.dimension)
    expected = original.decode(latents)
    state = {f"p.{name}": weight for name, weight in original.state.items()}
    decoder = Decoder(CONFIG)
    load_weights(decoder, decoder_state(state, "p.", CONFIG), "here")
    assert not state
    past, audio = start(decoder.state_shapes, latents), []
    for part in latents.split(chunks, dim=1):
        samples, *past = decoder(part, *past)
        audio.append(samples)
    # Kinds of processors add in another order: 1.3e-5 apart on AVX2.
    torch.testing.assert_close(torch.cat(audio, dim=1), expected, atol=3e-5, rtol=0)


@pytest.mark.parametrize("chunks", [[9], [1] * 9, [2, 1, 6]])
def test_encoder_is_the_originals_in_chunks_of_whole_frames(chunks: list[int]) -> None:
    original, audio = Original(), noise(2, 9 * CONFIG.frame_size)
    expected = original.encode(audio)
    state = {f"p.{name}": weight for name, weight in original.state.items()}
    encoder = Encoder(CONFIG)
    load_weights(encoder, encoder_state(state, "p.", CONFIG), "here")
    assert not state
    past, means = start(encoder.state_shapes, audio), []
    for part in audio.split([frames * CONFIG.frame_size for frames in chunks], dim=1):
        mean, *past = encoder(part, *past)
        means.append(mean)
    torch.testing.assert_close(torch.cat(means, dim=1), expected, atol=1e-5, rtol=0)


def test_depths_of_the_decoder_default_to_the_encoders_in_reverse() -> None:
    raw = {**RAW, "encoder_depths": "1-2-3-4"}
    assert VAEConfig.of(raw, "decoder").depths == VAEConfig.of(raw, "encoder").depths == (4, 3, 2, 1)
    assert VAEConfig.of({**raw, "decoder_depths": "5-6-7-8"}, "decoder").depths == (5, 6, 7, 8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mixer_layer": "conv"}, "mixer_layer is 'conv'"),
        ({"encoder_depths": "1-2"}, "3 ratios need 4 depths, not 2"),
        ({"decoder_ratios": [3, 2, 2]}, "not a multiple of 16"),
    ],
)
def test_other_codecs_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VAEConfig.of({**RAW, **change}, "decoder")

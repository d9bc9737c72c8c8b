"""The Mimi codec of PocketTTS: audio to continuous latents and back, as one family of causal convolutions.

Source: pocket-tts 4.0.1 (``modules/seanet.py``, ``modules/conv.py``, ``modules/transformer.py``, ``models/mimi.py``; MIT) and
the Mimi codec (Défossez et al. 2024).

The decoder runs in chunks, as :mod:`exporter.causal_conv` has it.
"""

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn

from exporter.attention import attend, split_heads
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
from exporter.checkpoints import load_weights
from exporter.layers import Linear, elu, rotary_tables, rotate_pairs

MAX_CHUNK_FRAMES = 256  # of one call to the decoder: 20 s

_RESIDUAL_ROWS = 2  # of a BandConv: one less than the kernel, so that a window is two blocks
_LAST_ROWS = 16  # of the one that makes samples: one output channel is nothing to multiply


class Strict(BaseModel):
    """A section of a PocketTTS ``config.yaml``; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SEANetConfig(Strict):
    """The convolutional part of the codec (Tagliasacchi et al. 2020)."""

    dimension: int
    channels: Annotated[int, Field(ge=1, le=1)]
    n_filters: int
    n_residual_layers: int
    ratios: list[int]
    kernel_size: int
    residual_kernel_size: int
    last_kernel_size: int
    dilation_base: int
    pad_mode: Annotated[str, Field(pattern="^constant$")]
    compress: int


class TransformerConfig(Strict):
    """The codec's transformer: causal, each step sees ``context`` steps including itself."""

    d_model: int
    input_dimension: int
    output_dimensions: list[int]
    num_heads: int
    num_layers: int
    layer_scale: float
    context: int
    max_period: float = 10000.0
    dim_feedforward: int

    @model_validator(mode="after")
    def _check_dimensions(self) -> "TransformerConfig":
        if [self.input_dimension, *self.output_dimensions] != [self.d_model] * 2:
            raise ValueError("input_dimension and output_dimensions must equal d_model: no published variant projects")
        return self


class QuantizerConfig(Strict):
    """The projection of latents that is left of the codec's quantizer."""

    dimension: int
    output_dimension: int


class MimiConfig(Strict):
    """The ``mimi`` section of ``config.yaml``."""

    dtype: str
    sample_rate: int
    channels: Annotated[int, Field(ge=1, le=1)]
    frame_rate: float
    seanet: SEANetConfig
    transformer: TransformerConfig
    quantizer: QuantizerConfig
    weights_path: str | None = None
    inner_dim: int | None = None
    outer_dim: int | None = None
    decoder_seanet: SEANetConfig | None = None
    decoder_transformer: TransformerConfig | None = None

    @property
    def frame_size(self) -> int:
        """Samples of one latent frame."""
        return int(self.sample_rate / self.frame_rate)

    @property
    def steps_per_frame(self) -> int:
        """Steps of the transformers for one latent frame."""
        hop = 1
        for ratio in self.seanet.ratios:
            hop *= ratio
        return self.frame_size // hop

    @property
    def latent_dim(self) -> int:
        """Channels of what the encoder gives to the speaker projection."""
        return self.inner_dim or self.seanet.dimension

    @property
    def decoder(self) -> tuple[SEANetConfig, TransformerConfig]:
        """The decoder's sections, which default to the encoder's."""
        return self.decoder_seanet or self.seanet, self.decoder_transformer or self.transformer


class ResidualBlock(nn.Module):
    """``x + conv1x1(elu(conv(elu(x))))`` on ``[batch, steps, channels]``."""

    def __init__(self, channels: int, kernel_size: int, dilation: int, compress: int) -> None:
        super().__init__()
        hidden = channels // compress
        wide = (
            BandConv(channels, hidden, kernel_size, _RESIDUAL_ROWS)
            if dilation == 1 and kernel_size == _RESIDUAL_ROWS + 1
            else Conv(channels, hidden, kernel_size, dilation=dilation)
        )
        # The indices of the original's list: activations stand between the convolutions.
        self.block = nn.ModuleDict({"1": wide, "3": Conv(hidden, channels, 1)})
        self.past_shape = wide.past_shape

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Return the block's output, and what the next chunk needs."""
        y, past = self.block["1"](elu(x), past)
        y, _ = self.block["3"](elu(y), None)
        return x + y, past


def _residual_blocks(config: SEANetConfig, channels: int) -> list[nn.Module]:
    return [
        ResidualBlock(channels, config.residual_kernel_size, config.dilation_base**i, config.compress)
        for i in range(config.n_residual_layers)
    ]


def encoder_layers(config: SEANetConfig) -> nn.ModuleList:
    """The layers of the encoder at the original's indices; ``ELU`` stands where an activation does."""
    width = config.n_filters
    layers: list[nn.Module] = [Conv(config.channels, width, config.kernel_size)]
    for ratio in reversed(config.ratios):
        layers += [*_residual_blocks(config, width), nn.ELU(), Conv(width, 2 * width, 2 * ratio, stride=ratio)]
        width *= 2
    return nn.ModuleList([*layers, nn.ELU(), Conv(width, config.dimension, config.last_kernel_size)])


def decoder_layers(config: SEANetConfig) -> nn.ModuleList:
    """The layers of the decoder at the original's indices; ``ELU`` stands where an activation does."""
    width = config.n_filters * 2 ** len(config.ratios)
    layers: list[nn.Module] = [Conv(config.dimension, width, config.kernel_size)]
    for ratio in config.ratios:
        layers += [nn.ELU(), ConvTranspose(width, width // 2, ratio), *_residual_blocks(config, width // 2)]
        width //= 2
    return nn.ModuleList([*layers, nn.ELU(), BandConv(width, config.channels, config.last_kernel_size, _LAST_ROWS)])


class TransformerLayer(nn.Module):
    """A pre-norm layer whose residual branches are scaled; the scales are part of ``out_proj`` and ``linear2``."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        width = config.d_model
        self.heads = config.num_heads
        self.norm1 = nn.LayerNorm(width, eps=1e-5)
        self.in_proj = Linear(width, 3 * width)
        self.out_proj = Linear(width, width)
        self.norm2 = nn.LayerNorm(width, eps=1e-5)
        self.linear1 = Linear(width, config.dim_feedforward)
        self.linear2 = Linear(config.dim_feedforward, width)

    def qkv(self, x: Tensor, batch: int) -> list[Tensor]:
        """Project ``[batch * steps, width]`` to query, key and value, ``[batch, heads, steps, head_dim]`` each."""
        projected = self.in_proj(self.norm1(x)).view(batch, x.shape[0] // batch, -1)
        return [split_heads(part, self.heads) for part in projected.chunk(3, dim=-1)]

    def finish(self, x: Tensor, attended: Tensor) -> Tensor:
        """Add what was attended to, ``[batch, steps, width]``, and the feed-forward block to ``[batch * steps, width]``."""
        x = x + self.out_proj(attended.flatten(0, 1))
        hidden = nn.functional.gelu(self.linear1(self.norm2(x)), approximate="tanh")
        return x + self.linear2(hidden)


class Transformer(nn.Module):
    """The codec's transformer."""

    def __init__(self, config: TransformerConfig, max_steps: int) -> None:
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList(TransformerLayer(config) for _ in range(config.num_layers))
        # By distance: rotary embedding is relative, so that keys can be carried as they are before it.
        cos, sin = rotary_tables(max_steps, config.d_model // config.num_heads, config.max_period)
        self.cos: Tensor
        self.sin: Tensor
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    @property
    def past_shape(self) -> tuple[int, int, int]:
        """``[heads, steps, head_dim]`` of the keys, and of the values, that a layer carries from chunk to chunk."""
        return self.config.num_heads, self.config.context - 1, self.config.d_model // self.config.num_heads

    def forward(self, x: Tensor, position: Tensor, past: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Run a chunk.

        Args:
            x: ``[batch, steps, d_model]``.
            position: int64 ``[batch]``, steps before this chunk.
            past: key and value of every layer, ``[batch, heads, earlier, head_dim]`` each. Those before step 0 do not count.

        Returns:
            The output and ``past`` for the next chunk.
        """
        batch, steps = x.shape[:2]
        earlier = past[0].shape[2]
        query_at = torch.arange(steps) + earlier
        key_at = torch.arange(earlier + steps)
        distance = query_at[:, None] - key_at
        visible = (distance >= 0) & (distance < self.config.context)
        visible = visible & (key_at - earlier + position[:, None, None, None] >= 0)
        y = x.flatten(0, 1)
        present = []
        for i, layer in enumerate(self.layers):
            query, key, value = layer.qkv(y, batch)
            key, value = torch.cat((past[2 * i], key), dim=2), torch.cat((past[2 * i + 1], value), dim=2)
            present += [key[:, :, steps:], value[:, :, steps:]]
            query = rotate_pairs(query, self.cos[query_at], self.sin[query_at])
            key = rotate_pairs(key, self.cos[key_at], self.sin[key_at])
            y = layer.finish(y, attend(query, key, value, visible))
        return y.view(x.shape), present

    def whole(self, x: Tensor) -> Tensor:
        """Run ``[batch, steps, d_model]`` from its start, in blocks that see themselves and the block before."""
        size = self.config.context
        batch, steps, width = x.shape
        blocks = (steps + size - 1) // size
        y = nn.functional.pad(x, (0, 0, 0, size - 1))[:, : blocks * size].reshape(batch * blocks * size, width)
        query_at, key_at = torch.arange(size) + size, torch.arange(2 * size)
        distance = query_at[:, None] - key_at
        exists = (key_at >= size) | (torch.arange(blocks)[:, None] > 0)
        visible = (distance >= 0) & (distance < size) & exists[:, None]
        visible = visible.repeat(batch, 1, 1)[:, None]
        for layer in self.layers:
            query, key, value = layer.qkv(y, batch * blocks)
            key, value = _with_block_before(key, batch), _with_block_before(value, batch)
            query = rotate_pairs(query, self.cos[query_at], self.sin[query_at])
            key = rotate_pairs(key, self.cos[key_at], self.sin[key_at])
            y = layer.finish(y, attend(query, key, value, visible))
        return y.view(batch, blocks * size, width)[:, :steps]


def _with_block_before(x: Tensor, batch: int) -> Tensor:
    """Put before every block ``[batch * blocks, heads, size, head_dim]`` the one before it, zeros before the first."""
    blocks = x.unflatten(0, (batch, -1))
    before = torch.cat((torch.zeros_like(blocks[:, :1]), blocks[:, :-1]), dim=1)
    return torch.cat((before, blocks), dim=3).flatten(0, 1)


class Decoder(nn.Module):
    """Latents as the language model makes them to samples, in chunks."""

    def __init__(self, config: MimiConfig) -> None:
        super().__init__()
        seanet, transformer = config.decoder
        self.config = config
        width = config.outer_dim or seanet.dimension
        self.latent_proj = Linear(config.quantizer.dimension, width, bias=True)  # undoes the latents' normalisation too
        self.upsample = nn.Parameter(torch.empty(UPSAMPLED_TAPS, config.steps_per_frame, width))  # the earlier frame first
        self.transformer = Transformer(transformer, transformer.context - 1 + config.steps_per_frame * MAX_CHUNK_FRAMES)
        self.model = decoder_layers(seanet)

    @property
    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """The float tensors carried from chunk to chunk, without the batch axis; zeros at the start."""
        shapes: dict[str, tuple[int, ...]] = {"frame": (1, self.upsample.shape[2])}
        for i in range(len(self.transformer.layers)):
            shapes |= {f"key.{i}": self.transformer.past_shape, f"value.{i}": self.transformer.past_shape}
        return shapes | {f"conv.{i}": shape for i, shape in past_shapes(self.model).items()}

    def forward(self, latent: Tensor, position: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """Decode a chunk.

        Args:
            latent: ``[batch, frames, latent]``, normalised as the language model has it; at most ``MAX_CHUNK_FRAMES``.
            position: int64 ``[batch]``, frames before this chunk.
            past: the tensors of :attr:`state_shapes`.

        Returns:
            Samples ``[batch, 1, frames * frame_size]``, the frames after this chunk, and ``past`` for the next one.
        """
        batch, frames = latent.shape[:2]
        caches = 1 + 2 * len(self.transformer.layers)
        x = self.latent_proj(latent.flatten(0, 1)).view(batch, frames, -1)
        x, frame = self._upsample(x, past[0])
        x, present = self.transformer(x, position * self.config.steps_per_frame, past[1:caches])
        x, tails = convolve(self.model, x, past[caches:])
        return x.view(batch, 1, -1), position + frames, frame, *present, *tails

    def _upsample(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Spread frames ``[batch, frames, width]`` over the transformer's steps: a depthwise transposed convolution."""
        count = x.shape[1]
        padded = torch.cat((past, x), dim=1)
        y = padded[:, :count, None] * self.upsample[0] + x[:, :, None] * self.upsample[1]
        return y.flatten(1, 2), padded[:, count:]


class Encoder(nn.Module):
    """Audio to what the language model is conditioned on: how a voice is cloned."""

    def __init__(self, config: MimiConfig, d_model: int) -> None:
        super().__init__()
        self.config = config
        self.model = encoder_layers(config.seanet)
        self.transformer = Transformer(config.transformer, 2 * config.transformer.context)
        stride = config.steps_per_frame
        self.downsample = Conv(config.seanet.dimension, config.latent_dim, UPSAMPLED_TAPS * stride, stride, bias=False)
        self.speaker_proj = Linear(config.latent_dim, d_model)

    def forward(self, audio: Tensor) -> Tensor:
        """Map ``[batch, 1, samples]`` to ``[batch, frames, d_model]``; the last frame is filled up with silence."""
        latents = self.latents(audio)
        return self.speaker_proj(latents.flatten(0, 1)).view(*latents.shape[:2], -1)

    def latents(self, audio: Tensor) -> Tensor:
        """Map ``[batch, 1, samples]`` to ``[batch, frames, latent_dim]``."""
        batch, _, samples = audio.shape
        size = self.config.frame_size
        frames = (samples + size - 1) // size
        x = nn.functional.pad(audio, (0, size - 1))[:, 0, : frames * size].reshape(batch, frames * size, 1)
        x, _ = convolve(self.model, x, [x.new_zeros(batch, *shape) for shape in past_shapes(self.model).values()])
        x = self.transformer.whole(x)
        # This one convolution starts from its first step repeated (pocket-tts resample.py: pad_mode "replicate").
        before = x[:, :1].expand(-1, self.config.steps_per_frame, -1).reshape(batch, 1, -1)
        latents, _ = self.downsample(x, before)
        return latents


def load_mimi(
    config: MimiConfig, d_model: int, state: dict[str, Tensor], origin: str, *, with_encoder: bool = True
) -> tuple[Encoder | None, Decoder]:
    """Build the codec and load the original's weights into it, as right sides of MatMuls.

    Args:
        config: the codec's.
        d_model: of the language model, which the encoder's output is projected to.
        state: ``mimi.*`` of a checkpoint without the prefix, and ``speaker_proj_weight``, ``emb_mean`` and ``emb_std`` of its
            language model; emptied.
        origin: for messages.
        with_encoder: whether the encoder's weights are there.
    """
    encoder, decoder = Encoder(config, d_model) if with_encoder else None, Decoder(config)
    speaker_proj = state.pop("speaker_proj_weight")
    projection = state.pop("quantizer.output_proj.weight")[:, :, 0]
    decoder_state = _latent_proj(projection, state.pop("emb_mean"), state.pop("emb_std"))
    spread = state.pop("upsample.convtr.convtr.weight")  # [width, 1, 2 * steps_per_frame]
    decoder_state["upsample"] = torch.stack(spread[:, 0].T.chunk(2)[::-1])
    _load_side("decoder", decoder, decoder_state, state, origin)
    if encoder is not None:
        encoder_state = {
            "downsample.weight": conv_weight(state.pop("downsample.conv.conv.weight")),
            "speaker_proj.weight": speaker_proj.T.contiguous(),
        }
        _load_side("encoder", encoder, encoder_state, state, origin)
    return encoder, decoder


def _load_side(side: str, module: Encoder | Decoder, renamed: dict[str, Tensor], state: dict[str, Tensor], origin: str) -> None:
    """Load ``renamed`` and what both sides have, taken out of ``state``."""
    renamed |= _seanet_state(state, f"{side}.", module.model)
    renamed |= _transformer_state(state, f"{side}_transformer.transformer.", module.transformer.config)
    load_weights(module, renamed, origin)


def _latent_proj(weight: Tensor, mean: Tensor, deviation: Tensor) -> dict[str, Tensor]:
    """``weight @ (latent * deviation + mean)`` as one linear map."""
    return {"latent_proj.weight": (weight * deviation).T.contiguous(), "latent_proj.bias": weight @ mean}


def _seanet_state(state: dict[str, Tensor], prefix: str, layers: nn.ModuleList) -> dict[str, Tensor]:
    renamed: dict[str, Tensor] = {}
    for key in [key for key in state if key.startswith(f"{prefix}model.") and key.endswith(".weight")]:
        *path, kind, _ = key.removeprefix(f"{prefix}model.").split(".")
        weight, bias = state.pop(key), state.pop(key.replace(".weight", ".bias"))
        ours = ".".join(path)
        layer = layers.get_submodule(ours)
        if isinstance(layer, BandConv):
            weight, bias = band_weight(weight, layer.rows), bias.repeat(layer.rows)
        elif kind == "convtr":
            weight, bias = convtr_weight(weight), bias.repeat(weight.shape[2] // UPSAMPLED_TAPS)
        else:
            weight = conv_weight(weight)
        renamed |= {f"model.{ours}.weight": weight, f"model.{ours}.bias": bias}
    return renamed


def _transformer_state(state: dict[str, Tensor], prefix: str, config: TransformerConfig) -> dict[str, Tensor]:
    renamed = {}
    for i in range(config.num_layers):
        theirs, ours = f"{prefix}layers.{i}", f"transformer.layers.{i}"
        for norm in ("norm1", "norm2"):
            for part in ("weight", "bias"):
                renamed[f"{ours}.{norm}.{part}"] = state.pop(f"{theirs}.{norm}.{part}")
        renamed[f"{ours}.in_proj.weight"] = state.pop(f"{theirs}.self_attn.in_proj.weight").T.contiguous()
        renamed[f"{ours}.linear1.weight"] = state.pop(f"{theirs}.linear1.weight").T.contiguous()
        for name, key, scale in (("out_proj", "self_attn.out_proj", "layer_scale_1"), ("linear2", "linear2", "layer_scale_2")):
            scaled = state.pop(f"{theirs}.{key}.weight").T * state.pop(f"{theirs}.{scale}.scale")
            renamed[f"{ours}.{name}.weight"] = scaled.contiguous()
    return renamed

"""PocketTTS's language model and its flow head as torch modules."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from exporter.attention import buffer_attention, shared_buffer_attention
from exporter.layers import Linear, rotary_tables
from exporter.mimi import Decoder, Encoder
from exporter.pocket_tts.config import BackboneConfig, Config, FlowLMConfig

MAX_POSITIONS = 4096  # of a slot: voice, text and speech; the length of the rotary tables


class Layer(nn.Module):
    """A pre-norm layer of the backbone; query, key and value are one matrix in the checkpoint already."""

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        width = config.d_model
        self.sizes = [config.head_dim * n for n in (config.num_heads, config.kv_heads, config.kv_heads)]
        self.norm1 = nn.LayerNorm(width, eps=1e-5)
        self.in_proj = Linear(width, sum(self.sizes))
        self.out_proj = Linear(self.sizes[0], width)
        self.norm2 = nn.LayerNorm(width, eps=1e-5)
        self.linear1 = Linear(width, config.hidden)
        self.linear2 = Linear(config.hidden, width)

    def qkv(self, x: Tensor, shape: Sequence[int]) -> list[Tensor]:
        """Project ``[batch * sequence, width]`` to query, key and value, ``[batch, sequence, heads * head_dim]``."""
        return list(self.in_proj(self.norm1(x)).view(*shape, -1).split(self.sizes, dim=-1))

    def finish(self, x: Tensor, attended: Tensor) -> Tensor:
        """Add what was attended to and the feed-forward block."""
        x = x + self.out_proj(attended.flatten(0, 1))
        return x + self.linear2(nn.functional.gelu(self.linear1(self.norm2(x)), approximate="tanh"))


class Backbone(nn.Module):
    """The weights of the language model but for its head; the layouts give it a cache and an interface."""

    def __init__(self, config: FlowLMConfig, latent_dim: int) -> None:
        super().__init__()
        backbone = config.transformer
        self.config = config
        self.latent_dim = latent_dim
        self.bos_emb = nn.Parameter(torch.empty(latent_dim))
        self.input_linear = Linear(latent_dim, backbone.d_model)
        self.layers = nn.ModuleList(Layer(backbone) for _ in range(backbone.num_layers))
        self.out_norm = nn.LayerNorm(backbone.d_model, eps=1e-5)
        self.z_proj = None if config.z_dim is None else Linear(backbone.d_model, config.z_dim)
        self.out_eos = Linear(config.conditioning, 1, bias=True)
        cos, sin = rotary_tables(MAX_POSITIONS, backbone.head_dim, float(backbone.max_period))
        self.cos: Tensor
        self.sin: Tensor
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def embed(self, sequence: Tensor, text_embeddings: Tensor) -> Tensor:
        """Text and then latents as ``[batch, positions, d_model]``; a latent of NaN is the start of speech."""
        latent = torch.where(sequence.isnan(), self.bos_emb, sequence)
        projected = self.input_linear(latent.flatten(0, 1)).view(*sequence.shape[:2], -1)
        return torch.cat((text_embeddings, projected), dim=1)

    def head(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Conditioning ``[batch, conditioning]`` and the end's logit ``[batch, 1]`` from ``[batch, d_model]``."""
        conditioning = self.out_norm(x)
        if self.z_proj is not None:
            conditioning = self.z_proj(conditioning)
        return conditioning, self.out_eos(conditioning)


class ServerMain(nn.Module):
    """One graph for prefill and step: what the last position of each row leads to, caches updated in place."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(
        self, sequence: Tensor, text_embeddings: Tensor, seqlens_k: Tensor, total_sequence_length: Tensor, *past: Tensor
    ) -> tuple[Tensor, ...]:
        """Run positions: text ``[batch, tokens, d_model]`` and then latents ``[batch, frames, latent]``."""
        backbone = self.backbone
        embedded = backbone.embed(sequence, text_embeddings)
        x = embedded.flatten(0, 1)
        present: list[Tensor] = []
        for i, layer in enumerate(cast("Iterable[Layer]", backbone.layers)):
            query, key, value = layer.qkv(x, embedded.shape[:2])
            attended, *cache = shared_buffer_attention(
                query,
                key,
                value,
                past[2 * i],
                past[2 * i + 1],
                seqlens_k,
                total_sequence_length,
                backbone.cos,
                backbone.sin,
                interleaved=True,
            )
            present += cache
            x = layer.finish(x, attended)
        return *backbone.head(x.view(embedded.shape)[:, -1]), *present


class PortableMain(nn.Module):
    """The contract of the public export: per layer a cache ``[2, batch, length, kv_heads, head_dim]`` and its offset.

    A voice state of pocket-tts is such a state, once its cache is long enough; what lies behind the offset means nothing.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, sequence: Tensor, text_embeddings: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """Run positions: text ``[batch, tokens, d_model]`` and then latents ``[batch, frames, latent]``."""
        backbone = self.backbone
        embedded = backbone.embed(sequence, text_embeddings)
        x = embedded.flatten(0, 1)
        following: list[Tensor] = []
        for i, layer in enumerate(cast("Iterable[Layer]", backbone.layers)):
            query, key, value = layer.qkv(x, embedded.shape[:2])
            cache, offset = state[2 * i], state[2 * i + 1]
            written = torch.arange(cache.shape[2])[:, None, None] < offset[:, None, None, None]
            past_key, past_value = torch.where(written, cache, 0.0).transpose(2, 3).unbind(0)
            attended, *present = buffer_attention(
                query, key, value, past_key, past_value, offset, backbone.cos, backbone.sin, interleaved=True
            )
            following += [torch.stack(present).transpose(2, 3), offset + embedded.shape[1]]
            x = layer.finish(x, attended)
        return *backbone.head(x.view(embedded.shape)[:, -1]), *following


class TextConditioner(nn.Module):
    """Token ids to embeddings. Behind the tokenizer's ids come the padding and what stands before a voice, if anything does."""

    def __init__(self, rows: int, d_model: int) -> None:
        super().__init__()
        self.table = nn.Embedding(rows, d_model)

    def forward(self, token_ids: Tensor) -> Tensor:
        """Map ids ``[batch, tokens]`` to ``[batch, tokens, d_model]``."""
        return self.table(token_ids)


class TimeEmbedding(nn.Module):
    """A time in [0, 1] as a vector (pocket-tts mlp.py: ``TimestepEmbedder``)."""

    def __init__(self, frequencies: int, dim: int) -> None:
        super().__init__()
        self.freqs = nn.Parameter(torch.empty(frequencies))
        self.linear1 = Linear(2 * frequencies, dim, bias=True)
        self.linear2 = Linear(dim, dim, bias=True)
        self.alpha = nn.Parameter(torch.empty(dim))

    def forward(self, time: Tensor) -> Tensor:
        """Map ``[batch, 1]`` to ``[batch, dim]``."""
        angle = time * self.freqs
        x = self.linear2(nn.functional.silu(self.linear1(torch.cat((angle.cos(), angle.sin()), dim=-1))))
        # The original calls it RMSNorm: it divides by the unbiased deviation, and takes no mean off.
        return x * (self.alpha * torch.rsqrt(x.var(dim=-1, keepdim=True) + 1e-5))


class FlowHead(nn.Module):
    """An MLP with adaptive norms (Li et al. 2024): which way the noise goes to become the next latent.

    What all blocks read of the condition is one matrix: fewer, larger MatMuls.
    """

    def __init__(self, config: FlowLMConfig, latent_dim: int, frequencies: int) -> None:
        super().__init__()
        dim, depth = config.flow.dim, config.flow.depth
        self.dim = dim
        self.time_embed = nn.ModuleList(TimeEmbedding(frequencies, dim) for _ in range(config.flow.times))
        self.cond_embed = Linear(config.conditioning, dim, bias=True)
        self.input_proj = Linear(latent_dim, dim, bias=True)
        self.modulation = Linear(dim, (3 * depth + 2) * dim, bias=True)  # every scale with the 1 that it is added to
        self.norms = nn.ModuleList(nn.LayerNorm(dim, eps=1e-6) for _ in range(depth))
        self.linear1 = nn.ModuleList(Linear(dim, dim, bias=True) for _ in range(depth))
        self.linear2 = nn.ModuleList(Linear(dim, dim, bias=True) for _ in range(depth))
        self.final = Linear(dim, latent_dim, bias=True)

    def forward(self, c: Tensor, *arguments: Tensor) -> Tensor:
        """Map the condition ``[batch, conditioning]``, times ``[batch, 1]`` and ``x [batch, latent]`` to a direction."""
        *times, x = arguments
        condition = self.cond_embed(c)
        if times:
            embedded = [embed(time) for embed, time in zip(self.time_embed, times, strict=True)]
            condition = condition + sum(embedded[1:], embedded[0]) / len(times)
        *modulations, shift, scale = self.modulation(nn.functional.silu(condition)).split(self.dim, dim=-1)
        x = self.input_proj(x)
        for i, (norm, linear1, linear2) in enumerate(zip(self.norms, self.linear1, self.linear2, strict=True)):
            block_shift, block_scale, gate = modulations[3 * i : 3 * i + 3]
            x = x + gate * linear2(nn.functional.silu(linear1(norm(x) * block_scale + block_shift)))
        return self.final(nn.functional.layer_norm(x, (self.dim,), eps=1e-6) * scale + shift)


@dataclass(frozen=True)
class Model:
    """A checkpoint as torch modules."""

    config: Config
    text: TextConditioner
    backbone: Backbone
    flow: FlowHead
    encoder: Encoder | None  # some cannot clone voices
    decoder: Decoder
    latent_mean: Tensor
    latent_std: Tensor

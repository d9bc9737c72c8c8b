"""Qwen's decoder layers, which all our language models but PocketTTS's are made of.

Source: transformers ``models/qwen2`` (Yang et al. 2024; VibeVoice) and ``models/qwen3`` (Yang et al. 2025; Soprano).
Projections that read the same input are one matrix: fewer, larger MatMuls.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from exporter.attention import concat_attention, shared_buffer_attention
from exporter.graphs import Port
from exporter.layers import Linear, RMSNorm, rotary_tables

# Our matrix -> transformers' ones, one below the other as they hold them: ``[out, in]``.
MATRICES = {
    "qkv_proj": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "o_proj": ("self_attn.o_proj",),
    "gate_up_proj": ("mlp.gate_proj", "mlp.up_proj"),
    "down_proj": ("mlp.down_proj",),
}


@dataclass(frozen=True, kw_only=True)
class QwenConfig:
    """The sizes of a language model, named as in transformers' ``Qwen2Config`` and ``Qwen3Config``.

    Attributes:
        max_position_embeddings: length of the rotary tables.
        qk_norm: whether the heads of queries and keys are normalised, and their projections have no bias: Qwen3's, not Qwen2's.
    """

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    rms_norm_eps: float
    rope_theta: float
    max_position_embeddings: int
    qk_norm: bool = False

    @staticmethod
    def sizes(raw: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a ``config.json`` of transformers, of either age, says of the fields above but ``qk_norm``.

        Raises:
            KeyError: a key is missing.
            ValueError: the model attends in a way that is not supported.
        """
        if raw.get("use_sliding_window") or raw.get("rope_scaling"):
            raise ValueError("sliding windows and scaled rotary embeddings are not supported")
        rope = raw.get("rope_parameters") or {"rope_type": "default", "rope_theta": raw["rope_theta"]}
        if rope["rope_type"] != "default":
            raise ValueError(f"rotary embedding {rope['rope_type']!r} is not supported")
        named = [name for name in QwenConfig.__annotations__ if name not in ("head_dim", "rope_theta", "qk_norm")]
        return {
            **{name: raw[name] for name in named},
            "head_dim": raw.get("head_dim") or raw["hidden_size"] // raw["num_attention_heads"],
            "rope_theta": float(rope["rope_theta"]),
        }

    def slot_ports(self, layers: int) -> tuple[tuple[Port, ...], tuple[Port, ...], tuple[Port, ...]]:
        """Return the ports that a graph over slot buffers has for the rows' lengths, the past, and the present."""
        axes = ("batch", self.num_key_value_heads, "max_length", self.head_dim)
        names = [f"{part}.{i}" for i in range(layers) for part in ("key", "value")]
        lengths = (Port("seqlens_k", ("batch",), "int32"), Port("total_sequence_length", (), "int32"))
        past, present = (tuple(Port(f"{when}_{name}", axes, half=True) for name in names) for when in ("past", "present"))
        return lengths, past, present

    def growing_ports(self, name: str, length: str, layers: int) -> tuple[Port, ...]:
        """Return the ports of caches that grow by concatenation, as public exports call them: ``<name>.0.key`` and so on."""
        axes = ("batch", self.num_key_value_heads, length, self.head_dim)
        return tuple(Port(f"{name}.{i}.{part}", axes, half=True) for i in range(layers) for part in ("key", "value"))


class Layer(nn.Module):
    """Attention and a SwiGLU block, with a norm before each and a residual around."""

    def __init__(self, config: QwenConfig) -> None:
        super().__init__()
        hidden = config.hidden_size
        heads = (config.num_attention_heads, config.num_key_value_heads, config.num_key_value_heads)
        self.head_dim = config.head_dim
        self.sizes = [config.head_dim * count for count in heads]
        self.input_layernorm = RMSNorm(hidden, config.rms_norm_eps)
        self.qkv_proj = Linear(hidden, sum(self.sizes), bias=not config.qk_norm)
        self.q_norm = RMSNorm(config.head_dim, config.rms_norm_eps) if config.qk_norm else None
        self.k_norm = RMSNorm(config.head_dim, config.rms_norm_eps) if config.qk_norm else None
        self.o_proj = Linear(self.sizes[0], hidden)
        self.post_attention_layernorm = RMSNorm(hidden, config.rms_norm_eps)
        self.gate_up_proj = Linear(hidden, 2 * config.intermediate_size)
        self.down_proj = Linear(config.intermediate_size, hidden)

    def qkv(self, x: Tensor, shape: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Project ``[batch * sequence, hidden]`` to query, key and value, ``[batch, sequence, heads * head_dim]``."""
        projected = self.qkv_proj(self.input_layernorm(x))
        if self.q_norm is None or self.k_norm is None:
            query, key, value = projected.view(*shape, -1).split(self.sizes, dim=-1)
            return query, key, value
        query, key, value = projected.split(self.sizes, dim=-1)
        query = self.q_norm(query.unflatten(-1, (-1, self.head_dim)))
        key = self.k_norm(key.unflatten(-1, (-1, self.head_dim)))
        return query.view(*shape, -1), key.view(*shape, -1), value.view(*shape, -1)

    def finish(self, x: Tensor, attended: Tensor) -> Tensor:
        """Add what was attended to and the SwiGLU block to ``[batch * sequence, hidden]``."""
        x = x + self.o_proj(attended.flatten(0, 1))
        gate, up = self.gate_up_proj(self.post_attention_layernorm(x)).chunk(2, dim=-1)
        return x + self.down_proj(nn.functional.silu(gate) * up)


class Backbone(nn.Module):
    """A stack of layers; the layouts give it a cache and an interface."""

    def __init__(self, config: QwenConfig, num_layers: int) -> None:
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList(Layer(config) for _ in range(num_layers))
        self.cos: Tensor
        self.sin: Tensor
        self._set_tables()

    def _set_tables(self) -> None:
        config = self.config
        cos, sin = rotary_tables(config.max_position_embeddings, config.head_dim, config.rope_theta)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def blocks(self) -> Iterable[Layer]:
        """The layers, first to last."""
        return (layer for layer in self.layers if isinstance(layer, Layer))

    def run_in_slots(
        self, embeddings: Tensor, seqlens_k: Tensor, total_sequence_length: Tensor, past: Sequence[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """Run ``[batch, sequence, hidden]`` over slot buffers.

        Returns:
            The hidden states, ``[batch * sequence, hidden]`` and before any norm, and the buffers.
        """
        x = embeddings.flatten(0, 1)
        present: list[Tensor] = []
        for i, layer in enumerate(self.blocks()):
            query, key, value = layer.qkv(x, embeddings.shape[:2])
            attended, *cache = shared_buffer_attention(
                query, key, value, past[2 * i], past[2 * i + 1], seqlens_k, total_sequence_length, self.cos, self.sin
            )
            present += cache
            x = layer.finish(x, attended)
        return x, present

    def run_growing(
        self,
        embeddings: Tensor,
        attention_mask: Tensor,
        position_ids: Tensor,
        past_keys: Sequence[Tensor],
        past_values: Sequence[Tensor],
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Run ``[batch, sequence, hidden]`` behind caches that grow by concatenation.

        Args:
            embeddings: what the layers read.
            attention_mask: ``[batch, past + sequence]``, 0 where a row is padded.
            position_ids: ``[batch, sequence]``.
            past_keys: by layer, ``[batch, kv_heads, past, head_dim]``; likewise ``past_values``.
            past_values: see ``past_keys``.

        Returns:
            The hidden states, before any norm, and both caches with this call's positions.
        """
        cos, sin = self.cos[position_ids][:, None], self.sin[position_ids][:, None]
        key_index = torch.arange(attention_mask.shape[1])
        query_index = key_index[attention_mask.shape[1] - embeddings.shape[1] :]
        # A padded query sees itself, so that its (unused) row is finite.
        visible = (key_index <= query_index[:, None]) & attention_mask.bool()[:, None]
        visible = (visible | (key_index == query_index[:, None]))[:, None]
        x = embeddings.flatten(0, 1)
        keys, values = [], []
        for i, layer in enumerate(self.blocks()):
            query, key, value = layer.qkv(x, embeddings.shape[:2])
            attended, *grown = concat_attention(query, key, value, past_keys[i], past_values[i], visible, cos, sin)
            keys.append(grown[0])
            values.append(grown[1])
            x = layer.finish(x, attended)
        return x.view(embeddings.shape), keys, values


def positions_of(attention_mask: Tensor, sequence: int) -> Tensor:
    """Return the positions of the last ``sequence`` columns of a mask ``[batch, total]`` whose rows are padded on the left."""
    return (attention_mask.cumsum(1) - 1).clamp(min=0)[:, attention_mask.shape[1] - sequence :]


def backbone_vectors(read: Callable[[str], Tensor], prefix: str, layers: int, *, qk_norm: bool = False) -> dict[str, Tensor]:
    """Return what is no matrix of a transformers Qwen model under ``prefix``, by the names of :class:`Backbone`."""
    vectors = {}
    for i in range(layers):
        theirs, ours = f"{prefix}layers.{i}", f"layers.{i}"
        for norm in ("input_layernorm", "post_attention_layernorm"):
            vectors[f"{ours}.{norm}.weight"] = read(f"{theirs}.{norm}.weight")
        if qk_norm:
            vectors |= {f"{ours}.{norm}.weight": read(f"{theirs}.self_attn.{norm}.weight") for norm in ("q_norm", "k_norm")}
        else:
            biases = [read(f"{theirs}.{name}.bias") for name in MATRICES["qkv_proj"]]
            vectors[f"{ours}.qkv_proj.bias"] = torch.cat(biases)
    return vectors


def backbone_state(read: Callable[[str], Tensor], prefix: str, layers: int, *, qk_norm: bool = False) -> dict[str, Tensor]:
    """Return the state of a :class:`Backbone` from a transformers Qwen model under ``prefix``."""
    state = backbone_vectors(read, prefix, layers, qk_norm=qk_norm)
    for i in range(layers):
        for ours, theirs in MATRICES.items():
            parts = [read(f"{prefix}layers.{i}.{name}.weight") for name in theirs]
            state[f"layers.{i}.{ours}.weight"] = torch.cat(parts).T.contiguous()
    return state

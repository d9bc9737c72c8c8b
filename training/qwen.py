"""A Qwen backbone as trainings run it: whole rows at once, without caches; and its weights by transformers' names."""

from collections.abc import Callable, Collection

import torch
from torch import Tensor

from exporter.layers import rotate
from exporter.qwen import MATRICES, Backbone

Attend = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def run_whole(
    backbone: Backbone, embeddings: Tensor, attend: Attend, scored: Collection[int]
) -> tuple[list[Tensor], list[Tensor]]:
    """Run ``[batch, length, hidden]``.

    Args:
        backbone: the layers.
        embeddings: what they read.
        attend: of queries ``[batch, heads, length, head_dim]``, fewer heads of keys and of values, and what lies later,
            ``[length, length]``.
        scored: layers whose first head is looked at.

    Returns:
        The hidden states after each layer, before any norm, and the scores ``[batch, length, length]`` of the heads.
    """
    x, length = embeddings, embeddings.shape[1]
    cos, sin = backbone.cos[:length], backbone.sin[:length]
    later = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
    after, scores = [], []
    for i, layer in enumerate(backbone.blocks()):
        parts = layer.qkv(x.flatten(0, 1), x.shape[:2])
        query, key, value = (part.unflatten(-1, (-1, layer.head_dim)).transpose(1, 2) for part in parts)
        query, key = (rotate(part, cos, sin).to(value.dtype) for part in (query, key))
        if i in scored:
            score = query[:, 0].float() @ key[:, 0].float().mT / layer.head_dim**0.5
            scores.append(score.masked_fill(later, -1e4))
        attended = attend(query, key, value, later)
        x = layer.finish(x.flatten(0, 1), attended.transpose(1, 2).flatten(2)).view(x.shape)
        after.append(x)
    return after, scores


def transformers_state(backbone: Backbone, prefix: str) -> dict[str, Tensor]:
    """Transformers' key names under ``prefix`` and ``[out, in]`` weights; the inverse of ``exporter.qwen.backbone_state``."""
    trained = {name: tensor.detach().cpu() for name, tensor in backbone.state_dict().items()}
    state: dict[str, Tensor] = {}
    for i, layer in enumerate(backbone.blocks()):
        ours, theirs = f"layers.{i}.", f"{prefix}layers.{i}."
        norms = {norm: norm for norm in ("input_layernorm", "post_attention_layernorm")}
        if layer.q_norm is not None:
            norms |= {norm: f"self_attn.{norm}" for norm in ("q_norm", "k_norm")}
        else:
            biases = trained[f"{ours}qkv_proj.bias"].split(layer.sizes)
            state |= {f"{theirs}{part}.bias": bias for part, bias in zip(MATRICES["qkv_proj"], biases, strict=True)}
        state |= {f"{theirs}{name}.weight": trained[f"{ours}{norm}.weight"] for norm, name in norms.items()}
        for matrix, parts in MATRICES.items():
            weight = trained[f"{ours}{matrix}.weight"].T
            rows = layer.sizes if matrix == "qkv_proj" else [len(weight) // len(parts)] * len(parts)
            state |= {f"{theirs}{part}.weight": tensor for part, tensor in zip(parts, weight.split(rows), strict=True)}
    return state

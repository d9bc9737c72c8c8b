"""Causal attention with a KV cache, in the two layouts a bundle can have.

``server``: every utterance owns a slot of a preallocated buffer. Exported as ``com.microsoft::GroupQueryAttention`` with
past and present bound to the same memory, so a step copies nothing and rows of different lengths share a batch.
``portable``: standard ONNX operators; the cache grows by concatenation and the caller carries it.

Run eagerly, both compute the same in plain torch: the reference that :mod:`exporter.verify` compares graphs with.
"""

from typing import Any

import torch
from torch import Tensor

from exporter.layers import rotate, rotate_pairs

MASKED = -65504.0  # the lowest number of float16: after the softmax, nothing in float32 either


def shared_buffer_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    past_key: Tensor,
    past_value: Tensor,
    seqlens_k: Tensor,
    total_sequence_length: Tensor,
    cos: Tensor | None = None,
    sin: Tensor | None = None,
    *,
    interleaved: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Attend over a slot buffer (operator reference: onnxruntime ``docs/ContribOperators.md``, GroupQueryAttention).

    Args:
        query: ``[batch, sequence, heads * head_dim]`` before rotary embedding.
        key: ``[batch, sequence, kv_heads * head_dim]`` before rotary embedding.
        value: ``[batch, sequence, kv_heads * head_dim]``.
        past_key: ``[batch, kv_heads, max_length, head_dim]``; likewise ``past_value``.
        past_value: see ``past_key``.
        seqlens_k: int32 ``[batch]``, each row's length after this call, minus one.
        total_sequence_length: int32 scalar, the longest row's length after this call.
        cos: rotary table ``[max_length, head_dim // 2]``; likewise ``sin``. ``None``: positions are not rotated.
        sin: see ``cos``.
        interleaved: the rotary embedding's pairs are neighbours, not half a head apart.

    Returns:
        The output ``[batch, sequence, heads * head_dim]`` and the updated key and value buffers.
    """
    kv_heads, head_dim = past_key.shape[1], past_key.shape[3]
    heads = query.shape[-1] // head_dim
    if torch.compiler.is_exporting():
        tables = [table for table in (cos, sin) if table is not None]
        attributes: dict[str, Any] = {"num_heads": heads, "kv_num_heads": kv_heads, "do_rotary": int(cos is not None)}
        if interleaved:
            attributes["rotary_interleaved"] = 1
        output, present_key, present_value = torch.onnx.ops.symbolic_multi_out(
            "com.microsoft::GroupQueryAttention",
            (query, key, value, past_key, past_value, seqlens_k, total_sequence_length, *tables),
            attributes,
            dtypes=(query.dtype, past_key.dtype, past_value.dtype),
            shapes=(query.shape, past_key.shape, past_value.shape),
            version=1,
        )
        return output, present_key, present_value

    sequence = query.shape[1]
    is_prompt = sequence == int(total_sequence_length)
    start = torch.zeros_like(seqlens_k) if is_prompt else seqlens_k + 1 - sequence
    return buffer_attention(query, key, value, past_key, past_value, start.long(), cos, sin, interleaved=interleaved)


def buffer_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    past_key: Tensor,
    past_value: Tensor,
    start: Tensor,
    cos: Tensor | None,
    sin: Tensor | None,
    *,
    interleaved: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Attend over preallocated buffers, in standard operators.

    Args:
        query: ``[batch, sequence, heads * head_dim]`` before rotary embedding.
        key: ``[batch, sequence, kv_heads * head_dim]`` before rotary embedding.
        value: ``[batch, sequence, kv_heads * head_dim]``.
        past_key: ``[batch, kv_heads, max_length, head_dim]``; likewise ``past_value``.
        past_value: see ``past_key``.
        start: int64 ``[batch]``, each row's length before this call.
        cos: rotary table ``[max_length, head_dim // 2]``; likewise ``sin``. ``None``: positions are not rotated.
        sin: see ``cos``.
        interleaved: the rotary embedding's pairs are neighbours, not half a head apart.

    Returns:
        The output ``[batch, sequence, heads * head_dim]`` and the updated key and value buffers.
    """
    kv_heads, head_dim = past_key.shape[1], past_key.shape[3]
    heads = query.shape[-1] // head_dim
    position = start[:, None] + torch.arange(query.shape[1])
    q, k = split_heads(query, heads), split_heads(key, kv_heads)
    if cos is not None and sin is not None:
        turn = rotate_pairs if interleaved else rotate
        row_cos, row_sin = cos[position][:, None], sin[position][:, None]
        q, k = turn(q, row_cos, row_sin), turn(k, row_cos, row_sin)
    where = position[:, None, :, None].expand_as(k)
    present_key = past_key.scatter(2, where, k)
    present_value = past_value.scatter(2, where, split_heads(value, kv_heads))
    visible = torch.arange(past_key.shape[2]) <= position[:, None, :, None]
    return attend(q, present_key, present_value, visible), present_key, present_value


def concat_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    past_key: Tensor,
    past_value: Tensor,
    visible: Tensor,
    cos: Tensor,
    sin: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Attend over a cache that grows by concatenation, in standard operators.

    Args:
        query: ``[batch, sequence, heads * head_dim]`` before rotary embedding.
        key: ``[batch, sequence, kv_heads * head_dim]`` before rotary embedding.
        value: ``[batch, sequence, kv_heads * head_dim]``.
        past_key: ``[batch, kv_heads, past, head_dim]``; likewise ``past_value``.
        past_value: see ``past_key``.
        visible: bool, broadcastable to ``[batch, heads, sequence, past + sequence]``.
        cos: rotary values ``[batch, 1, sequence, head_dim // 2]`` of these positions; likewise ``sin``.
        sin: see ``cos``.

    Returns:
        The output ``[batch, sequence, heads * head_dim]`` and the grown key and value caches.
    """
    kv_heads, head_dim = past_key.shape[1], past_key.shape[3]
    heads = query.shape[-1] // head_dim
    present_key = torch.cat((past_key, rotate(split_heads(key, kv_heads), cos, sin)), dim=2)
    present_value = torch.cat((past_value, split_heads(value, kv_heads)), dim=2)
    q = rotate(split_heads(query, heads), cos, sin)
    return attend(q, present_key, present_value, visible), present_key, present_value


def attend_to_all(query: Tensor, key: Tensor, value: Tensor, heads: int, *, fused: bool) -> Tensor:
    """Attend from all positions to all, without a cache.

    Args:
        query: ``[batch, sequence, heads * head_dim]``; likewise ``key`` and ``value``.
        key: see ``query``.
        value: see ``query``.
        heads: how many.
        fused: export it as ``com.microsoft::MultiHeadAttention``, which holds no matrix of weights; else in standard operators.

    Returns:
        ``[batch, sequence, heads * head_dim]``.
    """
    if fused and torch.compiler.is_exporting():
        attributes: dict[str, Any] = {"num_heads": heads}
        inputs = (query, key, value)
        attended: Tensor = torch.onnx.ops.symbolic(
            "com.microsoft::MultiHeadAttention", inputs, attributes, dtype=query.dtype, shape=query.shape, version=1
        )
        return attended
    q, k, v = (split_heads(part, heads) for part in (query, key, value))
    weight = (q * q.shape[-1] ** -0.5 @ k.transpose(2, 3)).softmax(dim=-1)
    return (weight @ v).transpose(1, 2).flatten(2)


def split_heads(x: Tensor, heads: int) -> Tensor:
    """``[batch, sequence, heads * head_dim]`` to ``[batch, heads, sequence, head_dim]``."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def attend(query: Tensor, key: Tensor, value: Tensor, visible: Tensor) -> Tensor:
    """Softmax attention; grouped keys and values serve ``heads / kv_heads`` query heads each."""
    group = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(group, dim=1), value.repeat_interleave(group, dim=1)
    score = query @ key.transpose(2, 3) * query.shape[-1] ** -0.5
    weight = score.masked_fill(~visible, MASKED).softmax(dim=-1)
    return (weight @ value).transpose(1, 2).flatten(2)

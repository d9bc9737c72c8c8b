"""Whisper under the public contract (optimum's exports, onnx-community): hidden states, token ids, caches that grow."""

import torch
from torch import Tensor, nn

from exporter.attention import MASKED, split_heads
from exporter.whisper.modules import Decoder, DecoderLayer, Encoder


class PortableEncoder(nn.Module):
    """Spectrograms to hidden states, in standard operators."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, input_features: Tensor) -> Tensor:
        """Map ``[batch, mels, frames]`` to ``[batch, frames // 2, width]``."""
        return self.encoder.run(input_features, fused=False)


class PortableDecoder(nn.Module):
    """A prompt or a step, by ``use_cache_branch``; optimum has an If of two decoders in its place.

    Without the cache, whatever is given as past is cut to nothing; with it, the hidden states are, of which the keys and values
    of the past were made.
    """

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, input_ids: Tensor, encoder_hidden_states: Tensor, *caches: Tensor) -> tuple[Tensor, ...]:
        """Map ids ``[batch, sequence]`` to logits ``[batch, sequence, vocab]`` and the grown caches.

        ``caches`` are, by layer, key and value of what was written and key and value of what is heard,
        ``[batch, heads, length, head_dim]``; behind them bool ``[1]``, whether to read them.
        """
        *past, use_cache = caches
        kept = use_cache.long()
        written = past[0].shape[2] * kept
        positions = (written + torch.arange(input_ids.shape[1]))[None]
        x = self.decoder.embed(input_ids, positions)
        length = past[0].shape[2] + input_ids.shape[1]
        visible = torch.arange(length) <= positions[0][:, None]
        mask = cut(torch.where(visible, 0.0, MASKED), written + input_ids.shape[1], axis=1)
        hidden = cut(encoder_hidden_states, encoder_hidden_states.shape[1] * (1 - kept), axis=1)
        present: list[Tensor] = []
        for i, layer in enumerate(self.decoder.blocks()):
            read = [cut(part, part.shape[2] * kept, axis=2) for part in past[4 * i : 4 * i + 4]]
            x, grown = _run_layer(layer, x, read, mask, hidden)
            present += grown
        logits = self.decoder.proj_out(self.decoder.layer_norm(x))
        return logits, *present


def _run_layer(layer: DecoderLayer, x: Tensor, past: list[Tensor], mask: Tensor, hidden: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Run a layer on ``[batch, sequence, width]``; return its output and its grown caches."""
    query, key, value = layer.qkv_proj(layer.self_attn_layer_norm(x)).chunk(3, dim=-1)
    keys, values = (join(kept, split_heads(part, layer.heads)) for kept, part in zip(past[:2], (key, value), strict=True))
    x = x + layer.out_proj(_attend(query, keys, values, layer.heads, mask))
    heard = layer.cross_kv_proj(hidden).chunk(2, dim=-1)
    cross_keys, cross_values = (
        join(kept, split_heads_of_cut(part, layer.heads)) for kept, part in zip(past[2:], heard, strict=True)
    )
    query = layer.cross_q_proj(layer.encoder_attn_layer_norm(x))
    x = x + layer.cross_out_proj(_attend(query, cross_keys, cross_values, layer.heads))
    return layer.forward(x), [keys, values, cross_keys, cross_values]


def _attend(query: Tensor, keys: Tensor, values: Tensor, heads: int, mask: Tensor | None = None) -> Tensor:
    """Attend with ``[batch, sequence, width]`` to ``[batch, heads, length, head_dim]``."""
    q = split_heads(query, heads)
    score = q * q.shape[-1] ** -0.5 @ keys.transpose(2, 3)
    weight = (score if mask is None else score + mask).softmax(dim=-1)
    return (weight @ values).transpose(1, 2).flatten(2)


def cut(x: Tensor, length: Tensor, axis: int) -> Tensor:
    """Return the first ``length``, int64 ``[1]``, of ``x`` along an axis, which the trace takes for all of it."""
    if torch.compiler.is_exporting():
        inputs = (x, torch.zeros(1, dtype=torch.int64), length, torch.tensor([axis]))
        part: Tensor = torch.onnx.ops.symbolic("Slice", inputs, dtype=x.dtype, shape=x.shape)
        return part
    return x.narrow(axis, 0, int(length))


def split_heads_of_cut(x: Tensor, heads: int) -> Tensor:
    """:func:`split_heads` of what was made of a :func:`cut` tensor: a view would have the shape that the trace believes in."""
    if torch.compiler.is_exporting():
        inputs = (x, torch.tensor([0, 0, heads, x.shape[2] // heads]))
        shape = (*x.shape[:2], heads, x.shape[2] // heads)
        split: Tensor = torch.onnx.ops.symbolic("Reshape", inputs, dtype=x.dtype, shape=shape)
        return split.transpose(1, 2)
    return split_heads(x, heads)


def join(past: Tensor, new: Tensor) -> Tensor:
    """Put ``new`` behind ``past`` along the positions."""
    return torch.cat((past, new), dim=2)

"""Whisper as torch modules (Radford et al. 2022).

Source: transformers 5.23 ``models/whisper``; openai/whisper ``model.py``, ``audio.py``.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, pad

from exporter.attention import MASKED, attend_to_all, shared_buffer_attention, split_heads
from exporter.layers import Linear
from exporter.whisper.config import Config, MelConfig

# Frames whose keys and values lie together: read one after the other, where all frames of a channel would be far apart.
PANEL = 100
_QUIETEST = 1e-10  # of a mel band's power
_RANGE = 8.0  # decades below the loudest band that are told apart


class LogMel(nn.Module):
    """The spectrogram that Whisper hears: ``WhisperFeatureExtractor._torch_extract_fbank_features``.

    The Fourier transform is two products with the window's cosines and sines.
    """

    def __init__(self, config: MelConfig) -> None:
        super().__init__()
        self.n_fft, self.hop_length = config.n_fft, config.hop_length
        time = torch.arange(config.n_fft, dtype=torch.float64)
        angle = 2 * math.pi / config.n_fft * time[:, None] * torch.arange(config.n_fft // 2 + 1, dtype=torch.float64)
        window = torch.hann_window(config.n_fft, dtype=torch.float64)[:, None]
        self.register_buffer("cosine", (angle.cos() * window).float(), persistent=False)
        self.register_buffer("sine", (angle.sin() * window).float(), persistent=False)
        self.register_buffer("mel_filters", mel_filters(config), persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        """Map ``[batch, samples]``, a whole number of hops, to ``[batch, mels, samples // hop_length]``."""
        edge = self.n_fft // 2
        head, tail = audio[:, 1 : edge + 1].flip(1), audio[:, -edge - 1 : -1].flip(1)
        padded = torch.cat((head, audio, tail), dim=1)
        frames = _frames(padded, self.n_fft, self.hop_length, audio.shape[1] // self.hop_length)
        power = (frames @ self.cosine).square() + (frames @ self.sine).square()
        decades = (power @ self.mel_filters).clamp(min=_QUIETEST).log10()
        loudest = decades.amax(dim=(1, 2), keepdim=True)
        return ((torch.maximum(decades, loudest - _RANGE) + 4.0) / 4.0).transpose(1, 2)


def _frames(samples: Tensor, size: int, hop: int, count: int) -> Tensor:
    """``[batch, count, size]``: overlapping frames, put together of blocks that do not overlap."""
    step = math.gcd(size, hop)
    blocks = samples[:, : samples.shape[1] // step * step].unflatten(1, (-1, step))
    parts = [blocks[:, i :: hop // step][:, :count] for i in range(size // step)]
    return torch.cat(parts, dim=2)


def mel_filters(config: MelConfig) -> Tensor:
    """Return the filter bank, float32 ``[n_fft // 2 + 1, mels]``: Slaney's scale and norm, as librosa's ``filters.mel``."""
    nyquist = config.sampling_rate / 2
    bins = torch.linspace(0, nyquist, config.n_fft // 2 + 1, dtype=torch.float64)
    edges = _hertz(torch.linspace(0, _mel(nyquist), config.feature_size + 2, dtype=torch.float64))
    slopes = edges[None] - bins[:, None]
    widths = edges.diff()
    triangles = torch.minimum(-slopes[:, :-2] / widths[:-1], slopes[:, 2:] / widths[1:]).clamp(min=0)
    return (triangles * (2 / (edges[2:] - edges[:-2]))).float()


# Slaney's mel scale (Auditory Toolbox 1998): linear up to 1 kHz, 15 mels; then logarithmic, 27 mels to the factor 6.4.
_LINEAR_HZ, _LINEAR_MELS, _LOG_STEP = 1000.0, 15.0, math.log(6.4) / 27.0


def _mel(hertz: float) -> float:
    if hertz < _LINEAR_HZ:
        return hertz * _LINEAR_MELS / _LINEAR_HZ
    return _LINEAR_MELS + math.log(hertz / _LINEAR_HZ) / _LOG_STEP


def _hertz(mels: Tensor) -> Tensor:
    linear = mels * (_LINEAR_HZ / _LINEAR_MELS)
    return torch.where(mels < _LINEAR_MELS, linear, _LINEAR_HZ * ((mels - _LINEAR_MELS) * _LOG_STEP).exp())


class Convolution(nn.Module):
    """A convolution over three frames as a MatMul of frames side by side: ``Linear`` of ``[3 * in, out]``."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.project = Linear(3 * inputs, outputs, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[batch, frames, in]`` to ``[batch, frames // stride, out]``."""
        padded = pad(x, (0, 0, 1, 1))
        count = x.shape[1] // self.stride
        stop = self.stride * (count - 1) + 1
        taps = [padded[:, i : i + stop : self.stride] for i in range(3)]
        rows = torch.cat(taps, dim=2)
        return self.project(rows.flatten(0, 1)).view(*rows.shape[:2], -1)


class FeedForward(nn.Module):
    """A norm and two layers around a GELU."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.final_layer_norm = nn.LayerNorm(width)
        self.fc1 = Linear(width, inner, bias=True)
        self.fc2 = Linear(inner, width, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output on ``[rows, width]``, residual included."""
        return x + self.fc2(gelu(self.fc1(self.final_layer_norm(x))))


class EncoderLayer(FeedForward):
    """Attention of all frames to all, and the feed-forward block; queries, keys and values are one projection."""

    def __init__(self, config: Config) -> None:
        super().__init__(config.d_model, config.encoder_ffn_dim)
        self.heads = config.encoder_attention_heads
        self.self_attn_layer_norm = nn.LayerNorm(config.d_model)
        self.qkv_proj = Linear(config.d_model, 3 * config.d_model, bias=True)
        self.out_proj = Linear(config.d_model, config.d_model, bias=True)

    def attend(self, x: Tensor, batch: int, *, fused: bool) -> Tensor:
        """Return the layer's output on ``[batch * frames, width]``; ``fused``: in one operator of ONNX Runtime's."""
        query, key, value = self.qkv_proj(self.self_attn_layer_norm(x)).unflatten(0, (batch, -1)).chunk(3, dim=-1)
        attended = attend_to_all(query, key, value, self.heads, fused=fused)
        return self.forward(x + self.out_proj(attended.flatten(0, 1)))


class Encoder(nn.Module):
    """Spectrogram to hidden states. ``fused`` says whether attention is one operator of ONNX Runtime's."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.conv1 = Convolution(config.num_mel_bins, config.d_model, stride=1)
        self.conv2 = Convolution(config.d_model, config.d_model, stride=2)
        self.embed_positions = nn.Parameter(torch.empty(config.max_source_positions, config.d_model))
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.encoder_layers))
        self.layer_norm = nn.LayerNorm(config.d_model)

    def run(self, features: Tensor, *, fused: bool) -> Tensor:
        """Map ``[batch, mels, frames]`` to ``[batch, frames // 2, width]``; fewer frames than 30 s are heard as they are."""
        x = gelu(self.conv2(gelu(self.conv1(features.transpose(1, 2)))))
        x = x + self.embed_positions[torch.arange(x.shape[1])]  # a slice would bound the frames in the trace
        rows = x.flatten(0, 1)
        for layer in self.layers:
            rows = layer.attend(rows, x.shape[0], fused=fused)
        return self.layer_norm(rows).view(x.shape)


class DecoderLayer(FeedForward):
    """Attention to what was written, to what is heard, and the feed-forward block."""

    def __init__(self, config: Config) -> None:
        super().__init__(config.d_model, config.decoder_ffn_dim)
        width = config.d_model
        self.heads = config.decoder_attention_heads
        self.self_attn_layer_norm = nn.LayerNorm(width)
        self.qkv_proj = Linear(width, 3 * width, bias=True)
        self.out_proj = Linear(width, width, bias=True)
        self.encoder_attn_layer_norm = nn.LayerNorm(width)
        self.cross_q_proj = Linear(width, width, bias=True)
        self.cross_kv_proj = Linear(width, 2 * width, bias=True)
        self.cross_out_proj = Linear(width, width, bias=True)

    def qkv(self, x: Tensor, shape: Sequence[int]) -> Sequence[Tensor]:
        """Project ``[rows, width]`` to query, key and value, ``[batch, sequence, width]`` each."""
        return self.qkv_proj(self.self_attn_layer_norm(x)).view(*shape, -1).chunk(3, dim=-1)

    def cross(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Project what is heard, ``[batch, frames, width]``, of whole panels.

        Returns:
            Keys ``[batch, heads, panels, head_dim, PANEL]`` and values ``[batch, heads, panels, PANEL, head_dim]``.
        """
        key, value = self.cross_kv_proj(hidden.flatten(0, 1)).view(*hidden.shape[:2], -1).chunk(2, dim=-1)
        key, value = (split_heads(part, self.heads).unflatten(2, (-1, PANEL)) for part in (key, value))
        return key.transpose(3, 4), value

    def listen(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Attend with ``[batch, sequence, width]`` to what is heard, as :meth:`cross` has it.

        Returns:
            What was attended to, ``[batch, sequence, width]``, and the weights ``[batch, heads, sequence, frames]``.
        """
        scaled = split_heads(query * (query.shape[-1] // self.heads) ** -0.5, self.heads)
        score = (scaled[:, :, None] @ key).transpose(2, 3)
        weight = (score.flatten(3) + mask).softmax(dim=-1)
        by_panel = weight.unflatten(3, (-1, PANEL)).transpose(2, 3) @ value
        return by_panel.sum(2).transpose(1, 2).flatten(2), weight


class Decoder(nn.Module):
    """The language model: what both layouts run. Its output projection is its embedding."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Parameter(torch.empty(config.vocab_size, config.d_model))
        self.embed_positions = nn.Parameter(torch.empty(config.max_target_positions, config.d_model))
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.decoder_layers))
        self.layer_norm = nn.LayerNorm(config.d_model)
        self.proj_out = Linear(config.d_model, config.vocab_size)
        self.scale = math.sqrt(config.d_model) if config.scale_embedding else 1.0

    def blocks(self) -> list[DecoderLayer]:
        """The layers, first to last."""
        return [layer for layer in self.layers if isinstance(layer, DecoderLayer)]

    def embed(self, input_ids: Tensor, positions: Tensor) -> Tensor:
        """Map ids and positions, ``[batch, sequence]``, to ``[batch, sequence, width]``."""
        tokens = self.embed_tokens[input_ids]
        return (tokens if self.scale == 1.0 else tokens * self.scale) + self.embed_positions[positions]


class ServerEncoder(nn.Module):
    """What is heard, as each layer of the decoder reads it: computed once, and read at every step."""

    def __init__(self, encoder: Encoder, decoder: Decoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.projections = nn.ModuleList(decoder.blocks())

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        """Map ``[batch, mels, panels, 2 * PANEL]`` to keys and values, layer after layer (:meth:`DecoderLayer.cross`)."""
        hidden = self.encoder.run(features.flatten(2), fused=True)
        return tuple(part for layer in self.projections for part in layer.cross(hidden))


class ServerDecoder(nn.Module):
    """A prompt or a step over slot buffers; also says where the alignment heads of each row's last token look."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(
        self, input_ids: Tensor, frames: Tensor, seqlens_k: Tensor, total_sequence_length: Tensor, *caches: Tensor
    ) -> tuple[Tensor, ...]:
        """Map ids to logits.

        Args:
            input_ids: int64 ``[batch, sequence]``.
            frames: int64 ``[batch]``, how many of the frames that are heard are a row's.
            seqlens_k: int32 ``[batch]``, each row's length after this call, minus one.
            total_sequence_length: int32 scalar, the longest row's length after this call.
            caches: keys and values of what is heard, layer by layer; then those of what was written.

        Returns:
            Logits ``[batch, vocab]`` of the last token; its attention ``[batch, alignment_heads, frames]``, if there are such
            heads; and the caches of what was written.
        """
        decoder, config = self.decoder, self.decoder.config
        shape = input_ids.shape
        cross, past = caches[: 2 * config.decoder_layers], caches[2 * config.decoder_layers :]
        first = seqlens_k.long() + 1 - shape[1]
        x = decoder.embed(input_ids, first[:, None] + torch.arange(shape[1])).flatten(0, 1)
        heard = torch.arange(cross[0].shape[2] * PANEL) < frames[:, None]
        mask = torch.where(heard, 0.0, MASKED)[:, None, None]
        present, weights = [], []
        for i, layer in enumerate(decoder.blocks()):
            query, key, value = layer.qkv(x, shape)
            attended, *cache = shared_buffer_attention(
                query, key, value, past[2 * i], past[2 * i + 1], seqlens_k, total_sequence_length
            )
            present += cache
            x = x + layer.out_proj(attended.flatten(0, 1))
            query = layer.cross_q_proj(layer.encoder_attn_layer_norm(x)).view(*shape, -1)
            attended, weight = layer.listen(query, cross[2 * i], cross[2 * i + 1], mask)
            x = x + layer.cross_out_proj(attended.flatten(0, 1))
            weights += [weight[:, head, -1] for at, head in config.alignment_heads if at == i]
            x = layer.forward(x)
        last = decoder.layer_norm(x.view(*shape, -1)[:, -1])
        alignment = [torch.stack(weights, dim=1)] if weights else []
        return decoder.proj_out(last), *alignment, *present

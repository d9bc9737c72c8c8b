"""Soprano (ekwek/Soprano-1.1-80M): a Qwen3 language model over audio tokens and a Vocos decoder of its hidden states.

Source: soprano-tts 0.2.0 (``backends/transformers.py``, ``vocos/``) and transformers' ``models/qwen3``. Every size is
read from the checkpoint's ``config.json`` and from the shapes in ``decoder.pth``.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from actors.bundle import Layout
from actors.errors import ExportError
from actors.families.soprano import FAMILY
from exporter.attention import concat_attention, shared_buffer_attention
from exporter.build import TOP1_AGREEMENT, Export, Speech
from exporter.checkpoints import Checkpoint, load_weights
from exporter.graphs import Graph, Port
from exporter.layers import Linear, RMSNorm, rotary_tables
from exporter.verify import Case, Run

FILES: tuple[str, ...] = (
    "config.json",
    "decoder_config.json",
    "decoder.pth",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
)
MAX_PROMPT_TOKENS = 512  # soprano-tts backends/transformers.py: max_length
MAX_NEW_TOKENS = 512  # soprano-tts backends/transformers.py: max_new_tokens
MAX_LENGTH = MAX_PROMPT_TOKENS + MAX_NEW_TOKENS

_SPOKEN_TOKENS = 24  # per check sentence: 1.5 s of speech
_SENTENCES = (
    "Soprano is an extremely lightweight text to speech model.",
    "the year nineteen eighty-four cost three dollars, fifty cents at eight oh five.",
    "hi. ok. short ones are merged together when they are small.",
    "a voice that reads a shelf of books should not stumble over the last sentence of any of them.",
)


@dataclass(frozen=True)
class LMConfig:
    """The keys of ``config.json`` (transformers ``Qwen3Config``) that shape the language model."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    rms_norm_eps: float
    rope_theta: float
    tie_word_embeddings: bool
    eos_token_id: int


class Layer(nn.Module):
    """One Qwen3 decoder layer. Projections that read the same input are one matrix: fewer, larger MatMuls."""

    def __init__(self, config: LMConfig) -> None:
        super().__init__()
        hidden, head_dim = config.hidden_size, config.head_dim
        self.sizes = [
            head_dim * n for n in (config.num_attention_heads, config.num_key_value_heads, config.num_key_value_heads)
        ]
        self.head_dim = head_dim
        self.input_layernorm = RMSNorm(hidden, config.rms_norm_eps)
        self.qkv_proj = Linear(hidden, sum(self.sizes))
        self.q_norm = RMSNorm(head_dim, config.rms_norm_eps)
        self.k_norm = RMSNorm(head_dim, config.rms_norm_eps)
        self.o_proj = Linear(self.sizes[0], hidden)
        self.post_attention_layernorm = RMSNorm(hidden, config.rms_norm_eps)
        self.gate_up_proj = Linear(hidden, 2 * config.intermediate_size)
        self.down_proj = Linear(config.intermediate_size, hidden)

    def qkv(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Project ``[batch, sequence, hidden]`` to query, key and value, query and key normalised per head."""
        query, key, value = self.qkv_proj(self.input_layernorm(x)).split(self.sizes, dim=-1)
        query = self.q_norm(query.unflatten(-1, (-1, self.head_dim)))
        key = self.k_norm(key.unflatten(-1, (-1, self.head_dim)))
        return query, key, value

    def mlp(self, x: Tensor) -> Tensor:
        """The SwiGLU block with its norm, without the residual."""
        gate, up = self.gate_up_proj(self.post_attention_layernorm(x)).chunk(2, dim=-1)
        return self.down_proj(torch.nn.functional.silu(gate) * up)


class LanguageModel(nn.Module):
    """The weights of the language model; :class:`ServerLM` and :class:`PortableLM` give it a cache and an interface."""

    def __init__(self, config: LMConfig, max_length: int) -> None:
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.lm_head = Linear(config.hidden_size, config.vocab_size)
        cos, sin = rotary_tables(max_length, config.head_dim, config.rope_theta)
        self.cos: Tensor
        self.sin: Tensor
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)


class ServerLM(nn.Module):
    """One graph for prefill and step: logits and final hidden state of each row's last token, caches updated in place."""

    def __init__(self, lm: LanguageModel) -> None:
        super().__init__()
        self.lm = lm

    def forward(self, input_ids: Tensor, seqlens_k: Tensor, total_sequence_length: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """Map ids ``[batch, sequence]`` to logits ``[batch, vocab]``, hidden ``[batch, hidden]`` and the caches."""
        lm = self.lm
        x = lm.embed_tokens(input_ids).flatten(0, 1)
        present: list[Tensor] = []
        for i, layer in enumerate(lm.layers):
            query, key, value = (part.view(*input_ids.shape, -1) for part in layer.qkv(x))
            attended, *cache = shared_buffer_attention(
                query, key, value, past[2 * i], past[2 * i + 1], seqlens_k, total_sequence_length, lm.cos, lm.sin
            )
            present += cache
            x = x + layer.o_proj(attended.flatten(0, 1))
            x = x + layer.mlp(x)
        hidden = lm.norm(x.view(*input_ids.shape, -1)[:, -1])
        return lm.lm_head(hidden), hidden, *present


class PortableLM(nn.Module):
    """The contract of the public export KevinAHM/soprano-web-onnx: growing caches, logits and hidden of every token."""

    def __init__(self, lm: LanguageModel) -> None:
        super().__init__()
        self.lm = lm

    def forward(self, input_ids: Tensor, attention_mask: Tensor, position_ids: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """Map ids ``[batch, sequence]`` to logits, the grown caches and the final hidden states, in this order."""
        lm = self.lm
        x = lm.embed_tokens(input_ids)
        cos, sin = lm.cos[position_ids][:, None], lm.sin[position_ids][:, None]
        key_index = torch.arange(attention_mask.shape[1])
        query_index = key_index[attention_mask.shape[1] - input_ids.shape[1] :]
        # A padded query sees itself, so that its (unused) row is finite.
        visible = (key_index <= query_index[:, None]) & attention_mask.bool()[:, None]
        visible = (visible | (key_index == query_index[:, None]))[:, None]
        present: list[Tensor] = []
        for i, layer in enumerate(lm.layers):
            query, key, value = (part.flatten(2) for part in layer.qkv(x))
            attended, *cache = concat_attention(query, key, value, past[2 * i], past[2 * i + 1], visible, cos, sin)
            present += cache
            x = x + layer.o_proj(attended)
            x = x + layer.mlp(x)
        hidden = lm.norm(x)
        return lm.lm_head(hidden), *present, hidden


@dataclass(frozen=True)
class DecoderConfig:
    """The sizes of the Vocos decoder, named as in soprano-tts ``vocos/decoder.py``.

    ``decoder.pth`` gives all but ``upscale`` and ``sample_rate`` by its shapes; an optional ``decoder_config.json`` beside
    it overrides the defaults of those two.
    """

    num_input_channels: int
    decoder_dim: int
    decoder_intermediate_dim: int
    decoder_num_layers: int
    input_kernel: int
    dw_kernel: int
    n_fft: int
    hop_length: int
    upscale: int = 4
    sample_rate: int = 32000


class ConvNeXtBlock(nn.Module):
    """A 1-d ConvNeXt block (Liu et al. 2022) as Vocos uses it, on ``[batch, frames, dim]``."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        dim = config.decoder_dim
        self.dwconv = nn.Conv1d(dim, dim, config.dw_kernel, padding=config.dw_kernel // 2, groups=dim)
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.pwconv1 = Linear(dim, config.decoder_intermediate_dim, bias=True)
        self.pwconv2 = Linear(config.decoder_intermediate_dim, dim, bias=True)
        self.gamma = nn.Parameter(torch.empty(dim))

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output, residual included."""
        # As a 2-d convolution of height 1: ONNX Runtime's depthwise kernel for it is 1.5 times as fast.
        conv = torch.nn.functional.conv2d(
            x.transpose(1, 2)[:, :, None],
            self.dwconv.weight[:, :, None],
            self.dwconv.bias,
            padding=(0, self.dwconv.kernel_size[0] // 2),
            groups=self.dwconv.groups,
        )
        y = self.norm(conv.squeeze(2).transpose(1, 2)).flatten(0, 1)
        y = self.pwconv2(torch.nn.functional.gelu(self.pwconv1(y)))
        return x + (self.gamma * y).view_as(x)


class InverseSTFT(nn.Module):
    """``torch.istft(center=True)`` with a Hann window and a hop of a quarter window, without complex operators.

    The inverse real Fourier transform is four MatMuls of a quarter of the full matrix each: the cosine part is even and the
    sine part odd around ``n_fft / 2``, and within each the even and odd bins are even or odd around ``n_fft / 4``.
    The lowest and highest bin are zero, as soprano-tts ``vocos/spectral_ops.py`` makes them: the lowest has weight zero and the
    highest does not appear. So a frame has a multiple of 16 values, and ONNX Runtime's sine and cosine, which treat the last
    few values of an array or a thread's share differently, give a row the same bits in any batch.
    """

    def __init__(self, n_fft: int, hop_length: int) -> None:
        super().__init__()
        if n_fft != 4 * hop_length:
            raise ExportError(f"the decoder has n_fft {n_fft} and hop {hop_length}: only a hop of n_fft / 4 is supported")
        self.n_fft, self.hop_length = n_fft, hop_length
        time = torch.arange(n_fft // 4 + 1, dtype=torch.float64)
        for parity, bins in (("even", torch.arange(0, n_fft // 2, 2)), ("odd", torch.arange(1, n_fft // 2, 2))):
            angle = 2 * math.pi / n_fft * bins[:, None].double() * time
            weight = 2 / n_fft * (bins[:, None] > 0)
            self.register_buffer(f"cos_{parity}", (angle.cos() * weight).float(), persistent=False)
            self.register_buffer(f"sin_{parity}", (angle.sin() * weight).float(), persistent=False)
        window = torch.hann_window(n_fft, dtype=torch.float64)
        squared = window.square().view(4, hop_length)
        full = squared.sum(0)  # what four overlapping windows add up to: the same in every hop but the first and last
        self.register_buffer("window", (window / full.repeat(4)).float(), persistent=False)
        self.register_buffer("first_hop", (full / (full - squared[3])).float(), persistent=False)
        self.register_buffer("last_hop", (full / (full - squared[0])).float(), persistent=False)

    @staticmethod
    def bin_order(n_fft: int) -> Tensor:
        """Return the bins in the order in which :meth:`forward` takes them: 0, 2, 4, … and then 1, 3, 5, …."""
        return torch.cat((torch.arange(0, n_fft // 2, 2), torch.arange(1, n_fft // 2, 2)))

    def forward(self, real: Tensor, imaginary: Tensor) -> Tensor:
        """Map a spectrum, ``[batch, frames, n_fft // 2]`` each, to ``[batch, (frames - 1) * hop_length]`` samples."""
        nyquist, quarter = self.n_fft // 2, self.n_fft // 4
        real_even, real_odd = real.chunk(2, dim=-1)
        imaginary_even, imaginary_odd = imaginary.chunk(2, dim=-1)
        cos_even, cos_odd = real_even @ self.cos_even, real_odd @ self.cos_odd
        sin_even, sin_odd = imaginary_even @ self.sin_even, imaginary_odd @ self.sin_odd
        even = torch.cat((cos_even + cos_odd, (cos_even - cos_odd)[..., :quarter].flip(-1)), dim=-1)
        odd = torch.cat((sin_even + sin_odd, (sin_odd - sin_even)[..., :quarter].flip(-1)), dim=-1)
        frames = torch.cat((even - odd, (even + odd)[..., 1:nyquist].flip(-1)), dim=-1) * self.window
        quarters = frames.unflatten(-1, (4, self.hop_length))
        # Hop h of the output is the sum of frame h+2's first quarter, h+1's second, h's third and h-1's fourth.
        count = frames.shape[1]
        padded = torch.nn.functional.pad(quarters, (0, 0, 0, 0, 1, 1))
        hops = padded[:, 3 : count + 2, 0] + padded[:, 2 : count + 1, 1] + padded[:, 1:count, 2] + padded[:, : count - 1, 3]
        hops = torch.cat((hops[:, :1] * self.first_hop, hops[:, 1:-1], hops[:, -1:] * self.last_hop), dim=1)
        return hops.flatten(1)


class Decoder(nn.Module):
    """The Vocos decoder (Siuzdak 2023): final hidden states of the language model to a waveform."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        self.embed = Linear(config.input_kernel * config.num_input_channels, config.decoder_dim, bias=True)
        self.norm = nn.LayerNorm(config.decoder_dim, eps=1e-6)
        self.convnext = nn.ModuleList(ConvNeXtBlock(config) for _ in range(config.decoder_num_layers))
        self.final_layer_norm = nn.LayerNorm(config.decoder_dim, eps=1e-6)
        self.out = Linear(config.decoder_dim, config.n_fft, bias=True)  # columns in InverseSTFT.bin_order
        self.istft = InverseSTFT(config.n_fft, config.hop_length)

    def forward(self, hidden: Tensor) -> Tensor:
        """Map hidden ``[batch, tokens >= 2, channels]`` to ``[batch, (tokens - 1) * upscale * hop_length]`` samples."""
        x = self._windows(self._upsample(hidden))
        x = self.norm(self.embed(x.flatten(0, 1)).view(x.shape[0], x.shape[1], -1))
        for block in self.convnext:
            x = block(x)
        spectrum = self.out(self.final_layer_norm(x).flatten(0, 1)).view(x.shape[0], x.shape[1], -1)
        log_magnitude, phase = spectrum.chunk(2, dim=-1)
        magnitude = log_magnitude.exp().clamp(max=1e2)
        audio: Tensor = self.istft(magnitude * phase.cos(), magnitude * phase.sin())
        return audio

    def _windows(self, x: Tensor) -> Tensor:
        """Put the frames that the input convolution sees side by side: ``[batch, frames, input_kernel * channels]``.

        As a MatMul the convolution gives the same bits with any number of threads; ONNX Runtime's Conv does not.
        """
        kernel, frames = self.config.input_kernel, x.shape[1]
        if kernel == 1:
            return x
        padded = torch.nn.functional.pad(x, (0, 0, kernel // 2, kernel // 2))
        return torch.cat([padded[:, i : i + frames] for i in range(kernel)], dim=-1)

    def _upsample(self, hidden: Tensor) -> Tensor:
        """Interpolate linearly between tokens to ``upscale * (tokens - 1) + 1`` frames (align_corners)."""
        fraction = torch.arange(self.config.upscale, dtype=hidden.dtype)[:, None] / self.config.upscale
        left, right = hidden[:, :-1, None], hidden[:, 1:, None]
        between = (left * (1 - fraction) + right * fraction).flatten(1, 2)
        return torch.cat((between, hidden[:, -1:]), dim=1)


class PortableDecoder(nn.Module):
    """The decoder with the public export's channel-first input ``[batch, channels, tokens]``."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, hidden_states: Tensor) -> Tensor:
        """Map hidden states to samples."""
        audio: Tensor = self.decoder(hidden_states.transpose(1, 2))
        return audio


def load(checkpoint: Checkpoint, layout: Layout) -> Export:
    """Read a Soprano checkpoint (the files in ``FILES``) and declare its graphs in ``layout``."""
    tokenizer = Tokenizer.from_file(str(checkpoint.path("tokenizer.json")))
    lm = _load_lm(checkpoint)
    decoder = _load_decoder(checkpoint, lm.config)
    declare = _server_graphs if layout == "server" else _portable_graphs
    graphs = declare(lm, decoder)
    cases = _Cases(lm, tokenizer)
    drive = cases.server_logits if layout == "server" else cases.portable_logits
    return Export(
        family=FAMILY.name,
        sample_rate=decoder.config.sample_rate,
        voices=["default"],
        graphs=graphs,
        example_sizes={"batch": 2, "sequence": 3, "max_length": 8, "past": 5, "total": 8, "tokens": 6},
        settings=_settings(checkpoint, lm.config, decoder.config),
        files={"tokenizer.json": checkpoint.path("tokenizer.json")},
        cases={
            "lm": cases.server_lm() if layout == "server" else cases.portable_lm(),
            "decoder": cases.decoder(graphs["decoder"]),
        },
        speech={"lm": Speech(cases.logits, drive, TOP1_AGREEMENT)},
        audio={"decoder": "audio"},
        keep_float32=("istft.", ".out."),
        io_float32=("logits", "hidden", "last_hidden_state", "hidden_states", "audio"),
        source=checkpoint.source,
    )


def _settings(checkpoint: Checkpoint, lm: LMConfig, decoder: DecoderConfig) -> dict[str, Any]:
    """The constants of the loop: what actors/families/soprano/loop.py needs to know and must not type by hand."""
    tokenizer = checkpoint.json("tokenizer_config.json", optional=True)
    return {
        "vocab_size": lm.vocab_size,
        "hidden_size": lm.hidden_size,
        "num_layers": lm.num_hidden_layers,
        "num_kv_heads": lm.num_key_value_heads,
        "head_dim": lm.head_dim,
        "eos_token_id": lm.eos_token_id,
        "max_prompt_tokens": MAX_PROMPT_TOKENS,
        "max_new_tokens": MAX_NEW_TOKENS,
        "samples_per_token": decoder.upscale * decoder.hop_length,
        "receptive_field_tokens": 4,  # soprano-tts tts.py: RECEPTIVE_FIELD
        "prompt_prefix": "[STOP][TEXT]",  # soprano-tts tts.py: _preprocess_text
        "prompt_suffix": "[START]",
        "min_sentence_chars": 30,  # soprano-tts tts.py: _preprocess_text
        "max_sentence_chars": int(tokenizer.get("max_sentence_chars", 300)),  # soprano-tts utils/text_splitter.py
        "temperature": 0.0,  # soprano-tts tts.py: infer_batch, as are the next two
        "top_p": 0.95,
        "repetition_penalty": 1.2,
        "top_k": 50,  # transformers GenerationConfig.top_k, which infer_batch leaves at its default
        "hallucination_distance": 300.0,  # soprano-tts tts.py: hallucination_detector DIFF_THRESHOLD
        "hallucination_run": 16,  # and MAX_RUNLENGTH
    }


def _load_lm(checkpoint: Checkpoint) -> LanguageModel:
    raw = checkpoint.json("config.json")
    if raw.get("model_type") != "qwen3":
        raise ExportError(f"{checkpoint.folder / 'config.json'}: model_type is {raw.get('model_type')!r}, not 'qwen3'")
    rope_theta = raw["rope_theta"] if "rope_theta" in raw else raw.get("rope_parameters", {}).get("rope_theta")
    try:
        config = LMConfig(
            **{name: raw[name] for name in LMConfig.__annotations__ if name != "rope_theta"},
            rope_theta=float(rope_theta),
        )
    except (KeyError, TypeError) as error:
        raise ExportError(f"{checkpoint.folder / 'config.json'} lacks a key of a Qwen3 model: {error}") from error
    lm = LanguageModel(config, MAX_LENGTH)
    origin = str(checkpoint.folder / "model.safetensors")
    state = checkpoint.safetensors()
    try:
        renamed = _lm_state(state, config)
    except KeyError as error:
        raise ExportError(f"{origin} lacks the key {error}, which config.json asks for") from error
    if state:
        raise ExportError(f"{origin} has weights that config.json says nothing about: {', '.join(sorted(state)[:3])}, …")
    load_weights(lm, renamed, origin)
    return lm


def _lm_state(state: dict[str, Tensor], config: LMConfig) -> dict[str, Tensor]:
    """Rename transformers' Qwen3ForCausalLM keys to ours, emptying ``state``; join projections that share an input."""

    def joined(prefix: str, *names: str) -> Tensor:
        return torch.cat([state.pop(f"{prefix}.{name}.weight") for name in names]).T.contiguous()

    embedding = state.pop("model.embed_tokens.weight")
    head = state.pop("lm_head.weight", embedding) if config.tie_word_embeddings else state.pop("lm_head.weight")
    renamed = {
        "embed_tokens.weight": embedding,
        "norm.weight": state.pop("model.norm.weight"),
        "lm_head.weight": head.T.contiguous(),
    }
    for i in range(config.num_hidden_layers):
        theirs, ours = f"model.layers.{i}", f"layers.{i}"
        for norm in ("input_layernorm", "post_attention_layernorm"):
            renamed[f"{ours}.{norm}.weight"] = state.pop(f"{theirs}.{norm}.weight")
        for norm in ("q_norm", "k_norm"):
            renamed[f"{ours}.{norm}.weight"] = state.pop(f"{theirs}.self_attn.{norm}.weight")
        renamed[f"{ours}.qkv_proj.weight"] = joined(f"{theirs}.self_attn", "q_proj", "k_proj", "v_proj")
        renamed[f"{ours}.o_proj.weight"] = joined(f"{theirs}.self_attn", "o_proj")
        renamed[f"{ours}.gate_up_proj.weight"] = joined(f"{theirs}.mlp", "gate_proj", "up_proj")
        renamed[f"{ours}.down_proj.weight"] = joined(f"{theirs}.mlp", "down_proj")
    return renamed


def _load_decoder(checkpoint: Checkpoint, lm: LMConfig) -> Decoder:
    state = checkpoint.pickled("decoder.pth")
    origin = str(checkpoint.folder / "decoder.pth")
    try:
        dim, channels, input_kernel = state["decoder.embed.weight"].shape
        blocks = {key.split(".")[2] for key in state if key.startswith("decoder.convnext.")}
        n_fft = state["head.out.weight"].shape[0] - 2
        shapes = {
            "num_input_channels": channels,
            "decoder_dim": dim,
            "decoder_intermediate_dim": state["decoder.convnext.0.pwconv1.weight"].shape[0],
            "decoder_num_layers": len(blocks),
            "dw_kernel": state["decoder.convnext.0.dwconv.weight"].shape[2],
            "n_fft": n_fft,
            "hop_length": n_fft // 4,
        }
        own = checkpoint.json("decoder_config.json", optional=True)
        differing = {key: own[key] for key in shapes.keys() & own.keys() if own[key] != shapes[key]}
        if differing:
            raise ExportError(f"{origin}: decoder_config.json says {differing}, the weights say {shapes}")
        extra = {key: own[key] for key in ("upscale", "sample_rate") if key in own}
        config = DecoderConfig(**shapes, input_kernel=input_kernel, **extra)
        if channels != lm.hidden_size:
            raise ExportError(f"{origin} takes {channels} channels, but the language model has hidden size {lm.hidden_size}")
        decoder = Decoder(config)
        load_weights(decoder, _decoder_state(state, n_fft), origin)
    except KeyError as error:
        raise ExportError(f"{origin} lacks the key {error}: it is not a Soprano decoder") from error
    return decoder


def _decoder_state(state: dict[str, Tensor], n_fft: int) -> dict[str, Tensor]:
    """Rename soprano-tts SopranoDecoder keys to ours; transpose Linear weights, reorder the head's bins."""
    bins = InverseSTFT.bin_order(n_fft)
    rows = torch.cat((bins, bins + n_fft // 2 + 1))
    renamed = {}
    for key, tensor in state.items():
        if key.startswith("decoder."):
            renamed[key.removeprefix("decoder.")] = tensor.T.contiguous() if tensor.dim() == 2 else tensor
    # [out, in, kernel] to [kernel * in, out]
    renamed["embed.weight"] = state["decoder.embed.weight"].permute(2, 1, 0).flatten(0, 1).contiguous()
    renamed["out.weight"] = state["head.out.weight"][rows].T.contiguous()
    renamed["out.bias"] = state["head.out.bias"][rows]
    return renamed


def _server_lm(lm: LanguageModel) -> Graph:
    config = lm.config
    cache = ("batch", config.num_key_value_heads, "max_length", config.head_dim)
    return Graph(
        "lm",
        "lm.onnx",
        ServerLM(lm),
        inputs=(
            Port("input_ids", ("batch", "sequence"), "int64"),
            Port("seqlens_k", ("batch",), "int32"),
            Port("total_sequence_length", (), "int32"),
            *_cache_ports("past_{}.{}", config.num_hidden_layers, cache),
        ),
        outputs=(
            Port("logits", ("batch", config.vocab_size)),
            Port("hidden", ("batch", config.hidden_size)),
            *_cache_ports("present_{}.{}", config.num_hidden_layers, cache),
        ),
    )


def _server_graphs(lm: LanguageModel, decoder: Decoder) -> dict[str, Graph]:
    return {
        "lm": _server_lm(lm),
        "decoder": Graph(
            "decoder",
            "decoder.onnx",
            decoder,
            inputs=(Port("hidden", ("batch", "tokens", lm.config.hidden_size)),),
            outputs=(Port("audio", ("batch", "samples")),),
        ),
    }


def _portable_graphs(lm: LanguageModel, decoder: Decoder) -> dict[str, Graph]:
    """File and tensor names of KevinAHM/soprano-web-onnx, which C#, web and mobile runtimes load."""
    config = lm.config
    heads, head_dim, layers = config.num_key_value_heads, config.head_dim, config.num_hidden_layers
    return {
        "lm": Graph(
            "lm",
            "soprano_backbone_kv.onnx",
            PortableLM(lm),
            inputs=(
                Port("input_ids", ("batch", "sequence"), "int64"),
                Port("attention_mask", ("batch", "total"), "int64"),
                Port("position_ids", ("batch", "sequence"), "int64"),
                *_cache_ports("past_key_values.{1}.{0}", layers, ("batch", heads, "past", head_dim)),
            ),
            outputs=(
                Port("logits", ("batch", "sequence", config.vocab_size)),
                *_cache_ports("present.{1}.{0}", layers, ("batch", heads, "total", head_dim)),
                Port("last_hidden_state", ("batch", "sequence", config.hidden_size)),
            ),
            opset=20,
        ),
        "decoder": Graph(
            "decoder",
            "soprano_decoder.onnx",
            PortableDecoder(decoder),
            inputs=(Port("hidden_states", ("batch", config.hidden_size, "tokens")),),
            outputs=(Port("audio", ("batch", "samples")),),
            opset=20,
        ),
    }


def _cache_ports(template: str, layers: int, axes: tuple[int | str, ...]) -> tuple[Port, ...]:
    return tuple(Port(template.format(part, i), axes) for i in range(layers) for part in ("key", "value"))


class _Cases:
    """Example inputs: real sentences and random numbers, several lengths and batch sizes.

    Attributes:
        logits: ``[positions, vocab]`` that PyTorch gives while it speaks the sentences, one after the other.
        hidden: the hidden states ``[tokens, hidden]`` of each sentence.
    """

    def __init__(self, lm: LanguageModel, tokenizer: Tokenizer) -> None:
        self.lm = lm
        self.config = lm.config
        self.prompts = [tokenizer.encode(f"[STOP][TEXT]{text.lower()}[START]").ids for text in _SENTENCES]
        self.random = np.random.default_rng(0)
        self.spoken: list[list[int]] = [[] for _ in self.prompts]  # what the model says, token by token
        outputs = self._speak_all(_server_lm(lm).run)
        self.logits = np.concatenate([o["logits"] for sentence in outputs for o in sentence])
        self.hidden = [np.concatenate([o["hidden"] for o in sentence]) for sentence in outputs]

    def server_lm(self) -> list[Case]:
        """Prefill of sentences and of random ids, one alone and several of one length; ragged steps.

        The caches are compared by speaking on with them (:meth:`server_logits`): what a graph leaves in the unwritten
        part of a buffer means nothing.
        """
        lengths = {1: 5, 2: 17, 3: 64}
        prefills = [self._prefill(np.array([prompt])) for prompt in self.prompts]
        prefills += [self._prefill(self._random_ids(batch, length)) for batch, length in lengths.items()]
        steps = [self._step(batch) for batch in (1, 2, 5)]
        return [Case(f"case {i}", feeds, ("logits", "hidden")) for i, feeds in enumerate(prefills + steps)]

    def portable_lm(self) -> list[Case]:
        """Whole prompts, left-padded batches and steps after a cache."""
        cases = [(np.array([prompt]), 0) for prompt in self.prompts]
        cases += [(self._random_ids(batch, sequence), past) for batch, sequence, past in ((2, 9, 0), (3, 1, 12), (2, 4, 7))]
        return [Case(f"case {i}", self._portable_feeds(ids, past)) for i, (ids, past) in enumerate(cases)]

    def decoder(self, graph: Graph) -> list[Case]:
        """Hidden states of spoken sentences, and random ones in batches; lengths from two tokens up."""
        arrays = [(hidden[None], True) for hidden in self.hidden]
        for batch, tokens in ((1, 2), (2, 3), (3, 33)):
            shape = (batch, tokens, self.config.hidden_size)
            arrays.append((self.random.standard_normal(shape).astype(np.float32), False))
        port = graph.inputs[0]
        channel_first = port.axes[1] == self.config.hidden_size
        return [
            Case(
                f"case {i}",
                {port.name: np.ascontiguousarray(hidden.transpose(0, 2, 1)) if channel_first else hidden},
                natural=natural,
            )
            for i, (hidden, natural) in enumerate(arrays)
        ]

    def server_logits(self, run: Run) -> np.ndarray:
        """Logits ``[positions, vocab]`` of speaking the sentences through ``run``, each with the cache it makes itself."""
        return np.concatenate([o["logits"] for outputs in self._speak_all(run) for o in outputs])

    def portable_logits(self, run: Run) -> np.ndarray:
        """The same through the portable graph: a sentence and its tokens in one call."""
        logits = []
        for prompt, tokens in zip(self.prompts, self.spoken, strict=True):
            feeds = self._portable_feeds(np.array([[*prompt, *tokens[:-1]]]), past=0)
            logits.append(run(feeds)["logits"][0, len(prompt) - 1 :])
        return np.concatenate(logits)

    def _speak_all(self, run: Run) -> list[list[Mapping[str, np.ndarray]]]:
        return [self._speak(run, p, tokens) for p, tokens in zip(self.prompts, self.spoken, strict=True)]

    def _speak(self, run: Run, prompt: list[int], tokens: list[int]) -> list[Mapping[str, np.ndarray]]:
        """Run a prompt and then ``tokens`` through a server graph; where they end, go on with the most likely new one."""
        feeds = self._prefill(np.array([prompt]))
        outputs: list[Mapping[str, np.ndarray]] = []
        for i in range(_SPOKEN_TOKENS):
            outputs.append(run(feeds))
            if i == len(tokens):
                logits = outputs[-1]["logits"][0].copy()
                logits[[*tokens, self.config.eos_token_id]] = -np.inf  # no repeats and no end: variety
                tokens.append(int(logits.argmax()))
            length = len(prompt) + i + 1
            caches = {name.replace("present", "past"): a for name, a in outputs[-1].items() if name.startswith("present")}
            feeds = {
                "input_ids": np.array([[tokens[i]]]),
                "seqlens_k": np.array([length - 1], np.int32),
                "total_sequence_length": np.array(length, np.int32),
                **caches,
            }
        return outputs

    def _random_ids(self, batch: int, length: int) -> np.ndarray:
        return self.random.integers(0, self.config.vocab_size, (batch, length))

    def _prefill(self, ids: np.ndarray) -> dict[str, np.ndarray]:
        batch, length = ids.shape
        return {
            "input_ids": ids,
            "seqlens_k": np.full(batch, length - 1, np.int32),
            "total_sequence_length": np.array(length, np.int32),
            **self._caches("past_{}.{}", (batch, length + _SPOKEN_TOKENS), fill=0.0),
        }

    def _step(self, batch: int) -> dict[str, np.ndarray]:
        lengths = self.random.integers(3, 60, batch).astype(np.int32)
        return {
            "input_ids": self._random_ids(batch, 1),
            "seqlens_k": lengths,
            "total_sequence_length": np.array(lengths.max() + 1, np.int32),
            **self._caches("past_{}.{}", (batch, 64), fill=1.0),
        }

    def _portable_feeds(self, ids: np.ndarray, past: int) -> dict[str, np.ndarray]:
        batch, sequence = ids.shape
        mask = np.ones((batch, past + sequence), np.int64)
        if batch > 1 and past == 0:
            mask[0, :3] = 0  # a left-padded row, as in the original's batches
        position = np.maximum(mask.cumsum(axis=1) - 1, 0)[:, past:]
        return {
            "input_ids": ids,
            "attention_mask": mask,
            "position_ids": position,
            **self._caches("past_key_values.{1}.{0}", (batch, past), fill=1.0),
        }

    def _caches(self, template: str, size: tuple[int, int], fill: float) -> dict[str, np.ndarray]:
        """Caches of ``(batch, length)`` with normal noise of standard deviation ``fill``."""
        config = self.config
        shape = (size[0], config.num_key_value_heads, size[1], config.head_dim)
        return {
            port.name: (fill * self.random.standard_normal(shape)).astype(np.float32)
            for port in _cache_ports(template, config.num_hidden_layers, ())
        }

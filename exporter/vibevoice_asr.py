"""VibeVoice-ASR (microsoft/VibeVoice-ASR, 7B and 1.5B): two speech encoders in front of a Qwen2 language model.

Source: transformers 5.23 ``models/vibevoice_asr`` and ``models/qwen2``, microsoft/VibeVoice (MIT). Both checkpoint layouts are
read: the original's and the hub's ``…-HF``. Every size comes from ``config.json``.

The acoustic encoder's latent is its mean: the original adds noise to it, which makes transcripts differ from run to run and no
better. The embedding is not in a graph: workers map its rows from a file.
"""

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from actors.bundle import Layout
from actors.errors import ExportError
from exporter.attention import shared_buffer_attention
from exporter.build import TOP1_AGREEMENT, Export, Speech
from exporter.checkpoints import Checkpoint, TensorFiles, load_weights
from exporter.graphs import Graph, Port
from exporter.layers import Linear, RMSNorm, rotary_tables
from exporter.streaming import Rows, hollow, stack
from exporter.verify import Case, Run
from exporter.vibevoice_vae import EXPANSION, KERNEL, Block, Encoder, VAEConfig, encoder_state

FILES: tuple[str, ...] = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "*.safetensors",
    "*.safetensors.index.json",
)
EMBEDDING_FILE = "embedding.npy"

# What the model is asked, and how long it may listen and answer: transformers' chat template and microsoft/VibeVoice
# vibevoice_asr_processor.py, vllm_plugin.
_PROMPT = {
    "system_prompt": "You are a helpful assistant that transcribes audio input into text output in JSON format.",
    "instruction": "This is a {duration:.2f} seconds audio, please transcribe it with these keys: {keys}",
    "instruction_with_context": (
        "This is a {duration:.2f} seconds audio, with extra info: {context}\n\nPlease transcribe it with these keys: {keys}"
    ),
    "keys": "Start time, End time, Speaker ID, Content",
}
_MAX_AUDIO_FRAMES = 27_000  # 60 minutes
_MAX_NEW_TOKENS = 32_768
_MAX_PROMPT_TEXT_TOKENS = 4_096  # of everything in a prompt that is not audio
_LOUDNESS_DBFS = -25.0
_SAMPLE_RATE = 24_000

_AUDIO_TOKENS = {"audio_bos": "<|object_ref_start|>", "audio_eos": "<|object_ref_end|>", "audio": "<|box_start|>"}
_STOP_TOKENS = ("<|im_end|>", "<|endoftext|>")

_SPOKEN_TOKENS = 24  # per check prompt
_MAX_IN_MEMORY_BYTES = 2 << 30  # of a language model in float32, which an ONNX file without external data cannot hold either
_MIN_INT8_CHANNELS = 256  # of a block: below, quantizing activations takes longer than the MatMul saves
_LAYER_MATRICES = {
    "qkv_proj": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "o_proj": ("self_attn.o_proj",),
    "gate_up_proj": ("mlp.gate_proj", "mlp.up_proj"),
    "down_proj": ("mlp.down_proj",),
}
_SENSITIVE = ("lm_head", "down_proj", "qkv_proj")  # in 4 bits these cost the most accuracy


@dataclass(frozen=True)
class LMConfig:
    """The sizes of the Qwen2 language model, named as in transformers' ``Qwen2Config``."""

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
    max_position_embeddings: int


@dataclass(frozen=True)
class Config:
    """What ``config.json`` says, in either layout. ``audio_ids`` are those of ``_AUDIO_TOKENS`` that it names."""

    lm: LMConfig
    acoustic: VAEConfig
    semantic: VAEConfig
    audio_ids: Mapping[str, int]
    eos_ids: Collection[int]


class Projector(nn.Module):
    """Brings the latents of one encoder to the width of the language model; there is no activation between."""

    def __init__(self, latent_dim: int, hidden: int) -> None:
        super().__init__()
        self.linear_1 = Linear(latent_dim, hidden, bias=True)
        self.norm = RMSNorm(hidden, 1e-6)  # transformers modeling_vibevoice_asr.py: VibeVoiceAsrRMSNorm's default
        self.linear_2 = Linear(hidden, hidden, bias=True)

    def forward(self, latents: Tensor) -> Tensor:
        """Map ``[rows, latent_dim]`` to ``[rows, hidden]``."""
        return self.linear_2(self.norm(self.linear_1(latents)))


class SpeechEncoder(nn.Module):
    """Audio to what the language model reads in place of the audio tokens' embeddings."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.hop = config.acoustic.frame_size
        self.acoustic = Encoder(config.acoustic)
        self.semantic = Encoder(config.semantic)
        self.acoustic_projector = Projector(config.acoustic.dimension, config.lm.hidden_size)
        self.semantic_projector = Projector(config.semantic.dimension, config.lm.hidden_size)
        self._shapes = [*self.acoustic.state_shapes, *self.semantic.state_shapes]
        self._sizes = [math.prod(shape) for shape in self._shapes]
        self._of_acoustic = len(self.acoustic.state_shapes)

    @property
    def state_size(self) -> int:
        """Floats that travel from chunk to chunk: what every convolution needs of the past, in one tensor."""
        return sum(self._sizes)

    def forward(self, audio: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map audio ``[batch, frames, hop]`` to features ``[batch, frames, hidden]``, and give the next chunk's state."""
        samples = audio.flatten(1)
        past = [part.unflatten(1, shape) for part, shape in zip(state.split(self._sizes, dim=1), self._shapes, strict=True)]
        acoustic, *present = self.acoustic(samples, *past[: self._of_acoustic])
        semantic, *rest = self.semantic(samples, *past[self._of_acoustic :])
        features = self.acoustic_projector(acoustic.flatten(0, 1)) + self.semantic_projector(semantic.flatten(0, 1))
        return features.view(*audio.shape[:2], -1), torch.cat([part.flatten(1) for part in [*present, *rest]], dim=1)


class Layer(nn.Module):
    """One Qwen2 decoder layer. Projections that read the same input are one matrix: fewer, larger MatMuls."""

    def __init__(self, config: LMConfig) -> None:
        super().__init__()
        hidden = config.hidden_size
        heads = (config.num_attention_heads, config.num_key_value_heads, config.num_key_value_heads)
        self.sizes = [config.head_dim * count for count in heads]
        self.input_layernorm = RMSNorm(hidden, config.rms_norm_eps)
        self.qkv_proj = Linear(hidden, sum(self.sizes), bias=True)
        self.o_proj = Linear(self.sizes[0], hidden)
        self.post_attention_layernorm = RMSNorm(hidden, config.rms_norm_eps)
        self.gate_up_proj = Linear(hidden, 2 * config.intermediate_size)
        self.down_proj = Linear(config.intermediate_size, hidden)

    def qkv(self, x: Tensor) -> tuple[Tensor, ...]:
        """Project ``[rows, hidden]`` to query, key and value."""
        return self.qkv_proj(self.input_layernorm(x)).split(self.sizes, dim=-1)

    def mlp(self, x: Tensor) -> Tensor:
        """The SwiGLU block with its norm, without the residual."""
        gate, up = self.gate_up_proj(self.post_attention_layernorm(x)).chunk(2, dim=-1)
        return self.down_proj(torch.nn.functional.silu(gate) * up)


class Decoder(nn.Module):
    """The language model as one graph for prefill and step: logits of each row's last token, caches updated in place."""

    def __init__(self, config: LMConfig) -> None:
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.lm_head = Linear(config.hidden_size, config.vocab_size)
        cos, sin = rotary_tables(config.max_position_embeddings, config.head_dim, config.rope_theta)
        self.cos: Tensor
        self.sin: Tensor
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def blocks(self) -> Iterable[Layer]:
        """The layers, first to last."""
        return (layer for layer in self.layers if isinstance(layer, Layer))

    def predict(self, hidden: Tensor) -> Tensor:
        """Map normalised hidden states ``[rows, hidden]`` to logits."""
        return self.lm_head(hidden)

    def forward(self, embeds: Tensor, seqlens_k: Tensor, total_sequence_length: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """Map embeddings ``[batch, sequence, hidden]`` to logits ``[batch, vocab]`` and the caches."""
        x = embeds.flatten(0, 1)
        present: list[Tensor] = []
        for i, layer in enumerate(self.blocks()):
            query, key, value = (part.view(*embeds.shape[:2], -1) for part in layer.qkv(x))
            attended, *cache = shared_buffer_attention(
                query, key, value, past[2 * i], past[2 * i + 1], seqlens_k, total_sequence_length, self.cos, self.sin
            )
            present += cache
            x = x + layer.o_proj(attended.flatten(0, 1))
            x = x + layer.mlp(x)
        hidden = self.norm(x.view(embeds.shape)[:, -1])
        return self.predict(hidden), *present


class StreamedDecoder(Decoder):
    """A decoder larger than memory: traced without its matrices, and run with those of one layer at a time."""

    def __init__(self, config: LMConfig, weights: "_Weights") -> None:
        with torch.device("meta"):
            super().__init__(config)
        self.cos, self.sin = rotary_tables(config.max_position_embeddings, config.head_dim, config.rope_theta)
        self._origin = weights.origin
        self.matrices = {f"module.{name}": rows for name, rows in _decoder_matrices(config, weights).items()}
        for name, vector in _decoder_vectors(config, weights.read).items():
            owner, _, leaf = name.rpartition(".")
            self.get_submodule(owner).register_parameter(leaf, nn.Parameter(vector, requires_grad=False))
        hollow(self)

    def blocks(self) -> Iterable[Layer]:
        """The layers; outside of tracing each is read when it is its turn."""
        if torch.compiler.is_exporting():
            yield from super().blocks()
            return
        for i in range(self.config.num_hidden_layers):
            layer = Layer(self.config)
            load_weights(layer, _layer_state(i, self), self._origin)
            yield layer

    def predict(self, hidden: Tensor) -> Tensor:
        """Map normalised hidden states ``[rows, hidden]`` to logits."""
        if torch.compiler.is_exporting():
            return super().predict(hidden)
        head = self.matrices["module.lm_head.weight"]
        return torch.cat([hidden @ torch.from_numpy(block).T for _, block in head.blocks()], dim=1)


def load(checkpoint: Checkpoint, layout: Layout) -> Export:
    """Read a checkpoint in either layout (the files in ``FILES``) and declare its graphs in ``layout``."""
    if layout != "server":
        raise ExportError("vibevoice-asr has no portable export yet: use --layout server")
    config = read_config(checkpoint)
    weights = _Weights(checkpoint)
    encoder = SpeechEncoder(config)
    load_weights(encoder, _encoder_state(config, weights), weights.origin)
    embedding = weights.rows("model.language_model.embed_tokens.weight")
    decoder = _load_decoder(config.lm, weights)
    weights.check_all_read()
    streamed = isinstance(decoder, StreamedDecoder)
    cases = _Cases(encoder, decoder, embedding, spoken=1 if streamed else _SPOKEN_TOKENS)
    tokenizer = checkpoint.folder / "tokenizer.json"
    return Export(
        family="vibevoice-asr",
        sample_rate=_SAMPLE_RATE,
        voices=[],
        graphs={"speech_encoder": _encoder_graph(encoder, config), "decoder": _decoder_graph(decoder)},
        example_sizes={"batch": 2, "frames": 3, "sequence": 3, "max_length": 8},
        settings=_settings(config, encoder, tokenizer if tokenizer.exists() else None),
        files={"tokenizer.json": tokenizer} if tokenizer.exists() else {},
        arrays={EMBEDDING_FILE: embedding},
        cases={"speech_encoder": cases.encoder(), "decoder": cases.decoder()[:1] if streamed else cases.decoder()},
        speech={"decoder": Speech(cases.logits, cases.drive, TOP1_AGREEMENT)},
        audio={"speech_encoder": "speech_features"},
        keep_float32=(),
        io_float32=("input_values", "conv_state", "speech_features", "new_conv_state", "inputs_embeds", "logits"),
        source=checkpoint.source,
        keep_from_int8=_kept_from_int8(encoder),
        sensitive={"decoder": _SENSITIVE},
        streamed={"decoder": decoder.matrices} if isinstance(decoder, StreamedDecoder) else {},
    )


def _load_decoder(config: LMConfig, weights: "_Weights") -> Decoder:
    """Read the language model; or, where it is large, what is needed to read it piece by piece."""
    if weights.bytes_below("model.language_model.") > _MAX_IN_MEMORY_BYTES:
        return StreamedDecoder(config, weights)
    decoder = Decoder(config)
    state = _decoder_vectors(config, weights.read)
    for name, rows in _decoder_matrices(config, weights).items():
        state[name] = torch.from_numpy(rows.read(0, rows.shape[0])).T.contiguous()
    load_weights(decoder, state, weights.origin)
    return decoder


def _kept_from_int8(encoder: SpeechEncoder) -> list[str]:
    """Name the weights that int8 would not make faster, or too wrong: all but the feed-forward ones of the wide blocks."""
    kept = ["_projector."]
    for part, module in (("acoustic", encoder.acoustic), ("semantic", encoder.semantic)):
        for i, layer in enumerate(module.layers):
            if not isinstance(layer, Block) or layer.linear1.weight.shape[0] < _MIN_INT8_CHANNELS:
                kept.append(f"{part}.layers.{i}.")
    return kept


# --- config.json ---------------------------------------------------------------------------------------------------


def read_config(checkpoint: Checkpoint) -> Config:
    """Read ``config.json`` in either layout.

    Raises:
        ExportError: it is no VibeVoice-ASR model's, or lacks a key.
    """
    raw = checkpoint.json("config.json")
    generation = checkpoint.json("generation_config.json", optional=True)
    try:
        if "text_config" in raw:
            return _hub_config(raw, generation)
        return _original_config(raw, generation)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ExportError(
            f"{checkpoint.folder / 'config.json'} is not a VibeVoice-ASR model's, or lacks a key: {error!r}"
        ) from error


def _hub_config(raw: Mapping[str, Any], generation: Mapping[str, Any]) -> Config:
    def encoder(section: Mapping[str, Any]) -> VAEConfig:
        if (section["kernel_size"], section["ffn_expansion"]) != (KERNEL, EXPANSION):
            raise ValueError(f"only kernels of {KERNEL} and feed-forward parts {EXPANSION} times as wide are supported")
        return VAEConfig(
            dimension=section["hidden_size"],
            n_filters=section["num_filters"],
            ratios=tuple(reversed(section["downsampling_ratios"])),
            depths=tuple(reversed(section["depths"])),
            eps=section["rms_norm_eps"],
        )

    text = raw["text_config"]
    return Config(
        lm=_lm_config(text),
        acoustic=encoder(raw["acoustic_tokenizer_encoder_config"]),
        semantic=encoder(raw["semantic_tokenizer_encoder_config"]),
        audio_ids=_audio_ids(raw),
        eos_ids=_eos_ids(text, generation),
    )


def _original_config(raw: Mapping[str, Any], generation: Mapping[str, Any]) -> Config:
    text = raw["decoder_config"]
    return Config(
        lm=_lm_config(text),
        acoustic=VAEConfig.of(raw["acoustic_tokenizer_config"], "encoder"),
        semantic=VAEConfig.of(raw["semantic_tokenizer_config"], "encoder"),
        audio_ids=_audio_ids(raw),
        eos_ids=_eos_ids(text, generation),
    )


def _lm_config(text: Mapping[str, Any]) -> LMConfig:
    if text.get("use_sliding_window") or text.get("rope_scaling"):
        raise ValueError("sliding windows and scaled rotary embeddings are not supported")
    rope = text.get("rope_parameters") or {"rope_type": "default", "rope_theta": text["rope_theta"]}
    if rope["rope_type"] != "default":
        raise ValueError(f"rotary embedding {rope['rope_type']!r} is not supported")
    given = {name: text[name] for name in LMConfig.__annotations__ if name not in ("head_dim", "rope_theta")}
    head_dim = text.get("head_dim") or text["hidden_size"] // text["num_attention_heads"]
    return LMConfig(**given, head_dim=head_dim, rope_theta=float(rope["rope_theta"]))


def _audio_ids(raw: Mapping[str, Any]) -> dict[str, int]:
    return {name: int(raw[f"{name}_token_id"]) for name in _AUDIO_TOKENS if f"{name}_token_id" in raw}


def _eos_ids(text: Mapping[str, Any], generation: Mapping[str, Any]) -> set[int]:
    found: set[int] = set()
    for section in (text, generation):
        ids = section.get("eos_token_id")
        found.update([] if ids is None else ids if isinstance(ids, list) else [ids])
    return found


def _settings(config: Config, encoder: SpeechEncoder, tokenizer_path: Any) -> dict[str, Any]:
    """What the loop in ``actors/vibevoice_asr.py`` needs to know of the model."""
    audio_ids, stop_ids = dict(config.audio_ids), set(config.eos_ids)
    if tokenizer_path is not None:
        tokenizer = Tokenizer.from_file(str(tokenizer_path))
        named = {name: tokenizer.token_to_id(token) for name, token in _AUDIO_TOKENS.items()}
        audio_ids = {name: id_ for name, id_ in named.items() if id_ is not None} | audio_ids
        stop_ids.update(id_ for token in _STOP_TOKENS if (id_ := tokenizer.token_to_id(token)) is not None)
    if missing := [token for name, token in _AUDIO_TOKENS.items() if name not in audio_ids]:
        raise ExportError(
            f"neither config.json nor tokenizer.json says which ids {', '.join(missing)} have: put the tokenizer.json of "
            "Qwen/Qwen2.5-7B beside the checkpoint"
        )
    if not stop_ids:
        raise ExportError("neither config.json, generation_config.json nor tokenizer.json names a token that ends an answer")
    lm = config.lm
    positions = lm.max_position_embeddings
    max_new_tokens = min(_MAX_NEW_TOKENS, positions // 2)
    text_tokens = min(_MAX_PROMPT_TEXT_TOKENS, (positions - max_new_tokens) // 2)
    return {
        "vocab_size": lm.vocab_size,
        "hidden_size": lm.hidden_size,
        "num_heads": lm.num_attention_heads,
        "samples_per_frame": encoder.hop,
        "state_size": encoder.state_size,
        "loudness_dbfs": _LOUDNESS_DBFS,
        "audio_token_id": audio_ids["audio"],
        "audio_bos_token_id": audio_ids["audio_bos"],
        "audio_eos_token_id": audio_ids["audio_eos"],
        "stop_token_ids": sorted(stop_ids),
        "max_audio_frames": min(_MAX_AUDIO_FRAMES, positions - max_new_tokens - text_tokens),
        "max_prompt_text_tokens": text_tokens,
        "max_new_tokens": max_new_tokens,
        **_PROMPT,
    }


# --- weights -------------------------------------------------------------------------------------------------------

_ENCODER = r"^(acoustic|semantic)_tokenizer_encoder\."
_HUB_KEYS: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (_ENCODER + r"stem\.conv\.conv\.", r"model.\1_tokenizer.encoder.downsample_layers.0.0.conv.conv."),
    (_ENCODER + r"stem\.stage\.", r"model.\1_tokenizer.encoder.stages.0."),
    (
        _ENCODER + r"conv_layers\.(\d+)\.conv\.conv\.",
        lambda m: f"model.{m[1]}_tokenizer.encoder.downsample_layers.{int(m[2]) + 1}.0.conv.conv.",
    ),
    (_ENCODER + r"conv_layers\.(\d+)\.stage\.", lambda m: f"model.{m[1]}_tokenizer.encoder.stages.{int(m[2]) + 1}."),
    (_ENCODER + r"head\.conv\.", r"model.\1_tokenizer.encoder.head.conv.conv."),
    (r"\.mixer\.conv\.(weight|bias)$", r".mixer.conv.conv.conv.\1"),
    (r"^multi_modal_projector\.(acoustic|semantic)_linear_([12])\.", r"model.\1_connector.fc\2."),
    (r"^multi_modal_projector\.(acoustic|semantic)_norm\.", r"model.\1_connector.norm."),
    (r"^language_model\.model\.", "model.language_model."),
    (r"^language_model\.lm_head\.", "lm_head."),
)
# Of the original's layout: the speech decoder that it was trained with, and nothing here uses.
_UNUSED = re.compile(r"model\.(acoustic|semantic)_tokenizer\.(decoder\.|fix_std$)|model\.speech_(scaling|bias)_factor$")


def original_key(key: str) -> str:
    """Return the name that a tensor of the hub's layout has in the original's; the original's names stay as they are."""
    for pattern, replacement in _HUB_KEYS:
        key = re.sub(pattern, replacement, key)
    return key


class _Weights:
    """A checkpoint's tensors by their names in the original's layout, and what was read of them."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._files = TensorFiles(checkpoint)
        self._names = {name: key for key in self._files.keys if not _UNUSED.match(name := original_key(key))}
        self._unread = set(self._names)
        self.origin = str(checkpoint.folder)

    def read(self, name: str) -> Tensor:
        """Return a tensor in float32.

        Raises:
            ExportError: the checkpoint has none of this name.
        """
        if name not in self._names:
            raise self.missing(name)
        self._unread.discard(name)
        return self._files.read(self._names[name])

    def read_below(self, prefix: str) -> dict[str, Tensor]:
        """Return all tensors whose names begin so."""
        return {name: self.read(name) for name in self._names if name.startswith(prefix)}

    def rows(self, name: str) -> Rows:
        """Return a matrix that is read in parts.

        Raises:
            ExportError: the checkpoint has none of this name.
        """
        if name not in self._names:
            raise self.missing(name)
        self._unread.discard(name)
        key = self._names[name]
        outer, inner = self._files.shape(key)
        return Rows((outer, inner), lambda first, stop: self._files.rows(key, first, stop).numpy())

    def bytes_below(self, prefix: str) -> int:
        """Return how much memory the tensors whose names begin so take in float32."""
        return sum(4 * math.prod(self._files.shape(key)) for name, key in self._names.items() if name.startswith(prefix))

    def check_all_read(self) -> None:
        """Raise :class:`ExportError` if there are weights nobody asked for."""
        if self._unread:
            raise self.left_over(self._unread)

    def missing(self, name: str) -> ExportError:
        """Return what to raise for a weight that is not there."""
        return ExportError(f"{self.origin} has no weight {name!r}, which config.json asks for (the original's name of it)")

    def left_over(self, names: Iterable[str]) -> ExportError:
        """Return what to raise for weights that nobody asked for."""
        some = ", ".join(self._names[name] for name in sorted(names)[:3])
        return ExportError(f"{self.origin} has weights that config.json says nothing about: {some}, …")


def _encoder_state(config: Config, weights: "_Weights") -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for part, sizes in (("acoustic", config.acoustic), ("semantic", config.semantic)):
        prefix = f"model.{part}_tokenizer.encoder."
        theirs = weights.read_below(prefix)
        try:
            state |= {f"{part}.{name}": tensor for name, tensor in encoder_state(theirs, prefix, sizes).items()}
        except KeyError as error:
            raise weights.missing(error.args[0]) from error
        if theirs:
            raise weights.left_over(theirs)
        connector = f"model.{part}_connector"
        for linear, name in (("linear_1", "fc1"), ("linear_2", "fc2")):
            state[f"{part}_projector.{linear}.weight"] = weights.read(f"{connector}.{name}.weight").T.contiguous()
            state[f"{part}_projector.{linear}.bias"] = weights.read(f"{connector}.{name}.bias")
        state[f"{part}_projector.norm.weight"] = weights.read(f"{connector}.norm.weight")
    return state


def _decoder_vectors(config: LMConfig, read: Callable[[str], Tensor]) -> dict[str, Tensor]:
    """Rename what is no matrix of transformers' Qwen2ForCausalLM; join the biases of projections that share an input."""
    state = {"norm.weight": read("model.language_model.norm.weight")}
    for i in range(config.num_hidden_layers):
        theirs, ours = f"model.language_model.layers.{i}", f"layers.{i}"
        state[f"{ours}.qkv_proj.bias"] = torch.cat([read(f"{theirs}.self_attn.{name}_proj.bias") for name in "qkv"])
        for norm in ("input_layernorm", "post_attention_layernorm"):
            state[f"{ours}.{norm}.weight"] = read(f"{theirs}.{norm}.weight")
    return state


def _decoder_matrices(config: LMConfig, weights: _Weights) -> dict[str, Rows]:
    """Return the transposes of the matrices by our names; those of projections that share an input are one."""
    head = "model.language_model.embed_tokens" if config.tie_word_embeddings else "lm_head"
    matrices = {"lm_head.weight": weights.rows(f"{head}.weight")}
    for i in range(config.num_hidden_layers):
        for ours, theirs in _LAYER_MATRICES.items():
            parts = [weights.rows(f"model.language_model.layers.{i}.{name}.weight") for name in theirs]
            matrices[f"layers.{i}.{ours}.weight"] = stack(parts)
    return matrices


def _layer_state(index: int, decoder: StreamedDecoder) -> dict[str, Tensor]:
    """Return the weights of one layer, read now."""
    prefix = f"layers.{index}."
    vectors = decoder.layers[index].named_parameters()
    state = {name: parameter.detach() for name, parameter in vectors if parameter.dim() == 1}
    for ours in _LAYER_MATRICES:
        rows = decoder.matrices[f"module.{prefix}{ours}.weight"]
        state[f"{ours}.weight"] = torch.from_numpy(rows.read(0, rows.shape[0])).T.contiguous()
    return state


# --- graphs --------------------------------------------------------------------------------------------------------


def _encoder_graph(encoder: SpeechEncoder, config: Config) -> Graph:
    state = ("batch", encoder.state_size)
    return Graph(
        "speech_encoder",
        "speech_encoder.onnx",
        encoder,
        inputs=(Port("input_values", ("batch", "frames", encoder.hop)), Port("conv_state", state)),
        outputs=(Port("speech_features", ("batch", "frames", config.lm.hidden_size)), Port("new_conv_state", state)),
    )


def _decoder_graph(decoder: Decoder) -> Graph:
    config = decoder.config
    return Graph(
        "decoder",
        "decoder.onnx",
        decoder,
        inputs=(
            Port("inputs_embeds", ("batch", "sequence", config.hidden_size)),
            Port("seqlens_k", ("batch",), "int32"),
            Port("total_sequence_length", (), "int32"),
            *_cache_ports("past", config),
        ),
        outputs=(Port("logits", ("batch", config.vocab_size)), *_cache_ports("present", config)),
    )


def _cache_ports(when: str, config: LMConfig) -> tuple[Port, ...]:
    axes = ("batch", config.num_key_value_heads, "max_length", config.head_dim)
    return tuple(Port(f"{when}_{part}.{i}", axes) for i in range(config.num_hidden_layers) for part in ("key", "value"))


class _Cases:
    """Example inputs: noise as audio, prompts of random tokens around its features, what the model answers.

    Attributes:
        logits: ``[positions, vocab]`` that PyTorch gives while it answers the prompts, one after the other.
    """

    def __init__(self, encoder: SpeechEncoder, decoder: Decoder, embedding: Rows, spoken: int) -> None:
        self._encoder, self._config, self._embedding, self._spoken = encoder, decoder.config, embedding, spoken
        self._random = np.random.default_rng(0)
        self._prompts = [self._prompt(frames) for frames in (4, 9)]
        self._answers: list[list[int]] = [[] for _ in self._prompts]
        self.logits = self.drive(_decoder_graph(decoder).run)

    def encoder(self) -> list[Case]:
        """The start of a file, a later chunk, and several files together."""
        cases = [(1, 6, 0.0), (1, 1, 0.3), (3, 2, 0.3)]
        return [
            Case(
                f"{batch} of {frames} frames",
                {
                    "input_values": self._normal((batch, frames, self._encoder.hop), 0.056),  # -25 dBFS
                    "conv_state": self._normal((batch, self._encoder.state_size), past),
                },
                natural=past == 0,
            )
            for batch, frames, past in cases
        ]

    def decoder(self) -> list[Case]:
        """Prompts whole and in two pieces, alone and together; ragged steps.

        Caches are compared by going on with them (:meth:`drive`): what is in the unwritten part of a buffer means nothing.
        """
        prefills = [self._feeds(prompt[None], 0) for prompt in self._prompts]
        prefills += [self._feeds(self._embeds(shape), 0) for shape in ((2, 17), (3, 5))]
        appended = self._feeds(self._embeds((1, 7)), 12)
        steps = [self._step(batch) for batch in (1, 2, 5)]
        return [Case(f"case {i}", feeds, ("logits",)) for i, feeds in enumerate([*prefills, appended, *steps])]

    def drive(self, run: Run) -> np.ndarray:
        """Answer the prompts through ``run`` with the caches it makes itself; return the logits of every position."""
        return np.concatenate([self._answer(run, *pair) for pair in zip(self._prompts, self._answers, strict=True)])

    def _answer(self, run: Run, prompt: np.ndarray, tokens: list[int]) -> np.ndarray:
        """Run a prompt and then ``tokens``; where they end, go on with the most likely new one."""
        feeds = self._feeds(prompt[None], 0, room=self._spoken)
        logits: list[np.ndarray] = []
        for i in range(self._spoken):
            outputs = run(feeds)
            logits.append(outputs["logits"])
            if i == len(tokens):
                allowed = logits[-1][0].copy()
                allowed[tokens] = -np.inf  # no repeats: variety
                tokens.append(int(allowed.argmax()))
            length = len(prompt) + i + 1
            feeds = {
                "inputs_embeds": self._embedding.take(np.array([[tokens[i]]])),
                "seqlens_k": np.array([length - 1], np.int32),
                "total_sequence_length": np.array(length, np.int32),
                **{name.replace("present", "past"): a for name, a in outputs.items() if name.startswith("present")},
            }
        return np.concatenate(logits)

    def _prompt(self, frames: int) -> np.ndarray:
        audio = self._normal((1, frames, self._encoder.hop), 0.056)
        with torch.no_grad():
            features, _ = self._encoder(torch.from_numpy(audio), torch.zeros(1, self._encoder.state_size))
        return np.concatenate([self._embeds((8,)), features[0].numpy(), self._embeds((6,))])

    def _embeds(self, shape: tuple[int, ...]) -> np.ndarray:
        return self._embedding.take(self._random.integers(0, self._embedding.shape[0], shape))

    def _step(self, batch: int) -> dict[str, np.ndarray]:
        feeds = self._feeds(self._embeds((batch, 1)), 0, room=63)
        lengths = self._random.integers(3, 60, batch).astype(np.int32)
        caches = {name: self._normal(array.shape, 1.0) for name, array in feeds.items() if name.startswith("past")}
        return {**feeds, **caches, "seqlens_k": lengths, "total_sequence_length": np.array(lengths.max() + 1, np.int32)}

    def _feeds(self, embeds: np.ndarray, past: int, room: int = 0) -> dict[str, np.ndarray]:
        batch, length = embeds.shape[0], past + embeds.shape[1]
        shape = (batch, self._config.num_key_value_heads, length + room, self._config.head_dim)
        caches = {port.name: self._normal(shape, 1.0 if past else 0.0) for port in _cache_ports("past", self._config)}
        return {
            "inputs_embeds": embeds,
            "seqlens_k": np.full(batch, length - 1, np.int32),
            "total_sequence_length": np.array(length, np.int32),
            **caches,
        }

    def _normal(self, shape: tuple[int, ...], deviation: float) -> np.ndarray:
        return (deviation * self._random.standard_normal(shape)).astype(np.float32)

"""PocketTTS (kyutai/pocket-tts): a transformer over continuous latents, a small flow head and the Mimi codec.

Source: pocket-tts 4.0.1 (``models/flow_lm.py``, ``modules/mlp.py``, ``models/tts_model.py``; MIT). Every size of every variant
is read from the checkpoint's ``config.yaml`` (:mod:`exporter.pocket_config`), or from what transformers has in its place
(:mod:`exporter.pocket_hub`).
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from actors.bundle import Layout
from actors.errors import ExportError
from actors.families.pocket_tts import FAMILY
from exporter.attention import buffer_attention, shared_buffer_attention
from exporter.build import Agreement, Export, Speech
from exporter.checkpoints import Checkpoint, load_weights
from exporter.graphs import Graph, Port
from exporter.layers import Linear, rotary_tables
from exporter.mimi import Decoder, Encoder, load_mimi
from exporter.pocket_config import BackboneConfig, Config, Contents, FlowConfig, FlowLMConfig, read_config
from exporter.pocket_hub import is_hub_layout, read_hub
from exporter.pocket_voices import find_voices, with_voices
from exporter.sentencepiece_model import convert_sentencepiece
from exporter.verify import Case, Run

MAX_POSITIONS = 4096  # of a slot: voice, text and speech; the length of the rotary tables
MAX_TEXT_TOKENS = 256  # of one utterance. The original only warns above 50, so that longer clauses than that are spoken too

# Of the loop: pocket-tts tts_model.py and default_parameters.py.
_LOOP = {
    "max_tokens_per_chunk": 50,  # MAX_TOKEN_PER_CHUNK
    "tokens_per_second": 3.0,  # _TOKENS_PER_SECOND_ESTIMATE
    "padding_s": 2.0,  # _GEN_SECONDS_PADDING
    "min_frames_before_eos": 6,  # _MIN_FRAMES_BEFORE_EOS
    "fade_in_s": 0.005,  # _decode_audio_worker
}

_OPSET_PORTABLE = 20
_SPOKEN_FRAMES = 24  # per check sentence: 2 s of speech
_CHUNK_FRAMES = 5
_SENTENCES = (
    "The quick brown fox jumps over the lazy dog.",
    "It costs 3.14 and a half, is that ok?",
    "Hello there.",
    "A voice that reads a shelf of books should not stumble over the last sentence of any of them.",
)


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


def load(checkpoint: Checkpoint, layout: Layout) -> Export:
    """Read a PocketTTS checkpoint (:func:`exporter.pocket_config.find_checkpoint`) and declare its graphs in ``layout``."""
    contents = read_hub(checkpoint) if is_hub_layout(checkpoint) else _read_original(checkpoint)
    config, tokenizer = contents.config, contents.tokenizer
    model = load_model(contents)
    graphs = _graphs(model, layout)
    cases = _Cases(model, graphs, layout, tokenizer)
    export = Export(
        family=FAMILY.name,
        sample_rate=config.mimi.sample_rate,
        voices=[],
        graphs=graphs,
        example_sizes={
            "batch": 2,
            "tokens": 3,
            "frames": 4,
            "max_length": 24,
            "samples": 2 * config.mimi.frame_size + 5,
        },
        settings=_settings(model),
        files={"tokenizer.json": tokenizer.to_str().encode()},
        cases=cases.all(),
        speech=cases.speech(),
        audio={"flow_lm_flow": "flow_dir", "mimi_decoder": graphs["mimi_decoder"].outputs[0].name},
        keep_float32=("out_eos.", "final."),
        io_float32=(
            *("sequence", "text_embeddings", "conditioning", "eos_logit", "c", "s", "t", "x", "flow_dir"),
            *("latent", "audio", "audio_frame"),
        ),
        source=checkpoint.source,
        snr_floors_db={"mimi_decoder": 40.0},  # below, quantized codecs are known to hiss
        exact=("text_conditioner", "mimi_encoder"),
        keep_from_int8=("input_linear.", "input_proj."),  # what latents enter by: a few channels, read by everything behind
        keep_in_turn={"mimi_decoder": [("latent_proj.", ".model.")]},  # the transformer alone
    )
    return with_voices(export, checkpoint.folder, layout) if find_voices(checkpoint.folder) else export


def _read_original(checkpoint: Checkpoint) -> Contents:
    return Contents(
        config=read_config(checkpoint),
        weights=checkpoint.safetensors(),
        tokenizer=_read_tokenizer(checkpoint),
        has_encoder=True,
        origin=str(checkpoint.folder / "model.safetensors"),
    )


def _read_tokenizer(checkpoint: Checkpoint) -> Tokenizer:
    """The tokenizer, which some checkpoints have as a SentencePiece model."""
    if checkpoint.has("tokenizer.model") and not checkpoint.has("tokenizer.json"):
        return convert_sentencepiece(checkpoint.path("tokenizer.model"))
    return Tokenizer.from_file(str(checkpoint.path("tokenizer.json")))


def _settings(model: Model) -> dict[str, Any]:
    """The constants of the loop: what actors/families/pocket_tts/loop.py needs to know and must not type by hand."""
    config = model.config
    return {
        "latent_mean": model.latent_mean.tolist(),
        "latent_std": model.latent_std.tolist(),
        "layers": config.flow_lm.transformer.num_layers,
        "kv_heads": config.flow_lm.transformer.kv_heads,
        "head_dim": config.flow_lm.transformer.head_dim,
        "d_model": config.flow_lm.transformer.d_model,
        "conditioning": config.flow_lm.conditioning,
        "latent_dim": config.mimi.quantizer.dimension,
        "vocab_size": config.flow_lm.lookup_table.n_bins,
        "bos_before_voice_id": _bos_before_voice_id(config),
        "flow_type": config.flow_lm.flow.type,
        "frame_rate": config.mimi.frame_rate,
        "frame_size": config.mimi.frame_size,
        "max_positions": MAX_POSITIONS,
        "max_text_tokens": MAX_TEXT_TOKENS,
        **_LOOP,
        "lsd_steps": 16 if config.flow_lm.flow.type == "flow_matching" else 1,  # DEFAULT_SAMPLER_DECODE_STEPS; ot_decode's
        "temperature": config.default_temperature,
        "eos_threshold": config.default_eos_threshold,
        "frames_after_eos": config.model_recommended_frames_after_eos,
        "pad_with_spaces_for_short_inputs": config.pad_with_spaces_for_short_inputs,
        "remove_semicolons": config.remove_semicolons,
        "append_terminal_punctuation": config.append_terminal_punctuation,
        "capitalize_first_letter": config.capitalize_first_letter,
        "replace_characters": config.replace_characters,
    }


def _bos_before_voice_id(config: Config) -> int | None:
    return config.flow_lm.lookup_table.n_bins + 1 if config.flow_lm.insert_bos_before_voice else None


def load_model(contents: Contents) -> Model:
    """Build the modules of a checkpoint, whose weights are taken out of ``contents``.

    Raises:
        ExportError: a weight is missing or left over, or its shape is not the config's.
    """
    state = contents.weights
    try:
        model = _fill(contents, state)
    except KeyError as error:
        raise ExportError(f"{contents.origin} lacks the key {error}, which config.yaml asks for") from error
    if state:
        some = ", ".join(sorted(state)[:3])
        raise ExportError(f"{contents.origin} has weights that config.yaml says nothing about: {some}, …")
    return model


def _fill(contents: Contents, state: dict[str, Tensor]) -> Model:
    """Build the modules and load ``state`` into them, emptying it."""
    config, origin = contents.config, contents.origin
    lm, latent_dim = config.flow_lm, config.mimi.quantizer.dimension
    text_state = {"table.weight": _text_table(state, config)}
    flow_state = _flow_state(state, lm.flow)
    codec = {key.removeprefix("mimi."): state.pop(key) for key in list(state) if key.startswith("mimi.")}
    mean, deviation = state.pop("flow_lm.emb_mean"), state.pop("flow_lm.emb_std")
    codec |= {"speaker_proj_weight": state.pop("flow_lm.speaker_proj_weight"), "emb_mean": mean, "emb_std": deviation}
    encoder, decoder = load_mimi(config.mimi, lm.transformer.d_model, codec, origin, with_encoder=contents.has_encoder)
    frequencies = len(flow_state["time_embed.0.freqs"]) if lm.flow.times else 0
    model = Model(
        config,
        TextConditioner(len(text_state["table.weight"]), lm.transformer.d_model),
        Backbone(lm, latent_dim),
        FlowHead(lm, latent_dim, frequencies),
        encoder,
        decoder,
        mean,
        deviation,
    )
    load_weights(model.text, text_state, origin)
    load_weights(model.backbone, _backbone_state(state, lm), origin)
    load_weights(model.flow, flow_state, origin)
    state |= {f"mimi.{key}": tensor for key, tensor in codec.items()}
    return model


def _text_table(state: dict[str, Tensor], config: Config) -> Tensor:
    """The embedding of every id: those of the tokenizer, the padding, and what stands before a voice."""
    table = state.pop("flow_lm.conditioner.embed.weight")
    if config.flow_lm.lookup_table.rank is not None:
        table = table @ state.pop("flow_lm.conditioner.proj.weight").T
    if config.flow_lm.insert_bos_before_voice:
        table = torch.cat((table, state.pop("flow_lm.bos_before_voice")[0]))
    return table


def _backbone_state(state: dict[str, Tensor], config: FlowLMConfig) -> dict[str, Tensor]:
    renamed = {"bos_emb": state.pop("flow_lm.bos_emb"), "out_eos.bias": state.pop("flow_lm.out_eos.bias")}
    linears = ["input_linear", "out_eos", *(["z_proj"] if config.z_dim is not None else [])]
    renamed |= {f"{name}.weight": state.pop(f"flow_lm.{name}.weight").T.contiguous() for name in linears}
    norms = {"out_norm": "flow_lm.out_norm"}
    for i in range(config.transformer.num_layers):
        theirs, ours = f"flow_lm.transformer.layers.{i}", f"layers.{i}"
        norms |= {f"{ours}.{norm}": f"{theirs}.{norm}" for norm in ("norm1", "norm2")}
        for linear in ("self_attn.in_proj", "self_attn.out_proj", "linear1", "linear2"):
            weight = state.pop(f"{theirs}.{linear}.weight")
            renamed[f"{ours}.{linear.removeprefix('self_attn.')}.weight"] = weight.T.contiguous()
    for ours, theirs in norms.items():
        renamed |= {f"{ours}.{part}": state.pop(f"{theirs}.{part}") for part in ("weight", "bias")}
    return renamed


def _flow_state(state: dict[str, Tensor], config: FlowConfig) -> dict[str, Tensor]:
    prefix = "flow_lm.flow_net"
    renamed: dict[str, Tensor] = {}

    def linear(ours: str, theirs: str) -> None:
        renamed[f"{ours}.weight"] = state.pop(f"{prefix}.{theirs}.weight").T.contiguous()
        renamed[f"{ours}.bias"] = state.pop(f"{prefix}.{theirs}.bias")

    for i in range(config.times):
        ours, theirs = f"time_embed.{i}", f"time_embed.{i}"
        linear(f"{ours}.linear1", f"{theirs}.mlp.0")
        linear(f"{ours}.linear2", f"{theirs}.mlp.2")
        renamed[f"{ours}.freqs"] = state.pop(f"{prefix}.{theirs}.freqs")
        renamed[f"{ours}.alpha"] = state.pop(f"{prefix}.{theirs}.mlp.3.alpha")
    linear("cond_embed", "cond_embed")
    linear("input_proj", "input_proj")
    linear("final", "final_layer.linear")
    weights, biases = [], []
    for i in range(config.depth):
        theirs = f"{prefix}.res_blocks.{i}"
        linear(f"linear1.{i}", f"res_blocks.{i}.mlp.0")
        linear(f"linear2.{i}", f"res_blocks.{i}.mlp.2")
        renamed |= {f"norms.{i}.{part}": state.pop(f"{theirs}.in_ln.{part}") for part in ("weight", "bias")}
        weights.append(state.pop(f"{theirs}.adaLN_modulation.1.weight"))
        biases.append(state.pop(f"{theirs}.adaLN_modulation.1.bias"))
    weights.append(state.pop(f"{prefix}.final_layer.adaLN_modulation.1.weight"))
    biases.append(state.pop(f"{prefix}.final_layer.adaLN_modulation.1.bias"))
    one = torch.cat([torch.zeros(config.dim), torch.ones(config.dim), torch.zeros(config.dim)])  # shift, scale, gate
    biases = [bias + one[: len(bias)] for bias in biases]
    return renamed | {"modulation.weight": torch.cat(weights).T.contiguous(), "modulation.bias": torch.cat(biases)}


def _graphs(model: Model, layout: Layout) -> dict[str, Graph]:
    """The five graphs, or four without encoder, under the names of the public export (KevinAHM/pocket-tts-onnx)."""
    opset = {"opset": _OPSET_PORTABLE} if layout == "portable" else {}
    d_model = model.config.flow_lm.transformer.d_model
    graphs = {
        "text_conditioner": Graph(
            "text_conditioner",
            "text_conditioner.onnx",
            model.text,
            inputs=(Port("token_ids", ("batch", "tokens"), "int64"),),
            outputs=(Port("embeddings", ("batch", "tokens", d_model)),),
            **opset,
        ),
        "flow_lm_main": _server_main(model.backbone) if layout == "server" else _portable_main(model.backbone),
        "flow_lm_flow": _flow(model, **opset),
    }
    if model.encoder is not None:
        graphs["mimi_encoder"] = Graph(
            "mimi_encoder",
            "mimi_encoder.onnx",
            model.encoder,
            inputs=(Port("audio", ("batch", 1, "samples")),),
            outputs=(Port("latents", ("batch", "frames", d_model)),),
            **opset,
        )
    graphs["mimi_decoder"] = _server_decoder(model.decoder) if layout == "server" else _portable_decoder(model.decoder)
    return graphs


def _main_ports(backbone: Backbone) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    config = backbone.config
    inputs = (
        Port("sequence", ("batch", "frames", backbone.latent_dim)),
        Port("text_embeddings", ("batch", "tokens", config.transformer.d_model)),
    )
    return inputs, (Port("conditioning", ("batch", config.conditioning)), Port("eos_logit", ("batch", 1)))


def _server_main(backbone: Backbone) -> Graph:
    config = backbone.config.transformer
    inputs, outputs = _main_ports(backbone)
    cache = ("batch", config.kv_heads, "max_length", config.head_dim)
    names = [f"{part}.{i}" for i in range(config.num_layers) for part in ("key", "value")]
    return Graph(
        "flow_lm_main",
        "flow_lm_main.onnx",
        ServerMain(backbone),
        inputs=(
            *inputs,
            Port("seqlens_k", ("batch",), "int32"),
            Port("total_sequence_length", (), "int32"),
            *(Port(f"past_{name}", cache) for name in names),
        ),
        outputs=(*outputs, *(Port(f"present_{name}", cache) for name in names)),
    )


def _portable_main(backbone: Backbone) -> Graph:
    config = backbone.config.transformer
    inputs, outputs = _main_ports(backbone)
    cache = Port("", (2, "batch", "max_length", config.kv_heads, config.head_dim))
    state = (cache, Port("", ("batch",), "int64")) * config.num_layers
    return Graph(
        "flow_lm_main",
        "flow_lm_main.onnx",
        PortableMain(backbone),
        inputs=(*inputs, *_numbered("state_{}", state)),
        outputs=(*outputs, *_numbered("out_state_{}", state)),
        opset=_OPSET_PORTABLE,
    )


def _flow(model: Model, **opset: int) -> Graph:
    config, latent_dim = model.config.flow_lm, model.config.mimi.quantizer.dimension
    times = {"lsd": ("s", "t"), "flow_matching": ("t",)}.get(config.flow.type, ())
    return Graph(
        "flow_lm_flow",
        "flow_lm_flow.onnx",
        model.flow,
        inputs=(
            Port("c", ("batch", config.conditioning)),
            *(Port(time, ("batch", 1)) for time in times),
            Port("x", ("batch", latent_dim)),
        ),
        outputs=(Port("flow_dir", ("batch", latent_dim)),),
        **opset,
    )


def _decoder_state(decoder: Decoder) -> dict[str, Port]:
    """What the decoder carries from chunk to chunk, by name; zeros at the start."""
    floats = {name: Port(name, ("batch", *shape)) for name, shape in decoder.state_shapes.items()}
    return {"position": Port("position", ("batch",), "int64"), **floats}


def _server_decoder(decoder: Decoder) -> Graph:
    state = _decoder_state(decoder).items()
    return Graph(
        "mimi_decoder",
        "mimi_decoder.onnx",
        decoder,
        inputs=(
            Port("latent", ("batch", "frames", decoder.config.quantizer.dimension)),
            *(Port(f"past_{name}", port.axes, port.dtype) for name, port in state),
        ),
        outputs=(
            Port("audio", ("batch", 1, "samples")),
            *(Port(f"present_{name}", port.axes, port.dtype) for name, port in state),
        ),
    )


def _portable_decoder(decoder: Decoder) -> Graph:
    state = tuple(_decoder_state(decoder).values())
    return Graph(
        "mimi_decoder",
        "mimi_decoder.onnx",
        decoder,
        inputs=(
            Port("latent", ("batch", "frames", decoder.config.quantizer.dimension)),
            *_numbered("state_{}", state),
        ),
        outputs=(Port("audio_frame", ("batch", 1, "samples")), *_numbered("out_state_{}", state)),
        opset=_OPSET_PORTABLE,
    )


def _numbered(template: str, ports: Sequence[Port]) -> tuple[Port, ...]:
    return tuple(Port(template.format(i), port.axes, port.dtype) for i, port in enumerate(ports))


def _same_ends(threshold: float) -> Callable[[np.ndarray, np.ndarray], float]:
    """The share of frames, ``[frames, conditioning + 1]``, at which both say that speech ends, or that it does not."""
    return lambda want, got: float(((want[:, -1] > threshold) == (got[:, -1] > threshold)).mean())


class _Cases:
    """Example inputs: real sentences and random numbers, several lengths and batch sizes.

    Attributes:
        latents: ``[frames, latent]`` that PyTorch gives while it speaks each of the sentences without a voice.
        outputs: conditioning and the end's logit, ``[frames, conditioning + 1]``, of each sentence.
    """

    def __init__(self, model: Model, graphs: Mapping[str, Graph], layout: Layout, tokenizer: Tokenizer) -> None:
        self.config = model.config
        self.graphs = graphs
        self.layout = layout
        self.random = np.random.default_rng(0)
        self.prompts = [
            graphs["text_conditioner"].run({"token_ids": np.array([tokenizer.encode(text).ids])})["embeddings"]
            for text in _SENTENCES
        ]
        self.latents: list[np.ndarray] = []
        self.outputs: list[np.ndarray] = []
        for prompt in self.prompts:
            latents, outputs = self._speak(prompt)
            self.latents.append(latents)
            self.outputs.append(outputs)

    def all(self) -> dict[str, list[Case]]:
        """Return the cases of every graph."""
        return {
            "text_conditioner": self._text_conditioner(),
            "flow_lm_main": self._main(),
            "flow_lm_flow": self._flow(),
            "mimi_encoder": self._encoder(),
            "mimi_decoder": self._decoder(),
        }

    def speech(self) -> dict[str, Speech]:
        """Return what the stateful graphs give over whole sentences, with the state they carry themselves."""
        threshold = self.config.default_eos_threshold
        return {
            "flow_lm_main": Speech(
                np.concatenate(self.outputs),
                lambda run: np.concatenate([self._drive_main(run, i) for i in range(len(self.prompts))]),
                Agreement("eos_agreement", _same_ends(threshold)),
            ),
            "mimi_decoder": Speech(
                np.concatenate([self._decode(self.graphs["mimi_decoder"].run, x, _SPOKEN_FRAMES) for x in self.latents]),
                lambda run: np.concatenate([self._decode(run, x, _CHUNK_FRAMES) for x in self.latents]),
            ),
        }

    def _text_conditioner(self) -> list[Case]:
        """Ids up to the last row of the table, in two shapes."""
        rows = self.config.flow_lm.lookup_table.n_bins + 1 + self.config.flow_lm.insert_bos_before_voice
        arrays = [self.random.integers(0, rows, shape) for shape in ((1, 1), (1, 17), (3, 5))]
        return [Case(f"case {i}", {"token_ids": ids}) for i, ids in enumerate([*arrays, np.array([[0, rows - 1]])])]

    def _main(self) -> list[Case]:
        """Prefill of sentences and of random embeddings, one alone and several of one length; ragged steps.

        The server's caches are compared by speaking on with them: the unwritten part of a buffer means nothing.
        """
        outputs = ("conditioning", "eos_logit") if self.layout == "server" else None
        prefills = [self._prefill(prompt) for prompt in self.prompts]
        prefills += [self._prefill(self._noise(batch, tokens, self._d_model)) for batch, tokens in ((1, 5), (2, 17), (3, 40))]
        steps = [self._step(batch) for batch in (1, 2, 5)]
        return [Case(f"case {i}", feeds, outputs) for i, feeds in enumerate(prefills + steps)]

    def _flow(self) -> list[Case]:
        """What the model meets when it speaks, and random times and batches."""
        conditioning = self.config.flow_lm.conditioning
        spoken = [self._flow_feeds(outputs[:, :-1], (0.0, 1.0)) for outputs in self.outputs]
        noise = [self._flow_feeds(self._noise(batch, conditioning), (0.25, 0.75)) for batch in (1, 2, 7)]
        return [Case(f"case {i}", feeds, natural=i < len(spoken)) for i, feeds in enumerate(spoken + noise)]

    def _encoder(self) -> list[Case]:
        """Noise that fills its frames and noise that does not."""
        size = self.config.mimi.frame_size
        window = self.config.mimi.transformer.context // self.config.mimi.steps_per_frame + 2  # more frames than it sees
        shapes = ((1, 1, size), (1, 1, window * size + 77), (2, 1, 3 * size - 1))
        return [Case(f"case {i}", {"audio": 0.1 * self._noise(*shape)}) for i, shape in enumerate(shapes)]

    def _decoder(self) -> list[Case]:
        """Sentences from their start, and random latents in batches in the middle of a stream."""
        cases = [self._decoder_feeds(latents[None]) for latents in self.latents]
        cases += [self._decoder_feeds(self._noise(*shape, self._latent_dim), position=3) for shape in ((1, 1), (2, 3), (3, 9))]
        return [Case(f"case {i}", feeds, natural=i < len(self.latents)) for i, feeds in enumerate(cases)]

    @property
    def _d_model(self) -> int:
        return self.config.flow_lm.transformer.d_model

    @property
    def _latent_dim(self) -> int:
        return self.config.mimi.quantizer.dimension

    def _noise(self, *shape: int) -> np.ndarray:
        return self.random.standard_normal(shape).astype(np.float32)

    def _speak(self, prompt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Let PyTorch speak a prompt: one solver step per frame, from noise as the loop draws it."""
        main, flow = self.graphs["flow_lm_main"], self.graphs["flow_lm_flow"]
        latents, outputs = [], []
        feeds = self._prefill(prompt)
        for _ in range(_SPOKEN_FRAMES):
            made = main.run(feeds)
            outputs.append(np.concatenate((made["conditioning"], made["eos_logit"]), axis=1))
            head = self._flow_feeds(made["conditioning"], (0.0, 1.0))
            direction = flow.run(head)["flow_dir"]
            latents.append(direction if self.config.flow_lm.flow.type == "drifting" else head["x"] + direction)
            feeds = self._following(feeds, made, latents[-1][:, None])
        return np.concatenate(latents), np.concatenate(outputs)

    def _drive_main(self, run: Run, sentence: int) -> np.ndarray:
        """Speak a sentence through ``run`` with PyTorch's latents and the cache that ``run`` makes itself."""
        feeds = self._prefill(self.prompts[sentence])
        outputs = []
        for latent in self.latents[sentence]:
            made = run(feeds)
            outputs.append(np.concatenate((made["conditioning"], made["eos_logit"]), axis=1))
            feeds = self._following(feeds, made, latent[None, None])
        return np.concatenate(outputs)

    def _following(
        self, feeds: Mapping[str, np.ndarray], made: Mapping[str, np.ndarray], latent: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Return the inputs of the step after ``feeds``, which gave ``made``."""
        graph = self.graphs["flow_lm_main"]
        following = {"sequence": latent, "text_embeddings": np.zeros((1, 0, self._d_model), np.float32)}
        if self.layout == "server":
            following["seqlens_k"] = feeds["seqlens_k"] + 1
            following["total_sequence_length"] = np.array(feeds["total_sequence_length"] + 1, np.int32)
        states = [port.name for port in graph.inputs if port.name not in following]
        carried = [made[port.name] for port in graph.outputs[2:]]
        return following | dict(zip(states, carried, strict=True))

    def _prefill(self, embeddings: np.ndarray) -> dict[str, np.ndarray]:
        """Text and the start of speech into empty caches."""
        batch, tokens = embeddings.shape[:2]
        start = np.full((batch, 1, self._latent_dim), np.nan, np.float32)
        lengths = np.zeros(batch, np.int32)
        return self._main_feeds(start, embeddings, lengths, tokens + 1 + _SPOKEN_FRAMES, fill=0.0)

    def _step(self, batch: int) -> dict[str, np.ndarray]:
        """One latent each for rows of different lengths, among them one that starts."""
        sequence = self._noise(batch, 1, self._latent_dim)
        sequence[0] = np.nan
        none = np.zeros((batch, 0, self._d_model), np.float32)
        return self._main_feeds(sequence, none, self.random.integers(3, 60, batch).astype(np.int32), 64, fill=1.0)

    def _main_feeds(
        self, sequence: np.ndarray, embeddings: np.ndarray, lengths: np.ndarray, max_length: int, fill: float
    ) -> dict[str, np.ndarray]:
        """Inputs for rows of ``lengths`` so far, with caches of normal noise of standard deviation ``fill``."""
        feeds = {"sequence": sequence, "text_embeddings": embeddings}
        after = lengths + np.int32(sequence.shape[1] + embeddings.shape[1])
        if self.layout == "server":
            feeds |= {"seqlens_k": after - np.int32(1), "total_sequence_length": np.array(after.max())}
        for port in self.graphs["flow_lm_main"].inputs:
            if port.name not in feeds:
                sizes = {"batch": len(lengths), "max_length": max_length}
                shape = [axis if isinstance(axis, int) else sizes[axis] for axis in port.axes]
                feeds[port.name] = fill * self._noise(*shape) if port.dtype == "float32" else lengths.astype(np.int64)
        return feeds

    def _flow_feeds(self, conditioning: np.ndarray, times: tuple[float, float]) -> dict[str, np.ndarray]:
        """Inputs of the head with noise as the loop draws it; ``times`` are where the solver's step starts and ends."""
        batch = len(conditioning)
        deviation = np.float32(math.sqrt(self.config.default_temperature))
        feeds = {"c": conditioning, "x": deviation * self._noise(batch, self._latent_dim)}
        for port in self.graphs["flow_lm_flow"].inputs[1:-1]:
            start, end = times
            feeds[port.name] = np.full((batch, 1), end if (port.name, len(feeds)) == ("t", 3) else start, np.float32)
        return feeds

    def _decoder_feeds(self, latents: np.ndarray, position: int = 0) -> dict[str, np.ndarray]:
        """Inputs of the decoder at ``position`` frames, with a past of noise unless that is the start."""
        batch = len(latents)
        feeds = {"latent": latents}
        for port in self.graphs["mimi_decoder"].inputs[1:]:
            if port.dtype == "int64":
                feeds[port.name] = np.full(batch, position)
            else:
                shape = [batch, *(axis for axis in port.axes if isinstance(axis, int))]
                feeds[port.name] = self._noise(*shape) if position else np.zeros(shape, np.float32)
        return feeds

    def _decode(self, run: Run, latents: np.ndarray, chunk: int) -> np.ndarray:
        """Decode ``[frames, latent]`` to samples, ``chunk`` frames at a time."""
        graph = self.graphs["mimi_decoder"]
        feeds = self._decoder_feeds(latents[None, :chunk])
        audio = []
        for start in range(0, len(latents), chunk):
            feeds["latent"] = latents[None, start : start + chunk]
            made = run(feeds)
            audio.append(made[graph.outputs[0].name][0, 0])
            carried = zip(graph.inputs[1:], graph.outputs[1:], strict=True)
            feeds |= {port.name: made[output.name] for port, output in carried}
        return np.concatenate(audio)

"""VibeVoice-Realtime (microsoft/VibeVoice-Realtime-0.5B): two stacked Qwen2 backbones, a diffusion head and a sigma-VAE.

Source: microsoft/VibeVoice ``vibevoice/modular/modeling_vibevoice_streaming*.py`` and ``modular_vibevoice_diffusion_head.py``
(MIT), and transformers' ``models/qwen2``. Every size is read from the checkpoint's ``config.json``; every tensor of its
safetensors, which have the original's names, is used but for the one table that the original never reads.
"""

import io
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from actors.bundle import Layout
from actors.errors import ExportError
from actors.families.vibevoice_realtime import FAMILY
from exporter.build import Export
from exporter.checkpoints import Checkpoint, download_file, load_weights
from exporter.graphs import OPSET, Graph, Port
from exporter.layers import Linear, RMSNorm
from exporter.qwen2 import Backbone, Qwen2Config, backbone_state, positions_of
from exporter.vibevoice_realtime_cases import PortableCases, ServerCases
from exporter.vibevoice_vae import Connector, Decoder, Part, VAEConfig, connector_state, decoder_state, start
from exporter.vibevoice_voices import find_presets, with_presets

logger = logging.getLogger(__name__)

FILES: tuple[str, ...] = (
    "config.json",
    "model*.safetensors",
    "model.safetensors.index.json",
    "preprocessor_config.json",
    "tokenizer.json",
    "*.pt",
)

# The loop's constants: modeling_vibevoice_streaming_inference.py, and the demo's for what has no default that anybody uses.
_LOOP = {
    "text_window": 5,  # TTS_TEXT_WINDOW_SIZE
    "speech_window": 6,  # TTS_SPEECH_WINDOW_SIZE
    "cfg_scale": 1.5,  # demo/realtime_model_inference_from_file.py
    "steps": 5,  # the same: set_ddpm_inference_steps
}
_TOKENIZER_REPO = "Qwen/Qwen2.5-0.5B"  # whose vocabulary all models of Qwen2.5 share
_SAMPLE_RATE = 24000  # VibeVoiceTokenizerProcessor
# A text that needs more positions than the model has is cut at sentences. Speech is about 2.5 frames a token; twice that is
# room enough for the slowest.
_FRAMES_PER_TOKEN = 5
_VOICE_POSITIONS = 512  # for the prompt; the longest published preset has 303
_TIMESTEP_CHANNELS = 256  # TimestepEmbedder.frequency_embedding_size
_TIMESTEP_PERIOD = 10000.0
_COARSE_STAGES = 2  # of the decoder: 95 % of its weights, 30 % of its arithmetic, 2 % of its activations
_OPSET_PORTABLE = 18
_LM_SNR_FLOOR_DB = 20.0  # its states are not sound: twenty layers read them, whose decisions are measured too
_NARROW = 128


@dataclass(frozen=True)
class HeadConfig:
    """The keys of ``diffusion_head_config`` that shape the head."""

    hidden_size: int
    latent_size: int
    head_layers: int
    head_ffn_ratio: float
    rms_norm_eps: float
    ddpm_num_steps: int

    @property
    def intermediate_size(self) -> int:
        """Channels of the feed-forward parts."""
        return int(self.hidden_size * self.head_ffn_ratio)


@dataclass(frozen=True)
class Config:
    """What is read of ``config.json``."""

    backbone: Qwen2Config
    lm_layers: int
    tts_layers: int
    head: HeadConfig
    decoder: VAEConfig


class TextLM(nn.Module):
    """The lower layers, which read text alone and have no norm at their end."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.backbone.vocab_size, config.backbone.hidden_size)
        self.backbone = Backbone(config.backbone, config.lm_layers)


class EndClassifier(nn.Module):
    """The logit of the end, from a final hidden state (BinaryClassifier)."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.fc1 = Linear(hidden_size, hidden_size, bias=True)
        self.fc2 = Linear(hidden_size, 1, bias=True)

    def forward(self, hidden_state: Tensor) -> Tensor:
        """Map ``[batch, hidden]`` to ``[batch, 1]``."""
        logit: Tensor = self.fc2(self.fc1(hidden_state).relu())
        return logit


class SpeechLM(nn.Module):
    """The upper layers with what surrounds them: they read the lower ones' text and the speech so far."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.backbone = Backbone(config.backbone, config.tts_layers)
        self.norm = RMSNorm(config.backbone.hidden_size, config.backbone.rms_norm_eps)


class PredictionHead(nn.Module):
    """A SwiGLU stack with adaptive norms (Peebles & Xie 2023): the diffusion's velocity. Every row stands alone.

    What all layers read of the condition is one matrix, and what the timesteps become is a table: there are but a thousand.
    """

    def __init__(self, config: HeadConfig) -> None:
        super().__init__()
        hidden = config.hidden_size
        self.config = config
        self.timesteps = nn.Embedding(config.ddpm_num_steps, hidden)
        self.noisy_images_proj = Linear(config.latent_size, hidden)
        self.cond_proj = Linear(hidden, hidden)
        self.modulation = Linear(hidden, (3 * config.head_layers + 2) * hidden, bias=True)  # scales with the 1 added to them
        self.norms = nn.ModuleList(RMSNorm(hidden, config.rms_norm_eps) for _ in range(config.head_layers))
        self.gate_up_proj = nn.ModuleList(Linear(hidden, 2 * config.intermediate_size) for _ in range(config.head_layers))
        self.down_proj = nn.ModuleList(Linear(config.intermediate_size, hidden) for _ in range(config.head_layers))
        self.final_norm = RMSNorm(hidden, config.rms_norm_eps)  # of weight one: the original's has none
        self.final = Linear(hidden, config.latent_size)

    def forward(self, noisy_latent: Tensor, timestep: Tensor, conditioning: Tensor) -> Tensor:
        """Map latents ``[batch, latent]``, timesteps ``[batch]`` and conditions ``[batch, hidden]`` to ``[batch, latent]``."""
        condition = self.cond_proj(conditioning) + self.timesteps(timestep)
        *modulations, shift, scale = self.modulation(nn.functional.silu(condition)).split(self.config.hidden_size, dim=-1)
        x = self.noisy_images_proj(noisy_latent)
        for i, (norm, gate_up, down) in enumerate(zip(self.norms, self.gate_up_proj, self.down_proj, strict=True)):
            layer_shift, layer_scale, layer_gate = modulations[3 * i : 3 * i + 3]
            gate, up = gate_up(norm(x) * layer_scale + layer_shift).chunk(2, dim=-1)
            x = x + layer_gate * down(nn.functional.silu(gate) * up)
        velocity: Tensor = self.final(self.final_norm(x) * scale + shift)
        return velocity


@dataclass(frozen=True)
class Model:
    """A checkpoint as torch modules. ``types`` ``[2, hidden]``: what is added to the embedding of speech, and of text."""

    config: Config
    lm: TextLM
    tts: SpeechLM
    types: Tensor
    connector: Connector
    end: EndClassifier
    head: PredictionHead
    decoder: Decoder
    speech_scaling_factor: float
    speech_bias_factor: float


class ServerLM(nn.Module):
    """Text to what the upper layers read of it: the lower layers' hidden states with the type of text added."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.lm = model.lm
        self.text_type = nn.Parameter(model.types[1], requires_grad=False)

    def forward(self, input_ids: Tensor, seqlens_k: Tensor, total_sequence_length: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """Map ids ``[batch, tokens]`` to ``[batch, tokens, hidden]`` and the caches."""
        embeddings = self.lm.embed_tokens(input_ids)
        hidden, present = self.lm.backbone.run_in_slots(embeddings, seqlens_k, total_sequence_length, past)
        return hidden + self.text_type, *present


class ServerTTS(nn.Module):
    """One graph for windows of text and for frames: what the last position of each row leads to, caches in place."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.tts, self.connector, self.end = model.tts, model.connector, model.end
        self.speech_type = nn.Parameter(model.types[0], requires_grad=False)

    def forward(
        self, text: Tensor, latents: Tensor, seqlens_k: Tensor, total_sequence_length: Tensor, *past: Tensor
    ) -> tuple[Tensor, ...]:
        """Run positions: text ``[batch, tokens, hidden]`` and then latents ``[batch, frames, latent]``, either may be none."""
        speech = self.connector(latents.flatten(0, 1)) + self.speech_type
        embeddings = torch.cat((text, speech.view(*latents.shape[:2], text.shape[2])), dim=1)
        hidden, present = self.tts.backbone.run_in_slots(embeddings, seqlens_k, total_sequence_length, past)
        condition = self.tts.norm(hidden[:, -1])
        return condition, self.end(condition), *present


class ServerLatentDecoder(nn.Module):
    """The language model's latents to the decoder's coarse features: few steps, large weights."""

    def __init__(self, model: Model, part: Part) -> None:
        super().__init__()
        self.coarse = part
        self.scale, self.bias = model.speech_scaling_factor, model.speech_bias_factor

    def forward(self, latent: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """Map ``[batch, frames, latent]`` to ``[batch, steps, channels]`` and ``past`` to that for the next chunk."""
        made: tuple[Tensor, ...] = self.coarse(latent / self.scale - self.bias, *past)
        return made


class ServerAcousticDecoder(nn.Module):
    """Coarse features to samples: small weights, many steps."""

    def __init__(self, part: Part) -> None:
        super().__init__()
        self.fine = part

    def forward(self, features: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """Map ``[batch, steps, channels]`` to samples ``[batch, samples]`` and ``past`` to that for the next chunk."""
        audio, *present = self.fine(features, *past)
        return audio.flatten(1), *present


def _run_growing(
    backbone: Backbone, embeddings: Tensor, attention_mask: Tensor, position_ids: Tensor, keys: Tensor, values: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Run behind caches that the public contract holds in one tensor, ``[layers, batch, kv_heads, past, head_dim]``."""
    hidden, new_keys, new_values = backbone.run_growing(
        embeddings, attention_mask, position_ids, keys.unbind(), values.unbind()
    )
    return hidden, torch.stack(new_keys), torch.stack(new_values)


class PortableLM(nn.Module):
    """The public contract of the lower layers. Positions follow from the mask: rows may be padded on the left."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.lm = model.lm

    def forward(self, input_ids: Tensor, attention_mask: Tensor, past_keys: Tensor, past_values: Tensor) -> tuple[Tensor, ...]:
        """Map ids ``[batch, sequence]`` to hidden states and the grown caches."""
        position_ids = positions_of(attention_mask, input_ids.shape[1])
        embeddings = self.lm.embed_tokens(input_ids)
        return _run_growing(self.lm.backbone, embeddings, attention_mask, position_ids, past_keys, past_values)


class PortableTTS(nn.Module):
    """The public contract of the upper layers, for windows of text and for frames."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.tts = model.tts

    def forward(
        self, inputs_embeds: Tensor, attention_mask: Tensor, position_ids: Tensor, past_keys: Tensor, past_values: Tensor
    ) -> tuple[Tensor, ...]:
        """Map embeddings ``[batch, sequence, hidden]``, types added, to hidden states and the grown caches."""
        hidden, *present = _run_growing(self.tts.backbone, inputs_embeds, attention_mask, position_ids, past_keys, past_values)
        return self.tts.norm(hidden), *present


class PortableDecoder(nn.Module):
    """The public contract of the decoder: channel-first, all frames at once, scaled latents."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, latent: Tensor) -> Tensor:
        """Map ``latent / scaling factor - bias factor``, ``[batch, latent, frames]``, to ``[batch, 1, samples]``."""
        x = latent.transpose(1, 2)
        audio: Tensor = self.decoder(x, *start(self.decoder.state_shapes, x))[0]
        return audio.unsqueeze(1)


def load(checkpoint: Checkpoint, layout: Layout) -> Export:
    """Read a VibeVoice-Realtime checkpoint (the files in ``FILES``) and declare its graphs in ``layout``."""
    config = _read_config(checkpoint)
    model = _load_model(checkpoint, config)
    declare, examples = (_server_graphs, ServerCases) if layout == "server" else (_portable_graphs, PortableCases)
    graphs = declare(model)
    cases = examples(graphs, config.backbone.vocab_size, config.head.ddpm_num_steps)
    export = Export(
        family=FAMILY.name,
        sample_rate=_SAMPLE_RATE,
        voices=[],
        graphs=graphs,
        example_sizes={"batch": 2, "tokens": 3, "frames": 4, "steps": 16, "max_length": 24, "past": 5, "total": 8},
        settings=_settings(model),
        files=_files(checkpoint, model, layout),
        cases=cases.all(),
        speech=cases.speech(),
        audio=cases.audio,
        keep_float32=("end.",),
        io_float32=[port.name for graph in graphs.values() for port in (*graph.inputs, *graph.outputs) if not _is_cache(port)],
        source=checkpoint.source,
        snr_floors_db=dict.fromkeys(("lm", "lm_with_kv"), _LM_SNR_FLOOR_DB),
        # Few channels, read by everything behind them, and next to no arithmetic: where latents enter and where they leave.
        keep_from_int8=("connector.fc1.", "noisy_images_proj.", "final.", *_narrow_layers(model.decoder)),
        keep_in_turn={"prediction_head": [("modulation.", "cond_proj."), ("modulation.", "cond_proj.", "down_proj.")]},
    )
    return with_presets(export, checkpoint.folder, layout) if find_presets(checkpoint.folder) else export


def _narrow_layers(decoder: Decoder) -> list[str]:
    """The names, in the graph that makes samples, of layers so narrow that quantizing their rows takes as long as it saves."""
    _, fine = decoder.split(_COARSE_STAGES)
    return [f"fine.layers.{i}." for i, (_, channels) in enumerate(fine.state_shapes) if channels <= _NARROW]


def _files(checkpoint: Checkpoint, model: Model, layout: Layout) -> dict[str, Path | bytes]:
    """The tokenizer, which the original takes from another repository; and the types, for other loops."""
    files: dict[str, Path | bytes] = {}
    if (checkpoint.folder / "tokenizer.json").is_file():
        files["tokenizer.json"] = checkpoint.path("tokenizer.json")
    elif checkpoint.source.revision is not None:  # it comes from the hub, and so can this
        repo = checkpoint.json("preprocessor_config.json", optional=True).get("language_model_pretrained_name")
        files["tokenizer.json"] = download_file(repo or _TOKENIZER_REPO, "tokenizer.json")
    else:
        logger.warning("%s has no tokenizer.json (Qwen2.5's): the bundle will speak token ids only", checkpoint.folder)
    if layout == "portable":
        buffer = io.BytesIO()
        np.save(buffer, model.types.numpy())
        files["type_embeddings.npy"] = buffer.getvalue()
    return files


def _is_cache(port: Port) -> bool:
    return port.name.startswith(("past_", "present_", "new_"))


def _settings(model: Model) -> dict[str, Any]:
    """The constants of the loop: what actors/families/vibevoice_realtime/loop.py needs to know and must not type by hand."""
    config = model.config
    positions = config.backbone.max_position_embeddings
    room = max(positions - _VOICE_POSITIONS, positions // 2)
    return {
        "vocab_size": config.backbone.vocab_size,
        "hidden_size": config.backbone.hidden_size,
        "kv_heads": config.backbone.num_key_value_heads,
        "head_dim": config.backbone.head_dim,
        "lm_layers": config.lm_layers,
        "tts_layers": config.tts_layers,
        "latent_dim": config.head.latent_size,
        "frame_size": config.decoder.frame_size,
        "feature_steps": math.prod(config.decoder.ratios[: _COARSE_STAGES - 1]),
        "max_positions": positions,
        "max_text_tokens": room // (1 + _FRAMES_PER_TOKEN),
        "train_steps": config.head.ddpm_num_steps,
        "speech_scaling_factor": model.speech_scaling_factor,
        "speech_bias_factor": model.speech_bias_factor,
        **_LOOP,
    }


def _read_config(checkpoint: Checkpoint) -> Config:
    path = checkpoint.folder / "config.json"
    raw = checkpoint.json("config.json")
    if raw.get("model_type") != "vibevoice_streaming":
        raise ExportError(f"{path}: model_type is {raw.get('model_type')!r}, not 'vibevoice_streaming'")
    try:
        lm, head = raw["decoder_config"], raw["diffusion_head_config"]
        _check_supported(lm, head)
        tts_layers = int(raw["tts_backbone_num_hidden_layers"])
        return Config(
            backbone=Qwen2Config(
                **{name: lm[name] for name in Qwen2Config.__annotations__ if name != "head_dim"},
                head_dim=lm["hidden_size"] // lm["num_attention_heads"],
            ),
            lm_layers=int(lm["num_hidden_layers"]) - tts_layers,
            tts_layers=tts_layers,
            head=HeadConfig(**{name: head[name] for name in HeadConfig.__annotations__}),
            decoder=VAEConfig.of(raw["acoustic_tokenizer_config"], "decoder"),
        )
    except (KeyError, TypeError) as error:
        raise ExportError(f"{path} lacks a key of a VibeVoice-Realtime model: {error}") from error
    except ValueError as error:
        raise ExportError(f"{path} is of a model that cannot be exported: {error}") from error


def _check_supported(lm: Mapping[str, Any], head: Mapping[str, Any]) -> None:
    for section, key, supported in (
        (lm, "hidden_act", "silu"),
        (lm, "tie_word_embeddings", False),
        (head, "prediction_type", "v_prediction"),
        (head, "ddpm_beta_schedule", "cosine"),
    ):
        if section[key] != supported:
            raise ValueError(f"{key} is {section[key]!r}, only {supported!r} is supported")


def _load_model(checkpoint: Checkpoint, config: Config) -> Model:
    origin = str(checkpoint.folder / "model.safetensors")
    state = checkpoint.safetensors()
    try:
        model = _fill(config, state, origin)
    except KeyError as error:
        raise ExportError(f"{origin} lacks the key {error}, which config.json asks for") from error
    if state:
        raise ExportError(f"{origin} has weights that config.json says nothing about: {', '.join(sorted(state)[:3])}, …")
    return model


def _fill(config: Config, state: dict[str, Tensor], origin: str) -> Model:
    """Build the modules and load ``state`` into them, emptying it."""
    hidden = config.backbone.hidden_size
    state.pop("model.tts_language_model.embed_tokens.weight")  # never read: the upper layers get embeddings
    model = Model(
        config,
        TextLM(config),
        SpeechLM(config),
        state.pop("model.tts_input_types.weight"),
        Connector(config.head.latent_size, hidden),
        EndClassifier(hidden),
        PredictionHead(config.head),
        Decoder(config.decoder),
        float(state.pop("model.speech_scaling_factor")),
        float(state.pop("model.speech_bias_factor")),
    )
    lm = _backbone(state, "model.language_model.", config.lm_layers)
    load_weights(model.lm, lm | {"embed_tokens.weight": state.pop("model.language_model.embed_tokens.weight")}, origin)
    tts = _backbone(state, "model.tts_language_model.", config.tts_layers)
    load_weights(model.tts, tts | {"norm.weight": state.pop("model.tts_language_model.norm.weight")}, origin)
    load_weights(model.connector, connector_state(state.pop, "model.acoustic_connector."), origin)
    load_weights(model.end, _linears(state, "tts_eos_classifier.", ("fc1", "fc2")), origin)
    load_weights(model.head, _head_state(state, "model.prediction_head.", config.head), origin)
    load_weights(model.decoder, decoder_state(state, "model.acoustic_tokenizer.decoder.", config.decoder), origin)
    return model


def _backbone(state: dict[str, Tensor], prefix: str, layers: int) -> dict[str, Tensor]:
    return {f"backbone.{name}": tensor for name, tensor in backbone_state(state.pop, prefix, layers).items()}


def _linears(state: dict[str, Tensor], prefix: str, names: Sequence[str]) -> dict[str, Tensor]:
    weights = {f"{name}.weight": state.pop(f"{prefix}{name}.weight").T.contiguous() for name in names}
    return weights | {f"{name}.bias": state.pop(f"{prefix}{name}.bias") for name in names}


def _head_state(state: dict[str, Tensor], prefix: str, config: HeadConfig) -> dict[str, Tensor]:
    def pop(name: str) -> Tensor:
        return state.pop(f"{prefix}{name}.weight").T.contiguous()

    renamed = {
        "timesteps.weight": _timestep_table(pop("t_embedder.mlp.0"), pop("t_embedder.mlp.2"), config.ddpm_num_steps),
        "noisy_images_proj.weight": pop("noisy_images_proj"),
        "cond_proj.weight": pop("cond_proj"),
        "final_norm.weight": torch.ones(config.hidden_size),
        "final.weight": pop("final_layer.linear"),
    }
    modulations = []
    for i in range(config.head_layers):
        renamed[f"norms.{i}.weight"] = state.pop(f"{prefix}layers.{i}.norm.weight")
        gate_up = [pop(f"layers.{i}.ffn.gate_proj"), pop(f"layers.{i}.ffn.up_proj")]
        renamed[f"gate_up_proj.{i}.weight"] = torch.cat(gate_up, dim=1)
        renamed[f"down_proj.{i}.weight"] = pop(f"layers.{i}.ffn.down_proj")
        modulations.append(pop(f"layers.{i}.adaLN_modulation.1"))
    modulations.append(pop("final_layer.adaLN_modulation.1"))
    renamed["modulation.weight"] = torch.cat(modulations, dim=1)
    zero, one = torch.zeros(config.hidden_size), torch.ones(config.hidden_size)
    shift_scale_gate = (zero, one, zero)
    renamed["modulation.bias"] = torch.cat((*shift_scale_gate * config.head_layers, *shift_scale_gate[:2]))
    return renamed


def _timestep_table(first: Tensor, second: Tensor, steps: int) -> Tensor:
    """What the timestep embedder makes of 0, 1, … (modular_vibevoice_diffusion_head.py: TimestepEmbedder)."""
    half = _TIMESTEP_CHANNELS // 2
    frequency = torch.exp(-math.log(_TIMESTEP_PERIOD) * torch.arange(half, dtype=torch.float32) / half)
    angle = torch.arange(steps, dtype=torch.float32)[:, None] * frequency
    return nn.functional.silu(torch.cat((angle.cos(), angle.sin()), dim=-1) @ first) @ second


def _server_graphs(model: Model) -> dict[str, Graph]:
    """The five graphs of the engine. The connector and the end's classifier are part of the speech model's."""
    return {
        "lm": _server_lm(model),
        "tts_lm": _server_tts(model),
        "prediction_head": _prediction_head(model),
        **_server_decoders(model),
    }


def _server_lm(model: Model) -> Graph:
    config = model.config.backbone
    lengths, past, present = config.slot_ports(model.config.lm_layers)
    return Graph(
        "lm",
        "lm.onnx",
        ServerLM(model),
        inputs=(Port("input_ids", ("batch", "tokens"), "int64"), *lengths, *past),
        outputs=(Port("text", ("batch", "tokens", config.hidden_size)), *present),
    )


def _server_tts(model: Model) -> Graph:
    config = model.config.backbone
    lengths, past, present = config.slot_ports(model.config.tts_layers)
    return Graph(
        "tts_lm",
        "tts_lm.onnx",
        ServerTTS(model),
        inputs=(
            Port("text", ("batch", "tokens", config.hidden_size)),
            Port("latents", ("batch", "frames", model.config.head.latent_size)),
            *lengths,
            *past,
        ),
        outputs=(Port("condition", ("batch", config.hidden_size)), Port("eos_logit", ("batch", 1)), *present),
    )


def _prediction_head(model: Model, opset: int = OPSET) -> Graph:
    """The head, under its public names in both layouts."""
    config = model.config.head
    return Graph(
        "prediction_head",
        "prediction_head.onnx",
        model.head,
        inputs=(
            Port("noisy_latent", ("batch", config.latent_size)),
            Port("timestep", ("batch",), "int64"),
            Port("conditioning", ("batch", config.hidden_size)),
        ),
        outputs=(Port("predicted_noise", ("batch", config.latent_size)),),
        opset=opset,
    )


def _server_decoders(model: Model) -> dict[str, Graph]:
    """The decoder as two graphs, which want chunks of different lengths: the one many frames, the other few."""
    coarse, fine = model.decoder.split(_COARSE_STAGES)
    features = Port("features", ("batch", "steps", model.decoder.config.widths[_COARSE_STAGES - 1]))
    latent = Port("latent", ("batch", "frames", model.config.head.latent_size))
    audio = Port("audio", ("batch", "samples"))
    return {
        "latent_decoder": _decoder_graph("latent_decoder", ServerLatentDecoder(model, coarse), coarse, latent, features),
        "acoustic_decoder": _decoder_graph("acoustic_decoder", ServerAcousticDecoder(fine), fine, features, audio),
    }


def _decoder_graph(name: str, module: nn.Module, part: Part, reads: Port, writes: Port) -> Graph:
    state = [(f"conv.{i}", ("batch", *shape)) for i, shape in enumerate(part.state_shapes)]
    return Graph(
        name,
        f"{name}.onnx",
        module,
        inputs=(reads, *(Port(f"past_{key}", axes) for key, axes in state)),
        outputs=(writes, *(Port(f"present_{key}", axes) for key, axes in state)),
    )


def _portable_graphs(model: Model) -> dict[str, Graph]:
    """The seven graphs of the public export (ElBruno.VibeVoiceTTS), with batch and sequence axes that work."""
    hidden, latent = model.config.backbone.hidden_size, model.config.head.latent_size
    embeddings = Port("inputs_embeds", ("batch", "tokens", hidden))
    positions = Port("position_ids", ("batch", "tokens"), "int64")
    ids = Port("input_ids", ("batch", "tokens"), "int64")
    tts = model.config.tts_layers

    def rowwise(name: str, module: nn.Module, reads: Port, writes: Port) -> Graph:
        return Graph(name, f"{name}.onnx", module, inputs=(reads,), outputs=(writes,), opset=_OPSET_PORTABLE)

    return {
        "lm_with_kv": _growing("lm_with_kv", PortableLM(model), model.config.backbone, model.config.lm_layers, ids),
        "tts_lm_prefill": _growing("tts_lm_prefill", PortableTTS(model), model.config.backbone, tts, embeddings, positions),
        "tts_lm_step": _growing("tts_lm_step", PortableTTS(model), model.config.backbone, tts, embeddings, positions),
        "prediction_head": _prediction_head(model, _OPSET_PORTABLE),
        "acoustic_connector": rowwise(
            "acoustic_connector",
            model.connector,
            Port("speech_latent", ("batch", latent)),
            Port("embedding", ("batch", hidden)),
        ),
        "eos_classifier": rowwise(
            "eos_classifier", model.end, Port("hidden_state", ("batch", hidden)), Port("logit", ("batch", 1))
        ),
        "acoustic_decoder": rowwise(
            "acoustic_decoder",
            PortableDecoder(model.decoder),
            Port("latent", ("batch", latent, "frames")),
            Port("waveform", ("batch", 1, "samples")),
        ),
    }


def _growing(name: str, module: nn.Module, config: Qwen2Config, layers: int, reads: Port, *positions: Port) -> Graph:
    def cache(length: str) -> tuple[int | str, ...]:
        return layers, "batch", config.num_key_value_heads, length, config.head_dim

    return Graph(
        name,
        f"{name}.onnx",
        module,
        inputs=(
            reads,
            Port("attention_mask", ("batch", "total"), "int64"),
            *positions,
            Port("past_keys", cache("past")),
            Port("past_values", cache("past")),
        ),
        outputs=(
            Port("hidden_states", ("batch", "tokens", config.hidden_size)),
            Port("new_keys", cache("total")),
            Port("new_values", cache("total")),
        ),
        opset=_OPSET_PORTABLE,
    )

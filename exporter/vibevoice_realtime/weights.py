"""VibeVoice-Realtime's weights, from the original's names and orientation to ours."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from actors.errors import ExportError
from exporter.checkpoints import Checkpoint, load_weights
from exporter.qwen import backbone_state
from exporter.vae import Connector, Decoder, connector_state, decoder_state
from exporter.vibevoice_realtime.config import Config, HeadConfig
from exporter.vibevoice_realtime.modules import EndClassifier, Model, PredictionHead, SpeechLM, TextLM

_TIMESTEP_CHANNELS = 256  # TimestepEmbedder.frequency_embedding_size
_TIMESTEP_PERIOD = 10000.0


def load_model(checkpoint: Checkpoint, config: Config) -> Model:
    """Read the weights.

    Raises:
        ExportError: one is missing or left over, or its shape is not the configuration's.
    """
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

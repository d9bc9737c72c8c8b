"""What VibeVoice-Realtime's ``config.json`` says, and the files it is among."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from actors.errors import ExportError
from exporter.checkpoints import Checkpoint
from exporter.qwen import QwenConfig
from exporter.vae import VAEConfig

FILES: tuple[str, ...] = (
    "config.json",
    "model*.safetensors",
    "model.safetensors.index.json",
    "preprocessor_config.json",
    "tokenizer.json",
    "*.pt",
)


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

    backbone: QwenConfig
    lm_layers: int
    tts_layers: int
    head: HeadConfig
    decoder: VAEConfig


def read_config(checkpoint: Checkpoint) -> Config:
    """Read ``config.json``.

    Raises:
        ExportError: it is not a VibeVoice-Realtime model's, or of one that is not supported.
    """
    path = checkpoint.folder / "config.json"
    raw = checkpoint.json("config.json")
    if raw.get("model_type") != "vibevoice_streaming":
        raise ExportError(f"{path}: model_type is {raw.get('model_type')!r}, not 'vibevoice_streaming'")
    try:
        lm, head = raw["decoder_config"], raw["diffusion_head_config"]
        _check_supported(lm, head)
        tts_layers = int(raw["tts_backbone_num_hidden_layers"])
        return Config(
            backbone=QwenConfig(**QwenConfig.sizes(lm)),
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

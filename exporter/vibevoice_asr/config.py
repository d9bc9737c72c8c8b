"""What VibeVoice-ASR's ``config.json`` says, in either layout, and the files it is among."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from actors.errors import ExportError
from exporter.checkpoints import Checkpoint
from exporter.qwen import QwenConfig
from exporter.vae import EXPANSION, KERNEL, VAEConfig

FILES: tuple[str, ...] = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "*.safetensors",
    "*.safetensors.index.json",
)
AUDIO_TOKENS = {"audio_bos": "<|object_ref_start|>", "audio_eos": "<|object_ref_end|>", "audio": "<|box_start|>"}


@dataclass(frozen=True)
class Config:
    """What ``config.json`` says, in either layout. ``audio_ids`` are those of ``AUDIO_TOKENS`` that it names."""

    lm: QwenConfig
    lm_layers: int
    tie_word_embeddings: bool
    acoustic: VAEConfig
    semantic: VAEConfig
    audio_ids: Mapping[str, int]
    eos_ids: Collection[int]


def read_config(checkpoint: Checkpoint) -> Config:
    """Read ``config.json`` in either layout.

    Raises:
        ExportError: it is no VibeVoice-ASR model's, or lacks a key.
    """
    raw = checkpoint.json("config.json")
    generation = checkpoint.json("generation_config.json", optional=True)
    try:
        if "text_config" in raw:
            text = raw["text_config"]
            acoustic, semantic = (_hub_encoder(raw[f"{part}_tokenizer_encoder_config"]) for part in ("acoustic", "semantic"))
        else:
            text = raw["decoder_config"]
            acoustic, semantic = (VAEConfig.of(raw[f"{part}_tokenizer_config"], "encoder") for part in ("acoustic", "semantic"))
        return Config(
            lm=QwenConfig(**QwenConfig.sizes(text)),
            lm_layers=text["num_hidden_layers"],
            tie_word_embeddings=text["tie_word_embeddings"],
            acoustic=acoustic,
            semantic=semantic,
            audio_ids=_audio_ids(raw),
            eos_ids=_eos_ids(text, generation),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ExportError(
            f"{checkpoint.folder / 'config.json'} is not a VibeVoice-ASR model's, or lacks a key: {error!r}"
        ) from error


def _hub_encoder(section: Mapping[str, Any]) -> VAEConfig:
    if (section["kernel_size"], section["ffn_expansion"]) != (KERNEL, EXPANSION):
        raise ValueError(f"only kernels of {KERNEL} and feed-forward parts {EXPANSION} times as wide are supported")
    return VAEConfig(
        dimension=section["hidden_size"],
        n_filters=section["num_filters"],
        ratios=tuple(reversed(section["downsampling_ratios"])),
        depths=tuple(reversed(section["depths"])),
        eps=section["rms_norm_eps"],
    )


def _audio_ids(raw: Mapping[str, Any]) -> dict[str, int]:
    return {name: int(raw[f"{name}_token_id"]) for name in AUDIO_TOKENS if f"{name}_token_id" in raw}


def _eos_ids(text: Mapping[str, Any], generation: Mapping[str, Any]) -> set[int]:
    found: set[int] = set()
    for section in (text, generation):
        ids = section.get("eos_token_id")
        found.update([] if ids is None else ids if isinstance(ids, list) else [ids])
    return found

"""Writes the trained ear as a VibeVoice-ASR checkpoint, with the files and key names of microsoft/VibeVoice-ASR-HF."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor

from exporter.causal_conv import Conv
from exporter.vae import EXPANSION, KERNEL, Block, Encoder, VAEConfig
from training.ear.model import Trainee
from training.qwen import transformers_state

_CARD = """---
license: apache-2.0
model_name: speechmill/embedded-asr
language: en
---
The embedded ear of Speechmill: see `embedded/README.md` of its repository.
"""


def write(folder: Path, trainee: Trainee, tokenizer: Tokenizer) -> None:
    """Write the checkpoint in float16; files of the same name are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {key: tensor.half().contiguous() for key, tensor in _state(trainee).items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(_config(trainee), indent=1) + "\n")
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "README.md").write_text(_CARD)


def _config(trainee: Trainee) -> dict[str, Any]:
    lm = trainee.config.lm
    sizes = {name: getattr(lm, name) for name in lm.__annotations__ if name not in ("rope_theta", "qk_norm")}
    return {
        "architectures": ["VibeVoiceAsrForConditionalGeneration"],
        "model_type": "vibevoice_asr",
        "dtype": "float16",
        "text_config": {
            "model_type": "qwen2",
            **sizes,
            "num_hidden_layers": trainee.config.lm_layers,
            "hidden_act": "silu",
            "rope_parameters": {"rope_type": "default", "rope_theta": lm.rope_theta},
            "tie_word_embeddings": True,
        },
        "acoustic_tokenizer_encoder_config": _encoder_config(trainee.config.acoustic),
        "semantic_tokenizer_encoder_config": _encoder_config(trainee.config.semantic),
    }


def _encoder_config(config: VAEConfig) -> dict[str, Any]:
    return {
        "hidden_size": config.dimension,
        "num_filters": config.n_filters,
        "downsampling_ratios": config.ratios[::-1],
        "depths": config.depths[::-1],
        "kernel_size": KERNEL,
        "ffn_expansion": EXPANSION,
        "rms_norm_eps": config.eps,
    }


def _state(trainee: Trainee) -> dict[str, Tensor]:
    """The hub's key names and its orientation; the inverse of ``exporter.vibevoice_asr``'s reading."""
    trained = {name: tensor.detach().cpu() for name, tensor in trainee.state_dict().items()}
    state = {
        "language_model.model.embed_tokens.weight": trained["embedding"],
        "language_model.model.norm.weight": trained["norm.weight"],
    }
    for part, encoder in (("acoustic", trainee.encoder.acoustic), ("semantic", trainee.encoder.semantic)):
        state |= _encoder_state(trained, f"encoder.{part}.", encoder, f"{part}_tokenizer_encoder.")
        for ours, theirs in (("fc1", "linear_1"), ("fc2", "linear_2")):
            state |= _linear(trained, f"encoder.{part}_connector.{ours}.", f"multi_modal_projector.{part}_{theirs}.")
        state[f"multi_modal_projector.{part}_norm.weight"] = trained[f"encoder.{part}_connector.norm.weight"]
    return state | transformers_state(trainee.backbone, "language_model.model.")


def _encoder_state(trained: Mapping[str, Tensor], ours: str, encoder: Encoder, theirs: str) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    stages = iter([f"{theirs}stem.", *(f"{theirs}conv_layers.{i}." for i in range(len(encoder.config.ratios)))])
    stage, depth = "", 0
    last = len(encoder.layers) - 1
    for i, layer in enumerate(encoder.layers):
        key = f"{ours}layers.{i}."
        if isinstance(layer, Block):
            state |= _block_state(trained, key, f"{stage}stage.{depth}.")
            depth += 1
        elif isinstance(layer, Conv):
            stage, depth = (f"{theirs}head.", 0) if i == last else (next(stages), 0)
            name = f"{stage}conv." if i == last else f"{stage}conv.conv."
            weight = trained[f"{key}weight"].unflatten(0, (layer.taps * layer.stride, -1))
            state |= {f"{name}weight": weight.permute(2, 1, 0), f"{name}bias": trained[f"{key}bias"]}
        else:
            stage = next(stages)
            state |= {f"{stage}conv.conv.{name}": trained[f"{key}{name}"] for name in ("weight", "bias")}
    return state


def _block_state(trained: Mapping[str, Tensor], ours: str, theirs: str) -> dict[str, Tensor]:
    state = {f"{theirs}{norm}.weight": trained[f"{ours}{norm}.weight"] for norm in ("norm", "ffn_norm")}
    state |= {f"{theirs}mixer.conv.{name}": trained[f"{ours}mixer.{name}"] for name in ("weight", "bias")}
    for linear in ("linear1", "linear2"):
        state |= _linear(trained, f"{ours}{linear}.", f"{theirs}ffn.{linear}.")
    # The scales of the residual branches are in the weights already.
    return state | {f"{theirs}{gamma}": torch.ones_like(trained[f"{ours}mixer.bias"]) for gamma in ("gamma", "ffn_gamma")}


def _linear(trained: Mapping[str, Tensor], ours: str, theirs: str) -> dict[str, Tensor]:
    return {f"{theirs}weight": trained[f"{ours}weight"].T, f"{theirs}bias": trained[f"{ours}bias"]}

"""Writes the tiny VibeVoice-Realtime checkpoint of the tests: the fixture, and random weights for what it leaves out."""

import json
import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers


def write_tiny_vibevoice(fixture: Path, folder: Path) -> None:
    """Write a whole checkpoint: the fixture's files, weights of the VAE's decoder and a tokenizer of bytes."""
    shutil.copytree(fixture, folder, dirs_exist_ok=True)
    config = json.loads((folder / "config.json").read_bytes())["acoustic_tokenizer_config"]
    random = np.random.default_rng(0)
    state = load_file(folder / "model.safetensors")
    state["model.tts_language_model.embed_tokens.weight"] = np.zeros((512, 64), np.float32)
    for name, shape in _decoder_shapes(config).items():
        mean = 1.0 if name.endswith("norm.weight") else 0.0
        fan_in = math.prod(shape[1:]) if len(shape) > 1 else 25
        values = mean + random.standard_normal(shape) / math.sqrt(fan_in)
        state[f"model.acoustic_tokenizer.decoder.{name}"] = values.astype(np.float32)
    save_file(state, folder / "model.safetensors")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({character: i for i, character in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(str(folder / "tokenizer.json"))


def _decoder_shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the original's VAE decoder."""
    ratios, depths = config["decoder_ratios"], [int(depth) for depth in config["encoder_depths"].split("-")][::-1]
    width = config["decoder_n_filters"] * 2 ** len(ratios)
    shapes: dict[str, tuple[int, ...]] = {"upsample_layers.0.0.conv.conv.weight": (width, config["vae_dim"], 7)}
    shapes["upsample_layers.0.0.conv.conv.bias"] = (width,)
    for stage, depth in enumerate(depths):
        if stage:
            shapes[f"upsample_layers.{stage}.0.convtr.convtr.weight"] = (width, width // 2, 2 * ratios[stage - 1])
            width //= 2
            shapes[f"upsample_layers.{stage}.0.convtr.convtr.bias"] = (width,)
        for i in range(depth):
            block = f"stages.{stage}.{i}"
            vectors = ("norm.weight", "ffn_norm.weight", "gamma", "ffn_gamma", "mixer.conv.conv.conv.bias", "ffn.linear2.bias")
            shapes |= {f"{block}.{name}": (width,) for name in vectors}
            shapes[f"{block}.mixer.conv.conv.conv.weight"] = (width, 1, 7)
            shapes[f"{block}.ffn.linear1.weight"] = (4 * width, width)
            shapes[f"{block}.ffn.linear1.bias"] = (4 * width,)
            shapes[f"{block}.ffn.linear2.weight"] = (width, 4 * width)
    return shapes | {"head.conv.conv.weight": (1, width, 7), "head.conv.conv.bias": (1,)}

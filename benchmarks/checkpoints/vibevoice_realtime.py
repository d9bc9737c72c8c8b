"""Writes a VibeVoice-Realtime-0.5B checkpoint of random weights, and a voice: the original's config, names, shapes and dtype.

Weights are as large as keeps activations of a size; the speed does not depend on them. Needs the peer environment (torch,
transformers).
"""

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers.cache_utils import DynamicCache
from transformers.modeling_outputs import BaseModelOutputWithPast

HIDDEN, INTERMEDIATE, HEADS, KV_HEADS, VOCAB = 896, 4864, 14, 2, 151936
LM_LAYERS, TTS_LAYERS, HEAD_LAYERS, HEAD_RATIO, LATENT = 4, 20, 4, 3, 64
PROMPTS = {"lm": 74, "tts_lm": 251, "neg_lm": 1, "neg_tts_lm": 1}  # positions of the preset en-Emma_woman
FILTERS, RATIOS, DEPTHS, KERNEL = 32, (8, 5, 5, 4, 2, 2), (8, 3, 3, 3, 3, 3, 3), 7

# Published with the model (microsoft/VibeVoice-Realtime-0.5B, config.json), as far as it shapes anything.
CONFIG = {
    "model_type": "vibevoice_streaming",
    "acoustic_vae_dim": LATENT,
    "tts_backbone_num_hidden_layers": TTS_LAYERS,
    "acoustic_tokenizer_config": {
        "causal": True,
        "channels": 1,
        "conv_bias": True,
        "conv_norm": "none",
        "decoder_depths": None,
        "decoder_n_filters": FILTERS,
        "decoder_ratios": RATIOS,
        "disable_last_norm": True,
        "encoder_depths": "-".join(map(str, DEPTHS[::-1])),
        "encoder_n_filters": FILTERS,
        "encoder_ratios": RATIOS,
        "layernorm": "RMSNorm",
        "layernorm_eps": 1e-5,
        "mixer_layer": "depthwise_conv",
        "pad_mode": "constant",
        "vae_dim": LATENT,
    },
    "decoder_config": {
        "hidden_act": "silu",
        "hidden_size": HIDDEN,
        "intermediate_size": INTERMEDIATE,
        "max_position_embeddings": 8192,
        "num_attention_heads": HEADS,
        "num_hidden_layers": LM_LAYERS + TTS_LAYERS,
        "num_key_value_heads": KV_HEADS,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1000000.0,
        "tie_word_embeddings": False,
        "vocab_size": VOCAB,
    },
    "diffusion_head_config": {
        "ddpm_beta_schedule": "cosine",
        "ddpm_num_steps": 1000,
        "head_ffn_ratio": float(HEAD_RATIO),
        "head_layers": HEAD_LAYERS,
        "hidden_size": HIDDEN,
        "latent_size": LATENT,
        "prediction_type": "v_prediction",
        "rms_norm_eps": 1e-5,
    },
}


def linear(name: str, inputs: int, outputs: int, bias: bool = False) -> Iterator[tuple[str, Tensor]]:
    """Yield a weight ``[outputs, inputs]``, and a bias."""
    yield f"{name}.weight", torch.randn(outputs, inputs) / math.sqrt(inputs)
    if bias:
        yield f"{name}.bias", torch.zeros(outputs)


def language_model(prefix: str, layers: int) -> Iterator[tuple[str, Tensor]]:
    """Yield a Qwen2Model without its last norm."""
    yield f"{prefix}.embed_tokens.weight", torch.randn(VOCAB, HIDDEN)
    narrow = HIDDEN // HEADS * KV_HEADS
    for i in range(layers):
        layer = f"{prefix}.layers.{i}"
        yield f"{layer}.input_layernorm.weight", torch.ones(HIDDEN)
        yield f"{layer}.post_attention_layernorm.weight", torch.ones(HIDDEN)
        for part, width in (("q", HIDDEN), ("k", narrow), ("v", narrow)):
            yield from linear(f"{layer}.self_attn.{part}_proj", HIDDEN, width, bias=True)
        yield from linear(f"{layer}.self_attn.o_proj", HIDDEN, HIDDEN)
        for part in ("gate", "up"):
            yield from linear(f"{layer}.mlp.{part}_proj", HIDDEN, INTERMEDIATE)
        yield from linear(f"{layer}.mlp.down_proj", INTERMEDIATE, HIDDEN)


def prediction_head() -> Iterator[tuple[str, Tensor]]:
    """Yield the diffusion head."""
    prefix = "model.prediction_head"
    yield from linear(f"{prefix}.noisy_images_proj", LATENT, HIDDEN)
    yield from linear(f"{prefix}.cond_proj", HIDDEN, HIDDEN)
    yield from linear(f"{prefix}.t_embedder.mlp.0", 256, HIDDEN)
    yield from linear(f"{prefix}.t_embedder.mlp.2", HIDDEN, HIDDEN)
    for i in range(HEAD_LAYERS):
        layer = f"{prefix}.layers.{i}"
        yield f"{layer}.norm.weight", torch.ones(HIDDEN)
        yield from linear(f"{layer}.adaLN_modulation.1", HIDDEN, 3 * HIDDEN)
        for part in ("gate", "up"):
            yield from linear(f"{layer}.ffn.{part}_proj", HIDDEN, HEAD_RATIO * HIDDEN)
        yield from linear(f"{layer}.ffn.down_proj", HEAD_RATIO * HIDDEN, HIDDEN)
    yield from linear(f"{prefix}.final_layer.adaLN_modulation.1", HIDDEN, 2 * HIDDEN)
    yield from linear(f"{prefix}.final_layer.linear", HIDDEN, LATENT)


def decoder() -> Iterator[tuple[str, Tensor]]:
    """Yield the VAE's decoder."""
    prefix = "model.acoustic_tokenizer.decoder"
    width = FILTERS << len(RATIOS)
    yield f"{prefix}.upsample_layers.0.0.conv.conv.weight", torch.randn(width, LATENT, KERNEL) / math.sqrt(LATENT * KERNEL)
    yield f"{prefix}.upsample_layers.0.0.conv.conv.bias", torch.zeros(width)
    for stage, depth in enumerate(DEPTHS):
        if stage:
            kernel = 2 * RATIOS[stage - 1]
            convtr = f"{prefix}.upsample_layers.{stage}.0.convtr.convtr"
            yield f"{convtr}.weight", torch.randn(width, width // 2, kernel) / math.sqrt(2 * width)
            width //= 2
            yield f"{convtr}.bias", torch.zeros(width)
        for i in range(depth):
            block = f"{prefix}.stages.{stage}.{i}"
            for name in ("norm.weight", "ffn_norm.weight"):
                yield f"{block}.{name}", torch.ones(width)
            for name in ("gamma", "ffn_gamma"):
                yield f"{block}.{name}", torch.full((width,), 0.3)
            yield f"{block}.mixer.conv.conv.conv.weight", torch.randn(width, 1, KERNEL) / math.sqrt(KERNEL)
            yield f"{block}.mixer.conv.conv.conv.bias", torch.zeros(width)
            yield from linear(f"{block}.ffn.linear1", width, 4 * width, bias=True)
            yield from linear(f"{block}.ffn.linear2", 4 * width, width, bias=True)
    yield f"{prefix}.head.conv.conv.weight", torch.randn(1, width, KERNEL) / math.sqrt(width * KERNEL)
    yield f"{prefix}.head.conv.conv.bias", torch.zeros(1)


def everything() -> Iterator[tuple[str, Tensor]]:
    """Yield all 605 tensors."""
    yield from language_model("model.language_model", LM_LAYERS)
    yield from language_model("model.tts_language_model", TTS_LAYERS)
    yield "model.tts_language_model.norm.weight", torch.ones(HIDDEN)
    yield "model.tts_input_types.weight", 0.1 * torch.randn(2, HIDDEN)
    yield from linear("model.acoustic_connector.fc1", LATENT, HIDDEN, bias=True)
    yield from linear("model.acoustic_connector.fc2", HIDDEN, HIDDEN, bias=True)
    yield "model.acoustic_connector.norm.weight", torch.ones(HIDDEN)
    yield from linear("tts_eos_classifier.fc1", HIDDEN, HIDDEN, bias=True)
    yield from linear("tts_eos_classifier.fc2", HIDDEN, 1, bias=True)
    yield "model.speech_scaling_factor", torch.tensor(0.2333984375)
    yield "model.speech_bias_factor", torch.tensor(-0.0703125)
    yield from prediction_head()
    yield from decoder()


def branch(layers: int, positions: int) -> BaseModelOutputWithPast:
    """Return what a branch of a preset holds, in the form of the transformers release that the presets were made with."""
    cache = DynamicCache.__new__(DynamicCache)
    shape = (2, layers, 1, KV_HEADS, positions, HIDDEN // HEADS)
    keys, values = torch.randn(shape).bfloat16()
    cache.__dict__ = {"_seen_tokens": positions, "key_cache": [*keys.clone()], "value_cache": [*values.clone()]}
    hidden = torch.randn(1, positions, HIDDEN).bfloat16()
    return BaseModelOutputWithPast(last_hidden_state=hidden, past_key_values=cache)


def voice() -> dict[str, BaseModelOutputWithPast]:
    """Return a voice preset."""
    return {name: branch(TTS_LAYERS if "tts" in name else LM_LAYERS, positions) for name, positions in PROMPTS.items()}


def main(folder: Path) -> None:
    """Write ``config.json``, ``model.safetensors`` (2 GB) and ``voice.pt``."""
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2))
    save_file({name: tensor.bfloat16() for name, tensor in everything()}, folder / "model.safetensors")
    torch.save(voice(), folder / "voice.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

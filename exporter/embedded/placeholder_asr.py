"""A transcriber that has learnt nothing: the job's default until there is a trained one that is small enough to ship.

It is a VibeVoice-ASR checkpoint in the hub's layout with random encoders and a language model that always gives the same
answer, one segment that says ``[Unintelligible Speech]``. So a job can be tried from decoding to subtitles without a download.
``python -m exporter.embedded.placeholder_asr`` writes the checkpoint and the bundle anew.
"""

import itertools
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor

from exporter.build import build_bundle
from exporter.checkpoints import open_checkpoint
from exporter.vibevoice_asr import FILES, load
from exporter.vibevoice_vae import EXPANSION, KERNEL

NAME = "embedded-asr"
BUNDLE = Path(__file__).parent / "asr_bundle"

_ANSWER = ('[{"Start":0,', '"End":1,', '"Speaker":"N/A",', '"Content":"', "[Unintelligible Speech]", '"}]')
_SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>")

_HIDDEN = 64
_LM = {
    "hidden_size": _HIDDEN,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "rms_norm_eps": 1e-6,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6},
    "tie_word_embeddings": False,
    "max_position_embeddings": 16_384,
}
_RATIOS = (8, 5, 5, 4, 2, 2)  # large steps first: next to nothing runs at 24 kHz
_DEPTHS = (0, 1, 1, 1, 1, 1, 1)  # of the stem, and behind each downsampling
_ENCODER = {
    "num_filters": 1,
    "downsampling_ratios": _RATIOS,
    "depths": _DEPTHS,
    "kernel_size": KERNEL,
    "ffn_expansion": EXPANSION,
    "rms_norm_eps": 1e-5,
}
_LATENTS = {"acoustic": 8, "semantic": 16}
_CARD = """---
license: apache-2.0
model_name: speechmill/embedded-asr
---
A transcriber that has learnt nothing: whatever it hears, it answers [Unintelligible Speech].
"""


def write_checkpoint(folder: Path) -> None:
    """Write the checkpoint into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer()
    vocab_size = tokenizer.get_vocab_size()
    encoders: dict[str, Any] = {
        f"{name}_tokenizer_encoder_config": {**_ENCODER, "hidden_size": size} for name, size in _LATENTS.items()
    }
    config = {"model_type": "vibevoice_asr", "text_config": {**_LM, "vocab_size": vocab_size}, **encoders}
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    (folder / "README.md").write_text(_CARD)
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    weights = dict(_language_model(tokenizer, vocab_size))
    for name, size in _LATENTS.items():
        weights |= dict(_encoder(name, size))
    save_file({key: tensor.contiguous() for key, tensor in weights.items()}, folder / "model.safetensors")


def _tokenizer() -> Tokenizer:
    """Bytes, the special tokens of Qwen2 that a prompt needs, and the pieces of the answer."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: i for i, letter in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in _SPECIAL])
    tokenizer.add_tokens([AddedToken(piece, normalized=False) for piece in _ANSWER])
    return tokenizer


def _language_model(tokenizer: Tokenizer, vocab_size: int) -> Iterator[tuple[str, Tensor]]:
    """Yield weights with which every token is followed by the one behind it in the answer; a prompt ends with a line end."""
    embedding = torch.nn.functional.normalize(torch.randn(vocab_size, _HIDDEN), dim=1)
    said = [tokenizer.encode("\n").ids[-1], *(tokenizer.token_to_id(piece) for piece in _ANSWER)]
    said.append(tokenizer.token_to_id("<|im_end|>"))
    head = torch.zeros(vocab_size, _HIDDEN)
    for token, following in itertools.pairwise(said):
        head[following] += embedding[token]
    yield "language_model.model.embed_tokens.weight", embedding
    yield "language_model.lm_head.weight", head
    yield "language_model.model.norm.weight", torch.ones(_HIDDEN)
    layer = "language_model.model.layers.0"
    for name, heads in (("q", 4), ("k", 2), ("v", 2)):
        yield f"{layer}.self_attn.{name}_proj.weight", torch.randn(16 * heads, _HIDDEN) / 8
        yield f"{layer}.self_attn.{name}_proj.bias", torch.zeros(16 * heads)
    # What the layer adds is too little to change the answer.
    for name in ("self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"):
        yield f"{layer}.{name}.weight", torch.randn(_HIDDEN, _HIDDEN) / 100
    for name in ("input_layernorm", "post_attention_layernorm"):
        yield f"{layer}.{name}.weight", torch.ones(_HIDDEN)


def _encoder(part: str, latent_dim: int) -> Iterator[tuple[str, Tensor]]:
    """Yield random weights of an encoder and of its projector."""
    prefix, channels = f"{part}_tokenizer_encoder", 1
    yield from _conv(f"{prefix}.stem.conv.conv", 1, channels, KERNEL)
    for i, (ratio, depth) in enumerate(zip(_RATIOS, _DEPTHS[1:], strict=True)):
        yield from _conv(f"{prefix}.conv_layers.{i}.conv.conv", channels, 2 * channels, 2 * ratio)
        channels *= 2
        for j in range(depth):
            yield from _block(f"{prefix}.conv_layers.{i}.stage.{j}", channels)
    yield from _conv(f"{prefix}.head.conv", channels, latent_dim, KERNEL)
    for linear, width in (("linear_1", latent_dim), ("linear_2", _HIDDEN)):
        yield f"multi_modal_projector.{part}_{linear}.weight", torch.randn(_HIDDEN, width) * width**-0.5
        yield f"multi_modal_projector.{part}_{linear}.bias", torch.zeros(_HIDDEN)
    yield f"multi_modal_projector.{part}_norm.weight", torch.full((_HIDDEN,), 0.1)


def _conv(key: str, before: int, after: int, kernel: int) -> Iterator[tuple[str, Tensor]]:
    yield f"{key}.weight", torch.randn(after, before, kernel) * (before * kernel) ** -0.5
    yield f"{key}.bias", torch.zeros(after)


def _block(key: str, channels: int) -> Iterator[tuple[str, Tensor]]:
    yield from ((f"{key}.{norm}.weight", torch.ones(channels)) for norm in ("norm", "ffn_norm"))
    yield from ((f"{key}.{gamma}", torch.full((channels,), 0.5)) for gamma in ("gamma", "ffn_gamma"))
    yield f"{key}.mixer.conv.weight", torch.randn(channels, 1, KERNEL) / KERNEL**0.5
    yield f"{key}.mixer.conv.bias", torch.zeros(channels)
    for linear, wide in (("linear1", (EXPANSION * channels, channels)), ("linear2", (channels, EXPANSION * channels))):
        yield f"{key}.ffn.{linear}.weight", torch.randn(wide) * wide[1] ** -0.5
        yield f"{key}.ffn.{linear}.bias", torch.zeros(wide[0])


def main() -> None:
    """Write the bundle that ships with us anew; its folder must be empty."""
    with tempfile.TemporaryDirectory() as folder:
        write_checkpoint(Path(folder))
        build_bundle(load(open_checkpoint(folder, FILES), "server"), NAME, "fp32", "server", BUNDLE)


if __name__ == "__main__":
    main()

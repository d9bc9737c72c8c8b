"""Writes what was trained as a Soprano checkpoint, with the files and key names of ekwek/Soprano-1.1-80M."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from exporter.soprano.decoder import Decoder, InverseSTFT
from exporter.soprano.lm import LanguageModel
from training.qwen import transformers_state
from training.voice import codes
from training.voice.decoder import DECODER, GAIN
from training.voice.lm import CONFIG, MAX_LENGTH

_MAX_SENTENCE_CHARS = 150  # longer sentences are cut: the measured ones go up to here
LEVEL = 0.8  # of the target voice's: its loudest sentences reach 1.1
_CARD = """---
license: apache-2.0
model_name: speechmill/embedded
language: en
---
The embedded voice of Speechmill: see `embedded/README.md` of its repository.
"""


def write(folder: Path, lm: LanguageModel, decoder: Decoder) -> None:
    """Write the checkpoint in float16; files of the same name are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.half().contiguous() for name, tensor in _lm_state(lm).items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    torch.save({name: tensor.half() for name, tensor in _decoder_state(decoder).items()}, folder / "decoder.pth")
    codes.tokenizer().save(str(folder / "tokenizer.json"))
    own = {"upscale": DECODER.upscale, "sample_rate": DECODER.sample_rate}
    tokenizer = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": "[UNK]",
        "bos_token": "[STOP]",
        "eos_token": "[STOP]",
        "pad_token": "[STOP]",
        "padding_side": "left",
        "model_max_length": MAX_LENGTH,
        "max_sentence_chars": _MAX_SENTENCE_CHARS,
    }
    generation = {"eos_token_id": codes.STOP, "pad_token_id": codes.STOP}
    contents = {"config.json": _config(), "decoder_config.json": own, "tokenizer_config.json": tokenizer}
    for name, content in {**contents, "generation_config.json": generation}.items():
        (folder / name).write_text(json.dumps(content, indent=1) + "\n")
    (folder / "README.md").write_text(_CARD)


def _config() -> dict[str, Any]:
    """``config.json`` as transformers writes it for this Qwen3 model."""
    sizes = dataclasses.asdict(CONFIG)
    theta = sizes.pop("rope_theta")
    del sizes["qk_norm"]  # which is what model_type says
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "dtype": "float16",
        "attention_bias": False,
        "bos_token_id": codes.STOP,
        "pad_token_id": codes.STOP,
        "hidden_act": "silu",
        "rope_parameters": {"rope_theta": theta, "rope_type": "default"},
        **sizes,
    }


def _lm_state(lm: LanguageModel) -> dict[str, Tensor]:
    """Transformers' key names and ``[out, in]`` weights; the inverse of ``exporter.soprano``'s reading."""
    state = {"model.embed_tokens.weight": lm.embed_tokens.weight, "model.norm.weight": lm.norm.weight}
    return {key: tensor.detach().cpu() for key, tensor in state.items()} | transformers_state(lm, "model.")


def _decoder_state(decoder: Decoder) -> dict[str, Tensor]:
    """soprano-tts' key names; the gain of training goes into the bias of the logarithmic magnitudes."""
    config = decoder.config
    state = {}
    trained = decoder.state_dict()
    for name, tensor in trained.items():
        if name.startswith(("out.", "embed.")):
            continue
        linear = name.endswith("weight") and tensor.dim() == 2
        state[f"decoder.{name}"] = tensor.T if linear else tensor
    kernel = trained["embed.weight"].unflatten(0, (config.input_kernel, -1))
    state["decoder.embed.weight"] = kernel.permute(2, 1, 0)
    state["decoder.embed.bias"] = trained["embed.bias"]
    bins = config.n_fft // 2 + 1
    order = InverseSTFT.bin_order(config.n_fft)
    rows = torch.cat((order, order + bins))
    weight = torch.zeros(2 * bins, config.decoder_dim)
    bias = torch.zeros(2 * bins)
    weight[rows], bias[rows] = trained["out.weight"].T.cpu(), trained["out.bias"].cpu()
    bias[:bins] -= math.log(GAIN / LEVEL)
    state |= {"head.out.weight": weight, "head.out.bias": bias, "head.istft.window": torch.hann_window(config.n_fft)}
    return {key: tensor.cpu().contiguous() for key, tensor in state.items()}

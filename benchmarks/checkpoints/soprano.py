"""Writes a Soprano checkpoint of the true size with random weights: what the benchmarks run on, since weights are a download.

Sizes are those of ekwek/Soprano-1.1-80M. Needs the peer environment (torch, transformers, soprano-tts).
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from soprano.vocos.decoder import SopranoDecoder
from transformers import Qwen3Config, Qwen3ForCausalLM

AUDIO_TOKENS = 8000
TINY_TOKENIZER = Path(__file__).parents[2] / "tests/fixtures/soprano_tiny"


def write_checkpoint(folder: Path) -> None:
    """Write config, weights and tokenizer into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=8192,
        hidden_size=512,
        intermediate_size=2304,
        num_hidden_layers=17,
        num_attention_heads=4,
        num_key_value_heads=1,
        head_dim=128,
        max_position_embeddings=1024,
        rms_norm_eps=1e-6,
        rope_theta=10000.0,
        tie_word_embeddings=False,
        bos_token_id=3,
        eos_token_id=3,
        initializer_range=0.0416667,
    )
    model = Qwen3ForCausalLM(config)
    with torch.no_grad():
        model.lm_head.weight[3] = 0  # the end token never leads: every row runs to the asked-for length
    model.save_pretrained(folder)
    torch.save(SopranoDecoder().state_dict(), folder / "decoder.pth")
    (folder / "tokenizer.json").write_text(json.dumps(_widened(json.loads((TINY_TOKENIZER / "tokenizer.json").read_text()))))
    (folder / "tokenizer_config.json").write_bytes((TINY_TOKENIZER / "tokenizer_config.json").read_bytes())


def _widened(tokenizer: dict[str, Any]) -> dict[str, Any]:
    """Give the fixture's tokenizer, which has 120 audio tokens, the 8000 of the real one."""
    added = [token for token in tokenizer["added_tokens"] if token["id"] < 4]
    audio = [{**added[0], "id": 4 + i, "content": f"[{i}]"} for i in range(AUDIO_TOKENS)]
    tokenizer["added_tokens"] = added + audio
    names = [name for name, _ in sorted(tokenizer["model"]["vocab"].items(), key=lambda item: item[1])]
    special = {token["content"] for token in added}
    text = [name for name in names if name not in special and not (name[1:-1].isdecimal() and name[0] == "[")]
    ordered = [token["content"] for token in tokenizer["added_tokens"]] + text
    tokenizer["model"]["vocab"] = {name: i for i, name in enumerate(ordered)}
    return tokenizer


if __name__ == "__main__":
    write_checkpoint(Path(sys.argv[1]))

"""Writes a PocketTTS checkpoint of a true size with random weights, and a voice: what the benchmarks run on.

Sizes are those of the package's configs. Needs the peer environment (torch, pocket-tts).
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
import yaml
from pocket_tts.models.model_state import export_model_state
from pocket_tts.models.tts_model import TTSModel
from pocket_tts.utils.config import CONFIGS_DIR, load_config
from safetensors.torch import save_file

TINY_TOKENIZER = Path(__file__).parents[2] / "tests/fixtures/pocket_lsd/tokenizer.json"
VOICE_S = 10


def write_checkpoint(variant: str, folder: Path) -> None:
    """Write config, weights, tokenizer and a voice into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    config = yaml.safe_load((CONFIGS_DIR / f"{variant}.yaml").read_text())
    table = config["flow_lm"]["lookup_table"]
    table |= {"tokenizer": "tokenizers", "tokenizer_path": str(folder / "tokenizer.json")}
    config |= {"weights_path": None, "weights_path_without_voice_cloning": None}
    (folder / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True))
    (folder / "tokenizer.json").write_text(json.dumps(_widened(json.loads(TINY_TOKENIZER.read_text()), table["n_bins"])))
    parsed = load_config(folder / "config.yaml")
    torch.manual_seed(0)
    model = TTSModel._from_pydantic_config_with_weights(parsed, 0.3, 1, None, 1e9, origin=folder / "config.yaml").eval()
    with torch.no_grad():
        model.flow_lm.speaker_proj_weight.normal_(0, 0.02)
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, folder / "model.safetensors")
    audio = 0.1 * torch.randn(1, 24_000 * VOICE_S)
    export_model_state(model.get_state_for_audio_prompt(audio), folder / "voice.safetensors")


def _widened(tokenizer: dict[str, Any], pieces: int) -> dict[str, Any]:
    """Give the fixture's tokenizer as many pieces as the config says; text never becomes the new ones."""
    vocabulary = tokenizer["model"]["vocab"]
    tokenizer["model"]["vocab"] = vocabulary + [[f"\u2581\u4e00{i}", -99.0] for i in range(pieces - len(vocabulary))]
    return tokenizer


if __name__ == "__main__":
    write_checkpoint(sys.argv[1], Path(sys.argv[2]))

"""Writes a VibeVoice-ASR checkpoint of random weights: the real encoders and the language model of the 1.5B size.

In the hub's layout, bfloat16, 4.9 GB. Needs the peer environment (torch, transformers).
"""

import sys
from pathlib import Path

import torch
from transformers import VibeVoiceAsrConfig, VibeVoiceAsrForConditionalGeneration

ENCODER = {
    "channels": 1,
    "depths": [3, 3, 3, 3, 3, 3, 8],
    "downsampling_ratios": [2, 2, 4, 5, 5, 8],
    "num_filters": 32,
    "layer_scale_init_value": 0.1,
}
TEXT = {
    "model_type": "qwen2",
    "hidden_size": 1536,
    "intermediate_size": 8960,
    "num_hidden_layers": 28,
    "num_attention_heads": 12,
    "num_key_value_heads": 2,
    "vocab_size": 151_936,
    "max_position_embeddings": 8192,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6},
    "tie_word_embeddings": False,
    "eos_token_id": 151_643,
}


def main(folder: Path) -> None:
    """Write ``config.json`` and the weights."""
    config = VibeVoiceAsrConfig(
        acoustic_tokenizer_encoder_config={**ENCODER, "hidden_size": 64},
        semantic_tokenizer_encoder_config={**ENCODER, "hidden_size": 128},
        text_config=TEXT,
        audio_bos_token_id=151_646,
        audio_eos_token_id=151_647,
        audio_token_id=151_648,
    )
    torch.manual_seed(0)
    VibeVoiceAsrForConditionalGeneration(config).bfloat16().save_pretrained(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

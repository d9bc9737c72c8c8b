"""Times transformers' batched generate on recordings and answers of one length. Run by ``transcription_speed.py``."""

import json
import sys
import time

import numpy as np
import torch
from transcription_rows import HOP, rows
from transformers import VibeVoiceAsrForConditionalGeneration


@torch.no_grad()
def main(checkpoint: str, threads: int, seconds: float, tokens: int, batch: int) -> None:
    """Print the audio seconds and wall seconds of one batch as JSON, after a short one to warm up."""
    torch.set_num_threads(threads)
    model = VibeVoiceAsrForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32).eval()
    audio, prompts = rows(batch, seconds)
    ids, samples = torch.tensor(prompts), len(audio[0])
    values = np.zeros((batch, 1, -(-samples // HOP) * HOP), np.float32)
    values[:, 0, :samples] = audio
    mask = torch.zeros(batch, values.shape[-1], dtype=torch.bool)
    mask[:, :samples] = True

    def answer(rows: int, length: int) -> None:
        model.generate(
            input_ids=ids[:rows], attention_mask=torch.ones_like(ids[:rows]), input_values=torch.from_numpy(values[:rows]),
            padding_mask=mask[:rows], sample=False, do_sample=False, max_new_tokens=length, min_new_tokens=length,
        )  # fmt: skip

    answer(1, 2)
    start = time.perf_counter()
    answer(batch, tokens)
    print(json.dumps({"audio_s": batch * seconds, "wall_s": time.perf_counter() - start}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), *map(int, sys.argv[4:6]))

"""Times transformers' batched generate on recordings and answers of one length. Run by ``benchmarks.speed``."""

import json
import sys
import time

import numpy as np
import torch
from transformers import VibeVoiceAsrForConditionalGeneration

from benchmarks.peers.recordings import HOP, rows


@torch.no_grad()
def main(checkpoint: str, threads: int, batch: int, length: int, seconds: float) -> None:
    """Print the audio seconds and wall seconds of one batch as JSON, after a short one to warm up."""
    torch.set_num_threads(threads)
    model = VibeVoiceAsrForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32).eval()
    audio, prompts = rows(batch, seconds)
    ids, samples = torch.tensor(prompts), len(audio[0])
    values = np.zeros((batch, 1, -(-samples // HOP) * HOP), np.float32)
    values[:, 0, :samples] = audio
    mask = torch.zeros(batch, values.shape[-1], dtype=torch.bool)
    mask[:, :samples] = True

    def answer(count: int, tokens: int) -> None:
        model.generate(
            input_ids=ids[:count], attention_mask=torch.ones_like(ids[:count]), input_values=torch.from_numpy(values[:count]),
            padding_mask=mask[:count], sample=False, do_sample=False, max_new_tokens=tokens, min_new_tokens=tokens,
        )  # fmt: skip

    answer(1, 2)
    start = time.perf_counter()
    answer(batch, length)
    print(json.dumps({"audio_s": batch * seconds, "wall_s": time.perf_counter() - start}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), **json.loads(sys.argv[4]))

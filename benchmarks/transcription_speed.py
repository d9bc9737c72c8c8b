"""Seconds of audio per second: our engine against transformers' batched generate, on random weights of true size.

    python benchmarks/transcription_speed.py --layers 28 --precision int8 --batch 8 --seconds 20 --tokens 100

Both transcribe the same recordings and write the same number of tokens (random weights end no answer). The encoders have the
size of the real ones, the language model the 1.5B's with ``--layers`` of its 28 layers. CPU seconds are printed beside wall
seconds: on a machine that does other things they are what to compare. Needs transformers and the ``export`` extra.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from transformers import VibeVoiceAsrConfig, VibeVoiceAsrForConditionalGeneration

from actors import TranscriptionRequest, open_model
from actors.vibevoice_asr import normalise
from exporter.build import build_bundle
from exporter.checkpoints import open_checkpoint
from exporter.vibevoice_asr import FILES, load

HOP, RATE = 3200, 24_000
ENCODER = {
    "channels": 1,
    "depths": [3, 3, 3, 3, 3, 3, 8],
    "downsampling_ratios": [2, 2, 4, 5, 5, 8],
    "num_filters": 32,
    "layer_scale_init_value": 0.1,
}
VOCAB, BOS, EOS, AUDIO, STOP = 151_936, 151_646, 151_647, 151_648, 151_643


def make_checkpoint(folder: Path, layers: int) -> None:
    """Write a random model in the hub's layout."""
    config = VibeVoiceAsrConfig(
        acoustic_tokenizer_encoder_config={**ENCODER, "hidden_size": 64},
        semantic_tokenizer_encoder_config={**ENCODER, "hidden_size": 128},
        text_config={
            "model_type": "qwen2",
            "hidden_size": 1536,
            "intermediate_size": 8960,
            "num_hidden_layers": layers,
            "num_attention_heads": 12,
            "num_key_value_heads": 2,
            "vocab_size": VOCAB,
            "max_position_embeddings": 8192,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6},
            "tie_word_embeddings": False,
            "eos_token_id": STOP,
        },
        audio_token_id=AUDIO,
        audio_bos_token_id=BOS,
        audio_eos_token_id=EOS,
    )
    torch.manual_seed(0)
    model = VibeVoiceAsrForConditionalGeneration(config)
    model.save_pretrained(folder)


def timed(name: str, audio_s: float, work: Callable[[], object]) -> None:
    """Run once and print how fast it was."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{name}: {audio_s / wall:.3f} audio-s per s, {audio_s / cpu:.3f} per CPU-s, peak {rss:.1f} GB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--layers", type=int, default=28)
    parser.add_argument("--precision", default="int8")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--skip", choices=("ours", "theirs"))
    parser.add_argument("--folder", type=Path, help="keep checkpoint and bundle here, and use them if they are there")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    samples = round(arguments.seconds * RATE)
    frames = -(-samples // HOP)
    random = np.random.default_rng(0)
    audio = [(0.1 * random.standard_normal(samples)).astype(np.float32) for _ in range(arguments.batch)]
    prompts = [[*random.integers(0, 9999, 25), BOS, *[AUDIO] * frames, EOS, *random.integers(0, 9999, 35)] for _ in audio]
    audio_s = arguments.batch * arguments.seconds
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch)
        checkpoint = folder / "checkpoint"
        if not checkpoint.exists():
            make_checkpoint(checkpoint, arguments.layers)
        bundle = folder / arguments.precision
        if not bundle.exists() and arguments.skip != "ours":
            build_bundle(
                load(open_checkpoint(str(checkpoint), FILES), "server"), "bench", arguments.precision, "server", bundle
            )
        if arguments.skip != "ours":
            options = {"max_new_tokens": arguments.tokens, "retries": 0}
            requests = [
                TranscriptionRequest(str(i), x, token_ids=p, options=options)
                for i, (x, p) in enumerate(zip(audio, prompts, strict=True))
            ]
            with open_model(bundle, threads=arguments.threads, slots=arguments.batch) as engine:
                timed(f"ours, {arguments.precision}", audio_s, lambda: print([r.frames for r in engine.generate(requests)]))
        if arguments.skip != "theirs":
            model = VibeVoiceAsrForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32).eval()
            values = np.zeros((len(audio), 1, frames * HOP), np.float32)
            for row, x in zip(values, audio, strict=True):
                row[0, :samples] = normalise(x, -25.0)
            ids = torch.tensor(np.array(prompts))
            feeds = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "input_values": torch.from_numpy(values)}
            mask = torch.zeros(len(audio), frames * HOP, dtype=torch.bool)
            mask[:, :samples] = True
            with torch.no_grad():
                new = {"max_new_tokens": arguments.tokens, "min_new_tokens": arguments.tokens, "do_sample": False}
                timed("transformers", audio_s, lambda: model.generate(**feeds, padding_mask=mask, sample=False, **new))


if __name__ == "__main__":
    main()

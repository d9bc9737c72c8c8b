"""Times pocket-tts 4.0.1, or transformers' PocketTTS, on a fixed number of frames per row. Run by ``benchmarks.speed``."""

import json
import sys
import time
from collections.abc import Callable

import torch

ROWS = 3  # of pocket-tts, one after the other
VOICE_FRAMES = 126


def official(checkpoint: str, frames: int, text: str, *, quantize: bool) -> Callable[[], float]:
    """Return what speaks ``ROWS`` rows and returns the audio seconds."""
    from pocket_tts.models.tts_model import TTSModel
    from safetensors.torch import load_file

    model = TTSModel.load_model(config=f"{checkpoint}/config.yaml", eos_threshold=1e9)
    weights = load_file(f"{checkpoint}/model.safetensors")
    model.flow_lm.speaker_proj_weight = torch.nn.Parameter(weights["flow_lm.speaker_proj_weight"])
    model.load_state_dict(weights)
    if quantize:
        from pocket_tts import quantization

        # FBGEMM: torchao's kernels, which it prefers where they are installed, are slower here.
        quantization._get_backend = lambda: "torch.ao"
        quantization.apply_dynamic_int8(model.flow_lm, {"attention", "ffn"})
    model._estimate_max_gen_len = lambda _: frames
    voice = model.get_state_for_audio_prompt(f"{checkpoint}/voice.safetensors")

    def speak() -> float:
        return sum(model.generate_audio(voice, text).shape[0] for _ in range(ROWS)) / 24_000

    return speak


def batched(batch: int, frames: int) -> Callable[[], float]:
    """Return what speaks one batch with transformers and returns the audio seconds; its weights are random."""
    from transformers import (
        PocketTTSAudioTokenizerConfig,
        PocketTTSAudioTokenizerModel,
        PocketTTSConfig,
        PocketTTSForConditionalGeneration,
    )

    model = PocketTTSForConditionalGeneration(PocketTTSConfig()).eval()
    codec = PocketTTSAudioTokenizerModel(PocketTTSAudioTokenizerConfig(encoder_config=None)).eval()
    # Before a voice, the voice, text, the start of speech: see the processor.
    ids = torch.cat([torch.tensor([4002] + [4000] * VOICE_FRAMES), torch.arange(5, 33), torch.tensor([4003])]).repeat(batch, 1)
    voice = torch.randn(batch, VOICE_FRAMES, 32)

    def speak() -> float:
        made = model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), audio_prompt_latents=voice, do_sample=True, temperature=0.3,
            max_new_tokens=frames, eos_threshold=1e9, frames_after_eos=2, return_dict_in_generate=True,
        )  # fmt: skip
        return codec.decode(made.audio_latents).audio_values.numel() / 24_000

    return speak


@torch.no_grad()
def main(checkpoint: str, threads: int, mode: str, length: int, text: str) -> None:
    """Print the audio seconds and wall seconds of one call as JSON, after one to warm up."""
    if mode.startswith("transformers-"):
        torch.set_num_threads(threads)
        speak = batched(int(mode.rpartition("-")[2]), length)
    else:
        speak = official(checkpoint, length, text, quantize=mode == "official-int8")
        torch.set_num_threads(1)
    speak()
    start = time.perf_counter()
    audio_s = speak()
    print(json.dumps({"audio_s": audio_s, "wall_s": time.perf_counter() - start}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], **json.loads(sys.argv[4]))

"""The baseline of ``benchmarks.speed``: the original's loop in PyTorch, one utterance at a time, float32.

Made of transformers' modules at the true size with random weights, in the original's order of calls: five tokens through both
language models, six frames, each solver step for both branches at once, every frame decoded with the decoder's streaming cache
and fed to the positive and then to the negative branch.
"""

import json
import sys
import time

import torch
from transformers import DynamicCache, Qwen2Config, Qwen2Model
from transformers.models.vibevoice.configuration_vibevoice import VibeVoiceDiffusionHeadConfig
from transformers.models.vibevoice.modeling_vibevoice import VibeVoiceDiffusionHead, VibeVoiceMultiModalProjector
from transformers.models.vibevoice_acoustic_tokenizer import (
    VibeVoiceAcousticTokenizerDecoderConfig,
    VibeVoiceAcousticTokenizerDecoderModel,
)

HIDDEN, LATENT, GUIDANCE = 896, 64, 1.5
PROMPTS = {"lm": 74, "positive": 251, "negative": 1}  # positions of the preset en-Emma_woman
TEXT_WINDOW, SPEECH_WINDOW = 5, 6


def language_model(layers: int) -> Qwen2Model:
    """Return a Qwen2 of the true width, without the text table of the original, which is not what takes time."""
    sizes = {"hidden_size": HIDDEN, "intermediate_size": 4864, "num_attention_heads": 14, "num_key_value_heads": 2}
    return Qwen2Model(Qwen2Config(num_hidden_layers=layers, vocab_size=1000, **sizes)).eval()


class Loop:
    """The modules, and the caches of one utterance."""

    def __init__(self, solver: list[dict[str, float]]) -> None:
        torch.manual_seed(0)
        self.solver = solver
        self.lm, self.tts = language_model(4), language_model(20)
        self.head = VibeVoiceDiffusionHead(
            VibeVoiceDiffusionHeadConfig(hidden_size=HIDDEN, latent_size=LATENT, num_hidden_layers=4, intermediate_size=2688)
        ).eval()
        self.connector = VibeVoiceMultiModalProjector(LATENT, HIDDEN).eval()
        self.end = torch.nn.Sequential(torch.nn.Linear(HIDDEN, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, 1))
        self.decoder = VibeVoiceAcousticTokenizerDecoderModel(
            VibeVoiceAcousticTokenizerDecoderConfig(
                hidden_size=LATENT, num_filters=32, downsampling_ratios=[2, 2, 4, 5, 5, 8], depths=[8, 3, 3, 3, 3, 3, 3]
            )
        ).eval()

    def caches(self) -> dict[str, DynamicCache]:
        """Return the caches of a voice's prompt."""
        caches = {}
        for name, length in PROMPTS.items():
            caches[name] = DynamicCache()
            for layer in range(4 if name == "lm" else 20):
                caches[name].update(torch.randn(1, 2, length, 64), torch.randn(1, 2, length, 64), layer)
        return caches

    @torch.inference_mode()
    def speak(self, frames: int) -> None:
        """Speak so many frames, while there is text for all of them."""
        caches, decoder_cache = self.caches(), None
        negative = torch.randn(1, HIDDEN)
        for frame in range(frames):
            if frame % SPEECH_WINDOW == 0:
                ids = torch.arange(TEXT_WINDOW)[None]
                text = self.lm(input_ids=ids, past_key_values=caches["lm"]).last_hidden_state
                positive = self.hear(text, caches["positive"])
            latent = self.draw(torch.cat((positive, negative)))
            decoded = self.decoder(latent[:, :, None], padding_cache=decoder_cache, use_cache=True)
            decoder_cache = decoded.padding_cache
            embedding = self.connector(latent)[:, None]
            positive, negative = self.hear(embedding, caches["positive"]), self.hear(embedding, caches["negative"])
            self.end(positive)

    def hear(self, embeddings: torch.Tensor, cache: DynamicCache) -> torch.Tensor:
        """Run ``[1, positions, hidden]`` and return the last hidden state ``[1, hidden]``."""
        return self.tts(inputs_embeds=embeddings, past_key_values=cache).last_hidden_state[:, -1]

    def draw(self, condition: torch.Tensor) -> torch.Tensor:
        """Draw a latent ``[1, latent]`` from the conditions of both branches."""
        x, before = torch.randn(1, LATENT), torch.zeros(1, LATENT)
        for step in self.solver:
            toward, away = self.head(x.expand(2, -1), torch.full((2,), float(step["timestep"])), condition).chunk(2)
            clean = step["alpha"] * x - step["sigma"] * (away + GUIDANCE * (toward - away))
            x, before = step["a"] * x + step["b0"] * clean + step["b1"] * before, clean
        return x


def main(threads: int, solver: str, length: int) -> None:
    """Print audio seconds and wall seconds as JSON; ``solver`` is the realtime family's table."""
    torch.set_num_threads(threads)
    loop = Loop(json.loads(solver))
    loop.speak(2)
    start = time.perf_counter()
    loop.speak(length)
    print(json.dumps({"audio_s": length * 3200 / 24000, "wall_s": time.perf_counter() - start}))


if __name__ == "__main__":
    main(int(sys.argv[2]), sys.argv[3], **json.loads(sys.argv[4]))

"""A baseline of ``benchmarks.speed``: the ``portable`` graphs driven as the known ONNX pipeline does it.

One utterance at a time; the whole text first; twenty solver steps with a call each for the positive and the negative condition;
caches that are copied at every step; the decoder once at the end (elbruno/ElBruno.VibeVoiceTTS, ``OnnxInferencePipeline.cs``).
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort

from actors.families.vibevoice_realtime.solver import solver_steps

GUIDANCE, TOKENS = 1.5, 30
PROMPTS = {"lm_with_kv": 74, "positive": 251, "negative": 1}  # positions of the preset en-Emma_woman

Cache = tuple[np.ndarray, np.ndarray]


class Pipeline:
    """The seven sessions."""

    def __init__(self, folder: Path, threads: int, steps: int) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self.sessions = {
            path.stem: ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            for path in folder.glob("*.onnx")
        }
        self.solver = solver_steps(steps, 1000, stochastic=False)
        self.types = np.load(folder / "type_embeddings.npy")

    def cache(self, key: str, length: int) -> Cache:
        """Return random caches of a prompt."""
        shape = next(port.shape for port in self.sessions[key].get_inputs() if port.name == "past_keys")
        layers, _, heads, _, head_dim = shape
        random = np.random.default_rng(0)
        keys, values = random.standard_normal((2, layers, 1, heads, length, head_dim)).astype(np.float32)
        return keys, values

    def run(self, key: str, reads: dict[str, np.ndarray], cache: Cache) -> tuple[np.ndarray, Cache]:
        """Run a language model; return the last hidden state ``[1, hidden]`` or all of them, and the grown caches."""
        length, past = next(iter(reads.values())).shape[1], cache[0].shape[3]
        feeds = {
            **reads,
            "attention_mask": np.ones((1, past + length), np.int64),
            "past_keys": cache[0],
            "past_values": cache[1],
        }
        if key != "lm_with_kv":
            feeds["position_ids"] = past + np.arange(length)[None]
        hidden, keys, values = self.sessions[key].run(["hidden_states", "new_keys", "new_values"], feeds)
        return hidden, (keys, values)

    def speak(self, frames: int) -> None:
        """Speak so many frames."""
        caches = {name: self.cache("tts_lm_step", PROMPTS[name]) for name in ("positive", "negative")}
        text, _ = self.run(
            "lm_with_kv", {"input_ids": np.arange(TOKENS)[None]}, self.cache("lm_with_kv", PROMPTS["lm_with_kv"])
        )
        condition = {}
        for name in caches:
            hidden, caches[name] = self.run("tts_lm_prefill", {"inputs_embeds": text + self.types[1]}, caches[name])
            condition[name] = hidden[:, -1]
        latents = []
        for _ in range(frames):
            latents.append(self.draw(condition))
            (embedding,) = self.sessions["acoustic_connector"].run(None, {"speech_latent": latents[-1]})
            for name in caches:
                hidden, caches[name] = self.run(
                    "tts_lm_step", {"inputs_embeds": (embedding + self.types[0])[:, None]}, caches[name]
                )
                condition[name] = hidden[:, -1]
            self.sessions["eos_classifier"].run(None, {"hidden_state": condition["positive"]})
        self.sessions["acoustic_decoder"].run(None, {"latent": np.stack(latents, axis=2)})

    def draw(self, condition: dict[str, np.ndarray]) -> np.ndarray:
        """Draw a latent ``[1, latent]``."""
        size = self.sessions["prediction_head"].get_inputs()[0].shape[1]
        x = np.random.default_rng(0).standard_normal((1, size)).astype(np.float32)
        before = np.zeros_like(x)
        for step in self.solver:
            feeds = {"noisy_latent": x, "timestep": np.array([step.timestep])}
            toward, away = (
                self.sessions["prediction_head"].run(None, {**feeds, "conditioning": condition[name]})[0]
                for name in ("positive", "negative")
            )
            velocity = away + np.float32(GUIDANCE) * (toward - away)
            clean = np.float32(step.alpha) * x - np.float32(step.sigma) * velocity
            x, before = np.float32(step.a) * x + np.float32(step.b0) * clean + np.float32(step.b1) * before, clean
        return x


def main(folder: Path, threads: int, steps: int, length: int) -> None:
    """Print audio seconds and wall seconds as JSON."""
    pipeline = Pipeline(folder, threads, steps)
    pipeline.speak(2)
    start = time.perf_counter()
    pipeline.speak(length)
    print(json.dumps({"audio_s": length * 3200 / 24000, "wall_s": time.perf_counter() - start}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), **json.loads(sys.argv[4]))

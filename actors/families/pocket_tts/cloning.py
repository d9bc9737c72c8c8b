"""Cloning a voice: what PocketTTS's language model remembers of a recording.

Source: pocket-tts 4.0.1, ``models/tts_model.py: get_state_for_audio_prompt`` and ``data/audio_utils.py``.
"""

import math

import numpy as np
from scipy.signal import resample_poly

from actors.audio.mono import FloatArray
from actors.bundle import Bundle
from actors.errors import BundleError, RequestError, UsageError
from actors.families.pocket_tts.loop import Settings
from actors.runtime.graphs import Graphs
from actors.runtime.session import Device
from actors.runtime.step_graph import StepGraph

_FRAME_S, _FADE_S, _PAUSE_S, _FLOOR_DB = 0.02, 0.02, 0.08, 35.0  # audio_utils.py: end_on_pause


class VoiceCloner:
    """The part of a PocketTTS bundle that makes voices, on the CPU."""

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        if bundle.manifest.layout != "server":
            raise BundleError(f"{bundle.folder} has layout {bundle.manifest.layout!r}: voices are made with 'server' bundles")
        if "mimi_encoder" not in bundle.manifest.graphs:
            raise UsageError(f"{bundle.manifest.name} cannot clone voices: it was exported from weights without the encoder")
        self.settings = Settings.of(bundle.manifest)
        self.sample_rate = bundle.manifest.sample_rate
        graphs = Graphs(bundle, Device("cpu"), threads)
        self._encoder, self._text = map(graphs.open, ("mimi_encoder", "text_conditioner"))
        self._main = StepGraph(graphs, "flow_lm_main", 1, self.settings.max_positions, {})

    def clone(self, audio: FloatArray, sample_rate: int) -> list[np.ndarray]:
        """Return the voice of a recording ``[samples]``, as :func:`actors.families.pocket_tts.voices.save_voice` takes it.

        Raises:
            RequestError: the recording is shorter than one 20 ms frame, or longer than the model can remember.
        """
        divisor = math.gcd(sample_rate, self.sample_rate)
        prompt = resample_poly(audio, self.sample_rate // divisor, sample_rate // divisor).astype(np.float32, copy=False)
        if len(prompt) < _FRAME_S * self.sample_rate:
            raise RequestError(f"the recording has {len(audio) / sample_rate:.3f} s: a voice needs a few seconds of speech")
        prompt = end_on_pause(prompt, self.sample_rate)
        longest = (self.settings.max_voice_positions - 1) * self.settings.frame_size
        if len(prompt) > longest:
            raise RequestError(
                f"the recording has {len(audio) / sample_rate:.0f} s, more than the {longest // self.sample_rate} s that leave "
                "room for speech: 10 to 30 s are best"
            )
        return self._remember(self._encode(prompt))

    def _encode(self, audio: FloatArray) -> np.ndarray:
        """Return what the language model is conditioned on, ``[1, positions, d_model]``."""
        embeddings: np.ndarray = self._encoder.run(["latents"], {"audio": audio[None, None]})[0]
        if self.settings.bos_before_voice_id is None:
            return embeddings
        before = self._text.run(["embeddings"], {"token_ids": np.array([[self.settings.bos_before_voice_id]])})[0]
        return np.concatenate((before, embeddings), axis=1)

    def _remember(self, embeddings: np.ndarray) -> list[np.ndarray]:
        """Run the conditioning through the language model and return the cache of its positions."""
        length = embeddings.shape[1]
        # The graph wants a latent too: it comes last, and its position is left out of the voice.
        latent = np.zeros((1, 1, self.settings.latent_dim), np.float32)
        self._main.run(0, {"sequence": latent, "text_embeddings": embeddings}, np.array([length + 1]))
        return self._main.cache.read(0, length)


def end_on_pause(audio: FloatArray, sample_rate: int) -> FloatArray:
    """End a recording ``[samples]`` on exactly 80 ms of silence, as the prompts that the model was trained on do.

    Silence at the end (20 ms frames more than 35 dB below the loudest) is cut and what remains is faded out over 20 ms.
    """
    frame = max(1, int(_FRAME_S * sample_rate))
    count = len(audio) // frame
    if not count:
        return audio
    rms = np.sqrt(np.square(audio[: count * frame].reshape(count, frame)).mean(axis=1))
    level = 20 * np.log10(rms + np.float32(1e-12))
    end = (int(np.nonzero(level > level.max() - _FLOOR_DB)[0][-1]) + 1) * frame
    spoken = audio[:end].copy()
    fade = min(int(_FADE_S * sample_rate), end)
    spoken[end - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return np.concatenate((spoken, np.zeros(int(_PAUSE_S * sample_rate), np.float32)))

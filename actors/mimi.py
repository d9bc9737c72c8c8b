"""The Mimi decoder of a PocketTTS bundle: latents to samples, in chunks that carry what the next one needs."""

from pathlib import Path

import numpy as np
import onnxruntime as ort

from actors.bundle import GraphSpec
from actors.session import Device, open_session

CHUNK_FRAMES = 6  # of one call: more leave the CPU's caches (measured: 6 to 8 are best), fewer cost more calls


class MimiDecoder:
    """Decodes one utterance at a time: on a CPU that is faster than several together, which leave its caches."""

    def __init__(self, path: Path, spec: GraphSpec, device: Device, threads: int) -> None:
        self._session = open_session(path, device, threads)
        self._past = [tensor.name for tensor in spec.inputs if tensor.name.startswith("past_")]
        self._outputs = [tensor.name for tensor in spec.outputs]
        self._start = {
            tensor.name: ort.OrtValue.ortvalue_from_numpy(
                np.zeros([axis if isinstance(axis, int) else 1 for axis in tensor.axes], tensor.dtype)
            )
            for tensor in spec.inputs
            if tensor.name.startswith("past_")
        }

    def decode(self, latents: np.ndarray) -> np.ndarray:
        """Return samples, float32 ``[frames * frame_size]``, of latents ``[frames, latent]`` as the model makes them."""
        state = self._start
        chunks = []
        for start in range(0, len(latents), CHUNK_FRAMES):
            chunk = ort.OrtValue.ortvalue_from_numpy(latents[None, start : start + CHUNK_FRAMES])
            audio, *carried = self._session.run_with_ort_values(self._outputs, {"latent": chunk, **state})
            chunks.append(audio.numpy()[0, 0])
            state = dict(zip(self._past, carried, strict=True))
        return np.concatenate(chunks) if chunks else np.zeros(0, np.float32)

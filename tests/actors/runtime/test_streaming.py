from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from actors.bundle import Bundle
from actors.runtime.graphs import Graphs
from actors.runtime.session import Device
from actors.runtime.streaming import StreamingGraph

FRAME = 1920
TOLERANCE = 1e-4  # of the largest magnitude


def open_decoder(bundle: Bundle, chunk: int = 6, threads: int = 1) -> StreamingGraph:
    """PocketTTS's codec: latents ``[frames, latent]`` to samples ``[1, samples]``."""
    return StreamingGraph(Graphs(bundle, Device("cpu"), threads), "mimi_decoder", chunk=chunk, axis=1)


def as_the_model_makes_them(bundle: Bundle, latents: np.ndarray) -> np.ndarray:
    mean, deviation = (np.array(bundle.manifest.settings[f"latent_{part}"], np.float32) for part in ("mean", "std"))
    normal: np.ndarray = (latents - mean) / deviation
    return normal


@pytest.mark.parametrize("variant", ["lsd", "drifting"])
@pytest.mark.parametrize("chunk", [1, 6, 7, 40])
def test_chunks_of_any_size_are_the_originals_whole(
    variant: str, chunk: int, pocket_bundle: Callable[..., Bundle], pocket_oracle: Callable[[str], Any]
) -> None:
    """40 frames are 640 steps of the transformer, more than its window of 40 or 25."""
    bundle, arrays = pocket_bundle(variant), pocket_oracle(variant).arrays
    audio = open_decoder(bundle, chunk).run(as_the_model_makes_them(bundle, arrays["dec_latents"][0]))[0]
    expected = arrays["dec_audio"][0, 0]
    assert np.abs(audio - expected).max() <= TOLERANCE * np.abs(expected).max()


def test_the_start_of_an_utterance_is_the_same_whatever_follows(pocket_bundle: Callable[..., Bundle]) -> None:
    decoder = open_decoder(pocket_bundle("lsd"), threads=2)
    latents = np.random.default_rng(0).standard_normal((13, 8)).astype(np.float32)
    assert decoder.run(latents[:12]).tobytes() == decoder.run(latents)[:, : 12 * FRAME].tobytes()

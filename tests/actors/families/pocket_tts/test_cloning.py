"""A cloned voice is the original package's state for the same audio."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from actors.bundle import Bundle
from actors.errors import BundleError, RequestError, UsageError
from actors.families.pocket_tts.cloning import VoiceCloner, end_on_pause
from actors.families.pocket_tts.voices import load_voice

RATE = 24_000
TOLERANCE = 1e-4


def test_a_clone_is_the_originals_state(pocket_bundle: Callable[..., Bundle], pocket_oracle: Callable[[str], Any]) -> None:
    bundle, oracle = pocket_bundle("lsd"), pocket_oracle("lsd")
    cloner = VoiceCloner(bundle)
    prefix = cloner.clone(oracle.arrays["voice_wav"][0], RATE)
    sizes = [getattr(cloner.settings, name) for name in ("layers", "kv_heads", "head_dim")]
    expected = load_voice(oracle.folder / "voice.safetensors", *sizes)
    assert len(prefix) == len(expected)
    for ours, theirs in zip(prefix, expected, strict=True):
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() <= TOLERANCE * np.abs(theirs).max()


def test_recordings_end_on_a_pause_as_the_originals_do(pocket_oracle: Callable[[str], Any]) -> None:
    arrays = pocket_oracle("lsd").arrays
    assert np.abs(end_on_pause(arrays["pause_in"][0], RATE) - arrays["pause_out"][0]).max() <= 1e-6


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_any_sample_rate_is_taken(rate: int, pocket_bundle: Callable[..., Bundle]) -> None:
    seconds = 1.6
    audio = np.sin(2 * np.pi * 220 * np.arange(round(seconds * rate)) / rate).astype(np.float32)
    prefix = VoiceCloner(pocket_bundle("lsd")).clone(audio, rate)
    positions = -(-round((seconds + 0.08) * 12.5 * 1000) // 1000) + 1  # whole frames, and what stands before a voice
    assert prefix[0].shape[1] == positions
    assert all(np.isfinite(part).all() for part in prefix)


@pytest.mark.parametrize(("seconds", "message"), [(0.0, "a voice needs a few seconds"), (0.01, "has 0.010 s"), (400.0, "best")])
def test_too_short_and_too_long_recordings_are_refused(
    seconds: float, message: str, pocket_bundle: Callable[..., Bundle]
) -> None:
    with pytest.raises(RequestError, match=message):
        VoiceCloner(pocket_bundle("lsd")).clone(np.ones(round(seconds * RATE), np.float32), RATE)


def test_other_layouts_are_refused(pocket_bundle: Callable[..., Bundle]) -> None:
    with pytest.raises(BundleError, match="layout 'portable'"):
        VoiceCloner(pocket_bundle("lsd", layout="portable"))


def test_bundles_without_encoder_are_refused(pocket_bundle: Callable[..., Bundle]) -> None:
    bundle = pocket_bundle("lsd")
    graphs = {key: graph for key, graph in bundle.manifest.graphs.items() if key != "mimi_encoder"}
    with pytest.raises(UsageError, match="pocket-lsd cannot clone voices"):
        VoiceCloner(replace(bundle, manifest=bundle.manifest.model_copy(update={"graphs": graphs})))

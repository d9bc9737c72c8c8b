"""The models that are checked, and what they speak and hear: tiny ones of every family, and some of the true sizes."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from actors import SynthesisRequest, TranscriptionRequest
from benchmarks.checkpoints.vibevoice_tiny import write_tiny_vibevoice
from benchmarks.contest import BENCH, ROOT, bundle
from benchmarks.engine import Requests
from benchmarks.speed import CONTESTS, FOX

FIXTURES = ROOT / "tests" / "fixtures"
PRECISIONS = ("fp32", "fp16")
STEPS = 12  # of a row: random weights are chaotic, and an error grows with every step
# Folders by family and precision, as text: parts of the check are told of them in JSON.
Bundles = Mapping[str, Mapping[str, str]]


def _soprano() -> list[SynthesisRequest]:
    prompts = json.loads((FIXTURES / "soprano_tiny" / "meta.json").read_bytes())["prompt_token_ids"]
    options = {"temperature": 0.0, "min_new_tokens": STEPS, "max_new_tokens": STEPS}
    return [SynthesisRequest(str(i), token_ids=ids, options=options) for i, ids in enumerate(prompts)]


def _pocket_tts() -> list[SynthesisRequest]:
    texts = (f"{FOX}.", "The dog sleeps.", "It runs far away into the deep green forest of the valley.")
    options = {"eos_threshold": 1e9, "max_frames": STEPS}
    return [SynthesisRequest(str(i), text, options=options) for i, text in enumerate(texts)]


def _vibevoice_realtime() -> list[SynthesisRequest]:
    with np.load(FIXTURES / "vibevoice_tiny" / "oracle.npz") as oracle:
        return [
            SynthesisRequest(
                name,
                token_ids=oracle[f"{name}_token_ids"].tolist(),
                voice="voiceA",
                noise=oracle[f"{name}_noise"],
                options={"cfg_scale": 1.5, "steps": 5},
            )
            for name in ("A12", "B3")
        ]


def _vibevoice_asr() -> list[TranscriptionRequest]:
    folder = FIXTURES / "vibevoice_asr_tiny"
    options = {"max_new_tokens": STEPS, "retries": 0}
    prompts = json.loads((folder / "prompts.json").read_bytes())
    with np.load(folder / "oracle.npz") as oracle:
        return [
            TranscriptionRequest(str(i), oracle[f"wav{i}"], token_ids=ids, options=options) for i, ids in enumerate(prompts)
        ]


def _whisper() -> list[TranscriptionRequest]:
    options = {"language": "en", "vad": False, "temperatures": (0.0,), "no_speech_threshold": None, "max_new_tokens": STEPS}
    random = np.random.default_rng(0)
    return [
        TranscriptionRequest(str(i), (0.1 * random.standard_normal(samples)).astype(np.float32), options=options)
        for i, samples in enumerate((64_000, 41_600, 20_800))
    ]


def _fixture(name: str) -> Callable[[], Path]:
    return lambda: FIXTURES / name


def _tiny_vibevoice() -> Path:
    folder = BENCH / "vibevoice-tiny"
    if not (folder / "tokenizer.json").exists():  # it is written last
        write_tiny_vibevoice(FIXTURES / "vibevoice_tiny", folder)
    return folder


@dataclass(frozen=True)
class Tiny:
    """A tiny model of a family: the folder of its checkpoint, and rows of different lengths."""

    checkpoint: Callable[[], Path]
    rows: Callable[[], Requests]


TINY: Mapping[str, Tiny] = {
    "soprano": Tiny(_fixture("soprano_tiny"), _soprano),
    "pocket-tts": Tiny(_fixture("pocket_lsd"), _pocket_tts),
    "vibevoice-realtime": Tiny(_tiny_vibevoice, _vibevoice_realtime),
    "vibevoice-asr": Tiny(_fixture("vibevoice_asr_tiny"), _vibevoice_asr),
    "whisper": Tiny(_fixture("whisper_tiny"), _whisper),
}
# What rows of the tiny models are in benchmarks.engine, where the true sizes' are those of benchmarks.speed.
TINY_TASKS: Mapping[str, Mapping[str, Any]] = {
    "soprano": {"length": 6, "text": FOX},
    "pocket-tts": {"length": 7, "text": f"{FOX}."},
    "vibevoice-realtime": {"length": 6},
}


def tiny_bundles() -> Bundles:
    """Return the tiny models' bundles, exported once."""
    return {
        family: {precision: str(bundle(family, tiny.checkpoint(), precision)) for precision in PRECISIONS}
        for family, tiny in TINY.items()
    }


def true_bundles(families: Sequence[str]) -> Bundles:
    """Return bundles of the true sizes, of random weights: written and exported once."""
    return {
        family: {precision: str(bundle(family, CONTESTS[family].write_checkpoint(), precision)) for precision in PRECISIONS}
        for family in families
    }


def true_tasks() -> Mapping[str, Mapping[str, Any]]:
    """Return what rows of the true sizes are, by family: half as long as those of ``benchmarks.speed``."""
    return {family: {**contest.task, "length": contest.task["length"] // 2} for family, contest in CONTESTS.items()}

"""Voices of VibeVoice-Realtime: what both language models remember of a prompt, and where guidance starts from.

A voice is a safetensors file with ``{lm,tts_lm}.{key,value}.{layer}``, float32 ``[kv_heads, positions, head_dim]``, keys with
their rotary embedding. All voices of a model share the negative branch, which has heard nothing: ``negative.safetensors``
with ``tts_lm.{key,value}.{layer}`` and ``condition``, the hidden state ``[hidden]`` that guides the first frame.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save

from actors.bundle import Manifest
from actors.errors import BundleError
from actors.finite import fits_float32

NEGATIVE_MEMBER = "negative.safetensors"

# Presets are called en-Emma_woman or de-Spk0_man; these of them do not begin with a language's code.
_PRESET = re.compile(r"([a-z]{2})-")
_LANGUAGES = {"in": "en", "jp": "ja", "kr": "ko", "sp": "es"}


def language_of(manifest: Manifest, voice: str | None) -> str:  # noqa: ARG001 - a voice says it by its name
    """Return the code of the language that a voice's name begins with; English if it does not."""
    found = _PRESET.match(voice or "")
    return _LANGUAGES.get(found[1], found[1]) if found else "en"


@dataclass(frozen=True)
class Prefix:
    """The start of a branch's cache: key and value of every layer in turn, float32 ``[kv_heads, positions, head_dim]``."""

    arrays: tuple[np.ndarray, ...]

    @property
    def positions(self) -> int:
        """How many positions it fills."""
        return int(self.arrays[0].shape[1])

    def tensors(self, branch: str) -> dict[str, np.ndarray]:
        """Return the arrays under their names in a file."""
        names = [f"{branch}.{part}.{i}" for i in range(len(self.arrays) // 2) for part in ("key", "value")]
        return {name: np.ascontiguousarray(array, np.float32) for name, array in zip(names, self.arrays, strict=True)}


@dataclass(frozen=True)
class Voice:
    """A prompt in the caches of the text model and of the speech model."""

    lm: Prefix
    tts: Prefix


@dataclass(frozen=True)
class Negative:
    """The guiding branch at its start. ``condition``: float32 ``[hidden]``."""

    tts: Prefix
    condition: np.ndarray


@dataclass(frozen=True)
class CacheSizes:
    """What the caches of a model look like."""

    lm_layers: int
    tts_layers: int
    kv_heads: int
    head_dim: int
    hidden_size: int

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "CacheSizes":
        """Take the sizes out of a bundle's settings."""
        return cls(**{name: settings[name] for name in cls.__annotations__})

    def prefix(self, tensors: Mapping[str, np.ndarray], branch: str) -> Prefix:
        """Take a branch out of a file's tensors.

        Raises:
            ValueError: layers are missing or left over, or have other sizes.
        """
        layers = self.lm_layers if branch == "lm" else self.tts_layers
        names = [f"{branch}.{part}.{i}" for i in range(layers) for part in ("key", "value")]
        found = {name for name in tensors if name.startswith(f"{branch}.")}
        if found != set(names):
            raise ValueError(f"it has {len(found) // 2} layers of {branch}, this model has {layers}")
        positions = tensors[names[0]].shape[1:2]
        shape = (self.kv_heads, *positions, self.head_dim)
        for name in names:
            if tensors[name].shape != shape or len(shape) != 3 or not positions[0] or tensors[name].dtype.kind != "f":
                actual = f"{list(tensors[name].shape)} of {tensors[name].dtype}"
                raise ValueError(f"{name} is {actual}, not [{self.kv_heads}, positions, {self.head_dim}] of numbers")
            if not fits_float32(tensors[name]):
                raise ValueError(f"{name} holds values that are not finite")
        return Prefix(tuple(tensors[name] for name in names))

    def voice(self, tensors: Mapping[str, np.ndarray]) -> Voice:
        """Make a voice of a file's tensors; raise ``ValueError`` if they are not one of this model."""
        return Voice(self.prefix(tensors, "lm"), self.prefix(tensors, "tts_lm"))

    def negative(self, tensors: Mapping[str, np.ndarray]) -> Negative:
        """Make the negative branch of a file's tensors; raise ``ValueError`` if they are not that of this model."""
        condition = tensors.get("condition")
        if (
            condition is None
            or condition.shape != (self.hidden_size,)
            or condition.dtype.kind != "f"
            or not fits_float32(condition)
        ):
            raise ValueError(f"it has no condition of {self.hidden_size} numbers")
        return Negative(self.prefix(tensors, "tts_lm"), condition)


def load_voice(path: Path, sizes: CacheSizes) -> Voice:
    """Read a voice.

    Raises:
        BundleError: damaged, or of another model.
    """
    try:
        return sizes.voice(_tensors(path))
    except ValueError as error:
        raise BundleError(f"voice {path} is not one of this model: {error}. Export it again") from error


def load_negative(path: Path, sizes: CacheSizes) -> Negative:
    """Read the negative branch.

    Raises:
        BundleError: damaged, or of another model.
    """
    try:
        return sizes.negative(_tensors(path))
    except ValueError as error:
        raise BundleError(f"{path} is not the negative branch of this model: {error}. Export it again") from error


def voice_bytes(voice: Voice) -> bytes:
    """Return a voice's file."""
    content: bytes = save({**voice.lm.tensors("lm"), **voice.tts.tensors("tts_lm")})
    return content


def negative_bytes(negative: Negative) -> bytes:
    """Return the negative branch's file."""
    content: bytes = save({**negative.tts.tensors("tts_lm"), "condition": np.ascontiguousarray(negative.condition, np.float32)})
    return content


def is_voice_member(member: str) -> bool:
    """Whether a file of a bundle belongs to its voices, in either layout."""
    return member == NEGATIVE_MEMBER or member.startswith("voices/")


def _tensors(path: Path) -> dict[str, np.ndarray]:
    try:
        tensors: dict[str, np.ndarray] = load_file(path)
    except Exception as error:  # a type of numbers that numpy has not is a TypeError or a KeyError
        raise BundleError(f"{path} is damaged or truncated: {error}. Export it again") from error
    return tensors

"""VibeVoice-Realtime's voice presets: prompts that the original ran and pickled, made into voices of a bundle.

A preset (``demo/voices/streaming_model/*.pt`` of microsoft/VibeVoice) holds the caches of four branches: ``lm``, ``tts_lm`` and
the same for guidance, ``neg_lm`` and ``neg_tts_lm``, as pickled transformers classes. They are read without those classes and
without running any code: stand-ins are all that the unpickler may call.
"""

import io
import json
import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from actors.bundle import Layout, check_name, voice_member
from actors.errors import ExportError, UsageError
from actors.families.vibevoice_realtime.voices import (
    NEGATIVE_MEMBER,
    CacheSizes,
    Negative,
    Prefix,
    Voice,
    is_voice_member,
    negative_bytes,
    voice_bytes,
)
from exporter.build import Export

_FOLDERS = (".", "voices", "demo/voices/streaming_model")
_NEGATIVE_FOLDER = "_negative"  # no voice can be called so


class _Cache:
    """Stands for transformers' DynamicCache of 4.51, whose attributes the pickle sets."""

    key_cache: list[Tensor]
    value_cache: list[Tensor]


def _output(*_fields: Any) -> OrderedDict[str, Any]:
    """Stands for transformers' BaseModelOutputWithPast, an ordered dictionary; the pickle sets its items too."""
    return OrderedDict()


_STAND_INS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    (_output, "transformers.modeling_outputs.BaseModelOutputWithPast"),
    (_Cache, "transformers.cache_utils.DynamicCache"),
]


def find_presets(folder: Path) -> dict[str, Path]:
    """Return the presets in a folder, or where a checkout of the original has them, by name and in its order.

    Raises:
        ExportError: two have one name.
    """
    found: dict[str, Path] = {}
    for path in sorted(path for place in _FOLDERS for path in (folder / place).glob("*.pt")):
        name = check_name(path.stem)
        if name in found:
            raise ExportError(f"{found[name]} and {path} are both called {name!r}: rename one")
        found[name] = path
    return dict(sorted(found.items()))


def read_preset(path: Path, sizes: CacheSizes) -> tuple[Voice, Negative]:
    """Read a preset: its voice, and the negative branch that the original keeps in every one.

    Raises:
        ExportError: damaged, of another model, not a preset, or a pickle that wants to run code.
    """
    try:
        with torch.serialization.safe_globals(_STAND_INS):
            preset = torch.load(path, map_location="cpu", weights_only=True)
    # PyTorch's own message advises to run the code that it refused.
    except pickle.UnpicklingError as error:
        raise ExportError(
            f"{path} is refused: it holds more than a voice preset (a pickle can run code), or is damaged"
        ) from error
    except (RuntimeError, EOFError, OSError, TypeError) as error:
        raise ExportError(f"{path} is damaged or truncated: {error}") from error
    try:
        lm, tts, negative = (
            _tensors(preset, *names) for names in (("lm", "lm"), ("tts_lm", "tts_lm"), ("neg_tts_lm", "tts_lm"))
        )
        negative["condition"] = preset["neg_tts_lm"]["last_hidden_state"][0, -1].float().numpy()
        return sizes.voice(lm | tts), sizes.negative(negative)
    except (KeyError, AttributeError, TypeError, IndexError, ValueError) as error:
        raise ExportError(f"{path} is not a preset of this model: {error}") from error


def read_presets(folder: Path, sizes: CacheSizes) -> tuple[dict[str, Voice], Negative]:
    """Read all presets of a folder, and the negative branch that they share.

    Raises:
        UsageError: the folder has none.
        ExportError: one is damaged, another model's, or guided by another negative branch than the rest.
    """
    presets = {name: read_preset(path, sizes) for name, path in find_presets(folder).items()}
    if not presets:
        raise UsageError(f"{folder} has no voice: the presets of VibeVoice-Realtime are *.pt")
    (first, (_, shared)), *others = presets.items()
    for name, (_, negative) in others:
        if negative_bytes(negative) != negative_bytes(shared):
            raise ExportError(f"{folder}: {name} and {first} have different negative branches: they are of different models")
    return {name: voice for name, (voice, _) in presets.items()}, shared


def server_files(voices: Mapping[str, Voice], negative: Negative) -> dict[str, bytes]:
    """Return the voices as the engine reads them, by their names in a bundle."""
    return {NEGATIVE_MEMBER: negative_bytes(negative)} | {voice_member(name): voice_bytes(v) for name, v in voices.items()}


def with_presets(export: Export, folder: Path, layout: Layout) -> Export:
    """Return ``export`` with the presets of ``folder`` as its voices; raises as :func:`read_presets` does."""
    voices, negative = read_presets(folder, CacheSizes.of(export.settings.model_dump()))
    write = server_files if layout == "server" else portable_files
    kept = {member: source for member, source in export.files.items() if not is_voice_member(member)}
    return replace(export, voices=list(voices), files=kept | write(voices, negative))


def portable_files(voices: Mapping[str, Voice], negative: Negative) -> dict[str, bytes]:
    """Return the voices as the public C# pipeline finds them: ``.npy`` files, and a manifest of which are whose."""
    shared = _npy("tts_kv", negative.tts) | {"tts_hidden": negative.condition[None]}
    files = {f"voices/{_NEGATIVE_FOLDER}/{name}.npy": _npy_bytes(array) for name, array in shared.items()}
    manifest = {}
    for voice_name, voice in voices.items():
        own = _npy("lm_kv", voice.lm) | _npy("tts_kv", voice.tts)
        files |= {f"voices/{voice_name}/{name}.npy": _npy_bytes(array) for name, array in own.items()}
        paths = {name: f"{voice_name}/{name}.npy" for name in own}
        paths |= {f"neg_{name}": f"{_NEGATIVE_FOLDER}/{name}.npy" for name in shared}
        manifest[voice_name] = {"files": paths}
    return files | {"voices/manifest.json": (json.dumps({"voices": manifest}, indent=2) + "\n").encode()}


def _npy(stem: str, prefix: Prefix) -> dict[str, np.ndarray]:
    """A branch's caches by their public names, ``[1, kv_heads, positions, head_dim]`` each."""
    layers = enumerate(zip(prefix.arrays[::2], prefix.arrays[1::2], strict=True))
    return {f"{stem}_{part}_{i}": array[None] for i, pair in layers for part, array in zip(("key", "value"), pair, strict=True)}


def _npy_bytes(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array, np.float32))
    return buffer.getvalue()


def _tensors(preset: Mapping[str, Any], branch: str, name: str) -> dict[str, np.ndarray]:
    """Return keys and values of a branch under ``{name}.{key,value}.{layer}``."""
    cache = preset[branch]["past_key_values"]
    return {
        f"{name}.{part}.{i}": tensor[0].float().contiguous().numpy()
        for part, tensors in (("key", cache.key_cache), ("value", cache.value_cache))
        for i, tensor in enumerate(tensors)
    }

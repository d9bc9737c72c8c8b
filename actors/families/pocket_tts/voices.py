"""Voices of PocketTTS: what the language model remembers of a speaker, as the original saves it.

A voice is a safetensors file with, per layer, ``transformer.layers.{i}.self_attn/cache``: float32 ``[2, 1, positions,
kv_heads, head_dim]``, keys (with their rotary embedding) and values, and ``…/offset``: int64 ``[1]``, how many positions
count. Older files have ``…/current_end`` in place of the offset, whose *length* is the number. It is valid for the weights
it was made with and for no others.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from actors.bundle import MANIFEST_NAME, Bundle, check_name, hash_file, load_bundle, voice_member
from actors.errors import BundleError, UsageError
from actors.finite import fits_float32

_MODULE = "transformer.layers.{}.self_attn"


def load_voice(path: Path, layers: int, kv_heads: int, head_dim: int) -> list[np.ndarray]:
    """Read a voice: key and value of every layer in turn, float32 ``[kv_heads, positions, head_dim]``.

    Raises:
        BundleError: damaged, of another model, or not a voice at all.
    """
    try:
        state = load_file(path)
    except Exception as error:  # a type of numbers that numpy has not is a TypeError or a KeyError
        raise BundleError(f"voice {path} is damaged or truncated, or no voice: {error}") from error
    caches = [key for key in state if key.endswith("/cache")]
    if len(caches) != layers:
        raise BundleError(f"voice {path} has caches for {len(caches)} layers, this model has {layers}: it is another model's")
    prefix: list[np.ndarray] = []
    lengths = set()
    for i in range(layers):
        module = _MODULE.format(i)
        cache = state.get(f"{module}/cache")
        shape = (2, 1, *(cache.shape[2:3] if cache is not None else ()), kv_heads, head_dim)
        if cache is None or cache.shape != shape or cache.dtype.kind != "f":
            found = "nothing" if cache is None else f"{list(cache.shape)} of {cache.dtype}"
            raise BundleError(
                f"voice {path}: {module}/cache is {found}, this model needs [2, 1, positions, {kv_heads}, {head_dim}]: "
                "it is another model's, or damaged"
            )
        length = _length(state, module, path)
        if state.get(f"{module}/pad", np.zeros(1)).any():
            raise BundleError(f"voice {path}: {module} starts with padding, which only batches of the original have")
        lengths.add(length)
        if not 0 < length <= cache.shape[2] or not fits_float32(cache[:, 0, :length]):
            raise BundleError(f"voice {path}: {module} has {cache.shape[2]} positions, not {length} whole ones: make it again")
        prefix += [np.ascontiguousarray(part[0, :length].transpose(1, 0, 2), np.float32) for part in cache]
    if len(lengths) != 1:
        raise BundleError(f"voice {path}: its layers have different lengths, {sorted(lengths)}: make it again")
    return prefix


def save_voice(path: Path, prefix: Sequence[np.ndarray]) -> None:
    """Write a voice as the original does. ``prefix`` is what :func:`load_voice` returns."""
    state = {}
    for i, (key, value) in enumerate(zip(prefix[::2], prefix[1::2], strict=True)):
        module = _MODULE.format(i)
        state[f"{module}/cache"] = np.stack((key, value)).transpose(0, 2, 1, 3)[:, None].astype(np.float32)
        state[f"{module}/offset"] = np.array([key.shape[1]])
        state[f"{module}/pad"] = np.array([0])
    save_file({name: np.ascontiguousarray(array) for name, array in state.items()}, path)


def _length(state: dict[str, np.ndarray], module: str, path: Path) -> int:
    offset, end = state.get(f"{module}/offset"), state.get(f"{module}/current_end")
    if offset is not None and offset.size == 1 and offset.dtype.kind in "iu":
        return int(offset.item())
    if offset is None and end is not None and end.ndim:
        return len(end)
    raise BundleError(
        f"voice {path}: {module} has neither offset nor current_end, or none of one length: it is not a voice of pocket-tts"
    )


def add_voice(bundle: Bundle, name: str, prefix: Sequence[np.ndarray], folder: Path) -> Bundle:
    """Write a copy of a bundle that has one more voice into ``folder``, which is new or empty.

    Raises:
        UsageError: the bundle has such a voice already, the name cannot name one, or the folder is not empty.
    """
    manifest = bundle.manifest
    if check_name(name) in manifest.voices:
        raise UsageError(f"{manifest.name} has a voice {name!r} already: choose another name")
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty: a bundle is written into a new folder")
    for member in manifest.files:
        (folder / member).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(bundle.path(member), folder / member)
    member = voice_member(name)
    (folder / member).parent.mkdir(exist_ok=True)
    save_voice(folder / member, prefix)
    update = {"voices": [*manifest.voices, name], "files": {**manifest.files, member: hash_file(folder / member)}}
    (folder / MANIFEST_NAME).write_bytes(manifest.model_copy(update=update).to_json())
    return load_bundle(folder)

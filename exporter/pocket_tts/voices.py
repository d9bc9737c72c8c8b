"""The voices of a PocketTTS checkpoint: states that the original package made and saved."""

from dataclasses import replace
from pathlib import Path

from safetensors import SafetensorError, safe_open

from actors.bundle import Layout, check_name, voice_member
from actors.errors import ExportError, UsageError
from actors.families.pocket_tts.loop import Settings
from actors.families.pocket_tts.voices import load_voice
from exporter.build import Export


def with_voices(export: Export, folder: Path, layout: Layout) -> Export:  # noqa: ARG001 - one interface
    """Return ``export`` with the voices of ``folder`` in place of its own.

    Raises:
        UsageError: the folder has no voice.
        BundleError: a voice is damaged, or another model's.
    """
    settings = export.settings
    if not isinstance(settings, Settings):
        raise UsageError(f"{export.family} models do not speak with PocketTTS's voices")
    voices = find_voices(folder)
    if not voices:
        raise UsageError(f"{folder} has no voice: voices are *.safetensors with a key …self_attn/cache")
    for path in voices.values():
        load_voice(path, settings.layers, settings.kv_heads, settings.head_dim)
    others = {member: path for member, path in export.files.items() if member not in map(voice_member, export.voices)}
    return replace(export, voices=list(voices), files=others | {voice_member(name): path for name, path in voices.items()})


def find_voices(folder: Path) -> dict[str, Path]:
    """Return the voice states in ``folder`` and in its ``embeddings/`` and ``voices/``, by name and in its order.

    Files that hold other tensors, such as the model's weights, are none.

    Raises:
        ExportError: a file is damaged, or two have one name.
    """
    found: dict[str, Path] = {}
    for path in sorted(path for place in (".", "embeddings", "voices") for path in (folder / place).glob("*.safetensors")):
        if not _is_voice(path):
            continue
        name = check_name(path.stem)
        if name in found:
            raise ExportError(f"{found[name]} and {path} are both called {name!r}: rename one")
        found[name] = path
    return dict(sorted(found.items()))


def _is_voice(path: Path) -> bool:
    try:
        with safe_open(path, "numpy") as tensors:
            return any(key.endswith("self_attn/cache") for key in tensors.keys())  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError) as error:
        raise ExportError(f"{path} is damaged or truncated: {error}") from error

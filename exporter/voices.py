"""The voices of a PocketTTS checkpoint: states that the original package made and saved."""

from pathlib import Path

from safetensors import SafetensorError, safe_open

from actors.bundle import check_name
from actors.errors import ExportError


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

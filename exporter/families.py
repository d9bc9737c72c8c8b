"""How families are exported: the one table.

A family of another package joins by an entry point of its name in the group ``speechmill.exporters``, which names its
:class:`FamilyExporter` (:mod:`actors.families.installed`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from actors.bundle import Layout
from actors.errors import UsageError
from actors.families.installed import load_installed
from exporter import pocket_tts, soprano, vibevoice_asr, vibevoice_realtime, whisper
from exporter.build import Export
from exporter.checkpoints import Checkpoint, open_checkpoint

_GROUP = "speechmill.exporters"


@dataclass(frozen=True)
class FamilyExporter:
    """How a family is exported.

    Attributes:
        find_checkpoint: opens a folder or a hub repository, or what else its checkpoints come as.
        load: reads a checkpoint and declares its graphs in a layout.
        with_voices: returns an export with the voices of a folder in place of its own; ``None`` if the family takes none.
    """

    find_checkpoint: Callable[[str], Checkpoint]
    load: Callable[[Checkpoint, Layout], Export]
    with_voices: Callable[[Export, Path, Layout], Export] | None = None


EXPORTERS: dict[str, FamilyExporter] = {
    "pocket-tts": FamilyExporter(pocket_tts.find_checkpoint, pocket_tts.load, pocket_tts.with_voices),
    "soprano": FamilyExporter(partial(open_checkpoint, files=soprano.FILES), soprano.load),
    "vibevoice-asr": FamilyExporter(partial(open_checkpoint, files=vibevoice_asr.FILES), vibevoice_asr.load),
    "vibevoice-realtime": FamilyExporter(
        partial(open_checkpoint, files=vibevoice_realtime.FILES), vibevoice_realtime.load, vibevoice_realtime.with_presets
    ),
    "whisper": FamilyExporter(partial(open_checkpoint, files=whisper.FILES), whisper.load),
}


def read_export(family: str, checkpoint: str, layout: Layout, voices: Path | None = None) -> Export:
    """Read a checkpoint of a family and declare its graphs in ``layout``, with the voices of a folder if one is given.

    Raises:
        ExportError: it is no checkpoint of the family, or a voice is damaged.
        UsageError: the family cannot be exported or takes no voices, or there is no such checkpoint or no voice in the folder.
    """
    exporter = EXPORTERS.get(family) or load_installed(_GROUP, family, FamilyExporter)
    if exporter is None:
        raise UsageError(f"{family} models cannot be exported: no installed package says how ({_GROUP})")
    export = exporter.load(exporter.find_checkpoint(checkpoint), layout)
    if voices is None:
        return export
    if exporter.with_voices is None:
        raise UsageError(f"{family} takes no voices")
    return exporter.with_voices(export, voices, layout)

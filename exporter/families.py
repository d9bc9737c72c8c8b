"""The families that can be exported."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from actors.bundle import Layout
from exporter import pocket_tts, soprano, vibevoice_asr, vibevoice_realtime
from exporter.build import Export
from exporter.checkpoints import Checkpoint, open_checkpoint


@dataclass(frozen=True)
class FamilyExporter:
    """How a family is exported.

    Attributes:
        find_checkpoint: opens a folder or a hub repository, or what else its checkpoints come as.
        load: reads a checkpoint and declares its graphs in a layout.
    """

    find_checkpoint: Callable[[str], Checkpoint]
    load: Callable[[Checkpoint, Layout], Export]


FAMILIES: Mapping[str, FamilyExporter] = {
    "pocket-tts": FamilyExporter(pocket_tts.find_checkpoint, pocket_tts.load),
    "soprano": FamilyExporter(partial(open_checkpoint, files=soprano.FILES), soprano.load),
    "vibevoice-asr": FamilyExporter(partial(open_checkpoint, files=vibevoice_asr.FILES), vibevoice_asr.load),
    "vibevoice-realtime": FamilyExporter(partial(open_checkpoint, files=vibevoice_realtime.FILES), vibevoice_realtime.load),
}

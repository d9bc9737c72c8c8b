"""The families that can be exported: one module each, with ``FILES`` and ``load``."""

from collections.abc import Mapping
from typing import Protocol

from actors.bundle import Layout
from exporter import pocket_tts, soprano, vibevoice_asr
from exporter.build import Export
from exporter.checkpoints import Checkpoint


class FamilyExporter(Protocol):
    """What a family's module must have."""

    FILES: tuple[str, ...]

    def load(self, checkpoint: Checkpoint, layout: Layout) -> Export:
        """Read a checkpoint with (at least) ``FILES`` and declare its graphs."""


FAMILIES: Mapping[str, FamilyExporter] = {
    "pocket-tts": pocket_tts,
    "soprano": soprano,
    "vibevoice-asr": vibevoice_asr,
}

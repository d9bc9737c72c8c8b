"""How the toy family is exported: its checkpoint is a ``config.json`` with its settings."""

from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from toy_family import Settings

from actors.bundle import Layout
from exporter.build import Export, GraphExport
from exporter.checkpoints import Checkpoint, open_checkpoint
from exporter.families import FamilyExporter
from exporter.graphs import Graph, Port
from exporter.verify import Case


class Voice(nn.Module):
    def forward(self, phase: Tensor) -> Tensor:
        return torch.sin(phase)


def load(checkpoint: Checkpoint, layout: Layout) -> Export:  # noqa: ARG001 - one interface
    sweep = Case("a sweep", {"phase": np.linspace(0, 9, 100, dtype=np.float32) ** 2})
    voice = Graph("voice", "voice.onnx", Voice(), (Port("phase", ("samples",)),), (Port("audio", ("samples",)),))
    return Export(
        family="toy",
        sample_rate=16_000,
        voices=["hum"],
        graphs=[GraphExport(voice, [sweep], measured="audio")],
        example_sizes={"samples": 3},
        settings=Settings(**checkpoint.json("config.json")),
        files={},
        source=checkpoint.source,
    )


EXPORTER = FamilyExporter(partial(open_checkpoint, files=["config.json"]), load)

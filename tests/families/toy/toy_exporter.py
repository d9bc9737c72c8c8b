"""How the toy family is exported: its checkpoint is a ``config.json`` with its settings."""

from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from actors.bundle import Layout
from exporter.build import Export
from exporter.checkpoints import Checkpoint, open_checkpoint
from exporter.families import FamilyExporter
from exporter.graphs import Graph, Port
from exporter.verify import Case


class Voice(nn.Module):
    def forward(self, phase: Tensor) -> Tensor:
        return torch.sin(phase)


def load(checkpoint: Checkpoint, layout: Layout) -> Export:  # noqa: ARG001 - one interface
    voice = Graph("voice", "voice.onnx", Voice(), (Port("phase", ("samples",)),), (Port("audio", ("samples",)),))
    return Export(
        family="toy",
        sample_rate=16_000,
        voices=["hum"],
        graphs={"voice": voice},
        example_sizes={"samples": 3},
        settings=checkpoint.json("config.json"),
        files={},
        cases={"voice": [Case("a sweep", {"phase": np.linspace(0, 9, 100, dtype=np.float32) ** 2})]},
        speech={},
        audio={"voice": "audio"},
        keep_float32=(),
        io_float32=(),
        source=checkpoint.source,
    )


EXPORTER = FamilyExporter(partial(open_checkpoint, files=["config.json"]), load)

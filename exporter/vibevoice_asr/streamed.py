"""The language model where it is larger than memory: read layer by layer, and traced without its matrices."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from actors.errors import ExportError
from exporter.qwen import Backbone, Layer, QwenConfig
from exporter.streaming import Rows, hollow
from exporter.vibevoice_asr.config import Config
from exporter.vibevoice_asr.modules import Decoder


class StreamedBackbone(Backbone):
    """Layers larger than memory: traced without their matrices, and run with those of one layer at a time."""

    def __init__(self, config: QwenConfig, num_layers: int, matrices: Mapping[str, Rows]) -> None:
        with torch.device("meta"):
            super().__init__(config, num_layers)
        self._set_tables()
        self._matrices = matrices

    def blocks(self) -> Iterable[Layer]:
        """The layers; outside of tracing each is read when it is its turn."""
        if torch.compiler.is_exporting():
            yield from super().blocks()
            return
        layer = Layer(self.config)  # one for all of them: two would be a gigabyte more
        for i, hollow_layer in enumerate(super().blocks()):
            for name, parameter in layer.named_parameters():
                if parameter.dim() == 1:
                    parameter.data.copy_(hollow_layer.get_parameter(name))
                    continue
                for first, block in self._matrices[f"layers.{i}.{name}"].blocks():
                    parameter.data[:, first : first + len(block)] = torch.from_numpy(block).T
            yield layer


class StreamedDecoder(Decoder):
    """A decoder larger than memory.

    Args:
        config: the model's.
        matrices: what the transposes of its matrices are read from, by name.
        vectors: its other weights.
        origin: for messages.

    Raises:
        ExportError: a matrix has not the shape that the configuration says.
    """

    def __init__(self, config: Config, matrices: Mapping[str, Rows], vectors: Mapping[str, Tensor], origin: str) -> None:
        layers = {name.removeprefix("backbone."): rows for name, rows in matrices.items()}
        backbone = StreamedBackbone(config.lm, config.lm_layers, layers)
        with torch.device("meta"):
            super().__init__(backbone)
        self.matrices = matrices
        for name, rows in matrices.items():
            if rows.shape[::-1] != (shape := tuple(self.get_parameter(name).shape)):
                raise ExportError(f"{origin}: {name} is {list(rows.shape[::-1])} there, config.json asks for {list(shape)}")
        for name, vector in vectors.items():
            owner, _, leaf = name.rpartition(".")
            self.get_submodule(owner).register_parameter(leaf, nn.Parameter(vector, requires_grad=False))
        hollow(self)

    def project(self, hidden: Tensor) -> Tensor:
        """Map normalised hidden states ``[rows, hidden]`` to logits."""
        if torch.compiler.is_exporting():
            return super().project(hidden)
        blocks = self.matrices["lm_head.weight"].blocks()
        return torch.cat([hidden @ torch.from_numpy(block).T for _, block in blocks], dim=1)


class Embedding(nn.Module):
    """The table of the tokens, which the public graphs hold and workers map from a file. Read outside of tracing by rows."""

    def __init__(self, table: Rows, *, streamed: bool) -> None:
        super().__init__()
        self.table = table
        with torch.device("meta"):
            self.weight = nn.Parameter(torch.empty(table.shape), requires_grad=False)
        if streamed:
            hollow(self)
        else:
            self.weight = nn.Parameter(torch.from_numpy(table.read(0, table.shape[0])), requires_grad=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Map ids ``[batch, sequence]`` to ``[batch, sequence, hidden]``."""
        if torch.compiler.is_exporting():
            return nn.functional.embedding(ids, self.weight)
        return torch.from_numpy(self.table.take(ids.numpy()))

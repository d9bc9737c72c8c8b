"""The language model where it is larger than memory: read matrix by matrix, and traced without them."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from actors.errors import ExportError
from exporter.layers import Linear
from exporter.qwen import Backbone, QwenConfig
from exporter.streaming import Rows, hollow
from exporter.vibevoice_asr.config import Config
from exporter.vibevoice_asr.modules import Decoder


class StreamedLinear(Linear):
    """Traced without its matrix, which is read block by block at every call.

    Args:
        matrix: ``[out, in]``.
        bias: whether there is one.
    """

    def __init__(self, matrix: Rows, *, bias: bool) -> None:
        with torch.device("meta"):
            super().__init__(*matrix.shape[::-1], bias)
        self.matrix = matrix

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[..., in]`` to ``[..., out]``."""
        if torch.compiler.is_exporting():
            return super().forward(x)
        y = torch.cat([x @ torch.from_numpy(block).T for _, block in self.matrix.blocks()], dim=-1)
        return y if self.bias is None else y + self.bias


class StreamedBackbone(Backbone):
    """Layers without their weights."""

    def __init__(self, config: QwenConfig, num_layers: int) -> None:
        with torch.device("meta"):
            super().__init__(config, num_layers)
        self._set_tables()


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
        backbone = StreamedBackbone(config.lm, config.lm_layers)
        with torch.device("meta"):
            super().__init__(backbone)
        self.matrices = matrices
        for name, rows in matrices.items():
            if rows.shape[::-1] != (shape := tuple(self.get_parameter(name).shape)):
                raise ExportError(f"{origin}: {name} is {list(rows.shape[::-1])} there, config.json asks for {list(shape)}")
            module = name.removesuffix(".weight")
            self.set_submodule(module, StreamedLinear(rows, bias=f"{module}.bias" in vectors))
        for name, vector in vectors.items():
            owner, _, leaf = name.rpartition(".")
            self.get_submodule(owner).register_parameter(leaf, nn.Parameter(vector, requires_grad=False))
        hollow(self)


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

"""A graph declared once: its inputs and outputs, from which export, example feeds, axis names and checks follow."""

import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir
import torch
from torch import nn

from actors.bundle import DType, GraphSpec, Precision

OPSET = 23


@dataclass(frozen=True)
class Port:
    """A named tensor at a graph's edge.

    Attributes:
        name: as in the ONNX file.
        axes: a size, or the name of a dynamic axis; outermost first.
        dtype: of its values.
        half: whether it is float16 where the graph computes in float16, as caches are. All others stay float32.
        quantized: whether it is uint8 where the graph computes in int8, with a scale for each column beside it, which is called
            ``<name>_scale``: what one graph puts out and MatMuls of another read as their right side.
    """

    name: str
    axes: tuple[int | str, ...]
    dtype: DType = "float32"
    half: bool = False
    quantized: bool = False

    @property
    def scale(self) -> "Port":
        """What is beside it where it is uint8: a float32 for each column, by which its distance from 128 is multiplied."""
        return Port(f"{self.name}_scale", (*self.axes[:-2], 1, self.axes[-1]))


@dataclass(frozen=True)
class Graph:
    """A torch module together with the ports of the ONNX graph it becomes.

    The module's ``forward`` takes the inputs and returns the outputs in the declared order, as flat tuples of tensors.
    """

    name: str
    file: str
    module: nn.Module
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    opset: int = OPSET

    @property
    def io_float32(self) -> list[str]:
        """Names of the inputs and outputs that stay float32 where the graph computes in float16."""
        return [port.name for port in (*self.inputs, *self.outputs) if not port.half]

    def spec(self, precision: Precision, model: onnx.ModelProto) -> GraphSpec:
        """Return the manifest's form of this graph as it is in ``model``, which may have other dtypes than declared."""
        dtypes = {
            value.name: onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).name
            for value in (*model.graph.input, *model.graph.output)
        }

        def edges(ports: tuple[Port, ...]) -> list[dict[str, Any]]:
            found = [edge for port in ports for edge in (port, *([port.scale] if dtypes[port.name] == "uint8" else []))]
            return [{"name": p.name, "dtype": dtypes[p.name], "axes": list(p.axes)} for p in found]

        return GraphSpec.model_validate(
            {"file": self.file, "precision": precision, "inputs": edges(self.inputs), "outputs": edges(self.outputs)}
        )

    def run(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run the torch module eagerly on named arrays: the reference every exported form is compared with."""
        with torch.no_grad():
            outputs = self.module(*(torch.from_numpy(np.array(feeds[port.name])) for port in self.inputs))
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        return {port.name: tensor.numpy() for port, tensor in zip(self.outputs, outputs, strict=True)}


def export_graph(graph: Graph, sizes: Mapping[str, int]) -> onnx.ModelProto:
    """Trace ``graph.module`` into ONNX with every named axis dynamic.

    Args:
        graph: the declaration.
        sizes: example sizes of the dynamic axes (at least 2 each: torch.export specialises on 0 and 1).
    """
    model: onnx.ModelProto = _trace(graph, sizes).model_proto
    return _tidy(model, graph)


def export_shell(graph: Graph, sizes: Mapping[str, int], hollow: Collection[str]) -> onnx.ModelProto:
    """Trace as :func:`export_graph`, and leave the initializers named in ``hollow`` without content."""
    program = _trace(graph, sizes)
    for name in hollow:
        value = program.model.graph.initializers[name]
        tensor = value.const_value
        value.const_value = onnx_ir.ExternalTensor("hollow", 0, 0, tensor.dtype, shape=tensor.shape, name=name)
    model: onnx.ModelProto = onnx_ir.to_proto(program.model)
    return _tidy(model, graph)


def _trace(graph: Graph, sizes: Mapping[str, int]) -> Any:
    arguments = tuple(
        torch.zeros([sizes[a] if isinstance(a, str) else a for a in port.axes], dtype=getattr(torch, port.dtype))
        for port in graph.inputs
    )
    dims = {name: torch.export.Dim(name, min=1) for name in sizes}
    shapes = tuple({i: dims[a] for i, a in enumerate(port.axes) if isinstance(a, str)} for port in graph.inputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter deprecates its own internals at every call
        program = torch.onnx.export(
            _Flat(graph.module).eval(),
            arguments,
            input_names=[port.name for port in graph.inputs],
            output_names=[port.name for port in graph.outputs],
            dynamic_shapes=(shapes,),
            opset_version=graph.opset,
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("torch.onnx.export(dynamo=True) returned no program")
    return program


def _tidy(model: onnx.ModelProto, graph: Graph) -> onnx.ModelProto:
    # The exporter notes stack traces: this machine's paths, and line numbers that would change the bundle's digest.
    for item in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output):
        del item.metadata_props[:]
    _name_axes(model, graph)
    return model


def save_graph(model: onnx.ModelProto, path: Path) -> None:
    """Write ``model`` to ``path`` and its weights to ``<path>.data``, which all processes of a node can map."""
    data = f"{path.name}.data"
    copy = onnx.ModelProto()
    copy.CopyFrom(model)  # onnx.save strips the weights of the model it is given
    (path.parent / data).unlink(missing_ok=True)  # onnx.save appends to a data file that is there
    onnx.save(copy, path, save_as_external_data=True, location=data, size_threshold=1024)
    for file in (path, path.parent / data):
        if file.exists():
            file.chmod(0o644)  # onnx makes the data file private; a bundle is shared


class _Flat(nn.Module):
    """Gives every module the signature ``forward(*tensors)``, so that dynamic shapes are always one flat tuple."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Call the wrapped module."""
        outputs: torch.Tensor | tuple[torch.Tensor, ...] = self.module(*tensors)
        return outputs


def _name_axes(model: onnx.ModelProto, graph: Graph) -> None:
    """Write the declared axis names into the model's edges, where the exporter leaves derived expressions."""
    for values, ports in ((model.graph.input, graph.inputs), (model.graph.output, graph.outputs)):
        by_name = {value.name: value for value in values}
        for port in ports:
            shape = by_name[port.name].type.tensor_type.shape
            del shape.dim[:]
            for axis in port.axes:
                dim = shape.dim.add()
                if isinstance(axis, str):
                    dim.dim_param = axis
                else:
                    dim.dim_value = axis

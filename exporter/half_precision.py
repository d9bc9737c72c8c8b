"""An exported graph in float16, for GPUs."""

from collections.abc import Iterable

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from exporter.quantize import drop_unused_initializers, shell


def to_float16(model: onnx.ModelProto, keep: Iterable[str] = (), io_float32: Iterable[str] = ()) -> onnx.ModelProto:
    """Return ``model`` computing in float16, for GPUs.

    Args:
        model: the fp32 graph as the exporter wrote it, with the types of all its values. Weights without content become
            ones called ``<weight>.half``, which have none either.
        keep: parts of the names of weights, whose nodes stay float32 with everything behind them.
        io_float32: inputs and outputs that stay float32; all others, such as KV caches, become float16.
    """
    halved = onnx.ModelProto()
    halved.CopyFrom(model)
    graph = halved.graph
    for node in graph.node:
        if node.op_type == "RMSNormalization":  # the same arithmetic under the name that has a kernel on every provider
            node.op_type = "SimplifiedLayerNormalization"
    exact = _exact_values(graph, tuple(keep))
    _Halver(graph, exact, set(io_float32)).run()
    drop_unused_initializers(graph)
    return halved


def _exact_values(graph: onnx.GraphProto, keep: tuple[str, ...]) -> set[str]:
    """Return the values that stay float32: the kept weights and what depends on them. Nodes are in topological order."""
    reached = {tensor.name for tensor in graph.initializer if any(part in tensor.name for part in keep)}
    for node in graph.node:
        if reached.intersection(node.input):
            reached.update(node.output)
    return reached


def _in_half(tensor: TensorProto, name: str) -> TensorProto:
    if tensor.data_location == TensorProto.EXTERNAL:  # it is not there yet
        return shell(name, TensorProto.FLOAT16, tensor.dims)
    return numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), name)


class _Halver:
    """Turns the float32 values of a graph into float16, except ``exact`` ones, with casts where the two meet."""

    def __init__(self, graph: onnx.GraphProto, exact: set[str], io_float32: set[str]) -> None:
        self.graph = graph
        self.exact = exact
        self.io_float32 = io_float32
        typed = [*graph.value_info, *graph.input, *graph.output]
        self.floats = {value.name for value in typed if value.type.tensor_type.elem_type == TensorProto.FLOAT}
        self.floats |= {tensor.name for tensor in graph.initializer if tensor.data_type == TensorProto.FLOAT}
        self.initializers = {tensor.name: tensor for tensor in graph.initializer}
        self._casts: dict[str, NodeProto] = {}

    def run(self) -> None:
        """Rewrite the graph in place."""
        inputs = {value.name for value in self.graph.input}
        outputs = {value.name for value in self.graph.output} & self.io_float32 & self.floats - self.exact
        nodes = []
        for node in self.graph.node:
            is_exact = any(name in self.exact for name in node.output)
            before = len(self._casts)
            for i, name in enumerate(node.input):
                if name in outputs:
                    node.input[i] = name if is_exact else f"{name}.half"
                elif name in self.floats and self._is_half(name, inputs) == is_exact:
                    node.input[i] = self._cast(name, to_half=not is_exact)
            nodes += list(self._casts.values())[before:]
            if not is_exact:
                self._halve_attributes(node)
            for i, name in enumerate(node.output):
                if name in outputs:  # the output keeps its name; the node writes to another one
                    node.output[i] = f"{name}.half"
            nodes.append(node)
            nodes += [
                helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT)
                for name in outputs
                if f"{name}.half" in node.output
            ]
        del self.graph.node[:]
        self.graph.node.extend(nodes)
        del self.graph.value_info[:]
        for value in (*self.graph.input, *self.graph.output):
            if value.name in self.floats and value.name not in self.io_float32 | self.exact:
                value.type.tensor_type.elem_type = TensorProto.FLOAT16

    def _is_half(self, name: str, inputs: set[str]) -> bool:
        """Whether a value is float16 where it is made. An initializer is what its first reader needs."""
        return name not in self.exact and name not in self.initializers and not (name in inputs and name in self.io_float32)

    def _cast(self, name: str, *, to_half: bool) -> str:
        """Return the name of ``name`` in the other precision; constants are converted, values are cast once."""
        converted = f"{name}.{'half' if to_half else 'single'}"
        if name in self.initializers:
            if converted not in self.initializers:
                self.initializers[converted] = _in_half(self.initializers[name], converted)
                self.graph.initializer.append(self.initializers[converted])
        elif converted not in self._casts:
            kind = TensorProto.FLOAT16 if to_half else TensorProto.FLOAT
            self._casts[converted] = helper.make_node("Cast", [name], [converted], to=kind)
        return converted

    @staticmethod
    def _halve_attributes(node: NodeProto) -> None:
        for attribute in node.attribute:
            if attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.FLOAT16
            elif attribute.name == "value" and attribute.t.data_type == TensorProto.FLOAT:
                attribute.t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(attribute.t).astype(np.float16)))

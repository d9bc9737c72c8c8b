"""Makes inputs and outputs of a graph uint8 with a scale for each column: what one graph puts out and another reads many times.

A cache is read whole at every step, so that its bytes are what a step costs; and integers of a column depend on that column
alone, whatever else is in the batch. Both factors of a product are uint8: of two such no processor lets a sum saturate.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from actors.errors import ExportError
from exporter.graphs import Port

_MIDDLE, _STEPS = 128, 127
_TINY = np.float32(1e-12)  # keeps a column of zeros from dividing by zero


def quantize_edges(model: onnx.ModelProto, inputs: Iterable[Port], outputs: Iterable[Port]) -> onnx.ModelProto:
    """Return ``model`` with these float32 edges as uint8, each with its scales beside it (:attr:`exporter.graphs.Port.scale`).

    The rows of what is multiplied with an input are quantized in the graph: by ``max|x| / 127``, or, behind a softmax, by
    ``max x / 255``.

    Raises:
        ExportError: an input is read by anything but the right side of a MatMul.
    """
    quantized = onnx.ModelProto()
    quantized.CopyFrom(model)
    rewriter = _Edges(quantized.graph)
    for port in outputs:
        rewriter.put_out(port)
    for port in inputs:
        rewriter.take_in(port)
    rewriter.finish()
    return quantized


def quantize_columns(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return float32 ``[..., rows, columns]`` as uint8, and its scales ``[..., 1, columns]``, as a graph puts them out."""
    scale = np.maximum(np.abs(array).max(axis=-2, keepdims=True) / np.float32(_STEPS), _TINY)
    return (np.round(array / scale) + _MIDDLE).astype(np.uint8), scale


def dequantize_columns(integers: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return what :func:`quantize_columns` was given, as it is after it."""
    restored: np.ndarray = (integers.astype(np.float32) - _MIDDLE) * scale
    return restored


def quantize_feeds(feeds: Mapping[str, np.ndarray], ports: Iterable[Port]) -> dict[str, np.ndarray]:
    """Return a graph's inputs as it takes them when these ports are quantized."""
    made = dict(feeds)
    for port in ports:
        if port.name in feeds:
            made[port.name], made[port.scale.name] = quantize_columns(feeds[port.name])
    return made


def dequantize_outputs(outputs: Mapping[str, np.ndarray], ports: Iterable[Port]) -> dict[str, np.ndarray]:
    """Return a graph's outputs as it gave them before these ports were quantized."""
    made = dict(outputs)
    for port in ports:
        if port.name in outputs:
            made[port.name] = dequantize_columns(outputs[port.name], made.pop(port.scale.name))
    return made


class _Edges:
    """Rewrites one graph; rows that are multiplied with several inputs are quantized once."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._graph = graph
        self._nodes = list(graph.node)
        self._initializers: dict[str, TensorProto] = {}
        self._softmaxes = _softmaxes(self._nodes)
        self._rows: set[str] = set()

    def finish(self) -> None:
        """Write the changed nodes into the graph."""
        del self._graph.node[:]
        self._graph.node.extend(self._nodes)
        self._graph.initializer.extend(self._initializers.values())

    def put_out(self, port: Port) -> None:
        """Quantize an output's columns in the graph."""
        name = f"{port.name}.float"
        for node in self._nodes:
            node.output[:] = [name if output == port.name else output for output in node.output]
            node.input[:] = [name if read == port.name else read for read in node.input]
        self._nodes += self._quantize(name, port.name, port.scale.name, axis=-2, is_positive=False)
        self._retype(self._graph.output, port)

    def take_in(self, port: Port) -> None:
        """Multiply with an input's integers."""
        nodes = []
        for node in self._nodes:
            if port.name not in node.input or node.op_type == "Shape":
                nodes.append(node)
            elif node.op_type == "MatMul" and node.input[1] == port.name != node.input[0]:
                nodes += self._multiply(node, port)
            else:
                raise ExportError(f"{port.name} is read by a {node.op_type}: only the right side of a MatMul can be quantized")
        self._nodes = nodes
        self._retype(self._graph.input, port)

    def _multiply(self, node: NodeProto, port: Port) -> list[NodeProto]:
        rows, output = node.input[0], node.output[0]
        integers, scale = f"{rows}.edge_uint8", f"{rows}.edge_scale"
        is_positive = rows in self._softmaxes
        nodes = []
        if rows not in self._rows:
            self._rows.add(rows)
            nodes += self._quantize(rows, integers, scale, axis=-1, is_positive=is_positive)
        middles = [
            self._constant(f"edges.middle_{value}", np.uint8(value)) for value in (0 if is_positive else _MIDDLE, _MIDDLE)
        ]
        return [
            *nodes,
            helper.make_node("MatMulInteger", [integers, port.name, *middles], [f"{output}.integer"]),
            helper.make_node("Cast", [f"{output}.integer"], [f"{output}.float"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{output}.float", port.scale.name], [f"{output}.by_column"]),
            helper.make_node("Mul", [f"{output}.by_column", scale], [output]),
        ]

    def _quantize(self, x: str, integers: str, scale: str, *, axis: int, is_positive: bool) -> list[NodeProto]:
        """Return the nodes that make uint8 of ``x``, with a scale for all that lies along ``axis``."""
        steps, middle = (255, 0) if is_positive else (_STEPS, _MIDDLE)
        along = self._constant(f"edges.axis_{-axis}", np.array([axis], np.int64))
        per_step = self._constant(f"edges.per_{steps}_steps", np.float32(1 / steps))
        tiny = self._constant("edges.tiny", _TINY)
        magnitude = x if is_positive else f"{integers}.magnitude"
        return [
            *([] if is_positive else [helper.make_node("Abs", [x], [magnitude])]),
            helper.make_node("ReduceMax", [magnitude, along], [f"{integers}.peak"], keepdims=1),
            helper.make_node("Mul", [f"{integers}.peak", per_step], [f"{integers}.step"]),
            helper.make_node("Max", [f"{integers}.step", tiny], [scale]),
            *(self._round_rows if axis == -1 else self._round)(x, scale, integers, middle),
        ]

    def _round(self, x: str, scale: str, integers: str, middle: int) -> list[NodeProto]:
        """``x / scale + middle`` as uint8, whatever the scale's shape."""
        offset = self._constant(f"edges.offset_{middle}", np.float32(middle))
        return [
            helper.make_node("Div", [x, scale], [f"{integers}.steps"]),
            helper.make_node("Round", [f"{integers}.steps"], [f"{integers}.rounded"]),
            helper.make_node("Add", [f"{integers}.rounded", offset], [f"{integers}.offset"]),
            helper.make_node("Cast", [f"{integers}.offset"], [integers], to=TensorProto.UINT8),
        ]

    def _round_rows(self, x: str, scale: str, integers: str, middle: int) -> list[NodeProto]:
        """The same where each row has a scale: in one operator, which takes rows of a matrix."""
        flat = self._constant("edges.flat", np.array([-1], np.int64))
        middles = helper.make_tensor("value", TensorProto.UINT8, [1], [middle])
        return [
            helper.make_node("Flatten", [x], [f"{integers}.matrix"], axis=-1),
            helper.make_node("Reshape", [scale, flat], [f"{integers}.scales"]),
            helper.make_node("Shape", [f"{integers}.scales"], [f"{integers}.rows"]),
            helper.make_node("ConstantOfShape", [f"{integers}.rows"], [f"{integers}.middles"], value=middles),
            helper.make_node(
                "QuantizeLinear",
                [f"{integers}.matrix", f"{integers}.scales", f"{integers}.middles"],
                [f"{integers}.flat"],
                axis=0,
            ),
            helper.make_node("Shape", [x], [f"{integers}.shape"]),
            helper.make_node("Reshape", [f"{integers}.flat", f"{integers}.shape"], [integers]),
        ]

    def _retype(self, values: "Iterable[onnx.ValueInfoProto]", port: Port) -> None:
        """Make an edge uint8 and put one for its scales behind it."""
        edge = next(value for value in values if value.name == port.name)
        edge.type.tensor_type.elem_type = TensorProto.UINT8
        values.append(helper.make_tensor_value_info(port.scale.name, TensorProto.FLOAT, port.scale.axes))  # type: ignore[attr-defined]

    def _constant(self, name: str, value: np.ndarray | np.generic) -> str:
        self._initializers[name] = numpy_helper.from_array(np.asarray(value), name)
        return name


def _softmaxes(nodes: Iterable[NodeProto]) -> set[str]:
    """Return what holds the outputs of softmaxes, also in other shapes."""
    found: set[str] = set()
    for node in nodes:
        if node.op_type == "Softmax" or (node.op_type in ("Reshape", "Transpose") and node.input[0] in found):
            found.add(node.output[0])
    return found

"""Writes a graph for OpenVINO: its IR, an ``.xml`` with the weights in a ``.bin`` beside it."""

import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import openvino
from onnx import helper, numpy_helper

from actors.bundle import Precision
from actors.runtime.openvino import GROUP, open_openvino
from exporter.graphs import save_graph
from exporter.quantize import drop_unused_initializers, quantize_channels
from exporter.verify import Feeds, Run


def write_ir(model: onnx.ModelProto, path: Path, precision: Precision, keep: Iterable[str] = ()) -> None:
    """Write an fp32 graph as IR.

    Args:
        model: the graph.
        path: of the ``.xml``.
        precision: ``fp32``; ``fp16``, whose weights are halved; or ``int8``, whose weights get a scale for each channel. What
            is multiplied with those OpenVINO quantizes as it runs, groups of a row's values by themselves, so that a row's
            result depends on nothing but the row.
        keep: parts of the names of weights that stay float32 in int8.

    Raises:
        RuntimeError: OpenVINO does not have one of its operators.
    """
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "graph.onnx")
        save_graph(compress_weights(model, keep) if precision == "int8" else model, source)
        converted = openvino.Core().read_model(source)
        _number_nodes(converted)
        openvino.save_model(converted, path, compress_to_fp16=precision == "fp16")


def _number_nodes(model: openvino.Model) -> None:
    """Name what OpenVINO made by its place: it counts all that a process has made, and equal graphs would be other files."""
    for place, node in enumerate(model.get_ordered_ops()):
        if re.fullmatch(rf"{node.get_type_name()}_\d+", node.get_friendly_name()):
            node.set_friendly_name(f"{node.get_type_name()}_{place}")


def compress_weights(model: onnx.ModelProto, keep: Iterable[str] = ()) -> onnx.ModelProto:
    """Return ``model`` with int8 weights in place of those of every ``MatMul(x, constant)``, made floats again by a node.

    The integers are those of :func:`exporter.quantize.quantize_int8`. Weights of inputs that are no whole number of groups stay
    float32: OpenVINO does not quantize what they are multiplied with, and has another kernel for a row that is alone.

    Args:
        model: the graph.
        keep: parts of the names of weights that stay float32.
    """
    compressed = onnx.ModelProto()
    compressed.CopyFrom(model)
    graph, keep = compressed.graph, tuple(keep)
    weights = {tensor.name: tensor for tensor in graph.initializer if len(tensor.dims) == 2 and tensor.dims[0] % GROUP == 0}
    weights = {name: tensor for name, tensor in weights.items() if not any(part in name for part in keep)}
    nodes = list(graph.node)
    del graph.node[:]
    done: set[str] = set()
    for node in nodes:
        name = node.input[1] if node.op_type == "MatMul" else ""
        if name in weights:
            if name not in done:
                graph.node.append(_dequantize(graph, name, numpy_helper.to_array(weights[name])))
                done.add(name)
            node.input[1] = f"{name}.float"
        graph.node.append(node)
    drop_unused_initializers(graph)
    return compressed


def _dequantize(graph: onnx.GraphProto, name: str, weight: np.ndarray) -> onnx.NodeProto:
    """Add the integers and scales of a weight ``[inputs, channels]``; return the node that makes floats of them."""
    integers, scale = quantize_channels(weight.T.astype(np.float32), pairs_fit=False)
    for suffix, array in (("int8", np.ascontiguousarray(integers.T)), ("scale", scale.astype(np.float32))):
        graph.initializer.append(numpy_helper.from_array(array, f"{name}.{suffix}"))
    return helper.make_node("DequantizeLinear", [f"{name}.int8", f"{name}.scale"], [f"{name}.float"], axis=1)


def open_ir(path: Path, precision: Precision, threads: int) -> Run:
    """Return a function that runs an IR on the CPU with named inputs and outputs, as workers run it."""
    session = open_openvino(path, threads, precision)
    names = list(session.outputs)

    def run(feeds: Feeds) -> dict[str, np.ndarray]:
        return dict(zip(names, session.run(names, feeds), strict=True))

    return run

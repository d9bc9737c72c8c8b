"""A graph that looks like any other and never returns."""

import onnx
from onnx import TensorProto, helper

from actors.bundle import GraphSpec, TensorSpec

_TYPES = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16, "int64": TensorProto.INT64, "int32": TensorProto.INT32}


def endless_graph(spec: GraphSpec) -> bytes:
    """Return an ONNX file with the inputs and outputs of ``spec``, which loops for ever."""

    def edge(tensor: TensorSpec) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(tensor.name, _TYPES[tensor.dtype], tensor.axes)

    scalar, truth = ((name, kind, []) for name, kind in (("value", TensorProto.FLOAT), ("go on", TensorProto.BOOL)))
    body = helper.make_graph(
        [helper.make_node("Identity", ["go on"], ["still"]), helper.make_node("Mul", ["value", "value"], ["next"])],
        "body",
        [helper.make_tensor_value_info(*edge) for edge in (("i", TensorProto.INT64, []), truth, scalar)],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, []),
        ],
    )
    nodes = [helper.make_node("Loop", ["", "true", "one"], ["end"], body=body)]
    constants = [
        helper.make_tensor("true", TensorProto.BOOL, [], [True]),
        helper.make_tensor("one", TensorProto.FLOAT, [], [1.0]),
    ]
    for tensor in spec.outputs:
        shape = [axis if isinstance(axis, int) else 1 for axis in tensor.axes]
        constants.append(helper.make_tensor(f"shape of {tensor.name}", TensorProto.INT64, [len(shape)], shape))
        nodes += [
            helper.make_node("Cast", ["end"], [f"one {tensor.name}"], to=_TYPES[tensor.dtype]),
            helper.make_node("Expand", [f"one {tensor.name}", f"shape of {tensor.name}"], [tensor.name]),
        ]
    graph = helper.make_graph(nodes, "endless", [*map(edge, spec.inputs)], [*map(edge, spec.outputs)], constants)
    content: bytes = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10).SerializeToString()
    return content

"""Writes the graph that tells workers whether their processor lets sums of bytes saturate: ``python -m exporter.probe``."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from actors.runtime.session import PROBE, PROBED_INPUTS

CHANNELS = 16


def probe() -> onnx.ModelProto:
    """Return ``sums = ones @ weight``: products of uint8 ``[rows, PROBED_INPUTS]`` with the largest int8 there are."""
    weight = numpy_helper.from_array(np.full((PROBED_INPUTS, CHANNELS), 127, np.int8), "weight")
    node = helper.make_node("MatMulInteger", ["bytes", "weight"], ["sums"])
    given = helper.make_tensor_value_info("bytes", TensorProto.UINT8, ["rows", PROBED_INPUTS])
    made = helper.make_tensor_value_info("sums", TensorProto.INT32, ["rows", CHANNELS])
    graph = helper.make_graph([node], "probe", [given], [made], [weight])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10, producer_name="speechmill")


if __name__ == "__main__":
    Path(PROBE).write_bytes(probe().SerializeToString())

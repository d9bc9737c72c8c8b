"""What one thread of this machine can do at most: products a second in fp32 and int8, and bytes a second from memory."""

import time
from collections.abc import Callable

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

SIZE = 1024  # of the matrices: they fit into the second cache
_ROUNDS = 20
_MEMORY_BYTES = 1 << 28


def limits() -> dict[str, float]:
    """Return ``fp32`` and ``int8``, in 10^9 multiplications a second, and ``memory``, in 10^9 bytes: each of its best round."""
    random = np.random.default_rng(0)
    floats = random.standard_normal((SIZE, SIZE)).astype(np.float32)
    rows, columns = random.integers(0, 255, (SIZE, SIZE), np.uint8), random.integers(-127, 127, (SIZE, SIZE), np.int8)
    source, target = np.full(_MEMORY_BYTES, 1, np.uint8), np.full(_MEMORY_BYTES, 2, np.uint8)
    products = SIZE**3 / 1e9
    return {
        "fp32": products / _best(_product("MatMul", floats, floats)),
        "int8": products / _best(_product("MatMulInteger", rows, columns)),
        "memory": 2 * _MEMORY_BYTES / 1e9 / _best(lambda: np.copyto(target, source)),
    }


def _product(operator: str, left: np.ndarray, right: np.ndarray) -> Callable[[], object]:
    """Return a run of ONNX Runtime, with one thread, that multiplies ``left`` by a constant."""
    kinds = [
        helper.np_dtype_to_tensor_dtype(left.dtype),
        TensorProto.INT32 if left.dtype == np.uint8 else TensorProto.FLOAT,
    ]
    x, y = (helper.make_tensor_value_info(name, kind, [SIZE, SIZE]) for name, kind in zip("xy", kinds, strict=True))
    node = helper.make_node(operator, ["x", "weight"], ["y"])
    graph = helper.make_graph([node], operator, [x], [y], [numpy_helper.from_array(right, "weight")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"x": left})


def _best(run: Callable[[], object]) -> float:
    run()
    seconds = []
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)

"""Integer products are exact on every processor: extreme rows through sessions, against integer arithmetic in numpy.

valgrind gives its program a processor with AVX2 and neither AVX-512 nor VNNI, whatever the machine has: the kind on which
ONNX Runtime's products of uint8 and int8 saturate if nobody takes care.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from actors.runtime.processor import this_processor
from exporter.quantize import quantize_channels

ROOT = Path(__file__).parents[2]
INPUTS = (1, 7, 130, 512)  # of a product, some of them no multiple of what a kernel takes at once
BATCHES = (1, 2, 5, 16, 33)
ZERO_POINTS = (0, 128)  # of activations: behind a GELU, and elsewhere
SATURATING = ("avx512", "avx2", "avx", "sse4.1")
OPERATORS = ("MatMulInteger", "MatMulIntegerToFloat")  # of portable bundles, and of ours


def extreme_rows(length: int, low: int, high: int) -> np.ndarray:
    """Rows of integers in ``low .. high`` at which sums of neighbours are largest, smallest and mixed; and random ones."""
    index, generator = np.arange(length), np.random.default_rng(length)
    ends = np.array([high, low])
    rows = [np.full(length, high), np.full(length, low), np.zeros(length, int)]
    rows += [ends[index // run % 2] for run in (1, 2, 3, 4, 8)]
    rows += [np.where(index == length - 1, high, low), np.where(index == 0, high, 1)]
    rows += [generator.integers(low, high + 1, length) for _ in range(8)]
    rows += [generator.choice(ends, length) for _ in range(8)]
    return np.stack(rows)


def weights_of(length: int) -> dict[str, np.ndarray]:
    """Weights, int8 ``[inputs, channels]``: any that int8 holds, and those that portable bundles have in their place."""
    full = extreme_rows(length, -127, 127)
    return {"full": full.T.astype(np.int8), "paired": quantize_channels(full.astype(np.float32), pairs_fit=True)[0].T}


def batches_of(length: int) -> dict[str, np.ndarray]:
    """Activations, uint8 ``[rows, inputs]``; the first row is the largest."""
    rows = np.tile(extreme_rows(length, 0, 255), (2, 1)).astype(np.uint8)
    return {str(count): rows[:count] for count in BATCHES}


def save_product(path: Path, weight: np.ndarray, zero_point: int, operator: str) -> None:
    """``y = (x - zero_point) @ weight``, in int32 or float32."""
    one = np.array(1, np.float32)
    constants = {"weight": weight, "x_scale": one, "weight_scale": one, "zero_point": np.array(zero_point, np.uint8)}
    inputs = ["x", "weight", "zero_point"] if operator == "MatMulInteger" else ["x", *constants]
    node = helper.make_node(operator, inputs, ["y"], domain="" if operator == "MatMulInteger" else "com.microsoft")
    kind = TensorProto.INT32 if operator == "MatMulInteger" else TensorProto.FLOAT
    x = helper.make_tensor_value_info("x", TensorProto.UINT8, [None, len(weight)])
    y = helper.make_tensor_value_info("y", kind, [None, weight.shape[1]])
    tensors = [numpy_helper.from_array(array, name) for name, array in constants.items() if name in inputs]
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    graph = helper.make_graph([node], "product", [x], [y], tensors)
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)


class Products:
    """What one processor computed of all products."""

    def __init__(self, folder: Path, prefix: list[str]) -> None:
        self.folder, self.prefix = folder, prefix
        for length in INPUTS:
            np.savez(folder / f"{length}.npz", **batches_of(length))
            for kind, weight in weights_of(length).items():
                for zero_point in ZERO_POINTS:
                    for operator in OPERATORS:
                        save_product(folder / f"{length}-{kind}-{zero_point}-{operator}.onnx", weight, zero_point, operator)
        command = [*prefix, sys.executable, str(Path(__file__).with_name("integers.py")), str(folder)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        # It says what the processor has: pytest shows that where a test fails, and always with -s.
        subprocess.run(command, env=environment, check=True, timeout=600)

    def wrong(self, kind: str, session: str) -> int:
        """How many integers a session (``ours``, ``plain``) got wrong with weights of a kind."""
        wrong = 0
        for length in INPUTS:
            weight = weights_of(length)[kind].astype(np.int64)
            for zero_point in ZERO_POINTS:
                exact = {name: (x.astype(np.int64) - zero_point) @ weight for name, x in batches_of(length).items()}
                for operator in OPERATORS:
                    with np.load(self.folder / f"{length}-{kind}-{zero_point}-{operator}.{session}.npz") as computed:
                        assert computed.keys() == exact.keys()
                        wrong += sum(int((computed[name] != exact[name]).sum()) for name in exact)
        return wrong


@pytest.fixture(scope="module", params=["native", "valgrind"])
def products(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Products:
    if request.param == "valgrind" and not shutil.which("valgrind"):
        pytest.skip("valgrind is not installed: it would stand in for a processor without VNNI")
    prefix = ["valgrind", "--tool=none", "--quiet"] if request.param == "valgrind" else []
    return Products(tmp_path_factory.mktemp("products"), prefix)


@pytest.mark.parametrize("kind", ["full", "paired"])
def test_workers_multiply_integers_exactly(products: Products, kind: str) -> None:
    assert products.wrong(kind, "ours") == 0


def test_other_runtimes_multiply_the_weights_of_portable_bundles_exactly(products: Products) -> None:
    assert products.wrong("paired", "plain") == 0


def test_the_rows_are_extreme_enough_to_be_wrong_where_nobody_takes_care(products: Products) -> None:
    """The check can fail: without ``session.x64quantprecision`` these products saturate on x86 without VNNI."""
    if not products.prefix and this_processor().kernels not in SATURATING:
        pytest.skip(f"{this_processor().kernels} does not saturate; under valgrind a processor does")
    assert products.wrong("full", "plain") > 100

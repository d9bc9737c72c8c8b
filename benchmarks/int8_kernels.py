"""What exact integers cost: one matrix product in fp32 and in the ways to multiply bytes, at several numbers of rows.

``plain`` is how ONNX Runtime multiplies int8 weights by itself, ``option`` with ``session.x64quantprecision``; ``paired`` are
the weights of portable bundles, ``7 bits`` ones in -64 .. 64, both without the option. Beside the speed stands how many sums
are wrong for random bytes. Weights are normally distributed; sizes are those of Soprano's and VibeVoice's feed-forward layers.
One thread, medians.

Usage::

    python -m benchmarks.int8_kernels
"""

import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from actors.runtime.processor import this_maker, this_processor
from exporter.quantize import quantize_channels
from exporter.verify import snr_db

SIZES = ((512, 2304), (2304, 512), (896, 4864))  # inputs, outputs
ROWS = (1, 4, 16, 32)
ROUNDS = 9
ROUND_S = 0.02


@dataclass(frozen=True, eq=False)
class Way:
    """A way to multiply: its weights ``[inputs, outputs]``, and whether ONNX Runtime is told to be exact."""

    name: str
    weights: np.ndarray
    option: bool = False

    def open(self, folder: Path) -> ort.InferenceSession:
        """Return a session that multiplies ``x [rows, inputs]``, float32 or uint8."""
        is_float = self.weights.dtype == np.float32
        constants = {"w": self.weights} if is_float else {"w": self.weights, "z": np.array(128, np.uint8)}
        node = helper.make_node("MatMul" if is_float else "MatMulInteger", ["x", *constants], ["y"])
        kinds = (TensorProto.FLOAT, TensorProto.FLOAT) if is_float else (TensorProto.UINT8, TensorProto.INT32)
        shapes = ([None, self.weights.shape[0]], [None, self.weights.shape[1]])
        x, y = (helper.make_tensor_value_info(*edge) for edge in zip("xy", kinds, shapes, strict=True))
        tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
        model = helper.make_model(helper.make_graph([node], "product", [x], [y], tensors), ir_version=10)
        model.opset_import[0].version = 20
        onnx.save(model, folder / "product.onnx")
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.add_session_config_entry("session.x64quantprecision", str(int(self.option)))
        return ort.InferenceSession(str(folder / "product.onnx"), options, providers=["CPUExecutionProvider"])


def ways(weights: np.ndarray) -> tuple[list[Way], dict[str, float]]:
    """Return all ways to multiply by ``[inputs, outputs]``, and the SNR in dB of the weights by kind."""
    whole, scale = quantize_channels(weights.T, pairs_fit=False)
    paired, paired_scale = quantize_channels(weights.T, pairs_fit=True)
    step = np.abs(weights).max(axis=0) / np.float32(64)
    seven = np.round(weights / step).astype(np.int8)
    snrs = {
        "8 bits": snr_db(weights.T, whole * scale[:, None]),
        "paired": snr_db(weights.T, paired * paired_scale[:, None]),
        "7 bits": snr_db(weights, seven * step),
    }
    made = [Way("fp32", weights), Way("plain", whole.T), Way("option", whole.T, option=True)]
    return [*made, Way("paired", paired.T), Way("7 bits", seven)], snrs


def timed(session: ort.InferenceSession, x: np.ndarray) -> float:
    """Seconds of a run: the mean of about 20 ms of them."""
    count, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < ROUND_S:
        session.run(None, {"x": x})
        count += 1
    return spent / count


def main() -> None:
    """Print a table for every size."""
    print(f"{this_processor().name} ({this_maker()})")
    random = np.random.default_rng(0)
    for inputs, outputs in SIZES:
        weights = random.standard_normal((inputs, outputs)).astype(np.float32)
        made, snrs = ways(weights)
        with tempfile.TemporaryDirectory() as folder:
            sessions = {way: way.open(Path(folder)) for way in made}
        print(f"\n{inputs} x {outputs}, weights' SNR: {', '.join(f'{kind} {snr:.1f} dB' for kind, snr in snrs.items())}\n")
        print(f"| rows | fp32 | {' | '.join(f'{way.name}: times as fast, wrong' for way in made[1:])} |")
        print("|---" * (1 + len(made)) + "|")
        for rows in ROWS:
            x = random.integers(0, 256, (rows, inputs)).astype(np.uint8)
            feeds = {way: x.astype(np.float32) if way.name == "fp32" else x for way in made}
            times: dict[Way, list[float]] = {way: [] for way in made}
            for _ in range(ROUNDS):
                for way, session in sessions.items():
                    times[way].append(timed(session, feeds[way]))
            medians = {way: statistics.median(each) for way, each in times.items()}
            cells = [f"{medians[made[0]] * 1e6:.0f} us"]
            for way in made[1:]:
                exact = (x.astype(np.int64) - 128) @ way.weights.astype(np.int64)
                wrong = (sessions[way].run(None, {"x": x})[0] != exact).mean()
                cells.append(f"{medians[made[0]] / medians[way]:.2f}, {wrong:.1%}")
            print(f"| {rows} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()

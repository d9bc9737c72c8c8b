"""The voice activity detector over whole recordings: Silero VAD's weights in a graph that takes many windows at once.

Silero's own graph takes one window a run: most of the time goes to calls and to convolutions over four frames. Only the
recurrent part needs the windows in turn; all before it are matrix products over all windows together. The weights are the
same; probabilities differ by the order of sums. ``python -m exporter.detector`` writes the file again.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

import actors.audio

FOLDER = Path(actors.audio.__file__).parent / "silero_vad"
SOURCE = FOLDER / "silero_vad_16k_op15.onnx"
TARGET = FOLDER / "silero_vad_16k_windows.onnx"

_WINDOW, _CONTEXT, _HOP, _WIDTH = 512, 64, 128, 128
_FLOAT = onnx.TensorProto.FLOAT


def build(source: Path) -> onnx.ModelProto:
    """Return the graph made of Silero's file.

    It takes ``samples`` ``[64 + 512 * windows]`` at 16 kHz, of which the first 64 are those before the first window (zeros
    at the start), and ``state`` ``[2, 1, 128]``; it gives ``probabilities`` ``[windows]`` and ``state_out``.
    """
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(source).graph.initializer}
    graph = _Nodes()
    frames = _frames(graph)
    features = _encoder(graph, _spectrum(graph, frames, weights), weights)
    _decoder(graph, features, weights)
    made = helper.make_graph(
        graph.nodes,
        "silero_vad_windows",
        [
            helper.make_tensor_value_info("samples", _FLOAT, ["samples"]),
            helper.make_tensor_value_info("state", _FLOAT, [2, 1, _WIDTH]),
        ],
        [
            helper.make_tensor_value_info("probabilities", _FLOAT, ["windows"]),
            helper.make_tensor_value_info("state_out", _FLOAT, [2, 1, _WIDTH]),
        ],
        [numpy_helper.from_array(value, name) for name, value in graph.constants.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 15)], producer_name="speechmill")
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    return model


class _Nodes:
    """A graph under construction."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}

    def constant(self, value: np.ndarray) -> str:
        """Return the name of a constant."""
        name = f"constant_{len(self.constants)}"
        self.constants[name] = np.ascontiguousarray(value)
        return name

    def add(self, kind: str, *inputs: str, name: str | None = None, **attributes: int) -> str:
        """Add a node with one output; return its name."""
        name = name or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def slice(self, tensor: str, axis: int, first: int, stop: int, step: int = 1) -> str:
        """Return part of an axis."""
        return self.add("Slice", tensor, *(self.constant(np.array([i], np.int64)) for i in (first, stop, axis, step)))

    def reshape(self, tensor: str, *shape: int, name: str | None = None) -> str:
        """Return a tensor in another shape."""
        return self.add("Reshape", tensor, self.constant(np.array(shape, np.int64)), name=name)


def _frames(graph: _Nodes) -> str:
    """The samples of each window's four frames, ``[windows, 4, 256]``; the end of a window is mirrored."""
    contexts = graph.slice(graph.reshape(graph.slice("samples", 0, 0, -_CONTEXT), -1, _WINDOW), 1, 0, _CONTEXT)
    windows = graph.reshape(graph.slice("samples", 0, _CONTEXT, np.iinfo(np.int64).max), -1, _WINDOW)
    heard = graph.add("Concat", contexts, windows, axis=1)
    last = _CONTEXT + _WINDOW - 1
    mirrored = graph.slice(heard, 1, last - 1, last - 1 - _CONTEXT, -1)
    hops = graph.reshape(graph.add("Concat", heard, mirrored, axis=1), -1, 5, _HOP)
    return graph.add("Concat", graph.slice(hops, 1, 0, 4), graph.slice(hops, 1, 1, 5), axis=2)


def _spectrum(graph: _Nodes, frames: str, weights: Mapping[str, np.ndarray]) -> str:
    """The magnitudes, ``[windows, 4, 129]``."""
    basis = weights["model.stft.forward_basis_buffer"][:, 0].T
    both = graph.add("MatMul", frames, graph.constant(basis))
    bins = basis.shape[1] // 2
    real, imaginary = graph.slice(both, 2, 0, bins), graph.slice(both, 2, bins, 2 * bins)
    return graph.add("Sqrt", graph.add("Add", graph.add("Mul", real, real), graph.add("Mul", imaginary, imaginary)))


def _encoder(graph: _Nodes, frames: str, weights: Mapping[str, np.ndarray]) -> str:
    """Four convolutions of three taps, of which two leave out every other frame: ``[windows, 1, 128]``."""
    for index, (length, step) in enumerate(((4, 1), (4, 2), (2, 2), (1, 1))):
        weight = weights[f"model.encoder.{index}.reparam_conv.weight"]
        padding = graph.constant(np.array([0, 1, 0, 0, 1, 0], np.int64))
        padded = graph.add("Pad", frames, padding) if length > 1 else frames
        # A single frame has nothing beside it: the middle tap is all there is.
        taps = [graph.slice(padded, 1, tap, tap + length, step) for tap in range(3)] if length > 1 else [padded]
        rows = [weight[:, :, tap].T for tap in (range(3) if length > 1 else (1,))]
        joined = graph.add("Concat", *taps, axis=2) if length > 1 else padded
        product = graph.add("MatMul", joined, graph.constant(np.concatenate(rows)))
        bias = graph.constant(weights[f"model.encoder.{index}.reparam_conv.bias"])
        frames = graph.add("Relu", graph.add("Add", product, bias))
    return frames


def _decoder(graph: _Nodes, features: str, weights: Mapping[str, np.ndarray]) -> None:
    """The recurrent layer, which takes the windows in turn, and the probability of each."""
    hidden, cell = (graph.slice("state", 0, i, i + 1) for i in range(2))
    rnn = "model.decoder.rnn"
    bias = np.concatenate([_gates(weights[f"{rnn}.bias_ih"]), _gates(weights[f"{rnn}.bias_hh"])])
    inputs, recurrent = (graph.constant(_gates(weights[f"{rnn}.weight_{kind}"])[None]) for kind in ("ih", "hh"))
    outputs = ["lstm", "hidden", "cell"]
    nodes = [features, inputs, recurrent, graph.constant(bias[None]), "", hidden, cell]
    graph.nodes.append(helper.make_node("LSTM", nodes, outputs, hidden_size=_WIDTH))
    graph.add("Concat", "hidden", "cell", axis=0, name="state_out")
    last = "model.decoder.decoder.2"
    heard = graph.add("Relu", graph.reshape("lstm", -1, _WIDTH))
    product = graph.add("MatMul", heard, graph.constant(weights[f"{last}.weight"][0]))
    logits = graph.add("Add", product, graph.constant(weights[f"{last}.bias"]))
    graph.reshape(graph.add("Sigmoid", logits), -1, name="probabilities")


def _gates(weight: np.ndarray) -> np.ndarray:
    """Bring PyTorch's input, forget, cell, output gates into ONNX's order: input, output, forget, cell."""
    first, forget, cell, output = np.split(weight, 4)
    return np.concatenate([first, output, forget, cell])


if __name__ == "__main__":
    TARGET.write_bytes(build(SOURCE).SerializeToString(deterministic=True))

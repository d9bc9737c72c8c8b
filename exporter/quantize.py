"""Precision passes over an exported graph.

``int8`` here is *row-wise*: every row of activations has its own scale, so a row's result depends on nothing but
the row. ONNX Runtime's stock dynamic quantization has one activation scale per tensor, which makes a row depend on its
batch mates (design section 6, "same row, same bytes") and is not used.
"""

from collections.abc import Iterable

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

_GELU_MINIMUM = -0.17  # of x * Phi(x), rounded down; the exact minimum is -0.16997 at x = -0.7518
BLOCK = 32  # values of a weight of few bits that share a scale
_TINY = np.float32(1e-12)  # keeps a row or channel of zeros from dividing by zero
_PAIR = 127.99  # steps that two neighbours have together, so that rounding both makes no more than 128


def quantize_channels(channels: np.ndarray, *, pairs_fit: bool) -> tuple[np.ndarray, np.ndarray]:
    """Quantize float32 ``[channels, inputs]`` symmetrically to 8 bits, with a scale for each channel.

    x86 without VNNI multiplies pairs of uint8 by pairs of int8 (of inputs 2k and 2k + 1) and adds the two products in 16 bits,
    where they saturate: above 255 * 128. :func:`actors.runtime.session.open_session` has ONNX Runtime avoid
    that; others do not.

    Args:
        channels: the weights.
        pairs_fit: let no pair have a sum beyond -128 .. 128, so that it cannot saturate anywhere. Costs 2 dB of the weights'
            SNR, where 7 bits would cost 6.

    Returns:
        int8 ``[channels, inputs]``; float32 scales ``[channels]``.
    """
    scale = np.abs(channels).max(axis=1) / 127
    if pairs_fit:
        pairs = np.pad(channels, ((0, 0), (0, channels.shape[1] % 2))).reshape(len(channels), -1, 2)
        scale = np.maximum(scale, np.abs(pairs.sum(axis=2)).max(axis=1) / np.float32(_PAIR))
    scale = np.maximum(scale, _TINY)
    return np.round(channels / scale[:, None]).astype(np.int8), scale


def quantize_int8(model: onnx.ModelProto, keep: Iterable[str] = (), *, standard_operators: bool = False) -> onnx.ModelProto:
    """Return ``model`` with every ``MatMul(x, constant)`` computed in 8-bit integers, row by row.

    For a row ``x`` of activations: ``scale = max|x| / 127``, ``q = round(x / scale) + 128`` as uint8, then an integer
    MatMul with weights quantized symmetrically per output channel, times ``scale``, times the channel's scale.
    The output of a GELU is never below -0.17, so it is shifted to start at zero and uses all 255 steps instead.

    Args:
        model: the graph; its MatMuls have 2-d activations unless ``standard_operators``.
        keep: parts of the names of weights that stay float32 (for example an inverse Fourier transform's).
        standard_operators: use operators of the ONNX standard only, which is slower and takes activations of any rank.
    """
    quantized = onnx.ModelProto()
    quantized.CopyFrom(model)
    graph = quantized.graph
    keep = tuple(keep)
    weights = {
        tensor.name: tensor
        for tensor in graph.initializer
        if len(tensor.dims) == 2 and not any(part in tensor.name for part in keep)
    }
    _share_no_weight(graph, weights)
    nodes = list(graph.node)
    gelus = {node.output[0] for node in nodes if node.op_type == "Gelu"}
    rewriter = (_StandardRewriter if standard_operators else _FusedRewriter)(weights, gelus)
    del graph.node[:]
    for node in nodes:
        graph.node.extend(rewriter.rewrite(node) if node.op_type == "MatMul" and node.input[1] in weights else [node])
    graph.initializer.extend(rewriter.initializers.values())
    drop_unused_initializers(graph)
    if not standard_operators and all(opset.domain != "com.microsoft" for opset in quantized.opset_import):
        quantized.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return quantized


def _share_no_weight(graph: onnx.GraphProto, weights: dict[str, TensorProto]) -> None:
    """Give every MatMul a weight of its own.

    Where products of uint8 and int8 saturate, ONNX Runtime makes int8 weights uint8, and fails at one that two MatMuls read
    ("Attempt to replace the existing tensor", 1.32). It keeps a packed copy for each of them anyway.
    """
    taken: set[str] = set()
    for node in graph.node:
        if node.op_type != "MatMul" or node.input[1] not in weights:
            continue
        if node.input[1] in taken:
            copy = TensorProto()
            copy.CopyFrom(weights[node.input[1]])
            copy.name = f"{node.input[1]}.{node.output[0]}"
            weights[copy.name] = copy
            node.input[1] = copy.name
        taken.add(node.input[1])


def drop_unused_initializers(graph: onnx.GraphProto) -> None:
    """Remove the initializers that no node reads."""
    used = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


class _Rewriter:
    """Rewrites MatMul nodes one by one; activations that feed several MatMuls are quantized once."""

    pairs_fit = False  # of weights: see quantize_channels

    def __init__(self, weights: dict[str, TensorProto], shifted: set[str]) -> None:
        self.weights = weights
        self.shifted = shifted
        self.initializers: dict[str, TensorProto] = {}
        self._quantized: set[str] = set()

    def rewrite(self, node: NodeProto) -> list[NodeProto]:
        """Return the nodes that compute ``node`` in integers."""
        x, weight = node.input
        output = node.output[0]
        nodes = []
        if x not in self._quantized:
            self._quantized.add(x)
            nodes += self._quantize_rows(x)
        self._quantize_weight(weight)
        if x not in self.shifted:
            return [*nodes, *self._multiply(x, weight, output)]
        shift = self._constant(f"{weight}.shift", _GELU_MINIMUM * self._column_sums(weight))
        return [
            *nodes,
            *self._multiply(x, weight, f"{output}.shifted"),
            helper.make_node("Add", [f"{output}.shifted", shift], [output]),
        ]

    def _quantize_rows(self, x: str) -> list[NodeProto]:
        raise NotImplementedError

    def _multiply(self, x: str, weight: str, output: str) -> list[NodeProto]:
        raise NotImplementedError

    def _distance_from_zero(self, x: str) -> tuple[NodeProto, float, int]:
        """Return the node giving ``{x}.magnitude``, the number of steps up to its maximum, and the zero point."""
        if x in self.shifted:
            shift = self._constant("rowwise.gelu_minimum", np.float32(_GELU_MINIMUM))
            return helper.make_node("Sub", [x, shift], [f"{x}.magnitude"]), 255, 0
        # uint8 around 128 and not int8: u8s8 is the only pair whose integer MatMul is fast on x86 (VNNI and AMX).
        return helper.make_node("Abs", [x], [f"{x}.magnitude"]), 127, 128

    def _zero_point(self, x: str) -> str:
        value = 0 if x in self.shifted else 128
        return self._constant(f"rowwise.zero_point_{value}", np.uint8(value))

    def _quantize_weight(self, name: str) -> None:
        if f"{name}.int8" in self.initializers:
            return
        weight = numpy_helper.to_array(self.weights[name]).astype(np.float32)
        integers, scale = quantize_channels(weight.T, pairs_fit=self.pairs_fit)
        self._constant(f"{name}.int8", integers.T)
        self._constant(f"{name}.scale", scale)

    def _column_sums(self, name: str) -> np.ndarray:
        integers = numpy_helper.to_array(self.initializers[f"{name}.int8"]).astype(np.int64)
        sums: np.ndarray = integers.sum(axis=0) * numpy_helper.to_array(self.initializers[f"{name}.scale"])
        return sums.astype(np.float32)

    def _constant(self, name: str, value: np.ndarray | np.generic) -> str:
        self.initializers[name] = numpy_helper.from_array(np.asarray(value), name)
        return name


class _FusedRewriter(_Rewriter):
    """ONNX Runtime's fast path: per-row QuantizeLinear over 2-d activations and MatMulIntegerToFloat."""

    def _quantize_rows(self, x: str) -> list[NodeProto]:
        magnitude, steps, zero_point = self._distance_from_zero(x)
        source = f"{x}.magnitude" if x in self.shifted else x
        return [
            magnitude,
            helper.make_node("ReduceMax", [f"{x}.magnitude", self._last_axis()], [f"{x}.peak"], keepdims=0),
            helper.make_node("Mul", [f"{x}.peak", self._per_step(steps)], [f"{x}.step"]),
            helper.make_node("Max", [f"{x}.step", self._constant("rowwise.tiny", _TINY)], [f"{x}.scale_row"]),
            helper.make_node("Unsqueeze", [f"{x}.scale_row", self._last_axis()], [f"{x}.scale"]),
            helper.make_node("Shape", [f"{x}.scale_row"], [f"{x}.rows"]),
            helper.make_node(
                "ConstantOfShape",
                [f"{x}.rows"],
                [f"{x}.zero_points"],
                value=helper.make_tensor("value", TensorProto.UINT8, [1], [zero_point]),
            ),
            helper.make_node("QuantizeLinear", [source, f"{x}.scale_row", f"{x}.zero_points"], [f"{x}.uint8"], axis=0),
        ]

    def _multiply(self, x: str, weight: str, output: str) -> list[NodeProto]:
        one = self._constant("rowwise.one", np.float32(1))
        inputs = [f"{x}.uint8", f"{weight}.int8", one, f"{weight}.scale", self._zero_point(x)]
        return [
            helper.make_node("MatMulIntegerToFloat", inputs, [f"{output}.per_row"], domain="com.microsoft"),
            helper.make_node("Mul", [f"{output}.per_row", f"{x}.scale"], [output]),
        ]

    def _last_axis(self) -> str:
        return self._constant("rowwise.last_axis", np.array([1], np.int64))

    def _per_step(self, steps: float) -> str:
        return self._constant(f"rowwise.per_{int(steps)}_steps", np.float32(1 / steps))


class NBitsRewriter:
    """Rewrites MatMuls as ``com.microsoft::MatMulNBits`` over weights that are not there yet.

    ``<weight>.nbits`` and ``<weight>.scales`` are left without content: see :func:`pack_nbits`.
    """

    def __init__(self, weights: dict[str, TensorProto], sensitive: Iterable[str]) -> None:
        self.weights = weights
        self.sensitive = tuple(sensitive)
        self.initializers: dict[str, TensorProto] = {}

    def rewrite(self, node: NodeProto) -> list[NodeProto]:
        """Return the node that computes ``node`` with 4-bit weights, or 8-bit ones where they are sensitive."""
        name = node.input[1]
        inner, outer = self.weights[name].dims
        bits = 8 if any(part in name for part in self.sensitive) else 4
        blocks = -(-inner // BLOCK)
        self.initializers[f"{name}.nbits"] = shell(f"{name}.nbits", TensorProto.UINT8, (outer, blocks, BLOCK * bits // 8))
        self.initializers[f"{name}.scales"] = shell(f"{name}.scales", TensorProto.FLOAT, (outer, blocks))
        # Accuracy level 4: activations become int8, which is six times as fast at one row as float32.
        attributes = {"K": inner, "N": outer, "bits": bits, "block_size": BLOCK, "accuracy_level": 4}
        inputs = [node.input[0], f"{name}.nbits", f"{name}.scales"]
        return [helper.make_node("MatMulNBits", inputs, node.output, domain="com.microsoft", **attributes)]


def quantize_int4(model: onnx.ModelProto, keep: Iterable[str] = (), sensitive: Iterable[str] = ()) -> onnx.ModelProto:
    """Return ``model`` with every ``MatMul(x, constant)`` over weights of 4 bits, or of 8 where they are ``sensitive``.

    Args:
        model: the graph.
        keep: parts of the names of weights that stay float32.
        sensitive: parts of the names of weights that get 8 bits.
    """
    quantized = onnx.ModelProto()
    quantized.CopyFrom(model)
    graph = quantized.graph
    keep, sensitive = tuple(keep), tuple(sensitive)
    weights = {
        tensor.name: tensor
        for tensor in graph.initializer
        if len(tensor.dims) == 2 and not any(part in tensor.name for part in keep)
    }
    rewriter = NBitsRewriter(weights, sensitive)
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        graph.node.extend(rewriter.rewrite(node) if node.op_type == "MatMul" and node.input[1] in weights else [node])
    for name, tensor in weights.items():
        if f"{name}.nbits" in rewriter.initializers:
            bits = 8 if any(part in name for part in sensitive) else 4
            packed, scales = pack_nbits(numpy_helper.to_array(tensor).T, bits)
            graph.initializer.append(numpy_helper.from_array(packed, f"{name}.nbits"))
            graph.initializer.append(numpy_helper.from_array(scales, f"{name}.scales"))
    drop_unused_initializers(graph)
    if all(opset.domain != "com.microsoft" for opset in quantized.opset_import):
        quantized.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return quantized


def pack_nbits(rows: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Quantize ``[out, in]`` as MatMulNBits reads it (onnxruntime ``docs/ContribOperators.md``), round to nearest.

    Every block of 32 values has a scale with which its largest value becomes the lowest integer; zero is in the middle.

    Args:
        rows: float32; the last block of a row is filled with zeros.
        bits: 4 or 8.

    Returns:
        uint8 ``[out, blocks, 4 * bits]``, of two 4-bit values the first in the low half; float32 scales ``[out, blocks]``.
    """
    middle = 1 << (bits - 1)
    padded = np.pad(rows, ((0, 0), (0, -rows.shape[1] % BLOCK)))
    blocks = padded.reshape(len(rows), -1, BLOCK)
    largest = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=2)[..., None], axis=2)
    scales = largest / np.float32(-middle)
    safe = np.where(scales == 0, np.float32(1), scales)
    integers = np.clip(np.round(blocks / safe) + middle, 0, 2 * middle - 1).astype(np.uint8)
    packed = integers if bits == 8 else integers[..., ::2] | (integers[..., 1::2] << 4)
    return packed, scales[..., 0].astype(np.float32)


def unpack_nbits(packed: np.ndarray, scales: np.ndarray, bits: int, columns: int) -> np.ndarray:
    """Return the float32 ``[out, columns]`` that :func:`pack_nbits` made ``packed`` and ``scales`` of, as it is after it."""
    integers = packed if bits == 8 else np.stack((packed & 15, packed >> 4), axis=-1).reshape(*packed.shape[:2], BLOCK)
    values = (integers.astype(np.float32) - (1 << (bits - 1))) * scales[..., None]
    unpacked: np.ndarray = values.reshape(len(packed), -1)[:, :columns]
    return unpacked


def shell(name: str, dtype: int, dims: Iterable[int]) -> TensorProto:
    """Return an initializer without content."""
    return TensorProto(name=name, data_type=dtype, dims=dims)


class _StandardRewriter(_Rewriter):
    """The same arithmetic in standard operators, for activations of any rank and for runtimes that are not ours."""

    pairs_fit = True

    def _quantize_rows(self, x: str) -> list[NodeProto]:
        magnitude, steps, zero_point = self._distance_from_zero(x)
        source = f"{x}.magnitude" if x in self.shifted else x
        axis = self._constant("rowwise.last_axis", np.array([-1], np.int64))
        per_step = self._constant(f"rowwise.per_{int(steps)}_steps", np.float32(1 / steps))
        offset = self._constant(f"rowwise.offset_{zero_point}", np.float32(zero_point))
        return [
            magnitude,
            helper.make_node("ReduceMax", [f"{x}.magnitude", axis], [f"{x}.peak"], keepdims=1),
            helper.make_node("Mul", [f"{x}.peak", per_step], [f"{x}.step"]),
            helper.make_node("Max", [f"{x}.step", self._constant("rowwise.tiny", _TINY)], [f"{x}.scale"]),
            helper.make_node("Div", [source, f"{x}.scale"], [f"{x}.steps"]),
            helper.make_node("Round", [f"{x}.steps"], [f"{x}.rounded"]),
            helper.make_node("Add", [f"{x}.rounded", offset], [f"{x}.offset"]),
            helper.make_node("Cast", [f"{x}.offset"], [f"{x}.uint8"], to=TensorProto.UINT8),
        ]

    def _multiply(self, x: str, weight: str, output: str) -> list[NodeProto]:
        inputs = [f"{x}.uint8", f"{weight}.int8", self._zero_point(x)]
        return [
            helper.make_node("MatMulInteger", inputs, [f"{output}.integer"]),
            helper.make_node("Cast", [f"{output}.integer"], [f"{output}.float"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{output}.float", f"{weight}.scale"], [f"{output}.per_row"]),
            helper.make_node("Mul", [f"{output}.per_row", f"{x}.scale"], [output]),
        ]


class ShellRewriter(_Rewriter):
    """Rewrites for weights that are not there yet: ``<weight>.int8`` and ``<weight>.scale`` are left without content."""

    def _quantize_weight(self, name: str) -> None:
        self.initializers[f"{name}.int8"] = shell(f"{name}.int8", TensorProto.INT8, self.weights[name].dims)
        self.initializers[f"{name}.scale"] = shell(f"{name}.scale", TensorProto.FLOAT, self.weights[name].dims[1:])


class _FusedShellRewriter(ShellRewriter, _FusedRewriter):
    pass


class _StandardShellRewriter(ShellRewriter, _StandardRewriter):
    pass


def shell_rewriter(weights: dict[str, TensorProto], standard_operators: bool) -> ShellRewriter:
    """Return what rewrites the MatMuls over ``weights``, which have no content: see :func:`quantize_int8`."""
    return (_StandardShellRewriter if standard_operators else _FusedShellRewriter)(weights, set())

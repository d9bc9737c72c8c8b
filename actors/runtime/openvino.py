"""Every OpenVINO option Speechmill sets, and why: the second runtime, beside :mod:`actors.runtime.session`.

It runs a graph's IR (``.xml`` and ``.bin``), which the exporter writes beside the ONNX file. The package ``openvino`` is
optional: nothing here is imported before a graph is opened with it.
"""

import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from openvino._pyopenvino.op import _GroupQueryAttentionExtension

from actors.bundle import DType, Precision
from actors.runtime.paged_attention import PAGE, with_pages
from actors.runtime.paged_cache import Pages
from actors.runtime.session import Array, Edge

_DTYPES: dict[ov.Type, DType] = {
    ov.Type.f32: "float32",
    ov.Type.f16: "float16",
    ov.Type.i64: "int64",
    ov.Type.i32: "int32",
    ov.Type.i8: "int8",
    ov.Type.u8: "uint8",
    ov.Type.boolean: "bool",
}
# Values of a row of activations that share a scale where weights are int8. Of 32, 64 and 128 it is the fastest (Soprano's lm of
# 32 rows on AVX-512 VNNI: 0.94 of the time with 64); 256 and 512, of which not all rows are whole numbers, gain nothing more.
GROUP = 128
_XML = b"<?xml"


class OpenVINOSession:
    """An opened graph, as :class:`actors.runtime.session.Session` is one: the same edges, the same ways to run it.

    One run at a time: OpenVINO has memory of its own for each that is prepared.

    Attributes:
        inputs: by name.
        outputs: by name, in the graph's order.
        pages: how a KV cache lies in memory; ``None``: the graph has none.
        computes: the floats it multiplies, ``f32`` or ``bf16``.
    """

    def __init__(self, model: ov.Model, threads: int, computes: str) -> None:
        self.inputs = {edge.get_any_name(): _edge(edge) for edge in model.inputs}
        self.outputs = {edge.get_any_name(): _edge(edge) for edge in model.outputs}
        self.computes = computes
        paged_model, self._caches = with_pages(model)
        self._layout = Pages(PAGE, bfloat16=computes == "bf16")
        self.pages = self._layout if self._caches else None
        self._compiled = _core().compile_model(paged_model, "CPU", _options(threads, computes))
        self._alone = self._compiled.create_infer_request()
        self._turn = threading.Lock()
        self._ended = False
        # Of all bindings: each would have memory of its own for what is between input and output.
        self._bound: tuple[OpenVINOBinding | None, ov.InferRequest] = (None, self._compiled.create_infer_request())

    def run(self, outputs: Sequence[str], feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Run with all inputs; return copies of the named outputs. Caches are given and returned without pages."""
        caches = {name: np.concatenate([*map(self._layout.split, feeds[name])]) for name in self._caches}
        tensors = {name: _tensor(np.asarray(array, order="C")) for name, array in {**feeds, **caches}.items()}
        presents = {_present(name): (cache, feeds[name].shape) for name, cache in caches.items()}
        with self._turn:
            self._infer(self._alone, tensors)
            made = {name: self._alone.get_tensor(name).data.copy() for name in outputs if name not in presents}
        return [self._without_pages(*presents[name]) if name in presents else made[name] for name in outputs]

    def bind(self, inputs: Mapping[str, Array], outputs: Mapping[str, Array]) -> "OpenVINOBinding":
        """Prepare runs that read and write these arrays where they are; caches are in :attr:`pages`."""
        presents = set(map(_present, self._caches))
        arrays = dict(inputs) | {name: array for name, array in outputs.items() if name not in presents}
        caches = {name: _without_rows(arrays[name]) for name in self._caches}
        return OpenVINOBinding(self, arrays | caches)

    def run_bound(self, binding: "OpenVINOBinding", tensors: Mapping[str, ov.Tensor]) -> None:
        """Run with these tensors, and with what a binding has prepared."""
        with self._turn:
            last, request = self._bound
            self._bound = binding, request
            self._infer(request, tensors if last is binding else {**binding.tensors, **tensors})

    def terminate(self) -> None:
        """End the run, with an error, and those to come: after the node that it is at."""
        self._ended = True
        self._alone.cancel()
        self._bound[1].cancel()

    def _infer(self, request: ov.InferRequest, tensors: Mapping[str, ov.Tensor]) -> None:
        if self._ended:
            raise RuntimeError("the session was ended")
        for name, tensor in tensors.items():
            request.set_tensor(name, tensor)
        request.start_async()  # what infer() runs cannot be ended (2026.4)
        if self._ended:  # by now, and not by what found nothing to end
            request.cancel()
        request.wait()

    def _without_pages(self, cache: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        return np.stack([self._layout.join(row, shape[2]) for row in np.split(cache, shape[0])])


class OpenVINOBinding:
    """A graph with arrays that it reads and writes in place, run after run.

    Attributes:
        tensors: over these arrays.
    """

    def __init__(self, session: OpenVINOSession, arrays: Mapping[str, Array]) -> None:
        self._session = session
        self.tensors = {name: _tensor(array) for name, array in arrays.items()}

    def run(self, feeds: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]) -> None:
        """Run with the other inputs, and write the other outputs to these arrays."""
        self._session.run_bound(self, {name: _tensor(array) for name, array in {**feeds, **outputs}.items()})


def open_openvino(path: Path, threads: int, precision: Precision) -> OpenVINOSession:
    """Open a graph's IR on the CPU with ``threads`` threads.

    What a graph is stored in says what may be lost: one in fp32 is computed in float32; of the others the floats that are left
    are bfloat16 where the processor multiplies it. Not so where a row is one step, as in the flow of PocketTTS: there a row's
    bfloat16s depend on how many rows there are (2026.4).

    Raises:
        RuntimeError: it is no IR, or of operators that this OpenVINO does not have.
    """
    with path.open("rb") as file:
        if file.read(len(_XML)) != _XML:  # OpenVINO would read an ONNX file too, and weights from wherever that says
            raise RuntimeError("it is no IR")
    model = _core().read_model(path)
    has_steps = any(axis.is_dynamic for edge in model.inputs for axis in list(edge.get_partial_shape())[1:])
    computes = "bf16" if precision != "fp32" and has_bfloat16() and has_steps else "f32"
    return OpenVINOSession(model, threads, computes)


def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16."""
    return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@cache
def _core() -> ov.Core:
    core = ov.Core()
    core.add_extension(_GroupQueryAttentionExtension())  # without it an IR may not have one
    return core


def _options(threads: int, computes: str) -> dict[str, Any]:
    return {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        # Workers are pinned to the cores that they have claimed (cluster/cores.py); OpenVINO would choose others.
        "ENABLE_CPU_PINNING": False,
        # Its default is bfloat16 wherever the processor has it.
        "INFERENCE_PRECISION_HINT": computes,
        "KV_CACHE_PRECISION": computes,
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": GROUP,
    }


def _edge(edge: Any) -> Edge:
    axes = [None if axis.is_dynamic else axis.get_length() for axis in edge.get_partial_shape()]
    return Edge(_DTYPES.get(edge.get_element_type()), axes)


def _present(past: str) -> str:
    return past.replace("past_", "present_", 1)


def _in_memory(array: Array) -> np.ndarray:
    if not isinstance(array, np.ndarray):
        raise TypeError("OpenVINO runs on the CPU")
    return array


def _without_rows(cache: Array) -> np.ndarray:
    """``[rows, pages, ...]`` (:mod:`actors.runtime.paged_cache`) to ``[pages, ...]``, the same memory."""
    return _in_memory(cache).reshape(-1, *cache.shape[2:])


def _tensor(array: Array) -> ov.Tensor:
    """Return a tensor over a contiguous array; 16 unsigned bits are a bfloat16."""
    array = _in_memory(array)
    if array.dtype == np.uint16:
        return ov.Tensor(array, ov.Shape(array.shape), ov.Type.bf16)
    return ov.Tensor(array, shared_memory=True)

"""Every ONNX Runtime option Speechmill sets, and why. Nothing else in ``actors`` sees ONNX Runtime.

The second runtime is :mod:`actors.runtime.openvino`; :class:`actors.runtime.graphs.Opened` is what both give. A runtime with a
memory of its device's own reserves a :class:`DeviceArray`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from actors.bundle import DType
from actors.errors import UsageError

VERSION: str = ort.__version__


@dataclass(frozen=True)
class Device:
    """Where a model runs, and with what.

    Attributes:
        kind: ``cpu`` and ``cuda``, with ONNX Runtime; ``openvino``, with OpenVINO on the CPU where a bundle has a graph for it;
            ``openvino-ep``, with ONNX Runtime that leaves to OpenVINO what it can.
        ordinal: of the GPU.
        graphs: the only ones that OpenVINO runs; ``None``: all that a bundle has for it.
    """

    kind: str
    ordinal: int = 0
    graphs: tuple[str, ...] | None = None

    @classmethod
    def parse(cls, text: str) -> "Device":
        """Parse ``cpu``, ``cuda``, ``cuda:<ordinal>``, ``openvino``, ``openvino:<graph>+<graph>`` or ``openvino-ep``.

        Raises:
            UsageError: the name is unknown, or what it needs is not installed.
        """
        kind, colon, which = text.partition(":")
        if kind == "openvino":
            if find_spec("openvino") is None:
                raise UsageError("the backend openvino needs the package openvino: pip install 'speechmill[openvino]'")
            return cls(kind, graphs=tuple(which.split("+")) if colon else None)
        if kind not in _PROVIDERS or not (which == "" or which.isdecimal()):
            raise UsageError(f"unknown device {text!r}: use cpu, cuda, cuda:<ordinal>, openvino or openvino-ep")
        if _PROVIDERS[kind] not in ort.get_available_providers() and not _plugin_devices(kind):
            raise UsageError(
                f"device {text!r} needs {_PROVIDERS[kind]}, this onnxruntime has {ort.get_available_providers()}: "
                f"{_HINTS[kind]}"
            )
        return cls(kind, int(which or 0))

    def is_for(self, graph: str) -> bool:
        """Whether OpenVINO runs a graph of this name, where a bundle has it for OpenVINO."""
        return self.kind == "openvino" and (self.graphs is None or graph in self.graphs)

    @property
    def memory(self) -> str:
        """The name ONNX Runtime gives to this device's memory."""
        return "cuda" if self.kind == "cuda" else "cpu"


_PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "openvino-ep": "OpenVINOExecutionProvider",
}
# Before 1.30 session.x64quantprecision ends the process where it has something to do: it reads an input that our products
# leave out, the weights' zero point.
_OLDEST = (1, 30)

# Providers that onnxruntime loads from another package: the module that says where the library is.
_PLUGINS = {"openvino-ep": "onnxruntime_ep_openvino"}
_HINTS = {
    "cpu": "install onnxruntime",
    "cuda": "install onnxruntime-gpu in place of onnxruntime",
    "openvino-ep": "install onnxruntime-ep-openvino beside onnxruntime; it works on Intel processors only",
}


@cache
def _plugin_devices(kind: str) -> list[ort.OrtEpDevice]:
    """Load a provider's plugin; return the processors that it runs on, which are none where it is not installed."""
    try:
        plugin = import_module(_PLUGINS[kind])
    except (KeyError, ImportError):
        return []
    ort.register_execution_provider_library(kind, plugin.get_library_path())
    devices = [device for device in ort.get_ep_devices() if device.ep_name == plugin.get_ep_name()]
    return [device for device in devices if device.device.type == ort.OrtHardwareDeviceType.CPU]


_DTYPES: dict[str, DType] = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(bool)": "bool",
}
# What onnxruntime says of a file; the rest may be a device's fault.
BROKEN = (ort_errors.InvalidProtobuf, ort_errors.InvalidGraph, ort_errors.NoSuchFile, ort_errors.NotImplemented)
# Products of the largest bytes: exporter/probe.py.
PROBE = Path(__file__).with_name("probe.onnx")
PROBED_INPUTS = 64


@dataclass(frozen=True)
class DeviceArray:
    """Rows ``[rows, ...]`` in a device's memory, whose slices share it as a numpy array's do.

    ``owner`` frees the memory when nobody has it any more.
    """

    device: Device
    dtype: np.dtype
    shape: tuple[int, ...]
    address: int
    owner: Any

    @classmethod
    def reserve(cls, shape: tuple[int, ...], dtype: np.dtype, device: Device) -> "DeviceArray":
        """Return an array of unknown content."""
        value = ort.OrtValue.ortvalue_from_shape_and_type(shape, dtype, device.memory, device.ordinal)
        return cls(device, dtype, shape, value.data_ptr(), value)

    def __getitem__(self, rows: slice) -> "DeviceArray":
        first, stop, _ = rows.indices(self.shape[0])
        row_bytes = math.prod(self.shape[1:]) * self.dtype.itemsize
        return replace(self, shape=(stop - first, *self.shape[1:]), address=self.address + first * row_bytes)


Array = np.ndarray | DeviceArray


@dataclass(frozen=True)
class Edge:
    """An input or output of an opened graph: its type, if it is one of ours, and its axes, as sizes or as names."""

    dtype: DType | None
    axes: Sequence[int | str | None]


class Session:
    """An opened graph whose runs can be ended.

    Attributes:
        inputs: by name.
        outputs: by name, in the graph's order.
        pages: none: a KV cache lies in memory as the graph says.
    """

    pages: None = None

    def __init__(self, opened: ort.InferenceSession) -> None:
        self._session = opened
        self._running = ort.RunOptions()
        self._running.log_severity_level = 4  # what goes wrong is raised
        self.inputs = {edge.name: Edge(_DTYPES.get(edge.type), edge.shape) for edge in opened.get_inputs()}
        self.outputs = {edge.name: Edge(_DTYPES.get(edge.type), edge.shape) for edge in opened.get_outputs()}

    def run(self, outputs: Sequence[str], feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Run with all inputs; return copies of the named outputs."""
        made: list[np.ndarray] = self._session.run(outputs, feeds, self._running)
        return made

    def bind(self, inputs: Mapping[str, Array], outputs: Mapping[str, Array]) -> "Binding":
        """Prepare runs that read and write these arrays where they are. One may be both; all are contiguous."""
        return Binding(self._session, self._running, inputs, outputs)

    def terminate(self) -> None:
        """End the runs of all threads, with an error, and those to come: after the node that each is at."""
        self._running.terminate = True


class Binding:
    """A graph with arrays that it reads and writes in place, run after run."""

    def __init__(
        self,
        session: ort.InferenceSession,
        running: ort.RunOptions,
        inputs: Mapping[str, Array],
        outputs: Mapping[str, Array],
    ) -> None:
        self._session = session
        self._running = running
        self._kept = {**inputs, **outputs}  # ONNX Runtime has their addresses only
        self._binding = session.io_binding()
        for name, array in inputs.items():
            self._binding.bind_input(name, *_place(array))
        for name, array in outputs.items():
            self._binding.bind_output(name, *_place(array))

    def run(self, feeds: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]) -> None:
        """Run with the other inputs, and write the other outputs to these arrays."""
        self._kept.update(outputs)
        for name, array in feeds.items():
            self._binding.bind_cpu_input(name, array)
        for name, array in outputs.items():
            self._binding.bind_output(name, *_place(array))
        self._session.run_with_iobinding(self._binding, self._running)


def _place(array: Array) -> tuple[str, int, np.dtype, tuple[int, ...], int]:
    """Return where an array is and what, as ONNX Runtime binds it."""
    if isinstance(array, DeviceArray):
        return array.device.memory, array.device.ordinal, array.dtype, array.shape, array.address
    return "cpu", 0, array.dtype, array.shape, array.ctypes.data


def open_session(path: Path, device: Device, threads: int, *, mapped: bool = False) -> Session:
    """Open an ONNX file on ``device`` with ``threads`` intra-op CPU threads.

    With ``mapped`` its weights stay in the file and are not copied into a faster order: it may be larger than memory.

    Raises:
        UsageError: this onnxruntime is too old, or cannot use the GPU.
    """
    if tuple(map(int, ort.__version__.split(".")[:2])) < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        raise UsageError(f"onnxruntime {ort.__version__} is too old: install {oldest} or newer, also of onnxruntime-gpu")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3  # errors; ORT warns about every constant it folds
    # Its other format, which a file's name could ask for, keeps weights in places that nobody looks at.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    # A model's sessions take turns on the same cores: the one that is done must not spin against the one that runs.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    # Without VNNI, x86 adds pairs of u8 x s8 products in 16 bits, which saturate. This makes such weights uint8, whose products
    # do not. With VNNI there is nothing to avoid, and without AMX uint8 weights are half as fast. Seven-bit weights would need
    # no option, and be faster without VNNI (benchmarks/int8_kernels.py), but less accurate everywhere (docs/processors.md).
    options.add_session_config_entry("session.x64quantprecision", str(int(sums_saturate())))
    options.add_session_config_entry("session.disable_prepacking", str(int(mapped)))
    # session.set_denormal_as_zero stays off: it acts on some threads only, and a row would depend on which one it meets.
    # MatMul and Add would become Gemm, which is up to four times as slow as the two where there are few channels.
    providers: list[str | tuple[str, dict[str, str]]] | None = _provider_options(device, threads)
    if devices := _plugin_devices(device.kind):
        options.add_provider_for_devices(devices, {})
        providers = None  # these are now the options'
    if device.kind == "cuda":
        ort.preload_dlls()  # of the packages that `pip install onnxruntime-gpu[cuda,cudnn]` brings
    opened = ort.InferenceSession(
        str(path),
        options,
        providers=providers,
        disabled_optimizers=["MatMulAddFusion"],
        # By default a failure is printed on stdout, and all is tried again with other providers and without our options.
        enable_fallback=False,
    )
    # A provider whose libraries or driver are missing is left out all the same, and the CPU takes its place.
    if device.kind == "cuda" and _PROVIDERS["cuda"] not in opened.get_providers():
        raise UsageError(
            "onnxruntime cannot use the GPU: its driver, CUDA or cuDNN is missing or of another version. See what nvidia-smi "
            "says, and install onnxruntime-gpu[cuda,cudnn]"
        )
    return Session(opened)


@cache
def sums_saturate() -> bool:
    """Whether this processor's kernels get sums of products of uint8 and int8 wrong: by trying it, and not by its name."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(PROBE.read_bytes(), options, providers=[_PROVIDERS["cpu"]])
    (sums,) = session.run(["sums"], {"bytes": np.full((1, PROBED_INPUTS), 255, np.uint8)})
    return bool((sums != 255 * 127 * PROBED_INPUTS).any())


def _provider_options(device: Device, threads: int) -> list[str | tuple[str, dict[str, str]]]:
    name = _PROVIDERS[device.kind]
    if device.kind == "cuda":
        cuda = {
            "device_id": str(device.ordinal),
            # Grow by what is asked for: several actors may share the GPU.
            "arena_extend_strategy": "kSameAsRequested",
            # The exhaustive default benchmarks every new input length.
            "cudnn_conv_algo_search": "HEURISTIC",
        }
        return [(name, cuda), _PROVIDERS["cpu"]]
    if device.kind == "openvino-ep":
        return [(name, {"device_type": "CPU", "num_of_threads": str(threads)}), _PROVIDERS["cpu"]]
    return [name]

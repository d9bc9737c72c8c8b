"""Every ONNX Runtime option Speechmill sets, and why."""

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import onnxruntime as ort

from actors.errors import UsageError


@dataclass(frozen=True)
class Device:
    """Where a model runs: ``cpu``, ``cuda``, ``cuda:<ordinal>`` or ``openvino``."""

    kind: str
    ordinal: int = 0

    @classmethod
    def parse(cls, text: str) -> "Device":
        """Parse a device name.

        Raises:
            UsageError: the name is unknown, or this onnxruntime was built without the provider it needs.
        """
        kind, _, ordinal = text.partition(":")
        if kind not in _PROVIDERS or not (ordinal == "" or ordinal.isdecimal()):
            raise UsageError(f"unknown device {text!r}: use cpu, cuda, cuda:<ordinal> or openvino")
        if _PROVIDERS[kind] not in ort.get_available_providers() and not _plugin_devices(kind):
            raise UsageError(
                f"device {text!r} needs {_PROVIDERS[kind]}, this onnxruntime has {ort.get_available_providers()}: "
                f"{_HINTS[kind]}"
            )
        return cls(kind, int(ordinal or 0))

    @property
    def memory(self) -> str:
        """The name ONNX Runtime gives to this device's memory."""
        return "cuda" if self.kind == "cuda" else "cpu"


_PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
# Before 1.30 session.x64quantprecision ends the process where it has something to do: it reads an input that our products
# leave out, the weights' zero point.
_OLDEST = (1, 30)

# Providers that onnxruntime loads from another package: the module that says where the library is.
_PLUGINS = {"openvino": "onnxruntime_ep_openvino"}
_HINTS = {
    "cpu": "install onnxruntime",
    "cuda": "install onnxruntime-gpu in place of onnxruntime",
    "openvino": "install onnxruntime-ep-openvino beside onnxruntime; it works on Intel processors only",
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


def open_session(path: Path, device: Device, threads: int, *, mapped: bool = False) -> ort.InferenceSession:
    """Open an ONNX file on ``device`` with ``threads`` intra-op CPU threads.

    With ``mapped`` its weights stay in the file and are not copied into a faster order: it may be larger than memory.

    Raises:
        UsageError: this onnxruntime is too old.
    """
    if tuple(map(int, ort.__version__.split(".")[:2])) < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        raise UsageError(f"onnxruntime {ort.__version__} is too old: install {oldest} or newer, also of onnxruntime-gpu")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3  # errors; ORT warns about every constant it folds
    # A model's sessions take turns on the same cores: the one that is done must not spin against the one that runs.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    # Without VNNI, x86 adds pairs of u8 x s8 products in 16 bits, which saturate. This makes such weights uint8, whose products
    # do not; where a processor has VNNI, or no weight leaves -64 .. 64, it changes nothing. Seven-bit weights would need no
    # option, and be faster without VNNI (benchmarks/int8_kernels.py), but less accurate everywhere (docs/processors.md).
    options.add_session_config_entry("session.x64quantprecision", "1")
    options.add_session_config_entry("session.disable_prepacking", str(int(mapped)))
    # session.set_denormal_as_zero stays off: it acts on some threads only, and a row would depend on which one it meets.
    # MatMul and Add would become Gemm, which is up to four times as slow as the two where there are few channels.
    providers: list[str | tuple[str, dict[str, str]]] | None = _provider_options(device, threads)
    if devices := _plugin_devices(device.kind):
        options.add_provider_for_devices(devices, {})
        providers = None  # these are now the options'
    return ort.InferenceSession(str(path), options, providers=providers, disabled_optimizers=["MatMulAddFusion"])


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
    if device.kind == "openvino":
        return [(name, {"device_type": "CPU", "num_of_threads": str(threads)}), _PROVIDERS["cpu"]]
    return [name]

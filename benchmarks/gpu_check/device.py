"""A device as the check sees it: whether it runs graphs, what it is called, and how much of its memory is taken."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from actors.runtime.processor import this_processor
from actors.runtime.session import PROBE, Device

CUDA = "CUDAExecutionProvider"
# What sessions and engines raise where a device cannot do something; bound runs raise a RuntimeError.
REFUSED: tuple[type[Exception], ...] = (
    ValueError,
    RuntimeError,
    *(value for value in vars(ort_errors).values() if isinstance(value, type) and issubclass(value, Exception)),
)
# Those of actors/runtime/session.py: a test compares.
_AS_THE_ENGINE = {"arena_extend_strategy": "kSameAsRequested", "cudnn_conv_algo_search": "HEURISTIC"}
_SHOWN = 300  # characters of what they say
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def best_device() -> str:
    """Return ``cuda`` where this onnxruntime can use one, else ``cpu``."""
    return "cuda" if CUDA in ort.get_available_providers() else "cpu"


def open_device(name: str) -> Device:
    """Return a device on which sessions really run.

    Raises:
        RuntimeError: onnxruntime takes another provider, as it does without an error where CUDA's libraries, its driver or the
            GPU are missing.
        UsageError: this onnxruntime was not built for it.
    """
    device = Device.parse(name)
    if device.kind == "cuda":
        ort.preload_dlls()  # those of the packages beside onnxruntime-gpu, where the machine has none of its own
        session = ort.InferenceSession(str(PROBE), providers=providers(device))
        if session.get_providers()[0] != CUDA:
            raise RuntimeError(
                f"{name}: onnxruntime {ort.__version__} has {CUDA} and cannot load it. See what it printed above; nvidia-smi "
                "says whether there is a driver, and pip install 'onnxruntime-gpu[cuda,cudnn]' brings the libraries."
            )
    return device


def providers(device: Device, **options: str) -> list[str | tuple[str, dict[str, str]]]:
    """Return the providers of a session on a device; ``options`` are CUDA's, and nothing to a CPU."""
    if device.kind == "cuda":
        return [(CUDA, {"device_id": str(device.ordinal), **_AS_THE_ENGINE, **options}), "CPUExecutionProvider"]
    return ["CPUExecutionProvider"]


def said(error: Exception) -> str:
    """Return what an error says on one line, without what onnxruntime puts before it, and without the middle if it is long."""
    text = " ".join(str(error).split()).rpartition("Status Message: ")[2]
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN // 3]} … {text[-_SHOWN * 2 // 3 :]}"


def describe(device: Device) -> dict[str, str]:
    """Return what a table must say of the machine."""
    facts = {"device": device.kind, "onnxruntime": ort.__version__, "providers": ", ".join(ort.get_available_providers())}
    if device.kind == "cuda":
        name, driver, memory = _ask_driver(device, ("name", "driver_version", "memory.total"))
        return {**facts, "name": name, "driver": driver, "memory": f"{int(memory) / 1024:.0f} GiB"}
    total = os.sysconf("SC_PHYS_PAGES") * _PAGE_BYTES
    return {**facts, "name": this_processor().name, "driver": "none", "memory": f"{total / 2**30:.0f} GiB"}


def memory_used(device: Device) -> int:
    """Return the bytes that are taken of a GPU's memory, by all processes, or of the machine's by this one."""
    if device.kind == "cuda":
        (used,) = _ask_driver(device, ("memory.used",))
        return int(used) * 2**20
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES


def _ask_driver(device: Device, fields: Sequence[str]) -> list[str]:
    command = ["nvidia-smi", f"--id={device.ordinal}", f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"]
    return [field.strip() for field in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split(",")]

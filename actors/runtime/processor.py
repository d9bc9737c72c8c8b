"""What decides the last bits of a result besides the model and the row: the processor's kernels, and the versions of libraries.

ONNX Runtime has a set of kernels for each step of a processor's instructions. Integer kernels compute the same numbers; float
kernels add in another order (measured: ``docs/processors.md``).
"""

import platform
from dataclasses import dataclass, replace
from functools import cache
from importlib import metadata
from pathlib import Path

import numpy as np

from actors.runtime.session import VERSION

_CPUINFO = Path("/proc/cpuinfo")

# The flags (Linux' names) by which ONNX Runtime's math library chooses: onnxruntime core/mlas/lib/platform.cpp. The best first.
_AVX512 = frozenset({"avx512f", "avx512bw", "avx512dq", "avx512vl"})
_KERNELS: tuple[tuple[str, frozenset[str]], ...] = (
    ("amx", _AVX512 | {"avx512_vnni", "amx_tile", "amx_int8"}),
    ("avx512-vnni", _AVX512 | {"avx512_vnni"}),
    ("avx512", _AVX512),
    ("avx2-vnni", frozenset({"avx2", "fma", "avx_vnni"})),
    ("avx2", frozenset({"avx2", "fma"})),
    ("avx", frozenset({"avx"})),
    ("sse4.1", frozenset({"sse4_1"})),
    ("arm64-i8mm", frozenset({"asimd", "i8mm"})),
    ("arm64-dot", frozenset({"asimd", "asimddp"})),
)


@dataclass(frozen=True)
class Processor:
    """A kind of processor.

    Attributes:
        name: as it calls itself.
        kernels: the best of ``amx``, ``avx512-vnni``, ``avx512``, ``avx2-vnni``, ``avx2``, ``avx``, ``sse4.1``, ``arm64-i8mm``
            and ``arm64-dot`` that it has; of any other, its machine's name.
    """

    name: str
    kernels: str

    @classmethod
    def parse(cls, cpuinfo: str, machine: str) -> "Processor":
        """Return what the text of Linux' ``/proc/cpuinfo`` describes; ``machine`` stands where it says nothing."""
        fields: dict[str, str] = {}
        for line in cpuinfo.splitlines():
            key, _, value = line.partition(":")
            fields.setdefault(key.strip(), value.strip())
        flags = frozenset((fields.get("flags") or fields.get("Features") or "").split())
        kernels = next((name for name, needed in _KERNELS if needed <= flags), machine)
        return cls(fields.get("model name") or machine, kernels)

    @property
    def multiplies_bytes(self) -> bool:
        """Whether it has instructions for products of bytes (VNNI and its like), which make int8 as fast as it can be."""
        return self.kernels.endswith(("vnni", "amx", "i8mm", "dot"))


@cache
def this_processor() -> Processor:
    """Return the processor of this machine."""
    return Processor.parse(_CPUINFO.read_text() if _CPUINFO.exists() else "", platform.machine())


@dataclass(frozen=True, order=True)
class Maker:
    """What computed a result. Results of equal makers are equal to the byte.

    Attributes:
        processor: :attr:`Processor.kernels`.
        onnxruntime: its version.
        numpy: its version.
        speechmill: our version.
        openvino: its version, and the graphs that it ran, if it ran any.
    """

    processor: str
    onnxruntime: str
    numpy: str
    speechmill: str
    openvino: str = ""

    def __str__(self) -> str:
        versions = f"onnxruntime {self.onnxruntime}, numpy {self.numpy}, speechmill {self.speechmill}"
        return f"{self.processor} with {versions}" + (f", openvino {self.openvino}" if self.openvino else "")


@cache
def this_maker() -> Maker:
    """Return this machine with what is installed in this environment."""
    try:
        ours = metadata.version("speechmill")
    except metadata.PackageNotFoundError:  # it is run from its sources, as by `ray job submit --working-dir`
        ours = "unknown"
    return Maker(this_processor().kernels, VERSION, np.__version__, ours)


def maker_on(device: str) -> Maker:
    """Return :func:`this_maker` for a device, as :meth:`actors.runtime.session.Device.parse` reads it."""
    kind, _, graphs = device.partition(":")
    if kind != "openvino":
        return this_maker()
    return replace(this_maker(), openvino=f"{metadata.version('openvino')} ({graphs or 'all graphs'})")

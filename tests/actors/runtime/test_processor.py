import platform

import onnxruntime as ort
import pytest

from actors.runtime.processor import Processor, this_maker, this_processor

AVX512 = "avx512f avx512dq avx512bw avx512vl"


def cpuinfo(flags: str, name: str = "A Processor @ 2 GHz") -> str:
    one = f"processor\t: 0\nmodel name\t: {name}\nflags\t\t: fpu sse4_1 {flags}\nbugs\t\t:\n\n"
    return one + one.replace("processor\t: 0", "processor\t: 1")


@pytest.mark.parametrize(
    ("flags", "kernels", "multiplies_bytes"),
    [
        ("", "sse4.1", False),
        ("avx f16c", "avx", False),
        ("avx avx2 fma", "avx2", False),
        ("avx avx2 fma avx_vnni", "avx2-vnni", True),
        ("avx avx2 fma avx512f", "avx2", False),
        (f"avx avx2 fma {AVX512}", "avx512", False),
        (f"avx avx2 fma {AVX512} avx512_vnni", "avx512-vnni", True),
        (f"avx avx2 fma {AVX512} avx512_vnni amx_bf16 amx_tile amx_int8", "amx", True),
    ],
)
def test_the_best_kernels_name_the_class(flags: str, kernels: str, multiplies_bytes: bool) -> None:
    processor = Processor.parse(cpuinfo(flags), "x86_64")
    assert processor == Processor("A Processor @ 2 GHz", kernels)
    assert processor.multiplies_bytes is multiplies_bytes


@pytest.mark.parametrize(
    ("features", "kernels"),
    [("fp asimd", "aarch64"), ("fp asimd asimddp", "arm64-dot"), ("fp asimd asimddp i8mm", "arm64-i8mm")],
)
def test_arm_has_classes_of_its_own(features: str, kernels: str) -> None:
    assert Processor.parse(f"processor\t: 0\nFeatures\t: {features}\n", "aarch64") == Processor("aarch64", kernels)


def test_where_the_system_says_nothing_the_machine_is_named() -> None:
    assert Processor.parse("", "arm64") == Processor("arm64", "arm64")


def test_this_machine_is_one_of_them() -> None:
    assert this_processor().name
    assert this_maker().processor == this_processor().kernels
    assert this_maker().onnxruntime == ort.__version__
    if platform.machine() == "x86_64" and platform.system() == "Linux":
        assert this_processor().kernels != "x86_64"

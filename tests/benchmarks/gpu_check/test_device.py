"""A device as the check sees it, here without one."""

import mmap
from pathlib import Path

import onnxruntime as ort
import pytest

from actors.errors import UsageError
from actors.runtime import session
from actors.runtime.session import Device
from benchmarks.gpu_check import device

CUDA = Device("cuda", 1)


def test_sessions_have_the_engines_options_and_more_on_a_gpu_alone() -> None:
    assert device.providers(CUDA) == session._provider_options(CUDA, 1)
    ((_, options), _) = device.providers(CUDA, use_tf32="0")
    assert options["use_tf32"] == "0"
    assert device.providers(Device("cpu"), use_tf32="0") == session._provider_options(Device("cpu"), 1)


def test_a_provider_that_is_there_and_does_not_load_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    # What onnxruntime-gpu does without a driver: the session is made, and runs on the CPU.
    monkeypatch.setattr(ort, "get_available_providers", lambda: [device.CUDA, "CPUExecutionProvider"])
    monkeypatch.setattr(ort, "preload_dlls", lambda: None, raising=False)
    monkeypatch.setattr(device, "providers", lambda *_: ["CPUExecutionProvider"])
    with pytest.raises(RuntimeError, match=r"cuda: onnxruntime .* has CUDAExecutionProvider and cannot load it"):
        device.open_device("cuda")


@pytest.mark.skipif(device.best_device() == "cuda", reason="this onnxruntime has CUDAExecutionProvider")
def test_no_provider_is_an_error_too() -> None:
    with pytest.raises(UsageError, match="install onnxruntime-gpu in place of onnxruntime"):
        device.open_device("cuda")


def test_a_cpu_says_what_it_is_and_what_this_process_takes() -> None:
    cpu = device.open_device("cpu")
    assert device.describe(cpu)["device"] == "cpu"
    before = device.memory_used(cpu)
    with mmap.mmap(-1, 50_000_000) as kept:  # new pages, where an array may get such as others have left
        kept.write(b"x" * len(kept))
        assert device.memory_used(cpu) - before > len(kept) // 2


def test_a_gpu_is_asked_about_by_its_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = tmp_path / "nvidia-smi"
    driver.write_text("""#!/bin/sh\ncase "$*" in *--id=1*memory.used*) echo 7;; *--id=1*) echo 'GPU A, 1.2, 2048';; esac\n""")
    driver.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert device.memory_used(CUDA) == 7 * 2**20
    assert {"name": "GPU A", "driver": "1.2", "memory": "2 GiB"}.items() <= device.describe(CUDA).items()


def test_an_error_is_a_line() -> None:
    assert device.said(RuntimeError("[ONNXRuntimeError] : 1 : Status Message: it\ndoes not fit")) == "it does not fit"
    long = device.said(RuntimeError("first" + 9999 * "x" + "last"))
    assert (long[:6], long[-5:], len(long) < 400) == ("firstx", "xlast", True)

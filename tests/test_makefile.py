"""What the Makefile promises, as far as a test inside `make test` can see it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.ray
def test_demo_speaks_and_says_where_to_listen(tmp_path: Path, embedded_environment: dict[str, str]) -> None:
    command = [sys.executable, str(ROOT / "jobs" / "demo.py"), "--output", str(tmp_path / "demo"), "--workers", "1"]
    done = subprocess.run(command, env=embedded_environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "100 ok, 0 rejected, 0 failed" in done.stdout
    assert len(list((tmp_path / "demo" / "listen").glob("*.flac"))) == 12


def test_targets_exist_and_demo_needs_no_torch() -> None:
    def recipe(target: str, *variables: str) -> str:
        command = ["make", "--dry-run", "--always-make", "PYTHON=python3", *variables, target]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env=os.environ).stdout

    assert "torch" not in recipe("demo")
    assert "pytest" in recipe("test")
    assert "mypy" in recipe("lint")
    assert "benchmarks.speed" in recipe("bench")
    assert "faster-whisper" in recipe("bench")
    assert "benchmarks.real" in recipe("real")
    assert ".venv/bin/python -m benchmarks.gpu_check --dry-run" in recipe("gpu-check", "GPU=")
    assert ".bench/gpu/bin/python -m benchmarks.gpu_check --device cuda" in recipe("gpu-check", "GPU=/dev/nvidia0")
    assert "onnxruntime-gpu" not in recipe("gpu-check", "GPU=")
    assert "docs/options.py" in recipe("docs")


def test_a_module_stays_in_one_process(request: pytest.FixtureRequest) -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("all tests are in one process")
    assert request.node.nodeid.endswith("@tests/test_makefile.py"), "what a fixture makes is made again in every process"

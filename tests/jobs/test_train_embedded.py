"""The training job's command line; the training itself is tested module by module."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _train(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "jobs" / "train_embedded.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(("model", "made"), [("voice", "judge.safetensors"), ("ear", "checkpoint")])
def test_help_names_what_is_made(model: str, made: str) -> None:
    done = _train(model, "--help")
    assert done.returncode == 0
    assert made in done.stdout


@pytest.mark.parametrize("scale", ["0", "2", "much"])
def test_wrong_scale_is_one_line_and_exit_code_2(scale: str, tmp_path: Path) -> None:
    done = _train("voice", "--folder", str(tmp_path / "work"), "--scale", scale)
    assert done.returncode == 2
    assert "scale" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "work").exists()

"""The whole check as a dry run, of one family."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.bundle import Bundle
from benchmarks.gpu_check import __main__ as gpu_check


@pytest.fixture
def run(tiny_bundle: Callable[..., Bundle], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Returns the exit code of the check with some options."""
    bundles = {"soprano": {precision: str(tiny_bundle(precision).folder) for precision in ("fp32", "fp16")}}
    monkeypatch.setattr(gpu_check, "tiny_bundles", lambda: bundles)
    monkeypatch.setattr(gpu_check, "TINY_TASKS", {"soprano": gpu_check.TINY_TASKS["soprano"]})
    monkeypatch.setattr(gpu_check, "FOLDER", tmp_path / "gpu-check")

    def check(*options: str) -> int:
        monkeypatch.setattr(sys, "argv", ["gpu_check", "--dry-run", "--threads", "1", *options])
        with pytest.raises(SystemExit) as ended:
            gpu_check.main()
        return int(ended.value.code or 0)

    return check


def test_a_dry_run_goes_through_every_part(run: Callable[..., int], tmp_path: Path) -> None:
    assert run() == 0
    report = json.loads((tmp_path / "gpu-check" / "report.json").read_bytes())
    assert (report["device"], report["dry_run"]) == ("cpu", True)
    names = ["parity without TF32", "parity", "soprano fp16", "soprano fp32", "graphs of soprano"]
    assert list(report["parts"]) == names
    assert {name: (len(found), ended) for name, (found, ended) in report["parts"].items()} == dict(
        zip(names, ((1, ""), (2, ""), (2, ""), (2, ""), (4, "")), strict=True)
    )
    assert "Nothing here is about a GPU" in (tmp_path / "gpu-check" / "report.md").read_text()


def test_without_time_all_is_left_out_and_nothing_holds(run: Callable[..., int], tmp_path: Path) -> None:
    assert run("--minutes", "0.001") == 1
    text = (tmp_path / "gpu-check" / "report.md").read_text()
    assert "- parity: left out: its 0 s were over" in text


@pytest.mark.usefixtures("run")
def test_to_prepare_measures_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["gpu_check", "--dry-run", "--prepare"])
    gpu_check.main()
    assert not (tmp_path / "gpu-check").exists()


def test_models_of_the_true_size_are_looked_at_with_more_rows_than_tiny_ones() -> None:
    options = argparse.Namespace(dry_run=False, device="cuda", threads=1, slots=None)
    folders = {"fp32": "a", "fp16": "b"}
    parts = gpu_check._parts(options, {"soprano": folders, "whisper": folders}, {"soprano": folders})
    assert {part.name: part.task["rows"] for part in parts if part.module == "graphs"} == {
        "graphs of soprano": 64,
        "graphs of whisper": 2,
    }
    assert [part.task["slots"] for part in parts if part.module == "speed"] == [(1, 4, 16, 64, 256)] * 2
    assert sum(part.weight for part in parts) == pytest.approx(9)

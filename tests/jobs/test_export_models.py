"""The export job: one command from a checkpoint to a published bundle."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from cluster.registry import embedded_folder, fetch

ROOT = Path(__file__).parents[2]
CHECKPOINT = ROOT / "exporter" / "embedded" / "checkpoint"


def _export(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "jobs" / "export_models.py"), "--family", "soprano", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    registry = tmp_path_factory.mktemp("registry")
    done = _export("--checkpoint", str(CHECKPOINT), "--publish", str(registry), "--name", "again", "--precision", "int8")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1], registry


def test_last_line_is_the_pinned_reference_and_it_resolves(published: tuple[str, Path], tmp_path: Path) -> None:
    reference, registry = published
    assert re.fullmatch(r"again@sha256:[0-9a-f]{64}", reference)
    assert fetch(reference, str(registry), tmp_path).reference == reference
    assert fetch("again@latest", str(registry), tmp_path).reference == reference


def test_shipped_bundle_is_what_the_checkpoint_exports_to(published: tuple[str, Path], tmp_path: Path) -> None:
    again = fetch(published[0], str(published[1]), tmp_path)
    shipped = fetch("embedded")
    assert again.manifest.settings == shipped.manifest.settings
    assert again.manifest.source == shipped.manifest.source
    assert {key: graph.precision for key, graph in again.manifest.graphs.items()} == {
        key: graph.precision for key, graph in shipped.manifest.graphs.items()
    }
    for key, graph in shipped.manifest.graphs.items():
        ours, theirs = (
            {t.name: numpy_helper.to_array(t) for t in onnx.load(folder / graph.file).graph.initializer}
            for folder in (again.folder, embedded_folder())
        )
        assert ours.keys() == theirs.keys(), key
        for name, array in ours.items():
            assert np.array_equal(array, theirs[name]), f"{key}: {name}"


def test_measured_checks_are_in_the_manifest(published: tuple[str, Path], tmp_path: Path) -> None:
    checks = fetch(published[0], str(published[1]), tmp_path).manifest.checks
    measured = {(check.graph, check.metric, check.case) for check in checks}
    assert ("lm", "top1_agreement", "int8 against fp32") in measured
    assert ("decoder", "snr_db", "int8 against fp32") in measured
    assert all(check.floor is not None or check.ceiling is not None for check in checks)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--checkpoint", "no-such-folder", "--folder", "x", "--name", "a"], "neither a folder nor a hub id"),
        (["--checkpoint", ".", "--folder", "x", "--name", "../a"], "cannot name a bundle"),
        (["--checkpoint", ".", "--name", "a"], "say where the bundle goes"),
        (["--checkpoint", ".", "--folder", "x", "--name", "a", "--precision", "int2"], "int2"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments: list[str], message: str, tmp_path: Path) -> None:
    done = _export(*[str(tmp_path / word) if word == "x" else word for word in arguments])
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr

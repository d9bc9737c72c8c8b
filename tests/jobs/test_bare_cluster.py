"""A cluster that has ``ray[default]`` and nothing else, and the runtime environment that we ship for it."""

import os
import shlex
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray

from tests.jobs.ray_nodes import RayCluster, ray_cluster

pytestmark = [pytest.mark.ray, pytest.mark.skipif(sys.platform != "linux", reason="looks for leftovers in /proc")]

ROOT = Path(__file__).parents[2]
INSTALL_S = 300


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RayCluster]:
    """A head node in a new environment."""
    folder = tmp_path / "bare"
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    for command in (("pip", "install", "uv"), ("uv", "pip", "install", "--python", python, f"ray[default]=={ray.__version__}")):
        done = subprocess.run(
            [python, "-m", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_S,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"{shlex.join(command)} finds no package index: {done.stdout.strip().splitlines()[-1]}")
    monkeypatch.delenv("PYTHONPATH", raising=False)  # it leads to this clone
    path = f"{folder}/bin{os.pathsep}{os.environ['PATH']}"
    with ray_cluster("--num-cpus=2", "--include-dashboard=true", PATH=path) as cluster:
        cluster.wait_for_jobs()
        yield cluster


def test_the_runtime_environment_has_all_that_a_job_needs(bare: RayCluster, tmp_path: Path) -> None:
    command = ["ray", "job", "submit", "--address", bare.dashboard, "--runtime-env", "cluster/deploy/runtime_env.yaml"]
    command += ["--working-dir", ".", "--", "python", "jobs/synthesize_corpus.py", "--input", "jobs/demo_sentences.txt"]
    command += ["--limit", "8", "--output", str(tmp_path / "out")]
    code, printed = bare.ray_job(command, INSTALL_S, cwd=ROOT)
    assert code == 0, printed
    assert "8 (8 ok, 0 rejected, 0 failed)" in printed
    (package,) = bare.folder.glob("session_latest/runtime_resources/working_dir_files/*/")
    assert (package / "embedded" / "voice").exists()
    assert not (package / "training" / "checkpoints" / "voice").exists()

"""The commands of docs/cluster.md that need a head node, run on one."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jobs.ray_nodes import PATIENCE_S, RayCluster, ray_cluster

pytestmark = [pytest.mark.ray, pytest.mark.skipif(sys.platform != "linux", reason="looks for leftovers in /proc")]

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"^```sh head\n(.*?)^```$", (ROOT / "docs" / "cluster.md").read_text(), re.DOTALL | re.MULTILINE)
COMMANDS = [line for block in BLOCKS for line in block.replace("\\\n", " ").splitlines() if line.strip()]


@pytest.fixture(scope="module")
def head() -> Iterator[RayCluster]:
    """Stands for the page's ``ray start --head``."""
    with ray_cluster("--num-cpus=2", "--include-dashboard=true") as cluster:
        cluster.wait_for_jobs()
        yield cluster


def test_the_page_has_commands() -> None:
    assert [command.split()[0] for command in COMMANDS] == ["export", "ray", "ray", "ray", "ray"]


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("ray start")])
def test_nodes_are_started_with_options_that_exist(command: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "ray.scripts.scripts", "start", "--help"], capture_output=True, text=True, check=True
    )
    assert [word for word in shlex.split(command) if word.startswith("--") and word not in shown.stdout] == []


def test_jobs_are_submitted_as_printed(head: RayCluster, tmp_path: Path) -> None:
    for command in (command for command in COMMANDS if command.startswith("ray job")):
        here = command.replace("http://127.0.0.1:8265", head.dashboard).replace("/tmp/speechmill", str(tmp_path))  # noqa: S108
        code, printed = head.ray_job(shlex.split(here), 2 * PATIENCE_S, cwd=ROOT)
        assert code == 0, f"{command}\n{printed}"
    assert (tmp_path / "corpus" / ".speechmill" / "index.json").exists()

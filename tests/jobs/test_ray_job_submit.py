"""The job as it is started on a cluster: ``ray job submit``, here on a head node of this machine."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ray.job_submission import JobSubmissionClient

from cluster.registry import publish
from tests.jobs.ray_nodes import PATIENCE_S, RayCluster, ray_cluster, wait_until

pytestmark = [pytest.mark.ray, pytest.mark.skipif(sys.platform != "linux", reason="looks for leftovers in /proc")]

REPOSITORY = Path(__file__).parents[2]


class Head:
    """The command line of Ray's job API at a running head node."""

    def __init__(self, cluster: RayCluster) -> None:
        self.address = cluster.dashboard
        self.folder = cluster.folder
        self._cluster = cluster

    def job(self, command: str, *arguments: object, timeout_s: float = PATIENCE_S) -> tuple[int, str]:
        """Run ``ray job <command>``; return its exit code and all that it printed."""
        return self._cluster.ray_job(["ray", "job", command, "--address", self.address, *map(str, arguments)], timeout_s)

    def synthesize(self, *arguments: object, options: tuple[str, ...] = ()) -> tuple[int, str]:
        """Submit a synthesis."""
        script = ("python", "jobs/synthesize_corpus.py")
        return self.job("submit", *options, "--working-dir", REPOSITORY, "--", *script, *arguments)


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    with ray_cluster("--num-cpus=2", "--include-dashboard=true") as cluster:
        cluster.wait_for_jobs()
        yield Head(cluster)


def parts_in(output: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in output.glob("part-*.parquet")}


def test_a_submitted_job_can_be_stopped_and_submitted_again(
    head: Head, corpus: Path, undisturbed: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    job = ("--input", corpus, "--output", output, "--rows-per-unit", 4, "--workers", "1:2")
    slowly = ("--slots", 1)  # there must be something left to stop
    code, log = head.synthesize(*job, *slowly, options=("--no-wait", "--submission-id", "first"))
    assert code == 0, log
    wait_until(lambda: len(parts_in(output)) >= 2)
    client = JobSubmissionClient(head.address)  # the command line takes so long to start that the job would be done
    client.stop_job("first")
    wait_until(lambda: client.get_job_status("first").is_terminal())
    assert client.get_job_status("first") == "STOPPED"
    assert json.loads((output / ".speechmill" / "run.json").read_bytes())["state"] == "stopped"
    assert 2 <= len(parts_in(output)) < len(parts_in(undisturbed))

    code, log = head.synthesize(*job)
    assert code == 0, log
    assert "of 120 rows are there already" in log
    assert "120 (120 ok, 0 rejected, 0 failed)" in log
    assert parts_in(output) == parts_in(undisturbed)


def test_a_submitted_job_that_is_wrong_fails_with_the_reason(head: Head, corpus: Path, tmp_path: Path) -> None:
    code, log = head.synthesize("--input", corpus, "--output", tmp_path / "out", "--voice", "nobody")
    assert code == 1
    assert "error: embedded has no voice 'nobody'" in log


def test_an_output_that_would_be_lost_with_the_job_is_refused(head: Head, corpus: Path) -> None:
    code, log = head.synthesize("--input", corpus, "--output", "out")
    assert code == 1
    assert "error: --output out is relative, and 'ray job submit' runs jobs in a temporary folder" in log


def test_an_input_that_travels_with_the_code_is_found(head: Head, tmp_path: Path) -> None:
    code, log = head.synthesize("--input", "jobs/demo_sentences.txt", "--output", tmp_path / "out", "--limit", 4)
    assert code == 0, log
    assert "4 (4 ok, 0 rejected, 0 failed)" in log


def test_a_model_is_loaded_onto_every_node(head: Head, tmp_path: Path) -> None:
    registry = tmp_path / "registry"
    published = publish("embedded", str(registry))
    script = ("python", "jobs/registry.py", "prefetch", "embedded@latest", "--registry", registry)
    code, log = head.job("submit", "--working-dir", REPOSITORY, "--", *script)
    assert code == 0, log
    assert published in log
    assert re.search(r"^\S+ +[\d.]+ s$", log, re.MULTILINE), log


def test_the_code_and_the_embedded_model_travel_and_nothing_else(head: Head) -> None:
    (package,) = head.folder.glob("session_latest/runtime_resources/working_dir_files/*/")
    top = {path.name for path in package.iterdir()}
    assert {"actors", "cluster", "embedded", "exporter", "jobs", "pyproject.toml"} <= top
    assert not top & {".git", ".venv", "benchmarks", "docs", "tests", "training"}
    bundle = Path("embedded", "voice")
    names = {path.relative_to(REPOSITORY) for path in (REPOSITORY / bundle).rglob("*")}
    assert names == {path.relative_to(package) for path in (package / bundle).rglob("*")}

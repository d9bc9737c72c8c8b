"""The job as it is started on a cluster: ``ray job submit``, here on a head node of this machine."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

import pytest
from ray.job_submission import JobSubmissionClient

pytestmark = [pytest.mark.ray, pytest.mark.skipif(sys.platform != "linux", reason="looks for leftovers in /proc")]

REPOSITORY = Path(__file__).parents[2]
PATIENCE_S = 120.0


@dataclass(frozen=True)
class Head:
    """A running head node: the address of its dashboard, its folder, and the environment it was started with."""

    address: str
    folder: Path
    environment: Mapping[str, str]

    def job(self, command: str, *arguments: object, timeout_s: float = PATIENCE_S) -> tuple[int, str]:
        """Run ``ray job <command>``; return its exit code and all that it printed."""
        done = subprocess.run(
            ["ray", "job", command, "--address", self.address, *map(str, arguments)],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        return done.returncode, done.stdout

    def synthesize(self, *arguments: object, options: tuple[str, ...] = ()) -> tuple[int, str]:
        """Submit a synthesis."""
        script = ("python", "jobs/synthesize_corpus.py")
        return self.job("submit", *options, "--working-dir", REPOSITORY, "--", *script, *arguments)


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Head]:
    """A head node in a session of its own; nothing that it started is left at the end."""
    # Ray's sockets need a short path.
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",  # of `python` on the cluster
            "SPEECHMILL_CORES": str(tmp_path_factory.mktemp("core-locks")),
            "RAY_AUTH_MODE": "disabled",
            "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "1",
            "RAY_JOB_STOP_WAIT_TIME_S": "60",  # before it kills a job: a busy machine may need more than the usual 3
        }
        environment.pop("RAY_ADDRESS", None)
        dashboard, *others = _free_ports(4)
        ports = zip(("--port", "--dashboard-agent-listen-port", "--ray-client-server-port"), others, strict=True)
        command = ["ray", "start", "--head", "--block", "--num-cpus=2", "--disable-usage-stats", f"--temp-dir={folder}"]
        command += ["--include-dashboard=true", f"--dashboard-port={dashboard}", *(f"{name}={port}" for name, port in ports)]
        command += ["--min-worker-port=0", "--max-worker-port=0"]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
        try:
            address = f"http://127.0.0.1:{dashboard}"
            _wait_for_dashboard(address, process)
            yield Head(address, Path(folder), environment)
        finally:
            sessions = _sessions_below(process.pid)
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=20)
            _kill_sessions(sessions)
            process.wait()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(taken.getsockname()[1]) for taken in sockets]


def _wait_for_dashboard(address: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until the head takes jobs."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        assert process.poll() is None, "the head node did not start"
        assert time.monotonic() < deadline, "the head node takes no jobs"
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/api/jobs/", timeout=5):  # noqa: S310
            return
        time.sleep(0.2)


def _kill_sessions(sessions: Set[int]) -> None:
    """Kill what is left of some sessions, and wait until it is gone."""
    deadline = time.monotonic() + 20
    while left := [pid for pid, _, session in _processes() if session in sessions]:
        assert time.monotonic() < deadline, f"processes {left} outlive the test"
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)


def _sessions_below(leader: int) -> set[int]:
    """Return the sessions of a process and of all that it started: each job's driver has one of its own."""
    family, sessions = {leader}, {leader}
    while found := {(pid, session) for pid, parent, session in _processes() if parent in family and pid not in family}:
        family |= {pid for pid, _ in found}
        sessions |= {session for _, session in found}
    return sessions


def _processes() -> Iterator[tuple[int, int, int]]:
    """Yield id, parent and session of every living process; dead ones are their parents' to remove."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            state, parent, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            if state != "Z":
                yield int(entry.name), int(parent), int(session)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


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
    assert json.loads((output / "run.json").read_bytes())["state"] == "stopped"
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


def test_the_code_and_the_embedded_model_travel_and_nothing_else(head: Head) -> None:
    (package,) = head.folder.glob("session_latest/runtime_resources/working_dir_files/*/")
    top = {path.name for path in package.iterdir()}
    assert {"actors", "cluster", "exporter", "jobs", "pyproject.toml"} <= top
    assert not top & {".git", ".venv", "benchmarks", "docs", "tests"}
    bundle = Path("exporter", "embedded", "bundle")
    names = {path.relative_to(REPOSITORY) for path in (REPOSITORY / bundle).rglob("*")}
    assert names == {path.relative_to(package) for path in (package / bundle).rglob("*")}

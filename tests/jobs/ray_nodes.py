"""Ray clusters of several nodes on this machine: each node is a ``ray start`` of its own, and can be lost like a machine."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from pathlib import Path

import yaml
from ray.autoscaler._private.fake_multi_node.node_provider import FAKE_HEAD_NODE_ID
from ray.util import get_node_ip_address

PATIENCE_S = 120.0
# Of the object store of a node.
STORE_BYTES = 100_000_000
_HEAD_TYPE = "ray.head.default"


def wait_until(condition: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "what the test waits for does not happen"
        time.sleep(0.02)


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(taken.getsockname()[1]) for taken in sockets]


def processes() -> Iterator[tuple[int, int, int]]:
    """Yield id, parent and session of every living process; dead ones are their parents' to remove."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            state, parent, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            if state != "Z":
                yield int(entry.name), int(parent), int(session)


def family_of(leader: int) -> set[int]:
    """Return a process and all that it started."""
    family = {leader}
    while found := {pid for pid, parent, _ in processes() if parent in family and pid not in family}:
        family |= found
    return family


def sessions_of(leader: int) -> set[int]:
    """Return the sessions of a process and of all that it started: each job's driver has one of its own."""
    family = family_of(leader)
    return {session for pid, _, session in processes() if pid in family} | {leader}


def kill_sessions(sessions: Set[int]) -> None:
    """Kill what is left of some sessions, and wait until it is gone."""
    deadline = time.monotonic() + 20
    while left := [pid for pid, _, session in processes() if session in sessions]:
        assert time.monotonic() < deadline, f"processes {left} outlive the test"
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)


def workers_of(leader: int) -> list[int]:
    """Return the processes of our workers below a process."""
    found = []
    for pid in family_of(leader):
        with contextlib.suppress(OSError):
            if b"ray::SpeechmillWorker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


class RayNode:
    """A node in a session of its own, which is up."""

    def __init__(self, command: list[str], environment: Mapping[str, str], log: Path) -> None:
        with log.open("ab") as file:
            self.process = subprocess.Popen(command, env=environment, stdout=file, stderr=file, start_new_session=True)

        def is_up() -> bool:
            assert self.process.poll() is None, log.read_text()
            return "Ray runtime started." in log.read_text()

        wait_until(is_up)

    def lose(self) -> None:
        """Kill the node, as when its machine is gone."""
        sessions = sessions_of(self.process.pid)
        kill_sessions(sessions)
        self.process.wait()

    def give_notice(self) -> None:
        """Tell the node that it is about to go: in ``RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S`` seconds."""
        self.process.terminate()

    def stop(self) -> None:
        """End the node; nothing that it started is left."""
        sessions = sessions_of(self.process.pid)
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=20)
        kill_sessions(sessions)
        self.process.wait()


class RayCluster:
    """A head node and others. ``address`` is the cluster's, ``dashboard`` that of its job API."""

    head: RayNode

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",  # of `python` on the cluster
            "RAY_AUTH_MODE": "disabled",
            "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "1",
            "RAY_JOB_STOP_WAIT_TIME_S": "60",  # before it kills a job: a busy machine may need more than the usual 3
            **variables,
        }
        self.environment.pop("RAY_ADDRESS", None)
        self.nodes: list[RayNode] = []
        self._port, self._dashboard_port = free_ports(2)
        self.address = f"{get_node_ip_address()}:{self._port}"
        self.dashboard = f"http://127.0.0.1:{self._dashboard_port}"

    def start_head(self, *options: str) -> None:
        """Start the head node."""
        agent, client = free_ports(2)
        ports = (f"--port={self._port}", f"--dashboard-port={self._dashboard_port}", f"--ray-client-server-port={client}")
        self.head = self._start(
            "--head", f"--temp-dir={self.folder}", *ports, f"--dashboard-agent-listen-port={agent}", *options
        )

    def add_node(self, cpus: int = 1, **variables: str) -> RayNode:
        """Start another node; its workers see the core claims of no other node."""
        cores = self.folder / f"cores-{len(self.nodes)}"
        cores.mkdir(mode=0o700)
        agent = free_ports(1)[0]
        options = (f"--address={self.address}", f"--num-cpus={cpus}", f"--dashboard-agent-listen-port={agent}")
        return self._start(*options, SPEECHMILL_CORES=str(cores), **variables)

    def stop(self) -> None:
        """Stop all nodes, the head last."""
        for node in reversed(self.nodes):
            if node.process.poll() is None:
                node.stop()

    def wait_for_jobs(self) -> None:
        """Wait until the head takes jobs."""

        def ready() -> bool:
            assert self.head.process.poll() is None, "the head node did not start"
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.dashboard}/api/jobs/", timeout=5):  # noqa: S310
                return True
            return False

        wait_until(ready)

    def ray_job(self, command: Sequence[str], timeout_s: float, cwd: Path | None = None) -> tuple[int, str]:
        """Run a ``ray job …`` command; return its exit code and all that it printed.

        A dashboard of Ray 2.60 on a busy machine has been seen to drop the connection over which it takes the code, before
        there is a job: as its user would, submit again.
        """
        for _ in range(3):
            done = subprocess.run(
                command,
                cwd=cwd,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=timeout_s,
                check=False,
            )
            if "Remote end closed connection without response" not in done.stdout:
                break
        return done.returncode, done.stdout

    def _start(self, *options: str, **variables: str) -> RayNode:
        command = ["ray", "start", "--block", "--disable-usage-stats", "--min-worker-port=0", "--max-worker-port=0"]
        command += [f"--object-store-memory={STORE_BYTES}", *options]
        node = RayNode(command, {**self.environment, **variables}, self.folder / f"node-{len(self.nodes)}.log")
        self.nodes.append(node)
        return node


@contextlib.contextmanager
def ray_cluster(*head_options: str, **variables: str) -> Iterator[RayCluster]:
    """Start a head node; nothing of the cluster is left at the end."""
    # Ray's sockets need a short path.
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        cluster = RayCluster(Path(folder), **variables)
        try:
            cluster.start_head(*head_options)
            yield cluster
        finally:
            cluster.stop()


@contextlib.contextmanager
def scaling_cluster(most: int) -> Iterator[RayCluster]:
    """Start a head node without CPUs, whose autoscaler starts up to ``most`` nodes of one CPU, here on this machine."""
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        config = Path(folder, "autoscaling.yaml")
        variables = {
            "RAY_FAKE_CLUSTER": "1",
            "RAY_enable_autoscaler_v2": "1",
            "RAY_OVERRIDE_NODE_ID_FOR_TESTING": FAKE_HEAD_NODE_ID,
            "RAY_CLOUD_INSTANCE_ID": FAKE_HEAD_NODE_ID,
            "RAY_NODE_TYPE_NAME": _HEAD_TYPE,
            "AUTOSCALER_UPDATE_INTERVAL_S": "1",
        }
        cluster = RayCluster(Path(folder), **variables)
        config.write_text(yaml.safe_dump(_autoscaling_config(cluster.address, most)))
        try:
            cluster.start_head("--num-cpus=0", f"--autoscaling-config={config}")
            yield cluster
        finally:
            cluster.stop()


def _autoscaling_config(address: str, most: int) -> dict[str, object]:
    provider = {
        "type": "external",
        "module": "ray.autoscaler._private.fake_multi_node.node_provider.FakeMultiNodeProvider",
        "gcs_address": address,
        "head_node_id": FAKE_HEAD_NODE_ID,
        "launch_multiple": True,
    }
    unused_lists = ("cluster_synced_files", "initialization_commands", "setup_commands", "head_setup_commands")
    unused_lists += (
        "worker_setup_commands",
        "head_start_ray_commands",
        "worker_start_ray_commands",
        "rsync_exclude",
        "rsync_filter",
    )
    return {
        "cluster_name": "test",
        "max_workers": 2 * most,
        "provider": provider,
        "available_node_types": {
            _HEAD_TYPE: {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
            "cpu": {"resources": {"CPU": 1}, "node_config": {}, "min_workers": 0, "max_workers": most},
        },
        "head_node_type": _HEAD_TYPE,
        "idle_timeout_minutes": 0.05,
        "upscaling_speed": 100,
        "file_mounts_sync_continuously": False,
        "no_restart": False,
        **{name: {} for name in ("auth", "file_mounts", "docker")},
        **{name: [] for name in unused_lists},
    }

"""Machines, workers and the job's own process are lost while it runs: every row comes out once, with the same audio.

``make soak`` runs these five times.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE

import pytest
from moto.server import ThreadedMotoServer

from cluster.storage import open_store
from tests.cluster.faulty_proxy import FaultyProxy
from tests.cluster.tiny_job import count_marks
from tests.jobs.conftest import StartJob
from tests.jobs.ray_nodes import STORE_BYTES, RayCluster, ray_cluster, scaling_cluster, wait_until, workers_of

pytestmark = [
    pytest.mark.ray,
    pytest.mark.fault,
    pytest.mark.skipif(sys.platform != "linux", reason="finds the processes of a node in /proc"),
]

REPOSITORY = Path(__file__).parents[2]
AWAY_S = 30 if "SOAK" in os.environ else 10
FILL_THE_OBJECT_STORE = """
import sys
import numpy as np
import ray
ray.init(address=sys.argv[1], logging_level="ERROR", log_to_driver=False)
held = [ray.put(np.ones(int(sys.argv[2]) // 2, np.uint8)) for _ in range(8)]
print("full", flush=True)
sys.stdin.read()
"""
SLOWLY = ("--slots", 1, "--rows-per-unit", 4)  # there must be something left to do


def parts_in(output: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in output.glob("part-*.parquet")}


def record_of(output: Path) -> dict[str, object]:
    record: dict[str, object] = json.loads((output / ".speechmill" / "run.json").read_bytes())
    return record


@contextlib.contextmanager
def two_nodes() -> Iterator[RayCluster]:
    """Start a head without CPUs and two nodes of one."""
    with ray_cluster("--num-cpus=0") as started:
        for _ in range(2):
            started.add_node()
        yield started


@pytest.fixture
def cluster() -> Iterator[RayCluster]:
    """A cluster to lose nodes of."""
    with two_nodes() as started:
        yield started


@pytest.fixture(scope="module")
def lasting() -> Iterator[RayCluster]:
    """A cluster whose nodes stay."""
    with two_nodes() as started:
        yield started


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    """An S3 server with an empty bucket, behind a proxy that may misbehave."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with FaultyProxy(f"http://{host}:{port}") as proxy:
        variables = {"ENDPOINT_URL": proxy.endpoint, "REGION": "us-east-1", "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b"}
        for name, value in {**variables, "EC2_METADATA_DISABLED": "true"}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        urllib.request.urlopen(urllib.request.Request(f"{proxy.endpoint}/bucket", method="PUT"), timeout=10).close()  # noqa: S310
        yield proxy
    server.stop()


def stored_parts(uri: str) -> dict[str, bytes]:
    found = open_store(uri)
    return {entry.key: found.read_bytes(entry.key) for entry in found.entries() if entry.key.startswith("part-")}


def memory() -> tuple[float, float]:
    """Return the bytes of memory there are, and those that are used."""
    lines = [line.split() for line in Path("/proc/meminfo").read_text().splitlines()]
    kilobytes = {name.rstrip(":"): float(value) for name, value, *_ in lines}
    return kilobytes["MemTotal"] * 1024, (kilobytes["MemTotal"] - kilobytes["MemAvailable"]) * 1024


def test_a_node_is_lost_twice(
    cluster: RayCluster, corpus: Path, undisturbed: Path, start_synthesize: StartJob, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    job = start_synthesize("--input", corpus, "--output", output, *SLOWLY, "--workers", 2, "--ray-address", cluster.address)
    for parts in (2, 12):
        job.wait_for_parts(output, parts)
        next(node for node in cluster.nodes if workers_of(node.process.pid)).lose()
        cluster.add_node()
    ended = job.end()
    assert ended.code == 0, ended.err
    assert parts_in(output) == parts_in(undisturbed)
    assert "a node was lost with a worker on it" in ended.err
    assert "Raylet" not in ended.out + ended.err


def test_a_node_that_has_had_notice_finishes_or_hands_back(
    cluster: RayCluster, corpus: Path, undisturbed: Path, start_synthesize: StartJob, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    spot = cluster.add_node(RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S="10")
    job = start_synthesize("--input", corpus, "--output", output, *SLOWLY, "--workers", 3, "--ray-address", cluster.address)
    job.wait_for_parts(output, 3)
    wait_until(lambda: bool(workers_of(spot.process.pid)))
    spot.give_notice()
    ended = job.end()
    assert ended.code == 0, ended.err
    assert parts_in(output) == parts_in(undisturbed)
    assert "a node is about to go" in ended.err
    assert "was lost" not in ended.err


def test_a_worker_is_killed(
    lasting: RayCluster, corpus: Path, undisturbed: Path, start_synthesize: StartJob, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    job = start_synthesize("--input", corpus, "--output", output, *SLOWLY, "--ray-address", lasting.address)
    job.wait_for_parts(output, 2)
    os.kill(next(pid for node in lasting.nodes for pid in workers_of(node.process.pid)), signal.SIGKILL)
    ended = job.end()
    assert ended.code == 0, ended.err
    assert parts_in(output) == parts_in(undisturbed)
    assert ended.err.count("a worker died") == 1


def test_a_worker_is_killed_for_want_of_memory(tmp_path: Path) -> None:
    total, used = memory()
    with ray_cluster("--num-cpus=0") as cluster:
        limit = {"RAY_memory_usage_threshold": f"{(used + 1.5e9) / total:.3f}", "RAY_memory_monitor_refresh_ms": "100"}
        cluster.add_node(**limit)
        command = [sys.executable, "-m", "tests.cluster.hungry_job", cluster.address, str(tmp_path)]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert count_marks(tmp_path, "hungry") == 2


def test_the_object_store_is_full_and_spills(
    lasting: RayCluster, corpus: Path, undisturbed: Path, start_synthesize: StartJob, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    command = [sys.executable, "-c", FILL_THE_OBJECT_STORE, lasting.address, str(STORE_BYTES)]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) as filler:
        assert filler.stdout is not None
        assert filler.stdout.readline() == "full\n"
        assert list(lasting.folder.glob("session_*/ray_spilled_objects*/*")), "nothing was spilled"
        ended = start_synthesize("--input", corpus, "--output", output, *SLOWLY, "--ray-address", lasting.address).end()
        filler.communicate("")
    assert ended.code == 0, ended.err
    assert parts_in(output) == parts_in(undisturbed)


def test_the_store_is_away_then_overloaded_then_slow(
    store: FaultyProxy, cluster: RayCluster, corpus: Path, undisturbed: Path, start_synthesize: StartJob
) -> None:
    uri = "s3://bucket/out"
    for path in corpus.iterdir():
        open_store("s3://bucket/in").write_bytes(path.name, path.read_bytes())
    job = start_synthesize("--input", "s3://bucket/in", "--output", uri, *SLOWLY, "--ray-address", cluster.address)
    wait_until(lambda: len(stored_parts(uri)) >= 2)
    store.go_away(AWAY_S)
    time.sleep(AWAY_S + 1)
    store.refuse(503, seconds=5)
    time.sleep(5)
    store.slow_down(0.5, seconds=10)
    ended = job.end()
    assert ended.code == 0, ended.err
    assert stored_parts(uri) == parts_in(undisturbed)


def test_the_job_itself_is_killed_and_started_again(
    lasting: RayCluster, corpus: Path, undisturbed: Path, start_synthesize: StartJob, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    arguments = ("--input", corpus, "--output", output, *SLOWLY, "--ray-address", lasting.address)
    job = start_synthesize(*arguments)
    job.wait_for_parts(output, 3)
    assert job.end(signal.SIGKILL).code == -signal.SIGKILL
    ended = start_synthesize(*arguments).end()
    assert ended.code == 0, ended.err
    assert "of 120 rows are there already" in ended.err
    assert parts_in(output) == parts_in(undisturbed)


def test_the_head_is_lost_and_the_job_goes_on_with_another(
    cluster: RayCluster, corpus: Path, undisturbed: Path, start_synthesize: StartJob, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    arguments = ("--input", corpus, "--output", output, *SLOWLY)
    job = start_synthesize(*arguments, "--ray-address", cluster.address)
    job.wait_for_parts(output, 2)
    for node in cluster.nodes:  # else they finish the job before anybody misses the head
        node.lose()
    ended = job.end()
    assert ended.code == 1
    (error,) = [line for line in ended.err.splitlines() if line.startswith("error")]
    assert "the head node of the Ray cluster has not answered for 20 s" in error
    assert "run the same command" in error
    assert record_of(output)["state"] == "stopped"
    ended = start_synthesize(*arguments, "--workers", 2).end()
    assert ended.code == 0, ended.err
    assert parts_in(output) == parts_in(undisturbed)


def test_more_workers_than_cores(corpus: Path, undisturbed: Path, start_synthesize: StartJob, tmp_path: Path) -> None:
    output = tmp_path / "out"
    with ray_cluster("--num-cpus=0") as cluster:
        cluster.add_node(cpus=4 * (os.cpu_count() or 1))
        workers = 2 * (os.cpu_count() or 1)
        arguments = ("--input", corpus, "--output", output, *SLOWLY, "--workers", workers)
        ended = start_synthesize(*arguments, "--ray-address", cluster.address).end()
    assert ended.code == 0, ended.err
    assert parts_in(output) == parts_in(undisturbed)
    assert "SIGABRT" not in ended.err  # those without cores do not end the job, nor keep it waiting


def test_what_no_node_can_hold_ends_the_job_with_what_the_cluster_has(
    lasting: RayCluster, corpus: Path, start_synthesize: StartJob, tmp_path: Path
) -> None:
    demands = {"64 CPU": ("--cores-per-worker", 64), "1 CPU, 1 GPU": ("--gpus-per-worker", 1)}
    common = ("--input", corpus, "--ray-address", lasting.address)
    jobs = {need: start_synthesize(*common, "--output", tmp_path / need, *asked) for need, asked in demands.items()}
    for need, job in jobs.items():
        ended = job.end(timeout_s=60)
        assert ended.code == 1
        assert f"no node of this cluster can hold a worker, which needs {need}." in ended.err
        assert "1 CPU, 0 GPU" in ended.err
        assert record_of(tmp_path / need)["state"] == "stopped"


def test_a_cluster_without_workers_grows_with_the_job_and_shrinks_after_it(
    corpus: Path, undisturbed: Path, start_synthesize: StartJob, tmp_path: Path
) -> None:
    output = tmp_path / "out"

    def nodes() -> int:
        raylets = [path for path in Path("/proc").glob("[0-9]*/cmdline") if b"raylet/raylet" in path.read_bytes()]
        return sum(str(cluster.folder) in path.read_text() for path in raylets) - 1

    with scaling_cluster(4) as cluster:
        job = start_synthesize("--input", corpus, "--output", output, *SLOWLY, "--ray-address", cluster.address)
        wait_until(lambda: nodes() == 4 or job.process.poll() is not None)
        ended = job.end()
        assert ended.code == 0, ended.err
        wait_until(lambda: nodes() == 0)
    assert parts_in(output) == parts_in(undisturbed)
    # By the first time that this is said, the first nodes may be there; in all it is four workers.
    said = re.search(r"waiting for (\d) workers?; (\d) at work", ended.err)
    assert said, ended.err
    assert sum(map(int, said.groups())) == 4, said[0]
    assert float(str(record_of(output)["waited_row_s"])) > 0

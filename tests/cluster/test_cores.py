import contextlib
import fcntl
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.errors import CoresUnavailableError, StorageError, UsageError
from cluster import cores
from cluster.cores import claim_cores, pin_process
from cluster.topology import Core, Topology, read_topology
from tests.cluster.machine import linux_only

REPOSITORY = Path(__file__).parents[2]

FOUR_CORES = Topology(tuple(Core(number, (number,)) for number in range(4)))

# Claims cores, says which, and keeps them until its standard input closes.
CLAIMANT = """
import json, sys
from pathlib import Path
from cluster.cores import claim_cores
from cluster.topology import Core, Topology
directory, total, count, timeout_s = sys.argv[1], *map(float, sys.argv[2:])
topology = Topology(tuple(Core(number, (number,)) for number in range(int(total))))
claim = claim_cores(int(count), Path(directory), timeout_s, topology=topology)
print(json.dumps(claim.cpus), flush=True)
sys.stdin.read()
"""

StartClaimant = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def locks(tmp_path: Path) -> Path:
    return tmp_path / "locks"


@pytest.fixture
def start_claimant(locks: Path) -> Iterator[StartClaimant]:
    with contextlib.ExitStack() as processes:

        def start(count: int, *, total: int = 4, timeout_s: float = 30.0) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-c", CLAIMANT, str(locks), str(total), str(count), str(timeout_s)],
                cwd=REPOSITORY,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            processes.enter_context(process)
            processes.callback(process.kill)
            return process

        yield start


def claimed(process: subprocess.Popen[str]) -> set[int]:
    assert process.stdout is not None
    return set(json.loads(process.stdout.readline()))


# Claims


def test_claims_in_one_process_do_not_overlap_and_come_back_on_close(locks: Path) -> None:
    with (
        claim_cores(3, locks, 0, topology=FOUR_CORES) as first,
        claim_cores(1, locks, 0, topology=FOUR_CORES) as second,
    ):
        assert first.threads == 3
        assert {*first.cpus, *second.cpus} == {0, 1, 2, 3}
    with claim_cores(4, locks, 0, topology=FOUR_CORES) as all_of_them:
        assert all_of_them.cores == ((0,), (1,), (2,), (3,))


def test_a_claim_holds_all_allowed_threads_of_its_cores(sysfs: Path, locks: Path) -> None:
    with claim_cores(2, locks, 0, topology=read_topology(range(8), sysfs, [])) as claim:
        assert claim.cores == ((0, 4), (2, 6))
        assert claim.cpus == (0, 2, 4, 6)
        assert claim.threads == 2


def test_sibling_threads_count_as_one_core_under_different_masks(sysfs: Path, locks: Path) -> None:
    first, second = read_topology({0}, sysfs, []), read_topology({4}, sysfs, [])
    with claim_cores(1, locks, 0, topology=first), pytest.raises(CoresUnavailableError):
        claim_cores(1, locks, 0, topology=second)


def test_a_claim_prefers_one_domain_and_adjacent_cores(sysfs: Path, locks: Path) -> None:
    topology = read_topology(range(8), sysfs, [])  # domains: cores 0 and 2, cores 1 and 3
    with (
        claim_cores(1, locks, 0, topology=topology) as single,
        claim_cores(2, locks, 0, topology=topology) as pair,
    ):
        assert single.cores == ((0, 4),)
        assert pair.cores == ((1, 5), (3, 7))


def test_a_claim_prefers_the_tightest_gap(locks: Path) -> None:
    with claim_cores(4, locks, 0, topology=FOUR_CORES):
        pass
    scattered = Topology(tuple(Core(number, (number,)) for number in (0, 2, 7, 8)))
    with claim_cores(2, locks, 0, topology=scattered) as claim:
        assert claim.cpus == (7, 8)


def test_an_unpinnable_claim_has_threads_but_no_cpus(locks: Path) -> None:
    topology = Topology(FOUR_CORES.cores, pinnable=False)
    with claim_cores(2, locks, 0, topology=topology) as claim:
        assert claim.threads == 2
        assert claim.cpus == ()


def test_too_few_free_cores_raise_after_the_timeout_and_name_the_holder(locks: Path) -> None:
    with claim_cores(3, locks, 0, topology=FOUR_CORES):
        started = time.monotonic()
        with pytest.raises(CoresUnavailableError, match=f"core 2 belongs to process {os.getpid()} on .*fewer actors"):
            claim_cores(2, locks, 0.1, topology=FOUR_CORES)
        assert time.monotonic() - started >= 0.1
        with claim_cores(1, locks, 0, topology=FOUR_CORES) as spared:  # the failed claim kept nothing
            assert spared.cpus == (3,)


def test_more_cores_than_there_are_raise_at_once(locks: Path) -> None:
    with pytest.raises(CoresUnavailableError, match="cannot claim 5 CPU cores: this process may use 4"):
        claim_cores(5, locks, 3600, topology=FOUR_CORES)


def test_no_core_is_no_claim(locks: Path) -> None:
    with pytest.raises(UsageError, match="at least one"):
        claim_cores(0, locks, topology=FOUR_CORES)


def test_a_waiting_claim_gets_cores_as_soon_as_they_are_free(locks: Path) -> None:
    first = claim_cores(4, locks, 0, topology=FOUR_CORES)
    timer = threading.Timer(0.1, first.close)
    timer.start()
    with claim_cores(4, locks, 30, topology=FOUR_CORES) as second:
        assert second.threads == 4
    timer.join()


def test_a_claim_waits_while_another_one_chooses(locks: Path) -> None:
    claim_cores(1, locks, 0, topology=FOUR_CORES).close()
    with (locks / cores._lock_name("allocator")).open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(CoresUnavailableError, match="other claims came first"):
            claim_cores(1, locks, 0, topology=FOUR_CORES)
    claim_cores(1, locks, 0, topology=FOUR_CORES).close()


def test_claims_of_processes_never_overlap(start_claimant: StartClaimant) -> None:
    sets = [claimed(process) for process in [start_claimant(2), start_claimant(1), start_claimant(1)]]
    assert sorted(cpu for cpus in sets for cpu in cpus) == [0, 1, 2, 3]


def test_a_killed_process_gives_its_cores_back(start_claimant: StartClaimant, locks: Path) -> None:
    victim = start_claimant(3)
    cpus = claimed(victim)
    victim.kill()
    with claim_cores(4, locks, 30, topology=FOUR_CORES) as claim:
        assert cpus < set(claim.cpus)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_neither_keeps_nor_releases_its_parents_cores(locks: Path) -> None:
    claim = claim_cores(4, locks, 0, topology=FOUR_CORES)
    ready, tell_ready = os.pipe()
    stop, tell_stop = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(tell_stop)
            claim.close()
            os.write(tell_ready, b"x")
            os.read(stop, 1)
        finally:
            os._exit(0)  # whatever happens, never return into pytest
    os.close(tell_ready)
    try:
        assert os.read(ready, 1) == b"x"
        with pytest.raises(CoresUnavailableError):
            claim_cores(1, locks, 0, topology=FOUR_CORES)
        # As if the parent died: its descriptors close and nothing unlocks.
        for file in claim._files:
            cores._lock_files.remove(file)
            os.close(file.descriptor)
        with claim_cores(4, locks, 0, topology=FOUR_CORES) as again:
            assert again.threads == 4
    finally:
        os.close(tell_stop)  # the child's read ends
        os.waitpid(child, 0)
        os.close(ready)
        os.close(stop)


def test_a_claim_leaks_no_descriptors_to_programs_it_starts(locks: Path) -> None:
    with claim_cores(1, locks, 0, topology=FOUR_CORES) as claim:
        assert not any(os.get_inheritable(file.descriptor) for file in claim._files)


# Lock folder


def test_the_lock_folder_is_private_and_guarded_from_cleaners(locks: Path) -> None:
    with claim_cores(1, locks, 0, topology=FOUR_CORES):
        assert locks.stat().st_mode & 0o777 == 0o700
        cleaner = os.open(locks, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(cleaner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(cleaner)


def test_a_lock_folder_others_can_use_is_refused(locks: Path) -> None:
    locks.mkdir()
    locks.chmod(0o777)
    with pytest.raises(StorageError, match="mode 0777"):
        claim_cores(1, locks, 0, topology=FOUR_CORES)


def test_a_lock_folder_of_another_user_is_refused(locks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locks.mkdir(mode=0o700)
    monkeypatch.setattr(os, "geteuid", lambda: locks.stat().st_uid + 1)
    with pytest.raises(StorageError, match="belongs to user"):
        claim_cores(1, locks, 0, topology=FOUR_CORES)


def test_links_are_refused_as_lock_folder_and_lock_file(locks: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir(mode=0o700)
    locks.symlink_to(target)
    with pytest.raises(StorageError, match=str(locks)):
        claim_cores(1, locks, 0, topology=FOUR_CORES)
    precious = tmp_path / "precious"
    precious.write_text("content")
    (target / cores._lock_name("core-0")).symlink_to(precious)
    with pytest.raises(StorageError, match=str(target)):
        claim_cores(1, target, 0, topology=FOUR_CORES)
    (target / cores._lock_name("core-0")).unlink()
    (target / cores._lock_name("core-0")).hardlink_to(precious)
    with pytest.raises(StorageError, match="core-0 in it is not a lock file"):
        claim_cores(1, target, 0, topology=FOUR_CORES)
    assert precious.read_text() == "content"


@pytest.fixture
def default_locks(locks: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that is used where none is named."""
    monkeypatch.delenv("SPEECHMILL_CORES", raising=False)
    monkeypatch.setattr(cores, "_default_directory", lambda: locks)
    return locks


def test_the_default_lock_folder_does_not_move_with_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert cores._default_directory() == Path(f"/tmp/speechmill-cores-{os.geteuid()}")  # noqa: S108


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o1777])
def test_the_default_lock_folder_is_this_users_alone(default_locks: Path, mode: int) -> None:
    default_locks.mkdir()
    default_locks.chmod(mode)
    with pytest.raises(StorageError, match=f"mode {mode:04o}"):
        claim_cores(1, timeout_s=0, topology=FOUR_CORES)


@pytest.fixture
def shared_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the operator names."""
    shared = tmp_path / "shared"
    shared.mkdir()
    monkeypatch.setenv("SPEECHMILL_CORES", str(shared))
    return shared


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o1777, 0o1770])
def test_a_folder_of_the_operator_may_let_others_in(shared_locks: Path, mode: int) -> None:
    shared_locks.chmod(mode)
    umask = os.umask(0o077)
    try:
        with claim_cores(1, timeout_s=0, topology=FOUR_CORES) as claim:
            assert claim.cpus == (0,)
    finally:
        os.umask(umask)
    files = list(shared_locks.iterdir())
    assert {file.stat().st_mode & 0o777 for file in files} == {0o666}  # for other users' pods


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_a_folder_of_the_operator_where_others_could_take_locks_away_is_refused(shared_locks: Path, mode: int) -> None:
    shared_locks.chmod(mode)
    with pytest.raises(StorageError, match=f"mode {mode:04o}.*mode 1777 that SPEECHMILL_CORES names"):
        claim_cores(1, timeout_s=0, topology=FOUR_CORES)


def test_a_folder_of_the_operator_that_is_not_mounted_is_not_made(shared_locks: Path) -> None:
    shared_locks.rmdir()
    with pytest.raises(StorageError, match="No such file or directory"):
        claim_cores(1, timeout_s=0, topology=FOUR_CORES)
    assert not shared_locks.exists()


def test_machines_that_share_a_folder_do_not_count_each_others_cores(
    shared_locks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shared_locks.is_dir()
    with claim_cores(4, timeout_s=0, topology=FOUR_CORES):
        monkeypatch.setattr(cores, "_boot_id", lambda: "another-machine")
        with claim_cores(4, timeout_s=0, topology=FOUR_CORES) as other:
            assert other.threads == 4


# Containers


def test_a_process_of_the_machine_itself_has_its_initial_namespaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("pid", "ipc", "cgroup"):
        (tmp_path / kind).touch()
    initial = {kind: (tmp_path / kind).stat().st_ino for kind in ("pid", "ipc", "cgroup")}
    monkeypatch.setattr(cores, "_INITIAL_NAMESPACES", initial)
    assert cores._on_the_machine_itself(tmp_path)
    (tmp_path / "cgroup").unlink()  # an old kernel
    assert cores._on_the_machine_itself(tmp_path)
    (tmp_path / "ipc").rename(tmp_path / "other")
    (tmp_path / "ipc").touch()  # as where a pod has hostPID
    assert not cores._on_the_machine_itself(tmp_path)


def test_outside_of_containers_a_users_processes_pin(default_locks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "_on_the_machine_itself", lambda: True)
    with claim_cores(1, timeout_s=0, topology=FOUR_CORES) as claim:
        assert claim.cpus == (0,)
    assert default_locks.stat().st_mode & 0o777 == 0o700


# Claims a core of four, says which one it pins to, and keeps it until its standard input closes.
POD = """
import json, sys
from pathlib import Path
from cluster import cores
from cluster.topology import Core, Topology
cores._on_the_machine_itself = lambda: False
cores._default_directory = lambda: Path(sys.argv[1])
topology = Topology(tuple(Core(number, (number,)) for number in range(4)))
claim = cores.claim_cores(2, topology=topology)
print(json.dumps([claim.threads, claim.cpus]), flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("shared", [False, True])
def test_pods_of_one_machine_pin_only_if_they_share_their_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: bool
) -> None:
    monkeypatch.delenv("SPEECHMILL_CORES", raising=False)
    if shared:
        (tmp_path / "shared").mkdir()
        monkeypatch.setenv("SPEECHMILL_CORES", str(tmp_path / "shared"))
    with contextlib.ExitStack() as pods:
        claims = []
        for name in ("one", "two"):
            command = [sys.executable, "-c", POD, str(tmp_path / name)]
            pod = subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            pods.enter_context(pod)
            pods.callback(pod.kill)
            assert pod.stdout is not None
            claims.append(json.loads(pod.stdout.readline()))
    assert claims == ([[2, [0, 1]], [2, [2, 3]]] if shared else [[2, []], [2, []]])


def test_a_container_says_that_it_does_not_pin(
    default_locks: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(cores, "_on_the_machine_itself", lambda: False)
    with caplog.at_level("INFO", "cluster.cores"), claim_cores(1, timeout_s=0, topology=FOUR_CORES) as claim:
        assert claim.cpus == ()
    assert default_locks.is_dir()
    (message,) = [record.getMessage() for record in caplog.records]
    assert "SPEECHMILL_CORES is not set" in message


# Pinning

CLAIM_UNDER_A_MASK = """
import os, sys
from pathlib import Path
allowed = max(os.sched_getaffinity(0))
os.sched_setaffinity(0, {allowed})
from cluster.cores import claim_cores, pin_process
from cluster.topology import read_topology
with claim_cores(1, Path(sys.argv[1]), 0) as claim:
    pin_process(claim.cpus)
    assert claim.cores == ((allowed,),), claim.cores
    assert claim.cpus == ((allowed,) if read_topology().pinnable else ()), claim.cpus
    assert os.sched_getaffinity(0) == {allowed}
"""


@linux_only
def test_a_real_claim_respects_the_affinity_mask(locks: Path) -> None:
    subprocess.run([sys.executable, "-c", CLAIM_UNDER_A_MASK, str(locks)], cwd=REPOSITORY, check=True)


# Two threads run before, one starts from a thread that is not pinned yet, one starts after.
PIN = """
import json, os, threading
from pathlib import Path
before = os.sched_getaffinity(0)
stop = threading.Event()
threads = [threading.Thread(target=stop.wait) for _ in range(4)]
threads[0].start()
threads[1].start()
from cluster import cores, topology
usable = topology.available_cores()
pin_thread = cores._pin_thread
def start_another_and_pin_thread(*args):
    if not threads[2].is_alive():
        threads[2].start()
    pin_thread(*args)
cores._pin_thread = start_another_and_pin_thread
cores.pin_process([min(before)])
threads[3].start()
masks = [sorted(os.sched_getaffinity(int(task.name))) for task in Path("/proc/self/task").iterdir()]
stop.set()
print(json.dumps({"masks": masks, "cpu": min(before), "same_cores": topology.available_cores() == usable}))
"""


@linux_only
def test_pinning_moves_every_thread_old_and_new() -> None:
    run = subprocess.run([sys.executable, "-c", PIN], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    result = json.loads(run.stdout)
    assert len(result["masks"]) >= 5
    assert all(mask == [result["cpu"]] for mask in result["masks"])
    assert result["same_cores"], "a pinned process must still know the cores of its node"


@linux_only
def test_pinning_to_no_cpus_changes_nothing() -> None:
    before = os.sched_getaffinity(0)
    pin_process(())
    assert os.sched_getaffinity(0) == before


@linux_only
def test_pinning_to_a_cpu_that_does_not_exist_is_explained() -> None:
    with pytest.raises(CoresUnavailableError, match=r"cannot pin this process to CPUs \[1000\]"):
        pin_process([1000])


# Ray


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # token mode would write ~/.ray/auth_token
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    # Not tmp_path: Ray puts Unix sockets there, whose paths may have at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        ray.init(
            address="local",
            num_cpus=4,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            object_store_memory=80 * 2**20,
            _temp_dir=folder,
        )
        yield ray
        ray.shutdown()


@pytest.mark.ray
@pytest.mark.last  # gRPC's threads outlive ray.shutdown()
def test_ray_actors_own_their_cores_and_a_killed_actors_cores_come_back(ray: Any, locks: Path) -> None:
    # Defined here so that cloudpickle sends it by value: workers cannot import test modules.
    class Claimant:
        def __init__(self, directory: Path, topology: Topology) -> None:
            self.claim = claim_cores(2, directory, 30, topology=topology)

        def cpus(self) -> tuple[int, ...]:
            return self.claim.cpus

    remote = ray.remote(num_cpus=1)(Claimant)
    first, second = (remote.remote(locks, FOUR_CORES) for _ in range(2))
    of_first, of_second = ray.get([first.cpus.remote(), second.cpus.remote()], timeout=60)
    assert sorted(of_first + of_second) == [0, 1, 2, 3]

    ray.kill(first)
    heir = remote.remote(locks, FOUR_CORES)
    assert ray.get(heir.cpus.remote(), timeout=60) == of_first

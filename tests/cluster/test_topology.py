import os
from collections.abc import Collection
from pathlib import Path

import pytest

from cluster import topology
from cluster.topology import Core, Topology, available_cores, read_topology, threads_per_core
from tests.cluster.machine import linux_only, write_cpu


def write_cgroup(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(f"{text}\n")
    return folder


def test_cores_are_sibling_threads_and_neighbours_stand_together(sysfs: Path) -> None:
    found = read_topology(range(8), sysfs, [])
    assert found.pinnable
    assert [core.cpus for core in found.cores] == [(0, 4), (2, 6), (1, 5), (3, 7)]
    assert [core.domain for core in found.cores] == [(0, 0), (0, 0), (1, 1), (1, 1)]


def test_cores_stay_within_the_affinity_mask_and_keep_their_number(sysfs: Path) -> None:
    found = read_topology({4, 5, 1}, sysfs, [])
    assert [(core.number, core.cpus) for core in found.cores] == [(0, (4,)), (1, (1, 5))]


def test_sibling_lists_may_be_ranges(tmp_path: Path) -> None:
    write_cpu(tmp_path, 0, "0-1")
    write_cpu(tmp_path, 1, "0-1")
    assert [core.cpus for core in read_topology({0, 1}, tmp_path, []).cores] == [(0, 1)]


def test_cores_stay_within_the_innermost_cpuset(sysfs: Path, tmp_path: Path) -> None:
    outer = write_cgroup(tmp_path / "outer", cpuset_cpus_effective="0-7")
    inner = write_cgroup(outer / "inner", cpuset_cpus_effective="0,2-3,4")
    bare = write_cgroup(inner / "bare")
    found = read_topology(range(8), sysfs, [bare, inner, outer])
    assert [core.cpus for core in found.cores] == [(0, 4), (2,), (3,)]


def test_without_sysfs_every_logical_cpu_is_a_core_and_nothing_is_pinned(tmp_path: Path) -> None:
    assert read_topology({0, 1, 5}, tmp_path / "missing", []) == Topology(
        (Core(0, (0,)), Core(1, (1,)), Core(5, (5,))), pinnable=False
    )


@pytest.mark.parametrize(("limit", "count"), [("250000 100000", 2), ("50000 100000", 1)])
def test_a_cpu_time_quota_limits_the_cores_and_nothing_is_pinned(sysfs: Path, tmp_path: Path, limit: str, count: int) -> None:
    outer = write_cgroup(tmp_path / "outer", cpu_max=limit)
    inner = write_cgroup(outer / "inner", cpu_max="max 100000")
    found = read_topology(range(8), sysfs, [inner, outer])
    assert not found.pinnable
    assert [core.cpus for core in found.cores] == [(cpu,) for cpu in range(count)]


def test_a_quota_of_all_cpus_changes_nothing(sysfs: Path, tmp_path: Path) -> None:
    cgroup = write_cgroup(tmp_path / "cgroup", cpu_max="800000 100000")
    assert read_topology(range(8), sysfs, [cgroup]) == read_topology(range(8), sysfs, [])


@pytest.mark.parametrize(
    ("membership", "folders"),
    [
        ("4:memory:/x\n0::/pod/container\n", ["pod/container", "pod", ""]),
        ("0::/\n", [""]),
        ("0::/../sibling\n", [""]),
        ("4:memory:/x\n", []),
    ],
)
def test_cgroup_folders_are_found_innermost_first(tmp_path: Path, membership: str, folders: list[str]) -> None:
    file = tmp_path / "cgroup"
    file.write_text(membership)
    mount = tmp_path / "mount"
    assert topology._cgroup_folders(file, mount) == [mount / folder for folder in folders]


@linux_only
def test_available_cores_are_this_process_own_cpus() -> None:
    cpus = [cpu for core in available_cores() for cpu in core]
    assert cpus
    assert len(set(cpus)) == len(cpus)
    assert set(cpus) <= os.sched_getaffinity(0)


@pytest.mark.parametrize(("mask", "threads"), [(range(8), 2), ({0, 1, 2}, 1), ({0, 4, 1}, 2), ((), 1)])
def test_a_core_has_as_many_threads_as_may_be_used(
    sysfs: Path, monkeypatch: pytest.MonkeyPatch, mask: Collection[int], threads: int
) -> None:
    monkeypatch.setattr(topology, "read_topology", lambda: read_topology(mask, sysfs, []))
    assert threads_per_core() == threads

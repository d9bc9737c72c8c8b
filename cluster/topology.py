"""The CPU cores of this machine, as the kernel describes them and as far as this process may use them."""

import logging
import os
import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_log = logging.getLogger(__name__)

_SYSFS = Path("/sys/devices/system/cpu")
_CGROUP_MOUNT = Path("/sys/fs/cgroup")


def _affinity() -> frozenset[int]:
    if sys.platform == "linux":
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


# Taken at import, because pin_process narrows the mask.
_START_AFFINITY = _affinity()


@dataclass(frozen=True)
class Core:
    """One physical core.

    Attributes:
        number: lowest logical CPU of the core, allowed to us or not: names the core alike under every affinity mask.
        cpus: its logical CPUs that this process may use.
        domain: package and NUMA node it sits in.
    """

    number: int
    cpus: tuple[int, ...]
    domain: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Topology:
    """The cores of this node that this process may use, neighbours side by side.

    ``pinnable`` is False where the CPU ids are only tokens to count with: no ``/sys`` (macOS), or a container with a
    CPU-time quota below its CPU count. Such a container shares all its CPUs with others that number them alike, so
    pinned actors of all of them would pile up on the same few. Whether claims are shared is another question, which
    :func:`cluster.cores.claim_cores` asks.
    """

    cores: tuple[Core, ...]
    pinnable: bool = True


def read_topology(
    affinity: Collection[int] = _START_AFFINITY, sysfs: Path = _SYSFS, cgroups: Sequence[Path] | None = None
) -> Topology:
    """Return the cores this process may use.

    Args:
        affinity: logical CPUs allowed by the affinity mask (default: this process's when the module was imported).
        sysfs: folder that describes the CPUs (``cpu0/topology/...``).
        cgroups: this process's cgroup v2 folder and its ancestors, innermost first (default: read from ``/proc``).
    """
    if cgroups is None:
        cgroups = _cgroup_folders()
    cpus = sorted(set(affinity) & _cpuset(cgroups)) or sorted(affinity)
    quota = _cpu_quota(cgroups)
    if quota < len(cpus):
        _log.info("CPU-time quota of %g for %d CPUs: actors count cores but are not pinned", quota, len(cpus))
        return Topology(tuple(Core(cpu, (cpu,)) for cpu in cpus[: max(1, int(quota))]), pinnable=False)
    if not any((sysfs / f"cpu{cpu}" / "topology").is_dir() for cpu in cpus):
        return Topology(tuple(Core(cpu, (cpu,)) for cpu in cpus), pinnable=False)
    members: dict[int, list[int]] = {}
    for cpu in cpus:
        members.setdefault(_core_number(cpu, sysfs), []).append(cpu)
    cores = (Core(number, tuple(own), _domain(own[0], sysfs)) for number, own in members.items())
    return Topology(tuple(sorted(cores, key=lambda core: (core.domain, core.number))))


def available_cores() -> list[tuple[int, ...]]:
    """Return the physical cores this process may claim, each as its logical CPU ids, neighbours side by side."""
    return [core.cpus for core in read_topology().cores]


def threads_per_core() -> int:
    """Return how many hyperthreads of a physical core this process may use, at least 1: what Ray counts for a core."""
    return max((len(cpus) for cpus in available_cores()), default=1)


def read_kernel_file(path: Path) -> str:
    """Return a kernel file's text, or an empty string where the kernel does not offer it."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _parse_cpus(text: str) -> frozenset[int]:
    """Parse the kernel's CPU list format: ``0-3,8``."""
    ranges = (part.partition("-") for part in text.split(",") if part)
    return frozenset(cpu for first, _, last in ranges for cpu in range(int(first), int(last or first) + 1))


def _core_number(cpu: int, sysfs: Path) -> int:
    return min(_parse_cpus(read_kernel_file(sysfs / f"cpu{cpu}" / "topology" / "thread_siblings_list")) | {cpu})


def _domain(cpu: int, sysfs: Path) -> tuple[int, int]:
    folder = sysfs / f"cpu{cpu}"
    nodes = (int(entry.name.removeprefix("node")) for entry in folder.glob("node[0-9]*"))
    return int(read_kernel_file(folder / "topology" / "physical_package_id") or 0), min(nodes, default=0)


def _cgroup_folders(membership: Path = Path("/proc/self/cgroup"), mount: Path = _CGROUP_MOUNT) -> list[Path]:
    """Return this process's cgroup v2 folder and its ancestors, innermost first; none without cgroup v2."""
    for line in read_kernel_file(membership).splitlines():
        if line.startswith("0::"):
            parts = [part for part in line.removeprefix("0::").split("/") if part]
            if ".." in parts:  # the cgroup lies outside this namespace: only the namespace's root can be read
                parts = []
            return [mount.joinpath(*parts[:depth]) for depth in range(len(parts), -1, -1)]
    return []


def _cpuset(cgroups: Iterable[Path]) -> frozenset[int]:
    """Return the innermost cpuset, empty where there is none."""
    texts = (read_kernel_file(folder / "cpuset.cpus.effective") for folder in cgroups)
    return _parse_cpus(next(filter(None, texts), ""))


def _cpu_quota(cgroups: Iterable[Path]) -> float:
    """Return the tightest CPU-time quota in CPUs, infinite where there is none."""
    limits = (read_kernel_file(folder / "cpu.max").split() for folder in cgroups)
    return min((int(limit[0]) / int(limit[1]) for limit in limits if limit and limit[0] != "max"), default=float("inf"))

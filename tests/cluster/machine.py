"""A machine's CPUs, as the kernel describes them."""

import sys
from pathlib import Path

import pytest

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc or /sys, or pins")


def write_cpu(sysfs: Path, cpu: int, siblings: str, package: int = 0, node: int = 0) -> None:
    topology = sysfs / f"cpu{cpu}" / "topology"
    topology.mkdir(parents=True)
    (topology / "thread_siblings_list").write_text(f"{siblings}\n")
    (topology / "physical_package_id").write_text(f"{package}\n")
    (sysfs / f"cpu{cpu}" / f"node{node}").mkdir()

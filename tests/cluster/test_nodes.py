"""What a cluster has room for, and what its autoscaler says it may add."""

from pathlib import Path

import pytest

from cluster import nodes
from cluster.nodes import Cluster, Node, NodeKind, fits

DEMAND = {"CPU": 2.0, "GPU": 0.0}


@pytest.mark.parametrize(
    ("demand", "resources", "count"),
    [
        ({"CPU": 2.0, "GPU": 0.0}, {"CPU": 7.0}, 3),
        ({"CPU": 2.0, "GPU": 0.5}, {"CPU": 7.0}, 0),
        ({"CPU": 1.0, "GPU": 0.1}, {"CPU": 64.0, "GPU": 1.0}, 10),  # 1 / 0.1 is 9.99… in floats of other numbers
        ({"CPU": 1.0, "GPU": 0.0}, {}, 0),
    ],
)
def test_how_many_workers_a_node_holds(demand: dict[str, float], resources: dict[str, float], count: int) -> None:
    assert fits(demand, resources) == count


def test_the_room_of_a_cluster_is_what_it_has_or_what_it_may_have() -> None:
    head, small, large = Node("0", "head", {}), Node("1", "a", {"CPU": 4.0}), Node("2", "b", {"CPU": 8.0})
    assert Cluster().room(DEMAND) == 0
    assert Cluster([head]).room(DEMAND) == 0
    assert Cluster([head, small, large]).room(DEMAND) == 6
    assert (
        Cluster([head, small], [NodeKind("cpu", {"CPU": 4}, 10), NodeKind("gpu", {"CPU": 4, "GPU": 1}, 2)]).room(DEMAND) == 24
    )
    assert Cluster([head, small], [NodeKind("cpu", {"CPU": 4}, 10)]).room({"CPU": 1.0, "GPU": 1.0}) == 0


@pytest.mark.parametrize(("workers", "count"), [(1, 1), (4, 1), (5, 2), (6, 2), (100, 2)])
def test_workers_take_the_largest_nodes_first(workers: int, count: int) -> None:
    cluster = Cluster([Node("1", "a", {"CPU": 4.0}), Node("2", "b", {"CPU": 8.0})])
    assert cluster.nodes_for(workers, DEMAND) == count


def test_the_autoscaler_may_add_what_its_configuration_allows_but_no_head() -> None:
    config = {
        "max_workers": 20,
        "head_node_type": "head",
        "available_node_types": {
            "head": {"resources": {"CPU": 0}, "max_workers": 0},
            "cpu": {"resources": {"CPU": 16}, "max_workers": 8},
            "gpu": {"resources": {"CPU": 8, "GPU": 1}},
        },
    }
    assert nodes._kinds_of(config) == [NodeKind("cpu", {"CPU": 16}, 8), NodeKind("gpu", {"CPU": 8, "GPU": 1}, 20)]


def test_a_machine_without_an_autoscaler_has_no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RAY_CLUSTER_NAME", raising=False)
    assert nodes._read_autoscaling_config() is None
    monkeypatch.setenv("RAY_CLUSTER_NAME", "mine")
    monkeypatch.setattr(nodes, "_NAMESPACE", tmp_path / "namespace")  # not on Kubernetes
    assert nodes._read_autoscaling_config() is None

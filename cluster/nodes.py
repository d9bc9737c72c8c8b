"""What a Ray cluster consists of now, what its autoscaler may add, and how to ask all of its nodes something.

Ray keeps the autoscaler's configuration where the autoscaler runs and nowhere else. So :func:`node_kinds` asks the head node,
which has it in the file that ``ray start --autoscaling-config`` was given (``ray up``), or can ask Kubernetes for it (KubeRay).
"""

import logging
import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

import ray
import yaml
from ray._private.state import state as ray_state
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

logger = logging.getLogger(__name__)

_HEAD = "node:__internal_head__"
_AUTOSCALING_CONFIG = "--autoscaling-config="
_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True)
class Node:
    """A living node: ``name`` for people, ``resources`` as Ray counts them (``CPU`` are logical CPUs)."""

    id: str
    name: str
    resources: Mapping[str, float] = field(hash=False)

    @property
    def is_head(self) -> bool:
        """Whether the cluster is lost with it."""
        return _HEAD in self.resources


@dataclass(frozen=True)
class NodeKind:
    """A kind of node that the autoscaler may start, and how many of it there may be."""

    name: str
    resources: Mapping[str, float]
    most: int


@dataclass(frozen=True)
class Cluster:
    """The nodes that are there, and the kinds that may be added: the autoscaler's own nodes are of these kinds too."""

    nodes: Sequence[Node] = ()
    kinds: Sequence[NodeKind] = ()

    def room(self, demand: Mapping[str, float]) -> int:
        """Return how many workers with a demand there may be at once."""
        return max(sum(self._now(demand)), sum(self._announced(demand)))

    def nodes_for(self, workers: int, demand: Mapping[str, float]) -> int:
        """Return how many nodes so many workers take, the largest ones first."""
        sizes = sorted(max(self._now(demand), self._announced(demand), key=sum), reverse=True)
        held = list(accumulate(sizes))
        return min(bisect_left(held, workers) + 1, max(1, len(held)))

    def _now(self, demand: Mapping[str, float]) -> list[int]:
        return [fits(demand, node.resources) for node in self.nodes]

    def _announced(self, demand: Mapping[str, float]) -> list[int]:
        return [fits(demand, kind.resources) for kind in self.kinds for _ in range(kind.most)]


def alive_nodes() -> list[Node]:
    """Return the nodes that are there now, those that are about to go included."""
    return [
        Node(node["NodeID"], node["NodeName"] or node["NodeManagerAddress"], node["Resources"])
        for node in ray.nodes()
        if node["Alive"]
    ]


def draining_nodes() -> Mapping[str, float]:
    """Return the ids of nodes that have had notice (a spot instance, say), and when they go: seconds since the epoch."""
    deadlines: dict[str, int] = ray_state.get_draining_nodes()
    return {node: deadline_ms / 1000 or float("inf") for node, deadline_ms in deadlines.items()}


def fits(demand: Mapping[str, float], resources: Mapping[str, float]) -> int:
    """Return how many times ``resources`` hold a demand."""
    return min((int(resources.get(name, 0) / amount + 1e-9) for name, amount in demand.items() if amount), default=0)


def node_kinds(nodes: Iterable[Node]) -> list[NodeKind]:
    """Return the kinds of nodes that the cluster's autoscaler may start; none if there is no autoscaler, or nobody knows."""
    head = [node for node in nodes if node.is_head]
    (answer,) = ask(head, _read_autoscaling_config).values() if head else (None,)
    if isinstance(answer, Exception):
        logger.warning("the head node cannot tell what its autoscaler may start: %s", answer)
    return _kinds_of(answer) if isinstance(answer, Mapping) else []


def ask(nodes: Iterable[Node], question: Callable[..., Any], *arguments: Any) -> dict[Node, Any]:
    """Call a function on every node; return what it returned or, in its place, the exception that it raised.

    A node that is lost meanwhile gives an exception too.
    """
    answers = {
        node: ray.remote(question)
        .options(num_cpus=0, max_retries=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False))
        .remote(*arguments)
        for node in nodes
    }
    return {node: _answer(reference) for node, reference in answers.items()}


def _answer(reference: ray.ObjectRef) -> Any:
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        return error.cause or error
    except ray.exceptions.RayError as error:
        return error


def _kinds_of(config: Mapping[str, Any]) -> list[NodeKind]:
    """Return the node types of an autoscaler's configuration: at most ``max_workers`` each, and all together."""
    together = int(config.get("max_workers") or 0)
    return [
        NodeKind(name, kind.get("resources", {}), min(int(kind.get("max_workers", together)), together))
        for name, kind in config.get("available_node_types", {}).items()
        if name != config.get("head_node_type")
    ]


def _read_autoscaling_config() -> Mapping[str, Any] | None:
    """Return the autoscaler's configuration; runs on the head node."""
    if "RAY_CLUSTER_NAME" in os.environ and _NAMESPACE.exists():  # KubeRay sets it
        from ray.autoscaler._private.kuberay.autoscaling_config import AutoscalingConfigProducer

        config: Mapping[str, Any] = AutoscalingConfigProducer(os.environ["RAY_CLUSTER_NAME"], _NAMESPACE.read_text().strip())()
        return config
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = process.read_bytes().decode(errors="replace").split("\0")
        except OSError:  # it has just ended, or is somebody else's
            continue
        paths = [word.removeprefix(_AUTOSCALING_CONFIG) for word in words if word.startswith(_AUTOSCALING_CONFIG)]
        if paths and any(word.endswith("monitor.py") for word in words) and paths[0]:
            found: Mapping[str, Any] = yaml.safe_load(Path(paths[0]).expanduser().read_text())
            return found
    return None

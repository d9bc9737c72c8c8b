"""The graphs of a bundle, each opened with the runtime that runs it."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from actors.bundle import Bundle, GraphSpec, TensorSpec
from actors.errors import BundleError, UsageError
from actors.runtime.paged_cache import Pages
from actors.runtime.session import BROKEN, Array, Device, Edge, open_session

logger = logging.getLogger(__name__)

_SHOWN = 300  # characters of a runtime's messages

Needed = int | tuple[int, ...] | None


class Runs(Protocol):
    """A graph with arrays that it reads and writes in place, run after run."""

    def run(self, feeds: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]) -> None:
        """Run with the other inputs, and write the other outputs to these arrays."""


class Opened(Protocol):
    """An opened graph, whichever runtime runs it: :class:`actors.runtime.session.Session` says what it can do."""

    @property
    def inputs(self) -> Mapping[str, Edge]:
        """By name."""

    @property
    def outputs(self) -> Mapping[str, Edge]:
        """By name, in the graph's order."""

    @property
    def pages(self) -> Pages | None:
        """How its KV cache lies in memory, if not as the graph says."""

    def run(self, outputs: Sequence[str], feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Run with all inputs; return copies of the named outputs."""

    def bind(self, inputs: Mapping[str, Array], outputs: Mapping[str, Array]) -> Runs:
        """Prepare runs that read and write these arrays where they are."""

    def terminate(self) -> None:
        """End the runs of all threads, with an error, and those to come."""


class Graphs:
    """Opens the graphs of a bundle on a device, with so many threads each. Their runs can be ended together.

    Raises:
        UsageError: the device is OpenVINO, and the bundle has no graph for it, or not one that is named.
    """

    def __init__(self, bundle: Bundle, device: Device, threads: int) -> None:
        self.bundle = bundle
        self.device = device
        self._threads = threads
        self._sessions: list[Opened] = []
        if device.kind == "openvino":
            _check_has_openvino(bundle, device)

    def open(self, key: str, **edges: Needed) -> Opened:
        """Open a graph: with OpenVINO, if that is the device and the bundle has it for OpenVINO, else with ONNX Runtime.

        Args:
            key: its name in the manifest.
            edges: the inputs and outputs that the caller uses by name, with the size of their last axis, or of several last
                ones, where that is known.

        Raises:
            BundleError: the bundle has no such graph, it is broken or uses weights that the manifest does not list, or its
                inputs and outputs are not those that the manifest promises and the caller needs.
            UsageError: this onnxruntime is too old.
        """
        spec = self.bundle.graph(key)
        with_openvino = spec.openvino is not None and self.device.is_for(key)
        path = self.bundle.openvino_path(key) if with_openvino else self.bundle.graph_path(key)
        _check_needs(spec, edges, path)
        try:
            session = self._open(path, spec, with_openvino=with_openvino)
        except UsageError:
            raise
        except Exception as error:
            if self.device.kind in ("cuda", "openvino-ep") and not isinstance(error, BROKEN):
                raise
            said = " ".join(str(error).split())[:_SHOWN]
            raise BundleError(f"{path} cannot be opened: {said}. Export the model again.") from error
        _check_edges(session, spec, path)
        self._sessions.append(session)
        return session

    def _open(self, path: Path, spec: GraphSpec, *, with_openvino: bool) -> Opened:
        if not with_openvino:
            device = Device("cpu") if self.device.kind == "openvino" else self.device
            return open_session(path, device, self._threads)
        from actors.runtime.openvino import open_openvino  # the package is optional

        return open_openvino(path, self._threads, spec.precision)

    def terminate(self) -> None:
        """End what runs; nothing runs after it."""
        for session in self._sessions:
            session.terminate()


def openvino_graphs(bundle: Bundle) -> list[str]:
    """Return the names of the graphs that a bundle has for OpenVINO too."""
    return [key for key, spec in bundle.manifest.graphs.items() if spec.openvino]


def _check_has_openvino(bundle: Bundle, device: Device) -> None:
    """Raise a ``UsageError`` unless a bundle has the graphs for OpenVINO that a device names, or any."""
    graphs = openvino_graphs(bundle)
    if not graphs:
        raise UsageError(
            f"{bundle.folder} has no graph for OpenVINO: export it again with --openvino, or use --backend onnxruntime"
        )
    if missing := [name for name in device.graphs or () if name not in graphs]:
        raise UsageError(f"{bundle.folder} has no graph {missing[0]!r} for OpenVINO: it has {', '.join(graphs)}")


def _check_needs(spec: GraphSpec, edges: Mapping[str, Needed], path: Path) -> None:
    """Raise a ``BundleError`` unless a graph has the inputs and outputs that its family uses."""
    axes = {tensor.name: tensor.axes for tensor in (*spec.inputs, *spec.outputs)}
    for name, size in edges.items():
        needed = size if isinstance(size, tuple) else () if size is None else (size,)
        actual = axes.get(name, [])[-len(needed) :] if needed else []
        if name not in axes or not _fit(actual, needed):
            found = f"has {name!r} of size {_product(actual)}" if name in axes else f"has no {name!r}"
            raise BundleError(f"{path} {found}, this model needs one of size {_product(needed) or 'any'}. Export it again.")


def _fit(axes: Sequence[int | str], needed: tuple[int, ...]) -> bool:
    return len(axes) >= len(needed) and all(a == n for a, n in zip(axes, needed, strict=False) if isinstance(a, int))


def _product(axes: Sequence[int | str]) -> str:
    return " x ".join(map(str, axes))


def _check_edges(session: Opened, spec: GraphSpec, path: Path) -> None:
    """Raise a ``BundleError`` unless a graph's inputs and outputs are those that the manifest promises."""
    for what, found, promised in (
        ("inputs", session.inputs, spec.inputs),
        ("outputs", session.outputs, spec.outputs),
    ):
        wrong = {tensor.name for tensor in promised if not _is_as_promised(found.get(tensor.name), tensor, session.pages)}
        wrong |= found.keys() - {tensor.name for tensor in promised}
        if wrong:
            raise BundleError(
                f"{path} has other {what} than bundle.json promises: {', '.join(sorted(wrong))[:_SHOWN]}. Export it again."
            )


def _is_as_promised(edge: Edge | None, tensor: TensorSpec, pages: Pages | None) -> bool:
    """``pages``: of a graph that keeps its KV cache in a type of its own."""
    is_own = pages is not None and tensor.name.startswith(("past_", "present_"))
    if edge is None or len(edge.axes) != len(tensor.axes) or not (is_own or edge.dtype == tensor.dtype):
        return False
    sizes = zip(edge.axes, tensor.axes, strict=True)
    return all(a == b for a, b in sizes if isinstance(a, int) and isinstance(b, int))

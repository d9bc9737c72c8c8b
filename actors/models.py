"""Opens a bundle as an engine: the one place that knows which class runs which family."""

import os
from pathlib import Path
from typing import Any

from actors.batching import Engine
from actors.bundle import Bundle, load_bundle
from actors.errors import UsageError
from actors.session import Device
from actors.soprano import Soprano

FAMILIES = {"soprano": Soprano}

DEFAULT_SLOTS = 32


def open_model(
    model: Bundle | Path | str, *, device: str = "cpu", threads: int | None = None, slots: int = DEFAULT_SLOTS
) -> Engine[Any, Any, Any]:
    """Open a bundle on this machine.

    Args:
        model: a loaded bundle, its folder, or a model reference (design section 4), which is fetched and verified.
        device: ``cpu``, ``cuda``, ``cuda:<ordinal>`` or ``openvino``.
        threads: CPU threads of the model; default: the cores this process may use.
        slots: how many utterances decode together.

    Raises:
        BundleError: the bundle breaks its contract.
        BundleNotFoundError: the reference names nothing.
        UsageError: unknown device, no such family here, or sizes below 1.
    """
    threads = threads if threads is not None else len(os.sched_getaffinity(0))
    if slots < 1 or threads < 1:
        raise UsageError(f"slots and threads must be at least 1, not {slots} and {threads}")
    bundle = model if isinstance(model, Bundle) else _find(model)
    family = FAMILIES.get(bundle.manifest.family)
    if family is None:
        raise UsageError(f"{bundle.reference} is a {bundle.manifest.family} model, which this version cannot run")
    return Engine(family(bundle, Device.parse(device), threads, slots))


def _find(reference: Path | str) -> Bundle:
    if Path(reference).is_dir():
        return load_bundle(reference)
    # The one arrow from here to cluster/, taken at call time: only a reference that is not a folder needs the registry.
    from cluster.registry import fetch  # noqa: PLC0415

    return fetch(str(reference))

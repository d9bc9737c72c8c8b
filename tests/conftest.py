"""A Soprano model with random weights, what the original computes with it, and its bundles, each built once."""

import functools
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from actors.bundle import Bundle, Layout, Precision

if TYPE_CHECKING:
    from exporter.build import Export

TINY = Path(__file__).parent / "fixtures" / "soprano_tiny"
TINY_ASR = Path(__file__).parent / "fixtures" / "vibevoice_asr_tiny"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests marked ``last`` behind all others, whose ``setenv`` would move the environment under getenv's feet."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.fixture(scope="session")
def tiny_checkpoint() -> Path:
    """The folder of the tiny checkpoint; its README.md says what is in it."""
    return TINY


@pytest.fixture(scope="session")
def tiny_meta() -> Mapping[str, Any]:
    meta: dict[str, Any] = json.loads((TINY / "meta.json").read_bytes())
    return meta


@pytest.fixture(scope="session")
def prompts(tiny_meta: Mapping[str, Any]) -> list[list[int]]:
    """The token ids of the four prompts that the oracle speaks."""
    ids: list[list[int]] = tiny_meta["prompt_token_ids"]
    return ids


@pytest.fixture(scope="session")
def oracle() -> Mapping[str, np.ndarray]:
    """What soprano-tts 0.2.0 computes with the tiny checkpoint, by name."""
    with np.load(TINY / "oracle.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="session")
def tiny_export() -> Callable[[Layout], "Export"]:
    """Returns what the exporter reads from the tiny checkpoint for a layout."""
    pytest.importorskip("torch", reason="reading a checkpoint needs the 'export' extra")
    # Imported here: most tests need no torch.
    from exporter.checkpoints import open_checkpoint
    from exporter.soprano import FILES, load

    return functools.cache(lambda layout: load(open_checkpoint(str(TINY), FILES), layout))


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory, tiny_export: Callable[[Layout], "Export"]) -> Callable[..., Bundle]:
    """Returns the tiny checkpoint's bundle in a precision and layout: exported at the first call, which takes 10 s."""
    from exporter.build import build_bundle

    @functools.cache
    def build(precision: Precision, layout: Layout) -> Bundle:
        folder = tmp_path_factory.mktemp("bundles") / f"{precision}-{layout}"
        return build_bundle(tiny_export(layout), "tiny", precision, layout, folder)

    def cached(precision: Precision, layout: Layout = "server") -> Bundle:
        return build(precision, layout)

    return cached


@pytest.fixture(scope="session")
def asr_oracle() -> Mapping[str, Any]:
    """What transformers computes with the tiny VibeVoice-ASR checkpoint, by name, and the ``prompts``."""
    with np.load(TINY_ASR / "oracle.npz") as arrays:
        return {**arrays, "prompts": json.loads((TINY_ASR / "prompts.json").read_bytes())}


@pytest.fixture(scope="session")
def asr_bundle(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Precision], Bundle]:
    """Returns the tiny VibeVoice-ASR checkpoint's bundle in a precision: exported at the first call, which takes 20 s."""
    pytest.importorskip("torch", reason="reading a checkpoint needs the 'export' extra")
    from exporter.build import build_bundle
    from exporter.checkpoints import open_checkpoint
    from exporter.vibevoice_asr import FILES, load

    @functools.cache
    def build(precision: Precision) -> Bundle:
        folder = tmp_path_factory.mktemp("asr_bundles") / precision
        return build_bundle(load(open_checkpoint(str(TINY_ASR), FILES), "server"), "tiny-asr", precision, "server", folder)

    return build


@pytest.fixture(scope="session")
def embedded_environment() -> dict[str, str]:
    """The environment of commands started as users start them: no registry is set, Ray keeps no token in the home folder."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SPEECHMILL_", "RAY_"))}
    return {**environment, "RAY_AUTH_MODE": "disabled"}

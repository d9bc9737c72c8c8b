"""A Soprano model with random weights, what the original computes with it, and its bundles, each built once."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.bundle import Bundle, Layout, Precision

TINY = Path(__file__).parent / "fixtures" / "soprano_tiny"

BundleFactory = Callable[..., Bundle]


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
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> BundleFactory:
    """Returns the tiny checkpoint's bundle in a precision and layout: exported at the first call, which takes 10 s."""
    pytest.importorskip("torch", reason="exporting the tiny model needs the 'export' extra")
    built: dict[tuple[Precision, Layout], Bundle] = {}

    def build(precision: Precision, layout: Layout = "server") -> Bundle:
        # Imported here: only these tests need torch.
        from exporter.build import build_bundle
        from exporter.checkpoints import open_checkpoint
        from exporter.soprano import FILES, load

        if (precision, layout) not in built:
            export = load(open_checkpoint(str(TINY), FILES), layout)
            folder = tmp_path_factory.mktemp("bundles") / f"{precision}-{layout}"
            built[precision, layout] = build_bundle(export, "tiny", precision, layout, folder)
        return built[precision, layout]

    return build

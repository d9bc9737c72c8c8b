import logging
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from actors.bundle import Bundle, load_bundle
from actors.runtime import choice
from actors.runtime.choice import settle, stand_alone, tried
from actors.runtime.graphs import Graphs, Opened
from actors.runtime.session import Device
from cluster.registry import embedded_folder
from tests.actors.runtime.openvino_graphs import KEYS, made

pytest.importorskip("openvino", reason="the second runtime needs the 'openvino' extra")

SLOTS = 4


@pytest.fixture
def bundle() -> Bundle:
    """The embedded voice, as if it had its two graphs for OpenVINO too."""
    bundle = load_bundle(embedded_folder())
    graphs = {key: spec.model_copy(update={"openvino": f"{key}.xml"}) for key, spec in bundle.manifest.graphs.items()}
    return replace(bundle, manifest=bundle.manifest.model_copy(update={"graphs": graphs}))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPEECHMILL_CHOICES", str(tmp_path / "choices"))
    return tmp_path / "choices"


@pytest.fixture
def measure(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Says what OpenVINO takes for each graph, in times of ONNX Runtime; the list is of the graphs that are asked about."""

    def set_ratios(**ratios: float) -> list[str]:
        asked: list[str] = []

        def ratio(_bundle: Bundle, key: str, _threads: int, _slots: int) -> float:
            asked.append(key)
            time.sleep(0.02)
            return ratios[key]

        monkeypatch.setattr(choice, "_ratio", ratio)
        return asked

    return set_ratios


@pytest.mark.parametrize(
    ("lm", "decoder", "device"),
    [(0.5, 1.5, "openvino:lm"), (1.5, 0.5, "openvino:decoder"), (0.9, 0.8, "openvino:lm+decoder"), (1.0, 2.0, "cpu")],
)
def test_each_graph_gets_what_is_faster(
    bundle: Bundle, measure: Callable[..., list[str]], lm: float, decoder: float, device: str
) -> None:
    measure(lm=lm, decoder=decoder)
    assert settle(bundle, "auto", 1, SLOTS) == device


class Batching:
    """A session whose rows know how many they are."""

    outputs = ("audio",)

    def run(self, _: object, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        hidden = feeds["hidden"]
        return [hidden.sum(axis=(1, 2)) * np.float32(1 if len(hidden) > 1 else 1 + 1e-7)]


def test_a_graph_whose_rows_depend_on_each_other_is_left_to_onnxruntime(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bundle = made(request, "tiny_bundle")
    session = Graphs(bundle, Device("cpu"), 1).open("decoder")
    assert stand_alone(session, bundle.graph("decoder"), SLOTS)
    assert not stand_alone(cast("Opened", Batching()), bundle.graph("decoder"), SLOTS)
    monkeypatch.setattr(choice, "stand_alone", lambda *_: False)
    assert settle(bundle, "auto", 1, SLOTS) == "cpu"
    assert "a row would depend on the others on this processor" in caplog.text


@pytest.mark.parametrize("device", ["cpu", "cuda:1", "openvino", "openvino:lm"])
def test_what_is_asked_for_is_taken(bundle: Bundle, measure: Callable[..., list[str]], device: str) -> None:
    asked = measure(lm=0.5, decoder=0.5)
    assert settle(bundle, device, 1, SLOTS) == device
    assert asked == []


def test_without_graphs_for_openvino_nothing_is_measured(measure: Callable[..., list[str]], folder: Path) -> None:
    asked = measure()
    assert settle(load_bundle(embedded_folder()), "auto", 1, SLOTS) == "cpu"
    assert asked == []
    assert not folder.exists()


def test_without_the_package_onnxruntime_runs_all(
    bundle: Bundle, measure: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(lm=0.5, decoder=0.5)
    monkeypatch.setattr(choice, "find_spec", lambda _: None)
    assert settle(bundle, "auto", 1, SLOTS) == "cpu"


def test_what_was_measured_once_is_kept_for_equal_workers(bundle: Bundle, measure: Callable[..., list[str]]) -> None:
    measure(lm=0.5, decoder=1.5)
    settle(bundle, "auto", 1, SLOTS)
    asked = measure(lm=1.5, decoder=0.5)
    assert settle(bundle, "auto", 1, SLOTS) == "openvino:lm"
    assert asked == []
    others = [(bundle, 2, SLOTS), (bundle, 1, SLOTS + 1), (replace(bundle, digest="sha256:0"), 1, SLOTS)]
    for other, threads, slots in others:
        assert settle(other, "auto", threads, slots) == "openvino:decoder"
    assert asked == ["lm", "decoder"] * len(others)


def test_workers_that_start_together_measure_once(bundle: Bundle, measure: Callable[..., list[str]]) -> None:
    asked = measure(lm=0.5, decoder=1.5)
    with ThreadPoolExecutor(4) as pool:  # locks of files that are opened twice exclude each other in a process too
        settled = list(pool.map(lambda _: settle(bundle, "auto", 1, SLOTS), range(4)))
    assert settled == ["openvino:lm"] * 4
    assert asked == ["lm", "decoder"]


@pytest.mark.parametrize("content", [b"", b"[", b"\xff", b"5", b'"lm"', b'{"lm": 1}', b'["vocoder"]', b"[[]]", b"null"])
def test_a_choice_that_is_damaged_is_made_again(
    bundle: Bundle, measure: Callable[..., list[str]], folder: Path, content: bytes
) -> None:
    measure(lm=0.5, decoder=1.5)
    settle(bundle, "auto", 1, SLOTS)
    (kept,) = folder.glob("*.json")
    kept.write_bytes(content)
    assert settle(bundle, "auto", 1, SLOTS) == "openvino:lm"
    assert kept.read_text() == '["lm"]'


def test_a_folder_that_cannot_be_used_is_told(
    bundle: Bundle, measure: Callable[..., list[str]], folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write_text("not a folder")
    asked = measure(lm=0.5, decoder=1.5)
    for _ in range(2):
        assert settle(bundle, "auto", 1, SLOTS) == "openvino:lm"
    assert asked == ["lm", "decoder"] * 2
    assert f"what is faster is measured by every worker: {folder} cannot be used (File exists)" in caplog.text


def test_a_choice_that_cannot_be_written_is_told(
    bundle: Bundle, measure: Callable[..., list[str]], folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    measure(lm=0.5, decoder=1.5)
    settle(bundle, "auto", 1, SLOTS)
    (kept,) = folder.glob("*.json")
    kept.unlink()
    kept.mkdir()
    assert settle(bundle, "auto", 1, SLOTS) == "openvino:lm"
    assert f"what is faster is not kept: {kept} cannot be written (Is a directory)" in caplog.text


@pytest.mark.parametrize(("fixture", "key"), KEYS)
def test_every_graph_can_be_tried(request: pytest.FixtureRequest, fixture: str, key: str) -> None:
    for device in ("cpu", "openvino"):
        tried(Graphs(made(request, fixture), Device(device), 1), key, SLOTS)()


def test_a_model_is_tried_as_it_is(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(choice, "_SECONDS", 0.05)
    bundle = made(request, "tiny_bundle")
    running = threading.active_count()
    device = settle(bundle, "auto", 1, SLOTS)
    assert device in ("cpu", "openvino:lm", "openvino:decoder", "openvino:lm+decoder")
    assert "OpenVINO takes, in times of ONNX Runtime: lm " in caplog.text
    assert settle(bundle, "auto", 1, SLOTS) == device
    assert threading.active_count() == running


def test_a_graph_that_openvino_cannot_run_stays_with_onnxruntime(
    request: pytest.FixtureRequest, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a later version may not run it, of which PagedAttention is another operator."""
    folder = Path(shutil.copytree(made(request, "tiny_bundle").folder, tmp_path / "bundle"))
    (folder / "lm.xml").write_bytes(b"<?xml?>")
    monkeypatch.setattr(choice, "_compared", lambda *_: 0.5)
    assert settle(load_bundle(folder), "auto", 1, SLOTS) == "openvino:decoder"
    assert f"ONNX Runtime runs lm: {folder}/lm.xml cannot be opened" in caplog.text

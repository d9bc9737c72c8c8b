"""Models with random weights, what the originals compute with them, and their bundles, each built once."""

import functools
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from onnx import numpy_helper

from actors.bundle import Bundle, Layout, Precision
from actors.models import open_model
from actors.requests import SynthesisRequest
from benchmarks.checkpoints.vibevoice_tiny import write_tiny_vibevoice
from cluster.registry import embedded_folder

if TYPE_CHECKING:
    from exporter.build import Export
    from exporter.graphs import Graph

ROOT = Path(__file__).parent.parent
FIXTURES = ROOT / "tests" / "fixtures"
TINY = FIXTURES / "soprano_tiny"
VIBEVOICE = FIXTURES / "vibevoice_tiny"
TINY_ASR = FIXTURES / "vibevoice_asr_tiny"
WHISPER = FIXTURES / "whisper_tiny"
# Fixtures that trace graphs or speak for minutes, half a minute each.
_MADE_ONCE = {"tiny_bundle", "pocket_bundle", "asr_bundle", "vibevoice_bundle", "whisper_bundle", "gate_speech"}
SAID = "the old man sat on the bench in front of his house."


def pytest_configure() -> None:
    """Let the jobs that tests interrupt be interrupted: what was started in the background of a script ignores Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the marks in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say which tests stay together where several processes share them: those of what is made once, and of a module.

    The tests marked ``last`` go behind all others, whose ``setenv`` would move the environment under getenv's feet.
    """
    for item in items:
        named = [str(value) for value in getattr(getattr(item, "callspec", None), "params", {}).values()]
        used = _MADE_ONCE.intersection([*getattr(item, "fixturenames", ()), *named])
        item.add_marker(pytest.mark.xdist_group(min(used, default=item.nodeid.partition("::")[0])))
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Write out halves of characters in what a test logs and prints: they could not be sent to the process that reports."""
    report = yield
    report.sections = [(name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="session", autouse=True)
def _folders_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep out of the user's bundle cache, and wait for nobody else's cores."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPEECHMILL_CACHE", str(tmp_path_factory.mktemp("bundle-cache")))
        patch.setenv("SPEECHMILL_CORES", str(tmp_path_factory.mktemp("core-locks")))
        patch.setenv("SPEECHMILL_CHOICES", str(tmp_path_factory.mktemp("choices")))
        yield


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
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Bundle]:
    """Builds bundles of the same export in several precisions: its graphs are traced once, which is what takes the time."""
    pytest.importorskip("torch", reason="exporting needs the 'export' extra")
    from exporter import build as build_module

    traced: dict[Any, tuple[Graph, bytes]] = {}  # the graphs are kept, so that none gets another's id

    def trace_once(trace: Callable[..., onnx.ModelProto]) -> Callable[..., onnx.ModelProto]:
        def run(graph: "Graph", *arguments: Any) -> onnx.ModelProto:
            key = (id(graph), trace.__name__)
            if key not in traced:
                traced[key] = graph, trace(graph, *arguments).SerializeToString()
            return onnx.load_model_from_string(traced[key][1])

        return run

    def build_bundle(
        export: "Export", name: str, precision: Precision, layout: Layout = "server", *, openvino: bool = False
    ) -> Bundle:
        folder = tmp_path_factory.mktemp("bundles") / name
        with pytest.MonkeyPatch.context() as patch:
            for trace in (build_module.export_graph, build_module.export_shell):
                patch.setattr(build_module, trace.__name__, trace_once(trace))
            return build_module.build_bundle(export, name, precision, layout, folder, openvino=openvino)

    return build_bundle


@pytest.fixture(scope="session")
def tiny_bundle(build: Callable[..., Bundle], tiny_export: Callable[[Layout], "Export"]) -> Callable[..., Bundle]:
    """Returns the tiny checkpoint's bundle in a precision and layout: exported at the first call, which takes 10 s."""

    @functools.cache
    def build_tiny(precision: Precision, layout: Layout, openvino: bool) -> Bundle:
        return build(tiny_export(layout), "tiny", precision, layout, openvino=openvino)

    def cached(precision: Precision, layout: Layout = "server", *, openvino: bool = False) -> Bundle:
        return build_tiny(precision, layout, openvino)

    return cached


@pytest.fixture(scope="session")
def pocket_export() -> Callable[..., "Export"]:
    """Returns what the exporter reads from a tiny PocketTTS (``lsd``, ``drifting`` or ``pointwise``) for a layout."""
    pytest.importorskip("torch", reason="reading a checkpoint needs the 'export' extra")
    from exporter.pocket_tts import find_checkpoint
    from exporter.pocket_tts import load as load_checkpoint

    def load(variant: str, layout: Layout = "server") -> "Export":
        return load_checkpoint(find_checkpoint(str(FIXTURES / f"pocket_{variant}")), layout)

    return functools.cache(load)


@pytest.fixture(scope="session")
def pocket_bundle(build: Callable[..., Bundle], pocket_export: Callable[..., "Export"]) -> Callable[..., Bundle]:
    """Returns a tiny PocketTTS's bundle. The first of a variant and layout takes half a minute, most of it in torch.export."""

    @functools.cache
    def build_pocket(variant: str, precision: Precision, layout: Layout, openvino: bool) -> Bundle:
        export = pocket_export(variant, layout)
        if (variant, layout) != ("lsd", "server"):  # one of them is enough to clone voices
            export = replace(export, graphs=[part for part in export.graphs if part.graph.name != "mimi_encoder"])
        return build(export, f"pocket-{variant}", precision, layout, openvino=openvino)

    def cached(variant: str, precision: Precision = "fp32", layout: Layout = "server", *, openvino: bool = False) -> Bundle:
        return build_pocket(variant, precision, layout, openvino)

    return cached


@dataclass(frozen=True)
class PocketOracle:
    """What pocket-tts 4.0.1 computes with a tiny checkpoint of random weights."""

    folder: Path
    arrays: Mapping[str, np.ndarray]
    meta: Mapping[str, Any]


@pytest.fixture(scope="session")
def pocket_oracle() -> Callable[[str], PocketOracle]:
    @functools.cache
    def read(variant: str) -> PocketOracle:
        folder = FIXTURES / f"pocket_{variant}"
        with np.load(folder / "oracle.npz") as arrays:
            return PocketOracle(folder, dict(arrays), json.loads((folder / "meta.json").read_bytes()))

    return read


@pytest.fixture(scope="session")
def asr_oracle() -> Mapping[str, Any]:
    """What transformers computes with the tiny VibeVoice-ASR checkpoint, by name, and the ``prompts``."""
    with np.load(TINY_ASR / "oracle.npz") as arrays:
        return {**arrays, "prompts": json.loads((TINY_ASR / "prompts.json").read_bytes())}


@pytest.fixture(scope="session")
def asr_export() -> Callable[..., "Export"]:
    """Returns what the exporter reads from the tiny VibeVoice-ASR for a layout, as if it were larger than memory or not."""
    pytest.importorskip("torch", reason="reading a checkpoint needs the 'export' extra")
    from exporter import vibevoice_asr
    from exporter.checkpoints import open_checkpoint
    from exporter.vibevoice_asr import weights

    @functools.cache
    def load(layout: Layout, streamed: bool = False) -> "Export":
        with pytest.MonkeyPatch.context() as patch:
            if streamed:
                patch.setattr(weights, "_MAX_IN_MEMORY_BYTES", 0)
            return vibevoice_asr.load(open_checkpoint(str(TINY_ASR), vibevoice_asr.FILES), layout)

    return load


@pytest.fixture(scope="session")
def asr_bundle(build: Callable[..., Bundle], asr_export: Callable[..., "Export"]) -> Callable[..., Bundle]:
    """Returns the tiny VibeVoice-ASR checkpoint's bundle in a precision and layout: exported at the first call, in 20 s."""

    @functools.cache
    def build_asr(precision: Precision, layout: Layout = "server", *, openvino: bool = False) -> Bundle:
        return build(asr_export(layout), "tiny-asr", precision, layout, openvino=openvino)

    return build_asr


@pytest.fixture(scope="session")
def whisper_recordings() -> list[np.ndarray]:
    """What the oracle of the tiny Whisper hears: float32 ``[samples]`` at 16 kHz, of 4.0, 2.6 and 1.3 s."""

    def record(seed: int, seconds: float) -> np.ndarray:
        random = np.random.default_rng(seed)
        time = np.arange(round(16_000 * seconds)) / 16_000
        pitches, rates = random.uniform(90, 3000, 8), random.uniform(1, 6, 8)
        phases = 2 * np.pi * pitches[:, None] * time + 3 * np.sin(2 * np.pi * rates[:, None] * time)
        loudness = 0.6 + 0.4 * np.sin(2 * np.pi * (3 + seed) * time)
        audio: np.ndarray = 0.04 * np.sin(phases).sum(axis=0) * loudness + 0.005 * random.standard_normal(len(time))
        return audio.astype(np.float32)

    return [record(seed, seconds) for seed, seconds in enumerate((4.0, 2.6, 1.3))]


@pytest.fixture(scope="session")
def whisper_oracle() -> Mapping[str, Any]:
    """What transformers computes with the tiny Whisper, by name."""
    with np.load(WHISPER / "oracle.npz") as arrays:
        return {**arrays, **json.loads((WHISPER / "answers.json").read_bytes())}


@pytest.fixture(scope="session")
def whisper_export() -> Callable[[Layout], "Export"]:
    """Returns what the exporter reads from the tiny Whisper for a layout."""
    pytest.importorskip("torch", reason="reading a checkpoint needs the 'export' extra")
    from exporter.checkpoints import open_checkpoint
    from exporter.whisper import FILES, load

    return functools.cache(lambda layout: load(open_checkpoint(str(WHISPER), FILES), layout))


@pytest.fixture(scope="session")
def whisper_bundle(build: Callable[..., Bundle], whisper_export: Callable[[Layout], "Export"]) -> Callable[..., Bundle]:
    """Returns the tiny Whisper's bundle in a precision and layout: exported at the first call, in 10 s."""

    @functools.cache
    def build_whisper(precision: Precision, layout: Layout = "server", *, openvino: bool = False) -> Bundle:
        return build(whisper_export(layout), "tiny-whisper", precision, layout, openvino=openvino)

    return build_whisper


@pytest.fixture(scope="session")
def assert_same_model() -> Callable[[Bundle, Bundle], None]:
    """Fails if two bundles differ in more than their names, what wrote them and what the CPU that did so rounds its own way."""

    # The last bit of a frequency is 1e-4 of an angle a thousand positions on; a weight between two steps may take either.
    def close(ours: np.ndarray, theirs: np.ndarray) -> bool:
        if ours.dtype in (np.int8, np.uint8):
            return ours.shape == theirs.shape and bool((np.abs(ours.astype(int) - theirs) <= 1).all())
        return np.allclose(ours, theirs, rtol=1e-5, atol=1e-4)

    def check(again: Bundle, shipped: Bundle) -> None:
        assert again.manifest.settings == shipped.manifest.settings
        assert again.manifest.source == shipped.manifest.source
        precisions = [{key: graph.precision for key, graph in one.manifest.graphs.items()} for one in (again, shipped)]
        assert precisions[0] == precisions[1]
        for key, graph in shipped.manifest.graphs.items():
            ours, theirs = (
                {t.name: numpy_helper.to_array(t) for t in onnx.load(one.path(graph.file)).graph.initializer}
                for one in (again, shipped)
            )
            assert ours.keys() == theirs.keys(), key
            for name, array in ours.items():
                assert close(array, theirs[name]), f"{key}: {name}"

    return check


@pytest.fixture(scope="session")
def embedded_environment() -> dict[str, str]:
    """The environment of commands started as users start them: no registry is set, Ray keeps no token in the home folder.

    No job draws a page, which takes seconds.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SPEECHMILL_", "RAY_"))}
    return {**environment, "RAY_AUTH_MODE": "disabled", "SPEECHMILL_REPORT": "0"}


@pytest.fixture(scope="session")
def gate_speech(tmp_path_factory: pytest.TempPathFactory, embedded_environment: dict[str, str]) -> Path:
    """What the embedded voice says of the speech gate's sentences: the shipped int8 bundle, two workers on Ray, Parquet."""
    folder = tmp_path_factory.mktemp("gate")
    lines = (ROOT / "training" / "gate.tsv").read_text().splitlines()
    by_set = itertools.groupby((line.split("\t") for line in lines), key=itemgetter(0))
    table = [{"id": f"{name}-{i}", "text": text} for name, said in by_set for i, (_, text, _) in enumerate(said)]
    pq.write_table(pa.Table.from_pylist(table), folder / "texts.parquet")
    command = [sys.executable, str(ROOT / "jobs" / "synthesize_corpus.py"), "--input", str(folder / "texts.parquet")]
    command += ["--output", str(folder / "speech"), "--workers", "2"]
    done = subprocess.run(command, env=embedded_environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder / "speech"


@pytest.fixture(scope="session")
def speech() -> np.ndarray:
    """:data:`SAID` by the embedded voice: float32 ``[samples]`` at 16 kHz."""
    with open_model(embedded_folder(), threads=1) as engine:
        (result,) = engine.generate([SynthesisRequest("a", SAID)])
    return result.audio


@pytest.fixture(scope="session")
def said() -> str:
    """What ``speech`` says."""
    return SAID


@pytest.fixture(scope="session")
def vibevoice_oracle() -> Mapping[str, np.ndarray]:
    """What the original VibeVoice-Realtime computes with the tiny checkpoint, by name."""
    with np.load(VIBEVOICE / "oracle.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="session")
def vibevoice_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny checkpoint: see the fixture's README.md for what is the original's, and what is made here."""
    folder = tmp_path_factory.mktemp("vibevoice") / "checkpoint"
    write_tiny_vibevoice(VIBEVOICE, folder)
    return folder


@pytest.fixture(scope="session")
def vibevoice_bundle(build: Callable[..., Bundle], vibevoice_checkpoint: Path) -> Callable[..., Bundle]:
    """Returns the tiny checkpoint's bundle in a precision and layout: exported at the first call, which takes 15 s."""
    pytest.importorskip("torch", reason="reading a checkpoint needs the 'export' extra")
    from exporter.checkpoints import open_checkpoint
    from exporter.vibevoice_realtime import FILES, load

    @functools.cache
    def read(layout: Layout) -> "Export":
        return load(open_checkpoint(str(vibevoice_checkpoint), FILES), layout)

    @functools.cache
    def build_vibevoice(precision: Precision, layout: Layout, openvino: bool) -> Bundle:
        return build(read(layout), "tiny", precision, layout, openvino=openvino)

    def cached(precision: Precision, layout: Layout = "server", *, openvino: bool = False) -> Bundle:
        return build_vibevoice(precision, layout, openvino)

    return cached

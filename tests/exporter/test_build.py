import hashlib
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import onnxruntime as ort
import pytest
import torch
from torch import Tensor, nn

from actors.bundle import Bundle, CheckResult, Layout, Manifest, Precision
from actors.errors import ExportError, UsageError
from exporter import build
from exporter.build import TOP1_AGREEMENT, Export, GraphExport, Speech, build_bundle
from exporter.graphs import Graph, Port
from exporter.layers import Linear
from exporter.verify import Case

WIDTH, HIDDEN = 16, 64


class FeedForward(nn.Module):
    """A graph that is exported in a second; ``broken`` makes the exported form another function."""

    def __init__(self, *, broken: bool = False) -> None:
        super().__init__()
        self.broken = broken
        self.up, self.down = Linear(WIDTH, HIDDEN), Linear(HIDDEN, WIDTH)
        generator = torch.Generator().manual_seed(0)
        for linear in (self.up, self.down):
            nn.init.normal_(linear.weight, std=0.3, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.down(nn.functional.gelu(self.up(x)))
        return y * 1.01 if self.broken and torch.compiler.is_exporting() else y


@pytest.fixture
def toy(tiny_export: Callable[[Layout], Export]) -> Callable[..., Export]:
    """Returns the tiny checkpoint's export with a single small graph in place of its own."""
    x = np.random.default_rng(0).standard_normal((5, WIDTH)).astype(np.float32)

    def make(*, broken: bool = False, speaks: bool = False, snr_floor_db: float = build.SNR_FLOOR_DB) -> Export:
        graph = Graph(
            "toy", "toy.onnx", FeedForward(broken=broken), (Port("x", ("rows", WIDTH)),), (Port("y", ("rows", WIDTH)),)
        )
        speech = Speech(graph.run({"x": x})["y"], lambda run: run({"x": x})["y"], TOP1_AGREEMENT)
        cases = [Case("noise", {"x": x}), Case("one row", {"x": x[:1]})]
        part = (
            GraphExport(graph, cases, speech) if speaks else GraphExport(graph, cases, measured="y", snr_floor_db=snr_floor_db)
        )
        return replace(tiny_export("server"), graphs=[part], example_sizes={"rows": 3})

    return make


def run_toy(bundle: Bundle) -> np.ndarray:
    session = ort.InferenceSession(bundle.path("toy.onnx"), providers=["CPUExecutionProvider"])
    y: np.ndarray = session.run(["y"], {"x": np.ones((2, WIDTH), np.float32)})[0]
    return y


@pytest.mark.parametrize(("precision", "layout"), [("fp32", "server"), ("int8", "server"), ("fp32", "portable")])
def test_a_bundle_lists_every_file_with_its_sha256_and_size(
    tiny_bundle: Callable[[Precision, Layout], Bundle], precision: Precision, layout: Layout
) -> None:
    bundle = tiny_bundle(precision, layout)
    bundle.verify()
    found = {
        path.relative_to(bundle.folder).as_posix(): path.read_bytes() for path in bundle.folder.rglob("*") if path.is_file()
    }
    manifest = found.pop("bundle.json")
    assert bundle.digest == "sha256:" + hashlib.sha256(manifest).hexdigest()
    listed = {name: (entry.sha256, entry.size) for name, entry in bundle.manifest.files.items()}
    assert listed == {name: (hashlib.sha256(data).hexdigest(), len(data)) for name, data in found.items()}
    assert "tokenizer.json" in listed


@pytest.mark.parametrize(("precision", "layout"), [("fp32", "server"), ("int8", "server"), ("fp32", "portable")])
def test_the_manifest_describes_the_graphs_as_they_are(
    tiny_bundle: Callable[[Precision, Layout], Bundle], precision: Precision, layout: Layout
) -> None:
    bundle = tiny_bundle(precision, layout)
    types = {"tensor(float)": "float32", "tensor(int64)": "int64", "tensor(int32)": "int32"}
    assert list(bundle.manifest.graphs) == ["lm", "decoder"]
    for graph in bundle.manifest.graphs.values():
        assert graph.precision == precision
        session = ort.InferenceSession(bundle.path(graph.file), providers=["CPUExecutionProvider"])
        for edges, tensors in ((session.get_inputs(), graph.inputs), (session.get_outputs(), graph.outputs)):
            assert [(e.name, types[e.type], e.shape) for e in edges] == [(t.name, t.dtype, t.axes) for t in tensors]


def test_the_manifest_says_what_was_measured_and_from_what_and_with_what_it_was_made(
    tiny_bundle: Callable[[Precision], Bundle],
) -> None:
    manifest = tiny_bundle("int8").manifest
    measured = {(check.graph, check.metric) for check in manifest.checks}
    assert measured == {
        ("lm", "max_abs_diff"),
        ("lm", "top1_agreement"),
        ("decoder", "max_abs_diff"),
        ("decoder", "snr_db"),
    }
    for check in manifest.checks:
        assert check.floor is not None or check.ceiling is not None
        assert check.floor is None or check.value >= check.floor
        assert check.ceiling is None or check.value <= check.ceiling
    assert (manifest.name, manifest.family, manifest.precision, manifest.layout) == ("tiny", "soprano", "int8", "server")
    assert manifest.source.repo == "soprano-tiny"
    assert set(manifest.tools) == {"torch", "onnx", "onnxscript", "onnxruntime"}


def test_makes_its_folder_and_refuses_one_that_is_not_empty(toy: Callable[..., Export], tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    build_bundle(toy(), "toy", "fp32", "server", folder)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(UsageError, match="is not empty"):
        build_bundle(toy(), "toy", "fp32", "server", folder)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_the_same_checkpoint_gives_the_same_digest(toy: Callable[..., Export], tmp_path: Path) -> None:
    first = build_bundle(toy(), "toy", "int8", "server", tmp_path / "first")
    second = build_bundle(toy(), "toy", "int8", "server", tmp_path / "second")
    assert first.digest == second.digest


@pytest.mark.parametrize("speaks", [False, True])
def test_a_graph_that_is_not_the_model_is_no_bundle(toy: Callable[..., Export], tmp_path: Path, speaks: bool) -> None:
    with pytest.raises(ExportError, match=r"graph 'toy' .*max_abs_diff .*Nothing was published"):
        build_bundle(toy(broken=True, speaks=speaks), "toy", "fp32", "server", tmp_path)
    assert not (tmp_path / "bundle.json").exists()


def test_a_decoder_that_loses_too_much_stays_fp32_and_the_manifest_says_so(
    toy: Callable[..., Export], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    exact = build_bundle(toy(), "toy", "fp32", "server", tmp_path / "fp32")
    lowered = build_bundle(toy(), "toy", "int8", "server", tmp_path / "int8")
    assert lowered.manifest.graphs["toy"].precision == "int8"
    assert not np.array_equal(run_toy(lowered), run_toy(exact))
    with caplog.at_level(logging.WARNING):
        kept = build_bundle(toy(snr_floor_db=150.0), "toy", "int8", "server", tmp_path / "kept")
    assert kept.manifest.graphs["toy"].precision == "fp32"
    assert kept.manifest.precision == "int8"
    assert np.array_equal(run_toy(kept), run_toy(exact))
    assert "toy.onnx stays fp32" in caplog.text
    kept.verify()


def test_a_language_model_that_loses_too_much_is_no_bundle(
    toy: Callable[..., Export], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "AGREEMENT_FLOOR", 1.1)
    with pytest.raises(ExportError, match=r"int8 against fp32\): top1_agreement"):
        build_bundle(toy(speaks=True), "toy", "int8", "server", tmp_path)
    assert not (tmp_path / "bundle.json").exists()


def test_what_was_measured_of_whole_utterances_is_in_the_manifest(
    toy: Callable[..., Export], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = CheckResult(graph="whole bundle", case="", metric="pesq", value=4.5, floor=4.0)

    def with_quality(_folder: Path, manifest: Manifest, _utterances: object, *, required: bool) -> Manifest:
        if required:
            raise ExportError("too bad")
        return manifest.model_copy(update={"checks": [*manifest.checks, check]})

    monkeypatch.setattr(build, "check_can_measure", lambda *_: None)
    monkeypatch.setattr(build, "with_quality", with_quality)
    assert check not in build_bundle(toy(), "toy", "fp32", "server", tmp_path / "off").manifest.checks
    bundle = build_bundle(toy(), "toy", "fp32", "server", tmp_path / "measure", "measure")
    assert bundle.manifest.checks[-1] == check
    bundle.verify()
    with pytest.raises(ExportError, match="too bad"):
        build_bundle(toy(), "toy", "fp32", "server", tmp_path / "require", "require")
    assert not (tmp_path / "require" / "bundle.json").exists()


def test_quality_that_cannot_be_measured_is_a_usage_error_and_leaves_nothing(
    toy: Callable[..., Export], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="quality of soprano models is not measured"):
        build_bundle(replace(toy(), utterances=()), "toy", "fp32", "server", tmp_path, "measure")
    assert list(tmp_path.iterdir()) == []


def test_a_precision_the_family_lacks_is_a_usage_error_and_leaves_nothing(toy: Callable[..., Export], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="soprano model has no int4 export: choose fp32"):
        build_bundle(toy(), "toy", "int4", "server", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "../toy", "to y"])
def test_a_bad_name_is_a_usage_error_and_leaves_nothing(toy: Callable[..., Export], tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a bundle"):
        build_bundle(toy(), name, "fp32", "server", tmp_path)
    assert list(tmp_path.iterdir()) == []


def with_ir(export: Export, folder: Path, precision: Precision = "fp32") -> Bundle:
    pytest.importorskip("openvino", reason="the second runtime needs the 'openvino' extra")
    return build_bundle(export, "toy", precision, "server", folder, openvino=True)


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_graphs_are_written_for_openvino_too_and_checked_alike(
    toy: Callable[..., Export], tmp_path: Path, precision: Precision
) -> None:
    plain = build_bundle(toy(), "toy", precision, "server", tmp_path / "plain")
    bundle = with_ir(toy(), tmp_path / "both", precision)
    bundle.verify()
    assert bundle.manifest.graphs["toy"].openvino == "toy.xml"
    assert bundle.manifest.files.keys() - plain.manifest.files.keys() == {"toy.xml", "toy.bin"}
    assert bundle.manifest.tools.keys() - plain.manifest.tools.keys() == {"openvino"}
    ours = [check for check in bundle.manifest.checks if check.case.startswith("OpenVINO, ")]
    assert [check for check in bundle.manifest.checks if check not in ours] == list(plain.manifest.checks)
    last = [check for check in plain.manifest.checks if precision == "fp32" or precision in check.case]
    assert [(check.case, check.metric) for check in ours] == [(f"OpenVINO, {check.case}", check.metric) for check in last]


def test_a_bundle_that_is_not_for_openvino_does_not_name_it(toy: Callable[..., Export], tmp_path: Path) -> None:
    bundle = build_bundle(toy(), "toy", "fp32", "server", tmp_path)
    assert b"openvino" not in (bundle.folder / "bundle.json").read_bytes().lower()


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_same_checkpoint_gives_the_same_digest_with_ir(
    toy: Callable[..., Export], tmp_path: Path, precision: Precision
) -> None:
    first, second = (with_ir(toy(), tmp_path / name, precision) for name in ("first", "second"))
    assert first.digest == second.digest


def test_a_graph_that_openvino_cannot_run_is_left_to_onnxruntime(
    toy: Callable[..., Export], tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_half(_model: object, path: Path, *_: object) -> None:
        path.write_text("half of it")
        raise RuntimeError("OpenVINO does not have Unheard")

    writer = pytest.importorskip("exporter.openvino", reason="the second runtime needs the 'openvino' extra")
    plain = build_bundle(toy(), "toy", "fp32", "server", tmp_path / "plain")
    monkeypatch.setattr(writer, "write_ir", write_half)
    bundle = with_ir(toy(), tmp_path / "both")
    assert bundle.manifest.graphs == plain.manifest.graphs
    assert bundle.manifest.files == plain.manifest.files
    assert "toy.onnx is not for OpenVINO: OpenVINO does not have Unheard" in caplog.text


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_graph_that_holds_no_bound_with_openvino_is_left_to_onnxruntime(
    toy: Callable[..., Export],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    precision: Precision,
) -> None:
    writer = pytest.importorskip("exporter.openvino", reason="the second runtime needs the 'openvino' extra")
    monkeypatch.setattr(writer, "open_ir", lambda *_: lambda feeds: {"y": feeds["x"]})
    bundle = with_ir(toy(), tmp_path, precision)
    bundle.verify()
    assert bundle.manifest.graphs["toy"].openvino is None
    assert sorted(path.suffix for path in tmp_path.iterdir() if path.stem == "toy") == [".onnx"]
    assert "toy.onnx is not for OpenVINO: graph 'toy'" in caplog.text


def test_ir_that_cannot_be_written_is_a_usage_error_and_leaves_nothing(
    toy: Callable[..., Export], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="--openvino goes with the layout server, not portable"):
        build_bundle(toy(), "toy", "fp32", "portable", tmp_path, openvino=True)
    monkeypatch.setattr(build, "import_module", Mock(side_effect=ModuleNotFoundError))
    with pytest.raises(UsageError, match=r"needs the package openvino: pip install 'speechmill\[openvino\]'"):
        build_bundle(toy(), "toy", "fp32", "server", tmp_path, openvino=True)
    assert list(tmp_path.iterdir()) == []

"""From a family's declaration to a bundle folder: export, check, quantize, check again, write ``bundle.json``."""

import logging
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Literal

import numpy as np
import onnx

from actors.bundle import (
    MANIFEST_NAME,
    Bundle,
    CheckResult,
    GraphSpec,
    Layout,
    Manifest,
    Precision,
    Source,
    check_name,
    hash_file,
    load_bundle,
)
from actors.errors import ExportError, UsageError
from actors.settings import FamilySettings
from exporter.graphs import Graph, Port, export_graph, export_shell, save_graph
from exporter.half_precision import to_float16
from exporter.quality import Quality, Utterance, check_can_measure, with_quality
from exporter.quantize import quantize_int4, quantize_int8
from exporter.quantized_edges import dequantize_outputs, quantize_edges, quantize_feeds
from exporter.streaming import Rows, sliced, write_graph, write_npy
from exporter.verify import Case, Run, Tolerance, bounded, check_arrays, check_graph, cosine_similarity, open_graph, snr_db

logger = logging.getLogger(__name__)


# What a graph in lower precision must hold against the fp32 graph. A decoder that cannot is published in fp32.
SNR_FLOOR_DB = 30.0
COSINE_FLOOR = 0.98  # of a tensor; 4 bits in blocks of 32 reach 0.995 for normally distributed weights
LOGITS_COSINE_FLOOR = 0.9
# Random weights reach 0.75, in 4 bits 0.58; a trained model 0.95 and more; a broken graph next to nothing.
AGREEMENT_FLOOR = 0.6
AGREEMENT_FLOOR_INT4 = 0.4


@dataclass(frozen=True)
class Agreement:
    """How often a graph in lower precision decides as PyTorch does.

    Attributes:
        metric: its name in the manifest.
        measure: the share of equal decisions, of PyTorch's outputs and the graph's, ``[positions, …]`` each.
    """

    metric: Literal["top1_agreement", "eos_agreement"]
    measure: Callable[[np.ndarray, np.ndarray], float]


TOP1_AGREEMENT = Agreement("top1_agreement", lambda want, got: float((want.argmax(-1) == got.argmax(-1)).mean()))


@dataclass(frozen=True)
class Speech:
    """How a graph is checked over whole sentences, with the caches it makes itself.

    Attributes:
        outputs: what PyTorch gives, ``[positions, …]``.
        drive: drives a graph over the same sentences and returns its outputs.
        agreement: for graphs whose outputs decide something.
    """

    outputs: np.ndarray
    drive: Callable[[Run], np.ndarray]
    agreement: Agreement | None = None


@dataclass(frozen=True)
class GraphExport:
    """One graph of a bundle: what it is compared with PyTorch on, and what of it may lose precision.

    Attributes:
        graph: the worker asks for it by its name.
        cases: what the exported graph is compared with PyTorch on.
        speech: for a graph that carries state: compared over whole sentences; its agreement is measured on them.
        measured: for a graph that makes audio, or what becomes audio, the output whose SNR is measured.
        snr_floor_db: what that must hold in lower precision. A graph that cannot is published in fp32.
        tolerance: what the exported graph must hold against PyTorch.
        exact: it is fp32 in every precision.
        keep_float32: parts of weight names that never lose precision; in float16, nor does what depends on them.
        keep_from_int8: parts of names of weights that int8 leaves alone too.
        keep_in_turn: further parts of weight names to leave alone, tried in turn where the SNR is too low.
        sensitive: parts of names of the weights that get 8 bits where the others get 4. Without any, int4 makes the graph int8.
        streamed: of a graph that is larger than memory, its matrices, read as they are written. Its module was traced with
            weights that take no memory.
        tables: of such a graph, its embeddings, which are not quantized.
    """

    graph: Graph
    cases: Sequence[Case]
    speech: Speech | None = None
    measured: str | None = None
    snr_floor_db: float = SNR_FLOOR_DB
    tolerance: Tolerance = field(default_factory=Tolerance)
    exact: bool = False
    keep_float32: Sequence[str] = ()
    keep_from_int8: Sequence[str] = ()
    keep_in_turn: Sequence[Sequence[str]] = ()
    sensitive: Sequence[str] = ()
    streamed: Mapping[str, Rows] = field(default_factory=dict)
    tables: Mapping[str, Rows] = field(default_factory=dict)


@dataclass(frozen=True)
class Export:
    """What a family's ``load`` returns: everything about one checkpoint in one layout.

    Attributes:
        family: the family's name.
        sample_rate: of the audio, in Hz.
        voices: names of the voices the bundle speaks with.
        graphs: in the manifest's order.
        example_sizes: a size for every dynamic axis name, for tracing (at least 2 each).
        settings: the loop's constants.
        files: further files of the bundle by their name in it: a path, or the content.
        source: where the weights came from.
        arrays: further files of the bundle, made here: ``.npy`` by name. Floats are halved unless the bundle is fp32.
        utterances: what is said by the bundle and by PyTorch, and compared; none if that is not measured of the family.
    """

    family: str
    sample_rate: int
    voices: Sequence[str]
    graphs: Sequence[GraphExport]
    example_sizes: Mapping[str, int]
    settings: FamilySettings
    files: Mapping[str, Path | bytes]
    source: Source
    arrays: Mapping[str, Rows] = field(default_factory=dict)
    utterances: Sequence[Utterance] = ()

    @property
    def precisions(self) -> list[Precision]:
        """What it can be exported in."""
        return ["fp32", "fp16", "int8", "int4"] if any(part.sensitive for part in self.graphs) else ["fp32", "fp16", "int8"]

    def named(self, name: str) -> GraphExport:
        """Return a graph by its name."""
        return next(part for part in self.graphs if part.graph.name == name)


def build_bundle(
    export: Export,
    name: str,
    precision: Precision,
    layout: Layout,
    folder: Path,
    quality: Quality = "off",
    *,
    openvino: bool = False,
) -> Bundle:
    """Export every graph of ``export`` into ``folder`` (created, must be empty) and check it.

    Args:
        export: what a family's ``load`` returned.
        name: of the bundle.
        precision: of the weights.
        layout: for whom.
        folder: where to.
        quality: whether it speaks, and is compared with the original as a whole.
        openvino: whether to write the graphs for OpenVINO too, those that it can run and that hold the same bounds there.

    Raises:
        ExportError: a graph is not the model: a comparison with PyTorch is out of bounds.
        UsageError: the family has no such precision, the name cannot name a bundle, the folder is not empty, the quality
            cannot be measured, or OpenVINO is missing or not for the layout.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty: a bundle is written into a new folder")
    if precision not in export.precisions:
        raise UsageError(f"this {export.family} model has no {precision} export: choose {' or '.join(export.precisions)}")
    check_name(name)
    if quality != "off":
        check_can_measure(export.family, export.utterances, layout, quality)
    tools = ["torch", "onnx", "onnxscript", "onnxruntime", *(["openvino"] if openvino else [])]
    writer = _Writer(export, precision, layout, folder, _ir_writer(layout) if openvino else None)
    graphs = {part.graph.name: writer.write(part) for part in export.graphs}
    for member, source in export.files.items():
        (folder / member).parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, bytes):
            (folder / member).write_bytes(source)
        else:
            shutil.copyfile(source, folder / member)
    for member, rows in export.arrays.items():
        write_npy(folder / member, rows, np.float32 if precision == "fp32" else np.float16)
    manifest = Manifest.model_validate(
        {
            "format_version": 1,
            "family": export.family,
            "name": name,
            "precision": precision,
            "layout": layout,
            "sample_rate": export.sample_rate,
            "voices": list(export.voices),
            "graphs": graphs,
            "settings": export.settings.model_dump(),
            "files": {
                path.relative_to(folder).as_posix(): hash_file(path) for path in sorted(folder.rglob("*")) if path.is_file()
            },
            "source": export.source,
            "checks": writer.checks,
            "tools": {tool: version(tool) for tool in tools},
        }
    )
    if quality != "off":
        manifest = with_quality(folder, manifest, export.utterances, required=quality == "require")
    (folder / MANIFEST_NAME).write_bytes(manifest.to_json())
    return load_bundle(folder)


def _ir_writer(layout: Layout) -> ModuleType:
    """Return :mod:`exporter.openvino`, whose package is optional.

    Raises:
        UsageError: it is not installed, or the layout is not for it.
    """
    if layout != "server":
        raise UsageError(f"--openvino goes with the layout server, not {layout}: OpenVINO reads portable graphs as they are")
    try:
        return import_module("exporter.openvino")
    except ModuleNotFoundError as error:
        raise UsageError("--openvino needs the package openvino: pip install 'speechmill[openvino]'") from error


class _Writer:
    """Writes one graph after the other and gathers what was measured."""

    def __init__(self, export: Export, precision: Precision, layout: Layout, folder: Path, openvino: ModuleType | None) -> None:
        self.export, self.precision, self.layout, self.folder, self.openvino = export, precision, layout, folder, openvino
        self.checks: list[CheckResult] = []

    def write(self, part: GraphExport) -> GraphSpec:
        """Export, check and save a graph; return what was saved."""
        graph = part.graph
        used = {axis for port in graph.inputs for axis in port.axes if isinstance(axis, str)}
        sizes = {axis: self.export.example_sizes[axis] for axis in used}
        logger.info("exporting %s", graph.file)
        if part.streamed:
            return self._write_streamed(part, sizes)
        model = export_graph(graph, sizes)
        save_graph(model, self.folder / graph.file)
        run = self._open(graph)
        self.checks += self._check(part, run)
        if self.precision == "fp32" or part.exact:
            return self._with_ir(part, model, run, graph.spec("fp32", model))
        spec, kept = self._write_lowered(part, model, run)
        return self._with_ir(part, model, run, spec, kept)

    def _write_streamed(self, part: GraphExport, sizes: Mapping[str, int]) -> GraphSpec:
        """Write a graph that is larger than memory in its precision at once, and compare it with PyTorch, layer by layer."""
        graph, speech = part.graph, part.speech
        if speech is None:
            raise ExportError(f"graph {graph.name!r} is larger than memory and has no sentence to check: it is not published")
        model = export_shell(graph, sizes, [*part.streamed, *part.tables])
        cosines = write_graph(
            model,
            self.folder / graph.file,
            part.streamed,
            part.tables,
            self.precision,
            sensitive=part.sensitive,
            standard_operators=self.layout == "portable",
            io_float32=graph.io_float32,
        )
        run = self._open_streamed(graph, model)
        if self.precision == "fp32":
            self.checks += check_graph(graph.name, run, graph.run, part.cases, Tolerance())
            self.checks.append(_check_speech(graph, speech, run))
            return graph.spec("fp32", model)
        for name, cosine in cosines.items():
            self.checks.append(bounded(graph.name, name, "cosine", cosine, floor=COSINE_FLOOR))
        logits = cosine_similarity(speech.outputs, speech.drive(run))
        against = f"{self.precision} against PyTorch"
        self.checks.append(bounded(graph.name, against, "cosine", logits, floor=LOGITS_COSINE_FLOOR))
        return graph.spec(self.precision, model)

    def _with_ir(
        self, part: GraphExport, model: onnx.ModelProto, exact: Run, spec: GraphSpec, kept: Sequence[str] = ()
    ) -> GraphSpec:
        """Write a graph for OpenVINO too, in the precision that it has; return what was saved.

        One that OpenVINO does not have or that holds no bounds there is left out: ONNX Runtime runs it.
        """
        graph = part.graph
        if self.openvino is None or spec.precision == "int4" or not _floats_between_graphs(spec):
            return spec
        path = self.folder / Path(graph.file).with_suffix(".xml")
        try:
            self.openvino.write_ir(model, path, spec.precision, [*part.keep_float32, *part.keep_from_int8, *kept])
            run = self.openvino.open_ir(path, spec.precision, len(os.sched_getaffinity(0)))
            checks = self._check(part, run) if spec.precision == "fp32" else self._compare(part, run, exact)
        except (ExportError, RuntimeError) as error:
            logger.warning("%s is not for OpenVINO: %s", graph.file, error)
            path.unlink(missing_ok=True)
            path.with_suffix(".bin").unlink(missing_ok=True)
            return spec
        self.checks += [check.model_copy(update={"case": f"OpenVINO, {check.case}"}) for check in checks]
        return spec.model_copy(update={"openvino": path.name})

    def _check(self, part: GraphExport, run: Run) -> list[CheckResult]:
        """Compare a graph in fp32 with PyTorch."""
        graph = part.graph
        measured = [part.measured] if part.measured else []
        checks = check_graph(graph.name, run, graph.run, part.cases, part.tolerance, snr_of=measured)
        return [*checks, _check_speech(graph, part.speech, run)] if part.speech else checks

    def _write_lowered(self, part: GraphExport, model: onnx.ModelProto, exact: Run) -> tuple[GraphSpec, Sequence[str]]:
        """Save a graph in lower precision as far as it holds its SNR, and measure it.

        Returns:
            What was saved, and parts of the names of the weights that stayed float32 for that.
        """
        graph = part.graph
        for more in ((), *part.keep_in_turn):
            lowered = self._lower(part, model, more)
            save_graph(lowered, self.folder / graph.file)
            try:
                self.checks += self._compare(part, self._open_lowered(part), exact)
            except ExportError as error:
                if not part.measured:
                    raise
                logger.warning("%s, %s without %s: %s", graph.file, self.precision, ", ".join(more) or "exception", error)
            else:
                return graph.spec(self.precision, lowered), more
        logger.warning("%s stays fp32", graph.file)
        save_graph(model, self.folder / graph.file)
        return graph.spec("fp32", model), ()

    def _open(self, graph: Graph) -> Run:
        return open_graph(str(self.folder / graph.file))

    def _open_streamed(self, graph: Graph, written: onnx.ModelProto) -> Run:
        """Open a graph that is larger than memory: as it is published, to see that it can be, and to run it in slices."""
        open_graph(str(self.folder / graph.file), mapped=True)
        file = self.folder / f"{graph.file}.sliced"
        file.write_bytes(sliced(written).SerializeToString())
        try:
            return open_graph(str(file), mapped=True)
        finally:
            file.unlink()

    def _open_lowered(self, part: GraphExport) -> Run:
        """Open a graph in lower precision; it takes and gives what it does in float32."""
        run = self._open(part.graph)
        if self.precision not in ("int8", "int4"):
            return run
        inputs, outputs = _quantized(part.graph.inputs), _quantized(part.graph.outputs)
        return lambda feeds: dequantize_outputs(run(quantize_feeds(feeds, inputs)), outputs)

    def _lower(self, part: GraphExport, model: onnx.ModelProto, keep_too: Sequence[str]) -> onnx.ModelProto:
        keep = [*part.keep_float32, *keep_too]
        if self.precision == "int4" and part.sensitive:
            return quantize_int4(model, keep, part.sensitive)
        if self.precision in ("int8", "int4"):
            keep += part.keep_from_int8
            integers = quantize_int8(model, keep, standard_operators=self.layout == "portable")
            inputs, outputs = _quantized(part.graph.inputs), _quantized(part.graph.outputs)
            return quantize_edges(integers, inputs, outputs) if inputs or outputs else integers
        return to_float16(model, keep, io_float32=part.graph.io_float32)

    def _compare(self, part: GraphExport, run: Run, exact: Run) -> list[CheckResult]:
        """Measure a graph in lower precision against the checked fp32 graph."""
        results = []
        name, against = part.graph.name, f"{self.precision} against fp32"
        if part.measured:
            feeds = [case.feeds for case in part.cases if case.natural]
            worst = min(snr_db(exact(f)[part.measured], run(f)[part.measured]) for f in feeds)
            results.append(bounded(name, against, "snr_db", worst, floor=part.snr_floor_db))
        if part.speech and part.speech.agreement:
            agreement = part.speech.agreement
            share = agreement.measure(part.speech.outputs, part.speech.drive(run))
            floor = AGREEMENT_FLOOR_INT4 if self.precision == "int4" else AGREEMENT_FLOOR
            results.append(bounded(name, against, agreement.metric, share, floor=floor))
        return results


def _floats_between_graphs(spec: GraphSpec) -> bool:
    """Whether a graph takes and gives what its fp32 form does, apart from KV caches, which each runtime has in its own way."""
    edges = [*spec.inputs, *spec.outputs]
    caches = ("past_", "present_") if any(edge.name == "seqlens_k" for edge in spec.inputs) else ()
    return all(edge.dtype not in ("float16", "uint8") for edge in edges if not edge.name.startswith(caches))


def _quantized(ports: Sequence[Port]) -> list[Port]:
    return [port for port in ports if port.quantized]


def _check_speech(graph: Graph, speech: Speech, run: Run) -> CheckResult:
    return check_arrays(graph.name, "sentences", speech.drive(run), speech.outputs, Tolerance())

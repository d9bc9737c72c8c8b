"""From a family's declaration to a bundle folder: export, check, quantize, check again, write ``bundle.json``."""

import logging
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

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
from exporter.graphs import Graph, export_graph, export_shell, save_graph
from exporter.quantize import quantize_int4, quantize_int8, to_float16
from exporter.streaming import Rows, write_graph, write_npy
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
class Export:
    """What a family's ``load`` returns: everything about one checkpoint in one layout.

    Attributes:
        family: the family's name.
        sample_rate: of the audio, in Hz.
        voices: names of the voices the bundle speaks with.
        graphs: by key; the worker asks for them by these keys.
        example_sizes: a size for every dynamic axis name, for tracing (at least 2 each).
        settings: the loop's constants, parsed by the family's module in ``actors/``.
        files: further files of the bundle by their name in it: a path, or the content.
        cases: by graph key, what the exported graph is compared with PyTorch on.
        speech: for graphs that carry state: compared over whole sentences; their agreement is measured on them.
        audio: for graphs that make audio, or what becomes audio, the output whose SNR is measured.
        keep_float32: parts of weight names that never lose precision; in float16, nor does what depends on them.
        io_float32: graph inputs and outputs that stay float32 where the graph computes in float16.
        source: where the weights came from.
        snr_floors_db: by graph key, what its SNR must hold in lower precision in place of ``SNR_FLOOR_DB``.
        exact: keys of graphs that are fp32 in every precision.
        keep_from_int8: parts of names of weights that int8 leaves alone too.
        arrays: further files of the bundle, made here: ``.npy`` by name. Floats are halved unless the bundle is fp32.
        sensitive: by key of a graph that can have 4-bit weights, parts of names of those that get 8 bits all the same. In int4
            the other graphs are int8.
        streamed: by key of a graph that is larger than memory, its matrices, read as they are written. Its module was traced
            with weights that take no memory.
        tables: by key of such a graph, its embeddings, which are not quantized.
        keep_in_turn: by graph key, further parts of weight names to leave alone, tried in turn where the SNR is too low.
    """

    family: str
    sample_rate: int
    voices: Sequence[str]
    graphs: Mapping[str, Graph]
    example_sizes: Mapping[str, int]
    settings: Mapping[str, Any]
    files: Mapping[str, Path | bytes]
    cases: Mapping[str, Sequence[Case]]
    speech: Mapping[str, Speech]
    audio: Mapping[str, str]
    keep_float32: Sequence[str]
    io_float32: Sequence[str]
    source: Source
    snr_floors_db: Mapping[str, float] = field(default_factory=dict)
    exact: Collection[str] = ()
    keep_from_int8: Sequence[str] = ()
    keep_in_turn: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    arrays: Mapping[str, Rows] = field(default_factory=dict)
    sensitive: Mapping[str, Sequence[str]] = field(default_factory=dict)
    streamed: Mapping[str, Mapping[str, Rows]] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, Rows]] = field(default_factory=dict)

    @property
    def precisions(self) -> list[Precision]:
        """What it can be exported in."""
        return ["fp32", "fp16", "int8", "int4"] if self.sensitive else ["fp32", "fp16", "int8"]


def build_bundle(export: Export, name: str, precision: Precision, layout: Layout, folder: Path) -> Bundle:
    """Export every graph of ``export`` into ``folder`` (created, must be empty) and check it.

    Raises:
        ExportError: a graph is not the model: a comparison with PyTorch is out of bounds.
        UsageError: the family has no such precision, the name cannot name a bundle, or the folder is not empty.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty: a bundle is written into a new folder")
    if precision not in export.precisions:
        raise UsageError(f"this {export.family} model has no {precision} export: choose {' or '.join(export.precisions)}")
    check_name(name)
    writer = _Writer(export, precision, layout, folder)
    graphs = {key: writer.write(key, graph) for key, graph in export.graphs.items()}
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
            "settings": dict(export.settings),
            "files": {
                path.relative_to(folder).as_posix(): hash_file(path) for path in sorted(folder.rglob("*")) if path.is_file()
            },
            "source": export.source,
            "checks": writer.checks,
            "tools": {tool: version(tool) for tool in ("torch", "onnx", "onnxscript", "onnxruntime")},
        }
    )
    (folder / MANIFEST_NAME).write_bytes(manifest.to_json())
    return load_bundle(folder)


class _Writer:
    """Writes one graph after the other and gathers what was measured."""

    def __init__(self, export: Export, precision: Precision, layout: Layout, folder: Path) -> None:
        self.export, self.precision, self.layout, self.folder = export, precision, layout, folder
        self.checks: list[CheckResult] = []

    def write(self, key: str, graph: Graph) -> GraphSpec:
        """Export, check and save a graph; return what was saved."""
        used = {axis for port in (*graph.inputs, *graph.outputs) for axis in port.axes if isinstance(axis, str)}
        inputs = {axis for port in graph.inputs for axis in port.axes if isinstance(axis, str)}
        sizes = {axis: self.export.example_sizes[axis] for axis in used & inputs}
        logger.info("exporting %s", graph.file)
        if key in self.export.streamed:
            return self._write_streamed(key, graph, sizes)
        model = export_graph(graph, sizes)
        save_graph(model, self.folder / graph.file)
        run = self._open(graph)
        audio = [self.export.audio[key]] if key in self.export.audio else []
        self.checks += check_graph(key, run, graph.run, self.export.cases[key], Tolerance(), snr_of=audio)
        if key in self.export.speech:
            speech = self.export.speech[key]
            self.checks.append(check_arrays(key, "sentences", speech.drive(run), speech.outputs, Tolerance()))
        if self.precision == "fp32" or key in self.export.exact:
            return graph.spec("fp32", model)
        return self._write_lowered(key, graph, model, run)

    def _write_streamed(self, key: str, graph: Graph, sizes: Mapping[str, int]) -> GraphSpec:
        """Write a graph that is larger than memory in its precision at once, and compare it with PyTorch, layer by layer."""
        matrices, tables = self.export.streamed[key], self.export.tables.get(key, {})
        model = export_shell(graph, sizes, [*matrices, *tables])
        cosines = write_graph(
            model,
            self.folder / graph.file,
            matrices,
            tables,
            self.precision,
            sensitive=self.export.sensitive.get(key, ()),
            standard_operators=self.layout == "portable",
            io_float32=self.export.io_float32,
        )
        run = open_graph(str(self.folder / graph.file), mapped=True)
        speech = self.export.speech[key]
        if self.precision == "fp32":
            self.checks += check_graph(key, run, graph.run, self.export.cases[key], Tolerance())
            self.checks.append(check_arrays(key, "sentences", speech.drive(run), speech.outputs, Tolerance()))
            return graph.spec("fp32", model)
        for name, cosine in cosines.items():
            self.checks.append(bounded(key, name, "cosine", cosine, floor=COSINE_FLOOR))
        logits = cosine_similarity(speech.outputs, speech.drive(run))
        self.checks.append(bounded(key, f"{self.precision} against PyTorch", "cosine", logits, floor=LOGITS_COSINE_FLOOR))
        return graph.spec(self.precision, model)

    def _write_lowered(self, key: str, graph: Graph, model: onnx.ModelProto, exact: Run) -> GraphSpec:
        """Save a graph in lower precision as far as it holds its SNR, and measure it."""
        for more in ((), *self.export.keep_in_turn.get(key, ())):
            lowered = self._lower(key, model, more)
            save_graph(lowered, self.folder / graph.file)
            try:
                self.checks += self._compare(key, self._open(graph), exact)
            except ExportError as error:
                if key not in self.export.audio:
                    raise
                logger.warning("%s, %s without %s: %s", graph.file, self.precision, ", ".join(more) or "exception", error)
            else:
                return graph.spec(self.precision, lowered)
        logger.warning("%s stays fp32", graph.file)
        save_graph(model, self.folder / graph.file)
        return graph.spec("fp32", model)

    def _open(self, graph: Graph) -> Run:
        return open_graph(str(self.folder / graph.file))

    def _lower(self, key: str, model: onnx.ModelProto, keep_too: Sequence[str]) -> onnx.ModelProto:
        keep = [*self.export.keep_float32, *keep_too]
        if self.precision == "int4" and key in self.export.sensitive:
            return quantize_int4(model, keep, self.export.sensitive[key])
        if self.precision in ("int8", "int4"):
            keep += self.export.keep_from_int8
            return quantize_int8(model, keep, standard_operators=self.layout == "portable")
        return to_float16(model, keep, io_float32=self.export.io_float32)

    def _compare(self, key: str, run: Run, exact: Run) -> list[CheckResult]:
        """Measure a graph in lower precision against the checked fp32 graph."""
        results = []
        if key in self.export.audio:
            output = self.export.audio[key]
            cases = [case for case in self.export.cases[key] if case.natural]
            pairs = [(exact(case.feeds)[output], run(case.feeds)[output]) for case in cases]
            worst = min(snr_db(want, got) for want, got in pairs)
            floor = self.export.snr_floors_db.get(key, SNR_FLOOR_DB)
            results.append(bounded(key, f"{self.precision} against fp32", "snr_db", worst, floor=floor))
        speech = self.export.speech.get(key)
        if speech and speech.agreement:
            agreement = speech.agreement
            share = agreement.measure(speech.outputs, speech.drive(run))
            floor = AGREEMENT_FLOOR_INT4 if self.precision == "int4" else AGREEMENT_FLOOR
            results.append(bounded(key, f"{self.precision} against fp32", agreement.metric, share, floor=floor))
        return results

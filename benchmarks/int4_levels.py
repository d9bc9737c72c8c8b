"""What int4's accuracy levels cost and bring: agreement with fp32 and time of VibeVoice-ASR's decoder, matrix by matrix.

At level 4 ONNX Runtime multiplies by activations in 8 bits, with a scale for every 32 of them; at level 1 it unpacks the
weights and multiplies in float32. Takes the graph that the exporter writes, and changes the levels of some of its matrices.
Default: the embedded ear, which is trained; with ``--checkpoint`` another VibeVoice-ASR.

Usage::

    python -m benchmarks.int4_levels
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import onnx

from actors.errors import ExportError
from actors.runtime.processor import this_maker, this_processor
from benchmarks.contest import ROOT
from exporter.build import TOP1_AGREEMENT, build_bundle
from exporter.checkpoints import open_checkpoint
from exporter.verify import cosine_similarity, open_graph
from exporter.vibevoice_asr import FILES, load

GRAPH = "decoder.onnx"
VARIANTS: dict[str, Sequence[str]] = {  # parts of names of the weights that are at level 1
    "all at level 4": (),
    "lm_head at level 1": ("lm_head",),
    "down_proj at level 1": ("down_proj",),
    "both at level 1": ("lm_head", "down_proj"),
    "all at level 1": ("",),
}


def with_levels(path: Path, exact: Sequence[str]) -> None:
    """Write the graph at ``path`` again, with some matrices at level 1 and all others at 4."""
    model = onnx.load(path, load_external_data=False)
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "accuracy_level":
                attribute.i = 1 if any(part in node.input[1] for part in exact) else 4
    onnx.save(model, path)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", default=str(ROOT / "training" / "checkpoints" / "ear"))
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    export = load(open_checkpoint(arguments.checkpoint, FILES), "server")
    speech = export.named("decoder").speech
    assert speech is not None, "a decoder carries state"  # noqa: S101 - for the type checker
    print(f"| {this_processor().name} ({this_maker()}) | same token as fp32 | cosine of the logits | seconds |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "int4"
        try:
            build_bundle(export, "int4", "int4", "server", folder)
        except ExportError as error:  # random weights may miss the gate; their graph is there all the same
            print(f"({error})")
        for variant, exact in VARIANTS.items():
            with_levels(folder / GRAPH, exact)
            run = open_graph(str(folder / GRAPH))
            times = []
            for _ in range(arguments.rounds):
                start = time.perf_counter()
                outputs = speech.drive(run)
                times.append(time.perf_counter() - start)
            agreement = TOP1_AGREEMENT.measure(speech.outputs, outputs)
            cosine = cosine_similarity(speech.outputs, outputs)
            print(f"| {variant} | {agreement:.1%} of {speech.outputs.shape[0]} | {cosine:.4f} | {min(times):.2f} |", flush=True)


if __name__ == "__main__":
    main()

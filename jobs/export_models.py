"""Turn a PyTorch checkpoint into a checked ONNX bundle and publish it. ``python jobs/export_models.py --help``."""

import logging
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from actors.bundle import Layout, Precision, check_name
from actors.errors import UsageError
from cluster.registry import LATEST, REGISTRY_VARIABLE, publish
from jobs.console import run_app

app = typer.Typer(help=__doc__, add_completion=False, pretty_exceptions_enable=False)


class FamilyName(StrEnum):
    """Model families that can be exported."""

    SOPRANO = "soprano"


class PrecisionName(StrEnum):
    """Precisions of the weights."""

    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"


class LayoutName(StrEnum):
    """``server`` runs in our engine; ``portable`` in any ONNX runtime."""

    SERVER = "server"
    PORTABLE = "portable"


@app.command()
def export_models(
    family: Annotated[FamilyName, typer.Option(help="Model family.")],
    checkpoint: Annotated[str, typer.Option(help="Folder, or hub id org/name[@revision].")],
    name: Annotated[str, typer.Option(help="Name of the bundle.")],
    registry: Annotated[
        str | None,
        typer.Option(
            "--publish", envvar=REGISTRY_VARIABLE, help="Root of the registry: folder, s3://, gs:// or hf://org/repo."
        ),
    ] = None,
    tag: Annotated[str, typer.Option(help="Tag to set.")] = LATEST,
    precision: Annotated[PrecisionName, typer.Option(help="int8 for CPUs, fp16 for GPUs.")] = PrecisionName.FP32,
    layout: Annotated[LayoutName, typer.Option(help="server for our engine, portable for other runtimes.")] = LayoutName.SERVER,
    folder: Annotated[Path | None, typer.Option(help="Keep the bundle in this new folder too.")] = None,
) -> None:
    """Export every graph, compare it with PyTorch, publish the bundle; print its pinned name as the last line."""
    if registry is None and folder is None:
        raise UsageError("say where the bundle goes: --publish REGISTRY, --folder FOLDER, or both")
    check_name(name)
    with tempfile.TemporaryDirectory(prefix="speechmill-export-") as scratch:
        target = folder or Path(scratch) / "bundle"
        reference = _build(family, checkpoint, name, precision.value, layout.value, target)
        typer.echo(reference if registry is None else publish(target, registry, tag))


def _build(family: FamilyName, checkpoint: str, name: str, precision: Precision, layout: Layout, folder: Path) -> str:
    try:
        # Imported here: `--help` and wrong usage need no torch, and a machine without it gets a sentence, not a traceback.
        from exporter.build import build_bundle
        from exporter.checkpoints import open_checkpoint
        from exporter.families import FAMILIES
    except ModuleNotFoundError as error:
        raise UsageError(f"exporting needs {error.name}: pip install 'speechmill[export]'") from error
    for noisy in ("onnxscript", "onnx_ir", "torch.onnx"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    logging.getLogger("exporter").setLevel(logging.INFO)
    exporter = FAMILIES[family.value]
    export = exporter.load(open_checkpoint(checkpoint, exporter.FILES), layout)
    return build_bundle(export, name, precision, layout, folder).reference


if __name__ == "__main__":
    run_app(app)

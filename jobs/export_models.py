"""Turn a PyTorch checkpoint into a checked ONNX bundle and publish it; clone voices. See ``--help``."""

if __name__ == "__main__":  # ends in a sentence where a dependency is missing
    __import__("jobs.requirements" if __package__ else "requirements")

import logging
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from actors.audio.codec import decode, to_mono
from actors.bundle import Layout, Precision, check_name
from actors.errors import RequestError, UsageError
from actors.families import known_families
from actors.models import clone_voice
from cluster.registry import LATEST, REGISTRY_VARIABLE, fetch, publish
from jobs.console import run_app


class _ExportByDefault(TyperGroup):
    """``export_models.py --family …`` is ``export_models.py export --family …``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default command's name before its options."""
        if args and args[0].startswith("--") and args[0] != "--help":
            args = ["export", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_ExportByDefault, help=__doc__, add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True
)


def _check_family(name: str) -> str:
    if name not in (known := known_families()):
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(map(repr, known))}.")
    return name


Registry = Annotated[
    str | None,
    typer.Option("--publish", envvar=REGISTRY_VARIABLE, help="Root of the registry: folder, s3://, gs:// or hf://org/repo."),
]
Tag = Annotated[str, typer.Option(help="Tag to set.")]
Family = Annotated[str, typer.Option(help="Model family.", metavar=f"<{'|'.join(known_families())}>", callback=_check_family)]
Folder = Annotated[Path | None, typer.Option(help="Keep the bundle in this new folder too.")]


class PrecisionName(StrEnum):
    """Precisions of the weights."""

    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"
    INT4 = "int4"


class LayoutName(StrEnum):
    """``server`` runs in our engine; ``portable`` in any ONNX runtime."""

    SERVER = "server"
    PORTABLE = "portable"


class QualityMode(StrEnum):
    """What becomes of the sound of whole utterances."""

    OFF = "off"
    MEASURE = "measure"
    REQUIRE = "require"


@app.command("export")
def export_models(
    family: Family,
    checkpoint: Annotated[str, typer.Option(help="Folder, or hub id org/name[@revision].")],
    name: Annotated[str, typer.Option(help="Name of the bundle.")],
    registry: Registry = None,
    tag: Tag = LATEST,
    precision: Annotated[
        PrecisionName, typer.Option(help="int8 for CPUs, fp16 for GPUs, int4 where memory is short.")
    ] = PrecisionName.FP32,
    layout: Annotated[LayoutName, typer.Option(help="server for our engine, portable for other runtimes.")] = LayoutName.SERVER,
    voices: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a PocketTTS or VibeVoice-Realtime model's voices, instead of those beside its checkpoint."
        ),
    ] = None,
    quality: Annotated[
        QualityMode,
        typer.Option(
            help="Compare whole utterances with PyTorch's: PESQ, STOI, SNR (Soprano only). require: publish nothing that "
            "misses a bar."
        ),
    ] = QualityMode.OFF,
    openvino: Annotated[
        bool, typer.Option("--openvino", help="Write the graphs for OpenVINO too, those that hold the same bounds there.")
    ] = False,
    folder: Folder = None,
) -> None:
    """Export every graph, compare it with PyTorch, publish the bundle; print its pinned name as the last line.

    The default: ``export`` may be left out.
    """
    _check_destination(registry, folder)
    check_name(name)
    with tempfile.TemporaryDirectory(prefix="speechmill-export-") as scratch:
        target = folder or Path(scratch) / "bundle"
        reference = _build(
            family, checkpoint, name, precision.value, layout.value, voices, quality.value, target, openvino=openvino
        )
        typer.echo(reference if registry is None else publish(target, registry, tag))


@app.command("voice")
def add_voice(
    model: Annotated[str, typer.Option(help="Bundle to add the voice to: name@tag, a folder, … (PocketTTS only).")],
    audio: Annotated[Path, typer.Option(help="A recording of the voice, any audio or video file; 10 s of clean speech do.")],
    voice: Annotated[str | None, typer.Option(help="The voice's name; default: the file's.")] = None,
    seconds: Annotated[float | None, typer.Option(min=1, help="Use only so much of the recording, from its start.")] = None,
    registry: Registry = None,
    tag: Tag = LATEST,
    folder: Folder = None,
) -> None:
    """Clone a voice into a new version of a bundle and publish it; print its pinned name as the last line."""
    _check_destination(registry, folder)
    name = check_name(audio.stem if voice is None else voice)
    bundle = fetch(model, registry)
    with tempfile.TemporaryDirectory(prefix="speechmill-voice-") as scratch:
        target = folder or Path(scratch) / "bundle"
        try:
            samples, rate = decode(audio)
            used = samples if seconds is None else samples[:, : int(seconds * rate)]
            reference = clone_voice(bundle, name, to_mono(used), rate, target).reference
        except RequestError as error:
            raise UsageError(f"--audio: {error}") from error
        typer.echo(reference if registry is None else publish(target, registry, tag))


def _check_destination(registry: str | None, folder: Path | None) -> None:
    if registry is None and folder is None:
        raise UsageError("say where the bundle goes: --publish REGISTRY, --folder FOLDER, or both")


def _build(
    family: str,
    checkpoint: str,
    name: str,
    precision: Precision,
    layout: Layout,
    voices: Path | None,
    quality: Literal["off", "measure", "require"],
    folder: Path,
    *,
    openvino: bool,
) -> str:
    try:
        # Imported here: `--help` and wrong usage need no torch, and a machine without it gets a sentence, not a traceback.
        from exporter.build import build_bundle
        from exporter.families import read_export
    except ModuleNotFoundError as error:
        raise UsageError(f"exporting needs {error.name}: pip install 'speechmill[export]'") from error
    for noisy in ("onnxscript", "onnx_ir", "torch.onnx"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    logging.getLogger("exporter").setLevel(logging.INFO)
    export = read_export(family, checkpoint, layout, voices)
    return build_bundle(export, name, precision, layout, folder, quality, openvino=openvino).reference


if __name__ == "__main__":
    run_app(app)

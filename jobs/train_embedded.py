"""Train the models that ship with us, from texts to checkpoints. ``make train-embedded``, ``make train-embedded-ear``."""

if __name__ == "__main__":  # ends in a sentence where a dependency is missing
    __import__("jobs.requirements" if __package__ else "requirements")

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from actors.errors import UsageError
from cluster.registry import embedded_folder
from jobs.console import run_app

ROOT = Path(__file__).parent.parent
TRAINING = ROOT / "training"

app = typer.Typer(help=__doc__, add_completion=False, pretty_exceptions_enable=False)


Folder = Annotated[Path, typer.Option(help="For speech, training states and curves; what is there is used again.")]
Seed = Annotated[int, typer.Option(help="Of the texts, the weights and the order.")]
Scale = Annotated[float, typer.Option(min=0.0001, max=1, help="Part of the texts and steps: a small one only tries the way.")]


@app.command()
def voice(
    folder: Folder = ROOT / "build" / "embedded-voice",
    output: Annotated[Path, typer.Option(help="Gets checkpoints/voice/, judge.safetensors and gate.tsv.")] = TRAINING,
    seed: Seed = 0,
    scale: Scale = 1.0,
) -> None:
    """Make the speech, train judge, language model and decoder, write the checkpoint. Stopped, it goes on where it was."""
    with _training():
        from training.voice.train import train

        train(folder, output, seed, scale)


@app.command()
def ear(
    folder: Folder = ROOT / "build" / "embedded-ear",
    output: Annotated[Path, typer.Option(help="Gets the checkpoint's files.")] = TRAINING / "checkpoints" / "ear",
    seed: Seed = 0,
    scale: Scale = 1.0,
    longer: Annotated[bool, typer.Option("--longer", help="Go on behind the recipe's end, as the shipped one did.")] = False,
) -> None:
    """Make the speech, train what understands the embedded voice, write the checkpoint. Stopped, it goes on where it was."""
    with _training():
        from training.ear.train import train

        train(folder, embedded_folder(), output, seed, scale, longer=longer)


@contextmanager
def _training() -> Iterator[None]:
    """Imports happen inside: `--help` needs no torch, and a machine without the extra gets a sentence, not a traceback."""
    logging.getLogger("training").setLevel(logging.INFO)
    try:
        yield
    except ModuleNotFoundError as error:
        raise UsageError(f"training needs {error.name}: pip install 'speechmill[export,train]'") from error


if __name__ == "__main__":
    run_app(app)

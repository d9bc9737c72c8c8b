"""Train the voice that ships with us, from texts to checkpoint. ``make train-embedded``, or with ``--help``."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from actors.errors import UsageError
from jobs.console import run_app

ROOT = Path(__file__).parent.parent
EMBEDDED = ROOT / "exporter" / "embedded"

app = typer.Typer(help=__doc__, add_completion=False, pretty_exceptions_enable=False)


@app.command()
def train_embedded(
    folder: Annotated[Path, typer.Option(help="For speech, training states and curves; what is there is used again.")] = (
        ROOT / "build" / "embedded-voice"
    ),
    output: Annotated[Path, typer.Option(help="Gets checkpoint/, judge.safetensors and gate.tsv.")] = EMBEDDED,
    seed: Annotated[int, typer.Option(help="Of the texts, the weights and the order.")] = 0,
    scale: Annotated[
        float, typer.Option(min=0.0001, max=1, help="Part of the texts and steps: a small one only tries the way.")
    ] = 1.0,
) -> None:
    """Make the speech, train judge, language model and decoder, write the checkpoint. Stopped, it goes on where it was."""
    try:
        # Imported here: `--help` needs no torch, and a machine without the extra gets a sentence, not a traceback.
        from exporter.embedded.train import train
    except ModuleNotFoundError as error:
        raise UsageError(f"training needs {error.name}: pip install 'speechmill[export,train]'") from error
    logging.getLogger("exporter").setLevel(logging.INFO)
    train(folder, output, seed, scale)


if __name__ == "__main__":
    run_app(app)

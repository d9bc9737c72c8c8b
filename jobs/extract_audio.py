"""Take the audio out of a corpus, as files to listen to. ``python jobs/extract_audio.py --help``."""

if __name__ == "__main__":  # ends in a sentence where a dependency is missing
    __import__("jobs.requirements" if __package__ else "requirements")

import itertools
from pathlib import Path, PurePosixPath
from typing import Annotated

import typer

from actors.audio.codec import EXTENSIONS
from actors.errors import InputDataError, UsageError
from actors.names import file_name
from cluster.output import Output
from cluster.storage import open_store
from jobs.console import run_app

app = typer.Typer(help=__doc__, add_completion=False, pretty_exceptions_enable=False)


@app.command()
def extract_audio(
    corpus: Annotated[str, typer.Argument(help="What synthesize_corpus wrote: folder or URI.")],
    to: Annotated[Path, typer.Option(help="Folder for the files.")],
    limit: Annotated[int, typer.Option(min=1, help="At most this many.")] = 100,
) -> None:
    """Write the audio of the first rows that are ok to files named after their ids."""
    typer.echo(f"wrote {len(extract(corpus, to, limit))} files to {to}")


def extract(corpus: str, folder: Path, limit: int) -> list[Path]:
    """Write the audio of the first ``limit`` rows that are ok; return the files.

    Raises:
        UsageError: ``corpus`` is not the output of a job, or ``folder`` lies in it.
        InputDataError: no row is ok.
        StorageError: a file cannot be written, or one is where ``folder`` would be.
    """
    output = Output(corpus)
    root = output.store.local_path()
    if root and folder.resolve().is_relative_to(root):
        raise UsageError(
            f"--to {folder} lies in the corpus, whose readers would take the files for rows: choose another folder"
        )
    store = open_store(folder.absolute())
    files: list[Path] = []
    for row in itertools.islice(output.rows(["id", "audio"], status="ok"), limit):
        # The path comes from a row: nothing but its suffix is taken, and only if it is one of ours.
        suffix = PurePosixPath(row["audio"]["path"] or "").suffix
        path = folder / f"{len(files):04d}-{file_name(row['id'], suffix if suffix in EXTENSIONS.values() else '')}"
        store.write_bytes(path.name, row["audio"]["bytes"])
        files.append(path)
    if not files:
        raise InputDataError(f"{output.store} has no row with audio")
    return files


if __name__ == "__main__":
    run_app(app)

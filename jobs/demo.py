"""The main jobs on the models that ship with us: speak a hundred sentences, hear them, compare, make an audiobook."""

if __name__ == "__main__":  # ends in a sentence where a dependency is missing
    __import__("jobs.requirements" if __package__ else "requirements")

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import pyarrow.parquet as pq
import typer

from actors.audio.codec import decode
from cluster.output import EARLIER_RUN_NAME, RUN_NAME, TRANSCRIPTS_FOLDER
from cluster.registry import EMBEDDED, EMBEDDED_ASR, publish
from jobs.console import run_app
from jobs.extract_audio import extract
from reports import BOOKS_REPORT_KEY, REPORT_KEY

ROOT = Path(__file__).parent.parent
SENTENCES = Path(__file__).parent / "demo_sentences.txt"
BOOK = Path(__file__).parent / "demo_book.md"
_SHOWN = 5  # sentences to read

app = typer.Typer(help=__doc__, add_completion=False, pretty_exceptions_enable=False)


@app.command()
def demo(
    output: Annotated[Path, typer.Option(help="Folder; deleted first if it holds an earlier demo.")] = Path("demo-output"),
    workers: Annotated[str, typer.Option(help="Of each job: N, or MIN:MAX.")] = "2",
    listen: Annotated[int, typer.Option(min=1, help="How many sentences become files to listen to.")] = 12,
) -> None:
    """Run the main jobs on the models that ship with Speechmill."""
    output = output.absolute()
    if any((output / "corpus" / name).exists() for name in (RUN_NAME, EARLIER_RUN_NAME)):
        shutil.rmtree(output)
    voice, ear = (publish(name, str(output / "registry")) for name in (EMBEDDED, EMBEDDED_ASR))
    typer.echo(f"published {voice} and {ear}")
    corpus, transcripts, errors = output / "corpus", output / "transcripts", output / "errors.parquet"
    books = output / "audiobooks"
    registry = ("--registry", output / "registry", "--workers", workers)
    _run("synthesize_corpus.py", "--input", SENTENCES, "--output", corpus, "--model", voice, *registry)
    _run("transcribe_dataset.py", "--input", corpus, "--output", transcripts, "--model", ear, "--files", "srt", *registry)
    compared = ("--references", corpus, "--reference", "text", "--language", "en", "--output", errors)
    _run("evaluate.py", "--input", transcripts, *compared)
    _run("make_audiobook.py", "--input", BOOK, "--output", books, "--model", voice, "--epub", *registry)
    for row in pq.read_table(errors).slice(length=_SHOWN).to_pylist():
        typer.echo(f"said:  {row['reference']}\nheard: {row['hypothesis']}")
    files = extract(str(corpus), output / "listen", limit=listen)
    loudest = max(abs(decode(path)[0]).max() for path in files)
    typer.echo(f"look:   {corpus} (load_dataset reads it), {transcripts / TRANSCRIPTS_FOLDER / 'srt'}, {errors}")
    typer.echo(f"open:   {corpus / REPORT_KEY}, {books / BOOKS_REPORT_KEY}")
    typer.echo(
        f"listen: {files[0]} and {len(files) - 1} more in {output / 'listen'} (peak {loudest:.2f}), "
        f"{books / BOOK.stem / BOOK.stem}.m4b"
    )


def _run(job: str, *arguments: str | Path) -> None:
    command = [sys.executable, str(ROOT / "jobs" / job), *map(str, arguments)]
    subprocess.run(command, check=True)  # noqa: S603 - our own job


if __name__ == "__main__":
    run_app(app)

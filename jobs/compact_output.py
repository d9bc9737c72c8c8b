"""Join the many parts of a finished job into a few large files. ``python jobs/compact_output.py --help``."""

if __name__ == "__main__":  # ends in a sentence where a dependency is missing
    __import__("jobs.requirements" if __package__ else "requirements")

from typing import Annotated

import typer

from cluster.output import compact
from jobs.console import run_app

app = typer.Typer(help=__doc__, add_completion=False, pretty_exceptions_enable=False)


@app.command()
def compact_output(
    output: Annotated[str, typer.Argument(help="What synthesize_corpus or transcribe_dataset wrote: folder or URI.")],
    rows_per_file: Annotated[int, typer.Option(min=1, help="Rows in a file.")] = 10_000,
) -> None:
    """Replace the parts of a finished job by files of many rows, named as the Hugging Face hub likes them.

    The job stays finished: what reads its output reads it as before. Interrupted, run the command again.
    """
    typer.echo(f"{len(compact(output, rows_per_file))} files in {output}")


if __name__ == "__main__":
    run_app(app)

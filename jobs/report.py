"""Make the page about a job's output, to look at and to listen to. ``python jobs/report.py --help``."""

if __name__ == "__main__":  # ends in a sentence where a dependency is missing
    __import__("jobs.requirements" if __package__ else "requirements")

from typing import Annotated

import typer

from cluster.media import MediaReader
from cluster.storage import open_store, split_uri
from jobs.console import run_app
from reports import REPORT_KEY, report_link, write_report

app = typer.Typer(help=__doc__, add_completion=False, pretty_exceptions_enable=False)


@app.command()
def report(
    output: Annotated[str, typer.Argument(help="What synthesize_corpus or transcribe_dataset wrote: folder or URI.")],
    to: Annotated[str | None, typer.Option(help="The page: file or URI. Default: __report/report.html in the output.")] = None,
    title: Annotated[str | None, typer.Option(help="Of the page. Default: the output's name.")] = None,
    recordings: Annotated[
        str | None,
        typer.Option(help="Folder or URI of what was transcribed: with it the page plays what a row's path names in it."),
    ] = None,
) -> None:
    """Write the page, of a job that runs, stopped or is finished; print its link."""
    found = open_store(output)
    store, key = (found, REPORT_KEY) if to is None else split_uri(to)
    media = None
    if recordings is not None:
        root = open_store(recordings)
        media = MediaReader((root,), root)
    typer.echo(report_link(store, write_report(found, store, key, title=title, media=media)))


if __name__ == "__main__":
    run_app(app)

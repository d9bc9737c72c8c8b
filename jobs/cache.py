"""Look at a row cache, and keep it small: ``python jobs/cache.py --help``."""

if __name__ == "__main__":  # ends in a sentence where a dependency is missing
    __import__("jobs.requirements" if __package__ else "requirements")

from typing import Annotated

import typer

from actors.errors import UsageError
from cluster.row_cache import RowCache
from cluster.storage import open_store
from jobs.console import run_app
from jobs.sizes import parse_size, parse_span, say_size

app = typer.Typer(help="Look at a row cache, and keep it small.", no_args_is_help=True)

Cache = Annotated[str, typer.Option("--cache", help="The cache: a folder, s3:// or gs:// URI.")]


@app.command()
def info(cache: Cache) -> None:
    """Say how many rows a cache holds, and when the longest unused one was used."""
    found = RowCache(open_store(cache)).measure()
    typer.echo(f"{found.rows:,} rows, {say_size(found.size)}")
    if found.oldest:
        typer.echo(f"the longest unused one was used at {found.oldest:%Y-%m-%d %H:%M} UTC")


@app.command("gc")
def collect_garbage(
    cache: Cache,
    max_size: Annotated[str | None, typer.Option(help="How much may stay, as 50GB: the longest unused rows go.")] = None,
    unused_for: Annotated[str | None, typer.Option(help="What was not used for so long goes, as 30d.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Delete the rows that were not used for longest. Jobs may run meanwhile: they make again what they miss."""
    if max_size is None and unused_for is None:
        raise UsageError("nothing says what may go: give --max-size, --unused-for or both")
    done = RowCache(open_store(cache)).collect_garbage(
        max_bytes=None if max_size is None else parse_size(max_size, "--max-size"),
        unused_for_s=None if unused_for is None else parse_span(unused_for, "--unused-for"),
        dry_run=dry_run,
    )
    typer.echo(f"{'would remove' if dry_run else 'removed'} {done.deleted_rows:,} rows, {say_size(done.deleted_size)}")
    typer.echo(f"{done.rows:,} rows, {say_size(done.size)} {'would be' if dry_run else 'are'} left")


if __name__ == "__main__":
    run_app(app)

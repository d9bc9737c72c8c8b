"""Publish, list, show, load and remove model bundles: ``python jobs/registry.py --help``."""

if __name__ == "__main__":  # ends in a sentence where a dependency is missing
    __import__("jobs.requirements" if __package__ else "requirements")

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

import typer

from actors.bundle import Manifest
from cluster import hub, registry
from jobs.console import EXIT_FAILED_ROWS, run_app

app = typer.Typer(help="Publish, list, show, load and remove model bundles.", no_args_is_help=True)

Registry = Annotated[
    str | None,
    typer.Option(
        "--registry",
        envvar=registry.REGISTRY_VARIABLE,
        show_default=False,
        help="Root of the registry: a folder, s3:// or gs:// URI. To publish, hf://org/repo too.",
    ),
]
Reference = Annotated[
    str, typer.Argument(help="name, name@tag, name@sha256:…, <registry>/name@tag, a folder, hf://org/repo or embedded.")
]


@app.command()
def publish(
    folder: Annotated[str, typer.Argument(help="The bundle's folder, or 'embedded' for the one that ships with us.")],
    root: Registry = None,
    tag: Annotated[str, typer.Option(help="The tag to set.")] = registry.LATEST,
    repair: Annotated[bool, typer.Option("--repair", help="Send every file again, to replace corrupt ones.")] = False,
) -> None:
    """Publish a bundle and print its pinned name."""
    typer.echo(registry.publish(folder, root, tag, repair=repair))


@app.command("list")
def list_bundles(root: Registry = None) -> None:
    """List the bundles of a registry."""
    rows = [("BUNDLE", "TAGS", "FAMILY", "PRECISION", "SIZE")]
    for item in registry.list_published(root):
        family, precision = (item.manifest.family, item.manifest.precision) if item.manifest else ("(corrupt)", "-")
        rows.append((item.reference, ",".join(item.tags) or "-", family, precision, _megabytes(item.size)))
    _echo_table(rows)


@app.command()
def show(reference: Reference, root: Registry = None) -> None:
    """Show what a bundle is, and how its graphs compared with PyTorch."""
    pinned, manifest = registry.describe(reference, root)
    _echo_table([("bundle", pinned.reference), *_facts(manifest)])
    _echo_section("FILE", "SIZE", rows=[(name, _megabytes(entry.size)) for name, entry in manifest.files.items()])
    _echo_section(
        "CHECK",
        "CASE",
        "METRIC",
        "VALUE",
        "BOUND",
        rows=[(c.graph, c.case, c.metric, hub.measured(c), hub.bound(c)) for c in manifest.checks],
    )


@app.command("rm")
def remove(
    reference: Annotated[str, typer.Argument(help="name@tag (the bundle stays) or name@sha256:<hex>.")],
    root: Registry = None,
    force: Annotated[bool, typer.Option("--force", help="Remove a bundle with the tags that name it.")] = False,
) -> None:
    """Remove a tag, or a bundle that no tag names."""
    registry.remove(reference, root, force=force)


@app.command("gc")
def collect_garbage(
    root: Registry = None,
    older_than_hours: Annotated[float, typer.Option(min=0, help="Leave alone what was written to since.")] = 24.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Remove bundles that no tag names, and what publishes that died left behind."""
    garbage = registry.collect_garbage(root, older_than=timedelta(hours=older_than_hours), dry_run=dry_run)
    for item in garbage:
        kind = "untagged" if item.complete else "unfinished"
        typer.echo(f"{item.name}@{item.digest}  {kind}  {_megabytes(item.size)}")
    total = _megabytes(sum(item.size for item in garbage))
    typer.echo(f"{'would remove' if dry_run else 'removed'} {len(garbage)} bundles, {total}")


@app.command()
def prefetch(
    reference: Reference,
    root: Registry = None,
    ray_address: Annotated[str | None, typer.Option(help="A running cluster; default: RAY_ADDRESS.")] = None,
) -> int:
    """Load a bundle onto every node of a Ray cluster that is there now, so that no worker has to wait for it.

    Exit code: 1 if it cannot be loaded onto some node.
    """
    from cluster.nodes import alive_nodes, ask
    from cluster.ray_pool import connected

    pinned = registry.resolve(reference, root)
    with connected(ray_address):
        nodes = [node for node in alive_nodes() if node.resources.get("CPU") or node.resources.get("GPU")]
        answers = ask(nodes, _seconds_to_fetch, pinned)
    failed = {node.name: answer for node, answer in answers.items() if isinstance(answer, Exception)}
    rows = [(node.name, f"failed: {answer}" if node.name in failed else f"{answer:.1f} s") for node, answer in answers.items()]
    _echo_table([("NODE", pinned.reference), *rows])
    return EXIT_FAILED_ROWS if failed else 0


def _seconds_to_fetch(pinned: registry.Pinned) -> float:
    started = time.monotonic()
    registry.fetch(pinned)
    return time.monotonic() - started


def _facts(manifest: Manifest) -> list[tuple[str, str]]:
    source = manifest.source
    return [
        ("family", manifest.family),
        ("precision", manifest.precision),
        ("layout", manifest.layout),
        ("sample rate", f"{manifest.sample_rate} Hz"),
        ("voices", ", ".join(manifest.voices) or "none"),
        ("graphs", ", ".join(f"{name} ({graph.precision})" for name, graph in manifest.graphs.items())),
        ("source", " ".join(part for part in (source.repo, source.revision) if part)),
        ("licence", source.licence or "not recorded"),
        ("built with", ", ".join(f"{tool} {version}" for tool, version in manifest.tools.items())),
    ]


def _echo_section(*header: str, rows: Sequence[tuple[str, ...]]) -> None:
    if rows:
        typer.echo()
        _echo_table([header, *rows])


def _echo_table(rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows in aligned columns, never cut: references are there to be copied."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


if __name__ == "__main__":
    run_app(app)

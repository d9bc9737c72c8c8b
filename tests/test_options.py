"""The pages have the options that the jobs have."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.main import get_command

from docs import options
from jobs.cli import JOBS

PAGES = "".join(page.read_text() for page in options.DOCS.glob("*.md"))


def test_the_pages_are_up_to_date() -> None:
    options.main(["--check"])


@pytest.mark.parametrize("module", [job.module for job in JOBS.values()])
def test_every_jobs_options_are_on_a_page(module: str) -> None:
    command = get_command(__import__(f"jobs.{module}", fromlist=["app"]).app)
    names = [f" {name}" for name in getattr(command, "commands", {})] or [""]
    assert [name for name in names if f"<!-- options {module}{name} -->" not in PAGES] == []


def test_a_page_with_other_options_is_named_and_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "DOCS", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- options extract_audio -->\nold\n<!-- /options -->\nb\n")
    with pytest.raises(SystemExit, match=r"page\.md .* make docs"):
        options.main(["--check"])
    options.main([])
    assert re.fullmatch(r"a\n<!-- options extract_audio -->\n\| Option .*<!-- /options -->\nb\n", page.read_text(), re.DOTALL)
    assert "| `--limit` | `100` | At most this many. |\n" in page.read_text()
    assert "| `CORPUS` | required | What synthesize_corpus wrote: folder or URI. |\n" in page.read_text()
    options.main(["--check"])


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


def test_choices_environment_and_marks_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer()

    @app.command()
    def command(
        colour: Annotated[list[Colour] | None, typer.Option(help="A or|and b.")] = None,
        root: Annotated[str | None, typer.Option(envvar="ROOT", help="The <root>.")] = None,
        quick: Annotated[bool, typer.Option("--quick/--slow")] = True,
    ) -> None:
        pass

    monkeypatch.setattr(options, "import_module", lambda _: type("Module", (), {"app": app}))
    assert options.table("any").splitlines()[2:] == [
        "| `--colour` |  | A or\\|and b. One of `red`, `blue`. |",
        "| `--root` |  | The \\<root>. Else `ROOT`. |",
        "| `--quick`, `--slow` | `--quick` |  |",
    ]

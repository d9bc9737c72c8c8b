"""Every family of the table is whole: what each part of the house needs of it is there."""

from pathlib import Path
from typing import get_args

import pytest
import typer
from pydantic import TypeAdapter

from actors.bundle import FamilyName
from actors.families import FAMILIES, known_families
from actors.families.family import Task
from jobs import export_models

ROOT = Path(__file__).parents[2]


def test_every_room_is_in_the_table() -> None:
    rooms = {path.parent.name.replace("_", "-") for path in (ROOT / "actors" / "families").glob("*/__init__.py")}
    assert set(FAMILIES) == rooms
    assert known_families() == sorted(FAMILIES)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_complete(name: str) -> None:
    exporters = pytest.importorskip("exporter.families", reason="exporting needs the 'export' extra")
    family = FAMILIES[name]
    assert family.name == name
    assert family.task in get_args(Task)
    assert family.int8_gain
    assert TypeAdapter(FamilyName).validate_python(name) == name
    assert name in exporters.EXPORTERS
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    assert any(f"--family {name}" in page.read_text(encoding="utf-8") for page in pages)


def test_the_command_line_offers_every_family() -> None:
    with pytest.raises(typer.TyperException) as caught:
        export_models.app(["--family", "kokoro", "--checkpoint", "x", "--name", "x"], standalone_mode=False)
    assert f"'kokoro' is not one of {', '.join(map(repr, sorted(FAMILIES)))}." in caught.value.format_message()


def test_nothing_is_exported_that_cannot_run() -> None:
    exporters = pytest.importorskip("exporter.families", reason="exporting needs the 'export' extra")
    assert exporters.EXPORTERS.keys() == FAMILIES.keys()

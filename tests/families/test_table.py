"""Every family of the table is whole: what each part of the house needs of it is there."""

import re
from pathlib import Path
from typing import get_args

import pytest
import typer
from pydantic import TypeAdapter

from actors.bundle import FamilyName
from actors.families import FAMILIES, known_families
from actors.families.family import Task
from benchmarks.sizing import SPEEDS, column_of
from jobs import export_models

ROOT = Path(__file__).parents[2]
# Of docs/performance.md, and how docs/processors.md calls the family.
SPEED_TABLES = {
    "pocket-tts": ("pocket_speed", "PocketTTS"),
    "soprano": ("soprano_speed", "Soprano"),
    "vibevoice-asr": ("transcription_speed", "VibeVoice-ASR"),
    "vibevoice-realtime": ("vibevoice_speed", "VibeVoice-Realtime"),
    "whisper": ("whisper_base_long", "Whisper"),
}

WITHOUT_AVX2 = {"whisper"}  # what was measured on processors with VNNI only


def gain(table: str, kernels: str) -> float:
    """Return how many times as fast as fp32 int8 is in one process with the most slots, by a table of docs/performance.md."""
    _, cells = column_of(table, kernels, SPEEDS.read_text(encoding="utf-8"))
    speeds = {
        (ours[1], int(ours[2])): float(cell.split()[0])
        for name, cell in cells.items()
        if (ours := re.fullmatch(r"Speechmill (\w+), (\d+) slots", name))
    }
    most = max(slots for _, slots in speeds)
    return speeds["int8", most] / speeds["fp32", most]


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
    assert bool(family.int8_gain) == (name not in WITHOUT_AVX2)
    assert TypeAdapter(FamilyName).validate_python(name) == name
    assert name in exporters.EXPORTERS
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    assert any(f"--family {name}" in page.read_text(encoding="utf-8") for page in pages)


@pytest.mark.parametrize("name", FAMILIES)
def test_what_int8_is_worth_is_what_was_measured(name: str) -> None:
    table, title = SPEED_TABLES[name]
    page = (ROOT / "docs" / "processors.md").read_text(encoding="utf-8")
    row = re.search(rf"^\| {title} \| ([\d.]*) \| ([\d.]+) \|$", page, re.MULTILINE)
    assert row
    assert FAMILIES[name].int8_gain == ({"avx2": float(row[1])} if row[1] else {})
    if row[1]:
        assert float(row[1]) == pytest.approx(gain(table, "avx2"), rel=0.02)
    assert float(row[2]) == pytest.approx(gain(table, "VNNI"), rel=0.02)


def test_the_command_line_offers_every_family() -> None:
    with pytest.raises(typer.TyperException) as caught:
        export_models.app(["--family", "kokoro", "--checkpoint", "x", "--name", "x"], standalone_mode=False)
    assert f"'kokoro' is not one of {', '.join(map(repr, sorted(FAMILIES)))}." in caught.value.format_message()


def test_nothing_is_exported_that_cannot_run() -> None:
    exporters = pytest.importorskip("exporter.families", reason="exporting needs the 'export' extra")
    assert exporters.EXPORTERS.keys() == FAMILIES.keys()

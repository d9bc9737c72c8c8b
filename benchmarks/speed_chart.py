"""Draws ``docs/speed.svg`` from the tables of ``docs/performance.md``: how many times as fast as the best peer we are."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from benchmarks.sizing import FAMILIES, SPEEDS, column_of

PICTURE = Path(__file__).parent.parent / "docs" / "speed.svg"
KERNELS = "VNNI"  # the kind of processor that every family has its peers measured on

_WIDTH, _LEFT, _RIGHT = 720, 180, 240  # of the picture, of the names, of the last label
_BAR, _GAP, _TOP = 16, 18, 46
_COLOURS = {"peer": "#9aa0a6", "fp32": "#74a9cf", "int8": "#0570b0"}


@dataclass(frozen=True)
class Bar:
    """One side of a comparison: ``ratio`` to the best peer, ``speed`` in audio seconds a second."""

    kind: str
    name: str
    ratio: float
    speed: float


def bars(table: str, page: str) -> list[Bar]:
    """Return the best peer, and our best in each precision."""
    _, cells = column_of(table, KERNELS, page)
    found: dict[str, Bar] = {}
    for name, cell in cells.items():
        speed, ratio = map(float, re.findall(r"[\d.]+", cell))
        ours = re.match(r"Speechmill (\w+),", name)
        kind = ours[1] if ours else "peer"
        if kind not in found or speed > found[kind].speed:
            found[kind] = Bar(kind, f"Speechmill {kind}" if ours else name, ratio, speed)
    return [found[kind] for kind in _COLOURS if kind in found]


def draw(page: str) -> str:
    """Return the picture as SVG."""
    groups = {family.name: bars(family.table, page) for family in FAMILIES}
    scale = (_WIDTH - _LEFT - _RIGHT) / max(bar.ratio for group in groups.values() for bar in group)
    height = _TOP + sum(len(group) * _BAR + _GAP for group in groups.values())
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="24" font-size="14">Times as fast as the best peer, two cores of {_processor(page)}</text>',
        *_groups(groups, scale),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _groups(groups: dict[str, list[Bar]], scale: float) -> Iterator[str]:
    y = _TOP
    for name, group in groups.items():
        yield f'<text x="12" y="{y + 12}">{escape(name)}</text>'
        for bar in group:
            width = round(bar.ratio * scale, 1)
            label = f"{bar.ratio:.1f}: {bar.name}, {bar.speed:g} x real time"
            yield f'<rect x="{_LEFT}" y="{y + 2}" width="{width}" height="{_BAR - 3}" fill="{_COLOURS[bar.kind]}"/>'
            yield f'<text x="{_LEFT + width + 5}" y="{y + 13}" font-size="11">{escape(label)}</text>'
            y += _BAR
        y += _GAP


def _processor(page: str) -> str:
    found = re.search(rf"\| ([^|]+) \({KERNELS}\), \d+ threads", page)
    return escape(found[1]) if found else KERNELS


def main() -> None:
    """Write the picture."""
    PICTURE.write_text(draw(SPEEDS.read_text()))


if __name__ == "__main__":
    main()

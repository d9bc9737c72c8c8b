"""The picture is what docs/performance.md gives."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import speed_chart as chart

ROOT = Path(__file__).parents[2]


def test_the_picture_is_up_to_date() -> None:
    assert chart.PICTURE.read_text() == chart.draw(chart.SPEEDS.read_text()), "run python -m benchmarks.speed_chart"


def test_bars_are_as_long_as_we_are_faster() -> None:
    page = chart.SPEEDS.read_text()
    peer, fp32, int8 = chart.bars("soprano_speed", page)
    assert (peer.kind, peer.ratio, fp32.kind, int8.kind) == ("peer", 1.0, "fp32", "int8")
    widths = [float(width) for width in re.findall(r'width="([\d.]+)" height="13"', chart.draw(page))]
    assert widths[2] / widths[0] == pytest.approx(int8.ratio, rel=0.01)


def test_it_is_xml_and_nothing_leaves_it() -> None:
    root = ElementTree.fromstring(chart.draw(chart.SPEEDS.read_text()))  # noqa: S314 - our own
    _, _, width, height = map(int, root.attrib["viewBox"].split())
    for bar in root.iter("{http://www.w3.org/2000/svg}rect"):
        assert float(bar.get("x", 0)) + float(bar.attrib["width"]) <= width
        assert float(bar.get("y", 0)) + float(bar.attrib["height"]) <= height

"""Charts as inline SVG, drawn by matplotlib, whose colours are classes of the page: they follow its light and dark.

Only what writes a page imports this module: matplotlib is slow to load.
"""

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from lxml import etree
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

# Colours that stand for classes of the page's style sheet.
_ROLES = {"#010203": "ink", "#010204": "muted", "#010205": "grid", "#010206": "accent", "#010207": "soft"}
_MUTED, _GRID, _ACCENT, _SOFT = "#010204", "#010205", "#010206", "#010207"
_STYLE = {"svg.fonttype": "none", "svg.hashsalt": "speechmill", "font.size": 10, "path.simplify_threshold": 1.0}
_INCHES = (5.0, 1.9)  # 72 points, which are pixels, each
_PADDING = {"left": 0.09, "right": 0.97, "top": 0.95, "bottom": 0.15}
_BINS = 28
_TAIL = 1.0  # per cent of the values at either end that may lie outside
_FONT_SIZE = re.compile(r"([\d.]{1,8})px")
_KEPT = frozenset({"stroke-width", "stroke-linecap", "stroke-linejoin", "stroke-dasharray", "text-anchor", "opacity"})
_SVG = "{http://www.w3.org/2000/svg}"

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Chart:
    """A chart: its title, the unit of what it counts, the SVG, and what it says in a sentence."""

    title: str
    unit: str
    svg: str
    says: str


def histogram(title: str, unit: str, values: Values, digits: int = 1, nothing: str = "nothing was measured") -> Chart:
    """Draw how often values occur. The outermost per cent at either end is in the bars at the ends."""
    values = values[np.isfinite(values)]
    if not len(values):
        return Chart(title, unit, "", nothing)
    low, middle, high = (float(value) for value in np.percentile(values, [5, 50, 95]))
    left, right = (float(value) for value in np.percentile(values, [_TAIL, 100 - _TAIL]))
    if right - left < 1e-9:
        left, right = left - 0.5, right + 0.5
    counts, edges = np.histogram(np.clip(values, left, right), bins=min(_BINS, max(8, len(values) // 2)), range=(left, right))
    figure, axes = _axes()
    axes.bar(edges[:-1], counts, np.diff(edges) * 0.86, align="edge", color=_ACCENT, linewidth=0)
    axes.axvline(middle, color=_MUTED, linewidth=1, dashes=(3, 2))
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    says = f"{len(values):,} values: median {middle:,.{digits}f}, 5 % below {low:,.{digits}f}, 5 % above {high:,.{digits}f}"
    return Chart(title, unit, _svg(figure), says.replace("-", "\u2212"))


def line(title: str, unit: str, seconds: Sequence[float], values: Sequence[float], says: str) -> Chart:
    """Draw what was measured in each stretch of time: ``seconds`` are the borders between the values."""
    scale, name = next((s, n) for s, n, most in _TIMES if seconds[-1] <= most)
    figure, axes = _axes()
    axes.stairs(values, np.array(seconds) / scale, color=_SOFT, fill=True)
    axes.stairs(values, np.array(seconds) / scale, color=_ACCENT, linewidth=1.5, baseline=None)
    axes.set_ylim(0, max(values) * 1.1 or 1)
    axes.set_xlim(0, seconds[-1] / scale)
    axes.yaxis.set_major_locator(MaxNLocator(3))
    return Chart(title, f"{unit}, by {name}", _svg(figure), says)


_TIMES = ((1.0, "seconds", 180.0), (60.0, "minutes", 10_800.0), (3600.0, "hours", 259_200.0), (86_400.0, "days", math.inf))


def _axes() -> tuple[Figure, Axes]:
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=_INCHES)
        FigureCanvasSVG(figure)
        figure.subplots_adjust(**_PADDING)
        axes = figure.add_subplot()
    axes.patch.set_visible(False)
    figure.patch.set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=_GRID, linewidth=1)
    axes.tick_params(length=0, labelcolor=_MUTED, pad=5)
    axes.xaxis.label.set_color(_MUTED)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    for side in ("left", "top", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_GRID)
    return figure, axes


def _svg(figure: Figure) -> str:
    """Return a figure without styles of its own, which the page's policy forbids, and without names, which may be others'."""
    buffer = io.BytesIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    root = etree.fromstring(buffer.getvalue(), etree.XMLParser(remove_comments=True, remove_blank_text=True))
    for tag in ("metadata", "style"):
        for found in list(root.iter(_SVG + tag)):
            found.getparent().remove(found)
    for clip in list(root.iter(_SVG + "clipPath")):
        clip.getparent().remove(clip)
    for element in root.iter():
        _restyle(element)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("aria-hidden", "true")
    root.set("focusable", "false")
    return str(etree.tostring(root, encoding="unicode"))


def _restyle(element: "etree._Element") -> None:
    for name in ("id", "clip-path"):
        element.attrib.pop(name, None)
    classes = []
    for entry in element.attrib.pop("style", "").split(";"):
        name, _, value = (part.strip() for part in entry.partition(":"))
        if name in ("fill", "stroke"):
            classes.append(f"{name}-{_ROLES.get(value, 'none' if value == 'none' else 'ink')}")
        elif name in ("font", "font-size") and (size := _FONT_SIZE.search(value)):
            element.set("font-size", size[1])
        elif name in _KEPT:
            element.set(name, value)
    if classes:
        element.set("class", " ".join(classes))

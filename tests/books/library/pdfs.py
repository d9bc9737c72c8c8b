# ruff: noqa: E501 (objects as they stand in files)
"""Small PDFs, written by hand: text at places, outlines, locked ones."""

from collections.abc import Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 420, 600
LEADING = 14
TOP = 520


class Text(NamedTuple):
    """A line at a place, in points from the lower left; ``font`` is ``F1`` for Helvetica, ``F2`` for bold."""

    text: str
    x: float
    y: float
    size: float = 11
    font: str = "F1"


def lines(texts: Sequence[str], x: float = 50, top: float = TOP, size: float = 11, indent: float = 0) -> list[Text]:
    """Set lines below each other; the first is indented."""
    return [Text(text, x + indent * (number == 0), top - number * LEADING, size) for number, text in enumerate(texts)]


def pdf(
    pages: Sequence[Sequence[Text]], outline: Sequence[tuple[str, int, int, float]] = (), info: str = "", trailer: str = ""
) -> bytes:
    """Return a PDF; ``outline`` has titles, levels (0 or 1), pages and places."""
    first_page = 5
    kids = " ".join(f"{first_page + 2 * number} 0 R" for number in range(len(pages)))
    entries = first_page + 2 * len(pages)
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R {f'/Outlines {entries} 0 R' if outline else ''} >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>",
    ]
    for number, page in enumerate(pages):
        stream = "\n".join(f"BT /{t.font} {t.size} Tf {t.x} {t.y} Td ({_escaped(t.text)}) Tj ET" for t in page)
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] /Contents {first_page + 2 * number + 1} 0 R "
            "/Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>"
        )
        objects.append(f"<< /Length {len(stream.encode('cp1252'))} >>\nstream\n{stream}\nendstream")
    objects += _outline(outline, entries, first_page)
    objects.append(f"<< {info} >>")
    return _written(objects, trailer)


def _outline(outline: Sequence[tuple[str, int, int, float]], root: int, first_page: int) -> list[str]:
    """Return an outline's objects: entries of level 1 are children of the entry of level 0 before them."""
    if not outline:
        return []
    ids = [root + 1 + number for number in range(len(outline))]
    parents = []
    for number, (_, level, _, _) in enumerate(outline):
        parents.append(root if level == 0 else next(ids[n] for n in range(number, -1, -1) if outline[n][1] == 0))
    objects = []
    for key in (root, *ids):
        children = [child for child, parent in zip(ids, parents, strict=True) if parent == key]
        links = f"/First {children[0]} 0 R /Last {children[-1]} 0 R /Count {len(children)}" if children else ""
        if key == root:
            objects.append(f"<< /Type /Outlines {links} >>")
            continue
        title, _, page, place = outline[key - root - 1]
        siblings = [child for child, parent in zip(ids, parents, strict=True) if parent == parents[key - root - 1]]
        at = siblings.index(key)
        links += f" /Prev {siblings[at - 1]} 0 R" if at else ""
        links += f" /Next {siblings[at + 1]} 0 R" if at + 1 < len(siblings) else ""
        objects.append(
            f"<< /Title ({_escaped(title)}) /Parent {parents[key - root - 1]} 0 R {links} /Dest [{first_page + 2 * page} 0 R /XYZ 0 {place} 0] >>"
        )
    return objects


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def _written(objects: Sequence[str], trailer: str) -> bytes:
    content = b"%PDF-1.4\n"
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(content))
        content += f"{number} 0 obj\n{body}\nendobj\n".encode("cp1252")
    start = len(content)
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    content += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}".encode()
    return (
        content
        + (
            f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R /Info {len(objects)} 0 R {trailer} >>\nstartxref\n{start}\n%%EOF\n"
        ).encode()
    )

"""A PDF's page as lines of text, in reading order: columns one after the other."""

import ctypes
import statistics
import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pypdfium2
from pypdfium2 import raw

_MOST_CHARACTERS = 60_000  # of a page: as many as a page of the smallest type has, several times over
_MOST_PIECES = 2_000  # of a page: they are compared with each other
_CUT = "\u00ad"  # at a line's end: the word goes on
_HYPHEN = 0x2D
_HYPHENS = {"-", "\x02", "\ufffe", _CUT}  # PDFium says the second or third for a hyphen where a word is cut
_GAP = 1.3  # em between two columns, or two cells
_RAISED = 0.78  # of its line's size: a number that is a note's
_MARKS = set("*†‡§0123456789⁰¹²³⁴⁵⁶⁷⁸⁹")
_LONGEST_MARK = 8  # characters
_COLUMNS = 4  # times that a page is parted
_FEWEST_PIECES = 8  # of a page in columns
_MOST_CROSSING = 0.25  # of the pieces of a page in columns: heads that stand across them
_TRIES = 40  # places where a page may be parted
_LONG = 18  # characters: a line of a column, and not a cell
_FEWEST_LINE_NUMBERS = 10  # of a page
_ALIGNED = 6  # points


@dataclass(frozen=True)
class Line:
    """A line of a page, or of one of its columns; lengths in points, from the page's lower left.

    Attributes:
        text: of it; a soft hyphen at its end says that a word is cut.
        left, right, bottom, top: what it covers.
        size: of most of its type.
        is_bold: whether all of it is.
        page: its number, from 0.
        height: of the page.
        column: its number on the page, counted in reading order.
    """

    text: str
    left: float
    right: float
    bottom: float
    top: float
    size: float
    is_bold: bool
    page: int
    height: float
    column: int = 0


class _Glyph(NamedTuple):
    text: str
    left: float
    right: float
    bottom: float
    top: float
    size: float
    place: int


def lines_of(page: pypdfium2.PdfPage, number: int) -> tuple[list[Line], int]:
    """Return a page's lines in reading order, and how many characters were looked at; what is turned on its side is left out.

    Raises:
        PdfiumError: the page is damaged.
    """
    text_page = page.get_textpage()
    try:
        count = min(raw.FPDFText_CountChars(text_page), _MOST_CHARACTERS)
        pieces = [_line(text_page, glyphs, number, page.get_height()) for glyphs in _runs(text_page, count)]
        pieces = [piece for piece in pieces if piece.text.strip(f" {_CUT}")][:_MOST_PIECES]
        return list(_in_order(_without_line_numbers(pieces))), count
    finally:
        text_page.close()


def _runs(page: Any, count: int) -> Iterator[list[_Glyph]]:
    """Yield glyphs that follow one another on a baseline without a gap as wide as that between columns."""
    run: list[_Glyph] = []
    box, origin = raw.FS_RECTF(), (ctypes.c_double(), ctypes.c_double())
    for index in range(count):
        code = raw.FPDFText_GetUnicode(page, index)
        text = chr(code)
        if text in _HYPHENS and (code != _HYPHEN or raw.FPDFText_IsHyphen(page, index) == 1):
            text = _CUT
        if text in "\r\n":
            if run:
                yield run
            run = []
            continue
        if not raw.FPDFText_GetLooseCharBox(page, index, box) or not raw.FPDFText_GetCharOrigin(page, index, *origin):
            continue
        size = raw.FPDFText_GetFontSize(page, index)
        size = max(abs(box.top - box.bottom) * 0.8, 1.0) if size <= 1.5 else size  # the matrix does the scaling
        glyph = _Glyph(text, box.left, box.right, origin[1].value, max(box.top, box.bottom), size, index)
        if run and _is_apart(run[-1], glyph):
            yield run
            run = []
        if text.isspace() and not run:
            continue
        run.append(glyph)
    if run:
        yield run


def _is_apart(last: _Glyph, glyph: _Glyph) -> bool:
    if glyph.text.isspace():
        return False
    em = max(last.size, glyph.size)
    return glyph.left - last.right > _GAP * em or last.left - glyph.right > em or abs(glyph.bottom - last.bottom) > 0.7 * em


def _line(page: Any, glyphs: Sequence[_Glyph], number: int, height: float) -> Line:
    while len(glyphs) > 1 and glyphs[-1].text.isspace():
        glyphs = glyphs[:-1]
    solid = [glyph for glyph in glyphs if not glyph.text.isspace()] or list(glyphs)
    size = statistics.median(glyph.size for glyph in solid)
    base = statistics.median(glyph.bottom for glyph in solid)
    kept = [glyph for place, glyph in enumerate(glyphs) if not _is_note_mark(glyphs, place, size, base)]
    text = unicodedata.normalize("NFC", "".join(_plain(glyph.text) for glyph in kept))
    return Line(
        text=" ".join(text.split()),
        left=min(glyph.left for glyph in solid),
        right=max(glyph.right for glyph in solid),
        bottom=base,
        top=max(glyph.top for glyph in solid),
        size=round(size, 1),
        is_bold=_is_bold(page, solid),
        page=number,
        height=height,
    )


def _plain(text: str) -> str:
    """Write ligatures as letters; nothing for signs of private fonts and controls."""
    if "\ufb00" <= text <= "\ufb06":
        return unicodedata.normalize("NFKC", text)
    return "" if unicodedata.category(text) in ("Co", "Cn", "Cc", "Cs") else text


def _is_note_mark(glyphs: Sequence[_Glyph], place: int, size: float, base: float) -> bool:
    """Tell a raised number behind a word, which is that of a note."""
    glyph = glyphs[place]
    if glyph.text not in _MARKS or glyph.size > _RAISED * size or glyph.bottom < base + 0.15 * size:
        return False
    before = place
    while before > max(0, place - _LONGEST_MARK) and glyphs[before].text in _MARKS and glyphs[before].size <= _RAISED * size:
        before -= 1
    return before < place and not glyphs[before].text.isdigit()


def _is_bold(page: Any, glyphs: Sequence[_Glyph]) -> bool:
    """Tell whether a line's first, middle and last glyph are of a bold font."""
    return all(_font_is_bold(page, glyphs[place].place) for place in {0, len(glyphs) // 2, len(glyphs) - 1})


def _font_is_bold(page: Any, index: int) -> bool:
    buffer, flags = ctypes.create_string_buffer(128), ctypes.c_int()
    raw.FPDFText_GetFontInfo(page, index, buffer, 128, flags)
    weight = raw.FPDFText_GetFontWeight(page, index)
    name = buffer.value.decode("utf-8", "replace").lower()
    return weight >= 600 or any(word in name for word in ("bold", "black", "heavy", "cmbx"))


def _without_line_numbers(pieces: Sequence[Line]) -> list[Line]:
    """Drop numbers below each other that count the lines of a page, as in proofs."""
    numbers = [piece for piece in pieces if piece.text.isdigit() and len(piece.text) < 3]
    edges = Counter(round(edge / _ALIGNED) for piece in numbers for edge in {piece.left, piece.right})
    most = max(edges.values(), default=0)
    if most < _FEWEST_LINE_NUMBERS or len({piece.text for piece in numbers}) < most:
        return list(pieces)
    dropped = {id(piece) for piece in numbers}
    return [piece for piece in pieces if id(piece) not in dropped]


def _in_order(pieces: Sequence[Line]) -> Iterator[Line]:
    """Yield pieces by columns, and glue together those on one baseline of a column."""
    for column, group in enumerate(_columns(pieces, _COLUMNS)):
        yield from (replace(line, column=column) for line in _glued(group))


def _columns(pieces: Sequence[Line], depth: int) -> Iterator[list[Line]]:
    """Yield what is read together: bands of a page that is set in columns, a column at a time."""
    gutter = _gutter(pieces) if depth else None
    if gutter is None:
        yield sorted(pieces, key=lambda piece: (-piece.bottom, piece.left))
        return
    across = sorted((piece for piece in pieces if piece.left < gutter < piece.right), key=lambda piece: -piece.bottom)
    rest = [piece for piece in pieces if not piece.left < gutter < piece.right]
    for head in [*across, None]:
        band = [piece for piece in rest if head is None or piece.bottom > head.bottom]
        rest = [piece for piece in rest if not (head is None or piece.bottom > head.bottom)]
        for side in ([p for p in band if p.right <= gutter], [p for p in band if p.left >= gutter]):
            if side:
                yield from _columns(side, depth - 1)
        if head is not None:
            yield [head]


def _gutter(pieces: Sequence[Line]) -> float | None:
    """Return where a page is parted in two columns: a place that few lines cross, with lines at both sides of it."""
    if len(pieces) < _FEWEST_PIECES:
        return None
    left, right = min(piece.left for piece in pieces), max(piece.right for piece in pieces)
    width = right - left
    lefts, rights = sorted(piece.left for piece in pieces), sorted(piece.right for piece in pieces)
    places = sorted({round(edge - 2) for edge in lefts if left + 0.2 * width < edge < right - 0.15 * width})
    found = []
    for place in places:
        before, behind = bisect_right(rights, place), len(pieces) - bisect_left(lefts, place)
        crossing = len(pieces) - before - behind
        if crossing <= _MOST_CROSSING * len(pieces) and min(before, behind) >= _FEWEST_PIECES / 2:
            found.append((crossing, -behind, place))
    best = (place for _, _, place in sorted(found)[:_TRIES] if _are_columns(pieces, place))
    return next(best, None)


def _are_columns(pieces: Sequence[Line], gutter: float) -> bool:
    """Tell columns of prose beside each other from cells of a table: most of their lines are long."""
    before = [piece for piece in pieces if piece.right <= gutter]
    behind = [piece for piece in pieces if piece.left >= gutter]
    low = max(min(p.bottom for p in before), min(p.bottom for p in behind))
    high = min(max(p.bottom for p in before), max(p.bottom for p in behind))
    if high <= low:
        return False
    return all(statistics.median(len(p.text) for p in side) >= _LONG for side in (before, behind))


def _glued(pieces: Sequence[Line]) -> Iterator[Line]:
    line: Line | None = None
    for piece in pieces:
        if line and abs(piece.bottom - line.bottom) < 0.4 * max(line.size, piece.size) and piece.left >= line.left:
            line = _together(line, piece)
            continue
        if line:
            yield line
        line = piece
    if line:
        yield line


def _together(line: Line, piece: Line) -> Line:
    space = "" if piece.left - line.right < 0.15 * line.size else " "
    return replace(
        line,
        text=line.text + space + piece.text,
        right=max(line.right, piece.right),
        top=max(line.top, piece.top),
        size=line.size if len(line.text) >= len(piece.text) else piece.size,
        is_bold=line.is_bold and piece.is_bold,
    )

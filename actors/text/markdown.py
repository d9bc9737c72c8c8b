# ruff: noqa: RUF001 (look-alike characters are listed on purpose)
"""Markdown read as text is meant: marks dropped; items, headings and rows of tables are paragraphs of their own.

Prose has signs too: those that CommonMark (https://spec.commonmark.org) takes for marks are left where people rarely mean one,
as in ``2*3*4``, ``[sic]`` or ``> 50 %``.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from actors.text.edits import Edit
from actors.text.inline import LABEL, inline_edits

_LINE_END = re.compile(r"\r?\n")
_ENDS_SENTENCE = re.compile(r"[.!?:;…。！？][\W_]{0,3}\Z")

# Where a link leads to and perhaps a title, as far as it cannot be prose.
_ADDRESS = (
    r"<?(?:[A-Za-z][A-Za-z0-9+.-]*+:|[/#.]|www\.|[\w-]++\.\w)\S*+"
    r"""(?:[ \t]++(?:"[^"]*+"|'[^']*+'|\([^()]*+\)))?[ \t]*+\Z"""
)
_BETWEEN_ROWS = r"(?=[^|+]*+[|+])(?=[^-]*+-)[-+|:= \t]{3,}+\Z"
_BLOCK = re.compile(
    r"[ \t\ufeff]*+(?:"
    r"(?P<blank>\Z)"
    r"|(?P<fence>`{3,}+[^`]*+\Z|~{3,}+[^~]*+\Z)"
    rf"|(?P<separator>{_BETWEEN_ROWS})"
    r"|(?P<rule>(?:[-*_=~][ \t]*+){3,}+\Z)"
    r"|(?P<underline>(?:==|--)[ \t]*+\Z)"
    r"|(?P<heading>(?:\#{1,6}+(?!\ of\b)(?:[ \t]++|\Z)|={2,6}+[ \t]*+(?=[^=]++={2,6}[ \t]*+\Z)))"
    rf"|(?P<definition>\[(?!\^){LABEL}\]:[ \t]*+{_ADDRESS})"
    r"|(?P<note>\[\^[^\]\s]{1,40}\]:[ \t]*+)"
    r"|(?P<quote>>(?![=:;_.<-])(?:[ \t]|>)*+)"
    r"|(?P<item>(?:[-*+](?:[ \t]++|\Z)|[•‣◦▪●○■□➢►][ \t]*+)(?:\[[ xX]\][ \t]++)?)"
    r"|(?P<task>\[[ xX]\][ \t]++)"
    r"|(?P<row>\|[ \t](?=.*[ \t]\|[ \t]*+\Z))"
    r")"
)
_DEFINITION = re.compile(rf"[ \t]*+\[(?!\^)({LABEL})\]:[ \t]*+{_ADDRESS}")
_QUOTE = re.compile(r"[ \t]*+>[ \t]?")
_IS_BETWEEN_ROWS = re.compile(r"[ \t]*+" + _BETWEEN_ROWS).match
_CELL = re.compile(r"(?:[^|\\]++|\\.)++|\\\Z")
_STOPS = frozenset(".,;:!?…")

_APART = frozenset(("blank", "rule"))  # kinds of lines that nothing needs to be parted from
_ENDED = frozenset(("heading", "row", "code"))  # and those that text does not go on from


class _Line(NamedTuple):
    """``text[start:end]``; the next one is from ``following`` on."""

    start: int
    end: int
    following: int


def markdown_edits(text: str) -> list[Edit]:
    """Return the edits that leave of Markdown what is read, without marks of references as in Wikipedia."""
    return _Blocks(text).edits()


class _Blocks:
    """Reads a text line by line."""

    def __init__(self, text: str) -> None:
        self._edits: list[Edit] = []
        self._text = text
        self._lines = list(_lines(text))
        self._labels = frozenset(self._defined()) if "]:" in text else frozenset()
        self._paragraph: tuple[int, int] | None = None  # the open one, as far as it was read
        self._before = "blank"  # the kind of the line before
        self._is_item = self._is_quoted = False  # what is before
        self._endless: set[str] = set()  # fences that none close

    def edits(self) -> list[Edit]:
        """Return those of the whole text."""
        index = 0
        while index < len(self._lines):
            index = self._read(index, self._lines[index].start)
        self._close()
        return sorted(self._edits)

    def _defined(self) -> Iterator[str]:
        """Yield the labels of links that are defined, in lower case."""
        for line in self._lines:
            if found := _DEFINITION.match(self._text, line.start, line.end):
                yield found[1].casefold()

    def _read(self, index: int, start: int) -> int:
        """Read a line from ``start`` on, behind the signs of a quote, and return the index of the next line."""
        line = self._lines[index]
        found = _BLOCK.match(self._text, start, line.end)
        kind = found.lastgroup if found else ""
        if not found or not self._is_meant(index, found):
            kind = "row" if self._is_row(index) else ""
            self._row(line, start) if kind else self._go_on(line, start)
        elif kind == "blank":
            self._close()
        elif kind == "fence":
            return self._fence(index, start, found[0].lstrip()[:3])
        elif kind == "quote":
            return self._quote(index, start, found.end())
        elif kind in ("rule", "underline"):
            kind = self._rule(line, start, is_sign=found[0].lstrip()[0] in "-=")
        elif kind == "heading":
            self._heading(line, start, found.end(), found["heading"][0])
        elif kind in ("definition", "separator"):
            self._leave_out(index, start)
            kind = self._before
        elif kind == "row":
            self._row(line, start)
        else:
            self._begin(line, start, found.end())
            self._is_item = kind == "item"
        self._before = kind or "text"
        return index + 1

    def _is_meant(self, index: int, found: re.Match[str]) -> bool:
        """Whether signs are marks. A line of prose may begin with one by chance, and so may what is calculated."""
        kind = found.lastgroup
        if kind == "underline":
            return self._paragraph is not None
        if kind not in ("quote", "item"):
            return True
        sign = self._text[found.start(kind)]
        if sign not in "-*+>" or (self._is_quoted if sign == ">" else self._is_item) or self._goes_on(index + 1, sign):
            return True
        if sign in "+>" and self._text[found.end() : found.end() + 1].isdigit():
            return False
        end = self._paragraph[1] if self._paragraph else 0
        return not end or bool(_ENDS_SENTENCE.search(self._text, max(0, end - 5), end))

    def _goes_on(self, index: int, sign: str) -> bool:
        """Whether a line, or the one behind it if it is blank, begins with a sign."""
        for line in self._lines[index : index + 2]:
            if text := self._text[line.start : min(line.end, line.start + 40)].strip(" \t" if sign == ">" else " \t>"):
                return text[0] == sign and (sign == ">" or text[1:2] == " ")
        return False

    def _is_row(self, index: int) -> bool:
        line = self._lines[index]
        if self._text.find("|", line.start, line.end) < 0:
            return False
        below = self._lines[index + 1] if index + 1 < len(self._lines) else line
        return self._before == "row" or bool(_IS_BETWEEN_ROWS(self._text, below.start, below.end))

    def _edit(self, start: int, end: int, text: str = "") -> None:
        self._edits.append(Edit(start, end, text))

    def _inline(self, start: int, end: int) -> None:
        self._edits += inline_edits(self._text, start, end, self._labels)

    def _close(self) -> None:
        """End the open paragraph."""
        if self._paragraph:
            self._inline(*self._paragraph)
        self._paragraph = None

    def _part(self) -> str:
        """End the open paragraph, and return what parts it from the next one."""
        self._close()
        return "" if self._before in _APART else "\n"

    def _begin(self, line: _Line, start: int, content: int) -> None:
        """Begin a paragraph behind the marks from ``start`` to ``content``."""
        self._edit(start, content, self._part())
        self._paragraph = content, line.end

    def _go_on(self, line: _Line, start: int) -> None:
        """Read a line of prose."""
        if self._before in _ENDED:
            self._edit(start, start, self._part())
        if self._before in _APART:
            self._is_item = self._is_quoted = False
        self._paragraph = self._paragraph[0] if self._paragraph else start, line.end

    def _leave_out(self, index: int, start: int) -> None:
        """Drop a line, and a blank one behind it if there is one before it."""
        self._close()
        line = self._lines[index]
        below = self._lines[index + 1] if index + 1 < len(self._lines) else line
        is_blank = self._before in _APART and not self._text[below.start : below.end].strip()
        self._edit(start, below.following if is_blank else line.following)

    def _rule(self, line: _Line, start: int, *, is_sign: bool) -> str:
        """Read a line that is drawn, and return its kind: under text it makes a heading of it."""
        if self._paragraph and is_sign:
            self._close()
            self._edit(start, line.following)
            return "heading"
        self._close()
        self._edit(start, line.end)
        return "rule"

    def _heading(self, line: _Line, start: int, content: int, sign: str) -> None:
        """Drop what is before a heading and behind it: ``# A heading #``, ``== A heading ==``."""
        self._edit(start, content, self._part())
        written = self._text[content : line.end].rstrip()
        bare = written.rstrip(sign)
        if sign == "#" and bare[-1:].strip():  # as in C#
            bare = written
        end = content + len(bare.rstrip())
        self._inline(content, end)
        self._edit(end, line.end)

    def _quote(self, index: int, start: int, content: int) -> int:
        """Read a line that is quoted, and return the index of the next one."""
        self._edit(start, content, "" if self._is_quoted else self._part())
        if not self._is_quoted:
            self._before = "blank"
        index = self._read(index, content)
        self._is_quoted = True
        return index

    def _fence(self, index: int, start: int, sign: str) -> int:
        """Drop both fences around code, and return the index of the line behind; without the other it is a drawn line."""
        line = self._lines[index]
        closing = self._closing(index + 1, sign)
        if closing is None:
            self._close()
            self._edit(start, line.end)
            self._before = "rule"
            return index + 1
        self._edit(start, line.following, self._part())
        for line in self._lines[index + 1 : closing]:
            if quote := _QUOTE.match(self._text, line.start, line.end):
                self._edit(*quote.span())
        self._edit(self._lines[closing].start, self._lines[closing].following)
        self._before = "code"
        return closing + 1

    def _closing(self, index: int, sign: str) -> int | None:
        if sign in self._endless:
            return None
        for other in range(index, len(self._lines)):
            line = self._lines[other]
            if self._text[line.start : line.end].lstrip(" \t>").startswith(sign):
                return other
        self._endless.add(sign)
        return None

    def _row(self, line: _Line, start: int) -> None:
        """Read a row of a table: its cells with commas between them."""
        between = self._part()
        for cell in _CELL.finditer(self._text, start, line.end):
            if not cell[0].strip():
                continue
            first = cell.start() + len(cell[0]) - len(cell[0].lstrip())
            last = cell.start() + len(cell[0].rstrip())
            self._edit(start, first, between)
            self._inline(first, last)
            start, between = last, " " if self._text[last - 1] in _STOPS else ", "
        self._edit(start, line.end)


def _lines(text: str) -> Iterator[_Line]:
    start = 0
    for found in _LINE_END.finditer(text):
        yield _Line(start, found.start(), found.end())
        start = found.end()
    if start < len(text):
        yield _Line(start, len(text), len(text))

"""Which lines of a text belong together, and what stands between those that do not.

Some texts have a line for a paragraph, some are wrapped at a column, some have lines that end where they are meant to, as
headings, lists, verse and chat. Marks, widths and capitals tell one from the other.
"""

import re
from collections.abc import Callable, Iterator
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple

# East Asian characters, which are two wide (UAX 11): hangul jamo, CJK to hangul syllables, compatibility and full-width forms.
WIDE = "\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6"
_WIDE = re.compile(f"[{WIDE}]")
_SCENE_BREAK = re.compile(r"[-*#~=_+\u2010-\u2015\u2022\u00b7\u2042\u2500\u25c6\u2726\u3000 \t]+")
# A bullet, a dash of dialogue, or a number and its mark.
_ITEM = re.compile(
    r"[*\u2022\u2023\u25e6\u00b7\u25aa+-]\s|[-\u2013\u2014\u2015]\s?(?=\S)"
    r"|[(\[]?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})[.)\]](?=\s)"
)
_ENDS_SENTENCE = re.compile(r"[.!?\u2026\u3002\uff01\uff1f\uff0e\u0964\u06d4\u061f:][\W_]*$")
_FIRST_WORD = re.compile(r"\S{1,40}")
_NOT_WORD = re.compile(r"[\W_]{0,8}")

_WRAPPED_FROM, _WRAPPED_TO = 40, 150  # widths of the columns that people wrap texts at
_FULL = 0.6  # a wrapped line's share of the widest one, at least


class Pause(IntEnum):
    """What stands behind a sentence, the longer pauses last.

    ``NONE`` and ``CLAUSE`` stand behind pieces of one that was too long: words, and a comma or its like.
    ``LINE`` is the end of a line that was meant to end: a heading, an item of a list, a verse.
    """

    NONE = 0
    CLAUSE = 1
    SENTENCE = 2
    LINE = 3
    PARAGRAPH = 4
    SECTION = 5


class Block(NamedTuple):
    """``text[start:end]``, of one line or of several that go on, without space around it; ``pause`` is what stands behind."""

    start: int
    end: int
    pause: Pause


class _Line(NamedTuple):
    start: int
    end: int
    text: str
    width: int

    @property
    def first(self) -> int:
        """Index of its first letter or digit in the text; of its end if it has none soon."""
        found = _NOT_WORD.match(self.text)
        return min(self.start + (found.end() if found else 0), self.end - 1)


def blocks(text: str, is_lower: Callable[[int], bool]) -> list[Block]:
    """Part a text where its lines are meant to end. Blank lines part paragraphs, two or a row of signs part sections.

    Args:
        text: with line breaks of any kind.
        is_lower: whether the word at an index of the text was written in lower case, which goes on with the one before.
    """
    parts: list[Block] = []
    for lines, pause in _paragraphs(text):
        if len(lines) == 1 and _SCENE_BREAK.fullmatch(lines[0].text):
            if parts:
                parts[-1] = parts[-1]._replace(pause=Pause.SECTION)
            continue
        start = lines[0].start
        for line in _last_lines(lines, is_lower):
            parts.append(Block(start, line.end, Pause.LINE))
            start = line.end
        parts.append(Block(start, lines[-1].end, pause))
    return [block._replace(start=_skip_space(text, block.start)) for block in parts]


def width(text: str) -> int:
    """Return the columns that a text takes on a screen; East Asian characters take two."""
    return len(text) if text.isascii() else len(text) + len(_WIDE.findall(text))


def _paragraphs(text: str) -> Iterator[tuple[list[_Line], Pause]]:
    """Yield the lines of each paragraph, and what stands behind it."""
    lines: list[_Line] = []
    blank = position = 0
    for raw in text.splitlines(keepends=True):
        line = raw.strip()
        start = position + len(raw) - len(raw.lstrip())
        position += len(raw)
        if not line:
            blank += 1
            continue
        if lines and blank:
            yield lines, Pause.PARAGRAPH if blank == 1 else Pause.SECTION
            lines = []
        lines.append(_Line(start, start + len(line), line, width(line)))
        blank = 0
    if lines:
        yield lines, Pause.PARAGRAPH


def _last_lines(lines: list[_Line], is_lower: Callable[[int], bool]) -> Iterator[_Line]:
    """Yield the lines of a paragraph, but for its last, that do not go on in the next one."""
    widest = max(line.width for line in lines)
    # Where the paragraph itself begins in lower case, as in chat, it says nothing of others.
    capitals = not is_lower(lines[0].first)
    for line, following in pairwise(lines):
        if _is_last(line, following, widest, goes_on=capitals and is_lower(following.first)):
            yield line


def _is_last(line: _Line, following: _Line, widest: int, *, goes_on: bool) -> bool:
    if _ITEM.match(following.text):
        return True
    is_marked = bool(_ENDS_SENTENCE.search(line.text, len(line.text) - 4))
    if widest < _WRAPPED_FROM:
        return is_marked or not goes_on
    if goes_on:
        return False
    if line.width < _FULL * widest:
        return True
    word = _FIRST_WORD.match(following.text)
    # Lines wider than a page are paragraphs; in others the next word shows whether there was room for it.
    return is_marked and (widest > _WRAPPED_TO or line.width + 1 + width(word[0] if word else "") <= widest)


def _skip_space(text: str, index: int) -> int:
    while text[index].isspace():
        index += 1
    return index

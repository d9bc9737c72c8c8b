"""Lines of a fixed width put together again: groups between blank lines, paragraphs, verse, words cut at a line's end."""

import itertools
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_CUT_WORD = re.compile(r"([^\W\d_]{2,40})-\Z")
_GOES_ON = re.compile(r"[^\W\d_]{2,40}(?![\w-])")
_NARROW = 58  # characters: a book of verse
_SCENE_BREAK = re.compile(r"\s*(?:(?:[*#~•·⁂_=+-]\s*){3,60}|[*#⁂]|<tb>)\s*\Z")


@dataclass(frozen=True)
class Group:
    """Lines without a blank one between them, and how many blank ones are before them."""

    lines: tuple[str, ...]
    before: int

    @property
    def text(self) -> str:
        """The lines in one, words cut at ends of lines left so."""
        return " ".join(" ".join(self.lines).split())


@dataclass(frozen=True)
class Page:
    """How a text is set.

    Attributes:
        width: of its full lines, in characters.
        words: how often each word, or compound with hyphens, stands within lines.
    """

    width: int
    words: Counter[str]


def page_of(lines: Sequence[str]) -> Page:
    """Measure a text."""
    lengths = sorted(len(line.rstrip()) for line in lines if line.strip())
    width = lengths[len(lengths) * 85 // 100] if lengths else 0
    return Page(width, Counter(word.lower() for line in lines for word in _WORD.findall(line)))


def groups_of(lines: Sequence[str], width: int) -> list[Group]:
    """Cut a text into groups, at blank lines; else at indents, or at every line if lines are whole paragraphs."""
    groups = _between_blanks(lines)
    full = sum(len(group.lines) for group in groups) or 1
    if sum(len(line) > 160 for group in groups for line in group.lines) > full / 10 or width > 160:
        return [Group((line,), group.before * (not number)) for group in groups for number, line in enumerate(group.lines)]
    if sum(len(group.lines) for group in groups if len(group.lines) > 40) > full / 2:
        return [part for group in groups for part in _by_indent(group)]
    return groups


def _between_blanks(lines: Sequence[str]) -> list[Group]:
    groups: list[Group] = []
    current: list[str] = []
    blank = before = 0
    for line in [*lines, ""]:
        if line.strip():
            before = before if current else blank
            current.append(line.rstrip())
            blank = 0
            continue
        if current:
            groups.append(Group(tuple(current), before))
            current = []
        blank += 1
    return groups


def _by_indent(group: Group) -> Iterable[Group]:
    usual = statistics.mode(_indent(line) for line in group.lines)
    first = 0
    for number in range(1, len(group.lines) + 1):
        if number == len(group.lines) or (_indent(group.lines[number]) > usual >= _indent(group.lines[number - 1])):
            yield Group(group.lines[first:number], group.before if first == 0 else 0)
            first = number


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def is_scene_break(group: Group) -> bool:
    """Tell whether a group is nothing but a few signs."""
    return len(group.lines) == 1 and bool(_SCENE_BREAK.match(group.lines[0]))


def is_indented(group: Group) -> bool:
    """Tell whether all lines of a group are indented, as those of a quotation."""
    return min(map(_indent, group.lines)) >= 2


def is_verse(group: Group, width: int) -> bool:
    """Tell whether a group's lines end where they are meant to: before the next word would have run over the edge."""
    lines = group.lines
    if len(lines) < 2 or width < 20:
        return False
    if width < _NARROW:
        return sum(map(_begins_upper, lines)) >= 0.9 * len(lines)
    room = [width - len(line) - 1 - len(_first_word(behind)) for line, behind in itertools.pairwise(lines)]
    early = sum(left >= 3 for left in room) / len(room)
    capital = sum(_begins_upper(line) for line in lines) / len(lines)
    if is_indented(group):
        return early >= 0.5 and (capital >= 0.75 or _is_ragged(lines))
    return early >= 0.75 and capital >= 0.75 and (len(lines) > 2 or sum(room) >= width / 3)


def _is_ragged(lines: Sequence[str]) -> bool:
    """Tell whether lines have room even within the longest of them, or are too few to tell and far from it."""
    widest = max(map(len, lines))
    room = [widest - len(line) - 1 - len(_first_word(behind)) for line, behind in itertools.pairwise(lines)]
    return sum(left > 0 for left in room) / len(room) >= 0.4


def _first_word(line: str) -> str:
    return line.split(maxsplit=1)[0]


def _begins_upper(line: str) -> bool:
    first = next((letter for letter in line if letter.isalpha()), "")
    return not first.islower()


def joined(lines: Sequence[str], words: Counter[str], cut_hyphen: bool = False) -> str:
    """Return lines as one.

    Args:
        lines: of a paragraph.
        words: those of the text, to tell a word that was cut from a compound.
        cut_hyphen: whether a hyphen at a line's end falls if the text does not say.
    """
    parts: list[str] = []
    for line in lines:
        stripped = " ".join(line.split())
        if not stripped:
            continue
        if parts and (cut := _CUT_WORD.search(parts[-1])) and (on := _GOES_ON.match(stripped)) and stripped[0].islower():
            compound = f"{cut[1]}-{on[0]}".lower()
            whole = cut[1].lower() + on[0].lower()
            kept = words[compound] >= words[whole] if words[compound] or words[whole] else not cut_hyphen
            parts[-1] = (parts[-1] if kept else parts[-1][:-1]) + stripped
        elif parts and parts[-1].endswith(("--", "—")):
            parts[-1] += stripped
        else:
            parts.append(stripped)
    return " ".join(parts)

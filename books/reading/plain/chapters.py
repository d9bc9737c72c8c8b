# ruff: noqa: RUF001 (look-alike characters are listed on purpose)
"""Chapters of a text without markup: which groups of its lines are headings, and which only a table of contents."""

import re
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice, takewhile

from books.reading.headings import CONTENTS, ENDS_SENTENCE, Heading, heading_of, is_title
from books.reading.lines import Group, is_scene_break
from books.reading.plain.brackets import IMAGE, without_emphasis

_PAGE_TAIL = re.compile(r"(?:\s*\.(?:\s?\.){2,}|\s{2,}|\t)\s*(?:\d{1,4}|[ivxl]{1,7})\.?\s*\Z|\s(?:page|seite)\s*\Z", re.I)
_PUNCTUATION = re.compile(r"[\W_]+")
_END = re.compile(r"\W*(?:the |an )?(?:end|ende|fin|fine|einde)\b", re.I)
_TITLE_LENGTH = 100
_CUT_SHORT = 12  # characters: a longer title may go on elsewhere
_LONGEST_TITLE = 3  # groups of lines
_CONTENTS_WITHIN = 0.35  # of a text's groups
_ACTS = {"act", "akt", "aufzug", "acte", "acto", "atto", "ato", "bedrijf"}  # a play may stand in a chapter
_MOST_ENTRIES = 500  # whose titles are looked for
_TRIES = 4  # at where a table of contents may begin
_SHORT_SECTION = 110  # words
_FAR, _NEAR = 3, 2  # blank lines before a heading
_ENTRIES = 3  # make a table of contents


@dataclass(frozen=True)
class Found:
    """A heading: the groups ``first`` to ``end`` of a text, what they say, and how deep it is nested."""

    first: int
    end: int
    heading: Heading
    title: str
    level: int = 0


def headings_in(groups: Sequence[Group], entries: Sequence[str] = ()) -> list[Found]:
    """Return the headings of a text in order; ``entries`` are those of its table of contents, which its groups lack by now."""
    titles = {title for entry in entries[:_MOST_ENTRIES] for title in _keys(entry) if len(title) > 3}
    found = list(_without_stanzas(groups, list(_in_sequence(list(_candidates(groups, titles))))))
    has_nouns = any(one.heading.kind not in ("named", "number") for one in found)
    names = {_key(entry) for entry in entries if heading_of(_PAGE_TAIL.sub("", entry)) is None} - {""}
    titled = _titled(groups, found, names, has_nouns)
    return _nested(sorted([*found, *titled], key=lambda one: one.first))


def contents_of(groups: Sequence[Group]) -> tuple[range, list[str]] | None:
    """Return which groups are a table of contents at the front whose entries come again as headings, and the entries."""
    standing = Counter(_key(line) for group in groups if len(group.lines) <= _LONGEST_TITLE for line in _title_lines(group))
    for first in islice(_contents_starts(groups), _TRIES):
        end, entries = _contents_end(groups, first, standing)
        later = {_key(line) for group in groups[end:] if len(group.lines) <= _LONGEST_TITLE for line in _title_lines(group)}
        again = sum(bool(_keys(entry) & later) for entry in entries)
        if entries and again >= len(entries) / 2:
            return range(first, end), entries
    return None


def _contents_starts(groups: Sequence[Group]) -> Iterator[int]:
    for number, group in enumerate(groups[: int(len(groups) * _CONTENTS_WITHIN) + 3]):
        several = len(group.lines) >= _ENTRIES and sum(map(_is_entry, group.lines)) >= len(group.lines) * 0.6
        row = groups[number : number + _ENTRIES]
        if several or CONTENTS.fullmatch(group.lines[0].strip()) or all(map(_is_one_heading, row)):
            yield number


def _is_one_heading(group: Group) -> bool:
    return len(group.lines) == 1 and heading_of(group.text) is not None


def _contents_end(groups: Sequence[Group], first: int, standing: Counter[str]) -> tuple[int, list[str]]:
    """Return where a table of contents ends, and its entries: at prose, or where its first entry comes again."""
    entries: list[str] = []
    seen: set[str] = set()
    for number in range(first, len(groups)):
        group = groups[number]
        if CONTENTS.fullmatch(group.lines[0].strip()):
            continue
        single = len(group.lines) == 1
        if single and seen & {_key(group.text), *_numbered(group.text, groups[number + 1 : number + 2])}:
            return number, entries
        known = sum(_is_entry(line) or standing[_key(line)] > 1 for line in group.lines)
        if known < len(group.lines) * 0.6 or (single and _is_real(groups, number, standing)):
            return number, entries
        entries += [line for line in group.lines if _is_entry(line)]
        seen.update(key for line in group.lines for key in (_key(line), *_numbered(line)))
    return len(groups), entries


def _is_real(groups: Sequence[Group], number: int, standing: Counter[str]) -> bool:
    """Tell a heading with its text behind it from an entry."""
    behind = groups[number + 1] if number + 1 < len(groups) else None
    line = groups[number].lines[0]
    return not _PAGE_TAIL.search(line) and standing[_key(line)] < 2 and (behind is None or len(behind.text) > _TITLE_LENGTH)


def _is_entry(line: str) -> bool:
    return bool(_PAGE_TAIL.search(line)) or heading_of(_PAGE_TAIL.sub("", line)) is not None


def _key(line: str) -> str:
    return _PUNCTUATION.sub(" ", _PAGE_TAIL.sub("", line)).strip().lower()


def _numbered(line: str, behind: Sequence[Group] = ()) -> list[str]:
    """Return a heading's number and title as one key, ``1 the mail`` for ``CHAPTER I. The Mail``, its title perhaps behind."""
    heading = heading_of(_PAGE_TAIL.sub("", line))
    title = heading.title or (behind[0].text if behind else "") if heading else ""
    return [f"{heading.number} {_key(title)}"] if heading and heading.number and title else []


def _keys(entry: str) -> set[str]:
    """Return what an entry's heading may be found by: all of it, its title, its noun and number."""
    heading = heading_of(_PAGE_TAIL.sub("", entry))
    title = _key(heading.title) if heading else ""
    return {_key(entry)} | ({title, _key(entry).removesuffix(title).strip()} - {""} if title else set())


def _title_lines(group: Group) -> list[str]:
    heading = heading_of(group.text)
    return [
        *group.lines,
        *([group.text] if len(group.lines) > 1 else []),
        *([heading.title] if heading and heading.title else []),
    ]


def _candidates(groups: Sequence[Group], titles: set[str]) -> Iterator[Found]:
    skip = -1
    for number, group in enumerate(groups):
        if number <= skip or len(group.lines) > 4:
            continue
        first = heading_of(group.lines[0])
        if first is None or (len(group.lines) > 1 and not _lines_are_heading(group, first)):
            continue
        title, end = _text(group), number + 1
        if not first.title and len(group.lines) == 1 and first.kind != "named":
            title, end = _with_title_behind(groups, number, titles)
        skip = end - 1
        yield Found(number, end, first, title)


def _lines_are_heading(group: Group, first: Heading) -> bool:
    """Tell a heading of several lines from a paragraph that begins like one."""
    rest = " ".join(group.lines[1:])
    if first.kind == "number" and first.title:
        return group.text.isupper()
    return is_title(rest) or (bool(first.title) and len(group.text) <= 120 and not ENDS_SENTENCE.search(group.text))


def _text(group: Group) -> str:
    first, *rest = (" ".join(line.split()) for line in group.lines)
    heading = heading_of(first)
    if rest and heading and not heading.title:
        return _glued(first, " ".join(rest))
    return " ".join([first, *rest])


def _glued(number: str, title: str) -> str:
    return f"{number.rstrip('.:—- ')}. {title.strip()}"


def _with_title_behind(groups: Sequence[Group], number: int, titles: set[str]) -> tuple[str, int]:
    """Return a heading's text and its end: the title of ``CHAPTER I`` may be the next group."""
    own = _text(groups[number])
    if number + 2 < len(groups):
        behind = groups[number + 1]
        if behind.lines[0].startswith(IMAGE):
            return own, number + 1
        if len(behind.lines) <= _LONGEST_TITLE and _is_entry_title(behind, titles):
            return _glued(own, behind.text), number + 2
        plain = (
            len(behind.lines) <= 2 and is_title(behind.text) and heading_of(behind.text) is None and not is_scene_break(behind)
        )
        if plain and (not _is_speech(behind.text) or groups[number + 2].before > 1):
            return _glued(own, behind.text), number + 2
    return own, number + 1


def _is_speech(text: str) -> bool:
    return text[0] in "\"“'‘«„" and text[-1] in "\"”'’»“" and not text.isupper()


def _is_entry_title(group: Group, titles: set[str]) -> bool:
    """Tell whether a group is a title that the table of contents says, perhaps cut short there."""
    key = _key(group.text)
    return key in titles or key.startswith(tuple(title for title in titles if len(title) > _CUT_SHORT))


def _in_sequence(found: Sequence[Found]) -> Iterator[Found]:
    """Yield headings; of numbers alone only those that count on, and not the items of a list."""
    outer: Found | None = None
    inner = 0
    begins = _followed_by_two(found)
    for place, one in enumerate(found):
        if one.heading.kind != "number":
            outer, inner = (one if one.heading.number is not None else outer), 0
            yield one
            continue
        number = one.heading.number
        if outer and outer.heading.number and number == outer.heading.number + 1 and number != inner + 1 and one.heading.title:
            outer = replace(one, heading=replace(one.heading, kind=outer.heading.kind, rank=outer.heading.rank))
            inner = 0
            yield outer
        elif (begins[place] if number == 1 else number == inner + 1) and not _is_list(found, place):
            inner = number or 0
            yield one


def _without_stanzas(groups: Sequence[Group], found: list[Found]) -> Iterator[Found]:
    """Yield headings but for numbers over a few words each within a chapter: those of stanzas, or of items."""
    for _, run in groupby(enumerate(found), key=lambda item: item[1].heading.kind == "number"):
        places = [place for place, _ in run]
        ends = [found[place + 1].first if place + 1 < len(found) else len(groups) for place in places]
        sizes = [_words(groups[found[place].end : end]) for place, end in zip(places, ends, strict=True)]
        is_numbers = found[places[0]].heading.kind == "number" and not found[places[0]].heading.title
        if not (is_numbers and places[0] > 0 and statistics.median(sizes) < _SHORT_SECTION):
            yield from (found[place] for place in places)


def _words(groups: Sequence[Group]) -> int:
    return sum(len(line.split()) for group in groups for line in group.lines)


def _followed_by_two(found: Sequence[Found]) -> list[bool]:
    """Tell for each heading whether a number two comes behind it before another one."""
    followed, is_two = [False] * len(found), False
    for place in range(len(found) - 1, -1, -1):
        followed[place] = is_two
        heading = found[place].heading
        if heading.kind == "number" and heading.number in (1, 2):
            is_two = heading.number == 2
    return followed


def _is_list(found: Sequence[Found], place: int) -> bool:
    """Tell whether a number stands right beside the next, with nothing between them."""
    here = found[place]
    near = [other for other in found[max(place - 1, 0) : place + 2] if other is not here and other.heading.kind == "number"]
    return any(other.first in (here.end, here.end + 1) or here.first in (other.end,) for other in near if other.heading.title)


def _titled(groups: Sequence[Group], found: Sequence[Found], names: set[str], has_nouns: bool) -> Iterator[Found]:
    """Yield headings that the table of contents names, or only their place gives away: capitals far below what is before.

    In a book whose chapters have nouns, a name alone is none: it may be that of a section that each of them has.
    """
    taken = {number for one in found for number in range(one.first, one.end)}
    for number in range(1, len(groups) - 1):
        group, behind = groups[number], groups[number + 1]
        if number in taken or number + 1 in taken or len(group.lines) > 2:
            continue
        plain = without_emphasis(group.text)
        is_named, has_body = _key(plain) in names, _is_body(behind)
        is_apart = group.before >= (_FAR if has_nouns else _NEAR) and plain.isupper() and is_title(plain)
        stands_out = is_apart and not _END.match(plain) and (is_named or (has_body and behind.before <= _FAR))
        if stands_out or (is_named and has_body and not has_nouns):
            yield Found(number, number + 1, Heading("titled", 2, None, plain), plain)


def _is_body(group: Group) -> bool:
    return len(group.lines) > 1 or len(group.text) > 80


def _nested(found: Sequence[Found]) -> list[Found]:
    """Give each heading its level: parts hold chapters; of parts and books those that come first hold the others."""
    kinds = [one.heading.kind for one in found if one.heading.rank == 1]
    order = {kind: place / 10 for place, kind in enumerate(dict.fromkeys(kinds))}
    order |= {
        kind: 1.5 for kind in order if kind in _ACTS and sum(one.heading.kind == "chapter" for one in _before(found, kind)) > 1
    }
    named = Counter(_name(one) for one in found if one.heading.kind == "named")
    lowest = min((one.heading.rank for one in found if one.heading.kind != "named"), default=None)
    behind = _ranks_behind(found)
    stack: list[float] = []
    nested: list[Found] = []
    in_parts = False
    for place, one in enumerate(found):
        rank = one.heading.rank + order.get(one.heading.kind, 0)
        # A preface stands beside what is highest, unless each part has one, or it is among a part's chapters.
        is_within = in_parts and behind[place] > 1
        if one.heading.kind == "named" and named[_name(one)] == 1 and not is_within and lowest is not None:
            rank = lowest
        while stack and stack[-1] >= rank:
            stack.pop()
        nested.append(replace(one, level=len(stack)))
        stack.append(rank)
        in_parts = in_parts or one.heading.rank <= 1
    return nested


def _name(one: Found) -> str:
    return one.title.lower().strip(".:")


def _ranks_behind(found: Sequence[Found]) -> list[int]:
    """Return for each heading the rank of the next one that has a noun or number; 0 behind the last."""
    ranks, rank = [0] * len(found), 0
    for place in range(len(found) - 1, -1, -1):
        ranks[place] = rank
        if found[place].heading.kind != "named":
            rank = found[place].heading.rank
    return ranks


def _before(found: Sequence[Found], kind: str) -> Iterator[Found]:
    return takewhile(lambda one: one.heading.kind != kind, found)

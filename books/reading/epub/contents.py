"""An EPUB's table of contents, and where in the text its entries begin chapters."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice, pairwise

from lxml import etree

from books.book import Block, BlockKind
from books.reading.chapters import Start
from books.reading.epub.archive import Archive
from books.reading.epub.package import Package
from books.reading.html.blocks import Flow
from books.reading.html.markup import Element, name_of, parse_document, parse_xml, types_of, words_in
from books.reading.notes import Notes
from books.reading.references import resolve

_LONGEST_TITLE = 300
_DEEPEST = 16
_MOST_ALIKE = 100  # entries that lead to one place
_LONGEST_DIVIDER = 12  # words of a page that only announces what follows
_LONGEST_NUMBER = 4  # words above a chapter's title, such as "Chapter the Third"
_NOT_LETTERS = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Entry:
    """An entry of the table of contents: ``path`` is of the file it leads to, ``None`` if it only groups others."""

    title: str
    level: int
    path: str | None
    fragment: str = ""


def read_contents(archive: Archive, package: Package, notes: Notes) -> list[Entry]:
    """Return the table of contents, EPUB 3's if there is one, else EPUB 2's; landmarks are added to the package's guide."""
    entries: list[Entry] = []
    if package.nav and (content := archive.read(package.nav)):
        root, _ = parse_document(content)
        navs = list(root.iter("{*}nav"))
        for nav in navs:
            if "landmarks" in types_of(nav):
                _read_landmarks(package, nav)
        toc = next((nav for nav in navs if "toc" in types_of(nav)), None)
        entries = list(_entries(toc, package.nav, "li")) if toc is not None else []
    if not any(entry.path for entry in entries) and package.ncx and (content := archive.read(package.ncx)):
        root, mended = parse_xml(content)
        if mended:
            notes.file("tables of contents that are not well-formed were mended", package.ncx)
        entries = list(_entries(root, package.ncx, "navpoint")) if root is not None else []
    return [replace(entry, path=archive.find(entry.path) or entry.path) if entry.path else entry for entry in entries]


def _entries(root: Element, base: str, point: str) -> Iterator[Entry]:
    depth = -1
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if name_of(element) != point:
            continue
        depth += 1 if event == "start" else -1
        if event == "start":
            label = next((inner for inner in _inside(element) if name_of(inner) in ("a", "span", "navlabel")), None)
            title = _words(label)[:_LONGEST_TITLE] if label is not None else ""
            linked = next((inner for inner in _inside(element) if inner.get("href") or inner.get("src")), None)
            target = resolve(base, linked.get("href") or linked.get("src")) if linked is not None else None
            yield Entry(title, min(depth, _DEEPEST), *(target or (None,)))


def _inside(item: Element) -> Iterator[Element]:
    """Yield what an entry has of its own, without those below it."""
    for child in item:
        if isinstance(child.tag, str) and name_of(child) not in ("ol", "ul", "navpoint"):
            yield child
            if name_of(child) in ("p", "div", "span"):
                yield from (inner for inner in child if name_of(inner) in ("a", "span"))


def _words(label: Element) -> str:
    pictured = " ".join(picture.get("alt") or "" for picture in label.iter("{*}img"))
    return words_in(label) or " ".join(pictured.split())


def _read_landmarks(package: Package, nav: Element) -> None:
    for link in nav.iter("{*}a"):
        target = resolve(package.nav or "", link.get("href") or "")
        if target and not target[1]:
            for kind in types_of(link):
                package.guide.setdefault(target[0], kind)


def starts_in(flow: Flow, entries: Sequence[Entry], pages: Sequence[str]) -> list[Start]:
    """Return where chapters begin in the text of a book.

    Args:
        flow: the whole text; ``anchors`` are keyed by path, ``#`` and ``id``, and pages themselves by path and ``#``.
        entries: of the table of contents.
        pages: paths in reading order, of those in the text.
    """
    found = []
    for entry in entries:
        begin = flow.anchors.get(f"{entry.path}#") if entry.path else None
        if begin is not None and entry.title:
            index = flow.anchors.get(f"{entry.path}#{entry.fragment}", begin)
            found.append(Start(_with_heading(flow.blocks, index, begin, entry.title), entry.title, entry.level))
    found = _with_numbers(flow, found, pages)
    starts: list[Start] = []
    found.sort(key=lambda start: start.index)
    groups = [list(group) for _, group in groupby(found, key=lambda start: start.index)]
    for place, group in enumerate(groups):
        end = groups[place + 1][0].index if place + 1 < len(groups) else len(flow.blocks)
        starts += _apart(flow.blocks, range(group[0].index + 1, end), group[:_MOST_ALIKE])
    return _with_dividers(flow, starts, pages)


def _with_heading(blocks: Sequence[Block], index: int, begin: int, title: str) -> int:
    """Return the index of the heading that stands before a place and says what its entry says, or the place."""
    index = min(index, len(blocks))
    while index > begin and blocks[index - 1].kind is BlockKind.HEADING and _says(title, blocks[index - 1].text):
        index -= 1
    return index


def _with_numbers(flow: Flow, found: Sequence[Start], pages: Sequence[str]) -> list[Start]:
    """Let chapters begin with their page where only a number or the like stands between its top and the entry's place."""
    begins = sorted(flow.anchors[f"{page}#"] for page in pages)
    taken = sorted(start.index for start in found)
    moved = {}
    for begin, end in pairwise([*begins, len(flow.blocks)]):
        place = bisect_left(taken, begin)
        if place < len(taken) and begin < taken[place] < end and _is_short(flow.blocks[begin : taken[place]]):
            moved[taken[place]] = begin
    return [replace(start, index=moved.get(start.index, start.index)) for start in found]


def _is_short(blocks: Sequence[Block]) -> bool:
    return sum(len(block.text.split()) for block in blocks) <= _LONGEST_NUMBER


def _apart(blocks: Sequence[Block], after: range, group: list[Start]) -> list[Start]:
    """Part entries that lead to one place: by their headings, else they are one chapter with the titles of all."""
    headings = (
        list(islice((index for index in after if blocks[index].kind is BlockKind.HEADING), _MOST_ALIKE)) if group[1:] else []
    )
    kept, said = group[:1], {_letters(group[0].title)}
    for start in group[1:]:
        if _letters(start.title) in said:
            continue
        said.add(_letters(start.title))
        place = next(
            (index for index in headings if index > kept[-1].index and _matches(start.title, blocks[index].text)), None
        )
        if place is not None:
            kept.append(replace(start, index=place))
        elif kept[-1].index < after.start:
            kept[-1] = replace(kept[-1], title=f"{kept[-1].title}: {start.title}"[:_LONGEST_TITLE])
    return kept


def _with_dividers(flow: Flow, starts: list[Start], pages: Sequence[str]) -> list[Start]:
    """Let chapters begin at a page before them that only announces them, and that no entry leads to: ``Part Two``."""
    begins = [flow.anchors[f"{page}#"] for page in pages]
    moved = {}
    taken = {start.index for start in starts}
    for before, begin, end in zip([-1, *begins], begins, begins[1:], strict=False):
        if end in taken and not any(index in taken for index in range(begin, min(end, begin + _LONGEST_DIVIDER))):
            page = flow.blocks[begin:end]
            if before >= 0 and starts[0].index < begin and page and _announces(page):
                moved[end] = begin
    return [replace(start, index=moved.pop(start.index, start.index)) for start in starts]


def _announces(page: Sequence[Block]) -> bool:
    words = sum(len(block.text.split()) for block in page)
    return page[0].kind is BlockKind.HEADING and words <= _LONGEST_DIVIDER


def _letters(text: str) -> str:
    return _NOT_LETTERS.sub("", text).casefold()


def _says(title: str, heading: str) -> bool:
    return bool(_letters(heading)) and _letters(heading) in _letters(title)


def _matches(title: str, heading: str) -> bool:
    letters, others = _letters(title), _letters(heading)
    return bool(letters and others) and (letters == others or letters.endswith(others) or others.startswith(letters))

"""Chapters as pages: XHTML of what a script has, each passage in an element of its own."""

import unicodedata
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from lxml.builder import ElementMaker

from books.binding.legible import in_a_line, legible
from books.binding.overlay.languages import UNDETERMINED, direction_of, language_tag, writes_spaces
from books.book import BlockKind
from books.script import Passage

XHTML = "http://www.w3.org/1999/xhtml"
EPUB_TYPE = "{http://www.idpf.org/2007/ops}type"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
E = ElementMaker(namespace=XHTML, nsmap={None: XHTML, "epub": "http://www.idpf.org/2007/ops"})
STYLE = "style.css"
_DEEPEST_HEADING = 6

# What stands close to what is before it, and what close to what is behind it: not all passages are whole sentences. Quotation
# marks are not among them: what closes in one language opens in another.
_CLOSING, _OPENING = frozenset(".,;:!?)]}"), frozenset("([{¿¡")
_WRAPPED = {BlockKind.QUOTE: "blockquote", BlockKind.ITEM: "ul", BlockKind.ROW: "table"}


@dataclass(frozen=True)
class Picture:
    """An image of a page, and what is said of it; without ``href`` it cannot be shown."""

    href: str | None
    alt: str


@dataclass(frozen=True)
class Chapter:
    """What a page is made of.

    Attributes:
        title: of the chapter, not empty.
        depth: how deep it is nested, from 0.
        passages: by their indices in the script, in order.
        pictures: by the index of the passage before which they stand; those behind all passages are the page's last.
        language: that of the book, as XML names it.
        breaks: the indices of passages before which the scene breaks.
    """

    title: str
    depth: int
    passages: Mapping[int, Passage]
    pictures: Mapping[int, Sequence[Picture]]
    language: str
    breaks: Container[int] = ()


@dataclass(frozen=True)
class _Block:
    """A paragraph or what stands like one: its passages, the pictures before it, and whether the scene breaks there."""

    kind: BlockKind
    passages: Mapping[int, Passage]
    pictures: Sequence[Picture] = ()
    breaks: bool = False


def element_name(index: int) -> str:
    """Return the ``id`` of the element of the passage with an index."""
    return f"s{index}"


def page(title: str, language: str, *body: Any, **attributes: str) -> Any:
    """Return an XHTML document."""
    head = E.head(E.meta(charset="utf-8"), E.title(title), E.link(rel="stylesheet", type="text/css", href=STYLE))
    root = E.html(head, E.body(*body, **attributes), **_language(language))
    if direction_of(language) == "rtl":
        root.set("dir", "rtl")
    return root


def chapter_page(chapter: Chapter) -> Any:
    """Return a chapter as an XHTML document. A chapter without passages has its title on its page."""
    section = E.section({EPUB_TYPE: "chapter"})
    for element in _elements(chapter):
        element.tail = "\n"
        section.append(element)
    return page(chapter.title, chapter.language, section)


def _elements(chapter: Chapter) -> Iterator[Any]:
    if not chapter.passages:
        yield _heading(chapter.depth)(chapter.title)
    depth = chapter.depth
    for kind, blocks in groupby(_blocks(chapter), lambda block: _WRAPPED.get(block.kind) and not block.pictures and block.kind):
        if kind:
            yield from _wrapped(kind, list(blocks), chapter.language)
            continue
        for block in blocks:
            yield from _framed(block, depth, chapter.language)
            depth = chapter.depth + 1 if block.kind is BlockKind.HEADING else depth
    for picture in _last_pictures(chapter):
        yield from _figure(picture)


def _blocks(chapter: Chapter) -> Iterator[_Block]:
    """Yield the blocks. Between two whose numbers do not follow each other is one in which nothing is said, as ``* * *``."""
    before = None
    for number, numbered in groupby(chapter.passages.items(), lambda item: item[1].paragraph):
        passages = dict(numbered)
        pictures = [picture for index in passages for picture in chapter.pictures.get(index, ())]
        is_behind_signs = before is not None and number > before + 1 and not pictures
        first = next(iter(passages))
        breaks = before is not None and (is_behind_signs or first in chapter.breaks)
        yield _Block(passages[first].kind, passages, pictures, breaks)
        before = number


def _last_pictures(chapter: Chapter) -> Iterator[Picture]:
    last = max(chapter.passages, default=-1)
    return (picture for index, pictures in chapter.pictures.items() if index > last for picture in pictures)


def _wrapped(kind: BlockKind, blocks: Sequence[_Block], language: str) -> Iterator[Any]:
    """Yield what several blocks have around them: lists, tables, quotes. Only quotes end where the scene breaks."""
    wrapper = E(_WRAPPED[kind])
    for block in blocks:
        if block.breaks and (kind is BlockKind.QUOTE or not len(wrapper)):
            if len(wrapper):
                yield wrapper
            yield E.hr()
            wrapper = E(_WRAPPED[kind])
        wrapper.append(_element(block, 0, language))
    yield wrapper


def _framed(block: _Block, depth: int, language: str) -> Iterator[Any]:
    """Yield a block, with the pictures before it; the last one and its caption belong together."""
    if block.breaks and block.kind is not BlockKind.HEADING:
        yield E.hr()
    for picture in block.pictures[:-1]:
        yield from _figure(picture)
    last = block.pictures[-1] if block.pictures else None
    if last and last.href and block.kind in (BlockKind.IMAGE, BlockKind.CAPTION):
        # What is spoken of an image is on the page: it is not said twice.
        alt = "" if block.kind is BlockKind.IMAGE else in_a_line(last.alt)
        yield E.figure(E.img(src=last.href, alt=alt), _inline(E.figcaption(), block.passages, language))
        return
    if last and not (block.kind is BlockKind.IMAGE and not last.href):
        yield from _figure(last)
    yield from _wrapped(block.kind, [block], language) if block.kind in _WRAPPED else [_element(block, depth, language)]


def _figure(picture: Picture) -> Iterator[Any]:
    alt = in_a_line(picture.alt)
    if picture.href:
        yield E.figure(E.img(src=picture.href, alt=alt))
    elif alt:
        yield E.p({"class": "alt"}, alt)


def _element(block: _Block, depth: int, language: str) -> Any:
    passages = block.passages
    match block.kind:
        case BlockKind.HEADING:
            return _inline(_heading(depth)(), passages, language)
        case BlockKind.VERSE:
            return E.div({"class": "verse"}, _stanza(passages, language))
        case BlockKind.CODE:
            return _code(passages, language)
        case BlockKind.QUOTE:
            return _inline(E.p(), passages, language)
        case BlockKind.ITEM:
            return _inline(E.li(), passages, language)
        case BlockKind.ROW:
            return E.tr(_inline(E.td(), passages, language))
        case BlockKind.CAPTION:
            return _inline(E.p({"class": "caption"}), passages, language)
        case BlockKind.IMAGE:
            return _inline(E.p({"class": "alt"}), passages, language)
        case _:
            return _inline(E.p(), passages, language)


def _heading(depth: int) -> Any:
    return getattr(E, f"h{min(depth + 1, _DEEPEST_HEADING)}")


def _stanza(passages: Mapping[int, Passage], language: str) -> Any:
    stanza = E.p()
    for line in _lines(passages):
        if len(stanza):
            stanza.append(E.br())  # for readers without styles
        stanza.append(_inline(E.span({"class": "line"}), line, language))
    return stanza


def _code(passages: Mapping[int, Passage], language: str) -> Any:
    code = E.code()
    for line in _lines(passages):
        if len(code):
            code[-1].tail = "\n"
        _inline(code, line, language)
    return E.pre(code)


def _lines(passages: Mapping[int, Passage]) -> Iterator[Mapping[int, Passage]]:
    return (dict(line) for _, line in groupby(passages.items(), lambda item: item[1].line))


def _inline(parent: Any, passages: Mapping[int, Passage], language: str) -> Any:
    """Put passages into an element, with spaces between them where their language writes any."""
    before = ""
    for i, (index, passage) in enumerate(passages.items()):
        text = _text(passage)
        if i and _spaced(before, text, passage, language):
            parent[-1].tail = " "
        parent.append(_span(index, text, passage, language))
        before = text
    return parent


def _text(passage: Passage) -> str:
    if passage.kind is BlockKind.CODE:
        return legible(passage.written)
    lines = legible(passage.written).split("\n") if passage.kind is BlockKind.VERSE else [passage.written]
    return "\n".join(in_a_line(line) for line in lines)


def _spaced(before: str, text: str, passage: Passage, language: str) -> bool:
    if text[:1] in _CLOSING or before[-1:] in _OPENING:
        return False
    return writes_spaces(language_tag(passage.language or language)) or not (_is_wide(before[-1:]) or _is_wide(text[:1]))


def _is_wide(char: str) -> bool:
    return bool(char) and unicodedata.east_asian_width(char) in "WF"


def _span(index: int, text: str, passage: Passage, language: str) -> Any:
    span = E.span(id=element_name(index))
    first, *others = text.split("\n") if passage.kind is BlockKind.VERSE else [text]
    span.text = first
    for line in others:
        span.append(E.br())
        span[-1].tail = line
    tag = language_tag(passage.language)
    if tag not in (UNDETERMINED, language, language.partition("-")[0]):
        span.attrib.update(_language(tag))
        if direction_of(tag) != direction_of(language):
            span.set("dir", direction_of(tag))
    return span


def _language(tag: str) -> dict[str, str]:
    return {"lang": tag, _XML_LANG: tag}


def cover_page(title: str, href: str, language: str) -> Any:
    """Return the page of a cover."""
    return page(title, language, E.section({EPUB_TYPE: "cover"}, E.img(src=href, alt=title)), **{"class": "cover"})


def depths(levels: Iterable[int]) -> list[int]:
    """Return how deep entries of a table of contents are nested: levels that begin late or leave one out are closed up."""
    above: list[int] = []
    found = []
    for level in levels:
        while above and above[-1] >= level:
            above.pop()
        del above[_DEEPEST_HEADING - 1 :]
        found.append(len(above))
        above.append(level)
    return found

"""What an EPUB says of itself: the package document, and the table of contents for readers of today and of old."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from lxml.builder import ElementMaker

from books.binding.legible import in_a_line
from books.binding.overlay.clips import seconds
from books.binding.overlay.languages import direction_of
from books.binding.overlay.pages import EPUB_TYPE, E, page

ACTIVE, PLAYING = "-epub-media-overlay-active", "-epub-media-overlay-playing"
PACKAGE, NAVIGATION, NCX = "package.opf", "nav.xhtml", "toc.ncx"
_MODIFIED = "2000-01-01T00:00:00Z"  # equal books are equal files, whenever they are made
_IDENTIFIER = "identifier"
_DATE = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2})?)?")

_OPF, _DC = "http://www.idpf.org/2007/opf", "http://purl.org/dc/elements/1.1/"
_CONTAINER, _NCX = "urn:oasis:names:tc:opendocument:xmlns:container", "http://www.daisy.org/z3986/2005/ncx/"
_O = ElementMaker(namespace=_OPF, nsmap={None: _OPF, "dc": _DC})
_D = ElementMaker(namespace=_DC, nsmap={"dc": _DC})
_C = ElementMaker(namespace=_CONTAINER, nsmap={None: _CONTAINER})
_N = ElementMaker(namespace=_NCX, nsmap={None: _NCX})


@dataclass(frozen=True)
class Item:
    """A file of the package, as its manifest names it: pages with the ids of their overlays, overlays with their durations."""

    id: str
    href: str
    media_type: str
    properties: str | None = None
    overlay: str | None = None
    duration_ms: int | None = None


@dataclass(frozen=True)
class Entry:
    """An entry of the table of contents; ``depth`` is how deep it is nested, from 0 and never more than one step down."""

    title: str
    href: str
    depth: int


@dataclass(frozen=True)
class Description:
    """What is said of a book: see :class:`books.script.BookNote`.

    ``silent`` are its passages without audio, ``narration`` is by what the others are narrated.
    """

    identifier: str
    title: str
    language: str
    creators: Sequence[str]
    narrators: Sequence[str]
    details: Mapping[str, str]
    passages: int
    silent: int
    narration: str


def container() -> Any:
    """Return the document that says where the package is."""
    rootfile = _C.rootfile({"full-path": f"EPUB/{PACKAGE}", "media-type": "application/oebps-package+xml"})
    return _C.container(_C.rootfiles(rootfile), version="1.0")


def package(description: Description, items: Sequence[Item], spine: Sequence[str]) -> Any:
    """Return the package document of a book, with its files and the ids of its pages in reading order."""
    cover = next((item for item in items if item.properties == "cover-image"), None)
    metadata = _O.metadata(*_metadata(description), *_durations(items), *_accessibility(description, items))
    if cover:
        metadata.append(_O.meta(name="cover", content=cover.id))  # for readers of EPUB 2
    pages = _O.spine(*(_O.itemref(idref=name) for name in spine), toc="ncx")
    pages.set("page-progression-direction", direction_of(description.language))
    attributes = {
        "version": "3.0",
        "unique-identifier": _IDENTIFIER,
        "{http://www.w3.org/XML/1998/namespace}lang": description.language,
    }
    return _O.package(attributes, metadata, _O.manifest(*(_O.item(_attributes(item)) for item in items)), pages)


def _attributes(item: Item) -> dict[str, str]:
    attributes = {"id": item.id, "href": item.href, "media-type": item.media_type}
    attributes |= {"properties": item.properties} if item.properties else {}
    return attributes | ({"media-overlay": item.overlay} if item.overlay else {})


def _metadata(description: Description) -> Iterator[Any]:
    yield _D.identifier(description.identifier, id=_IDENTIFIER)
    yield _D.title(description.title)
    yield _D.language(description.language)
    yield _property("dcterms:modified", _MODIFIED)
    yield from _people("creator", "aut", description.creators)
    yield from _people("contributor", "nrt", description.narrators)
    yield from (_property("media:narrator", name) for name in description.narrators)
    details = {name: in_a_line(text) for name, text in description.details.items()}
    for name in ("publisher", "description", "rights", "subject"):
        if details.get(name):
            yield _D(name, details[name])
    if details.get("identifier"):
        yield _D.source(details["identifier"])
    if day := _day(details.get("date", "")):
        yield _D.date(day)


def _people(element: str, role: str, names: Sequence[str]) -> Iterator[Any]:
    for number, name in enumerate(names, 1):
        yield _D(element, name, id=f"{element}-{number}")
        yield _property("role", role, refines=f"#{element}-{number}", scheme="marc:relators")


def _day(text: str) -> str | None:
    """Return the date with which a text begins, as far as it is one (W3C-DTF)."""
    found = _DATE.match(text)
    if not found:
        return None
    try:
        date.fromisoformat(found[0] + "-01" * (2 - found[0].count("-")))
    except ValueError:
        return None
    return found[0]


def _durations(items: Sequence[Item]) -> Iterator[Any]:
    timed = [(item.id, item.duration_ms) for item in items if item.duration_ms is not None]
    yield from (_property("media:duration", seconds(duration), refines=f"#{name}") for name, duration in timed)
    if timed:
        yield _property("media:duration", seconds(sum(duration for _, duration in timed)))
        yield _property("media:active-class", ACTIVE)
        yield _property("media:playback-active-class", PLAYING)


def _accessibility(description: Description, items: Sequence[Item]) -> Iterator[Any]:
    """Yield what the EPUB Accessibility specification asks for, in the terms of schema.org."""
    images = any(item.media_type.startswith("image/") and item.properties != "cover-image" for item in items)
    heard = description.passages - description.silent
    modes = ["textual", *["auditory"] * bool(heard), *["visual"] * images]
    yield from (_property("schema:accessMode", mode) for mode in modes)
    sufficient = ["textual", *["auditory"] * bool(heard and not description.silent)]
    yield from (_property("schema:accessModeSufficient", mode) for mode in sufficient)
    features = ["tableOfContents", "readingOrder", "structuralNavigation", *["synchronizedAudioText"] * bool(heard)]
    yield from (_property("schema:accessibilityFeature", feature) for feature in features)
    yield _property("schema:accessibilityHazard", "none")
    summary = _property("schema:accessibilitySummary", _summary(description.passages, heard, description.narration))
    summary.set("{http://www.w3.org/XML/1998/namespace}lang", "en")
    yield summary


def _summary(passages: int, heard: int, narration: str) -> str:
    if not heard:
        return "The book has text only."
    share = "The whole text" if heard == passages else f"The text, but for {passages - heard} of {passages} sentences,"
    return f"{share} is also narrated by {narration}; each sentence is marked while it is spoken."


def _property(name: str, text: str, **attributes: str) -> Any:
    return _O.meta(text, property=name, **attributes)


def navigation(title: str, language: str, entries: Sequence[Entry], cover: str | None) -> Any:
    """Return the table of contents as a page, and where cover and text begin."""
    contents = E.nav({EPUB_TYPE: "toc", "id": "toc"}, E.h1(title), _nested(entries))
    marks = [("cover", cover, title)] * bool(cover) + [("bodymatter", entries[0].href, entries[0].title)]
    links = (E.li(E.a({EPUB_TYPE: kind, "href": href}, text)) for kind, href, text in marks)
    landmarks = E.nav({EPUB_TYPE: "landmarks", "hidden": "hidden"}, E.ol(*links))
    return page(title, language, contents, landmarks)


def _nested(entries: Sequence[Entry]) -> Any:
    """Return lists within lists."""
    lists = [E.ol()]
    for entry in entries:
        del lists[entry.depth + 1 :]
        if entry.depth == len(lists):
            lists.append(E.ol())
            lists[-2][-1].append(lists[-1])
        lists[-1].append(E.li(E.a(entry.title, href=entry.href)))
    return lists[0]


def ncx(identifier: str, title: str, entries: Sequence[Entry]) -> Any:
    """Return the table of contents of EPUB 2."""
    head = _N.head(_N.meta(name="dtb:uid", content=identifier))
    points = [_N.navMap()]
    for number, entry in enumerate(entries, 1):
        del points[entry.depth + 1 :]
        label = _N.navLabel(_N.text(entry.title))
        point = _N.navPoint(label, _N.content(src=entry.href), id=f"point-{number}", playOrder=str(number))
        points[-1].append(point)
        points.append(point)
    return _N.ncx(head, _N.docTitle(_N.text(title)), points[0], version="2005-1")

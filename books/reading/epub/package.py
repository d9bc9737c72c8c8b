"""An EPUB's package: what it says of the book, which files it has, and in which order they are read."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from actors.errors import InputDataError
from books.reading.epub.archive import Archive
from books.reading.html.markup import Element, name_of, parse_document, parse_xml, words_in
from books.reading.notes import Notes
from books.reading.references import resolve

_CONTAINER = "META-INF/container.xml"
_FONT_ALGORITHMS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_PAGES = ("application/xhtml+xml", "text/html", "text/x-oeb1-document", "application/x-dtbook+xml")
_IMAGES = ("image/jpeg", "image/png", "image/gif", "image/svg+xml", "image/webp")
_DETAILS = ("publisher", "date", "identifier", "description", "rights", "subject")
_LONGEST_DETAIL = 4000
_NOT_AUTHORS = {"nrt", "ctb", "trl", "edt", "ill", "bkp", "bkd", "cov", "mrk", "trc", "pbl", "aui", "aft", "art", "prd", "own"}


@dataclass(frozen=True)
class Item:
    """A file that the package lists: its path in the archive, its type, and what it is for."""

    path: str
    media_type: str
    properties: frozenset[str] = frozenset()
    fallback: str | None = None


@dataclass
class Package:
    """What a package file says.

    Attributes:
        path: of the package file.
        title: with the subtitle behind it.
        creators: authors, in order.
        language: code of the book's language.
        details: see :class:`books.book.Book`.
        items: by id.
        spine: ids of items in reading order, and whether each is one of those that are read on the way.
        guide: of paths, what the package calls them: ``cover``, ``toc``.
        cover: the path of the cover's image, or of a page with it.
        ncx: the path of an EPUB 2's table of contents.
        nav: that of an EPUB 3's.
    """

    path: str
    title: str = ""
    creators: tuple[str, ...] = ()
    language: str | None = None
    details: dict[str, str] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)
    spine: dict[str, bool] = field(default_factory=dict)
    guide: dict[str, str] = field(default_factory=dict)
    cover: str | None = None
    ncx: str | None = None
    nav: str | None = None


def read_package(archive: Archive, name: str, notes: Notes) -> Package:
    """Return what an EPUB's package file says.

    Raises:
        InputDataError: there is none that can be read, or the book is protected (DRM).
    """
    _check_protection(archive, name)
    if (archive.read("mimetype") or b"").strip() != b"application/epub+zip":
        notes.say("its mimetype file is missing or wrong; it was read all the same")
    path = _package_path(archive, notes)
    content = archive.read(path) if path else None
    root, mended = parse_xml(content) if content else (None, True)
    if path is None or root is None:
        raise InputDataError(
            f"{name} has no package file (.opf) that can be read: is it an EPUB? Open it in an EPUB editor and save it"
        )
    if mended:
        notes.file("package files that are not well-formed were mended", path)
    package = Package(path)
    _read_items(package, root)
    _read_metadata(package, root)
    _find_contents(package, root)
    _find_cover(package, root)
    return package


def _check_protection(archive: Archive, name: str) -> None:
    root, _ = parse_xml(archive.read("META-INF/encryption.xml") or b"<none/>")
    algorithms = [method.get("Algorithm") or "" for method in _all(root, "encryptionmethod")]
    protected = any(not algorithm.startswith(_FONT_ALGORITHMS) for algorithm in algorithms)
    if (
        protected
        or archive.find("META-INF/rights.xml")
        or archive.find("META-INF/sinf.xml")
        or archive.find("META-INF/license.lcpl")
    ):
        raise InputDataError(
            f"{name} is protected by DRM and cannot be read: get a copy without, from the shop or the publisher"
        )


def _package_path(archive: Archive, notes: Notes) -> str | None:
    root, _ = parse_xml(archive.read(_CONTAINER) or b"<none/>")
    named = [file.get("full-path") for file in _all(root, "rootfile") if file.get("full-path")]
    found = [path for path in named if archive.find(path)]
    if found:
        return archive.find(found[0])
    packages = sorted(
        (path for path in archive.paths if path.lower().endswith(".opf")), key=lambda path: (path.count("/"), path)
    )
    if packages:
        notes.say(f"{_CONTAINER} is missing or names no file that is there; {packages[0]} was taken")
    return packages[0] if packages else None


def _read_items(package: Package, root: Element) -> None:
    for item in _all(root, "item"):
        target = resolve(package.path, item.get("href") or "")
        if item.get("id") and target:
            properties = frozenset((item.get("properties") or "").split())
            media_type = (item.get("media-type") or "").strip().lower()
            package.items[item.get("id")] = Item(target[0], media_type, properties, item.get("fallback"))
    listed = [(reference.get("idref") or "", (reference.get("linear") or "yes") != "no") for reference in _all(root, "itemref")]
    for key, linear in listed:
        package.spine.setdefault(key, linear)
    for reference in _all(root, "reference"):
        target = resolve(package.path, reference.get("href") or "")
        if target and not target[1] and reference.get("type"):
            package.guide.setdefault(target[0], reference.get("type").strip().lower())


def _read_metadata(package: Package, root: Element) -> None:
    refined = _refinements(root)
    package.title = _title(root, refined)
    package.creators = _creators(root, refined)
    package.language = next(
        (text.replace("_", "-") for text in _texts(root, "language") if text.lower() not in ("und", "zxx")), None
    )
    for detail in _DETAILS:
        texts = [_plain(text) for text in _texts(root, detail)]
        if texts:
            package.details[detail] = (", ".join(texts) if detail == "subject" else texts[0])[:_LONGEST_DETAIL]
    unique = root.get("unique-identifier")
    for identifier in _all(root, "identifier"):
        if unique and identifier.get("id") == unique and words_in(identifier):
            package.details["identifier"] = words_in(identifier)


def _refinements(root: Element) -> dict[str, dict[str, str]]:
    refined: dict[str, dict[str, str]] = {}
    for meta in _all(root, "meta"):
        if meta.get("refines") and meta.get("property"):
            refined.setdefault(meta.get("refines").lstrip("#"), {}).setdefault(meta.get("property"), words_in(meta))
    return refined


def _title(root: Element, refined: dict[str, dict[str, str]]) -> str:
    titles = [(refined.get(title.get("id") or "", {}), words_in(title)) for title in _all(root, "title") if words_in(title)]
    if not titles:
        return ""
    main = next((text for said, text in titles if said.get("title-type") == "main"), titles[0][1])
    subtitle = next((text for said, text in titles if said.get("title-type") == "subtitle"), "")
    return f"{main}: {subtitle}" if subtitle and subtitle.casefold() not in main.casefold() else main


def _creators(root: Element, refined: dict[str, dict[str, str]]) -> tuple[str, ...]:
    """Return the authors: those whose role says so, else the creators whose role says nothing else, else all creators."""
    found = []
    for place, creator in enumerate(_all(root, "creator")):
        said = refined.get(creator.get("id") or "", {})
        role = (_opf(creator, "role") or said.get("role") or "").lower()
        sequence = said.get("display-seq", "")
        order = int(sequence) if sequence.isascii() and sequence.isdigit() and len(sequence) < 6 else place + 1
        found.append((order, role, words_in(creator)))
    people = [(role, text) for _, role, text in sorted(found, key=lambda person: person[0]) if text]
    for chosen in (lambda role: role == "aut", lambda role: role not in _NOT_AUTHORS, lambda role: True):  # noqa: ARG005
        authors = tuple(dict.fromkeys(text for role, text in people if chosen(role)))
        if authors:
            return authors
    return ()


def _find_contents(package: Package, root: Element) -> None:
    spine = next(_all(root, "spine"), None)
    named = package.items.get(spine.get("toc") or "") if spine is not None else None
    ncx = [
        item for item in package.items.values() if item.media_type == "application/x-dtbncx+xml" or item.path.endswith(".ncx")
    ]
    package.ncx = named.path if named else ncx[0].path if ncx else None
    package.nav = next((item.path for item in package.items.values() if "nav" in item.properties), None)


def _find_cover(package: Package, root: Element) -> None:
    items = package.items
    named = [item.path for item in items.values() if "cover-image" in item.properties]
    metas = [meta.get("content") for meta in _all(root, "meta") if (meta.get("name") or "").lower() == "cover"]
    named += [items[key].path for key in metas if key in items]
    named += [path for path, kind in package.guide.items() if kind == "cover"]
    named += [item.path for key, item in items.items() if "cover" in key.lower() and item.media_type in _IMAGES]
    package.cover = named[0] if named else None


def page_of(package: Package, item_id: str) -> Item | None:
    """Return the page that an item of the spine is, or falls back to; ``None`` if it is neither."""
    seen: set[str] = set()
    while item_id in package.items and item_id not in seen:
        seen.add(item_id)
        item = package.items[item_id]
        if (
            item.media_type in _PAGES
            or item.media_type == "image/svg+xml"
            or item.path.lower().endswith((".xhtml", ".html", ".htm"))
        ):
            return item
        item_id = item.fallback or ""
    return None


def _all(root: Element | None, name: str) -> Iterator[Element]:
    if root is not None:
        yield from (element for element in root.iter() if name_of(element) == name)


def _texts(root: Element, name: str) -> list[str]:
    return [text for element in _all(root, name) if (text := words_in(element))]


def _opf(element: Element, name: str) -> str | None:
    said: str | None = element.get(f"{{http://www.idpf.org/2007/opf}}{name}") or element.get(f"opf:{name}") or element.get(name)
    return said


def _plain(text: str) -> str:
    """Return a text without the HTML that descriptions are often written in."""
    return words_in(parse_document(text, xml=False)[0]) if "<" in text else text

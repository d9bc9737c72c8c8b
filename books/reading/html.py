"""HTML: its blocks and chapters."""

import posixpath
from collections.abc import Callable

from actors.errors import InputDataError
from books.book import Block, BlockKind, Book, Resource
from books.reading.blocks import Flow
from books.reading.chapters import chapters_of
from books.reading.gutenberg import without_licence
from books.reading.images import Images, image_of
from books.reading.markup import Element, language_of, parse_document
from books.reading.notes import Notes
from books.reading.references import resolve
from books.reading.walk import blocks_of

__all__ = ["Flow", "blocks_of", "chapters_of", "has_words", "images_beside", "read_html"]

_DETAILS = {
    "description": "description",
    "dc.date": "date",
    "dcterms.created": "date",
    "dc.publisher": "publisher",
    "dc.rights": "rights",
    "dc.subject": "subject",
    "keywords": "subject",
}
_AUTHORS = ("author", "dc.creator", "dcterms.creator", "marccreator")


def read_html(content: bytes | str, name: str, beside: Callable[[str], bytes | None] = lambda path: None) -> Book:  # noqa: ARG005
    """Return the book in a HTML file: chapters by its headings, title, author and language as its head says them.

    Args:
        content: of the file.
        name: of the file: the title of a book that says none.
        beside: returns a file that lies beside it, by its relative path, which never leads upwards; ``None`` if there is none.

    Raises:
        InputDataError: it has no text.
    """
    xml = b"<?xml" in content[:256] if isinstance(content, bytes) else "<?xml" in content[:256]
    root, _ = parse_document(content, xml=xml)
    images = images_beside(beside)
    language = _language(root)
    flow = without_licence(blocks_of(root, language=language, image=images))
    if not has_words(flow.blocks):
        raise InputDataError(f"{name} has no text to read: give a file that has some")
    said = _said(root)
    heading = next((flow.blocks[index].text for index in sorted(flow.levels)), "")
    title = " ".join((said.get("dc.title", "") or flow.title or heading).split()) or posixpath.splitext(name)[0]
    notes = Notes()
    notes.skipped.update(flow.skipped)
    return Book(
        title=title,
        chapters=chapters_of(flow, title),
        creators=tuple(dict.fromkeys(said[key] for key in _AUTHORS if key in said))[:1],
        language=language,
        cover=_cover(root, beside),
        images=images.resources,
        details={detail: said[key] for key, detail in _DETAILS.items() if key in said},
        notes=notes.sentences(),
    )


def images_beside(beside: Callable[[str], bytes | None]) -> "Beside":
    """Return what gives the names of images for what a page says of them, and keeps their content."""
    return Beside(beside)


class Beside:
    """Images that lie beside a file."""

    def __init__(self, beside: Callable[[str], bytes | None]) -> None:
        self._images = Images(beside)

    def __call__(self, source: str) -> str | None:
        """Return the name of an image's resource, or ``None``: it is elsewhere, or not there."""
        target = resolve("", source)
        return self._images.name_of(target[0]) if target and target[0] else None

    @property
    def resources(self) -> dict[str, Resource]:
        """The images that were asked for, by name."""
        return self._images.resources


def has_words(blocks: list[Block]) -> bool:
    """Tell whether there is a word to speak."""
    return any(block.kind is not BlockKind.SCENE_BREAK and block.text for block in blocks)


def _language(root: Element) -> str | None:
    return language_of(root) or next((code for body in root.iter("{*}body") if (code := language_of(body))), None)


def _said(root: Element) -> dict[str, str]:
    """Return what a page's head says of it, by the names in lower case."""
    said: dict[str, str] = {}
    for meta in root.iter("{*}meta"):
        key, value = (meta.get("name") or meta.get("property") or "").lower(), " ".join((meta.get("content") or "").split())
        if key and value:
            said.setdefault(key, value)
    return said


def _cover(root: Element, beside: Callable[[str], bytes | None]) -> Resource | None:
    """Return the cover that a page's head names."""
    named = [link.get("href") for link in root.iter("{*}link") if "coverpage" in (link.get("rel") or "")]
    named += [_said(root).get("og:image")]
    for href in filter(None, named):
        target = resolve("", href)
        data = beside(target[0]) if target and target[0] else None
        if data and (image := image_of(target[0] if target else "", data)):
            return image
    return None

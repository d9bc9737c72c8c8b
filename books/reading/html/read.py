"""HTML in, a book out."""

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from actors.errors import InputDataError
from books.book import Book, Resource
from books.reading.html.chapters import chapters_of
from books.reading.html.licence import without_licence
from books.reading.html.markup import Element, language_of, parse_document
from books.reading.html.walk import blocks_of
from books.reading.images import Images
from books.reading.notes import Notes

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
    images = Images(beside)
    language = _language(root)
    flow = without_licence(blocks_of(root, language=language, image=images.named))
    if not any(block.text for block in flow.blocks):
        raise InputDataError(f"{name} has no text to read: give a file that has some")
    said = _said(root)
    heading = next((flow.blocks[index].text for index in sorted(flow.levels)), "")
    title = " ".join((said.get("dc.title", "") or flow.title or heading).split()) or PurePosixPath(name).stem
    return Book(
        title=title,
        chapters=chapters_of(flow, title),
        creators=tuple(dict.fromkeys(said[key] for key in _AUTHORS if key in said))[:1],
        language=language,
        cover=_cover(root, said, images),
        images=images.resources,
        details={detail: said[key] for key, detail in _DETAILS.items() if key in said},
        notes=Notes(flow.skipped).sentences(),
    )


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


def _cover(root: Element, said: Mapping[str, str], images: Images) -> Resource | None:
    """Return the cover that a page's head names."""
    links = [link.get("href") or "" for link in root.iter("{*}link") if "coverpage" in (link.get("rel") or "")]
    names = (images.named(source) for source in [*links, said.get("og:image", "")])
    return next((images.resources[name] for name in names if name), None)

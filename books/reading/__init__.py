"""Files in, books out: a room each for EPUB, HTML, Markdown, plain text and PDF, and here what they share."""

import codecs
import posixpath
from collections.abc import Callable

from actors.errors import InputDataError
from books.book import Book
from books.reading.encoding import decode, utf16_of

BOOK_SUFFIXES = (".epub", ".html", ".htm", ".xhtml", ".md", ".markdown", ".txt", ".text", ".pdf")

_PAGES = (".html", ".htm", ".xhtml")
_MARKDOWN = (".md", ".markdown")
_OTHERS = {
    ".mobi": "Kindle",
    ".azw": "Kindle",
    ".azw3": "Kindle",
    ".kfx": "Kindle",
    ".docx": "Word",
    ".doc": "Word",
    ".odt": "OpenDocument",
    ".rtf": "RTF",
    ".fb2": "FictionBook",
    ".djvu": "DjVu",
}

# What content may look like, by suffix; plain text may look like anything but what a program made.
_ALLOWED: dict[str, tuple[str | None, ...]] = {
    ".epub": (".epub", "zip", None, "binary"),
    ".pdf": (".pdf", None, "binary"),
}
_FOUND = {
    ".epub": "an EPUB",
    ".pdf": "a PDF",
    "page": "HTML",
    "zip": "a zip archive",
    "binary": "no text",
    None: "something else",
}
_HINTS = {
    ".epub": "name it .epub",
    ".pdf": "name it .pdf",
    "page": "name it .html",
    "zip": "unpack it",
    "binary": "give the book itself",
    None: "get it anew",
}


def _nothing_beside(path: str) -> bytes | None:  # noqa: ARG001
    return None


def read_book(content: bytes, name: str, beside: Callable[[str], bytes | None] = _nothing_beside) -> Book:
    """Return the book that a file holds.

    Args:
        content: of the file.
        name: of the file. Its suffix says the format; it is the title of a book that has none.
        beside: returns the content of a file beside it, by its relative path, or ``None`` if there is none: the images of HTML
            and Markdown. It is asked for no path that leads upwards, nor for an absolute one.

    Raises:
        InputDataError: the format is none that is read, the content is of another one, is damaged or protected, or has no text.
    """
    name = " ".join(posixpath.basename(name.replace("\\", "/")).split())
    stem, suffix = posixpath.splitext(name)
    suffix = suffix.lower()
    _check_format(content, name, suffix)
    if suffix == ".epub":
        from books.reading.epub import read_epub

        return read_epub(content, name)
    if suffix == ".pdf":
        from books.reading.pdf import read_pdf

        return read_pdf(content, stem)
    if suffix in _PAGES:
        from books.reading.html import read_html

        return read_html(content, name, beside)
    if suffix in _MARKDOWN:
        from books.reading.markdown import read_markdown

        return read_markdown(decode(content), stem, beside)
    from books.reading.plain import read_text

    return read_text(decode(content), stem)


def _check_format(content: bytes, name: str, suffix: str) -> None:
    if suffix not in BOOK_SUFFIXES:
        what = f"is a {_OTHERS[suffix]} file" if suffix in _OTHERS else "is no book that is read"
        raise InputDataError(f"{name} {what}: give {', '.join(BOOK_SUFFIXES)}, or convert it to EPUB (Calibre does)")
    if not content.strip():
        raise InputDataError(f"{name} is empty: get it anew")
    found = _format_of(content)
    if found not in _ALLOWED.get(suffix, (None, "page")):
        raise InputDataError(f"{name} is {_FOUND[found]}, and not what its name says: {_HINTS[found]}")


def _format_of(content: bytes) -> str | None:
    """Return the suffix of what content is without doubt, ``page`` for HTML, ``zip``, ``binary``, or ``None``."""
    head = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if content[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return ".epub" if b"application/epub+zip" in content[:256] or b"META-INF/container.xml" in content else "zip"
    if b"%PDF-" in head:
        return ".pdf"
    if head[:14].lower().startswith((b"<!doctype html", b"<html")) or b"<html" in head.lower():
        return "page"
    if b"\0" in content[:4096] and content[:2] not in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) and not utf16_of(content):
        return "binary"
    return None

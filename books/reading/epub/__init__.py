"""EPUB 2 and 3: an archive, its package and table of contents, and the pages that they name."""

from books.reading.epub.read import read_epub

__all__ = ["read_epub"]

"""Text without markup, as Project Gutenberg's volunteers type it."""

from books.reading.plain.read import read_text

__all__ = ["read_text"]

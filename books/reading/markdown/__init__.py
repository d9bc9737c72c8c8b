"""Markdown, and the YAML that stands before it."""

from books.reading.markdown.read import read_markdown

__all__ = ["read_markdown"]

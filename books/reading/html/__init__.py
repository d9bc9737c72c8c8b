"""Pages of HTML, sound or damaged: their blocks in reading order, each word once."""

from books.reading.html.read import read_html

__all__ = ["read_html"]

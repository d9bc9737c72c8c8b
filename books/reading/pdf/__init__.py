"""PDF with text: lines of its pages, paragraphs of the lines, chapters of these."""

from books.reading.pdf.read import read_pdf

__all__ = ["read_pdf"]

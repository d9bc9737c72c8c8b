"""EPUBs with media overlays: books to read and to hear at once, each sentence marked while it is spoken."""

from books.binding.overlay.write import write_overlay

__all__ = ["write_overlay"]

"""The images of a book: found by what a page says of them, kept under plain names."""

import posixpath
import re
from collections.abc import Callable

from books.book import Resource
from books.reading.references import resolve

# By their first bytes: what a file is called, or declared as, is often wrong.
_KINDS = (
    (b"\xff\xd8\xff", "image/jpeg", ".jpg"),
    (b"\x89PNG\r\n\x1a\n", "image/png", ".png"),
    (b"GIF8", "image/gif", ".gif"),
    (b"BM", "image/bmp", ".bmp"),
)
_SVG_HEAD = 4096  # bytes, in which its element begins
_LARGEST = 32 << 20
_LARGEST_OF_ALL = 256 << 20  # they are in memory while their book is read
_MOST = 20_000
_NOT_PLAIN = re.compile(r"[^\w.\-]", re.ASCII)


def image_of(name: str, data: bytes) -> Resource | None:
    """Return an image as a resource, with a plain name that ends as its kind does; ``None`` if it is none."""
    kind = next(((media, suffix) for begin, media, suffix in _KINDS if data.startswith(begin)), None)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        kind = ("image/webp", ".webp")
    elif kind is None and b"<svg" in data[:_SVG_HEAD]:
        kind = ("image/svg+xml", ".svg")
    if kind is None or len(data) > _LARGEST:
        return None
    stem = _NOT_PLAIN.sub("_", posixpath.splitext(posixpath.basename(name))[0]).strip("._-")[:80] or "image"
    return Resource(stem + kind[1], kind[0], data)


class Images:
    """The images that pages name, each once.

    Attributes:
        resources: those that were found, by name.
    """

    def __init__(self, load: Callable[[str], bytes | None], find: Callable[[str], str | None] = lambda path: path) -> None:
        """Find images in a book.

        Args:
            load: returns a file's content by its path in the book, or ``None`` if there is none.
            find: returns the path of the file that is meant by one, or ``None``.
        """
        self._load, self._find = load, find
        self._names: dict[str, str | None] = {}
        self._taken: dict[str, int] = {}
        self._size = 0
        self.resources: dict[str, Resource] = {}

    def named(self, source: str, page: str = "") -> str | None:
        """Return the name of the resource that a reference on a page leads to; ``None``: it leads elsewhere, or to no image."""
        target = resolve(page, source)
        path = self._find(target[0]) if target and target[0] else None
        if path is None:
            return None
        if path not in self._names:
            self._names[path] = self._add(path) if len(self._names) < _MOST else None
        return self._names[path]

    def first(self) -> Resource | None:
        """Return the image that was named first."""
        return next(iter(self.resources.values()), None)

    def _add(self, path: str) -> str | None:
        data = self._load(path)
        image = image_of(path, data) if data else None
        if image is None or self._size + len(image.data) > _LARGEST_OF_ALL:
            return None
        self._size += len(image.data)
        name = self._name(image.name)
        self.resources[name] = Resource(name, image.media_type, image.data)
        return name

    def _name(self, wanted: str) -> str:
        """Return a name that no other image has."""
        stem, suffix = posixpath.splitext(wanted)
        name = wanted
        while name in self.resources:
            self._taken[wanted] = self._taken.get(wanted, 1) + 1
            name = f"{stem}-{self._taken[wanted]}{suffix}"
        return name

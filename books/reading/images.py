"""The images of a book: found by what a page says of them, kept under plain names."""

import posixpath
import re
from collections.abc import Callable

from books.book import Resource

# By their first bytes: what a file is called, or declared as, is often wrong.
_KINDS = (
    (b"\xff\xd8\xff", "image/jpeg", ".jpg"),
    (b"\x89PNG\r\n\x1a\n", "image/png", ".png"),
    (b"GIF8", "image/gif", ".gif"),
    (b"BM", "image/bmp", ".bmp"),
)
_LARGEST = 32 << 20
_MOST = 20_000
_LARGEST_OF_ALL = 256 << 20
_NOT_PLAIN = re.compile(r"[^\w.\-]", re.ASCII)


def image_of(name: str, data: bytes) -> Resource | None:
    """Return an image as a resource, with a plain name that ends as its kind does; ``None`` if it is none."""
    kind = next(((media, suffix) for begin, media, suffix in _KINDS if data.startswith(begin)), None)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        kind = ("image/webp", ".webp")
    elif kind is None and b"<svg" in data[:4096]:
        kind = ("image/svg+xml", ".svg")
    if kind is None or len(data) > _LARGEST:
        return None
    stem = _NOT_PLAIN.sub("_", posixpath.splitext(posixpath.basename(name))[0]).strip("._-")[:80] or "image"
    return Resource(stem + kind[1], kind[0], data)


class Images:
    """The images that pages name, each once."""

    def __init__(self, load: Callable[[str], bytes | None]) -> None:
        """``load`` returns a file's content by its path, or ``None`` if there is none."""
        self._load = load
        self._names: dict[str, str | None] = {}
        self._size = 0
        self.resources: dict[str, Resource] = {}

    def name_of(self, path: str) -> str | None:
        """Return the name of the resource at a path; ``None`` if no image is there."""
        if path not in self._names:
            self._names[path] = self._add(path) if len(self._names) < _MOST else None
        return self._names[path]

    def _add(self, path: str) -> str | None:
        data = self._load(path)
        image = image_of(path, data) if data else None
        if image is None or self._size + len(image.data) > _LARGEST_OF_ALL:
            return None
        self._size += len(image.data)
        stem, suffix = posixpath.splitext(image.name)
        name, number = image.name, 2
        while name in self.resources:
            name, number = f"{stem}-{number}{suffix}", number + 1
        self.resources[name] = Resource(name, image.media_type, image.data)
        return name

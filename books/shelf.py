"""Finds a job's books."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NamedTuple

from actors.errors import StorageError
from actors.names import file_name
from books.book import Book
from books.reading import BOOK_SUFFIXES, read_book
from cluster.dataset import Location, TextOptions
from cluster.dataset.find import find_shards
from cluster.storage import Store, printable

_ALONE = (".epub", ".pdf", ".txt", ".text")  # suffixes of files to which no others belong


@dataclass(frozen=True)
class BookFile:
    """A file with a book.

    Attributes:
        name: what the book's files are called, unique in the job.
        store: where it is, with ``key``.
    """

    name: str
    store: Store
    key: str

    @property
    def uri(self) -> str:
        """The file's printable URI."""
        return self.store.uri_of(self.key)

    @property
    def has_files_beside(self) -> bool:
        """Whether other files may belong to it: images of a page."""
        return PurePosixPath(self.key).suffix.lower() not in _ALONE

    def content(self) -> bytes:
        """Return its bytes.

        Raises:
            StorageError: the store cannot be reached.
        """
        return self.store.read_bytes(self.key)

    def read(self, content: bytes) -> Book:
        """Return the book that its bytes hold.

        Raises:
            InputDataError: they hold none that can be read, and why.
        """
        return read_book(content, printable(PurePosixPath(self.key).name).replace("\\", "_"), self._beside)

    def _beside(self, name: str) -> bytes | None:
        """Return the content of a file beside it, or below: an image of a Markdown file."""
        key = PurePosixPath(self.key).parent / name
        if name.startswith("/") or ".." in key.parts:
            return None
        try:
            return self.store.read_bytes(key.as_posix())
        except (StorageError, ValueError):
            return None


class Shelf(NamedTuple):
    """The books of a job, and what else is there, in words."""

    books: Sequence[BookFile]
    skipped: Sequence[str]


def find_books(inputs: Sequence[Location], exclude: Iterable[Location] = (), taken: Iterable[str] = ()) -> Shelf:
    """Return the books that files, folders, globs and URIs name, each once, in order.

    Args:
        inputs: where they are.
        exclude: what of that is not looked at.
        taken: names that no book may have, in small letters.

    Raises:
        InputDataError: there is none.
        StorageError: a store cannot be read.
    """
    found = find_shards(inputs, frozenset(BOOK_SUFFIXES), exclude, TextOptions())
    stems = [file_name(PurePosixPath(shard.key).stem) for shard in found.shards]
    count, seen = Counter(stem.casefold() for stem in stems), Counter(taken)
    books = []
    for shard, stem in zip(found.shards, stems, strict=True):
        # Of books that share a name, the path tells which is which: a later book must not take another one's name.
        name = stem if count[stem.casefold()] == 1 else file_name(shard.name)
        seen[name.casefold()] += 1
        books.append(
            BookFile(name if seen[name.casefold()] == 1 else f"{name} ({seen[name.casefold()]})", shard.store, shard.key)
        )
    return Shelf(books, found.skipped)

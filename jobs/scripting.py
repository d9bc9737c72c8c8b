"""What a job speaks of books: the script of each, written where workers read their rows."""

import contextlib
import hashlib
import json
import logging
import re
import tempfile
from collections.abc import Collection, Iterator, Sequence
from importlib.metadata import version
from typing import NamedTuple

from actors.errors import InputDataError, RequestError, UsageError
from books.book import Book
from books.direction import Direction, check_voices, direct
from books.script import delete_script, has_script, write_script
from books.shelf import BookFile
from cluster.storage import Store, below
from jobs.chapters import chosen_chapters, parse_chapters

logger = logging.getLogger("speechmill.audiobook")

SCRIPTS_FOLDER = "scripts"  # of the output
_DIGEST_CHARS = 16


class BookScript(NamedTuple):
    """The names of a book, and of its script, which names what that was made of: two jobs write no other's script."""

    book: str
    script: str


@contextlib.contextmanager
def scripts_folder(output: str, *, is_dry_run: bool) -> Iterator[str]:
    """Yield the location of an output's scripts, which a dry run writes elsewhere."""
    if not is_dry_run:
        yield below(output, SCRIPTS_FOLDER)
        return
    with tempfile.TemporaryDirectory(prefix="speechmill-scripts-") as folder:
        yield folder


def write_scripts(
    books: Sequence[BookFile], scripts: Store, direction: Direction, chapters: str | None
) -> tuple[list[BookScript], int]:
    """Write the scripts of all books that can be read; return them, and how many cannot, of which the log says why.

    Args:
        books: the files.
        scripts: where the scripts are written.
        direction: how books are spoken.
        chapters: which of their chapters, as :func:`jobs.chapters.parse_chapters` has it; ``None`` are all.

    Raises:
        UsageError: the direction names a voice that the model has not, or the chapters are none.
        InputDataError: no book can be read.
        StorageError: a store cannot be reached.
    """
    check_voices(direction)
    if chapters is not None:
        parse_chapters(chapters)
    written = []
    for file in books:
        try:
            written.append(BookScript(file.name, _write_script(file, scripts, direction, chapters)))
        except (InputDataError, RequestError, UsageError) as error:
            if len(books) == 1:
                raise InputDataError(f"{file.uri}: {error}") from error
            logger.error("%s: %s", file.uri, error)  # noqa: TRY400 - a sentence is all that there is to say
    if not written:
        raise InputDataError(f"none of the {len(books)} books can be read: the lines above say why")
    return written, len(books) - len(written)


def delete_earlier(scripts: Store, current: Collection[BookScript]) -> None:
    """Delete what earlier scripts there are of the same books: before an edit, or of other settings.

    Raises:
        StorageError: the store cannot be reached.
    """
    kept, books = {each.script for each in current}, {each.book for each in current}
    # Resources are written before passages: a script that a killed job began has nothing else.
    found = {re.sub(r"\.(?:parquet|files/.*)$", "", entry.key) for entry in scripts.entries()}
    for name in found - kept:
        book, dot, digest = name.rpartition(".")
        if dot and book in books and re.fullmatch(rf"[0-9a-f]{{{_DIGEST_CHARS}}}", digest):
            delete_script(scripts, name)


def _write_script(file: BookFile, scripts: Store, direction: Direction, chapters: str | None) -> str:
    """Write a book's script, unless it is there; return its name."""
    content = file.content()
    book = file.read(content) if file.has_files_beside else None
    told = [_digest(content), _digests(book), repr(direction), chapters, file.name, version("speechmill")]
    name = f"{file.name}.{_digest(json.dumps(told).encode())[:_DIGEST_CHARS]}"
    if has_script(scripts, name):
        return name
    script = direct(chosen_chapters(book or file.read(content), chapters), direction, f"{file.name}/")
    if not script.passages:
        raise InputDataError("there is nothing in it to speak")
    write_script(scripts, name, script)
    for note in script.book.notes:
        logger.info("%s: %s", file.name, note)
    return name


def _digests(book: Book | None) -> list[str]:
    """Return what names the images of a book."""
    if book is None:
        return []
    return [_digest(resource.data) for resource in (*book.images.values(), *filter(None, [book.cover]))]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

"""PDF with text in, a book out: pages' lines in reading order, made paragraphs and chapters."""

import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

import pypdfium2

from actors.errors import InputDataError
from books.book import Block, BlockKind, Book
from books.reading.chapters import cut
from books.reading.notes import NOTES, RUNNING, Notes
from books.reading.pdf.outline import Entry, starts_of
from books.reading.pdf.pages import Line, lines_of
from books.reading.pdf.paragraphs import Paragraph, paragraphs_of
from books.reading.pdf.running import without_feet, without_running_lines

_LOCK = threading.Lock()  # PDFium is not thread-safe
_MOST_PAGES = 10_000
_MOST_CHARACTERS = 20_000_000  # of all pages: six times those of "War and Peace", some minutes
_MOST_ENTRIES = 5_000
_LONGEST_TITLE = 300  # characters
_JUNK_TITLE = re.compile(
    r"\s*(?:microsoft word|untitled|\(anonymous\)|.*\.(?:docx?|tex|dvi|indd|pdf|qxd|rtf)\s*\Z)|\W*\Z", re.I
)
_JUNK_AUTHOR = re.compile(r".*\(0x|\W*\Z|(?:unknown|anonymous|user|admin(?:istrator)?|owner)\Z", re.I)
_BETWEEN_NAMES = re.compile(r"\s*(?:;|\band\b|&)\s*")


def read_pdf(content: bytes, name: str) -> Book:
    """Read a PDF that has text as a book: chapters by its outline, else by headings of larger type.

    Dropped, and noted: running heads and feet, page numbers, footnotes at the foot of pages.

    Args:
        content: of the file.
        name: of the file: the title of a book that says none.

    Raises:
        InputDataError: it is damaged, locked with a password, or has no text, as scans have none.
    """
    with _LOCK:
        document = _opened(content, name)
        try:
            if len(document) > _MOST_PAGES:
                raise InputDataError(f"{name}: {len(document)} pages are more than {_MOST_PAGES}: cut the PDF into several")
            pages = list(_pages(document, name))
            entries = list(_entries(document))
            metadata = document.get_metadata_dict()
        finally:
            document.close()
    return _book(pages, entries, metadata, name)


def _opened(content: bytes, name: str) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower() or "security" in str(error).lower():
            raise InputDataError(f"{name}: this PDF is locked with a password: save it without one, then run again") from error
        raise InputDataError(f"{name}: this is no PDF, or a damaged one ({error}): try to print it to a new PDF") from error


def _pages(document: pypdfium2.PdfDocument, name: str) -> Iterator[list[Line]]:
    left = _MOST_CHARACTERS
    for number in range(len(document)):
        lines, read = _page(document, number)
        left -= read
        if left < 0:
            raise InputDataError(f"{name}: it has more than {_MOST_CHARACTERS:,} characters: cut the PDF into several")
        yield lines


def _page(document: pypdfium2.PdfDocument, number: int) -> tuple[list[Line], int]:
    """Return a page's lines, and how many characters were looked at; none of a page that is damaged."""
    try:
        page = document[number]
        try:
            return lines_of(page, number)
        finally:
            page.close()
    except pypdfium2.PdfiumError:
        return [], 0


def _entries(document: pypdfium2.PdfDocument) -> Iterator[Entry]:
    for number, bookmark in enumerate(document.get_toc(max_depth=8)):
        if number >= _MOST_ENTRIES:
            return
        destination = bookmark.get_dest()
        title = " ".join(bookmark.get_title()[:_LONGEST_TITLE].split())
        page = destination.get_index() if destination else None
        if page is not None and title:
            position = destination.get_view()[1]
            yield Entry(title, bookmark.level, page, position[1] if len(position) > 1 else None)


def _book(pages: Sequence[list[Line]], entries: Sequence[Entry], metadata: dict[str, str], name: str) -> Book:
    if not any(pages):
        raise InputDataError(
            f"{name}: this PDF has pictures of its pages and no text: recognise its text first, as ocrmypdf does"
        )
    kept, running = without_running_lines(pages)
    kept, footnotes = without_feet(kept)
    paragraphs = paragraphs_of(kept)
    notes = Notes({RUNNING: running, NOTES: footnotes})
    if empty := sum(not page for page in pages):
        notes.say(f"{empty:,} of {len(pages):,} pages have no text: they are empty, or pictures")
    said = " ".join((metadata.get("Title") or "").split())
    title = said if said and not _JUNK_TITLE.match(said) else PurePosixPath(name).stem
    author = " ".join((metadata.get("Author") or "").split())
    return Book(
        title=title,
        chapters=cut([_block(paragraph) for paragraph in paragraphs], starts_of(paragraphs, entries), title),
        creators=tuple(part for part in _BETWEEN_NAMES.split(author) if not _JUNK_AUTHOR.match(part)),
        details={"subject": metadata["Subject"]} if metadata.get("Subject") else {},
        notes=notes.sentences(),
    )


def _block(paragraph: Paragraph) -> Block:
    if paragraph.is_scene_break:
        return Block(BlockKind.SCENE_BREAK)
    kind = BlockKind.HEADING if paragraph.is_heading else BlockKind.VERSE if "\n" in paragraph.text else BlockKind.PARAGRAPH
    return Block(kind, paragraph.text)

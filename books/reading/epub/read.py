"""EPUB 2 and 3: everything that its reading order names, once, in chapters as its table of contents parts it.

Pronunciations that its pages give as attributes of SSML are kept. PLS lexicons inside a book are not applied: whoever wants one
gives it with ``--lexicon``.

Sources: EPUB 3.3 (https://www.w3.org/TR/epub-33/), Open Packaging Format 2.0.1 (https://idpf.org/epub/20/spec/OPF_2.0.1_draft.htm).
"""

from collections.abc import Sequence
from functools import partial
from pathlib import PurePosixPath

from actors.errors import InputDataError
from books.book import BlockKind, Book, Resource
from books.reading.chapters import Start, cut
from books.reading.epub.archive import Archive
from books.reading.epub.contents import read_contents, starts_in
from books.reading.epub.package import Item, Package, page_of, read_package
from books.reading.html import furniture
from books.reading.html.blocks import Flow
from books.reading.html.chapters import starts_of
from books.reading.html.licence import without_licence
from books.reading.html.markup import Element, language_of, parse_document
from books.reading.html.walk import blocks_of
from books.reading.images import Images, image_of
from books.reading.notes import CONTENTS, LEGAL, NOTES, Notes
from books.reading.references import resolve

_LONGEST_COVER_PAGE = 200  # words; what is called a cover and has more is none
_LONGEST_IMPRINT = 600  # words
_FEWEST_PAGES = 4  # of a book that has one of them set aside for its copyright
_MOSTLY = 0.75  # of the letters of a page of contents are links
_FEWEST_CONTENTS = 5  # blocks
_HEAD = 4096  # bytes, in which a page says that it is one


def read_epub(content: bytes, name: str) -> Book:
    """Return the book in an EPUB.

    Args:
        content: of the file.
        name: of the file: the title of a book that says none.

    Raises:
        InputDataError: it is no EPUB, is cut off, is protected, or has no text. Lesser damage is noted in the book.
    """
    return _Reader(content, name).book()


class _Reader:
    def __init__(self, content: bytes, name: str) -> None:
        self._name = name
        self._notes = Notes()
        self._archive = Archive(content, name)
        self._package: Package = read_package(self._archive, name, self._notes)
        self._entries = read_contents(self._archive, self._package, self._notes)
        self._images = Images(self._archive.read, self._archive.find)
        self._language = self._package.language
        self._guide = {self._archive.find(path) or path: kind for path, kind in self._package.guide.items()}

    def book(self) -> Book:
        items = self._pages()
        targets = self._note_targets(items)
        title = self._package.title or PurePosixPath(self._name).stem
        flow, pages, page_titles = self._text(items, targets)
        if not any(block.text for block in flow.blocks):
            raise InputDataError(
                f"{self._name} has no text to read: its pages are pictures, or missing. Recognise its text first"
            )
        starts = self._starts(flow, pages, page_titles)
        return Book(
            title=title,
            chapters=cut(flow.blocks, starts, title),
            creators=self._package.creators,
            language=self._language,
            cover=self._cover(items),
            images=self._images.resources,
            details=self._package.details,
            notes=self._notes.sentences(),
        )

    def _pages(self) -> dict[str, Item]:
        """Return the pages that are read, by path, in reading order."""
        named = {entry.path for entry in self._entries}
        pages: dict[str, Item] = {}
        for key, linear in self._package.spine.items():
            item = page_of(self._package, key)
            if item is None:
                self._notes.file("what the reading order names and is no page was left out", key)
                continue
            path = self._archive.find(item.path)
            if path is None:
                self._notes.file("pages that are missing were left out", item.path)
            elif linear or path in named:
                pages.setdefault(path, item)
            else:
                self._notes.file("pages beside the reading order were left out", path)
        return pages

    def _parse(self, path: str) -> Element | None:
        content = self._archive.read(path)
        if content is None:
            self._notes.file("pages that are damaged were left out", path)
            return None
        root, mended = parse_document(content)
        if mended:
            self._notes.file("pages that are not well-formed were read as HTML", path)
        self._language = self._language or language_of(root)
        return root

    def _note_targets(self, pages: dict[str, Item]) -> dict[str, set[str]]:
        """Return where the numbers of notes lead: values of ``id`` by path."""
        targets: dict[str, set[str]] = {}
        for path in pages:
            root = self._parse(path)
            for href in furniture.note_numbers(root) if root is not None else ():
                target = resolve(path, href)
                if target and target[1]:
                    targets.setdefault(self._archive.find(target[0]) or target[0], set()).add(target[1])
        return targets

    def _text(self, pages: dict[str, Item], targets: dict[str, set[str]]) -> tuple[Flow, list[str], list[str]]:
        """Return the whole text, the paths of the pages that are in it, and their titles."""
        whole, paths, titles = Flow(), list[str](), list[str]()
        for path in pages:
            root = self._parse(path)
            if root is None:
                continue
            flow = blocks_of(
                root, language=self._language, image=partial(self._images.named, page=path), notes=targets.get(path, set())
            )
            self._notes.skipped.update(flow.skipped)
            if self._is_read(path, flow, len(pages)):
                paths.append(path)
                titles.append(flow.title)
                whole.append(flow, path)
        whole = without_licence(whole)
        kept = [place for place, path in enumerate(paths) if f"{path}#" in whole.anchors]
        return whole, [paths[place] for place in kept], [titles[place] for place in kept]

    def _is_read(self, path: str, flow: Flow, pages: int) -> bool:
        """Tell whether a page has something to read, and is not one that the book calls furniture."""
        letters = sum(len(block.text) for block in flow.blocks)
        words = sum(len(block.text.split()) for block in flow.blocks)
        kind = furniture.PAGE_TYPES.get(self._guide.get(path, ""))
        if kind == LEGAL and words > _LONGEST_COVER_PAGE and self._guide[path] == "cover":
            kind = None
        if kind is None and words <= _LONGEST_IMPRINT and pages >= _FEWEST_PAGES and _is_imprint(flow):
            kind = LEGAL
        if kind is None and len(flow.blocks) >= _FEWEST_CONTENTS and flow.linked > _MOSTLY * letters:
            kind = CONTENTS
        if kind is not None and pages > 1:
            self._notes.skipped[kind] += 1
            return False
        return bool(flow.blocks) and not (
            any(flow.skipped[reason] for reason in (NOTES, CONTENTS, LEGAL))
            and all(block.kind is BlockKind.HEADING for block in flow.blocks)
        )

    def _starts(self, flow: Flow, pages: Sequence[str], titles: Sequence[str]) -> list[Start]:
        starts = starts_in(flow, self._entries, pages)
        headings = starts_of(flow)
        if len(starts) > 1 or (starts and len(headings) <= len(starts) + 1):
            return starts
        self._notes.say("it has no table of contents that parts it; its chapters were found by headings")
        if headings:
            return headings
        return [Start(flow.anchors[f"{page}#"], title, 0) for page, title in zip(pages, titles, strict=True)]

    def _cover(self, pages: dict[str, Item]) -> Resource | None:
        """Return the cover: the image that the package names, or the first one on the page it names, or on the first page."""
        for path in filter(None, (self._package.cover, next(iter(pages), None))):
            data = self._archive.read(path)
            image = image_of(path, data) if data and b"<html" not in data[:_HEAD].lower() else None
            if image is None and data and (self._package.cover == path or len(pages) > 1):
                image = self._first_image(path, data)
            if image is not None:
                return image
        return None

    def _first_image(self, path: str, page: bytes) -> Resource | None:
        images = Images(self._archive.read, self._archive.find)
        blocks_of(parse_document(page)[0], image=partial(images.named, page=path))
        return images.first()


def _is_imprint(flow: Flow) -> bool:
    """Tell whether a page is the one with the copyright and the numbers, in whatever language."""
    text = " ".join(block.text for block in flow.blocks)
    return "ISBN" in text and ("©" in text or "(c)" in text.lower())

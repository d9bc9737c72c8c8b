"""Plain text in, a book out: chapters found by their headings, paragraphs by blank lines or indents, verse by its lines."""

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from books.book import Block, BlockKind, Book, Chapter
from books.reading.chapters import Start, cut
from books.reading.gutenberg import Unwrapped, unwrap
from books.reading.headings import is_title
from books.reading.lines import Group, Page, groups_of, is_indented, is_scene_break, is_verse, joined, page_of
from books.reading.notes import Notes
from books.reading.plain.brackets import IMAGE, drop_furniture, without_emphasis
from books.reading.plain.chapters import Found, contents_of, headings_in

_LINE_END = re.compile(r"\r\n?|[\v\u0085\u2028]")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_BY = re.compile(r"(?:by|von|par|por|di|door)\s+(\S.{1,80})", re.I)
_FRONT = 8  # groups of lines among which a title page is


def read_text(text: str, name: str) -> Book:
    """Read a plain text as a book.

    Dropped, and noted: Project Gutenberg's header and footer, footnotes, page numbers, a table of contents whose entries come
    again as headings.

    Args:
        text: of any width, with any line ends.
        name: of the file: the title of a text that has none.
    """
    unwrapped = unwrap(_LINE_END.sub("\n", text.replace("\f", "\n\n").expandtabs()).lstrip("\ufeff").split("\n"))
    plain, dropped = drop_furniture(_CONTROLS.sub("", "\n".join(unwrapped.lines)))
    lines = plain.split("\n")
    page = page_of(lines)
    groups = groups_of(lines, page.width)
    contents = contents_of(groups)
    if contents:
        groups = groups[: contents[0].start] + groups[contents[0].stop :]
    found = headings_in(groups, contents[1] if contents else ())
    title, creators = _title_and_creators(unwrapped, groups[: found[0].first] if found else groups, name)
    notes = Notes(dropped)
    if unwrapped.found:
        notes.say("Project Gutenberg's header, licence and credits are not read")
    if contents:
        notes.say("the table of contents is not read: its entries come again as headings")
    return Book(
        title=title,
        chapters=_chapters(groups, found, title, page) or (Chapter(title, ()),),
        creators=creators,
        language=unwrapped.fields.get("language"),
        notes=notes.sentences(),
    )


def _title_and_creators(unwrapped: Unwrapped, front: Sequence[Group], name: str) -> tuple[str, tuple[str, ...]]:
    title, author = unwrapped.fields.get("title"), unwrapped.fields.get("author")
    for group in front[:_FRONT]:
        plain = without_emphasis(group.text)
        match = _BY.fullmatch(plain)
        if match and is_title(match[1]):
            author = author or match[1]
        elif title is None and len(group.lines) <= 2 and is_title(plain):
            title = plain
    return title or PurePosixPath(name).stem, (author,) if author else ()


def _chapters(groups: Sequence[Group], found: Sequence[Found], title: str, page: Page) -> tuple[Chapter, ...]:
    blocks, starts = list[Block](), list[Start]()
    at = 0
    for one in found:
        blocks += _blocks(groups[at : one.first], page)
        said = without_emphasis(one.title)
        starts.append(Start(len(blocks), said, one.level))
        blocks.append(Block(BlockKind.HEADING, said))
        at = one.end
    blocks += _blocks(groups[at:], page)
    return cut(blocks, starts, title)


def _blocks(groups: Sequence[Group], page: Page) -> Iterator[Block]:
    for group in groups:
        if is_scene_break(group):
            yield Block(BlockKind.SCENE_BREAK)
        elif group.lines[0].startswith(IMAGE):
            yield Block(BlockKind.IMAGE, without_emphasis(group.text.removeprefix(IMAGE)))
        else:
            yield _block(group, page)


def _block(group: Group, page: Page) -> Block:
    if is_verse(group, page.width):
        lines = without_emphasis("\n".join(" ".join(line.split()) for line in group.lines))
        return Block(BlockKind.VERSE, lines)
    kind = BlockKind.QUOTE if is_indented(group) and len(group.lines) > 1 else BlockKind.PARAGRAPH
    return Block(kind, without_emphasis(joined(group.lines, page.words)))

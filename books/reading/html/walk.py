"""A walk through a page: its blocks in reading order, each word once."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from books.book import Block, BlockKind, Mark, MarkKind
from books.reading.html import furniture, speech
from books.reading.html.blocks import Flow, OpenMark, TextBuilder
from books.reading.html.layout import (
    drawn_texts,
    formula_of,
    is_data_table,
    is_line,
    is_stanza_of_spans,
    is_verse,
    item_number,
    only_links,
    whole,
)
from books.reading.html.markup import Element, language_of, name_of, parse_document, types_of, words_in
from books.reading.notes import CONTENTS, NOTES

_LONGEST_LINE = 80  # of a paragraph whose lines end where they are meant to
_FEWEST_LINES = 3
_SPACING = 5  # blank paragraphs part scenes if there are that many paragraphs to each, else they are how paragraphs are set
_ORNAMENT = re.compile(r"[*•·⁂❦❧☙#~✻✽✦✥❖◆◇○●\u204e\u2217§†\u2013—_=\s-]{1,40}+|(?:\.\s){2,20}\.")
_LISTS = {"ul", "ol", "table", "dl"}
_APART = (BlockKind.SCENE_BREAK, BlockKind.HEADING)
_HEADING = re.compile(r"h([1-6])")
_KINDS = {
    "blockquote": BlockKind.QUOTE,
    "li": BlockKind.ITEM,
    "dt": BlockKind.ITEM,
    "dd": BlockKind.ITEM,
    "figcaption": BlockKind.CAPTION,
    "caption": BlockKind.CAPTION,
    "pre": BlockKind.CODE,
    "tr": BlockKind.ROW,
}


class _State(NamedTuple):
    """What holds inside an element."""

    kind: BlockKind = BlockKind.PARAGRAPH
    level: int = 0
    language: str | None = None
    verse: bool = False
    span_lines: bool = False
    in_row: bool = False
    data: bool = False
    exact: bool = False
    in_group: bool = False
    tables: int = 0
    in_link: bool = False
    in_list: bool = False


@dataclass
class _Frame:
    element: Element
    children: Iterator[Element]
    outside: _State
    shape: str = "inline"  # "block", "line" of verse, "cell" of a row, or "skipped"
    marks: list[OpenMark] = field(default_factory=list)
    before: int = 0  # blocks


def blocks_of(
    html: bytes | str | Element,
    *,
    language: str | None = None,
    image: Callable[[str], str | None] = str,
    notes: frozenset[str] | set[str] = frozenset(),
    xml: bool = False,
) -> Flow:
    """Return the blocks of a page, or of a part of one.

    Args:
        html: a document, or the root of its tree.
        language: of the book: blocks and words in another one say so.
        image: returns the name of an image's resource for what its ``src`` says, or ``None`` if there is none.
        notes: values of ``id`` that numbers of notes lead to: blocks that begin with them are skipped.
        xml: whether a document is XHTML, and its tags close themselves.
    """
    root = parse_document(html, xml=xml)[0] if isinstance(html, bytes | str) else html
    return _Walk(root, language, image, set(notes)).flow()


class _Walk:
    """A walk through a tree. It has its own stack: strangers' trees may be deeper than Python's."""

    def __init__(self, root: Element, language: str | None, image: Callable[[str], str | None], notes: set[str]):
        self._root = root
        self._language = language
        self._image = image
        self._flow = Flow()
        self._text = TextBuilder()
        self._state = _State(language=language)
        self._waiting: list[Block] = []  # images that stand inside a text
        self._number = ""
        self._group_has_title = False
        self._blanks: list[int] = []
        self._bodies = furniture.note_bodies(root, notes)

    def flow(self) -> Flow:
        head = next((element for element in self._root.iter("{*}title") if name_of(element.getparent()) != "svg"), None)
        self._flow.title = words_in(head) if head is not None else ""
        self._flow.language = language_of(self._root)
        frames = [self._enter(self._root)]
        while frames:
            child = next(frames[-1].children, None)
            if child is not None:
                frames.append(self._enter(child))
                continue
            frame = frames.pop()
            self._leave(frame)
            if frames and frame.element.tail:
                self._add(frame.element.tail)
        self._end_block()
        self._part_scenes()
        if not any(block.text and block.kind is not BlockKind.IMAGE for block in self._flow.blocks):
            self._flow.blocks += [Block(BlockKind.PARAGRAPH, text) for text in drawn_texts(self._root)]
        return self._flow

    def _enter(self, element: Element) -> _Frame:
        name = name_of(element)
        frame = _Frame(element, iter(element), self._state, before=len(self._flow.blocks))
        if not name:
            return self._skip(frame, furniture.SCRIPTS)
        if element.attrib:
            self._note_anchor(element)
        reason = self._reason_to_skip(element, name)
        if reason is not None:
            return self._skip(frame, reason)
        if name in furniture.BLOCKS:
            self._enter_block(frame, element, name)
        elif not self._enter_special(frame, element, name):
            self._enter_inline(frame, element, name)
        if element.text and frame.shape != "skipped":
            self._add(element.text)
        return frame

    def _reason_to_skip(self, element: Element, name: str) -> str | None:
        reason = furniture.reason_to_skip(element, name)
        if reason is None and self._bodies and element in self._bodies:
            return NOTES
        if reason is None and name in _LISTS and not self._state.in_list and only_links(element):
            return CONTENTS
        return reason

    def _skip(self, frame: _Frame, reason: str) -> _Frame:
        if reason:
            self._flow.skipped[reason] += 1
        if isinstance(frame.element.tag, str):
            for inner in frame.element.iter():
                self._note_anchor(inner)
            if name_of(frame.element) in furniture.BLOCKS and not self._state.in_row:
                self._end_block()
        frame.children, frame.shape = iter(()), "skipped"
        return frame

    def _note_anchor(self, element: Element) -> None:
        key = element.get("id") or (element.get("name") if name_of(element) == "a" else None)
        if key:
            self._flow.anchors.setdefault(key, len(self._flow.blocks))

    # Blocks

    def _enter_block(self, frame: _Frame, element: Element, name: str) -> None:
        state = self._state
        if state.in_row:
            frame.shape = "cell"
            self._text.join(", " if name in ("td", "th") else "")
        elif state.verse and is_line(element, name):
            frame.shape = "line"
            self._text.new_line()
        else:
            frame.shape = "block"
            self._end_block()
        if element.attrib and (language := language_of(element)):
            self._state = self._state._replace(language=language)
        if not state.in_row:
            self._state = self._inside(element, name, self._state)
        if name == "li":
            self._number = item_number(element)
        if name == "hr":
            self._emit(Block(BlockKind.SCENE_BREAK))

    def _inside(self, element: Element, name: str, state: _State) -> _State:
        """Return what holds inside a block."""
        if name in _LISTS:
            state = state._replace(in_list=True)
        heading = _HEADING.fullmatch(name)
        if heading or "heading" in types_of(element):
            level = int(heading[1]) if heading else min(max(whole(element.get("aria-level"), 2), 1), 6)
            return state._replace(kind=BlockKind.HEADING, level=level, verse=False)
        if name == "hgroup":
            self._group_has_title = False
            return state._replace(in_group=True)
        if name == "table":
            data = state.tables < 8 and is_data_table(element)
            return state._replace(tables=state.tables + 1, data=data, kind=BlockKind.PARAGRAPH)
        if name == "tr":
            return state._replace(in_row=True, kind=BlockKind.ROW) if state.data else state
        if state.in_group and name == "p":
            return state._replace(kind=BlockKind.HEADING, level=0)
        if state.verse or is_verse(element):
            kind = _KINDS.get(name, BlockKind.VERSE) if name in ("figcaption", "caption") else BlockKind.VERSE
            lines = name == "p" and is_stanza_of_spans(element)
            return state._replace(kind=kind, verse=True, span_lines=lines, exact=state.exact or name == "pre")
        return state._replace(kind=_KINDS.get(name, state.kind), exact=state.exact or name == "pre")

    def _leave(self, frame: _Frame) -> None:
        for mark in frame.marks:
            self._text.close(mark)
        if frame.shape == "block":
            self._leave_block(frame)
        elif frame.shape == "line":
            self._text.new_line()
        elif frame.shape == "cell":
            self._text.join("")
        self._state = frame.outside

    def _leave_block(self, frame: _Frame) -> None:
        if name_of(frame.element) == "p" and not len(self._text) and frame.before == len(self._flow.blocks):
            self._note_blank(frame)
        self._end_block()
        if name_of(frame.element) == "li":
            self._number = ""

    def _note_blank(self, frame: _Frame) -> None:
        if "\xa0" in "".join(frame.element.itertext()) or any(name_of(inner) == "br" for inner in frame.element):
            self._blanks.append(frame.before)

    # Inside blocks

    def _enter_special(self, frame: _Frame, element: Element, name: str) -> bool:
        """Put in what stands for an element that is no text; return whether it was one."""
        if name == "br":
            self._break_line()
        elif name in ("img", "image", "svg"):
            self._add_image(element, name)
        elif name == "math":
            self._add(f" {formula_of(element)} ")
        else:
            return False
        frame.children, frame.shape = iter(()), "skipped"
        return True

    def _enter_inline(self, frame: _Frame, element: Element, name: str) -> None:
        if self._state.span_lines and name == "span":
            self._text.new_line()
        if name == "a" and element.get("href"):
            self._state = self._state._replace(in_link=True)
        if not element.attrib:
            return
        pause = speech.break_of(element, name)
        if pause:
            self._text.point(MarkKind.BREAK, pause)
        for kind, value in speech.marks_of(element, name):
            frame.marks.append(self._text.open(kind, value))
        language = language_of(element)
        if language and not _same(language, self._state.language):
            frame.marks.append(self._text.open(MarkKind.LANGUAGE, language))

    def _break_line(self) -> None:
        if self._state.in_row or self._state.kind is BlockKind.HEADING:
            self._text.add(" ")
        elif not self._text.new_line() and not self._state.exact:
            self._end_block()

    def _add(self, text: str) -> None:
        if self._state.exact:
            self._text.add_exactly(text)
        else:
            self._text.add(text)
        if self._state.in_link:
            self._flow.linked += len(text)

    def _add_image(self, element: Element, name: str) -> None:
        if name == "svg":
            pictures = [inner for inner in element.iter() if name_of(inner) == "image"]
            for picture in pictures:
                self._add_picture(picture, _words_of(picture) or _words_of(element))
            if pictures:
                return
        self._add_picture(element, _words_of(element))

    def _add_picture(self, element: Element, words: str) -> None:
        source = element.get("src") or element.get("{http://www.w3.org/1999/xlink}href") or element.get("xlink:href")
        source = source or element.get("href") or ""
        if _is_initial(element, words):
            self._add(words)
            return
        if self._state.kind is BlockKind.HEADING and words and not len(self._text) and not words_in(_block_around(element)):
            self._add(words)
            words = ""
        picture = Block(BlockKind.IMAGE, words, language=None, image=self._image(source) if source else None)
        if picture.image is None and not words:
            return
        if len(self._text):
            self._waiting.append(picture)
        else:
            self._emit(picture)

    # Blocks, done

    def _end_block(self) -> None:
        text, marks = self._text.take()
        if text:
            self._emit(self._block(text, marks))
        waiting, self._waiting = self._waiting, []
        for picture in waiting:
            self._emit(picture)

    def _block(self, text: str, marks: tuple[Mark, ...]) -> Block:
        state = self._state
        if not state.verse and not state.exact and _ORNAMENT.fullmatch(text):
            return Block(BlockKind.SCENE_BREAK)
        kind = BlockKind.VERSE if state.verse and state.exact else state.kind
        if "\n" in text and kind not in (BlockKind.VERSE, BlockKind.CODE):
            lines = text.split("\n")
            if len(lines) >= _FEWEST_LINES and max(map(len, lines)) <= _LONGEST_LINE and kind is not BlockKind.CAPTION:
                kind = BlockKind.VERSE
            else:
                text = text.replace("\n", " ")
        number, self._number = self._number, ""
        if number and not text.startswith(number.strip()):
            text = number + text
            marks = tuple(replace(mark, start=mark.start + len(number), end=mark.end + len(number)) for mark in marks)
        language = None if _same(state.language, self._language) else state.language
        return Block(kind, text, marks, language)

    def _emit(self, block: Block) -> None:
        blocks = self._flow.blocks
        if block.kind is BlockKind.SCENE_BREAK and (
            not blocks or blocks[-1].kind in (BlockKind.SCENE_BREAK, BlockKind.HEADING)
        ):
            return
        if block.kind is BlockKind.HEADING and self._state.level and not (self._state.in_group and self._group_has_title):
            self._flow.levels[len(blocks)] = self._state.level
            self._group_has_title = True
        blocks.append(block)

    def _part_scenes(self) -> None:
        """Put scene breaks where blank paragraphs part the text, unless it is set with one between all of its paragraphs."""
        flow = self._flow
        paragraphs = sum(block.kind is BlockKind.PARAGRAPH for block in flow.blocks)
        places = sorted({place for place in self._blanks if _parts(flow.blocks, place)})
        if len(self._blanks) * _SPACING <= paragraphs:
            flow.insert(places, Block(BlockKind.SCENE_BREAK))


def _parts(blocks: Sequence[Block], place: int) -> bool:
    return 0 < place < len(blocks) and blocks[place - 1].kind not in _APART and blocks[place].kind not in _APART


def _same(code: str | None, other: str | None) -> bool:
    """Tell whether two codes are of one language, whatever its region; what is not said is the same."""
    return not code or not other or code.lower().split("-")[0] == other.lower().split("-")[0]


def _block_around(element: Element) -> Element:
    while name_of(element) not in furniture.BLOCKS and element.getparent() is not None:
        element = element.getparent()
    return element


def _is_initial(picture: Element, words: str) -> bool:
    """Tell whether a picture is the first letter of a word that goes on behind it."""
    around = picture if picture.tail or picture.getparent() is None else picture.getparent()
    return len(words) == 1 and words.isalpha() and (around.tail or "")[:1].isalpha()


def _words_of(picture: Element) -> str:
    """Return what stands for a picture or a drawing in words."""
    inside = (words_in(inner) for inner in picture if name_of(inner) in ("title", "desc"))
    return " ".join((picture.get("alt") or picture.get("aria-label") or next(inside, "")).split())

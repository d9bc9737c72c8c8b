"""Markdown in, a book out: rendered to HTML (CommonMark with tables and strikethrough), then read like any page."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from books.book import Book, Resource
from books.reading.html.chapters import chapters_of
from books.reading.html.walk import blocks_of
from books.reading.images import Images
from books.reading.markdown.front_matter import FrontMatter, read_front_matter
from books.reading.notes import NOTES, Notes

_DEFINITION = re.compile(r"\[\^[^\]\s]{1,100}\]:")
_REFERENCE = re.compile(r"\[\^[^\]\s]{1,100}\]")
_INLINE_NOTE = re.compile(r"\^\[(?:[^\[\]]|\[[^\[\]]{0,300}+\]){1,1000}+\]")
_ATTRIBUTES = re.compile(r"(?<=\S)\s{1,9}\{[#.:][^{}\n]{0,200}\}$")  # of a heading: Pandoc's, kramdown's
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.S)
_LINE_END = re.compile(r"\r\n?")
_INDENT = 4  # columns: of the paragraphs of a footnote behind its first
_DEEPEST = 60  # nested quotes and lists
_DETAILS = ("publisher", "date", "identifier", "description", "rights", "subject")


class _Rendered(NamedTuple):
    html: str
    first_heading: str | None
    footnotes: int


def read_markdown(text: str, name: str, beside: Callable[[str], bytes | None]) -> Book:
    """Read Markdown as a book: headings begin chapters, a front matter in YAML says title, author, language, cover and so on.

    Footnotes and comments are dropped. Marks of direction, ``[voice:name]`` and ``[pause:1.5]``, stay in the text; SSML as HTML
    becomes marks of blocks.

    Args:
        text: CommonMark with tables and strikethrough, with any line ends.
        name: of the file: the title of a text that says none.
        beside: returns the content of a file by its path from the text's folder; ``None`` if there is none, or it is outside.
    """
    front, body = read_front_matter(_LINE_END.sub("\n", text.lstrip("\ufeff")))
    rendered = _render(body)
    images = Images(beside)
    flow = blocks_of(rendered.html, language=front.language, image=images.named)
    title = front.title or rendered.first_heading or PurePosixPath(name).stem
    notes = Notes(flow.skipped + Counter({NOTES: rendered.footnotes}))
    return Book(
        title=title,
        chapters=chapters_of(flow, title),
        creators=front.creators,
        language=front.language,
        cover=_cover(front, images),
        images=images.resources,
        details={key: value for key, value in front.fields.items() if key in _DETAILS},
        notes=notes.sentences(),
    )


def _cover(front: FrontMatter, images: Images) -> Resource | None:
    path = front.fields.get("cover") or front.fields.get("cover-image")
    name = images.named(path) if path else None
    return images.resources[name] if name else None


def _render(text: str) -> _Rendered:
    parser = MarkdownIt("commonmark", {"maxNesting": _DEEPEST}).enable(["table", "strikethrough"])
    parser.block.ruler.before("reference", "footnote", _footnote, {"alt": ["paragraph", "reference"]})
    parser.inline.ruler.before("link", "footnote_reference", _footnote_reference)
    parser.inline.ruler.before("link", "inline_note", _inline_note)
    parser.core.ruler.before("inline", "attributes", _drop_attributes)
    parser.core.ruler.push("verse", _verse)
    parser.core.ruler.push("comments", _drop_comments)
    env: dict[str, int] = {}
    tokens = parser.parse(text, env)
    html = parser.renderer.render(tokens, parser.options, env)
    return _Rendered(f"<html><body>{html}</body></html>", _only_title(tokens), env.get("footnotes", 0))


def _footnote(state: StateBlock, line: int, end: int, silent: bool) -> bool:
    """Take ``[^1]: text``, and the indented paragraphs behind it, without a token for them."""
    if state.is_code_block(line) or not _DEFINITION.match(
        state.src, state.bMarks[line] + state.tShift[line], state.eMarks[line]
    ):
        return False
    if silent:
        return True
    state.line = _behind_footnote(state, line + 1, end)
    state.env["footnotes"] = state.env.get("footnotes", 0) + 1
    return True


def _behind_footnote(state: StateBlock, line: int, end: int) -> int:
    """Return the line behind a footnote: its paragraph's lines may be lazy, further paragraphs are indented."""
    lazy = True
    after = line
    while line < end:
        if state.isEmpty(line):
            lazy = False
        elif state.sCount[line] - state.blkIndent < _INDENT and (not lazy or _begins_block(state, line)):
            break
        else:
            after = line + 1
        line += 1
    return after


def _begins_block(state: StateBlock, line: int) -> bool:
    begin = state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]
    return bool(_DEFINITION.match(begin)) or begin.startswith(("#", ">", "```", "~~~", "- ", "* ", "---", "***"))


def _footnote_reference(state: StateInline, silent: bool) -> bool:  # noqa: ARG001 (as the parser calls rules)
    match = _REFERENCE.match(state.src, state.pos)
    if match is None or state.src.startswith("(", match.end()):
        return False
    state.pos = match.end()
    return True


def _inline_note(state: StateInline, silent: bool) -> bool:
    """Take Pandoc's ``^[a note]`` without a token for it."""
    match = _INLINE_NOTE.match(state.src, state.pos)
    if match is None:
        return False
    state.env["footnotes"] = state.env.get("footnotes", 0) + (not silent)
    state.pos = match.end()
    return True


def _drop_attributes(state: StateCore) -> None:
    for heading, inline in zip(state.tokens, state.tokens[1:], strict=False):
        if heading.type == "heading_open":
            inline.content = _ATTRIBUTES.sub("", inline.content)


def _verse(state: StateCore) -> None:
    """Let paragraphs whose every line ends in a hard break be verse."""
    for paragraph, inline in zip(state.tokens, state.tokens[1:], strict=False):
        if paragraph.type == "paragraph_open" and not paragraph.hidden:
            kinds = {child.type for child in inline.children or ()}
            if "hardbreak" in kinds and "softbreak" not in kinds:
                paragraph.attrSet("class", "verse")


def _drop_comments(state: StateCore) -> None:
    for token in state.tokens:
        for part in (token, *(token.children or ())):
            if part.type in ("html_block", "html_inline"):
                part.content = _COMMENT.sub("", part.content)


def _only_title(tokens: list[Token]) -> str | None:
    """Return the words of a heading that stands first and alone above all others."""
    places = [place for place, token in enumerate(tokens) if token.type == "heading_open"]
    if not places or [tokens[place].tag for place in places].count("h1") != 1 or tokens[places[0]].tag != "h1":
        return None
    words = "".join(_words(child) for child in tokens[places[0] + 1].children or ())
    return " ".join(words.split()) or None


def _words(token: Token) -> str:
    return " " if token.type in ("softbreak", "hardbreak") else token.content if token.type in ("text", "code_inline") else ""

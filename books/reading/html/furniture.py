"""What stands in a book and is not read out: notes and their numbers, page numbers, tables of contents, what is hidden."""

import re

from books.reading.html.markup import Element, classes_of, name_of, types_of, words_in
from books.reading.notes import CONTENTS, HIDDEN, LEGAL, NOTES, PAGES

SCRIPTS = ""  # not worth a note

BLOCKS = frozenset([
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup", "hr",
    "html", "legend", "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot", "th",
    "thead", "tr", "ul",
])  # fmt: skip
_TAGS = dict.fromkeys([
    "head", "script", "style", "template", "link", "meta", "title", "audio", "video", "track", "button", "select", "textarea",
    "input", "datalist", "rt", "rp", "rtc",
], SCRIPTS)  # fmt: skip
_TYPES = (
    dict.fromkeys(["noteref", "footnote", "footnotes", "endnote", "endnotes", "rearnote", "rearnotes", "backlink"], NOTES)
    | {"pagebreak": PAGES}
    | dict.fromkeys(
        ["toc", "toc-brief", "landmarks", "page-list", "index", "loi", "lot", "loa", "lov", "navigation", "directory"], CONTENTS
    )
    | dict.fromkeys(["cover", "copyright-page", "colophon", "imprint", "imprimatur", "halftitlepage"], LEGAL)
)
# What a guide or landmarks call whole documents, beyond that.
PAGE_TYPES = _TYPES | {"notes": NOTES}
_CLASSES = (
    dict.fromkeys(
        ["footnote", "footnotes", "endnote", "endnotes", "rearnote", "rearnotes", "footnote-ref", "noteref", "fnanchor"], NOTES
    )
    | dict.fromkeys(["pagenum", "pageno", "page-number", "pagebreak", "pagenumber"], PAGES)
    | dict.fromkeys(["pg-boilerplate", "pgheader", "pgfooter"], LEGAL)
)
_GUTENBERG = {"pg-header", "pg-footer", "pg-machine-header"}
_PAGE_NUMBER_LENGTH = 16

_NUMBER = re.compile(r"[\[({]?\s?(?:\d{1,4}|[*†‡§¶‖]{1,4}|[a-z]|[ivxl]{1,6})[.)]?\s?[\])}]?")
_SIGN = re.compile(r"[\[({]\s?(?:\d{1,4}|[*†‡§¶‖]{1,4}|[a-z]|[ivxl]{1,6})\s?[\])}]|[*†‡§¶‖]{1,4}|[⁰¹²³⁴-⁹]{1,4}|↩︎?|↑")
_NOTE_LIKE = re.compile(r"(?:^|[_\-#./]|\b)(?:fn|ftn|footnote|endnote|noteref|note|en)(?:ref)?[_\-.]?\d", re.IGNORECASE)
_LONGEST_SIGN = 10
_SIBLINGS = 50


def reason_to_skip(element: Element, name: str) -> str | None:
    """Return what an element is that is not read; ``None`` if it is read."""
    if name in _TAGS:
        return _TAGS[name]
    if name == "nav":
        return CONTENTS
    if not element.attrib:
        return None
    for word in sorted(types_of(element) & _TYPES.keys()):
        if not (word == "index" and name in ("a", "span", "p")):  # there it is what an index leads to
            return _TYPES[word]
    if _is_hidden(element):
        return HIDDEN
    for word in sorted(classes_of(element) & _CLASSES.keys()):
        if _CLASSES[word] is not PAGES or len(words_in(element)) <= _PAGE_NUMBER_LENGTH:
            return _CLASSES[word]
    if element.get("id") in _GUTENBERG:
        return LEGAL
    return NOTES if name == "a" and is_note_number(element) else None


def _is_hidden(element: Element) -> bool:
    if element.get("hidden") is not None:
        return True
    if element.get("aria-hidden") == "true" and name_of(element) != "figcaption":  # Pandoc's, which people see
        return True
    style = (element.get("style") or "").lower().replace(" ", "")
    return "display:none" in style or "visibility:hidden" in style


def is_note_number(link: Element) -> bool:
    """Tell whether a link is the number of a note: short, and raised, bracketed, or named like one."""
    href = link.get("href") or ""
    if "#" not in href or href.endswith("#"):
        return False
    text = words_in(link)
    if not text or len(text) > _LONGEST_SIGN:
        return False
    if _SIGN.fullmatch(text):
        return True
    if not _NUMBER.fullmatch(text):
        return False
    parent = link.getparent()
    raised = (parent is not None and name_of(parent) == "sup") or any(name_of(inner) == "sup" for inner in link)
    return raised or bool(_NOTE_LIKE.search(href)) or bool(_NOTE_LIKE.search(link.get("id") or ""))


def note_numbers(root: Element) -> list[str]:
    """Return the references of all links that are the number of a note, and stand behind the words that it is about."""
    return [link.get("href") for link in root.iter("{*}a") if _leads_to_note(link)]


def _leads_to_note(link: Element) -> bool:
    if "noteref" in types_of(link):
        return bool(link.get("href"))
    return is_note_number(link) and not _begins_block(link)


def note_bodies(root: Element, targets: set[str]) -> set[Element]:
    """Return the blocks that the numbers of notes lead to, by the ``id`` they lead to; each begins with it."""
    bodies = set()
    for element in root.iter() if targets else ():
        if isinstance(element.tag, str) and targets & {element.get("id"), element.get("name")}:
            block = _block_of(element)
            if block is not None and (block is element or _begins_block(element)) and _is_body(block):
                bodies.add(block)
    return bodies


def _is_body(block: Element) -> bool:
    if "note" in " ".join(types_of(block)):
        return True
    first = next((link for link in block.iter("{*}a") if link.get("href")), None)
    return first is not None and (_begins_block(first) or is_note_number(first) or _ends_block(first))


def _block_of(element: Element) -> Element | None:
    while element is not None and name_of(element) not in BLOCKS:
        element = element.getparent()
    return None if element is None or name_of(element) in ("body", "html", "section", "article", "main", "table") else element


def _begins_block(element: Element) -> bool:
    """Tell whether no word stands before an element in its block."""
    while name_of(element) not in BLOCKS:
        before = element.getprevious()
        for _ in range(_SIBLINGS):
            if before is None:
                break
            if (before.tail or "").strip() or words_in(before):
                return False
            before = before.getprevious()
        parent = element.getparent()
        if parent is None or (parent.text or "").strip():
            return parent is None
        element = parent
    return True


def _ends_block(element: Element) -> bool:
    """Tell whether no word stands behind an element in its block, as behind a link that leads back."""
    while name_of(element) not in BLOCKS:
        if (element.tail or "").strip() or element.getnext() is not None:
            return False
        parent = element.getparent()
        if parent is None:
            return True
        element = parent
    return True

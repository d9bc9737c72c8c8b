"""What the elements of a page are to its reader: tables of data or of layout, lines of verse, numbers of a list."""

import re

from books.reading.html.furniture import BLOCKS
from books.reading.html.markup import Element, classes_of, name_of, types_of, words_in

_VERSE_TYPES = {"z3998:verse", "z3998:poem", "z3998:song", "z3998:hymn", "z3998:lyrics", "verse", "poem"}
_VERSE_CLASSES = {"verse", "poem", "poetry", "poetry-container", "stanza", "linegroup", "lg", "song", "hymn", "lyrics"}
_STANZA_CLASSES = {"stanza", "linegroup", "lg", "group"}
_LINE_CLASS = re.compile(r"line|l|v|verse|i\d{1,2}|indent\d{0,2}|line-?\d{0,2}")
_IN_LAYOUT = {"table", "ul", "ol", "dl", "blockquote", "pre", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "section"}
_FEWEST_LINKS = 3
_LONGEST_UNLINKED = 0.25


def is_data_table(table: Element) -> bool:
    """Tell whether a table's rows are read as rows: they have cells beside each other, and no texts of their own in them."""
    if types_of(table) & {"presentation", "none"}:
        return False
    beside = False
    for inner in table.iterdescendants():
        name = name_of(inner)
        if name in _IN_LAYOUT:
            return False
        if name in ("td", "th"):
            if sum(name_of(child) == "p" for child in inner) > 1:
                return False
            beside = beside or inner.getnext() is not None
    return beside


def is_verse(element: Element) -> bool:
    """Tell whether the lines of an element end where they are meant to."""
    return bool(element.attrib) and bool(types_of(element) & _VERSE_TYPES or classes_of(element) & _VERSE_CLASSES)


def is_line(element: Element, name: str) -> bool:
    """Tell whether a block inside verse is a line; else it is a stanza, or holds some."""
    if name not in ("div", "p") or any(name_of(child) in BLOCKS for child in element):
        return False
    classes = classes_of(element)
    if classes & _STANZA_CLASSES:
        return False
    return name == "div" or any(_LINE_CLASS.fullmatch(word) for word in classes)


def is_stanza_of_spans(paragraph: Element) -> bool:
    """Tell whether a paragraph of verse has a ``span`` for each line, and nothing to end the lines but its style."""
    spans = sum(name_of(child) == "span" for child in paragraph)
    if spans < 2 or spans < len(paragraph) or next(paragraph.iter("{*}br"), None) is not None:
        return False
    return not (paragraph.text or "").strip() and not any((child.tail or "").strip() for child in paragraph)


def formula_of(math: Element) -> str:
    """Return what a formula says in words, or else its signs in order."""
    said = " ".join((math.get("alttext") or "").split())
    if said and "not available" not in said:
        return said
    return " ".join(text for part in math.iter("{*}mi", "{*}mn", "{*}mo", "{*}mtext", "{*}ms") if (text := words_in(part)))


def drawn_texts(page: Element) -> list[str]:
    """Return the texts of a page's drawings, which are read where a page has no others."""
    return [text for element in page.iter("{http://www.w3.org/2000/svg}text") if (text := words_in(element))]


def only_links(element: Element) -> bool:
    """Tell whether a list or table is one of contents: links to places in the book, and hardly a word beside them."""
    links = [link for link in element.iter("{*}a") if link.get("href") and "://" not in link.get("href")]
    if len(links) < _FEWEST_LINKS:
        return False
    linked = sum(len(words_in(link)) for link in links)
    return linked >= (1 - _LONGEST_UNLINKED) * len(words_in(element))


def item_number(item: Element) -> str:
    """Return what stands before an item of a list: ``"3. "``, or nothing if the list is not numbered."""
    parent = item.getparent()
    if parent is None or name_of(parent) != "ol" or "list-style" in (parent.get("style") or "") or "none" in classes_of(parent):
        return ""
    number = whole(item.get("value"), _place(parent, item))
    return f"{_written(number, parent.get('type') or '1')}. "


def _place(parent: Element, item: Element) -> int:
    """Return an item's number by its place: a number that was counted before is kept at the list, which may be long."""
    before = item.getprevious()
    while before is not None and name_of(before) != "li":
        before = before.getprevious()
    down = parent.get("reversed") is not None
    if before is None:
        counted = whole(parent.get("start"), sum(name_of(child) == "li" for child in parent) if down else 1)
    else:
        counted = whole(before.get("value"), whole(before.get(_COUNTED), 0)) + (-1 if down else 1)
    item.set(_COUNTED, str(counted))
    return counted


_COUNTED = "speechmill-number"
_ROMAN_VALUES = (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1)
_ROMAN = ["m", "cm", "d", "cd", "c", "xc", "l", "xl", "x", "ix", "v", "iv", "i"]


def _written(number: int, style: str) -> str:
    if style in ("a", "A") and 1 <= number <= 26:
        return chr(ord(style) + number - 1)
    if style in ("i", "I") and 1 <= number < 4000:
        text = ""
        for value, letters in zip(_ROMAN_VALUES, _ROMAN, strict=True):
            text += letters * (number // value)
            number %= value
        return text.upper() if style == "I" else text
    return str(number)


def whole(text: str | None, default: int) -> int:
    """Return the whole number that an attribute says, or another if it says none."""
    text = (text or "").strip()
    return int(text) if re.fullmatch(r"-?[0-9]{1,6}", text) else default

# ruff: noqa: RUF001 (look-alike characters are listed on purpose)
"""What plain texts say in brackets: illustrations, footnotes, pages; and how they mark italics and bold."""

import re
from collections import Counter
from collections.abc import Iterator

from books.reading.notes import NOTES, PAGES, TRANSCRIBERS

# Stands before an illustration's caption, on a line of its own; no text has it (it stands for "an object").
IMAGE = "\ufffc"
_LONGEST = 8000
_BRACKET = re.compile(r"[\[\]]")
_KEY = re.compile(
    r"\[\s*(?:(?P<image>illustrations?|frontispiece|image|abbildung|illustratie)|(?P<footnote>footnotes?|note)"
    r"|(?P<transcriber>(?:original )?transcriber['’]?s?['’]?(?: |-)note)|(?P<blank>blank page))\b"
    r"\s*[^:\[\]]{0,12}?(?P<colon>:|(?=\]))",
    re.I,
)
_PAGE_SIGN = r"(?:\{\s*(?:Pg\.? |Page |p\.? ?)?[\dxvil]{1,6}\s*\}|\[\s*(?:Pg\.?|Page|p\.)\s*[\dxvil]{1,6}\s*\])"
_PAGE = re.compile(rf"\s?{_PAGE_SIGN}(?=[\s.,;:!?)]|\Z)|{_PAGE_SIGN}")
_PAGE_LINE = re.compile(r"[ \t]*(?:\[\d{1,4}\]|[-–—]{1,2}\s?\d{1,4}\s?[-–—]{1,2}|Page \d{1,4})[ \t]*\Z")
_REFERENCE = re.compile(r"(?<=[^\s\[(])\s?\[(?:\d{1,4}|[A-Z]{1,2}|\*|†|‡)\](?!\()")
_NOTE = re.compile(r"\s*\[(\d{1,4}|[A-Z]{1,2}|\*|†)\]\s+\S")
_NOTES_HEADING = re.compile(r"\W{0,3}(?:foot|end)?notes?\W{0,3}\Z|\W{0,3}(?:Fußnoten|Anmerkungen|Voetnoten)\W{0,3}\Z", re.I)
_ITALICS = re.compile(r"(?<![\w_])_(?=[^\s_])([^_]{1,2000}?)(?<=[^\s_])_(?![^\W_])")
_BOLD = re.compile(r"(?<![\w=])=(?=[^\s=])([^=]{1,300}?)(?<=[^\s=])=(?![\w=])")


def drop_furniture(text: str) -> tuple[str, Counter[str]]:
    """Drop footnotes, their numbers, page numbers, notes of transcribers; put captions of illustrations on lines of their own.

    Returns the text, and how many were dropped of each kind of :mod:`books.reading.notes`.
    """
    dropped: Counter[str] = Counter()
    parts: list[str] = []
    at = 0
    for start, end, kind, content in _keyed(text.replace(IMAGE, "")):
        parts.append(text[at:start])
        at = end
        if kind == "image" and content:
            parts.append(f"\n\n{IMAGE}{content}\n\n")
        elif kind in ("footnote", "transcriber"):
            dropped[NOTES if kind == "footnote" else TRANSCRIBERS] += 1
    text = "".join([*parts, text[at:]])
    text, pages = _PAGE.subn("", text)
    lines = text.split("\n")
    kept = ["" if _PAGE_LINE.match(line) else line for line in lines]
    dropped[PAGES] += pages + sum(line != old for line, old in zip(kept, lines, strict=True))
    kept, notes = _without_notes(kept)
    if dropped[NOTES] or notes:
        kept = ["" if _NOTES_HEADING.match(line) else line for line in kept]
    text, references = _REFERENCE.subn("", "\n".join(kept))
    dropped[NOTES] = max(dropped[NOTES] + notes, references)
    return text, +dropped


def _keyed(text: str) -> Iterator[tuple[int, int, str, str]]:
    """Yield the brackets that begin with a word we know: start, end, kind, what stands behind the word."""
    depth = start = 0
    key: re.Match[str] | None = None
    for bracket in _BRACKET.finditer(text):
        at = bracket.start()
        if depth and at - start > _LONGEST:
            depth = 0
        if bracket[0] == "[":
            found = _KEY.match(text, at) if depth == 0 or key is None else None
            if depth == 0 or found:
                depth, start, key = 0, at, found
            depth += 1
        elif depth:
            depth -= 1
            if depth == 0 and key and key.lastgroup:
                kind = next(name for name, value in key.groupdict().items() if value and name != "colon")
                yield start, at + 1, kind, " ".join(text[key.end() : at].split())
            key = key if depth else None


def _without_notes(lines: list[str]) -> tuple[list[str], int]:
    """Drop paragraphs that begin with a footnote's number."""
    kept: list[str] = []
    count = 0
    dropping = False
    for number, line in enumerate(lines):
        first = not line.strip() or number == 0 or not lines[number - 1].strip()
        if first and line.strip():
            dropping = bool(_NOTE.match(line))
            count += dropping
        if dropping and line.strip():
            continue
        kept.append(line)
    return kept, count


def without_emphasis(text: str) -> str:
    """Drop the marks of italics and bold: ``_so_``, ``=so=``."""
    return _BOLD.sub(r"\1", _ITALICS.sub(r"\1", text))

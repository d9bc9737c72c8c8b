"""What of a paragraph is quoted speech: in quotes of any kind, or behind the dash that stands for them."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from books.direction.runs import Run

_ENDS = {
    "\u201c": "\u201d",
    "\u201d": "\u201d",
    "\u201e": "\u201c\u201d",
    "\u00ab": "\u00bb",
    "\u00bb": "\u00ab",
    "\u2039": "\u203a",
    '"': '"',
    "\u300c": "\u300d",
    "\u300e": "\u300f",
}
_OPENING = re.compile(
    "[\u201c\u201e\u00ab\u2039\u300c\u300e]|(?<![^\\W_])(?<![.,!?])[\u201d\u00bb](?=\\w)"
    "|(?<![^\\W_])[\"'\u2018](?=[^\\s\"'\u2019])"
)
_SENTENCES = re.compile(r"[.!?\u2026]\s")
_DASHES = "\u2014\u2013\u2015"
_DASH = re.compile(rf"\s*+(?:[{_DASHES}]|-(?=\s))\s*+(?=\w|[\u00bf\u00a1\"(\u2026.])")
_MARKS = f".,!?\u2026;:{_DASHES}-"
# Of British books, whose closing quote is an apostrophe too: it is one behind a mark, and before the next opening.
_ELISION = r"(?:t(?:is|was|will|were|would|ain)|em|til|till|cause|cos|bout|round|n|im|er|\d\ds?)\b"
_NOT_ELISION = re.compile(rf"(?!{_ELISION})", re.IGNORECASE)
_APOSTROPHE_ENDS = {
    opening: re.compile(
        rf"(?<=[{_MARKS}]){closing}(?!\w)|(?<=[\s({_DASHES}])(?={opening}\w)(?!{opening}{_ELISION})", re.IGNORECASE
    )
    for opening, closing in (("\u2018", "\u2019"), ("'", "'"))
}
# What is not speech behind a dash: between others, or what French has behind a comma.
_INCISE = re.compile(
    rf"(?<=\s)[{_DASHES}]\s?(?=[^\W\d_A-Z\u00c0-\u00de])[^{_DASHES}]*+(?:[{_DASHES}](?=[\s.,;:!?\u2026])|(?=[{_DASHES}])|\Z)"
    r"|(?<=[,!?\u2026])\s(?:(?:s['\u2019]|m['\u2019]|l['\u2019]|lui\s|me\s|se\s)?"
    r"(?:dit|dis|demand[ae]|r\u00e9pondit|r\u00e9pliqua|r\u00e9pond|cria|\u00e9cria|\u00e9cri\u00e9|fit|reprit|murmura|ajouta|s\u2019exclama|exclama|continua|interrompit))\b"
    r"(?:-(?:t-)?(?:il|elle|ils|elles|on|je)\b|\s)[^.!?\u2026]{0,200}+[.!?\u2026]?"
)


class Speech(NamedTuple):
    """``text[start:end]`` is quoted; ``mark`` opened it, and closed it is, or else it ends with its paragraph."""

    start: int
    end: int
    mark: str
    is_closed: bool


def quoted_speech(text: str) -> list[Speech]:
    """Return what of a paragraph is quoted speech, in order: quotes are part of it. Words that are named or doubted are none.

    Args:
        text: of one paragraph.
    """
    if dash := _DASH.match(text):
        return list(_behind_dash(text, dash.end()))
    return list(_in_quotes(text))


def _behind_dash(text: str, start: int) -> Iterator[Speech]:
    """Yield what is said behind a dash, without what a narrator says of it."""
    mark, first = text.lstrip()[0], 0
    for incise in _INCISE.finditer(text, start):
        if incise.start() > first:
            yield Speech(first, incise.start(), mark, is_closed=True)
        first = incise.end()
    if text[first:].strip():
        yield Speech(first, len(text), mark, is_closed=True)


def _in_quotes(text: str) -> Iterator[Speech]:
    position = 0
    endless: set[str] = set()  # marks with no end in the rest of the text
    for opening in _OPENING.finditer(text):
        start, mark = opening.start(), opening[0]
        if start < position or (mark in _APOSTROPHE_ENDS and not _NOT_ELISION.match(text, start + 1)):
            continue
        end = -1 if mark in endless else _end_of(text, start, mark)
        if end < 0:
            endless.add(mark)
            if mark not in _APOSTROPHE_ENDS or text[:start].rstrip()[-1:] in ("", *_MARKS):
                yield Speech(start, len(text), mark, is_closed=False)
                return
        elif end > start:
            position = end
            if _is_said(text, start, end):
                yield Speech(start, end, mark, is_closed=True)


def _end_of(text: str, start: int, mark: str) -> int:
    """Return where a quotation ends that begins at a place; the place itself if it is none, -1 if it has no end."""
    if mark in _APOSTROPHE_ENDS:
        found = _APOSTROPHE_ENDS[mark].search(text, start + 1)
        return -1 if found is None else found.end() if found[0] else start
    ends = [end for sign in _ENDS[mark] if (end := text.find(sign, start + 1)) >= 0]
    return min(ends) + 1 if ends else -1


def _is_said(text: str, start: int, end: int) -> bool:
    """Whether a quotation is speech: it has marks as sentences have, or stands where speech does."""
    inner = text[start + 1 : end - 1].rstrip()
    before, behind = text[max(0, start - 3) : start].strip(), text[end : end + 1]
    if inner[-1:] in tuple(_MARKS) or _SENTENCES.search(inner):
        return True
    if not before:
        return behind in ("", ",") or not text[end:].strip(" .")
    return before[-1] == ":" or (before[-1] in _MARKS and inner.lstrip()[:1].isupper())


def as_runs(speech: list[Speech], value: str) -> list[Run]:
    """Return stretches that have one value."""
    return [Run(each.start, each.end, value) for each in speech]

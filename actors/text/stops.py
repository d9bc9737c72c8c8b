"""Which marks end sentences.

Whether a stop behind a word does is a matter of a language's abbreviations, which sentencex (Wikimedia, MIT) knows. Its rules
for quotes, brackets and ellipses part what belongs together in many languages: those, and all other marks, are decided here.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import Protocol

from sentencex import get_sentence_boundaries

_MARKS = ".!?\u2026\u203c\u2047-\u2049\u061f\u037e"  # a space follows; the last two are the Arabic and the Greek question mark
# CJK, danda, Urdu, Armenian, Ethiopic, Burmese, Khmer, Tibetan: none has to follow.
_FREE_MARKS = "\u3002\uff01\uff1f\uff61\u0964\u0965\u06d4\u0589\u1362\u104b\u17d4\u17d5\u0f0d"
_BRACKETS = "([{\uff08\u3010"
_FREE_CLOSERS = "\"')\\]}\u2019\u201d\u00bb\u203a\u300d\u300f\u300b\uff09\u3011"
# German quotes close with what opens English and French ones. French ones have a space before them, and numbers of footnotes
# stand where closing quotes do.
_CLOSERS = rf"(?:[{_FREE_CLOSERS}\u2018\u201c\u00ab\u2039]|[ \u00a0\u202f][\u00bb\u203a](?!\w)|\[\d{{1,3}}\])*+"


def _end(marks: str) -> re.Pattern[str]:
    """Return the pattern of a run of marks, what closes behind it, and space; a run is not looked at again from within."""
    run = marks + _FREE_MARKS
    return re.compile(
        rf"(?P<mark>[{run}](?<![{run}].)(?<![{run}]\s.)[{run}]*+(?:\s?[{marks}])*+)"
        rf"(?P<closers>(?<=[{_FREE_MARKS}])[{_FREE_CLOSERS}]*+|{_CLOSERS})(?P<space>\s*+)",
        re.DOTALL,
    )


_END, _GREEK_END = _end(_MARKS), _end(_MARKS + ";")
_FREE = re.compile(f"[{_FREE_MARKS}]")
_ELLIPSIS = re.compile(r"[.\u2026\s]{2,}|\u2026")

# A quotation, or what is in brackets. Marks within are no ends, but in longer ones.
_SOME = "{1,200}+"
_QUOTATION = re.compile(
    rf"(?<!\w)\"(?=\S)[^\"]{_SOME}\"(?!\w)"
    rf"|(?<!\w)['\u2018](?=\w)(?:[^'\u2018\u2019]|['\u2019](?=\w)){_SOME}(?<=[.!?,\u2026])['\u2019](?!\w)"
    rf"|\u201c[^\u201c\u201d]{_SOME}\u201d|\u201e[^\u201c\u201d\u201e]{_SOME}[\u201c\u201d]"
    rf"|\u00ab[^\u00ab\u00bb]{_SOME}\u00bb|\u00bb(?=\S)[^\u00ab\u00bb]{_SOME}\u00ab"
    rf"|\u300c[^\u300c\u300d]{_SOME}\u300d|\u300e[^\u300e\u300f]{_SOME}\u300f"
    rf"|\([^()]{_SOME}\)|\[(?!\d{{1,3}}\])[^\[\]]{_SOME}\]|\uff08[^\uff08\uff09]{_SOME}\uff09"
)
_OPENING = re.compile("[\"'\u2018\u201c\u201e\u00ab\u00bb\u300c\u300e(\\[\uff08]")
# Without case nothing but words says that a sentence goes on behind a quotation in it: "he said", as particles or verbs.
_GOES_ON = {
    "ja": re.compile("[\u3068\u3063\u306e\u306f\u304c\u3092\u306b\u3060\u304b]|\u306a\u3069|\u306a\u3093"),
    "zh": re.compile("[^\u3002\uff01\uff1f\uff0c\u201c\u300c]{0,4}[\u8bf4\u8aaa\u9053\u95ee\u554f\u558a\u7b54\u53eb]"),
}

# What the library does not know; initials are cut in no language.
_ABBREVIATIONS = {
    "fr": frozenset(["M", "MM", "Mme", "Mmes", "Mlle", "Mlles", "Me", "Mgr", "Dr", "Pr", "St", "Ste"]),
    "hi": frozenset(["\u0921\u0949", "\u092a\u094d\u0930\u094b", "\u0936\u094d\u0930\u0940"]),
}
_OFTEN_LAST = frozenset(["etc", "usw", "ecc", "enz"])  # the library takes them for the middle of a sentence
# In these the rules of the language have said what letters stand for: a last one is the name of a thing.
_WITHOUT_ABBREVIATIONS = frozenset(["en", "de", "fr", "es", "it", "pt", "nl"])
_INITIALS = re.compile(r"(?<!\w)\w\.\s?-\w$")
_WORD = re.compile(r"[^\W_](?:[\w\u0900-\u0dff]{0,11})$")
_NUMBER = re.compile(r"[\W_]*(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})[.)\]]*")
_ADDRESS = re.compile(r"[/@\\_=#`]|[a-z]\.[a-z]|^www\.|[.](?i:com|org|net|edu|gov|io|js|py|txt|pdf|exe|html?)\b")
_LONGEST_NUMBER = 40  # as it is spoken
_FIRST = re.compile(r"[\W_]{0,8}")

# To the library quotes and brackets are spaces, as are lone surrogates, which it cannot take; apostrophes are letters.
_SPACES = re.compile(
    r"[()\[\]{}\s\ud800-\udfff\"\u2018\u201a\u201c\u201d\u201e\u00ab\u00bb\u2039\u203a\u300c-\u300f\u300a\u300b\uff08\uff09\u3010\u3011]"
)
_WINDOW = 4000  # characters the library sees at a time: on some texts its time grows with the square


class Written(Protocol):
    """What is known of what was written where something is said."""

    def is_lower(self, index: int) -> bool:
        """Whether the word at an index of the text was written in lower case."""

    def __call__(self, start: int, end: int) -> str:
        """Return what ``text[start:end]`` was in the source."""


def sentence_ends(text: str, start: int, end: int, language: str, written: Written) -> Iterator[int]:
    """Yield where sentences end in ``text[start:end]``, behind their marks and what closes them, but for the last."""
    pattern = _GREEK_END if language == "el" else _END
    matches = list(pattern.finditer(text, start, end))
    if not matches:
        return
    stops = _Stops(text, start, end, language, written)
    for match in matches:
        if match.end() < end and stops.is_end(match):
            stops.start = match.end()
            yield match.end("closers")


class _Stops:
    """The decision on each mark of a part of a text, in order. ``start`` is that of the sentence at hand."""

    def __init__(self, text: str, start: int, end: int, language: str, written: Written) -> None:
        self.start = self._first_start = start
        self._text, self._end, self._language, self._written = text, end, language, written
        self._quotations = _quotations(text, start, end)
        self._quotation = next(self._quotations, None)
        self._begins: list[int] | None = None  # of sentences, by the library
        # Where even the first word is in lower case, that of others says nothing.
        self._capitals = not written.is_lower(self._first(start))

    def is_end(self, match: re.Match[str]) -> bool:
        """Whether a match of the pattern of ends is one."""
        stop, after = match.span("space")
        mark = match["mark"]
        if self._is_inside(stop):
            return False
        if stop == after or not mark.isascii():
            if _FREE.search(mark):
                goes_on = _GOES_ON.get(self._language) if match["closers"] else None
                return not (goes_on and goes_on.match(self._text, stop, self._end))
            if stop == after:
                return not match["closers"] and self._is_glued_end(match.start(), stop)
        return self._is_spaced_end(match.start(), mark, self._first(after), is_closed=bool(match["closers"]))

    def _is_spaced_end(self, start: int, mark: str, first: int, *, is_closed: bool) -> bool:
        is_ellipsis = mark != "." and bool(_ELLIPSIS.fullmatch(mark))
        if (self._capitals or is_closed or is_ellipsis) and self._written.is_lower(first):
            return False
        if is_ellipsis:
            return self._text[first].isupper() or self._text[first].isdigit()
        return mark != "." or self._is_stop(start, first)

    def _first(self, index: int) -> int:
        """Return the index of the first letter or digit from an index on."""
        found = _FIRST.match(self._text, index, self._end)
        return min(found.end() if found else index, self._end - 1)

    def _is_inside(self, stop: int) -> bool:
        """Whether a place is in a quotation or brackets, or ends brackets that are only a part of the sentence."""
        while self._quotation and self._quotation[1] < stop:
            self._quotation = next(self._quotations, None)
        if not self._quotation or self._quotation[0] >= stop:
            return False
        begin, end = self._quotation
        return stop < end or (begin > self.start and self._text[begin] in _BRACKETS)

    def _is_glued_end(self, mark: int, after: int) -> bool:
        """Whether marks end a sentence without a space behind: ``First.Second``, but not in names of files and hosts."""
        text = self._text
        # Two letters on each side: e.g.Then
        if not (text[mark - 2 : mark].isalpha() and text[mark - 1].islower() and text[after].isupper()):
            return False
        if not text[after + 1 : after + 2].islower():
            return False
        before = text[max(self.start, mark - 40) : mark].rsplit(maxsplit=1)[-1:]
        behind = text[mark : min(self._end, after + 40)].split(maxsplit=1)[:1]
        return not _ADDRESS.search("".join([*before, *behind]))

    def _is_stop(self, mark: int, first: int) -> bool:
        """Whether a single stop ends a sentence, and not an abbreviation, an initial, or a number in a list."""
        text = self._text
        if self._is_number(mark):
            return False
        found = _WORD.search(text, max(self.start, mark - 12), mark)
        word = found[0] if found else ""
        if word in _ABBREVIATIONS.get(self._language, ()):
            return False
        if word.lower() in _OFTEN_LAST or text[mark + 1] == "[":
            return True
        if len(word) == 1:
            if _INITIALS.search(text, max(self.start, mark - 5), mark):
                return False
            if word.islower() and text[first].isdigit():
                return False
            if word.islower() and self._language in _WITHOUT_ABBREVIATIONS:
                return text[first + 1 : first + 2] != "."
        return self._is_by_library(mark, first)

    def _is_number(self, mark: int) -> bool:
        """Whether a sentence would be no more than the number before an item of a list."""
        if mark - self.start > _LONGEST_NUMBER:
            return False
        begin = self._first(self.start)
        return " " not in self._text[begin:mark] and bool(_NUMBER.fullmatch(self._written(begin, mark)))

    def _is_by_library(self, mark: int, first: int) -> bool:
        if self._begins is None:
            text = _SPACES.sub(" ", self._text[self._first_start : self._end])
            self._begins = list(_begins(text.replace("'", "\u02bc").replace("\u2019", "\u02bc"), self._language))
        place = bisect_left(self._begins, mark + 1 - self._first_start)
        return place < len(self._begins) and self._begins[place] <= first - self._first_start


def _quotations(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where quotations and brackets begin and end; those within others are not looked for."""
    for opening in _OPENING.finditer(text, start, end):
        if opening.start() >= start and (found := _QUOTATION.match(text, opening.start(), end)):
            start = found.end()
            yield found.span()


def _begins(text: str, language: str) -> Iterator[int]:
    """Yield where sentences begin by the library, but for the first."""
    start = 0
    while start < len(text):
        found = [boundary["start_index"] for boundary in get_sentence_boundaries(language, text[start : start + _WINDOW])]
        begins = [index for index in found if index]
        for index in begins:
            yield start + index
        # The last of a window may go on in the next.
        start += begins[-1] if begins and start + _WINDOW < len(text) else _WINDOW

"""How words are said: respellings by word or phrase, from a table or from W3C's Pronunciation Lexicon Specification."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import NamedTuple

from actors.errors import InputDataError, UsageError
from actors.text import language_of
from actors.text.edits import Edit

_WORD = re.compile(r"[^\W_]+")
_ALIKE = str.maketrans({"\u2019": "'", "\u02bc": "'", "\u2018": "'", "\u2010": "-", "\u2011": "-", "\u00a0": " ", "\n": " "})
_LAST_SIGMA = str.maketrans("\u03c2", "\u03c3")
_FLAGS = "case, book=<glob>, voice=<name>, language=<code>"


@dataclass(frozen=True)
class Entry:
    """How a word or phrase is said.

    Attributes:
        word: as it is written; whole words of a text that are equal are said in this way.
        said: in its place.
        is_exact: whether its capitals have to be the text's.
        book: a pattern of book titles, as of file names; ``None`` is all.
        voice: who says it so; ``None`` is all.
        language: code of the language of texts; ``None`` is all.
    """

    word: str
    said: str
    is_exact: bool = False
    book: str | None = None
    voice: str | None = None
    language: str | None = None


class Scope(NamedTuple):
    """What is read: the book's title, the language's code, and where in the text each voice begins to speak."""

    book: str
    language: str
    voices: Sequence[tuple[int, str | None]] = ((0, None),)


class _Known(NamedTuple):
    """An entry as it is looked for: its word folded, and how far its first run of letters is from its beginning."""

    folded: str
    offset: int
    entry: Entry


class Lexicon:
    """Entries, of which the longest that stands at a place holds; of equal ones an exact one, then the first.

    Args:
        entries: in order.

    Raises:
        UsageError: the word of an entry has no letter or digit.
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries = tuple(entries)
        self._by_first: dict[str, list[_Known]] = {}
        self._held: tuple[tuple[str, str], dict[str, list[_Known]]] | None = None
        for entry in self.entries:
            folded = _folded(" ".join(entry.word.split()))
            first = _WORD.search(folded)
            if first is None:
                raise UsageError(f"the lexicon has {entry.word!r}, which has no letter or digit: take it out")
            self._by_first.setdefault(first[0], []).append(_Known(folded, first.start(), entry))
        for known in self._by_first.values():
            known.sort(key=lambda each: (-len(each.folded), not each.entry.is_exact))

    def __repr__(self) -> str:
        return f"Lexicon({self.entries!r})"

    def __repr__(self) -> str:
        """Tell all entries: scripts are known by how they were directed."""
        return f"Lexicon({self.entries!r})"

    def edits(self, text: str, scope: Scope, taken: Sequence[Edit] = ()) -> list[Edit]:
        """Return how words of a text are said, together with the edits that are ``taken``, which hold before the lexicon's.

        Args:
            text: as it is written.
            scope: where the text stands.
            taken: in order, without overlaps.
        """
        if not self._by_first:
            return list(taken)
        known = self._within(scope)
        folded = _folded(text)
        made: list[Edit] = []
        starts = [edit.start for edit in taken]
        position = 0
        for word in _WORD.finditer(folded):
            if word.start() < position or word[0] not in known:
                continue
            edit = _found(text, folded, word.start(), known[word[0]], scope)
            if edit and edit.start >= position and not _overlaps(edit, taken, starts):
                made.append(edit)
                position = edit.end
        return sorted([*taken, *made], key=lambda edit: edit.start)

    def _within(self, scope: Scope) -> dict[str, list[_Known]]:
        """Return the entries of a book and a language, which are those of the text before, nearly always."""
        last = self._held
        if last is None or last[0] != scope[:2]:
            held = {first: [each for each in known if _holds(each.entry, scope)] for first, known in self._by_first.items()}
            known = {first: entries for first, entries in held.items() if entries}
            self._held = scope[:2], known
            return known
        return last[1]


def read_table(text: str, name: str) -> list[Entry]:
    r"""Return the entries of a table: a word, a tab, how it is said, and maybe another tab and flags with spaces between.

    Lines that begin with ``#`` and a first line ``word<TAB>said`` are not read. Flags are ``case`` (capitals count),
    ``book=<pattern of titles>``, ``voice=<name>`` and ``language=<code>``; a value with spaces stands in double quotes.

    Args:
        text: the table.
        name: of its file, for messages.

    Raises:
        InputDataError: a line is none of these.
    """
    entries = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        cells = [cell.strip() for cell in line.split("\t")]
        if not line.strip() or line.lstrip().startswith("#") or (number == 1 and cells[0].lower() == "word"):
            continue
        entries.append(_entry(cells, f"{name}, line {number}"))
    return entries


def _entry(cells: Sequence[str], place: str) -> Entry:
    if not 2 <= len(cells) <= 3 or not cells[0] or not cells[1]:
        raise InputDataError(f"{place}: write a word, a tab, and how it is said, then maybe a tab and flags ({_FLAGS})")
    if not _WORD.search(cells[0]):
        raise InputDataError(f"{place}: {cells[0]!r} has no letter or digit: take the line out")
    flags = dict(_flag(found, place) for found in re.findall(r'[^\s="]+="[^"]*"|\S+', cells[2] if len(cells) > 2 else ""))
    return Entry(cells[0], cells[1], "case" in flags, flags.get("book"), flags.get("voice"), flags.get("language"))


def _flag(flag: str, place: str) -> tuple[str, str]:
    name, _, value = flag.partition("=")
    value = value.strip('"')
    if (name == "case") != (not value) or name not in ("case", "book", "voice", "language"):
        raise InputDataError(f"{place}: {flag!r} is no flag: there are {_FLAGS}")
    try:
        return name, language_of(value) if name == "language" else value
    except UsageError as error:
        raise InputDataError(f"{place}: {error}") from error


def _folded(text: str) -> str:
    """Return a text of the same length in which what differs by case, apostrophe or kind of space is equal."""
    text = text.translate(_ALIKE)
    lower = text.lower()
    if len(lower) != len(text):
        lower = "".join(low if len(low := char.lower()) == 1 else char for char in text)
    return lower.translate(_LAST_SIGMA)


def _holds(entry: Entry, scope: Scope) -> bool:
    is_book = entry.book is None or fnmatchcase(scope.book.casefold(), entry.book.casefold())
    return is_book and entry.language in (None, scope.language)


def _found(text: str, folded: str, word: int, known: Sequence[_Known], scope: Scope) -> Edit | None:
    """Return the edit of the first entry that stands where a word begins."""
    for each, offset, entry in known:
        start, end = word - offset, word - offset + len(each)
        if start < 0 or not folded.startswith(each, start) or _goes_on(folded, start, end):
            continue
        if entry.is_exact and text[start:end].translate(_ALIKE) != " ".join(entry.word.split()).translate(_ALIKE):
            continue
        if entry.voice is None or entry.voice == _voice_at(scope, start):
            return Edit(start, end, entry.said)
    return None


def _overlaps(edit: Edit, taken: Sequence[Edit], starts: Sequence[int]) -> bool:
    before = bisect_right(starts, edit.end - 1) - 1
    return before >= 0 and taken[before].end > edit.start


def _goes_on(text: str, start: int, end: int) -> bool:
    """Whether a word of a text is longer than ``text[start:end]``."""
    before = text[start].isalnum() and text[start - 1 : start].isalnum()
    return before or (text[end - 1].isalnum() and text[end : end + 1].isalnum())


def _voice_at(scope: Scope, place: int) -> str | None:
    return scope.voices[max(0, bisect_right(scope.voices, place, key=lambda begun: begun[0]) - 1)][1]

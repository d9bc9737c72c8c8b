"""Who speaks what: rules from a table."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, get_args

from actors.errors import InputDataError
from actors.text.edits import Edited
from actors.text.sentences import cut_sentences
from books.book import BlockKind
from books.direction.quotes import Speech, as_runs, quoted_speech
from books.direction.runs import Run
from books.direction.speakers import is_said_by

What = Literal["paragraph", "sentence", "quoted", "chapter", "heading"]
_WHATS: dict[str, What] = {what: what for what in get_args(What)}
_NEEDS_PATTERN = ("paragraph", "sentence", "chapter")
_ANYBODY = r"\w[\w.'\u2019-]{0,30}+"
_HOW = (
    "write 'paragraph' or 'sentence' and a regular expression, 'chapter' and a number or a pattern of titles, 'quoted' and "
    "maybe names with | between, or 'heading', each followed by the voice, with tabs between"
)


@dataclass(frozen=True)
class Rule:
    """What a voice speaks.

    Attributes:
        what: of a book.
        pattern: a regular expression that is found in the paragraph or sentence; the number of a chapter, from 1, or a pattern
            of its title, as of file names; of quoted speech the names of who says it, with ``|`` between. Empty is any.
        voice: who speaks it.
    """

    what: What
    pattern: str
    voice: str


@dataclass(frozen=True)
class Cast:
    """Rules, of which the first that holds for a stretch of text is taken."""

    rules: tuple[Rule, ...] = ()

    @property
    def voices(self) -> tuple[str, ...]:
        """The voices that are named, each once."""
        return tuple(dict.fromkeys(rule.voice for rule in self.rules))


def read_cast(content: bytes, name: str) -> Cast:
    r"""Return the rules of a table: a line has what is spoken, a tab, a pattern, another tab, and the voice.

    The pattern and its tab may be left out where there is none. Lines that begin with ``#`` and a first line that begins with
    ``rule`` are not read.

    Args:
        content: of the file, in UTF-8.
        name: of the file, for messages.

    Raises:
        InputDataError: a line is no rule, or the file is no text.
    """
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputDataError(f"{name} is no text in UTF-8 ({error}): save it as that") from error
    rules = []
    for number, line in enumerate(lines, 1):
        cells = [cell.strip() for cell in line.split("\t")]
        if line.strip() and not line.lstrip().startswith("#") and not (number == 1 and cells[0].lower() == "rule"):
            rules.append(_rule(cells, f"{name}, line {number}"))
    return Cast(tuple(rules))


def _rule(cells: Sequence[str], place: str) -> Rule:
    what, pattern, voice = cells[0].lower(), "\t".join(cells[1:-1]), cells[-1]
    kind = _WHATS.get(what)
    if kind is None or len(cells) not in (2, 3) or not voice or (not pattern and what in _NEEDS_PATTERN):
        raise InputDataError(f"{place} is no rule of a cast: {_HOW}")
    if what in ("paragraph", "sentence"):
        try:
            re.compile(pattern)
        except re.error as error:
            raise InputDataError(f"{place}: {pattern!r} is no regular expression: {error}") from error
    return Rule(kind, pattern, voice)


class Casting:
    """Follows a cast through the blocks of a book in order, since speech may go over several.

    Args:
        cast: the rules.
        dialogue_voice: who speaks what quoted speech no rule gives to anybody.
    """

    def __init__(self, cast: Cast, dialogue_voice: str | None) -> None:
        last = (Rule("quoted", "", dialogue_voice),) if dialogue_voice else ()
        self._rules = (*cast.rules, *last)
        self._names: dict[str, str] = {
            rule.pattern: _names(rule.pattern) for rule in self._rules if rule.what == "quoted" and rule.pattern
        }
        self._has_speech = any(rule.what == "quoted" for rule in self._rules)
        self._chapter, self._title = 0, ""
        self.end_speech()

    def begin_chapter(self, number: int, title: str) -> None:
        """Go on with a chapter: its number from 1, and its title."""
        self._chapter, self._title = number, title
        self.end_speech()

    def end_speech(self) -> None:
        """Let no speech go on."""
        self._open: str | None = None  # the mark of speech that was not closed
        self._speaker: str | None = None  # the names of who speaks it

    def layers(self, kind: BlockKind, text: str, language: str) -> list[list[Run]]:
        """Return what each rule says of a block's text, the first rule first."""
        if not self._rules:
            return []
        speech, speakers = self._speech(text, language) if self._has_speech else ([], [])
        return [self._runs(rule, kind, text, language, speech, speakers) for rule in self._rules]

    def _runs(
        self, rule: Rule, kind: BlockKind, text: str, language: str, speech: list[Speech], speakers: list[str | None]
    ) -> list[Run]:
        if rule.what == "quoted":
            by = [each for each, who in zip(speech, speakers, strict=True) if not rule.pattern or who == rule.pattern]
            return as_runs(by, rule.voice)
        if rule.what == "sentence":
            return _sentences(rule, text, language)
        return [Run(0, len(text), rule.voice)] if self._holds(rule, kind, text) else []

    def _holds(self, rule: Rule, kind: BlockKind, text: str) -> bool:
        if rule.what == "heading":
            return kind is BlockKind.HEADING and (not rule.pattern or re.search(rule.pattern, text) is not None)
        if rule.what == "chapter":
            return rule.pattern == str(self._chapter) or fnmatchcase(self._title.casefold(), rule.pattern.casefold())
        return re.search(rule.pattern, text) is not None

    def _speech(self, text: str, language: str) -> tuple[list[Speech], list[str | None]]:
        """Return the speech in a paragraph, and by whose names it is said: those of a rule, or none of them."""
        speech = quoted_speech(text)
        goes_on = bool(speech) and self._open == speech[0].mark and not text[: speech[0].start].strip()
        carried = self._speaker if goes_on else None
        speakers = self._speakers(text, speech, language, carried)
        is_open = bool(speech) and not speech[-1].is_closed
        self._open, self._speaker = (speech[-1].mark, speakers[-1]) if is_open else (None, None)
        return speech, speakers

    def _speakers(self, text: str, speech: list[Speech], language: str, carried: str | None) -> list[str | None]:
        """Return the names by which each speech is said; what nobody is named for is the neighbour's in its paragraph."""
        if not self._names:
            return [None for _ in speech]
        own = [self._named(text, speech, index, language) for index in range(len(speech))]
        speakers: list[str | None] = []
        known = carried or next(filter(None, own), "")
        for who in own:
            known = who or known
            speakers.append(known or None)
        return speakers

    def _named(self, text: str, speech: list[Speech], index: int, language: str) -> str:
        for pattern, names in self._names.items():
            if is_said_by(text, speech, index, names, language):
                return pattern
        return _ANYBODY if is_said_by(text, speech, index, _ANYBODY, language) else ""


def _names(pattern: str) -> str:
    """Return the regular expression of names with ``|`` between."""
    return "|".join(re.escape(name.strip()).replace(r"\ ", r"\s") for name in pattern.split("|") if name.strip())


def _sentences(rule: Rule, text: str, language: str) -> list[Run]:
    places = (sentence.place for sentence in cut_sentences(Edited(text), language))
    return [
        Run(p.start, p.end, rule.voice)
        for p in places
        if p is not None and re.search(rule.pattern, text[p.start : p.end].strip())
    ]

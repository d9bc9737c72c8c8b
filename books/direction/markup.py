"""Tags in the text of a book that say how it is spoken: ``[voice:name]``, ``[pause:1.5]``, and a part of SSML."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import unescape

from actors.errors import UsageError
from actors.text.edits import Edit, Edited
from books.book import Block, Mark, MarkKind
from books.direction.notes import Notes
from books.direction.places import Moved
from books.direction.runs import Run, flat

LONGEST_BREAK_S = 30.0
_TAG = re.compile(
    r"\[(?:voice:\s*+(?P<voice>[^\[\]\n]{1,100}+)|(?P<voice_end>/voice)|pause:\s*+(?P<pause>[^\[\]\n]{1,40}+))\]"
    r"|<(?P<end>/)?(?P<element>break|sub|say-as|lang|phoneme|prosody|emphasis|voice|speak)(?![\w:-])"
    r"(?P<attributes>(?:[^<>\"']|\"[^\"<]{0,500}+\"|'[^'<]{0,500}+'){0,500}+)>",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"([\w:-]{1,40}+)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)')")
_TIME = re.compile(r"\+?(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})\s?(ms|s|)", re.IGNORECASE)
_STRENGTHS = {"none": 0.0, "x-weak": 0.15, "weak": 0.25, "medium": 0.5, "strong": 1.0, "x-strong": 2.0}
_IGNORED = ("lang", "prosody", "emphasis")
_SPELLED = {"digits": "digits", "digit": "digits", "telephone": "digits", "characters": "characters"}
_SPELLED |= {"spell-out": "characters", "verbatim": "characters", "date": "date"}


@dataclass(frozen=True)
class Marked:
    """A block's text without tags, and what is said of it.

    Attributes:
        text: without tags.
        marks: of the block and of its tags, but for voices, in order.
        voices: who speaks by the tags and marks, in order, without overlaps.
    """

    text: str
    marks: Sequence[Mark]
    voices: Sequence[Run]


@dataclass
class _Reading:
    """The tags of one block."""

    place: str
    edits: list[Edit] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    voices: list[Run] = field(default_factory=list)
    open: list[tuple[str, int, dict[str, str]]] = field(default_factory=list)  # elements
    said_from: int = 0  # where the voice at hand began


class Markup:
    """Reads the blocks of a book in order: a voice may speak on from one to the next.

    Args:
        voices: the names there are; with none of them nothing is checked.
        notes: take what is not followed.
        is_followed: whether tags are followed; else only a block's own marks are.
    """

    def __init__(self, voices: Sequence[str], notes: Notes, *, is_followed: bool = True) -> None:
        self._voices, self._notes, self._is_followed = frozenset(voices), notes, is_followed
        self._names = ", ".join(voices)
        self._speakers: list[tuple[str, str]] = []  # and where each began

    def read(self, block: Block, place: str) -> Marked:
        """Return a block's text without tags, and what they say; ``place`` names it in messages.

        Raises:
            UsageError: a tag or a mark names a voice that there is not.
        """
        reading = _Reading(place)
        text = block.text
        if self._is_followed and ("[" in text or "<" in text):
            for found in _TAG.finditer(text):
                self._tag(found, reading)
        for name, _, _ in reading.open:
            self._notes.add(f"<{name}> has no end in its paragraph and is not followed", place)
        self._speak_until(reading, len(text))
        if not reading.edits:
            return self._marked(block.marks, text, [*reading.marks], reading.voices, place)
        edited = Edited(text, reading.edits)
        place_of = Moved(edited)
        moved = [_moved(mark, place_of) for mark in (*reading.marks, *block.marks)]
        runs = [Run(place_of(start), place_of(end), name) for start, end, name in reading.voices]
        return self._marked((), edited.text, moved, runs, place)

    def finish(self) -> None:
        """Note the voices whose tags were never closed."""
        for name, place in self._speakers:
            self._notes.add(f"[voice:{name}] is never closed: it holds to the end of the book", place)
        self._speakers.clear()

    def _marked(self, own: Sequence[Mark], text: str, marks: list[Mark], runs: list[Run], place: str) -> Marked:
        """Return a text with the marks of a block, and of its tags."""
        marks = [*marks, *own]
        voices = [mark for mark in marks if mark.kind is MarkKind.VOICE]
        for mark in voices:
            self._check(mark.value, place)
        by_marks = [Run(mark.start, mark.end, mark.value) for mark in voices]
        kept = sorted((mark for mark in marks if mark.kind is not MarkKind.VOICE), key=lambda mark: (mark.start, mark.end))
        return Marked(text, kept, flat([*runs, *by_marks]) if by_marks else runs)

    def _check(self, name: str, place: str) -> None:
        if self._voices and name not in self._voices:
            raise UsageError(f"{place} is to be spoken by {name!r}, which is no voice of the model: it has {self._names}")

    def _tag(self, found: re.Match[str], reading: _Reading) -> None:
        start, end = found.span()
        reading.edits.append(Edit(start, end, ""))
        if found["voice"]:
            self._begin(found["voice"].strip(), start, reading)
        elif found["voice_end"]:
            self._end("[/voice]", start, reading)
        elif found["pause"]:
            self._pause(found["pause"].strip(), found[0], start, reading)
        else:
            self._element(found, _attributes(found["attributes"]), reading)

    def _begin(self, name: str, start: int, reading: _Reading) -> None:
        self._check(name, reading.place)
        self._speak_until(reading, start)
        self._speakers.append((name, reading.place))

    def _end(self, tag: str, start: int, reading: _Reading) -> None:
        self._speak_until(reading, start)
        if self._speakers:
            self._speakers.pop()
        else:
            self._notes.add(f"{tag} closes nothing", reading.place)

    def _speak_until(self, reading: _Reading, end: int) -> None:
        """Note who spoke up to a place."""
        if self._speakers and end > reading.said_from:
            reading.voices.append(Run(reading.said_from, end, self._speakers[-1][0]))
        reading.said_from = end

    def _pause(self, time: str, tag: str, start: int, reading: _Reading) -> None:
        seconds = seconds_of(time)
        if seconds is None:
            self._notes.add(f"{tag} is no pause and is left out: write [pause:1.5] or [pause:500ms]", reading.place)
            return
        if seconds > LONGEST_BREAK_S:
            self._notes.add(f"{tag} is cut to {LONGEST_BREAK_S:g} s, the longest pause there is", reading.place)
        reading.marks.append(Mark(start, start, MarkKind.BREAK, f"{min(seconds, LONGEST_BREAK_S):g}"))

    def _element(self, found: re.Match[str], attributes: dict[str, str], reading: _Reading) -> None:
        name, start = found["element"].lower(), found.start()
        if name == "speak":
            return
        if name == "voice":
            self._voice(attributes.get("name", "").strip(), start, reading, is_end=bool(found["end"]))
        elif name == "break":
            self._break(attributes, found[0], start, reading)
        elif found["end"]:
            self._close(name, start, reading)
        elif not found["attributes"].endswith("/"):
            reading.open.append((name, found.end(), attributes))
            if name in _IGNORED:
                self._notes.add(f"<{name}> is not followed: no model has a control for it", reading.place)

    def _voice(self, name: str, start: int, reading: _Reading, *, is_end: bool) -> None:
        if is_end:
            self._end("</voice>", start, reading)
        elif name:
            self._begin(name, start, reading)
        else:
            self._notes.add("<voice> without a name is not followed: write <voice name=\u2026>", reading.place)
            self._speak_until(reading, start)
            self._speakers += self._speakers[-1:]

    def _break(self, attributes: dict[str, str], tag: str, start: int, reading: _Reading) -> None:
        if "time" in attributes:
            self._pause(attributes["time"].strip(), tag, start, reading)
        else:
            seconds = _STRENGTHS.get(attributes.get("strength", "medium").lower(), _STRENGTHS["medium"])
            reading.marks.append(Mark(start, start, MarkKind.BREAK, f"{seconds:g}"))

    def _close(self, name: str, end: int, reading: _Reading) -> None:
        if not reading.open or reading.open[-1][0] != name:
            self._notes.add(f"</{name}> closes nothing", reading.place)
            return
        _, start, attributes = reading.open.pop()
        if name == "sub" and "alias" in attributes:
            reading.marks.append(Mark(start, end, MarkKind.ALIAS, unescape(attributes["alias"])))
        elif name == "phoneme":
            self._phoneme(start, end, attributes, reading)
        elif name == "say-as":
            self._say_as(start, end, attributes, reading)

    def _phoneme(self, start: int, end: int, attributes: dict[str, str], reading: _Reading) -> None:
        alphabet = attributes.get("alphabet", "ipa").lower()
        if alphabet == "ipa" and attributes.get("ph"):
            reading.marks.append(Mark(start, end, MarkKind.PHONEMES, unescape(attributes["ph"])))
        else:
            self._notes.add(f"<phoneme> in {alphabet!r} is not followed: give ph in IPA", reading.place)

    def _say_as(self, start: int, end: int, attributes: dict[str, str], reading: _Reading) -> None:
        what = attributes.get("interpret-as", "").lower()
        if what in _SPELLED:
            reading.marks.append(Mark(start, end, MarkKind.SAY_AS, _SPELLED[what]))
        else:
            self._notes.add(f"<say-as> as {what!r} is not followed: texts are read as they are written", reading.place)


def seconds_of(time: str) -> float | None:
    """Return the seconds of a time such as ``1.5``, ``1.5s`` or ``500ms``; ``None`` if it is none."""
    found = _TIME.fullmatch(time)
    return float(found[1]) / (1000 if found[2].lower() == "ms" else 1) if found else None


def _attributes(text: str) -> dict[str, str]:
    return {name.lower(): double or single for name, double, single in _ATTRIBUTE.findall(text)}


def _moved(mark: Mark, place_of: Moved) -> Mark:
    return Mark(place_of(mark.start), place_of(mark.end), mark.kind, mark.value)

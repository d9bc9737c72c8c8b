"""When each passage of a book is heard."""

from collections.abc import Sequence
from dataclasses import dataclass

from books.script import Passage


@dataclass(frozen=True)
class Cue:
    """A passage in the audio: seconds from the beginning of the book, the silence behind it not counted.

    ``index`` is the passage's in its script; ``pieces`` are its chunks, where it was too long to be spoken in one go: what is
    written of each, and its own times. ``until_s`` is how far its clip goes at most; ``None``: to the next one.
    """

    passage: Passage
    index: int
    start_s: float
    end_s: float
    pieces: tuple[tuple[str, float, float], ...] = ()
    until_s: float | None = None


@dataclass(frozen=True)
class TimedChapter:
    """A chapter in the audio. One ends where the next begins: its last pause belongs to it."""

    title: str
    level: int
    start_s: float
    end_s: float
    cues: Sequence[Cue]


@dataclass(frozen=True)
class Timeline:
    """All chapters of a book that have something to be heard, in order."""

    chapters: Sequence[TimedChapter]

    @property
    def duration_s(self) -> float:
        """Of the whole, in seconds."""
        return self.chapters[-1].end_s if self.chapters else 0.0

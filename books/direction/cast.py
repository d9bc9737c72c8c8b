"""Who speaks what."""

from dataclasses import dataclass

from books.book import BlockKind
from books.direction.runs import Run


@dataclass(frozen=True)
class Cast:
    """Rules."""

    voices: tuple[str, ...] = ()


class Casting:
    """Applies a cast."""

    def __init__(self, cast: Cast, dialogue_voice: str | None) -> None:
        self._cast = cast

    def begin_chapter(self, number: int, title: str) -> None:
        """Begin."""

    def end_speech(self) -> None:
        """End."""

    def runs(self, kind: BlockKind, text: str, language: str) -> list[Run]:
        """Runs."""
        return []

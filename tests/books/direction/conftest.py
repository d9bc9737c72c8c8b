from collections.abc import Callable, Sequence

import pytest

from books.book import Block, BlockKind, Book, Chapter
from books.direction import Direction, direct
from books.script import Passage, Script

Speak = Callable[..., Script]


@pytest.fixture
def speak() -> Speak:
    """Direct blocks, or texts of paragraphs, as the one chapter of an English book."""

    def spoken(*blocks: Block | str, **how: object) -> Script:
        made = tuple(Block(BlockKind.PARAGRAPH, block) if isinstance(block, str) else block for block in blocks)
        book = Book("A book", (Chapter("One", made),), language="en")
        return direct(book, Direction(**{"titles": False, **how}))  # type: ignore[arg-type]

    return spoken


def said(script: Script) -> list[tuple[str | None, str]]:
    """Return who says what."""
    return [(passage.voice, passage.text) for passage in script.passages]


def texts(passages: Sequence[Passage]) -> list[str]:
    return [passage.text for passage in passages]

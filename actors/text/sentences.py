"""Cuts what is spoken into sentences, and says what stood between them."""

from dataclasses import dataclass
from enum import IntEnum

from actors.text.edits import Edited


class Pause(IntEnum):
    """What stands behind a sentence, the longer pauses last."""

    SENTENCE = 0
    PARAGRAPH = 1
    SECTION = 2


@dataclass(frozen=True)
class Sentence:
    """A sentence.

    Attributes:
        spoken: what is said.
        written: what of the source it was.
        pause: what stands behind it.
    """

    spoken: str
    written: str
    pause: Pause = Pause.SENTENCE


def cut_sentences(spoken: Edited, language: str) -> list[Sentence]:
    """Cut a text into sentences; none if there is nothing in it."""
    text = spoken.text.strip()
    return [Sentence(text, spoken.source.strip())] if text else []

"""What readers note of a book: a sentence for each kind of what they left out or mended."""

from collections import Counter
from collections.abc import Mapping, Sequence

# Kinds of what is not read out.
NOTES = "footnotes and endnotes"
PAGES = "page numbers"
RUNNING = "running heads and feet, and page numbers"
CONTENTS = "tables of contents and indexes"
LEGAL = "covers, copyright pages and colophons"
TRANSCRIBERS = "transcribers' notes"
HIDDEN = "hidden text"

_KINDS = (NOTES, PAGES, RUNNING, CONTENTS, LEGAL, TRANSCRIBERS, HIDDEN)
_NAMES_SHOWN = 3


class Notes:
    """Collects what happened to a book's files, by kind.

    Attributes:
        skipped: how often each kind of text was not read.
    """

    def __init__(self, skipped: Mapping[str, int] | None = None) -> None:
        self.skipped: Counter[str] = Counter(skipped)
        self._files: dict[str, dict[str, None]] = {}
        self._sentences: dict[str, None] = {}

    def file(self, what: str, name: str) -> None:
        """Note what was done about a file; files of one kind get one sentence."""
        self._files.setdefault(what, {})[name] = None

    def say(self, sentence: str) -> None:
        """Note a sentence, once."""
        self._sentences[sentence] = None

    def sentences(self) -> tuple[str, ...]:
        """Return all of them."""
        skipped = [f"not read: {kind} ({self.skipped[kind]:,})" for kind in _KINDS if self.skipped[kind]]
        return (*self._sentences, *(f"{what}: {_listed(list(names))}" for what, names in self._files.items()), *skipped)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")

"""What readers note of a book: a sentence for each kind of what they left out or mended."""

from collections import Counter

from books.reading import furniture

_NAMES_SHOWN = 3


class Notes:
    """Collects what happened to a book's files, by kind."""

    def __init__(self) -> None:
        self.skipped: Counter[str] = Counter()
        self._files: dict[str, list[str]] = {}
        self._sentences: list[str] = []

    def file(self, what: str, name: str) -> None:
        """Note what was done about a file; files of one kind get one sentence."""
        names = self._files.setdefault(what, [])
        if name not in names:
            names.append(name)

    def say(self, sentence: str) -> None:
        """Note a sentence, once."""
        if sentence not in self._sentences:
            self._sentences.append(sentence)

    def sentences(self) -> tuple[str, ...]:
        """Return all of them."""
        kinds = (furniture.NOTES, furniture.PAGES, furniture.CONTENTS, furniture.LEGAL, furniture.HIDDEN)
        skipped = [f"not read: {kind} ({self.skipped[kind]:,})" for kind in kinds if self.skipped[kind]]
        return (*self._sentences, *(f"{what}: {_listed(names)}" for what, names in self._files.items()), *skipped)


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")

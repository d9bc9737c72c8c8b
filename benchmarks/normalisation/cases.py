"""Texts, and what a person would say: ``texts/<language>.tsv``.

A line is a text as it is written, what readers of it may say (parted by `` | ``, the commonest first), and what it tries.
They come from five sets of English and four of each other language, one after another and each written without a look at the
normaliser or the sets before. It has been mended by them since, so that no share of them says what unseen texts would.
"""

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "texts"

_DASHES = re.compile(r"[-\u2010-\u2015\u2212]")
_MARKS = re.compile(r"[^\w\s']|_")


class Case(NamedTuple):
    """A text and its readings."""

    written: str
    readings: tuple[str, ...]
    kind: str

    def allows(self, spoken: str) -> bool:
        """Whether what is spoken is one of the readings: only words count, not case, marks and hyphens."""
        return words(spoken) in map(words, self.readings)


def words(text: str) -> list[str]:
    """Return the words of a text, to be compared."""
    plain = unicodedata.normalize("NFC", text.lower().replace("\u2019", "'"))
    return [word for word in (word.strip("'") for word in _MARKS.sub("", _DASHES.sub(" ", plain)).split()) if word]


def read_cases(language: str) -> Iterator[Case]:
    """Yield the cases of a language, in order."""
    for line in (FOLDER / f"{language}.tsv").read_text(encoding="utf-8").splitlines():
        written, readings, kind = line.split("\t")
        yield Case(written, tuple(readings.split(" | ")), kind)


def languages() -> list[str]:
    """Return the codes of the languages that there are cases of."""
    return sorted(path.stem for path in FOLDER.glob("*.tsv"))

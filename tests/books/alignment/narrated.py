"""Books that are read aloud by nobody: their passages, and the words as a model would hear them."""

import random
from collections.abc import Iterable, Sequence

from actors.requests import Word
from actors.text import Normaliser
from books.alignment import HeardRecording, Pauses
from books.book import BlockKind
from books.script import Passage

ENGLISH = Normaliser("en", markup=False)
WORD_S, PAUSE_S = 0.3, 0.6  # each word takes as long, and so does the silence behind each sentence


def passages(*chapters: Sequence[str]) -> list[Passage]:
    """Return passages of the texts of chapters."""
    return [
        Passage(f"{number}-{index}", text, text, number, index, BlockKind.PARAGRAPH, None, None, 0.0)
        for number, texts in enumerate(chapters)
        for index, text in enumerate(texts)
    ]


def narrated(*texts: str, begin_s: float = 0.0) -> list[Word]:
    """Return the words of sentences as a reader says them who says each word in the same time."""
    words, now = [], begin_s
    for text in texts:
        for word in text.split():
            words.append(Word(now, now + WORD_S, f" {word}", 1.0))
            now += WORD_S
        now += PAUSE_S
    return words


def recording(words: Sequence[Word], name: str = "1.mp3", *, paused: bool = False) -> HeardRecording:
    """Return a recording of words, which goes on for a second behind the last one; with its pauses if asked for."""
    end_s = words[-1].end + 1.0 if words else 1.0
    return HeardRecording(name, words, end_s, Pauses(silences(words, end_s)) if paused else Pauses())


def silences(words: Iterable[Word], end_s: float) -> list[tuple[float, float]]:
    """Return what is between words."""
    spans, now = [], 0.0
    for word in [*words, Word(end_s, end_s, "", 0.0)]:
        if word.start - now > 0.01:
            spans.append((now, word.start))
        now = word.end
    return spans


def vocabulary(count: int, seed: int = 0) -> list[str]:
    """Return words that there are not."""
    draw = random.Random(seed)
    syllables = [consonant + vowel for consonant in "bdfghklmnprstvw" for vowel in "aeiou"]
    found: dict[str, None] = {}
    while len(found) < count:
        found["".join(draw.choices(syllables, k=draw.randint(1, 4)))] = None
    return list(found)


def prose(count: int, seed: int = 0) -> list[str]:
    """Return so many words of a text, the frequent ones as frequent as in a language (Zipf)."""
    words = vocabulary(8_000, seed)
    weights = [1 / (rank + 2) for rank in range(len(words))]
    return random.Random(seed).choices(words, weights, k=count)


def misheard(words: Sequence[str], rate: float, seed: int = 1) -> tuple[list[str], list[int | None]]:
    """Return words with errors, a third of each kind, and which word each is."""
    draw, others = random.Random(seed), vocabulary(8_000, seed)
    heard: list[str] = []
    truth: list[int | None] = []
    for index, word in enumerate(words):
        kind = draw.random() / rate
        if kind < 1 / 3:
            continue
        heard += [draw.choice(others)] if kind < 1 else [word]
        truth += [None] if kind < 2 / 3 else [index]
        if 2 / 3 <= kind < 1:
            heard[-1:] = [word, draw.choice(others)]
            truth.append(None)
    return heard, truth

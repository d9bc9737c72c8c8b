"""Whether all of a book is heard, once and in order."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """Return a text's words and numbers, whatever their case and the signs around them."""
    return [word.casefold() for word in _WORD.findall(text)]


def heard_once(expected: Sequence[str], passages: Iterable[str]) -> list[str]:
    """Return what is wrong with what was said: sentences missing, doubled, out of order, and words that are in none.

    Words alone are compared, so that passages may be cut in other places than sentences.

    Args:
        expected: sentences in the order in which they are to be heard.
        passages: what was said, in order.
    """
    said = [word for passage in passages for word in words_of(passage)]
    begins: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place in range(len(said)):
        begins[tuple(said[place : place + 2])].append(place)
    problems: list[str] = []
    heard: Counter[str] = Counter()
    taken = bytearray(len(said))
    at = 0
    for sentence in expected:
        words = words_of(sentence)
        place = _next(said, words, at, begins, taken)
        if place is None:
            problems.append(f"missing: {sentence}")
            continue
        if place < at:
            problems.append(f"out of order: {sentence}")
        taken[place : place + len(words)] = b"\1" * len(words)
        heard[" ".join(words)] += 1
        at = max(at, place + len(words))
    return problems + _rest(said, taken, heard)


def _next(said: list[str], words: list[str], at: int, begins: dict[tuple[str, ...], list[int]], taken: bytearray) -> int | None:
    """Return where a sentence is said next from ``at`` on, else before; only words that no other sentence took."""
    if said[at : at + len(words)] == words:
        return at
    if len(words) == 1:
        places = [place for place, word in enumerate(said) if word == words[0]]
    else:
        places = begins.get(tuple(words[:2]), [])
    found = [
        place for place in places if said[place : place + len(words)] == words and not any(taken[place : place + len(words)])
    ]
    return next((place for place in found if place >= at), found[0] if found else None)


def _rest(said: list[str], taken: bytearray, heard: Counter[str]) -> list[str]:
    """Say which words no sentence took: a sentence that was heard before, or others."""
    problems: list[str] = []
    run: list[str] = []
    for word, of_sentence in zip([*said, ""], [*taken, 1], strict=True):
        if not of_sentence:
            run.append(word)
        elif run:
            text = " ".join(run)
            doubled = [sentence for sentence in heard if f" {sentence} " in f" {text} "]
            problems += [f"doubled: {sentence}" for sentence in doubled] or [f"not in the book: {text}"]
            run = []
    return problems

"""What stands around a match, and sets of words to compare it with."""

import re
from collections.abc import Mapping

_LOOKED_BACK = 40
_BEFORE = re.compile(r"(?<![^\W\d_])([^\W\d_]++)['\u2019]?+[.,]{0,2}+[\s-]*+\Z")
_BEHIND = re.compile(r"[\s-]*([^\W\d_]+)")
_SECOND_BEHIND = re.compile(r"\s+[^\W\d_]+\s+([^\W\d_]+)")


def word_list(text: str) -> list[str]:
    """Return the words of a text."""
    return text.split()


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text, to look others up in."""
    return frozenset(text.split())


def also_small(names: Mapping[str, str], others: Mapping[str, object]) -> dict[str, str]:
    """Return short forms, also with a small letter where others do not stand for something else: ``Prof.`` and ``prof.``."""
    written_out = {name: words for name, words in names.items() if "." in name and len(name) > 2 and name[1:].islower()}
    small = {name[0].lower() + name[1:]: words for name, words in written_out.items()}
    return {name: words for name, words in small.items() if others.get(name, words) == words} | dict(names)


def word_before(text: str, position: int) -> str:
    """Return the word that ends before a position, with nothing but a mark and space between; empty if there is none."""
    match = _BEFORE.search(text, max(0, position - _LOOKED_BACK), position)
    return match[1] if match else ""


def word_behind(match: re.Match[str]) -> str:
    """Return the word behind a match, with nothing but space between; empty if there is none."""
    behind = _BEHIND.match(match.string, match.end())
    return behind[1] if behind else ""


def second_word_behind(match: re.Match[str]) -> str:
    """Return the second word behind a match, with nothing but space before each; empty if there is none."""
    behind = _SECOND_BEHIND.match(match.string, match.end())
    return behind[1] if behind else ""


def adjoins_word(match: re.Match[str]) -> bool:
    """Whether nothing but one space is between a match and a word before it."""
    space, letter = match.string[match.start() - 1 : match.start()], match.string[match.start() - 2 : match.start() - 1]
    return space in (" ", "\u00a0") and letter.isalpha()

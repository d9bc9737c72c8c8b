"""Numbers as they are written."""

import re
from typing import NamedTuple

NUMBERS_KEPT = 20_000  # words of so many numbers, in each language
MOST_DIGITS = 15  # longer numbers are read digit by digit

SPACES = " \u00a0\u2007\u2009\u202f"  # that part groups of digits
_MARK = re.compile(r"[.,'\u2019]")


class Number(NamedTuple):
    """A number without a sign.

    Attributes:
        whole: its digits before the decimal mark; empty in ``.5``.
        fraction: those behind it; empty if there are none.
        grouped: whether marks or spaces stood in the whole part.
    """

    whole: str
    fraction: str = ""
    grouped: bool = False

    @property
    def value(self) -> int:
        """The whole part."""
        return int(self.whole or "0")

    @property
    def is_one(self) -> bool:
        """Whether it is 1, and not 1.0."""
        return not self.fraction and self.value == 1

    @property
    def is_code(self) -> bool:
        """Whether it is no amount but digits: with zeros in front, or too long to be said."""
        return len(self.whole) > MOST_DIGITS or (len(self.whole) > 1 and self.whole[0] == "0" and not self.fraction)


def number_pattern(decimal: str, groups: str, *, spaced: bool = False) -> str:
    """Return a pattern of numbers.

    Args:
        decimal: the decimal mark of a language.
        groups: what else may part groups of three digits, beside spaces; two groups may be parted by any mark.
        spaced: whether a plain space before three digits always parts groups; else only in round numbers.
    """
    behind = r"\d{3}(?!\d|[ ./]?\d|-\d{4})" if spaced else rf"\d(?:00|50)(?!\d|[{SPACES}.,/-]?\d)"
    foreign = "".join(mark for mark in ".," if mark not in groups)
    return (
        rf"(?:\d{{1,3}}(?:[{groups}]\d{{3}}(?!\d))++(?:{re.escape(decimal)}\d++)?"
        rf"|\d{{1,3}}(?:[{foreign}]\d{{3}}(?!\d)){{2,40}}"
        rf"|\d{{1,3}}(?:[{SPACES[1:]}]\d{{3}}(?!\d))++(?:{re.escape(decimal)}\d++)?"
        rf"|[1-9]\d{{0,2}}(?:(?: \d{{3}}(?!\d)){{2,40}}| {behind})(?:{re.escape(decimal)}\d++)?"
        rf"|(?<![\w.,]){re.escape(decimal)}\d++(?![.,]\d)"
        rf"|\d++(?:{re.escape(decimal)}\d++(?![.,]\d)|[.,]\d{{1,2}}(?![\d.,]\d|\d))?)"
    )


def parse_number(written: str, groups: str) -> Number:
    """Return the number that a match of :func:`number_pattern` is; ``groups`` as there."""
    if written.isdecimal():
        return Number(written)
    compact = "".join(character for character in written if character not in SPACES)
    marks = _MARK.findall(compact)
    parts = _MARK.split(compact)
    spaced = len(compact) < len(written)
    if not marks:
        return Number(compact, grouped=spaced)
    last = len(parts[-1])
    is_group = (len(marks) > 1 and len(set(marks)) == 1) or (
        len(marks) == 1 and marks[0] in groups and last == 3 and not spaced
    )
    if is_group:
        return Number("".join(parts), grouped=True)
    return Number("".join(parts[:-1]), parts[-1], grouped=spaced or len(parts) > 2)

"""Roman numerals."""

import re

# Canonical ones up to 3999: IIII and IC are none.
_NUMERAL = re.compile(r"(?=[IVXLCDM])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def roman_value(numeral: str) -> int | None:
    """Return the value of a Roman numeral in letters of one case; ``None`` if it is none."""
    letters = numeral.upper()
    if _NUMERAL.fullmatch(letters) is None:
        return None
    values = [_VALUES[letter] for letter in letters]
    return sum(-value if value < behind else value for value, behind in zip(values, [*values[1:], 0], strict=True))

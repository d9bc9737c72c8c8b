"""Numbers in words, spelled as inflect does with ``andword=""``.

inflect itself keeps the arguments of a call in its engine, so that two threads that share one mix up their words.
"""

# fmt: off
_SMALL_NUMBERS = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]
_TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = [
    "", "thousand", "million", "billion", "trillion", "quadrillion", "quintillion", "sextillion", "septillion",
    "octillion", "nonillion", "decillion",
]
# fmt: on
_MOST_DIGITS = 3 * len(_SCALES)
_ORDINAL_ENDINGS = {
    "ty": "tieth",
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}


def _cardinal(digits: str) -> str:
    """Return a number in words ("one thousand, two hundred five"), digit by digit when it has no short name."""
    significant = digits.lstrip("0")
    if len(significant) > _MOST_DIGITS:
        return " ".join(_SMALL_NUMBERS[int(digit)] for digit in digits)
    groups = [int(group) for group in f"{int(significant or 0):,}".split(",")]
    scales = reversed(_SCALES[: len(groups)])
    words = [f"{_below_thousand(group)} {scale}".rstrip() for group, scale in zip(groups, scales, strict=True) if group]
    if not words:
        return "zero"
    if len(words) > 1 and 0 < groups[-1] < 100:
        return f"{', '.join(words[:-1])} {words[-1]}"
    return ", ".join(words)


def _below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    words = [f"{_SMALL_NUMBERS[hundreds]} hundred"] if hundreds else []
    return " ".join([*words, _below_hundred(rest)] if rest else words)


def _below_hundred(number: int) -> str:
    if number < len(_SMALL_NUMBERS):
        return _SMALL_NUMBERS[number]
    tens, units = divmod(number, 10)
    return f"{_TENS[tens]}-{_SMALL_NUMBERS[units]}" if units else _TENS[tens]


def ordinal(digits: str) -> str:
    """Return a number in words that say its place in a row ("twenty-first")."""
    words = _cardinal(digits)
    for ending, ordinal in _ORDINAL_ENDINGS.items():
        if words.endswith(ending):
            return words.removesuffix(ending) + ordinal
    return f"{words}th"


def year_or_cardinal(digits: str) -> str:
    """Return a number in words; 1001 to 2999 are read like years ("nineteen oh five", "two thousand nine")."""
    significant = digits.lstrip("0")
    number = int(significant) if len(significant) == 4 else 0
    if not 1000 < number < 3000 or number == 2000:
        return _cardinal(digits)
    century, year = divmod(number, 100)
    if year == 0:
        return f"{_below_hundred(century)} hundred"
    if 2000 < number < 2010:
        return f"two thousand {_below_hundred(year)}"
    return f"{_below_hundred(century)} {'oh ' if year < 10 else ''}{_below_hundred(year)}"

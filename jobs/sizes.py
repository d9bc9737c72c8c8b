"""Sizes and spans of time on command lines: ``50GB``, ``30d``."""

import math
import re
from collections.abc import Mapping

from actors.errors import UsageError

_NUMBER = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s?([A-Za-z]{0,3})")
_BYTES = {
    "": 1,
    "b": 1,
    **{f"{letter}b": 1000**n for n, letter in enumerate("kmgt", 1)},
    **{f"{letter}ib": 1024**n for n, letter in enumerate("kmgt", 1)},
}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


def parse_size(text: str, option: str) -> int:
    """Return the bytes of a size such as ``50GB``, ``1.5 TiB`` or ``1000000``.

    Raises:
        UsageError: it is none; the message names the option.
    """
    return math.floor(_parsed(text, _BYTES, f"{option} {text!r} is no size: write it as 500MB, 50GB or 2TiB"))


def parse_span(text: str, option: str) -> float:
    """Return the seconds of a span such as ``12h``, ``30d`` or ``2w``.

    Raises:
        UsageError: it is none; the message names the option.
    """
    return _parsed(text, _SECONDS, f"{option} {text!r} is no span of time: write it as 12h, 30d or 2w")


def say_size(size: int) -> str:
    """Return a size in bytes as people write it."""
    for unit, name in ((1000**4, "TB"), (1000**3, "GB"), (1000**2, "MB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size / 1000:.1f} kB"


def _parsed(text: str, units: Mapping[str, int], complaint: str) -> float:
    found = _NUMBER.fullmatch(text.strip())
    unit = units.get(found[2].lower()) if found else None
    if found is None or unit is None:
        raise UsageError(complaint)
    return float(found[1]) * unit

"""Text that may stand in files: what XML and players forbid is left out."""

import re

# What XML 1.0 does not allow at all (section 2.2), halves of characters among it.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def legible(text: str) -> str:
    """Return a text without the characters that XML forbids; what a parser makes of ends of lines is made here."""
    return _FORBIDDEN.sub("", text).replace("\r\n", "\n").replace("\r", "\n")


def in_a_line(text: str) -> str:
    """Return a text that is legible, without ends of lines and without spaces at its ends."""
    return " ".join(legible(text).split())

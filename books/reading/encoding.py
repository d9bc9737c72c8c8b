"""Bytes in, text out, whatever a file says of its encoding."""

import codecs
import re

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_DECLARED = re.compile(rb"""(?:encoding|charset)\s{0,9}=\s{0,9}["']?([A-Za-z0-9_\-]{2,40})""")
_HEAD, _SAMPLE = 2048, 4096  # bytes: in which a declaration stands, and by which UTF-16 is told
_SEVEN_BIT = "iso-2022"  # encodings whose every text is valid UTF-8, too


def decode(content: bytes) -> str:
    """Return a file's text: by its byte order mark, as UTF-16 by its zeros, as UTF-8, as the file says, or as Windows-1252.

    UTF-8 stands before what a file says of itself: text is hardly ever valid UTF-8 by chance, and declarations are often wrong.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace")
    if utf16 := utf16_of(content):
        return content.decode(utf16, "replace")
    said = _DECLARED.search(content[:_HEAD])
    declared = said[1].decode().lower() if said else "utf-8"
    for encoding in (declared,) if declared.startswith(_SEVEN_BIT) else ("utf-8", declared):
        try:
            return content.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return content.decode("cp1252", "replace")


def utf16_of(content: bytes) -> str | None:
    """Return which UTF-16 content without a mark is: by a tag at its begin, or the zeros of Latin letters; else ``None``."""
    sample = content[:_SAMPLE]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if sample[:2] == b"<\0" or (even == 0 and odd * 3 > len(sample)):
        return "utf-16-le"
    if sample[:2] == b"\0<" or (odd == 0 and even * 3 > len(sample)):
        return "utf-16-be"
    return None

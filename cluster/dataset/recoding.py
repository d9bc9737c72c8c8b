"""Makes lines of UTF-8 of files that are written otherwise, while they are read.

Places in such a file are places in what it is made into, so that its units are found as those of a compressed file are.
"""

import codecs
import json
import re
from collections.abc import Iterator
from typing import BinaryIO

from actors.errors import InputDataError
from cluster.dataset.shards import Shard
from cluster.dataset.stored import READ_BYTES, buffered
from cluster.dataset.text_options import UTF8, TextLayout, has_plain_lines

_HEAD_BYTES = 1 << 16
# Of the first bytes, so many zeros at every other place are no text of an encoding with one byte a character.
_SAMPLE_BYTES = 1024
_MANY_ZEROS = 4
_CR_TO_LF = bytes.maketrans(b"\r", b"\n")
_ONE_LINE = {10: " ", 13: " "}
# What stands between the values of an array, and between values that follow one another.
_BETWEEN = re.compile(r"[\s,\[\]]*")
_MAX_VALUE_CHARS = 64 << 20
# Stands for bytes that an encoding has no character for: half of a surrogate pair, which UTF-8 refuses later.
MARK = "speechmill.mark"
codecs.register_error(MARK, lambda error: ("\udcff", getattr(error, "end", 0)))


def find_layout(shard: Shard, stream: BinaryIO) -> TextLayout:
    """Return how a shard's bytes become lines, by the first of them; the stream stays where it is.

    Raises:
        InputDataError: it is in an encoding that must be named.
    """
    head = stream.peek(_HEAD_BYTES)  # type: ignore[attr-defined]
    encoding = UTF8 if head.startswith(codecs.BOM_UTF8) else shard.options.encoding
    if encoding == UTF8:
        _check_encoding(head)
    recoded_from = None if has_plain_lines(encoding) else encoding
    if recoded_from:
        head = codecs.getincrementaldecoder(recoded_from)("replace").decode(head).encode("utf-8", "replace")
    cr_lines = b"\r" in head[:-1] and b"\n" not in head
    json_values = shard.is_json and _is_json_values(head.translate(_CR_TO_LF))
    if json_values and encoding != UTF8:
        recoded_from = encoding
    return TextLayout(
        encoding=UTF8 if recoded_from else encoding,
        recoded_from=recoded_from,
        cr_lines=cr_lines,
        json_values=json_values,
        delimiter=shard.options.delimiter or ("\t" if shard.format == "tsv" else ","),
    )


def _check_encoding(head: bytes) -> None:
    for encoding, mark in (("utf-32", codecs.BOM_UTF32_LE), ("utf-16", codecs.BOM_UTF16_LE), ("utf-16", codecs.BOM_UTF16_BE)):
        if head.startswith(mark):
            raise InputDataError(f"its byte-order mark says {encoding.upper()}: read it with --encoding {encoding}")
    for encoding, first in (("utf-16-le", 1), ("utf-16-be", 0)):
        zeros, others = head[first:_SAMPLE_BYTES:2].count(0), head[1 - first : _SAMPLE_BYTES : 2].count(0)
        if zeros > _MANY_ZEROS and zeros > 10 * others:
            raise InputDataError(f"every other byte is zero, as in {encoding.upper()}: read it with --encoding {encoding}")


def recode(stream: BinaryIO, layout: TextLayout) -> BinaryIO:
    """Return a stream of lines of ``layout.encoding``, each of which ends with a line feed."""
    if layout.recoded_from:
        stream = buffered(_decoded(stream, layout.recoded_from))
    if layout.cr_lines:
        stream = buffered(piece.translate(_CR_TO_LF) for piece in _pieces(stream))
    if layout.json_values:
        stream = buffered(_json_lines(stream))
    return stream


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    while piece := stream.read(READ_BYTES):
        yield piece


def _decoded(stream: BinaryIO, encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(errors=MARK)
    for piece in _pieces(stream):
        yield decoder.decode(piece).encode("utf-8", "surrogatepass")
    yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")


def _is_json_values(head: bytes) -> bool:
    """Say whether a JSON file that begins like this holds an array, or values over several lines, not one a line."""
    begin = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if begin.startswith(b"["):
        return True
    line, is_whole, rest = begin.partition(b"\n")
    # A first line that is no value but ends like one, or stands before one, is a damaged row.
    is_row = line.rstrip().endswith(b"}") or (not line.rstrip().endswith((b"[", b":")) and _begins_with_object(rest))
    return begin.startswith(b"{") and bool(is_whole) and not _is_json(line) and not is_row


def _begins_with_object(lines: bytes) -> bool:
    line = lines.lstrip().partition(b"\n")[0]
    return line.startswith(b"{") and _is_json(line)


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _json_lines(stream: BinaryIO) -> Iterator[bytes]:
    """Yield each JSON value as a line; those of an array at the outermost level one by one."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")(errors=MARK)
    parse = json.JSONDecoder().raw_decode
    text, start, depth, wanted, is_last = "", 0, 0, READ_BYTES, False
    while True:
        between = _BETWEEN.match(text, start)
        if between:
            start = between.end()
            depth += between[0].count("[") - between[0].count("]")
        try:
            if start < len(text):
                _, end = parse(text, start)
                if end < len(text) or is_last:  # a number at the end may go on
                    yield text[start:end].translate(_ONE_LINE).encode("utf-8", "surrogatepass") + b"\n"
                    start = end
                    continue
            elif is_last:
                break
        except RecursionError as error:
            raise InputDataError("a JSON value is nested too deeply to be read") from error
        except ValueError as error:
            if is_last or len(text) - start > _MAX_VALUE_CHARS:
                raise InputDataError(f"not valid JSON, neither an array nor a value a line: {error}") from error
        # A value that is not whole is parsed again from its start: each time, as much more is read as there is.
        piece = stream.read(wanted)
        is_last = not piece
        text = text[start:] + decoder.decode(piece, final=is_last)
        start, wanted = 0, max(READ_BYTES, len(text))
    if depth:
        raise InputDataError("not valid JSON: the array is never closed; the file may be truncated")

"""What a job says about its text files (separator, quotes, header, encoding), and what a scan finds out about each."""

import codecs
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from actors.errors import UsageError

UTF8 = "utf-8"
Manifest = Literal["nemo", "lhotse"]
# Fewer values that are no phrases do not mean that a column holds none.
_FEW = 4
_MOST_DIGITS = 40


@dataclass(frozen=True)
class TextOptions:
    """How the text files of an input are written; the defaults are what the formats themselves say.

    Attributes:
        delimiter: one character between the fields of CSV and TSV files, and of TXT files, which are tables then.
        quoting: whether ``"`` quotes a field; otherwise it is a character like others, and every line is a row.
        columns: names of the columns of CSV and TSV files that have no header line; empty if they have one.
        encoding: Python's name of it, in its normal form. A byte-order mark of UTF-8 goes before it.
        manifest_column: the column that the recordings of NeMo's and Lhotse's manifests become; empty: manifests are not known.
        beside_manifest: whether relative paths of NeMo's begin where the manifest is; else they are left as they are.
    """

    delimiter: str | None = None
    quoting: bool = True
    columns: tuple[str, ...] = ()
    encoding: str = UTF8
    manifest_column: str = ""
    beside_manifest: bool = True

    @classmethod
    def parse(
        cls,
        delimiter: str | None = None,
        *,
        quoting: bool = True,
        header: bool = True,
        columns: str | None = None,
        encoding: str | None = None,
        manifest_column: str = "",
        beside_manifest: bool = True,
    ) -> "TextOptions":
        """Return the options that a command line gives as texts; ``columns`` (``id,text``) say that there is no header.

        Raises:
            UsageError: one makes no sense, or there is neither a header nor names of columns.
        """
        names = tuple(name.strip() for name in columns.split(",")) if columns is not None else ()
        if not header and not names:
            raise UsageError("--no-header leaves the columns without names: give them with --columns id,text,…")
        if repeated := sorted({name for name in names if not name or names.count(name) > 1}):
            raise UsageError(f"--columns {columns!r}: {', '.join(map(repr, repeated))} is empty or there more than once")
        return cls(_parse_delimiter(delimiter), quoting, names, _parse_encoding(encoding), manifest_column, beside_manifest)


def _parse_delimiter(text: str | None) -> str | None:
    if text is None:
        return None
    given = "\t" if text == "tab" else text
    if given.startswith("\\") and given.isascii():  # shells make no tab of \t
        try:
            given = given.encode().decode("unicode_escape")
        except UnicodeDecodeError:
            given = text
    if len(given) != 1 or given in '"\r\n\0':
        raise UsageError(f"--delimiter {text!r} is not one character such as ';', '|' or '\\t'")
    return given


def _parse_encoding(name: str | None) -> str:
    if name is None:
        return UTF8
    try:
        "\n".encode(name)
    except (LookupError, ValueError) as error:
        raise UsageError(f"--encoding {name!r} is not known: use utf-8, utf-16, latin-1, cp1252, shift_jis, …") from error
    return codecs.lookup(name.replace("utf-8-sig", UTF8)).name


def has_plain_lines(encoding: str) -> bool:
    """Say whether a line ends with the byte 10 in an encoding, and with nothing else: such lines are decoded one by one."""
    return "\r\n,".encode(encoding) == b"\r\n,"


@dataclass(frozen=True)
class ColumnShape:
    """What the values of a CSV column have in common, to tell a row from a line of prose.

    Attributes:
        kinds: the kinds that a row's value has here; empty if it may have any.
        spaces: whether values begin with a space, or do not, or both are there.
        rises: whether each value is a larger whole number than the one before.
    """

    kinds: frozenset[str]
    spaces: frozenset[bool]
    rises: bool = False

    def holds(self, value: str, earlier: str) -> bool:
        """Say whether a value may be one of the column, after an earlier one."""
        if self.rises and _whole(earlier) >= 0 and _whole(value) <= _whole(earlier):
            return False
        return (not self.kinds or kind_of(value) in self.kinds) and (value[0] == " ") in self.spaces


@dataclass(frozen=True)
class TextLayout:
    """How the bytes of one text file become lines, as the scan found it.

    Attributes:
        encoding: that of its lines once they are split.
        recoded_from: the encoding that the whole file is recoded from before it is split, or ``None``.
        cr_lines: lines end with a carriage return alone.
        json_values: it holds JSON values that are not one a line: an array, or values that span lines.
        delimiter: between fields.
        line_numbers: the number (from 1) of the line that each of the shard's ``offsets`` is the place of; of CSV and TSV.
        shapes: of its columns, where fields over several lines must be looked at; else empty.
        manifest: whose recordings it lists; ``None`` if it lists none.
        segmented: rows of the manifest begin within recordings.
    """

    encoding: str = UTF8
    recoded_from: str | None = None
    cr_lines: bool = False
    json_values: bool = False
    delimiter: str = ","
    line_numbers: tuple[int, ...] = field(default=(), repr=False)
    shapes: tuple[ColumnShape, ...] = ()
    manifest: Manifest | None = None
    segmented: bool = False

    @property
    def is_seekable(self) -> bool:
        """Whether the places of lines are places in the file (once it is decompressed)."""
        return self.recoded_from is None and not self.json_values

    @property
    def encoding_problem(self) -> str:
        """What is wrong with bytes that are no characters."""
        encoding = self.recoded_from or self.encoding
        return "not valid UTF-8 (name another encoding with --encoding)" if encoding == UTF8 else f"not valid {encoding}"


def _whole(value: str) -> int:
    """Return a whole number that is not negative; -1 if the text is none."""
    return int(value) if value.isdecimal() and len(value) < _MOST_DIGITS else -1


def kind_of(value: str) -> str:
    """Return what a field looks like: nothing, a number or date, a code, a word, or a phrase."""
    text = value.strip()
    if not text or " " in text:
        return "phrase" if text else "nothing"
    has_digits = any(map(str.isdigit, text))
    has_letters = any(map(str.isalpha, text))
    return ("code" if has_letters else "number") if has_digits else "word"


class _Column:
    """What the values of a column have had in common so far."""

    def __init__(self) -> None:
        self._kinds: set[str] = set()
        self._spaces: set[bool] = set()
        self._count = 0
        self._last = -1
        self._rises = True

    def add(self, value: str) -> None:
        self._kinds.add(kind_of(value))
        self._spaces.add(value[0] == " ")
        self._count += 1
        if self._rises:
            number = _whole(value)
            self._rises, self._last = number > self._last, number

    def shape(self) -> ColumnShape:
        is_free = ("phrase" in self._kinds or self._count < _FEW) and self._kinds != {"number"}
        kinds = frozenset() if is_free else frozenset(self._kinds)
        return ColumnShape(kinds, frozenset(self._spaces), self._rises and self._count >= _FEW)


def shapes_of(rows: Iterable[list[str]], columns: int) -> tuple[ColumnShape, ...]:
    """Return the shape of each column by the fields of many rows; fields over several lines do not count."""
    found = [_Column() for _ in range(columns)]
    for row in rows:
        for column, value in zip(found, row, strict=False):
            if value and "\n" not in value:
                column.add(value)
    return tuple(column.shape() for column in found)


def is_row(fields: list[str], before: list[str], shapes: tuple[ColumnShape, ...]) -> bool:
    """Say whether the fields of a line may be a row of the table whose columns have these shapes, after the row ``before``."""
    padded = itertools.chain(before, itertools.repeat(""))
    found = [(shape, value, earlier) for shape, value, earlier in zip(shapes, fields, padded, strict=False) if value]
    return len(found) > 1 and all(shape.holds(value, earlier) for shape, value, earlier in found)

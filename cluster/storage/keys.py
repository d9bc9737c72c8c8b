"""What a stored file is named, and what is known of it."""

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

from actors.errors import UsageError

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{32}\.tmp")
_PRINTED_BYTE = re.compile(r"\\x([89a-f][0-9a-f])")


@dataclass(frozen=True)
class Entry:
    """One stored file: its key, size in bytes, and modification time (UTC) by the store's own clock."""

    key: str
    size: int
    mtime: datetime


def check_key(key: str) -> str:
    """Return ``key`` if it is a relative POSIX path in its shortest form.

    Raises:
        UsageError: the key is empty, absolute, not in its shortest form, or would leave the store's root.
    """
    if not key or key != str(PurePosixPath(key)) or key.startswith("/") or "\0" in key:
        raise UsageError(f"{key!r} is not a relative path inside a store: use names joined by single '/'")
    if any(part in (".", "..") for part in key.split("/")):
        raise UsageError(f"{key!r} would leave its store: '.' and '..' are not allowed")
    return key


def mtime_of(ns: int | None) -> datetime:
    """Return a modification time that is told in nanoseconds since 1970; some are beyond the years that Python knows.

    Not by way of a float, as Python and Arrow do: two ways to ask for a file's time would differ by a microsecond now and then.
    """
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=(ns or 0) // 1000)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def printable(path: str) -> str:
    """Return a path or URI as text: bytes of a file's name that are not UTF-8 are escaped, with a backslash."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path).decode("utf-8", "backslashreplace")
    return path


def existing_path(path: Path) -> Path:
    """Return a path as it is on the disk, if it is there in its :func:`printable` form; else as it is given."""
    printed = str(path)
    if not _PRINTED_BYTE.search(printed) or os.path.lexists(path):
        return path
    # Surrogates from U+DC80 on stand for the bytes, as os.fsdecode has it.
    raw = _PRINTED_BYTE.sub(lambda match: chr(0xDC00 + int(match[1], 16)), printed)
    return Path(raw) if os.path.exists(raw) else path  # noqa: PTH110 - says no where pathlib raises


def is_temporary(key: str) -> bool:
    """Say whether a key is the name that a local writer gives what it has not finished."""
    return _TEMPORARY.fullmatch(PurePosixPath(key).name) is not None

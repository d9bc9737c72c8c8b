"""Reading the URI of a store."""

import re
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from actors.errors import UsageError

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]+")


def parse_uri(uri: str) -> SplitResult:
    """Return the parts of a URI, all that follows its path as the query."""
    return urlsplit(uri.replace("#", "%23"))  # a store has no fragments, but '#' may stand in a file's name


def path_of(parts: SplitResult) -> Path:
    """Return the path that a ``file://`` URI names.

    Raises:
        UsageError: it names another machine's.
    """
    if parts.netloc not in ("", "localhost"):
        raise UsageError(f"{printed(parts)}: file URIs have three slashes, as in file:///shared/folder")
    return Path(unquote(parts.path))


def bucket_of(parts: SplitResult) -> str:
    """Return the bucket of an object store's URI.

    Raises:
        UsageError: it names none.
    """
    bucket = parts.netloc.rpartition("@")[2]
    if not _BUCKET.fullmatch(bucket):  # not echoed: an unquoted '/' in a secret key ends up here
        raise UsageError(f"a {parts.scheme}:// URI names no valid bucket (percent-encode '/' and '@' in credentials)")
    return bucket


def printed(parts: SplitResult) -> str:
    """Return a URI without the two places that may hold secrets: user information and query."""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")

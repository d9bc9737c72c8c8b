"""Where a reference in a stranger's file leads: to a file inside the book, or nowhere."""

import posixpath
import re
from urllib.parse import unquote

_ELSEWHERE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.\-]{0,30}:|//")


def resolve(base: str, href: str) -> tuple[str, str] | None:
    """Return the path and the fragment that a reference means in a file at ``base``, or ``None`` if it leads out of the book.

    Paths have ``/`` between their parts, and neither ``..`` nor a leading ``/``: an absolute path counts from the book's root.
    """
    href = href.strip()
    if _ELSEWHERE.match(href):
        return None
    path, _, fragment = href.partition("#")
    path = unquote(path.partition("?")[0]).replace("\\", "/")
    if not path:
        return base, unquote(fragment)
    found = posixpath.normpath(path.lstrip("/") if path.startswith("/") else posixpath.join(posixpath.dirname(base), path))
    if found.startswith(("..", "/")) or found == "." or "\0" in found:
        return None
    return found, unquote(fragment)

"""Names of files for rows: what an id may be is up to whoever made the input, what a file may be called is not.

An id that may stand for itself does. Any other keeps what is left of it, and ``~`` and a hash of the whole id make its name its
own: ``~`` is in no id that stands for itself. Names differ even where a file system takes the two spellings of ``é`` for the
same; those of ``A`` and ``a`` do not where it takes these for the same.
"""

import base64
import hashlib
import unicodedata

_MAX_BYTES = 200  # of a name or folder: most file systems take 255, and writers of files add to them
_MAX_PATH_BYTES = 600  # of a path: an object's key has 1024 with what stands before it, Linux takes 4096
_MAX_LEFT_BYTES = 100  # of what a hash follows
_HASH_CHARS = 12  # of 5 bits

_SIGNS = frozenset(" _.,()[]+-")  # of ASCII; the rest of it means something to a shell, a URL or Windows
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$", *(f"{name}{n}" for name in ("com", "lpt") for n in "0123456789¹²³")]
)


def file_name(row_id: str, suffix: str = "") -> str:
    """Return the name of a row's file, which ends with ``suffix``: its id, or what is left of that and a hash.

    Names of two ids differ. They have at most 200 bytes before the suffix, begin with neither dot nor dash,
    and are no device of Windows.

    Args:
        row_id: any string.
        suffix: such as ``.flac``.
    """
    return (row_id if _stands_for_itself(row_id) else _renamed(row_id)) + suffix


def file_path(row_id: str, suffix: str = "") -> str:
    """Return the relative path of a row's file: as :func:`file_name`, but an id that is a path may keep its folders.

    No path is a folder of another with the same suffix: folders that end with it lose their own.
    """
    *folders, _ = parts = row_id.split("/")
    keeps_folders = (
        len(row_id.encode("utf-8", "surrogatepass")) <= _MAX_PATH_BYTES
        and all(_stands_for_itself(part) for part in parts)
        and not any(suffix and folder.casefold().endswith(suffix.casefold()) for folder in folders)
    )
    return (row_id if keeps_folders else _renamed(row_id)) + suffix


def plain_name(text: str) -> str:
    """Return what of a text a file may be called, without a hash: who calls makes it unique, by a number in front or a folder.

    It has at most 100 bytes, begins with neither dot nor dash, and is no device of Windows.
    """
    left = _left(text) or "_"
    return f"{'_' if _is_device(left) else ''}{left}"


def _stands_for_itself(name: str) -> bool:
    return name == _tidied(name) != "" and len(name.encode()) <= _MAX_BYTES and not _is_device(name)


def _renamed(row_id: str) -> str:
    digest = hashlib.sha256(row_id.encode("utf-8", "surrogatepass")).digest()
    mark = "~" + base64.b32encode(digest).decode().lower()[:_HASH_CHARS]
    left = _left(row_id) or "row"
    return f"{'_' if _is_device(left) else ''}{left}{mark}"


def _left(text: str) -> str:
    return _tidied(text).encode()[:_MAX_LEFT_BYTES].decode(errors="ignore").rstrip(" .")


def _tidied(text: str) -> str:
    """Return what of a text may stand in a name: letters, numbers and a few signs; runs of others become ``_``."""
    text = unicodedata.normalize("NFC", text)
    kept = "".join(character if _may_stand(character) else "\0" for character in text)
    return "_".join(part for part in kept.split("\0") if part).lstrip(" .-").rstrip(" .")


def _may_stand(character: str) -> bool:
    if character.isascii():
        return character.isalnum() or character in _SIGNS
    return unicodedata.category(character)[0] in "LMN"  # marks are half of what is written in India


def _is_device(name: str) -> bool:
    return name.partition(".")[0].rstrip(" ").casefold() in _DEVICES

"""An EPUB's files: a zip archive of a stranger's, read with bounds."""

import io
import unicodedata
import zipfile
import zlib
from urllib.parse import unquote

from actors.errors import InputDataError

_MOST_FILES = 100_000
_LARGEST = 64 << 20  # bytes of a file: a page's tree takes ten times as much memory
_LARGEST_OF_ALL = 1 << 30  # bytes: pages are read twice, images are bounded on their own
_SUSPICIOUS = 16 << 20  # bytes: a smaller file may be as compressible as it likes
_RATIO = 200


class Archive:
    """The files of an EPUB by their paths, also by those that are written a little differently."""

    def __init__(self, content: bytes, name: str) -> None:
        """Open an archive.

        Raises:
            InputDataError: it is no zip archive, or not a whole one.
        """
        self._name = name
        self._read = 0
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            cut = content[:4] == b"PK\x03\x04"
            why = "is cut off or damaged" if cut else "is no EPUB"
            raise InputDataError(f"{name} {why} ({error}): get it anew, or open it in an EPUB editor and save it") from error
        entries = [entry for entry in self._zip.infolist() if not entry.is_dir()]
        if len(entries) > _MOST_FILES:
            raise InputDataError(f"{name} has {len(entries):,} files; at most {_MOST_FILES:,} are read")
        self._entries = {entry.filename.replace("\\", "/").lstrip("/"): entry for entry in entries}
        self._alike = {_folded(path): path for path in reversed(self._entries)}

    @property
    def paths(self) -> tuple[str, ...]:
        """Of all files."""
        return tuple(self._entries)

    def find(self, path: str) -> str | None:
        """Return the path of the file that is meant: case, percent signs and Unicode's forms may differ."""
        if path in self._entries:
            return path
        return self._alike.get(_folded(path))

    def read(self, path: str) -> bytes | None:
        """Return a file's content, or ``None`` if there is no such file or it is damaged.

        Raises:
            InputDataError: the file has a password, or unpacks to more than a book has.
        """
        found = self.find(path)
        if found is None:
            return None
        entry = self._entries[found]
        if entry.flag_bits & 1:
            raise InputDataError(f"{self._name} is protected by a password ({found}): remove it and run again")
        self._check_size(entry)
        try:
            with self._zip.open(entry) as file:
                content = file.read(entry.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError, RuntimeError):
            return None
        self._read += len(content)
        return content

    def _check_size(self, entry: zipfile.ZipInfo) -> None:
        swollen = entry.file_size > max(_SUSPICIOUS, _RATIO * entry.compress_size)
        if swollen or entry.file_size > _LARGEST or self._read + entry.file_size > _LARGEST_OF_ALL:
            raise InputDataError(
                f"{self._name} unpacks to more than a book has ({entry.filename} from {entry.compress_size:,} bytes to "
                f"{entry.file_size:,}): it is damaged, or meant to do harm"
            )


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", unquote(path)).casefold()

"""The file of a lexicon, whichever of two kinds it is."""

from actors.errors import InputDataError, UsageError
from books.direction.lexicon import Lexicon, read_table
from books.direction.pls import read_pls


def read_lexicon(content: bytes, name: str) -> Lexicon:
    """Return the lexicon of a file: a table (:func:`books.direction.lexicon.read_table`), or XML (PLS).

    Args:
        content: of the file.
        name: of the file, for messages.

    Raises:
        InputDataError: it is neither, or a line of it is no entry.
    """
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        entries = read_pls(content, name)
    else:
        try:
            entries = read_table(content.decode("utf-8"), name)
        except UnicodeDecodeError as error:
            raise InputDataError(f"{name} is no text in UTF-8 ({error}): save it as that") from error
    try:
        return Lexicon(entries)
    except UsageError as error:
        raise InputDataError(f"{name}: {error}") from error

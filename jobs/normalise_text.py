"""Show what will be spoken: a line of text in, a line as it is read out. ``python jobs/normalise_text.py --help``."""

if __name__ == "__main__":  # ends in a sentence where a dependency is missing
    __import__("jobs.requirements" if __package__ else "requirements")

import json
import logging
import os
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, BinaryIO

import typer

from actors.errors import RequestError, StorageError
from actors.text import Normaliser, Spoken
from jobs.console import run_app

logger = logging.getLogger("speechmill.normalise")

app = typer.Typer(help=__doc__, add_completion=False, pretty_exceptions_enable=False)

# All that some reader takes for the end of a line.
_LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_BREAKS = re.compile(rf"\s*[{_LINE_ENDS}]\s*")
_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in _LINE_ENDS if ord(character) > 0x7F}


@app.command()
def normalise(
    language: Annotated[str, typer.Option(help="Code of the texts' language, such as en, de or pt-BR.")] = "en",
    markup: Annotated[
        bool, typer.Option("--markup/--no-markup", help="HTML, Markdown and SSML are read as text is meant, or as characters.")
    ] = True,
    offsets: Annotated[
        bool, typer.Option("--offsets", help="Write JSON: the text, where its parts stood in the line, its sentences.")
    ] = False,
) -> None:
    """Read lines of UTF-8 from stdin, and write each to stdout as it will be spoken.

    There are as many lines out as in. One that cannot be spoken is empty, and a warning says why.
    """
    normaliser = Normaliser(language, markup=markup)
    write = _json if offsets else _plain
    try:
        for number, line in enumerate(_lines(sys.stdin.buffer), 1):
            _put(sys.stdout.buffer, write(number, line, normaliser))
    except BrokenPipeError:  # such as of head
        _forget_stdout()
    except OSError as error:
        _forget_stdout()
        raise StorageError(f"stdin cannot be read, or stdout not be written to: {error.strerror}") from error


def _forget_stdout() -> None:
    """Let the interpreter, which closes stdout, not hear of it again that nothing can be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _lines(file: Iterable[bytes]) -> Iterator[str]:
    """Yield the lines of a file without their ends."""
    for number, line in enumerate(file, 1):
        written = line.removesuffix(b"\n").removesuffix(b"\r")
        try:
            yield written.decode()
        except UnicodeDecodeError as error:
            logger.warning("line %d is not UTF-8 (byte %d): what is none is read as U+FFFD", number, error.start + 1)
            yield written.decode(errors="replace")


def _put(file: BinaryIO, line: str) -> None:
    file.write(line.encode(errors="replace") + b"\n")
    file.flush()  # who types, or listens to a log, waits for it


def _plain(number: int, line: str, normaliser: Normaliser) -> str:
    spoken = _read(number, line, normaliser)
    return "" if isinstance(spoken, str) else _BREAKS.sub(" ", spoken.text.strip())


def _json(number: int, line: str, normaliser: Normaliser) -> str:
    spoken = _read(number, line, normaliser)
    told = _told(spoken) if isinstance(spoken, Spoken) else {"text": "", "offsets": [], "sentences": [], "error": spoken}
    return json.dumps(told, ensure_ascii=False).translate(_ESCAPES)


def _told(spoken: Spoken) -> dict[str, Any]:
    sentences = [
        {"spoken": sentence.spoken, "written": sentence.written, "pause": sentence.pause.name.lower()}
        for sentence in spoken.sentences
    ]
    return {"text": spoken.text, "offsets": spoken.edited.spans, "sentences": sentences, "note": spoken.note}


def _read(number: int, line: str, normaliser: Normaliser) -> Spoken | str:
    """Return how a line is read, or why it cannot be."""
    try:
        spoken = normaliser(line)
    except RequestError as error:
        logger.warning("line %d cannot be spoken: %s", number, error)
        return str(error)
    if spoken.note:
        logger.warning("line %d: %s", number, spoken.note)
    return spoken


if __name__ == "__main__":
    run_app(app)

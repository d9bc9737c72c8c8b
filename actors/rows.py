"""The rows of a job: what a worker is given, what it gives back, and where the faults of one row end.

Columns are declared in Python's own types, from which :func:`cluster.output.part_schema` makes Arrow's.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from actors.errors import EngineClosedError, NotFiniteError, RequestError, ResumeError, StorageError

logger = logging.getLogger(__name__)

# str, int, float or bytes; a mapping is a struct of named values, and a list of one type a list of such values.
ColumnType = type | Mapping[str, "ColumnType"] | list["ColumnType"]
Columns = Mapping[str, ColumnType]

AUDIO: ColumnType = {"bytes": bytes, "path": str}

RowDone = Callable[[int, Mapping[str, Any]], None]
"""Is told of a row as soon as a worker has processed it: its index among those that were given, and its output."""

# What is never the fault of a row: it ends the job, or comes of its end. A row that is written as failed then is never done.
NOT_OF_A_ROW = (StorageError, ResumeError, EngineClosedError, KeyboardInterrupt, SystemExit, GeneratorExit)

_MAX_REASON_CHARS = 2_000


@dataclass(frozen=True)
class InputRow:
    """One row: its stable id, and values of the asked columns (``None`` where absent).

    ``error`` says why the row cannot be read (a malformed line); its values are ``None`` then.
    """

    id: str
    values: Mapping[str, Any]
    error: str | None = None


def holds(kind: ColumnType, value: Any) -> bool:
    """Say whether a value is of a column's type; ``None`` is of any."""
    if value is None:
        return True
    if isinstance(kind, Mapping):
        return (
            isinstance(value, Mapping) and value.keys() == kind.keys() and all(holds(kind[name], value[name]) for name in kind)
        )
    if isinstance(kind, list):
        return isinstance(value, list) and all(holds(kind[0], each) for each in value)
    return isinstance(value, (int, float) if kind is float else kind) and not isinstance(value, bool)


def tell_nobody(_index: int, _output: Mapping[str, Any]) -> None:
    """Do nothing: the :data:`RowDone` of those who wait for all rows."""


def blank_row(columns: Columns, row_id: str, model: str) -> dict[str, Any]:
    """Return the output row of an input row about which nothing is known yet: ``rejected`` without a reason."""
    empty: dict[str, Any] = {name: [] if isinstance(kind, list) else None for name, kind in columns.items()}
    return empty | {"id": row_id, "status": "rejected", "model": model}


@contextmanager
def quarantine(output: dict[str, Any]) -> Iterator[None]:
    """Write what processing a row raises into its output: a :class:`RequestError` rejects it, anything else fails it.

    Also what is no ``Exception``: a panic in Rust (tokenizers) is none. Not :data:`NOT_OF_A_ROW`; and not that memory is full,
    which may be its neighbours' doing: their unit is tried again in pieces.
    """
    try:
        yield
    except (*NOT_OF_A_ROW, MemoryError):
        raise
    except RequestError as error:
        output.update(status="rejected", error=reason_of(error))
    except NotFiniteError as error:
        output.update(status="failed", error=str(error))
    except BaseException as error:
        logger.warning("row %r failed", output["id"], exc_info=True, extra={"row": output["id"]})
        output.update(status="failed", error=reason_of(error))


def raise_shared(future: Future[Any]) -> None:
    """Raise what an engine failed a row with, unless it is the row's own: all rows that shared a step get what broke it.

    Whose fault that is shows when they are tried alone.
    """
    error = future.exception()
    if error is not None and not isinstance(error, NotFiniteError):
        raise error


def reason_of(error: BaseException) -> str:
    """Return what an error says, fit for a column of text: of an error that is not ours its kind too."""
    said = str(error) if isinstance(error, RequestError) else f"{type(error).__name__}: {error}"
    return said[:_MAX_REASON_CHARS].encode(errors="backslashreplace").decode()

"""What a report needs to know of all rows of an output, without their audio: a few numbers for each."""

import contextlib
import math
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from actors.errors import StorageError
from cluster.output import Output
from cluster.storage import Store

MAX_ROWS = 500_000  # of larger outputs every second file is read, or every third …
_GROUP_BYTES = 128 << 20  # of audio that is read at once; decoding it takes three times that
_REPEATS_FROM = 120  # bytes: shorter texts cannot be told
_REPEATS_RATIO = 2.4  # by which zlib shrinks a text that repeats itself: the threshold of Whisper's authors
_MOST_REASONS = 200
_EXAMPLES = 3
_SCANNED = (
    "id", "text", "spoken_text", "voice", "language", "duration_s", "status", "error", "finish_reason", "coverage",
    "word_error_rate", "heard", "longest_error_run", "take",
)  # fmt: skip
_VARYING = re.compile(r"'[^']{0,200}'|\"[^\"]{0,200}\"|\d[\d.,]{0,30}|/[^\s:]{0,200}")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Group:
    """A row group: the file's key, its number there, and the index of its first row among those that were scanned."""

    key: str
    number: int
    first: int


@dataclass
class Reason:
    """Why rows have no result: a status, an example of the message, how many have one like it, and ids of the first."""

    status: str
    message: str
    rows: int = 0
    ids: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Rows:
    """Numbers of all rows that were scanned, in the order of the input.

    Attributes:
        groups: where they are.
        ok: whether there is a result.
        duration_s: of its audio; NaN where it has none.
        characters: of its text as it is spoken.
        finish: its finish reason.
        word_errors: its word error rate, where a column says it; else NaN.
        error_runs: how many of its words are wrong behind one another, at most; NaN as above.
        takes: which take it is of a row that was verified (:mod:`actors.verifying`), from 0; else NaN.
        coverage: where a transcript's last segment ends, as a share; else NaN.
        repeats: whether the text that was heard repeats itself.
        reasons: of rows without a result, the most frequent first.
        voices: how many rows each voice has.
        columns: of the output.
        share: of the files that were scanned.
    """

    groups: Sequence[Group]
    ok: npt.NDArray[np.bool_]
    duration_s: Floats
    characters: Floats
    finish: npt.NDArray[np.str_]
    word_errors: Floats
    error_runs: Floats
    takes: Floats
    coverage: Floats
    repeats: npt.NDArray[np.bool_]
    reasons: Sequence[Reason]
    voices: Counter[str]
    columns: Sequence[str]
    share: float

    def __len__(self) -> int:
        return len(self.ok)

    @property
    def rates(self) -> Floats:
        """Characters a second; NaN where that says nothing."""
        known = self.ok & (self.duration_s > 0) & (self.characters > 0)
        rates: Floats = np.divide(self.characters, self.duration_s, out=np.full(len(self), math.nan), where=known)
        return rates


def scan_rows(output: Output, *, speech: bool) -> Rows:
    """Read the columns that a report counts by; ``speech`` says that rows are texts that were spoken, and not recordings.

    Raises:
        StorageError: a file is gone or damaged, or the store cannot be reached.
    """
    step = max(1, math.ceil(output.summary.rows / MAX_ROWS))
    scan = _Scan(speech)
    for key in output.files[::step]:
        for number, table in _groups(output.store, key):
            scan.add(key, number, table)
    return scan.rows(1 / step)


def read_rows(
    store: Store, rows: Rows, wanted: Sequence[int], columns: Sequence[str], audio: str | None = None
) -> dict[int, dict[str, Any]]:
    """Return values of some rows by index. The value of ``audio`` is missing where its row group is too large for that.

    Raises:
        StorageError: a file is gone or damaged, or the store cannot be reached.
    """
    firsts = np.array([group.first for group in rows.groups])
    by_group: dict[int, list[int]] = {}
    for index in sorted(wanted):
        by_group.setdefault(int(np.searchsorted(firsts, index, side="right")) - 1, []).append(index)
    found: dict[int, dict[str, Any]] = {}
    for place, indices in by_group.items():
        group = rows.groups[place]
        with _opened(store, group.key) as file:
            small = audio is not None and _audio_bytes(file, group.number, audio) <= _GROUP_BYTES
            names = [name for name in (*columns, *([audio] if small else [])) if name in file.schema_arrow.names]
            table = file.read_row_group(group.number, names).take([index - group.first for index in indices])
            found.update(zip(indices, table.to_pylist(), strict=True))
    return found


@contextlib.contextmanager
def _opened(store: Store, key: str) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file of a store; what Arrow raises of it is a :class:`StorageError`."""
    with store.errors("read", key), store.open_input(key) as stream:
        try:
            yield pq.ParquetFile(stream)
        except pa.ArrowException as error:
            raise StorageError(f"cannot read {store.uri_of(key)}: the file is damaged ({error})") from error


def _groups(store: Store, key: str) -> Iterator[tuple[int, pa.Table]]:
    with _opened(store, key) as file:
        names = [name for name in _SCANNED if name in file.schema_arrow.names]
        for number in range(file.num_row_groups):
            yield number, file.read_row_group(number, names)


def _audio_bytes(file: pq.ParquetFile, number: int, column: str) -> int:
    group = file.metadata.row_group(number)
    chunks = (group.column(i) for i in range(group.num_columns))
    return sum(chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema.split(".")[0] == column)


class _Scan:
    """Collects the numbers of row groups."""

    def __init__(self, speech: bool) -> None:
        self._speech = speech
        self._groups: list[Group] = []
        self._parts: dict[str, list[npt.NDArray[Any]]] = {}
        self._reasons: dict[tuple[str, str], Reason] = {}
        self._voices: Counter[str] = Counter()
        self._columns: list[str] = []
        self._count = 0

    def add(self, key: str, number: int, table: pa.Table) -> None:
        """Take a row group."""
        self._groups.append(Group(key, number, self._count))
        self._count += table.num_rows
        self._columns = self._columns or table.column_names
        status, text = table.column("status"), _column(table, "text", pa.string())
        numbers = {
            "ok": _numpy(pc.equal(status, "ok")).astype(bool),
            "characters": _floats(pc.utf8_length(pc.coalesce(_column(table, "spoken_text", pa.string()), text))),
            "finish": np.array(_column(table, "finish_reason", pa.string()).fill_null("").to_pylist(), dtype="U16"),
            "duration_s": _floats(_column(table, "duration_s", pa.float64())),
            "word_errors": _floats(_column(table, "word_error_rate", pa.float64())),
            "error_runs": _floats(_column(table, "longest_error_run", pa.int64())),
            "takes": _floats(_column(table, "take" if self._speech else "", pa.int64())),
            "coverage": _floats(_column(table, "" if self._speech else "coverage", pa.float64())),
            "repeats": np.array([_repeats(value) for value in self._heard(table).to_pylist()], dtype=bool),
        }
        for name, values in numbers.items():
            self._parts.setdefault(name, []).append(values)
        if "voice" in table.column_names:
            self._voices.update({voice: n for voice, n in _counts(table.column("voice")) if voice is not None})
        self._note_reasons(table.filter(pc.not_equal(status, "ok")))

    def _heard(self, table: pa.Table) -> pa.ChunkedArray:
        """Return the texts that were heard, which should not repeat themselves; what was to be spoken may do so."""
        return _column(table, "heard" if self._speech else "text", pa.string())

    def _note_reasons(self, table: pa.Table) -> None:
        names = [name for name in ("id", "status", "error") if name in table.column_names]
        for row in table.select(names).to_pylist():
            message = row.get("error") or "no reason is given"
            kind = (row["status"], _VARYING.sub("…", message[:300]))
            if kind not in self._reasons and len(self._reasons) >= _MOST_REASONS:
                kind, message = (row["status"], ""), "other reasons"
            reason = self._reasons.setdefault(kind, Reason(row["status"], message))
            reason.rows += 1
            if len(reason.ids) < _EXAMPLES:
                reason.ids.append(row.get("id") or "")

    def rows(self, share: float) -> Rows:
        """Return what was collected."""
        numbers = ("duration_s", "characters", "word_errors", "error_runs", "takes", "coverage")
        kinds: dict[str, Any] = dict.fromkeys(numbers, np.float64)
        kinds |= {"ok": bool, "repeats": bool, "finish": "U16"}
        arrays = {name: np.concatenate([np.empty(0, kind), *self._parts.get(name, [])]) for name, kind in kinds.items()}
        reasons = sorted(self._reasons.values(), key=lambda reason: -reason.rows)
        return Rows(self._groups, reasons=reasons, voices=self._voices, columns=self._columns, share=share, **arrays)


def _repeats(text: str | None) -> bool:
    if text is None or len(text) < _REPEATS_FROM:
        return False
    data = text[:5_000].encode(errors="replace")
    return len(data) > _REPEATS_RATIO * len(zlib.compress(data))


def _counts(column: pa.ChunkedArray) -> Iterator[tuple[Any, int]]:
    for entry in pc.value_counts(column).to_pylist():
        yield entry["values"], entry["counts"]


def _column(table: pa.Table, name: str, kind: pa.DataType) -> pa.ChunkedArray:
    """Return a column; nulls where there is none of the name, or none of the kind: a column that passes through may be any."""
    if name in table.column_names:
        column = table.column(name)
        if column.type == kind or (pa.types.is_floating(kind) and _is_number(column.type)):
            return column
    return pa.chunked_array([pa.nulls(table.num_rows, kind)])


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _floats(column: pa.ChunkedArray) -> Floats:
    return _numpy(pc.cast(column, pa.float64(), safe=False))


def _numpy(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    return np.asarray(column.to_numpy(zero_copy_only=False))

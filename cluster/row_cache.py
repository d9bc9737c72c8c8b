"""Rows that were made before, on shared storage: what is spoken once with a model, a voice and settings is not spoken again.

A kept row is a file that never changes, ``<root>/<2 hex>/<key>``. The key is the sha256 of all that decides the row, so that
jobs need not know of one another: two that write one key write the same. A file has four parts: a line that names the format,
one with the sha256 of what follows, one of JSON (the key, when it was written, the row), and the row's bytes. It is checked
when it is read: one that is damaged, or of another key, counts as missing and is replaced.

The cache is a help and no part of a job. What it cannot give is made again, what it cannot take is not kept, and a warning
says so.
"""

import contextlib
import hashlib
import json
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from actors.batching import EngineStats
from actors.errors import StorageError
from actors.rows import InputRow, RowDone, holds, tell_nobody
from cluster.storage import Entry, Store, is_refusal

if TYPE_CHECKING:
    from cluster.runner import Worker, WorkerConfig

logger = logging.getLogger(__name__)

_FORMAT = b"speechmill row 1"
_KEY = re.compile(r"([0-9a-f]{2})/\1[0-9a-f]{62}")
_BYTES = "$bytes"  # stands for what is among the row's bytes, from where to where
_AT_ONCE = 16  # requests: object stores are slow to answer, and answer many
_REST_S = 60.0  # so long a cache is not asked again that could not be reached
# A row that is in use is younger than that for those who collect garbage. On object stores it is written again for that.
_REFRESH_S = 86_400.0
_DEAD_WRITER_S = 3_600.0


@dataclass(frozen=True)
class RowCounts:
    """How many rows were asked of a cache, and how many of them needed no work: they were there, or equal to another one."""

    asked: int = 0
    found: int = 0


@dataclass(frozen=True)
class Upkeep:
    """What a cache holds and what was, or would be, deleted of it: rows, their bytes, and when the oldest one left was used."""

    rows: int
    size: int
    deleted_rows: int
    deleted_size: int
    oldest: datetime | None


class _Header(BaseModel):
    """What stands before a row's bytes; ``written`` in seconds since the epoch."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    written: int
    row: dict[str, Any]


class RowCache:
    """The kept rows of a store. Safe to share between threads; many processes may use one store."""

    def __init__(self, store: Store) -> None:
        self._store = store.impatient()
        self._reads, self._writes = _Access("read from"), _Access("write to")

    def get(self, key: str) -> dict[str, Any] | None:
        """Return a row, or ``None`` if it is not there, is damaged, or the store cannot be reached."""
        found = self._reads.attempt(self._store, lambda: self._read(key))
        if found is None:
            return None
        try:
            row, written = _unpacked(key, found)
        except (ValueError, TypeError, RecursionError) as error:
            logger.warning("%s is no kept row (%s): it is made again", self._store.uri_of(_place(key)), error)
            return None
        self._refresh(key, row, written)
        return row

    def put(self, key: str, row: Mapping[str, Any]) -> None:
        """Keep a row, if that is possible."""
        try:
            packed = _packed(key, row)
        except (TypeError, ValueError) as error:
            logger.warning("row %r cannot be kept: %s", row.get("id"), error)
            return
        self._writes.attempt(self._store, lambda: self._store.write_bytes(_place(key), packed))

    def _read(self, key: str) -> bytes | None:
        try:
            return self._store.read_bytes(_place(key))
        except StorageError as error:
            if isinstance(error.__cause__, FileNotFoundError | NotADirectoryError) or is_refusal(error):
                return None
            raise

    def _refresh(self, key: str, row: Mapping[str, Any], written: int) -> None:
        """Note that a row was used, by the time of its file."""
        path = self._store.local_path(_place(key))
        if path:
            with contextlib.suppress(OSError):  # it was deleted, or is another user's
                os.utime(path)
        elif abs(time.time() - written) > _REFRESH_S:
            self.put(key, row)

    def measure(self) -> Upkeep:
        """Say what is there.

        Raises:
            StorageError: the store cannot be reached.
        """
        return self.collect_garbage(dry_run=True)

    def collect_garbage(
        self, *, max_bytes: int | None = None, unused_for_s: float | None = None, dry_run: bool = False
    ) -> Upkeep:
        """Delete the rows that were not used for longest, and what killed writers have left.

        Jobs may run meanwhile: a row that is gone is made again.

        Args:
            max_bytes: how much may stay.
            unused_for_s: what was not used for so many seconds goes, even where there is room. On object stores the time of use
                is known to a day.
            dry_run: only say what would go.

        Raises:
            StorageError: the store cannot be reached.
        """
        kept = sorted((e for e in self._store.entries() if _KEY.fullmatch(e.key)), key=lambda entry: entry.mtime)
        count = _surplus(kept, max_bytes, unused_for_s)
        gone, left = kept[:count], kept[count:]
        if not dry_run:
            with ThreadPoolExecutor(_AT_ONCE) as threads:
                list(threads.map(self._store.delete, [entry.key for entry in gone]))
            self._store.delete_temporaries(_DEAD_WRITER_S)
        return Upkeep(len(left), _size(left), len(gone), _size(gone), left[0].mtime if left else None)


class CachedWorker:
    """A worker that makes only the rows that a cache does not have, and each content of a call once."""

    def __init__(
        self, worker: "Worker", config: "WorkerConfig", cache: RowCache, model: str, decisive: Mapping[str, Any]
    ) -> None:
        """Put a cache before a worker.

        Args:
            worker: makes what is missing; it is closed with this one.
            config: how it was made.
            cache: where rows are looked for and kept.
            model: reference of the worker's model, for rows that are found.
            decisive: what decides the rows of the job beside their content: the digests of its models, the device.
        """
        self._worker = worker
        self._config = config
        self._cache = cache
        self._model = model
        self._decisive = {**decisive, "revision": config.revision, "columns": sorted(config.output_columns)}
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="row-cache")
        self._counting = threading.Lock()
        self.counts = RowCounts()

    @property
    def stats(self) -> EngineStats:
        """Those of the worker."""
        return self._worker.stats

    def close(self) -> None:
        """Close the worker."""
        self._worker.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def __call__(self, rows: Sequence[InputRow], done: RowDone = tell_nobody) -> list[dict[str, Any]]:
        """Return the rows' outputs, in order; see :class:`~cluster.runner.Worker`."""
        keys = [self._key_of(row) for row in rows]
        known = self._look_up({key for key in keys if key})
        fresh: dict[str, Mapping[str, Any]] = {}
        kept: list[Future[None]] = []

        def keep(index: int, output: Mapping[str, Any]) -> None:
            """Keep a row that was made at once: a job that is killed has it when it goes on."""
            done(index, output)
            key = keys[index]
            if key and output["status"] == "ok":
                fresh[key] = output
                kept.append(self._threads.submit(self._cache.put, key, output))

        try:
            outputs = self._make(rows, self._first_of_each(keys, known), keep)
        finally:
            wait(kept)
        known |= fresh
        adopted = {i: known[key] for i, key in enumerate(keys) if key and key in known and i not in outputs}
        outputs |= {i: self._config.adopt(made, rows[i], self._model) for i, made in adopted.items()}
        self._count(sum(key is not None for key in keys), len(adopted))
        # What equals a row that is not ok is tried for itself.
        outputs |= self._make(rows, [i for i in range(len(rows)) if i not in outputs], done)
        return [outputs[i] for i in range(len(rows))]

    def _key_of(self, row: InputRow) -> str | None:
        content = self._config.content_of(row)
        if content is None:
            return None
        try:
            told = json.dumps([self._decisive, content], sort_keys=True)
        except (TypeError, ValueError):  # a value that no JSON has: the worker says what is wrong with it
            return None
        return hashlib.sha256(told.encode()).hexdigest()

    def _look_up(self, keys: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        asked = sorted(keys)
        found = zip(asked, self._threads.map(self._cache.get, asked), strict=True)
        return {key: row for key, row in found if row is not None and self._fits(row)}

    def _fits(self, row: Mapping[str, Any]) -> bool:
        """Say whether a kept row has what rows of this job have; those that do not are made again."""
        return row.get("status") == "ok" and holds(self._config.output_columns, row)

    @staticmethod
    def _first_of_each(keys: Sequence[str | None], known: Mapping[str, Any]) -> list[int]:
        """Return the indices of the rows that have no key, and of the first with each key that is not known."""
        first = {key: i for i, key in reversed(list(enumerate(keys))) if key and key not in known}
        return sorted([*first.values(), *(i for i, key in enumerate(keys) if key is None)])

    def _make(self, rows: Sequence[InputRow], indices: Sequence[int], done: RowDone) -> dict[int, dict[str, Any]]:
        if not indices:
            return {}
        made = self._worker([rows[i] for i in indices], lambda place, output: done(indices[place], output))
        return dict(zip(indices, made, strict=True))

    def _count(self, asked: int, found: int) -> None:
        with self._counting:
            self.counts = RowCounts(self.counts.asked + asked, self.counts.found + found)


class _Access:
    """One way to use a store that may be away: after a failure it rests for a while. What is wrong is said once."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._told = False
        self._rests_until = 0.0

    def attempt(self, store: Store, action: Callable[[], bytes | None]) -> bytes | None:
        if time.monotonic() < self._rests_until:
            return None
        try:
            return action()
        except StorageError as error:
            self._rests_until = time.monotonic() + _REST_S
            level = logging.DEBUG if self._told else logging.WARNING
            self._told = True
            logger.log(level, "cannot %s the row cache %s, the job goes on without: %s", self._what, store, error)
            return None


def _place(key: str) -> str:
    return f"{key[:2]}/{key}"


def _surplus(entries: Sequence[Entry], max_bytes: int | None, unused_for_s: float | None) -> int:
    """Return how many of the first entries, of which the longest unused come first, have to go."""
    count, size = 0, _size(entries)
    limit = datetime.now(UTC) - timedelta(seconds=unused_for_s) if unused_for_s is not None else None
    for entry in entries:
        too_old = limit is not None and entry.mtime < limit
        too_much = max_bytes is not None and size > max_bytes
        if not too_old and not too_much:
            break
        count += 1
        size -= entry.size
    return count


def _size(entries: Iterable[Entry]) -> int:
    return sum(entry.size for entry in entries)


def _packed(key: str, row: Mapping[str, Any]) -> bytes:
    """Return the content of a row's file.

    Raises:
        TypeError: it holds something that is neither JSON nor bytes.
        ValueError: it holds itself.
    """
    payload = bytearray()

    def without_bytes(value: Any) -> Any:
        if isinstance(value, bytes):
            start = len(payload)
            payload.extend(value)
            return {_BYTES: [start, len(payload)]}
        if isinstance(value, Mapping):
            return {name: without_bytes(held) for name, held in value.items()}
        return [without_bytes(held) for held in value] if isinstance(value, list | tuple) else value

    header = json.dumps({"key": key, "written": int(time.time()), "row": without_bytes(row)})
    body = b"\n".join((header.encode(), bytes(payload)))
    return b"\n".join((_FORMAT, hashlib.sha256(body).hexdigest().encode(), body))


def _unpacked(key: str, content: bytes) -> tuple[dict[str, Any], int]:
    """Return a row and when it was written, in seconds since the epoch.

    Raises:
        ValueError, TypeError, RecursionError: the content is not what was written for the key.
    """
    named, digest, body = (*content.split(b"\n", 2), b"", b"")[:3]
    if named != _FORMAT:
        raise ValueError("it is something else")
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise ValueError("it is damaged")
    head, _, payload = body.partition(b"\n")

    def with_bytes(held: dict[str, Any]) -> Any:
        return payload[slice(*held[_BYTES])] if held.keys() == {_BYTES} else held

    header = _Header.model_validate(json.loads(head, object_hook=with_bytes))
    if header.key != key:
        raise ValueError(f"it is that of {header.key}")
    return header.row, header.written

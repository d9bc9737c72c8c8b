"""A job's hold on its output, while it runs and when it ends."""

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from types import TracebackType
from typing import Any

from actors.errors import ResumeError, SpeechmillError
from actors.runtime.processor import Maker
from cluster.dataset import Shard, Unit, missing_units
from cluster.output.files import INDEX_NAME, RUN_NAME, write_json
from cluster.output.lock import Lock, timestamp
from cluster.output.parts import STATUSES, Part, PartWriter, Summary, choose_parts, read_parts
from cluster.output.progress import Progress
from cluster.output.record import Index, MadeBy, RunRecord
from cluster.output.schema import PartSchema
from cluster.storage import Store

logger = logging.getLogger(__name__)

# How often a running job's progress is written into run.json.
_SAVE_EVERY_S = 5.0


class Run:
    """A job's hold on its output folder. Make one with :func:`~cluster.output.open_run`; use it as a context manager.

    Attributes:
        store: the output.
        fingerprint: names the job by the arguments that decide its result.
        session: names this run of it.
        finished: there is nothing left to do.
    """

    def __init__(self, store: Store, record: RunRecord, lock: Lock, index: Index | None, *, finished: bool) -> None:
        self.store = store
        self.fingerprint = record.fingerprint
        self.session = record.session
        self.finished = finished
        self._record = record
        self._lock = lock
        self._started = time.monotonic()
        self._saved = self._started
        self._cpu_s = 0.0  # of this session; the record holds the times of earlier ones
        self._waited_row_s = 0.0
        self._worker_s: Mapping[str, float] = {}
        self._cached_rows = 0
        self._looked = False  # until then the record says what earlier sessions have made
        self._parts = {part.key: part for part in index.parts} if index else {}  # by key: what is known to be there
        self._written: set[str] = set()  # keys of parts that this run has written since its last look
        self._status: Counter[str] = Counter()
        self._finish_reasons: Counter[str] = Counter()
        self._audio_s = 0.0
        self._progress = Progress(record.progress)
        self._duplicate_ids = list(record.duplicate_ids)
        self._makers: dict[Maker, Maker] = {}  # one object each, however many parts it made
        self._told_of_makers = False

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        try:
            if not self.finished and self._lock.held:
                reason = None if error is None else f"{type(error).__name__}: {error}".removesuffix(": ")
                self._save(state="stopped", error=reason, ended=timestamp(), made_by=self._made_by())
        finally:
            self._lock.release()

    def parts(self, shards: Sequence[Shard]) -> list[Part]:
        """Look at the store and return this job's finished parts.

        Files that only look like parts, and parts that overlap others, are deleted.

        Raises:
            SpeechmillError: a part that this run has written is gone, or is none any more.
            ResumeError: another job took the output over.
            StorageError: the store cannot be reached.
        """
        self._require_lock()
        found, stray = read_parts(self.store, self.fingerprint, self._parts)
        found += self._require_written(found)
        chosen, others = choose_parts(found, shards)
        for key in [*stray, *(part.key for part in others)]:
            logger.warning("deleting %s: it is no whole part of this job, or its rows are in another part", key)
            self.store.delete(key)
        self._looked = True
        self._parts, self._status, self._finish_reasons, self._audio_s = {}, Counter(), Counter(), 0.0
        self._written.clear()
        for part in chosen:
            self._note(part)
        self._progress.add(self._wall_s, self._rows, self._audio_s)
        return chosen

    def _require_written(self, found: Sequence[Part]) -> list[Part]:
        """Return parts of this run that a listing lacks and that are there all the same, as on NFS; it is an error if not."""
        unlisted = [self._parts[key] for key in sorted(self._written.difference(part.key for part in found))]
        for part in unlisted:
            entry = self.store.find(part.key)
            if entry is None or entry.size != part.size:
                what = "is gone" if entry is None else "was changed"
                raise SpeechmillError(
                    f"{self.store.uri_of(part.key)} was written by this run and {what} ({len(unlisted)} such parts). Make sure "
                    "that nothing else deletes or writes files there, then run the same command again: it does their rows anew."
                )
        return unlisted

    def add(
        self,
        part: Part,
        cpu_s: float = 0.0,
        waited_row_s: float = 0.0,
        worker_s: Mapping[str, float] | None = None,
        cached_rows: int = 0,
    ) -> None:
        """Note a part that a worker of this run has written, and write progress into ``run.json`` every few seconds.

        Args:
            part: it counts, and its footer need not be read.
            cpu_s: CPU seconds of this session so far.
            waited_row_s: how much rows have waited in this session so far (see :class:`RunRecord`).
            worker_s: seconds of this session's workers by phase so far.
            cached_rows: how many rows of this session came out of a cache so far.

        Raises:
            ResumeError: another job took the output over.
            StorageError: the store cannot be reached.
        """
        self._require_lock()
        self._note(part)
        self._written.add(part.key)
        self._cpu_s = max(self._cpu_s, cpu_s)
        self._waited_row_s = max(self._waited_row_s, waited_row_s)
        self._worker_s = worker_s or self._worker_s
        self._cached_rows = max(self._cached_rows, cached_rows)
        self._progress.add(self._wall_s, self._rows, self._audio_s)
        if time.monotonic() - self._saved >= _SAVE_EVERY_S:
            self._save()

    @property
    def duplicate_ids(self) -> list[str]:
        """A sentence for each of the first ids that several rows share, as far as that is known."""
        return self._duplicate_ids

    def note_duplicate_ids(self, sentences: Sequence[str]) -> None:
        """Say in ``run.json``, from its next writing on, which ids several rows share. May be called by another thread."""
        self._duplicate_ids = list(sentences)

    @property
    def summary(self) -> Summary:
        """What is known to be in the output, without looking: as of the last look, and the parts added since."""
        return Summary.of(self._parts.values())

    def _note(self, part: Part) -> None:
        if earlier := self._parts.get(part.key):
            self._count(earlier, -1)
        self._count(part, 1)
        maker = part.maker and self._known(part.maker)
        self._parts[part.key] = part if maker is part.maker else replace(part, maker=maker)

    def _count(self, part: Part, sign: int) -> None:
        for name, count in part.status.items():
            self._status[name] += sign * count
        for name, count in part.finish_reasons.items():
            self._finish_reasons[name] += sign * count
        self._audio_s += sign * part.duration_s

    def _known(self, maker: Maker) -> Maker:
        """Return the one object for a maker; log it, once, when not all parts are made by the same."""
        known = self._makers.setdefault(maker, maker)
        if len(self._makers) == 2 and not self._told_of_makers:
            self._told_of_makers = True
            logger.warning(
                "the parts of this output are made by different processors or versions (%s): a row would have other last bits "
                "on the other one. %s will list them under 'made_by'",
                "; ".join(map(str, self._makers)),
                RUN_NAME,
            )
        return known

    def _made_by(self) -> list[MadeBy]:
        if not self._looked:
            return self._record.made_by
        made: dict[Maker, list[str]] = {}
        for part in self._parts.values():
            if part.maker:
                made.setdefault(part.maker, []).append(part.key)
        return [MadeBy(**asdict(maker), parts=sorted(parts)) for maker, parts in sorted(made.items())]

    @property
    def _wall_s(self) -> float:
        return self._record.wall_s + time.monotonic() - self._started

    @property
    def _rows(self) -> int:
        return sum(self._status[name] for name in STATUSES)

    def _counts(self) -> dict[str, int]:
        counts = {name: self._status[name] for name in STATUSES}
        return {"rows": self._rows, **counts, "parts": len(self._parts)}

    def missing_units(self, shards: Sequence[Shard], rows_per_unit: int) -> list[Unit]:
        """Return the units of the rows that are not done yet (see :meth:`parts`)."""
        if self.finished:
            return []
        covered: dict[int, list[Unit]] = {}
        for part in self.parts(shards):
            covered.setdefault(part.unit.shard, []).append(part.unit)
        return missing_units(shards, covered, rows_per_unit)

    def writer(self, schema: PartSchema) -> PartWriter:
        """Return the writer of this run's parts, for the workers."""
        return PartWriter(self.store, schema, self.fingerprint, self.session)

    def finish(self, shards: Sequence[Shard], cpu_s: float) -> Summary:
        """Check that every row is there once, write the index, and mark the job as finished (if it is not yet).

        Args:
            shards: the input.
            cpu_s: CPU seconds of this session.

        Raises:
            SpeechmillError: rows are missing; the message says how many.
            ResumeError: another job took the output over.
            StorageError: the store cannot be reached.
        """
        if self.finished:
            return self.summary
        summary = Summary.of(self.parts(shards))
        rows = sum(shard.rows for shard in shards)
        if summary.rows != rows:
            raise SpeechmillError(
                f"{self.store}: {rows - summary.rows} of {rows} rows are not in the output. Run the same command "
                "again: it does only these."
            )
        corrupt = {shard.name: shard.error for shard in shards if shard.error}
        write_json(
            self.store,
            INDEX_NAME,
            Index(
                fingerprint=self.fingerprint,
                rows=rows,
                status=dict(summary.status),
                duration_s=summary.duration_s,
                finish_reasons=dict(summary.finish_reasons),
                corrupt_shards=corrupt,
                parts=list(summary.parts),
            ),
        )
        self._cpu_s = cpu_s
        counts = self._counts() | {"corrupt_shards": len(corrupt)}
        self._save(counts=counts, state="finished", ended=timestamp(), made_by=self._made_by())
        self.finished = True
        return summary

    def _save(self, **changes: Any) -> None:
        """Write ``run.json`` with what is known and changes; the times of this session are added to those of earlier ones."""
        known: dict[str, Any] = {"audio_s": self._record.audio_s}
        if self._looked:
            reasons = {name: count for name, count in sorted(self._finish_reasons.items()) if count}
            known = {"audio_s": self._audio_s, "counts": self._counts(), "finish_reasons": reasons}
            known["progress"] = self._progress.until(self._wall_s, self._rows, self._audio_s)
        wall_s = self._wall_s
        earlier_s = self._record.worker_s
        known |= {
            "duplicate_ids": self._duplicate_ids,
            "made_by": [],  # long, and in the footers of the parts: said when the run is over
            "wall_s": wall_s,
            "cpu_s": self._record.cpu_s + self._cpu_s,
            "waited_row_s": self._record.waited_row_s + self._waited_row_s,
            "worker_s": earlier_s | {phase: earlier_s.get(phase, 0.0) + seconds for phase, seconds in self._worker_s.items()},
            "cached_rows": self._record.cached_rows + self._cached_rows,
            "rtf": wall_s / known["audio_s"] if known["audio_s"] else None,
        }
        write_json(self.store, RUN_NAME, self._record.model_copy(update=known | changes))
        self._saved = time.monotonic()

    def _require_lock(self) -> None:
        if not self._lock.held:
            raise ResumeError(f"{self.store}: another job took the output over while this one could not reach the store")

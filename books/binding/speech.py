"""A book's spoken rows: how long each is, and, a passage at a time, how it sounds.

Times are whole samples at the rate of the rows, so that a book of any length has no drift.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
import soundfile

from actors.audio.codec import resample, to_mono
from actors.audio.mono import FloatArray
from actors.errors import InputDataError, StorageError
from books.binding.timeline import Cue, TimedChapter, Timeline
from books.script import Passage, Script
from cluster.output.reader import read_groups
from cluster.storage import Store

_TIMING_COLUMNS = ("id", "status", "duration_s", "sampling_rate", "chunks")
_SOUND_COLUMNS = ("id", "audio", "sampling_rate")
_SILENCE = 1 << 16  # samples that are made at once


@dataclass(frozen=True)
class SpokenRow:
    """What is known of a row without its audio: ``duration_s`` is ``None`` if it was not spoken."""

    id: str
    duration_s: float | None
    sampling_rate: int
    chunks: Sequence[tuple[str, float, float]]


@dataclass(frozen=True)
class Ends:
    """What stands around chapters that are files of their own, in seconds.

    Attributes:
        head_s: before the first passage.
        least_tail_s, most_tail_s: behind the last one; its pause, if that is between.
        longest_s: of a chapter; a longer one is cut behind a paragraph.
    """

    head_s: float = 0.0
    least_tail_s: float = 0.0
    most_tail_s: float = float("inf")
    longest_s: float = float("inf")


@dataclass(frozen=True)
class Span:
    """A passage's samples in the book, and its row's number."""

    row: int
    start: int
    samples: int


@dataclass(frozen=True)
class Stretch:
    """A chapter's samples in the book, those of its passages, and how many passages have none."""

    start: int
    stop: int
    spans: Sequence[Span]
    missing: int

    @property
    def samples(self) -> int:
        """How many there are."""
        return self.stop - self.start


@dataclass(frozen=True)
class Layout:
    """When all is heard: ``stretches`` are those of the timeline's chapters at ``rate`` Hz, ``notes`` are for people."""

    timeline: Timeline
    stretches: Sequence[Stretch]
    rate: int
    notes: tuple[str, ...] = ()


class Speech:
    """The rows of a book in an output: the part files ``keys`` of a store, in order, and no others in them."""

    def __init__(self, store: Store, keys: Sequence[str]) -> None:
        self._store, self._keys = store, keys
        self._rows: list[int] = []  # of each file, once they are known

    def rows(self) -> Iterator[SpokenRow]:
        """Yield the rows in order, without audio.

        Raises:
            StorageError: a file is gone or damaged, or the store cannot be reached.
        """
        self._rows = []
        for key in self._keys:
            self._rows.append(0)
            for table in read_groups(self._store, key, _TIMING_COLUMNS):
                self._rows[-1] += len(table)
                yield from map(_spoken_row, table.select(_TIMING_COLUMNS).to_pylist())

    def sounds(self, first: int, stop: int) -> Iterator[tuple[int, FloatArray, int]]:
        """Yield the number, samples and rate in Hz of the rows from ``first`` until ``stop`` that were spoken.

        One is decoded at a time; no more than a row group is read. :meth:`rows` has been gone through before.

        Raises:
            StorageError: a file or the audio of a row is damaged, or the store cannot be reached.
        """
        begin = 0
        for key, count in zip(self._keys, self._rows, strict=True):
            if begin < stop and first < begin + count:
                yield from self._of_file(key, begin, first, stop)
            begin += count

    def _of_file(self, key: str, row: int, first: int, stop: int) -> Iterator[tuple[int, FloatArray, int]]:
        for table in read_groups(self._store, key, _SOUND_COLUMNS):
            chosen = table.slice(max(0, first - row), max(0, min(stop, row + len(table)) - max(first, row)))
            yield from self._of_table(chosen, max(first, row), key)
            row += len(table)
            if row >= stop:
                return

    def _of_table(self, table: pa.Table, row: int, key: str) -> Iterator[tuple[int, FloatArray, int]]:
        # A row at a time: as Python objects audio is there twice.
        for batch in table.select([*_SOUND_COLUMNS, "status"]).to_batches(max_chunksize=1):
            (values,) = batch.to_pylist()
            if values["status"] == "ok":
                yield row, *self._decoded(values, key)
            row += 1

    def _decoded(self, values: dict[str, Any], key: str) -> tuple[FloatArray, int]:
        try:
            samples, rate = soundfile.read(io.BytesIO(values["audio"]["bytes"]), dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, TypeError) as error:
            raise StorageError(
                f"{self._store.uri_of(key)}: the audio of row {values['id']!r} cannot be decoded ({error}): delete "
                "the file and run again"
            ) from error
        return to_mono(np.ascontiguousarray(samples.T)), rate


def lay_out(script: Script, rows: Iterable[SpokenRow], ends: Ends | None = None) -> Layout:
    """Place every passage of a script behind the one before it, and the pauses between them.

    A passage that was not spoken takes no time, nor does its pause. A chapter of which nothing was spoken is left out.

    Args:
        script: what was to be spoken.
        rows: one for each of its passages, in order.
        ends: what stands around chapters, and how long they may be; nothing, and as long as they are, if ``None``.

    Raises:
        InputDataError: nothing was spoken.
        StorageError: the rows are not those of the script.
    """
    pairs = _paired(script, rows)
    rate = next((row.sampling_rate for _, row in pairs if row.duration_s is not None), None)
    if rate is None:
        raise InputDataError(f"nothing of {script.book.title!r} was spoken: column 'error' of its rows says why")
    placer = _Placer(script, rate, ends or Ends())
    numbered = ((i, passage, row) for i, (passage, row) in enumerate(pairs))
    for chapter, members in groupby(numbered, key=lambda member: member[1].chapter):
        placer.add(chapter, list(members))
    return placer.layout()


def chapter_blocks(speech: Speech, layout: Layout, chapter: int) -> Iterator[FloatArray]:
    """Yield a chapter's float32 ``[samples]`` at ``layout.rate``: ``layout.stretches[chapter].samples`` of them altogether.

    Raises:
        StorageError: see :meth:`Speech.sounds`.
    """
    stretch = layout.stretches[chapter]
    place = stretch.start
    spans = {span.row: span for span in stretch.spans}
    for row, samples, rate in speech.sounds(stretch.spans[0].row, stretch.spans[-1].row + 1):
        span = spans[row]
        yield from _silence(span.start - place)
        yield _fitted(resample(samples, rate, layout.rate), span.samples)
        place = span.start + span.samples
    yield from _silence(stretch.stop - place)


@dataclass(frozen=True)
class _Sounding:
    """A passage that was spoken; ``samples`` of it, and of the pause behind it."""

    index: int
    passage: Passage
    row: SpokenRow
    samples: int
    pause: int


class _Placer:
    """Takes a script's chapters in order."""

    def __init__(self, script: Script, rate: int, ends: Ends) -> None:
        self._book, self._rate, self._ends = script.book, rate, ends
        self._chapters: list[TimedChapter] = []
        self._stretches: list[Stretch] = []
        self._notes: list[str] = []
        self._place = 0

    def add(self, chapter: int, members: Sequence[tuple[int, Passage, SpokenRow]]) -> None:
        note = self._book.chapters[chapter]
        heard = [self._sounding(*member) for member in members if member[2].duration_s is not None]
        if not heard:
            self._notes.append(f"the chapter {note.title!r} is left out: none of its {len(members)} passages was spoken")
            return
        pieces = list(_cut(heard, self._longest))
        for number, piece in enumerate(pieces, 1):
            title = note.title if len(pieces) == 1 else f"{note.title} ({number})"
            missing = len(members) - len(heard) if number == 1 else 0
            self._place_piece(title, note.level, piece, missing)

    def layout(self) -> Layout:
        return Layout(Timeline(self._chapters), self._stretches, self._rate, tuple(self._notes))

    @property
    def _longest(self) -> float:
        return (self._ends.longest_s - self._ends.head_s - self._ends.least_tail_s) * self._rate

    def _sounding(self, index: int, passage: Passage, row: SpokenRow) -> _Sounding:
        return _Sounding(index, passage, row, max(1, self._samples(row.duration_s or 0.0)), self._samples(passage.pause_s))

    def _samples(self, seconds: float) -> int:
        return round(seconds * self._rate)

    def _place_piece(self, title: str, level: int, piece: Sequence[_Sounding], missing: int) -> None:
        start = self._place
        self._place += self._samples(self._ends.head_s)
        cues, spans = [], []
        for sounding in piece:
            spans.append(Span(sounding.index, self._place, sounding.samples))
            cues.append(self._cue(sounding))
            self._place += sounding.samples + sounding.pause
        pause_s = piece[-1].pause / self._rate
        self._place += self._samples(min(max(pause_s, self._ends.least_tail_s), self._ends.most_tail_s)) - piece[-1].pause
        self._chapters.append(TimedChapter(title, level, start / self._rate, self._place / self._rate, cues))
        self._stretches.append(Stretch(start, self._place, spans, missing))

    def _cue(self, sounding: _Sounding) -> Cue:
        start_s, end_s = self._place / self._rate, (self._place + sounding.samples) / self._rate
        chunks = sounding.row.chunks if len(sounding.row.chunks) > 1 else ()
        if sounding.passage.text.split() != sounding.passage.written.split():
            chunks = ()  # theirs is what is said, "Doctor", and subtitles show what is written, "Dr."
        pieces = [(text, min(start_s + first, end_s), min(start_s + last, end_s)) for text, first, last in chunks]
        return Cue(sounding.passage, sounding.index, start_s, end_s, tuple(pieces))


def _cut(heard: Sequence[_Sounding], limit: float) -> Iterator[Sequence[_Sounding]]:
    """Yield a chapter in pieces of at most so many samples: behind paragraphs if that can be, else behind passages."""
    piece: list[_Sounding] = []
    length = 0
    for sounding in heard:
        while piece and length + sounding.samples > limit:
            following = [*piece[1:], sounding]
            ends = (i for i in range(len(piece), 0, -1) if piece[i - 1].passage.paragraph != following[i - 1].passage.paragraph)
            cut = next(ends, len(piece))
            yield piece[:cut]
            piece = piece[cut:]
            length = sum(member.samples + member.pause for member in piece)
        piece.append(sounding)
        length += sounding.samples + sounding.pause
    yield piece


def _paired(script: Script, rows: Iterable[SpokenRow]) -> list[tuple[Passage, SpokenRow]]:
    found = list(rows)
    if [row.id for row in found] != [passage.id for passage in script.passages]:
        raise StorageError(
            f"the {len(found)} rows for {script.book.title!r} are not its script's {len(script.passages)} passages in order: "
            "run the job again, it makes what is missing"
        )
    return list(zip(script.passages, found, strict=True))


def _spoken_row(values: dict[str, Any]) -> SpokenRow:
    chunks = tuple((chunk["text"], chunk["start_s"], chunk["end_s"]) for chunk in values["chunks"] or ())
    row = SpokenRow(values["id"], values["duration_s"], values["sampling_rate"] or 0, chunks)
    return row if values["status"] == "ok" else replace(row, duration_s=None)


def _silence(samples: int) -> Iterator[FloatArray]:
    for first in range(0, samples, _SILENCE):
        yield np.zeros(min(_SILENCE, samples - first), np.float32)


def _fitted(samples: FloatArray, count: int) -> FloatArray:
    if len(samples) == count:
        return samples
    return np.pad(samples[:count], (0, max(0, count - len(samples))))

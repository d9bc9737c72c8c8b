"""Collects what a page shows of the output of a job whose rows are speech, or recordings."""

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from actors.errors import RequestError, SynthesisError
from cluster.output import Output, RunRecord
from reports.clips import MAX_S, Clip, Level, Sound, clip_of, level_of, read_sound
from reports.rows import Rows, read_rows
from reports.suspects import Suspect, find_suspects
from reports.views import RowView, row_view

logger = logging.getLogger(__name__)

ReadMedia = Callable[[str], bytes | Path]

_SUSPECTS, _SAMPLES = 12, 12
_MEASURED = 160  # rows whose sound is decoded for their loudness
_MEASURED_RECORDINGS = 24  # which may be hours long, and are fetched whole from a store
_MEASURED_GROUPS = 24  # of which they are: a row group is read whole
_MEASURED_S = 3_600.0
_CLIPS_BYTES = 10_000_000  # of all players together
TEXT_COLUMNS = (
    "id", "text", "spoken_text", "voice", "duration_s", "error", "finish_reason", "word_error_rate", "heard", "take", "path",
)  # fmt: skip
_STRETCHES = 48  # of time, for which throughput is shown


@dataclass(frozen=True)
class Shown:
    """What a page shows of single rows, and the levels of those that were measured."""

    suspects: Sequence[RowView]
    samples: Sequence[RowView]
    levels: Mapping[int, Level]


def show_rows(output: Output, rows: Rows, media: ReadMedia | None, *, speech: bool) -> Shown:
    """Measure a sample of the rows, find those that look worst, and make players.

    Args:
        output: of the job.
        rows: what is known of all of them.
        media: reads recordings by a row's ``path``; without it those of a transcription are not heard.
        speech: rows are texts that were spoken.

    Raises:
        StorageError: the output cannot be read.
    """
    source = _Source(output, rows, media, speech=speech)
    levels = dict(source.levels(_chosen_to_measure(rows, _MEASURED if speech else _MEASURED_RECORDINGS)))
    suspects = find_suspects(rows, levels, _SUSPECTS)
    others = np.setdiff1d(np.flatnonzero(rows.ok), [suspect.index for suspect in suspects])
    chosen = _spread(others, _SAMPLES)
    views = list(source.views([*suspects, *(Suspect(index) for index in chosen)], levels))
    return Shown(views[: len(suspects)], views[len(suspects) :], levels)


def increments(record: RunRecord) -> Iterator[tuple[float, float]]:
    """Yield how long each stretch of a run was in seconds, and the seconds of audio that came out of it."""
    points = record.progress
    for before, after in pairwise(points):
        if after[0] > before[0] and after[2] >= before[2]:
            yield after[0] - before[0], after[2] - before[2]


def throughput(record: RunRecord) -> tuple[list[float], list[float]]:
    """Return borders of equal stretches of a run, in seconds, and how many seconds of audio a second each has had."""
    points = [(0.0, 0, 0.0), *record.progress]
    seconds = np.array([point[0] for point in points])
    audio = np.maximum.accumulate([point[2] for point in points])
    borders = np.linspace(0, seconds[-1], min(_STRETCHES, len(points)) + 1)
    return borders.tolist(), (np.diff(np.interp(borders, seconds, audio)) / np.diff(borders)).tolist()


def _chosen_to_measure(rows: Rows, most: int) -> list[int]:
    """Choose rows of a few row groups, evenly over the whole and always the same."""
    groups = _spread(np.arange(len(rows.groups)), _MEASURED_GROUPS)
    ends = [*(group.first for group in rows.groups[1:]), len(rows)]
    each = math.ceil(most / max(1, len(groups)))
    chosen: list[int] = []
    for group in groups:
        first, stop = rows.groups[group].first, ends[group]
        chosen += _spread(first + np.flatnonzero(rows.ok[first:stop]), each)
    return chosen


def _spread(indices: "np.ndarray[Any, Any]", most: int) -> list[int]:
    """Return at most so many, evenly spread."""
    if len(indices) <= most:
        return [int(index) for index in indices]
    return [int(indices[i]) for i in np.linspace(0, len(indices) - 1, most).round().astype(int)]


class _Source:
    """Reads rows with their sound."""

    def __init__(self, output: Output, rows: Rows, media: ReadMedia | None, *, speech: bool) -> None:
        self._store, self._rows, self._media = output.store, rows, None if speech else media
        self._audio = "audio" if speech else None
        self._pieces = "chunks" if speech else "segments"

    def levels(self, chosen: Sequence[int]) -> Iterator[tuple[int, Level]]:
        """Yield the levels of rows, a row group at a time, until an hour of sound has been decoded."""
        if self._media is None and self._audio is None:
            return
        measured_s = 0.0
        ends = [group.first for group in self._rows.groups[1:]]
        for part in np.split(np.array(chosen), np.searchsorted(chosen, ends)):
            if not len(part) or measured_s > _MEASURED_S:
                continue
            for index, row in read_rows(self._store, self._rows, part.tolist(), ("id", "path"), self._audio).items():
                sound = self._sound(row)
                if sound is not None:
                    measured_s += sound.seconds
                    yield index, level_of(sound)

    def views(self, wanted: Sequence[Suspect], levels: Mapping[int, Level]) -> Iterator[RowView]:
        """Yield views of rows, with players as long as there is room for them."""
        room = _CLIPS_BYTES
        for number, suspect in enumerate(wanted):
            columns = (*TEXT_COLUMNS, self._pieces)
            row = read_rows(self._store, self._rows, [suspect.index], columns, self._audio)[suspect.index]
            sound = self._sound(row) if room > 0 else None
            clip = self._clip(row, sound)
            room -= clip.size if clip else 0
            level = levels.get(suspect.index) or (level_of(sound) if sound else None)
            yield row_view(number, row, clip, level, suspect.why)

    def _sound(self, row: Mapping[str, Any]) -> Sound | None:
        try:
            data = (row.get("audio") or {}).get("bytes")
            if data is None and self._media and row.get("path"):
                data = self._media(row["path"])
            return None if data is None else read_sound(data)
        except RequestError as error:
            logger.info("row %r is not heard on the page: %s", row.get("id"), error)
            return None

    def _clip(self, row: Mapping[str, Any], sound: Sound | None) -> Clip | None:
        try:
            return clip_of(sound) if sound else None
        except SynthesisError as error:
            logger.info("row %r is not heard on the page: %s", row.get("id"), error)
            return None


LONGEST_CLIP_S = MAX_S

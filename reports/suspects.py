"""Which rows should be listened to first, and why."""

import heapq
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from reports.clips import Level
from reports.rows import Floats, Rows

# How bad is what a job itself says of a row that is ok; what goes well is not here.
_FINISHES = {
    "length": (8.0, "stopped at the longest length"),
    "suspicious": (8.0, "length does not fit its text"),
    "loop": (8.0, "repeated itself in a loop"),
    "damaged": (4.0, "part of the recording is missing"),
}
_MISHEARD = "still doubtful when heard again"
_FEWEST_CHARS = 12  # of a text: shorter ones take any time
_UNUSUAL = 4.0  # standard deviations from the median of the logarithm
_LEAST_SPREAD = 0.08
_WORD_ERRORS = 0.25
_ERROR_RUN = 3
_COVERED, _COVERED_FROM_S = 0.5, 20.0
_SILENT_LUFS, _CLIPPED = -50.0, 0.001


Note = Callable[[int, float, str], None]


@dataclass
class Suspect:
    """A row, how bad it looks, and what is wrong, each in a few words."""

    index: int
    score: float = 0.0
    why: list[str] = field(default_factory=list)

    def note(self, score: float, why: str) -> None:
        """Add what is wrong; several things weigh more than one."""
        self.score += score
        self.why.append(why)


def find_suspects(rows: Rows, levels: Mapping[int, Level], most: int) -> list[Suspect]:
    """Return the rows that look worst, the worst first; ``levels`` are those of the rows that were measured, by index."""
    found: dict[int, Suspect] = {}

    def note(index: int, score: float, why: str) -> None:
        found.setdefault(index, Suspect(index)).note(score, why)

    for kind, (score, why) in _FINISHES.items():
        for index in np.flatnonzero(rows.ok & (rows.finish == kind)):
            is_misheard = kind == "suspicious" and rows.word_errors[index] > 0
            note(int(index), score, _MISHEARD if is_misheard else why)
    _note_rates(rows, note)
    for index in np.flatnonzero(rows.word_errors > _WORD_ERRORS):
        rate = float(rows.word_errors[index])
        note(int(index), 4 + 4 * min(rate, 2), f"{rate:.0%} word errors when heard again")
    for index in np.flatnonzero(rows.error_runs >= _ERROR_RUN):
        run = int(rows.error_runs[index])
        note(int(index), min(run, 8), f"{run} wrong words one after the other")
    for index in np.flatnonzero(rows.ok & rows.repeats):
        note(int(index), 6, "text repeats itself")
    for index in np.flatnonzero((rows.coverage < _COVERED) & (rows.duration_s > _COVERED_FROM_S) & (rows.finish != "silence")):
        note(int(index), 5, f"transcript ends after {rows.coverage[index]:.0%} of the recording")
    for place, level in levels.items():
        if level.lufs < _SILENT_LUFS:
            note(place, 7, "nearly silent")
        if level.clipped > _CLIPPED:
            note(place, 5, f"{level.clipped:.1%} of its samples are clipped")
    return heapq.nsmallest(most, found.values(), key=lambda suspect: (-suspect.score, suspect.index))


def _note_rates(rows: Rows, note: Note) -> None:
    """Note what is spoken far faster or slower than the others."""
    rates = rows.rates
    deviations = _deviations(rates, rows.characters)
    median = float(np.nanmedian(rates)) if np.isfinite(rates).any() else math.nan
    for index in np.flatnonzero(np.abs(deviations) > _UNUSUAL):
        times = max(rates[index] / median, median / rates[index])
        kind = "faster" if deviations[index] > 0 else "slower"
        note(int(index), min(float(abs(deviations[index])), 12.0), f"{times:.1f} times {kind} than most")


def _deviations(rates: Floats, characters: Floats) -> Floats:
    """Return how unusual each rate is, in standard deviations of its logarithm; 0 for those that say nothing."""
    known = np.isfinite(rates) & (characters >= _FEWEST_CHARS)
    result = np.zeros(len(rates))
    if known.any():
        logs = np.log(rates[known])
        spread = max(1.4826 * float(np.median(np.abs(logs - np.median(logs)))), _LEAST_SPREAD)
        result[known] = (logs - np.median(logs)) / spread
    return result

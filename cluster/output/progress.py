"""How far a job was when: a short series that grows with the job, and no longer than some length."""

from collections.abc import Sequence

Point = tuple[float, int, float]
"""Seconds of all sessions so far, rows that are done, seconds of audio in them."""

_MOST_POINTS = 120
_FINEST_S = 0.2


class Progress:
    """Collects points, each a while after the one before; the while doubles whenever there are too many.

    Args:
        earlier: the points of earlier sessions, whose seconds are no later than those that follow.
    """

    def __init__(self, earlier: Sequence[Point] = ()) -> None:
        self._points = list(earlier)
        self._apart_s = max(_FINEST_S, earlier[-1][0] / _MOST_POINTS) if earlier else _FINEST_S
        self._thin()

    def add(self, seconds: float, rows: int, audio_s: float) -> None:
        """Note where the job is, unless that was done a moment ago."""
        if not self._points or seconds - self._points[-1][0] >= self._apart_s:
            self._points.append((round(seconds, 2), rows, round(audio_s, 2)))
            self._thin()

    def until(self, seconds: float, rows: int, audio_s: float) -> list[Point]:
        """Return the points, and one for where the job is now."""
        now = (round(seconds, 2), rows, round(audio_s, 2))
        return [*(point for point in self._points if point[0] < now[0]), now]

    def _thin(self) -> None:
        while len(self._points) >= _MOST_POINTS:
            # Parts may take longer than what points were to be apart: those to come are to be as far apart as those kept.
            mean_s = (self._points[-1][0] - self._points[0][0]) / len(self._points)
            self._apart_s = 2 * max(self._apart_s, mean_s)
            self._points = self._points[::2]

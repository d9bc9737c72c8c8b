"""Where the characters of a text are after it was edited."""

from bisect import bisect_left

from actors.text.edits import Edited


class Moved:
    """Tells of a place in the source of an edited text where that is in the text; one within an edit is at its end."""

    def __init__(self, edited: Edited) -> None:
        self._spans = edited.spans
        self._starts = [span.source_start for span in self._spans]

    def __call__(self, index: int) -> int:
        """Return where ``source[index]`` is."""
        before = bisect_left(self._starts, index) - 1  # the last edit that begins before the place
        if before < 0:
            return index
        span = self._spans[before]
        return span.end if index < span.source_end else index - span.source_end + span.end

"""What the job's process tells Prometheus."""

import contextlib
import time
from collections.abc import Sequence

from cluster import metrics
from cluster.runner import Outcome, UnitDone, Usage


class Gauges:
    """The gauges of one run."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._usages: dict[str, Usage] = {}
        self._audio_s = 0.0
        self._opened: float | None = None

    def count(self, outcomes: Sequence[Outcome]) -> None:
        """Count what came of some units."""
        for outcome in outcomes:
            if isinstance(outcome, UnitDone):
                self._audio_s += outcome.part.duration_s
                if outcome.usage:
                    self._usages[outcome.usage.worker] = outcome.usage
                    self._opened = min(self._opened or outcome.usage.opened, outcome.usage.opened)

    def show(self, waiting: int, wanted: int, starting: int, at_work: int) -> None:
        """Set all gauges."""
        metrics.show("speechmill_units_waiting", waiting, run=self._run)
        for state, count in (("wanted", wanted), ("starting", starting), ("open", at_work)):
            metrics.show("speechmill_workers", count, run=self._run, state=state)
        if self._opened and self._audio_s:
            metrics.show("speechmill_rtf", (time.time() - self._opened) / self._audio_s, run=self._run)
        slot_steps = sum(usage.stats.slot_steps for usage in self._usages.values())
        if slot_steps:
            busy = sum(usage.stats.busy_slot_steps for usage in self._usages.values())
            metrics.show("speechmill_slot_occupancy", busy / slot_steps, run=self._run)

    def clear(self) -> None:
        """Show that there is no more work."""
        with contextlib.suppress(Exception):
            self.show(0, 0, 0, 0)

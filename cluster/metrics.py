"""What a job tells Ray's Prometheus endpoint; Prometheus sees each name with ``ray_`` before it.

Counters are told by the workers as differences since they last told, gauges by the job itself. ``run`` is the session of
the job's run; ``job`` is a name that Prometheus keeps for itself.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from ray.util import metrics

from cluster.runner import Outcome, UnitDone, Usage


class Spec(NamedTuple):
    """What a metric counts, and by what it is told apart."""

    kind: Literal["counter", "gauge"]
    description: str
    tags: tuple[str, ...] = ("run",)


METRICS: Mapping[str, Spec] = {
    "speechmill_rows_total": Spec("counter", "Rows whose part is written, by status.", ("run", "status")),
    "speechmill_finish_reasons_total": Spec(
        "counter", "Rows whose part is written, by finish reason.", ("run", "finish_reason")
    ),
    "speechmill_audio_seconds_total": Spec("counter", "Seconds of audio in written parts."),
    "speechmill_worker_seconds_total": Spec(
        "counter",
        "Seconds of workers by phase: model (fetch, load), rows (read, write), engine (prefill, step, finish).",
        ("run", "phase"),
    ),
    "speechmill_retries_total": Spec("counter", "Units that were given to a worker again."),
    "speechmill_rtf": Spec("gauge", "Wall seconds by seconds of audio, of all workers together, since the first one was open."),
    "speechmill_slot_occupancy": Spec("gauge", "Share of the engines' slot-steps that advanced an utterance."),
    "speechmill_units_waiting": Spec("gauge", "Units that no worker has yet."),
    "speechmill_workers": Spec("gauge", "Workers that are wanted, starting or open.", ("run", "state")),
}


@functools.cache
def _metric(name: str) -> metrics.Counter | metrics.Gauge:
    spec = METRICS[name]
    make = metrics.Counter if spec.kind == "counter" else metrics.Gauge
    return make(name, description=spec.description, tag_keys=spec.tags)


def add(name: str, amount: float, **tags: str) -> None:
    """Add to a counter."""
    if amount > 0:
        _metric(name).inc(amount, tags=tags)


def show(name: str, value: float, **tags: str) -> None:
    """Set a gauge."""
    _metric(name).set(value, tags=tags)


class WorkerMetrics:
    """Tells what one worker has done."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._told: dict[str, float] = {}

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """Tell what came of some units, and where the worker's time went since the last time."""
        usage: Usage | None = None
        for outcome in outcomes:
            if isinstance(outcome, UnitDone):
                usage = outcome.usage
                add("speechmill_audio_seconds_total", outcome.part.duration_s, run=self._run)
                for status, rows in outcome.part.status.items():
                    add("speechmill_rows_total", rows, run=self._run, status=status)
                for reason, rows in outcome.part.finish_reasons.items():
                    add("speechmill_finish_reasons_total", rows, run=self._run, finish_reason=reason)
        for phase, seconds in usage.seconds.items() if usage else ():
            add("speechmill_worker_seconds_total", seconds - self._told.get(phase, 0.0), run=self._run, phase=phase)
            self._told[phase] = max(self._told.get(phase, 0.0), seconds)

"""What is told to Prometheus. That it arrives there is seen in a cluster with a dashboard (docs/cluster.md)."""

from collections.abc import Mapping

import pytest

from actors.batching import EngineStats
from cluster import metrics
from cluster.dataset import Unit
from cluster.metrics import METRICS, WorkerMetrics
from cluster.output import Part
from cluster.runner import Outcome, UnitDone, UnitLost, Usage


def done(audio_s: float, **seconds: float) -> Outcome:
    usage = Usage("worker", 1, 0.0, 1.0, 1.0, EngineStats(), seconds)
    return UnitDone(Part(Unit(0, 0, 3), "part", 1, {"ok": 2, "rejected": 1}, audio_s, finish_reasons={"length": 2}), usage)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, ...], float]:
    """Counters as they add up: (name, run, status or phase)."""
    sums: dict[tuple[str, ...], float] = {}

    def add(name: str, amount: float, **tags: str) -> None:
        assert set(tags) == set(METRICS[name].tags)
        key = (name, *tags.values())
        sums[key] = sums.get(key, 0.0) + amount

    monkeypatch.setattr(metrics, "add", add)
    return sums


def test_a_worker_tells_rows_audio_and_where_its_time_went(told: Mapping[tuple[str, ...], float]) -> None:
    worker = WorkerMetrics("run-1")
    worker.tell([done(4.0, load=2.0, step=1.0)])
    worker.tell([UnitLost(Unit(0, 3, 3), "it broke")])
    worker.tell([done(6.0, load=2.0, step=5.0), done(1.0, load=2.0, step=5.0)])
    assert told["speechmill_rows_total", "run-1", "ok"] == 6
    assert told["speechmill_rows_total", "run-1", "rejected"] == 3
    assert told["speechmill_finish_reasons_total", "run-1", "length"] == 6
    assert told["speechmill_audio_seconds_total", "run-1"] == 11.0
    assert told["speechmill_worker_seconds_total", "run-1", "load"] == 2.0  # what was told before is not told again
    assert told["speechmill_worker_seconds_total", "run-1", "step"] == 5.0


@pytest.mark.parametrize("name", METRICS)
def test_names_and_tags_are_what_prometheus_takes(name: str) -> None:
    assert name.startswith("speechmill_")
    assert name.endswith("_total") == (METRICS[name].kind == "counter")
    assert "job" not in METRICS[name].tags  # Prometheus has a label of this name

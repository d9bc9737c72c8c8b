"""The series of how far a job was: short, whatever the job, and going on where an earlier session stopped."""

from itertools import pairwise

import pytest

from cluster.output.progress import Progress


@pytest.mark.parametrize("seconds", [0.05, 1.0, 600.0])
def test_the_series_is_short_and_even(seconds: float) -> None:
    progress = Progress()
    for i in range(2_000):
        progress.add(i * seconds, i, 10.0 * i)
    points = progress.until(2_000 * seconds, 2_000, 20_000.0)
    assert 60 <= len(points) <= 121
    assert points[0][1] == 0
    assert points[-1] == (2_000 * seconds, 2_000, 20_000.0)
    steps = [after[0] - before[0] for before, after in pairwise(points)]
    assert min(steps[:-1]) > 0
    assert max(steps) <= 3 * min(steps[:-1])


def test_it_goes_on_after_earlier_sessions() -> None:
    earlier = Progress()
    for i in range(1_000):
        earlier.add(10.0 * i, i, float(i))
    points = earlier.until(10_000.0, 1_000, 1_000.0)
    progress = Progress(points)
    for i in range(1_000, 1_200):
        progress.add(10.0 * i, i, float(i))
    found = progress.until(12_000.0, 1_200, 1_200.0)
    assert found[0] == points[0]
    assert len(found) <= 121
    assert [point[0] for point in found] == sorted(point[0] for point in found)


def test_what_is_said_twice_is_there_once() -> None:
    progress = Progress()
    progress.add(1.0, 1, 1.0)
    assert progress.until(1.001, 2, 2.0) == [(1.0, 2, 2.0)]

from fractions import Fraction

import av
import numpy as np
import pytest

from actors.audio.placing import CLOCKS, Placer
from actors.audio.timeline import Timeline
from tests.actors.audio.recordings import Kept


def place(times: list[float], container: str = "mpegts") -> tuple[float, str | None]:
    """Put frames of a tenth of a second at times; return how long it got, and its damage."""
    timeline = Timeline(Kept(), "a.ts")
    placer = Placer(timeline, CLOCKS[container], origin_s=times[0], is_patchy=False, is_alone=False, name="a.ts")
    for time in times:
        frame = av.AudioFrame.from_ndarray(np.ones((1, 100), np.float32), format="flt", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 1000, round(time * 1000), Fraction(1, 1000)
        placer.put(frame)
    placer.finish()
    return timeline.end_s, timeline.damage


def test_the_clock_is_followed_as_far_as_it_can_be_believed() -> None:
    steady = [k / 10 for k in range(40)]
    assert place(steady) == (4.0, None)
    assert place([9e6 + time for time in steady]) == (4.0, None)
    one_wrong = [time if k != 20 else 777.0 for k, time in enumerate(steady)]
    assert place(one_wrong) == (4.0, None)
    back = [time if k < 20 else time - 1.5 for k, time in enumerate(steady)]
    assert place(back) == (4.0, "its timestamps jump back by 1.50 s at 2.00 s")
    assert place(back, "ogg") == (4.0, None)  # another recording in the same file
    late = [time if k < 20 else time + 0.5 for k, time in enumerate(steady)]
    assert place(late) == (4.5, "0.50 s at 2.00 s could not be decoded")
    many = [time + 1000 * (k // 4) for k, time in enumerate(steady)]
    end_s, damage = place(many)
    assert end_s == pytest.approx(3004.0)
    assert "and at" not in (damage or "")
    assert (damage or "").count("which was left out") == 6
    assert len(place([time * (-1) ** k * 10 for k, time in enumerate(steady)])[1] or "") < 1000


@pytest.mark.parametrize("container", ["mpegts", "matroska,webm", "flv"])
@pytest.mark.parametrize("drift", [1e-3, -1e-3])
def test_a_clock_of_another_speed_is_followed_and_is_no_damage(container: str, drift: float) -> None:
    end_s, damage = place([k / 10 * (1 + drift) for k in range(4000)], container)
    assert damage is None
    assert end_s == pytest.approx(400 * (1 + drift), abs=0.15)


@pytest.mark.parametrize("speed", [0.5, 0.9])
def test_no_sound_is_lost_to_a_clock_that_is_wrong(speed: float) -> None:
    assert place([k / 10 * speed for k in range(400)]) == (pytest.approx(40.0, abs=0.3), None)


def test_drift_within_the_tolerance_is_no_hole() -> None:
    assert place([k / 10 + 0.05 * (k % 2) for k in range(40)], "matroska,webm") == (4.0, None)

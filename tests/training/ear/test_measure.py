import numpy as np
import pytest

pytest.importorskip("torch", reason="sounds are torch tensors")

from actors.requests import Segment
from training.ear.measure import SegmentScore, one_after_another, score_dialogues, score_segments
from training.ear.sounds import SAMPLE_RATE

SAID = [Segment(0.0, 1.0, "0", "a"), Segment(1.5, 2.5, "1", "b"), Segment(3.0, 4.0, "0", "c")]


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        (SAID, SegmentScore(3, 3, 3, 3)),
        ([Segment(s.start, s.end, {"0": "x", "1": "y"}[s.speaker or ""], s.text) for s in SAID], SegmentScore(3, 3, 3, 3)),
        ([Segment(s.start + 0.15, s.end - 0.15, s.speaker, s.text) for s in SAID], SegmentScore(3, 3, 3, 3)),
        ([Segment(s.start, s.end + 0.3, s.speaker, s.text) for s in SAID], SegmentScore(3, 0, 3, 0)),
        ([Segment(s.start, s.end, "0", s.text) for s in SAID], SegmentScore(3, 3, 2, 2)),
        ([Segment(s.start, s.end, str(i), s.text) for i, s in enumerate(SAID)], SegmentScore(3, 3, 2, 2)),
        (SAID[:2], SegmentScore(3, 2, 2, 2)),
        ([], SegmentScore(3, 0, 0, 0)),
        ([Segment(0.0, 4.0, None, "a b c")], SegmentScore(3, 0, 2, 0)),
    ],
)
def test_scores(heard: list[Segment], expected: SegmentScore) -> None:
    assert score_segments(heard, SAID) == expected


def test_scores_add_up() -> None:
    assert SegmentScore(1, 2, 3, 4) + SegmentScore(10, 20, 30, 40) == SegmentScore(11, 22, 33, 44)


def test_every_dialogue_has_its_own_speakers() -> None:
    renamed = [Segment(s.start, s.end, {"0": "1", "1": "0"}[s.speaker or ""], s.text) for s in SAID]
    assert score_dialogues([renamed, SAID[:2]], [SAID, SAID]) == SegmentScore(6, 5, 5, 5)
    with pytest.raises(ValueError, match="longer"):
        score_dialogues([SAID], [SAID, SAID])


def test_sounds_one_after_another_fill_the_time() -> None:
    first, second = np.full(SAMPLE_RATE, 0.1, np.float32), np.full(2 * SAMPLE_RATE, 0.2, np.float32)
    recording, times = one_after_another([first, second], 9.0)
    assert times == 3  # 4 s at a time
    assert recording.dtype == np.float32
    assert len(recording) == 12 * SAMPLE_RATE
    seconds = recording.reshape(-1, SAMPLE_RATE // 2)[:, 0]
    np.testing.assert_allclose(seconds, np.tile([0.1, 0.1, 0, 0.2, 0.2, 0.2, 0.2, 0], 3), atol=1e-7)

import pytest

pytest.importorskip("torch", reason="sounds are torch tensors")

from actors.requests import Segment
from exporter.embedded.ear_measure import SegmentScore, score_segments

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

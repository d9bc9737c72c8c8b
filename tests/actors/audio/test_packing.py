"""Pieces are full of speech, end in pauses, and hold every word once."""

import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from actors.audio.codec import resample
from actors.audio.mono import FloatArray
from actors.audio.packing import Span, pack, spoken, with_cuts
from actors.audio.vad import SilenceCutter

RATE = 16_000
REPOSITORY = Path(__file__).parents[3]


def seconds(spans: Sequence[Span]) -> list[tuple[float, float]]:
    return [(first / RATE, stop / RATE) for first, stop in spans]


def windows(*probabilities: tuple[float, int]) -> FloatArray:
    return np.concatenate([np.full(count, probability, np.float32) for probability, count in probabilities])


def least(probabilities: FloatArray, samples: int) -> int:
    return int(probabilities.argmin()) * samples // len(probabilities)


def random_spans(seed: int) -> list[Span]:
    rng = np.random.default_rng(seed)
    bounds = np.cumsum(rng.exponential(rng.choice([0.3, 2.0, 6.0], 400) * RATE).astype(int) + 1)
    return [(first, stop) for first, stop in zip(bounds[::2].tolist(), bounds[1::2].tolist(), strict=True)]


def check(pieces: Sequence[Sequence[Span]], spans: Sequence[Span], samples: int, longest: int) -> None:
    """What holds of all pieces: bounds, order, length; and that each stretch is in one of them, whole."""
    heard = [span for piece in pieces for span in piece]
    assert all(piece for piece in pieces)
    assert all(first < stop for first, stop in heard)
    assert all(stop <= first for (_, stop), (first, _) in pairwise(heard))
    assert not heard or (heard[0][0] >= 0 and heard[-1][1] <= samples)
    assert all(sum(stop - first for first, stop in piece) <= longest for piece in pieces)
    for first, stop in spans:
        assert sum(begin <= first and stop <= end for begin, end in heard) == 1


def test_speech_begins_where_the_detector_is_sure_and_bridges_where_it_is_not() -> None:
    unsure, blip = windows((0, 10), (0.4, 20), (0, 10)), windows((0, 10), (0.9, 1), (0, 10))
    assert spoken(unsure, 1 << 20, RATE) == spoken(blip, 1 << 20, RATE) == []
    assert spoken(windows((0, 10), (0.4, 2), (0.9, 5), (0.4, 9), (0.9, 5), (0, 4), (0.9, 9)), 1 << 20, RATE) == [
        (10 * 512, 31 * 512),
        (35 * 512, 44 * 512),
    ]
    assert spoken(windows((0, 10), (0.9, 3), (0.1, 3), (0.9, 3)), 1 << 20, RATE) == [(10 * 512, 19 * 512)]


def test_a_stretch_ends_with_the_recording() -> None:
    assert spoken(windows((0.9, 10)), 10 * 512 - 7, RATE) == [(0, 10 * 512 - 7)]
    assert spoken(windows((0.9, 10)), 10 * 1411, 44_100) == [(0, 10 * 1411)]
    assert spoken(np.zeros(0, np.float32), 0, RATE) == []


def test_long_stretches_have_places_to_cut_where_they_are_least_like_speech() -> None:
    probabilities = np.full(200, 0.9, np.float32)
    probabilities[[85, 150]] = 0.6
    longest = 500 * 512
    assert with_cuts([(0, 60 * 512), (70 * 512, 180 * 512)], probabilities, RATE, longest, least) == [
        (0, 60 * 512),
        (70 * 512, 150 * 512),
        (150 * 512, 180 * 512),
    ]


@pytest.mark.parametrize("longest_s", [0.5, 10, 30])
def test_cut_stretches_are_neighbours_and_fit(longest_s: float) -> None:
    longest = round(longest_s * RATE)
    spans = [(77, 50 * RATE), (51 * RATE, 51 * RATE + 9)]
    cut = with_cuts(spans, np.full(1600, 0.9, np.float32), RATE, longest, least)
    assert all(0 < stop - first <= longest * 3 / 4 for first, stop in cut)
    assert {bound for span in cut for bound in span} >= {bound for span in spans for bound in span}
    assert all(stop == first for (_, stop), (first, _) in pairwise(cut[:-1]))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("longest_s", [1, 10, 30])
def test_every_stretch_is_heard_once_in_pieces_that_fit(seed: int, longest_s: int) -> None:
    spans, longest = random_spans(seed), longest_s * RATE
    samples = spans[-1][1] + 100
    probabilities = np.full(samples // 512 + 1, 0.9, np.float32)
    cut = with_cuts(spans, probabilities, RATE, longest, least)
    check(pack(cut, samples, RATE, longest), cut, samples, longest)


@pytest.mark.parametrize("seed", range(5))
def test_windows_are_full(seed: int) -> None:
    spans = random_spans(seed)
    samples, longest = spans[-1][1], 30 * RATE
    cut = with_cuts(spans, np.full(samples // 512 + 1, 0.9, np.float32), RATE, longest, least)
    pieces = pack(cut, samples, RATE, longest)
    heard = sum(stop - first for piece in pieces for first, stop in piece)
    assert heard / longest / len(pieces) > 0.9


def test_short_pauses_stay_and_of_long_ones_the_edges() -> None:
    spans = [(5 * RATE, 8 * RATE), (round(8.5 * RATE), 10 * RATE), (20 * RATE, 22 * RATE)]
    ((before, after),) = pack(spans, 40 * RATE, RATE, 30 * RATE)
    edge = spans[0][0] - before[0]
    assert 0.1 * RATE < edge < 0.6 * RATE
    assert [before, after] == [(5 * RATE - edge, 10 * RATE + edge), (20 * RATE - edge, 22 * RATE + edge)]


def test_pieces_share_a_short_pause_and_end_with_the_recording() -> None:
    spans = [(0, 20 * RATE), (round(20.2 * RATE), 40 * RATE)]
    assert pack(spans, 40 * RATE, RATE, 30 * RATE) == [[(0, round(20.1 * RATE))], [(round(20.1 * RATE), 40 * RATE)]]
    assert pack([], 40 * RATE, RATE, 30 * RATE) == []


def test_a_piece_ends_in_a_long_pause_rather_than_in_a_short_one_if_that_costs_no_window() -> None:
    spans = [(0, 12 * RATE), (13 * RATE, 20 * RATE), (round(20.1 * RATE), 27 * RATE), (round(27.1 * RATE), 40 * RATE)]
    pieces = pack(spans, 40 * RATE, RATE, 30 * RATE)
    assert [round(piece[-1][1] / RATE) for piece in pieces] == [12, 40]
    tight = [(0, 20 * RATE), (21 * RATE, 28 * RATE), (round(28.1 * RATE), 52 * RATE)]
    assert [round(piece[-1][1] / RATE) for piece in pack(tight, 52 * RATE, RATE, 30 * RATE)] == [28, 52]


def voice(speech: FloatArray, dbfs: float = -25) -> FloatArray:
    return np.float32(10 ** (dbfs / 20) / np.sqrt(np.mean(speech**2))) * speech


def hiss(length_s: float, dbfs: float) -> FloatArray:
    return (10 ** (dbfs / 20) * np.random.default_rng(0).standard_normal(round(length_s * RATE))).astype(np.float32)


@pytest.mark.parametrize(
    "audio",
    [
        np.zeros(70 * RATE, np.float32),
        np.full(70 * RATE, -0.4, np.float32),
        hiss(70, -90),
        hiss(70, -20),
        np.eye(1, 70 * RATE, 70_000, dtype=np.float32)[0],
        np.zeros(0, np.float32),
        hiss(0.001, -20),
    ],
    ids=["zeros", "offset", "faint hiss", "loud hiss", "click", "nothing", "a few samples"],
)
def test_where_nobody_speaks_there_is_no_piece(audio: FloatArray) -> None:
    assert SilenceCutter().pack(audio, RATE, 30 * RATE) == []


def test_digital_silence_needs_no_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    cutter = SilenceCutter()
    monkeypatch.setattr(cutter, "_windows", lambda *_: pytest.fail("not asked for"))
    assert not cutter.track(np.full(70 * RATE, 0.25, np.float32), RATE).any()


def test_what_is_said_is_found_wherever_and_however_loudly(speech: FloatArray) -> None:
    loud, faint, length = voice(speech), voice(speech, -50), len(speech) / RATE
    zeros = np.zeros(40 * RATE, np.float32)
    audio = np.concatenate([zeros, loud, hiss(60, -70), faint, zeros, loud])
    begins = [40, 100 + length, 140 + 2 * length]
    cutter = SilenceCutter()
    ((*spans,),) = cutter.pack(audio, RATE, 30 * RATE)
    for begin in begins:
        inside = [(first, stop) for first, stop in seconds(spans) if begin - 1 < first < begin + length]
        assert begin - 0.6 <= inside[0][0] <= begin + 0.15
        assert begin + length - 0.3 <= inside[-1][1] <= begin + length + 0.8
    assert sum(stop - first for first, stop in spans) / RATE < 3 * (length + 1.2)


def test_without_the_detector_only_digital_silence_is_left_out(speech: FloatArray) -> None:
    audio = np.concatenate([hiss(40, -40), np.zeros(20 * RATE, np.float32), voice(speech), hiss(9, -40)])
    pieces = SilenceCutter().pack(audio, RATE, 30 * RATE, detect=False)
    check(pieces, [], len(audio), 30 * RATE)
    heard = np.zeros(len(audio), bool)
    for piece in pieces:
        for first, stop in piece:
            heard[first:stop] = True
    assert heard[audio != 0].all()
    assert heard.sum() < len(audio) - 18 * RATE


def test_the_detector_in_blocks_hears_what_it_hears_window_by_window(speech: FloatArray) -> None:
    audio = np.concatenate([voice(speech), np.zeros(RATE, np.float32)] * 3)
    audio += hiss(len(audio) / RATE, -60)
    cutter = SilenceCutter()
    np.testing.assert_allclose(cutter.track(audio, RATE), cutter.speech(audio, RATE), atol=1e-4)


@pytest.mark.parametrize("rate", [8_000, 22_050, 24_000, 44_100])
def test_windows_are_32_ms_at_any_rate(speech: FloatArray, rate: int) -> None:
    audio = np.concatenate([hiss(33, -60), voice(speech), hiss(33, -60)])
    cutter = SilenceCutter()
    ((expected,),) = cutter.pack(audio, RATE, 30 * RATE)
    ((found,),) = cutter.pack(resample(audio, RATE, rate), rate, 30 * rate)
    np.testing.assert_allclose(np.divide(found, rate), np.divide(expected, RATE), atol=0.2)


def test_pieces_are_the_same_in_several_threads(speech: FloatArray) -> None:
    audio = np.concatenate([voice(speech), hiss(2, -60)] * 12)
    cutter = SilenceCutter()
    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(lambda _: cutter.pack(audio, RATE, 10 * RATE), range(4))
    assert all(other == first for other in others)
    assert first == SilenceCutter().pack(audio, RATE, 10 * RATE)
    assert len(first) >= 3


def test_memory_does_not_grow_with_a_recording(tmp_path: Path, speech: FloatArray) -> None:
    with (tmp_path / "audio").open("wb") as file:
        for _ in range(60):  # minutes
            np.concatenate([np.tile(voice(speech), 8), np.zeros(60 * RATE, np.float32)])[: 60 * RATE].tofile(file)
    code = (
        "import mmap, resource, sys, numpy as np\n"
        "from actors.audio.vad import SilenceCutter\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10\n"
        "with open(sys.argv[1], 'rb') as file:\n"
        "    audio = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.float32)\n"
        "cutter = SilenceCutter()\n"
        "assert cutter.pack(audio[:80 * 16_000].copy(), 16_000, 480_000)\n"
        "before = peak()\n"
        "assert len(cutter.pack(audio, 16_000, 480_000)) > 50\n"
        "assert peak() - before < 30, (before, peak())\n"  # the samples are 230 MB
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "audio")], check=True, cwd=REPOSITORY, timeout=120)

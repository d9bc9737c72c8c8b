"""Pieces of a recording for models that pay for a whole window however little is said in it: as much speech as fits in each.

A piece is several stretches of the recording, one behind the other. Pauses between them stay, but for what is long of them, so
that sentences keep their rhythm and words do not run into each other. A piece ends in a pause, rather in a long one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from actors.audio.mono import FloatArray

_WINDOW_S = 0.032  # of the detector

# As silero-vad's get_speech_timestamps: speech begins where the detector is sure and goes on while it is not sure of the
# contrary. A pause is shorter than there, where it must be worth a cut; a word is not too short.
_SURE, _UNSURE = 0.5, 0.35
_SHORTEST_PAUSE, _SHORTEST_WORD = 4, 2  # windows

_EDGE_S = 0.4  # is left of a pause on either side when something of it is left out, or a piece ends in it
_KEPT_PAUSE_S = 1.0  # a longer pause is made short

# A piece that ends in a short pause, or in none, is worse by up to this share of a window, because words are heard worse there.
_CUT_COST, _GOOD_PAUSE_S = 0.3, 0.5
_CHOICE_SHARE = 0.2  # of a piece: speech that goes on for longer without a pause has places to cut all the same

Span = tuple[int, int]  # first sample, last + 1
Quietest = Callable[[FloatArray, int], int]


@dataclass(frozen=True)
class _Limits:
    """All in samples."""

    longest: int
    edge: int
    kept_pause: int
    good_pause: int


def spoken(probabilities: FloatArray, samples: int, rate: int) -> list[Span]:
    """Return the stretches in which somebody speaks, without the pauses between them.

    Args:
        probabilities: of speech in each window of 32 ms, of :meth:`actors.audio.vad.SilenceCutter.track`.
        samples: of the recording.
        rate: of the recording in Hz.
    """
    firsts, stops = _runs(probabilities >= _UNSURE)
    sure = np.concatenate(([0], np.cumsum(probabilities >= _SURE)))
    heard = sure[stops] > sure[firsts]
    firsts, stops = firsts[heard], stops[heard]
    apart = firsts[1:] - stops[:-1] >= _SHORTEST_PAUSE
    firsts = firsts[np.concatenate(([True], apart))[: len(firsts)]]
    stops = stops[np.concatenate((apart, [True]))[: len(stops)]]
    long = stops - firsts >= _SHORTEST_WORD
    bounds = np.stack([firsts[long], stops[long]], axis=1) * (_WINDOW_S * rate)
    return [(first, min(stop, samples)) for first, stop in np.rint(bounds).astype(int).tolist() if first < samples]


def _runs(is_in: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    edges = np.nonzero(np.diff(is_in.astype(np.int8), prepend=0, append=0))[0]
    return edges[::2], edges[1::2]


def with_cuts(spans: Sequence[Span], probabilities: FloatArray, rate: int, longest: int, quietest: Quietest) -> list[Span]:
    """Return the stretches with the long ones cut where they are quiet: at neighbours, too, a piece may end, if it must.

    None is above a fifth of ``longest`` samples. ``quietest`` takes the probabilities of some windows and the number of their
    samples, and says at which sample to cut.
    """
    window = _WINDOW_S * rate
    size = max(2, int(longest * _CHOICE_SHARE))
    cut = []
    for first, stop in spans:
        while stop - first > size:
            begin = int((first + size / 2) / window)
            end = max(begin + 1, int((first + size) / window))
            found = round(begin * window) + quietest(probabilities[begin:end], round((end - begin) * window))
            middle = min(max(first + 1, found), first + size)
            cut.append((first, middle))
            first = middle
        cut.append((first, stop))
    return cut


def pack(spans: Sequence[Span], samples: int, rate: int, longest: int) -> list[list[Span]]:
    """Return which samples are heard together in each piece: at most ``longest`` in sum, in order, and none twice.

    As few pieces as there can be, unless one more saves several cuts in short pauses.

    Args:
        spans: stretches of speech in order, none above three quarters of ``longest``.
        samples: of the recording.
        rate: of the recording in Hz.
        longest: samples of a piece, two or more.
    """
    if not spans:
        return []
    limits = _Limits(
        longest, min(round(_EDGE_S * rate), longest // 8), round(_KEPT_PAUSE_S * rate), round(_GOOD_PAUSE_S * rate)
    )
    bounds = np.array(spans, np.int64)
    pauses = np.concatenate(([2 * bounds[0, 0]], bounds[1:, 0] - bounds[:-1, 1], [2 * (samples - bounds[-1, 1])]))
    edges = np.minimum(pauses // 2, limits.edge)
    ends = _ends(bounds, pauses, edges, limits)
    return [
        _heard(bounds[first:stop], edges[first], edges[stop], limits) for first, stop in zip([0, *ends[:-1]], ends, strict=True)
    ]


def _ends(
    bounds: npt.NDArray[np.int64], pauses: npt.NDArray[np.int64], edges: npt.NDArray[np.int64], limits: _Limits
) -> list[int]:
    """Return behind which stretches a piece ends, so that pieces and bad cuts cost least."""
    kept = np.where(pauses[1:-1] > limits.kept_pause, 2 * limits.edge, pauses[1:-1])
    begins = np.concatenate(([0], np.cumsum(np.diff(bounds, axis=1)[:-1, 0] + kept)))  # of each stretch, all heard in one
    lengths = begins + np.diff(bounds, axis=1)[:, 0]  # to the end of each
    cut_costs = _CUT_COST * np.maximum(0, 1 - pauses / limits.good_pause)
    cut_costs[-1] = 0
    costs, before = np.zeros(len(bounds) + 1), np.zeros(len(bounds) + 1, np.int64)
    start = 0
    for last in range(len(bounds)):
        while lengths[last] + edges[last + 1] - begins[start] + edges[start] > limits.longest and start < last:
            start += 1
        sizes = lengths[last] + edges[last + 1] - begins[start : last + 1] + edges[start : last + 1]
        options = np.where(sizes <= limits.longest, costs[start : last + 1], np.inf)
        best = int(options.argmin())
        costs[last + 1] = options[best] + 1 + cut_costs[last + 1]
        before[last + 1] = start + best
    ends = [len(bounds)]
    while before[ends[-1]]:
        ends.append(int(before[ends[-1]]))
    return ends[::-1]


def _heard(bounds: npt.NDArray[np.int64], before: np.int64, after: np.int64, limits: _Limits) -> list[Span]:
    """Return what is heard of a piece's stretches and the pauses between them."""
    long = np.nonzero(bounds[1:, 0] - bounds[:-1, 1] > limits.kept_pause)[0]
    firsts = np.concatenate(([bounds[0, 0] - before], bounds[long + 1, 0] - limits.edge))
    stops = np.concatenate((bounds[long, 1] + limits.edge, [bounds[-1, 1] + after]))
    return [(int(first), int(stop)) for first, stop in zip(firsts, stops, strict=True)]

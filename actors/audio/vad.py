"""Where in a recording nobody speaks: the places to cut it, and what of it is not worth hearing.

The detector is Silero VAD 6.2 (MIT, ``silero_vad/LICENSE``), a small recurrent network over windows of 32 ms at 16 kHz.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from actors.audio.codec import resample
from actors.audio.level import Level, measure, normalise
from actors.audio.mono import FloatArray, blocks, release
from actors.audio.packing import pack, spoken, with_cuts
from actors.runtime.session import Device, Session, open_session

_FOLDER = Path(__file__).parent / "silero_vad"
_MODEL = _FOLDER / "silero_vad_16k_op15.onnx"
_MODEL_OF_WINDOWS = _FOLDER / "silero_vad_16k_windows.onnx"  # the same weights; exporter/detector.py made it
_RATE = 16_000
_WINDOW = 512  # samples; and the network sees the last 64 samples of the window before (silero-vad utils_vad.py: OnnxWrapper)
_CONTEXT = 64
_SPEECH = 0.5  # silero-vad's default threshold

# A cut is looked for in the last quarter of the longest allowed piece, but in no more than a minute of it.
_SEARCH_SHARE = 0.25
_SEARCH_S = 60.0

# The detector is used to audio that is about this loud; it hears speech at -50 dBFS, too, but not at -70.
_LOUDNESS_DBFS = -25.0
_STATE = (2, 1, 128)
# A long recording is looked at in blocks of 32 s, each at the loudness of its own: who speaks in them may stand elsewhere. One
# that is fainter than the loudest by more than this is faint all the same.
_BLOCK_S, _MOST_RAISED_DB = 32, 30.0
_TOGETHER = 125  # windows that the detector takes at once: what it computes on the way fits into a core's cache
_LOOK_S, _SCAN_S, _OVERLAP_S = 1.0, 4.0, 0.25  # what is looked at together for the first and the last word

# Digital silence, also with an offset: it does not move more than rounding and dither do (-80 dBFS). Models invent words in
# long stretches of it: one of this length is made short, with half of what is left on either side. Before the first word they
# lose their way already in one that is longer than that half.
_STILL = 2e-4
_STILL_BLOCKS_PER_S = 100
_LONGEST_STILL_S, _LEFT_STILL_S = 2.0, 1.0

# Where a recording is cut anyway, what nobody says at the edges of a piece is made short, too: to less than the cut leaves.
_LONGEST_EDGE_S, _LEFT_EDGE_S = 2.0, 1.0
_HEARD_EDGE_S = 0.5

Span = tuple[int, int]  # first sample, last + 1
Speech = Callable[[FloatArray, int], FloatArray]


class SilenceCutter:
    """Cuts long recordings where nobody speaks. Safe to call from several threads."""

    def __init__(self) -> None:
        self._sessions: dict[Path, Session] = {}
        self._lock = threading.Lock()

    def cut(self, audio: FloatArray, rate: int, longest: int) -> list[Span]:
        """Return the pieces of ``[samples]`` at ``rate`` Hz as (first sample, last + 1), none above ``longest`` samples."""
        return cut_at_silence(audio, rate, longest, self.speech)

    def speech(self, audio: FloatArray, rate: int) -> FloatArray:
        """Return the probability of speech in each window of 32 ms of ``[samples]`` at ``rate`` Hz."""
        samples = resample(normalise(audio, _LOUDNESS_DBFS), rate, _RATE)
        count = -(-len(samples) // _WINDOW)
        padded = np.zeros(_CONTEXT + count * _WINDOW, np.float32)
        padded[_CONTEXT : _CONTEXT + len(samples)] = samples
        session = self._open(_MODEL)
        feeds: dict[str, np.ndarray] = {"state": np.zeros(_STATE, np.float32), "sr": np.array(_RATE, np.int64)}
        probabilities = np.zeros(count, np.float32)
        for i in range(count):
            feeds["input"] = padded[None, i * _WINDOW : _CONTEXT + (i + 1) * _WINDOW]
            output, feeds["state"] = session.run(["output", "stateN"], feeds)
            probabilities[i] = output[0, 0]
        return probabilities

    def heard(self, audio: FloatArray, rate: int, *, detect: bool, trim: bool) -> list[Span]:
        """Return what of ``[samples]`` at ``rate`` Hz is worth hearing; nothing if nobody speaks.

        Args:
            audio: float32.
            rate: in Hz.
            detect: ask the detector whether anybody speaks; else only digital silence is none.
            trim: leave out what is before the first word and behind the last, but for half a second.
        """
        spans = without_silence(audio, rate)
        if not spans or not detect:
            return spans
        joined = join_spans(audio, spans)
        begin = _first_spoken(joined, rate, self.speech)
        if begin is None or not trim:
            return [] if begin is None else spans
        end = _last_spoken(joined, rate, self.speech)
        margin = round(_HEARD_EDGE_S * rate)
        return _narrow(spans, max(0, begin - margin), min(end + margin, len(joined)))

    def pack(self, audio: FloatArray, rate: int, longest: int, *, detect: bool = True) -> list[list[Span]]:
        """Return what of ``[samples]`` at ``rate`` Hz to hear together: pieces full of speech, cut where nobody speaks.

        Each piece is spans to hear one behind the other, at most ``longest`` samples in sum; nothing if nobody speaks. What
        is between the spans, and in none, is silence or noise (:mod:`actors.audio.packing`); without ``detect`` only digital
        silence is left out.
        """
        probabilities = self.track(audio, rate)
        spans = spoken(probabilities, len(audio), rate) if detect else without_silence(audio, rate)
        return pack(with_cuts(spans, probabilities, rate, longest, _quietest), len(audio), rate, longest)

    def track(self, audio: FloatArray, rate: int) -> FloatArray:
        """Return the probability of speech in each window of 32 ms of a long recording, of which one block is in memory.

        It is faster than :meth:`speech` and differs from it in what it takes for loud: blocks of 32 s, not the whole.
        Digital silence is no speech.
        """
        levels = [measure(block, _LOUDNESS_DBFS) for block in blocks(audio, _BLOCK_S * rate)]
        most = min((level.gain for level in levels), default=np.float32(0)) * np.float32(10 ** (_MOST_RAISED_DB / 20))
        heard = []
        context, state = np.zeros(_CONTEXT, np.float32), np.zeros(_STATE, np.float32)
        for block, level in zip(blocks(audio, _BLOCK_S * rate), levels, strict=True):
            still = _still_windows(block, rate)
            if still.all():
                context, state = np.zeros_like(context), np.zeros_like(state)
                heard.append(np.zeros(len(still), np.float32))
                continue
            samples = np.concatenate(
                [context, _at_detector_rate(block, replace(level, gain=min(level.gain, most)), rate, len(still))]
            )
            probabilities, state = self._windows(samples, state)
            context = samples[-_CONTEXT:]
            heard.append(np.where(still, np.float32(0), probabilities))
        return np.concatenate([np.zeros(0, np.float32), *heard])

    def _windows(self, samples: FloatArray, state: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the probabilities of the windows of ``[64 + samples]`` at 16 kHz, and the state behind them."""
        session = self._open(_MODEL_OF_WINDOWS)
        probabilities = []
        for first in range(0, len(samples) - _CONTEXT, _TOGETHER * _WINDOW):
            feeds = {"samples": samples[first : first + _TOGETHER * _WINDOW + _CONTEXT], "state": state}
            made, state = session.run(["probabilities", "state_out"], feeds)
            probabilities.append(made)
        return np.concatenate(probabilities), state

    def _open(self, path: Path) -> Session:
        with self._lock:
            if path not in self._sessions:
                self._sessions[path] = open_session(path, Device("cpu"), 1)
            return self._sessions[path]


def _at_detector_rate(block: FloatArray, level: Level, rate: int, windows: int) -> FloatArray:
    """Return so many windows of samples as the detector hears them: at its rate and loudness, with zeros behind the last."""
    samples = resample(level.apply(block), rate, _RATE)[: windows * _WINDOW]
    return np.pad(samples, (0, windows * _WINDOW - len(samples)))


def _still_windows(block: FloatArray, rate: int) -> npt.NDArray[np.bool_]:
    """Say of each window of a block whether all of it is digital silence."""
    windows = -(-len(block) * _RATE // (rate * _WINDOW))
    size = rate // _STILL_BLOCKS_PER_S
    firsts = (np.arange(windows) * (_WINDOW * rate / _RATE)).astype(np.int64)
    lasts = np.append(firsts[1:], len(block)) - 1
    sounds = np.concatenate(([0], np.cumsum(~_still(block, size))))
    still: npt.NDArray[np.bool_] = sounds[lasts // size + 1] == sounds[firsts // size]
    return still


def cut_at_silence(audio: FloatArray, rate: int, longest: int, speech: Speech) -> list[Span]:
    """Cut ``[samples]`` into pieces of at most ``longest`` samples; ``speech`` is as :meth:`SilenceCutter.speech`.

    A long silence before a piece's first word is a piece of its own, so that what is said behind it is not cut in two.
    """
    margin = min(round(_LEFT_EDGE_S * rate), longest // 8)
    search = max(1, min(int(longest * _SEARCH_SHARE), int(_SEARCH_S * rate)))
    pieces = []
    first = 0
    while len(audio) - first > longest:
        spoken = _first_spoken(audio[first : first + longest], rate, speech)
        if spoken is None or spoken > _LONGEST_EDGE_S * rate:
            stop = first + (longest if spoken is None else spoken) - margin
            pieces.append((first, stop))
            first = stop
            continue
        begin = first + longest - search
        tail = audio[begin : first + longest]
        stop = begin + _quietest(speech(tail, rate), len(tail))
        pieces.append((first, stop))
        first = stop
    return [*pieces, (first, len(audio))]


def _quietest(probabilities: FloatArray, samples: int) -> int:
    """Return the middle of the longest silence (the later one of equals); without any, of the window least like speech."""
    window = samples / len(probabilities)
    silent = np.concatenate(([False], probabilities < _SPEECH, [False]))
    edges = np.nonzero(np.diff(silent))[0]
    if not len(edges):
        return max(1, int((int(probabilities.argmin()) + 0.5) * window))
    starts, stops = edges[::2], edges[1::2]
    best = len(starts) - 1 - int((stops - starts)[::-1].argmax())
    return max(1, int((starts[best] + stops[best]) / 2 * window))


def _first_spoken(audio: FloatArray, rate: int, speech: Speech) -> int | None:
    """Return the first sample at which somebody speaks."""
    for first, stop in _scan(len(audio), rate):
        heard = np.nonzero(speech(audio[first:stop], rate) >= _SPEECH)[0]
        release(audio)
        if len(heard):
            return first + int(heard[0]) * _WINDOW * rate // _RATE
    return None


def _last_spoken(audio: FloatArray, rate: int, speech: Speech) -> int:
    """Return the last sample + 1 at which somebody speaks; 0 if nobody does."""
    for left, right in _scan(len(audio), rate):
        first, stop = len(audio) - right, len(audio) - left
        heard = np.nonzero(speech(audio[first:stop], rate) >= _SPEECH)[0]
        release(audio)
        if len(heard):
            return min(first + (int(heard[-1]) + 1) * _WINDOW * rate // _RATE, stop)
    return 0


def _scan(samples: int, rate: int) -> Iterator[Span]:
    """Yield where to look for a word: where there mostly is one a little, then more; with overlap, so that none is cut."""
    first, size, overlap = 0, round(_LOOK_S * rate), round(_OVERLAP_S * rate)
    while first < samples:
        yield max(0, first - overlap), min(first + size, samples)
        first, size = first + size, round(_SCAN_S * rate)


def without_silence(audio: FloatArray, rate: int) -> list[Span]:
    """Return what is left of ``[samples]`` at ``rate`` Hz when long digital silences are made short; nothing of silence."""
    size = rate // _STILL_BLOCKS_PER_S
    still = np.concatenate([_still(block, size) for block in blocks(audio, 60 * _STILL_BLOCKS_PER_S * size)])
    if still.all():
        return []
    edges = (np.nonzero(np.diff(still.astype(np.int8), prepend=0, append=0))[0] * size).tolist()
    margin = round(_LEFT_STILL_S * rate / 2)
    bounds = [0]
    for first, stop in zip(edges[::2], edges[1::2], strict=True):
        if stop - first >= _LONGEST_STILL_S * rate or (not first and stop > margin):
            bounds += [first + margin if first else 0, stop - margin if stop < len(audio) else len(audio)]
    bounds.append(len(audio))
    return [(first, stop) for first, stop in zip(bounds[::2], bounds[1::2], strict=True) if first < stop]


def _still(block: FloatArray, size: int) -> npt.NDArray[np.bool_]:
    """Say of every ``size`` samples, and of the rest, whether they are digital silence."""
    firsts = range(0, len(block), size)
    still: npt.NDArray[np.bool_] = np.maximum.reduceat(block, firsts) - np.minimum.reduceat(block, firsts) < _STILL
    return still


def join_spans(audio: FloatArray, spans: Sequence[Span]) -> FloatArray:
    """Return the spans of ``[samples]`` one behind the other; a single one is not copied."""
    parts = [audio[first:stop] for first, stop in spans]
    return parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, np.float32), *parts])


def place(spans: Sequence[Span], position: float, *, is_end: bool) -> float:
    """Return where in the audio a position in the joined spans is, all in samples; an end stays before what was left out."""
    for first, stop in spans[:-1]:
        length = stop - first
        if position < length or (is_end and position == length):
            return first + position
        position -= length
    first, stop = spans[-1]
    return min(first + position, stop)


def _narrow(spans: Sequence[Span], begin: int, end: int) -> list[Span]:
    """Return what lies between two samples of the joined spans."""
    narrowed, before = [], 0
    for first, stop in spans:
        shift = first - before
        narrowed.append((max(first, begin + shift), min(stop, end + shift)))
        before += stop - first
    return [(first, stop) for first, stop in narrowed if first < stop]

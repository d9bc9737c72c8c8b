"""Where in a recording nobody speaks: the places to cut it.

The detector is Silero VAD 6.2 (MIT, ``actors/silero_vad/LICENSE``), a small recurrent network over windows of 32 ms at 16 kHz.
"""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime as ort

from actors.audio import FloatArray, resample
from actors.session import Device, open_session

_MODEL = Path(__file__).parent / "silero_vad" / "silero_vad_16k_op15.onnx"
_RATE = 16_000
_WINDOW = 512  # samples; and the network sees the last 64 samples of the window before (silero-vad utils_vad.py: OnnxWrapper)
_CONTEXT = 64
_SPEECH = 0.5  # silero-vad's default threshold

# A cut is looked for in the last quarter of the longest allowed piece, but in no more than a minute of it.
_SEARCH_SHARE = 0.25
_SEARCH_S = 60.0


class SilenceCutter:
    """Cuts long recordings where nobody speaks. Safe to call from several threads."""

    def __init__(self) -> None:
        self._session: ort.InferenceSession | None = None
        self._lock = threading.Lock()

    def cut(self, audio: FloatArray, rate: int, longest: int) -> list[tuple[int, int]]:
        """Return the pieces of ``[samples]`` at ``rate`` Hz as (first sample, last + 1), none above ``longest`` samples."""
        return cut_at_silence(audio, rate, longest, self.speech)

    def speech(self, audio: FloatArray, rate: int) -> FloatArray:
        """Return the probability of speech in each window of 32 ms of ``[samples]`` at ``rate`` Hz."""
        samples = resample(audio, rate, _RATE)
        count = -(-len(samples) // _WINDOW)
        padded = np.zeros(_CONTEXT + count * _WINDOW, np.float32)
        padded[_CONTEXT : _CONTEXT + len(samples)] = samples
        session = self._open()
        state = np.zeros((2, 1, 128), np.float32)
        probabilities = np.zeros(count, np.float32)
        for i in range(count):
            window = padded[None, i * _WINDOW : _CONTEXT + (i + 1) * _WINDOW]
            output, state = session.run(None, {"input": window, "state": state, "sr": np.array(_RATE, np.int64)})
            probabilities[i] = output[0, 0]
        return probabilities

    def _open(self) -> ort.InferenceSession:
        with self._lock:
            if self._session is None:
                self._session = open_session(_MODEL, Device("cpu"), 1)
            return self._session


def cut_at_silence(
    audio: FloatArray, rate: int, longest: int, speech: Callable[[FloatArray, int], FloatArray]
) -> list[tuple[int, int]]:
    """Cut ``[samples]`` into pieces of at most ``longest`` samples; ``speech`` is as :meth:`SilenceCutter.speech`."""
    search = max(1, min(int(longest * _SEARCH_SHARE), int(_SEARCH_S * rate)))
    pieces = []
    first = 0
    while len(audio) - first > longest:
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

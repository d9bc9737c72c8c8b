"""How good speech sounds to people, as models guess it that hear no reference: DNSMOS P.835 and P.808.

The models are Microsoft's (Reddy et al. 2021 and 2022; MIT), in the package ``speechmos``. It is not imported, for it needs
librosa.
Source of what is computed: speechmos 0.0.1.1, ``dnsmos.py``; of the mel spectrogram librosa 0.11, as it is called there.
"""

import hashlib
import importlib.util
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from actors.audio.codec import resample
from actors.audio.mono import FloatArray
from actors.errors import RequestError, UsageError
from actors.runtime.session import Device, Session, open_session

_RATE = 16_000
_WINDOW_S = 9.01
_WINDOW = 144_160  # samples
# The models, which are known by their bytes: nobody need trust what else a package of that name may hold.
_SHA256 = {
    "sig_bak_ovr.onnx": "269fbebdb513aa23cddfbb593542ecc540284a91849ac50516870e1ac78f6edd",
    "model_v8.onnx": "9246480c58567bc6affd4200938e77eef49468c8bc7ed3776d109c07456f6e91",
}
# What the network of P.835 says of signal, background and the whole, to what people said of them.
_POLYNOMIALS = (
    np.poly1d([-0.08397278, 1.22083953, 0.0052439]),
    np.poly1d([-0.13166888, 1.60915514, -0.39604546]),
    np.poly1d([-0.06766283, 1.11546468, 0.04602535]),
)
_FFT, _HOP, _MELS = 321, 160, 120
_FEWEST_POWER, _RANGE_DB = 1e-10, 80.0  # librosa's power_to_db


@dataclass(frozen=True)
class Opinion:
    """Mean opinion scores, 1 (bad) to 5 (excellent).

    Attributes:
        overall: P.835, of the whole.
        signal: P.835, of the speech alone.
        background: P.835, of what is heard behind it; 5 is nothing.
        p808: P.808, of the whole, by another model.
    """

    overall: float
    signal: float
    background: float
    p808: float


class Dnsmos:
    """The two models, opened from the package ``speechmos``.

    Raises:
        UsageError: it is not installed, or its files are others.
    """

    def __init__(self, threads: int) -> None:
        self._p835, self._p808 = (open_session(path, Device("cpu"), threads) for path in _find_models())

    def rate(self, audio: FloatArray, rate: int) -> Opinion:
        """Return the mean of what the models say of windows of 9.01 s of ``[samples]``, one a second.

        Raises:
            RequestError: there are no samples, or some are not finite.
        """
        if not len(audio) or not np.isfinite(audio).all():
            raise RequestError("the audio has no samples" if not len(audio) else "the audio holds values that are not finite")
        windows = _windows(np.clip(resample(audio, rate, _RATE), -1, 1))
        p808, signal, background, overall = np.mean([self._rate_window(window) for window in windows], axis=0).tolist()
        return Opinion(overall, signal, background, p808)

    def _rate_window(self, window: FloatArray) -> list[float]:
        (p808,) = _run(self._p808, log_mel(window[:-_HOP])[None])
        scores = _run(self._p835, window[None])
        return [float(p808), *(float(fit(score)) for fit, score in zip(_POLYNOMIALS, scores, strict=True))]


def _find_models() -> list[Path]:
    """Return the paths of the models, P.835's first."""
    package = importlib.util.find_spec("speechmos")
    if package is None or not package.submodule_search_locations:
        raise UsageError("DNSMOS needs speechmos: pip install 'speechmill[dnsmos]'")
    paths = [Path(package.submodule_search_locations[0], "dnsmos_models", name) for name in _SHA256]
    for path in paths:
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != _SHA256[path.name]:
            raise UsageError(f"{path} is not the model of speechmos 0.0.1.1: pip install --force-reinstall speechmos==0.0.1.1")
    return paths


def _windows(audio: FloatArray) -> list[FloatArray]:
    """Cut ``[samples]`` into windows, one a second; audio that is too short is said twice as often until it is not."""
    while len(audio) < _WINDOW:
        audio = np.concatenate((audio, audio))
    count = int(len(audio) // _RATE - _WINDOW_S) + 1
    # Rounded down as in the original, where what begins at 7 to 23 s, among others, is a sample short and so left out.
    ends = [(second * _RATE, int((second + _WINDOW_S) * _RATE)) for second in range(count)]
    return [audio[first:end] for first, end in ends if end - first == _WINDOW and end <= len(audio)]


def _run(session: Session, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Run a model on a batch of one; return its scores."""
    scores: npt.NDArray[np.float32] = session.run(list(session.outputs), {"input_1": features})[0][0]
    return scores


def log_mel(audio: FloatArray) -> FloatArray:
    """Return the mel spectrogram ``[frames, 120]`` of ``[samples]`` at 16 kHz in dB below its peak, -40 dB as 0 and 0 as 1."""
    padded = np.pad(audio.astype(np.float64), _FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FFT) / _FFT)
    power = np.abs(np.fft.rfft(frames * hann)) ** 2 @ _mel_filters()
    decibels = 10 * np.log10(np.maximum(power, _FEWEST_POWER) / max(power.max(), _FEWEST_POWER))
    scaled: FloatArray = ((np.maximum(decibels, -_RANGE_DB) + 40) / 40).astype(np.float32)
    return scaled


def _mel_filters() -> npt.NDArray[np.float64]:
    """Return Slaney's triangular filters of equal area, ``[bins, 120]``, up to 8 kHz."""
    edges = _to_hertz(np.linspace(0, _to_mel(_RATE / 2), _MELS + 2))
    bins = np.fft.rfftfreq(_FFT, 1 / _RATE)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters: npt.NDArray[np.float64] = np.maximum(0, np.minimum(rising, falling)) / (edges[2:] - edges[:-2])
    return filters


# Slaney's scale: linear to 1 kHz, which is 15 mel, and 27 mel for each factor of 6.4 above.
_LINEAR_HZ, _LINEAR_MEL, _STEP = 1000.0, 15.0, math.log(6.4) / 27


def _to_mel(hertz: float) -> float:
    return _LINEAR_MEL + math.log(hertz / _LINEAR_HZ) / _STEP


def _to_hertz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    above = np.exp(_STEP * np.maximum(0, mel - _LINEAR_MEL))
    hertz: npt.NDArray[np.float64] = np.minimum(mel, _LINEAR_MEL) * _LINEAR_HZ / _LINEAR_MEL * above
    return hertz

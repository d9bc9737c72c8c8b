"""What a job may do to speech before it is encoded: another sample rate, no silence around it, an even level.

Loudness is that of ITU-R BS.1770-5 and EBU R 128: K-weighted, gated, in LUFS. Samples are float32 ``[samples]`` in [-1, 1].
"""

import math
from dataclasses import dataclass

import numpy as np

from actors.audio.codec import resample
from actors.audio.mono import FloatArray
from actors.errors import UsageError

# Silence at the ends: pieces this long, below a level under the loudest one of them; some of it stays.
_PIECE_S = 0.01
_SILENCE_DB = -50.0
_MARGIN_S = 0.05

_CEILING_DBFS = -1.0  # of true peaks, for loudness: EBU R 128
_OVERSAMPLING = 4  # finds true peaks to 0.6 dB: BS.1770, annex 2
_INAUDIBLE = 1e-4  # -80 dBFS: a peak below is no speech, and would come out as noise

_BLOCK_S, _BLOCKS_OVERLAP = 0.4, 4
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -10.0
_OFFSET_LUFS = -0.691
_CLOSE_LU = 0.05  # nobody needs to be told of


@dataclass(frozen=True)
class Mastering:
    """What is done, in this order; nothing by default.

    Attributes:
        trim_silence: cut silence off both ends but for 50 ms.
        sample_rate: in Hz, of the result.
        peak_dbfs: the highest sample gets this level.
        loudness_lufs: the whole gets this loudness, or the most that leaves true peaks at -1 dBFS.
    """

    trim_silence: bool = False
    sample_rate: int | None = None
    peak_dbfs: float | None = None
    loudness_lufs: float | None = None

    def __post_init__(self) -> None:
        if self.peak_dbfs is not None and self.loudness_lufs is not None:
            raise UsageError("a peak and a loudness cannot both be had: give one of them")


@dataclass(frozen=True)
class Mastered:
    """The result: ``[samples]`` at a rate in Hz, the seconds that were cut off its beginning, and what could not be done."""

    audio: FloatArray
    sample_rate: int
    cut_s: float = 0.0
    note: str | None = None


def master(audio: FloatArray, sample_rate: int, wanted: Mastering) -> Mastered:
    """Return at least one sample of audio as it is wanted; it never clips for what is done here."""
    start, stop = speech_bounds(audio, sample_rate) if wanted.trim_silence else (0, len(audio))
    rate = wanted.sample_rate or sample_rate
    audio, note = resample(audio[start:stop], sample_rate, rate), None
    if wanted.peak_dbfs is not None:
        audio, note = to_peak(audio, wanted.peak_dbfs)
    elif wanted.loudness_lufs is not None:
        audio, note = to_loudness(audio, rate, wanted.loudness_lufs)
    return Mastered(audio, rate, start / sample_rate, note)


def speech_bounds(audio: FloatArray, sample_rate: int) -> tuple[int, int]:
    """Return the samples between which ``[samples]`` is more than silence, with a margin; all if there is only silence."""
    piece = max(1, round(_PIECE_S * sample_rate))
    padded = np.zeros(-(-len(audio) // piece) * piece, np.float32)
    padded[: len(audio)] = audio
    power = np.square(padded.reshape(-1, piece), dtype=np.float64).mean(axis=1)
    (loud,) = np.nonzero(power > max(_INAUDIBLE**2, power.max() * 10 ** (_SILENCE_DB / 10)))
    if not len(loud):
        return 0, len(audio)
    margin = round(_MARGIN_S * sample_rate)
    return max(0, int(loud[0]) * piece - margin), min(len(audio), (int(loud[-1]) + 1) * piece + margin)


def to_peak(audio: FloatArray, dbfs: float) -> tuple[FloatArray, str | None]:
    """Bring the highest sample to a level; return with it why not, if that cannot be."""
    peak = float(np.abs(audio).max())
    if peak < _INAUDIBLE:
        return audio, _too_quiet(peak)
    return audio * np.float32(_ratio(dbfs) / peak), None


def to_loudness(audio: FloatArray, sample_rate: int, lufs: float) -> tuple[FloatArray, str | None]:
    """Bring the whole to a loudness, as far as its true peak allows; return with it how far, if that is not all the way."""
    measured, peak = loudness(audio, sample_rate), true_peak(audio, sample_rate)
    if peak < _INAUDIBLE or math.isinf(measured):
        return audio, _too_quiet(peak)
    gain, most = _ratio(lufs - measured), _ratio(_CEILING_DBFS) / peak
    if gain <= most * _ratio(_CLOSE_LU):
        return audio * np.float32(min(gain, most)), None
    reached = measured + 20 * math.log10(most)
    note = f"its loudness is {reached:.1f} LUFS, not {lufs:g}: more would take its peaks above {_CEILING_DBFS:g} dBFS"
    return audio * np.float32(most), note


def true_peak(audio: FloatArray, sample_rate: int) -> float:
    """Return the highest magnitude of ``[samples]``, between the samples too."""
    between = resample(audio, sample_rate, _OVERSAMPLING * sample_rate)
    return float(max(np.abs(audio).max(), np.abs(between).max(initial=0.0)))


def loudness(audio: FloatArray, sample_rate: int) -> float:
    """Return the integrated loudness of ``[samples]`` in LUFS, ``-inf`` of silence; less than 0.4 s are taken as repeated."""
    # Imported here: it takes a second and 50 MB, and few jobs want it.
    from scipy.signal import sosfilt

    hop = round(_BLOCK_S / _BLOCKS_OVERLAP * sample_rate)
    if len(audio) < _BLOCKS_OVERLAP * hop:
        audio = np.resize(audio, 2 * _BLOCKS_OVERLAP * hop)  # repeats it
    weighted = sosfilt(k_weighting(sample_rate), audio.astype(np.float64))
    hops = np.square(weighted[: len(weighted) // hop * hop].reshape(-1, hop)).mean(axis=1)
    return gated_loudness(np.convolve(hops, np.full(_BLOCKS_OVERLAP, 1 / _BLOCKS_OVERLAP), "valid"))


def gated_loudness(power: np.ndarray) -> float:
    """Return the integrated loudness in LUFS of the powers of K-weighted blocks of 0.4 s, ``-inf`` of silence."""
    power = power[power > _power(_ABSOLUTE_GATE_LUFS)]
    if not len(power):
        return -math.inf
    return _lufs(power[power > power.mean() * 10 ** (_RELATIVE_GATE_LU / 10)].mean())


def k_weighting(rate: int) -> np.ndarray:
    """Return the two biquads of BS.1770 for a rate in Hz: a shelf for the head, and a high pass."""
    # The analogue filters behind the table that the standard has for 48 kHz (De Man, 2014; libebur128 and FFmpeg do the same).
    high = 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    k, poles = _poles(1681.974450955533, 0.7071752369554196, rate)
    zeros = [high + band * k / 0.7071752369554196 + k * k, 2 * (k * k - high), high - band * k / 0.7071752369554196 + k * k]
    _, poles_of_pass = _poles(38.13547087602444, 0.5003270373238773, rate)
    return np.array([[*zeros, *poles] / poles[0], [1.0, -2.0, 1.0, *(poles_of_pass / poles_of_pass[0])]])


def _poles(hertz: float, q: float, rate: int) -> tuple[float, np.ndarray]:
    """Return the frequency of an analogue filter as the bilinear transform bends it, and its denominator."""
    k = math.tan(math.pi * hertz / rate)
    return k, np.array([1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k])


def _lufs(power: float) -> float:
    return _OFFSET_LUFS + 10 * math.log10(power)


def _power(lufs: float) -> float:
    return math.pow(10, (lufs - _OFFSET_LUFS) / 10)


def _ratio(decibels: float) -> float:
    return math.pow(10, decibels / 20)


def _too_quiet(peak: float) -> str:
    return (
        f"its level is as the model made it: it is too quiet to be speech, its peak is {20 * math.log10(peak + 1e-9):.0f} dBFS"
    )

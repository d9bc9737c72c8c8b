"""Training speech: what espeak-ng says, as features that the language model predicts and as sound that the decoder makes.

espeak-ng speaks at a constant pitch, so WORLD (Morise et al. 2016) gives a clean spectral envelope. From it comes

* the log-mel that the audio tokens are clusters of, and
* for a part of the texts the target sound, resynthesised at 125 Hz: two periods a decoder frame (62.5 Hz), so that a harmonic
  has the same phase in every frame and a decoder can learn it by regression, without a GAN. The last word of a question is a
  fifth higher, 187.5 Hz: three periods a frame; it rises at the start of a frame, so that these phases are always the same too.
"""

import functools
import math
import multiprocessing
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyworld
import torch
from threadpoolctl import threadpool_limits

from actors.audio.codec import resample
from training.espeak import Espeak
from training.mel import mel_filters
from training.voice.utterances import FRAMES_PER_TOKEN, HOP, SAMPLE_RATE, TOKEN, Utterance

MELS = 40
FLOOR = -13.0  # natural logarithm of power
MAX_TOKENS = 150

_SOURCE_PITCH = 90.0  # of espeak-ng's en-us at pitch 50 without range, in Hz
_PITCH, _QUESTION_PITCH = 125.0, 187.5
_WORLD_HOP = 128
_N_FFT = 1024
_LEAD = 1280  # of silence: the first token is silent, so that streaming, which drops it, loses nothing
_PAUSE = 3200  # after the end of a sentence
_RELEASE = 960  # what sounds on after espeak's last phoneme has ended
_EXCLAMATION = 10 ** (3 / 20)  # 3 dB louder


def make(folder: Path, texts: Sequence[str], with_audio: int, processes: int, shard: int = 500) -> list[Path]:
    """Speak texts into the files of ``folder``, in shards of so many texts; shards that exist are kept.

    Args:
        folder: for the shards.
        texts: in order.
        with_audio: so many of the first texts get the target voice's sound too.
        processes: to share the work.
        shard: texts in a file.

    Returns:
        The shards' paths, in order; each is a list of :class:`Utterance` for ``torch.load(weights_only=True)``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [
        (folder / f"{i // shard:04d}.pt", [(text, i + k < with_audio) for k, text in enumerate(texts[i : i + shard])])
        for i in range(0, len(texts), shard)
    ]
    # espeak-ng keeps global state, and a fork would copy torch's threads: fresh processes, of one thread each.
    with multiprocessing.get_context("spawn").Pool(processes, initializer=threadpool_limits, initargs=(1,)) as pool:
        for _ in pool.imap_unordered(_make_shard, [job for job in jobs if not job[0].exists()]):
            pass
    return [path for path, _ in jobs]


def _make_shard(job: tuple[Path, list[tuple[str, bool]]]) -> None:
    path, texts = job
    utterances = [utterance for text, with_audio in texts if (utterance := speak(text, with_audio)) is not None]
    temporary = path.with_suffix(".tmp")
    torch.save(utterances, temporary)
    temporary.rename(path)


def speak(text: str, with_audio: bool) -> Utterance | None:
    """Speak one text; None if espeak-ng says nothing or more than :data:`MAX_TOKENS`."""
    espeak = _espeak()
    spoken = espeak.speak(text)
    length = spoken.end
    if length == 0 or not spoken.words:
        return None
    scale = SAMPLE_RATE / espeak.sample_rate

    def time(sample: int) -> int:
        return round(sample * scale) + _LEAD

    end = time(length)
    tokens = math.ceil((end + _RELEASE + _PAUSE) / TOKEN)
    if tokens > MAX_TOKENS:
        return None
    sound = resample(spoken.audio[: length + round(_RELEASE / scale)], espeak.sample_rate, SAMPLE_RATE)
    source = np.zeros(tokens * TOKEN)
    source[_LEAD : _LEAD + len(sound)] = sound[: len(source) - _LEAD]
    noise = np.random.default_rng(len(text)).standard_normal(len(source))
    source += 1e-5 * noise  # CheapTrick takes a logarithm of silence otherwise

    rise = round(time(spoken.words[-1][0]) / HOP) * HOP if text.endswith("?") else len(source)
    gain = _EXCLAMATION if text.endswith("!") else 1.0
    mel = _log_mel(source * gain)
    frames = np.arange(tokens)[:, None] * FRAMES_PER_TOKEN + np.arange(-2, 2)
    phonemes = [(time(start), "_" if name.startswith("_") else name) for start, name in spoken.phonemes if start < length]
    phonemes.append((end, "_"))
    centres = np.arange(tokens) * TOKEN
    anchors = anchor([(time(sample), character) for sample, character in spoken.words], end, len(text))
    return Utterance(
        text=text,
        features=torch.from_numpy(mel[np.clip(frames, 0, len(mel) - 1)].reshape(tokens, -1).astype(np.float16)),
        high=torch.from_numpy((centres >= rise) & (centres <= end)),
        position=torch.from_numpy(np.interp(centres, *anchors).astype(np.float32)),
        phonemes=[name for _, name in phonemes],
        starts=torch.tensor([start for start, _ in phonemes], dtype=torch.int32),
        audio=torch.from_numpy(_resynthesise(source * gain, rise) if with_audio else np.zeros(0, np.int16)),
    )


def read_aloud(text: str) -> list[str]:
    """The phonemes, without pauses, that espeak-ng reads from a text."""
    return [name for _, name in _espeak().speak(text).phonemes if not name.startswith("_")]


@functools.cache
def _espeak() -> Espeak:
    return Espeak()


def anchor(words: Sequence[tuple[int, int]], end: int, characters: int) -> tuple[list[float], list[float]]:
    """Samples, and the indices of the characters that are said there: where words begin, and at the end."""
    times, indices = [0.0], [0.0]
    for start, character in words:
        if start > times[-1] and character >= indices[-1]:
            times.append(start)
            indices.append(character)
    return [*times, max(float(end), times[-1] + 1)], [*indices, characters - 1.0]


@functools.cache
def _weights() -> np.ndarray:
    """Mel filters ``[40, 513]``, each summing to one (the narrowest lie between two bins and are empty)."""
    filters = mel_filters(_N_FFT, MELS, SAMPLE_RATE)
    return filters / np.maximum(filters.sum(1, keepdims=True), 1e-9)


def _log_mel(source: np.ndarray) -> np.ndarray:
    """Log-mel power ``[frames, 40]``, a frame every 256 samples, of the envelope without its harmonics."""
    times = np.arange(len(source) // HOP + 1) * HOP / SAMPLE_RATE
    envelope = pyworld.cheaptrick(source, np.full(len(times), _SOURCE_PITCH), times, SAMPLE_RATE, fft_size=_N_FFT)
    return np.maximum(np.log(envelope @ _weights().T + 1e-8), FLOOR)


def _resynthesise(source: np.ndarray, rise: int) -> np.ndarray:
    """The source at the target pitch, which rises at sample ``rise``: int16 of the same length."""
    times = np.arange(len(source) // _WORLD_HOP + 1) * _WORLD_HOP / SAMPLE_RATE
    pitch = np.full(len(times), _SOURCE_PITCH)
    envelope = pyworld.cheaptrick(source, pitch, times, SAMPLE_RATE, fft_size=_N_FFT)
    aperiodicity = pyworld.d4c(source, pitch, times, SAMPLE_RATE, threshold=0.85, fft_size=_N_FFT)
    target = np.where(times * SAMPLE_RATE >= rise, _QUESTION_PITCH, _PITCH)
    sound = pyworld.synthesize(target, envelope, aperiodicity, SAMPLE_RATE, 1000 * _WORLD_HOP / SAMPLE_RATE)[: len(source)]
    sound = np.pad(sound, (0, len(source) - len(sound)))
    return (np.clip(sound, -1, 1) * 32767).astype(np.int16)

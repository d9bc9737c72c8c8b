"""What the embedded ear learns from: sentences and rows of words, said by espeak-ng's voices and by the embedded voice.

espeak-ng tells when each word and phoneme begins, which the embedded voice does not. It learnt from espeak-ng, so that says the
same text too, and dynamic time warping (Sakoe & Chiba 1978) carries the times over.
"""

import functools
import itertools
import multiprocessing
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from actors.audio.codec import resample
from actors.models import open_model
from actors.requests import SynthesisRequest
from training.ear.sounds import SAMPLE_RATE, VOICE, Sound
from training.espeak import Espeak, Speaker
from training.mel import mel_filters
from training.texts import Texts, word_row
from training.voice.corpus import anchor

# Voices of espeak-ng 1.51 that are easy to understand and to tell apart. The first is the one that the embedded voice learnt
# from; those of the tests are not learnt from.
TRAIN_CAST = (
    Speaker(),
    Speaker("en-us+m1", rate=160, pitch=35, pitch_range=40),
    Speaker("en-us+m3", rate=145, pitch=60, pitch_range=50),
    Speaker("en-us+m7", rate=170, pitch=45, pitch_range=25),
    Speaker("en-us+edward", rate=150, pitch=40, pitch_range=50),
    Speaker("en-us+michael", rate=140, pitch=55, pitch_range=30),
    Speaker("en-us+f1", rate=155, pitch=50, pitch_range=50),
    Speaker("en-us+f2", rate=165, pitch=65, pitch_range=40),
    Speaker("en-us+f3", rate=145, pitch=40, pitch_range=50),
    Speaker("en-us+f4", rate=150, pitch=55, pitch_range=30),
    Speaker("en-us+linda", rate=160, pitch=45, pitch_range=50),
    Speaker("en-us+steph", rate=150, pitch=60, pitch_range=40),
)
TEST_CAST = (
    Speaker("en-us+m2", rate=155, pitch=50, pitch_range=40),
    Speaker("en-us+rob", rate=150, pitch=40, pitch_range=50),
    Speaker("en-us+f5", rate=150, pitch=50, pitch_range=40),
    Speaker("en-us+belinda", rate=160, pitch=55, pitch_range=50),
)
_SHARD = 500
_SILENT_DB = -35.0  # below the loudest 10 ms of the embedded voice: no speech
_HOP = 480  # samples, 20 ms
_N_FFT, _MELS = 960, 40
_LOUDNESS_WINDOW = 240  # 10 ms


def lines(texts: Texts, count: int, seed: int) -> list[str]:
    """Choose what is said to learn: of what the embedded voice learnt, and for a quarter rows of one to six words."""
    generator = random.Random(f"{seed}/lines")  # noqa: S311 - a choice, not a secret
    chosen = generator.sample(texts.train, min(count * 3 // 4, len(texts.train)))
    rows = [word_row(generator, texts.words) for _ in range(count - len(chosen))]
    short = [" ".join(row.replace(",", "").split()[: generator.randint(1, 2)]) for row in rows[: len(rows) // 3]]
    chosen += short + rows[len(short) :]
    generator.shuffle(chosen)
    return chosen


def word_rows(texts: Texts, count: int, seed: int) -> list[str]:
    """Rows of two to eight words, each word as often as any other: how words are spelled is learnt from many of them."""
    generator = random.Random(f"{seed}/rare")  # noqa: S311 - a choice, not a secret
    words = itertools.chain.from_iterable(generator.sample(texts.words, len(texts.words)) for _ in itertools.count())
    rows = []
    for _ in range(count):
        row = itertools.islice(words, generator.randint(2, 8))
        rows.append((", " if generator.random() < 0.25 else " ").join(row))
    return rows


def speak(folder: Path, said: Sequence[tuple[str, int]], cast: Sequence[Speaker], processes: int) -> list[Path]:
    """Let espeak-ng speak into the files of ``folder``; those that exist are kept.

    Args:
        folder: for the shards.
        said: texts and the indices of their speakers.
        cast: the speakers.
        processes: to share the work.

    Returns:
        The shards' paths, in order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [(folder / f"{i // _SHARD:04d}.pt", said[i : i + _SHARD]) for i in range(0, len(said), _SHARD)]
    make = functools.partial(_make_shard, cast=tuple(cast))
    _make_missing(make, jobs, processes)
    return [path for path, _ in jobs]


def voice(folder: Path, bundle: Path, texts: Sequence[str], processes: int) -> list[Path]:
    """Let the embedded voice speak into the files of ``folder``, as :func:`speak` does."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [(folder / f"{i // _SHARD:04d}.pt", texts[i : i + _SHARD], i) for i in range(0, len(texts), _SHARD)]
    _make_missing(functools.partial(_make_voice_shard, bundle=bundle), jobs, processes)
    return [path for path, _, _ in jobs]


def _make_missing(make: Callable[[Any], None], jobs: Sequence[tuple[Any, ...]], processes: int) -> None:
    """Make the shards that are not there; a job's first part is its path."""
    with multiprocessing.get_context("spawn").Pool(processes, initializer=threadpool_limits, initargs=(1,)) as pool:
        for _ in pool.imap_unordered(make, [job for job in jobs if not job[0].exists()]):
            pass


def _make_shard(job: tuple[Path, Sequence[tuple[str, int]]], cast: Sequence[Speaker]) -> None:
    path, said = job
    _save(path, [sound for text, speaker in said if (sound := of_espeak(text, speaker, cast[speaker])) is not None])


def _make_voice_shard(job: tuple[Path, Sequence[str], int], bundle: Path) -> None:
    path, texts, first = job
    requests = [SynthesisRequest(id=f"{first + i}", text=text) for i, text in enumerate(texts)]
    with open_model(bundle, threads=1) as engine:
        results = engine.generate(requests)
    audio = [resample(result.audio, result.sample_rate, SAMPLE_RATE) for result in results]
    _save(path, [sound for sound in map(of_voice, texts, audio) if sound is not None])


def _save(path: Path, sounds: list[Sound]) -> None:
    temporary = path.with_suffix(".tmp")
    torch.save(sounds, temporary)
    temporary.rename(path)


@functools.cache
def _espeak() -> Espeak:
    return Espeak()


def of_espeak(text: str, index: int, speaker: Speaker) -> Sound | None:
    """Let espeak-ng say a text; None if it says nothing."""
    espeak = _espeak()
    espeak.use(speaker)
    spoken = espeak.speak(text)
    if spoken.end == 0 or not spoken.words:
        return None
    scale: Callable[[int], int] = lambda sample: round(sample * SAMPLE_RATE / espeak.sample_rate)  # noqa: E731 - a unit
    end = scale(spoken.end)
    times, indices = anchor([(scale(sample), character) for sample, character in spoken.words], end, len(text))
    names = ["_" if name.startswith("_") else name for _, name in spoken.phonemes]
    starts = [scale(start) for start, _ in spoken.phonemes]
    return Sound(
        text=text,
        speaker=index,
        audio=_int16(resample(spoken.audio, espeak.sample_rate, SAMPLE_RATE)),
        start=next(start for start, name in zip(starts, names, strict=True) if name != "_"),
        end=end,
        characters=torch.from_numpy(np.interp(np.arange(len(text)), indices, times).astype(np.float32)),
        phonemes=names,
        starts=torch.tensor(starts, dtype=torch.int32),
    )


def of_voice(text: str, audio: np.ndarray) -> Sound | None:
    """What the embedded voice said of a text, ``[samples]``; None if espeak-ng says nothing of it."""
    model = of_espeak(text, VOICE, Speaker())
    windows = audio[: len(audio) // _LOUDNESS_WINDOW * _LOUDNESS_WINDOW].reshape(-1, _LOUDNESS_WINDOW)
    power = np.square(windows).mean(1)
    loud = np.nonzero(power > power.max(initial=0) * 10 ** (_SILENT_DB / 10))[0]
    if model is None or not len(loud):
        return None
    times = warp(model["audio"].numpy() / np.float32(32768), audio)

    def carry(samples: np.ndarray) -> np.ndarray:
        return np.interp(samples / _HOP, np.arange(len(times)), times) * _HOP

    return Sound(
        text=text,
        speaker=VOICE,
        audio=_int16(audio),
        start=int(loud[0]) * _LOUDNESS_WINDOW,
        end=(int(loud[-1]) + 1) * _LOUDNESS_WINDOW,
        characters=torch.from_numpy(carry(model["characters"].numpy()).astype(np.float32)),
        phonemes=model["phonemes"],
        starts=torch.from_numpy(carry(model["starts"].numpy()).astype(np.int32)),
    )


def warp(model: np.ndarray, audio: np.ndarray) -> np.ndarray:
    """For every 20 ms of a model at which 20 ms of another recording of the same words it is, non-decreasing."""
    a, b = _log_mel(model), _log_mel(audio)
    rows, columns = len(a), len(b)
    cost = np.square(a[:, None] - b).mean(2)
    # By anti-diagonals, whose cells do not depend on each other: index d, i holds the cell i, d - i.
    total = np.full((rows + columns - 1, rows), np.inf, np.float32)
    total[0, 0] = cost[0, 0]
    for d in range(1, rows + columns - 1):
        row = np.arange(max(0, d - columns + 1), min(rows, d + 1))
        best = total[d - 1, row]  # from the same row, a column before
        best = np.where(row > 0, np.minimum(best, total[d - 1, row - 1]), best)
        if d > 1:
            best = np.where(row > 0, np.minimum(best, total[d - 2, row - 1]), best)
        total[d, row] = best + cost[row, d - row]
    path = np.zeros(rows)
    i, j = rows - 1, columns - 1
    path[i] = j
    while i > 0:
        before = [(total[i + j - 1, i - 1], i - 1, j)]
        if j > 0:
            before += [(total[i + j - 2, i - 1], i - 1, j - 1), (total[i + j - 1, i], i, j - 1)]
        _, i, j = min(before)
        path[i] = j
    return path


@functools.cache
def _filters() -> np.ndarray:
    return mel_filters(_N_FFT, _MELS, SAMPLE_RATE)


def _log_mel(audio: np.ndarray) -> np.ndarray:
    """Log-mel power ``[frames, 40]``, a frame every 20 ms, less the mean of its loudest frames."""
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(audio, _N_FFT // 2), _N_FFT)[::_HOP]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(_N_FFT)))) @ _filters().T
    mel = np.log(power + 1e-6 * power.max())
    loud = mel.mean(1) > np.median(mel.mean(1))
    return (mel - mel[loud].mean(0)).astype(np.float32)


def _int16(audio: np.ndarray) -> Tensor:
    return torch.from_numpy((np.clip(audio, -1, 1) * 32767).astype(np.int16))

"""Rows that the embedded ear is trained and tested on: several sounds and the silence between them, spoilt, with the answer."""

import bisect
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft

from actors.audio.level import normalise
from training.ear.sounds import SAMPLE_RATE, VOICE, Sound

LONGEST_S = 30.0
LOUDNESS_DBFS = -25.0

_PAUSE_S = (0.35, 1.2)  # between segments: longer than a comma's
_MARGIN_S = (0.05, 0.6)  # before the first and behind the last
_WITH_CONTEXT = 0.05
_GAIN_DB = 4.0  # of a sound beside the others
_TAKES_TURN = 0.75  # the chance that somebody else goes on

_NOISY, _SNR_DB = 0.3, (15.0, 40.0)
_COLOURED, _TILT_DB = 0.4, 6.0
_BANDS = 8
_REVERBERANT, _DECAY_S, _WET = 0.1, (0.05, 0.25), 0.3
_NARROW, _CUTOFF_HZ = 0.05, (3400.0, 8000.0)
_CODED = 0.05  # 8 bits, mu-law: ITU-T G.711


@dataclass(frozen=True)
class Turn:
    """A sound in its place: it begins at sample ``first`` of the row; ``speaker`` counts from 0 in the order of appearance."""

    sound: Sound
    first: int
    speaker: int

    @property
    def start(self) -> float:
        """Second at which the speech begins."""
        return (self.first + self.sound["start"]) / SAMPLE_RATE

    @property
    def end(self) -> float:
        """Second at which it ends."""
        return (self.first + self.sound["end"]) / SAMPLE_RATE


@dataclass(frozen=True)
class Row:
    """What is heard, float32 ``[samples]`` at the model's loudness, what there is in it, and what was known of it before."""

    audio: np.ndarray
    turns: list[Turn]
    context: str = ""


class Pool:
    """Sounds by speaker, to make rows of."""

    def __init__(self, sounds: Sequence[Sound]) -> None:
        self._by_speaker: dict[int, list[Sound]] = {}
        for sound in sounds:
            self._by_speaker.setdefault(sound["speaker"], []).append(sound)
        for sounds_of in self._by_speaker.values():
            sounds_of.sort(key=_seconds)
        self._others = sorted(self._by_speaker.keys() - {VOICE})

    def row(self, generator: random.Random, seconds: float, speakers: int, voice: float, *, spoilt: bool = True) -> Row:
        """Fill about so many seconds.

        Args:
            generator: of every choice.
            seconds: at most, if any sound is that short.
            speakers: how many take turns; there may be no time for all of them.
            voice: the chance that the embedded voice is one of them.
            spoilt: add noise, colour, an echo, a codec's noise.
        """
        turns, samples = self._take_turns(generator, seconds, speakers, voice)
        audio = np.zeros(samples, np.float32)
        for turn in turns:
            said = turn.sound["audio"].numpy()[: samples - turn.first].astype(np.float32) / 32768
            audio[turn.first : turn.first + len(said)] += said * 10 ** (generator.uniform(-_GAIN_DB, _GAIN_DB) / 20)
        context = _context(generator, turns)
        return Row(normalise(spoil(audio, generator) if spoilt else audio, LOUDNESS_DBFS), turns, context)

    def unheard(self, generator: random.Random, seconds: float) -> Row:
        """Fill about so many seconds with the embedded voice's sounds, with silence for their audio."""
        turns, samples = self._take_turns(generator, seconds, 1, 1.0)
        return Row(np.zeros(samples, np.float32), turns, _context(generator, turns))

    def _take_turns(self, generator: random.Random, seconds: float, speakers: int, voice: float) -> tuple[list[Turn], int]:
        """The turns of a row, and how many samples it has."""
        cast = generator.sample(self._others, min(speakers, len(self._others)))
        if VOICE in self._by_speaker and (not cast or generator.random() < voice):
            cast[:1] = [VOICE]
        turns: list[Turn] = []
        speaker = generator.choice(cast)
        heard = [speaker]
        at = generator.uniform(*_MARGIN_S)
        while (sound := self._fitting(generator, speaker, seconds - at, first=not turns)) is not None:
            first = max(0, round(at * SAMPLE_RATE) - sound["start"])
            if speaker not in heard:
                heard.append(speaker)
            turns.append(Turn(sound, first, heard.index(speaker)))
            at = turns[-1].end + generator.uniform(*_PAUSE_S)
            if len(cast) > 1 and generator.random() < _TAKES_TURN:
                speaker = generator.choice([other for other in cast if other != speaker])
        return turns, round((turns[-1].end + generator.uniform(*_MARGIN_S)) * SAMPLE_RATE)

    def _fitting(self, generator: random.Random, speaker: int, seconds: float, *, first: bool) -> Sound | None:
        """A sound that ends in time: one of the longer ones more often, so that rows are full; None if there is none."""
        sounds = self._by_speaker[speaker]
        fitting = bisect.bisect_right(sounds, seconds, key=_seconds)
        if not fitting:
            return sounds[0] if first else None
        return sounds[int(fitting * generator.random() ** 0.7)]


def _context(generator: random.Random, turns: Sequence[Turn]) -> str:
    return generator.choice(turns[0].sound["text"].split()) if generator.random() < _WITH_CONTEXT else ""


def _seconds(sound: Sound) -> float:
    return (sound["end"] - sound["start"]) / SAMPLE_RATE


def spoil(audio: np.ndarray, generator: random.Random) -> np.ndarray:
    """Make ``[samples]`` sound as recordings do: colour, echo, a narrow band, a codec's noise, a room's noise."""
    random_numbers = np.random.default_rng(generator.getrandbits(64))
    length = len(audio)
    padded = fft.next_fast_len(length + SAMPLE_RATE // 4, real=True)  # an echo must not come round to the beginning
    frequency = fft.rfftfreq(padded, 1 / SAMPLE_RATE).astype(np.float32)
    response = np.ones_like(frequency)
    if generator.random() < _COLOURED:
        knots = np.geomspace(80, SAMPLE_RATE / 2, _BANDS)
        gains = random_numbers.uniform(-_TILT_DB, _TILT_DB, _BANDS)
        response = (10 ** (np.interp(np.log(frequency + 1), np.log(knots), gains) / 20)).astype(np.float32)
    if generator.random() < _NARROW:
        response = response / (1 + (frequency / generator.uniform(*_CUTOFF_HZ)) ** 12)
    if generator.random() < _REVERBERANT:
        decay = generator.uniform(*_DECAY_S)
        time = np.arange(SAMPLE_RATE // 4) / SAMPLE_RATE
        echo = random_numbers.standard_normal(len(time), np.float32) * np.exp(-6.9 * time / decay)
        echo *= _WET * generator.random() / math.sqrt(float(np.square(echo).sum()))
        echo[0] += 1
        response = response * fft.rfft(echo, padded)
    # Half of the rows pass through unchanged, and transforms are most of what making a row costs.
    spoilt = audio if (response == 1).all() else fft.irfft(fft.rfft(audio, padded) * response, padded)[:length]
    power = float(np.square(spoilt).mean())
    if generator.random() < _CODED:
        peak = float(np.abs(spoilt).max()) + 1e-9
        steps = np.round(np.sign(spoilt) * np.log1p(255 * np.abs(spoilt) / peak) / math.log(256) * 127) / 127
        spoilt = np.sign(steps) * np.expm1(np.abs(steps) * math.log(256)) / 255 * peak
    if generator.random() < _NOISY:
        level = power / 10 ** (generator.uniform(*_SNR_DB) / 10)
        spoilt = spoilt + noise(length, generator) * math.sqrt(level)
    return spoilt.astype(np.float32)


def noise(length: int, generator: random.Random) -> np.ndarray:
    """Noise between white and pink, ``[samples]`` with a power of one."""
    padded = fft.next_fast_len(length, real=True)
    white = np.random.default_rng(generator.getrandbits(64)).standard_normal(padded, np.float32)
    slope = (1 + fft.rfftfreq(padded, 1 / SAMPLE_RATE) / 200) ** generator.uniform(0, 1)
    coloured = fft.irfft(fft.rfft(white) / slope, padded)[:length]
    hiss: np.ndarray = (coloured / math.sqrt(float(np.square(coloured).mean()))).astype(np.float32)
    return hiss


# --- the course of a training ---------------------------------------------------------------------------------------

STEPS, LONGER_STEPS = 12_600, 19_800  # of the recipe, and of a training that goes on behind its end
_DECAY, _LAST_RATE = 0.75, 0.003  # part of the recipe in which the learning rates fall, and the factor that they end with
_RAISED_RATE = 0.45  # from which they fall once more

# Until this step everything is learnt; then what is asked most, the embedded voice alone, and how words are spelled.
_BROAD = 7000
# In a step. The longest rows were forgotten where a few hundred more steps had 48 s.
_AUDIO_S = ((_BROAD, 72.0), (STEPS, 48.0), (math.inf, 72.0))
# Until this step: the shortest and the longest row in seconds. All lengths between them occur: an ear that has heard rows of a
# few lengths only does not know where it is in any other. In the end a quarter have the longest that it is asked about.
_CURRICULUM = ((150, 3.0, 3.0), (600, 3.0, 6.0), (1500, 3.0, 10.0), (3000, 2.0, 20.0), (math.inf, 2.0, 40.0))
_NOTHING_SAID = 0.015  # rows of noise
# Until this step: how often the embedded voice is in a row, and how often one, two or three take turns.
_VOICE = ((1000, 0.5), (3000, 0.65), (_BROAD, 0.8), (math.inf, 1.0))
_CROWD = ((600, (100, 0, 0)), (3000, (55, 35, 10)), (_BROAD, (40, 42, 18)), (math.inf, (70, 23, 7)))
_MISTAKEN, _MISTAKEN_FROM = 0.08, 4000  # of the letters, from this step on; fewer before
# Late: a training that asked from its first steps whose voice is seen where a speaker is named, and soon had rows that are only
# spelled, learnt phonemes far more slowly.
_NAMED_FROM = 5000
_SPELLED_S, _SHORTEST_SPELLED_S = 160.0, 4.0  # in a step, and of a row
_LONGEST_SPELLED_S = ((STEPS, 12.0), (math.inf, 20.0))  # longer ones take longer


def rate_at(step: float, scale: float = 1.0) -> float:
    """The factor of the learning rates; ``scale`` as for :func:`batch_of`."""
    part = step / (STEPS * scale)
    if part <= 1:
        return min(1.0, (1 - part) / _DECAY + _LAST_RATE)
    return _RAISED_RATE * max(0.0, 1 - (part - 1) / (LONGER_STEPS / STEPS - 1)) + _LAST_RATE


def mistaken_at(step: int, scale: float = 1.0) -> float:
    """How many of the letters begin a mistake in what was written so far; ``scale`` as for :func:`batch_of`."""
    return _MISTAKEN * min(1.0, step / (_MISTAKEN_FROM * scale))


def batch_of(pool: Pool, seed: int, step: int, scale: float = 1.0) -> list[Row]:
    """Make the rows of one step, the same for the same step; ``scale`` is that of the curriculum's steps."""
    generator = random.Random(f"{seed}/{step}")  # noqa: S311 - a choice, not a secret
    shortest, longest = next(lengths for until, *lengths in _CURRICULUM if step <= until * scale)
    voice = next(chance for until, chance in _VOICE if step <= until * scale)
    crowds = next(weights for until, weights in _CROWD if step <= until * scale)
    audio = next(seconds for until, seconds in _AUDIO_S if step <= until * scale)
    seconds = min(LONGEST_S, generator.uniform(shortest, longest))
    return [_row(pool, generator, seconds, voice, crowds) for _ in range(round(audio / seconds))]


def is_named(step: int, scale: float = 1.0) -> bool:
    """Whether it is asked whose voice is seen where a speaker is named; ``scale`` as for :func:`batch_of`."""
    return step >= _NAMED_FROM * scale


def spelling_of(pool: Pool, seed: int, step: int, scale: float = 1.0) -> list[Row]:
    """Make the rows that are only spelled in one step, none in the first; arguments as for :func:`batch_of`."""
    if step <= _BROAD * scale:
        return []
    generator = random.Random(f"{seed}/{step}/spelling")  # noqa: S311 - a choice, not a secret
    longest = next(seconds for until, seconds in _LONGEST_SPELLED_S if step <= until * scale)
    seconds = generator.uniform(_SHORTEST_SPELLED_S, longest)
    return [pool.unheard(generator, seconds) for _ in range(round(_SPELLED_S / seconds))]


def _row(pool: Pool, generator: random.Random, seconds: float, voice: float, crowds: tuple[int, int, int]) -> Row:
    if generator.random() < _NOTHING_SAID:
        length = round(generator.uniform(0.5, seconds) * SAMPLE_RATE)
        return Row(normalise(noise(length, generator), LOUDNESS_DBFS), [])
    crowd = 1 if seconds < 4 else generator.choices((1, 2, 3), crowds)[0]
    return pool.row(generator, seconds, crowd, voice)

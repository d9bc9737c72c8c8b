"""How loud a book is to be, and what each chapter's sound is multiplied with to get there.

``ebu`` is EBU R 128 with the loudness that is usual of speech in one channel; ``acx`` what Audible's exchange accepts
(https://help.acx.com/s/article/what-are-the-acx-audio-submission-requirements).
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from actors.audio.mono import FloatArray
from books.binding.levels import Levels, Meter, amplitude, decibels, loudness_of
from books.binding.limiter import limited
from books.binding.options import Loudness
from books.binding.speech import Ends, Layout, Speech, chapter_blocks
from cluster.errands import give_way

LOSSY_MARGIN_DB = 1.5  # that a limiter leaves below the highest true peak, for what encoding adds
_LEAST_GAIN_DB, _MOST_GAIN_DB = -40.0, 30.0  # what would need more is no speech
_THREADS = 2
_OWN_GAIN_S = 10.0  # shorter chapters have too little speech to judge: they get what the whole book gets


@dataclass(frozen=True)
class Aim:
    """Where every chapter is to be.

    Attributes:
        is_rms: whether ``level_db`` is a root mean square; else it is a loudness in LUFS.
        level_db: the level.
        low_db, high_db: between which it is right.
        peak_dbtp: the highest true peak.
        floor_db: the highest noise floor, if there is one.
        tone_db: the level of room tone under everything, if there is any.
        rate: in Hz of all files; ``None`` if any is right.
        ends: what stands around chapters.
    """

    is_rms: bool
    level_db: float
    low_db: float
    high_db: float
    peak_dbtp: float
    floor_db: float | None = None
    tone_db: float | None = None
    rate: int | None = None
    ends: Ends | None = None

    def level(self, levels: Levels) -> float | None:
        """Return what of the levels is aimed at; ``None`` of silence."""
        return levels.rms_db if self.is_rms else levels.loudness_lufs

    def shortfall(self, levels: Levels) -> str | None:
        """Say what of a chapter is not as it is to be; ``None`` if all is."""
        reasons = []
        level = self.level(levels)
        if level is not None and not self.low_db <= level <= self.high_db and self._is_judged(levels):
            reasons.append(f"its {'RMS' if self.is_rms else 'loudness'} is {level:.1f} {self._unit}, not {self._wanted}")
        if levels.true_peak_dbtp > self.peak_dbtp:
            reasons.append(f"its true peak is {levels.true_peak_dbtp:.1f} dB, above {self.peak_dbtp:g}")
        if self.floor_db is not None and levels.noise_floor_db > self.floor_db:
            reasons.append(f"its noise floor is {levels.noise_floor_db:.1f} dB, above {self.floor_db:g}")
        return "; ".join(reasons) or None

    def correction(self, levels: Levels) -> float:
        """Return by how many dB a chapter's gain is to change; 0 if it is right."""
        level = self.level(levels)
        if level is None or self.low_db <= level <= self.high_db or not self._is_judged(levels):
            return 0.0
        return self.level_db - level

    def _is_judged(self, levels: Levels) -> bool:
        return self.is_rms or levels.seconds >= _OWN_GAIN_S

    @property
    def _unit(self) -> str:
        return "dB" if self.is_rms else "LUFS"

    @property
    def _wanted(self) -> str:
        return f"{self.low_db:g} to {self.high_db:g}" if self.is_rms else f"{self.level_db:g}"


AIMS: dict[Loudness, Aim | None] = {
    "none": None,
    "ebu": Aim(is_rms=False, level_db=-19.0, low_db=-19.3, high_db=-18.7, peak_dbtp=-2.0),
    "acx": Aim(
        is_rms=True,
        level_db=-20.0,
        low_db=-23.0,
        high_db=-18.0,
        peak_dbtp=-3.0,
        floor_db=-60.0,
        tone_db=-68.0,
        rate=44_100,
        ends=Ends(head_s=0.75, least_tail_s=1.5, most_tail_s=4.5, longest_s=7_190.0),
    ),
}


def first_gains(speech: Speech, layout: Layout, aim: Aim | None) -> list[float]:
    """Return what to add to each chapter's level in dB, as far as its sound before it is encoded tells.

    Raises:
        StorageError: see :meth:`books.binding.speech.Speech.sounds`.
    """
    if aim is None:
        return [0.0] * len(layout.stretches)
    # Half of a binding's work: a book that is bound last has the machine to itself.
    chapters = range(len(layout.stretches))
    with ThreadPoolExecutor(_THREADS, initializer=give_way) as threads:
        measured = list(threads.map(lambda i: _measured(chapter_blocks(speech, layout, i), layout.rate), chapters))
        of_book = _of_book(measured, aim)
        gains = [_gain(levels, of_book, aim) for levels in measured]
        held = threads.map(lambda i: _with_limiter(chapter_blocks(speech, layout, i), layout.rate, gains[i], aim), chapters)
        return list(held)


def bounded(gain_db: float) -> float:
    """Return a gain in dB that speech may need."""
    return min(max(gain_db, _LEAST_GAIN_DB), _MOST_GAIN_DB)


def _measured(blocks: Iterable[FloatArray], rate: int) -> Levels:
    meter = Meter(rate)
    for block in blocks:
        meter.add(block)
    return meter.levels()


def _with_limiter(blocks: Iterable[FloatArray], rate: int, gain_db: float, aim: Aim) -> float:
    """Return the gain that also makes up for what the limiter takes; without it most files would be encoded twice."""
    amplified = (block * amplitude(gain_db) for block in blocks)
    held = _measured(limited(amplified, rate, aim.peak_dbtp - LOSSY_MARGIN_DB), rate)
    level = aim.level(held)
    if level is None or not (aim.is_rms or held.seconds >= _OWN_GAIN_S):
        return gain_db
    return bounded(gain_db + aim.level_db - level)


def _of_book(measured: Sequence[Levels], aim: Aim) -> float | None:
    if not aim.is_rms:
        return loudness_of(levels.powers for levels in measured)
    energy = sum(levels.seconds * 10 ** (levels.rms_db / 10) for levels in measured)
    return decibels((energy / sum(levels.seconds for levels in measured)) ** 0.5)


def _gain(levels: Levels, of_book: float | None, aim: Aim) -> float:
    own = aim.level(levels)
    level = own if own is not None and (aim.is_rms or levels.seconds >= _OWN_GAIN_S) else of_book
    return 0.0 if level is None else bounded(aim.level_db - level)

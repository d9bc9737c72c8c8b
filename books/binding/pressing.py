"""One audio file of a book: its chapters' sound, measured as players hear it, made again where it is not as it should be."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from actors.audio.mono import FloatArray
from books.binding.encoder import AudioKind, Labels, read_audio, write_audio
from books.binding.levels import Levels, Meter, amplitude
from books.binding.limiter import limited, resampled, with_room_tone
from books.binding.loudness import LOSSY_MARGIN_DB, Aim, bounded
from books.binding.speech import Layout, Speech, chapter_blocks

_MOST_TIMES = 3  # that a file is made
_MARGIN_DB = 0.1  # below the highest true peak, where nothing is lost
_STEP_DB = 0.4  # that the ceiling is lowered by beyond what a peak was over: another encoding has other peaks
_LOWEST_CEILING_DB = 12.0  # below it


@dataclass(frozen=True)
class Press:
    """Makes files of a book.

    Attributes:
        speech, layout: its sound.
        gains: what is added to each chapter's level, in dB.
        aim: where chapters are to be; ``None`` leaves them as they are.
    """

    speech: Speech
    layout: Layout
    gains: Sequence[float]
    aim: Aim | None

    def write(
        self, path: Path, kind: AudioKind, chapters: Sequence[int], rate: int, labels: Labels, bit_rate: int | None
    ) -> list[Levels]:
        """Write chapters that follow each other to one file, and return the levels of each.

        Args:
            path: of the file, on a local disk.
            kind: of the file.
            chapters: their numbers in the layout.
            rate: in Hz, of the file.
            labels: what the file says of itself.
            bit_rate: in bit/s; ``None`` is the kind's.

        Raises:
            StorageError: the file cannot be written, or a row not be read.
        """
        gains = {chapter: self.gains[chapter] for chapter in chapters}
        ceiling = None if self.aim is None else self.aim.peak_dbtp - (LOSSY_MARGIN_DB if kind.bit_rate else _MARGIN_DB)
        for _ in range(_MOST_TIMES):
            write_audio(path, kind, self._sound(gains, rate, ceiling), rate, labels, bit_rate)
            measured = self._measured(path, chapters)
            if self.aim is None or ceiling is None or not any(map(self.aim.shortfall, measured)):
                break
            for chapter, levels in zip(chapters, measured, strict=True):
                gains[chapter] = bounded(gains[chapter] + self.aim.correction(levels))
            ceiling = self._lower(ceiling, max(levels.true_peak_dbtp for levels in measured), self.aim)
        return measured

    def _lower(self, ceiling: float, peak: float, aim: Aim) -> float:
        over = peak - aim.peak_dbtp
        return max(ceiling - over - _STEP_DB, aim.peak_dbtp - _LOWEST_CEILING_DB) if over > 0 else ceiling

    def _sound(self, gains: dict[int, float], rate: int, ceiling: float | None) -> Iterator[FloatArray]:
        blocks = resampled(self._amplified(gains), self.layout.rate, rate)
        if self.aim is not None and self.aim.tone_db is not None:
            blocks = with_room_tone(blocks, rate, self.aim.tone_db)
        return blocks if ceiling is None else limited(blocks, rate, ceiling)

    def _amplified(self, gains: dict[int, float]) -> Iterator[FloatArray]:
        for chapter, gain in gains.items():
            factor = amplitude(gain)
            for block in chapter_blocks(self.speech, self.layout, chapter):
                yield block if factor == 1 else block * factor

    def _measured(self, path: Path, chapters: Sequence[int]) -> list[Levels]:
        begin = self.layout.stretches[chapters[0]].start
        stops = [(self.layout.stretches[chapter].stop - begin) / self.layout.rate for chapter in chapters]
        return measure(path, stops)


def measure(path: Path, stops_s: Sequence[float]) -> list[Levels]:
    """Return the levels of a file's stretches, which end at so many seconds from its beginning.

    Raises:
        StorageError: the file cannot be read.
    """
    meters: list[Meter] = []
    stops: list[int] = []
    place = 0
    for block, rate in read_audio(path):
        stops = stops or [round(stop * rate) for stop in stops_s]
        meters = meters or [Meter(rate) for _ in stops_s]
        bounds = [0, *(min(max(stop - place, 0), len(block)) for stop in stops)]
        for meter, (first, last) in zip(meters, pairwise(bounds), strict=True):
            meter.add(block[first:last])
        place += len(block)
    return [meter.levels() for meter in meters]

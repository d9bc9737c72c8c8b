"""Subtitles of audiobooks: SubRip and WebVTT, a cue a passage, or several where it fills more than two lines."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal

from actors.requests import Segment
from actors.subtitles import Cue as ScreenCue
from actors.subtitles import CueLimits, cues_of, srt_cue, vtt_cue
from books.binding.legible import in_a_line
from books.binding.timeline import Cue, TimedChapter

# Cues end when the passage ends, however fast it must be read: players and tests go by them.
_LIMITS = CueLimits(chars_per_second=0.0)


def render_subtitles(kind: Literal["srt", "vtt"], chapters: Sequence[TimedChapter], start_s: float = 0.0) -> str:
    """Return the subtitles of chapters.

    Cues follow each other without overlapping, none is shorter than a millisecond, and their times are the passages' to a
    millisecond. Within a passage of several cues they are shares of it by what is said in each. WebVTT names the voices of
    passages that have one of their own, if there are several, and chapters in notes, which players do not show.

    Args:
        kind: the format.
        chapters: in order.
        start_s: what is second 0 of the file: the start of its first chapter.
    """
    voices = {cue.passage.voice for chapter in chapters for cue in chapter.cues}
    timed = _apart((chapter, cue) for chapter in chapters for cue in _cues(chapter, start_s, voiced=len(voices) > 1))
    if kind == "srt":
        return "\n".join(srt_cue(number, cue) for number, (_, cue) in enumerate(timed, 1))
    return "WEBVTT\n" + "".join(f"\n{part}" for part in _vtt_parts(timed))


def _vtt_parts(timed: Iterable[tuple[TimedChapter, ScreenCue]]) -> Iterator[str]:
    before = None
    for chapter, cue in timed:
        if chapter is not before and (title := in_a_line(chapter.title).replace("-->", "→")):
            yield f"NOTE {title}\n"
        yield vtt_cue(cue)
        before = chapter


def _cues(chapter: TimedChapter, start_s: float, *, voiced: bool) -> Iterator[ScreenCue]:
    for cue in chapter.cues:
        voice = in_a_line(cue.passage.voice or "") if voiced else ""
        for screen_cue in cues_of(_segments(cue, start_s), _LIMITS, named=False):
            yield replace(screen_cue, voice=voice or None)


def _segments(cue: Cue, start_s: float) -> list[Segment]:
    pieces = cue.pieces or ((cue.passage.written, cue.start_s, cue.end_s),)
    return [Segment(start - start_s, end - start_s, None, in_a_line(text)) for text, start, end in pieces]


def _apart(timed: Iterable[tuple[TimedChapter, ScreenCue]]) -> Iterator[tuple[TimedChapter, ScreenCue]]:
    """Put the cues on whole milliseconds, each behind the one before it."""
    free = 0
    for chapter, cue in timed:
        start = max(round(cue.start * 1000), free)
        free = max(round(cue.end * 1000), start + 1)
        yield chapter, replace(cue, start=start / 1000, end=free / 1000)

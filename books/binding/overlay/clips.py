"""Which stretch of which audio file a passage is, and the documents that say so (SMIL)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lxml.builder import ElementMaker

from books.binding.timeline import TimedChapter, Timeline

_EPUB = "http://www.idpf.org/2007/ops"
_SMIL = "http://www.w3.org/ns/SMIL"
_S = ElementMaker(namespace=_SMIL, nsmap={None: _SMIL, "epub": _EPUB})
_HAIR = 1e-6  # milliseconds: what sums of seconds are off by


@dataclass(frozen=True)
class Clip:
    """A stretch of an audio file: its chapter's index in the timeline, and milliseconds of that chapter."""

    audio: int
    begin_ms: int
    end_ms: int


def clips_of(timeline: Timeline) -> dict[int, Clip]:
    """Return the clips of all passages with audio, by the passages' indices.

    A clip goes on to where the next begins: readers play one after the other, and would skip the pauses between them. A cue
    may say where its clip ends at the latest.
    """
    return {index: clip for number, chapter in enumerate(timeline.chapters) for index, clip in _clips(number, chapter)}


def _clips(number: int, chapter: TimedChapter) -> Iterable[tuple[int, Clip]]:
    begins = [max(0, round((cue.start_s - chapter.start_s) * 1000)) for cue in chapter.cues]
    stops = [*begins[1:], int((chapter.end_s - chapter.start_s) * 1000 + _HAIR)]
    for cue, begin, stop in zip(chapter.cues, begins, stops, strict=False):  # one more, if nothing is heard
        end = stop if cue.until_s is None else min(stop, int((cue.until_s - chapter.start_s) * 1000 + _HAIR))
        if begin < end:
            yield cue.index, Clip(number, begin, end)


def seconds(milliseconds: int) -> str:
    """Return a time as SMIL writes it."""
    return f"{milliseconds // 1000}.{milliseconds % 1000:03d}s"


def smil(page: str, clips: Mapping[str, Clip], audio: Mapping[int, str]) -> Any:
    """Return the overlay of a page: its passages' clips by the names of their elements, and audio files by chapter."""
    body = _S.body({f"{{{_EPUB}}}textref": page})
    for name, clip in clips.items():
        times = {"clipBegin": seconds(clip.begin_ms), "clipEnd": seconds(clip.end_ms)}
        body.append(_S.par(_S.text(src=f"{page}#{name}"), _S.audio(src=audio[clip.audio], **times), id=f"par-{name}"))
    return _S.smil(body, version="3.0")

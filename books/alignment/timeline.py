"""An alignment as what subtitles and overlays are made of."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from books.alignment.align import Alignment, HeardRecording
from books.binding.timeline import Cue, TimedChapter, Timeline
from books.script import Script

_LEFT_S = 1.0  # that a clip goes on behind a sentence, at the most: pauses are heard, announcements are not the sentence's


def book_timeline(script: Script, alignment: Alignment, recordings: Sequence[HeardRecording]) -> Timeline:
    """Return the recordings as the files of one timeline, each behind the one before, with the passages that are in them."""
    chapters, start_s = [], 0.0
    for index, recording in enumerate(recordings):
        cues = list(_cues(script, alignment, index, start_s))
        chapters.append(TimedChapter(recording.name, 0, start_s, start_s + recording.duration_s, cues))
        start_s += recording.duration_s
    return Timeline(chapters)


def recording_chapters(script: Script, alignment: Alignment, recording: int) -> list[TimedChapter]:
    """Return the chapters of the book that are heard in a recording, in seconds from its beginning."""
    made = []
    for number, group in groupby(_cues(script, alignment, recording, 0.0), key=lambda cue: cue.passage.chapter):
        cues, note = list(group), script.book.chapters[number]
        made.append(TimedChapter(note.title, note.level, cues[0].start_s, cues[-1].end_s, cues))
    return made


def _cues(script: Script, alignment: Alignment, recording: int, start_s: float) -> Iterator[Cue]:
    for index, placed in enumerate(alignment.passages):
        if placed.recording == recording and placed.end_s > placed.start_s:
            begin, end = start_s + placed.start_s, start_s + placed.end_s
            yield Cue(script.passages[index], index, begin, end, until_s=end + _LEFT_S)

"""What is said of an alignment: which sentences are heard where, what is left out, and what is added."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from pydantic import BaseModel, ConfigDict

from books.alignment.align import Alignment, HeardRecording
from books.script import Script

_SHOWN_CHARS = 200
_DIGITS = 3  # of seconds


class AlignedSentence(BaseModel):
    """A passage that is heard: seconds from its recording's beginning, and how much of it was recognised, from 0 to 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    recording: str
    start_s: float
    end_s: float
    heard: float


class LeftOut(BaseModel):
    """Passages behind each other that are not heard: the ids of the first and the last, and how they begin."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first: str
    last: str
    words: int
    text: str


class AlignedChapter(BaseModel):
    """A chapter of the book: how many words it has, how many of them are in sentences that are heard."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    words: int
    found: int
    sentences: tuple[AlignedSentence, ...]
    left_out: tuple[LeftOut, ...]


class Added(BaseModel):
    """What a recording says and the book does not, in seconds from the recording's beginning."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start_s: float
    end_s: float
    text: str


class AlignedRecording(BaseModel):
    """A recording, and what of it is not the book's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    duration_s: float
    added: tuple[Added, ...]


class AlignedBook(BaseModel):
    """An alignment: ``found`` is how much of the book is heard, ``recognised`` how much of what is heard is the book."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: int = 1
    title: str
    found: float
    recognised: float
    chapters: tuple[AlignedChapter, ...]
    recordings: tuple[AlignedRecording, ...]


def record_of(script: Script, alignment: Alignment, recordings: Sequence[HeardRecording]) -> AlignedBook:
    """Return what is said of an alignment."""
    names = [recording.name for recording in recordings]
    return AlignedBook(
        title=script.book.title,
        found=round(alignment.found, 4),
        recognised=round(alignment.recognised, 4),
        chapters=tuple(_chapters(script, alignment, names)),
        recordings=tuple(_recording(alignment, index, each) for index, each in enumerate(recordings)),
    )


def _chapters(script: Script, alignment: Alignment, names: Sequence[str]) -> Iterator[AlignedChapter]:
    groups = groupby(range(len(script.passages)), key=lambda index: script.passages[index].chapter)
    for number, group in groups:
        indices = list(group)
        placed = [alignment.passages[index] for index in indices]
        yield AlignedChapter(
            title=script.book.chapters[number].title,
            words=sum(each.words for each in placed),
            found=sum(each.words for each in placed if each.recording is not None),
            sentences=tuple(_sentences(script, alignment, indices, names)),
            left_out=tuple(_left_out(script, alignment, indices)),
        )


def _sentences(script: Script, alignment: Alignment, indices: Sequence[int], names: Sequence[str]) -> Iterator[AlignedSentence]:
    for index in indices:
        placed = alignment.passages[index]
        if placed.recording is not None:
            times = round(placed.start_s, _DIGITS), round(placed.end_s, _DIGITS)
            yield AlignedSentence(
                id=script.passages[index].id,
                recording=names[placed.recording],
                start_s=times[0],
                end_s=times[1],
                heard=round(placed.share, _DIGITS),
            )


def _left_out(script: Script, alignment: Alignment, indices: Sequence[int]) -> Iterator[LeftOut]:
    worded = [index for index in indices if alignment.passages[index].words]
    for is_missing, group in groupby(worded, key=lambda index: alignment.passages[index].recording is None):
        if is_missing:
            missing = list(group)
            passages = [script.passages[index] for index in missing]
            words = sum(alignment.passages[index].words for index in missing)
            text = " ".join(passage.written for passage in passages[:_SHOWN_CHARS])
            yield LeftOut(first=passages[0].id, last=passages[-1].id, words=words, text=_short(text))


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}\u2026"


def _recording(alignment: Alignment, index: int, recording: HeardRecording) -> AlignedRecording:
    added = (
        Added(start_s=round(extra.start_s, _DIGITS), end_s=round(extra.end_s, _DIGITS), text=extra.text)
        for extra in alignment.extras
        if extra.recording == index
    )
    return AlignedRecording(name=recording.name, duration_s=round(recording.duration_s, _DIGITS), added=tuple(added))

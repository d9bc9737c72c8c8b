"""Cuts a block as it is read into the pieces that are spoken one at a time."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from actors.text.edits import Edited
from actors.text.sentences import Pause, Sentence, cut_sentences
from books.direction.options import Pauses
from books.direction.places import Moved

# What is shorter goes with a neighbour: voices trained on whole sentences lose their way in a word. Best with the one
# before it: of 32 pairs by the embedded voice the embedded ear had 4 % of the words wrong, and 8 % in the other order.
SHORT_CHARS = 30
_ENOUGH_CHARS = 200
_SAID = re.compile(r"[^\W_]")
_NO_STOP = re.compile(r"[^\W_]\Z")


@dataclass(frozen=True)
class Score:
    """What is to be done with a block's text, at places of the text as it is written.

    Attributes:
        voices: where each begins to speak, the first at 0.
        breaks: places and seconds of pauses that the book asks for.
        by_line: whether each line is a piece.
    """

    voices: Sequence[tuple[int, str | None]]
    breaks: Sequence[tuple[int, float]] = ()
    by_line: bool = False


@dataclass(frozen=True)
class Piece:
    """What is spoken in one go: what is said, what is written, who speaks, the seconds behind it, and its line."""

    spoken: str
    written: str
    voice: str | None
    pause_s: float
    line: int = 0
    is_parted: bool = False  # the pause is more than a reader's breath: nothing is joined over it


@dataclass
class _Span:
    """A piece in the making, of the text as it is read."""

    start: int
    end: int
    pause_s: float
    voice: str | None = None
    line: int = 0
    asked_s: float = 0.0
    ends: Pause = Pause.NONE  # what of the text ends there


def cut_block(edited: Edited, language: str, score: Score, pauses: Pauses) -> tuple[float, list[Piece]]:
    """Return the seconds that the book asks for before a block, and its pieces; none if nothing in it can be said.

    The last piece has a pause only if the book asks for one. Sentences are cut where voices change and where the book asks for
    a pause, short ones are joined with their neighbours of the same voice.

    Args:
        edited: a block, and how it is read.
        language: code of its language, without region.
        score: who speaks, and pauses.
        pauses: those that nobody asks for.
    """
    sentences = cut_sentences(edited, language)
    if not _SAID.search(edited.text):
        return sum(seconds for _, seconds in score.breaks), []
    place_of = Moved(edited)
    voices = [(place_of(place), voice) for place, voice in score.voices]
    breaks = [(place_of(place), seconds) for place, seconds in score.breaks if seconds]
    cuts = {place for place, _ in (*voices, *breaks)}
    lines = [found.end() for found in re.finditer("\n", edited.text)] if score.by_line else []
    spans = _with_words(edited.text, _spans(sentences, sorted(cuts.union(lines)), frozenset(lines), pauses))
    _give_voices(edited.text, spans, voices, lines)
    before_s = _give_breaks(edited.text, spans, breaks)
    spans[-1].pause_s = 0.0
    pieces = list(_pieces(edited, spans, language))
    return before_s, _joined(pieces, by_line=score.by_line)


def _spans(sentences: Iterable[Sentence], cuts: Sequence[int], lines: frozenset[int], pauses: Pauses) -> Iterator[_Span]:
    """Yield the sentences, cut at places."""
    seconds = {
        Pause.SENTENCE: pauses.sentence,
        Pause.LINE: pauses.line,
        Pause.PARAGRAPH: pauses.paragraph,
        Pause.SECTION: pauses.section,
    }
    for sentence in sentences:
        if sentence.place is None:
            continue
        _, start, end, _ = sentence.place
        for cut in cuts[bisect_right(cuts, start) : bisect_left(cuts, end)]:
            yield _Span(start, cut, pauses.line if cut in lines else pauses.clause)
            start = cut
        pause_s = seconds.get(sentence.pause, pauses.sentence)
        yield _Span(start, end, pause_s, ends=sentence.pause)


def _with_words(text: str, spans: Iterable[_Span]) -> list[_Span]:
    """Join spans without a letter or digit with the one before, at the beginning with the one behind."""
    made: list[_Span] = []
    worded = True
    for span in spans:
        has_word = bool(_SAID.search(text, span.start, span.end))
        if made and not (has_word and worded):
            made[-1] = replace(made[-1], end=span.end, pause_s=span.pause_s, ends=span.ends)
            worded = worded or has_word
        else:
            made.append(span)
            worded = has_word
    return made


def _give_voices(text: str, spans: Iterable[_Span], voices: Sequence[tuple[int, str | None]], lines: Sequence[int]) -> None:
    starts = [place for place, _ in voices]
    for span in spans:
        said = _SAID.search(text, span.start, span.end)
        first = said.start() if said else span.start
        span.voice = voices[max(0, bisect_right(starts, first) - 1)][1]
        span.line = bisect_right(lines, first)


def _give_breaks(text: str, spans: Sequence[_Span], breaks: Iterable[tuple[int, float]]) -> float:
    """Add the pauses that the book asks for to what they stand behind; return what stands before all."""
    ends = [span.start + len(text[span.start : span.end].rstrip()) for span in spans]
    before_s = 0.0
    for place, seconds in breaks:
        index = bisect_right(ends, place) - 1
        if index < 0:
            before_s += seconds
        else:
            spans[index].asked_s += seconds
    return before_s


def _pieces(edited: Edited, spans: Iterable[_Span], language: str) -> Iterator[Piece]:
    """Yield what is said and written of spans.

    What was written of one begins where that of the one before ended: words that are not said are written all the same.
    """
    stop = "\u3002" if language in ("ja", "zh") else "."
    said = 0
    spans = list(spans)
    for span in spans:
        text = edited.text[span.start : span.end]
        begin = span.start + len(text) - len(text.lstrip())
        _, end = edited.source_span(begin, begin + len(text.strip()))
        end = len(edited.source) if span is spans[-1] else max(said, end)
        written = _tidy(edited.source[said:end])
        said = end
        spoken = _tidy(text)
        if (span.ends >= Pause.LINE or span is spans[-1]) and _NO_STOP.search(spoken):
            spoken += stop
        yield Piece(
            spoken,
            written,
            span.voice,
            max(span.pause_s, span.asked_s),
            span.line,
            is_parted=span.asked_s > 0 or span.ends >= Pause.PARAGRAPH,
        )


def _joined(pieces: Sequence[Piece], *, by_line: bool) -> list[Piece]:
    """Join short pieces with those before them, at the beginning with the one behind; short lines with the next one."""
    made: list[list[Piece]] = []
    for piece in pieces:
        if made and _go_together(made[-1], piece) and (_is_short(made[-1]) or _joins(made[-1], piece, by_line=by_line)):
            made[-1].append(piece)
        else:
            made.append([piece])
    if len(made) > 1 and _is_short(made[-1]) and _go_together(made[-2], made[-1][0]):
        made[-2:] = [made[-2] + made[-1]]
    return [_one(group) for group in made]


def _joins(group: Sequence[Piece], piece: Piece, *, by_line: bool) -> bool:
    """Whether a piece goes with a group that is long enough without it."""
    if by_line:
        return group[-1].line == piece.line
    return _is_short([piece]) and _length(group) < _ENOUGH_CHARS


def _go_together(group: Sequence[Piece], piece: Piece) -> bool:
    return group[-1].voice == piece.voice and not group[-1].is_parted


def _length(pieces: Sequence[Piece]) -> int:
    return sum(len(piece.spoken) for piece in pieces) + len(pieces) - 1


def _is_short(pieces: Sequence[Piece]) -> bool:
    return _length(pieces) < SHORT_CHARS


def _one(pieces: Sequence[Piece]) -> Piece:
    if len(pieces) == 1:
        return pieces[0]
    spoken, written = pieces[0].spoken, pieces[0].written
    for before, piece in pairwise(pieces):
        is_line = piece.line > before.line
        spoken += f"{',' * bool(is_line and _NO_STOP.search(spoken))} {piece.spoken}"
        written += f"{chr(10) if is_line else ' '}{piece.written}"
    return replace(pieces[-1], spoken=spoken, written=written, line=pieces[0].line)


def _tidy(text: str) -> str:
    return " ".join(text.split())

"""What templates are given of rows: texts that are highlighted as they are heard, and players."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from actors.word_errors import words_of
from reports.clips import Clip, Level
from reports.differences import Difference, differences

MAX_TEXT_CHARS = 4_000  # of a row
_MAX_SPANS = 400
_MAX_WORDS = 400  # that are compared


@dataclass(frozen=True)
class Span:
    """A piece of a text and when it is heard, in seconds; ``speaker`` is named before it, where that changes."""

    text: str
    start_s: float
    end_s: float
    speaker: str | None = None


@dataclass(frozen=True)
class Player:
    """What plays: the name of the ``<audio>`` element, from when to when, and its waveform, if it has one."""

    audio: str
    start_s: float
    end_s: float
    waveform: str | None = None


@dataclass(frozen=True)
class RowView:
    """A row as it is shown.

    Attributes:
        id: of the row.
        spans: its text in pieces with times; without any, ``text`` is shown.
        text: as much as is shown.
        left_out: how many of its characters are not.
        facts: what is known of it, as name and value.
        why: what is wrong with it.
        note: what its job says of it.
        heard: what was heard of it when it was transcribed again.
        differences: of that to what was to be said, of a row that was verified.
        clip: its sound.
        player: which of it plays.
    """

    id: str
    spans: Sequence[Span]
    text: str
    left_out: int
    facts: Sequence[tuple[str, str]]
    why: Sequence[str] = ()
    note: str | None = None
    heard: str | None = None
    differences: Sequence[Difference] = ()
    clip: Clip | None = None
    player: Player | None = None


def row_view(
    number: int, row: Mapping[str, Any], clip: Clip | None, level: Level | None = None, why: Sequence[str] = ()
) -> RowView:
    """Return a row's view; ``number`` names its player on the page."""
    text = row.get("text") or ""
    pieces = _spans(row)
    spans = _shown(pieces, clip.seconds if clip and clip.cut else None)
    whole = sum(len(span.text) for span in pieces) if spans else len(text)
    shown = sum(len(span.text) for span in spans) if spans else min(len(text), MAX_TEXT_CHARS)
    heard = row.get("heard")
    return RowView(
        id=row.get("id") or "",
        spans=spans,
        text=text[:MAX_TEXT_CHARS],
        left_out=whole - shown,
        facts=list(_facts(row, level)),
        why=why,
        note=row.get("error"),
        heard=heard if isinstance(heard, str) else None,
        differences=list(_differences(row)),
        clip=clip,
        player=Player(f"sound-{number}", 0.0, clip.seconds, clip.waveform) if clip else None,
    )


def _differences(row: Mapping[str, Any]) -> Iterable[Difference]:
    """Return where a row that was verified (:mod:`actors.verifying`) was heard wrong; nothing where all of it is right."""
    heard, said = row.get("heard"), row.get("spoken_text") or row.get("text") or ""
    if row.get("take") is None or not row.get("word_error_rate") or not isinstance(heard, str):
        return ()
    return differences(words_of(said)[:_MAX_WORDS], words_of(heard)[:_MAX_WORDS])


def _spans(row: Mapping[str, Any]) -> list[Span]:
    """Return the pieces of a row's text: chunks of what was spoken, segments of what was heard."""
    if row.get("segments"):
        found = [Span(s["text"], s["start"], s["end"], s["speaker"]) for s in row["segments"]]
        before = [None, *(span.speaker for span in found)]
        return [
            Span(span.text, span.start_s, span.end_s, span.speaker if span.speaker != last else None)
            for span, last in zip(found, before, strict=False)
        ]
    return [Span(c["text"] or "", c["start_s"], c["end_s"]) for c in row.get("chunks") or ()]


def _shown(spans: Iterable[Span], until_s: float | None) -> list[Span]:
    shown: list[Span] = []
    chars = 0
    for span in spans:
        chars += len(span.text)
        if shown and (chars > MAX_TEXT_CHARS or len(shown) == _MAX_SPANS or (until_s is not None and span.start_s >= until_s)):
            break
        shown.append(Span(span.text[:MAX_TEXT_CHARS], span.start_s, span.end_s, span.speaker))
    return shown


def signed(value: float) -> str:
    """Return a level with a minus sign that is as wide as a digit."""
    return f"{value:.1f}".replace("-", "\u2212")


def _facts(row: Mapping[str, Any], level: Level | None) -> Iterable[tuple[str, str]]:
    duration, text = row.get("duration_s"), row.get("spoken_text") or row.get("text") or ""
    if duration:
        yield "lasts", f"{duration:,.1f} s"
        yield "speed", f"{len(text) / duration:.1f} characters/s"
    if level is not None:
        yield "loudness", "silent" if level.lufs < -70 else f"{signed(level.lufs)} LUFS"
        yield "peak", f"{signed(level.peak_dbfs)} dBFS"
    rate = row.get("word_error_rate")
    if isinstance(rate, float):
        yield "word errors", f"{rate:.0%}"
    take = row.get("take")
    if isinstance(take, int) and take:
        yield "take", f"{take + 1}"
    for name, label in (("voice", "voice"), ("language", "language"), ("finish_reason", "ended by")):
        if row.get(name):
            yield label, str(row[name])

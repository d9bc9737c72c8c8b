"""Segments as files: SubRip, WebVTT, plain text, JSON."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

from actors.requests import Segment

TranscriptFormat = Literal["srt", "vtt", "txt", "json"]
TRANSCRIPT_FORMATS: tuple[TranscriptFormat, ...] = get_args(TranscriptFormat)

_SHORTEST_S = 0.001  # players skip a cue that does not last


def render(transcript_format: TranscriptFormat, row: Mapping[str, Any]) -> str:
    """Return the file of an output row of ``transcribe_dataset`` that is ``ok``."""
    segments = [Segment(**values) for values in row["segments"]]
    if transcript_format == "json":
        return to_json(row)
    renderers: dict[TranscriptFormat, Callable[[Sequence[Segment]], str]] = {"srt": to_srt, "vtt": to_vtt, "txt": to_txt}
    return renderers[transcript_format](segments)


def to_srt(segments: Sequence[Segment]) -> str:
    """SubRip: numbered cues, the speaker in front of the words."""
    cues = [
        f"{number}\n{_clock(segment.start, ',')} --> {_clock(_end(segment), ',')}\n{_speaker(segment)}{_line(segment)}\n"
        for number, segment in enumerate(segments, 1)
    ]
    return "\n".join(cues)


def to_vtt(segments: Sequence[Segment]) -> str:
    """WebVTT: the speaker as a voice span."""
    cues = [f"\n{_clock(segment.start, '.')} --> {_clock(_end(segment), '.')}\n{_voice(segment)}\n" for segment in segments]
    return "WEBVTT\n" + "".join(cues)


def to_txt(segments: Sequence[Segment]) -> str:
    """A line a segment, the speaker in front."""
    return "".join(f"{_speaker(segment)}{_line(segment)}\n" for segment in segments)


def to_json(row: Mapping[str, Any]) -> str:
    """The row's transcript with its times, speakers and how it came about."""
    names = ("id", "path", "duration_s", "language", "text", "segments", "finish_reason", "model")
    return json.dumps({name: row[name] for name in names}, ensure_ascii=False, indent=1) + "\n"


def _speaker(segment: Segment) -> str:
    return "" if segment.speaker is None else f"Speaker {_flat(segment.speaker)}: "


def _voice(segment: Segment) -> str:
    text = _escape(_line(segment))
    return text if segment.speaker is None else f"<v Speaker {_escape(_flat(segment.speaker))}>{text}"


def _line(segment: Segment) -> str:
    # A blank line would end the cue, and an arrow is a cue's times.
    return _flat(segment.text).replace("-->", "→") or "…"


def _flat(text: str) -> str:
    return " ".join(text.split())


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _end(segment: Segment) -> float:
    return max(segment.end, segment.start + _SHORTEST_S)


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{point}{rest % 1000:03d}"

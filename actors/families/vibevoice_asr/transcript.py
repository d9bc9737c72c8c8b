"""Reads what a model wrote as a transcript, also where it is not quite the JSON that was asked for.

VibeVoice-ASR answers ``[{"Start":0,"End":5.86,"Speaker":0,"Content":"…"},…]``. Seen in practice: the role's name or a code
fence in front, keys as in the question ("Start time"), a list that breaks off, quotation marks that are not escaped, no speaker
where nobody speaks.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from actors.requests import Segment

_KEYS = {
    "start": ("Start", "Start time", "start", "start_time"),
    "end": ("End", "End time", "end", "end_time"),
    "speaker": ("Speaker", "Speaker ID", "speaker", "speaker_id"),
    "text": ("Content", "content", "text"),
}
_NOBODY = ("", "N/A", "None", "null")
_DECODER = json.JSONDecoder(strict=False)  # line ends inside of strings are let through

# An object whose text has quotation marks that are not escaped: it ends where the next one begins, or the list does.
_LOOSE_OBJECT = re.compile(
    r'\{\s*"Start(?: time)?"\s*:\s*(?P<start>[^,{}]*?)\s*,\s*"End(?: time)?"\s*:\s*(?P<end>[^,{}]*?)\s*,'
    r'(?:\s*"Speaker(?: ID)?"\s*:\s*(?P<speaker>[^,{}]*?)\s*,)?\s*"Content"\s*:\s*"(?P<text>.*?)"\s*\}(?=\s*(?:,\s*\{|\]|$))',
    re.DOTALL,
)


def parse_transcript(answer: str) -> list[Segment] | None:
    """Return the complete segments of an answer in their order; ``None`` if it is no list of segments at all.

    A segment without a text or with a time that is no number is left out; one that ends before it starts ends where it starts.
    """
    if "[" not in answer and "{" not in answer:
        return None
    objects = list(_objects(answer))
    if not objects:
        return [] if re.search(r"\[\s*\]", answer) else None
    return [segment for values in objects if (segment := _segment(values))]


def _objects(answer: str) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a list; what is between them, or broken, is skipped."""
    position = answer.find("{")
    while position >= 0:
        try:
            found, end = _DECODER.raw_decode(answer, position)
        except (ValueError, RecursionError):
            loose = _LOOSE_OBJECT.match(answer, position)
            end = loose.end() if loose else position + 1
            found = loose.groupdict() if loose else {}
        if isinstance(found, dict) and found:
            yield found
        position = answer.find("{", end)


def _segment(values: Mapping[str, Any]) -> Segment | None:
    start, end = _seconds(_value(values, "start")), _seconds(_value(values, "end"))
    text = _value(values, "text")
    if start is None or end is None or not isinstance(text, str):
        return None
    speaker = _value(values, "speaker")
    label = None if speaker is None else str(speaker).strip().strip('"')
    return Segment(start, max(start, end), None if label in _NOBODY else label, text.strip())


def _value(values: Mapping[str, Any], name: str) -> Any:
    return next((values[key] for key in (*_KEYS[name], name) if values.get(key) is not None), None)


def _seconds(value: Any) -> float | None:
    """Read 5.86, "5.86" or "1:02:05.86"."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        parts = [float(part) for part in str(value).strip().strip('"').split(":")]
    except ValueError:
        return None
    seconds = sum(part * 60.0**i for i, part in enumerate(reversed(parts)))
    return seconds if len(parts) <= 3 and math.isfinite(seconds) and seconds >= 0 else None

"""Tells what cannot be the speech of its text: far too long or too short for it, cut at the longest length, or of no words.

The bounds are wide: numbers that expand, acronyms that are spelled, pauses, slow and fast voices of any language are within.
The embedded voice needs at most 0.45 of the most and at least 2.7 times the least, over 570 chunks of all these kinds. What is
outside is a model that went on and on, or gave up.
"""

import re
import unicodedata
from collections.abc import Sequence

from actors.requests import SynthesisResult, TextChunk

MAX_UNREADABLE_CHARS = 2_000  # of a text: spelled, they take half an hour

# The most seconds that a speaker takes: for how a chunk begins and ends, and for each of its characters by kind.
_MOST_AROUND_S = 4.0
_MOST_S = {"letter": 0.2, "spelled": 1.0, "digit": 1.0, "syllable": 0.7, "sign": 1.2, "pause": 0.8, "other": 0.1}
# The least: a fast speaker says 25 letters in a second. Signs and pauses may be silent, many digits one word.
_LEAST_S = {"letter": 1 / 40, "spelled": 1 / 40, "digit": 1 / 40, "syllable": 1 / 16}
_SMALLEST_LEAST_S = 0.5  # below, it says nothing: a word may be swallowed

_SPELLED = re.compile(r"(?<![^\W_])[^\W\d_](?![^\W_])|[A-Z]{2,}")  # letters that stand alone, and acronyms
# Scripts in which a character is a syllable or a word, and others that write words without spaces.
_SYLLABLES = "\u1100-\u11ff\u1200-\u139f\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uff9d\U0001b000-\U0003ffff"
_UNSPACED = "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u1b00-\u1b7f\ua980-\ua9df\uaa60-\uaadf"
_PAUSES = '.,;:!?\u2026\n\\-\u2010-\u2015()"\u3001\u3002\uff01\uff0c\uff1a\uff1b\uff1f\u0964'
# What front ends leave out: rulers, bullets, boxes, emoji.
_SILENT = "_*#|\u2500-\u27bf\U0001f000-\U0001faff"

_KINDS = {kind: re.compile(f"[{characters}]") for kind, characters in (("pause", _PAUSES), ("syllable", _SYLLABLES))}
_LONG_RUN = re.compile(
    rf"(?P<address>\b[A-Za-z][A-Za-z0-9+.-]{{0,15}}://\S{{100,}})|[^\s{_PAUSES}{_SYLLABLES}{_UNSPACED}{_SILENT}]{{32,}}"
)
_LONGEST_WORD = 85  # a hill in New Zealand has so many letters; German law has had a word of 79
_CODE_CHANGES = 8  # between letters and digits; a checksum has more
_WORD = re.compile(r"\w+")
_RULER = re.compile(r"(\W)\1{40}")  # some signs have names
_DRAWN_OUT = re.compile(r"(\w)\1{2,}")
_CHANGE = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")

_SHOWN_CHARS = 40


def judge(result: SynthesisResult, text: str) -> tuple[str, str | None]:
    """Return the finish reason of a row that speaks ``text``, and what there is to say of it; ``None`` if all is well."""
    if result.finish_reason == "length":
        return "length", cut_short(result.chunks)
    reason = doubt(text, result.chunks)
    return (result.finish_reason if reason is None else "suspicious"), reason


def doubt(text: str, chunks: Sequence[TextChunk]) -> str | None:
    """Return why speech is suspicious, in a sentence; ``None`` if it is not."""
    for number, chunk in enumerate(chunks, 1):
        least, most = seconds_range(chunk.text)
        if chunk.text and not least <= chunk.end_s - chunk.start_s <= most:
            return (
                f"chunk {number} of {len(chunks)} took {_measured(chunk)}: {least:.1f} to {most:.1f} s were expected; "
                "listen to it, or try another seed"
            )
    spoken, least = sum(chunk.end_s - chunk.start_s for chunk in chunks), seconds_range(_DRAWN_OUT.sub(r"\1\1", text))[0]
    if spoken < least / 2:  # what a front end leaves out is in no chunk
        return f"the text has {len(text)} characters, and its speech {spoken:.1f} s: the model cannot read most of it"
    if words := unreadable_words(text):
        return f"the text has a word of {len(words[0])} characters ({_shown(words[0])}), which was spelled or cut somewhere"
    return None


def cut_short(chunks: Sequence[TextChunk]) -> str:
    """Return how far the speech got whose chunks were not all spoken to their end, in a sentence."""
    number, chunk = next((pair for pair in enumerate(chunks, 1) if pair[1].finish_reason == "length"), (1, chunks[0]))
    cut = sum(chunk.finish_reason == "length" for chunk in chunks)
    return (
        f"{cut} of {len(chunks)} chunks reached the longest length before their end, the first of them, chunk {number}, after "
        f"{_measured(chunk)}, {chunk.end_s:.1f} s into the audio; try another seed or a shorter text"
    )


def unreadable_words(text: str) -> list[str]:
    """Return what in a text is no word that somebody could say: encoded data, checksums, long addresses."""
    return [match[0] for match in _LONG_RUN.finditer(text) if match["address"] or _is_data(match[0])]


def seconds_range(text: str) -> tuple[float, float]:
    """Return the least and the most seconds that anybody would take to say ``text``."""
    kinds = [_kind(character) for character in text]
    for match in _SPELLED.finditer(text):
        kinds[match.start() : match.end()] = ["spelled"] * len(match[0])
    least = sum(_LEAST_S.get(kind, 0.0) for kind in kinds)
    return least if least >= _SMALLEST_LEAST_S else 0.0, _MOST_AROUND_S + sum(_MOST_S[kind] for kind in kinds)


def _is_data(run: str) -> bool:
    longest = max((len(word) for word in _WORD.findall(run)), default=0)
    return longest > _LONGEST_WORD or len(_CHANGE.findall(run)) >= _CODE_CHANGES or _RULER.search(run) is not None


def _kind(character: str) -> str:
    if kind := next((kind for kind, pattern in _KINDS.items() if pattern.match(character)), None):
        return kind
    return {"L": "letter", "N": "digit", "P": "sign", "S": "sign"}.get(unicodedata.category(character)[0], "other")


def _measured(chunk: TextChunk) -> str:
    return f"{chunk.end_s - chunk.start_s:.1f} s for {len(chunk.text)} characters ({_shown(chunk.text)})"


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "\u2026")

# ruff: noqa: RUF001 (the tables of this module list look-alike characters on purpose)
"""Segments as files: SubRip, WebVTT, plain text, JSON.

Long segments become several cues of short lines. Subtitles usually keep to two lines of 42 characters, of which people read 17
a second (BBC and Netflix guidelines); characters of East Asian scripts are two wide (Unicode Standard Annex 11).
"""

import json
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any, Literal

from actors.requests import Segment, Word

TranscriptFormat = Literal["srt", "vtt", "txt", "json"]

_SHORTEST_S = 0.001  # players skip a cue that does not last

# What a break between cues costs beside one behind a sentence, in shares of an empty cue, and what another cue costs.
_BEHIND_CLAUSE, _BEHIND_WORD, _WITHIN_WORD, _ANOTHER_CUE = 0.2, 1.0, 2.0, 0.2
_SENTENCE_ENDS, _CLAUSE_ENDS, _CLOSERS = ".!?…。！？．؟۔।", ",;:–—、，；：،؛", "\"'”’»)]」』）】》〉"

# Scripts that write no spaces between words break anywhere, but not before or behind these (JIS X 4051, in short).
_NO_SPACES = ("CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "HALFWIDTH KATAKANA", "BOPOMOFO", "THAI", "LAO", "KHMER", "MYANMAR")
_NOT_FIRST = frozenset(
    "、。，．！？：；・…—ー々ゝゞヽヾぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ」』）】》〉〕｝］ะาำๆฯ"
) | frozenset(_CLOSERS)
_DASHES = "\u2014\u2013-"
_NOT_LAST = frozenset("「『（【《〈〔｛［“‘«([เแโใไ")

# Of grapheme clusters, beyond marks: what is joined with what is before it.
_JOINER, _VIRAMA = "\u200d", 9  # a virama's canonical combining class
_EXTENDING = frozenset("ำຳﾞﾟ") | frozenset(map(chr, range(0x1F3FB, 0x1F400)))  # and skin tones
_FLAG_LETTERS = frozenset(map(chr, range(0x1F1E6, 0x1F200)))
_JAMO, _FIRST_VOWEL = "".join(map(chr, range(0x1100, 0x1200))), 0x60


@dataclass(frozen=True)
class CueLimits:
    """What fits on a screen; 0 is no limit.

    Attributes:
        line_chars: characters in a line; an East Asian one counts as two.
        lines: lines of a cue; with 0 a segment stays one cue, however many lines it has.
        chars_per_second: a cue that must be read faster stays on into the free time behind it.
    """

    line_chars: int = 42
    lines: int = 2
    chars_per_second: float = 17.0


UNLIMITED = CueLimits(0, 0, 0.0)


@dataclass(frozen=True)
class Cue:
    """What is on the screen from ``start`` to ``end``, in seconds.

    ``voice`` is who speaks, as it is shown; ``width`` is that of what is said: the voice is not.
    """

    start: float
    end: float
    voice: str | None
    lines: tuple[str, ...]
    width: int


@dataclass(frozen=True)
class _Atom:
    """What is not broken: a word, or a character of a script without spaces. ``cost`` is that of a break behind it."""

    text: str
    space: bool  # there is one behind it
    width: int
    cost: float


def render(transcript_format: TranscriptFormat, row: Mapping[str, Any], limits: CueLimits = UNLIMITED) -> str:
    """Return the file of an output row of ``transcribe_dataset`` that is ``ok``; ``limits`` are those of SRT and VTT."""
    segments = [Segment(**values) for values in row["segments"]]
    if transcript_format == "json":
        return to_json(row)
    if transcript_format == "txt":
        return to_txt(segments)
    words = [Word(**values) for values in row.get("words") or ()]
    renderers: dict[TranscriptFormat, Callable[..., str]] = {"srt": to_srt, "vtt": to_vtt}
    return renderers[transcript_format](segments, limits, row["duration_s"], words)


def to_srt(
    segments: Sequence[Segment],
    limits: CueLimits = UNLIMITED,
    duration_s: float | None = None,
    words: Sequence[Word] = (),
) -> str:
    """SubRip: numbered cues, the speaker in front of the words."""
    cues = cues_of(segments, limits, duration_s, words, named=True)
    return "\n".join(srt_cue(number, cue) for number, cue in enumerate(cues, 1))


def to_vtt(
    segments: Sequence[Segment],
    limits: CueLimits = UNLIMITED,
    duration_s: float | None = None,
    words: Sequence[Word] = (),
) -> str:
    """WebVTT: the speaker as a voice span."""
    cues = cues_of(segments, limits, duration_s, words, named=False)
    return "WEBVTT\n" + "".join(f"\n{vtt_cue(cue)}" for cue in cues)


def to_txt(segments: Sequence[Segment]) -> str:
    """A line a segment, the speaker in front."""
    return "".join(f"{_speaker(segment)}{_line(segment)}\n" for segment in segments)


def to_json(row: Mapping[str, Any]) -> str:
    """The row's transcript with its times, speakers and how it came about."""
    names = ("id", "path", "duration_s", "language", "text", "segments", "words", "finish_reason", "model")
    return json.dumps({name: row.get(name) for name in names}, ensure_ascii=False, indent=1) + "\n"


def srt_cue(number: int, cue: Cue) -> str:
    """A cue of SubRip; a blank line goes between two."""
    return f"{number}\n{_times(cue, ',')}\n{chr(10).join(cue.lines)}\n"


def vtt_cue(cue: Cue) -> str:
    """A cue of WebVTT, its voice as a span; a blank line goes before each."""
    return f"{_times(cue, '.')}\n{_voiced(cue)}\n"


def cues_of(
    segments: Sequence[Segment],
    limits: CueLimits,
    duration_s: float | None = None,
    words: Sequence[Word] = (),
    *,
    named: bool,
) -> list[Cue]:
    """Segments as cues that keep to the limits; with ``named``, the speaker is in front of the words.

    A segment that is several cues is cut at the times of ``words``, if these are its text; else by shares of what is said.
    """
    cues = [cue for segment in segments for cue in _split(segment, limits, _letter_times(segment, words), named=named)]
    return cues if not limits.chars_per_second else _linger(cues, limits.chars_per_second, duration_s)


def _letter_times(segment: Segment, words: Sequence[Word]) -> Sequence[float]:
    """Return when each character of a segment begins, spaces not counted; nothing if its words are not its text."""
    first = bisect_left(words, segment.start - _SHORTEST_S, key=lambda word: word.start)
    stop = bisect_right(words, segment.end + _SHORTEST_S, key=lambda word: word.start)
    said, heard = "".join(segment.text.split()), "".join("".join(word.text.split()) for word in words[first:stop])
    begin = heard.find(said) if said else -1
    if begin < 0:
        return ()
    starts = [word.start for word in words[first:stop] for character in word.text if not character.isspace()]
    return starts[begin : begin + len(said)]


def _split(segment: Segment, limits: CueLimits, letters: Sequence[float], *, named: bool) -> Iterator[Cue]:
    """Yield a segment as cues by the times of its letters, or as shares of it; the first has the speaker's name."""
    name = _speaker(segment) if named else ""
    if not limits.line_chars:
        yield Cue(segment.start, _end(segment), _voice(segment), (name + _line(segment),), _width(_line(segment)))
        return
    atoms = _atoms(_line(segment), limits.line_chars, name)
    groups = _group(atoms, limits)
    widths = [_width(_joined(group)) for group in groups]
    widths[0] = max(1, widths[0] - _width(name))
    total, lasts = sum(widths), max(segment.end - segment.start, _SHORTEST_S * len(groups))
    shares = [0.0, *(done / total for done in accumulate(widths))]
    times = [segment.start + lasts * share for share in shares]
    if letters:
        before = [*accumulate(len("".join(_joined(group).split())) for group in groups[:-1])]
        inner = [letters[count - len("".join(name.split()))] for count in before]
        times = [segment.start, *(min(max(time, segment.start), segment.end) for time in inner), times[-1]]
    for group, width, start, end in zip(groups, widths, times[:-1], times[1:], strict=True):
        yield Cue(start, max(end, start + _SHORTEST_S), _voice(segment), _balanced(group, limits.line_chars), width)


def _linger(cues: Sequence[Cue], rate: float, duration_s: float | None) -> list[Cue]:
    """Let cues that are hard to read stay until the next one, or the recording's end."""
    starts = sorted(cue.start for cue in cues)

    def free(cue: Cue) -> float:
        following = bisect_right(starts, cue.start)
        return starts[following] if following < len(starts) else duration_s or cue.end

    return [replace(cue, end=max(cue.end, min(cue.start + cue.width / rate, free(cue)))) for cue in cues]


def _group(atoms: Sequence[_Atom], limits: CueLimits) -> list[Sequence[_Atom]]:
    """Break a text into cues that fit: as few, as full and as much behind sentences and clauses as may be."""
    if not limits.lines:
        return [atoms]
    room = limits.line_chars * limits.lines
    best = [0.0, *[float("inf")] * len(atoms)]
    begins = [0] * (len(atoms) + 1)
    for first in range(len(atoms)):
        for stop, width in _fitting(atoms, first, limits):
            cost = best[first] + (1 - width / room) ** 2 + _ANOTHER_CUE + (atoms[stop - 1].cost if stop < len(atoms) else 0)
            if cost < best[stop]:
                best[stop], begins[stop] = cost, first
    breaks = [len(atoms)]
    while breaks[-1]:
        breaks.append(begins[breaks[-1]])
    return [atoms[first:stop] for first, stop in pairwise(reversed(breaks))]


def _fitting(atoms: Sequence[_Atom], first: int, limits: CueLimits) -> Iterator[tuple[int, int]]:
    """Yield up to where a cue from ``first`` on may go, and how wide it is then."""
    lines, line, total = 1, 0, 0
    for i in range(first, len(atoms)):
        space = int(i > first and atoms[i - 1].space)
        total += space + atoms[i].width
        line += space + atoms[i].width
        if line > limits.line_chars and i > first:
            lines, line = lines + 1, atoms[i].width
        if lines > limits.lines:
            return
        yield i + 1, total


def _balanced(atoms: Sequence[_Atom], line_chars: int) -> tuple[str, ...]:
    """Break a cue into lines: as few as may be, and then none longer than it must be."""
    fewest = len(_wrapped(atoms, line_chars))
    shortest, longest = max(atom.width for atom in atoms), line_chars
    while shortest < longest:
        middle = (shortest + longest) // 2
        shortest, longest = (shortest, middle) if len(_wrapped(atoms, middle)) <= fewest else (middle + 1, longest)
    return tuple(_joined(line) for line in _wrapped(atoms, longest))


def _wrapped(atoms: Sequence[_Atom], line_chars: int) -> list[list[_Atom]]:
    """Fill lines one after the other."""
    lines: list[list[_Atom]] = [[]]
    width = 0
    for atom in atoms:
        space = int(bool(lines[-1]) and lines[-1][-1].space)
        if lines[-1] and width + space + atom.width > line_chars:
            lines.append([])
            width = space = 0
        lines[-1].append(atom)
        width += space + atom.width
    return lines


def _joined(atoms: Sequence[_Atom]) -> str:
    return "".join(atom.text + " " * atom.space for atom in atoms).removesuffix(" ")


def _atoms(text: str, line_chars: int, name: str) -> list[_Atom]:
    """Cut a text where it may be broken. A speaker's name stays with the first word if both fit in a line."""
    words = text.split()
    first = next(_parts(words[0]))
    if _width(name + first) <= line_chars:
        words[0] = name + words[0]
    else:
        words = [*name.split(), *words]
    atoms: list[_Atom] = []
    for word in words:
        for part in _parts(word):
            *pieces, last = _pieces(part, line_chars)
            atoms += [_Atom(piece, space=False, width=_width(piece), cost=_WITHIN_WORD) for piece in pieces]
            atoms.append(_Atom(last, space=False, width=_width(last), cost=_cost(last)))
        atoms[-1] = replace(atoms[-1], space=True)
    return atoms


def _parts(word: str) -> Iterator[str]:
    """Yield a word in the parts between which it may be broken: one, but in scripts that write no spaces."""
    part, before = "", ""
    for cluster in _clusters(word):
        spaceless = _is_spaceless(before) or _is_spaceless(cluster)
        if part and spaceless and cluster[0] not in _NOT_FIRST and before[-1] not in _NOT_LAST:
            yield part
            part = ""
        part += cluster
        before = cluster
    yield part


def _pieces(part: str, line_chars: int) -> Iterator[str]:
    """Yield what is longer than a line in pieces that are not, cut behind dashes if there are any."""
    piece, width = "", 0
    for cluster in _clusters(part):
        if piece and width + _width(cluster) > line_chars:
            end = max(map(piece.rfind, _DASHES)) + 1 or len(piece)
            yield piece[:end]
            piece = piece[end:]
            width = _width(piece)
        piece += cluster
        width += _width(cluster)
    yield piece


def _cost(text: str) -> float:
    end = text.rstrip(_CLOSERS)[-1:]
    return 0.0 if end in _SENTENCE_ENDS else _BEHIND_CLAUSE if end in _CLAUSE_ENDS else _BEHIND_WORD


def _is_spaceless(cluster: str) -> bool:
    return unicodedata.name(cluster[:1], "").startswith(_NO_SPACES) if cluster else False


def _clusters(text: str) -> list[str]:
    """Return what people take for the characters of a text: nearly Unicode Standard Annex 29."""
    clusters: list[str] = []
    for char in text:
        if clusters and _goes_on(clusters[-1], char):
            clusters[-1] += char
        else:
            clusters.append(char)
    return clusters


def _goes_on(cluster: str, char: str) -> bool:
    last = cluster[-1]
    if unicodedata.category(char) in ("Mn", "Me", "Mc", "Cf") or char in _EXTENDING:
        return True
    if last == _JOINER or (unicodedata.combining(last) == _VIRAMA and char.isalpha()):
        return True
    if last in _FLAG_LETTERS and char in _FLAG_LETTERS:
        return len(cluster) % 2 == 1
    return last in _JAMO and char in _JAMO[_FIRST_VOWEL:]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(cluster[0]) in "WF" else 1 for cluster in _clusters(text))


def _times(cue: Cue, point: str) -> str:
    start = round(cue.start * 1000)
    return f"{_clock(start, point)} --> {_clock(max(round(cue.end * 1000), start + 1), point)}"


def _speaker(segment: Segment) -> str:
    return "" if segment.speaker is None else f"{_voice(segment)}: "


def _voice(segment: Segment) -> str | None:
    return None if segment.speaker is None else f"Speaker {_flat(segment.speaker)}"


def _voiced(cue: Cue) -> str:
    text = _escape("\n".join(cue.lines))
    return text if cue.voice is None else f"<v {_escape(_flat(cue.voice))}>{text}"


def _line(segment: Segment) -> str:
    # A blank line would end the cue, and an arrow is a cue's times.
    return _flat(segment.text).replace("-->", "→") or "…"


def _flat(text: str) -> str:
    return " ".join(text.split())


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _end(segment: Segment) -> float:
    return max(segment.end, segment.start + _SHORTEST_S)


def _clock(milliseconds: int, point: str) -> str:
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{point}{rest % 1000:03d}"

"""Cuts what is spoken into sentences, and says what stood between them; makes of them what a model can speak at a time."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from actors.long_words import MARKS, boundary
from actors.text.edits import Edited
from actors.text.layout import WIDE, Block, Pause, blocks
from actors.text.stops import sentence_ends

__all__ = ["Pause", "Place", "Sentence", "cut_sentences", "pack_sentences", "split_sentence"]

_SPACE = re.compile(r"\s")
_SAID = re.compile(r"[^\W_]")
_WIDE_CLAUSE_MARKS = "\u3001\uff0c\uff1a\uff1b\u060c\u061b"  # and Arabic ones
_HAS_STOP = re.compile(rf"[-.!?\u2026:;,\u2013\u2014\u3002\uff01\uff1f\u061f\u0964\u0965\u06d4{_WIDE_CLAUSE_MARKS}][\W_]*$")
_BREAK = "[\\n\\r\\v\\f\\x1c-\\x1e\\x85\\u2028\\u2029]"
# Where a line goes on without a space: behind a hyphen, and between characters of scripts that have none.
_NO_SPACE = re.compile(rf"(?<=\w-)[ \t]*{_BREAK}\s*(?=[^\W\d_])|(?<=[{WIDE}])(?<![\uac00-\ud7a3])[ \t]*{_BREAK}\s*(?=[{WIDE}])")

# What a long sentence is cut behind: marks of sentences in a quotation, if the word before is no title, and marks of clauses.
_CLOSERS = "[\"')\\]\u201d\u2019\u00bb\u300d\u300f\uff09]*"
_INNER_END = re.compile(rf"(?:[!?\u2026]|(?<=\w\w\w)\.){_CLOSERS} +|[\u3002\uff01\uff1f\u0964]{_CLOSERS}")
_CLAUSE_END = re.compile(rf"[,;:]{_CLOSERS} +|[{_WIDE_CLAUSE_MARKS}]{_CLOSERS}| [\u2013\u2014-]+ +|\u2014(?=\w)")
_LONGEST_CHARACTER = 32  # code points of what people see as one, about
_TOO_LONG = 4  # times the characters that fit: not measured again
_MANY = 8  # sentences are not short, whatever they are


class Place(NamedTuple):
    """Where a sentence stands: ``edited.text[start:end]``; what it was in the source is looked for from ``said`` on."""

    edited: Edited
    start: int
    end: int
    said: int


@dataclass(frozen=True)
class Sentence:
    """A sentence.

    Attributes:
        spoken: what is said.
        written: what of the source it was.
        pause: what stands behind it.
        place: where it stands in the text; ``None`` of several that were joined.
    """

    spoken: str
    written: str
    pause: Pause = Pause.SENTENCE
    place: Place | None = field(default=None, repr=False, compare=False)


def cut_sentences(spoken: Edited, language: str) -> list[Sentence]:
    """Cut a text into sentences; none if there is nothing in it.

    Lines are put together or told apart first (:func:`actors.text.layout.blocks`). A heading, an item or a verse without a mark
    is spoken with a stop, if something follows. Marks without a letter or digit go with the sentence before.

    Args:
        spoken: the text as it is said.
        language: code of its language, without region: ``en``.
    """
    text, written = spoken.text, _Written(spoken)
    parts = (
        part
        for block in blocks(text, written.is_lower)
        for part in _parts(block, sentence_ends(text, block.start, block.end, language, written))
    )
    stop = "\u3002" if language in ("ja", "zh") else "."
    sentences = list(_sentences(spoken, _with_words(text, parts)))
    return [_with_stop(sentence, stop) for sentence in sentences[:-1]] + sentences[-1:]


def split_sentence(sentence: Sentence, fits: Callable[[str], bool]) -> list[Sentence]:
    """Cut a sentence that is too long into few pieces of about one size, each with what was written of it.

    Cuts are behind the marks of sentences (in quotations) or clauses, else at spaces, else within a word. What fits stays
    whole, and so do single characters.

    Args:
        sentence: one of :func:`cut_sentences`; one that was joined stays whole.
        fits: whether a model can speak a text in one go; what is longer than a text that it cannot does not fit either.
    """
    if sentence.place is None or fits(sentence.spoken):
        return [sentence]
    edited, start, end, said = sentence.place
    text = edited.text[start:end]
    stop = sentence.spoken[len(_tidy(text)) :]
    parts = []
    for piece, pause in _cut(_SPACE.sub(" ", text), _capacity(text, fits), fits, sentence.pause):
        if not piece.isspace():
            parts.append(Block(start, start + len(piece), pause))
        start += len(piece)
    *pieces, last = _sentences(edited, parts, said)
    return [*pieces, replace(last, spoken=last.spoken + stop, pause=sentence.pause)]


def pack_sentences(
    sentences: Sequence[Sentence],
    fits: Callable[[str], bool],
    short: Callable[[str], bool] = lambda _: False,
    *,
    alone: bool = False,
) -> list[Sentence]:
    """Join neighbours while they fit, and split those that do not fit: what a model speaks at a time, in order.

    Paragraphs are not joined, unless one of them is short: that goes with the one behind it, or before it if that is nearer.
    What is joined is spoken and written with a space between, and has the pause of its last.

    Args:
        sentences: of :func:`cut_sentences`.
        fits: whether a model can speak a text in one go, as in :func:`split_sentence`.
        short: whether a text is so short that a model loses its way where it stands alone.
        alone: whether sentences stand alone, but for short ones.
    """
    packed: list[Sentence] = []
    for group in _groups(sentences, short):
        pieces = [piece for sentence in group for piece in split_sentence(sentence, fits)]
        # What was cut since it did not fit is not put together again.
        runs = _runs(pieces, lambda piece: piece.pause < Pause.SENTENCE)
        together = [chunk for run in runs for chunk in _with_short(run, short)] if alone else runs
        chunks = [chunk for sentences in together for chunk in _filled(sentences, fits)]
        packed += map(_joined, _evened(chunks, fits, short))
    return packed


class _Written:
    """What was written where something is said."""

    def __init__(self, spoken: Edited) -> None:
        self._spoken = spoken

    def __call__(self, start: int, end: int) -> str:
        return self._spoken.source[slice(*self._spoken.source_span(start, end))]

    def is_lower(self, index: int) -> bool:
        """Whether the word at an index of the text was written in lower case: ``iPhone`` and ``'s Avonds`` were not."""
        text = self._spoken.text
        if not text[index : index + 1].islower() or text[index + 1 : index + 2].isupper():
            return False
        if self._spoken.edits and not self(index, index + 1)[:1].islower():
            return False
        return not (index and text[index - 1] in "'\u2019" and text[index + 1 : index + 3].strip().isupper())


def _parts(block: Block, ends: Iterable[int]) -> Iterator[Block]:
    """Yield the sentences of a block."""
    start = block.start
    for end in ends:
        yield Block(start, end, Pause.SENTENCE)
        start = end
    yield Block(start, block.end, block.pause)


def _with_words(text: str, parts: Iterable[Block]) -> list[Block]:
    """Join parts that have no letter or digit with the one before, at the beginning with the one behind."""
    joined: list[Block] = []
    worded = True
    for part in parts:
        has_word = bool(_SAID.search(text, part.start, part.end))
        if joined and not (has_word and worded):
            joined[-1] = joined[-1]._replace(end=part.end, pause=part.pause)
        else:
            joined.append(part)
            worded = False
        worded = worded or has_word
    return joined


def _sentences(edited: Edited, parts: Iterable[Block], said: int = 0) -> Iterator[Sentence]:
    """Yield the sentences of parts; what was written of one does not begin before ``said``, the end of the last one's."""
    for start, end, pause in parts:
        piece = edited.text[start:end]
        text = piece.strip()
        spoken = _tidy(text)
        begin = start + piece.index(text)
        source_start, source_end = edited.source_span(begin, begin + len(text))
        source = edited.source[max(said, source_start) : source_end]
        yield Sentence(spoken, spoken if source == text else _tidy(source), pause, Place(edited, start, end, said))
        said = max(said, source_end)


def _tidy(text: str) -> str:
    """Return a text in one line, its spaces single."""
    if not text.isascii() or "-" in text:
        text = _NO_SPACE.sub("", text)
    return " ".join(text.split())


def _with_stop(sentence: Sentence, stop: str) -> Sentence:
    if sentence.pause < Pause.LINE or _HAS_STOP.search(sentence.spoken, len(sentence.spoken) - 4):
        return sentence
    return replace(sentence, spoken=sentence.spoken + stop)


def _capacity(text: str, fits: Callable[[str], bool]) -> int:
    """Return about how many characters of a text fit, at least one."""
    low, high = 0, 16
    while high < len(text) and fits(text[:high]):
        low, high = high, 2 * high
    while high - low > 1 + low // 16:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(text[:middle]) else (low, middle)
    return max(low, 1)


def _cut(text: str, capacity: int, fits: Callable[[str], bool], pause: Pause) -> Iterator[tuple[str, Pause]]:
    """Yield the pieces of a text, whose white space is spaces, and what stands behind each; ``pause`` behind the last."""
    if len(text) < 2 or (len(text) <= _TOO_LONG * capacity and fits(_tidy(text))):
        yield text, pause
        return
    count = max(2, -(-len(text) // capacity))
    cut, behind = _best_cut(text, len(text) * (count // 2) // count, len(text) // count, capacity)
    yield from _cut(text[:cut], capacity, fits, behind)
    yield from _cut(text[cut:], capacity, fits, pause)


def _best_cut(text: str, target: int, size: int, capacity: int) -> tuple[int, Pause]:
    """Return where to cut a text near ``target`` into pieces of about ``size``, and what stands there."""
    low, high = max(1, target - size // 4), min(len(text) - 1, target + size // 4)
    for pattern, pause in ((_INNER_END, Pause.SENTENCE), (_CLAUSE_END, Pause.CLAUSE)):
        if (cut := _nearest(pattern, text, low, high, target)) is not None:
            return cut, pause
    before, after = text.rfind(" ", 0, target) + 1, text.find(" ", target) + 1 or len(text)
    if after - before <= capacity:  # the word there fits as it is
        cut = min(before or after, after if after < len(text) else before, key=lambda index: abs(index - target))
        if 0 < cut < len(text):
            return cut, Pause.NONE
    for pattern in MARKS:
        if (cut := _nearest(pattern, text, low, high, target)) is not None:
            return cut, Pause.NONE
    start = max(0, target - _LONGEST_CHARACTER)
    return start + boundary(text[start : target + 2], target - start), Pause.NONE


def _nearest(pattern: re.Pattern[str], text: str, low: int, high: int, target: int) -> int | None:
    """Return the end of a match that is nearest to ``target``, of those from ``low`` to ``high``."""
    ends = (match.end() for match in pattern.finditer(text, max(0, low - 8), high))
    return min((end for end in ends if end >= low), key=lambda end: abs(end - target), default=None)


def _runs(sentences: Iterable[Sentence], is_last: Callable[[Sentence], bool]) -> list[list[Sentence]]:
    """Part sentences behind those that are a run's last."""
    runs: list[list[Sentence]] = []
    ended = True
    for sentence in sentences:
        if ended:
            runs.append([])
        runs[-1].append(sentence)
        ended = is_last(sentence)
    return runs


def _groups(sentences: Iterable[Sentence], short: Callable[[str], bool]) -> list[list[Sentence]]:
    """Return the paragraphs, short ones with the one behind them, or before them if that is nearer or the last."""
    groups: list[list[Sentence]] = []
    for paragraph in _runs(sentences, lambda sentence: sentence.pause >= Pause.PARAGRAPH):
        if groups and _is_short(groups[-1], short):
            if len(groups) > 1 and groups[-2][-1].pause < groups[-1][-1].pause:
                _join_last(groups)
            else:
                groups[-1] += paragraph
                continue
        groups.append(paragraph)
    if len(groups) > 1 and _is_short(groups[-1], short):
        _join_last(groups)
    return groups


def _join_last(groups: list[list[Sentence]]) -> None:
    last = groups.pop()
    groups[-1] += last


def _is_short(sentences: Sequence[Sentence], short: Callable[[str], bool]) -> bool:
    return len(sentences) < _MANY and short(_spoken(sentences))


def _filled(sentences: Sequence[Sentence], fits: Callable[[str], bool]) -> Iterator[Sequence[Sentence]]:
    """Yield neighbours that fit together, as many as do at a time."""
    start = 0
    while start < len(sentences):
        count = _fitting(sentences, start, fits)
        yield sentences[start : start + count]
        start += count


def _with_short(sentences: Iterable[Sentence], short: Callable[[str], bool]) -> list[list[Sentence]]:
    """Return sentences one by one, but short ones with the one before them, at the beginning with the one behind."""
    chunks: list[list[Sentence]] = []
    for sentence in sentences:
        if chunks and (_is_short([sentence], short) or _is_short(chunks[-1], short)):
            chunks[-1].append(sentence)
        else:
            chunks.append([sentence])
    return chunks


def _fitting(sentences: Sequence[Sentence], start: int, fits: Callable[[str], bool]) -> int:
    """Return how many sentences fit from ``start`` on, at least one; measures texts of about twice that, not all of them."""
    left = len(sentences) - start
    low, high = 1, 2
    while high <= left and fits(_spoken(sentences[start : start + high])):
        low, high = high, 2 * high
    high = min(high, left + 1)  # does not fit, or is not there
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(_spoken(sentences[start : start + middle])) else (low, middle)
    return low


def _evened(
    chunks: list[Sequence[Sentence]], fits: Callable[[str], bool], short: Callable[[str], bool]
) -> list[Sequence[Sentence]]:
    """Let a short last chunk have the last sentence of the one before it."""
    if len(chunks) > 1 and len(chunks[-2]) > 1 and _is_short(chunks[-1], short):
        longer = [chunks[-2][-1], *chunks[-1]]
        if fits(_spoken(longer)):
            return [*chunks[:-2], chunks[-2][:-1], longer]
    return chunks


def _joined(sentences: Sequence[Sentence]) -> Sentence:
    if len(sentences) == 1:
        return sentences[0]
    return Sentence(_spoken(sentences), " ".join(each.written for each in sentences if each.written), sentences[-1].pause)


def _spoken(sentences: Iterable[Sentence]) -> str:
    return " ".join(sentence.spoken for sentence in sentences)

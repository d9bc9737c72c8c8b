"""Cuts Soprano's normalised text into sentences, and puts them together to the chunks that it speaks one at a time.

Source: soprano-tts 0.2.0, ``utils/text_splitter.py`` (Apache-2.0, adapted from tortoise-tts, Apache-2.0), oddities included.
But words too long for a chunk, which the original takes apart letter by letter, are cut behind their commas and hyphens.
"""

import re

from actors.families.soprano.text import normalise
from actors.long_words import split_word

_STOP = re.compile(r'[.!?"]')
_STOP_IN_QUOTES = re.compile(r'"|.(?=")')
_SILENT = " .,;:!?"
_LONGEST_PIECE = 40  # of a word without end, in letters: the model loses its way in longer ones


def split_sentences(text: str, max_chars: int = 300) -> list[str]:
    """Split ``text`` after sentences, outside quotation marks; longer ones after the last quotation, mark or word.

    A single word longer than ``max_chars`` loses its letters one by one until the rest fits, as in the original.
    Pieces without a letter, digit or other sign than ``.,;:!?`` are left out.
    """
    text = re.sub(r"[“”]", '"', re.sub(r"\s+", " ", text))
    ahead = text[:-1]  # the original never looks ahead at the last character: it takes it for the end
    pieces = []
    start = end = 0  # the piece being read is text[start:end]
    quotation_end = 0
    in_quotes = False
    while end < len(text):
        limit = max(start + max_chars, end + 1)
        stop = (_STOP_IN_QUOTES if in_quotes else _STOP).search(text, end, limit)
        end = stop.end() if stop else min(limit, len(text))
        in_quotes ^= text[end - 1] == '"'
        if end - start >= max_chars:
            cut = quotation_end or _last_break(text, start, end)
            # One off, as in the original: it forgets the last mark it steps back over and counts the one it stops at.
            in_quotes ^= text.count('"', cut - 1, end - 1) % 2 == 1
            end = cut
        elif in_quotes:
            if ahead[end : end + 1] == '"' and ahead[end + 1 : end + 2] in ("", " "):
                end = quotation_end = end + 2
                in_quotes = False
            continue
        elif text[end - 1] in "!?" or (text[end - 1] == "." and ahead[end : end + 1] in ("", " ")):
            while end < len(text) and end - start < max_chars and ahead[end : end + 1] in ("", "!", "?", "."):
                end += 1
        else:
            continue
        pieces.append(text[start:end])
        start, quotation_end = end, 0
    pieces.append(text[start:])
    return [piece.strip() for piece in pieces if piece.strip(_SILENT)]


def _last_break(text: str, start: int, end: int) -> int:
    """Return the end of the last word in ``text[start:end]``, or of its first character if there is but one word."""
    return max(start, *(text.rfind(mark, start, end) for mark in "!?. ")) + 1


def chunk_text(text: str, min_chars: int = 30, max_chars: int = 300) -> list[str]:
    """Return ``text`` normalised and cut into the pieces that Soprano speaks one at a time; none if it is silent.

    Sentences shorter than ``min_chars`` join the one before, at the beginning the ones behind. As in the original,
    many short sentences in a row make one chunk, which can be longer than ``max_chars``.
    """
    sentences = split_sentences(read_text(text, max_chars), max_chars)
    chunks: list[list[str]] = []
    opening = 0  # characters of the first chunk
    for sentence in sentences:
        if chunks and (len(sentence) < min_chars or opening < min_chars):
            chunks[-1].append(sentence)
        else:
            chunks.append([sentence])
        if len(chunks) == 1:
            opening += len(sentence) + (opening > 0)
    return [" ".join(chunk) for chunk in chunks]


def read_text(text: str, max_chars: int = 300, *, is_read: bool = False) -> str:
    """Return ``text`` normalised, with a space at the latest behind ``max_chars`` characters; empty if it is silent.

    ``is_read`` is that of :func:`~actors.families.soprano.text.normalise`.
    """
    read = _break_endless(normalise(text.strip(), is_read=is_read), max_chars)
    return read if read.strip(_SILENT) else ""


def _break_endless(text: str, max_chars: int) -> str:
    """Put spaces where :func:`split_sentences` finds none to cut at: behind commas, else for hyphens, else anywhere.

    Behind all of a list's commas, as in what the model was trained on: without, it loses its place in the list.
    """
    endless = re.compile(rf"[^.!? ]{{{max_chars},}}")
    longest = max(1, min(max_chars - 1, _LONGEST_PIECE))

    def cut(match: re.Match[str]) -> str:
        pieces = (piece.strip("-") for piece in split_word(match[0], longest))
        return " ".join(piece for piece in pieces if piece)

    return endless.sub(cut, endless.sub(lambda match: match[0].replace(",", ", ").rstrip(), text))

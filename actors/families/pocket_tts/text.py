"""PocketTTS's text front end: what is done to a text before it is tokenized, and how a long one is cut.

Source: pocket-tts 4.0.1, ``models/text_chunking.py`` (MIT). The model was trained on single sentences, so a text is cut at
the ends of sentences, and sentences are put together again up to a number of tokens.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

_MARK_AND_COMMA = re.compile("([.!?\u2026])\\s*[,;:]")
_TERMINAL = ".!?\u2026"
_WEAK = ",;:-\u2013\u2014"
_CLOSERS = "\"'\u201d\u2019)]\u00bb"

_FEW_WORDS = 4
_LOCAL_TOKENS = 16  # around a period: enough to see the characters beside it


@dataclass(frozen=True)
class TextRules:
    """How a checkpoint wants its text; the names are those of its ``config.yaml``."""

    pad_with_spaces_for_short_inputs: bool
    remove_semicolons: bool
    append_terminal_punctuation: bool
    capitalize_first_letter: bool
    replace_characters: dict[str, str]


def prepare_text(text: str, rules: TextRules) -> tuple[str, bool]:
    """Return a text as the model was trained on it, and whether it has few words; empty if nothing is left."""
    text = text.strip()
    if rules.replace_characters:
        text = " ".join(text.translate({ord(old): new for old, new in rules.replace_characters.items()}).split())
        text = _MARK_AND_COMMA.sub(r"\1", text)
    if not text:
        return "", True
    text = text.replace("\n", " ").replace("\r", " ").replace("  ", " ")
    if rules.remove_semicolons:
        text = text.replace(";", ",")
    is_short = has_few_words(text)
    if rules.capitalize_first_letter and not text[0].isupper():
        text = text[0].upper() + text[1:]
    if rules.append_terminal_punctuation:
        text = _end_sentence(text)
    if rules.pad_with_spaces_for_short_inputs and has_few_words(text):
        text = " " * 8 + text
    return text, is_short


def has_few_words(text: str) -> bool:
    """Whether a text is so short that the model needs more frames behind its end."""
    return len(text.split()) <= _FEW_WORDS


def split_text(tokenizer: Tokenizer, text: str, max_tokens: int, rules: TextRules) -> list[str]:
    """Cut a text into pieces of sentences of at most ``max_tokens`` together, each still to be prepared.

    A sentence that is longer is cut behind commas, semicolons and colons; a longer clause stays whole.
    """
    prepared, _ = prepare_text(text, rules)
    ids = _encode(tokenizer, prepared.strip())
    _, *ends = _encode(tokenizer, ".!...?")
    _, *pauses = _encode(tokenizer, ",;:")
    segments: list[tuple[int, str]] = []
    for count, sentence in _segments(tokenizer, ids, ends, spare_decimals=True):
        parts = [(count, sentence)]
        if count > max_tokens:
            parts = _segments(tokenizer, _encode(tokenizer, sentence.strip()), pauses, spare_decimals=False)
        segments += parts if len(parts) > 1 else [(count, sentence)]
    return _group(segments, max_tokens)


def _end_sentence(text: str) -> str:
    """End a text with a mark that ends sentences, before closing quotes and brackets where a weaker mark gives way to it."""
    core = text.rstrip(_CLOSERS + " ")
    closers = text[len(core) :].strip()
    if not core or core[-1] in _TERMINAL:
        return text
    if core[-1] in _WEAK:
        return core.rstrip(_WEAK + " ") + "." + closers
    return text + "."


def _encode(tokenizer: Tokenizer, text: str) -> list[int]:
    ids: list[int] = tokenizer.encode(text).ids
    return ids


def _segments(
    tokenizer: Tokenizer, ids: Sequence[int], boundaries: Collection[int], *, spare_decimals: bool
) -> list[tuple[int, str]]:
    """Cut ``ids`` behind runs of boundary tokens; return the number of tokens and the text of each piece."""
    cuts = (i for i in range(1, len(ids)) if ids[i - 1] in boundaries and ids[i] not in boundaries)
    starts = [0, *(i for i in cuts if not (spare_decimals and _within_decimal(tokenizer, ids, i)))]
    ends = [*starts[1:], len(ids)]
    return [(end - start, tokenizer.decode(ids[start:end])) for start, end in zip(starts, ends, strict=True)]


def _within_decimal(tokenizer: Tokenizer, ids: Sequence[int], index: int) -> bool:
    """Whether the token at ``index`` goes on with a number behind its decimal point."""
    # A few tokens are enough, unless they say next to nothing: unknown characters are left out.
    before = tokenizer.decode(ids[max(0, index - _LOCAL_TOKENS) : index])
    if len(before) <= 2:
        before = tokenizer.decode(ids[:index])
    after = tokenizer.decode(ids[index : index + _LOCAL_TOKENS]) or tokenizer.decode(ids[index:])
    return len(before) >= 2 and before[-1] == "." and before[-2].isdigit() and after[:1].isdigit()


def _group(segments: Sequence[tuple[int, str]], max_tokens: int) -> list[str]:
    """Join segments while their tokens are not more than ``max_tokens``."""
    groups: list[str] = []
    tokens = 0
    for count, text in segments:
        if groups and groups[-1] and tokens + count <= max_tokens:
            groups[-1] += " " + text
            tokens += count
        elif groups and not groups[-1]:
            groups[-1], tokens = text, count
        else:
            groups.append(text)
            tokens = count
    return [group.strip() for group in groups if group]

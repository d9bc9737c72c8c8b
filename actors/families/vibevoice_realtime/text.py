"""Text for VibeVoice-Realtime: what its demo does to it, and where texts are cut that are too long for the model.

Source: microsoft/VibeVoice ``demo/realtime_model_inference_from_file.py`` and ``processor/vibevoice_streaming_processor.py``.
"""

import re

from tokenizers import Tokenizer

from actors.long_words import MARKS, boundary

_QUOTES = str.maketrans({"\u2019": "'", "\u201c": '"', "\u201d": '"'})  # curly ones
_END_OF_TEXT = "\n"  # the model's cue that no text follows
# Ends of sentences with what closes them, of clauses, and of words, then marks in words. Full-width marks need no space behind.
_ENDS = (
    re.compile("(?<=[.!?\u2026])[\"')\\]]*\\s+|(?<=[\u3002\uff01\uff1f])|\n\\s*"),
    re.compile("(?<=[,;:])\\s+|(?<=[\u3001\uff0c\uff1a\uff1b])"),
    re.compile(r"\s+"),
    *MARKS,
)


def tokenize(tokenizer: Tokenizer, text: str) -> list[int]:
    """Return the ids of a chunk of text, the cue for its end among them."""
    ids: list[int] = tokenizer.encode(clean(text) + _END_OF_TEXT, add_special_tokens=False).ids
    return ids


def split_text(tokenizer: Tokenizer, text: str, max_tokens: int) -> list[str]:
    """Cut a text into chunks of at most ``max_tokens`` tokens: after sentences, else clauses, words, marks, letters."""
    return _pack(tokenizer, clean(text), max_tokens, _ENDS)


def clean(text: str) -> str:
    """Return a text as the model was trained on it: with straight quotes, and without space around it."""
    return text.translate(_QUOTES).strip()


def _pack(tokenizer: Tokenizer, text: str, max_tokens: int, ends: tuple[re.Pattern[str], ...]) -> list[str]:
    """Cut at the first kind of end, join neighbours while they fit, and cut what is too long at the next kind."""
    if len(tokenize(tokenizer, text)) <= max_tokens:
        return [text] if text else []
    if not ends:
        middle = boundary(text, len(text) // 2)
        return [*_pack(tokenizer, text[:middle], max_tokens, ()), *_pack(tokenizer, text[middle:], max_tokens, ())]
    chunks: list[str] = []
    start = 0  # of the chunk being filled
    filled = 0  # its end so far
    for end in [*(match.end() for match in ends[0].finditer(text)), len(text)]:
        if filled > start and len(tokenize(tokenizer, text[start:end])) > max_tokens:
            chunks.append(text[start:filled])
            start = filled
        filled = end
    chunks.append(text[start:])
    return [piece for chunk in chunks for piece in _pack(tokenizer, clean(chunk), max_tokens, ends[1:])]

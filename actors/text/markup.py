"""Markup read as text is meant: HTML, SSML, Markdown, and marks of bulletin boards and of Wikipedia's references.

Libraries that read them do not say where in the source a word stood, which subtitles need; therefore these are our own.
"""

import re

from actors.text.edits import Edit, Edited
from actors.text.markdown import markdown_edits
from actors.text.tags import tag_edits

_SIGN = re.compile(r"[<&*_`\[#|>\\~•‣◦▪●○■□➢►]")
_LINE_SIGN = re.compile(r"\n[ \t]*+[-+=]")  # in the first line these signs are looked for apart
_FIRST_SIGNS = ("-", "+", "=")


def markup_edits(text: str) -> list[Edit]:
    """Return the edits that leave of a text with markup what is read. Prose stays as it is.

    Paragraphs, headings, items and rows are parted by a blank line, short pauses are commas.
    """
    if not is_marked(text):
        return []
    edited = Edited(text, tag_edits(text))
    return list(edited.then(markdown_edits(edited.text)).edits)


def is_marked(text: str) -> bool:
    """Whether there are signs in a text that markup is made of."""
    return _SIGN.search(text) is not None or text.lstrip().startswith(_FIRST_SIGNS) or bool(_LINE_SIGN.search(text))
